"""Reads an invoice from JSON, strictly: nothing unknown, nothing twice, no number that is not exact."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from services.documents.formats import values
from services.documents.formats.values import unreadable
from services.documents.model import Invoice, VatCategory
from services.documents.model.schema import FORMAT
from services.documents.model.shape import Shape, has_extensions, shapes
from services.documents.safe import UNPRINTABLE, Unsafe, bounded
from services.kernel.refusals import quoted

_DEPTH_MAX = 32  # of an extension; the model itself is far shallower


def read(data: bytes) -> Invoice:
    """Read a document from anywhere; refuse what does not follow the schema, with its place."""
    try:
        whole = json.loads(
            bounded(data).decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_inexact,
            parse_constant=_inexact,
            parse_int=_whole,
        )
    except Unsafe as error:
        raise unreadable(str(error)) from None
    except UnicodeDecodeError as error:
        raise unreadable(f"the text is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise unreadable(f"no JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise unreadable("no JSON: nested too deeply") from None
    if not isinstance(whole, dict) or whole.pop("format", None) != FORMAT:
        raise unreadable(f'the document does not say "format": "{FORMAT}"')
    invoice: Invoice = decode(Invoice, whole, "$")
    return invoice


def decode(cls: type[Any], said: object, place: str) -> Any:
    """A group of the model from JSON."""
    if not isinstance(said, dict):
        raise unreadable(f"{place}: an object is expected")
    known = shapes(cls)
    fields: dict[str, Any] = {}
    for name, value in said.items():
        here = f"{place}.{name}"
        if name == "extensions" and has_extensions(cls):
            fields[name] = _extensions(value, here)
        elif (shape := known.get(name)) is None:
            raise unreadable(f"{place}: unknown field {quoted(name)}")
        elif not shape.is_many:
            fields[name] = _value(shape, value, here)
        elif isinstance(value, list):
            fields[name] = tuple(_value(shape, each, f"{here}[{index}]") for index, each in enumerate(value, start=1))
        else:
            raise unreadable(f"{here}: a list is expected")
    for name, shape in known.items():
        if shape.is_required and name not in fields:
            raise unreadable(f"{place}: {name} ({', '.join(shape.numbers)}) is missing")
    return cls(**fields)


def _value(shape: Shape, said: object, place: str) -> Any:
    if shape.is_group:
        return decode(shape.kind, said, place)
    if not isinstance(said, str):
        raise unreadable(f"{place}: a string is expected")
    if (value := _KINDS[shape.kind](said)) is None:
        raise unreadable(f"{place}: {quoted(said)} is no {shape.kind.__name__}")
    return value


def _text(said: str) -> str | None:
    return None if not said or UNPRINTABLE.search(said) else said


def _file(said: str) -> bytes | None:
    try:
        return b64decode(said, validate=True)
    except ValueError:
        return None


def _category(said: str) -> VatCategory | None:
    return VatCategory(said) if said in VatCategory._value2member_map_ else None


_KINDS: Mapping[type[Any], Callable[[str], Any]] = {
    str: _text,
    Decimal: values.number,
    date: values.day,
    bytes: _file,
    VatCategory: _category,
}


def _extensions(said: object, place: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise unreadable(f"{place}: an object is expected")
    _bounded_depth(said, place, _DEPTH_MAX)
    return said


def _bounded_depth(said: object, place: str, left: int) -> None:
    if not left:
        raise unreadable(f"{place}: nested too deeply")
    inside = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    for each in inside:
        _bounded_depth(each, place, left - 1)
    for text in (said,) if isinstance(said, str) else tuple(said) if isinstance(said, dict) else ():
        if UNPRINTABLE.search(text):
            raise unreadable(f"{place}: an unprintable character")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's fields; a parser that keeps the last of two would let two readers see two documents."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise unreadable("a field stands twice in one object")
    return found


def _inexact(said: str) -> NoReturn:
    raise unreadable(f"{said[:40]} is written as a number: decimals are strings here, so that they stay exact")


def _whole(said: str) -> int:
    if len(said) > 18:
        raise unreadable("a whole number with more than 18 digits")
    return int(said)

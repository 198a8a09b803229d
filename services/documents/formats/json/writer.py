"""Writes an invoice as JSON; equal invoices give equal bytes."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from json.encoder import encode_basestring
from typing import Any

from services.documents.formats.values import places_of, plain
from services.documents.model import Invoice, Json, VatCategory
from services.documents.model.schema import FORMAT
from services.documents.model.shape import has_extensions, shapes

# A value as text: what it is, the line break and indent of its own lines, the decimals of an amount.
_Write = Callable[[Any, str, int], str]


def write(invoice: Invoice) -> bytes:
    """Write the whole of the model, extensions too; what is not there is left out."""
    whole = _group(invoice, "\n", places_of(invoice.currency))
    return f'{{\n "format": {encode_basestring(FORMAT)},{whole[1:]}\n'.encode()


def encode(group: Any, places: int) -> dict[str, Any]:
    """A group of the model as JSON; its amounts with so many decimals at least."""
    said: dict[str, Any] = json.loads(_group(group, "\n", places))
    return said


def _group(group: Any, indent: str, places: int) -> str:
    within = f"{indent} "
    said = []
    for name, key, drops_empty, write_value in _fields(type(group)):
        value = getattr(group, name)
        if value is not None and (value or not drops_empty):
            said.append(f"{key}{write_value(value, within, places)}")
    return f"{{{within}{f',{within}'.join(said)}{indent}}}" if said else "{}"


_Field = tuple[str, str, bool, _Write]
_FIELDS: dict[type[Any], tuple[_Field, ...]] = {}  # a document has thousands of groups


def _fields(cls: type[Any]) -> tuple[_Field, ...]:
    """Of each field: its name, how that stands in JSON, whether it is left out when empty, how its value is written."""
    if cls not in _FIELDS:
        _FIELDS[cls] = tuple(_looked_up(cls))
    return _FIELDS[cls]


def _looked_up(cls: type[Any]) -> Iterator[_Field]:
    for name, shape in shapes(cls).items():
        one = _group if shape.is_group else _amount if shape.is_amount else _KINDS[shape.kind]
        every = partial(_list, one) if shape.is_many else one
        yield name, f"{encode_basestring(name)}: ", shape.is_many and not shape.is_required, every
    if has_extensions(cls):
        yield "extensions", '"extensions": ', True, _extensions


def _list(write_one: _Write, values: Sequence[Any], indent: str, places: int) -> str:
    within = f"{indent} "
    said = [write_one(each, within, places) for each in values]
    return f"[{within}{f',{within}'.join(said)}{indent}]" if said else "[]"


def _extensions(value: Mapping[str, Json], indent: str, _: int) -> str:
    said = json.dumps(_sorted(value), ensure_ascii=False, indent=1)
    return said.replace("\n", indent)  # a line break within a text is escaped


def _text(value: str, _: str, __: int) -> str:
    return encode_basestring(value)


def _number(value: Decimal, _: str, __: int) -> str:
    return f'"{plain(value)}"'


def _amount(value: Decimal, _: str, places: int) -> str:
    return f'"{plain(value, places)}"'


def _day(value: date, _: str, __: int) -> str:
    return f'"{value.isoformat()}"'


def _file(value: bytes, _: str, __: int) -> str:
    return f'"{b64encode(value).decode("ascii")}"'


_KINDS: Mapping[type[Any], _Write] = {
    str: _text,
    Decimal: _number,
    date: _day,
    bytes: _file,
    VatCategory: _text,
}


def _sorted(value: Json) -> Json:
    """Maps are equal in any order, so they are written in one."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_sorted(each) for each in value]
    return value

"""How a field of the model says which business term of EN 16931 it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"


def term(*numbers: str, means: str) -> Mapping[str, Any]:
    """Metadata of a field: its BT or BG number and what it means to the business.

    A group that several parties share (an address, an allowance or a charge) has one number per use,
    in the order of the class's `GROUPS`.
    """
    return {"numbers": numbers, "means": means, "is_amount": False}


def money(*numbers: str, means: str) -> Mapping[str, Any]:
    """Metadata of a field that holds money, in major units with at most two decimals (BR-DEC)."""
    return {"numbers": numbers, "means": means, "is_amount": True}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document a value stands, in business terms; `part` names an attribute, such as a scheme."""

    path: str
    value: object
    is_amount: bool = False
    part: str = ""


_TERMS: dict[type[Any], tuple[tuple[str, tuple[str, ...], bool], ...]] = {}  # a document has thousands of values


def _terms(cls: type[Any]) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    if cls not in _TERMS:
        _TERMS[cls] = tuple(
            (field.name, field.metadata["numbers"], field.metadata["is_amount"])
            for field in fields(cls)
            if "numbers" in field.metadata
        )
    return _TERMS[cls]


def walk(group: Any, *, path: str = "", number: str = "") -> Iterator[Place]:
    """Yield every value of a document that is present, with its place, such as `BG-25[2]/BT-131`."""
    groups: tuple[str, ...] = getattr(group, "GROUPS", ())
    use = groups.index(number) if number in groups else 0
    for name, numbers, is_amount in _terms(type(group)):
        value = getattr(group, name)
        if value is None or value == ():
            continue
        own = numbers[min(use, len(numbers) - 1)]
        many = isinstance(value, tuple)
        for index, item in enumerate(value if many else (value,), start=1):
            here = f"{path}{own}[{index}]" if many else f"{path}{own}"
            if is_dataclass(item):
                yield from _inside(item, here, own)
            else:
                yield Place(here, item, is_amount)


def _inside(item: Any, here: str, own: str) -> Iterator[Place]:
    """Go into a group; a value with its own attributes (an identifier and its scheme) stays at its term's place."""
    if own.startswith("BT-"):
        for name, numbers, _ in _terms(type(item)):
            if (value := getattr(item, name)) is not None:
                yield Place(here, value, part=numbers[0])
    else:
        yield from walk(item, path=f"{here}/", number=own)

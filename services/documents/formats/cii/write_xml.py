"""Small words for writing CII: an element at a path for a value that is there, nothing for one that is not."""

from datetime import date
from decimal import Decimal
from functools import cache

from services.documents.formats import xml
from services.documents.formats.cii.names import DAY, SPACES
from services.documents.formats.values import plain
from services.documents.formats.xml import Group
from services.documents.model import Identifier

_DAY = xml.marks({"format": DAY})


def name_of(name: str) -> str:
    """The full name of an element; without a prefix it is one of ram."""
    prefix, _, local = name.rpartition(":")
    return f"{{{SPACES[prefix or 'ram']}}}{local}"


@cache
def steps(path: str) -> tuple[str, ...]:
    """The names on a path with their prefixes; the paths are the writer's own, so there are few."""
    return tuple(name if ":" in name or name == "*" else f"ram:{name}" for name in path.split("/"))


def _place(parent: Group, path: str) -> tuple[Group, str]:
    """The group that the last element of a path stands in, opened anew, and that element's name."""
    if "/" not in path:
        return parent, path if ":" in path else f"ram:{path}"
    *way, name = steps(path)
    for each in way:
        parent = xml.group(parent, each)
    return parent, name


def group(parent: Group, path: str) -> Group:
    """Open an element, and those on the way to it, anew."""
    for name in steps(path):
        parent = xml.group(parent, name)
    return parent


def text(parent: Group, path: str, value: str | None, marks: str = "") -> None:
    """Write a text, with attributes that `xml.marks` has written."""
    if value is None:
        return
    parent, name = _place(parent, path)
    parent.append(xml.value(name, value, marks))


def marked(parent: Group, path: str, value: str | None, /, **attributes: str | None) -> None:
    """Write a text with attributes."""
    text(parent, path, value, xml.marks(attributes))


def number(parent: Group, path: str, value: Decimal | None) -> None:
    """Write a percentage with the digits that say something."""
    if value is not None:
        text(parent, path, plain(value))


def quantity(parent: Group, path: str, value: Decimal | None, unit: str) -> None:
    """Write a quantity, of a line or of a price, with its unit."""
    if value is not None:
        text(parent, path, plain(value), xml.marks({"unitCode": unit}))


def day(parent: Group, path: str, value: date | None) -> None:
    """Write a date; the path ends with the element that holds its digits."""
    if value is not None:
        text(parent, path, value.isoformat().replace("-", ""), _DAY)


def identifier(parent: Group, value: Identifier | None) -> None:
    """Write an identifier: a global one with its scheme, or one that only the parties know."""
    if value is not None:
        marked(parent, "GlobalID" if value.scheme else "ID", value.value, schemeID=value.scheme)


class Currency:
    """Writes the amounts of one currency."""

    def __init__(self, places: int) -> None:
        self._places = places

    def amount(self, parent: Group, path: str, value: Decimal | None, marks: str = "") -> None:
        """Write an amount, or a price, with the decimals of its currency, or with more if it has more."""
        if value is not None:
            text(parent, path, plain(value, self._places), marks)

"""Small words for writing CII: an element at a path for a value that is there, nothing for one that is not."""

from datetime import date
from decimal import Decimal

from lxml import etree

from services.invoicing.documents.formats.cii.names import DAY, SPACES
from services.invoicing.documents.formats.values import plain
from services.invoicing.documents.model import Identifier


def name_of(name: str) -> str:
    """The full name of an element; without a prefix it is one of ram."""
    prefix, _, local = name.rpartition(":")
    return f"{{{SPACES[prefix or 'ram']}}}{local}"


def group(parent: etree._Element, path: str) -> etree._Element:
    """Open an element, and those on the way to it, anew."""
    for name in path.split("/"):
        parent = etree.SubElement(parent, name_of(name))
    return parent


def text(parent: etree._Element, path: str, value: str | None, /, **attributes: str | None) -> None:
    """Write a text."""
    if value is None:
        return
    element = group(parent, path)
    element.text = value
    for key, at in attributes.items():
        if at is not None:
            element.set(key, at)


def number(parent: etree._Element, path: str, value: Decimal | None, /, **attributes: str | None) -> None:
    """Write a quantity or a percentage with the digits that say something."""
    if value is not None:
        text(parent, path, plain(value), **attributes)


def day(parent: etree._Element, path: str, value: date | None) -> None:
    """Write a date; the path ends with the element that holds its digits."""
    if value is not None:
        text(
            parent,
            path,
            value.strftime("%Y%m%d") if value.year > 999 else value.isoformat().replace("-", ""),
            format=DAY,
        )


def identifier(parent: etree._Element, value: Identifier | None) -> None:
    """Write an identifier: a global one with its scheme, or one that only the parties know."""
    if value is not None:
        text(parent, "GlobalID" if value.scheme else "ID", value.value, schemeID=value.scheme)


class Currency:
    """Writes the amounts of one currency."""

    def __init__(self, places: int) -> None:
        self._places = places

    def amount(self, parent: etree._Element, path: str, value: Decimal | None, /, **attributes: str | None) -> None:
        """Write an amount, or a price, with the decimals of its currency, or with more if it has more."""
        if value is not None:
            text(parent, path, plain(value, self._places), **attributes)

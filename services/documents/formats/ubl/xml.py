"""Small words for writing UBL: an element for a value that is there, nothing for one that is not."""

from datetime import date
from decimal import Decimal

from services.documents.formats import xml
from services.documents.formats.values import places_of, plain
from services.documents.formats.xml import Group
from services.documents.model import Identifier


def group(parent: Group, name: str) -> Group:
    """Open an aggregate (cac) inside another."""
    opened: Group = [f"cac:{name}"]
    parent.append(opened)
    return opened


def text(parent: Group, name: str, value: str | None) -> None:
    """Write a basic element (cbc)."""
    if value is not None:
        parent.append(xml.value(f"cbc:{name}", value))


def marked(parent: Group, name: str, value: str | None, /, **attributes: str | None) -> None:
    """Write a basic element with attributes."""
    if value is not None:
        parent.append(xml.value(f"cbc:{name}", value, xml.marks(attributes)))


def day(parent: Group, name: str, value: date | None) -> None:
    """Write a date, in ISO form."""
    if value is not None:
        parent.append(f"<cbc:{name}>{value.isoformat()}</cbc:{name}>")


def number(parent: Group, name: str, value: Decimal | None) -> None:
    """Write a percentage with the digits that say something."""
    if value is not None:
        parent.append(f"<cbc:{name}>{plain(value)}</cbc:{name}>")


def quantity(parent: Group, name: str, value: Decimal | None, unit: str | None) -> None:
    """Write a quantity, of a line or of a price, with its unit."""
    if value is not None:
        parent.append(f"<cbc:{name}{xml.marks({'unitCode': unit})}>{plain(value)}</cbc:{name}>")


def identifier(parent: Group, name: str, value: Identifier | None) -> None:
    """Write an identifier with its scheme."""
    if value is not None:
        marked(parent, name, value.value, schemeID=value.scheme)


class Currency:
    """Writes the amounts of one currency."""

    def __init__(self, code: str) -> None:
        self._marks, self._places = xml.marks({"currencyID": code}), places_of(code)

    def amount(self, parent: Group, name: str, value: Decimal | None) -> None:
        """Write an amount, or a price, with the decimals of its currency, or with more if it has more."""
        if value is not None:
            parent.append(f"<cbc:{name}{self._marks}>{plain(value, self._places)}</cbc:{name}>")

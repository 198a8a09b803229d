"""Small words for writing UBL: an element for a value that is there, nothing for one that is not."""

from datetime import date
from decimal import Decimal

from lxml import etree

from services.invoicing.documents.formats.ubl.names import CAC, CBC
from services.invoicing.documents.formats.values import places_of, plain
from services.invoicing.documents.model import Identifier


def group(parent: etree._Element, name: str) -> etree._Element:
    """Open an aggregate (cac) inside another."""
    return etree.SubElement(parent, CAC + name)


def text(parent: etree._Element, name: str, value: str | date | None, /, **attributes: str | None) -> None:
    """Write a basic element (cbc); a date in ISO form."""
    if value is None:
        return
    element = etree.SubElement(parent, CBC + name, {key: at for key, at in attributes.items() if at is not None})
    element.text = value.isoformat() if isinstance(value, date) else value


def number(parent: etree._Element, name: str, value: Decimal | None, /, **attributes: str | None) -> None:
    """Write a quantity, a price's quantity or a percentage with the digits that say something."""
    if value is not None:
        text(parent, name, plain(value), **attributes)


def identifier(parent: etree._Element, name: str, value: Identifier | None) -> None:
    """Write an identifier with its scheme."""
    if value is not None:
        text(parent, name, value.value, schemeID=value.scheme)


class Currency:
    """Writes the amounts of one currency."""

    def __init__(self, code: str) -> None:
        self._code, self._places = code, places_of(code)

    def amount(self, parent: etree._Element, name: str, value: Decimal | None) -> None:
        """Write an amount, or a price, with the decimals of its currency, or with more if it has more."""
        if value is not None:
            text(parent, name, plain(value, self._places), currencyID=self._code)

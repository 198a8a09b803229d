"""Small words for writing UBL: an element for a value that is there, nothing for one that is not."""

from datetime import date
from decimal import Decimal

from lxml import etree

from services.invoicing.documents.formats.ubl.names import CAC, CBC
from services.invoicing.documents.model import Identifier
from services.invoicing.documents.totals import DECIMALS_MAX, decimals
from services.kernel.refusals import Invalid


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


def plain(value: Decimal, places: int = 0) -> str:
    """Write a number so that equal values give equal text: no exponent, no needless zero, at least `places` decimals."""
    whole, _, fraction = f"{value:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    written = f"{whole}.{fraction}" if fraction else whole
    return written.removeprefix("-") if not value else written


class Currency:
    """Writes the amounts of one currency."""

    def __init__(self, code: str) -> None:
        self._code = code
        try:
            self._places = decimals(code)
        except Invalid:  # a document that was read may name a currency that we do not know
            self._places = DECIMALS_MAX

    def amount(self, parent: etree._Element, name: str, value: Decimal | None) -> None:
        """Write an amount, or a price, with the decimals of its currency, or with more if it has more."""
        if value is not None:
            text(parent, name, plain(value, self._places), currencyID=self._code)

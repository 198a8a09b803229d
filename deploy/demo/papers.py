"""Reads invoices and credit notes as any recipient may: plain XML, own paths, exact decimals, nothing of ours."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from lxml import etree

from services.kernel.money import exponent

NS = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
CREDIT_NOTE = "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"
DECIMALS_MAX = 2  # of a document's amounts, whatever the currency (BR-DEC)


class BrokenPaperError(Exception):
    """A document that is no XML, lacks an amount, or does not add up."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document's totals in major units; a credit note's are below zero."""

    number: str
    currency: str
    net: Decimal
    tax: Decimal
    gross: Decimal


def read(file: Path) -> Paper:
    """Read a document and add it up again: lines to net, net by rate to tax, both to the amount due."""
    try:
        root = etree.parse(file, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    except (etree.XMLSyntaxError, OSError) as error:
        raise BrokenPaperError(f"{file.name} is no XML: {error}") from None
    net = _amount(root, "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", file)
    gross = _amount(root, "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", file)
    tax = gross - net
    if _lines(root, file) != net:
        raise BrokenPaperError(f"{file.name}: the lines come to {_lines(root, file)}, the net amount is {net}")
    if _tax(root, file) != tax:
        raise BrokenPaperError(f"{file.name}: tax by rate comes to {_tax(root, file)}, the document says {tax}")
    sign = -1 if root.tag == CREDIT_NOTE else 1
    return Paper(
        number=_text(root, "cbc:ID", file),
        currency=_text(root, "cbc:DocumentCurrencyCode", file),
        net=sign * net,
        tax=sign * tax,
        gross=sign * gross,
    )


def _lines(root: etree._Element, file: Path) -> Decimal:
    return sum((_amount(line, "cbc:LineExtensionAmount", file) for line in _line_elements(root)), Decimal(0))


def _tax(root: etree._Element, file: Path) -> Decimal:
    """Tax by category and rate, rounded once each, from the lines alone."""
    groups: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in _line_elements(root):
        category = "cac:Item/cac:ClassifiedTaxCategory"
        rate = line.findtext(f"{category}/cbc:Percent", "0", NS)
        key = (_text(line, f"{category}/cbc:ID", file), Decimal(rate))
        groups[key] += _amount(line, "cbc:LineExtensionAmount", file)
    unit = Decimal(1).scaleb(-min(DECIMALS_MAX, exponent(_text(root, "cbc:DocumentCurrencyCode", file))))
    return sum(((net * rate / 100).quantize(unit, ROUND_HALF_UP) for (_, rate), net in groups.items()), Decimal(0))


def _line_elements(root: etree._Element) -> list[etree._Element]:
    return [*root.findall("cac:InvoiceLine", NS), *root.findall("cac:CreditNoteLine", NS)]


def _amount(element: etree._Element, path: str, file: Path) -> Decimal:
    try:
        return Decimal(_text(element, path, file))
    except ArithmeticError:
        raise BrokenPaperError(f"{file.name}: {path} is no amount") from None


def _text(element: etree._Element, path: str, file: Path) -> str:
    found = element.findtext(path, namespaces=NS)
    if not found:
        raise BrokenPaperError(f"{file.name} lacks {path}")
    return found

"""Reads invoices and credit notes as any recipient may: XML or a PDF with XML inside, own paths, nothing of ours."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import facturx
from lxml import etree

from services.kernel.money import exponent

SUFFIXES = (".xml", ".pdf")
NS = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
}
CREDIT_NOTE = "381"  # UNTDID 1001
DECIMALS_MAX = 2  # of a document's amounts, whatever the currency (BR-DEC)


class BrokenPaperError(Exception):
    """A document that is no XML, lacks an amount, or does not add up."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """Where a syntax says what we read."""

    number: str
    kind: str
    currency: str
    net: str
    gross: str
    # What follows is said of each line.
    lines: str
    line_net: str
    category: str
    rate: str


_UBL_LINE = "cac:Item/cac:ClassifiedTaxCategory"
_UBL_TOTAL = "cac:LegalMonetaryTotal"
_CII_TOTAL = ".//ram:ApplicableHeaderTradeSettlement/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
_CII_LINE = "ram:SpecifiedLineTradeSettlement"


def _ubl(kind: str) -> Syntax:
    return Syntax(
        number="cbc:ID",
        kind=f"cbc:{kind}TypeCode",
        currency="cbc:DocumentCurrencyCode",
        net=f"{_UBL_TOTAL}/cbc:TaxExclusiveAmount",
        gross=f"{_UBL_TOTAL}/cbc:TaxInclusiveAmount",
        lines=f"cac:{kind}Line",
        line_net="cbc:LineExtensionAmount",
        category=f"{_UBL_LINE}/cbc:ID",
        rate=f"{_UBL_LINE}/cbc:Percent",
    )


SYNTAXES = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": _ubl("Invoice"),
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": _ubl("CreditNote"),
    f"{{{NS['rsm']}}}CrossIndustryInvoice": Syntax(
        number="rsm:ExchangedDocument/ram:ID",
        kind="rsm:ExchangedDocument/ram:TypeCode",
        currency=".//ram:ApplicableHeaderTradeSettlement/ram:InvoiceCurrencyCode",
        net=f"{_CII_TOTAL}/ram:TaxBasisTotalAmount",
        gross=f"{_CII_TOTAL}/ram:GrandTotalAmount",
        lines=".//ram:IncludedSupplyChainTradeLineItem",
        line_net=f"{_CII_LINE}/ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
        category=f"{_CII_LINE}/ram:ApplicableTradeTax/ram:CategoryCode",
        rate=f"{_CII_LINE}/ram:ApplicableTradeTax/ram:RateApplicablePercent",
    ),
}


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
    root = _root(file)
    if (syntax := SYNTAXES.get(str(root.tag))) is None:
        raise BrokenPaperError(f"{file.name} is no invoice: {root.tag}")
    currency = _text(root, syntax.currency, file)
    net, gross = _amount(root, syntax.net, file), _amount(root, syntax.gross, file)
    tax = gross - net
    lines = [
        (_text(line, syntax.category, file), line.findtext(syntax.rate, "0", NS), _amount(line, syntax.line_net, file))
        for line in root.findall(syntax.lines, NS)
    ]
    if (added := sum((amount for *_, amount in lines), Decimal(0))) != net:
        raise BrokenPaperError(f"{file.name}: the lines come to {added}, the net amount is {net}")
    is_credit = _text(root, syntax.kind, file) == CREDIT_NOTE
    taxes = _taxes(lines, currency)
    # A credit note takes of each rate what is left of its invoice, a unit more or less than its own rounding; that all of
    # them come to the invoice is seen in the accounts.
    allowed = _unit(currency) * len(taxes) if is_credit else Decimal(0)
    if abs(sum(taxes) - tax) > allowed:
        raise BrokenPaperError(f"{file.name}: tax by rate comes to {sum(taxes)}, the document says {tax}")
    sign = -1 if is_credit else 1
    return Paper(_text(root, syntax.number, file), currency, sign * net, sign * tax, sign * gross)


def _root(file: Path) -> etree._Element:
    try:
        content = file.read_bytes()
        if file.suffix == ".pdf":
            _, content = facturx.get_xml_from_pdf(content, check_xsd=False)
            if not content:
                raise BrokenPaperError(f"{file.name} has no invoice inside")
        return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, OSError) as error:
        raise BrokenPaperError(f"{file.name} is no XML: {error}") from None


def _taxes(lines: list[tuple[str, str, Decimal]], currency: str) -> list[Decimal]:
    """Tax of each category and rate, rounded once, from the lines alone."""
    groups: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for category, rate, amount in lines:
        groups[(category, Decimal(rate))] += amount
    unit = _unit(currency)
    return [(net * rate / 100).quantize(unit, ROUND_HALF_UP) for (_, rate), net in groups.items()]


def _unit(currency: str) -> Decimal:
    """The least amount that a document can say."""
    return Decimal(1).scaleb(-min(DECIMALS_MAX, exponent(currency)))


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

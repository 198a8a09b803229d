"""The core's business rules that a draft can break, judged on the model before there is a number or a file."""

import re
from collections.abc import Iterator, Sequence

from services.documents.model import (
    CREDIT_NOTE_CODES,
    INVOICE_CODES,
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    InvoiceLine,
    LineAllowance,
    LineCharge,
    Period,
)
from services.documents.rules.finding import Finding, Severity, fatal

_TAX_POINT_CODES = frozenset({"3", "35", "432"})  # UNTDID 2475 as UBL has it (BR-CL-06)
_CREDIT_TRANSFERS = frozenset({"30", "58"})  # UNTDID 4461
_COUNTRY = re.compile(r"[A-Z][A-Z]|1A")
_VAT_ID = re.compile(r"([A-Z][A-Z]|1A).+")
_LIKE_SUBJECT = re.compile(r"[^#]*#[^#]{3}#")
_SUBJECT = re.compile(r"[A-Z]{3}")


def check(invoice: Invoice) -> Iterator[Finding]:
    """The rules that concern no amount and no VAT category, in the order of the business terms."""
    yield from _document(invoice)
    yield from _references(invoice)
    yield from _parties(invoice)
    yield from _payment(invoice)
    yield from _reasons(invoice.allowances, "BG-20", "BR-CO-21")
    yield from _reasons(invoice.charges, "BG-21", "BR-CO-22")
    if not invoice.vat_breakdown:
        yield fatal("BR-CO-18", "There is no VAT breakdown.", "BG-23")
    if not invoice.lines:
        yield fatal("BR-16", "There is no line.", "BG-25")
    ids: set[str] = set()
    for index, line in enumerate(invoice.lines, start=1):
        if line.id in ids:
            yield fatal("AR-LINE-01", f"Another line has the id {line.id!r}.", f"BG-25[{index}]/BT-126")
        ids.add(line.id)
        if not _is_plain(line):
            yield from _line(line, f"BG-25[{index}]")


def _document(invoice: Invoice) -> Iterator[Finding]:
    if invoice.type_code not in INVOICE_CODES | CREDIT_NOTE_CODES:
        yield fatal("BR-CL-01", f"{invoice.type_code!r} is no type of invoice or credit note.", "BT-3")
    if invoice.vat_currency is not None:
        if invoice.vat_currency == invoice.currency:
            yield fatal("BR-CO-15", "The VAT accounting currency is left out where it is the document's.", "BT-6")
        elif invoice.totals.vat_accounting is None:
            yield fatal("BR-53", "The total VAT in the accounting currency is missing.", "BG-22/BT-111")
    elif invoice.totals.vat_accounting is not None:
        yield fatal("BR-53", "Total VAT in an accounting currency, but which currency is missing.", "BT-6")
    if invoice.tax_point is not None and invoice.tax_point_code is not None:
        yield fatal("BR-CO-03", "A tax point date and a code for it exclude each other.", "BT-8")
    if invoice.tax_point_code is not None and invoice.tax_point_code not in _TAX_POINT_CODES:
        yield fatal("BR-CL-06", f"{invoice.tax_point_code!r} is no tax point code (3, 35, 432).", "BT-8")
    if invoice.totals.due > 0 and invoice.due_date is None and invoice.payment_terms is None:
        yield fatal("BR-CO-25", "Something is due, so a due date or payment terms must be given.", "BT-9")
    if invoice.period is not None:
        yield from _period(invoice.period, "BG-14", "BR-29", "BR-CO-19")


def _references(invoice: Invoice) -> Iterator[Finding]:
    for index, note in enumerate(invoice.notes, start=1):
        if note.subject is not None and not _SUBJECT.fullmatch(note.subject):
            yield fatal("BR-CL-08", f"{note.subject!r} is no subject code (UNTDID 4451).", f"BG-1[{index}]/BT-21")
        if note.subject is None and _LIKE_SUBJECT.match(note.text):
            yield fatal("BR-CL-08", "Three characters between # would be read as a subject code.", f"BG-1[{index}]")
    if invoice.is_credit_note and not invoice.preceding:
        yield Finding("AR-CREDIT-01", Severity.WARNING, "A credit note should name what it credits.", "BG-3")


def _parties(invoice: Invoice) -> Iterator[Finding]:
    seller, buyer, delivery = invoice.seller, invoice.buyer, invoice.delivery
    if not seller.identifiers and seller.legal_id is None and seller.vat_id is None:
        yield fatal("BR-CO-26", "The seller needs an identifier, a legal registration or a VAT id.", "BG-4")
    if seller.electronic_address is not None and not seller.electronic_address.scheme:
        yield fatal("BR-62", "The seller's electronic address needs a scheme.", "BG-4/BT-34")
    if buyer.electronic_address is not None and not buyer.electronic_address.scheme:
        yield fatal("BR-63", "The buyer's electronic address needs a scheme.", "BG-7/BT-49")
    yield from _country(seller.address.country, "BG-4/BG-5/BT-40")
    yield from _country(buyer.address.country, "BG-7/BG-8/BT-55")
    yield from _vat_id(seller.vat_id, "BG-4/BT-31")
    yield from _vat_id(buyer.vat_id, "BG-7/BT-48")
    if (representative := invoice.tax_representative) is not None:
        yield from _country(representative.address.country, "BG-11/BG-12/BT-69")
        yield from _vat_id(representative.vat_id, "BG-11/BT-63")
    if delivery is not None and delivery.address is not None:
        yield from _country(delivery.address.country, "BG-13/BG-15/BT-80")
    if (payee := invoice.payee) is not None:
        ids = {known_as.value for known_as in seller.identifiers}
        if payee.name in (seller.name, seller.trading_name) or (payee.identifier and payee.identifier.value in ids):
            yield fatal("BR-17", "The payee is left out where it is the seller.", "BG-10")


def _country(code: str, place: str) -> Iterator[Finding]:
    if not _COUNTRY.fullmatch(code):
        yield fatal("BR-CL-14", f"{code!r} is no country code (ISO 3166-1 alpha-2).", place)


def _vat_id(number: str | None, place: str) -> Iterator[Finding]:
    if number is not None and not _VAT_ID.fullmatch(number):
        yield fatal("BR-CO-09", f"The VAT id {number!r} does not begin with its country's code.", place)


def _payment(invoice: Invoice) -> Iterator[Finding]:
    if (payment := invoice.payment) is None:
        return
    if payment.means in _CREDIT_TRANSFERS and not payment.transfers:
        yield fatal("BR-61", "A credit transfer needs the account to pay to.", "BG-16/BG-17")


def _is_plain(line: InvoiceLine) -> bool:
    """Whether a line has nothing of what these rules look at."""
    item = line.item
    return (
        line.period is None
        and item.standard_id is None
        and item.origin_country is None
        and not line.allowances
        and not line.charges
        and not item.classifications
    )


def _line(line: InvoiceLine, place: str) -> Iterator[Finding]:
    if line.period is not None:
        yield from _period(line.period, f"{place}/BG-26", "BR-30", "BR-CO-20")
    yield from _reasons(line.allowances, f"{place}/BG-27", "BR-CO-23")
    yield from _reasons(line.charges, f"{place}/BG-28", "BR-CO-24")
    item = line.item
    if item.standard_id is not None and not item.standard_id.scheme:
        yield fatal("BR-64", "The item's standard identifier needs a scheme.", f"{place}/BG-31/BT-157")
    for index, kind in enumerate(item.classifications, start=1):
        if not kind.scheme:
            yield fatal("BR-65", "The item's classification needs a scheme.", f"{place}/BG-31/BT-158[{index}]")
    if item.origin_country is not None and not _COUNTRY.fullmatch(item.origin_country):
        yield fatal("BR-CL-15", f"{item.origin_country!r} is no country code.", f"{place}/BG-31/BT-159")


def _period(period: Period, place: str, order: str, presence: str) -> Iterator[Finding]:
    if period.start is None and period.end is None:
        yield fatal(presence, "A period needs a start or an end.", place)
    elif period.start is not None and period.end is not None and period.end < period.start:
        yield fatal(order, "The period ends before it starts.", place)


def _reasons(
    adjustments: Sequence[LineAllowance | LineCharge | DocumentAllowance | DocumentCharge], place: str, rule: str
) -> Iterator[Finding]:
    for index, adjustment in enumerate(adjustments, start=1):
        if adjustment.reason is None and adjustment.reason_code is None:
            yield fatal(rule, "An allowance or charge needs a reason, in words or as a code.", f"{place}[{index}]")

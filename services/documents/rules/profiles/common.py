"""What Peppol's rules and XRechnung's have in common: both ask for addresses, a process, and consistent periods."""

from collections.abc import Iterator
from fractions import Fraction

from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    LineAllowance,
    LineCharge,
)
from services.documents.rules.finding import Finding, Severity, fatal
from services.documents.totals import DECIMALS_MAX, decimals

DIRECT_DEBITS = frozenset({"49", "59"})  # UNTDID 4461
_SLACK = Fraction(2, 100)


def check(invoice: Invoice) -> Iterator[Finding]:
    """PEPPOL-EN16931-R001, -R010, -R020, -R055, -R061, -R110, -R111."""
    if invoice.process.business_process is None:
        yield fatal("PEPPOL-EN16931-R001", "The business process must be named.", "BG-2/BT-23")
    if invoice.buyer.electronic_address is None:
        yield fatal("PEPPOL-EN16931-R010", "The buyer's electronic address is missing.", "BG-7/BT-49")
    if invoice.seller.electronic_address is None:
        yield fatal("PEPPOL-EN16931-R020", "The seller's electronic address is missing.", "BG-4/BT-34")
    sums, payment = invoice.totals, invoice.payment
    if (
        sums.vat_accounting is not None
        and sums.vat is not None
        and not (sums.vat_accounting >= 0 <= sums.vat or sums.vat_accounting <= 0 >= sums.vat)
    ):
        yield fatal("PEPPOL-EN16931-R055", "VAT has another sign in the accounting currency.", "BG-22/BT-111")
    debit = payment.direct_debit if payment is not None else None
    if payment is not None and payment.means in DIRECT_DEBITS and (debit is None or debit.mandate is None):
        yield fatal("PEPPOL-EN16931-R061", "A direct debit needs its mandate.", "BG-16/BG-19/BT-89")
    yield from _periods(invoice)


def check_slack(invoice: Invoice, severity: Severity) -> Iterator[Finding]:
    """PEPPOL-EN16931-R120 and -R040: what is rounded to whole units of a currency without cents is off by too much."""
    if decimals(invoice.currency) == DECIMALS_MAX:
        return  # then what adds up to the cent is within the slack
    for index, line in enumerate(invoice.lines, start=1):
        right = Fraction(line.quantity) * Fraction(line.price.net) / Fraction(line.price.base_quantity or 1)
        right += sum((Fraction(each.amount) for each in line.charges), start=Fraction(0))
        right -= sum((Fraction(each.amount) for each in line.allowances), start=Fraction(0))
        if abs(right - Fraction(line.net_amount)) > _SLACK:
            message = f"The line is not quantity times price to 0.02, as it is rounded to whole {invoice.currency}."
            yield Finding("PEPPOL-EN16931-R120", severity, message, f"BG-25[{index}]/BT-131")
        for allowance in line.allowances:
            yield from _percentage(allowance, f"BG-25[{index}]/BG-27")
        for charge in line.charges:
            yield from _percentage(charge, f"BG-25[{index}]/BG-28")
    for document_allowance in invoice.allowances:
        yield from _percentage(document_allowance, "BG-20")
    for document_charge in invoice.charges:
        yield from _percentage(document_charge, "BG-21")


def _percentage(what: LineAllowance | LineCharge | DocumentAllowance | DocumentCharge, place: str) -> Iterator[Finding]:
    if what.base_amount is None or what.percentage is None:
        return
    if abs(Fraction(what.base_amount) * Fraction(what.percentage) / 100 - Fraction(what.amount)) > _SLACK:
        yield fatal("PEPPOL-EN16931-R040", "The amount is not the percentage of its base to 0.02.", place)


def _periods(invoice: Invoice) -> Iterator[Finding]:
    whole = invoice.period
    if whole is None:
        return
    for index, line in enumerate(invoice.lines, start=1):
        if (part := line.period) is None:
            continue
        place = f"BG-25[{index}]/BG-26"
        if whole.start and part.start and part.start < whole.start:
            yield fatal("PEPPOL-EN16931-R110", "The line's period starts before the document's.", f"{place}/BT-134")
        if whole.end and part.end and part.end > whole.end:
            yield fatal("PEPPOL-EN16931-R111", "The line's period ends after the document's.", f"{place}/BT-135")

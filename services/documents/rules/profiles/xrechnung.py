"""What XRechnung 3.0 and its extension ask for, as far as a draft can break it; the official sheet sees the rest."""

from collections.abc import Iterator
from decimal import Decimal

from services.documents.formats.xrechnung import payments, sub_lines
from services.documents.model import Invoice, InvoiceLine
from services.documents.model.xrechnung import SubLine
from services.documents.rules.finding import Finding, Severity, fatal
from services.documents.rules.profiles import common, germany
from services.documents.totals import DECIMALS_MAX
from services.kernel.refusals import Invalid


def check(invoice: Invoice) -> Iterator[Finding]:
    """The rules BR-DE-1 to -31, and those of Peppol that XRechnung has taken over."""
    yield from common.check(invoice)
    yield from common.check_slack(invoice, Severity.WARNING)
    yield from germany.check(invoice, germany.XRECHNUNG_NAMES)
    if (
        (invoice.delivery is None or invoice.delivery.delivered_on is None)
        and invoice.period is None
        and not all(line.period for line in invoice.lines)
    ):
        yield Finding(
            "BR-DE-TMP-32", Severity.WARNING, "The day or period of the supply should be told.", "BG-13/BT-72"
        )


def check_extension(invoice: Invoice) -> Iterator[Finding]:
    """The rules BR-DEX: parts of lines, and claims of others that are paid along."""
    try:
        claims = payments(invoice)
        for index, line in enumerate(invoice.lines, start=1):
            yield from _parts(line, f"BG-25[{index}]")
    except Invalid as error:
        yield fatal("AR-EXT-02", error.message, "extensions")
        return
    for index, claim in enumerate(claims, start=1):
        if claim.amount != round(claim.amount, DECIMALS_MAX):
            yield fatal("BR-DEX-13", "More than two decimals.", f"BG-DEX-09[{index}]/BT-DEX-002")
    sums = invoice.totals
    right = sums.gross - (sums.paid or Decimal(0)) + (sums.rounding or Decimal(0))
    right = sum((claim.amount for claim in claims), start=right)
    if sums.due != right:
        yield fatal("BR-DEX-09", f"BT-115 is {sums.due:f}, it must be {right:f}.", "BG-22/BT-115")


def _parts(line: InvoiceLine | SubLine, place: str) -> Iterator[Finding]:
    parts = sub_lines(line)
    if parts and sum((part.net_amount for part in parts), start=Decimal(0)) != line.net_amount:
        yield Finding("BR-DEX-02", Severity.WARNING, "The parts do not add up to their line.", f"{place}/BG-DEX-01")
    for index, part in enumerate(parts, start=1):
        yield from _parts(part, f"{place}/BG-DEX-01[{index}]")

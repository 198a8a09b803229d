"""What Factur-X's levels ask for beyond the core, because of what they have no room for or read more narrowly."""

from collections.abc import Iterator
from fractions import Fraction

from services.documents.model import Invoice, VatCategory
from services.documents.rules.finding import Finding, fatal


def check_rounding(invoice: Invoice) -> Iterator[Finding]:
    """BASIC and BASIC WL cannot say BT-114, so that what is due would not add up (BR-CO-16 of their sheets)."""
    if invoice.totals.rounding:
        yield fatal("BR-CO-16", "This level of Factur-X has no room for a rounding amount.", "BG-22/BT-114")


def check_igic(invoice: Invoice) -> Iterator[Finding]:
    """CII's sheets refuse IGIC at 0 %, which the standard and UBL's sheet allow (BR-AF-05 to -07)."""
    rated = [
        *(("BR-AF-05", line.vat.category, line.vat.rate, f"BG-25[{at}]") for at, line in enumerate(invoice.lines, 1)),
        *(("BR-AF-06", each.vat_category, each.vat_rate, "BG-20") for each in invoice.allowances),
        *(("BR-AF-07", each.vat_category, each.vat_rate, "BG-21") for each in invoice.charges),
    ]
    for rule, category, rate, place in rated:
        if category is VatCategory.IGIC and not rate:
            yield fatal(rule, "Factur-X has no IGIC at 0 %.", place)


def check_split_payment(invoice: Invoice) -> Iterator[Finding]:
    """The code lists of BASIC and BASIC WL lack Italy's split payment (FX-SCH-A-000179 of their sheets)."""
    for at, row in enumerate(invoice.vat_breakdown, 1):
        if row.category is VatCategory.SPLIT_PAYMENT:
            yield fatal("FX-SCH-A-000179", "This level of Factur-X has no split payment.", f"BG-23[{at}]/BT-118")


def check_slack(invoice: Invoice) -> Iterator[Finding]:
    """EXTENDED allows VAT a cent of slack per part (BR-FXEXT-S-09b): too little for whole yen."""
    for at, row in enumerate(invoice.vat_breakdown, 1):
        if row.category is not VatCategory.STANDARD or row.rate is None:
            continue
        key = (row.category, row.rate)
        parts = sum((line.vat.category, line.vat.rate) == key for line in invoice.lines)
        parts += sum((each.vat_category, each.vat_rate) == key for each in (*invoice.allowances, *invoice.charges))
        if abs(Fraction(row.tax) - Fraction(row.taxable) * Fraction(row.rate) / 100) > Fraction(parts, 100):
            message = f"The VAT is off by more than 0.01 a part, as it is rounded to whole {invoice.currency}."
            yield fatal("BR-FXEXT-S-09b", message, f"BG-23[{at}]/BT-117")

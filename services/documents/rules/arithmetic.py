"""Whether a document adds up to the cent: the official rules leave slack of up to 1.00, this check leaves none."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    InvoiceLine,
    LineAllowance,
    LineCharge,
    Price,
    VatBreakdown,
    VatCategory,
)
from services.documents.rules.families import FAMILIES
from services.documents.rules.finding import Finding, fatal
from services.documents.totals import Calculated, line_net, percent_of, totals, with_taxes

_TOTALS = (
    ("lines", "BT-106", "BR-CO-10"),
    ("allowances", "BT-107", "BR-CO-11"),
    ("charges", "BT-108", "BR-CO-12"),
    ("net", "BT-109", "BR-CO-13"),
    ("vat", "BT-110", "BR-CO-14"),
    ("gross", "BT-112", "BR-CO-15"),
    ("due", "BT-115", "BR-CO-16"),
)


VatKey = tuple[VatCategory, Decimal | None]
NO_RESIDUES: Mapping[VatKey, Decimal] = {}


def residues(invoice: Invoice) -> dict[VatKey, Decimal]:
    """By how much the VAT of each row is not its own rounding, where it is not."""
    right = {_key(row): row.tax for row in _right(invoice).vat_breakdown}
    found = {_key(row): row.tax - right.get(_key(row), row.tax) for row in invoice.vat_breakdown}
    return {key: rest for key, rest in found.items() if rest}


def check(invoice: Invoice, rests: Mapping[VatKey, Decimal] = NO_RESIDUES) -> Iterator[Finding]:
    """Compare every amount of the document with what it must be; the currency must be a known one.

    `rests`: what VAT rows take beside their own rounding, as a credit note does so that all of an invoice's add up to it.
    """
    for index, line in enumerate(invoice.lines, start=1):
        if not _is_right(line, invoice.currency):
            yield from _line(line, f"BG-25[{index}]", invoice.currency)
    for index, allowance in enumerate(invoice.allowances, start=1):
        yield from _percentage(allowance, f"BG-20[{index}]", invoice.currency)
    for index, charge in enumerate(invoice.charges, start=1):
        yield from _percentage(charge, f"BG-21[{index}]", invoice.currency)
    right = _with(_right(invoice), rests)
    yield from _breakdown(invoice.vat_breakdown, right.vat_breakdown)
    for name, number, rule in _TOTALS:
        stated, due = getattr(invoice.totals, name), getattr(right.totals, name)
        if stated != due and not (due is None and stated == 0):
            yield _wrong(rule, number, f"BG-22/{number}", stated, due)


def _right(invoice: Invoice) -> Calculated:
    return totals(
        invoice.lines,
        currency=invoice.currency,
        allowances=invoice.allowances,
        charges=invoice.charges,
        paid=invoice.totals.paid,
        rounding=invoice.totals.rounding,
    )


def _with(right: Calculated, rests: Mapping[VatKey, Decimal]) -> Calculated:
    if not rests:
        return right
    return with_taxes(right, {_key(row): row.tax + rests.get(_key(row), 0) for row in right.vat_breakdown})


def _is_right(line: InvoiceLine, currency: str) -> bool:
    """Whether a line is no more than a quantity at a price, as most are, and adds up: then there is nothing to tell."""
    price = line.price
    usual = price.gross is None and price.discount is None and price.base_quantity is None and price.base_unit is None
    if not usual or price.net < 0 or line.allowances or line.charges:
        return False
    return line.net_amount == line_net(quantity=line.quantity, price=price.net, currency=currency)


def _line(line: InvoiceLine, place: str, currency: str) -> Iterator[Finding]:
    yield from _price(line.price, line.unit, f"{place}/BG-29")
    for index, allowance in enumerate(line.allowances, start=1):
        yield from _percentage(allowance, f"{place}/BG-27[{index}]", currency)
    for index, charge in enumerate(line.charges, start=1):
        yield from _percentage(charge, f"{place}/BG-28[{index}]", currency)
    if line.price.base_quantity == 0:
        return  # told with the price; there is no net amount to compare with
    right = line_net(
        quantity=line.quantity,
        price=line.price.net,
        currency=currency,
        base_quantity=line.price.base_quantity,
        allowances=line.allowances,
        charges=line.charges,
    )
    if line.net_amount != right:
        yield _wrong("PEPPOL-EN16931-R120", "BT-131", f"{place}/BT-131", line.net_amount, right)


def _price(price: Price, unit: str, place: str) -> Iterator[Finding]:
    if price.net < 0:
        yield fatal("BR-27", "The item net price must not be negative; a return has a negative quantity.", place)
    if price.gross is not None and price.gross < 0:
        yield fatal("BR-28", "The item gross price must not be negative.", f"{place}/BT-148")
    if price.gross is not None and price.net != price.gross - (price.discount or Decimal(0)):
        yield fatal("PEPPOL-EN16931-R046", "Net price is not gross price less discount.", f"{place}/BT-146")
    if price.gross is None and price.discount is not None:
        yield fatal("AR-PRICE-01", "A price discount needs the gross price that it is taken off.", f"{place}/BT-147")
    if price.base_quantity is not None and price.base_quantity <= 0:
        yield fatal("PEPPOL-EN16931-R121", "The base quantity must be above zero.", f"{place}/BT-149")
    if price.base_unit is not None and price.base_unit != unit:
        yield fatal("PEPPOL-EN16931-R130", "The base quantity's unit must be the line's.", f"{place}/BT-150")


def _percentage(
    what: LineAllowance | LineCharge | DocumentAllowance | DocumentCharge, place: str, currency: str
) -> Iterator[Finding]:
    """A percentage and its base come together, and give the amount."""
    if what.percentage is None and what.base_amount is None:
        return
    if what.base_amount is None:
        yield fatal("PEPPOL-EN16931-R041", "A percentage needs the base amount that it is taken of.", place)
    elif what.percentage is None:
        yield fatal("PEPPOL-EN16931-R042", "A base amount needs the percentage that is taken of it.", place)
    elif what.amount != (right := percent_of(what.base_amount, what.percentage, currency)):
        yield fatal("PEPPOL-EN16931-R040", f"{what.percentage:f} % is {right}, not {what.amount}.", place)


def _breakdown(stated: tuple[VatBreakdown, ...], right: tuple[VatBreakdown, ...]) -> Iterator[Finding]:
    """The rows, in any order, are those that the lines, allowances and charges make: one per category and rate."""
    expected = {_key(row): row for row in right}
    seen = set()
    for index, row in enumerate(stated, start=1):
        place, family = f"BG-23[{index}]", FAMILIES[row.category].name
        key = _key(row)
        if key in seen or key not in expected:
            yield fatal(f"BR-{family}-01", f"No line makes this row of {_named(row)}, or another row has it.", place)
            continue
        seen.add(key)
        if row.taxable != expected[key].taxable:
            yield _wrong(f"BR-{family}-08", "BT-116", f"{place}/BT-116", row.taxable, expected[key].taxable)
        elif row.tax != expected[key].tax:
            yield _wrong("BR-CO-17", "BT-117", f"{place}/BT-117", row.tax, expected[key].tax)
    for key, row in expected.items():
        if key not in seen:
            yield fatal(f"BR-{FAMILIES[row.category].name}-01", f"The row of {_named(row)} is missing.", "BG-23")


def _key(row: VatBreakdown) -> VatKey:
    """Category and rate; outside the scope of VAT there is none, but XRechnung writes 0."""
    return row.category, row.rate or None if row.category is VatCategory.OUTSIDE_SCOPE else row.rate


def _named(row: VatBreakdown) -> str:
    return f"category {row.category}" if row.rate is None else f"category {row.category} at {row.rate:f} %"


def _wrong(rule: str, number: str, place: str, stated: Decimal | None, right: Decimal | None) -> Finding:
    return fatal(rule, f"{number} is {_said(stated)}, it must be {_said(right)}.", place)


def _said(value: Decimal | None) -> str:
    return "missing" if value is None else f"{value:f}"

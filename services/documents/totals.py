"""Totals as EN 16931 computes them, exact: each part is rounded once, a sum of rounded parts never again.

Amounts have two decimals at most (BR-DEC), and no more than their currency has: whole yen, but of a dinar's three
decimals only two, because the standard has no room for the third. Prices and quantities may have any number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    DocumentTotals,
    InvoiceLine,
    LineAllowance,
    LineCharge,
    VatBreakdown,
    VatCategory,
)
from services.kernel.money import exponent

ZERO = Decimal(0)
ONE = Decimal(1)
DECIMALS_MAX = 2  # BR-DEC-01 to BR-DEC-28

# Adding and multiplying must not lose a digit: an inexact result is a defect and raises.
_EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_HALF_UP = Context(prec=400, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow])
_UNITS = [Decimal(1).scaleb(-places) for places in range(DECIMALS_MAX + 1)]


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why no VAT is due: in words (BT-120), as a VATEX code (BT-121), or both."""

    reason: str | None = None
    code: str | None = None


NO_EXEMPTION = Exemption()

# Categories that have one reason only. Exempt (E) has many, so its reason always comes from the caller.
STANDARD_EXEMPTIONS: Mapping[VatCategory, Exemption] = {
    VatCategory.REVERSE_CHARGE: Exemption("Reverse charge", "VATEX-EU-AE"),
    VatCategory.INTRA_COMMUNITY: Exemption("Intra-community supply", "VATEX-EU-IC"),
    VatCategory.EXPORT: Exemption("Export outside the EU", "VATEX-EU-G"),
    VatCategory.OUTSIDE_SCOPE: Exemption("Not subject to VAT", "VATEX-EU-O"),
}
_ORDER = {category: index for index, category in enumerate(VatCategory)}


@dataclass(frozen=True, slots=True)
class Calculated:
    """What a document adds up to."""

    totals: DocumentTotals
    vat_breakdown: tuple[VatBreakdown, ...]


def decimals(currency: str) -> int:
    """How many decimals an amount of the currency has in a document; refuse what is no currency."""
    return min(DECIMALS_MAX, exponent(currency))


def rounded(value: Decimal, currency: str, *, per: Decimal = ONE) -> Decimal:
    """Round `value / per` half up, away from zero, to an amount of the currency (RULES: half up); the division is exact."""
    places = decimals(currency)
    if per == 1:
        return _EXACT.plus(value.quantize(_UNITS[places], context=_HALF_UP))  # plus: no negative zero
    return _quotient(value, per, places)


def _quotient(value: Decimal, per: Decimal, places: int) -> Decimal:
    """Divide in whole numbers: a quotient cut off before it is rounded could miss a tie."""
    top, top_scale = value.as_integer_ratio()
    bottom, bottom_scale = per.as_integer_ratio()
    numerator, denominator = top * bottom_scale * 10**places, bottom * top_scale
    whole, rest = divmod(abs(numerator), abs(denominator))
    whole += 2 * rest >= abs(denominator)
    return _EXACT.scaleb(Decimal(whole if (numerator < 0) == (denominator < 0) else -whole), -places)


def line_net(
    *,
    quantity: Decimal,
    price: Decimal,
    currency: str,
    base_quantity: Decimal | None = None,
    allowances: Sequence[LineAllowance] = (),
    charges: Sequence[LineCharge] = (),
) -> Decimal:
    """A line's net amount (BT-131): quantity x price / base quantity, rounded, less allowances, plus charges (RULES: line net)."""
    goods = rounded(_EXACT.multiply(quantity, price), currency, per=ONE if base_quantity is None else base_quantity)
    if not charges and not allowances:
        return goods
    with localcontext(_EXACT):
        added = sum((rounded(charge.amount, currency) for charge in charges), start=ZERO)
        taken = sum((rounded(allowance.amount, currency) for allowance in allowances), start=ZERO)
        return goods + added - taken


def percent_of(base: Decimal, percentage: Decimal, currency: str) -> Decimal:
    """The amount of an allowance, a charge or a tax that is a percentage of its base (Peppol R040, BR-CO-17)."""
    return rounded(_EXACT.scaleb(_EXACT.multiply(base, percentage), -2), currency)


def totals(
    lines: Sequence[InvoiceLine],
    *,
    currency: str,
    allowances: Sequence[DocumentAllowance] = (),
    charges: Sequence[DocumentCharge] = (),
    paid: Decimal | None = None,
    rounding: Decimal | None = None,
    vat_accounting: Decimal | None = None,
    exemptions: Mapping[VatCategory, Exemption] = STANDARD_EXEMPTIONS,
) -> Calculated:
    """Add a document up (BR-CO-10 to BR-CO-17).

    `paid` is BT-113, `rounding` BT-114, `vat_accounting` BT-111; what is None is left out of the document.
    `exemptions` overrides the usual reasons for which no VAT is due, category by category.
    """
    with localcontext(_EXACT):
        breakdown = _breakdown(lines, allowances, charges, currency, {**STANDARD_EXEMPTIONS, **exemptions})
        of_lines = _sum(line.net_amount for line in lines)
        taken = _sum(allowance.amount for allowance in allowances)
        added = _sum(charge.amount for charge in charges)
        net = of_lines - taken + added
        vat = _sum(row.tax for row in breakdown)
        return Calculated(
            totals=DocumentTotals(
                lines=of_lines,
                allowances=taken if allowances else None,
                charges=added if charges else None,
                net=net,
                vat=vat,
                vat_accounting=vat_accounting,
                gross=net + vat,
                paid=paid,
                rounding=rounding,
                due=net + vat - (paid or ZERO) + (rounding or ZERO),
            ),
            vat_breakdown=breakdown,
        )


def with_taxes(calculated: Calculated, taxes: Mapping[tuple[VatCategory, Decimal | None], Decimal]) -> Calculated:
    """The same with the VAT of these rows as it is said, not as it is rounded: what is left of an invoice, credited."""
    with localcontext(_EXACT):
        rows = tuple(replace(row, tax=taxes.get((row.category, row.rate), row.tax)) for row in calculated.vat_breakdown)
        sums, vat = calculated.totals, _sum(row.tax for row in rows)
        more = vat - (sums.vat or ZERO)
        return Calculated(replace(sums, vat=vat, gross=sums.gross + more, due=sums.due + more), rows)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, start=ZERO)


def _breakdown(
    lines: Sequence[InvoiceLine],
    allowances: Sequence[DocumentAllowance],
    charges: Sequence[DocumentCharge],
    currency: str,
    exemptions: Mapping[VatCategory, Exemption],
) -> tuple[VatBreakdown, ...]:
    """One row per category and rate, tax rounded once per row (EN 16931 BR-CO-17), in an order that the lines' order cannot change."""
    taxable: dict[tuple[VatCategory, Decimal | None], Decimal] = {}
    for category, rate, amount in _taxed(lines, allowances, charges):
        taxable[category, rate] = taxable.get((category, rate), ZERO) + amount
    return tuple(
        VatBreakdown(
            taxable=amount,
            tax=ZERO if rate is None else percent_of(amount, rate, currency),
            category=category,
            rate=rate,
            exemption_reason=exemptions.get(category, NO_EXEMPTION).reason,
            exemption_code=exemptions.get(category, NO_EXEMPTION).code,
        )
        for (category, rate), amount in sorted(taxable.items(), key=_row_order)
    )


def _taxed(
    lines: Sequence[InvoiceLine], allowances: Sequence[DocumentAllowance], charges: Sequence[DocumentCharge]
) -> Iterable[tuple[VatCategory, Decimal | None, Decimal]]:
    for line in lines:
        yield line.vat.category, line.vat.rate, line.net_amount
    for allowance in allowances:
        yield allowance.vat_category, allowance.vat_rate, -allowance.amount
    for charge in charges:
        yield charge.vat_category, charge.vat_rate, charge.amount


def _row_order(row: tuple[tuple[VatCategory, Decimal | None], Decimal]) -> tuple[int, Decimal]:
    (category, rate), _ = row
    return _ORDER[category], -(rate or ZERO)


def distribute(amount: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """Split an amount in proportion to the weights by largest remainder, so that the parts add up exactly (RULES: splitting).

    What is left over goes to the largest remainders, among equals to the first: each cent lands on a known part.
    A negative amount is split as the positive one is.
    """
    places = decimals(currency)
    with localcontext(_EXACT):
        whole = _sum(weights)
        if not whole:
            raise ValueError("weights that add up to zero give no proportion")
        units = abs(amount).scaleb(places)
        if units != units.to_integral_value():
            raise ValueError(f"{amount} is not a whole number of the smallest units of {currency}")
        shares = [_share(int(units), weight, whole) for weight in weights]
        left = int(units) - sum(floor for floor, _ in shares)
        favoured = set(sorted(range(len(shares)), key=lambda i: -shares[i][1])[:left])
        parts = [floor + (i in favoured) for i, (floor, _) in enumerate(shares)]
        return tuple(Decimal(part if amount >= 0 else -part).scaleb(-places) for part in parts)


def _share(units: int, weight: Decimal, whole: Decimal) -> tuple[int, Decimal]:
    """The whole units a weight earns, and the remainder in comparable terms (units x the sum of weights)."""
    sign = 1 if whole > 0 else -1
    # Numerators over one denominator keep the remainders exact and comparable.
    scale = max(0, -min(int(weight.as_tuple().exponent), int(whole.as_tuple().exponent)))
    part, total = int(weight.scaleb(scale)) * sign, int(whole.scaleb(scale)) * sign
    floor, rest = divmod(units * part, total)
    return floor, Decimal(rest).scaleb(-scale)


def spread_allowance(
    lines: Sequence[InvoiceLine],
    amount: Decimal,
    currency: str,
    *,
    reason: str | None = None,
    reason_code: str | None = None,
) -> tuple[DocumentAllowance, ...]:
    """A discount on the whole document, as one allowance (BG-20) for each VAT group in proportion to its net amount."""
    groups: dict[tuple[VatCategory, Decimal | None], Decimal] = {}
    with localcontext(_EXACT):
        for category, rate, net in _taxed(lines, (), ()):
            groups[category, rate] = groups.get((category, rate), ZERO) + net
    rows = sorted(groups.items(), key=_row_order)
    parts = distribute(amount, [net for _, net in rows], currency)
    return tuple(
        DocumentAllowance(amount=part, vat_category=category, vat_rate=rate, reason=reason, reason_code=reason_code)
        for ((category, rate), _), part in zip(rows, parts, strict=True)
        if part
    )


def cash_rounding(amount: Decimal, step: Decimal) -> Decimal:
    """What BT-114 must be for the amount to end on a coin, such as CHF 0.05, half up (RULES: BT-114)."""
    with localcontext(_EXACT):
        return _quotient(amount, step, 0) * step - amount

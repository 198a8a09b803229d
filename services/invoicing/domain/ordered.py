"""The VAT rates of an invoice beside those of its order: which holds, and what is told where they differ.

The place of supply decides whether VAT is due at all; how much of it, the order says where it says so: a buyer pays the
rate that they ordered at, if the seller's country has it. Where nothing else can be had, the tables decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from services.documents import Finding, Severity
from services.documents.model import VatCategory
from services.documents.totals import percent_of
from services.invoicing.domain.parties import OtherRates
from services.invoicing.domain.tax import ZERO, Deal, VatTreatment, rate_for, untaxed
from services.kernel.money import Money
from services.kernel.orders import LineKind, Order, OrderLine
from services.kernel.refusals import Invalid
from services.kernel.vat import rates_of

RATE_UNKNOWN = "order.rate_unknown"
_RATE, _TAX = "BT-152", "BT-110"  # where on the document a difference shows
_AT_RATES = (VatCategory.STANDARD, VatCategory.ZERO_RATED)


@dataclass(frozen=True, slots=True)
class Treated:
    """How VAT treats each line of an order, and where that is not what was ordered."""

    by_line: Mapping[str, VatTreatment]
    findings: tuple[Finding, ...]


class _Kind(NamedTuple):
    """What lines have in common that are treated alike."""

    tax_class: str
    kind: LineKind
    vat_rate: Decimal | None


def check(order: Order, deal: Deal, other_rates: OtherRates) -> None:
    """Refuse an order whose goods or rates no table knows."""
    for kind in {_Kind(line.tax_class, line.kind, line.vat_rate) for line in order.lines}:
        _as_ordered(kind, rate_for(deal, kind.tax_class, kind.kind), order, deal, other_rates)


def treat(order: Order, deal: Deal, other_rates: OtherRates) -> Treated:
    """Decide each line of the order by the tables and by what was ordered; refuse a rate that is not to be had."""
    kinds: dict[_Kind, list[OrderLine]] = {}
    for line in order.lines:
        kinds.setdefault(_Kind(line.tax_class, line.kind, line.vat_rate), []).append(line)
    tables = _connected({kind: rate_for(deal, kind.tax_class, kind.kind) for kind in kinds})
    if all(kind.vat_rate is None for kind in kinds):
        decided, findings = _by_total(order, deal, kinds, tables)
    else:
        decided, findings = {}, []
        for kind, lines in kinds.items():
            decided[kind], told = _as_ordered(kind, tables[kind], order, deal, other_rates)
            findings += [Finding(_RATE, Severity.WARNING, f"{_lines(lines)}: {told}", _RATE)] if told else []
    by_line = {line.line_id: decided[kind] for kind, lines in kinds.items() for line in lines}
    return Treated(by_line, tuple(findings))


def _connected(treated: dict[_Kind, VatTreatment]) -> dict[_Kind, VatTreatment]:
    """Services that go with exported goods are exported with them (Directive 2006/112/EC, article 146 (1) (e)).

    A document could not say it otherwise: what is outside the scope of VAT stands alone in one (BR-O-11).
    """
    if all(one.category is not VatCategory.EXPORT for one in treated.values()):
        return treated
    export = untaxed(VatCategory.EXPORT)
    return {kind: export if one.category is VatCategory.OUTSIDE_SCOPE else one for kind, one in treated.items()}


def _as_ordered(
    kind: _Kind, by_tables: VatTreatment, order: Order, deal: Deal, other_rates: OtherRates
) -> tuple[VatTreatment, str]:
    """The treatment at the rate that was ordered, and what to tell about it."""
    ordered = kind.vat_rate
    if ordered is None or ordered == (by_tables.rate or ZERO):
        return by_tables, ""
    if by_tables.category not in _AT_RATES:
        return by_tables, f"{_percent(ordered)} ordered, none is due: {by_tables.exemption_text}"
    if (known := rates_of(deal.seller_country, deal.on).find(ordered)) is not None:
        return VatTreatment(VatCategory.STANDARD, known), ""
    if (newer := _newer(ordered, order, deal)) is not None:
        return VatTreatment(VatCategory.STANDARD, newer), f"{_percent(ordered)} ordered, {_percent(newer)} on {deal.on}"
    if other_rates is OtherRates.REFUSE:
        raise Invalid(RATE_UNKNOWN, f"{_percent(ordered)} is no VAT rate of {deal.seller_country} on {deal.on}")
    category = VatCategory.STANDARD if ordered else VatCategory.ZERO_RATED
    said = f"{_percent(ordered)} as ordered, which is no VAT rate of {deal.seller_country} on {deal.on}"
    return VatTreatment(category, ordered), said


def _newer(ordered: Decimal, order: Order, deal: Deal) -> Decimal | None:
    """What became of a rate that held on the day of the order, and does not on the day of supply, which decides."""
    if order.placed_on >= deal.on:
        return None
    before, now = rates_of(deal.seller_country, order.placed_on), rates_of(deal.seller_country, deal.on)
    return next((rate for kind in before.kinds_of(ordered) if (rate := now.of_kind(kind)) is not None), None)


def _by_total(
    order: Order, deal: Deal, kinds: Mapping[_Kind, Sequence[OrderLine]], tables: dict[_Kind, VatTreatment]
) -> tuple[dict[_Kind, VatTreatment], list[Finding]]:
    """The tables', unless the order's tax comes out of another of the country's rates, at which all of it was ordered."""
    due = _tax(order, kinds, tables)
    if due == order.tax or is_sales_tax(order, deal):
        return tables, []
    if {one.category for one in tables.values()} == {VatCategory.STANDARD}:
        at_one = {rate: dict.fromkeys(kinds, VatTreatment(VatCategory.STANDARD, rate)) for rate in _others(deal)}
        fits = [rate for rate, treated in at_one.items() if _tax(order, kinds, treated) == order.tax]
        if fits and not _is_mixed(kinds):
            return at_one[fits[0]], []
    return tables, [Finding(_TAX, Severity.WARNING, f"{order.tax} ordered as tax, {due} by the rates of the day", _TAX)]


def _is_mixed(kinds: Mapping[_Kind, Sequence[OrderLine]]) -> bool:
    return len({kind.tax_class for kind in kinds}) > 1


def _others(deal: Deal) -> list[Decimal]:
    return sorted({rate for _, rate in rates_of(deal.seller_country, deal.on).by_kind}, reverse=True)


def is_sales_tax(order: Order, deal: Deal) -> bool:
    """Whether the order's tax is no VAT but what a US seller owes a state, a line of its own on the document."""
    return deal.seller_country == "US" and not deal.seller_vat_id and order.tax.minor > 0


def _tax(order: Order, kinds: Mapping[_Kind, Sequence[OrderLine]], treated: Mapping[_Kind, VatTreatment]) -> Money:
    """The tax of the whole order, rounded once for each rate as on its invoice."""
    currency = order.net.currency
    nets: dict[VatTreatment, int] = {}
    for kind, lines in kinds.items():
        nets[treated[kind]] = nets.get(treated[kind], 0) + sum(line.net.minor for line in lines)
    due = [percent_of(Money(net, currency).decimal, one.rate or ZERO, currency) for one, net in nets.items()]
    return Money.total((Money.of(tax, currency) for tax in due), currency)


def _lines(lines: Sequence[OrderLine]) -> str:
    first = ", ".join(line.line_id for line in lines[:3])
    return f"line {first}" if len(lines) == 1 else f"lines {first}{' …' if len(lines) > 3 else ''}"


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f} %"

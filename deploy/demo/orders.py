"""An order as a shop computes it: lines priced, taxed by the tables of the day, added up by tax rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from receivables.common.v1 import party_pb2
from receivables.orders.v1 import events_pb2

from services.chassis import bounds
from services.invoicing.domain import tax
from services.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Party:
    """What the tax tables ask about a company."""

    country: str
    vat_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """What is ordered; the price is net and what the buyer was told."""

    line_id: str
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    unit: str = "C62"
    tax_class: str = "STANDARD"
    # What it is for.
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One version of an order, before it is priced."""

    order_id: str
    account_id: str
    currency: str
    placed_on: date
    promised_ship_on: date
    lines: Sequence[Line]
    version: int = 1
    site: str = ""
    purchase_order: str = ""


def placed(order: Order, seller: Party, buyer: Party) -> events_pb2.OrderPlaced:
    """Price it: tax is rounded once per category and rate (EN 16931), as the invoice will be.

    Raises the refusals of the money (too large, no currency), of the tax tables (a country or day they lack) and of what
    is more or other than the contract takes.
    """
    zero = Money(0, order.currency)
    taxable: dict[tuple[str, Decimal], Money] = {}
    lines = []
    deal = tax.Deal(
        seller.country, seller.vat_id, buyer.country, buyer.vat_id, ship_to=buyer.country, on=order.placed_on
    )
    for line in order.lines:
        net = Money.of(line.quantity * line.unit_price, order.currency)
        treatment = tax.rate_for(deal, line.tax_class)
        group = (str(treatment.category), treatment.rate or Decimal(0))
        taxable[group] = taxable.get(group, zero) + net
        lines.append(_line(line, net))
    net = Money.total(taxable.values(), order.currency).checked()
    due = [Money.of(amount.decimal * rate / 100, order.currency) for (_, rate), amount in taxable.items()]
    vat = Money.total(due, order.currency).checked()
    told = events_pb2.OrderPlaced(
        order_id=order.order_id,
        version=order.version,
        account_id=order.account_id,
        currency=order.currency,
        placed_on=order.placed_on.isoformat(),
        promised_ship_on=order.promised_ship_on.isoformat(),
        lines=lines,
        net_minor=net.minor,
        tax_minor=vat.minor,
        gross_minor=(net + vat).checked().minor,
        scope=party_pb2.Scope(site=order.site, purchase_order=order.purchase_order),
    )
    bounds.check(told)
    return told


def shipped(
    order: events_pb2.OrderPlaced,
    shipment_id: str,
    on: date,
    quantities: Sequence[tuple[str, str]] = (),
    *,
    final: bool = True,
) -> events_pb2.OrderShipped:
    """A shipment of some lines, as (line, quantity); without any: of the whole order."""
    whole = [(line.line_id, line.quantity) for line in order.lines]
    return events_pb2.OrderShipped(
        order_id=order.order_id,
        shipment_id=shipment_id,
        account_id=order.account_id,
        shipped_on=on.isoformat(),
        lines=[events_pb2.ShippedLine(line_id=line, quantity=quantity) for line, quantity in quantities or whole],
        final=final,
    )


def _line(line: Line, net: Money) -> events_pb2.OrderLine:
    return events_pb2.OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=f"{line.quantity:f}",
        unit=line.unit,
        unit_price=f"{line.unit_price:f}",
        net_minor=net.minor,
        tax_class=line.tax_class,
        asset_id=line.asset_id,
    )

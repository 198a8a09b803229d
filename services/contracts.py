"""Translates what the contracts share (proto/receivables/common, orders) to and from the kernel's words."""

from typing import Any

from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import lab_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Event
from services.kernel.calendars import day
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.histories import Case
from services.kernel.money import SUM_MAX, Money, decimal
from services.kernel.orders import LINES_MAX, TOO_LARGE, Address, LineKind, Order, OrderLine, Scope
from services.kernel.refusals import Conflict, Invalid

_LINE_KINDS = {
    orders_pb2.LINE_KIND_UNSPECIFIED: LineKind.GOODS,
    orders_pb2.LINE_KIND_GOODS: LineKind.GOODS,
    orders_pb2.LINE_KIND_SERVICE: LineKind.SERVICE,
}


def money(message: money_pb2.Money) -> Money:
    """An amount as it came; refuses what is no currency."""
    return Money(message.minor, message.currency).checked()


def money_message(amount: Money) -> money_pb2.Money:
    """An amount to tell; refuses what so many others add up to that no message can hold it."""
    if not -SUM_MAX <= amount.minor <= SUM_MAX:
        raise Conflict("money.sum_too_large", "the amounts add up to more than can be told")
    return money_pb2.Money(minor=amount.minor, currency=amount.currency)


def scope(message: party_pb2.Scope) -> Scope:
    """What part of the buyer's company a fact concerns."""
    return Scope(message.site, message.cost_centre, message.purchase_order)


def scope_message(value: Scope) -> party_pb2.Scope:
    """The same, to tell."""
    return party_pb2.Scope(site=value.site, cost_centre=value.cost_centre, purchase_order=value.purchase_order)


def address(message: party_pb2.Address) -> Address:
    """Where goods go."""
    return Address(message.street, message.city, message.post_code, message.region, message.country)


def address_message(value: Address) -> party_pb2.Address:
    """The same, to tell."""
    return party_pb2.Address(
        street=value.street, city=value.city, post_code=value.post_code, region=value.region, country=value.country
    )


def correction(message: disputes_pb2.Correction) -> Correction:
    """What is right instead of what an invoice said."""
    return Correction(
        lines=tuple(
            CorrectedLine(
                line.line_id,
                decimal(line.quantity, what="quantity") if line.quantity else None,
                decimal(line.unit_price, what="unit_price") if line.unit_price else None,
                line.tax_class,
            )
            for line in message.lines
        ),
        buyer_reference=message.buyer_reference,
        purchase_order=message.purchase_order,
        ship_to=address(message.ship_to) if message.HasField("ship_to") else None,
        net_days=message.net_days if message.HasField("net_days") else None,
    )


def correction_message(value: Correction) -> disputes_pb2.Correction:
    """The same, to tell."""
    return disputes_pb2.Correction(
        lines=[
            disputes_pb2.CorrectedLine(
                line_id=line.line_id,
                quantity="" if line.quantity is None else f"{line.quantity:f}",
                unit_price="" if line.unit_price is None else f"{line.unit_price:f}",
                tax_class=line.tax_class,
            )
            for line in value.lines
        ],
        buyer_reference=value.buyer_reference,
        purchase_order=value.purchase_order,
        ship_to=address_message(value.ship_to) if value.ship_to else None,
        net_days=value.net_days,
    )


def forgotten(event: Event[notifications_pb2.ContactErased]) -> str:
    """Whose words are to be forgotten, as who said them was noted ("contact:c1", "user:ada")."""
    return f"{'contact' if event.body.account_id else 'user'}:{event.body.contact_id}"


def ship_to(message: orders_pb2.OrderPlaced | orders_pb2.OrderShipped) -> Address | None:
    """Where an order or a shipment goes, if it says so."""
    return address(message.ship_to).check() if message.HasField("ship_to") else None


def order(message: orders_pb2.OrderPlaced) -> Order:
    """An order as it came, checked; raises Invalid with the first thing that is wrong with it."""
    return Order(
        order_id=message.order_id,
        version=message.version,
        account_id=message.account_id,
        placed_on=day(message.placed_on, what="placed_on"),
        promised_ship_on=day(message.promised_ship_on, what="promised_ship_on"),
        lines=tuple(_line(line, message.currency) for line in lines(message)),
        net=Money(message.net_minor, message.currency),
        tax=Money(message.tax_minor, message.currency),
        gross=Money(message.gross_minor, message.currency),
        scope=scope(message.scope),
        seller_id=message.seller_id,
        ship_to=ship_to(message),
        requested_by=message.requested_by,
    ).check()


def lines(message: orders_pb2.OrderPlaced | orders_pb2.OrderShipped) -> Any:
    """The lines of an order, or those of it that were shipped; refuses more than an order has before reading one."""
    if len(message.lines) > LINES_MAX:
        raise Invalid(TOO_LARGE, f"an order has at most {LINES_MAX:,} lines, this one {len(message.lines):,}")
    return message.lines


def _line(message: orders_pb2.OrderLine, currency: str) -> OrderLine:
    if (kind := _LINE_KINDS.get(message.kind)) is None:
        raise Invalid("order.kind_unknown", f"{message.kind} is no kind of line that is known here")
    return OrderLine(
        line_id=message.line_id,
        sku=message.sku,
        name=message.name,
        quantity=decimal(message.quantity, what="quantity"),
        unit=message.unit or "C62",
        unit_price=decimal(message.unit_price, what="unit_price"),
        net=Money(message.net_minor, currency),
        tax_class=message.tax_class or "STANDARD",
        kind=kind,
        category=message.category,
        vat_rate=decimal(message.vat_rate, what="vat_rate") if message.vat_rate else None,
        asset_id=message.asset_id,
    )


def history_message(case: Case) -> lab_pb2.HistoryCase:
    """A case of the past, to be kept."""
    return lab_pb2.HistoryCase(
        case_id=case.case_id,
        decided_on=case.decided_on.isoformat(),
        currency=case.currency,
        facts=[lab_pb2.HistoryFact(key=key, value=text) for key, text in case.facts.items()],
        drawn=f"{case.drawn:f}",
        outcome_on=case.outcome_on.isoformat() if case.outcome_on else "",
        bad=bool(case.bad),
        lost=f"{case.lost:f}",
        late=case.late,
    )

"""Translates what the contracts share (proto/receivables/common, orders) to and from the kernel's words."""

from typing import Any

from receivables.common.v1 import money_pb2, party_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.kernel.calendars import day
from services.kernel.money import SUM_MAX, Money, decimal
from services.kernel.orders import LINES_MAX, TOO_LARGE, Order, OrderLine, Scope
from services.kernel.refusals import Conflict, Invalid


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
    ).check()


def lines(message: orders_pb2.OrderPlaced | orders_pb2.OrderShipped) -> Any:
    """The lines of an order, or those of it that were shipped; refuses more than an order has before reading one."""
    if len(message.lines) > LINES_MAX:
        raise Invalid(TOO_LARGE, f"an order has at most {LINES_MAX:,} lines, this one {len(message.lines):,}")
    return message.lines


def _line(message: orders_pb2.OrderLine, currency: str) -> OrderLine:
    return OrderLine(
        line_id=message.line_id,
        sku=message.sku,
        name=message.name,
        quantity=decimal(message.quantity, what="quantity"),
        unit=message.unit or "C62",
        unit_price=decimal(message.unit_price, what="unit_price"),
        net=Money(message.net_minor, currency),
        tax_class=message.tax_class or "STANDARD",
    )

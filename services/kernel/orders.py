"""An order as the seller's shop or ERP tells it, checked once for whoever reads it (proto/receivables/orders/v1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.kernel.money import Money, product
from services.kernel.refusals import Invalid, quoted

LINES_MAX = 10_000
TOO_LARGE = "order.too_large"


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of the buyer's company a fact concerns; empty fields: all of it."""

    site: str = ""
    cost_centre: str = ""
    purchase_order: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What was ordered; the price is net of tax and what the buyer was told."""

    line_id: str
    sku: str
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Money
    tax_class: str


@dataclass(frozen=True, slots=True)
class Order:
    """One version of an order."""

    order_id: str
    version: int
    account_id: str
    placed_on: date
    promised_ship_on: date
    lines: tuple[OrderLine, ...]
    net: Money
    tax: Money
    gross: Money
    scope: Scope

    def check(self) -> "Order":
        """Return the order itself; refuse one that names nothing, buys nothing or does not add up."""
        if not self.order_id or not self.account_id or self.version < 1:
            raise Invalid("order.incomplete", "an order needs an id, an account and a version of 1 or more")
        _check_lines(self.lines)
        for amount in (self.net, self.tax, self.gross):
            amount.checked()
        if self.gross.minor <= 0 or self.tax.minor < 0:
            raise Invalid("order.amount_not_positive", "an order's gross must be above zero, its tax not below")
        if Money.total((line.net for line in self.lines), self.net.currency) != self.net:
            raise Invalid("order.net_mismatch", "the lines do not add up to the order's net amount")
        if self.net + self.tax != self.gross:
            raise Invalid("order.gross_mismatch", f"net {self.net} and tax {self.tax} are not gross {self.gross}")
        return self


def _check_lines(lines: Sequence[OrderLine]) -> None:
    if not lines:
        raise Invalid("order.no_lines", "an order needs at least one line")
    if len(lines) > LINES_MAX:
        raise Invalid(TOO_LARGE, f"an order has at most {LINES_MAX:,} lines")
    if len({line.line_id for line in lines}) != len(lines):
        raise Invalid("order.line_repeated", "two lines have the same id")
    for line in lines:
        line.net.checked()
        if line.quantity <= 0:
            raise Invalid(
                "order.quantity_not_positive", f"line {quoted(line.line_id)}: the quantity must be above zero"
            )
        if line.unit_price < 0:
            raise Invalid("order.price_negative", f"line {quoted(line.line_id)}: the price must not be below zero")
        if Money.of(product(line.quantity, line.unit_price), line.net.currency).minor != line.net.minor:
            raise Invalid("order.line_mismatch", f"line {quoted(line.line_id)}: quantity x price is not {line.net}")

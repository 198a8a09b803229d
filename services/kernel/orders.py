"""An order as the seller's shop or ERP tells it, checked once for whoever reads it (proto/receivables/orders/v1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.kernel.countries import check_country
from services.kernel.money import Money, exponent, product
from services.kernel.refusals import Conflict, Invalid, quoted

LINES_MAX = 10_000
SHIPMENTS_MAX = 10_000  # of one order, since all of them are read to know what has left
TOO_LARGE = "order.too_large"
DOCUMENT_DECIMALS = 2  # EN 16931 has no amount with more (BR-DEC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of the buyer's company a fact concerns; empty fields: all of it."""

    site: str = ""
    cost_centre: str = ""
    purchase_order: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where goods go; empty texts: not said."""

    street: str = ""
    city: str = ""
    post_code: str = ""
    # A state, a province.
    region: str = ""
    # ISO 3166-1 alpha-2.
    country: str = ""

    def check(self) -> "Address":
        """Return the address itself; refuse one without a country, which decides the taxes."""
        if not self.country:
            raise Invalid("order.ship_to_malformed", "where goods go needs the two-letter code of its country")
        check_country(self.country)
        return self


def check_shipments(known: int) -> None:
    """Refuse one more shipment of an order that has so many already."""
    if known >= SHIPMENTS_MAX:
        raise Conflict("shipment.too_many", f"an order ships in at most {SHIPMENTS_MAX:,} parts")


class LineKind(StrEnum):
    """Whether something is sent or done: VAT tells them apart."""

    GOODS = "GOODS"
    SERVICE = "SERVICE"


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
    kind: LineKind = LineKind.GOODS
    # The seller's own grouping of goods.
    category: str = ""
    # In percent, as the shop computed the order's tax; None: it does not say.
    vat_rate: Decimal | None = None
    # The seller's id of what it is for: a machine, a meter; empty: it does not say.
    asset_id: str = ""


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
    # The legal entity that sells; empty: the tenant's only one.
    seller_id: str = ""
    # Where its goods go; None: to the buyer's address.
    ship_to: Address | None = None
    # The contact who ordered.
    requested_by: str = ""

    def check(self) -> "Order":
        """Return the order itself; refuse one that names nothing, buys nothing or does not add up."""
        if not self.order_id or not self.account_id or self.version < 1:
            raise Invalid("order.incomplete", "an order needs an id, an account and a version of 1 or more")
        _check_lines(self.lines)
        for amount in (self.net, self.tax, self.gross):
            check_billable(amount)
        if self.ship_to is not None:
            self.ship_to.check()
        if self.gross.minor <= 0 or self.tax.minor < 0:
            raise Invalid("order.amount_not_positive", "an order's gross must be above zero, its tax not below")
        if Money.total((line.net for line in self.lines), self.net.currency) != self.net:
            raise Invalid("order.net_mismatch", "the lines do not add up to the order's net amount")
        if self.net + self.tax != self.gross:
            raise Invalid("order.gross_mismatch", f"net {self.net} and tax {self.tax} are not gross {self.gross}")
        return self


def check_billable(amount: Money) -> None:
    """Refuse an amount that no invoice can say: a document has two decimals at most, also of a currency with three.

    Rounded on the invoice alone, the order, its hold and the ledger would say different amounts.
    """
    amount.checked()
    if amount.minor % 10 ** max(0, exponent(amount.currency) - DOCUMENT_DECIMALS):
        raise Invalid("order.currency_decimals", f"{amount} has three decimals: an invoice has two at most (EN 16931)")


def _check_lines(lines: Sequence[OrderLine]) -> None:
    if not lines:
        raise Invalid("order.no_lines", "an order needs at least one line")
    if len(lines) > LINES_MAX:
        raise Invalid(TOO_LARGE, f"an order has at most {LINES_MAX:,} lines")
    if len({line.line_id for line in lines}) != len(lines):
        raise Invalid("order.line_repeated", "two lines have the same id")
    for line in lines:
        check_billable(line.net)
        if line.quantity <= 0:
            raise Invalid(
                "order.quantity_not_positive", f"line {quoted(line.line_id)}: the quantity must be above zero"
            )
        if line.unit_price < 0:
            raise Invalid("order.price_negative", f"line {quoted(line.line_id)}: the price must not be below zero")
        if line.vat_rate is not None and not 0 <= line.vat_rate <= 100:
            raise Invalid("order.rate_malformed", f"line {quoted(line.line_id)}: a VAT rate is 0 to 100 percent")
        if Money.of(product(line.quantity, line.unit_price), line.net.currency).minor != line.net.minor:
            raise Invalid("order.line_mismatch", f"line {quoted(line.line_id)}: quantity x price is not {line.net}")

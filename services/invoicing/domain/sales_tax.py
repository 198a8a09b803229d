"""Sales tax of a US seller: outside VAT, a line of its own on the document, owed to a state and no revenue.

How much it is depends on thousands of places and kinds of goods: whoever knows is asked through TaxService. Today that is
the shop, whose order says it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from services.documents import model
from services.documents.model import VatCategory
from services.documents.totals import decimals
from services.invoicing.domain.statements import Line, Statement
from services.kernel.money import Money, exponent
from services.kernel.orders import Order, OrderLine

NAME = "Sales tax"
_PIECE = "C62"
_OUTSIDE = model.LineVat(category=VatCategory.OUTSIDE_SCOPE)
NOTHING = Decimal(0)


class TaxService(Protocol):
    """Knows what sales tax a shipment bears."""

    def tax_of(
        self, order: Order, quantities: Sequence[tuple[OrderLine, Decimal]], before: Mapping[str, Decimal]
    ) -> Money:
        """The tax of these lines, of which so much had left before; over all shipments, the order's."""
        ...


class OrdersFigure:
    """The tax that the shop computed, over the lines by their net amounts, of each line by what leaves of it.

    Each line's part is what is due up to this shipment less what was due up to the one before: the last one takes what
    rounding left.
    """

    def tax_of(
        self, order: Order, quantities: Sequence[tuple[OrderLine, Decimal]], before: Mapping[str, Decimal]
    ) -> Money:
        """The tax of these lines, of which so much had left before; over all shipments, the order's."""
        unit = _unit(order.tax.currency)
        parts = {
            line.line_id: (Fraction(part), line) for line, part in zip(order.lines, _spread(order, unit), strict=True)
        }
        due = 0
        for line, quantity in quantities:
            earlier = before.get(line.line_id, NOTHING)
            part, ordered = parts[line.line_id]
            if line.unit_price != ordered.unit_price and ordered.unit_price:  # a case found another price right
                part *= Fraction(line.unit_price) / Fraction(ordered.unit_price)
            due += _up_to(part, earlier + quantity, line) - _up_to(part, earlier, line)
        return Money(due * unit, order.tax.currency)


SERVICE: TaxService = OrdersFigure()


def _unit(currency: str) -> int:
    """The smallest amount that a document can say, in minor units."""
    return int(10 ** (exponent(currency) - decimals(currency)))


def _spread(order: Order, unit: int) -> list[int]:
    """The order's tax over its lines by their net amounts, the rest by largest remainder; free lines alike, if all are."""
    weights = [line.net.minor for line in order.lines]
    weights = weights if any(weights) else [1] * len(weights)
    units, whole = order.tax.minor // unit, sum(weights)
    floors = [divmod(units * weight, whole) for weight in weights]
    left = units - sum(floor for floor, _ in floors)
    favoured = set(sorted(range(len(floors)), key=lambda nth: -floors[nth][1])[:left])
    return [floor + (nth in favoured) for nth, (floor, _) in enumerate(floors)]


def _up_to(part: Fraction, quantity: Decimal, line: OrderLine) -> int:
    """The tax of so much of a line, half up."""
    return _half_up(part * Fraction(quantity) / Fraction(line.quantity))


def _half_up(value: Fraction) -> int:
    """The nearest whole number; of two the higher one."""
    return int((value + Fraction(1, 2)).__floor__())


def line(line_id: str, due: Money) -> model.InvoiceLine:
    """The document's line of it."""
    return model.InvoiceLine(
        id=line_id,
        quantity=Decimal(1),
        unit=_PIECE,
        net_amount=due.decimal.quantize(Decimal(1).scaleb(-decimals(due.currency))),
        price=model.Price(net=due.decimal),
        vat=_OUTSIDE,
        item=model.Item(name=NAME),
    )


def stated(told: model.InvoiceLine, currency: str, *, invoice_line_id: str = "") -> Line:
    """What that line says."""
    return Line(
        line_id=told.id,
        order_line_id="",
        invoice_line_id=invoice_line_id,
        sku="",
        name=told.item.name,
        quantity=told.quantity,
        unit=told.unit,
        unit_price=told.price.net,
        net=Money.of(told.net_amount, currency),
        vat_category=told.vat.category,
        vat_rate=told.vat.rate,
        is_sales_tax=True,
    )


def line_of(invoice: Statement) -> Line | None:
    """The invoice's line of sales tax, if it has one."""
    return next((line for line in invoice.lines if line.is_sales_tax), None)

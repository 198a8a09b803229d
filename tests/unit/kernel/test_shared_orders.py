"""What the shop's contract says of an order is what the kernel's order says."""

from decimal import Decimal

import pytest
from receivables.common.v1 import party_pb2
from receivables.orders.v1 import events_pb2

from services import contracts
from services.kernel.orders import Address, LineKind
from services.kernel.refusals import Invalid


def told() -> events_pb2.OrderPlaced:
    message = events_pb2.OrderPlaced(
        order_id="o1",
        version=1,
        account_id="b1",
        currency="EUR",
        placed_on="2026-03-02",
        promised_ship_on="2026-03-04",
        net_minor=1000,
        tax_minor=100,
        gross_minor=1100,
    )
    message.lines.add(line_id="1", quantity="1", unit_price="10", net_minor=1000)
    return message


def test_an_order_that_says_nothing_more_is_of_goods_for_the_buyers_address() -> None:
    order = contracts.order(told())

    assert (order.seller_id, order.ship_to, order.requested_by) == ("", None, "")
    [line] = order.lines
    assert (line.kind, line.category, line.vat_rate) == (LineKind.GOODS, "", None)


def test_who_sells_where_it_goes_who_asked_and_what_each_line_is_are_read() -> None:
    message = told()
    message.seller_id, message.requested_by = "s2", "c1"
    message.ship_to.CopyFrom(
        party_pb2.Address(street="Rue 1", city="Lyon", post_code="69001", region="X", country="FR")
    )
    message.lines[0].kind = events_pb2.LINE_KIND_SERVICE
    message.lines[0].category, message.lines[0].vat_rate = "advice", "10"

    order = contracts.order(message)

    assert (order.seller_id, order.requested_by) == ("s2", "c1")
    assert order.ship_to == Address("Rue 1", "Lyon", "69001", "X", "FR")
    assert contracts.address_message(order.ship_to) == message.ship_to
    assert (order.lines[0].kind, order.lines[0].category, order.lines[0].vat_rate) == (
        LineKind.SERVICE,
        "advice",
        Decimal(10),
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("vat_rate", "ten", "number.malformed"),
        ("vat_rate", "101", "order.rate_malformed"),
        ("kind", 9, "order.kind_unknown"),
    ],
)
def test_what_a_line_cannot_mean_is_refused(field: str, value: object, code: str) -> None:
    message = told()
    setattr(message.lines[0], field, value)

    with pytest.raises(Invalid) as refused:
        contracts.order(message)

    assert refused.value.code == code

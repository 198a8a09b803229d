"""What the contracts allow is looked at before anything is read."""

import pytest
from receivables.orders.v1 import events_pb2

from services import contracts
from services.kernel.refusals import Invalid


def an_order(lines: int) -> events_pb2.OrderPlaced:
    order = events_pb2.OrderPlaced(order_id="o1", version=1, account_id="b1", currency="EUR", placed_on="2026-01-05")
    order.promised_ship_on, order.net_minor, order.gross_minor = "2026-01-06", lines, lines
    for n in range(lines):
        order.lines.add(line_id=str(n), sku="s", name="n", quantity="1", unit_price="0.01", net_minor=1)
    return order


def test_an_order_of_ten_thousand_lines_is_taken():
    assert len(contracts.order(an_order(10_000)).lines) == 10_000


def test_a_line_more_is_too_large():
    with pytest.raises(Invalid) as refused:
        contracts.order(an_order(10_001))

    assert refused.value.code == "order.too_large"


def test_of_what_was_shipped_too_there_are_ten_thousand_lines_at_most():
    shipped = events_pb2.OrderShipped(lines=[events_pb2.ShippedLine(line_id=str(n)) for n in range(10_000)])
    assert len(contracts.lines(shipped)) == 10_000
    shipped.lines.add(line_id="one more")

    with pytest.raises(Invalid) as refused:
        contracts.lines(shipped)

    assert refused.value.code == "order.too_large"

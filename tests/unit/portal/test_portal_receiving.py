"""What of an order nobody has confirmed yet, as its page offers it."""

from decimal import Decimal

from receivables.orders.v1 import events_pb2

from services.portal.domain.receiving import Left, left


def shipped(shipment: str, *lines: tuple[str, str]) -> events_pb2.OrderShipped:
    body = events_pb2.OrderShipped(shipment_id=shipment, shipped_on="2026-03-02")
    for line_id, quantity in lines:
        body.lines.add(line_id=line_id, quantity=quantity)
    return body


def received(shipment: str, *lines: tuple[str, str, str]) -> events_pb2.GoodsReceived:
    body = events_pb2.GoodsReceived(shipment_id=shipment)
    for line_id, good, damaged in lines:
        body.lines.add(line_id=line_id, quantity=good, damaged=damaged)
    return body


def test_what_arrived_damaged_or_not_is_not_asked_again():
    parts = [shipped("p1", ("1", "10"), ("2", "3")), shipped("p2", ("1", "5"))]
    receipts = [received("p1", ("1", "6", "1")), received("p1", ("2", "3", "")), received("p2", ("1", "5", "0"))]

    assert left(parts, receipts) == [Left("p1", "2026-03-02", (("1", Decimal(3)),))]
    assert [one.shipment_id for one in left(parts, [])] == ["p1", "p2"]

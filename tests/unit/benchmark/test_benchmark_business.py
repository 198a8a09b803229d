"""The prepared records of the load are what an honest shop would tell."""

from typing import Any

from receivables.orders.v1 import events_pb2

from services.chassis.envelope import Event, Record, decode, text_headers, topic_of
from services.chassis.logs import trace_id
from tests.benchmark import business

TYPES = {str(message.DESCRIPTOR.full_name): message for message in (events_pb2.OrderPlaced, events_pb2.OrderShipped)}


def decoded(record: business.Record) -> Event[Any]:
    return decode(Record("", 0, 0, record.key, record.value, text_headers(record.headers)), TYPES)


def test_an_order_is_whole_and_its_shipment_is_of_all_of_it():
    pattern = business.patterns()[7]

    placed = decoded(business.placed(pattern, "r", 42, business.now()))
    shipped = decoded(business.shipped(pattern, "r", 42, business.now()))

    assert (placed.body.order_id, placed.subject, placed.account_id) == ("r-42", "order/r-42", "B007")
    assert placed.body.account_id == placed.account_id and placed.tenant == business.TENANT
    assert len(placed.body.lines) == business.LINES
    assert placed.body.net_minor + placed.body.tax_minor == placed.body.gross_minor == pattern.gross_minor
    assert (shipped.body.order_id, shipped.body.final) == ("r-42", True)
    assert [line.quantity for line in shipped.body.lines] == [line.quantity for line in placed.body.lines]


def test_every_record_is_an_event_of_its_own():
    pattern, at = business.patterns()[0], business.now()

    made = [
        decoded(tell(pattern, run, number, at))
        for run in ("a", "b")
        for number in range(50)
        for tell in (business.placed, business.shipped)
    ]

    assert len({event.id for event in made}) == len(made) == 200
    assert all(trace_id(event.origin.traceparent) for event in made)


def test_the_topic_is_that_of_the_contract():
    assert topic_of(events_pb2.OrderPlaced) == business.ORDERS

"""What arrived of an order: told by carriers, said by a click or by lines, and never more than was shipped."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from receivables.invoicing.v1 import service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from tests.integration.invoicing.office import Office, OpenOffice, buyer, placed, received, shipped
from tests.integration.invoicing.test_invoicing_calls import refused
from tests.integration.invoicing.test_invoicing_orders import PORTAL, SOURCES, by, hear, said, shown


@pytest.fixture
async def office(open_office: OpenOffice) -> AsyncIterator[Office]:
    """Give an office with an order that left in two parts."""
    async with open_office(order_sources=SOURCES) as opened:
        await opened.register_seller()
        await opened.handle(
            buyer(),
            buyer("b2"),
            placed(),
            shipped(quantities=(("1", "10"),), final=False),
            shipped(shipment="p2", quantities=(("2", "3"),)),
        )
        yield opened


async def confirm(office: Office, *lines: tuple[str, str, str], order: str = "o1", **said: str) -> list[str]:
    request = service_pb2.ConfirmReceiptRequest(account_id="b1", order_id=order, **said)  # type: ignore[arg-type] # all are texts
    for line_id, good, damaged in lines:
        request.lines.add(line_id=line_id, quantity=good, damaged=damaged)
    return list((await office.stub.ConfirmReceipt(request, metadata=by("contact:c1"))).receipt_ids)


def quantities(order: Any) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [
        (one.shipment_id, [(line.line_id, line.quantity, line.damaged) for line in one.lines]) for one in order.receipts
    ]


async def test_everything_is_confirmed_by_one_click_and_twice_is_once(office: Office) -> None:
    first = await confirm(office)
    again = await confirm(office)
    assert (len(first), first) == (2, again)

    await hear(office)

    order = await shown(office)
    assert quantities(order) == [("p1", [("1", "10", "0")]), ("p2", [("2", "3", "0")])] or quantities(order) == [
        ("p2", [("2", "3", "0")]),
        ("p1", [("1", "10", "0")]),
    ]
    assert {one.received_by for one in order.receipts} == {"c1"}
    assert await confirm(office) == []
    assert [record.headers["ce_subject"] for record in await office.told(PORTAL)] == ["receipt/o1"] * 4
    assert await said(office) == ["GoodsReceived"] * 4


async def test_several_receipts_of_a_shipment_add_up_and_the_rest_is_confirmed_by_a_click(office: Office) -> None:
    await confirm(office, ("1", "3", "1"), shipment_id="p1", receipt_id="mine")
    await hear(office)
    await office.handle(received(receipt="carrier", lines=(("1", "2", ""),)))
    await confirm(office, shipment_id="p1")
    await hear(office)

    arrived = [line for one in (await shown(office)).receipts for line in one.lines]
    assert sorted((line.quantity, line.damaged) for line in arrived) == [("2", "0"), ("3", "1"), ("4", "0")]


async def test_more_than_was_shipped_cannot_have_arrived(office: Office) -> None:
    await office.handle(received(lines=(("1", "8", "1"),)))
    await office.handle(received(lines=(("1", "8", "1"),)), received(receipt="r2", lines=(("1", "2", "0"),)))

    assert len((await shown(office)).receipts) == 1
    for call, status, code in (
        (confirm(office, ("1", "2", ""), shipment_id="p1", receipt_id="x"), "F", "receipt.exceeds_shipment"),
        (confirm(office, ("1", "9", ""), shipment_id="p1", receipt_id="r1"), "F", "receipt.id_reused"),
        (confirm(office, ("9", "1", ""), shipment_id="p1", receipt_id="x"), "I", "receipt.unknown_line"),
        (confirm(office, ("1", "-1", ""), shipment_id="p1", receipt_id="x"), "I", "receipt.quantity_negative"),
        (confirm(office, ("1", "1", ""), shipment_id="p1"), "I", "receipt.incomplete"),
        (confirm(office, ("1", "1", ""), shipment_id="p9", receipt_id="x"), "N", "receipt.unknown_shipment"),
        (confirm(office, order="ox"), "N", "order.unknown"),
    ):
        statuses = {
            "F": grpc.StatusCode.FAILED_PRECONDITION,
            "I": grpc.StatusCode.INVALID_ARGUMENT,
            "N": grpc.StatusCode.NOT_FOUND,
        }
        assert await refused(call) == (statuses[status], code), code


async def test_what_is_told_before_its_shipment_waits_for_it_and_holds_nothing_back(office: Office) -> None:
    await office.handle(placed("o2"), received("o2"), shipped("o2"))

    [receipt] = (await shown(office, "o2")).receipts
    assert receipt.lines == [orders_pb2.ReceivedLine(line_id="1", quantity="10", damaged="0")]

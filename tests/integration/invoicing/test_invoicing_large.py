"""The largest order there may be is kept and can be invoiced; a line more is refused at the door."""

from collections.abc import Sequence

from receivables.invoicing.v1 import events_pb2

from tests.integration.invoicing.office import Office, placed, shipped

MANY: Sequence[tuple[str, str, str, str]] = [(str(n), "1", "1.00", "STANDARD") for n in range(10_001)]


async def test_of_an_order_of_ten_thousand_lines_what_ships_is_invoiced(office: Office) -> None:
    await office.handle(placed(lines=MANY[:10_000]), shipped(quantities=[("9999", "1")], final=False))

    assert [invoice.net_minor for invoice in await office.invoices()] == [100]
    assert await office.parked() == []


async def test_an_order_of_a_line_more_is_refused_and_its_neighbour_invoiced(office: Office) -> None:
    await office.handle(placed("o1", lines=MANY), placed("o2"), shipped("o2"))

    assert await office.parked() == [("refused", "order.too_large")]
    assert len(await office.invoices()) == 1


async def test_a_shipment_of_a_line_more_is_refused_and_told(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[(line_id, "1") for line_id, *_ in MANY]))

    assert await office.parked() == [("refused", "order.too_large")]
    assert [told.code for told in await office.announced(events_pb2.ShipmentRefused)] == ["order.too_large"]

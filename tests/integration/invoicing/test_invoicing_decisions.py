"""Invoiced on approval, once and as agreed, whatever overtakes what; refused orders, whose shipments do not wait for ever."""

import asyncio

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import decode
from services.invoicing import usecases
from services.invoicing.stream import HANDLERS
from tests.integration.invoicing.office import Office, approved, buyer, cancelled, decided, placed, shipped

PART = [("1", "4")]
LOCKED_OUT = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def invoiced(office: Office) -> list[tuple[str, bool, int]]:
    return [(one.shipment_id, one.final, one.gross_minor) for one in await office.invoices()]


async def is_locked_out(office: Office) -> bool:
    async with office.parts.database.glance() as tx:  # one transaction would see the same activity all the time
        return bool(await tx.rows(LOCKED_OUT))


async def test_a_shipment_that_overtakes_the_decision_is_invoiced_once_with_the_whole_order(office: Office) -> None:
    await office.set_contract(on_approval=True)
    await office.handle(placed(), shipped(quantities=PART, final=False))
    await office.handle(decided(credit_pb2.OUTCOME_REFERRED))
    assert await invoiced(office) == []

    await office.handle(approved())
    await office.handle(shipped(shipment="p2", quantities=[("1", "6"), ("2", "3")]), approved())

    assert await invoiced(office) == [("", True, 18082)]
    assert await office.parked() == []


async def test_what_shipped_though_it_was_declined_is_invoiced_by_shipments(office: Office) -> None:
    await office.set_contract(on_approval=True)
    await office.handle(placed(), shipped(quantities=PART, final=False))
    await office.handle(decided(credit_pb2.OUTCOME_DECLINED))
    await office.handle(shipped(shipment="p2", quantities=[("1", "6"), ("2", "3")]))

    assert await invoiced(office) == [("p1", False, 5950), ("p2", True, 12132)]
    assert await office.announced(events_pb2.ShipmentRefused) == []


async def test_what_shipped_of_a_cancelled_order_is_invoiced_though_nobody_decided(office: Office) -> None:
    await office.set_contract(on_approval=True)
    await office.handle(placed(), shipped(quantities=PART, final=False), cancelled(), cancelled())
    await office.handle(approved())

    assert await invoiced(office) == [("p1", True, 5950)]


async def test_what_was_agreed_when_the_order_was_placed_holds_for_it(office: Office) -> None:
    await office.set_contract(on_approval=True)
    await office.handle(placed("o1"))
    await office.set_contract()
    await office.handle(placed("o2"), approved("o1"), approved("o2"))
    await office.set_contract(on_approval=True)
    await office.handle(approved("o2"))  # told again

    assert [(one.order_id, one.shipment_id) for one in await office.invoices()] == [("o1", "")]


async def test_what_the_version_before_invoiced_by_shipments_is_not_invoiced_whole(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=PART, final=False))
    async with office.parts.database.transaction(["acme"]) as tx:  # as kept here, and invoiced by the other version
        await tx.run("UPDATE sales_order SET awaits_decision = true")
    await office.handle(shipped(shipment="p2", quantities=PART, final=False))
    await office.handle(approved())

    assert [one.shipment_id for one in await office.invoices()] == ["p1", "p2"]


async def test_a_shipment_of_a_refused_order_is_refused_and_told_whichever_came_first(office: Office) -> None:
    free = [("1", "1", "0.00", "STANDARD")]  # an order of nothing is refused
    await office.handle(placed("o1", free), shipped("o1", quantities=[("1", "1")]))
    await office.handle(shipped("o2", quantities=[("1", "1")]))
    assert [code for _, code in await office.parked()][2:] == ["event.early"]
    await office.handle(placed("o2", free))

    told = await office.announced(events_pb2.ShipmentRefused)
    assert [(one.order_id, one.shipment_id, one.code) for one in told] == [
        ("o1", "p1", "order.refused"),
        ("o2", "p1", "order.refused"),
    ]
    assert "order.amount_not_positive" in told[0].message
    assert ("early", "event.early") not in await office.parked()


async def test_a_corrected_version_heals_a_refused_order_and_what_shipped_is_invoiced(office: Office) -> None:
    await office.handle(placed("o1", [("1", "1", "0.00", "STANDARD")]), shipped("o1", quantities=[("1", "1")]))
    await office.handle(placed("o1", [("1", "1", "10.00", "STANDARD")], version=2))

    assert await invoiced(office) == [("p1", True, 1190)]
    assert await office.parked() == [("refused", "order.amount_not_positive")]


async def test_a_refused_new_version_leaves_the_order_as_it_stands(office: Office) -> None:
    await office.handle(placed(), placed(lines=[("1", "1", "0.00", "STANDARD")], version=2), shipped())

    assert await invoiced(office) == [("p1", True, 18082)]


async def test_a_decision_about_a_refused_order_waits_for_nothing_but_one_about_its_next_version_does(
    office: Office,
) -> None:
    await office.set_contract(on_approval=True)
    await office.handle(placed("o1", [("1", "1", "0.00", "STANDARD")]), approved("o1"), approved("o1", version=2))
    assert [reason for reason, _ in await office.parked()] == ["refused", "early"]

    await office.handle(placed("o1", [("1", "1", "10.00", "STANDARD")], version=2))

    assert await invoiced(office) == [("", True, 1190)]
    assert [reason for reason, _ in await office.parked()] == ["refused"]


async def test_of_two_accounts_that_place_one_order_at_once_the_second_is_refused_and_nothing_is_a_defect(
    office: Office,
) -> None:
    await office.handle(buyer("b2"))
    first = placed()
    async with office.parts.database.transaction(["acme"]) as tx, asyncio.timeout(10):
        await usecases.keep(tx, [decode(first, types_of(first.topic, HANDLERS))])
        second = asyncio.create_task(office.parts.consumer.handle([placed(account="b2", version=2)]))
        while not await is_locked_out(office):
            await asyncio.sleep(0.01)
    await second

    assert await office.parked() == [("refused", "order.account_changed")]

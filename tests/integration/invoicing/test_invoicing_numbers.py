"""Numbers without gap, whatever happens: two writers at once, rollbacks, drafts that fail, a clock that goes back."""

import asyncio
from contextlib import suppress
from datetime import date, timedelta

import pytest
from psycopg.errors import SerializationFailure
from receivables.invoicing.v1 import events_pb2, service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Record, decode
from services.invoicing import store, usecases
from services.invoicing.domain.numbers import Series
from services.invoicing.domain.statements import Kind
from tests.integration.invoicing.office import MONDAY, Office, buyer, buyer_changed, company, metadata, placed, shipped

# The scheme of its electronic address is missing (BR-63): its documents break a rule.
BROKEN = company()
BROKEN.electronic_address_scheme = ""


class InterruptedHereError(Exception):
    """The process ends between the number and the commit."""


async def places(office: Office) -> list[int]:
    """Where the invoices stand in their series, lowest first."""
    async with office.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT series_number FROM issued WHERE kind = '380' ORDER BY series_number")
    return [row.series_number for row in rows]


async def ship(tx: Tx, *records: Record) -> None:
    types = {"receivables.orders.v1.OrderShipped": orders_pb2.OrderShipped}
    await usecases.ship(tx, [decode(record, types) for record in records])


async def test_two_writers_at_once_leave_no_gap_and_no_number_twice(office: Office) -> None:
    orders = [f"o{nth}" for nth in range(40)]
    await office.handle(*(placed(order) for order in orders))

    async def writer(mine: list[str]) -> None:
        for start in range(0, len(mine), 5):
            async with office.parts.database.transaction(["acme"]) as tx:
                await ship(tx, *(shipped(order) for order in mine[start : start + 5]))

    await asyncio.gather(writer(orders[0::2]), writer(orders[1::2]))
    await asyncio.gather(*(office.issue() for _ in range(3)))
    await office.issue()

    assert await places(office) == list(range(1, 41))


async def test_a_batch_that_is_rolled_back_leaves_no_gap(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), placed("o3"), shipped("o1"))

    with suppress(InterruptedHereError):
        async with office.parts.database.transaction(["acme"]) as tx:
            await ship(tx, shipped("o2"))
            raise InterruptedHereError
    await office.handle(shipped("o3"))

    assert await places(office) == [1, 2]
    assert (await office.invoices())[-1].order_id == "o3"


async def test_a_draft_that_breaks_a_rule_is_held_without_a_number_until_it_is_put_right(office: Office) -> None:
    await office.handle(buyer("b2", BROKEN))
    await office.handle(placed("o2", account="b2"), placed("o1"))
    await office.handle(shipped("o2", account="b2"), shipped("o1"))

    [held] = await office.announced(events_pb2.DocumentHeld)
    assert (held.account_id, held.order_id, held.shipment_id) == ("b2", "o2", "p1")
    assert [finding.rule for finding in held.findings] == ["BR-63"]
    assert [invoice.order_id for invoice in await office.invoices()] == ["o1"]

    await office.handle(buyer_changed(company(), "b2"))

    late = (await office.invoices())[-1]
    assert (late.order_id, late.number, late.invoice_id) == ("o2", "RE-2026-000002", held.draft_id)
    assert await places(office) == [1, 2]


async def test_a_held_draft_is_listed_and_tried_again_by_a_call(office: Office) -> None:
    await office.handle(buyer("b2", BROKEN), placed("o2", account="b2"), shipped("o2", account="b2"))
    listed = await office.stub.ListHeld(service_pb2.ListHeldRequest(account_id="b2"), metadata=metadata())
    again = service_pb2.RetryHeldRequest(account_id="b2")
    before = await office.stub.RetryHeld(again, metadata=metadata())
    await office.issue()
    async with office.parts.database.transaction(["acme"]) as tx:  # put right without an event
        await tx.run("UPDATE buyer SET company = (SELECT company FROM buyer WHERE account_id = 'b1')")
    after = await office.stub.RetryHeld(again, metadata=metadata())
    await office.issue()

    assert [draft.findings[0].rule for draft in listed.drafts] == ["BR-63"]
    assert (before.queued, after.queued) == (1, 1)
    assert [invoice.number for invoice in await office.invoices()] == ["RE-2026-000001"]
    assert len(await office.announced(events_pb2.DocumentHeld)) == 1  # the same findings are told once
    empty = await office.stub.ListHeld(service_pb2.ListHeldRequest(), metadata=metadata())
    assert list(empty.drafts) == []


async def test_held_drafts_are_listed_a_page_at_a_time_oldest_first(office: Office) -> None:
    await office.handle(buyer("b2", BROKEN), buyer("b3", BROKEN))
    for n in range(5):
        account = f"b{2 + n % 2}"
        await office.handle(placed(f"o{n}", account=account), shipped(f"o{n}", account=account))

    async def pages(account: str) -> list[list[str]]:
        found, token = [], ""
        while True:
            request = service_pb2.ListHeldRequest(account_id=account, page_size=2, page_token=token)
            page = await office.stub.ListHeld(request, metadata=metadata())
            found.append([draft.order_id for draft in page.drafts])
            if not (token := page.next_page_token):
                return found

    assert await pages("") == [["o0", "o1"], ["o2", "o3"], ["o4"]]
    assert await pages("b2") == [["o0", "o2"], ["o4"]]
    assert await pages("b3") == [["o1", "o3"], []]


async def test_an_invoice_is_not_the_last_while_another_of_its_order_is_held(office: Office) -> None:
    await office.handle(placed(), buyer_changed(BROKEN))
    await office.handle(shipped(quantities=[("1", "4")], final=False))
    async with office.parts.database.transaction(["acme"]) as tx:
        await tx.run("""UPDATE buyer SET company = jsonb_set(company, '{electronic_address_scheme}', '"EM"')""")
    await office.handle(shipped(shipment="p2", quantities=[("1", "6")]))
    await office.handle(buyer_changed(company()))

    assert [(one.shipment_id, one.final) for one in await office.invoices()] == [("p2", False), ("p1", True)]


async def test_a_draft_that_can_no_longer_be_drawn_stays_held_with_the_reason(office: Office) -> None:
    unknown = [("1", "1", "1.00", "STANDARD")]
    await office.handle(placed(lines=unknown), buyer_changed(BROKEN), shipped(quantities=[("1", "1")]))
    async with office.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE order_line SET tax_class = 'MAGIC'")
    await office.handle(buyer_changed(company()))
    listed = await office.stub.ListHeld(service_pb2.ListHeldRequest(), metadata=metadata())

    assert [draft.findings[0].rule for draft in listed.drafts] == ["tax.class_unknown"]
    assert await office.parked() == []


async def test_the_date_never_goes_back_within_a_series(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), shipped("o1"))
    await office.set_clock(MONDAY - timedelta(days=3))
    await office.handle(shipped("o2"))

    assert [invoice.issue_date for invoice in await office.invoices()] == ["2026-03-02", "2026-03-02"]


async def test_a_number_is_never_given_to_a_document_dated_before_the_newest_of_its_series(office: Office) -> None:
    await office.handle(placed(), shipped())  # on 2 March
    series = Series("acme", "s1", Kind.INVOICE, 2026, "RE")

    with pytest.raises(SerializationFailure):  # to be drafted again, with a later date
        async with office.parts.database.transaction(["acme"]) as tx:
            await store.take_numbers(tx, {series: (1, date(2026, 3, 1))})
    async with office.parts.database.transaction(["acme"]) as tx:
        assert await store.take_numbers(tx, {series: (2, date(2026, 3, 2))}) == {series: 2}


async def test_a_clock_that_goes_back_over_new_year_leaves_the_new_years_series_growing(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"))
    await office.set_clock(MONDAY.replace(year=2027, month=1, day=1))
    await office.handle(shipped("o1"))
    await office.set_clock(MONDAY.replace(year=2026, month=12, day=31))
    await office.handle(shipped("o2"))

    assert [(one.issue_date, one.number) for one in await office.invoices()] == [
        ("2027-01-01", "RE-2027-000001"),
        ("2027-01-01", "RE-2027-000002"),
    ]


async def test_the_date_of_issue_is_the_sellers_and_a_new_year_begins_at_one(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), shipped("o1"))
    await office.set_clock(MONDAY.replace(month=12, day=31, hour=23, minute=30))  # 0:30 in Berlin
    await office.handle(shipped("o2", on="2026-12-31"))

    invoices = await office.invoices()
    assert [(one.issue_date, one.number) for one in invoices] == [
        ("2026-03-02", "RE-2026-000001"),
        ("2027-01-01", "RE-2027-000001"),
    ]


async def test_a_batch_of_five_hundred_shipments_costs_a_handful_of_statements(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [f"o{nth}" for nth in range(500)]
    statements: list[str] = []
    real_run, real_rows = Tx.run, Tx.rows

    async def run(tx: Tx, sql: str, params: object = ()) -> int:
        statements.append(sql)
        return await real_run(tx, sql, params)  # type: ignore[arg-type]

    async def rows(tx: Tx, sql: str, params: object = ()) -> object:
        statements.append(sql)
        return await real_rows(tx, sql, params)  # type: ignore[arg-type]

    await office.handle(*(placed(order, [("1", "1", "1.00", "STANDARD")]) for order in orders))
    monkeypatch.setattr(Tx, "run", run)
    monkeypatch.setattr(Tx, "rows", rows)
    await office.handle(*(shipped(order, quantities=[("1", "1")]) for order in orders))

    assert await places(office) == list(range(1, 501))
    assert len(statements) < 40 * 6  # a batch of events, five of drafts

"""A payment of very many items: a chunk in each transaction, in the order of the payments, whoever pays meanwhile."""

import asyncio
from typing import Any

import pytest

from services.chassis import jobs, parked
from services.chassis.envelope import Origin
from services.chassis.jobs import Job
from services.chassis.parked import Listed, Reason
from services.chassis.workers import Worker, drain
from services.ledger.service import SERVICE
from services.ledger.usecases import payments
from tests.integration.ledger.desk import Desk, credited, issued, registered
from tests.integration.ledger.test_ledger_payments import applied


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a transaction meet few items, and nobody wait long for a turn."""
    monkeypatch.setattr(payments, "AT_ONCE", 3)
    monkeypatch.setattr(payments, "TURN_S", 0.0)


async def owed(desk: Desk, items: int, minor: int = 100) -> None:
    await desk.follow(registered())
    await desk.follow(*[issued(f"i{n:04}", minor, 0, due=f"2026-03-{1 + n // 100:02}") for n in range(items)])


async def met(desk: Desk) -> list[tuple[str, str, int]]:
    """Which payment met which item, in the order of telling."""
    return [(m.payment_id, m.invoice_id, m.amount.minor) for kind, _, m in await desk.told() if kind == "CashApplied"]


async def test_a_payment_of_two_thousand_items_is_met_in_chunks_oldest_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(payments, "AT_ONCE", 70)
    await owed(desk, 2_000)

    answer = await desk.pay("p1", 200_050)
    assert (len(answer.applications), answer.continues, answer.unapplied.minor) == (70, True, 200_050 - 7_000)
    assert (await desk.account())["EUR"]["unapplied"] == 193_050
    await desk.work()

    assert await desk.items() == {}
    assert await desk.trial() == {"1000": 200_050, "2100": -50, "4000": -200_000}
    assert [invoice for _, invoice, _ in await met(desk)] == [f"i{n:04}" for n in range(2_000)]
    chunks = await desk.rows(
        "SELECT count(*) AS n FROM entry WHERE kind = 'cash_applied' GROUP BY xmin::text ORDER BY min(booked_at)"
    )
    assert max(row.n for row in chunks) == 70
    assert len(chunks) == 29
    again = await desk.pay("p1", 200_050)
    assert (len(again.applications), again.continues, again.unapplied.minor) == (1_000, False, 50)
    assert await desk.rows("SELECT FROM matching") == []


async def test_every_chunk_is_told_with_where_the_account_stands_then(desk: Desk):
    await owed(desk, 8)
    await desk.pay("p1", 800, value_date="2026-01-31", key="k-1")
    await desk.work()

    told = [(kind, m) for kind, _, m in await desk.told() if kind != "ItemOpened"]
    assert [kind for kind, _ in told] == ["PaymentReceived", *["CashApplied", "ItemReduced"] * 8]
    assert told[0][1].continues
    assert told[0][1].unapplied.minor == 500
    assert [(m.after[0].open.minor, m.after[0].unapplied.minor) for _, m in told[1::2]] == [
        (700 - 100 * n, 700 - 100 * n) for n in range(8)
    ]
    entries = await desk.rows(
        "SELECT DISTINCT event_id, actor, effective_on::text FROM entry WHERE kind = 'cash_applied'"
    )
    assert entries == [("call/k-1", "user:ada", "2026-01-31")]
    sequences = await desk.rows("SELECT (headers->>'ce_sequence')::int AS n FROM outbox ORDER BY id")
    assert [row.n for row in sequences] == list(range(1, len(sequences) + 1))


async def test_a_later_payment_does_not_overtake_one_that_is_being_matched(desk: Desk):
    await owed(desk, 20)
    await desk.pay("p1", 1_000)

    second = await desk.pay("p2", 500)
    third = await desk.pay("p3", 1_000)
    await desk.work()

    assert (applied(second), second.continues, second.unapplied.minor) == ([], True, 500)
    assert third.continues
    assert await met(desk) == [
        *[("p1", f"i{n:04}", 100) for n in range(10)],
        *[("p2", f"i{n:04}", 100) for n in range(10, 15)],
        *[("p3", f"i{n:04}", 100) for n in range(15, 20)],
    ]
    assert (await desk.account())["EUR"]["unapplied"] == 500


async def test_a_payment_that_names_its_invoice_waits_for_nobody(desk: Desk):
    await owed(desk, 9)
    await desk.pay("p1", 900)

    named = await desk.pay("p2", 100, "RE-i0007")
    await desk.work()

    assert (applied(named), named.continues) == ([("RE-i0007", 100, "exact_reference")], False)
    assert await met(desk) == [
        *[("p1", f"i000{n}", 100) for n in (0, 1, 2)],
        ("p2", "i0007", 100),
        *[("p1", f"i000{n}", 100) for n in (3, 4, 5, 6, 8)],
    ]
    assert (await desk.account())["EUR"]["unapplied"] == 100


async def test_another_currency_and_another_account_wait_for_nobody(desk: Desk):
    await owed(desk, 9)
    await desk.follow(registered("b2"), issued("s", 100, 0, currency="SEK"), issued("x", 100, 0, account="b2"))
    await desk.pay("p1", 900)

    assert applied(await desk.pay("p2", 100, currency="SEK")) == [("RE-s", 100, "oldest_due")]
    assert applied(await desk.pay("p3", 100, account="b2")) == [("RE-x", 100, "oldest_due")]


async def test_a_statement_meets_no_more_in_its_transaction_than_a_payment(desk: Desk):
    await owed(desk, 10)

    outcomes = await desk.upload(*[f"r{n},b1,2026-02-01,2.00,EUR," for n in range(6)])
    assert {outcome for _, _, outcome, _ in outcomes} == {"booked"}
    assert len(await met(desk)) == 3
    await desk.work()

    assert await met(desk) == [(f"r{n // 2}", f"i{n:04}", 100) for n in range(10)]
    assert (await desk.account())["EUR"] == {"open": 0, "overdue": 0, "disputed": 0, "unapplied": 200, "credits": 0}


async def test_workers_side_by_side_and_what_is_booked_meanwhile_leave_the_books_right(desk: Desk):
    await owed(desk, 40)
    await desk.pay("p1", 3_000)
    await desk.pay("p2", 2_000)

    async def work() -> None:
        [apply] = SERVICE.works(desk.parts)
        worker = Worker(desk.parts.consumer, apply)
        while await desk.rows("SELECT FROM job"):
            await worker.some()

    async def meanwhile() -> None:
        await desk.follow(credited("i0039", 100, 0), issued("late", 100, 0, due="2026-01-01"))
        await desk.pay("p3", 100, "RE-i0038")

    await asyncio.gather(work(), work(), meanwhile())

    books = (await desk.account())["EUR"]
    [paid] = await desk.rows("SELECT sum(amount_minor) AS minor FROM allocation WHERE payment_id IS NOT NULL")
    assert (books["open"], books["unapplied"] - books["credits"]) == (0, 5_100 - 4_000)
    assert books["unapplied"] == 5_100 - paid.minor
    order = [payment for payment, _, _ in await met(desk) if payment != "p3"]
    assert order == sorted(order)
    assert await desk.rows("SELECT FROM matching") == await desk.parked() == []


async def test_a_job_that_comes_again_finds_nothing_to_do(desk: Desk):
    await owed(desk, 5)
    await desk.pay("p1", 500)
    await desk.work()

    again = Job(payments.APPLY, "payment/p1", Origin("acme", "user:ada", "again", "k", ""), lane="b1")
    async with desk.parts.database.transaction(["acme"]) as tx:
        await jobs.add(tx, [again])
    assert await drain(desk.parts.consumer, SERVICE.works(desk.parts)) == 1
    assert len(await met(desk)) == 5


async def parked_job(desk: Desk) -> Listed:
    async with desk.parts.database.transaction(()) as tx:
        [row] = await parked.listed(tx, "ledger")
    return row


@pytest.mark.parametrize("discarded", [True, False])
async def test_a_payment_whose_job_is_parked_holds_back_the_others_until_an_operator_has_seen_to_it(
    desk: Desk, discarded: bool
):
    await owed(desk, 9)
    await desk.pay("p1", 700)
    async with desk.parts.database.transaction(["acme"]) as tx:
        job = Job(payments.APPLY, "payment/p1", Origin("acme", "user:ada", "r", "k", ""), lane="b1")
        await jobs.park(tx, "ledger", job, Reason("failed", "defect.Test", "a defect"))
    await desk.pay("p2", 500)
    await drain_once(desk)
    assert len(await met(desk)) == 3

    if discarded:
        await desk.parts.consumer.discard(await parked_job(desk), by="user:ada", why="by hand")
    else:
        await desk.parts.consumer.replay(await parked_job(desk), by="user:ada")
    await desk.work()

    p1 = 3 if discarded else 7
    assert [payment for payment, _, _ in await met(desk)] == ["p1"] * p1 + ["p2"] * min(5, 9 - p1)
    assert await desk.rows("SELECT FROM matching") == []


async def drain_once(desk: Desk) -> None:
    """Let each job that is there have a turn."""
    [apply] = SERVICE.works(desk.parts)
    assert await Worker(desk.parts.consumer, apply).some()


@pytest.mark.parametrize("minor", [300, 301])
async def test_what_meets_all_it_can_at_once_leaves_no_job(desk: Desk, minor: int):
    await owed(desk, 3)

    answer: Any = await desk.pay("p1", minor)

    assert (answer.continues, answer.unapplied.minor) == (False, minor - 300)
    assert await desk.rows("SELECT FROM job") == []

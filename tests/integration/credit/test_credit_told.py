"""What an account uses is the ledger's newest word; while something of it waits, a person decides."""

from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2, service_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from services.chassis.parked import listed
from services.credit import metrics
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import (
    Desk,
    account_of,
    applied,
    bodies,
    cancelled,
    eur,
    numbered,
    opened,
    paid,
    parked,
    placed,
    register,
    seller,
    shipped,
    standing,
    told,
)
from tests.records import a_record

UNCERTAIN = ("REFERRED", ["exposure_uncertain"])


def broken(body: Any, subject: str, account: str = "b1") -> Any:
    """An event of the ledger that nobody can read."""
    record = a_record(body, account=account, subject=subject)
    return type(record)(record.topic, 0, record.offset, record.key, b"\xff\xff\xff", record.headers)


def corrections() -> float:
    return float(metrics.CORRECTED._value.get())


async def test_a_payment_after_an_item_that_waits_takes_what_is_used_not_below_zero(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100)
        await parts.consumer.handle([placed(gross=100)])
        before = corrections()

        await parts.consumer.handle([broken(ledger_pb2.ItemOpened(account_id="b1"), "invoice/i1")])
        await parts.consumer.handle([numbered(paid(90), 2, standing(10))])

        assert await account_of(parts) == (10, 100)  # the item's hold is held still: counted twice, never less
        assert corrections() == before + 1


async def test_an_item_that_is_replayed_after_newer_events_takes_its_hold_and_changes_nothing_that_is_used(
    open_service: OpenService,
):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=100)])
        await parts.consumer.handle([numbered(paid(90), 2, standing(10))])

        await parts.consumer.handle([numbered(opened(gross=100), 1, standing(100))])

        assert await account_of(parts) == (10, 0)
        assert (await told(parts))[2:] == ["HoldCaptured"]


async def test_every_event_of_the_ledger_tells_the_balance_that_counts(open_service: OpenService):
    reduced = ledger_pb2.ItemReduced(
        invoice_id="i1", account_id="b1", by=ledger_pb2.REDUCTION_PAID, amount=eur(40), cause_id="p1"
    )
    kept = ledger_pb2.CreditKept(invoice_id="i1", account_id="b1", credit_note_number="C-1", amount=eur(5))
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=100)])
        steps = [
            (opened(gross=100), (standing(100),), 100),
            (paid(40), (standing(100, 40),), 60),
            (applied(), (standing(60),), 60),
            (a_record(reduced, account="b1", subject="invoice/i1"), (standing(61),), 61),
            (a_record(kept, account="b1", subject="invoice/i1"), (standing(61, 0, 5),), 56),
            (applied(back=True), (standing(62, 1, 5),), 56),
            (applied("p2"), (standing(0, 0, 0),), 0),
        ]
        for nth, (record, after, used) in enumerate(steps):
            await parts.consumer.handle([numbered(record, nth + 1, *after)])
            assert await account_of(parts) == (used, 0), nth


async def test_the_version_before_tells_no_balances_and_is_added_up(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=100), numbered(opened(gross=100), 1), numbered(paid(30), 2)])
        assert await account_of(parts) == (70, 0)

        await parts.consumer.handle([numbered(applied(), 3)])  # changes nothing, and knows no balance

        assert await account_of(parts) == (70, 0)


async def test_a_batch_that_grants_and_then_learns_of_more_use_keeps_both(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100)
        await parts.consumer.handle([placed(gross=80), numbered(paid(1), 3, standing(90))])

        assert await account_of(parts) == (90, 80)
        assert await parked(parts) == []


async def test_a_balance_counts_for_the_orders_that_follow_it_in_the_batch(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100)
        await parts.consumer.handle([numbered(paid(1), 3, standing(95)), placed(gross=50)])

        [decided] = await bodies(parts, events_pb2.CreditDecided)
        assert decided.outcome == events_pb2.OUTCOME_DECLINED


async def _fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("services.credit.wire.told", fails)
        await desk.follow(paid(1))


async def _unreadable(desk: Desk, _: Any) -> None:
    await desk.follow(broken(ledger_pb2.PaymentReceived(payment_id="p1", account_id="b1"), "payment/p1"))


async def _refused(desk: Desk, _: Any) -> None:
    body = ledger_pb2.PaymentReceived(
        payment_id="p1", account_id="b1", amount=money_pb2.Money(minor=10**17, currency="EUR")
    )
    await desk.follow(a_record(body, account="b1", subject="payment/p1"))


async def _early(desk: Desk, _: Any) -> None:
    await desk.follow(opened("nobody placed it"))


async def _unvalued(desk: Desk, _: Any) -> None:
    body = ledger_pb2.PaymentReceived(payment_id="p1", account_id="b1", amount=money_pb2.Money(minor=1, currency="USD"))
    await desk.follow(a_record(body, account="b1", subject="payment/p1"))


WAITS = {
    "failed": _fails,
    "unreadable": _unreadable,
    "refused": _refused,
    "early": _early,
    "early: no rate is known": _unvalued,
}


@pytest.mark.parametrize("reason", WAITS)
async def test_while_something_that_the_ledger_told_waits_orders_go_to_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, reason: str
):
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    assert not (await desk.account()).exposure_uncertain
    await WAITS[reason](desk, monkeypatch)
    assert [why for why, _ in await parked(desk.parts)] == [reason.partition(":")[0]]

    assert await desk.reasons("o1") == UNCERTAIN
    await desk.follow(placed("o2"))
    assert [list(d.reasons) for d in await bodies(desk.parts, events_pb2.CreditDecided)] == [["exposure_uncertain"]] * 2
    assert (await desk.account()).exposure_uncertain
    accounts = (await desk.call("ListAccounts", service_pb2.ListAccountsRequest())).accounts
    assert [(a.account_id, a.exposure_uncertain) for a in accounts] == [("b1", True), ("b2", False)]
    assert await desk.reasons("other", account="b2") == ("APPROVED", ["within_limit"])


async def test_a_person_may_approve_what_is_uncertain(desk: Desk):
    await register(desk.parts)
    await _early(desk, None)
    await desk.decide("o1")

    review = service_pb2.ReviewRequest(order_id="o1", outcome=events_pb2.OUTCOME_APPROVED)
    assert (await desk.call("Review", review)).decision.outcome == events_pb2.OUTCOME_APPROVED
    assert await account_of(desk.parts) == (0, 10_000)


async def test_what_has_been_discarded_makes_nothing_uncertain_any_more(desk: Desk):
    await register(desk.parts)
    await _refused(desk, None)
    async with desk.parts.database.transaction(()) as tx:
        [row] = await listed(tx, "credit")
    await desk.parts.consumer.discard(row, by="user:ada", why="of another account")

    assert not (await desk.account()).exposure_uncertain
    assert await desk.reasons("o1") == ("APPROVED", ["within_limit"])


async def test_another_tenants_account_of_the_same_name_is_certain(desk: Desk):
    for tenant in ("acme", "bolt"):
        await register(desk.parts, tenant=tenant)
    await _early(desk, None)

    decision = (
        await desk.call(
            "Decide",
            service_pb2.DecideRequest(order_id="o1", version=1, account_id="b1", amount=eur(1)),
            tenant="bolt",
        )
    ).decision

    assert decision.outcome == events_pb2.OUTCOME_APPROVED


async def test_an_order_whose_own_item_came_first_is_decided_as_any_and_with_it_those_that_come_with_it(desk: Desk):
    reduced = ledger_pb2.ItemReduced(
        invoice_id="i1", account_id="b1", by=ledger_pb2.REDUCTION_CREDITED, amount=eur(1), cause_id="c1"
    )
    await register(desk.parts)
    await desk.follow(opened(), a_record(reduced, account="b1", subject="invoice/i1"))
    assert [why for why, _ in await parked(desk.parts)] == ["early", "behind"]

    await desk.follow(placed("o0"), placed("o1"))

    assert await parked(desk.parts) == []
    assert [list(d.reasons) for d in await bodies(desk.parts, events_pb2.CreditDecided)] == [["within_limit"]] * 2
    assert await account_of(desk.parts) == (9_999, 10_000)
    assert not (await desk.account()).exposure_uncertain


async def test_a_parked_event_with_a_key_of_any_length_is_taken(desk: Desk):
    record = a_record(ledger_pb2.PaymentReceived(), account="x" * 100_000, subject="payment/p1")

    await desk.follow(record)

    assert [why for why, _ in await parked(desk.parts)] == ["unreadable"]


async def test_an_item_of_another_account_than_its_orders_is_used_and_takes_nothing_of_the_hold(desk: Desk):
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    await desk.follow(placed("o1", account="b2"))

    await desk.follow(opened("o1", 3_000))

    assert await account_of(desk.parts, "b1") == (3_000, 0)
    assert await account_of(desk.parts, "b2") == (0, 10_000)
    assert await parked(desk.parts) == []


@pytest.mark.parametrize("told_balances", [True, False])
async def test_what_is_read_again_from_the_beginning_changes_nothing(desk: Desk, told_balances: bool):
    def of_ledger(*records: tuple[Any, int]) -> list[Any]:
        return [
            numbered(record, nth + 1, *([standing(used)] if told_balances else []))
            for nth, (record, used) in enumerate(records)
        ]

    credited = ledger_pb2.ItemReduced(
        invoice_id="i1", account_id="b1", by=ledger_pb2.REDUCTION_CREDITED, amount=eur(500), cause_id="c1"
    )
    kept = ledger_pb2.CreditKept(invoice_id="i1", account_id="b1", credit_note_number="C-2", amount=eur(100))
    events = [
        seller("s1", "Asia/Tokyo"),
        placed("o1"),
        placed("o1", 9_000, version=2),
        placed("o2", 5_000),
        shipped("o1"),
        cancelled("o2"),
        *of_ledger(
            (opened("o1", 4_000, final=False), 4_000),
            (paid(1_000), 3_000),
            (applied(), 3_000),
            (a_record(credited, account="b1", subject="invoice/i1"), 2_500),
            (a_record(kept, account="b1", subject="invoice/i1"), 2_400),
        ),
    ]
    await register(desk.parts)
    for event in events:
        await desk.follow(event)
    before = await everything(desk)
    assert await account_of(desk.parts) == (2_400, 5_000)

    async with desk.parts.database.transaction(()) as tx:
        await tx.run("DELETE FROM inbox")
        await tx.run("DELETE FROM handled")
    again = SERVICE.consumer(desk.parts.settings, desk.parts.database)
    for event in events:
        await again.handle([event])

    assert await parked(desk.parts) == []
    assert await everything(desk) == before
    async with desk.parts.database.transaction(()) as tx:
        await tx.run("DELETE FROM inbox")
        await tx.run("DELETE FROM handled")
    await SERVICE.consumer(desk.parts.settings, desk.parts.database).handle(events)
    assert await everything(desk) == before


async def everything(desk: Desk) -> list[list[Any]]:
    """The rows of what credit remembers and of what it tells."""
    tables = ("account", "hold", "decision", "movement", "shipment", "order_of", "seller", "outbox")
    async with desk.parts.database.transaction(["acme"]) as tx:
        return [await tx.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in tables]

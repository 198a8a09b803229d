"""Each event has its effect once, in order; what fails waits alone, and in order with its subject."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.consumer import RUN_MAX, Consumer
from services.chassis.database import Tx
from services.chassis.envelope import RECORD_MAX_BYTES, Event, Record, kept
from services.chassis.outbox import Announcement
from services.chassis.parked import Parked, Shown, find, listed, next_of
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from services.kernel.refusals import Early, Refusal
from tests.chaos.toy import usecases
from tests.chaos.toy.events import cancelled, codes, effects, issued, placed, shipped, told, waiting
from tests.chaos.toy.service import HANDLERS, SERVICE
from tests.integration.conftest import OpenService
from tests.records import a_record

Toy = Parts[ChassisSettings]
ORDERS = "receivables.orders.v1"


async def first_parked(toy: Toy) -> Shown:
    async with toy.database.transaction(()) as tx:
        rows = await listed(tx, "toy")
        found = await find(tx, "toy", rows[0].id)
    assert found is not None
    return found


async def all_parked(toy: Toy) -> list[Parked]:
    """Every one whole, in order."""
    found = []
    async with toy.database.transaction(()) as tx:
        for row in await listed(tx, "toy"):
            whole = await next_of(tx, "toy", row.slot, row.id - 1)
            assert whole is not None
            found.append(whole)
    return found


def a_consumer(toy: Toy, place: Callable[[Tx, Sequence[Event[Any]]], Awaitable[object]], **how: Any) -> Consumer:
    """The toy with another way to place orders."""
    return Consumer(toy.database, "toy", {**HANDLERS, orders_pb2.OrderPlaced: place}, tell=usecases.tell, **how)


# Once


async def test_a_redelivered_batch_changes_nothing(toy: Toy):
    batch = [placed("o1"), placed("o2"), shipped("o1")]

    await toy.consumer.handle(batch)
    await toy.consumer.handle(batch)
    await toy.consumer.handle(batch[1:])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed", "o1/0 shipped s1"]
    assert len(await told(toy.database)) == 2


async def test_an_event_that_was_published_twice_has_one_effect_in_one_batch_and_in_two(toy: Toy):
    first, again = (placed("o1", event_id="e1") for _ in range(2))

    await toy.consumer.handle([first, again])
    await toy.consumer.handle([placed("o1", event_id="e1"), placed("o2")])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]
    assert await waiting(toy.database) == []


async def test_two_workers_with_the_same_batch_do_it_once(toy: Toy):
    """A zombie: it lost its partition and does not know it yet."""
    batch = [placed(f"o{n}") for n in range(20)]
    zombie = Consumer(toy.database, "toy", HANDLERS)

    await asyncio.gather(toy.consumer.handle(batch), zombie.handle(batch))

    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(20)]
    assert len(await told(toy.database)) == 20


async def test_two_workers_with_the_same_events_at_other_offsets_do_them_once(toy: Toy):
    """The relay sent them twice, to two partitions' workers even: the inbox alone must hold."""
    zombie = Consumer(toy.database, "toy", HANDLERS)
    sent = [[placed(f"o{n}", event_id=f"e{n}", partition=p) for n in range(20)] for p in (0, 1)]

    await asyncio.gather(toy.consumer.handle(sent[0]), zombie.handle(sent[1][::-1]))

    assert sorted(await effects(toy.database)) == sorted(f"o{n}/1 placed" for n in range(20))


@pytest.mark.parametrize("together", [True, False])
async def test_an_id_that_comes_again_with_another_body_is_refused_and_told(toy: Toy, together: bool):
    good, other = placed("o1", event_id="e1"), placed("o1", version=2, event_id="e1")

    for batch in [[good, other]] if together else [[good], [other]]:
        await toy.consumer.handle(batch)

    assert await effects(toy.database) == ["o1/1 placed"]
    assert await codes(toy.database) == ["event.id_reused"]
    assert await told(toy.database) == ["CreditDecided order/o1 1", "OrderRefused order/o1 2"] or together
    assert sorted(await told(toy.database))[1].startswith("OrderRefused")


def numbered_one(order: str, tenant: str = "acme", source: str = "/shop", version: int = 1) -> Record:
    """What a shop that begins to number at 1 sends first."""
    return placed(order, version=version, tenant=tenant, event_id="1", headers={"ce_source": source})


@pytest.mark.parametrize("together", [True, False])
async def test_whoever_numbers_from_one_gets_through(toy: Toy, together: bool):
    """The orders are alike but for their tenant or shop: what comes again is seen, a stranger's is none of it."""
    firsts = [
        numbered_one("o1"),
        numbered_one("o1", source="/other-shop"),
        numbered_one("o1", tenant="other"),
        numbered_one("o2", source=""),
    ]

    for partition in (0, 1):  # what comes again comes at another place
        sent = [replace(first, partition=partition) for first in firsts]
        for batch in [sent] if together else [[record] for record in sent]:
            await toy.consumer.handle(batch)

    assert await effects(toy.database) == ["o1/1 placed", "o1/1 placed", "o2/1 placed"]
    assert await effects(toy.database, "other") == ["o1/1 placed"]
    assert await waiting(toy.database) == []


@pytest.mark.parametrize("source", ["/shop", "/other-shop"])
async def test_the_same_number_of_the_same_shop_with_another_body_is_refused(toy: Toy, source: str):
    await toy.consumer.handle([numbered_one("o1"), numbered_one("o2", source="/other-shop")])

    await toy.consumer.handle([numbered_one("o1", source=source, version=2)])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]
    assert await codes(toy.database) == ["event.id_reused"]


async def test_two_workers_with_the_same_strangers_do_them_once(toy: Toy):
    await toy.consumer.handle([numbered_one("o1")])
    zombie = Consumer(toy.database, "toy", HANDLERS)
    again = [
        replace(numbered_one(f"o{n}", source=f"/shop-{n}"), partition=partition, offset=n)
        for partition in (1, 2)
        for n in range(20)
    ]

    await asyncio.gather(toy.consumer.handle(again[:20]), zombie.handle(again[20:]))

    assert sorted(await effects(toy.database)) == sorted(["o1/1 placed", *(f"o{n}/1 placed" for n in range(20))])
    assert await waiting(toy.database) == []


async def test_the_first_row_of_an_id_may_go_before_a_strangers(toy: Toy):
    """As when the first is older than the inbox remembers: the stranger's row still says what it knows."""
    stranger = numbered_one("o2", source="/other-shop")
    await toy.consumer.handle([numbered_one("o1"), stranger])
    async with toy.database.transaction(()) as tx:
        await tx.run("DELETE FROM inbox WHERE source = '/shop'")

    await toy.consumer.handle([replace(stranger, partition=1)])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]


async def test_what_the_version_before_has_handled_is_known_by_its_body(toy: Toy):
    old = numbered_one("o1")
    await toy.consumer.handle([old])
    async with toy.database.transaction(()) as tx:
        await tx.run("UPDATE inbox SET tenant = NULL, source = NULL")

    await toy.consumer.handle([replace(old, partition=1)])
    await toy.consumer.handle([numbered_one("o2", source="/other-shop")])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]
    assert await waiting(toy.database) == []


async def test_a_replay_of_a_reused_id_does_not_smuggle_its_body_in(toy: Toy):
    await toy.consumer.handle([placed("o1", event_id="e1")])
    await toy.consumer.handle([placed("o1", version=2, event_id="e1")])

    await toy.consumer.replay(await first_parked(toy), by="user:ada")

    assert await effects(toy.database) == ["o1/1 placed"]
    assert await waiting(toy.database) == ["refused order/o1"]


async def test_what_this_service_does_not_handle_is_passed_over(toy: Toy):
    await toy.consumer.handle([a_record(invoicing_pb2.SellerRegistered(), account="-", subject="seller/s")])

    assert await waiting(toy.database) == []


# Poison


def poison() -> list[Record]:
    """Everything that may be on a topic beside events."""
    good = placed("o1")

    def changed(**headers: str) -> Record:
        record = placed("o1")
        return replace(record, headers={**record.headers, **headers})

    return [
        replace(placed("o1"), value=b"\xff\xfe\xfd"),
        replace(placed("o1"), value=None),
        replace(placed("o1"), headers={}),
        replace(placed("o1"), key=None),
        replace(placed("o1"), key=b"acme"),
        replace(placed("o1"), key=b"evil/b1"),
        changed(ce_type="receivables.orders.v2.OrderPlaced"),
        changed(ce_type="nothing.we.know"),
        changed(ce_id="x" * 100_000),
        changed(ce_subject="x" * 100_000),
        changed(ce_source="shop\n"),
        changed(ce_tenant="Not A Tenant"),
        changed(ce_time="yesterday"),
        replace(good, key=b"\xff\xff", value=bytes(range(256)) * 400, headers={"\\x00": "\\x00", "x": "y" * 100_000}),
    ]


async def test_poison_is_parked_as_it_came_but_for_headers_that_are_not_ours_and_stops_nothing(toy: Toy):
    bad = poison()

    await toy.consumer.handle([placed("before"), *bad, placed("after")])

    assert await effects(toy.database) == ["before/1 placed", "after/1 placed"]
    async with toy.database.transaction(()) as tx:
        tenants = await tx.rows("SELECT tenant FROM tenant")
    rows = await all_parked(toy)
    assert [row.reason for row in rows] == ["unreadable"] * len(bad)
    assert [(r.record.key, r.record.value, r.record.headers) for r in rows] == [
        (b.key, b.value, kept(b.headers)) for b in bad
    ]
    assert [row.tenant for row in tenants] == ["acme"]


async def test_poison_that_comes_again_is_parked_once_also_by_two_workers_at_once(toy: Toy):
    await toy.consumer.handle([placed("before")])
    bad = poison()
    zombie = Consumer(toy.database, "toy", HANDLERS)

    await asyncio.gather(toy.consumer.handle(bad), zombie.handle(bad))
    await toy.consumer.handle(bad)

    assert len(await waiting(toy.database)) == len(bad)


async def test_what_is_older_than_the_inbox_remembers_is_still_done_once(toy: Toy):
    batch = [placed("o1"), placed("o2")]
    await toy.consumer.handle(batch)
    async with toy.database.transaction(()) as tx:
        await tx.run("DELETE FROM inbox")

    await toy.consumer.handle(batch)

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]


async def test_a_stranger_cannot_stop_anothers_orders(toy: Toy):
    await toy.consumer.handle([replace(placed("o1"), key=b"evil/b1")])
    await toy.consumer.handle([placed("o1")])

    assert await effects(toy.database) == ["o1/1 placed"]


async def test_what_comes_before_an_unreadable_event_of_its_subject_is_handled_and_what_comes_after_waits(toy: Toy):
    await toy.consumer.handle([placed("o1"), replace(placed("o1"), value=b"\xff"), placed("o1", version=2)])

    assert await effects(toy.database) == ["o1/1 placed"]
    assert await waiting(toy.database) == ["unreadable order/o1", "behind order/o1"]


async def test_what_the_version_before_could_not_read_is_handled_by_the_one_that_can_and_in_order(toy: Toy):
    """A topic gets a new type while both versions run: the old one parks it, and what comes after it of its subject."""
    before = Consumer(toy.database, "toy", HANDLERS)
    known = before._types
    before._types = {
        t: {n: m for n, m in types.items() if "Shipped" not in n and "Seller" not in n} for t, types in known.items()
    }
    seller = a_record(invoicing_pb2.SellerRegistered(), account="-", subject="invoice/i1")
    await before.handle([placed("o1"), shipped("o1"), placed("o1", version=2), seller, issued("i1")])
    assert await waiting(toy.database) == [
        "unreadable order/o1",
        "behind order/o1",
        "unreadable invoice/i1",
        "behind invoice/i1",
    ]

    await toy.consumer.wake_due()

    assert await effects(toy.database) == ["o1/1 placed", "o1/0 shipped s1", "o1/2 placed"]
    assert await waiting(toy.database) == []


@pytest.mark.parametrize("text", ["a\0b", "x" * 100_000])
async def test_what_a_body_quotes_cannot_break_the_parking(toy: Toy, text: str):
    """One of ours, which has a sequence, is not looked at again: even then."""

    async def issue(tx: Tx, events: Sequence[Event[invoicing_pb2.InvoiceIssued]]) -> None:
        raise Early(f"invoice/{events[0].body.number}")

    consumer = Consumer(toy.database, "toy", {**HANDLERS, invoicing_pb2.InvoiceIssued: issue})
    ours = a_record(
        invoicing_pb2.InvoiceIssued(number=text), account="b1", subject="invoice/1", headers={"ce_sequence": "1"}
    )

    await consumer.handle([ours, placed("o2")])

    assert await effects(toy.database) == ["o2/1 placed"]
    assert len(await waiting(toy.database)) == 1


async def test_text_that_neither_a_database_nor_xml_can_hold_is_refused_and_told_without_it(toy: Toy):
    await toy.consumer.handle([placed("o1", site="a\0b"), placed("o\x1b", site="a"), placed("o3", site="ü€ and 😀")])

    assert await effects(toy.database) == ["o3/1 ü€ and 😀"]
    assert await codes(toy.database) == ["text.control_character"] * 2
    async with toy.database.transaction(()) as tx:
        rows = await tx.rows("SELECT payload FROM outbox WHERE headers ->> 'ce_type' LIKE %s ORDER BY id", ["%Refused"])
    said = [credit_pb2.OrderRefused.FromString(row.payload) for row in rows]
    assert [(m.order_id, m.message) for m in said] == [
        ("o1", "scope.site has a control character at position 2"),
        ("o\ufffd", r"order_id has a control character at position 2: 'o\x1b'"),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ce_idempotencykey": "x" * 201}, "text.too_long"),
        ({"ce_idempotencykey": "a\nb"}, "text.control_character"),
    ],
)
async def test_what_a_header_says_has_its_bounds_and_the_sender_hears_of_it(
    toy: Toy, changes: dict[str, str], code: str
):
    await toy.consumer.handle([placed("o1", headers=changes), placed("o1", version=2)])

    assert await codes(toy.database) == [code]
    assert await effects(toy.database) == ["o1/2 placed"]
    async with toy.database.transaction(()) as tx:
        [refused] = await tx.rows("SELECT headers FROM outbox WHERE headers ->> 'ce_type' LIKE %s", ["%Refused"])
    assert all(len(text) <= 200 and text.isprintable() for text in refused.headers.values())


async def test_a_shop_that_numbers_its_events_is_looked_at_all_the_same(toy: Toy):
    await toy.consumer.handle([placed("o" * 250, headers={"ce_sequence": "1", "ce_subject": "order/long"})])

    assert await codes(toy.database) == ["text.too_long"]


# Alone


async def test_one_that_fails_is_parked_alone_with_its_trace(toy: Toy):
    await toy.consumer.handle([placed("o1"), placed("o2", site="fails"), placed("o3")])

    assert await effects(toy.database) == ["o1/1 placed", "o3/1 placed"]
    row = await first_parked(toy)
    assert (row.reason, row.code, row.subject) == ("failed", "defect.RuntimeError", "order/o2")
    assert "a defect" in row.detail
    assert "usecases.py" in row.detail


async def test_the_culprit_of_a_batch_is_found_by_halves_and_the_order_kept(toy: Toy):
    """One early event in each batch is usual; going one by one then would cost a hundred times as much."""
    tries = 0

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        nonlocal tries
        tries += 1
        await usecases.place(tx, events)

    batch = [placed(f"o{n}", site="fails" if n == 37 else "") for n in range(128)]
    await a_consumer(toy, place).handle(batch)

    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(128) if n != 37]
    assert await waiting(toy.database) == ["failed order/o37"]
    assert tries <= 2 * 7 + 1


async def test_one_that_is_refused_is_told_in_the_transaction_that_parks_it(toy: Toy):
    await toy.consumer.handle([placed("o1"), placed("o2", site="refused")])

    assert await codes(toy.database) == ["toy.refused"]
    assert await told(toy.database) == ["CreditDecided order/o1 1", "OrderRefused order/o2 2"]


async def test_a_defect_of_the_telling_parks_the_event_and_nothing_else(toy: Toy):
    await toy.consumer.handle([placed("o1"), placed("o2", site="tell fails"), placed("o3")])

    assert await effects(toy.database) == ["o1/1 placed", "o3/1 placed"]
    assert await waiting(toy.database) == ["failed order/o2"]


async def test_a_rule_that_the_database_checks_at_the_end_parks_the_event_that_broke_it(toy: Toy):
    await toy.consumer.handle([placed("o1"), placed("o2", site="unbalanced"), placed("o3")])

    assert await effects(toy.database) == ["o1/1 placed", "o3/1 placed"]
    assert await codes(toy.database) == ["defect.RaiseException"]


OF_DATA = {
    "too large a number": "SELECT 9223372036854775807::int",
    "no such day": "SELECT '2026-02-30'::date",
    "too long for an index": "INSERT INTO known SELECT 'acme', string_agg(sha512(n::text::bytea)::text, '') FROM generate_series(1, 99) n",
    "nothing that is text": "SELECT convert_from('\\xff', 'UTF8')",
}


@pytest.mark.parametrize("sql", OF_DATA.values(), ids=OF_DATA.keys())
async def test_what_the_database_cannot_keep_is_refused_and_told_and_never_counted(toy: Toy, sql: str):
    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        if any(event.body.scope.site == "unstorable" for event in events):
            await tx.run(sql)
        await usecases.place(tx, events)

    await a_consumer(toy, place, failures_in_row_max=3).handle(
        [*(placed(f"bad{n}", site="unstorable") for n in range(10)), placed("good")]
    )

    assert await effects(toy.database) == ["good/1 placed"]
    assert await codes(toy.database) == ["event.unstorable"] * 10
    assert await told(toy.database) == [
        *(f"OrderRefused order/bad{n} {n + 1}" for n in range(10)),
        "CreditDecided order/good 11",
    ]
    assert len((await first_parked(toy)).detail) < 150


async def test_a_refusal_that_cannot_be_told_is_one_all_the_same(toy: Toy):
    """The answer quotes so much that nobody would take it."""

    async def tell(tx: Tx, event: Event[Any], refusal: Refusal) -> None:
        body = credit_pb2.OrderRefused(message="x" * RECORD_MAX_BYTES)
        await outbox.add(tx, [Announcement(event.origin, event.account_id, event.subject, body)])

    await Consumer(toy.database, "toy", HANDLERS, tell=tell).handle([cancelled("o1"), placed("o2")])

    assert await effects(toy.database) == ["o2/1 placed"]
    assert await waiting(toy.database) == ["refused order/o1"]


# A tenant whose events fail


class Mendable:
    """A bug that one tenant's orders meet, until it is mended."""

    def __init__(self, toy: Toy, tenant: str = "acme") -> None:
        self.broken = True
        self._tenant = tenant
        self.consumer = a_consumer(toy, self.place, failures_in_row_max=100)

    async def place(self, tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        if self.broken and any(event.tenant == self._tenant for event in events):
            raise RuntimeError("a bug that is mended later")
        await usecases.place(tx, events)


async def test_a_tenant_whose_events_fail_is_paused_and_all_others_go_on_and_after_a_resume_all_is_handled_in_order(
    toy: Toy,
):
    bug = Mendable(toy)
    failing = [placed(f"o{n}", account=f"b{n % 7}") for n in range(150)]
    others = [placed(f"p{n}", tenant="other", partition=1) for n in range(13)]
    everything = [*failing[:60], *others[:6], *failing[60:], *others[6:]]

    for start in range(0, len(everything), 40):
        await bug.consumer.handle(everything[start : start + 40])

    assert await effects(toy.database, "other") == [f"p{n}/1 placed" for n in range(13)]
    assert await codes(toy.database) == ["defect.RuntimeError"] * 100 + ["tenant.paused"] * 50
    assert await bug.consumer.is_paused("acme")

    bug.broken = False
    assert await bug.consumer.resume("acme", by="user:ada")

    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(150)]
    assert await waiting(toy.database) == []
    await bug.consumer.handle([placed("o999")])
    assert (await effects(toy.database))[-1] == "o999/1 placed"


async def test_a_resume_before_the_bug_is_mended_stops_where_the_budget_ends(toy: Toy):
    bug = Mendable(toy)
    await bug.consumer.handle([placed(f"o{n}") for n in range(150)])

    assert not await bug.consumer.resume("acme", by="user:ada")

    assert await bug.consumer.is_paused("acme")
    assert await effects(toy.database) == []
    assert len(await waiting(toy.database)) == 150
    bug.broken = False
    assert await bug.consumer.resume("acme", by="user:ada")
    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(150)]


async def test_what_comes_while_a_tenant_is_resumed_comes_after_what_waited(toy: Toy):
    bug = Mendable(toy)
    await bug.consumer.handle([placed(f"o{n}") for n in range(130)])
    bug.broken = False
    meanwhile = [[placed(f"o{130 + n}", partition=3)] for n in range(40)]

    async def go_on() -> None:
        for batch in meanwhile:
            await bug.consumer.handle(batch)

    resumed, _ = await asyncio.gather(bug.consumer.resume("acme", by="user:ada"), go_on())

    assert resumed
    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(170)]
    assert await waiting(toy.database) == []


async def test_a_resume_waits_for_whoever_is_parking_what_comes_of_the_tenant(toy: Toy):
    bug, begun = Mendable(toy), asyncio.Event()

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        await usecases.place(tx, events)
        begun.set()
        await asyncio.sleep(0.3)  # in which a resume that does not wait comes to its end

    await bug.consumer.handle([placed(f"o{n}") for n in range(100)])
    bug.broken = False
    parking = asyncio.create_task(
        a_consumer(toy, place).handle([placed("o100", partition=1), placed("p1", tenant="other", partition=1)])
    )
    await begun.wait()

    assert await bug.consumer.resume("acme", by="user:ada")
    await parking

    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(101)]
    assert await waiting(toy.database) == []


async def test_of_a_paused_tenant_nothing_is_woken_until_it_is_resumed(toy: Toy):
    bug = Mendable(toy)
    await bug.consumer.handle([shipped("o1", "s1"), placed("e1", after="invoice/i1")])
    bug_orders = [placed(f"bad{n}") for n in range(100)]
    bug.broken = True
    await bug.consumer.handle(bug_orders)
    await bug.consumer.handle([issued("i1"), placed("o1"), cancelled("o1")])
    async with toy.database.transaction(()) as tx:
        await tx.run("UPDATE parked SET next_try_at = now()")
    bug.broken = False
    await bug.consumer.wake_due()
    assert await effects(toy.database) == []

    assert await bug.consumer.resume("acme", by="user:ada")

    done = await effects(toy.database)
    assert done[:102] == [*(f"bad{n}/1 placed" for n in range(100)), "o1/1 placed", "o1/0 shipped s1"]
    assert done[102:] == ["e1/1 placed"]
    assert await waiting(toy.database) == ["refused order/o1"]


async def test_two_workers_count_a_tenants_failures_together_and_a_success_begins_anew(toy: Toy):
    workers = [Consumer(toy.database, "toy", HANDLERS, failures_in_row_max=6) for _ in range(2)]

    async def fail(nth: int) -> None:
        for n in range(2):
            await workers[nth].handle([placed(f"bad{nth}{n}", site="fails", partition=nth, account=f"b{nth}")])

    await asyncio.gather(fail(0), fail(1))
    assert await failures(toy) == [("acme", 4)]
    await workers[0].handle([placed("good")])
    assert await failures(toy) == []


async def failures(toy: Toy) -> list[tuple[str, int]]:
    async with toy.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT tenant, failures_in_row FROM failing")
    return [(row.tenant, row.failures_in_row) for row in rows]


async def test_a_success_in_between_forgives(toy: Toy):
    for n in range(4):
        await toy.consumer.handle([placed(f"bad{n}", site="fails"), placed(f"good{n}")])

    assert len(await waiting(toy.database)) == 4


async def test_refusals_are_the_senders_fault_and_stop_nobody(toy: Toy):
    await toy.consumer.handle([cancelled(f"o{n}") for n in range(10)])

    assert len(await waiting(toy.database)) == 10


# In order


async def test_what_follows_a_parked_event_of_its_subject_waits_behind_it_and_others_go_on(toy: Toy):
    await toy.consumer.handle([placed("o1", site="fails"), placed("o1", version=2), placed("o2")])
    await toy.consumer.handle([placed("o1", version=3), placed("o2", version=2)])

    assert await effects(toy.database) == ["o2/1 placed", "o2/2 placed"]
    assert await waiting(toy.database) == ["failed order/o1", "behind order/o1", "behind order/o1"]


async def test_what_was_refused_has_its_answer_and_what_comes_next_of_its_subject_goes_on(toy: Toy):
    await toy.consumer.handle([placed("o1", site="refused"), placed("o1", version=2)])
    await toy.consumer.handle([placed("o1", version=3)])

    assert await effects(toy.database) == ["o1/2 placed", "o1/3 placed"]
    assert await waiting(toy.database) == ["refused order/o1"]


async def test_what_was_refused_after_it_had_waited_lets_go_what_is_behind_it(toy: Toy):
    await toy.consumer.handle(
        [placed("o1", after="order/o9", site="refused when known"), placed("o1", version=2), placed("o9")]
    )

    assert await effects(toy.database) == ["o9/1 placed", "o1/2 placed"]
    assert await waiting(toy.database) == ["refused order/o1"]


async def test_a_discard_frees_what_is_behind_in_order(toy: Toy):
    await toy.consumer.handle([placed("o1", site="fails"), *(placed("o1", version=v) for v in (2, 3, 4))])

    assert await toy.consumer.discard(await first_parked(toy), by="user:ada", why="a test order")
    await toy.consumer.handle([placed("o1", version=5)])

    assert await effects(toy.database) == [f"o1/{v} placed" for v in (2, 3, 4, 5)]
    assert await waiting(toy.database) == []


async def test_a_replay_runs_in_order_up_to_the_first_that_fails_again(toy: Toy):
    broken = True

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        if broken and any(event.body.version == 1 for event in events):
            raise RuntimeError("a bug that is mended later")
        await usecases.place(tx, events)

    consumer = a_consumer(toy, place)
    await consumer.handle([placed("o1"), placed("o1", version=2), placed("o1", version=3, site="fails")])
    await consumer.handle([placed("o1", version=4)])
    await consumer.replay(await first_parked(toy), by="user:ada")
    assert await effects(toy.database) == []
    broken = False

    await consumer.replay(await first_parked(toy), by="user:ada")

    assert await effects(toy.database) == ["o1/1 placed", "o1/2 placed"]
    assert await waiting(toy.database) == ["failed order/o1", "behind order/o1"]


async def test_a_refused_event_that_is_replayed_and_refused_again_is_told_once(toy: Toy):
    await toy.consumer.handle([placed("o1", site="refused")])

    await toy.consumer.replay(await first_parked(toy), by="user:ada")

    assert await told(toy.database) == ["OrderRefused order/o1 1"]


async def test_two_operators_at_once_replay_once(toy: Toy):
    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        raise RuntimeError("a bug that is mended later")

    await a_consumer(toy, place).handle([placed("o1"), placed("o1", version=2)])
    row = await first_parked(toy)

    await asyncio.gather(*(toy.consumer.replay(row, by=f"user:{n}") for n in range(3)))

    assert await effects(toy.database) == ["o1/1 placed", "o1/2 placed"]


# Early


async def test_what_comes_before_its_partner_runs_when_the_partner_comes(toy: Toy):
    await toy.consumer.handle([placed("o1", after="invoice/i1"), placed("o2")])
    assert await waiting(toy.database) == ["early order/o1"]

    await toy.consumer.handle([issued("i1")])

    assert await effects(toy.database) == ["o2/1 placed", "o1/1 placed"]
    assert await waiting(toy.database) == []


async def test_what_follows_an_early_event_of_its_subject_runs_after_it(toy: Toy):
    await toy.consumer.handle([placed("o1", after="invoice/i1"), placed("o1", version=2)])
    assert await waiting(toy.database) == ["early order/o1", "behind order/o1"]

    await toy.consumer.handle([issued("i1"), placed("o1", version=3)])

    assert await effects(toy.database) == ["o1/1 placed", "o1/2 placed", "o1/3 placed"]


async def test_an_early_event_may_wait_for_a_later_one_of_its_own_subject(toy: Toy):
    await toy.consumer.handle([shipped("o1", "s1"), shipped("o1", "s2")])
    assert await waiting(toy.database) == ["early order/o1", "early order/o1"]

    await toy.consumer.handle([placed("o1")])

    assert await effects(toy.database) == ["o1/1 placed", "o1/0 shipped s1", "o1/0 shipped s2"]
    assert await waiting(toy.database) == []


async def test_what_comes_after_the_partner_in_its_batch_runs_after_what_waited_for_it(toy: Toy):
    await toy.consumer.handle([shipped("o1", "s1")])

    await toy.consumer.handle([placed("o1"), shipped("o1", "s2"), placed("o2")])

    assert [e for e in await effects(toy.database) if e.startswith("o1")] == [
        "o1/1 placed",
        "o1/0 shipped s1",
        "o1/0 shipped s2",
    ]


async def test_in_one_batch_too_what_came_before_its_partner_runs_before_what_came_after_it(toy: Toy):
    await toy.consumer.handle([shipped("o1", "s1"), placed("o1"), shipped("o1", "s2")])

    assert await effects(toy.database) == ["o1/1 placed", "o1/0 shipped s1", "o1/0 shipped s2"]


async def test_a_partner_is_not_overtaken_by_later_events_of_its_account(toy: Toy):
    await toy.consumer.handle([shipped("o1", "s1")])

    await toy.consumer.handle([placed("o0"), placed("o1"), placed("o2"), placed("o3")])

    assert await effects(toy.database) == [
        "o0/1 placed",
        "o1/1 placed",
        "o1/0 shipped s1",
        "o2/1 placed",
        "o3/1 placed",
    ]


async def test_a_chain_of_early_events_unrolls(toy: Toy):
    await toy.consumer.handle([placed("o3", after="order/o2"), placed("o2", after="order/o1")])

    await toy.consumer.handle([placed("o1", after="invoice/i1")])
    assert await effects(toy.database) == []
    await toy.consumer.handle([issued("i1")])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed", "o3/1 placed"]


async def test_a_partner_of_another_tenant_is_not_the_partner(toy: Toy):
    await toy.consumer.handle([placed("o1", after="invoice/i1")])

    await toy.consumer.handle([issued("i1", tenant="other")])

    assert await waiting(toy.database) == ["early order/o1"]


async def test_a_partner_that_another_worker_commits_meanwhile_is_not_missed(toy: Toy):
    """It was unknown when the early event looked, and nothing was parked yet when the partner's worker looked."""
    other = Consumer(toy.database, "toy", HANDLERS)
    await other.handle([placed("o0", partition=0), issued("i0", partition=7)])  # tenant and partitions are known

    partner = [issued("i1", partition=7)]

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        try:
            await usecases.place(tx, events)
        finally:
            if partner:
                await other.handle([partner.pop()])

    await a_consumer(toy, place).handle([placed("o1", after="invoice/i1")])

    assert await effects(toy.database) == ["o0/1 placed", "o1/1 placed"]
    assert await waiting(toy.database) == []


async def test_after_a_crash_between_a_partner_and_its_wake_the_sweep_does_it(toy: Toy):
    await toy.consumer.handle([placed("o1", after="invoice/i1")])
    async with toy.database.transaction(["acme"]) as tx:  # the partner's commit, without what follows it
        await tx.run("INSERT INTO known VALUES ('acme', 'invoice/i1')")
        await tx.run("UPDATE parked SET next_try_at = now()")

    await toy.consumer.wake_due()

    assert await effects(toy.database) == ["o1/1 placed"]


async def test_a_wake_never_tries_again_what_is_an_operators_to_try(toy: Toy):
    await toy.consumer.handle([shipped("o1")])
    await toy.consumer.handle([placed("o1", site="fails")])
    assert await waiting(toy.database) == ["early order/o1", "failed order/o1"]

    await toy.consumer.wake({("acme", "order/o1")})

    async with toy.database.transaction(()) as tx:
        attempts = {row.reason: row.attempts for row in await listed(tx, "toy")}
    assert attempts["failed"] == 1


# Transient


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "53100", "57P01"])
async def test_what_passes_is_tried_again_and_never_parked(toy: Toy, sqlstate: str):
    tries = 0

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        nonlocal tries
        await usecases.place(tx, events)
        if (tries := tries + 1) <= 3:
            raise psycopg.errors.lookup(sqlstate)("for now")

    await a_consumer(toy, place).handle([placed("o1"), placed("o2")])

    assert tries == 4
    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]
    assert await waiting(toy.database) == []


async def test_a_killed_connection_is_replaced_and_the_batch_done_once(toy: Toy):
    killed = False

    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        nonlocal killed
        await usecases.place(tx, events)
        if not killed:
            killed = True
            pid = (await tx.row("SELECT pg_backend_pid() AS pid")).pid
            async with toy.database.pool.connection() as other:
                await other.execute("SELECT pg_terminate_backend(%s)", [pid])

    await a_consumer(toy, place).handle([placed("o1")])

    assert killed
    assert await effects(toy.database) == ["o1/1 placed"]
    assert await waiting(toy.database) == []


async def test_a_connection_that_is_lost_after_the_commit_ends_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    lost: list[str] = []

    async def waiting_for(*_: object) -> list[Any]:
        if not lost:
            lost.append("once")
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return []

    monkeypatch.setattr("services.chassis.parked.waiting_for", waiting_for)
    await toy.consumer.handle([placed("o1")])

    assert lost
    assert await effects(toy.database) == ["o1/1 placed"]


async def test_a_real_deadlock_ends_well_for_both(toy: Toy):
    await toy.consumer.handle([placed("a", partition=0), placed("b", partition=1)])
    met = asyncio.Barrier(2)
    first = True

    def taking(one: str, two: str) -> Callable[[Tx, Sequence[Event[Any]]], Awaitable[object]]:
        async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
            nonlocal first
            lock = "SELECT FROM known WHERE tenant = 'acme' AND subject = %s FOR UPDATE"
            await tx.rows(lock, [one])
            if first:
                await met.wait()
                first = False
            await tx.rows(lock, [two])
            await usecases.place(tx, events)

        return place

    await asyncio.gather(
        a_consumer(toy, taking("order/a", "order/b")).handle([placed("o1", account="b1", partition=0)]),
        a_consumer(toy, taking("order/b", "order/a")).handle([placed("o2", account="b2", partition=1)]),
    )

    assert sorted(await effects(toy.database))[2:] == ["o1/1 placed", "o2/1 placed"]
    assert await waiting(toy.database) == []


async def test_a_process_that_froze_in_its_transaction_does_not_stop_its_successor(open_service: OpenService):
    async with open_service(SERVICE, idle_transaction_s=1) as toy:
        frozen = a_consumer(toy, _freeze_once())
        batch = [placed("o1")]
        asleep = asyncio.create_task(frozen.handle(batch))
        await asyncio.sleep(0.2)  # it now holds the partition's row

        await asyncio.wait_for(toy.consumer.handle(batch), 5)
        await asleep

        assert await effects(toy.database) == ["o1/1 placed"]


def _freeze_once() -> Callable[[Tx, Sequence[Event[Any]]], Awaitable[object]]:
    async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        await asyncio.sleep(2.5)
        await usecases.place(tx, events)

    return place


# Too slow


Slow = Callable[[Sequence[Event[orders_pb2.OrderPlaced]]], str]


class Slowly:
    """A toy that is slow with what it is told to be, and notes how many events it was given at once."""

    def __init__(self, toy: Toy, slow: Slow, *, batch_s: float = 0.3, alone_s: float = 0.3, **more: Any) -> None:
        self.sizes: list[int] = []
        self._slow = slow
        handlers = {**HANDLERS, orders_pb2.OrderPlaced: self.place}
        self.consumer = Consumer(toy.database, "toy", handlers, batch_s=batch_s, alone_s=alone_s, **more)

    async def place(self, tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
        self.sizes.append(len(events))
        if sql := self._slow(events):
            await tx.run(sql)
        await usecases.place(tx, events)


OURS, THE_SERVERS = "SELECT pg_sleep(9)", "SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(9)"


@pytest.mark.parametrize("slow", [OURS, THE_SERVERS])
async def test_a_batch_that_takes_too_long_comes_again_halved_and_then_grows_again(toy: Toy, slow: str):
    slowly = Slowly(toy, lambda events: slow if len(events) > 5 else "")

    await slowly.consumer.handle([placed(f"o{n}") for n in range(20)])

    assert slowly.sizes == [20, 10, 5, 6, 3, 4, 5, 3]
    assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(20)]
    assert await waiting(toy.database) == []


async def test_the_server_that_ends_an_idle_transaction_halves_the_batch_too(open_service: OpenService):
    """As it did with 500 shipments of 200 lines, of which none was ever invoiced."""
    async with open_service(SERVICE, idle_transaction_s=1) as toy:
        sizes = []

        async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
            sizes.append(len(events))
            time.sleep(0.4 * len(events) if len(events) > 2 else 0)  # noqa: ASYNC251 - as rules do: nothing else runs
            await usecases.place(tx, events)

        await a_consumer(toy, place).handle([placed(f"o{n}") for n in range(4)])

        assert sizes == [4, 2, 2]
        assert await effects(toy.database) == [f"o{n}/1 placed" for n in range(4)]


async def test_one_that_is_too_slow_alone_time_and_again_is_parked_and_the_rest_goes_on(toy: Toy):
    slowly = Slowly(toy, lambda events: OURS if any(e.body.order_id == "o2" for e in events) else "")

    await slowly.consumer.handle([*(placed(f"o{n}") for n in range(4)), placed("o2", version=2)])

    assert slowly.sizes == [5, 2, 3, 1, 1, 1, 1]
    assert await effects(toy.database) == ["o0/1 placed", "o1/1 placed", "o3/1 placed"]
    assert await waiting(toy.database) == ["failed order/o2", "behind order/o2"]
    assert await codes(toy.database) == ["event.too_slow", "event.behind"]
    assert "not done within 0.3 seconds" in (await first_parked(toy)).detail


async def test_events_that_are_too_slow_pause_no_tenant(toy: Toy):
    slowly = Slowly(toy, lambda events: OURS if events[0].body.order_id != "o9" else "", failures_in_row_max=2)

    await slowly.consumer.handle([placed(f"o{n}") for n in range(3)])
    assert await codes(toy.database) == ["event.too_slow"] * 3
    assert not await slowly.consumer.is_paused("acme")

    await slowly.consumer.handle([placed("o9")])
    assert await effects(toy.database) == ["o9/1 placed"]


async def test_a_process_that_froze_twice_with_an_event_parks_nothing(toy: Toy):
    left = [OURS, OURS]
    slowly = Slowly(toy, lambda _events: left.pop() if left else "")

    await slowly.consumer.handle([placed("o1")])

    assert await effects(toy.database) == ["o1/1 placed"]
    assert await waiting(toy.database) == []


async def test_a_batch_that_waits_for_another_too_long_is_tried_again_until_it_gets_through(toy: Toy):
    """As behind a worker that froze with the partition's row, until the server ends its transaction."""
    await toy.consumer.handle([placed("before")])
    slowly = Slowly(toy, lambda _events: "", batch_s=0.1, alone_s=5)

    async with toy.database.transaction(()) as tx:
        await tx.rows("SELECT FROM handled FOR UPDATE")
        behind = asyncio.create_task(slowly.consumer.handle([placed(f"o{n}") for n in range(4)]))
        await asyncio.sleep(0.5)
        assert slowly.consumer.timeouts > 0
    await behind

    assert (await effects(toy.database))[1:] == [f"o{n}/1 placed" for n in range(4)]
    assert await waiting(toy.database) == []


async def test_what_is_too_slow_when_its_turn_comes_has_failed_and_holds_back_what_is_behind_it(toy: Toy):
    await toy.consumer.handle([placed("o1", after="invoice/i1"), placed("o1", version=2)])
    slowly = Slowly(toy, lambda events: OURS if events[0].body.version == 1 else "")

    await slowly.consumer.handle([issued("i1")])

    assert slowly.sizes == [1, 1, 1, 1]
    assert await waiting(toy.database) == ["failed order/o1", "behind order/o1"]
    assert await codes(toy.database) == ["event.too_slow", "event.behind"]


async def test_what_waits_behind_one_event_is_handled_some_in_each_transaction(toy: Toy):
    versions = range(1, 2 * RUN_MAX + 6)
    await toy.consumer.handle([placed("o1", version=v, after="invoice/i1" if v == 1 else "") for v in versions])

    await toy.consumer.handle([issued("i1")])

    assert await effects(toy.database) == [f"o1/{v} placed" for v in versions]
    async with toy.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT count(*) AS n FROM effect GROUP BY xmin ORDER BY min(id)")
    assert sum(row.n for row in rows) == len(versions)
    async with toy.database.transaction(()) as tx:
        closed = await tx.rows("SELECT count(*) AS n FROM parked GROUP BY closed_at ORDER BY closed_at")
    assert [row.n for row in closed] == [RUN_MAX, RUN_MAX, 5]


async def test_a_crash_between_those_transactions_leaves_the_rest_to_the_sweep(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
):
    versions = range(1, RUN_MAX + 4)
    await toy.consumer.handle([placed("o1", version=v, site="fails" if v == 1 else "") for v in versions])
    with monkeypatch.context() as patched:
        patched.setattr("services.chassis.consumer.Consumer._run_slot", _crash)
        with pytest.raises(RuntimeError):
            await toy.consumer.discard(await first_parked(toy), by="user:ada", why="a test order")
    assert await effects(toy.database) == []

    async with toy.database.transaction(()) as tx:
        await tx.run("UPDATE parked SET next_try_at = now()")
    await toy.consumer.wake_due()

    assert await effects(toy.database) == [f"o1/{v} placed" for v in versions[1:]]
    assert await waiting(toy.database) == []


async def _crash(*_: object, **__: object) -> None:
    raise RuntimeError("the process ends here")


async def test_a_defect_outside_any_event_leaves_everything_as_it_was(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    whole = Consumer._handle_part

    async def broken(self: Consumer, *how: Any) -> None:
        await whole(self, *how)
        raise RuntimeError("a bug in the machinery")

    batch = [placed("o1")]
    with monkeypatch.context() as patched:
        patched.setattr(Consumer, "_handle_part", broken)
        with pytest.raises(RuntimeError):
            await toy.consumer.handle(batch)
    assert await effects(toy.database) == []

    await toy.consumer.handle(batch)

    assert await effects(toy.database) == ["o1/1 placed"]


async def test_a_recreated_topic_starts_anew(toy: Toy):
    await toy.consumer.handle([placed("o1", offset=500)])
    topics = {topic: f"new {topic}" for topic in toy.consumer.topics}

    await Consumer(toy.database, "toy", HANDLERS, topic_ids=topics).handle([placed("o2", offset=0)])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed"]

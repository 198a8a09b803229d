"""What has shipped stays held until the ledger tells its invoice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from receivables.credit.v1 import events_pb2

from services.credit import usecases
from services.kernel import orders
from tests.integration.credit.desk import (
    Desk,
    account_of,
    bodies,
    cancelled,
    expire,
    hold_of,
    opened,
    parked,
    placed,
    refused_whole,
    register,
    set_clock,
    shipped,
    told,
)

LONG_AFTER = datetime(2026, 3, 1, tzinfo=UTC)


async def lapse_long_after(desk: Desk) -> int:
    await set_clock(desk.parts, LONG_AFTER)
    return await expire(desk.parts)


async def test_a_shipped_hold_never_lapses(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1", 6_000), placed("o2", 4_000), shipped("o1"))

    assert await lapse_long_after(desk) == 1

    assert await account_of(desk.parts) == (0, 6_000)
    assert (await hold_of(desk.parts, "o1")).state == "HELD"
    assert (await hold_of(desk.parts, "o2")).state == "EXPIRED"


async def test_an_order_ships_in_as_many_parts_as_are_read_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(orders, "SHIPMENTS_MAX", 2)
    await register(desk.parts)
    await desk.follow(placed("o1"), *(shipped("o1", shipment=f"p{n}") for n in (1, 2, 2, 3)))

    assert await parked(desk.parts) == [("refused", "shipment.too_many")]
    assert await lapse_long_after(desk) == 0


async def test_a_hold_that_ships_after_its_time_was_found_over_does_not_lapse(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"))
    await set_clock(desk.parts, LONG_AFTER)
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.find_lapsed(tx) == 1

    await desk.follow(shipped("o1"))

    assert await expire(desk.parts) == 1  # the job is done, and nothing came of it
    assert await account_of(desk.parts) == (0, 10_000)


async def test_a_hold_that_was_replaced_after_its_time_was_found_over_does_not_lapse(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"))
    await set_clock(desk.parts, datetime(2026, 1, 14, tzinfo=UTC))
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.find_lapsed(tx) == 1

    await desk.follow(placed("o1", 9_000, version=2, promised_ship_on="2026-02-06"))

    assert await expire(desk.parts) == 1
    assert await account_of(desk.parts) == (0, 9_000)
    assert "HoldExpired" not in await told(desk.parts)


async def test_a_shipment_of_an_unknown_order_waits_for_nothing_and_is_found_when_the_order_comes(desk: Desk):
    await register(desk.parts)
    await desk.follow(shipped("o1"), shipped("never placed"))
    assert await parked(desk.parts) == []

    await desk.follow(placed("o1"))

    assert (await hold_of(desk.parts)).expires_at is None
    assert await lapse_long_after(desk) == 0


async def test_a_checkouts_order_that_shipped_has_no_end_either(desk: Desk):
    await register(desk.parts)
    await desk.follow(shipped("o1"))

    assert not (await desk.decide("o1")).HasField("hold_expires_at")


@pytest.mark.parametrize("account", ["b1", "nobody"])
async def test_a_shipment_of_a_declined_order_changes_nothing(desk: Desk, account: str):
    await register(desk.parts, limit=0)
    await desk.follow(placed("o1", account=account), shipped("o1", account=account), shipped("o1", account=account))

    assert await parked(desk.parts) == []
    assert (await hold_of(desk.parts)).state == "REFUSED"


@pytest.mark.parametrize("what", [shipped("o1", account="b2"), shipped("o1")])
async def test_a_shipment_of_another_account_than_the_orders_is_refused(desk: Desk, what: Any):
    other = "b1" if what.key == b"acme/b2" else "b2"
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    await desk.follow(placed("o1", account=other), what)

    assert await parked(desk.parts) == [("refused", "order.account_changed")]


async def test_a_cancellation_of_another_account_than_the_orders_is_refused(desk: Desk):
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    await desk.follow(placed("o1", account="b2"), cancelled("o1"))

    assert await parked(desk.parts) == [("refused", "order.account_changed")]
    assert await account_of(desk.parts, "b2") == (0, 10_000)


async def test_what_was_cancelled_after_it_shipped_is_held_until_its_last_invoice(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"), shipped("o1", "s1"), shipped("o1", "s1"), shipped("o1", "s2"))
    await desk.follow(cancelled("o1"))
    assert await account_of(desk.parts) == (0, 10_000)

    await desk.follow(opened("o1", 3_000, invoice="i1", final=False))
    assert await account_of(desk.parts) == (3_000, 7_000)
    await desk.follow(opened("o1", 3_000, invoice="i2", final=False))

    assert await account_of(desk.parts) == (6_000, 0)
    assert (await told(desk.parts))[-2:] == ["HoldCaptured", "HoldReleased"]


async def test_a_cancelled_order_of_which_all_that_shipped_is_invoiced_gives_back_the_rest_at_once(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"), shipped("o1"), opened("o1", 3_000, final=False), cancelled("o1"))

    assert await account_of(desk.parts) == (3_000, 0)


async def test_a_shipped_order_cannot_be_replaced(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"), shipped("o1"), placed("o1", 5_000, version=2))

    assert await parked(desk.parts) == [("refused", "order.already_shipped")]
    assert await account_of(desk.parts) == (0, 10_000)


@pytest.mark.parametrize("first", ["order", "refusal"])
async def test_an_order_that_is_refused_whole_holds_nothing_whichever_is_heard_first(desk: Desk, first: str):
    await register(desk.parts)
    records = [placed("o1"), refused_whole("o1")]
    for record in records if first == "order" else reversed(records):
        await desk.follow(record)
    await desk.follow(refused_whole("o1"))

    assert await account_of(desk.parts) == (0, 0)
    assert (await hold_of(desk.parts, "o1")).state == "RELEASED"
    [released] = await bodies(desk.parts, events_pb2.HoldReleased)
    assert (released.version, released.amount.minor, released.cause) == (1, 10_000, events_pb2.RELEASE_CAUSE_REFUSED)
    assert await parked(desk.parts) == []


@pytest.mark.parametrize("version", [0, 2])
async def test_a_refused_order_of_which_something_has_left_stays_held(desk: Desk, version: int):
    await register(desk.parts)
    await desk.follow(placed("o1", version=2), shipped("o1"), refused_whole("o1", version), refused_whole("o1", 1))

    assert await account_of(desk.parts) == (0, 10_000)
    assert await parked(desk.parts) == []


async def test_a_cancellation_ends_the_version_that_it_names_however_often_it_is_heard(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"), cancelled("o1", 1), placed("o1", 4_000, version=2))
    await desk.follow(cancelled("o1", 1))
    assert await account_of(desk.parts) == (0, 4_000)

    await desk.follow(cancelled("o1", 2))
    assert await account_of(desk.parts) == (0, 0)

"""How a batch is cut, buffered and judged."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import psycopg_pool
import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivables.orders.v1 import events_pb2

from services.chassis.consumer import Handler, runs
from services.chassis.database import Tx, is_of_data, is_transient
from services.chassis.envelope import Event, Origin, Record
from services.chassis.follow import Buffer, Standing

Events = list[Event[events_pb2.OrderPlaced]]


async def _handle_a(tx: Tx, events: Sequence[Event[Any]]) -> None: ...


async def _handle_b_and_c(tx: Tx, events: Sequence[Event[Any]]) -> None: ...


HANDLERS: dict[str, Handler] = {"a": _handle_a, "b": _handle_b_and_c, "c": _handle_b_and_c}


def an_event(nth: int, kind: str, account: str, tenant: str = "acme") -> Event[events_pb2.OrderPlaced]:
    origin = Origin(tenant, "system:test", "test", "key", "")
    body = events_pb2.OrderPlaced()
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return Event(str(nth), kind, f"order/{nth}", account, at, origin, body)


@st.composite
def batches(draw: st.DrawFn) -> Events:
    shapes = draw(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from("tu")), max_size=40)
    )
    return [an_event(nth, kind, account, tenant) for nth, (kind, account, tenant) in enumerate(shapes)]


@given(batches())
def test_runs_lose_nothing_have_one_handler_each_and_keep_the_order_of_each_account(events: Events):
    cut = list(runs(events, HANDLERS))

    flat = [event for run in cut for event in run]
    assert sorted(event.id for event in flat) == sorted(event.id for event in events)
    assert all(len({HANDLERS[event.type] for event in run}) == 1 for run in cut)
    assert _by_account(flat) == _by_account(events)


def _by_account(events: Events) -> dict[tuple[str, str], list[str]]:
    found = defaultdict(list)
    for event in events:
        found[(event.tenant, event.account_id)].append(event.id)
    return found


def test_runs_are_few_when_the_accounts_differ():
    events = [an_event(n, "ab"[n % 2], f"account-{n}") for n in range(10)]

    assert [len(run) for run in runs(events, HANDLERS)] == [5, 5]


def test_types_of_one_handler_that_alternate_on_one_account_are_one_run():
    events = [an_event(n, "bc"[n % 2], "busy") for n in range(10)]

    assert [len(run) for run in runs(events, HANDLERS)] == [10]


def error(sqlstate: str) -> psycopg.Error:
    return psycopg.errors.lookup(sqlstate)("said by the server")


@pytest.mark.parametrize(
    "sqlstate",
    ["08006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "25006", "25P03"],
)
def test_what_passes_is_waited_for(sqlstate: str):
    assert is_transient(error(sqlstate))


@pytest.mark.parametrize("sqlstate", ["23505", "23503", "23514", "22001", "22P02", "54000", "54001", "42P01", "P0001"])
def test_what_stays_is_parked(sqlstate: str):
    assert not is_transient(error(sqlstate))


@pytest.mark.parametrize(
    ("sqlstate", "of_data"),
    [
        ("22003", True),
        ("22P05", True),
        ("54000", True),
        ("23505", False),
        ("23514", False),
        ("40001", False),
        ("42703", False),
    ],
)
def test_what_a_value_did_is_told_from_what_we_did(sqlstate: str, of_data: bool):
    assert is_of_data(error(sqlstate)) is of_data


def test_a_lost_connection_and_a_full_pool_are_waited_for():
    assert is_transient(psycopg.OperationalError("the connection is lost"))
    assert is_transient(psycopg.InterfaceError("the connection is closed"))
    assert is_transient(psycopg_pool.PoolTimeout("none is free"))
    assert not is_transient(RuntimeError("a defect"))


def a_record(offset: int, size: int = 0) -> Record:
    return Record("topic", 0, offset, None, bytes(size), {})


async def taken(buffer: Buffer, most: int = 10, most_bytes: int = 100) -> list[int]:
    return [record.offset for record in await buffer.some(most, most_bytes)]


async def test_a_batch_is_what_is_there_in_the_order_in_which_it_came():
    buffer = Buffer(10, 100)
    buffer.add(a_record(offset) for offset in range(5))

    assert await taken(buffer, most=3) == [0, 1, 2]
    assert await taken(buffer, most=3) == [3, 4]


async def test_a_batch_ends_by_its_bytes_and_one_that_is_too_large_comes_alone():
    buffer = Buffer(10, 100)
    buffer.add(a_record(offset, size) for offset, size in enumerate([40, 60, 1, 101, 100, 99, 2]))

    assert [await taken(buffer) for _ in range(5)] == [[0, 1], [2], [3], [4], [5]]
    assert await taken(buffer) == [6]


@pytest.mark.parametrize(("most", "most_bytes", "size"), [(2, 1000, 1), (1000, 20, 10)])
async def test_a_full_buffer_makes_the_fetch_wait_and_an_empty_one_the_flush(most: int, most_bytes: int, size: int):
    buffer = Buffer(most, most_bytes)
    flush = asyncio.create_task(taken(buffer, most=1))
    await asyncio.sleep(0)
    assert not flush.done()
    await buffer.room()
    buffer.add([a_record(0, size), a_record(1, size)])
    fetch = asyncio.create_task(buffer.room())
    await asyncio.sleep(0)
    assert await flush == [0]
    await fetch

    buffer.add([a_record(2, size)])
    fetch = asyncio.create_task(buffer.room())
    await asyncio.sleep(0)
    assert buffer.full
    assert not fetch.done()
    assert await taken(buffer, most=1) == [1]
    await fetch
    assert await taken(buffer) == [2]


async def test_what_waits_can_be_given_up_and_makes_room():
    buffer = Buffer(2, 100)
    buffer.add([a_record(0), a_record(1)])

    assert [record.offset for record in buffer.drop()] == [0, 1]

    await buffer.room()
    buffer.add([a_record(7, 100)])
    assert await taken(buffer) == [7]


def test_lag_counts_what_is_published_and_not_handled():
    standing = Standing({("a", 0): 10, ("a", 1): 5, ("b", 0): 0}, {("a", 0): 4, ("a", 1): 5, ("b", 0): 0})

    assert standing.lag() == 6
    assert standing.lag({("a", 1), ("b", 0)}) == 0
    assert standing.handled({("a", 0), ("a", 1)}) == 9


def test_a_recreated_topic_that_reaches_less_far_makes_no_negative_lag():
    assert Standing({("a", 0): 1}, {("a", 0): 4}).lag() == 0

"""What the machinery says of itself: how far it is, what it reaches, and that a broken figure stops nothing."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from receivables.credit.v1 import service_pb2

from services.chassis import metrics, operations, rpc
from services.chassis.follow import Buffer, Follower, Standing
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE


def said(name: str, **labels: str) -> Any:
    """What a scrape would read."""
    return REGISTRY.get_sample_value(name, labels)


async def run_a_while(forever: Coroutine[Any, Any, None], until: Callable[[], bool]) -> None:
    """Run something that never ends, until something is so."""
    task = asyncio.ensure_future(forever)
    try:
        async with asyncio.timeout(10):
            while not until():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_figures_are_read_for_all_tenants_and_cannot_be_written(open_service):
    seen: list[str] = []

    async def measure(tx):
        seen.append((await tx.row("SELECT current_setting('ar.tenants') AS tenants")).tenants)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            async with tx.savepoint():
                await tx.run("INSERT INTO tenant VALUES ('eve')")

    metrics.FIGURES_AT.set(0)
    async with open_service(SERVICE) as parts:
        await parts.consumer.handle([placed(tenant="acme"), placed(tenant="zeta", offset=1)])
        await run_a_while(
            operations.keep_figures(parts.database, measure), lambda: said("ar_figures_timestamp_seconds") > 0
        )

    assert seen[0] == "acme,zeta"
    assert time.time() - said("ar_figures_timestamp_seconds") < 10


async def test_a_figure_that_fails_stops_nothing_and_is_not_taken_for_a_new_one(open_service, monkeypatch):
    tried: list[int] = []

    async def measure(tx):
        tried.append(1)
        await tx.run("SELECT 1 / 0")

    monkeypatch.setattr(operations, "GAUGES_S", 0.01)
    monkeypatch.setattr(operations, "FIGURES_PAUSE", 0)
    metrics.FIGURES_AT.set(0)
    async with open_service(SERVICE) as parts:
        await run_a_while(operations.keep_figures(parts.database, measure), lambda: len(tried) > 2)

    assert said("ar_figures_timestamp_seconds") == 0


async def test_a_database_that_is_away_is_said_to_be_down_and_then_up_again(open_service, monkeypatch):
    monkeypatch.setattr(operations, "GAUGES_S", 0.01)
    async with open_service(SERVICE) as parts:
        real, away = parts.database.transaction, True

        @asynccontextmanager
        async def transaction(tenants):
            if away:
                raise psycopg.OperationalError("away")
            async with real(tenants) as tx:
                yield tx

        monkeypatch.setattr(parts.database, "transaction", transaction)
        metrics.DEPENDENCY.labels("database").set(1)
        gauges = operations.keep_gauges(parts.database, parts.consumer)
        await run_a_while(gauges, lambda: said("ar_dependency_up", dependency="database") == 0)
        away = False
        gauges = operations.keep_gauges(parts.database, parts.consumer)
        await run_a_while(gauges, lambda: said("ar_dependency_up", dependency="database") == 1)


@dataclass
class _At:
    """A record as far as its age is concerned."""

    timestamp: float


def a_follower(*ages: float, buffered: Sequence[float] = ()) -> Any:
    """A follower that has these records at hand, so many seconds old."""
    follower: Any = object.__new__(Follower)
    follower._batch = [_At(time.time() - age) for age in ages]
    follower._buffer = buffer = Buffer(10, 1000)
    records: Any = buffer._records
    records.extend(_At(time.time() - age) for age in buffered)
    return follower


STANDING = Standing(ends={("t", 0): 10, ("t", 1): 5}, next_offsets={("t", 0): 7, ("t", 1): 5})
AT_REST = Standing(ends={("t", 0): 10}, next_offsets={("t", 0): 10})


def test_lag_is_told_in_records_and_as_the_age_of_the_oldest():
    a_follower(30, 90, buffered=[60])._show(STANDING, idle_s=1)

    assert said("ar_consumer_lag_records") == 3
    assert said("ar_consumer_lag_seconds") == pytest.approx(90, abs=1)
    assert said("ar_consumer_committed_offset", topic="t", partition="0") == 7
    assert said("ar_dependency_up", dependency="broker") == 1


def test_what_is_not_even_fetched_has_waited_at_least_since_something_was_handled():
    a_follower()._show(STANDING, idle_s=45)

    assert said("ar_consumer_lag_seconds") == 45


def test_at_rest_nothing_is_late_whatever_was_handled_last():
    a_follower(500)._show(AT_REST, idle_s=500)

    assert said("ar_consumer_lag_records") == 0
    assert said("ar_consumer_lag_seconds") == 0


def test_a_call_is_counted_under_the_contracts_name():
    assert rpc._service_of(service_pb2.DESCRIPTOR, "Decide") == "receivables.credit.v1.CreditService"

"""Rounds of work: a rest as long as the work was, twice, at most a tenth of a second, and none while a whole round waits."""

import asyncio
import time

import pytest
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.follow import Buffer
from services.chassis.pace import REST_MAX_S, Pace
from tests.records import a_record


def a_round(monkeypatch: pytest.MonkeyPatch, took_s: float) -> float:
    """How long is rested after a round that took so long."""
    now = iter([100.0, 100.0 + took_s])
    monkeypatch.setattr("services.chassis.pace.time.monotonic", lambda: next(now))
    rounds = Pace()
    rounds.begin()
    return rounds.rest_s()


def test_the_longer_a_round_took_the_longer_is_the_rest_up_to_a_limit(monkeypatch: pytest.MonkeyPatch):
    assert a_round(monkeypatch, 0.010) == pytest.approx(0.020)
    assert a_round(monkeypatch, 0.030) == pytest.approx(0.060)
    assert a_round(monkeypatch, 5.0) == REST_MAX_S


async def test_a_rest_ends_when_a_whole_batch_waits():
    buffer = Buffer(100, 1_000_000)
    resting = asyncio.create_task(buffer.rest(60, 3, 1_000_000))
    for n in range(3):
        assert not resting.done()
        buffer.add([a_record(orders_pb2.OrderPlaced(order_id=f"o{n}"), account="b1", subject=f"order/o{n}")])
        await asyncio.sleep(0)

    await asyncio.wait_for(resting, 1)


async def test_a_rest_ends_with_its_time_and_leaves_what_waits():
    buffer = Buffer(100, 1_000_000)
    buffer.add([a_record(orders_pb2.OrderPlaced(order_id="o1"), account="b1", subject="order/o1")])
    began = time.monotonic()
    await buffer.rest(0.05, 3, 1_000_000)

    assert time.monotonic() - began >= 0.049
    assert len(await buffer.some(3, 1_000_000)) == 1

"""What watching costs, as a share of the time that handling takes: below two in a hundred."""

import time
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from services.chassis import metrics, operations
from services.chassis.envelope import Record
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE

pytestmark = pytest.mark.prove
EVENTS, BATCH = 20_000, 500
SCRAPE_EVERY_S = 5
SHARE = 0.02


def _records() -> list[Record]:
    now = time.time()
    return [
        replace(placed(f"o{n}", account=f"b{n % 1000}", tenant="acme"), offset=n, partition=0, timestamp=now)
        for n in range(EVENTS)
    ]


async def test_metrics_cost_less_than_two_in_a_hundred(open_service: Any, capsys: Any):
    records = _records()
    batches = [records[n : n + BATCH] for n in range(0, EVENTS, BATCH)]
    metrics.expect_events(["receivables.orders.v1.OrderPlaced"])
    async with open_service(SERVICE) as parts:
        began = time.perf_counter()
        for batch in batches:
            await parts.consumer.handle(batch)
        handling = (time.perf_counter() - began) / EVENTS
        types = parts.consumer.event_types

    began = time.perf_counter()
    for batch in batches:
        metrics.handled(batch, types)
        metrics.BATCH.observe(len(batch))
        for result in ("ok", "duplicate", "parked", "skipped"):
            metrics.MESSAGES.labels(result).inc(len(batch))
    counting = (time.perf_counter() - began) / EVENTS
    began = time.perf_counter()
    generate_latest(REGISTRY)
    scraping = (time.perf_counter() - began) / SCRAPE_EVERY_S
    figures = 1 / (1 + operations.FIGURES_PAUSE)

    cost = counting / handling + scraping + figures
    with capsys.disabled():
        print(
            f"\nan event: {handling * 1e6:.0f} us handled, {counting * 1e6:.2f} us counted ({counting / handling:.2%});"
            f" scraping {scraping:.2%}; figures {figures:.2%} of one connection; together {cost:.2%}"
        )
    assert cost < SHARE

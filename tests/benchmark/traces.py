"""What traces cost the handling of an event: nothing recorded, some, all, a few batches of each in turn, in one run.

    .venv/bin/python -m tests.benchmark.traces credit ledger --batch 20

As `tests.benchmark.handlers` measures: CPU of this process, with the thread that sends the spans, and of its database
session. Who takes the spans is a process of its own, and not counted. What a flow's events say of their trace is as
though whoever began it had recorded so many of them (`parentbased_…`).
"""

import argparse
import multiprocessing
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

import uvloop

from deploy.local.postgres import drop, provision
from services.chassis import tracing
from services.chassis.envelope import Record
from services.chassis.migrate import migrate
from services.chassis.service import Parts, database_of
from services.chassis.spans import Spans
from tests.benchmark import handlers, scenes
from tests.benchmark.handlers import WARM_UP, Cost, Meter, measure
from tests.benchmark.scenes import SCENES, Scene
from tests.receiver import Receiver

SHARES = (None, 0.0, 0.05, 0.1, 1.0)  # of the traces that are recorded; None: switched off
BLOCK = 10  # batches after which another one has its turn


def _named(share: float | None) -> str:
    return "off" if share is None else f"{share:.0%}"


def _traced(records: Sequence[Record], share: float | None, chance: random.Random) -> list[Record]:
    """As they come where so many are recorded."""
    return [
        replace(
            record,
            headers={
                **record.headers,
                "traceparent": record.headers["traceparent"][:-2] + ("01" if chance.random() < (share or 0) else "00"),
            },
        )
        for record in records
    ]


async def play(scene: Scene, parts: Parts[Any], meter: Meter, options: argparse.Namespace) -> dict[str, Cost]:
    """All steps in steady flow, each block another way."""
    await handlers.know_buyers(scene, parts)
    flow = list(scenes.interleaved(scene.steps, options.orders, max(1, options.batch // len(scene.steps))))
    chance = random.Random(7)
    recorder, found = Spans("bench"), {_named(share): Cost(0, 0, 0, 0, 0, 0) for share in SHARES}
    await measure(parts, meter, flow[: WARM_UP * options.batch], options.batch)
    size, start, turn = BLOCK * options.batch, WARM_UP * options.batch, 0
    while start + size <= len(flow):
        # Backwards every other time: tables grow meanwhile.
        share = SHARES[turn % len(SHARES)] if turn // len(SHARES) % 2 else SHARES[-1 - turn % len(SHARES)]
        block = _traced(flow[start : start + size], share, chance)
        tracing.record_with(None if share is None else recorder)
        wall, python, postgres, waits = time.perf_counter(), time.process_time(), meter.postgres_s(), meter.waits
        for first in range(0, size, options.batch):
            await parts.consumer.handle(block[first : first + options.batch])
        recorder.flush()
        before = found[_named(share)]
        found[_named(share)] = Cost(
            before.events + size,
            before.batches + BLOCK,
            before.wall_s + time.perf_counter() - wall,
            before.python_s + time.process_time() - python,
            before.postgres_s + meter.postgres_s() - postgres,
            before.waits + meter.waits - waits,
        )
        start, turn = start + size, turn + 1
    tracing.record_with(None)
    return found


async def run(scene: Scene, admin_url: str, options: argparse.Namespace) -> None:
    """On a database of its own, with one session."""
    name = f"traces_{uuid4().hex[:8]}"
    urls = provision(admin_url, name)
    try:
        migrate(urls.owner, f"{name}_server", scene.service.migrations)
        settings = scene.service.settings(database_url=urls.server, kafka_bootstrap_servers="none")
        async with database_of(settings) as database:
            parts: Parts[Any] = Parts(settings, database, scene.service.consumer(settings, database))
            async with database.pool.connection() as connection:
                meter = Meter(connection)
            print(f"{scene.service.name}, batches of {options.batch}:")
            found = await play(scene, parts, meter, options)
            off = found["off"].python_s + found["off"].postgres_s
            for what, cost in found.items():
                ratio = (cost.python_s + cost.postgres_s) / cost.events * found["off"].events / off
                print(cost.line(what), f" {ratio:5.3f}", flush=True)
    finally:
        drop(admin_url, name)


def _take(pipe: Connection) -> None:
    with Receiver() as receiver:
        pipe.send(receiver.environment())
        pipe.recv()


@contextmanager
def _receiver() -> Iterator[dict[str, str]]:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_take, args=(theirs,), daemon=True)
    process.start()
    yield pipe.recv()
    pipe.send(None)
    process.join()


def main() -> None:
    """Measure on the database server that the environment names, or on our own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", metavar="service", help=f"of {', '.join(SCENES)}; all if none is named")
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--orders", type=int, default=4000)
    options = parser.parse_args()
    with handlers.server() as admin_url, _receiver() as variables:
        os.environ.update(variables)
        for name in options.services or SCENES:
            uvloop.run(run(SCENES[name], admin_url, options))


if __name__ == "__main__":
    main()

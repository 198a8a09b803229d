"""What one event costs a service: its CPU and its database's, by event, without Kafka and Faust around it.

    .venv/bin/python -m tests.benchmark.handlers credit ledger --batch 20 --profile

Batches of records go straight into the consumer, on a database of its own. The CPU of this process and of the one
database session is counted, so that others on the machine do not matter much; a line "flow" mixes all the events of an
order as they come in steady flow, and says what an order costs.
"""

import argparse
import cProfile
import os
import pstats
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import uvloop
from psycopg.conninfo import make_conninfo

from deploy.local.artifacts import ROOT
from deploy.local.postgres import Postgres, drop, provision
from deploy.local.servers import own_folder
from services.chassis.envelope import Origin, Record
from services.chassis.migrate import migrate
from services.chassis.service import Parts, database_of
from services.credit import usecases as credit
from services.kernel.money import Money
from tests.benchmark import scenes
from tests.benchmark.scenes import ACCOUNTS, SCENES, Scene

WARM_UP = 20  # batches before the measured ones: statements get prepared, plans settle
NANO = 1e9


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of events took."""

    events: int
    batches: int
    wall_s: float
    python_s: float
    postgres_s: float
    waits: int

    def line(self, name: str, *, per: int | None = None) -> str:
        """As printed; of a mixed flow `per` is the number of orders."""
        n = per or self.events
        return (
            f"  {name:18} {self.events / self.wall_s:7,.0f}/s  python {self.python_s / n * 1e3:6.3f} ms"
            f"  postgres {self.postgres_s / n * 1e3:6.3f} ms  sum {(self.python_s + self.postgres_s) / n * 1e3:6.3f} ms"
            f"  {self.waits / self.batches:5.1f} round trips a batch"
        )


class Meter:
    """Counts what a session's database process and this one use."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Watch this session from now on."""
        self._pid = connection.info.backend_pid
        self.waits = 0
        wait = connection.wait

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self.waits += 1
            return await wait(*args, **kwargs)

        connection.wait = counted  # type: ignore[method-assign]  # every round trip goes through it

    def postgres_s(self) -> float:
        """CPU that the session's process has used so far."""
        return int(Path(f"/proc/{self._pid}/schedstat").read_text().split()[0]) / NANO


async def measure(parts: Parts[Any], meter: Meter, records: Sequence[Record], batch: int) -> Cost:
    """Let the consumer handle the records; the first few batches only warm it up."""
    batches = [records[start : start + batch] for start in range(0, len(records), batch)]
    warm, measured = batches[:WARM_UP], batches[WARM_UP:]
    for some in warm:
        await parts.consumer.handle(some)
    wall, python, postgres, waits = time.perf_counter(), time.process_time(), meter.postgres_s(), meter.waits
    for some in measured:
        await parts.consumer.handle(some)
    return Cost(
        events=sum(map(len, measured)),
        batches=len(measured),
        wall_s=time.perf_counter() - wall,
        python_s=time.process_time() - python,
        postgres_s=meter.postgres_s() - postgres,
        waits=meter.waits - waits,
    )


async def play(scene: Scene, parts: Parts[Any], meter: Meter, orders: int, batch: int) -> None:
    """Measure each step for all orders, then all steps in steady flow."""
    await know_buyers(scene, parts)
    for step in scene.steps:
        cost = await measure(parts, meter, scenes.records(step, range(orders)), batch)
        print(cost.line(step.__name__), flush=True)
    later = [lambda nth, step=step: step(nth + orders) for step in scene.steps]
    flow = list(scenes.interleaved(later, orders, max(1, batch // len(scene.steps))))
    cost = await measure(parts, meter, flow, batch)
    print(cost.line("flow, by order", per=cost.events // len(scene.steps)), flush=True)
    await _nothing_waits(parts)


async def know_buyers(scene: Scene, parts: Parts[Any]) -> None:
    """Make the buyers known whose orders come."""
    if scene.knows_buyers_by_event:
        await parts.consumer.handle(scenes.records(scenes.registered, range(ACCOUNTS)))
    elif scene.service.name == "credit":
        async with parts.database.transaction(["acme"]) as tx:
            for nth in range(ACCOUNTS):
                origin = Origin("acme", "system:bench", "", f"register {nth}", "")
                limit = Money(scenes.PLENTY_MINOR, "EUR")
                await credit.register_buyer(tx, origin, scenes.account_id(nth), scenes.company(), limit)


async def _nothing_waits(parts: Parts[Any]) -> None:
    async with parts.database.transaction(["acme"]) as tx:
        [row] = await tx.rows(
            "SELECT count(*) AS n, (array_agg(detail ORDER BY id))[1] AS why FROM parked WHERE closed_at IS NULL"
        )
    if row.n:
        raise SystemExit(f"{row.n} events are parked, such as: {row.why}")


async def run(scene: Scene, admin_url: str, options: argparse.Namespace) -> None:
    """On a database of its own, with one session."""
    name = f"handlers_{uuid4().hex[:8]}"
    urls = provision(admin_url, name)
    try:
        migrate(urls.owner, f"{name}_server", scene.service.migrations)
        settings = scene.service.settings(database_url=urls.server, kafka_bootstrap_servers="none")
        async with database_of(settings) as database:
            parts: Parts[Any] = Parts(settings, database, scene.service.consumer(settings, database))
            async with database.pool.connection() as connection:
                meter = Meter(connection)
            print(f"{scene.service.name}, batches of {options.batch}, {options.orders} orders:")
            inside = make_conninfo(admin_url, dbname=name)
            with (
                _profile() if options.profile else nullcontext(),
                _statements(inside) if options.statements else nullcontext(),
            ):
                await play(scene, parts, meter, options.orders, options.batch)
    finally:
        drop(admin_url, name)


@contextmanager
def _profile() -> Iterator[None]:
    """The functions that take most, by their own time."""
    profile = cProfile.Profile()
    profile.enable()
    yield
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


@contextmanager
def _statements(url: str) -> Iterator[None]:
    """The statements that take most, where the server has pg_stat_statements loaded."""
    with psycopg.connect(url, autocommit=True) as inside:
        row = inside.execute("SHOW shared_preload_libraries").fetchone()
        if row is None or "pg_stat_statements" not in row[0]:
            raise SystemExit("the server has no pg_stat_statements loaded: name one by DATABASE_URL")
        inside.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        inside.execute("SELECT pg_stat_statements_reset()")
        yield
        for table, scans, read, by_index in inside.execute(_SCANNED):
            print(f"  {table:16} {scans:7} sequential scans of {read:9} rows, {by_index:9} by index")
        for calls, spent_ms, touched, query in inside.execute(_SPENT):
            print(f"  {spent_ms:9.1f} ms  {calls:6} calls  {touched:7} rows  {query}")


_SCANNED = """SELECT relname, seq_scan, seq_tup_read, idx_scan FROM pg_stat_user_tables WHERE seq_tup_read > 0
               ORDER BY seq_tup_read DESC"""
_SPENT = """SELECT calls, total_exec_time, rows, left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
              FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid WHERE datname = current_database()
             ORDER BY total_exec_time DESC LIMIT 30"""


def main() -> None:
    """Measure on the database server that the environment names, or on our own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("services", nargs="*", metavar="service", help=f"of {', '.join(SCENES)}; all if none is named")
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--profile", action="store_true", help="the functions that take most (slows everything down)")
    parser.add_argument("--statements", action="store_true", help="the statements that take most (pg_stat_statements)")
    options = parser.parse_args()
    with server() as admin_url:
        for name in options.services or SCENES:
            uvloop.run(run(SCENES[name], admin_url, options))


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a database server's administrator."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    folder = own_folder(ROOT / "var" / "handlers")
    server = Postgres(folder / "postgres", folder / "postgres.log")
    server.start()
    try:
        yield server.admin_url
    finally:
        server.stop()


if __name__ == "__main__":
    main()

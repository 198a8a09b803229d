"""What an order, an invoice and a payment cost while an account has a thousand, a hundred thousand, a million open items.

All of them are one account's, which is the worst that can be: `python -m deploy.local run -- python -m tests.benchmark.volume`.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, repeat
from typing import Any
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.local.artifacts import ROOT
from deploy.local.postgres import drop, provision
from deploy.local.servers import Servers, own_folder
from services.chassis.envelope import Origin, Record
from services.chassis.migrate import migrate
from services.chassis.service import Parts, Service, database_of
from services.credit.service import SERVICE as CREDIT
from services.ledger import usecases, wire
from services.ledger.service import SERVICE as LEDGER
from tests.integration.ledger.desk import a_payment, issued
from tests.records import a_record

SIZES = (1_000, 100_000, 1_000_000)
BATCHES, BATCH = 9, 100  # the first third warms up
TENANT, ACCOUNT = "acme", "b0"

_CREDIT = (
    """INSERT INTO hold SELECT 'acme', 'o' || n, 1, 'b0', 'HELD', 'EUR', 100, 100, 0, now() + interval '9 days', '', '', ''
         FROM generate_series(1, {rows}) AS n""",
    """INSERT INTO decision SELECT 'acme', 'd' || n, 'o' || n, 1, 'b0', 'APPROVED', '{{within_limit}}', 'engine', 'EUR', 100, 1,
                                   now(), now() FROM generate_series(1, {rows}) AS n""",
    """INSERT INTO movement SELECT 'acme', 'b0', 'hold order/o' || n || '/1', 0, 100, now()
         FROM generate_series(1, {rows}) AS n""",
    "INSERT INTO account VALUES ('acme', 'b0', '', 'EUR', 1000000000000000, 0, 100 * {rows}, false, now())",
)
_LEDGER = (
    "INSERT INTO account VALUES ('acme', 'b0', 'EUR')",
    """INSERT INTO item SELECT 'acme', 'i' || n, 'OLD-' || n, 'OLD' || n, 'b0', 'o' || n, true, current_date, current_date - 1000
                               + (n % 365), 'EUR', 100, 100 FROM generate_series(1, {rows}) AS n""",
    """INSERT INTO entry SELECT 'acme', 'b0', gen_random_uuid(), 'invoice_issued', 'i' || n, 'e' || n, 'a', 'r', now(),
                                current_date FROM generate_series(1, {rows}) AS n""",
    """INSERT INTO posting SELECT 'acme', 'b0', entry_id, line, CASE line WHEN 1 THEN 1100 ELSE 4000 END, 'EUR',
                                  CASE line WHEN 1 THEN 100 ELSE -100 END FROM entry, generate_series(1, 2) AS line""",
    """INSERT INTO balance VALUES ('acme', 'b0', 'EUR', 1100, 100 * {rows}, 100 * {rows}), ('acme', 'b0', 'EUR', 4000,
                                   -100 * {rows}, 0)""",
)


@dataclass(frozen=True)
class Cost:
    """Of one thing, in milliseconds: by the clock, and of the database's processor."""

    clock_ms: float
    database_ms: float


@dataclass(frozen=True)
class Volume:
    """What each thing costs, by how many items are open."""

    order: dict[int, Cost]
    invoice: dict[int, Cost]
    payment_by_number: dict[int, Cost]
    payment_by_age: dict[int, Cost]

    def __str__(self) -> str:
        names = (
            ("order decided (credit)", self.order),
            ("invoice posted (ledger)", self.invoice),
            ("payment that names its invoice", self.payment_by_number),
            ("payment of the oldest due", self.payment_by_age),
        )
        lines = ["| ms each, database CPU in brackets | " + " | ".join(f"{size:,} open" for size in self.order) + " |"]
        lines.append("|---" * (len(self.order) + 1) + "|")
        for name, costs in names:
            cells = (f"{cost.clock_ms:.2f} ({cost.database_ms:.2f})" for cost in costs.values())
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def measure(servers: Servers, sizes: Sequence[int] = SIZES) -> Volume:
    """Fill the databases of credit and the ledger to each size in turn, and handle orders, invoices and payments."""
    return asyncio.run(_measure(servers, sizes))


async def _measure(servers: Servers, sizes: Sequence[int]) -> Volume:
    found = Volume({}, {}, {}, {})
    for size in sizes:
        async with _filled(servers, CREDIT, _CREDIT, size) as parts:
            found.order[size] = await _cost(parts, _orders)
        async with _filled(servers, LEDGER, _LEDGER, size) as parts:
            found.invoice[size] = await _cost(parts, _invoices)
            by_number = partial(_payments, remittances=map("OLD-{}".format, count(1)))
            found.payment_by_number[size] = await _cost(parts, by_number)
            found.payment_by_age[size] = await _cost(parts, partial(_payments, remittances=repeat("")))
    return found


class _filled:  # noqa: N801 - a context manager
    """A service on a database of its own that has so many open items."""

    def __init__(self, servers: Servers, service: Service[Any], stock: Sequence[str], size: int) -> None:
        self._admin_url = servers.admin_database_url
        self._name = f"bench_volume_{service.name}"
        drop(self._admin_url, self._name)
        urls = provision(self._admin_url, self._name)
        migrate(urls.owner, f"{self._name}_server", service.migrations)
        with psycopg.connect(make_conninfo(self._admin_url, dbname=self._name), autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
            for statement in stock:
                admin.execute(sql.SQL(statement.format(rows=size)))
            admin.execute("VACUUM ANALYZE")
        self._settings = service.settings(database_url=urls.server, **servers.cluster.settings(), grpc_tls="off")
        self._service = service

    async def __aenter__(self) -> Parts[Any]:
        self._database = await database_of(self._settings).__aenter__()
        return Parts(self._settings, self._database, self._service.consumer(self._settings, self._database))

    async def __aexit__(self, *_: object) -> None:
        await self._database.__aexit__()
        drop(self._admin_url, self._name)


async def _cost(parts: Parts[Any], do: Callable[[Parts[Any], int], Awaitable[None]]) -> Cost:
    """What one of a batch costs: the median of the batches after those that warm up."""
    async with parts.database.transaction(()) as tx:
        backend = psutil.Process((await tx.row("SELECT pg_backend_pid() AS pid")).pid)
    clock, database = [], []
    for nth in range(BATCHES):
        began, used = time.perf_counter(), backend.cpu_times()
        await do(parts, BATCH)
        now = backend.cpu_times()
        if nth >= BATCHES // 3:
            clock.append(time.perf_counter() - began)
            database.append(now.user + now.system - used.user - used.system)
    return Cost(1000 * statistics.median(clock) / BATCH, 1000 * statistics.mean(database) / BATCH)


def _order() -> Record:
    order = f"new-{uuid4()}"
    body = orders_pb2.OrderPlaced(
        order_id=order,
        version=1,
        account_id=ACCOUNT,
        placed_on="2026-03-02",
        promised_ship_on="2026-03-03",
        currency="EUR",
        net_minor=900,
        gross_minor=900,
    )
    body.lines.add(
        line_id="1", sku="s", name="w", quantity="1", unit="C62", unit_price="9", net_minor=900, tax_class="STANDARD"
    )
    return a_record(body, account=ACCOUNT, subject=f"order/{order}", tenant=TENANT)


async def _orders(parts: Parts[Any], orders: int) -> None:
    await parts.consumer.handle([_order() for _ in range(orders)])


async def _invoices(parts: Parts[Any], invoices: int) -> None:
    await parts.consumer.handle([issued(f"new-{uuid4()}", account=ACCOUNT, due="2030-01-01") for _ in range(invoices)])


async def _payments(parts: Parts[Any], payments: int, remittances: Iterator[str]) -> None:
    """Each in a transaction of its own, as a call brings it."""
    for remittance in islice(remittances, payments):
        key = str(uuid4())
        payment = wire.payment(TENANT, a_payment(key, 100, remittance, account=ACCOUNT))
        async with parts.database.transaction([TENANT]) as tx:
            await usecases.record_payment(tx, Origin(TENANT, "user:a", "test", key, "00-0-0-01"), payment)


def main() -> None:
    """Measure on the servers that the environment names, or on our own."""
    with Servers(own_folder(ROOT / "var" / "bench")) as servers:
        print(measure(servers))


if __name__ == "__main__":
    main()

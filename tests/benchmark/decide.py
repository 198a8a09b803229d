"""A checkout that waits for `Decide`, beside the least that a call with a row can cost; and one account in demand.

Beside it stands a server of the same library that answers what it was sent, after one UPDATE of one row in a
transaction of its own, over as many connections. The callers are a process of their own, and the same for both.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import psycopg
import uvloop
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import service_pb2, service_pb2_grpc

from deploy.demo.stack import HOST
from deploy.local import postgres
from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls
from deploy.local.trust import Issuers
from services.chassis import topics
from services.chassis.access import IDENTITY
from services.chassis.migrate import migrate
from services.chassis.settings import ChassisSettings
from tests import callers
from tests.benchmark import business, report, tape
from tests.benchmark.effort import Effort
from tests.benchmark.lone import Lone, lone, process
from tests.benchmark.report import Section
from tests.benchmark.stand import PARTITIONS, PREFIX, FellOverError, Ground, ground, pgbench, quiet_logs
from tests.benchmark.tape import Told

CALLERS = 16
CHANNELS = 4
CALLER = "user:checkout"
RENEWED_S = 30.0  # after which a caller has another token
CONNECTIONS = int(ChassisSettings.model_fields["database_connections"].default)
ECHO = "/bench.Echo/Echo"
HOT = 4000  # orders of one account
UPDATES = 100  # of one row in a transaction, for the batched ceiling
_TPS = re.compile(r"tps = ([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Calls:
    """What callers found."""

    seconds: float
    latencies_s: Sequence[float]

    @property
    def per_s(self) -> float:
        """Calls a second."""
        return len(self.latencies_s) / self.seconds


def decide(effort: Effort) -> Section:
    """Both, turn by turn."""
    with ground(effort.say) as servers, credit_alone(servers) as up, echo_beside(up) as echo:
        text = _measured(up, echo, effort)
    return Section("decide", "Decide over gRPC, and one account in demand", f"{report.conditions(effort)}.\n\n{text}")


def _measured(up: Lone, echo: str, effort: Effort) -> str:
    found: dict[str, list[Calls]] = {"Decide": [], "echo and one UPDATE": [], "hot": []}
    for nth in range(effort.runs):
        effort.say(f"Decide by {CALLERS} callers, run {nth + 1} of {effort.runs}")
        for what, address, run, accounts in (
            ("Decide", up.processes[0].address, f"d{nth}", business.BUYERS),
            ("echo and one UPDATE", echo, "", business.BUYERS),
            ("hot", up.processes[0].address, f"h{nth}", 1),
        ):
            found[what].append(call(address, run, accounts, effort, up.issuers))
    effort.say("One hot account by events, and what its row's lock allows")
    told = [_hot_by_events(up, f"k{nth}", 300 if effort.quick else HOT) for nth in range(effort.runs)]
    ceilings = ceilings_of(up, effort)
    return "\n\n".join([_latencies(found), _hot(found["hot"], told, ceilings)])


def _latencies(found: Mapping[str, Sequence[Calls]]) -> str:
    rows, both = [], []
    for what in ("Decide", "echo and one UPDATE"):
        figures = [report.percentiles_ms(calls.latencies_s) for calls in found[what]]
        known = [figure for figure in figures if figure is not None]
        both.append(known)
        p50, p99 = (report.spread([figure[at] for figure in known], 1) for at in (0, 1))
        rows.append([what, p50, p99, report.spread([calls.per_s for calls in found[what]])])
    if len(both[0]) == len(both[1]):
        ratios = [[ours[at] / theirs[at] for ours, theirs in zip(*both, strict=True)] for at in (0, 1)]
        rows.append(["times (aim: at most 2)", *(report.spread(one, 1) for one in ratios), ""])
    return report.table([f"{CALLERS} callers", "p50, ms", "p99, ms", "calls/s"], rows)


def _hot(calls: Sequence[Calls], told: Sequence[float], ceilings: Mapping[str, Sequence[float]]) -> str:
    rows = [
        [f"Decide, {CALLERS} callers", report.spread([one.per_s for one in calls])],
        ["events, up to 500 a transaction", report.spread(told)],
        *([f"ceiling: {what}", report.spread(figures)] for what, figures in ceilings.items()),
    ]
    return report.table(["one hot account", "holds/s"], rows)


# The two servers.


@contextmanager
def credit_alone(servers: Ground) -> Iterator[Lone]:
    """Credit alone, with its buyers."""
    name = f"{PREFIX}_decide"
    quiet_logs()
    urls = postgres.provision(servers.servers.admin_database_url, name)
    migrate(urls.owner, f"{name}_server", ROOT / "services" / "credit" / "migrations")
    topics.ensure(servers.servers.cluster.brokers(), partitions=PARTITIONS, replication=1)
    with (
        lone(servers, "credit", urls, {}) as up,
        callers.dialled(up.processes[0].address, "credit", by=up.issuers) as channel,
    ):
        credit: Any = service_pb2_grpc.CreditServiceStub(channel)
        limit = money_pb2.Money(minor=int(business.PLENTY) * 100, currency=business.CURRENCY)
        for pattern in business.patterns():
            company = party_pb2.Company(name=pattern.account, address=party_pb2.Address(country="DE"))
            request = service_pb2.RegisterBuyerRequest(account_id=pattern.account, company=company, limit=limit)
            credit.RegisterBuyer(request, metadata=_metadata(f"buyer/{pattern.account}"))
        yield up


@contextmanager
def echo_beside(up: Lone) -> Iterator[str]:
    """The server beside it, with a row for each account in a database of its own; gives its address."""
    name = f"{PREFIX}_echo"
    urls = postgres.provision(up.ground.servers.admin_database_url, name)
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE account (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0)")
        owner.execute("INSERT INTO account SELECT generate_series(0, %s)", [business.BUYERS - 1])
        server = str(conninfo_to_dict(urls.server)["user"])
        owner.execute(
            f'GRANT USAGE ON SCHEMA public TO "{server}"; GRANT SELECT, UPDATE ON account TO "{server}"'.encode()
        )
    with process(_serve_echo, urls.server) as (pipe, _):
        yield f"{HOST}:{pipe.recv()}"


def _serve_echo(pipe: Connection, url: str) -> None:
    uvloop.run(_answer(pipe, url))


async def _answer(pipe: Connection, url: str) -> None:
    numbers = count()
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True}
    )

    async def echo(request: bytes, _context: object) -> bytes:
        async with pool.connection() as connection:
            await connection.execute(
                "UPDATE account SET n = n + 1 WHERE id = %s", [next(numbers) % business.BUYERS], prepare=True
            )
        return request

    async with pool:
        server = grpc.aio.server()
        handler: Any = grpc.unary_unary_rpc_method_handler(echo)
        service, _, method = ECHO[1:].partition("/")
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        port = server.add_insecure_port(f"{HOST}:0")
        await server.start()
        pipe.send(port)
        told = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), told.set)
        await told.wait()
        await server.stop(None)


# The callers.


def call(address: str, run: str, accounts: int, effort: Effort, issuers: Issuers) -> Calls:
    """Call for so long; `run` begins the orders' ids, and without it the echo is called."""
    with process(_serve_calls, address, run, accounts, effort.warm_s / 4, effort.seconds / 3, issuers) as (pipe, _):
        found = pipe.recv()
    if isinstance(found, str):
        raise FellOverError(found)
    assert isinstance(found, Calls)
    return found


def _serve_calls(pipe: Connection, *arguments: Any) -> None:
    try:
        pipe.send(uvloop.run(_keep_calling(*arguments)))
    except* grpc.RpcError as errors:
        pipe.send(f"a call failed: {errors.exceptions[0]}")


async def _keep_calling(
    address: str, run: str, accounts: int, warm_s: float, seconds: float, issuers: Issuers
) -> Calls:
    """A token for each caller as it comes from a checkout's session, signed anew before it ends."""
    latencies: list[float] = []
    numbers = count()
    begin = time.perf_counter() + warm_s
    end = begin + seconds
    channels = [grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(CHANNELS)]

    async def keep_calling(call: Any) -> None:
        token, signed = "", -RENEWED_S
        while (now := time.perf_counter()) < end:
            if now - signed >= RENEWED_S:
                token, signed = callers.token(callers.caller(CALLER, business.TENANT), "credit", issuers), now
            request = _request(run, next(numbers), accounts)
            await call(request, metadata=((IDENTITY, token), *_metadata(request.order_id)))
            if now >= begin:
                latencies.append(time.perf_counter() - now)

    async with asyncio.TaskGroup() as tasks:
        for nth in range(CALLERS):
            tasks.create_task(keep_calling(_method(channels[nth % CHANNELS], echo=not run)))
    took = time.perf_counter() - begin
    for channel in channels:
        await channel.close()
    return Calls(took, latencies)


def _method(channel: grpc.aio.Channel, *, echo: bool) -> Any:
    if echo:
        return channel.unary_unary(ECHO, request_serializer=service_pb2.DecideRequest.SerializeToString)
    return service_pb2_grpc.CreditServiceStub(channel).Decide


def _request(run: str, number: int, accounts: int) -> service_pb2.DecideRequest:
    return service_pb2.DecideRequest(
        order_id=f"{run}-{number}",
        version=1,
        account_id=f"B{number % accounts:03d}",
        amount=money_pb2.Money(minor=12_345, currency=business.CURRENCY),
    )


def _metadata(key: str) -> tuple[tuple[str, str], ...]:
    return (
        ("ar-tenant", business.TENANT),
        ("ar-idempotency-key", key),
        ("ar-actor", CALLER),
        ("ar-reason", "benchmark"),
    )


# One account in demand.


def _hot_by_events(up: Lone, run: str, orders: int) -> float:
    """Holds a second where one account's orders wait on the topic."""
    pattern, at = business.patterns()[0], business.now()
    made = (business.placed(pattern, run, number, at) for number in range(orders))
    told = [Told(business.ORDERS, 0, one.key, one.value, one.headers, "OrderPlaced", "") for one in made]
    before = up.handled()
    tape.tell(up.ground.servers.cluster.brokers(), told)
    early, began = up.handled() - before, time.perf_counter()
    deadline = began + 120
    while up.handled() - before < orders:
        up.check()
        if time.perf_counter() > deadline:
            raise FellOverError(f"{orders - (up.handled() - before)} of {orders} orders of a hot account are left")
        time.sleep(0.02)
    return (orders - early) / (time.perf_counter() - began)


def ceilings_of(up: Lone, effort: Effort) -> dict[str, list[float]]:
    """What the lock of one row allows."""
    urls = postgres.provision(up.ground.servers.admin_database_url, f"{PREFIX}_echo")
    update = "UPDATE account SET n = n + 1 WHERE id = 0;\n"
    one, many = up.ground.folder / "one.sql", up.ground.folder / "many.sql"
    one.write_text(update)
    many.write_text(f"BEGIN;\n{update * UPDATES}COMMIT;\n")
    bench = partial(_tps, urls, up.ground.servers.admin_database_url, seconds=1 if effort.quick else 10)
    kinds: dict[str, Callable[[], float]] = {
        "an UPDATE a transaction, one client": lambda: bench(one, clients=1),
        f"an UPDATE a transaction, {CALLERS} clients": lambda: bench(one, clients=CALLERS),
        f"{UPDATES} UPDATEs a transaction, one client": lambda: bench(many, clients=1) * UPDATES,
    }
    return {what: [measure() for _ in range(effort.runs)] for what, measure in kinds.items()}


def _tps(urls: DatabaseUrls, admin_url: str, script: Path, *, clients: int, seconds: int) -> float:
    said = pgbench(urls, admin_url, "-M", "prepared", "-c", str(clients), "-T", str(seconds), "-f", str(script))
    if (found := _TPS.search(said)) is None:
        raise FellOverError(f"pgbench: {said.strip()[-500:]}")
    return float(found[1])

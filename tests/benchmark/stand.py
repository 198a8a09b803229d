"""Everything that a benchmark stands on: servers of its own, the five services, the mail sink, the load, and the proof."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import structlog
from kafka import KafkaConsumer, TopicPartition
from psycopg.conninfo import conninfo_to_dict
from receivables.operations.v1 import service_pb2

from deploy.demo import reconcile
from deploy.demo.calls import Services
from deploy.demo.feed import TOPICS, Feed
from deploy.demo.settled import NotSettledError, wait_until_settled
from deploy.demo.stack import Stack, rows
from deploy.local.artifacts import ROOT
from deploy.local.postgres import CLIENTS, DatabaseUrls
from deploy.local.servers import Servers, own_folder
from services.chassis.brokers import Brokers
from tests.benchmark import business
from tests.benchmark.generator import Generator, Plan, Ran, Standing
from tests.benchmark.processes import BROKER, DATABASE, Meter, listener
from tests.benchmark.sink import Sink

BASE = ROOT / "var" / "bench"
REST_S = 300.0  # for the services to come to rest
PARTITIONS = 8
PREFIX = "bench"  # of the databases
SOURCES = {"*": ["*"]}  # the load tells its orders on the topic that all could share
LOAD, MAIL = "load generator", "mail sink"

Say = Callable[[str], None]


class FellOverError(Exception):
    """Something did not hold; the message says what, in place of a figure and on one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class Ends:
    """How far each topic reaches: what `wait_until_settled` asks of a feed."""

    def __init__(self, brokers: Brokers) -> None:
        """Connect; the topics must exist."""
        self._consumer: Any = KafkaConsumer(**brokers.options())
        self._places = [
            TopicPartition(topic, partition)
            for topic in TOPICS
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]

    def ends(self) -> dict[Any, int]:
        """By partition."""
        ends: dict[Any, int] = self._consumer.end_offsets(self._places)
        return ends

    def of(self, topic: str) -> int:
        """How many records a topic holds."""
        return sum(end for place, end in self.ends().items() if place.topic == topic)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


@dataclass(slots=True)
class Stand:
    """What is up; the load may be run several times."""

    servers: Servers
    stack: Stack
    services: Services
    sink: Sink
    generator: Generator
    ends: Ends
    folder: Path
    say: Say
    # What was announced since the beginning, over all runs.
    invoiced_minor: dict[str, int]
    numbers: set[int]
    orders: int = 0

    def meter(self) -> Meter:
        """Of all processes."""
        roots = {name: one.process.pid for name, one in self.stack.running.items()}
        roots |= {
            BROKER: listener(int(self.servers.cluster.bootstrap.rpartition(":")[2]), ("java",)),
            DATABASE: database_pid(self.servers),
            LOAD: self.generator.pid,
            MAIL: self.sink.pid,
        }
        return Meter(roots, {database_name(one.database.server): name for name, one in self.stack.running.items()})

    def run(self, plan: Plan, watch: Callable[[Standing], None] = lambda _: None) -> Ran:
        """Let orders come, and raise unless each of them came to its end."""

        def look(standing: Standing) -> None:
            self.stack.check()
            watch(standing)

        ran = self.generator.run(plan, look)
        for account, minor in ran.invoiced_minor.items():
            self.invoiced_minor[account] = self.invoiced_minor.get(account, 0) + minor
        self.numbers |= ran.numbers
        self.orders += ran.standings[-1].placed
        trouble = [f"{count} times {what}" for what, count in ran.trouble.items()]
        trouble += [f"{name} ended {times} times by itself" for name, times in self.stack.restarts.items()]
        if trouble:
            raise FellOverError("; ".join(trouble))
        return ran

    def prove(self) -> None:
        """Wait until all is at rest, and raise unless the books say what was announced."""
        standing = rest(self.services, self.ends, self.stack.check)
        wrong = [*_parked(standing), *self._wrong_numbers(), *self._wrong_books()]
        if wrong:
            raise FellOverError("; ".join(wrong[:5]))

    def _wrong_numbers(self) -> Iterator[str]:
        if len(self.numbers) != self.orders:
            yield f"{len(self.numbers)} invoice numbers for {self.orders} orders"
        elif self.numbers != set(range(1, self.orders + 1)):
            yield "the invoice numbers have a gap"

    def _wrong_books(self) -> Iterator[str]:
        """Per account: what was announced as invoiced = 1100 = the open items = what credit says is used; nothing held."""
        ledger, credit = (self.stack.running[name].database for name in ("ledger", "credit"))
        tenants = [business.TENANT]
        control = {
            account: int(minor)
            for _, account, _, chart, minor in rows(ledger, tenants, reconcile.POSTINGS)
            if chart == reconcile.CONTROL
        }
        items = {account: int(minor) for _, account, _, minor in rows(ledger, tenants, reconcile.ITEMS)}
        used = {account: (int(used), int(held)) for account, used, held in rows(credit, tenants, USED)}
        for account, minor in self.invoiced_minor.items():
            said = (control.get(account), items.get(account), *used.get(account, (None, None)))
            if said != (minor, minor, minor, 0):
                yield f"{account}: {minor} announced, but 1100, open items, used and held are {said}"
        yield from (f"the ledger's entry {row} is unbalanced" for row in rows(ledger, tenants, reconcile.UNBALANCED))


USED = "SELECT account_id, used_minor, held_minor FROM account"


def _parked(standing: Mapping[str, service_pb2.StatusResponse]) -> Iterator[str]:
    for name, status in standing.items():
        for reason, count in status.parked.items():
            if count:
                yield f"{name} has {count} events parked as {reason}"


def database_name(url: str) -> str:
    """The database of an address."""
    return str(conninfo_to_dict(url)["dbname"])


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a run's logs, which stays if the run fails."""
    made = own_folder(BASE)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Ground:
    """The servers alone."""

    servers: Servers
    sink: Sink
    mails: Path
    folder: Path
    say: Say


@contextmanager
def ground(say: Say, *, statements: bool = False) -> Iterator[Ground]:
    """Start broker, database and mail sink; with `statements` the database counts what each costs."""
    with ExitStack() as opened:
        logs = opened.enter_context(folder())
        say(f"Starting a broker and a database (logs: {logs.relative_to(ROOT)})")
        mails = logs / "mails"
        sink = opened.enter_context(Sink(mails))
        asked = {"shared_preload_libraries": "pg_stat_statements"} if statements else {}
        servers = opened.enter_context(Servers(logs, database_settings=asked))
        if statements:
            with administer(servers, "postgres") as admin:
                admin.execute("CREATE EXTENSION pg_stat_statements")
        yield Ground(servers, sink, mails, logs, say)


@contextmanager
def stand(say: Say, *, settings: Mapping[str, str] | None = None, statements: bool = False) -> Iterator[Stand]:
    """Start everything anew, with the business registered and at rest."""
    with ground(say, statements=statements) as servers, stand_on(servers, settings=settings) as up:
        yield up


@contextmanager
def stand_on(ground: Ground, *, settings: Mapping[str, str] | None = None) -> Iterator[Stand]:
    """Start the services on servers that are up, register the business, and wait until it is at rest."""
    servers, say = ground.servers, ground.say
    told = {
        "AR_SMTP_HOST": "127.0.0.1",
        "AR_SMTP_PORT": str(ground.sink.port),
        "AR_SMTP_TLS": "none",
        "AR_CLOCK": "system",
        "AR_PARTITIONS": str(PARTITIONS),
        "AR_LOG_LEVEL": "WARNING",
        "AR_OFFICIAL_RULES_SHARE": "0",
        **(settings or {}),
    }
    with ExitStack() as opened:
        say("Starting five services")
        stack = opened.enter_context(
            Stack(servers, ground.folder, prefix=PREFIX, say=lambda _: None, settings=told, sources=SOURCES)
        )
        services = opened.enter_context(Services(stack.addresses, stack.issuers))
        say(f"Registering {business.BUYERS} buyers and their people")
        business.register(services)
        ends = opened.enter_context(closing(Ends(servers.cluster.brokers())))
        rest(services, ends, stack.check)
        generator = opened.enter_context(Generator(servers.cluster, ground.mails))
        yield Stand(servers, stack, services, ground.sink, generator, ends, ground.folder, say, {}, set())


def pgbench(urls: DatabaseUrls, admin_url: str, *arguments: str, options: str = "") -> str:
    """Run pgbench as the serving role, and give what it says; it speaks no TLS, so by the socket where there is one."""
    where = conninfo_to_dict(urls.server)
    with psycopg.connect(admin_url) as admin:
        [sockets] = admin.execute("SHOW unix_socket_directories").fetchone() or [""]
    argv = [str(CLIENTS / "pgbench"), "-n", *arguments, "-h", sockets or str(where["host"]), "-p", str(where["port"])]
    argv += ["-U", str(where["user"]), str(where["dbname"])]
    environment = os.environ | {"PGPASSWORD": str(where["password"]), "PGOPTIONS": options}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FellOverError(f"pgbench: {done.stderr.strip()[-500:] or done.stdout.strip()[-500:]}")
    return done.stdout


def rest(services: Any, ends: Ends, check: Callable[[], None]) -> Mapping[str, service_pb2.StatusResponse]:
    """Wait until services are at rest, and give where they stand; of them and of the topics little is asked."""
    try:
        return wait_until_settled(services, cast(Feed, ends), timeout_s=REST_S, watch=check)
    except NotSettledError as error:
        raise FellOverError(str(error)) from None


def administer(servers: Servers, database: str) -> psycopg.Connection[Any]:
    """A connection as the administrator to one of the databases."""
    url = psycopg.conninfo.make_conninfo(servers.admin_database_url, dbname=database)
    return psycopg.connect(url, autocommit=True)


def database_pid(servers: Servers) -> int:
    """The database's first process, whose children serve."""
    return listener(urlsplit(servers.admin_database_url).port or 5432, ("postgres",))


def quiet_logs() -> None:
    """Let migrations that run in this process say only what is odd."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

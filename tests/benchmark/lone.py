"""A service alone: one or several processes of it, on a database and topics that it shares with nobody."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from receivables.operations.v1 import service_pb2_grpc

from deploy.demo.stack import START_S, STOP_S, Running
from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls
from deploy.local.processes import Process, free_port
from deploy.local.trust import Issuers
from tests import callers
from tests.benchmark.sink import Count
from tests.benchmark.stand import PARTITIONS, Ends, FellOverError, Ground, database_name, rest


@dataclass(frozen=True, slots=True)
class Goal:
    """What has been done when a phase is: events handled, records on all topics, mails taken; more than before it."""

    handled: int
    announced: int
    mails: int


@dataclass(slots=True)
class Lone:
    """A service alone, with its processes up."""

    name: str
    ground: Ground
    urls: DatabaseUrls
    processes: Sequence[Running]
    ends: Ends
    mails: Count
    issuers: Issuers
    look: psycopg.Connection[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Connect, to look."""
        admin = self.ground.servers.admin_database_url
        self.look = psycopg.connect(make_conninfo(admin, dbname=database_name(self.urls.server)), autocommit=True)

    def check(self) -> None:
        """Raise when a process has ended."""
        if any(not one.process.running for one in self.processes):
            raise FellOverError(f"a process of {self.name} ended: {self.processes[0].process.log}")

    def handled(self) -> int:
        """Events that were handled."""
        return self.count("SELECT count(*) FROM inbox")

    def count(self, question: str) -> int:
        """What the database answers."""
        row = self.look.execute(question.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def standing(self) -> Goal:
        """How far everything is, told records included."""
        return Goal(self.handled(), sum(self.ends.ends().values()), self.mails.value)

    def at_rest(self) -> None:
        """Wait until nothing is left to do."""
        with callers.dialled(self.processes[0].address, self.name, by=self.issuers) as channel:
            services = SimpleNamespace(operations={self.name: service_pb2_grpc.OperationsServiceStub(channel)})
            rest(services, self.ends, self.check)


@contextmanager
def lone(
    servers: Ground, name: str, urls: DatabaseUrls, settings: Mapping[str, str], workers: int = 1, module: str = ""
) -> Iterator[Lone]:
    """Start so many processes of a service; the topics are there."""
    issuers = Issuers(servers.folder / f"identity-{name}").make([name])
    settings = {**settings, **issuers.environment(name)}
    processes = [_describe(servers, name, urls, settings, module, nth) for nth in range(workers)]
    with ExitStack() as opened:
        ends = opened.enter_context(closing(Ends(servers.servers.cluster.brokers())))
        for one in processes:
            one.process.spawn()
            opened.callback(one.process.stop, STOP_S)
        for one in processes:
            one.process.await_ready(START_S)
        up = Lone(name, servers, urls, processes, ends, Count(servers.mails), issuers)
        opened.callback(up.look.close)
        yield up


def _describe(
    servers: Ground, name: str, urls: DatabaseUrls, settings: Mapping[str, str], module: str, nth: int
) -> Running:
    grpc_port, metrics_port = free_port(), free_port()
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
        "AR_PARTITIONS": str(PARTITIONS),
        "AR_LOG_LEVEL": "WARNING",
        **settings,
        **servers.servers.cluster.variables(),
        "AR_GRPC_TLS": "off",
        "AR_DATABASE_URL": urls.server,
        "AR_GRPC_PORT": str(grpc_port),
        "AR_METRICS_PORT": str(metrics_port),
        "AR_MAIL_PORT": "0",
    }
    argv = [sys.executable, "-m", module or f"services.{name}", "serve"]
    process = Process(name, argv, env=environment, log=servers.folder / f"alone-{name}-{nth}.log")
    running = Running(name, process, urls, grpc_port, metrics_port)
    process.ready = running.serving
    return running


@contextmanager
def process(work: Callable[..., None], *arguments: object) -> Iterator[tuple[Connection, int]]:
    """A process of Python's own, by its pipe and its id, that ends when the pipe is closed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    begun = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    begun.start()
    theirs.close()
    assert begun.pid is not None
    try:
        yield ours, begun.pid
    finally:
        ours.close()
        begun.join(timeout=5)
        begun.kill()

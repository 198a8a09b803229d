"""The services, each a process on real servers: provisioned, migrated, started, kept alive, stopped."""

import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import grpc
import psycopg
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kafka import KafkaAdminClient
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.demo import post
from deploy.demo.shop import SHOP, TOPIC
from deploy.local import postgres, rules, static
from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls
from deploy.local.processes import Process, free_port
from deploy.local.servers import Servers
from deploy.local.sources import Town, certify
from deploy.local.trust import OPERATOR, Issuers
from services.chassis import topics
from services.chassis.migrate import migrate
from services.chassis.sources import PORTAL as BY_CALLS

# Who tells orders, and for whom: the sample's shop for every seller, and whoever orders by a call.
SOURCES: Mapping[str, Sequence[str]] = {SHOP: ["*"], BY_CALLS: ["*"]}
SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications")
PORTAL = "portal"  # pages over the others' calls: no topic is its
ALL = (*SERVICES, PORTAL)
PARTITIONS = 4
START_S = 60
STOP_S = 25
KEEPER_S = 0.1
DEATHS_MAX = 10  # of one service by itself, after which it is not started again
HOST = "127.0.0.1"
STEADY_GRPC, STEADY_METRICS, STEADY_HEALTH = 20101, 20201, 20301  # of the first service, those of the others follow
SANCTIONS = Path(__file__).with_name("sanctions")
STEADY_HTTP = 20080  # of the portal's pages
Ports = tuple[int, int, int]  # for health, for metrics, for calls
WIDE = "240"  # characters, so that no table of a command is cut off


class NotFreshError(Exception):
    """The servers that were given hold what another run left, or what somebody needs."""


class ServiceGaveUpError(Exception):
    """A service ended by itself again and again."""


class CommandFailedError(Exception):
    """An operator's command did not do what it was asked."""


@dataclass(slots=True)
class Running:
    """One service: its process, its doors, and how often it ended unasked."""

    name: str
    process: Process
    database: DatabaseUrls
    # In plain text: health, and where no certificates are asked for, calls.
    grpc_port: int
    metrics_port: int
    # For calls with a certificate.
    tls_port: int = 0
    deaths: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def address(self) -> str:
        """Where it answers calls."""
        return f"{HOST}:{self.tls_port or self.grpc_port}"

    def serving(self) -> bool:
        """Whether its health answers SERVING."""
        with grpc.insecure_channel(f"{HOST}:{self.grpc_port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            try:
                answer = health.Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Stack:
    """The services for the length of a `with` block, on servers that are up.

    `folder` gets a log a service. `prefix` begins the names of the databases, one a service. A service that ends by
    itself is started again, as an orchestrator would: it is written to end when in doubt. `settings` are variables
    that every service gets beside, or in place of, its usual ones. `sources` are those who tell orders, and their tenants;
    their topics are made here. `steady`: on the same ports each time, where they are free.
    `stock` puts something into each service's database before it starts.
    """

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        *,
        prefix: str = "receivables_demo",
        say: Callable[[str], None] = print,
        settings: Mapping[str, str] | None = None,
        sources: Mapping[str, Sequence[str]] = SOURCES,
        steady: bool = False,
        stock: Callable[[str, str], None] = lambda _service, _database: None,
    ) -> None:
        """Describe it; nothing happens yet."""
        self.servers = servers
        self.folder = folder
        self.running: dict[str, Running] = {}
        self._prefix = prefix
        self._say = say
        self._settings = dict(settings or {})
        self._sources = sources
        self._steady = steady
        self._stock = stock
        # Who vouches for whoever calls these services.
        self.issuers = Issuers(servers.folder / "identity").make(SERVICES)
        self.http_port = self.mail_port = 0
        self._stack = ExitStack()
        self._stopping = threading.Event()

    @property
    def addresses(self) -> dict[str, str]:
        """Where each service's gRPC answers."""
        return {name: service.address for name, service in self.running.items()}

    @property
    def restarts(self) -> dict[str, int]:
        """How often services ended by themselves."""
        return {name: service.deaths for name, service in self.running.items() if service.deaths}

    def __enter__(self) -> Self:
        """Make the databases anew, start the services side by side, return when all of them serve."""
        with ExitStack() as stack:
            # Private keys go with us, and are not among the logs that people send to each other.
            stack.callback(shutil.rmtree, self.issuers.folder, ignore_errors=True)
            self._refuse_used_topics()
            if self.servers.cluster.bootstrap == os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
                stack.callback(self._remove_topics)
            self._make_topics()
            self.issuers.certify(self.servers.authority)
            self._say("Preparing six databases")
            urls = self._provision(stack)
            self._say("Starting six services")
            # Who tells credit facts about companies.
            log, certificate = self.folder / "sources.log", certify(self.servers.authority)
            self.town = Town(log, tls_dir=certificate, trust_dir=self.issuers.trust)
            stack.callback(self.town.process.stop)
            self.town.process.spawn()
            ports = {name: self._ports(nth) for nth, name in enumerate(ALL)}
            official_rules = rules.install()
            for name in ALL:
                environment = self._environment(name, urls[name], ports, official_rules)
                if name == PORTAL:
                    environment |= self._pages(ports)
                if name == "notifications":
                    self.mail_port = post.door(steady=self._steady)
                    environment["AR_MAIL_PORT"] = str(self.mail_port)
                self.running[name] = self._describe(name, urls[name], ports[name], environment)
            stack.callback(self._stop)
            for service in self.running.values():
                service.process.spawn()
            for service in self.running.values():
                service.process.await_ready(START_S)
            self.town.process.await_ready(START_S)
            keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
            keeper.start()
            stack.callback(keeper.join)
            stack.callback(self._stopping.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the services in order; of servers that were given, remove what is ours."""
        self._stack.close()

    @property
    def operator(self) -> dict[str, str]:
        """What an operator's command line is told: whose it is, and where services answer."""
        addresses = {f"AR_{name.upper()}_ADDRESS": address for name, address in self.addresses.items()}
        return addresses | {
            "AR_OPERATOR_KEY": str(self.issuers.operator_key),
            "AR_TLS_DIR": str(self.issuers.certificate(OPERATOR)),
        }

    def command(self, name: str, *arguments: str) -> str:
        """Run an operator's command of a service, in its environment, and give what it prints."""
        process = self.running[name].process
        done = subprocess.run(
            [*process.argv[:-1], *arguments],
            env=os.environ | process.env | self.operator | {"COLUMNS": WIDE},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(f"{name} {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def check(self) -> None:
        """Raise when a service will not stay up."""
        for service in self.running.values():
            if service.deaths > DEATHS_MAX:
                raise ServiceGaveUpError(
                    f"{service.name} ended {service.deaths} times by itself; see {self._log(service.name)}"
                )

    def kill(self, name: str) -> None:
        """End a service at once, as when its machine fails, start it again and wait until it serves."""
        service = self.running[name]
        with service.lock:
            service.process.kill()
            if not self._stopping.is_set():
                service.process.spawn()
        service.process.await_ready(START_S)

    def _keep(self) -> None:
        while not self._stopping.wait(KEEPER_S):
            for service in self.running.values():
                with service.lock:
                    if not service.process.running and service.deaths <= DEATHS_MAX:
                        service.deaths += 1
                        service.process.spawn()

    def _stop(self) -> None:
        for service in self.running.values():
            service.process.terminate()
        with ThreadPoolExecutor(len(ALL)) as pool:
            list(pool.map(lambda service: service.process.stop(STOP_S), self.running.values()))

    def _provision(self, stack: ExitStack) -> dict[str, DatabaseUrls]:
        """Make each service's database anew; on a server that was given, see that it goes when we do."""
        admin = self.servers.admin_database_url
        given = admin == os.environ.get("DATABASE_URL")
        # Migrations log as services do; here only what is odd is of interest.
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )

        def prepare(name: str) -> DatabaseUrls:
            database = f"{self._prefix}_{name}"
            if given:
                postgres.drop(admin, database)
                stack.callback(self._remove_database, database)
            urls = postgres.provision(admin, database)
            role = str(conninfo_to_dict(urls.server)["user"])
            migrate(urls.owner, role, ROOT / "services" / name / "migrations")
            self._stock(name, database)
            return urls

        with ThreadPoolExecutor(len(ALL)) as pool:
            return dict(zip(ALL, pool.map(prepare, ALL), strict=True))

    def _remove_database(self, database: str) -> None:
        admin_url = self.servers.admin_database_url
        postgres.drop(admin_url, database)
        with psycopg.connect(admin_url, autocommit=True) as admin:
            for role in (f"{database}_owner", f"{database}_server"):
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def _remove_topics(self) -> None:
        """Leave a cluster that was given to us as it was."""
        with self._kafka_admin() as admin:
            used = self._ours(admin)
            groups = {f"receivables-{name}" for name in SERVICES} & {group["group_id"] for group in admin.list_groups()}
            if used:
                admin.delete_topics(used)
            if groups:
                admin.delete_groups(sorted(groups))

    def _kafka_admin(self) -> Any:
        return closing(KafkaAdminClient(**self.servers.cluster.options()))

    def _refuse_used_topics(self) -> None:
        """Everything reads the topics from their first event: another run's facts would be taken for ours."""
        with self._kafka_admin() as admin:
            if used := self._ours(admin):
                raise NotFreshError(
                    f"the Kafka cluster {self.servers.cluster.bootstrap} has {used[0]} already: this needs a fresh one"
                    " (without KAFKA_BOOTSTRAP_SERVERS it starts its own)"
                )

    def _ours(self, admin: Any) -> list[str]:
        """The topics of the five services, and of all who ever told them orders."""
        return sorted(topic for topic in admin.list_topics() if topic in topics.TOPICS or topic.startswith(f"{TOPIC}."))

    def _make_topics(self) -> None:
        """Make all topics, as an operator does: a service may not."""
        names = [f"{TOPIC}.{source}" for source in self._sources if source != "*"]
        every = [*topics.TOPICS, *names]
        topics.ensure(self.servers.cluster.brokers(), every, partitions=PARTITIONS, replication=1)

    def _ports(self, nth: int) -> Ports:
        """For health, for metrics and for calls."""
        if not self._steady:
            return free_port(), free_port(), free_port()
        return free_port(STEADY_HEALTH + nth), free_port(STEADY_METRICS + nth), free_port(STEADY_GRPC + nth)

    def _describe(self, name: str, urls: DatabaseUrls, ports: Ports, environment: Mapping[str, str]) -> Running:
        argv = [sys.executable, "-m", f"services.{name}", "serve"]
        process = Process(name, argv, env=environment, log=self._log(name))
        service = Running(name, process, urls, *ports)
        process.ready = service.serving
        return service

    def _environment(
        self, name: str, urls: DatabaseUrls, ports: Mapping[str, Ports], official_rules: Path
    ) -> dict[str, str]:
        grpc_port, metrics_port, tls_port = ports[name]
        return self.servers.environment() | {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
            "AR_DATABASE_URL": urls.server,
            # One that was given is spoken to as its address says.
            "AR_DATABASE_TLS": "require" if "sslmode=verify-full" in urls.server else "off",
            **({} if name == PORTAL else self.servers.cluster.variables(f"receivables-{name}")),
            "AR_PARTITIONS": str(PARTITIONS),
            "AR_ORDER_SOURCES": json.dumps({source: list(tenants) for source, tenants in self._sources.items()}),
            "AR_SESSION_TIMEOUT_S": "2",
            "AR_GRPC_PORT": str(grpc_port),
            "AR_GRPC_TLS_PORT": str(tls_port),
            "AR_METRICS_PORT": str(metrics_port),
            "AR_CLOCK": "test",
            **self.issuers.environment(name),
            "AR_RULES_DIR": str(official_rules),
            "AR_OFFICIAL_RULES_SHARE": "1",
            "AR_INVOICING_ADDRESS": f"{HOST}:{ports['invoicing'][2]}",
            "AR_DISPUTES_ADDRESS": f"{HOST}:{ports['disputes'][2]}",
            "AR_LEDGER_ADDRESS": f"{HOST}:{ports['ledger'][2]}",
            "AR_CREDIT_SOURCES": self.town.setting,
            "AR_CREDIT_SANCTIONS": ",".join(str(path) for path in sorted(SANCTIONS.glob("*.xml"))),
            # What is decided must not depend on how busy this machine is.
            "AR_CREDIT_FIRST_ANSWER_MS": "5000",
            **self._settings,
        }

    def _pages(self, ports: Mapping[str, Ports]) -> dict[str, str]:
        """What the portal alone is told."""
        self.http_port = free_port(STEADY_HTTP) if self._steady else free_port()
        addresses = {f"AR_{name.upper()}_ADDRESS": f"{HOST}:{ports[name][2]}" for name in SERVICES}
        return addresses | {
            "AR_HTTP_PORT": str(self.http_port),
            "AR_STATIC_DIR": str(static.install()),
            "AR_PORTAL_SECRET": secrets.token_urlsafe(32),
            "AR_PROVIDER_ADDRESSES": "any",
        }

    def open_portal(self, tenant: str, name: str, host: str = "localhost") -> str:
        """Let a seller's pages be at a name of this machine; return their address."""
        self.command(PORTAL, "host", f"{host}:{self.http_port}", tenant, name)
        return f"http://{host}:{self.http_port}"

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def rows(database: DatabaseUrls, tenants: Sequence[str], question: str) -> list[tuple[Any, ...]]:
    """Ask a service's database as its owner, who too sees only the tenants that he names."""
    with psycopg.connect(database.owner) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [",".join(tenants)])
        return connection.execute(question.encode()).fetchall()

"""A broker and a database of our own to kill, and replicas of the toy between them."""

import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import psycopg
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from psycopg.rows import scalar_row
from receivables.operations.v1 import service_pb2, service_pb2_grpc
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.local.authority import Authority
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres, provision
from deploy.local.processes import Process, free_port, wait_until
from services.chassis import topics
from services.chassis.envelope import Record
from services.chassis.migrate import migrate
from tests import callers
from tests.chaos.toy.service import SERVICE
from tests.records import a_producer

PARTITIONS = 4
TOY = "toy"  # who the replicas are to the broker
RIGHTS = (
    {
        "resource": {"type": "topic", "name": "receivables.", "patternType": "prefix"},
        "operations": ["Describe", "Read", "Write"],
    },
    {"resource": {"type": "group", "name": "receivables-toy"}, "operations": ["Read"]},
)
ORDERS, DECISIONS = "receivables.orders.v1", "receivables.credit.v1"


class Replica:
    """One process of the toy."""

    def __init__(
        self, name: str, folder: Path, settings: dict[str, str], *, host: str = "127.0.0.1", grpc_port: int = 0
    ) -> None:
        """Describe it; it is known to the database by its name."""
        self.name, self.host = name, host
        self.grpc_port, self.metrics_port = grpc_port or free_port(), free_port()
        self.settings = {
            **settings,
            "AR_DATABASE_URL": f"{settings['AR_DATABASE_URL']}&application_name={name}",
            "AR_GRPC_HOST": host,
            "AR_GRPC_PORT": str(self.grpc_port),
            "AR_METRICS_PORT": str(self.metrics_port),
            "TOY_CAN_BE_HELD": "1",
        }
        self.log = folder / f"{name}.log"
        self.process = self.described()

    def described(self, **more: str) -> Process:
        """The process, not yet started, with more settings."""
        argv = [sys.executable, "-m", "tests.chaos.toy", "serve"]
        return Process(self.name, argv, self.settings | more, self.log, ready=self.serving)

    @property
    def address(self) -> str:
        """Where it answers calls."""
        return f"{self.host}:{self.grpc_port}"

    def serving(self) -> bool:
        """Whether it answers."""
        try:
            self.status(timeout=2)
        except grpc.RpcError:
            return False
        return True

    def status(self, timeout: float = 10) -> service_pb2.StatusResponse:
        """Where it says it stands."""
        with callers.dialled(self.address, SERVICE.name) as channel:
            stub = service_pb2_grpc.OperationsServiceStub(channel)
            return stub.Status(service_pb2.StatusRequest(), timeout=timeout)

    def metric(self, line: str) -> float:
        """One number of its metrics."""
        with urlopen(f"http://{self.host}:{self.metrics_port}/metrics", timeout=5) as answer:
            for found in answer.read().decode().splitlines():
                if found.startswith(f"{line} "):
                    return float(found.split()[-1])
        return 0.0

    def freeze(self) -> None:
        """Stop the process where it stands, as a pause of its machine does."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


class World:
    """Everything that a chaos test may kill, and what it sees afterwards."""

    def __init__(self, folder: Path) -> None:
        """Describe it; nothing happens yet."""
        self.folder = folder
        authority = Authority(folder / "authority")
        self.kafka = Kafka(folder / "kafka", folder / "kafka.log", authority=authority)
        self.postgres = Postgres(folder / "postgres", folder / "postgres.log", authority=authority)
        self.replicas: list[Replica] = []
        self.settings: dict[str, str] = {}
        self._looking: psycopg.Connection[Any] | None = None

    def start(self, count: int = 2) -> None:
        """Start the servers, and so many replicas side by side."""
        self.kafka.start()
        self.kafka.cluster.admit(self.kafka.administrator(), {TOY: RIGHTS})
        self.postgres.start()
        urls = provision(self.postgres.admin_url, "toy")
        migrate(urls.owner, "toy_server", SERVICE.migrations)
        topics.ensure(self.kafka.cluster.brokers(), partitions=PARTITIONS, replication=1)
        self.settings = {
            "AR_DATABASE_URL": urls.server,
            "AR_OWNER_DATABASE_URL": urls.owner,
            **self.kafka.cluster.variables(TOY),
            "AR_GRPC_TLS": "off",
            "AR_PARTITIONS": str(PARTITIONS),
            "AR_SESSION_TIMEOUT_S": "6",
            "AR_CLOCK": "test",
            **callers.environment(SERVICE.name),
        }
        self.replicas = [Replica(f"toy-{nth}", self.folder, self.settings) for nth in range(count)]
        self.start_replicas()

    def start_replicas(self) -> None:
        """Start those that do not run."""
        idle = [replica.process for replica in self.replicas if not replica.process.running]
        for process in idle:
            process.spawn()
        for process in idle:
            process.await_ready()

    def stop(self) -> None:
        """End everything."""
        for replica in self.replicas:
            replica.process.kill()
        self.look_away()
        self.postgres.stop()
        self.kafka.stop()

    def send(self, records: Sequence[Record]) -> None:
        """Put records on their topics, as the shop would; returns when the broker has them."""
        producer = a_producer(self.kafka.cluster.brokers())
        sent = [
            producer.send(
                record.topic,
                key=record.key,
                value=record.value,
                headers=[(name, text.encode()) for name, text in record.headers.items()],
            )
            for record in records
        ]
        producer.flush()
        for future in sent:
            future.get(timeout=60)
        producer.close()

    def ask(self, question: str, *values: Any) -> list[Any]:
        """Ask the toy's database as its administrator; one value a row."""
        try:
            return self._look(question, values)
        except psycopg.OperationalError:  # the server was killed since the last question, or the database replaced
            self.look_away()
            return self._look(question, values)

    def _look(self, question: str, values: Sequence[Any]) -> list[Any]:
        if self._looking is None:
            url = psycopg.conninfo.make_conninfo(self.postgres.admin_url, dbname="toy")
            self._looking = psycopg.connect(url, autocommit=True, row_factory=scalar_row)
        return self._looking.execute(question.encode(), values).fetchall()

    def look_away(self) -> None:
        """Leave the toy's database, for whoever needs it alone; the next question comes back to it."""
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def effects(self, tenant: str) -> list[str]:
        """What was done for a tenant, in order: "b1 o1/1"."""
        return self.ask(
            "SELECT account_id || ' ' || order_id || '/' || version FROM effect WHERE tenant = %s ORDER BY id", tenant
        )

    def await_effects(self, tenant: str, count: int, timeout: float = 40) -> None:
        """Return when so many events had their effect for a tenant; what was called for, of no order, comes on top."""
        handled = "SELECT count(*) FROM effect WHERE tenant = %s AND order_id <> ''"
        wait_until(lambda: self.ask(handled, tenant)[0] >= count, f"{count} effects for {tenant}", timeout)

    def await_published(self, timeout: float = 40) -> None:
        """Return when nothing that was announced is left to publish."""
        wait_until(lambda: self.ask("SELECT count(*) FROM outbox") == [0], "the outbox is empty", timeout)

    @contextmanager
    def held_at(self, lock: int) -> Iterator[Callable[[], Replica]]:
        """Hold the toys at a point; the function that is given waits until one stands there, and tells which."""
        url = psycopg.conninfo.make_conninfo(self.postgres.admin_url, dbname="toy")

        def waiting() -> list[Any]:
            return self.ask(
                """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
                    WHERE locktype = 'advisory' AND objid = %s AND NOT granted ORDER BY pid""",
                lock,
            )

        def stands() -> Replica:
            wait_until(lambda: bool(waiting()), f"a toy stands at {lock}")
            [replica] = [replica for replica in self.replicas if replica.name == waiting()[0]]
            return replica

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [lock])
            yield stands

    def blocked(self, replica: Replica) -> bool:
        """Whether a replica's transaction waits for another's."""
        return bool(
            self.ask(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'",
                replica.name,
            )
        )

    def committed(self) -> int:
        """How many records of the orders' topic the group has acknowledged to Kafka."""
        admin = KafkaAdminClient(**self.kafka.cluster.options())
        try:
            found = admin.list_group_offsets({"receivables-toy": None})["receivables-toy"]
            return sum(place.offset for partition, place in found.items() if partition.topic == ORDERS)
        finally:
            admin.close()

    def decisions(self, tenant: str) -> list[Any]:
        """Every record about a tenant on the toy's own topic, repeats included, in order per partition."""
        return self.records(DECISIONS, tenant)

    def records(self, topic: str, tenant: str) -> list[Any]:
        """Every record about a tenant on a topic, repeats included, in order per partition."""
        consumer = KafkaConsumer(**self.kafka.cluster.options(), auto_offset_reset="earliest")
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[Any] = []
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=200).values():
                found += [r for r in records if (r.key or b"").startswith(f"{tenant}/".encode())]
        consumer.close()
        return sorted(found, key=lambda record: (record.partition, record.offset))

    def ordered(self, tenant: str) -> list[str]:
        """The effects that a tenant's orders must have, in the order in which the broker has them."""
        found: dict[str, str] = {}
        for record in self.records(ORDERS, tenant):
            headers = {name: value.decode() for name, value in record.headers}
            if headers["ce_type"].endswith("OrderPlaced"):
                order = orders_pb2.OrderPlaced.FromString(record.value)
                found.setdefault(headers["ce_id"], f"{order.account_id} {order.order_id}/{order.version}")
        return list(found.values())


def assert_exactly_once_in_order(world: World, tenant: str, sent: Sequence[str]) -> None:
    """Every order that was sent had its effect once, each account's in the order in which the broker has them."""
    done = [effect for effect in world.effects(tenant) if not effect.endswith("/0")]
    assert len(done) == len(sent), f"{len(sent)} sent, {len(done)} effects"
    assert sorted(done) == sorted(sent)
    found, wanted = by_account(done), by_account(world.ordered(tenant))
    assert not [(account, found[account], wanted[account]) for account in wanted if found[account] != wanted[account]]


def assert_told_in_order(world: World, tenant: str, count: int) -> None:
    """Every decision was published, no number is missing, and behind an inbox none overtook another of its account."""
    numbers: dict[bytes, list[int]] = defaultdict(list)
    seen: set[bytes] = set()
    for record in world.decisions(tenant):
        headers = dict(record.headers)
        if headers["ce_id"] not in seen:
            seen.add(headers["ce_id"])
            numbers[record.key].append(int(headers["ce_sequence"]))
    assert sum(map(len, numbers.values())) == count
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def by_account(effects: Sequence[str]) -> dict[str, list[str]]:
    """Each account's effects in their order."""
    found: dict[str, list[str]] = defaultdict(list)
    for effect in effects:
        found[effect.split()[0]].append(effect)
    return found

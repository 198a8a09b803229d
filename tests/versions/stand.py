"""Where versions of a service run on what one of them made: replicas, what they are told, what became of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Self
from urllib.request import urlopen
from uuid import uuid4

import grpc
import psycopg
from kafka import KafkaConsumer, TopicPartition
from psycopg import sql
from receivables.operations.v1 import service_pb2, service_pb2_grpc

from deploy.demo.stack import Running
from deploy.local import rules
from deploy.local.kafka import Kafka
from deploy.local.postgres import drop, provision
from deploy.local.processes import Process, free_port, wait_until
from deploy.local.servers import Servers
from services.chassis.envelope import Record, topic_of
from tests import callers
from tests.integration.invoicing.office import MONDAY
from tests.records import a_producer
from tests.versions.business import ACCOUNTS, BUSINESS, Door
from tests.versions.version import Version

PARTITIONS = 4
START_S = 120
STOP_S = 25
HANDLED_S = 120
HANDLED = 'ar_messages_processed_total{result="ok"} '


class Stand:
    """A service's database as one version's own `migrate` makes it, and a broker that nobody else uses."""

    def __init__(self, servers: Servers, service: str, schema_of: Version) -> None:
        """Describe it; nothing happens yet."""
        self.service = service
        self._servers, self._schema_of = servers, schema_of
        self._name = f"v_{service}_{uuid4().hex[:8]}"
        self._folder = servers.folder / self._name
        self._kafka = Kafka(self._folder / "kafka", self._folder / "kafka.log")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._kafka.start()
            stack.callback(self._kafka.stop)
            self.database = provision(self._servers.admin_database_url, self._name)
            stack.callback(self._drop)
            self._schema_of.run(self._schema_of.command(self.service, "migrate"), self._environment())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def described(self, version: Version) -> Iterator[Running]:
        """Give a replica of a version, not yet started, and stop it in the end."""
        grpc_port, metrics_port = free_port(), free_port()
        environment = self._environment() | version.environment
        environment |= {"AR_GRPC_PORT": str(grpc_port), "AR_METRICS_PORT": str(metrics_port)}
        log = self._folder / f"{grpc_port}.log"
        command = version.command(self.service, "serve")
        process = Process(f"{self.service} of {version.name}", command, environment, log, cwd=version.folder)
        replica = Running(self.service, process, self.database, grpc_port, metrics_port)
        process.ready = replica.serving
        try:
            yield replica
        finally:
            process.stop(STOP_S)

    @contextmanager
    def replica(self, version: Version) -> Iterator[Running]:
        """Give a replica of a version that serves."""
        with self.described(version) as replica:
            replica.process.start(START_S)
            yield replica

    def send(self, records: Sequence[Record]) -> None:
        """Put records on their topics; returns when the broker has them."""
        producer = a_producer(self._kafka.bootstrap)
        for record in records:
            headers = [(name, text.encode()) for name, text in record.headers.items()]
            producer.send(record.topic, key=record.key, value=record.value, headers=headers)
        producer.flush()
        producer.close()

    def told(self, topic: str, tenant: str) -> dict[str, tuple[str, str, int]]:
        """What was announced about a tenant, by event id: its type, its account and its number there."""
        consumer = KafkaConsumer(bootstrap_servers=self._kafka.bootstrap, auto_offset_reset="earliest")
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: dict[str, tuple[str, str, int]] = {}
        while any(consumer.position(place) < ends[place] for place in places):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    of = {name: value.decode() for name, value in record.headers}
                    if of["ce_tenant"] == tenant:
                        found[of["ce_id"]] = (of["ce_type"], record.key.decode(), int(of["ce_sequence"]))
        consumer.close()
        return found

    def _environment(self) -> dict[str, str]:
        return self._servers.environment() | {
            "AR_DATABASE_URL": self.database.server,
            "AR_OWNER_DATABASE_URL": self.database.owner,
            "AR_KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap,
            "AR_PARTITIONS": str(PARTITIONS),
            "AR_SESSION_TIMEOUT_S": "6",
            "AR_CLOCK": "test",
            "AR_RULES_DIR": str(rules.install()),
            # While a version that looks at no token is replaced.
            **callers.environment(self.service, "accept"),
        }

    def _drop(self) -> None:
        drop(self._servers.admin_database_url, self._name)
        with psycopg.connect(self._servers.admin_database_url, autocommit=True) as admin:
            roles = [sql.Identifier(f"{self._name}_{role}") for role in ("owner", "server")]
            admin.execute(sql.SQL("DROP ROLE {}, {}").format(*roles))


class Trade:
    """One tenant's business with a service, whichever replicas run."""

    def __init__(self, stand: Stand) -> None:
        """Nothing is known yet."""
        self._stand, self._business = stand, BUSINESS[stand.service]
        self._tenant = f"t{uuid4().hex[:12]}"
        self._done = 0
        self._answered = 0

    def begin(self, replica: Running) -> None:
        """Set the clock, and make known what the rest stands on."""
        with grpc.insecure_channel(replica.address) as channel:
            request = service_pb2.SetClockRequest()
            request.at.FromDatetime(MONDAY)
            service_pb2_grpc.OperationsServiceStub(channel).SetClock(request, timeout=20)
            self._business.register(Door(channel, self._tenant))
        self._stand.send(self._business.known(self._tenant))
        wait_until(lambda: status_of(replica).lag == 0, "what must be known is known", HANDLED_S)

    def go_on(self, replicas: Sequence[Running], count: int) -> int:
        """Say so many things more, wait until the replicas, asked in turn, answer for each; give how many events it took."""
        events = self.say(count)
        numbers = range(self._answered, self._done)
        self._answered = self._done
        with ExitStack() as channels:
            doors = [
                Door(channels.enter_context(grpc.insecure_channel(replica.address)), self._tenant, audience)
                for replica in replicas
                for audience in ("", self._stand.service)
            ]
            for n in numbers:
                answered = partial(self._business.answered, doors[n % len(doors)], n)
                wait_until(answered, f"number {n} is answered for", HANDLED_S)
        return events

    def say(self, count: int) -> int:
        """Say so many things more, and wait for nothing; give how many events it took."""
        numbers = range(self._done, self._done + count)
        events = [record for n in numbers for record in self._business.facts(n, self._tenant)]
        self._stand.send(events)
        self._done += count
        return len(events)

    def go_on_until_both_work(self, replicas: Sequence[Running]) -> None:
        """Say more until each replica has handled some of it: a group that grows is not shared out at once."""
        before = [handled(replica) for replica in replicas]

        def both() -> bool:
            self.go_on(replicas, len(ACCOUNTS))
            return all(handled(replica) > count for replica, count in zip(replicas, before, strict=True))

        wait_until(both, "both replicas handle events", HANDLED_S)

    def assert_once(self, replica: Running) -> None:
        """Each thing was told once, nothing waits, and no number is missing in what was told of an account."""
        kind = self._business.told

        def quiet() -> bool:
            status = status_of(replica)
            return (status.lag, status.outbox, status.due) == (0, 0, 0)

        wait_until(quiet, "everything is told", HANDLED_S)
        told = self._stand.told(topic_of(kind), self._tenant).values()
        assert sum(name == kind.DESCRIPTOR.full_name for name, *_ in told) == self._done
        numbers: dict[str, list[int]] = defaultdict(list)
        for _, account, number in told:
            numbers[account].append(number)
        assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values())
        with psycopg.connect(replica.database.owner) as owner:
            question = "SELECT reason, code, detail FROM parked WHERE tenant = %s"
            assert owner.execute(question, [self._tenant]).fetchall() == []


def status_of(replica: Running) -> service_pb2.StatusResponse:
    """Where a replica says its service stands."""
    with grpc.insecure_channel(replica.address) as channel:
        stub = service_pb2_grpc.OperationsServiceStub(channel)
        return stub.Status(service_pb2.StatusRequest(), timeout=20)


def handled(replica: Running) -> float:
    """How many events this process has handled."""
    with urlopen(f"http://127.0.0.1:{replica.metrics_port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(HANDLED))

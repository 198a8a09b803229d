"""How fast events go from the broker through the database to their acknowledgement, beside a loop without guarantees.

The rival polls with kafka-python and inserts with executemany: no inbox, no parking, no outbox, at most once or more.
Both run on the same broker, database and events one after the other, so that the ratio says something on any machine.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import psycopg
from kafka import KafkaConsumer
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls, drop, provision
from deploy.local.processes import Process, free_port
from deploy.local.servers import Servers, own_folder
from services.chassis import topics
from services.chassis.envelope import text_headers
from services.chassis.migrate import migrate
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE
from tests.records import a_producer

EVENTS = int(os.environ.get("BENCH_EVENTS", "30000"))
ACCOUNTS = 1000
ORDERS = "receivables.orders.v1"


@dataclass(frozen=True)
class Figures:
    """Events a second."""

    rival: float
    handled: float
    published: float

    @property
    def ratio(self) -> float:
        """What the guarantees leave of the rival's speed."""
        return self.handled / self.rival

    def __str__(self) -> str:
        return (
            f"event path: {self.handled:,.0f} events/s handled, {self.published:,.0f}/s handled and published;"
            f" poll + executemany: {self.rival:,.0f}/s; ratio {self.ratio:.2f}"
        )


def measure(servers: Servers, events: int = EVENTS) -> Figures:
    """Send the events once, let the rival and then one worker of the toy handle all of them."""
    name = f"bench_{uuid4().hex[:8]}"
    urls = provision(servers.admin_database_url, name)
    try:
        migrate(urls.owner, f"{name}_server", SERVICE.migrations)
        topics.ensure(servers.kafka_bootstrap, partitions=8, replication=1)
        tenant = name.replace("_", "-")
        _send(servers.kafka_bootstrap, tenant, events)
        rival = _rival(servers.kafka_bootstrap, urls, tenant, events)
        handled, published = _chassis(servers, urls, tenant, events)
        return Figures(rival, handled, published)
    finally:
        drop(servers.admin_database_url, name)


def _send(bootstrap: str, tenant: str, events: int) -> None:
    producer = a_producer(bootstrap)
    for nth in range(events):
        record = placed(f"o{nth}", account=f"b{nth % ACCOUNTS}", tenant=tenant)
        headers = [(key, text.encode()) for key, text in record.headers.items()]
        producer.send(ORDERS, key=record.key, value=record.value, headers=headers)
    producer.flush()
    producer.close()


def _rival(bootstrap: str, urls: DatabaseUrls, tenant: str, events: int) -> float:
    consumer = KafkaConsumer(
        ORDERS,
        bootstrap_servers=bootstrap,
        group_id=f"rival-{tenant}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=500,
    )
    done, started = 0, 0.0
    with psycopg.connect(urls.server, autocommit=True) as connection:
        while done < events:
            polled = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
            started = started or time.perf_counter()
            orders = [
                orders_pb2.OrderPlaced.FromString(record.value)
                for record in polled
                if text_headers(record.headers)["ce_tenant"] == tenant
            ]
            if not orders:
                continue
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('ar.tenants', %s, true)", [tenant])
                cursor.executemany(
                    "INSERT INTO effect (tenant, account_id, order_id, version, what) VALUES (%s, %s, %s, %s, 'rival')",
                    [(tenant, order.account_id, order.order_id, order.version) for order in orders],
                )
            consumer.commit()
            done += len(orders)
    rate = done / (time.perf_counter() - started)
    consumer.close()
    return rate


def _chassis(servers: Servers, urls: DatabaseUrls, tenant: str, events: int) -> tuple[float, float]:
    settings = {
        "AR_DATABASE_URL": urls.server,
        "AR_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap,
        "AR_GRPC_PORT": str(free_port()),
        "AR_METRICS_PORT": "0",
        "AR_SESSION_TIMEOUT_S": "6",
    }
    log = servers.folder / "bench-toy.log"
    toy = Process("toy", [sys.executable, "-m", "tests.chaos.toy", "serve"], settings, log)
    url = psycopg.conninfo.make_conninfo(servers.admin_database_url, dbname=str(_database(urls)))
    with psycopg.connect(url, autocommit=True) as connection:
        toy.start()
        try:

            def count(question: str) -> int:
                row = connection.execute(question.encode(), [tenant] if "%s" in question else None).fetchone()
                assert row is not None
                return int(row[0])

            effects = "SELECT count(*) FROM effect WHERE tenant = %s AND what = 'placed'"
            _wait(lambda: count(effects) > 0, toy)
            first, started = count(effects), time.perf_counter()
            _wait(lambda: count(effects) >= events, toy)
            handled = time.perf_counter() - started
            _wait(lambda: count("SELECT count(*) FROM outbox") == 0, toy)
            published = time.perf_counter() - started
        finally:
            toy.stop()
    return (events - first) / handled, (events - first) / published


def _wait(condition: Callable[[], bool], toy: Process) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        if not toy.running or time.monotonic() > deadline:
            raise RuntimeError(f"the toy did not get there: {toy.log}")
        time.sleep(0.1)


def _database(urls: DatabaseUrls) -> object:
    return psycopg.conninfo.conninfo_to_dict(urls.server)["dbname"]


def main() -> None:
    """Measure on the servers that the environment names, or on our own."""
    with Servers(own_folder(ROOT / "var" / "bench")) as servers:
        print(measure(servers))


if __name__ == "__main__":
    main()

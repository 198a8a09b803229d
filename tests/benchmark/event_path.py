"""What the guarantees of the event path cost: beside a loop that does the same work and gives none of them.

The rivals poll with kafka-python, write with executemany and acknowledge after the commit: no inbox, no outbox, no
parking, so that a crash loses announcements or writes twice, and one bad event stops them. The first only writes; the
second announces what it wrote too, as the toy does. All commit durably, up to 500 events a transaction, on the same
broker and database server, each from a topic that was filled before.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.local import postgres
from deploy.local.cluster import Cluster
from deploy.local.postgres import DatabaseUrls
from services.chassis.envelope import text_headers
from services.chassis.migrate import migrate
from tests.benchmark import report, tape
from tests.benchmark.effort import Effort
from tests.benchmark.lone import lone, process
from tests.benchmark.processes import DATABASE, Meter
from tests.benchmark.report import Section
from tests.benchmark.stand import (
    PARTITIONS,
    PREFIX,
    FellOverError,
    Ground,
    database_name,
    database_pid,
    ground,
    quiet_logs,
)
from tests.benchmark.tape import Told
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE

TENANT = "bench"
ACCOUNTS = 1000
ORDERS, ANNOUNCED = "receivables.orders.v1", "receivables.credit.v1"
BATCH = 500
WARM_SHARE = 5  # one event in so many comes before, and is not counted
LONGEST_S = 300.0
RIVAL, RIVAL_TELLING, OURS, OURS_TOLD = (
    "poll, executemany",
    "poll, executemany, send",
    "ours, handled",
    "ours, handled and published",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Of one way to do it: speed, and CPU an event in microseconds, of the process and of its database's backends.

    None where a process already did what another figure is for.
    """

    per_s: float
    process_us: float | None
    database_us: float | None


def event_path(effort: Effort) -> Section:
    """Each way in turn, on a database and topics of its own."""
    events = 3_000 if effort.quick else 50_000
    found: dict[str, list[Figure]] = {}
    with ground(effort.say) as servers:
        told = [_told(nth) for nth in range(events)]
        for nth in range(effort.runs):
            effort.say(f"What the guarantees cost, run {nth + 1} of {effort.runs}")
            figures = {
                RIVAL: _rival(servers, told, announce=False),
                RIVAL_TELLING: _rival(servers, told, announce=True),
                **_ours(servers, told),
            }
            for what, figure in figures.items():
                found.setdefault(what, []).append(figure)
    return Section("event_path", "What the guarantees cost an event", _text(found, events, effort))


def _text(found: dict[str, list[Figure]], events: int, effort: Effort) -> str:
    rows = [
        [
            what,
            report.spread([one.per_s for one in figures]),
            _spread([one.process_us for one in figures]),
            _spread([one.database_us for one in figures]),
        ]
        for what, figures in found.items()
    ]
    ratio = [ours.per_s / theirs.per_s for ours, theirs in zip(found[OURS_TOLD], found[RIVAL_TELLING], strict=True)]
    return "\n\n".join(
        [
            f"{report.conditions(effort)}, {events:,} events, the first fifth to warm up.",
            report.table(["one process", "events/s", "its CPU, µs an event", "its database's, µs"], rows),
            f"With everything told too, ours is {report.spread(ratio, 2)} times as fast as the loop. What the loop does"
            " not do: an inbox row for each event (so that a repeat changes nothing), the announcement as a row that"
            " is written with the change and removed when the broker has it, a number for each account's events, the"
            " headers checked, the trace carried on, the offsets kept beside the change, the metrics.",
        ]
    )


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return report.spread(known) if known else ""


def _told(nth: int) -> Told:
    record = placed(f"o{nth}", account=f"b{nth % ACCOUNTS}", tenant=TENANT)
    headers = [(key, text.encode()) for key, text in record.headers.items()]
    return Told(ORDERS, nth % ACCOUNTS % PARTITIONS, record.key or b"", record.value or b"", headers, "OrderPlaced", "")


@contextmanager
def _database(servers: Ground) -> Iterator[DatabaseUrls]:
    """A database of the toy, and topics with nothing on them."""
    name, admin = f"{PREFIX}_events", servers.servers.admin_database_url
    quiet_logs()
    tape.fresh_topics(servers.servers.cluster.brokers())
    postgres.drop(admin, name)
    urls = postgres.provision(admin, name)
    migrate(urls.owner, f"{name}_server", SERVICE.migrations)
    yield urls


def _meter(servers: Ground, urls: DatabaseUrls, pid: int) -> Meter:
    return Meter({"it": pid, DATABASE: database_pid(servers.servers)}, {database_name(urls.server): "it"})


def _figure(events: int, seconds: float, meter: Meter) -> Figure:
    used = meter.cpu_s()
    return Figure(events / seconds, used["it"] / events * 1e6, used[f"{DATABASE} of it"] / events * 1e6)


def _rival(servers: Ground, told: Sequence[Told], *, announce: bool) -> Figure:
    with _database(servers) as urls:
        tape.tell(servers.servers.cluster.brokers(), told)
        few = len(told) // WARM_SHARE
        arguments = (servers.servers.cluster, urls.server, few, len(told), announce)
        with process(_serve_rival, *arguments) as (pipe, pid):
            warm = _receive(pipe)
            with (meter := _meter(servers, urls, pid)):
                began = time.perf_counter()
                pipe.send("go on")
                done = _receive(pipe)
                took = time.perf_counter() - began
            return _figure(done - warm, took, meter)


def _receive(pipe: Connection) -> int:
    try:
        return int(pipe.recv()) if pipe.poll(LONGEST_S) else _give_up()
    except EOFError:
        return _give_up()


def _give_up() -> int:
    raise FellOverError("the rival loop ended, or hangs")


def _serve_rival(pipe: Connection, cluster: Cluster, url: str, few: int, events: int, announce: bool) -> None:
    """Do so many to warm up, say how many it were, and the rest when told."""
    consumer: Any = KafkaConsumer(
        ORDERS,
        **cluster.options(),
        group_id="rival",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=BATCH,
    )
    producer = KafkaProducer(**cluster.options(), acks="all", linger_ms=2)
    done = 0
    with psycopg.connect(url, autocommit=True) as connection:
        for end in (few, events):
            while done < end and not pipe.poll():
                polled = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
                if polled:
                    _handle(connection, polled)
                    if announce:
                        _announce(producer, polled)
                    consumer.commit()
                    done += len(polled)
            if done < end:
                return  # whoever started us has gone
            pipe.send(done)
            with suppress(EOFError):  # stays, to be looked at, until it is told to go on or nobody listens
                pipe.recv()
    consumer.close()
    producer.close()


def _handle(connection: psycopg.Connection[Any], polled: Sequence[Any]) -> None:
    """Write what the toy writes for its business."""
    orders = [orders_pb2.OrderPlaced.FromString(record.value) for record in polled]
    tenants = [text_headers(record.headers)["ce_tenant"] for record in polled]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ar.tenants', %s, true)", [",".join(sorted(set(tenants)))])
        cursor.executemany(
            "INSERT INTO known (tenant, subject) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [(tenant, f"order/{order.order_id}") for tenant, order in zip(tenants, orders, strict=True)],
        )
        cursor.executemany(
            "INSERT INTO effect (tenant, account_id, order_id, version, what) VALUES (%s, %s, %s, %s, 'placed')",
            [
                (tenant, order.account_id, order.order_id, order.version)
                for tenant, order in zip(tenants, orders, strict=True)
            ],
        )


def _announce(producer: Any, polled: Sequence[Any]) -> None:
    """Tell what the toy tells, and wait until the broker has it."""
    for record in polled:
        order = orders_pb2.OrderPlaced.FromString(record.value)
        body = credit_pb2.CreditDecided(
            decision_id=order.order_id, order_id=order.order_id, version=order.version, account_id=order.account_id
        )
        producer.send(ANNOUNCED, key=record.key, value=body.SerializeToString(), headers=record.headers)
    producer.flush()


def _ours(servers: Ground, told: Sequence[Told]) -> dict[str, Figure]:
    few = len(told) // WARM_SHARE
    with _database(servers) as urls:
        tape.tell(servers.servers.cluster.brokers(), told)
        with lone(servers, "toy", urls, {"AR_SESSION_TIMEOUT_S": "6"}, module="tests.chaos.toy") as up:
            deadline = time.monotonic() + LONGEST_S

            def wait_for(done: int, outbox: str) -> None:
                while up.handled() < done or up.count(outbox):
                    up.check()
                    if time.monotonic() > deadline:
                        raise FellOverError(f"the toy handled {up.handled():,} of {len(told):,} events")
                    time.sleep(0.05)

            wait_for(few, NOTHING)
            with (meter := _meter(servers, urls, up.processes[0].process.pid)):
                warm, began = up.handled(), time.perf_counter()
                wait_for(len(told), NOTHING)
                handled = time.perf_counter() - began
                wait_for(len(told), WAITING)
                published = time.perf_counter() - began
            whole = _figure(len(told) - warm, published, meter)
            return {OURS: Figure(whole.per_s * published / handled, None, None), OURS_TOLD: whole}


NOTHING = "SELECT 0"
WAITING = "SELECT count(*) FROM outbox"

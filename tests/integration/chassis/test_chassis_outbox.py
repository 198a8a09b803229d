"""What is announced is numbered in the order of the commits, and published in it, nothing lost."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from receivables.credit.v1 import events_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.documents.v1 import events_pb2 as documents_pb2

from deploy.local.processes import wait_until
from deploy.local.servers import Servers
from services.chassis import outbox, parked, relay, unpublished
from services.chassis.database import Database
from services.chassis.envelope import RECORD_MAX_BYTES, Origin, new_traceparent
from services.chassis.outbox import EVENT_MAX_BYTES, Announcement, EventTooLarge
from services.chassis.relay import REFUSED, Past, Relay, new_producer, publish
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from tests.chaos.toy.events import codes, placed, told, waiting

Toy = Parts[ChassisSettings]
ORIGIN = Origin("acme", "user:ada", "a reason with ünïcode", "key-1", new_traceparent(), "cause-1")


def an_announcement(nth: int, account: str = "b1") -> Announcement:
    """A decision about the n-th order of an account."""
    body = events_pb2.CreditDecided(order_id=f"o{nth}", account_id=account)
    return Announcement(ORIGIN, account, f"order/o{nth}", body)


def a_document(size: int) -> Announcement:
    """A file that nothing can compress."""
    body = documents_pb2.DocumentIssued(content=random.Random(size).randbytes(size))
    return Announcement(ORIGIN, "b1", "document/d1", body)


async def test_numbers_are_contiguous_per_account_and_in_the_order_of_the_commits(toy: Toy):
    async def announce(n: int) -> None:
        accounts = random.Random(n).sample(["a", "b", "c"], 2)
        async with toy.database.transaction(["acme"]) as tx:
            await outbox.add(tx, [an_announcement(n, account) for account in sorted(accounts)])
            await asyncio.sleep(random.Random(n).random() / 50)
            if n % 5 == 0:
                raise asyncio.CancelledError  # it never happened, and leaves no gap

    await asyncio.gather(*(announce(n) for n in range(40)), return_exceptions=True)

    async with toy.database.transaction(()) as tx:
        rows = await tx.rows("SELECT key, headers FROM outbox ORDER BY id")
    numbers = defaultdict(list)
    for row in rows:
        numbers[row.key].append(int(row.headers["ce_sequence"]))
    assert sum(map(len, numbers.values())) == 64
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


async def test_what_is_rolled_back_was_never_said(toy: Toy):
    await toy.consumer.handle([placed("o1"), placed("o2", site="unbalanced")])

    assert await told(toy.database) == ["CreditDecided order/o1 1"]


async def test_an_event_that_no_broker_would_take_is_refused_where_it_is_made_and_the_rest_is_told(toy: Toy):
    too_large = a_document(RECORD_MAX_BYTES)
    async with toy.database.transaction(["acme"]) as tx:
        await outbox.add(tx, [an_announcement(1)])
        with pytest.raises(EventTooLarge) as refused:
            await outbox.add(tx, [an_announcement(2), too_large])
        await outbox.add(tx, [an_announcement(3)])

    assert refused.value.code == "event.too_large"
    assert await told(toy.database) == ["CreditDecided order/o1 1", "CreditDecided order/o3 2"]


async def test_what_somebody_wrote_is_told_to_nobody(toy: Toy):
    body = disputes_pb2.DisputeMoved(missing="a photo of Jane")
    async with toy.database.transaction(["acme"]) as tx:
        with pytest.raises(AssertionError, match="told to nobody"):
            await outbox.add(tx, [Announcement(ORIGIN, "b1", "dispute/d1", body)])

    assert await told(toy.database) == []


LONG = "x" * 9_000_000


@pytest.mark.parametrize(
    ("origin", "subject", "account"),
    [
        (replace(ORIGIN, idempotency_key=LONG), "order/o1", "b1"),
        (replace(ORIGIN, idempotency_key="x" * 201), "order/o1", "b1"),
        (ORIGIN, f"order/{'x' * 200}", "b1"),
        (ORIGIN, "order/o1", "x" * 201),
    ],
    ids=["nine megabytes of key", "key", "subject", "account"],
)
async def test_an_event_whose_headers_no_follower_would_read_is_refused_where_it_is_made(
    toy: Toy, origin: Origin, subject: str, account: str
):
    async with toy.database.transaction(["acme"]) as tx:
        with pytest.raises(EventTooLarge) as refused:
            await outbox.add(tx, [Announcement(origin, account, subject, events_pb2.CreditDecided())])

    assert refused.value.code == "event.too_large"
    assert len(refused.value.message) < 100
    assert await told(toy.database) == []


@pytest.fixture
def topic(servers: Servers) -> Iterator[str]:
    """Give a topic of two partitions that no other test has."""
    name = f"test.relay.{uuid4().hex}"
    admin = KafkaAdminClient(**servers.cluster.options())
    configs = {"max.message.bytes": str(RECORD_MAX_BYTES)}  # as topics.py gives it to ours
    admin.create_topics([NewTopic(name=name, num_partitions=2, replication_factor=1, topic_configs=configs)])
    admin.wait_for_topics([name])
    yield name
    admin.delete_topics([name])
    admin.close()


@pytest.fixture
def published(servers: Servers, topic: str) -> Iterator[Callable[[int], list[Any]]]:
    """Read so many records of the topic, partition by partition in order."""
    consumer = KafkaConsumer(**servers.cluster.options(), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, partition) for partition in (0, 1)])

    def read(count: int) -> list[Any]:
        consumer.seek_to_beginning()
        found: list[Any] = []
        deadline = time.monotonic() + 20
        while len(found) < count and time.monotonic() < deadline:
            found += [r for records in consumer.poll(timeout_ms=200).values() for r in records]
        return sorted(found, key=lambda record: (record.partition, record.offset))

    yield read
    consumer.close()


def fill(toy: Toy, topic: str, count: int, accounts: int = 7) -> None:
    """Put rows into the outbox, numbered per account."""
    with psycopg.connect(toy.database.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO outbox (topic, key, headers, payload)
               VALUES (%s, %s, jsonb_build_object('ce_id', %s::text, 'ce_sequence', %s::text), '')""",
            [(topic, f"acme/{n % accounts}", f"e{n}", str(n // accounts)) for n in range(count)],
        )
        cursor.execute("NOTIFY outbox")


def left(toy: Toy) -> int:
    """How many rows are not yet published."""
    with psycopg.connect(toy.database.url) as connection:
        row = connection.execute("SELECT count(*) FROM outbox").fetchone()
    assert row is not None
    return int(row[0])


def header(record: Any, name: str) -> str:
    """A header's text."""
    return str(dict(record.headers)[name].decode())


def first_of_each(records: list[Any]) -> list[Any]:
    """What an inbox lets through."""
    return list({header(record, "ce_id"): record for record in reversed(records)}.values())[::-1]


def assert_all_in_order(records: list[Any], count: int) -> None:
    """Nothing is lost, nothing overtook another of its key."""
    seen = defaultdict(list)
    for record in first_of_each(records):
        seen[record.key].append(int(header(record, "ce_sequence")))
    assert sum(map(len, seen.values())) == count
    assert all(numbers == sorted(numbers) for numbers in seen.values())


async def test_a_crash_between_sending_and_deleting_sends_again_and_keeps_each_accounts_order(
    toy: Toy, servers: Servers, topic: str, published: Callable[[int], list[Any]]
):
    fill(toy, topic, 300)

    class CrashError(Exception):
        """The process ends here."""

    class DiesBeforeDelete:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def execute(self, statement: str, *args: Any, **how: Any) -> Any:
            if statement.startswith("DELETE"):
                raise CrashError
            return self._connection.execute(statement, *args, **how)

    with psycopg.connect(toy.database.url, autocommit=True) as connection:
        async with new_producer(servers.cluster.brokers()) as producer:
            with pytest.raises(CrashError):
                await publish(DiesBeforeDelete(connection), producer, Past("toy"), batch=200)  # type: ignore[arg-type]
            while await publish(connection, producer, Past("toy"), batch=128):
                pass

    records = await asyncio.to_thread(published, 500)
    assert len(records) == 500  # 200 of them for the second time
    assert_all_in_order(records, 300)
    assert left(toy) == 0


async def test_nothing_is_deleted_that_the_broker_does_not_have(toy: Toy, servers: Servers, topic: str):
    fill(toy, topic, 10)

    class NeverAnswered(AIOKafkaProducer):  # type: ignore[misc] # aiokafka has no types
        """A producer whose broker goes away before it answers."""

        async def send_batch(self, *_: object, **__: object) -> Any:
            """Take it, and wait in vain."""
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(KafkaTimeoutError())
            return answer

    producer = NeverAnswered(**servers.cluster.options())
    await producer.start()
    with psycopg.connect(toy.database.url, autocommit=True) as connection, pytest.raises(KafkaTimeoutError):
        await publish(connection, producer, Past("toy"))
    await producer.stop()

    assert left(toy) == 10


def test_one_relay_publishes_and_the_next_takes_over_when_its_session_is_lost(
    toy: Toy, servers: Servers, topic: str, published: Callable[[int], list[Any]]
):
    relays = [Relay(toy.database, servers.cluster.brokers(), "toy") for _ in range(2)]
    for each in relays:
        each.start()
    try:
        for _ in range(3):
            fill(toy, topic, 200)
            wait_until(lambda: left(toy) == 0, "the outbox is empty")
            with psycopg.connect(servers.admin_database_url, autocommit=True) as admin:
                admin.execute(
                    """SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
                        WHERE locktype = 'advisory' AND granted AND datname = %s""",
                    [psycopg.conninfo.conninfo_to_dict(toy.database.url)["dbname"]],
                )
        assert all(each.alive() for each in relays)
    finally:
        for each in relays:
            each.stop()

    assert len(first_of_each(published(600))) == 200  # the same ids each time


async def announce(database: Database, topic: str) -> None:
    """Commit an announcement to a topic of the test's."""
    async with database.transaction(["acme"]) as tx:
        await outbox.add(tx, [an_announcement(1)])
        await tx.run("UPDATE outbox SET topic = %s", [topic])


@pytest.mark.parametrize("who", ["we", "another replica", "a process without a relay"])
async def test_whoever_announces_wakes_the_relay_that_publishes(
    toy: Toy, servers: Servers, topic: str, who: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay, "POLL_S", 60)
    ours = Relay(toy.database, servers.cluster.brokers(), "toy")
    ours.start()
    await announce(toy.database, topic)
    await asyncio.to_thread(wait_until, lambda: left(toy) == 0, "it publishes")

    async with Database(lambda: toy.database.url) as database:
        another = Relay(database, servers.cluster.brokers(), "toy")
        if who == "another replica":
            another.start()
        await announce(toy.database if who == "we" else database, topic)
        await asyncio.to_thread(wait_until, lambda: left(toy) == 0, "it is woken")
        await asyncio.to_thread(ours.stop)
        if who == "another replica":
            await asyncio.to_thread(another.stop)


def asked_for_the_lock(toy: Toy) -> bool:
    """Whether somebody has asked for the relay's lock and did not get it."""
    with psycopg.connect(toy.database.url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%try_advisory%'"
        ).fetchone()
    return row is not None and row[0] > 1  # our own question is one of them


def test_a_relay_that_is_told_to_stop_while_another_publishes_sends_nothing(toy: Toy, servers: Servers, topic: str):
    waiting = Relay(toy.database, servers.cluster.brokers(), "toy")
    with psycopg.connect(toy.database.url, autocommit=True) as another:
        another.execute("SELECT pg_advisory_lock(7215002)")
        waiting.start()
        fill(toy, topic, 10)
        wait_until(lambda: asked_for_the_lock(toy), "it asks for the lock")
        waiting.stop()

    assert left(toy) == 10


async def test_the_largest_event_that_is_taken_is_one_that_the_broker_takes_and_little_more_is_not(
    toy: Toy, servers: Servers, topic: str, published: Callable[[int], list[Any]]
):
    async with toy.database.transaction(["acme"]) as tx:
        with pytest.raises(EventTooLarge, match=f"; {EVENT_MAX_BYTES} are taken") as refused:
            await outbox.add(tx, [a_document(EVENT_MAX_BYTES)])
        around = int(refused.value.message.split()[2]) - EVENT_MAX_BYTES
        with pytest.raises(EventTooLarge):
            await outbox.add(tx, [a_document(EVENT_MAX_BYTES - around + 1)])
        await outbox.add(tx, [a_document(EVENT_MAX_BYTES - around)])
        await tx.run("UPDATE outbox SET topic = %s", [topic])

    with psycopg.connect(toy.database.url, autocommit=True) as connection:
        async with new_producer(servers.cluster.brokers()) as producer:
            await publish(connection, producer, Past("toy"))
            more = producer.create_batch()
            more.append(timestamp=None, key=b"k", value=random.Random(0).randbytes(RECORD_MAX_BYTES - 2048))
            with pytest.raises(MessageSizeTooLargeError):
                await (await producer.send_batch(more, topic, partition=0))

    [record] = await asyncio.to_thread(published, 1)
    assert len(record.value) > EVENT_MAX_BYTES - 1000
    assert left(toy) == 0


async def test_what_is_on_the_topic_is_a_cloud_event_to_the_sdk(
    toy: Toy, servers: Servers, topic: str, published: Callable[[int], list[Any]]
):
    async with toy.database.transaction(["acme"]) as tx:
        await outbox.add(tx, [an_announcement(1)])
        await tx.run("UPDATE outbox SET topic = %s", [topic])
    publishing = Relay(toy.database, servers.cluster.brokers(), "toy")
    publishing.start()
    [record] = await asyncio.to_thread(published, 1)
    await asyncio.to_thread(publishing.stop)

    event = from_binary(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value), JSONFormat())

    assert (event.get_specversion(), event.get_type()) == ("1.0", "receivables.credit.v1.CreditDecided")
    assert (event.get_source(), event.get_subject()) == ("/receivables/credit", "order/o1")
    assert event.get_extension("actor") == ORIGIN.actor
    assert event.get_extension("reason") == ""
    assert event.get_extension("sequence") == "1"
    assert record.key == b"acme/b1"
    assert header(record, "traceparent") == ORIGIN.traceparent
    assert header(record, "content-type") == "application/protobuf"
    assert events_pb2.CreditDecided.FromString(record.value).order_id == "o1"


# What the broker refuses for its own sake


SMALL = 4000  # bytes that the topic takes at once


@pytest.fixture
def small(servers: Servers, topic: str) -> str:
    """Give the same topic; it takes little."""
    admin = KafkaAdminClient(**servers.cluster.options())
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(SMALL)})])
    admin.close()
    return topic


def put(toy: Toy, topic: str, *rows: tuple[str, str, int]) -> None:
    """Put rows of an account, an id and a size that nothing compresses into the outbox."""
    with psycopg.connect(toy.database.url, autocommit=True) as connection:
        for account, event_id, size in rows:
            headers = json.dumps({"ce_id": event_id, "ce_type": "x", "ce_tenant": "acme", "ce_subject": "order/o1"})
            connection.execute(
                "INSERT INTO outbox (topic, key, headers, payload) VALUES (%s, %s, %s, %s)",
                [topic, f"acme/{account}", headers, random.Random(size).randbytes(size)],
            )


async def publish_all(toy: Toy, servers: Servers, past: Past) -> None:
    """As the relay does, without its pauses: a new producer after each refusal."""
    with psycopg.connect(toy.database.url, autocommit=True) as connection:
        for _ in range(20):
            async with new_producer(servers.cluster.brokers()) as producer:
                try:
                    while await publish(connection, producer, past) or left(toy):
                        pass
                except REFUSED:
                    continue
                return
    raise AssertionError("it refuses for ever")


def ids_of(records: list[Any]) -> dict[str, list[str]]:
    """What is published of each account, in its order."""
    found = defaultdict(list)
    for record in records:
        found[record.key.decode().removeprefix("acme/")].append(header(record, "ce_id"))
    return found


async def test_a_row_that_the_broker_refuses_is_parked_and_only_its_account_waits(
    toy: Toy, servers: Servers, small: str, published: Callable[[int], list[Any]]
):
    ours = [("a", f"a{n}", 10) for n in range(300)]
    put(toy, small, *ours[:150], ("b", "b0", 10), ("b", "b1", 2 * SMALL), ("b", "b2", 10), *ours[150:], ("b", "b3", 10))

    await publish_all(toy, servers, Past("toy"))
    put(toy, small, ("b", "b4", 10), ("c", "c0", 10))
    await publish_all(toy, servers, Past("toy"))

    assert ids_of(await asyncio.to_thread(published, 302)) == {"a": [i for _, i, _ in ours], "b": ["b0"], "c": ["c0"]}
    assert await waiting(toy.database) == ["failed account/b", *["behind account/b"] * 3]
    assert (await codes(toy.database))[0] == "event.unpublishable"


async def first_unpublished(toy: Toy) -> parked.Listed:
    async with toy.database.transaction(()) as tx:
        return (await parked.listed(tx, "toy"))[0]


async def test_what_was_parked_so_is_published_in_order_when_it_is_put_back_and_the_topic_takes_it(
    toy: Toy, servers: Servers, small: str, published: Callable[[int], list[Any]]
):
    rows = [("b", f"b{n}", 2 * SMALL if n == 1 else 10) for n in range(60)]
    put(toy, small, *rows)
    past = Past("toy")
    await publish_all(toy, servers, past)
    await toy.consumer.replay(await first_unpublished(toy), by="user:ada")
    await publish_all(toy, servers, past)
    assert (await waiting(toy.database)).count("behind account/b") == 58  # in vain: it is refused again

    admin = KafkaAdminClient(**servers.cluster.options())
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, small, {"max.message.bytes": str(9 * SMALL)})])
    admin.close()
    put(toy, small, ("b", "b60", 10))  # comes while the others are put back
    await toy.consumer.replay(await first_unpublished(toy), by="user:ada")
    await publish_all(toy, servers, past)

    assert ids_of(await asyncio.to_thread(published, 61)) == {"b": [f"b{n}" for n in range(61)]}
    assert await waiting(toy.database) == []


async def test_what_comes_while_some_are_put_back_and_some_still_wait_comes_after_all_of_them(
    toy: Toy, servers: Servers, small: str, published: Callable[[int], list[Any]]
):
    put(toy, small, ("b", "b0", 2 * SMALL), *(("b", f"b{n}", 10) for n in range(1, 4)))
    past = Past("toy")
    await publish_all(toy, servers, past)
    row = await first_unpublished(toy)
    async with toy.database.transaction(()) as tx:
        second = await parked.next_of(tx, "toy", row.slot, row.id)
        assert second is not None
        await parked.close(tx, row.id, "discarded", by="user:ada", why="a test")
        await unpublished.put_back(tx, second)
        await parked.close(tx, second.id, "handled", by="user:ada", why="")
    put(toy, small, ("b", "b4", 10))

    await publish_all(toy, servers, past)
    assert ids_of(await asyncio.to_thread(published, 1)) == {"b": ["b1"]}
    await toy.consumer.replay(await first_unpublished(toy), by="user:ada")
    await publish_all(toy, servers, past)

    assert ids_of(await asyncio.to_thread(published, 4)) == {"b": ["b1", "b2", "b3", "b4"]}


def test_a_relay_goes_on_by_itself_after_a_row_that_the_broker_refuses(
    toy: Toy, servers: Servers, small: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay, "RETRY_S", 0.01)
    put(toy, small, *(("a", f"a{n}", 10) for n in range(5)), ("b", "b0", 2 * SMALL), ("a", "a5", 10), ("b", "b1", 10))
    ours = Relay(toy.database, servers.cluster.brokers(), "toy")
    ours.start()
    wait_until(lambda: left(toy) == 0, "it publishes")
    assert ours.alive()
    ours.stop()

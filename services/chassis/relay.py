"""Publishes the outbox: oldest first, deleted only when the broker has it; one relay at a time."""

import asyncio
import functools
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnsupportedForMessageFormatError,
    kafka_errors,
)
from aiokafka.partitioner import murmur2

from services.chassis import metrics, tracing, unpublished
from services.chassis.database import Database, is_transient
from services.chassis.envelope import RECORD_MAX_BYTES
from services.chassis.logs import harmless, log
from services.chassis.outbox import CHANNEL
from services.chassis.pace import Pace

LOCK = 7_215_002  # any number: one relay at a time in this database
BATCH = 2000  # rows a round
ROUND_BYTES = RECORD_MAX_BYTES  # of payload after which a round takes no further row
BATCH_BYTES = 1024 * 1024  # of one partition in one request, or one record of any size
# Between the beginnings of two rounds, at least. A round costs database, broker and us a millisecond of processor time together,
# however little it carries; what is announced after a quiet moment goes out at once all the same.
PAUSE_S = 0.025
POLL_S = 0.5  # behind what wakes us, for what was announced while nobody listened
RETRY_S = 0.5
STOP_S = 1.0
FROZEN_S = 60

# Sizes are read from where large payloads are stored aside; the payloads themselves only of the rows that go out.
_OLDEST = """SELECT id, topic, key, headers, payload
               FROM (SELECT id, topic, key, headers, payload,
                            sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS before
                       FROM (SELECT * FROM outbox ORDER BY id LIMIT %s) AS oldest) AS measured
              WHERE before < %s
              ORDER BY id"""


# The same while something waits that could not be published, with what stands behind it.
_OLDEST_STALLED = f"SELECT o.*, {unpublished.BEHIND} FROM ({_OLDEST}) AS o ORDER BY id"  # noqa: S608 - our own texts


class InvalidRecordError(BrokerResponseError):  # type: ignore[misc] # aiokafka has no types
    """A record that the broker finds wrong in itself; unknown to aiokafka."""

    errno = 87
    message = "INVALID_RECORD"


kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)
# What a broker says of the records themselves: it would say it again, whenever and by whomever they are sent.
REFUSED = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTimestampError,
    UnsupportedForMessageFormatError,
    InvalidRecordError,
)


class _Row(NamedTuple):
    id: int
    topic: str
    key: str
    headers: dict[str, str]
    payload: bytes


@dataclass(slots=True)
class Past:
    """What a relay knows from one round to the next."""

    # Of which service: what it cannot publish waits among the events that its consumer could not handle.
    consumer: str
    # Whether something may wait that could not be published.
    stalled: bool = True
    # Rows of a batch that was refused: each goes by itself, until it is known which of them it was.
    alone: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Outcome:
    """How far the broker has a partition's rows, and the first that it refused."""

    sent: list[_Row] = field(default_factory=list)
    refused: list[_Row] = field(default_factory=list)
    error: KafkaError | None = None


class Relay:
    """A thread with its own connection and producer; both are made anew after any trouble."""

    def __init__(self, database: Database, bootstrap_servers: str, consumer: str) -> None:
        self._database = database
        self._past = Past(consumer)
        self._bootstrap_servers = bootstrap_servers.split(",")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._loop = uvloop.new_event_loop()
        self._woken = asyncio.Event()
        self._awake = False  # whether `_woken` is set, or about to be

    def start(self) -> None:
        """Begin to publish; from now on this process' commits need not notify."""
        self._database.announced = self.wake
        self._thread.start()

    def wake(self) -> None:
        """Something was announced; safe from any thread, and cheap while we are awake."""
        if not self._awake:
            self._awake = True
            with suppress(RuntimeError):  # we have ended: what is left is another's to publish
                self._loop.call_soon_threadsafe(self._woken.set)

    def stop(self, timeout_s: float = 3) -> None:
        """Publish what is there and end, unless the broker is away."""
        self._database.announced = None
        self._stopping.set()
        self._awake = False
        self.wake()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("the relay was cut off: what it had sent comes again")

    def alive(self) -> bool:
        """Whether the thread still runs; a defect ends it."""
        return self._thread.is_alive() or self._stopping.is_set()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._publish_through_troubles())

    async def _publish_through_troubles(self) -> None:
        """Publish through every trouble that passes; a defect ends the thread, and with it the process."""
        troubles = 0
        while not self._stopping.is_set():
            try:
                await self._publish_until_stopped()
            except (psycopg.Error, KafkaError, OSError) as error:
                if isinstance(error, psycopg.Error) and not is_transient(error):
                    raise
                if troubles % 100 == 0:
                    log.warning("relay waits to try again", error=type(error).__name__, troubles=troubles)
                troubles += 1
                await asyncio.sleep(RETRY_S)

    async def _publish_until_stopped(self) -> None:
        # A process that froze would hold the lock until it thaws; one that was killed, until its statement ends.
        ends_dead = f"-c idle_session_timeout={FROZEN_S}s -c client_connection_check_interval=2s"
        # All that this session changes is that rows are gone which the broker has: where a server that fails forgets
        # it, they are sent again, as after a crash of ours. So nobody waits for the disk here.
        unwaited = "-c synchronous_commit=off"
        with psycopg.connect(self._database.url, autocommit=True, options=f"{ends_dead} {unwaited}") as connection:
            if not await self._gets_the_lock(connection):
                return  # told to stop meanwhile: publishing is another's
            connection.execute(f"LISTEN {CHANNEL}")
            self._past.stalled = True  # as another may have left it
            async with new_producer(self._bootstrap_servers) as producer:
                more, pace = True, Pace()
                while not self._stopping.is_set():
                    if not more:
                        await self._sleep(connection)
                    began = time.monotonic()
                    pace.begin()
                    self._forget_what_woke_us(connection)
                    more = await publish(connection, producer, self._past)
                    if not more:
                        await asyncio.sleep(max(began + PAUSE_S - time.monotonic(), pace.rest_s()))
                await publish(connection, producer, self._past)

    async def _gets_the_lock(self, connection: psycopg.Connection[Any]) -> bool:
        """Wait for the lock, waking its holder for what is announced here; false if we were told to stop before."""
        while not self._stopping.is_set():
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
            if row and row[0]:
                return True
            await asyncio.sleep(PAUSE_S)
            await self._sleep(connection)
            if self._forget_what_woke_us(connection):
                connection.execute(f"NOTIFY {CHANNEL}")
        return False

    async def _sleep(self, connection: psycopg.Connection[Any]) -> None:
        """Wait until something was announced here or, as the database tells, elsewhere; at most `POLL_S`."""
        self._loop.add_reader(connection.fileno(), self._woken.set)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)
        finally:
            self._loop.remove_reader(connection.fileno())

    def _forget_what_woke_us(self, connection: psycopg.Connection[Any]) -> bool:
        """Whatever was announced before now, the next look sees; return whether anything was announced."""
        woken = self._woken.is_set()
        self._awake = False
        self._woken.clear()
        connection.pgconn.consume_input()
        while connection.pgconn.notifies():
            pass
        return woken


@asynccontextmanager
async def new_producer(bootstrap_servers: Sequence[str]) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that never gives a record up: one given up and sent again would come behind later ones of its key.

    Of aiokafka, because it writes records in C, a batch at a time: a tenth of the processor time of kafka-python.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=list(bootstrap_servers),
        client_id="receivables-relay",
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        compression_type="gzip",
    )
    try:
        await producer.start()
        yield producer
    finally:
        try:
            await asyncio.wait_for(producer.stop(), STOP_S)
        except TimeoutError:
            await producer.client.close()  # what is under way was announced and not deleted: it comes again


async def publish(
    connection: psycopg.Connection[Any], producer: AIOKafkaProducer, past: Past, batch: int = BATCH
) -> bool:
    """Send the oldest rows, wait until the broker has all of them, delete them; return whether more are to be expected.

    A crash between the two sends them again with the same event id, which every inbox absorbs. No transaction is
    open meanwhile: a broker that is away must not keep the database from cleaning up. What the broker refuses for its
    own sake is parked, and with it what comes after it on its topic and account; raises what the broker said, since the
    producer's count of that partition is wrong from then on.
    """
    found = _oldest(connection, past, batch)
    if not found:
        return False
    with _in_their_traces([row for row, behind in found if not behind]) as rows:
        outcomes = await _send(producer, rows, past.alone)
    sent = [row.id for outcome in outcomes for row in outcome.sent]
    connection.execute("DELETE FROM outbox WHERE id = ANY(%s::bigint[])", [_ids(sent)])
    past.alone.difference_update(sent)
    metrics.PUBLISHED.inc(len(sent))
    for outcome in outcomes:
        _keep_refused(connection, past, outcome)
    if errors := [outcome.error for outcome in outcomes if outcome.error]:
        raise errors[0]
    return len(found) == batch or sum(len(row.payload) for row, _ in found) >= ROUND_BYTES


def _oldest(connection: psycopg.Connection[Any], past: Past, batch: int) -> list[tuple[_Row, bool]]:
    """The rows whose turn it is, and of each whether it stands behind one that waits; those that do wait with it."""
    past.stalled = past.stalled and unpublished.any_waits(connection, past.consumer)
    if not past.stalled:
        return [(_Row(*row), False) for row in connection.execute(_OLDEST, [batch, ROUND_BYTES], binary=True)]
    rows = connection.execute(_OLDEST_STALLED, [past.consumer, batch, ROUND_BYTES], binary=True)
    found = [(_Row(*row), behind) for *row, behind in rows]
    if late := [row.id for row, behind in found if behind]:
        unpublished.park_behind(connection, past.consumer, late)
    return found


def _keep_refused(connection: psycopg.Connection[Any], past: Past, outcome: _Outcome) -> None:
    """Park the row that was refused; of several at once it is not known yet which it is."""
    if len(outcome.refused) > 1:
        past.alone.update(row.id for row in outcome.refused)
        return
    for row in outcome.refused:
        name = type(outcome.error).__name__
        unpublished.park(connection, past.consumer, row.id, name)
        past.alone.discard(row.id)
        past.stalled = True
        log.error("event unpublishable", error=name, topic=row.topic, **harmless(row.headers))


@contextmanager
def _in_their_traces(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """The same, each event of a trace that is recorded with a span of its own: who follows it goes on from there."""
    if not tracing.is_on():
        yield rows
        return
    parts = [tracing.Part(f"send {row.topic}", row.headers.get("traceparent", ""), _said(row.topic)) for row in rows]
    with tracing.each("producer", parts, as_one=False) as traceparents:
        yield [
            row
            if row.headers.get("traceparent", "") == traceparent
            else row._replace(headers={**row.headers, "traceparent": traceparent})
            for row, traceparent in zip(rows, traceparents, strict=True)
        ]


@functools.cache
def _said(topic: str) -> dict[str, str]:
    return {"messaging.system": "kafka", "messaging.destination.name": topic, "messaging.operation.type": "send"}


def _ids(ids: Sequence[int]) -> str:
    return f"{{{','.join(map(str, ids))}}}"


async def _send(producer: AIOKafkaProducer, rows: Sequence[_Row], alone: Set[int]) -> list[_Outcome]:
    """All partitions at once; one partition's batches one after the other, so that a later never comes before."""
    counts = {topic: len(await producer.partitions_for(topic)) for topic in {row.topic for row in rows}}
    batches: defaultdict[tuple[str, int], list[tuple[Any, list[_Row]]]] = defaultdict(list)
    for row in rows:
        key = row.key.encode()
        filled = batches[row.topic, partition(key, counts[row.topic])]
        record = {
            "timestamp": None,
            "key": key,
            "value": row.payload,
            "headers": [(name, text.encode()) for name, text in row.headers.items()],
        }
        apart = row.id in alone or (filled and filled[-1][1][-1].id in alone)
        if not filled or apart or filled[-1][0].append(**record) is None:
            filled.append((producer.create_batch(), []))
            filled[-1][0].append(**record)
        filled[-1][1].append(row)
    return await asyncio.gather(*(_deliver(producer, *place, filled) for place, filled in batches.items()))


async def _deliver(
    producer: AIOKafkaProducer, topic: str, nth: int, batches: Sequence[tuple[Any, list[_Row]]]
) -> _Outcome:
    """One after the other, up to one that the broker refuses."""
    outcome = _Outcome()
    for batch, rows in batches:
        batch.close()
        try:
            await (await producer.send_batch(batch, topic, partition=nth))
        except REFUSED as error:
            outcome.refused, outcome.error = rows, error
            break
        outcome.sent += rows
    return outcome


@functools.lru_cache(100_000)
def partition(key: bytes, count: int) -> int:
    """Where every Kafka client puts this key; remembered, since the hash is computed in Python."""
    return int(murmur2(key) & 0x7FFFFFFF) % count

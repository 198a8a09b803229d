"""What a service has told already, read back from its own topics: what a start compares its database with."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as BrokerError

from services.chassis import topics
from services.chassis.brokers import Brokers
from services.chassis.database import Database
from services.chassis.envelope import RECORD_MAX_BYTES, Record, text_headers
from services.chassis.logs import log

LAST = 20  # records of each partition: one would do, were none ever sent twice
READ_S = 10.0  # after which a start goes on with what it has read
STUCK_S = 60.0  # without a single record, after which reading to the end has failed
AT_ONCE = 2000  # records

Range = tuple[int, int]  # from this offset up to, and without, that one
Key = tuple[str, str]  # topic, and "tenant/account"


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Older(Exception):  # noqa: N818 - said to the operator as it stands
    """The database is older than what was told from it: whatever it announced now would be told twice."""


class Stuck(Exception):  # noqa: N818 - said to the operator as it stands
    """The broker answers, but gives no records up to an offset that it said it has."""


@dataclass(frozen=True, slots=True)
class Last:
    """The newest number of a key that a topic has, and when that was told."""

    sequence: int
    at: str


class Reader:
    """Reads topics from here to there, in no group: nothing is committed, nobody is disturbed."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def ranges(self, partitions: Mapping[str, int]) -> dict[Place, Range]:
        """Where each partition of these topics begins and ends now."""
        places = [Place(topic, n) for topic, count in partitions.items() for n in range(count)]
        begins = await self._consumer.beginning_offsets(_theirs(places))
        ends = await self._consumer.end_offsets(_theirs(places))
        return {place: (begins[place], ends[place]) for place in places}

    def begin(self, ranges: Mapping[Place, Range]) -> dict[Place, int]:
        """Go to the beginnings of what is not empty; return the ends."""
        ends = {place: end for place, (begin, end) in ranges.items() if begin < end}
        self._consumer.assign(_theirs(ends))
        for place in ends:
            self._consumer.seek(TopicPartition(*place), ranges[place][0])
        return ends

    async def some(self, ends: dict[Place, int], of: Collection[Place]) -> list[tuple[Place, Record]]:
        """Some records of these partitions, in order each; whoever is at its end is taken from `ends`."""
        got = await self._consumer.getmany(*_theirs(of), timeout_ms=500, max_records=AT_ONCE)
        records = [
            (Place(*place), _record(each))
            for place, found in got.items()
            for each in found
            if each.offset < ends[Place(*place)]
        ]
        for place in of:
            # Past what nobody sees too: the marks of a producer's transactions, and what one took back.
            if await self._consumer.position(TopicPartition(*place)) >= ends[place]:
                del ends[place]
        return records

    async def read(self, ranges: Mapping[Place, Range]) -> AsyncIterator[list[tuple[Place, Record]]]:
        """All of these, some at a time, in order within each partition."""
        ends, waited = self.begin(ranges), Patience()
        while ends:
            records = await self.some(ends, list(ends))
            waited.check(bool(records), ends)
            yield records


class Patience:
    """How long nothing has come."""

    def __init__(self) -> None:
        self._since = asyncio.get_running_loop().time()

    def check(self, came: bool, ends: Mapping[Place, int]) -> None:
        """Raise Stuck where nothing has come for long though something should."""
        now = asyncio.get_running_loop().time()
        if came or not ends:
            self._since = now
        elif now - self._since > STUCK_S:
            place, end = next(iter(ends.items()))
            raise Stuck(f"{place.topic}, partition {place.partition}: nothing comes before offset {end}")


@asynccontextmanager
async def reader(brokers: Brokers) -> AsyncIterator[Reader]:
    """A reader, which sees what the follower sees; raises KafkaError where no broker answers."""
    consumer = AIOKafkaConsumer(
        **brokers.options(),
        client_id="receivables-told",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=RECORD_MAX_BYTES,
    )
    try:
        await consumer.start()
        yield Reader(consumer)
    finally:
        await consumer.stop()


async def check(brokers: Brokers, database: Database, names: Sequence[str], service: str) -> None:
    """Raise Older if the newest records of these topics, our own, are newer than the database.

    Events that wait in the outbox make the database newer than the topic, which is as it should be. A broker that is
    away is waited for; a topic that has nothing has nothing to say.
    """
    while True:
        try:
            told = await newest(brokers, names)
        except (KafkaError, BrokerError, OSError) as error:
            log.warning("waiting to start", waits_for="own topics", why=type(error).__name__)
            await asyncio.sleep(0.5)
            continue
        break
    known = await sequences(database, told)
    older = {key: last for key, last in told.items() if last.sequence > known.get(key, 0)}
    if older:
        topic = min(older)[0]
        since = min(last.at for last in older.values())
        raise Older(
            f"the database is older than what {service} has told: {topic} has later events of at least {len(older)} keys, "
            f"the first seen here of {since}. Nothing was started. Restore a newer copy, or bring this one up to what "
            f"was told: python -m services.{service} rebuild"
        )


async def newest(brokers: Brokers, names: Sequence[str]) -> dict[Key, Last]:
    """The keys of the last records of each partition, and the highest number of each there."""
    told: dict[Key, Last] = {}
    partitions = await asyncio.to_thread(topics.partitions, brokers, names)
    async with reader(brokers) as read:
        whole = await read.ranges(partitions)
        ranges = {place: (max(begin, end - LAST), end) for place, (begin, end) in whole.items()}
        try:
            async with asyncio.timeout(READ_S):
                async for records in read.read(ranges):
                    for _, record in records:
                        _note(told, record)
        except TimeoutError:
            log.warning("own topics were not read to their ends", keys=len(told))
    return told


def _note(told: dict[Key, Last], record: Record) -> None:
    key = (record.topic, (record.key or b"").decode("utf-8", "replace"))
    sequence = sequence_of(record)
    if key not in told or told[key].sequence < sequence:
        told[key] = Last(sequence, record.headers.get("ce_time", ""))


def sequence_of(record: Record) -> int:
    """The number of an event of our own; 0 of what is none."""
    said = record.headers.get("ce_sequence", "")
    return int(said) if said.isdecimal() and len(said) < len("1000000000000000000") else 0


async def sequences(database: Database, keys: Collection[Key]) -> dict[Key, int]:
    """What the database last numbered of these keys."""
    wanted: list[Any] = [[topic for topic, _ in keys], [key for _, key in keys]]
    async with database.glance() as tx:
        rows = await tx.rows(
            """SELECT topic, key, last FROM sequence
                WHERE (topic, key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
            wanted,
        )
    return {(row.topic, row.key): row.last for row in rows}


def _theirs(places: Collection[Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]


def _record(each: Any) -> Record:
    return Record(
        topic=each.topic,
        partition=each.partition,
        offset=each.offset,
        key=each.key,
        value=each.value,
        headers=text_headers(each.headers),
        timestamp=each.timestamp / 1000,
    )

"""Follows topics: records that Faust fetched into a bounded buffer, a batch at a time to the consumer, acknowledged after it."""

import asyncio
import threading
import time
import warnings
from collections import deque
from collections.abc import Collection, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import psycopg
from faust.exceptions import AlreadyConfiguredWarning
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from services.chassis import fetch, inbox, metrics, topics
from services.chassis.brokers import Brokers, brokers_of
from services.chassis.consumer import Consumer
from services.chassis.envelope import Record
from services.chassis.logs import log
from services.chassis.pace import Pace
from services.chassis.settings import ChassisSettings

BUFFER_MAX = 4000  # unhandled records, after which fetching waits
BUFFER_BYTES = 4 * 1024 * 1024  # the same, and so what a service keeps in memory of what is to come
FINISH_S = 3.0  # for the batch that is under way when we are told to stop, after which it is rolled back
LEAVE_S = 6.0  # for the last offsets and the farewell, after which the group finds out by itself
STUCK_S = 60.0  # with lag, and nothing at hand or handled for so long, the process ends and is started anew
WATCH_S = 5.0

Place = tuple[str, int]  # topic, partition


class Buffer:
    """Records between Faust's fetching and our transactions; what is there is the next batch."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._records: deque[Record] = deque()
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no more should be fetched."""
        return len(self._records) >= self._most or self._bytes >= self._most_bytes

    async def room(self) -> None:
        """Wait while it is full: back-pressure reaches the fetch."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    def add(self, records: Iterable[Record]) -> None:
        """Put records behind those that wait."""
        for record in records:
            self._records.append(record)
            self._sizes.append(record.size)
            self._bytes += self._sizes[-1]
        self._filled.set()

    async def some(self, most: int, most_bytes: int) -> list[Record]:
        """Wait for a record and take whatever is there, in the order in which it came; a large one comes alone."""
        while not self._records:
            self._filled.clear()
            await self._filled.wait()
        batch = [self._records.popleft()]
        taken = self._sizes.popleft()
        while self._records and len(batch) < most and taken + self._sizes[0] <= most_bytes:
            batch.append(self._records.popleft())
            taken += self._sizes.popleft()
        self._bytes -= taken
        self._room.set()
        return batch

    async def rest(self, seconds: float, most: int, most_bytes: int) -> None:
        """Let so many seconds pass, or until a whole batch waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._records) < most and self._bytes < most_bytes and not self.full:
                    self._filled.clear()
                    await self._filled.wait()

    def drop(self) -> list[Record]:
        """Give up what waits, and return it."""
        dropped = list(self._records)
        self._records.clear()
        self._sizes.clear()
        self._bytes = 0
        self._room.set()
        return dropped

    def next(self) -> list[Record]:
        """The record that will be taken first, if there is one."""
        return [self._records[0]] if self._records else []


class Follower:
    """A service's Faust application, and the one place that acknowledges."""

    def __init__(self, consumer: Consumer, settings: ChassisSettings) -> None:
        self._consumer = consumer
        self._settings = settings
        self._brokers = brokers_of(settings)
        self._buffer = Buffer(BUFFER_MAX, BUFFER_BYTES)
        self._batch: list[Record] = []  # what is being handled
        self.app = self._build()

    def _build(self) -> Any:
        metrics.expect_events(self._consumer.event_types)
        app = fetch.App(
            f"receivables-{self._consumer.name}",
            self._buffer,
            self._consumer.topics,
            self._consumer.next_offsets,
            **self._brokers.faust(),
            store="memory://",
            datadir=Path(gettempdir()) / f"receivables-{self._consumer.name}",  # made, and left empty: no tables here
            web_enabled=False,
            topic_partitions=self._settings.partitions,
            topic_disable_leader=True,
            broker_session_timeout=self._settings.session_timeout_s,
            broker_heartbeat_interval=min(2.0, self._settings.session_timeout_s / 3),
            broker_request_timeout=90,
            broker_commit_interval=1,
            stream_wait_empty=True,
            consumer_auto_offset_reset="earliest",
        )
        app.on_partitions_assigned.connect(_count_rebalance, weak=False)
        return app

    async def run(self) -> None:
        """Follow until cancelled; whatever is raised must end the process: what was not acknowledged comes again."""
        self.app.finalize()
        try:
            await self.app.start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._flush())
                tasks.create_task(self._watch_faust())
                tasks.create_task(self._watch_progress())
        finally:
            await self._leave()

    async def _leave(self) -> None:
        """Leave the group, so that another takes over at once; not at any price, since Faust waits for the broker."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AlreadyConfiguredWarning)
            # Nobody is left to handle, and acknowledge, what Faust would wait for.
            self.app.conf.stream_wait_empty = False
        # Not a timeout around it: Faust swallows the cancellation, and waits on.
        farewell = asyncio.ensure_future(self.app.stop())
        done, _ = await asyncio.wait({farewell}, timeout=LEAVE_S)
        if not done:
            log.warning("the group was not left in time")

    async def _flush(self) -> None:
        most, most_bytes, pace = self._settings.batch_size, self._settings.batch_bytes, Pace()
        while True:
            self._batch = await self._buffer.some(most, most_bytes)
            pace.begin()
            await _finishing(self._handle(self._batch))
            self._batch = []
            await self._buffer.rest(pace.rest_s(), most, most_bytes)

    async def _handle(self, batch: list[Record]) -> None:
        await self._consumer.handle(batch)
        self.app.consumer.acknowledge(batch)  # only now: what is acknowledged never comes again
        metrics.handled(batch, self._consumer.event_types)

    async def _watch_faust(self) -> None:
        """Faust crashes by setting an event: make it an exception."""
        await self.app._crashed.wait()
        raise RuntimeError("faust crashed") from self.app._crash_reason

    async def _watch_progress(self) -> None:
        """End the process when it could work and does not: lag, everything reachable, nothing handled for a minute."""
        clock = asyncio.get_running_loop().time
        progress, since, away = (-1, 0), clock(), False
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                standing = await stand(self._consumer, self._brokers)
            except (KafkaError, OSError, psycopg.OperationalError) as error:
                if not away:
                    log.warning("broker or database away", error=type(error).__name__)
                since, away = clock(), True
                metrics.DEPENDENCY.labels("broker").set(isinstance(error, psycopg.OperationalError))
                metrics.LAG_AGE.set(self._oldest_age())
                continue
            if away:
                log.info("broker and database are back")
                away = False
            # Without partitions of our own we watch them all: nobody may have them.
            mine = self._assigned() or standing.ends.keys()
            # What takes too long is halved until it does not, or parked: that is progress too.
            if (standing.handled(mine), self._consumer.timeouts) != progress or not standing.lag(mine):
                progress, since = (standing.handled(mine), self._consumer.timeouts), clock()
            self._show(standing, clock() - since)
            if clock() - since >= STUCK_S + (self._consumer.alone_s if self._batch else 0):
                raise RuntimeError("stuck: there is lag, and nothing was handled for a minute")

    def _show(self, standing: "Standing", idle_s: float) -> None:
        """Say how far we are; what we have not even fetched has waited at least since something was handled last."""
        metrics.DEPENDENCY.labels("broker").set(1)
        metrics.LAG.set(standing.lag())
        metrics.LAG_AGE.set(max(self._oldest_age(), idle_s) if standing.lag() else 0)
        for (topic, partition), offset in standing.next_offsets.items():
            metrics.COMMITTED.labels(topic, partition).set(offset)

    def _oldest_age(self) -> float:
        """For how long, in seconds, the oldest record at hand has waited; 0 if there is none."""
        at_hand = [record.timestamp for record in (*self._batch, *self._buffer.next())]
        return max(0.0, time.time() - min(at_hand)) if at_hand else 0.0

    def _assigned(self) -> set[Place]:
        return {(place.topic, place.partition) for place in self.app.consumer.assignment()}


async def _finishing(work: Coroutine[Any, Any, None]) -> None:
    """Await it; cancelled meanwhile, let it come to its end first, so that it need not be done again elsewhere."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        done, _ = await asyncio.wait({task}, timeout=FINISH_S)
        if not done:
            task.cancel()
        raise


@dataclass(frozen=True, slots=True)
class Standing:
    """How far each partition reaches, and how far this service (any replica) has handled it."""

    ends: dict[Place, int]
    next_offsets: dict[Place, int]

    def handled(self, places: Collection[Place]) -> int:
        """A number that grows with every record handled in these partitions."""
        return sum(self.next_offsets[place] for place in places if place in self.next_offsets)

    def lag(self, places: Collection[Place] | None = None) -> int:
        """Records of these partitions, or of all, that are not yet handled."""
        return sum(
            max(0, end - self.next_offsets[place])
            for place, end in self.ends.items()
            if places is None or place in places
        )


async def stand(consumer: Consumer, brokers: Brokers) -> Standing:
    """Ask broker and database how far this service is."""
    ends = await asyncio.to_thread(_ends(brokers).of, consumer.topics)
    async with consumer.database.transaction(()) as tx:
        done = await inbox.next_offsets(tx, consumer.name, consumer.topic_ids)
    return Standing(ends, {place: done.get(place, 0) for place in ends})


async def lag(consumer: Consumer, brokers: Brokers) -> int:
    """Records of the followed topics that no replica of this service has handled yet."""
    return (await stand(consumer, brokers)).lag() if consumer.topics else 0


async def _count_rebalance(*_: Any, **__: Any) -> None:
    metrics.REBALANCES.inc()


class _Ends:
    """How far topics reach, asked over one connection, which is made anew after any trouble."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._admin: Any = None
        self._alone = threading.Lock()  # those who ask do so in threads

    def of(self, names: list[str]) -> dict[Place, int]:
        """The offset after the last record of each partition."""
        with self._alone:
            try:
                self._admin = self._admin or topics.admin_client(self._brokers)
                return _end_offsets(self._admin, names)
            except BaseException:
                admin, self._admin = self._admin, None
                if admin is not None:
                    admin.close()
                raise


@cache
def _ends(brokers: Brokers) -> _Ends:
    """One for the whole process."""
    return _Ends(brokers)


def _end_offsets(admin: Any, names: list[str]) -> dict[Place, int]:
    partitions = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(names)
        for partition in topic["partitions"]
    ]
    found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    return {(p.topic, p.partition): place.offset for p, place in found.items()}

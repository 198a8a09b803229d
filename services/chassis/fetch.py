"""Faust's consumer without its streams: whole fetches into a buffer, and of each partition what comes next.

Faust keeps the group, the assignment, the offsets and the heartbeat. What it does with each record between the fetch
and an agent (two tasks, a queue, an event, lists of gaps) costs as much as handling it, and has lost records (its bug
#606). Fetched is only what is asked for, so that no more is kept than the buffer's limit and one answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import faust
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka
from faust.types import TP
from mode.utils.futures import notify

from services.chassis.envelope import Record, text_headers
from services.chassis.logs import log

# Of one fetch, at most; a larger record comes alone.
ANSWER_BYTES = 2 * 1024 * 1024
UNPACKED_BYTES = 2 * 1024 * 1024
POLL_S = 1.0


class Buffer(Protocol):
    """Where records wait until they are handled."""

    def add(self, records: Iterable[Record]) -> None:
        """Put records behind those that wait."""

    @property
    def full(self) -> bool:
        """Whether no more should come."""

    async def room(self) -> None:
        """Wait while it is full."""

    def drop(self) -> list[Record]:
        """Give up what waits; it is fetched again by whoever gets its partition."""


class App(faust.App):
    """A Faust application that fills a buffer; it has no agent."""

    def __init__(
        self,
        name: str,
        buffer: Buffer,
        topics: Sequence[str],
        next_offsets: Callable[[], Awaitable[Mapping[tuple[str, int], int]]],
        **settings: Any,
    ) -> None:
        """Fetch these topics, of each partition what comes next, as the database knows it, or what the group knows less."""
        self.buffer = buffer
        self.next_offsets = next_offsets
        super().__init__(name, **settings)
        self.topics.add(self.topic(*topics))

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)


class _Thread(aiokafka.AIOKafkaConsumerThread):
    """The thread that talks to the broker."""

    generation = -1  # of the assignment that the last fetch belonged to

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_bytes = ANSWER_BYTES  # Faust has no setting for it
        return consumer

    async def _fetch_records(self, consumer: Any, active_partitions: Any, **how: Any) -> Any:  # type: ignore[override] # `how` passes through
        """Fetch when asked to, and never ahead: what aiokafka keeps ready is bounded for each partition alone.

        What is left of the last answer comes first. An answer is compressed: it is unpacked one batch after the other.
        """
        answered = consumer._fetcher._records if consumer._fetcher else {}
        left = [place for place in answered if place in active_partitions]
        consumer.resume(*(left or consumer.assignment()))
        try:
            records = await super()._fetch_records(consumer, active_partitions, **how | {"max_records": 1})
            if records:
                _unpack(consumer._fetcher, active_partitions, records)
        finally:
            consumer.pause(*consumer.assignment())
        self.generation = self.app.consumer_generation_id
        return records


def _unpack(fetcher: Any, active_partitions: Any, records: Any) -> None:
    """Add what else the answer holds to its first record, up to the limit."""
    size = sum(_size(record) for [record] in records.values())
    for place in [place for place in fetcher._records if place in active_partitions]:
        answer = fetcher._records[place]
        while isinstance(answer, FetchResult) and size < UNPACKED_BYTES:
            if (record := answer.getone()) is None:
                del fetcher._records[place]
                fetcher._notify(fetcher._wait_consume_future)  # it may be asked for more
                break
            records.setdefault(place, []).append(record)
            size += _size(record)


def _size(record: Any) -> int:
    return len(record.value or b"") + len(record.key or b"") + sum(len(value or b"") for _, value in record.headers)


class BatchConsumer(aiokafka.Consumer):
    """What Faust calls its consumer: takes part in the group, and hands over what it fetched."""

    app: Any
    _thread: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Of each partition the next offset to hand over, and the next to handle.
        self._handed: dict[TP, int] = {}
        self._handled: dict[TP, int] = {}
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch into the buffer, for as long as Faust's fetcher runs."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if self.app.buffer.full:
                    await self.wait_first(self.app.buffer.room(), self.suspend_flow.wait())
                fetched, _ = await self._wait_next_records(POLL_S)
                await self.sleep(0)  # whatever may have stopped us is told first
                if self.flow_active:
                    self._hand_over(fetched or {})
                else:
                    await self._seek_again()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def _hand_over(self, fetched: Mapping[Any, Sequence[Any]]) -> None:
        """Put what was fetched into the buffer at once, and only what belongs to the present assignment."""
        if self._thread.generation != self.app.consumer_generation_id:
            return
        for place, records in fetched.items():
            first = self._read_offset[place] or 0
            fresh = [_record(record) for record in records if record.offset >= first]
            if fresh:
                tp = TP(*place)
                self._handled.setdefault(tp, fresh[0].offset)
                self._handed[tp] = fresh[-1].offset + 1
                self._read_offset[tp] = self._handed[tp]
                self.app.buffer.add(fresh)

    async def perform_seek(self) -> None:
        """Begin at what the group has committed, or before it, where the database has handled less.

        A database that was restored from an older copy has its own place in the topics: what lies between that and the
        group's would never be read again.
        """
        await super().perform_seek()
        ours = await self.app.next_offsets()
        back = {}
        for tp in self.assignment():
            committed, next_offset = self._read_offset[tp] or 0, ours.get((tp.topic, tp.partition), 0)
            if committed > next_offset:
                back[tp] = next_offset
                log.warning(
                    "the database is behind the group",
                    topic=tp.topic,
                    partition=tp.partition,
                    committed=committed,
                    next_offset=next_offset,
                )
        if back:
            await self.seek_wait(back)

    async def _seek_again(self) -> None:
        """What came while the flow was stopped is dropped, and fetched again."""
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - as Faust does: the assignment that follows seeks again
            log.warning("no seek while the flow is stopped", error=type(error).__name__)

    def acknowledge(self, records: Iterable[Record]) -> None:
        """These are handled, as is all before them in their partitions; Faust tells the broker once a second."""
        for record in records:
            tp = TP(record.topic, record.partition)
            if tp in self._handed:  # not taken from us meanwhile
                self._handled[tp] = max(self._handled[tp], record.offset + 1)
        notify(self._waiting_for_ack)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self._handled))

    def _new_offset(self, tp: TP) -> int | None:
        return self._handled.get(tp)

    async def wait_empty(self) -> None:
        """Wait for the batch that is being handled, and give up what only waits: another may have it next."""
        for record in reversed(self.app.buffer.drop()):
            self._handed[TP(record.topic, record.partition)] = record.offset
        while not self.should_stop and self._busy():
            await self._wait_for_ack(timeout=1)
        await self.commit_and_end_transactions()

    def _busy(self) -> bool:
        return any(self._handled[tp] < offset for tp, offset in self._handed.items())

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let Faust wait and commit; what is acknowledged later is no longer ours to tell."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._handed.pop(tp, None)
            self._handled.pop(tp, None)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Look after nothing here: Faust's own look-out counts streams, ours is in `follow`."""


class _Transport(aiokafka.Transport):
    Consumer = BatchConsumer


def _record(fetched: Any) -> Record:
    return Record(
        topic=fetched.topic,
        partition=fetched.partition,
        offset=fetched.offset,
        key=fetched.key,
        value=fetched.value,
        headers=text_headers(fetched.headers),
        timestamp=fetched.timestamp / 1000,
    )

"""Follows topics with Faust: records into a bounded buffer, a batch at a time to the consumer, acknowledged after it."""

import asyncio
import os
import threading
from collections import deque
from typing import Any

import faust
import psycopg
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError
from mode.supervisors import CrashingSupervisor

from services.chassis import metrics, topics
from services.chassis.consumer import Consumer
from services.chassis.envelope import Record, text_headers
from services.chassis.logs import log
from services.chassis.settings import ChassisSettings

BUFFER_MAX = 4000  # unhandled records, after which fetching waits
STOP_S = 8  # after which a stop that hangs (the broker is away) ends the process
STUCK_S = 60  # with lag, and nothing handled for so long, the process ends and is started anew
WATCH_S = 10


class Buffer:
    """Records between Faust's fetching and our transactions; what is there is the next batch."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._records: deque[Record] = deque()
        self._change = asyncio.Condition()

    async def put(self, record: Record) -> None:
        """Add a record, waiting while the buffer is full: back-pressure reaches the fetch."""
        async with self._change:
            await self._change.wait_for(lambda: len(self._records) < self._most)
            self._records.append(record)
            self._change.notify_all()

    async def some(self, most: int) -> list[Record]:
        """Wait for a record and take whatever is there, in the order in which it came."""
        async with self._change:
            await self._change.wait_for(lambda: bool(self._records))
            batch = [self._records.popleft() for _ in range(min(most, len(self._records)))]
            self._change.notify_all()
            return batch


class Follower:
    """A service's Faust application, and the one place that acknowledges."""

    def __init__(self, consumer: Consumer, settings: ChassisSettings) -> None:
        self._consumer = consumer
        self._settings = settings
        self._buffer = Buffer(BUFFER_MAX)
        self._handled = 0
        self.app = self._build()

    def _build(self) -> Any:
        app = faust.App(
            f"receivables-{self._consumer.name}",
            broker=[f"kafka://{server}" for server in self._settings.kafka_bootstrap_servers.split(",")],
            store="memory://",
            web_enabled=False,
            topic_partitions=self._settings.partitions,
            topic_disable_leader=True,
            broker_session_timeout=self._settings.session_timeout_s,
            broker_heartbeat_interval=2,
            broker_request_timeout=90,
            broker_commit_interval=1,
            stream_wait_empty=True,
            consumer_auto_offset_reset="earliest",
            agent_supervisor=CrashingSupervisor,
        )
        followed = app.topic(
            *self._consumer.topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        app.agent(followed)(self._take)
        return app

    async def _take(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            await self._buffer.put(
                Record(
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                    key=message.key,
                    value=message.value,
                    headers=text_headers(_pairs(message.headers)),
                    source=event,
                )
            )

    async def run(self) -> None:
        """Follow until cancelled; whatever is raised must end the process: what was not acknowledged comes again."""
        self.app.finalize()
        await self.app.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._flush())
                tasks.create_task(self._watch_faust())
                tasks.create_task(self._watch_progress())
        except BaseException as error:
            log.warning("following ends", error=repr(error), exc_info=True)
            raise
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Leave the group; Faust never ends while the broker is away, so a timer ends the process for it."""
        timer = threading.Timer(STOP_S, os._exit, [0])
        timer.daemon = True
        timer.start()
        await self.app.stop()
        timer.cancel()

    async def _flush(self) -> None:
        while True:
            batch = await self._buffer.some(self._settings.batch_size)
            await self._consumer.handle(batch)
            for record in batch:
                record.source.ack()  # only now, and in this order: a gap of one is skipped by Faust (bug #606)
            self._handled += len(batch)

    async def _watch_faust(self) -> None:
        """Faust crashes by setting an event: make it an exception."""
        await self.app._crashed.wait()
        raise RuntimeError("faust crashed") from self.app._crash_reason

    async def _watch_progress(self) -> None:
        """End the process when it could work and does not: lag, everything reachable, nothing handled for a minute."""
        idle_s = 0.0
        while True:
            before = self._handled
            await asyncio.sleep(WATCH_S)
            try:
                behind = await lag(self._consumer, self._settings.kafka_bootstrap_servers)
            except (KafkaError, psycopg.OperationalError) as error:
                log.info("lag unknown", error=type(error).__name__)
                continue
            metrics.LAG.set(behind)
            idle_s = idle_s + WATCH_S if behind and self._handled == before else 0.0
            if idle_s >= STUCK_S:
                raise RuntimeError("stuck: there is lag, and nothing was handled for a minute")


def _pairs(headers: Any) -> list[tuple[str, bytes | None]]:
    return list(headers.items()) if isinstance(headers, dict) else list(headers or ())


async def lag(consumer: Consumer, bootstrap_servers: str) -> int:
    """Records of the followed topics that no replica of this service has handled yet."""
    ends = await asyncio.to_thread(_end_offsets, bootstrap_servers, consumer.topics)
    async with consumer.database.transaction(()) as tx:
        rows = await tx.rows(
            "SELECT topic_id, partition, kafka_offset FROM handled WHERE consumer = %s", [consumer.name]
        )
    done = {(row.topic_id, row.partition): row.kafka_offset + 1 for row in rows}
    return sum(
        max(0, end - done.get((consumer.topic_ids[topic], partition), 0)) for (topic, partition), end in ends.items()
    )


def _end_offsets(bootstrap_servers: str, names: list[str]) -> dict[tuple[str, int], int]:
    admin = topics.admin_client(bootstrap_servers)
    try:
        partitions = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in admin.describe_topics(names)
            for partition in topic["partitions"]
        ]
        found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {(p.topic, p.partition): place.offset for p, place in found.items()}
    finally:
        admin.close()

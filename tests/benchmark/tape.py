"""What one run of the whole business told on every topic, to be told again to a service that is alone.

Before the first order each database is copied: a service that is to do it all again begins where it began then.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from google.protobuf import descriptor_pool, message_factory
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from deploy.demo.feed import TOPICS
from deploy.demo.stack import SERVICES, START_S
from deploy.local import postgres
from deploy.local.processes import wait_until
from services.chassis import topics
from services.chassis.brokers import Brokers
from tests.benchmark.generator import BATCH_BYTES, Plan
from tests.benchmark.stand import PARTITIONS, PREFIX, Ground, Stand, stand_on

MOST_UNDER_WAY = 1500


@dataclass(frozen=True, slots=True)
class Told:
    """A record as it was told."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    # Of the event, without its package.
    name: str
    order: str


@dataclass(frozen=True, slots=True)
class Tape:
    """What was told of so many orders, in the order of each partition, and how a service's process was started."""

    told: Sequence[Told]
    orders: int
    environments: Mapping[str, Mapping[str, str]]

    def of(self, topic: str, names: Collection[str]) -> list[Told]:
        """The records of some events of a topic."""
        return [one for one in self.told if one.topic == topic and one.name in names]


def record(ground: Ground, orders: int) -> Tape:
    """Run the whole business for so many orders."""
    with stand_on(ground) as up:
        freeze(up)
        before = up.ends.ends()
        ground.say(f"Recording what {orders:,} orders tell on every topic")
        up.run(Plan("t", 0, 3600, most_under_way=MOST_UNDER_WAY, orders=orders))
        up.prove()
        told = _read(ground.servers.cluster.brokers(), before, up.ends.ends())
        environments = {name: dict(one.process.env) for name, one in up.stack.running.items()}
    return Tape(told, orders, environments)


def template(name: str) -> str:
    """The copy of a service's database as it was before the first order."""
    return f"{PREFIX}_before_{name}"


def freeze(up: Stand) -> None:
    """Copy every database, which nobody may be connected to meanwhile."""
    running = up.stack.running.values()
    with ExitStack() as held:
        for service in running:
            held.enter_context(service.lock)  # whoever keeps it alive waits
            service.process.terminate()
        for service in running:
            service.process.stop()
        for name in SERVICES:
            postgres.copy(up.servers.admin_database_url, f"{PREFIX}_{name}", template(name))
        for service in running:
            service.process.spawn()
    for service in running:
        service.process.await_ready(START_S)


def _read(brokers: Brokers, first: Mapping[Any, int], ends: Mapping[Any, int]) -> list[Told]:
    told: list[Told] = []
    consumer: Any = KafkaConsumer(**brokers.options(), enable_auto_commit=False)
    with closing(consumer):
        consumer.assign(list(ends))
        for place, offset in first.items():
            consumer.seek(place, offset)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(timeout_ms=500).items():
                told += [_told(place, one) for one in records]
    return told


def _told(place: TopicPartition, one: Any) -> Told:
    kind = next(value for name, value in one.headers if name == "ce_type")
    message = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(kind.decode()))
    order = getattr(message.FromString(one.value), "order_id", "")
    return Told(place.topic, place.partition, one.key, one.value, list(one.headers), message.DESCRIPTOR.name, order)


def tell(brokers: Brokers, records: Sequence[Told]) -> None:
    """Tell them again, as fast as it goes; return when the broker has all."""
    asyncio.run(_tell(brokers, records))


async def _tell(brokers: Brokers, records: Sequence[Told]) -> None:
    places: defaultdict[tuple[str, int], list[Told]] = defaultdict(list)
    for record in records:
        places[(record.topic, record.partition)].append(record)
    producer: Any = AIOKafkaProducer(**brokers.options(), acks="all", max_batch_size=BATCH_BYTES)
    await producer.start()
    try:
        answers = []
        for (topic, partition), some in places.items():
            for batch in _batches(producer, some):
                answers.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*answers)
    finally:
        await producer.stop()


def _batches(producer: Any, records: Sequence[Told]) -> list[Any]:
    batches = [producer.create_batch()]
    for one in records:
        parts = {"timestamp": None, "key": one.key, "value": one.value, "headers": one.headers}
        if batches[-1].append(**parts) is None:
            batches.append(producer.create_batch())
            assert batches[-1].append(**parts) is not None
    return batches


def fresh_topics(brokers: Brokers) -> None:
    """Remove every topic and what was noted of who read them, and make the topics anew."""
    with closing(topics.admin_client(brokers)) as admin:
        if groups := [
            group["group_id"] for group in admin.list_groups() if group["group_id"].startswith("receivables-")
        ]:
            admin.delete_groups(groups)
        if known := sorted(set(TOPICS) & set(admin.list_topics())):
            admin.delete_topics(known)
        wait_until(lambda: not set(TOPICS) & set(admin.list_topics()), "the topics are gone")
        wait_until(lambda: _made(brokers), "the topics are there again")


def _made(brokers: Brokers) -> bool:
    try:
        topics.ensure(brokers, partitions=PARTITIONS, replication=1)
    except UnknownTopicOrPartitionError:
        return False
    return True

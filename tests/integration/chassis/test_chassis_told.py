"""What was told is read back from the broker to its end, whatever lies there."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio
from aiokafka import AIOKafkaProducer
from kafka.admin import NewTopic

from deploy.local.servers import Servers
from services.chassis import told
from services.chassis.topics import admin_client, partitions


@pytest_asyncio.fixture
async def topic(servers: Servers) -> AsyncIterator[str]:
    """Give a topic of two partitions that nobody else has."""
    name = f"told-{uuid4().hex}"
    admin = await asyncio.to_thread(admin_client, servers.cluster.brokers())
    admin.create_topics([NewTopic(name=name, num_partitions=2, replication_factor=1)])
    admin.wait_for_topics([name])
    yield name
    admin.delete_topics([name])
    admin.close()


async def tell(servers: Servers, topic: str, *numbers: int, partition: int = 0, undone: bool = False) -> None:
    producer = AIOKafkaProducer(**servers.cluster.options(), transactional_id=uuid4().hex if undone else None)
    async with producer:
        if undone:
            await producer.begin_transaction()
        for number in numbers:
            headers = [("ce_sequence", str(number).encode()), ("ce_time", f"2026-01-0{number}T00:00:00Z".encode())]
            await producer.send_and_wait(topic, b"", key=b"acme/b1", partition=partition, headers=headers)
        if undone:
            await producer.abort_transaction()


async def test_a_topic_without_events_says_nothing(servers: Servers, topic: str) -> None:
    assert await told.newest(servers.cluster.brokers(), [topic]) == {}


async def test_the_newest_number_counts_and_an_event_sent_again_does_not(servers: Servers, topic: str) -> None:
    await tell(servers, topic, 1, 2, 3, 2, 3)

    [(key, last)] = (await told.newest(servers.cluster.brokers(), [topic])).items()

    assert (key, last) == ((topic, "acme/b1"), told.Last(3, "2026-01-03T00:00:00Z"))


async def test_the_end_is_reached_where_the_last_that_lies_there_is_no_event(servers: Servers, topic: str) -> None:
    await tell(servers, topic, 1)
    await tell(servers, topic, 2, undone=True)

    async with told.reader(servers.cluster.brokers()) as reader, asyncio.timeout(20):
        ranges = await reader.ranges(await asyncio.to_thread(partitions, servers.cluster.brokers(), [topic]))
        read = [record async for records in reader.read(ranges) for _, record in records]

    assert ranges[told.Place(topic, 0)] == (0, 3)
    assert [told.sequence_of(record) for record in read] == [1, 2]

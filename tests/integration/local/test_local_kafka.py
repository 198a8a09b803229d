"""The broker is a real one: what it acknowledged is still there after a SIGKILL."""

from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from deploy.local.kafka import Kafka
from deploy.local.servers import Servers


def test_a_killed_broker_comes_back_on_its_address_with_its_messages(tmp_path: Path) -> None:
    broker = Kafka(tmp_path / "data", tmp_path / "log")
    broker.start()
    try:
        address = broker.bootstrap
        sent = _send(address, count=100)

        broker.kill()
        broker.restart()

        assert broker.bootstrap == address
        assert _received(address, len(sent)) == sent
    finally:
        broker.stop()


def test_a_misspelt_topic_is_not_created(servers: Servers) -> None:
    admin = KafkaAdminClient(**servers.cluster.options())
    consumer = KafkaConsumer(**servers.cluster.options())

    assert not consumer.partitions_for_topic("receivables.misspelt.v1")
    assert "receivables.misspelt.v1" not in admin.list_topics()
    consumer.close()
    admin.close()


def _send(address: str, count: int) -> list[bytes]:
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    messages = [f"message {n}".encode() for n in range(count)]
    for sending in [producer.send("kept", message) for message in messages]:
        sending.get(timeout=30)
    producer.close()
    return messages


def _received(address: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        "kept", bootstrap_servers=address, group_id="reader", auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    messages = [record.value for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return messages

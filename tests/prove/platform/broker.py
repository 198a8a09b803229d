"""A broker that lets each service do only what was said: what a KafkaUser of the manifests grants is tried on it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    OffsetSpec,
    ResourcePatternFilter,
    ResourceType,
)

from deploy.local.authority import Authority
from deploy.local.cluster import Cluster, rights_of
from deploy.local.kafka import Kafka
from k8s.render import Manifest


class Broker:
    """The running broker, and its administrator."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def administrator(self) -> Any:
        return closing(KafkaAdminClient(**self.cluster.options()))

    def make_topics(self, manifests: list[Manifest]) -> None:
        """Make the topics as a KafkaTopic asks for them; this machine has one broker for the copies."""
        wanted = [
            NewTopic(
                name=each["metadata"]["name"],
                num_partitions=each["spec"]["partitions"],
                replication_factor=1,
                topic_configs={k: str(v) for k, v in each["spec"]["config"].items() if k != "min.insync.replicas"},
            )
            for each in manifests
        ]
        with self.administrator() as admin:
            admin.create_topics(wanted)
            admin.wait_for_topics([topic.name for topic in wanted])

    def grant(self, user: Manifest) -> None:
        """Give a service exactly the rights of its KafkaUser."""
        name = user["metadata"]["name"]
        everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        with self.administrator() as admin:
            admin.delete_acls([ACLFilter(f"User:{name}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything)])
            admin.create_acls(list(rights_of(name, user["spec"]["authorization"]["acls"])))

    def send(self, topic: str, value: bytes) -> None:
        """Put a record on a topic, as the administrator."""
        with closing(KafkaProducer(**self.cluster.options())) as producer:
            producer.send(topic, key=b"tenant/account", value=value).get(timeout=20)

    def length(self, topic: str) -> int:
        """How many records a topic has."""
        with self.administrator() as admin:
            [described] = admin.describe_topics([topic])
            places = [TopicPartition(topic, each["partition_index"]) for each in described["partitions"]]
            found = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            return sum(int(place.offset) for place in found.values())


@contextmanager
def authorizing_broker(folder: Path) -> Iterator[Broker]:
    """Run it for a while."""
    server = Kafka(folder / "kafka", folder / "kafka.log", authority=Authority(folder / "authority"))
    server.start()
    try:
        yield Broker(server.cluster)
    finally:
        server.stop()

"""A broker that lets everybody do only what was said: what a KafkaUser of the manifests grants is tried on it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    OffsetSpec,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from deploy.local import kafka
from deploy.local.processes import free_port
from k8s.render import Manifest

# Whoever comes without a name, as our services do until they speak TLS; they get one service's rights at a time.
ANYBODY = "User:ANONYMOUS"
ADMIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "admin",
    "sasl_plain_password": "admin",
}
_LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required"
    ' username="admin" password="admin" user_admin="admin";'
)


def settings(admin_port: int) -> str:
    """The usual broker's settings, with an authorizer, and a door where the administrator says who he is."""
    usual = kafka.SETTINGS.replace(
        "listeners=PLAINTEXT://127.0.0.1:{port},",
        f"listeners=PLAINTEXT://127.0.0.1:{{port}},ADMIN://127.0.0.1:{admin_port},",
        1,
    ).replace(
        "advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},ADMIN://127.0.0.1:{admin_port}",
    )
    return f"""{usual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ADMIN:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=ADMIN
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.admin.plain.sasl.jaas.config={_LOGIN}
listener.name.controller.plain.sasl.jaas.config={_LOGIN}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
"""


class Broker:
    """The running broker, and its administrator."""

    def __init__(self, bootstrap: str, admin_port: int) -> None:
        self.bootstrap = bootstrap
        self.admin_door = f"127.0.0.1:{admin_port}"

    def administrator(self) -> Any:
        return closing(KafkaAdminClient(bootstrap_servers=self.admin_door, **ADMIN))

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
        """Give everybody exactly the rights of one KafkaUser."""
        rights = [
            ACL(ANYBODY, "*", ACLOperation[operation.upper()], ACLPermissionType.ALLOW, _resource(rule["resource"]))
            for rule in user["spec"]["authorization"]["acls"]
            for operation in rule["operations"]
        ]
        everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        with self.administrator() as admin:
            admin.delete_acls([ACLFilter(ANYBODY, None, ACLOperation.ANY, ACLPermissionType.ANY, everything)])
            admin.create_acls(rights)

    def send(self, topic: str, value: bytes) -> None:
        """Put a record on a topic, as the administrator."""
        with closing(KafkaProducer(bootstrap_servers=self.admin_door, **ADMIN)) as producer:
            producer.send(topic, key=b"tenant/account", value=value).get(timeout=20)

    def length(self, topic: str) -> int:
        """How many records a topic has."""
        with self.administrator() as admin:
            [described] = admin.describe_topics([topic])
            places = [TopicPartition(topic, each["partition_index"]) for each in described["partitions"]]
            found = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            return sum(int(place.offset) for place in found.values())


def _resource(resource: dict[str, str]) -> Any:
    return ResourcePattern(ResourceType[resource["type"].upper()], resource["name"])


@contextmanager
def authorizing_broker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Run it for a while."""
    admin_port = free_port()
    monkeypatch.setattr(kafka, "SETTINGS", settings(admin_port))
    server = kafka.Kafka(folder / "kafka", folder / "kafka.log")
    server.start()
    try:
        yield Broker(server.bootstrap, admin_port)
    finally:
        server.stop()

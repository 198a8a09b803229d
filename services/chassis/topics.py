"""The one list of topics, and their creation."""

from collections.abc import Collection, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from services.chassis.brokers import Brokers
from services.chassis.envelope import RECORD_MAX_BYTES
from services.chassis.logs import log

TOPICS = (
    "receivables.orders.v1",
    "receivables.credit.v1",
    "receivables.invoicing.v1",
    "receivables.documents.v1",
    "receivables.ledger.v1",
    "receivables.disputes.v1",
    "receivables.notifications.v1",
)


def admin_client(brokers: Brokers) -> Any:
    """An admin client; raises KafkaError when no broker answers within two seconds."""
    return KafkaAdminClient(
        **brokers.options(),
        client_id="receivables-topics",
        bootstrap_timeout_ms=2000,
        request_timeout_ms=10_000,
        reconnect_backoff_max_ms=500,
    )


def trouble(brokers: Brokers) -> str:
    """Why no broker answers, by the error's name; nothing when one does."""
    try:
        admin_client(brokers).close()
    except KafkaError as error:
        return type(error).__name__
    return ""


def wanted(names: Sequence[str] = TOPICS, *, partitions: int, replication: int) -> list[NewTopic]:
    """The topics as we make them: kept for ever, and acknowledged by all copies but one, so that a broker may fail."""
    configs = {
        # Any consumer can be rebuilt from the first event.
        "retention.ms": "-1",
        "cleanup.policy": "delete",
        "max.message.bytes": str(RECORD_MAX_BYTES),
        "min.insync.replicas": str(max(1, replication - 1)),
    }
    return [
        NewTopic(name=name, num_partitions=partitions, replication_factor=replication, topic_configs=configs)
        for name in names
    ]


def missing(brokers: Brokers, names: Collection[str]) -> str:
    """Which of these topics, made by whoever lets their source write there, is not there yet; nothing when all are."""
    if not names:
        return ""
    admin = admin_client(brokers)
    try:
        return ", ".join(sorted(set(names) - set(admin.list_topics())))
    except KafkaError as error:
        return type(error).__name__
    finally:
        admin.close()


def ensure(brokers: Brokers, names: Sequence[str] = TOPICS, *, partitions: int, replication: int) -> dict[str, str]:
    """Create the topics that are missing; return each topic's id. Never changes a partition count."""
    admin = admin_client(brokers)
    try:
        existing = set(admin.list_topics())
        new = [name for name in names if name not in existing]
        if new:
            try:
                admin.create_topics(wanted(new, partitions=partitions, replication=replication))
            except TopicAlreadyExistsError:
                log.info("topics were created by another process meanwhile")
        admin.wait_for_topics(list(names))
        return {topic["name"]: str(topic["topic_id"]) for topic in admin.describe_topics(list(names))}
    finally:
        admin.close()


def partitions(brokers: Brokers, names: Sequence[str]) -> dict[str, int]:
    """How many partitions each of these topics has."""
    admin = admin_client(brokers)
    try:
        return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(names))}
    finally:
        admin.close()


def committed(brokers: Brokers, group: str) -> dict[tuple[str, int], int]:
    """How far a group told the broker that it is, by topic and partition; nothing of one that it forgot."""
    admin = admin_client(brokers)
    try:
        found = admin.list_group_offsets(group)[group]
        return {(place.topic, place.partition): said.offset for place, said in found.items()}
    finally:
        admin.close()

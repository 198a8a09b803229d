"""The one list of topics, and their creation."""

import time
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from services.chassis.logs import log

# Public topics are kept for ever, so that any consumer can be rebuilt from the first event.
_FOR_EVER = {"retention.ms": "-1", "cleanup.policy": "delete"}

TOPICS = (
    "receivables.orders.v1",
    "receivables.credit.v1",
    "receivables.invoicing.v1",
    "receivables.ledger.v1",
    "receivables.disputes.v1",
    "receivables.notifications.v1",
)


def admin_client(bootstrap_servers: str) -> Any:
    """An admin client; raises KafkaError while no broker answers."""
    return KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","), client_id="receivables-topics")


def wait_for_broker(bootstrap_servers: str) -> Any:
    """Wait for a broker, for ever, with one line: a Faust worker that starts without one exits at once."""
    said = False
    while True:
        try:
            return admin_client(bootstrap_servers)
        except KafkaError:
            if not said:
                log.warning("waiting for the broker", bootstrap_servers=bootstrap_servers)
                said = True
            time.sleep(0.5)


def ensure(bootstrap_servers: str, *, partitions: int, replication: int) -> dict[str, str]:
    """Create the topics that are missing; return each topic's id. Never changes a partition count."""
    admin = wait_for_broker(bootstrap_servers)
    try:
        existing = set(admin.list_topics())
        missing = [
            NewTopic(name=name, num_partitions=partitions, replication_factor=replication, topic_configs=_FOR_EVER)
            for name in TOPICS
            if name not in existing
        ]
        if missing:
            try:
                admin.create_topics(missing)
            except TopicAlreadyExistsError:
                log.info("topics were created by another process meanwhile")
        admin.wait_for_topics(list(TOPICS))
        return {topic["name"]: str(topic["topic_id"]) for topic in admin.describe_topics(list(TOPICS))}
    finally:
        admin.close()

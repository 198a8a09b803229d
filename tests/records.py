"""Kafka records for tests, as another service or the shop would send them."""

from itertools import count
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message
from kafka import KafkaProducer

from services.chassis.brokers import Brokers
from services.chassis.envelope import RECORD_MAX_BYTES, Record, topic_of

_offsets = count()


def a_record(
    body: Message,
    *,
    account: str,
    subject: str,
    tenant: str = "acme",
    event_id: str | None = None,
    partition: int = 0,
    offset: int | None = None,
    headers: dict[str, str] | None = None,
    source: str = "",
) -> Record:
    """One event of its contract's topic, or of a source's own; offsets grow from call to call."""
    topic = topic_of(type(body))
    return Record(
        topic=f"{topic}.{source}" if source else topic,
        partition=partition,
        offset=next(_offsets) if offset is None else offset,
        key=f"{tenant}/{account}".encode(),
        value=body.SerializeToString(deterministic=True),
        headers={
            "ce_specversion": "1.0",
            "ce_id": event_id or str(uuid4()),
            "ce_type": str(body.DESCRIPTOR.full_name),
            "ce_source": "/test",
            "ce_subject": subject,
            "ce_time": "2026-01-05T09:00:00Z",
            "ce_tenant": tenant,
            "ce_actor": "system:test",
            "ce_reason": "test",
            "ce_idempotencykey": event_id or str(uuid4()),
            **(headers or {}),
        },
    )


def a_producer(brokers: Brokers) -> Any:
    """Somebody outside who sends many records at once."""
    return KafkaProducer(
        **brokers.options(),
        linger_ms=1000,  # whoever uses it flushes
        batch_size=1024 * 1024,
        compression_type="gzip",
        max_request_size=RECORD_MAX_BYTES,
        reconnect_backoff_max_ms=500,
    )

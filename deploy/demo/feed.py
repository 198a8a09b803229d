"""Reads the public topics as any outsider may: every fact once, in the order of its account."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from kafka import KafkaConsumer, TopicPartition
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.documents.v1 import events_pb2 as documents_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.brokers import Brokers

TOPICS = tuple(
    str(contract.DESCRIPTOR.package)
    for contract in (orders_pb2, credit_pb2, invoicing_pb2, documents_pb2, ledger_pb2, disputes_pb2, notifications_pb2)
)


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as an outsider reads it; `body` is None where the bytes are not of the type that they claim."""

    topic: str
    id: str
    type: str
    tenant: str
    account_id: str
    subject: str
    # When it happened, as it is told: ISO 8601.
    at: str
    body: Any

    @property
    def name(self) -> str:
        """The event's name without its package."""
        return self.type.rpartition(".")[2]


class Feed:
    """All topics from their first event; repeats (a relay that crashed sends again) are dropped by their id."""

    def __init__(self, brokers: Brokers) -> None:
        """Connect; the topics must exist."""
        self._consumer = KafkaConsumer(
            **brokers.options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
            reconnect_backoff_max_ms=500,
        )
        self._places = [
            TopicPartition(topic, partition)
            for topic in (*TOPICS, *self._of_sources())
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(self._places)
        self._seen: set[str] = set()

    def _of_sources(self) -> list[str]:
        """The topics of those who tell orders on one of their own."""
        return sorted(
            topic for topic in self._consumer.topics() if topic.startswith(f"{orders_pb2.DESCRIPTOR.package}.")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def ends(self) -> dict[Any, int]:
        """How far each partition reaches now: what changes when anybody has announced anything."""
        ends: dict[Any, int] = self._consumer.end_offsets(self._places)
        return ends

    def read(self) -> list[Fact]:
        """The facts since the last reading, up to where the topics reach now; the order of each account is kept."""
        return list(self._new())

    def records(self) -> Iterator[Any]:
        """The same as they stand on the topics, repeats too."""
        ends = self.ends()
        while any(self._consumer.position(place) < end for place, end in ends.items()):
            for records in self._consumer.poll(timeout_ms=500).values():
                yield from records

    def _new(self) -> Iterator[Fact]:
        for record in self.records():
            fact = _fact(record)
            if fact.id not in self._seen:
                self._seen.add(fact.id)
                yield fact


def _fact(record: Any) -> Fact:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    tenant, _, account_id = (record.key or b"").decode("utf-8", "replace").partition("/")
    return Fact(
        topic=record.topic,
        id=headers.get("ce_id") or f"{record.topic}/{record.partition}/{record.offset}",
        type=headers.get("ce_type", ""),
        tenant=tenant,
        account_id=account_id,
        subject=headers.get("ce_subject", ""),
        at=headers.get("ce_time", ""),
        body=_body(headers.get("ce_type", ""), record.value or b""),
    )


def _body(type_name: str, value: bytes) -> Message | None:
    try:
        return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_name)).FromString(
            value
        )
    except (KeyError, DecodeError):
        return None

"""An outside shop: tells orders, shipments and cancellations on Kafka by the contract, sharing no code with services."""

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from google.protobuf.message import Message
from kafka import KafkaProducer
from receivables.orders.v1 import events_pb2

from services.chassis.brokers import Brokers

TOPIC = "receivables.orders.v1"  # which all could share; each source has one of its own
SHOP = "shop"
# Ids are derived from what is told, so that telling it again is a repeat and not another fact.
IDS = uuid.UUID("5b0ce4d1-5f6c-4a4e-9d2a-0d5f4c1c7a11")


class Shop:
    """Produces to the topic that is its own, with the headers of CloudEvents' Kafka binding."""

    def __init__(self, brokers: Brokers, source: str = SHOP) -> None:
        """Connect; `source` is the name by which the services know it (AR_ORDER_SOURCES)."""
        self._topic = f"{TOPIC}.{source}"
        self._source = f"/{source}"
        self._producer: Any = KafkaProducer(
            **brokers.options(),
            acks="all",
            linger_ms=2,
            reconnect_backoff_max_ms=500,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close(timeout=5)

    def place(self, tenant: str, order: events_pb2.OrderPlaced, at: datetime) -> None:
        """A buyer has ordered, or changed the order."""
        about = (tenant, order.account_id, order.order_id)
        self.tell(about, order, at=at, identity=f"{order.order_id}/{order.version}")

    def ship(self, tenant: str, shipment: events_pb2.OrderShipped, at: datetime) -> None:
        """Goods have left."""
        about = (tenant, shipment.account_id, shipment.order_id)
        self.tell(about, shipment, at=at, identity=shipment.shipment_id)

    def cancel(self, tenant: str, order: events_pb2.OrderPlaced, at: datetime) -> None:
        """Nothing more of this version of the order will be shipped."""
        about = (tenant, order.account_id, order.order_id)
        body = events_pb2.OrderCancelled(order_id=order.order_id, account_id=order.account_id, version=order.version)
        self.tell(about, body, at=at, identity=f"{order.order_id}/{order.version}")

    def report(self, tenant: str, asset: events_pb2.AssetReported, at: datetime) -> None:
        """What is known of something that a buyer has."""
        kind = str(asset.DESCRIPTOR.full_name)
        ce_id = event_id(tenant, kind, f"{asset.asset_id}/{asset.reported_at.ToJsonString()}")
        headers = headers_of(kind, tenant, "", at=at, ce_id=ce_id, source=self._source)
        value = asset.SerializeToString(deterministic=True)
        self.send(tenant, asset.account_id, value, headers | {"ce_subject": f"asset/{asset.asset_id}"})

    def tell(self, about: tuple[str, str, str], body: Message, *, at: datetime, identity: str) -> None:
        """Send a fact about a tenant's account's order; `identity` makes it the same fact when it is told again."""
        tenant, account_id, order_id = about
        kind = str(body.DESCRIPTOR.full_name)
        self.send(
            tenant,
            account_id,
            body.SerializeToString(deterministic=True),
            headers_of(kind, tenant, order_id, at=at, ce_id=event_id(tenant, kind, identity), source=self._source),
        )

    def send(self, tenant: str, account_id: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Send any bytes under any headers: also what no honest shop would."""
        self._producer.send(
            self._topic,
            key=f"{tenant}/{account_id}".encode(),
            value=value,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )

    def flush(self) -> None:
        """Return when the broker has everything."""
        self._producer.flush(timeout=60)


def event_id(tenant: str, kind: str, identity: str) -> str:
    """The id of a fact: the same whenever it is told."""
    return str(uuid.uuid5(IDS, f"{tenant} {kind} {identity}"))


def headers_of(
    kind: str, tenant: str, order_id: str, *, at: datetime, ce_id: str, source: str = "/shop"
) -> dict[str, str]:
    """The headers of an event about an order."""
    return {
        "ce_specversion": "1.0",
        "ce_id": ce_id,
        "ce_type": kind,
        "ce_source": source,
        "ce_subject": f"order/{order_id}",
        "ce_time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "content-type": "application/protobuf",
        "ce_tenant": tenant,
        "ce_actor": "system:shop",
        "ce_reason": "the shop tells",
        "ce_idempotencykey": ce_id,
        "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
    }

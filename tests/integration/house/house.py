"""The five services on databases of their own, without processes or a broker: events go from hand to hand."""

from collections.abc import AsyncIterator, Mapping, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message

from services.chassis.envelope import Record, topic_of
from services.chassis.service import Parts, Service
from services.chassis.workers import drain
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing.service import SERVICE as INVOICING
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.callers import answering, dial, environment, servicers_of
from tests.integration.conftest import OpenService
from tests.records import a_record

SERVICES: tuple[Service[Any], ...] = (CREDIT, INVOICING, LEDGER, DISPUTES, NOTIFICATIONS)
SENDING = {"letter"}  # what would need a mail server
ROUNDS_MAX = 100

_TAKE = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 2000) RETURNING id, topic, key, headers, payload"


@dataclass(slots=True)
class Resident:
    """One service: its parts, its calls, and how far it has read."""

    service: Service[Any]
    parts: Parts[Any]
    channel: grpc.aio.Channel
    address: str
    read: dict[str, int] = field(default_factory=dict)


class House:
    """What is told goes into `topics`; `settle` hands it on until nobody has anything more to say."""

    def __init__(self, left_alone: Set[str] = frozenset(SENDING)) -> None:
        self._left_alone = left_alone
        self.residents: dict[str, Resident] = {}
        self.topics: dict[str, list[Record]] = {}

    def tell(self, body: Message, *, account: str, subject: str, tenant: str = "acme", **more: Any) -> Record:
        """Say something as the shop."""
        records = self.topics.setdefault(topic_of(type(body)), [])
        record = a_record(body, account=account, subject=subject, tenant=tenant, offset=len(records), **more)
        records.append(record)
        return record

    async def call(
        self,
        stub: type[Any],
        method: str,
        request: Any,
        *,
        tenant: str = "acme",
        actor: str = "user:ada",
        reason: str = "test",
    ) -> Any:
        """Ask a service as a person."""
        name = stub.__module__.split(".")[1]
        metadata = (
            ("ar-tenant", tenant),
            ("ar-idempotency-key", uuid4().hex),
            ("ar-actor", actor),
            ("ar-reason", reason),
        )
        return await getattr(stub(self.residents[name].channel), method)(request, metadata=metadata, timeout=30)

    async def set_clock(self, at: datetime) -> None:
        """The same business time for all."""
        for resident in self.residents.values():
            async with resident.parts.database.pool.connection() as connection:
                await connection.execute(
                    "INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at]
                )

    async def settle(self) -> None:
        """Hand on what was told, and do what came of it, until nothing more comes."""
        for _ in range(ROUNDS_MAX):
            if not sum([await self._round(resident) for resident in self.residents.values()]):
                return
        raise AssertionError("the house does not come to rest")

    async def _round(self, resident: Resident) -> int:
        done = 0
        for topic in resident.parts.consumer.topics:
            records = self.topics.get(topic, [])[resident.read.get(topic, 0) :]
            if records:
                await resident.parts.consumer.handle(records)
                resident.read[topic] = resident.read.get(topic, 0) + len(records)
                done += len(records)
        works = [work for work in resident.service.works(resident.parts) if work.kind not in self._left_alone]
        done += await drain(resident.parts.consumer, works)
        return done + await self._publish(resident)

    async def _publish(self, resident: Resident) -> int:
        async with resident.parts.database.pool.connection() as connection:
            rows = await (await connection.execute(_TAKE)).fetchall()
        for _, topic, key, headers, payload in sorted(rows, key=lambda row: row[0]):
            records = self.topics.setdefault(topic, [])
            records.append(Record(topic, 0, len(records), key.encode(), bytes(payload), headers))
        return len(rows)

    async def waiting(self) -> list[tuple[str, str, str, str]]:
        """What is parked anywhere: service, reason, code, type of the event."""
        found = []
        for name, resident in self.residents.items():
            async with resident.parts.database.transaction(()) as tx:
                rows = await tx.rows("SELECT reason, code, headers, detail FROM parked WHERE closed_at IS NULL")
            found += [(name, row.reason, row.code, f"{row.headers.get('ce_type')}: {row.detail[:500]}") for row in rows]
        return found

    def said(self, kind: type[Message], tenant: str = "acme") -> list[Any]:
        """All events of a kind, decoded."""
        name = kind.DESCRIPTOR.full_name
        return [
            kind.FromString(record.value or b"")
            for record in self.topics.get(topic_of(kind), [])
            if record.headers["ce_type"] == name and record.headers["ce_tenant"] == tenant
        ]


@asynccontextmanager
async def opened(
    open_service: OpenService, settings: Mapping[str, Mapping[str, Any]], *, left_alone: Set[str] = frozenset(SENDING)
) -> AsyncIterator[House]:
    """Open the five, each behind its gRPC door; notifications, the last, knows those of the others."""
    async with AsyncExitStack() as stack:
        house = House(left_alone)
        for service in SERVICES:
            given = dict(settings.get(service.name, {}))
            if service.name == "notifications":
                given |= {"identity_key": environment(service.name)["AR_IDENTITY_KEY"]}
                given |= {
                    f"{name}_address": house.residents[name].address for name in ("invoicing", "disputes", "ledger")
                }
            parts = await stack.enter_async_context(open_service(service, clock="test", **given))
            address = await stack.enter_async_context(answering(service.name, servicers_of(service, parts)))
            channel = await stack.enter_async_context(dial(address, service.name))
            house.residents[service.name] = Resident(service, parts, channel, address)
        yield house

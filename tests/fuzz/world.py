"""The five services on databases of their own, without broker: what one announces is handed to those that follow it."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, topic_of
from services.chassis.service import Parts, Service
from services.chassis.workers import drain
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing.service import SERVICE as INVOICING
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.callers import answering, dial, operations
from tests.fuzz.values import Values
from tests.integration.conftest import OpenService
from tests.integration.credit.applicants import ANSWERS
from tests.records import a_record

SERVICES: tuple[Service[Any], ...] = (CREDIT, INVOICING, LEDGER, DISPUTES, NOTIFICATIONS)
TENANT = "acme"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROUNDS_MAX = 20  # of telling what was told; a story ends sooner


@dataclass(frozen=True)
class Opened:
    """One service, its door and whoever calls it."""

    service: Service[Any]
    parts: Parts[Any]
    channel: grpc.aio.Channel
    # By the full name of the gRPC service: what answers it.
    answers: dict[str, object]

    def methods(self, name: str) -> list[Any]:
        """The methods of a gRPC service that are answered here."""
        found = descriptor_pool.Default().FindServiceByName(name).methods
        base = {method.name: None for method in found}
        own = {attribute for kind in type(self.answers[name]).__mro__[:1] for attribute in vars(kind)}
        return [method for method in found if method.name in own & base.keys()]

    async def parked(self) -> list[Any]:
        """What waits here."""
        async with self.parts.database.transaction(()) as tx:
            return await tx.rows(
                "SELECT topic, reason, code, event_type, detail FROM parked WHERE closed_at IS NULL ORDER BY id"
            )


@dataclass
class World:
    """All of them."""

    services: dict[str, Opened]
    values: Values
    _offsets: "defaultdict[str, count[int]]" = field(default_factory=lambda: defaultdict(count))

    async def tell(self, records: Sequence[Record]) -> None:
        """Hand records to whoever follows their topic, and what comes of it to those that follow that."""
        waiting = list(records)
        for _ in range(ROUNDS_MAX):
            for name, opened in self.services.items():
                followed = [record for record in waiting if record.topic in opened.parts.consumer.topics]
                if followed:
                    await opened.parts.consumer.handle(followed)
                if name != NOTIFICATIONS.name:  # whose jobs are mails
                    await drain(opened.parts.consumer, opened.service.works(opened.parts))
            waiting = [record for opened in self.services.values() for record in await self._announced(opened)]
            if not waiting:
                return
        raise AssertionError("what was told has no end")

    async def _announced(self, opened: Opened) -> list[Record]:
        async with opened.parts.database.transaction(()) as tx:
            rows = await tx.rows("SELECT id, topic, key, headers, payload FROM outbox ORDER BY id")
            await tx.run("DELETE FROM outbox WHERE id = ANY (%s)", [[row.id for row in rows]])
        for row in rows:
            name = row.headers["ce_type"]
            kind = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
            self.values.learn(kind.FromString(bytes(row.payload)))
        return [
            Record(
                row.topic,
                0,
                next(self._offsets[row.topic]),
                row.key.encode(),
                bytes(row.payload),
                row.headers if isinstance(row.headers, dict) else json.loads(row.headers),
            )
            for row in rows
        ]

    async def call(self, name: str, request: Message, **more: str) -> grpc.StatusCode:
        """Call whichever service has the method that takes this request; return the status."""
        method = request.DESCRIPTOR.name.removesuffix("Request")
        service = next(s for s in request.DESCRIPTOR.file.services_by_name.values() if method in s.methods_by_name)
        return await self.send(name, service.methods_by_name[method], request.SerializeToString(), metadata(**more))

    async def send(self, name: str, method: Any, payload: bytes, said: Sequence[tuple[str, str]]) -> grpc.StatusCode:
        """Send bytes to a method; learn from its answer, return its status."""
        ask: Any = self.services[name].channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
        try:
            answer = await ask(payload, metadata=tuple(said), timeout=60)
        except grpc.aio.AioRpcError as error:
            return error.code()
        self.values.learn(message_factory.GetMessageClass(method.output_type).FromString(answer))
        return grpc.StatusCode.OK


def metadata(**changes: str) -> list[tuple[str, str]]:
    """Who calls, with a key of its own."""
    usual = {"ar-tenant": TENANT, "ar-idempotency-key": str(uuid4()), "ar-actor": "user:ada", "ar-reason": "fuzz"}
    return list({**usual, **changes}.items())


@asynccontextmanager
async def opened(open_service: OpenService, rules_dir: Path, values: Values) -> AsyncIterator[World]:
    """Open all services at Monday, 2 March 2026, with a seller, buyers, people, orders, invoices, payments, a case."""
    async with AsyncExitStack() as stack:
        services = {s.name: await _open(stack, open_service, s, rules_dir) for s in SERVICES}
        world = World(services, values)
        await _begin(world)
        yield world


async def _open(stack: AsyncExitStack, open_service: OpenService, service: Service[Any], rules_dir: Path) -> Opened:
    settings: dict[str, Any] = {"clock": "test", "failures_in_row_max": 1_000_000}
    if service is INVOICING:
        settings |= {"rules_dir": rules_dir, "official_rules_share": 0.0}
    parts = await stack.enter_async_context(open_service(service, **settings))
    async with parts.database.transaction(()) as tx:
        await tx.run("INSERT INTO clock (at) VALUES (%s)", [MONDAY])
    servicers = [*service.servicers(parts), operations(service, parts)]
    address = await stack.enter_async_context(answering(service.name, servicers))
    channel = await stack.enter_async_context(dial(address, service.name))
    return Opened(service, parts, channel, {servicer.name: servicer.answers for servicer in servicers})


def a_company(name: str, vat_id: str = "DE115235681") -> party_pb2.Company:
    """A German company."""
    address = party_pb2.Address(street="Weg 1", city="Ort", post_code="10115", country="DE")
    return party_pb2.Company(
        name=name,
        vat_id=vat_id,
        legal_id="HRB 1",
        address=address,
        electronic_address="ap@buyer.example",
        electronic_address_scheme="EM",
    )


async def _begin(world: World) -> None:
    """A small business, so that what is asked meets something."""
    seller = invoicing_pb2.RegisterSellerRequest(
        seller_id="s1",
        company=a_company("Acme GmbH", "DE136695976"),
        iban="DE89370400440532013000",
        series_prefix="RE",
        time_zone="Europe/Berlin",
        contact_name="Billing",
        contact_email="billing@acme.example",
    )
    calls: list[tuple[str, Message]] = [("invoicing", seller)]
    limit = money_pb2.Money(minor=100_000_00, currency="EUR")
    for account in ("b1", "b2"):
        company = a_company(f"Buyer {account}")
        calls.append(("credit", credit_pb2.RegisterBuyerRequest(account_id=account, company=company, limit=limit)))
    for contact, account, role in (("c1", "b1", "AP_CLERK"), ("c2", "", "BILLING")):
        calls.append(
            (
                "notifications",
                notifications_pb2.RegisterContactRequest(
                    contact_id=contact,
                    account_id=account,
                    name="Cleo",
                    email="c@x.example",
                    roles=[role],
                    language="en",
                ),
            )
        )
    facts = [applications_pb2.Fact(key=key, value=value) for key, value in ANSWERS.items()]
    for named in ("begun", "submitted"):
        started = applications_pb2.StartApplicationRequest(application_id=named, country="DE", currency="EUR")
        calls.append(("credit", started))
        calls.append(("credit", applications_pb2.GiveFactsRequest(application_id=named, facts=facts)))
    calls.append(("credit", applications_pb2.SubmitApplicationRequest(application_id="submitted")))
    for name, request in calls:
        assert await world.call(name, request) is grpc.StatusCode.OK, request
    await world.tell([])
    for nth, account in enumerate(("b1", "b1", "b2"), 1):
        await world.tell(an_order(f"begin{nth}", account))
    number = world.values.choice(world.values.seen("number"))
    paid = ledger_pb2.RecordPaymentRequest(
        payment_id="begin",
        account_id="b1",
        amount=money_pb2.Money(minor=50_00, currency="EUR"),
        value_date="2026-03-02",
    )
    assert await world.call("ledger", paid) is grpc.StatusCode.OK
    contested = disputes_pb2.OpenRequest(
        invoice=number, reason_code="PRC_DISC", amount=money_pb2.Money(minor=1_00, currency="EUR")
    )
    assert await world.call("disputes", contested) is grpc.StatusCode.OK
    await world.tell([])


def an_order(order: str, account: str) -> list[Record]:
    """An order and its shipment, as a shop tells them."""
    line = orders_pb2.OrderLine(
        line_id="1", sku="M8", name="Schraube", quantity="10", unit="C62", unit_price="12.50", net_minor=125_00
    )
    placed = orders_pb2.OrderPlaced(
        order_id=order,
        version=1,
        account_id=account,
        currency="EUR",
        placed_on="2026-03-02",
        promised_ship_on="2026-03-09",
        lines=[line],
        net_minor=125_00,
        gross_minor=125_00,
    )
    shipped = orders_pb2.OrderShipped(
        order_id=order,
        shipment_id="p1",
        account_id=account,
        shipped_on="2026-03-02",
        lines=[orders_pb2.ShippedLine(line_id="1", quantity="10")],
        final=True,
    )
    return [a_record(body, account=account, subject=f"order/{order}") for body in (placed, shipped)]


ORDERS = types_of(topic_of(orders_pb2.OrderPlaced), {orders_pb2.OrderPlaced: None})  # type: ignore[dict-item] # none is handled

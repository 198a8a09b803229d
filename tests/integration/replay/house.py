"""Plays a small business between the five services, keeps every event of it, and tells all of it again."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.conninfo import conninfo_to_dict
from receivables.common.v1 import money_pb2
from receivables.common.v1 import standing_pb2 as standing_bounds_pb2
from receivables.credit.v1 import events_pb2 as credit_events_pb2
from receivables.credit.v1 import exposure_pb2, standing_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1.exposure_pb2_grpc import ExposureServiceStub
from receivables.credit.v1.standing_pb2_grpc import StandingApprovalServiceStub
from receivables.disputes.v1 import events_pb2 as disputes_events_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_events_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1.events_pb2 import InvoiceIssued
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.envelope import Record
from services.chassis.service import Parts, Service
from services.chassis.workers import drain
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing.service import SERVICE as INVOICING
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.callers import serving
from tests.integration.invoicing.office import a_seller, cancelled, company, placed, placing, shipped, shipping

SERVICES: tuple[Service[Any], ...] = (CREDIT, INVOICING, LEDGER, DISPUTES, NOTIFICATIONS)
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# What is no fact of the business: the machinery's own rows, but for what is announced and what waits.
MACHINERY = {"inbox", "handled", "outbox", "parked", "tenant", "clock", "migration", "answer", "job", "failing"}
# Letters wait for a mail server that is none of this test's.
LEFT_ALONE = {"letter"}


@asynccontextmanager
async def open_door(service: Service[Any], parts: Parts[Any]) -> AsyncIterator[dict[str, Any]]:
    """A service's calls; credit has three doors."""
    stubs: Any = import_module(f"receivables.{service.name}.v1.service_pb2_grpc")
    async with serving(service, parts) as channel:
        doors = {service.name: getattr(stubs, f"{service.name.title()}ServiceStub")(channel)}
        of_credit = {"exposure": ExposureServiceStub(channel), "standing": StandingApprovalServiceStub(channel)}
        yield doors | (of_credit if service is CREDIT else {})


class House:
    """What the services tell each other, and what came of it."""

    def __init__(self, admin_url: str) -> None:
        """Nobody is in it yet."""
        self._admin_url = admin_url
        self.parts: dict[str, Parts[Any]] = {}
        self.stubs: dict[str, Any] = {}
        self._works: dict[str, Any] = {}
        self.told: list[Record] = []  # in the order in which it was told; each topic is one partition
        self._heard: dict[str, int] = defaultdict(int)
        self._offsets: dict[str, Any] = defaultdict(count)

    def add(self, service: Service[Any], parts: Parts[Any], stubs: dict[str, Any]) -> None:
        """Let a service in."""
        self.parts[service.name] = parts
        self.stubs |= stubs
        self._works[service.name] = [work for work in service.works(parts) if work.kind not in LEFT_ALONE]

    async def call(self, service: str, method: str, request: Any, *, by: str = "user:ada") -> Any:
        """Ask a service, and let everybody hear what comes of it."""
        metadata = (("ar-tenant", "acme"), ("ar-actor", by), ("ar-reason", "because"))
        answer = await getattr(self.stubs[service], method)(
            request, metadata=(*metadata, ("ar-idempotency-key", str(uuid4())))
        )
        await self.settle()
        return answer

    async def tell(self, *records: Record) -> None:
        """The shop says something, and everybody hears what comes of it."""
        self._publish(records)
        await self.settle()

    async def settle(self) -> None:
        """Go on until nothing more comes of it."""
        busy = True
        while busy:
            busy = False
            for name, parts in self.parts.items():
                busy |= self._publish(await self.announced(name))
                fresh, self._heard[name] = self.told[self._heard[name] :], len(self.told)
                if mine := [record for record in fresh if record.topic in parts.consumer.topics]:
                    await parts.consumer.handle(mine)
                    busy = True
                busy |= bool(await drain(parts.consumer, self._works[name]))

    def _publish(self, records: Iterable[Record]) -> bool:
        published = [replace(record, offset=next(self._offsets[record.topic]), partition=0) for record in records]
        self.told += published
        return bool(published)

    async def announced(self, name: str) -> list[Record]:
        """Take what a service announced out of its outbox."""
        async with self.parts[name].database.transaction(()) as tx:
            rows = await tx.rows("WITH gone AS (DELETE FROM outbox RETURNING *) SELECT * FROM gone ORDER BY id")
        return [Record(row.topic, 0, 0, row.key.encode(), bytes(row.payload), row.headers) for row in rows]

    async def tell_again(self, name: str, records: Sequence[Record]) -> None:
        """A service has lost its memory of events, and hears these from the first offset."""
        parts, [service] = self.parts[name], [service for service in SERVICES if service.name == name]
        async with parts.database.transaction(()) as tx:
            await tx.run("DELETE FROM inbox")
            await tx.run("DELETE FROM handled")
        consumer = service.consumer(parts.settings, parts.database)
        mine = [record for record in records if record.topic in consumer.topics]
        for start in range(0, len(mine), 7):
            await consumer.handle(mine[start : start + 7])
        await drain(parts.consumer, self._works[name])

    async def waiting(self, name: str) -> list[str]:
        """What is parked."""
        async with self.parts[name].database.transaction(()) as tx:
            rows = await tx.rows("SELECT * FROM parked WHERE closed_at IS NULL ORDER BY id")
        return [f"{row.reason} {row.code} {row.event_type} {row.subject} {row.detail[-300:]}" for row in rows]

    def facts(self, name: str) -> dict[str, list[str]]:
        """Every row of a service's own tables."""
        dbname = str(conninfo_to_dict(self.parts[name].database.url)["dbname"])
        with psycopg.connect(self._admin_url, dbname=dbname) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return {
                table: [row[0] for row in connection.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1').fetchall()]
                for (table,) in tables
                if table not in MACHINERY
            }


def eur(minor: int) -> money_pb2.Money:
    """Cents."""
    return money_pb2.Money(minor=minor, currency="EUR")


async def play(house: House) -> None:
    """Whatever an account may go through: orders, versions, shipments, payments, cases, credit notes."""
    for parts in house.parts.values():
        async with parts.database.transaction(()) as tx:
            await tx.run("INSERT INTO clock (at) VALUES (%s)", [MONDAY])
    await house.call("invoicing", "RegisterSeller", a_seller())
    for contact_id, account_id, roles in (
        ("ann", "b1", ["AP_CLERK", "PROCUREMENT", "REQUESTER"]),
        ("bo", "", ["CREDIT", "BILLING", "SALES", "COLLECTOR", "DISPUTE_OWNER"]),
    ):
        contact = notifications_pb2.RegisterContactRequest(
            contact_id=contact_id,
            account_id=account_id,
            name=contact_id,
            email=f"{contact_id}@example.com",
            language="en",
        )
        contact.roles.extend(roles)
        await house.call("notifications", "RegisterContact", contact)
    register = credit_pb2.RegisterBuyerRequest(account_id="b1", company=company(), limit=eur(60_000))
    await house.call("credit", "RegisterBuyer", register)
    changed = credit_pb2.ChangeBuyerRequest(account_id="b1", company=company("Käufer und Söhne AG"))
    await house.call("credit", "ChangeBuyer", changed)
    await _group(house)
    await _orders(house)
    invoices = [record for record in house.told if record.headers["ce_type"].endswith("InvoiceIssued")]
    assert len(invoices) == 7
    await _ends(house, [InvoiceIssued.FromString(record.value or b"") for record in invoices[2:]])
    await _payments(house)
    for nth, steps in enumerate((_rejected_appealed_and_credited, _withdrawn_and_reopened)):
        await steps(house, invoices[nth].headers["ce_subject"].removeprefix("invoice/"))
    await _answered_at_once(house, invoices)
    await house.call("credit", "SetLimit", credit_pb2.SetLimitRequest(account_id="b1", limit=eur(50_000)))


def by(source: str, record: Record, event_id: str) -> Record:
    """The same, told by a source on its own topic."""
    return replace(record, topic=f"{record.topic}.{source}", headers={**record.headers, "ce_id": event_id})


async def _group(house: House) -> None:
    """The buyer is part of a group, and may owe more for a while."""
    group = exposure_pb2.RegisterNodeRequest(node_id="g", kind=credit_events_pb2.NODE_KIND_GROUP, limit=eur(900_000))
    await house.call("exposure", "RegisterNode", group)
    await house.call("exposure", "MoveAccount", exposure_pb2.MoveAccountRequest(account_id="b1", parent_id="g"))
    uplift = exposure_pb2.GrantUpliftRequest(uplift_id="u1", account_id="b1", amount=eur(1), reason_code="season")
    uplift.valid_until.FromDatetime(MONDAY + timedelta(days=9))
    await house.call("exposure", "GrantUplift", uplift)
    await house.call("exposure", "ApproveUplift", exposure_pb2.ApproveUpliftRequest(uplift_id="u1"), by="user:bo")
    await _approved_once(house)


async def _approved_once(house: House) -> None:
    """Uplifts that are alike count at once, till somebody revokes that."""
    most, until = eur(1), Timestamp(seconds=int((MONDAY + timedelta(days=9)).timestamp()))
    bounds = standing_bounds_pb2.StandingBounds(
        kinds=[standing_bounds_pb2.STANDING_KIND_UPLIFT],
        act_most=most,
        period_most=most,
        period_count=1,
        period_days=30,
    )
    bounds.valid_until.CopyFrom(until)
    grant = standing_pb2.GrantStandingApprovalRequest(approval_id="s1", account_id="b1", bounds=bounds)
    await house.call("standing", "GrantStandingApproval", grant)
    confirm = standing_pb2.ConfirmStandingApprovalRequest(approval_id="s1")
    await house.call("standing", "ConfirmStandingApproval", confirm, by="user:bo")
    uplift = exposure_pb2.GrantUpliftRequest(uplift_id="u2", account_id="b1", amount=most, reason_code="season")
    uplift.valid_until.CopyFrom(until)
    asked = await house.call("exposure", "GrantUplift", uplift, by="user:cy")
    assert asked.uplift.approved_by
    await house.call("standing", "RevokeStandingApproval", standing_pb2.RevokeStandingApprovalRequest(approval_id="s1"))


async def _orders(house: House) -> None:
    await house.tell(placed("o1"))
    await house.tell(placed("o1", (("1", "4", "12.50", "STANDARD"), ("2", "3", "9.99", "REDUCED")), version=2))
    await house.tell(shipped("o1", "p1", (("1", "3"),), final=False))
    await house.tell(shipped("o1", "p2", (("1", "1"), ("2", "3"))))
    await house.tell(placed("o2"), shipped("o2"), placed("o3"), cancelled("o3"))
    # Of two shops, which number alike; one of them speaks for another seller alone.
    await house.tell(by("webshop", placed("s7"), "1"), by("erp-1", placed("s8"), "1"), by("erp-1", shipped("s7"), "2"))
    await house.tell(by("webshop", placed("o9"), "2"), by("other", placed("o9"), "2"))
    await house.tell(placed("o4", (("1", "400", "12.50", "STANDARD"),)))  # more than the limit
    await house.tell(shipped("o5"), placed("o5"))  # the shipment came first
    await house.tell(placed("o6", account="nobody"))
    await house.tell(placed("o7"), cancelled("o7", version=1), placed("o7", version=2))  # thought better of
    await _orders_by_calls(house)
    await house.tell(placed("o12"), shipped("o12"))


async def _orders_by_calls(house: House) -> None:
    for order, version in (("o10", 1), ("o10", 2), ("o11", 1)):
        request = placing(order, version=version, promised=f"2026-03-0{version + 3}")
        await house.call("invoicing", "PlaceOrder", request, by="contact:ann")
    await house.call("invoicing", "ShipOrder", shipping("o10"))
    cancel = invoicing_pb2.CancelOrderRequest(account_id="b1", order_id="o11", version=1)
    await house.call("invoicing", "CancelOrder", cancel, by="contact:ann")


async def _payments(house: House) -> None:
    for payment_id, minor in (("p1", 3_000), ("p2", 1_000_000)):
        payment = ledger_pb2.RecordPaymentRequest(
            payment_id=payment_id, account_id="b1", amount=eur(minor), value_date="2026-03-02"
        )
        await house.call("ledger", "RecordPayment", payment)


async def _move(house: House, dispute_id: str, *actions: disputes_pb2.Action.ValueType) -> None:
    for action in actions:
        await house.call("disputes", "Move", disputes_pb2.MoveRequest(dispute_id=dispute_id, action=action))


async def _open(house: House, invoice_id: str) -> str:
    request = disputes_pb2.OpenRequest(invoice=invoice_id, reason_code="QTY_SHORT", amount=eur(1_000))
    return str((await house.call("disputes", "Open", request)).dispute.dispute_id)


async def _ends(house: House, invoices: Sequence[InvoiceIssued]) -> None:
    """One that is invoiced anew, one at another price, goods that are sent again, and one that is given up."""
    price = disputes_events_pb2.CorrectedLine(line_id="1", unit_price="12.00")
    corrected = disputes_events_pb2.Correction(lines=[price], purchase_order="PO-10")
    end = disputes_events_pb2.Resolution.Value
    await _end(house, invoices[0], resolution=end("RESOLUTION_REBILL"), correction=corrected)
    corrected.ClearField("purchase_order")
    await _end(house, invoices[1], resolution=end("RESOLUTION_PRICE_CORRECTION"), correction=corrected)
    await _end(house, invoices[1], resolution=end("RESOLUTION_GOODWILL"), amount=eur(100))
    again = [disputes_events_pb2.DisputedLine(line_id="1", quantity="1")]
    case = await _end(house, invoices[2], resolution=end("RESOLUTION_REPLACEMENT"), lines=again)
    order_line = invoices[2].lines[0].order_line_id
    await house.tell(shipped(invoices[2].order_id, "r1", ((order_line, "1"),), final=False, dispute=case))
    await _end(house, invoices[3], resolution=end("RESOLUTION_WRITE_OFF"))


async def _end(house: House, invoice: InvoiceIssued, **said: Any) -> str:
    case = await _open(house, invoice.invoice_id)
    await _move(house, case, disputes_pb2.ACTION_REVIEW, disputes_pb2.ACTION_PROPOSE)
    await house.call("disputes", "Resolve", disputes_pb2.ResolveRequest(dispute_id=case, **said), by="user:bo")
    return case


async def _rejected_appealed_and_credited(house: House, invoice_id: str) -> None:
    case = await _open(house, invoice_id)
    act = disputes_pb2
    await _move(house, case, act.ACTION_REVIEW, act.ACTION_REJECT, act.ACTION_APPEAL, act.ACTION_REVIEW)
    await _move(house, case, act.ACTION_PROPOSE)
    end = disputes_pb2.ResolveRequest(dispute_id=case, resolution=disputes_events_pb2.RESOLUTION_FULL_CREDIT)
    await house.call("disputes", "Resolve", end, by="user:bo")


async def _withdrawn_and_reopened(house: House, invoice_id: str) -> None:
    await _move(house, await _open(house, invoice_id), disputes_pb2.ACTION_WITHDRAW)
    case, act = await _open(house, invoice_id), disputes_pb2
    await _move(house, case, act.ACTION_REVIEW, act.ACTION_REJECT, act.ACTION_REOPEN)


async def _answered_at_once(house: House, invoices: Sequence[Record]) -> None:
    """Two of ten did not arrive, which is credited at once; the price of the rest was ordered, which is rejected at once."""
    bodies = [invoicing_events_pb2.InvoiceIssued.FromString(record.value or b"") for record in invoices]
    invoice = next(body for body in bodies if body.order_id == "o12")
    arrived = invoicing_pb2.ConfirmReceiptRequest(
        account_id="b1", order_id="o12", shipment_id=invoice.shipment_id, receipt_id="r1"
    )
    arrived.lines.add(line_id="1", quantity="7", damaged="1")
    arrived.lines.add(line_id="2", quantity="3")
    await house.call("invoicing", "ConfirmReceipt", arrived, by="contact:ann")
    for reason, line_id, quantity, state in (
        ("QTY_SHORT", "1", "2", disputes_events_pb2.STATE_RESOLVING),
        ("PRC_UNIT", "2", "3", disputes_events_pb2.STATE_REJECTED),
    ):
        request = disputes_pb2.OpenRequest(invoice=invoice.invoice_id, reason_code=reason)
        line = next(line.line_id for line in invoice.lines if line.order_line_id == line_id)
        request.lines.add(line_id=line, quantity=quantity)
        case = (await house.call("disputes", "Open", request, by="contact:ann")).dispute
        assert case.state == state

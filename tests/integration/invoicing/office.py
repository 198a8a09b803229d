"""An invoicing office for tests: what the shop, credit and disputes say to it, and what it says."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Record
from services.chassis.service import Parts
from services.chassis.workers import drain
from services.invoicing import usecases
from services.invoicing.service import SERVICE
from tests.records import a_record

M = TypeVar("M", bound=Message)
Metadata = tuple[tuple[str, str], ...]

MONDAY = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
# Line, quantity, net price, tax class: 125.00 at 19 % and 29.97 at 7 % in Germany.
LINES = (("1", "10", "12.50", "STANDARD"), ("2", "3", "9.99", "REDUCED"))


def company(name: str = "Käufer AG", country: str = "DE", vat_id: str = "DE115235681") -> party_pb2.Company:
    return party_pb2.Company(
        name=name,
        vat_id=vat_id,
        legal_id="HRB 1",
        address=party_pb2.Address(street="Weg 1", city="Ort", post_code="10115", country=country),
        electronic_address="ap@buyer.example",
        electronic_address_scheme="EM",
    )


def a_seller(seller_id: str = "s1", prefix: str = "RE", **changes: Any) -> service_pb2.RegisterSellerRequest:
    request = service_pb2.RegisterSellerRequest(
        seller_id=seller_id,
        company=company("Acme GmbH", "DE", "DE136695976"),
        iban="DE89370400440532013000",
        bic="COBADEFFXXX",
        series_prefix=prefix,
        time_zone="Europe/Berlin",
        contact_name="Billing",
        contact_email="billing@acme.example",
    )
    for field, value in changes.items():
        if isinstance(value, Message):
            getattr(request, field).CopyFrom(value)
        else:
            setattr(request, field, value)
    return request


def buyer(
    account: str = "b1", of: party_pb2.Company | None = None, *, currency: str = "EUR", tenant: str = "acme"
) -> Record:
    body = credit_pb2.BuyerRegistered(
        account_id=account, company=of or company(), limit=money_pb2.Money(minor=1_000_000, currency=currency)
    )
    return a_record(body, account=account, subject=f"buyer/{account}", tenant=tenant)


def buyer_changed(of: party_pb2.Company, account: str = "b1") -> Record:
    body = credit_pb2.BuyerChanged(account_id=account, company=of)
    return a_record(body, account=account, subject=f"buyer/{account}")


def placed(
    order: str = "o1",
    lines: Sequence[tuple[str, str, str, str]] = LINES,
    *,
    version: int = 1,
    account: str = "b1",
    currency: str = "EUR",
    tenant: str = "acme",
    promised: str = "2026-03-03",
    seller: str = "",
    asset: str = "",
) -> Record:
    """An order; its tax is what the shop says, here nothing: the invoice's own counts."""
    body = orders_pb2.OrderPlaced(
        order_id=order,
        version=version,
        account_id=account,
        currency=currency,
        placed_on="2026-03-02",
        promised_ship_on=promised,
        scope=party_pb2.Scope(site="north", cost_centre="K7", purchase_order="PO-9"),
        seller_id=seller,
    )
    for line_id, quantity, price, tax_class in lines:
        net = int((Decimal(quantity) * Decimal(price) * 100).quantize(Decimal(1)))
        body.lines.add(
            line_id=line_id,
            sku=f"sku-{line_id}",
            name=f"Ware {line_id}",
            quantity=quantity,
            unit="C62",
            unit_price=price,
            net_minor=net,
            tax_class=tax_class,
            asset_id=asset if line_id == "1" else "",
        )
    body.net_minor = body.gross_minor = sum(line.net_minor for line in body.lines)
    return a_record(body, account=account, subject=f"order/{order}", tenant=tenant)


def reported(
    asset: str = "A-1",
    *readings: tuple[str, str, int],
    day: int = 2,
    account: str = "b1",
    name: str = "Compressor",
    tenant: str = "acme",
    site: str = "north",
) -> Record:
    """What the seller knew of an asset on a day of March; readings are names, values and the days of them."""
    body = orders_pb2.AssetReported(
        asset_id=asset,
        account_id=account,
        serial_number=f"SN-{asset}",
        name=name,
        in_service_since="2023-03-02",
        next_visit_on="2026-04-01",
        scope=party_pb2.Scope(site=site),
        reported_at=march(day),
    )
    for what, value, on in readings:
        body.readings.add(name=what, value=value, unit="h", taken_at=march(on))
    return a_record(body, account=account, subject=f"asset/{asset}", tenant=tenant)


def march(day: int) -> Timestamp:
    """The morning of a day."""
    at = Timestamp()
    at.FromDatetime(datetime(2026, 3, day, 8, tzinfo=UTC))
    return at


def shipped(
    order: str = "o1",
    shipment: str = "p1",
    quantities: Sequence[tuple[str, str]] = (("1", "10"), ("2", "3")),
    *,
    final: bool = True,
    on: str = "2026-03-02",
    account: str = "b1",
    tenant: str = "acme",
    event_id: str | None = None,
    dispute: str = "",
) -> Record:
    body = orders_pb2.OrderShipped(
        order_id=order,
        shipment_id=shipment,
        account_id=account,
        shipped_on=on,
        lines=[orders_pb2.ShippedLine(line_id=line, quantity=quantity) for line, quantity in quantities],
        final=final,
        dispute_id=dispute,
    )
    return a_record(body, account=account, subject=f"order/{order}", tenant=tenant, event_id=event_id)


def received(
    order: str = "o1",
    receipt: str = "r1",
    lines: Sequence[tuple[str, str, str]] = (("1", "10", "0"),),
    *,
    shipment: str = "p1",
    account: str = "b1",
    on: str = "2026-03-03",
) -> Record:
    """What arrived of a shipment: line, in good order, damaged."""
    body = orders_pb2.GoodsReceived(
        order_id=order, receipt_id=receipt, account_id=account, shipment_id=shipment, received_on=on
    )
    for line_id, good, damaged in lines:
        body.lines.add(line_id=line_id, quantity=good, damaged=damaged)
    return a_record(body, account=account, subject=f"receipt/{order}")


def placing(
    order: str = "o1", lines: Sequence[tuple[str, str, str, str]] = LINES, *, account: str = "b1", **more: Any
) -> service_pb2.PlaceOrderRequest:
    """The same order as a call says it."""
    body = orders_pb2.OrderPlaced.FromString(placed(order, lines, account=account, **more).value or b"")
    return service_pb2.PlaceOrderRequest(account_id=account, scope=body.scope, order=body)


def shipping(
    order: str = "o1", shipment: str = "p1", *, account: str = "b1", **more: Any
) -> service_pb2.ShipOrderRequest:
    """The same shipment as a call says it."""
    body = orders_pb2.OrderShipped.FromString(shipped(order, shipment, account=account, **more).value or b"")
    return service_pb2.ShipOrderRequest(account_id=account, shipment=body)


def cancelled(order: str = "o1", version: int = 0) -> Record:
    return a_record(
        orders_pb2.OrderCancelled(order_id=order, account_id="b1", version=version),
        account="b1",
        subject=f"order/{order}",
    )


def approved(order: str = "o1", version: int = 1) -> Record:
    return decided(credit_pb2.OUTCOME_APPROVED, order, version)


def decided(outcome: credit_pb2.Outcome.ValueType, order: str = "o1", version: int = 1) -> Record:
    body = credit_pb2.CreditDecided(order_id=order, version=version, account_id="b1", outcome=outcome)
    return a_record(body, account="b1", subject=f"order/{order}")


def resolved(
    invoice: events_pb2.InvoiceIssued,
    *,
    lines: Sequence[tuple[str, str]] = (),
    gross: int = 0,
    dispute: str = "d1",
    resolution: disputes_pb2.Resolution.ValueType = disputes_pb2.RESOLUTION_PARTIAL_CREDIT,
    tenant: str = "acme",
) -> Record:
    body = disputes_pb2.DisputeResolved(
        dispute_id=dispute,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        account_id=invoice.account_id,
        order_id=invoice.order_id,
        resolution=resolution,
        lines=[disputes_pb2.DisputedLine(line_id=line, quantity=quantity) for line, quantity in lines],
        credit=money_pb2.Money(minor=gross, currency=invoice.currency),
    )
    return a_record(body, account=invoice.account_id, subject=f"dispute/{dispute}", tenant=tenant)


def metadata(tenant: str = "acme", key: str | None = None) -> Metadata:
    return (
        ("ar-tenant", tenant),
        ("ar-idempotency-key", key or str(uuid4())),
        ("ar-actor", "user:test"),
        ("ar-reason", "test"),
    )


@dataclass(frozen=True)
class Office:
    """The service on a database of its own, behind its gRPC door."""

    parts: Parts[Any]
    stub: Any

    async def set_clock(self, at: datetime) -> None:
        async with self.parts.database.transaction(()) as tx:
            await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at])

    async def handle(self, *records: Record) -> None:
        """As from Kafka, in one batch; then the drafts that come of it are issued or held."""
        await self.parts.consumer.handle(records)
        await self.issue()

    async def issue(self) -> int:
        """Do what is to be done about drafts; returns how many they were."""
        return await self.work(usecases.DRAFT, usecases.LARGE, usecases.AGAIN)

    async def write_files(self) -> int:
        """Write the files that are to be written; returns how many they were."""
        return await self.work(usecases.FILE, usecases.LARGE_FILE)

    async def work(self, *kinds: str) -> int:
        """Do the jobs of these kinds; returns how many they were."""
        return await drain(self.parts.consumer, [work for work in SERVICE.works(self.parts) if work.kind in kinds])

    async def pauses_are_over(self) -> None:
        """Jobs that were put off are due."""
        async with self.parts.database.transaction(["acme"]) as tx:
            await tx.run("UPDATE job SET next_try_at = now()")

    async def register_seller(self, tenant: str = "acme", **changes: Any) -> None:
        await self.stub.RegisterSeller(a_seller(**changes), metadata=metadata(tenant))
        await self.issue()

    async def set_contract(self, account: str = "b1", *, on_approval: bool = False, **terms: Any) -> None:
        on = service_pb2.INVOICE_ON_APPROVAL if on_approval else service_pb2.INVOICE_ON_SHIPMENT
        terms = {"net_days": 30} | terms
        request = service_pb2.SetContractRequest(account_id=account, invoice_on=on, **terms)
        await self.stub.SetContract(request, metadata=metadata())
        await self.issue()

    async def announced(self, kind: type[M]) -> list[M]:
        """What was told, of this kind, oldest first."""
        async with self.parts.database.transaction(()) as tx:
            rows = await tx.rows(
                "SELECT payload FROM outbox WHERE headers->>'ce_type' = %s ORDER BY id",
                [str(kind.DESCRIPTOR.full_name)],
            )
        return [kind.FromString(row.payload) for row in rows]

    async def invoices(self) -> list[events_pb2.InvoiceIssued]:
        return await self.announced(events_pb2.InvoiceIssued)

    async def credit_notes(self) -> list[events_pb2.CreditNoteIssued]:
        return await self.announced(events_pb2.CreditNoteIssued)

    async def told(self, topic: str) -> list[Record]:
        """What was told on a topic, oldest first, as it comes from Kafka."""
        async with self.parts.database.transaction(()) as tx:
            rows = await tx.rows("SELECT * FROM outbox WHERE topic = %s ORDER BY id", [topic])
        return [Record(row.topic, 0, row.id, row.key.encode(), bytes(row.payload), row.headers) for row in rows]

    async def parked(self) -> list[tuple[str, str]]:
        """Reason and code of what waits, oldest first."""
        async with self.parts.database.transaction(()) as tx:
            rows = await tx.rows("SELECT reason, code FROM parked WHERE closed_at IS NULL ORDER BY id")
        return [(row.reason, row.code) for row in rows]

    async def xml(self, document: str, tenant: str = "acme") -> bytes:
        request = service_pb2.RenderDocumentRequest(document=document)
        return bytes((await self.stub.RenderDocument(request, metadata=metadata(tenant))).content)


class OpenOffice(Protocol):
    """Opens an office with these settings."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[Office]: ...

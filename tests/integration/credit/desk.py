"""Credit as its callers see it, what the shop, the ledger and invoicing say to it, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import (
    applications_pb2_grpc,
    events_pb2,
    exposure_pb2,
    exposure_pb2_grpc,
    lab_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
    standing_pb2_grpc,
)
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Event, Origin, Record, decode
from services.chassis.service import Parts
from services.chassis.workers import drain
from services.credit import store, usecases
from services.credit.service import SERVICE
from services.credit.stream import HANDLERS
from services.kernel.money import Money
from tests.records import a_record

ORIGIN = Origin("acme", "user:test", "test", "key", "00-0-0-01")
COMPANY = party_pb2.Company(name="Buyer GmbH", address=party_pb2.Address(country="DE"))


def placed(
    order_id: str = "o1", gross: int = 10_000, *, version: int = 1, account: str = "b1", **changes: Any
) -> Record:
    body = orders_pb2.OrderPlaced(
        order_id=order_id,
        version=version,
        account_id=account,
        currency="EUR",
        placed_on="2026-01-05",
        promised_ship_on="2026-01-06",
        lines=[
            orders_pb2.OrderLine(
                line_id="1", sku="s", name="n", quantity="1", unit_price=f"{gross / 100:.2f}", net_minor=gross
            )
        ],
        net_minor=gross,
        gross_minor=gross,
    )
    body.MergeFrom(orders_pb2.OrderPlaced(**changes))
    return a_record(body, account=account, subject=f"order/{order_id}")


def cancelled(order_id: str = "o1", version: int = 0) -> Record:
    body = orders_pb2.OrderCancelled(order_id=order_id, account_id="b1", version=version)
    return a_record(body, account="b1", subject=f"order/{order_id}")


def refused_whole(order_id: str = "o1", version: int = 1) -> Record:
    """Invoicing cannot invoice anything of it."""
    body = invoicing_pb2.ShipmentRefused(
        order_id=order_id, account_id="b1", code="order.rate_unknown", message="10 %", version=version
    )
    return a_record(body, account="b1", subject=f"order/{order_id}")


def opened(order_id: str = "o1", gross: int = 10_000, *, invoice: str = "i1", final: bool = True) -> Record:
    body = ledger_pb2.ItemOpened(
        invoice_id=invoice,
        number=f"N-{invoice}",
        account_id="b1",
        order_id=order_id,
        final=final,
        amount=money_pb2.Money(minor=gross, currency="EUR"),
    )
    return a_record(body, account="b1", subject=f"invoice/{invoice}")


def paid(minor: int) -> Record:
    body = ledger_pb2.PaymentReceived(
        payment_id="p1", account_id="b1", amount=money_pb2.Money(minor=minor, currency="EUR")
    )
    return a_record(body, account="b1", subject="payment/p1")


def decoded(records: Sequence[Record]) -> list[Event[Any]]:
    return [decode(record, types_of(record.topic, HANDLERS)) for record in records]


async def register(parts: Parts[Any], account: str = "b1", limit: int = 100_000, tenant: str = "acme") -> None:
    origin = Origin(tenant, "user:test", "test", "key", "00-0-0-01")
    async with parts.database.transaction([tenant]) as tx:
        await usecases.register_buyer(tx, origin, account, COMPANY, Money(limit, "EUR"))
    await parts.consumer.wake(tx.announced)


async def account_of(parts: Parts[Any], account: str = "b1") -> tuple[int, int]:
    """What it uses and holds; the movements must add up to the same."""
    async with parts.database.transaction(["acme"]) as tx:
        row: Any = await store.get_account(tx, ("acme", account))
        sums = await tx.row(
            "SELECT coalesce(sum(used_minor), 0) AS used, coalesce(sum(held_minor), 0) AS held FROM movement WHERE account_id = %s",
            [account],
        )
    assert (sums.used, sums.held) == (row.used_minor, row.held_minor)
    return row.used_minor, row.held_minor


async def told(parts: Parts[Any]) -> list[str]:
    """What was announced so far, oldest first, by type; sequences contiguous per account."""
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT key, headers FROM outbox ORDER BY id")
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(row.key, []).append(int(row.headers["ce_sequence"]))
    assert all(n == list(range(1, len(n) + 1)) for n in numbers.values())
    return [row.headers["ce_type"].rsplit(".", 1)[1] for row in rows]


async def parked(parts: Parts[Any]) -> list[tuple[str, str]]:
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT reason, code FROM parked WHERE closed_at IS NULL ORDER BY id")
    return [(row.reason, row.code) for row in rows]


async def outcomes(parts: Parts[Any]) -> list[tuple[str, int, str, list[str]]]:
    async with parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows(
            "SELECT order_id, version, outcome, reasons FROM decision ORDER BY decided_at, decision_id"
        )
    return [(row.order_id, row.version, row.outcome, row.reasons) for row in rows]


async def set_clock(parts: Parts[Any], at: datetime) -> None:
    async with parts.database.transaction(()) as tx:
        await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at])


async def expire(parts: Parts[Any]) -> int:
    return await drain(parts.consumer, SERVICE.works(parts))


def eur(minor: int) -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency="EUR")


def shipped(order_id: str = "o1", shipment: str = "s1", *, account: str = "b1", final: bool = False) -> Record:
    body = orders_pb2.OrderShipped(order_id=order_id, shipment_id=shipment, account_id=account, final=final)
    return a_record(body, account=account, subject=f"order/{order_id}")


def standing(open_minor: int, unapplied: int = 0, kept: int = 0, currency: str = "EUR") -> ledger_pb2.Standing:
    """What the ledger tells of an account after an event."""
    amounts = (money_pb2.Money(minor=minor, currency=currency) for minor in (open_minor, unapplied, kept))
    return ledger_pb2.Standing(**dict(zip(("open", "unapplied", "credits"), amounts, strict=True)))


def numbered(record: Record, sequence: int, *after: ledger_pb2.Standing) -> Record:
    """The same event as the ledger numbers it, with the balances that it tells."""
    body: Any = types_of(record.topic, HANDLERS)[record.headers["ce_type"]].FromString(record.value or b"")
    body.after.extend(after)
    headers = dict(record.headers) | {"ce_sequence": str(sequence)}
    return a_record(body, account=body.account_id, subject=record.headers["ce_subject"], headers=headers)


def applied(payment: str = "p1", invoice: str = "i1", minor: int = 1, *, back: bool = False) -> Record:
    kind = ledger_pb2.CashUnapplied if back else ledger_pb2.CashApplied
    body = kind(payment_id=payment, invoice_id=invoice, account_id="b1", amount=eur(minor))
    return a_record(body, account="b1", subject=f"payment/{payment}")


def seller(seller_id: str, time_zone: str, version: int = 1) -> Record:
    body = invoicing_pb2.SellerChanged(
        version=version, seller=invoicing_pb2.Seller(seller_id=seller_id, time_zone=time_zone)
    )
    return a_record(body, account=seller_id, subject=f"seller/{seller_id}")


def sek(minor: int) -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency="SEK")


async def set_rates(desk: "Desk", *, day: str = "2026-01-05", corrects: bool = False, **rates: str) -> int:
    """Set what a euro is worth."""
    said = [events_pb2.Rate(base="EUR", quote=quote, day=day, rate=rate) for quote, rate in rates.items()]
    return int((await desk.call("SetRates", exposure_pb2.SetRatesRequest(rates=said, corrects=corrects))).set)


async def bodies(parts: Parts[Any], kind: type[Message]) -> list[Any]:
    """What was announced so far of a kind, oldest first."""
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows(
            "SELECT payload FROM outbox WHERE headers ->> 'ce_type' = %s ORDER BY id", [kind.DESCRIPTOR.full_name]
        )
    return [kind.FromString(row.payload) for row in rows]


async def hold_of(parts: Parts[Any], order_id: str = "o1") -> Any:
    """The newest version's row of an order."""
    async with parts.database.transaction(["acme"]) as tx:
        return await tx.row("SELECT * FROM hold WHERE order_id = %s ORDER BY version DESC LIMIT 1", [order_id])


class Refused(Exception):  # noqa: N818 - a word of the trade, as in the kernel
    """The call was refused with this code."""

    def __init__(self, status: grpc.StatusCode, code: str) -> None:
        super().__init__(f"{status.name} {code}")
        self.status = status
        self.code = code


class Stubs:
    """All services of credit behind one channel: the name of a method says whose it is."""

    def __init__(self, channel: Any) -> None:
        """Make each."""
        self._stubs = [
            service_pb2_grpc.CreditServiceStub(channel),
            applications_pb2_grpc.ApplicationServiceStub(channel),
            applications_pb2_grpc.PolicyServiceStub(channel),
            exposure_pb2_grpc.ExposureServiceStub(channel),
            lab_pb2_grpc.LabServiceStub(channel),
            standing_pb2_grpc.StandingApprovalServiceStub(channel),
        ]

    def __getattr__(self, method: str) -> Any:
        """Give the method of whichever has it."""
        return next(getattr(stub, method) for stub in self._stubs if hasattr(stub, method))


@dataclass(frozen=True)
class Desk:
    """A running service, as its callers and its database see it."""

    parts: Parts[Any]
    stub: Any

    async def call(
        self, method: str, request: Message, *, key: str = "", tenant: str = "acme", by: str = "user:ada"
    ) -> Any:
        metadata = (
            ("ar-tenant", tenant),
            ("ar-actor", by),
            ("ar-reason", "test"),
            ("ar-idempotency-key", key or str(uuid4())),
        )
        try:
            return await getattr(self.stub, method)(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code(), _reason(error)) from None

    async def follow(self, *records: Record) -> None:
        await self.parts.consumer.handle(records)

    async def decide(
        self, order_id: str, minor: int = 10_000, *, account: str = "b1", by: str = "key:shop", **fields: Any
    ) -> Any:
        request = service_pb2.DecideRequest(
            order_id=order_id, account_id=account, amount=eur(minor), **{"version": 1} | fields
        )
        return (await self.call("Decide", request, by=by)).decision

    async def reasons(self, order_id: str, minor: int = 10_000, **fields: Any) -> tuple[str, list[str]]:
        """How an order is decided, and why."""
        decision = await self.decide(order_id, minor, **fields)
        return events_pb2.Outcome.Name(decision.outcome).removeprefix("OUTCOME_"), list(decision.reasons)

    async def account(self, account: str = "b1") -> Any:
        return (await self.call("GetAccount", service_pb2.GetAccountRequest(account_id=account))).account


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    return info.reason if status and status.details and status.details[0].Unpack(info) else ""

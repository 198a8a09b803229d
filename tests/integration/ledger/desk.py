"""The ledger as its callers see it, and what credit, invoicing and disputes say to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2, service_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.chassis.service import Parts
from services.chassis.workers import drain
from services.ledger.service import SERVICE
from services.ledger.stream import HANDLERS
from tests.records import a_record

_TOLD = {
    f"receivables.ledger.v1.{kind.__name__}": kind
    for kind in (
        events_pb2.ItemOpened,
        events_pb2.ItemReduced,
        events_pb2.CreditKept,
        events_pb2.PaymentReceived,
        events_pb2.CashApplied,
        events_pb2.PaymentAnnounced,
    )
}


class Refused(Exception):  # noqa: N818 - a word of the trade, as in the kernel
    """The call was refused with this code."""

    def __init__(self, status: grpc.StatusCode, code: str, details: str | None) -> None:
        super().__init__(f"{status.name} {code}: {details}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Desk:
    """A running ledger, as its callers and its database see it."""

    parts: Parts[Any]
    stub: Any

    async def call(self, method: str, request: Message, *, tenant: str = "acme", key: str = "") -> Any:
        metadata = (
            ("ar-tenant", tenant),
            ("ar-actor", "user:ada"),
            ("ar-reason", "the bank says so"),
            ("ar-idempotency-key", key or str(uuid4())),
        )
        try:
            return await getattr(self.stub, method)(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code(), _reason(error), error.details()) from None

    async def follow(self, *records: Record) -> None:
        await self.parts.consumer.handle(records)

    async def follow_at_once(self, *records: Record) -> None:
        """All in one call of their use case, with no second try one by one."""
        events = [decode(record, types_of(record.topic, HANDLERS)) for record in records]
        async with self.parts.database.transaction({event.tenant for event in events}) as tx:
            await HANDLERS[type(events[0].body)](tx, events)

    async def pay(self, payment_id: str, minor: int, remittance: str = "", **changes: Any) -> Any:
        call = {name: changes.pop(name) for name in ("tenant", "key") if name in changes}
        return await self.call("RecordPayment", a_payment(payment_id, minor, remittance, **changes), **call)

    async def announce(
        self, *asked: tuple[str, int], account: str = "b1", currency: str = "EUR", expected_on: str = "", **call: Any
    ) -> service_pb2.Announcement:
        """Say that so much of these invoices is being paid."""
        request = service_pb2.AnnouncePaymentRequest(
            account_id=account,
            items=[service_pb2.AnnouncedItem(number=number, amount=money(minor, currency)) for number, minor in asked],
            expected_on=expected_on,
        )
        answer: service_pb2.AnnouncePaymentResponse = await self.call("AnnouncePayment", request, **call)
        return answer.announcement

    async def withdraw(self, reference: str, account: str = "b1") -> None:
        """Say that it is not being paid so after all."""
        request = service_pb2.WithdrawAnnouncementRequest(account_id=account, reference=reference)
        await self.call("WithdrawAnnouncement", request)

    async def announced(self, **call: Any) -> dict[str, str]:
        """Where everything stands that was announced, the newest first."""
        answer = await self.call("ListAnnouncements", service_pb2.ListAnnouncementsRequest(), **call)
        return {a.reference: a.state for a in answer.announcements}

    async def work(self) -> None:
        """Do all jobs, those too that wait for their turn."""
        while await self.rows("SELECT FROM job"):
            await drain(self.parts.consumer, SERVICE.works(self.parts))

    async def upload(self, *rows: str, **call: Any) -> list[tuple[int, str, str, str]]:
        content = "\n".join(("reference,account,value_date,amount,currency,remittance", *rows)).encode()
        answer = await self.call("ImportBankStatement", service_pb2.ImportBankStatementRequest(content=content), **call)
        return [(row.row, row.reference, row.outcome, row.code) for row in answer.rows]

    async def account(self, account: str = "b1", **call: Any) -> dict[str, dict[str, int]]:
        answer = await self.call("GetAccount", service_pb2.GetAccountRequest(account_id=account), **call)
        names = ("open", "overdue", "disputed", "unapplied", "credits")
        return {b.open.currency: {name: getattr(b, name).minor for name in names} for b in answer.balances}

    async def items(self, **call: Any) -> dict[str, tuple[int, int]]:
        answer = await self.call("ListOpenItems", service_pb2.ListOpenItemsRequest(), **call)
        return {item.invoice_id: (item.open.minor, item.disputed.minor) for item in answer.items}

    async def trial(self, currency: str = "EUR", **call: Any) -> dict[str, int]:
        """The trial balance; whoever asks sees that it adds up."""
        answer = await self.call("GetTrialBalance", service_pb2.GetTrialBalanceRequest(), **call)
        found = {b.account: b.balance.minor for b in answer.balances if b.balance.currency == currency}
        assert sum(found.values()) == 0
        return {account: minor for account, minor in found.items() if minor}

    async def rows(self, sql: str, tenant: str = "acme") -> list[Any]:
        async with self.parts.database.transaction([tenant]) as tx:
            return await tx.rows(sql)

    async def told(self, tenant: str = "") -> list[tuple[str, str, Any]]:
        """What was announced so far, in order: the type's last word, its subject, and the message."""
        rows = await self.rows(
            "SELECT headers->>'ce_type' AS type, headers->>'ce_subject' AS subject, key, payload FROM outbox"
            " ORDER BY id"
        )
        rows = [row for row in rows if row.key.startswith(f"{tenant}/" if tenant else "")]
        messages = [_TOLD[row.type].FromString(row.payload) for row in rows]
        assert all(row.key.endswith(f"/{m.account_id}") for row, m in zip(rows, messages, strict=True))
        return [(r.type.rsplit(".", 1)[-1], r.subject, m) for r, m in zip(rows, messages, strict=True)]

    async def parked(self) -> list[tuple[str, str, str | None]]:
        rows = await self.rows("SELECT reason, code, waits_for FROM parked WHERE closed_at IS NULL ORDER BY id")
        return [(row.reason, row.code, row.waits_for) for row in rows]

    async def set_clock(self, at: datetime) -> None:
        async with self.parts.database.transaction(()) as tx:
            await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at])


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # of an answer it needs what this error has
    info = error_details_pb2.ErrorInfo()
    if status is None or not status.details[0].Unpack(info):
        return "without a code"
    return str(info.reason)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def money(minor: int, currency: str = "EUR") -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency=currency)


def a_payment(
    payment_id: str,
    minor: int,
    remittance: str = "",
    *,
    account: str = "b1",
    currency: str = "EUR",
    value_date: str = "2026-02-01",
) -> service_pb2.RecordPaymentRequest:
    return service_pb2.RecordPaymentRequest(
        payment_id=payment_id,
        account_id=account,
        amount=money(minor, currency),
        value_date=value_date,
        remittance=remittance,
    )


def registered(account: str = "b1", currency: str = "EUR", *, tenant: str = "acme") -> Record:
    body = credit_pb2.BuyerRegistered(account_id=account, limit=money(100_000, currency))
    return a_record(body, account=account, subject=f"buyer/{account}", tenant=tenant)


def issued(
    invoice: str = "i1",
    net: int = 10_000,
    tax: int = 1_900,
    *,
    account: str = "b1",
    due: str = "2026-02-09",
    currency: str = "EUR",
    tenant: str = "acme",
    event_id: str | None = None,
    site: str = "",
    **changes: Any,
) -> Record:
    body = invoicing_pb2.InvoiceIssued(
        invoice_id=invoice,
        number=f"RE-{invoice}",
        account_id=account,
        order_id=f"o-{invoice}",
        final=True,
        issue_date="2026-01-10",
        due_date=due,
        currency=currency,
        net_minor=net,
        tax_minor=tax,
        gross_minor=net + tax,
        scope=party_pb2.Scope(site=site),
    )
    for field, value in changes.items():
        setattr(body, field, value)
    return a_record(body, account=account, subject=f"invoice/{invoice}", tenant=tenant, event_id=event_id)


def credited(
    invoice: str = "i1",
    net: int = 1_000,
    tax: int = 190,
    *,
    note: str = "c1",
    account: str = "b1",
    currency: str = "EUR",
    tenant: str = "acme",
    event_id: str | None = None,
    **changes: Any,
) -> Record:
    body = invoicing_pb2.CreditNoteIssued(
        credit_note_id=note,
        number=f"CN-{note}",
        invoice_id=invoice,
        account_id=account,
        issue_date="2026-01-20",
        currency=currency,
        net_minor=net,
        tax_minor=tax,
        gross_minor=net + tax,
    )
    for field, value in changes.items():
        setattr(body, field, value)
    return a_record(body, account=account, subject=f"invoice/{invoice}", tenant=tenant, event_id=event_id)


def seller_registered(seller: str = "s1", *, tenant: str = "acme") -> Record:
    body = invoicing_pb2.SellerRegistered(seller_id=seller, company=party_pb2.Company(name="S"))
    return a_record(body, account=seller, subject=f"seller/{seller}", tenant=tenant)


def seller_in(zone: str, seller: str = "s1", *, version: int = 1, tenant: str = "acme") -> Record:
    said = invoicing_pb2.Seller(seller_id=seller, time_zone=zone)
    body = invoicing_pb2.SellerChanged(version=version, seller=said)
    return a_record(body, account=seller, subject=f"seller/{seller}", tenant=tenant)


def decided(
    order: str = "o1", minor: int = 5_000, outcome: str = "APPROVED", *, account: str = "b1", tenant: str = "acme"
) -> Record:
    body = credit_pb2.CreditDecided(
        decision_id=f"decision-{order}-{outcome}",
        order_id=order,
        version=1,
        account_id=account,
        outcome=credit_pb2.Outcome.Value(f"OUTCOME_{outcome}"),
        amount=money(minor),
    )
    return a_record(body, account=account, subject=f"order/{order}", tenant=tenant)


def captured(order: str = "o1", minor: int = 5_000, number: str = "RE-i1", *, tenant: str = "acme") -> Record:
    body = credit_pb2.HoldCaptured(
        order_id=order, version=1, account_id="b1", amount=money(minor), invoice_number=number
    )
    return a_record(body, account="b1", subject=f"order/{order}", tenant=tenant)


def released(order: str = "o1", minor: int = 5_000, cause: str = "CANCELLED", *, tenant: str = "acme") -> Record:
    why = credit_pb2.ReleaseCause.Value(f"RELEASE_CAUSE_{cause}")
    body = credit_pb2.HoldReleased(order_id=order, version=1, account_id="b1", amount=money(minor), cause=why)
    return a_record(body, account="b1", subject=f"order/{order}", tenant=tenant)


def expired(order: str = "o1", minor: int = 5_000) -> Record:
    body = credit_pb2.HoldExpired(order_id=order, version=1, account_id="b1", amount=money(minor))
    return a_record(body, account="b1", subject=f"order/{order}")


def disputed(
    dispute: str = "d1",
    minor: int = 700,
    *,
    invoice: str = "i1",
    account: str = "b1",
    tenant: str = "acme",
    nth: int = 0,
) -> Record:
    body = disputes_pb2.DisputeOpened(dispute_id=dispute, invoice_id=invoice, account_id=account, amount=money(minor))
    return a_record(body, account=account, subject=f"dispute/{dispute}", tenant=tenant, headers=_numbered(nth))


def moved(
    to: str, dispute: str = "d1", minor: int = 700, *, invoice: str = "i1", tenant: str = "acme", nth: int = 0
) -> Record:
    body = disputes_pb2.DisputeMoved(
        dispute_id=dispute,
        invoice_id=invoice,
        account_id="b1",
        to_state=disputes_pb2.State.Value(f"STATE_{to}"),
        amount=money(minor),
    )
    return a_record(body, account="b1", subject=f"dispute/{dispute}", tenant=tenant, headers=_numbered(nth))


def changed(to: str, dispute: str, minor: int, *, invoice: str = "i1", nth: int = 0) -> Record:
    """A case contests another amount than before, for it was merged or split; or it is another in what nothing is booked of."""
    body = disputes_pb2.DisputeChanged(
        dispute_id=dispute,
        invoice_id=invoice,
        account_id="b1",
        change=disputes_pb2.Change.Value(f"CHANGE_{to}"),
        amount=money(minor),
    )
    return a_record(body, account="b1", subject=f"dispute/{dispute}", headers=_numbered(nth))


def resolved(dispute: str = "d1", *, invoice: str = "i1", tenant: str = "acme", nth: int = 0) -> Record:
    body = disputes_pb2.DisputeResolved(
        dispute_id=dispute,
        invoice_id=invoice,
        account_id="b1",
        resolution=disputes_pb2.RESOLUTION_FULL_CREDIT,
        credit=money(700),
        disputed=money(700),
    )
    return a_record(body, account="b1", subject=f"dispute/{dispute}", tenant=tenant, headers=_numbered(nth))


def _numbered(nth: int) -> dict[str, str]:
    """The number of an event within its account, as the disputes service gives it."""
    return {"ce_sequence": str(nth)} if nth else {}

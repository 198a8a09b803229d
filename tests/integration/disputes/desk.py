"""Disputes as its callers see it, and what invoicing and the ledger say to it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import (
    causes_pb2_grpc,
    events_pb2,
    incidents_pb2_grpc,
    responses_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
    standing_pb2_grpc,
)
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from services.chassis.envelope import Record
from services.chassis.service import Parts
from tests.records import a_record

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Refused(Exception):  # noqa: N818 - a word of the trade, as in the kernel
    """The call was refused with this code."""

    def __init__(self, status: grpc.StatusCode, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Desk:
    """A running disputes service, as its callers and its database see it."""

    parts: Parts[Any]
    stub: Any

    async def call(
        self, method: str, request: Message, *, tenant: str = "acme", by: str = "user:bo", key: str = ""
    ) -> Any:
        metadata = (
            ("ar-tenant", tenant),
            ("ar-actor", by),
            ("ar-reason", "because"),
            ("ar-idempotency-key", key or str(uuid4())),
        )
        try:
            return await getattr(self.stub, method)(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code(), _reason(error)) from None

    async def open(
        self,
        *lines: tuple[str, str],
        cents: int = 0,
        invoice: str = "i1",
        by: str = "contact:ann",
        reason: str = "QTY_SHORT",
        **call: Any,
    ) -> Any:
        request = service_pb2.OpenRequest(
            invoice=invoice,
            reason_code=reason,
            description="two are missing",
            lines=_lines(lines),
            amount=money_pb2.Money(minor=cents, currency="EUR") if cents else None,
        )
        return (await self.call("Open", request, by=by, **call)).dispute

    async def move(self, case: Any, *actions: str, missing: str = "", **call: Any) -> Any:
        for action in actions:
            request = service_pb2.MoveRequest(
                dispute_id=case.dispute_id, action=service_pb2.Action.Value(f"ACTION_{action}"), missing=missing
            )
            case = (await self.call("Move", request, **call)).dispute
        return case

    async def resolve(
        self,
        case: Any,
        resolution: str,
        *lines: tuple[str, str],
        cents: int = 0,
        correction: events_pb2.Correction | None = None,
        by: str = "user:cy",
        cause: str = "",
        **call: Any,
    ) -> Any:
        request = service_pb2.ResolveRequest(
            dispute_id=case.dispute_id,
            resolution=events_pb2.Resolution.Value(f"RESOLUTION_{resolution}"),
            lines=_lines(lines),
            amount=money_pb2.Money(minor=cents, currency="EUR") if cents else None,
            correction=correction,
            cause=cause,
        )
        return (await self.call("Resolve", request, by=by, **call)).dispute

    async def get(self, case: Any, **call: Any) -> Any:
        return await self.call("GetDispute", service_pb2.GetDisputeRequest(dispute_id=case.dispute_id), **call)

    async def follow(self, *records: Record) -> None:
        await self.parts.consumer.handle(records)

    async def rows(self, sql: str, tenant: str = "acme") -> list[Any]:
        async with self.parts.database.transaction([tenant]) as tx:
            return await tx.rows(sql)

    async def row(self, sql: str, tenant: str = "acme") -> Any:
        [row] = await self.rows(sql, tenant)
        return row

    async def told(self) -> list[tuple[str, Any]]:
        """What was announced so far, in order: the type's last word, and the message."""
        types = {
            f"receivables.disputes.v1.{kind.__name__}": kind
            for kind in (
                events_pb2.DisputeOpened,
                events_pb2.DisputeChecked,
                events_pb2.DisputeMoved,
                events_pb2.DisputeResolved,
                events_pb2.DisputeChanged,
                events_pb2.DisputeAtRisk,
                events_pb2.DisputeLate,
                events_pb2.DisputeCellSet,
                events_pb2.PolicyChanged,
                events_pb2.StandingApprovalProposed,
                events_pb2.StandingApprovalGranted,
                events_pb2.StandingApprovalRevoked,
                events_pb2.StandingApprovalUsed,
                events_pb2.ResponseReceived,
                events_pb2.ActionOpened,
                events_pb2.ActionMoved,
                events_pb2.IncidentChanged,
                events_pb2.IncidentJoined,
                events_pb2.IncidentCaseEnded,
                events_pb2.IncidentMoved,
            )
        }
        rows = await self.rows("SELECT headers->>'ce_type' AS type, payload FROM outbox ORDER BY id")
        return [(row.type.rsplit(".", 1)[-1], types[row.type].FromString(row.payload)) for row in rows]

    async def set_clock(self, at: datetime) -> None:
        async with self.parts.database.transaction(()) as tx:
            await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at])


class Stubs:
    """All services of disputes behind one channel: the name of a method says whose it is."""

    def __init__(self, channel: Any) -> None:
        """Make each."""
        self._stubs = [
            service_pb2_grpc.DisputesServiceStub(channel),
            responses_pb2_grpc.ResponseServiceStub(channel),
            causes_pb2_grpc.CauseServiceStub(channel),
            incidents_pb2_grpc.IncidentServiceStub(channel),
            standing_pb2_grpc.StandingApprovalServiceStub(channel),
        ]

    def __getattr__(self, method: str) -> Any:
        """Give the method of whichever has it."""
        return next(getattr(stub, method) for stub in self._stubs if hasattr(stub, method))


def _lines(lines: tuple[tuple[str, str], ...]) -> list[events_pb2.DisputedLine]:
    return [events_pb2.DisputedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines]


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # of an answer it needs what this error has
    info = error_details_pb2.ErrorInfo()
    if status is None or not status.details[0].Unpack(info):
        return "without a code"
    return str(info.reason)


def issued(
    invoice: str = "i1",
    *,
    tenant: str = "acme",
    account: str = "b1",
    number: str = "",
    names: tuple[str, str, str] = ("", "", ""),
) -> Record:
    """An invoice of 10 at 10.00 and 1 at 50.00 with 19 %, 4 at 5.00 with 7 %: gross 199.90."""
    body = invoicing_pb2.InvoiceIssued(
        invoice_id=invoice,
        number=number or f"N-{invoice}",
        account_id=account,
        order_id="o1",
        issue_date="2026-02-27",
        currency="EUR",
        net_minor=17_000,
        tax_minor=2_990,
        gross_minor=19_990,
    )
    for name, (line_id, quantity, price, net, rate) in zip(
        names,
        (
            ("1", "10", "10.00", 10_000, "19"),
            ("2", "1", "50.00", 5_000, "19"),
            ("3", "4", "5.00", 2_000, "7"),
        ),
        strict=True,
    ):
        body.lines.add(
            line_id=line_id,
            name=name,
            sku=f"sku-{line_id}",
            quantity=quantity,
            unit_price=price,
            net_minor=net,
            vat_category="S",
            vat_rate=rate,
        )
    return a_record(body, account=account, subject=f"invoice/{invoice}", tenant=tenant)


def seller(seller_id: str = "s1", *, version: int = 1, tenant: str = "acme", **said: str) -> Record:
    """A legal entity and its clock."""
    body = invoicing_pb2.SellerChanged(
        version=version,
        seller=invoicing_pb2.Seller(seller_id=seller_id, **said),  # type: ignore[arg-type] # all are texts
    )
    return a_record(body, account=seller_id, subject=f"seller/{seller_id}", tenant=tenant)


def credited(
    case: Any, cents: int, *, note: str = "c1", invoice: str = "i1", account: str = "b1", corrected: str = ""
) -> Record:
    """A credit note on an invoice, which ends a case if one is given; perhaps beside a corrected invoice."""
    body = invoicing_pb2.CreditNoteIssued(
        credit_note_id=note,
        number=f"C-{note}",
        invoice_id=invoice,
        account_id=account,
        dispute_id=case.dispute_id if case else "",
        currency="EUR",
        gross_minor=cents,
    )
    if corrected:
        body.rebilled_by.document_id, body.rebilled_by.number = corrected, "N-2"
    return a_record(body, account=account, subject=f"invoice/{invoice}")


def reduced(open_cents: int, sequence: int, *, invoice: str = "i1") -> Record:
    """Less of an invoice is owed."""
    body = ledger_pb2.ItemReduced(
        invoice_id=invoice, account_id="b1", open=money_pb2.Money(minor=open_cents, currency="EUR")
    )
    headers = {"ce_sequence": str(sequence)}
    return a_record(body, account="b1", subject=f"invoice/{invoice}", headers=headers)


def sent_again(dispute: str, *, invoice: str = "i1", account: str = "b1", shipment: str = "r1") -> Record:
    """What a case ended in sending again has left."""
    body = invoicing_pb2.ReplacementShipped(
        dispute_id=dispute,
        invoice_id=invoice,
        account_id=account,
        order_id="o1",
        shipment_id=shipment,
        shipped_on="2026-03-03",
    )
    return a_record(body, account=account, subject=f"dispute/{dispute}")


def written_off(case: Any, cents: int, open_cents: int, sequence: int = 9) -> Record:
    """The books gave up what a case ended in giving up, as far as it was open."""
    body = ledger_pb2.ItemReduced(
        invoice_id="i1",
        account_id="b1",
        by=ledger_pb2.REDUCTION_WRITTEN_OFF,
        amount=money_pb2.Money(minor=cents, currency="EUR"),
        open=money_pb2.Money(minor=open_cents, currency="EUR"),
        cause_id=case.dispute_id,
    )
    return a_record(body, account="b1", subject="invoice/i1", headers={"ce_sequence": str(sequence)})


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]

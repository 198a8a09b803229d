"""Notifications as its callers, its topics and the people who read its mail see it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.common.v1.party_pb2 import Company, Scope
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.invoicing.v1 import events_pb2 as invoicing_events_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import events_pb2, service_pb2
from receivables.notifications.v1.feedback_pb2_grpc import FeedbackServiceStub
from receivables.notifications.v1.letters_pb2_grpc import LetterServiceStub
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub

from deploy.local.mail import Mail
from services.chassis import parked
from services.chassis.access import CALL
from services.chassis.envelope import Event
from services.chassis.service import Parts, Servicer
from services.chassis.workers import Work, count_due, workers
from services.notifications import store
from tests.unit.notifications.samples import ACCOUNT, TENANT, an_event, eur, record

XML = b"<?xml version='1.0'?><Invoice>\xc3\xa9</Invoice>"


class Refused(Exception):  # noqa: N818 - a word of the trade, as in the kernel
    """The call was refused with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Invoicing(invoicing_grpc.InvoicingServiceServicer):
    """Invoicing's one answer that matters here, behind a real door; it can be away."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False
    content: bytes = XML
    starting: int = 0  # so many calls are still answered UNAVAILABLE

    async def RenderDocument(
        self, request: invoicing_pb2.RenderDocumentRequest, context: Any
    ) -> invoicing_pb2.RenderDocumentResponse:
        call = CALL.get()
        assert call is not None
        assert call.principal is not None
        self.asked.append((call.principal.tenant, request.document))
        if self.starting:
            self.starting -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        if self.away:
            await context.abort(grpc.StatusCode.INTERNAL, "not now")
        return invoicing_pb2.RenderDocumentResponse(
            content=self.content, media_type="application/xml", file_name=f"{request.document}.xml", sha256="-"
        )


@dataclass
class Writers:
    """What people wrote, behind the doors of disputes and the ledger; they can be away."""

    missing: dict[tuple[str, int], str] = field(default_factory=dict)
    remittances: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    silent: bool = False

    async def _come(self, what: str, context: Any) -> None:
        self.asked.append(what)
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            await context.abort(grpc.StatusCode.INTERNAL, "not now")

    async def move(self, request: disputes_pb2.GetMoveRequest, context: Any) -> disputes_pb2.GetMoveResponse:
        """As disputes answers."""
        await self._come(f"{request.dispute_id}/{request.nth}", context)
        if (request.dispute_id, request.nth) not in self.missing:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such case")
        missing = self.missing[request.dispute_id, request.nth]
        return disputes_pb2.GetMoveResponse(move=disputes_pb2.HistoryEntry(nth=request.nth, missing=missing))

    async def payment(self, request: ledger_pb2.GetPaymentRequest, context: Any) -> ledger_pb2.GetPaymentResponse:
        """As the ledger answers."""
        await self._come(request.payment_id, context)
        remittance = self.remittances.get(request.payment_id, "")
        return ledger_pb2.GetPaymentResponse(
            payment=ledger_pb2.Payment(payment_id=request.payment_id, remittance=remittance)
        )

    def disputes(self) -> Servicer:
        """What answers as disputes."""
        answers: Any = disputes_grpc.DisputesServiceServicer()  # type: ignore[abstract] # asked for moves alone
        answers.GetMove = self.move
        name = "receivables.disputes.v1.DisputesService"
        return Servicer(name, disputes_grpc.add_DisputesServiceServicer_to_server, answers)

    def ledger(self) -> Servicer:
        """What answers as the ledger."""
        answers: Any = ledger_grpc.LedgerServiceServicer()  # type: ignore[abstract] # asked for payments alone
        answers.GetPayment = self.payment
        name = "receivables.ledger.v1.LedgerService"
        return Servicer(name, ledger_grpc.add_LedgerServiceServicer_to_server, answers)


@dataclass(frozen=True)
class Office:
    """A running notifications service, with the mail server and the invoicing that it talks to."""

    parts: Parts[Any]
    stub: Any
    works: Sequence[Work]
    mail: Mail
    invoicing: Invoicing
    writers: Writers

    async def call(self, method: str, request: Message, *, tenant: str = TENANT, by: str = "user:bo") -> Any:
        metadata = (
            ("ar-tenant", tenant),
            ("ar-actor", by),
            ("ar-reason", "because"),
            ("ar-idempotency-key", str(uuid4())),
        )
        try:
            return await getattr(self.stub, method)(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise Refused(_reason(error)) from None

    async def register(self, contact_id: str, *roles: str, account: str = ACCOUNT, **changes: Any) -> None:
        """A person, at `<id>@<account>.example` unless told otherwise; account '' is the seller's."""
        values: dict[str, Any] = {
            "name": f"Person {contact_id}",
            "email": f"{contact_id}@{account or 'nordwind'}.example",
            "language": "en",
            "scope": Scope(),
        }
        request = service_pb2.RegisterContactRequest(
            contact_id=contact_id, account_id=account, roles=roles, **(values | changes)
        )
        await self.call("RegisterContact", request)

    async def know_the_companies(self) -> None:
        await self.follow(
            an_event(
                credit_pb2.BuyerRegistered(account_id=ACCOUNT, company=Company(name="Acme Ltd"), limit=eur(1)),
                "buyer/acme",
            ),
            an_event(
                invoicing_events_pb2.SellerRegistered(seller_id="s", company=Company(name="Nordwind GmbH")),
                "seller/s",
                account="s",
            ),
        )
        await self.know_the_seller()

    async def know_the_seller(self, version: int = 1, **changes: Any) -> None:
        """The seller is in Berlin, unless told otherwise."""
        values: dict[str, Any] = {
            "seller_id": "s",
            "company": Company(name="Nordwind GmbH"),
            "time_zone": "Europe/Berlin",
        }
        seller = invoicing_events_pb2.Seller(**(values | changes))
        body = invoicing_events_pb2.SellerChanged(version=version, seller=seller)
        await self.follow(an_event(body, f"seller/{seller.seller_id}", account=seller.seller_id))

    async def follow(self, *events: Event[Any]) -> None:
        await self.parts.consumer.handle([record(event) for event in events])

    async def send(self) -> None:
        """Send all that is due now."""
        while await self.due():
            await self.send_once()

    async def send_once(self) -> int:
        """Do what jobs there are now; return how many it was."""
        return sum([await worker.some() for worker in reversed(workers(self.parts.consumer, self.works))])

    async def replay(self, parked_id: int) -> None:
        """As an operator does."""
        consumer = self.parts.consumer
        async with self.parts.database.transaction([]) as tx:
            [row] = await parked.listed(tx, consumer.name, after=parked_id - 1, most=1)
        await consumer.replay(row, by="user:ops")

    async def taken_up(self) -> list[store.Mail]:
        """The mails of all jobs, as whoever is about to send them sees them."""
        jobs = await self.rows("SELECT tenant, subject FROM job WHERE kind = 'letter' ORDER BY id")
        async with self.parts.database.transaction([TENANT]) as tx:
            mails, _ = await store.open_mails(tx, [(job.tenant, job.subject.removeprefix("message/")) for job in jobs])
        return list(mails.values())

    async def due(self) -> int:
        return await count_due(self.parts.database, self.works)

    async def forget_pauses(self) -> None:
        """As if the time until the next attempts had passed, by the system's clock."""
        await self.rows("UPDATE mail SET next_try_at = now() RETURNING 1")
        await self.forget_jobs_pauses()

    async def forget_jobs_pauses(self) -> None:
        """The same, but the version before this one still leaves our mails to us."""
        await self.rows("UPDATE job SET next_try_at = now() RETURNING 1")

    def mails(self, to: str = "") -> list[EmailMessage]:
        """What arrived, in order; of one person if named."""
        files = sorted(self.mail.folder.glob("*.eml"), key=lambda file: int(file.name.split("-")[0]))
        return [read(file) for file in files if not to or file.name.split("-", 1)[1].startswith(f"{to}@")]

    def mail_to(self, contact_id: str) -> EmailMessage:
        """The one mail that this person got."""
        [mail] = self.mails(contact_id)
        return mail

    async def messages(self, **filters: Any) -> Sequence[Any]:
        """What was told, newest first."""
        answer = await self.call("ListMessages", service_pb2.ListMessagesRequest(**filters))
        return list(answer.messages)

    async def rows(self, sql: str, tenant: str = TENANT) -> list[Any]:
        async with self.parts.database.transaction([tenant]) as tx:
            return await tx.rows(sql)

    async def told(self) -> list[Any]:
        """What was announced so far, in order, but of whom accounts miss."""
        types = {
            f"receivables.notifications.v1.{kind.__name__}": kind
            for kind in (
                events_pb2.MessageDelivered,
                events_pb2.MessageBounced,
                events_pb2.ContactUnreachable,
                events_pb2.ContactErased,
                events_pb2.JourneyStepSlow,
                events_pb2.ServiceLevelsSet,
                events_pb2.FeedbackAsked,
                events_pb2.FeedbackAnswered,
                events_pb2.FeedbackActionMoved,
                events_pb2.RoleSoured,
            )
        }
        rows = await self.rows("SELECT headers->>'ce_type' AS type, payload FROM outbox ORDER BY id")
        gaps = "receivables.notifications.v1.ContactGap"
        return [types[row.type].FromString(row.payload) for row in rows if row.type != gaps]

    async def set_clock(self, at: datetime) -> None:
        async with self.parts.database.transaction(()) as tx:
            await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at", [at])

    async def restart_mail(self) -> None:
        await asyncio.to_thread(self.mail.start)


def read(file: Path) -> EmailMessage:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # of an answer it needs what this error has
    info = error_details_pb2.ErrorInfo()
    if status is None or not status.details[0].Unpack(info):
        return f"without a code: {error.code().name}"
    return str(info.reason)


class Stubs:
    """All that notifications answers behind one channel: the name of a method says whose it is."""

    def __init__(self, channel: Any) -> None:
        """Make each."""
        self._stubs = [NotificationsServiceStub(channel), FeedbackServiceStub(channel), LetterServiceStub(channel)]

    def __getattr__(self, method: str) -> Any:
        """Give the method of whichever has it."""
        return next(getattr(stub, method) for stub in self._stubs if hasattr(stub, method))


OpenOffice = Callable[..., AbstractAsyncContextManager[Office]]

"""Translates what buyers' systems say of invoices to and from the contracts."""

from datetime import datetime

from receivables.disputes.v1 import events_pb2, responses_pb2

from services import contracts
from services.chassis.envelope import Event
from services.disputes.domain import responses
from services.disputes.domain.responses import Response, Status
from services.disputes.store_responses import Kept, Unread
from services.kernel.calendars import day
from services.kernel.orders import Scope

_STATUSES = {status: events_pb2.BuyerStatus.Value(f"BUYER_STATUS_{status.name}") for status in Status}
_OURS = {theirs: ours for ours, theirs in _STATUSES.items()}


def response(said: responses_pb2.ReadResponseRequest) -> Response:
    """What a buyer's system says, read."""
    return responses.read(said.content)


def received(kept: Kept, scope: Scope) -> events_pb2.ResponseReceived:
    """It came, to tell: without anybody's words."""
    return events_pb2.ResponseReceived(
        invoice_id=kept.invoice_id,
        invoice_number=kept.invoice_number,
        account_id=kept.account_id,
        scope=contracts.scope_message(scope),
        nth=kept.nth,
        message_id=kept.message_id,
        sha256=kept.sha256,
        status=_STATUSES[kept.status],
        issued_on=kept.issued_on.isoformat(),
        effective_on=kept.effective_on.isoformat() if kept.effective_on else "",
        reasons=kept.reasons,
        actions=kept.actions,
        terms=kept.terms,
        dispute_id=kept.dispute_id,
        opened=kept.opened,
    )


def kept(event: Event[events_pb2.ResponseReceived], at: datetime) -> Kept:
    """The same as it was told, without what people wrote in it."""
    body = event.body
    return Kept(
        invoice_id=body.invoice_id,
        invoice_number=body.invoice_number,
        account_id=body.account_id,
        nth=body.nth,
        message_id=body.message_id,
        sha256=body.sha256,
        status=_OURS[body.status],
        issued_on=day(body.issued_on, what="issued_on"),
        effective_on=day(body.effective_on, what="effective_on") if body.effective_on else None,
        reasons=tuple(body.reasons),
        actions=tuple(body.actions),
        terms=tuple(body.terms),
        dispute_id=body.dispute_id,
        opened=body.opened,
        words="",
        received_by=event.origin.actor,
        received_at=at,
    )


def response_message(kept: Kept) -> responses_pb2.InvoiceResponse:
    """A response to answer with."""
    message = responses_pb2.InvoiceResponse(
        invoice_id=kept.invoice_id,
        invoice_number=kept.invoice_number,
        account_id=kept.account_id,
        nth=kept.nth,
        message_id=kept.message_id,
        status=_STATUSES[kept.status],
        issued_on=kept.issued_on.isoformat(),
        effective_on=kept.effective_on.isoformat() if kept.effective_on else "",
        reasons=kept.reasons,
        actions=kept.actions,
        terms=kept.terms,
        dispute_id=kept.dispute_id,
        opened=kept.opened,
        words=kept.words,
        received_by=kept.received_by,
    )
    message.received_at.FromDatetime(kept.received_at)
    return message


def unread_message(one: Unread) -> responses_pb2.UnreadResponse:
    """What nobody could read, to answer with."""
    message = responses_pb2.UnreadResponse(channel_id=one.channel_id, sha256=one.sha256, code=one.code, tried=one.tried)
    message.tried_at.FromDatetime(one.tried_at)
    return message

"""Translates what the other services announce into what it means for the journeys of orders, invoices, cases and applications."""

from collections.abc import Callable, Mapping
from datetime import UTC, date
from typing import Any

from google.protobuf.message import Message
from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Event
from services.kernel.calendars import day
from services.kernel.refusals import Invalid
from services.notifications.domain.journeys import Hours, News
from services.notifications.domain.stories import WHOLE_COMPANY
from services.notifications.wire import clean, scope_of

_ENDED = {
    disputes_pb2.STATE_REJECTED: "REJECTED",
    disputes_pb2.STATE_WITHDRAWN: "WITHDRAWN",
    disputes_pb2.STATE_DUPLICATE: "DUPLICATE",
}
# The seller has answered: by a proposal, or by an end.
_ANSWERED = {
    disputes_pb2.STATE_PROPOSED,
    disputes_pb2.STATE_ACCEPTED,
    disputes_pb2.STATE_RESOLVING,
    disputes_pb2.STATE_REJECTED,
}
_AGAIN = {disputes_pb2.STATE_APPEALED, disputes_pb2.STATE_REOPENED}
# What an application's move means for its steps. While the applicant owes an answer, nothing is promised of the decision;
# one that is looked at again is decided anew, by another person.
_APPLIED: Mapping[int, Mapping[str, Any]] = {
    applications_pb2.APPLICATION_STATE_DRAFT: {},
    applications_pb2.APPLICATION_STATE_SUBMITTED: {
        "dropped": ("AGREED",),
        "done": ("APPLIED",),
        "reopened": ("ANSWERED",),
    },
    applications_pb2.APPLICATION_STATE_REFERRED: {"expected": ("LOOKED_AT",)},
    applications_pb2.APPLICATION_STATE_IN_REVIEW: {
        "dropped": ("PROPOSED",),
        "done": ("LOOKED_AT",),
        "settled": ("ASKED",),
    },
    applications_pb2.APPLICATION_STATE_WAITING_FOR_FACTS: {
        "dropped": ("ASKED", "ANSWERED"),
        "done": ("LOOKED_AT",),
        "expected": ("ASKED",),
    },
    applications_pb2.APPLICATION_STATE_PROPOSED: {"done": ("PROPOSED",)},
    applications_pb2.APPLICATION_STATE_DECIDED: {"settled": ("LOOKED_AT", "ASKED"), "done": ("ANSWERED",)},
    applications_pb2.APPLICATION_STATE_ACCEPTED: {"done": ("AGREED",)},
    applications_pb2.APPLICATION_STATE_APPEALED: {
        "dropped": ("PROPOSED", "AGREED"),
        "reopened": ("LOOKED_AT", "ANSWERED"),
    },
    applications_pb2.APPLICATION_STATE_EXPIRED: {"ends": "EXPIRED"},
    applications_pb2.APPLICATION_STATE_WITHDRAWN: {"ends": "WITHDRAWN"},
}
# How a case ends that credits nothing; what is sent again has no end of its own.
_NO_CREDITS = {
    disputes_pb2.RESOLUTION_INVALID_PAYABLE: "PAYABLE",
    disputes_pb2.RESOLUTION_WRITE_OFF: "WRITTEN_OFF",
    disputes_pb2.RESOLUTION_REPLACEMENT: "",
}
_TRACKS = frozenset(applications_pb2.Track.values()) - {applications_pb2.TRACK_UNSPECIFIED}
_REDUCED = {ledger_pb2.REDUCTION_CREDITED: "CREDITED", ledger_pb2.REDUCTION_WRITTEN_OFF: "WRITTEN_OFF"}


def news_of(event: Event[Any]) -> list[News]:
    """What an event means, and for which journeys."""
    return _TOLD[type(event.body)](event)


def _news(event: Event[Any], kind: str, key: str, **said: Any) -> News:
    seller_id = getattr(event.body, "seller_id", "")
    return News(event.tenant, f"{kind}/{clean(key)}", event.account_id, seller_id=seller_id, **said)


def _placed(event: Event[orders_pb2.OrderPlaced]) -> list[News]:
    body = event.body
    return [
        _news(
            event,
            "order",
            body.order_id,
            done=("PLACED",),
            promised=_by("SHIPPED", body.promised_ship_on),
            scope=scope_of(body.scope),
            version=body.version,
        )
    ]


def _cancelled(event: Event[orders_pb2.OrderCancelled]) -> list[News]:
    return [_news(event, "order", event.body.order_id, ends="CANCELLED", version=event.body.version)]


def _decided(event: Event[credit_pb2.CreditDecided]) -> list[News]:
    body = event.body
    decided = body.outcome != credit_pb2.OUTCOME_REFERRED
    declined = body.outcome == credit_pb2.OUTCOME_DECLINED
    return [
        _news(
            event,
            "order",
            body.order_id,
            done=("DECIDED",) if decided else (),
            ends="DECLINED" if declined else "",
            goes_on="" if declined else "DECLINED",
            scope=scope_of(body.scope),
            version=body.version,
        )
    ]


def _shipped(event: Event[orders_pb2.OrderShipped]) -> list[News]:
    of_order = event.body.final and not event.body.dispute_id
    return [_news(event, "order", event.body.order_id, done=("SHIPPED",))] if of_order else []


def _received(event: Event[orders_pb2.GoodsReceived]) -> list[News]:
    return [_news(event, "order", event.body.order_id, done=("RECEIVED",))]


def _invoiced(event: Event[invoicing_pb2.InvoiceIssued]) -> list[News]:
    body = event.body
    scope = scope_of(body.scope)
    invoice = _news(
        event,
        "invoice",
        body.invoice_id,
        done=("INVOICED",),
        promised=_by("PAID", body.due_date),
        scope=scope,
        name=clean(body.number),
    )
    if not body.order_id or not body.final:
        return [invoice]
    return [invoice, _news(event, "order", body.order_id, done=("INVOICED",), scope=scope)]


def _credited(event: Event[invoicing_pb2.CreditNoteIssued]) -> list[News]:
    body = event.body
    return [_news(event, "dispute", body.dispute_id, done=("CREDITED",))] if body.dispute_id else []


def _reduced(event: Event[ledger_pb2.ItemReduced]) -> list[News]:
    body = event.body
    if body.open.minor > 0 or not body.amount.minor:
        return []
    ends = _REDUCED.get(body.by, "")
    done = () if ends else ("PAID",)
    scope, name = scope_of(body.scope), clean(body.number)
    return [_news(event, "invoice", body.invoice_id, done=done, ends=ends, scope=scope, name=name)]


def _unapplied(event: Event[ledger_pb2.CashUnapplied]) -> list[News]:
    return [_news(event, "invoice", event.body.invoice_id, reopened=("PAID",), scope=scope_of(event.body.scope))]


def _paid(event: Event[ledger_pb2.PaymentReceived]) -> list[News]:
    scopes = {scope_of(scope) for scope in event.body.scopes}
    scope = scopes.pop() if len(scopes) == 1 else WHOLE_COMPANY
    return [_news(event, "payment", event.body.payment_id, done=("RECEIVED",), scope=scope)]


def _opened(event: Event[disputes_pb2.DisputeOpened]) -> list[News]:
    body = event.body
    return [_dispute(event, done=("OPENED",), track=clean(body.reason_code), **_answer(body))]


def _moved(event: Event[disputes_pb2.DisputeMoved]) -> list[News]:
    body = event.body
    if body.to_state == disputes_pb2.STATE_AWAITING_CUSTOMER:
        return [_dispute(event, reopened=("ASKED",), promised=_by("ASKED", body.next_by))]
    if body.to_state in _AGAIN:
        promised = _answer(body) if body.answer_by else {"promised": _by("ANSWERED", body.next_by)}
        return [_dispute(event, settled=("ASKED",), reopened=("ANSWERED",), **promised)]
    return [
        _dispute(
            event,
            settled=("ASKED", "CREDITED") if body.to_state == disputes_pb2.STATE_RESOLVED else ("ASKED",),
            done=("ANSWERED",) if body.to_state in _ANSWERED else (),
            **({} if body.to_state in _ANSWERED else _answer(body)),
            ends=_ENDED.get(body.to_state, ""),
        )
    ]


def _promised_anew(event: Event[disputes_pb2.DisputeLate] | Event[disputes_pb2.DisputeChanged]) -> list[News]:
    return [_dispute(event, **_answer(event.body))]


def _answer(body: Any) -> dict[str, Any]:
    """By when the seller answers a case: by an hour on a track of hours, else by a day; disputes tells when that is at risk."""
    if not body.HasField("answer_at"):
        return {"promised": _by("ANSWERED", body.answer_by)}
    latest = body.answer_at.ToDatetime(UTC)
    usually = min(body.at_risk_at.ToDatetime(UTC), latest) if body.HasField("at_risk_at") else latest
    if getattr(body, "track", disputes_pb2.TRACK_STANDARD) == disputes_pb2.TRACK_FAST:
        return {"hours": {"ANSWERED": Hours(usually, latest)}, "warned_of": ("ANSWERED",)}
    promised = _by("ANSWERED", body.answer_by)
    return {"promised": promised, "warned_of": tuple(promised)}


def _resolved(event: Event[disputes_pb2.DisputeResolved]) -> list[News]:
    expected = () if event.body.resolution in _NO_CREDITS else ("CREDITED",)
    ends = _NO_CREDITS.get(event.body.resolution, "")
    return [_dispute(event, settled=("ASKED",), done=("ANSWERED",), expected=expected, ends=ends)]


def _application_moved(event: Event[credit_pb2.ApplicationMoved]) -> list[News]:
    body = event.body
    if (said := _APPLIED.get(body.state)) is None:
        return []
    hours = {}
    if body.HasField("latest_by") and body.state != applications_pb2.APPLICATION_STATE_WAITING_FOR_FACTS:
        latest = body.latest_by.ToDatetime(UTC)
        usually = body.usually_by.ToDatetime(UTC) if body.HasField("usually_by") else latest
        hours = {"ANSWERED": Hours(usually, latest)}
    track = applications_pb2.Track.Name(body.track).removeprefix("TRACK_") if body.track in _TRACKS else ""
    moved = _news(event, "application", body.application_id, hours=hours, track=track, **said)
    if body.state != applications_pb2.APPLICATION_STATE_ACCEPTED:
        return [moved]
    return [moved, _news(event, "onboarding", event.account_id, done=("AGREED",))]


def _application_decided(event: Event[credit_pb2.ApplicationDecided]) -> list[News]:
    body, told = event.body, event.body.decision
    declined = told.outcome == applications_pb2.APPLICATION_OUTCOME_DECLINED
    until = str(told.valid_until.ToDatetime(UTC).date()) if told.HasField("valid_until") and not declined else ""
    return [
        _news(
            event,
            "application",
            body.application_id,
            promised=_by("AGREED", until),
            ends="DECLINED" if declined else "",
            goes_on="" if declined else "DECLINED",
        )
    ]


def _dispute(event: Event[Any], **said: Any) -> News:
    body = event.body
    return _news(event, "dispute", body.dispute_id, scope=scope_of(body.scope), name=clean(body.number), **said)


def _by(code: str, text: str) -> Mapping[str, date]:
    """What is promised for a step; a day that makes no sense is told to whoever is told of it, and promises nothing."""
    try:
        return {code: day(text, what=code)} if text else {}
    except Invalid:
        return {}


_TOLD: Mapping[type[Message], Callable[[Any], list[News]]] = {
    orders_pb2.OrderPlaced: _placed,
    orders_pb2.OrderCancelled: _cancelled,
    orders_pb2.OrderShipped: _shipped,
    orders_pb2.GoodsReceived: _received,
    credit_pb2.ApplicationMoved: _application_moved,
    credit_pb2.ApplicationDecided: _application_decided,
    credit_pb2.CreditDecided: _decided,
    invoicing_pb2.InvoiceIssued: _invoiced,
    invoicing_pb2.CreditNoteIssued: _credited,
    ledger_pb2.ItemReduced: _reduced,
    ledger_pb2.CashUnapplied: _unapplied,
    ledger_pb2.PaymentReceived: _paid,
    disputes_pb2.DisputeOpened: _opened,
    disputes_pb2.DisputeMoved: _moved,
    disputes_pb2.DisputeResolved: _resolved,
    disputes_pb2.DisputeChanged: _promised_anew,
    disputes_pb2.DisputeLate: _promised_anew,
}
FOLLOWED = frozenset(_TOLD)

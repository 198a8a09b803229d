"""Translates what the other services announce into stories, and our own words into the contract."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import applications_pb2 as credit_applications_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2, service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts
from services.chassis import identity
from services.chassis.envelope import Event, Origin, is_who
from services.chassis.identity import Principal
from services.kernel import credit_reasons
from services.kernel.calendars import day
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from services.notifications.domain import contacts, quotes
from services.notifications.domain.contacts import Contact
from services.notifications.domain.first_steps import Code as FirstStepCode
from services.notifications.domain.first_steps import State as FirstStepState
from services.notifications.domain.first_steps import Step as FirstStep
from services.notifications.domain.first_steps import vacant
from services.notifications.domain.journeys import Journey, Step
from services.notifications.domain.matrix import Kind
from services.notifications.domain.preferences import USUAL, Pace, Preferences, Quiet, Topic, preferences
from services.notifications.domain.rights import Registrar
from services.notifications.domain.roles import Role
from services.notifications.domain.sellers import LegalEntity, Policy, clock_time
from services.notifications.domain.stories import (
    WHOLE_COMPANY,
    Affects,
    Detail,
    Moment,
    Story,
    deadline,
    who_knows,
)

TEXT_MAX = 500  # of what others wrote, in a sentence of ours
LISTED_MAX = 5  # of many things in a sentence; how many more there are is said

_DECIDED = {
    credit_pb2.OUTCOME_APPROVED: Kind.ORDER_APPROVED,
    credit_pb2.OUTCOME_REFERRED: Kind.ORDER_REFERRED,
    credit_pb2.OUTCOME_DECLINED: Kind.ORDER_DECLINED,
}

# What looks wrong about an order is told nobody by its name: a person checks it.
_SUSPICIONS, _CHECKED = frozenset({"fraud_hold", "fraud_review", "step_up"}), "checked"
_CLEARS = frozenset({"call_back_done", "ship_to_confirmed"})
_OVERDUE = {credit_pb2.ORDER_CHECK_STATE_AT_RISK: "AT_RISK", credit_pb2.ORDER_CHECK_STATE_LATE: "LATE"}

_OUTCOMES = {
    credit_applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{outcome}"): outcome
    for outcome in ("APPROVED", "APPROVED_LOWER", "APPROVED_WITH_CONDITIONS", "DECLINED")
}
_AT_A_PERSON = {
    credit_applications_pb2.APPLICATION_STATE_REFERRED,
    credit_applications_pb2.APPLICATION_STATE_APPEALED,
}

# Cases after which nothing more is to come, and those that end in another way than credit or none.
_AT_ITS_END = {disputes_pb2.RESOLUTION_INVALID_PAYABLE, disputes_pb2.RESOLUTION_WRITE_OFF}
_ENDINGS = {
    disputes_pb2.RESOLUTION_REBILL: "REBILL",
    disputes_pb2.RESOLUTION_PRICE_CORRECTION: "PRICE_CORRECTION",
    disputes_pb2.RESOLUTION_GOODWILL: "GOODWILL",
    disputes_pb2.RESOLUTION_SPLIT_SETTLEMENT: "SPLIT_SETTLEMENT",
    disputes_pb2.RESOLUTION_WRITE_OFF: "WRITE_OFF",
}

# The moves of a case that people hear of; the others are steps inside the seller's house. That it was acknowledged is
# said by the message that it was opened, and its end by DisputeResolved.
_MOVED = {
    disputes_pb2.STATE_AWAITING_CUSTOMER: Kind.DISPUTE_QUESTION,
    disputes_pb2.STATE_PROPOSED: Kind.DISPUTE_PROPOSED,
    disputes_pb2.STATE_REJECTED: Kind.DISPUTE_REJECTED,
    disputes_pb2.STATE_APPEALED: Kind.DISPUTE_REOPENED,
    disputes_pb2.STATE_REOPENED: Kind.DISPUTE_REOPENED,
    disputes_pb2.STATE_WITHDRAWN: Kind.DISPUTE_ENDED,
    disputes_pb2.STATE_DUPLICATE: Kind.DISPUTE_ENDED,
}


# Who goes on with a case by what the evidence says: what is told of that is told once, with the evidence.
_CHECKER = "system:checks"
_OF_CHECK = {
    disputes_pb2.CHECK_OUTCOME_CREDITED: Kind.DISPUTE_PROVEN,
    disputes_pb2.CHECK_OUTCOME_REJECTED: Kind.DISPUTE_DISPROVEN,
}


def clean(text: str) -> str:
    """What somebody else wrote, on one line and of bounded length, so that it fits a header or a sentence."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    text = quotes.without_marks(text)
    return " ".join(text.split())[:TEXT_MAX]


def scope_of(message: party_pb2.Scope) -> Scope:
    """What part of the buyer's company a fact or a person concerns, written alike on both sides."""
    return Scope(clean(message.site), clean(message.cost_centre), clean(message.purchase_order))


def some(texts: Sequence[str]) -> tuple[str, ...]:
    """What others wrote, as much of it as fits a sentence, and how many more there are."""
    more = len(texts) - LISTED_MAX
    return (*map(clean, texts[:LISTED_MAX]), *((f"+ {more}",) if more > 0 else ()))


def credit_decided(event: Event[credit_pb2.CreditDecided], now: Moment) -> Story | None:
    """An order was approved, referred to a person or declined."""
    body = event.body
    if (kind := _DECIDED.get(body.outcome)) is None:
        raise Invalid("decision.outcome", "a decision approves, refers or declines")
    expires = body.hold_expires_at.ToDatetime(UTC) if body.HasField("hold_expires_at") else None
    amount = contracts.money(body.amount)
    return _story(
        event,
        now,
        kind,
        fact=f"decision/{body.decision_id}" if body.decision_id else "",
        affects=Affects(amount, orders=(clean(body.order_id),), credit_line=_money(body.headroom)),
        by_when=now.day_of(expires) if expires else None,
        scopes=(scope_of(body.scope),),
        details={
            "order": clean(body.order_id),
            "amount": amount,
            "reasons": some([_CHECKED if reason in _SUSPICIONS else reason for reason in body.reasons]),
        },
    )


def fraud_signalled(event: Event[credit_pb2.FraudSignalled], now: Moment) -> Story | None:
    """An order looks wrong and waits for a check, whichever rules saw it; of an application its move is told."""
    body = event.body
    if not body.order_id or not body.HasField("latest_by"):
        return None
    return _story(
        event,
        now,
        Kind.ORDER_CHECK,
        fact=f"order/{body.order_id}/check/{body.version}",
        affects=Affects(orders=(clean(body.order_id),)),
        by_when=now.day_of(body.latest_by.ToDatetime(UTC)),
        scopes=(scope_of(body.scope),),
        details={"order": clean(body.order_id), "clears": body.clears if body.clears in _CLEARS else ""},
    )


def order_check_moved(event: Event[credit_pb2.OrderCheckMoved], now: Moment) -> Story | None:
    """A check of an order is late, or will be if nobody makes it now; its other moves its own people made."""
    body = event.body
    if (late := _OVERDUE.get(body.state)) is None:
        return None
    return _story(
        event,
        now,
        Kind.ORDER_CHECK_LATE,
        fact=f"order/{body.order_id}/check/{body.version}/{late}",
        affects=Affects(orders=(clean(body.order_id),)),
        by_when=now.day_of(body.latest_by.ToDatetime(UTC)) if body.HasField("latest_by") else None,
        scopes=(scope_of(body.scope),),
        details={"order": clean(body.order_id), "late": "yes" if late == "LATE" else "", "owner": clean(body.owner)},
    )


def application_decided(event: Event[credit_pb2.ApplicationDecided], now: Moment) -> Story | None:
    """A company's application for credit has an answer, with why and what would change it."""
    body = event.body
    told = body.decision
    limit, deposit = _money(told.limit), _money(told.deposit)
    until = now.day_of(told.valid_until.ToDatetime(UTC)) if told.HasField("valid_until") else None
    return _story(
        event,
        now,
        Kind.APPLICATION_DECIDED,
        fact=f"application/{body.application_id}/{told.decision_id}",
        affects=Affects(credit_line=limit if limit is not None and limit.minor else None, new_orders=True),
        by_when=until,
        last_word=True,
        details={
            "outcome": _OUTCOMES.get(told.outcome, "DECLINED"),
            "limit": limit or "",
            "terms": str(told.terms_days) if told.terms_days else "",
            "deposit": deposit if deposit is not None and deposit.minor else "",
            "reasons": tuple(map(_reason, told.reasons)),
            "offers": "yes" if told.offers else "",
        },
    )


def fact_wanted(event: Event[credit_pb2.FactWanted], now: Moment) -> Story | None:
    """A person asks the applicant for something; what the engine asks stands on the page that is open."""
    body = event.body
    if not body.asked_by.startswith("user:"):
        return None
    return _story(
        event,
        now,
        Kind.APPLICATION_NEEDS_FACT,
        affects=Affects(new_orders=True),
        details={"facts": some(body.keys)},
    )


def application_moved(event: Event[credit_pb2.ApplicationMoved], now: Moment) -> Story | None:
    """A person decides on an application, by a day; other moves people hear of otherwise, or made themselves."""
    body = event.body
    if body.state not in _AT_A_PERSON or not body.HasField("latest_by"):
        return None
    latest = body.latest_by.ToDatetime(UTC)
    again = body.state == credit_applications_pb2.APPLICATION_STATE_APPEALED
    return _story(
        event,
        now,
        Kind.APPLICATION_REFERRED,
        # Referred again within the same promise is no news.
        fact=f"application/{body.application_id}/{'appeal' if again else 'referred'}/{body.latest_by.ToJsonString()}",
        affects=Affects(new_orders=True),
        by_when=now.day_of(latest),
        details={"application": clean(body.application_id), "again": "yes" if again else ""},
    )


def _reason(said: credit_applications_pb2.Reason) -> str:
    """A reason with its figures, as a catalogue reads them; its words are those for whoever may not see the group's figures."""
    figures = {figure.name: clean(figure.value) for figure in said.figures}
    return json.dumps([credit_reasons.PRIVATE.get(said.code, clean(said.code)), figures], sort_keys=True)


def hold_released(event: Event[credit_pb2.HoldReleased], now: Moment) -> Story | None:
    """An order was cancelled; a hold that is completed or replaced is nobody's news."""
    body = event.body
    if body.cause != credit_pb2.RELEASE_CAUSE_CANCELLED:
        return None
    return _hold(event, now, Kind.ORDER_CANCELLED)


def hold_expired(event: Event[credit_pb2.HoldExpired], now: Moment) -> Story | None:
    """An order waited too long: its credit is free again."""
    return _hold(event, now, Kind.HOLD_EXPIRED)


def _hold(event: Event[credit_pb2.HoldReleased] | Event[credit_pb2.HoldExpired], now: Moment, kind: Kind) -> Story:
    body = event.body
    amount = contracts.money(body.amount)
    order = clean(body.order_id)
    return _story(
        event,
        now,
        kind,
        fact=f"{kind}/{body.order_id}/{body.version}",
        affects=Affects(amount, orders=(order,)),
        scopes=(scope_of(body.scope),),
        details={"order": order, "amount": amount},
    )


def limit_changed(event: Event[credit_pb2.LimitChanged], now: Moment) -> Story | None:
    """The credit line is another."""
    limit, previous = contracts.money(event.body.limit), contracts.money(event.body.previous)
    return _story(
        event,
        now,
        Kind.LIMIT_CHANGED,
        affects=Affects(credit_line=limit),
        details={"limit": limit, "previous": previous},
    )


def review_proposed(event: Event[credit_pb2.ReviewProposed], now: Moment) -> Story | None:
    """A higher limit is there to be taken; a lower one is a person's to confirm, and nobody else's news until then."""
    body = event.body
    is_raise = body.kind == credit_pb2.REVIEW_KIND_RAISE
    kind = Kind.LIMIT_RAISE_OFFERED if is_raise else Kind.LIMIT_CUT_PROPOSED
    limit = contracts.money(body.limit)
    until = now.day_of(body.valid_until.ToDatetime(UTC))
    return _story(
        event,
        now,
        kind,
        fact=f"review/{body.review_id}/proposed",
        affects=Affects(credit_line=limit, new_orders=True),
        by_when=until if is_raise else min(until, deadline(kind, now)),
        details={
            "limit": limit,
            "current": contracts.money(body.current),
            "reasons": tuple(map(_reason, body.reasons)),
        },
    )


def review_ended(event: Event[credit_pb2.ReviewEnded], now: Moment) -> Story | None:
    """A lower limit is announced, with why and from when on; that a raise was taken the new limit says."""
    body = event.body
    if body.end != credit_pb2.REVIEW_END_CONFIRMED:
        return None
    limit = contracts.money(body.limit)
    day = now.day_of(body.counts_from.ToDatetime(UTC))
    return _story(
        event,
        now,
        Kind.LIMIT_CUT_ANNOUNCED,
        fact=f"review/{body.review_id}/announced",
        affects=Affects(credit_line=limit, new_orders=True),
        by_when=day,
        last_word=True,
        details={
            "limit": limit,
            "current": contracts.money(body.current),
            "reasons": tuple(map(_reason, body.reasons)),
        },
    )


def limit_exceeded(event: Event[credit_pb2.LimitExceeded], now: Moment) -> Story | None:
    """What was shipped is invoiced, even above the limit."""
    body = event.body
    limit, excess = contracts.money(body.limit), contracts.money(body.excess)
    invoice, order = clean(body.invoice_number), clean(body.order_id)
    return _story(
        event,
        now,
        Kind.LIMIT_EXCEEDED,
        fact=f"limit_exceeded/{body.invoice_number}",
        affects=Affects(contracts.money(body.invoice_amount), invoices=(invoice,), orders=(order,), credit_line=limit),
        scopes=(scope_of(body.scope),),
        details={"invoice": invoice, "limit": limit, "excess": excess},
    )


def hold_placed(event: Event[credit_pb2.HoldPlaced], now: Moment) -> Story | None:
    """Part or all of an account may not order. Why, people hear by its code: what was written beside it is ours."""
    body = event.body
    until = now.day_of(body.until.ToDatetime(UTC)) if body.HasField("until") else None
    by = deadline(Kind.HOLD_PLACED, now)
    return _story(
        event,
        now,
        Kind.HOLD_PLACED,
        fact=f"hold/{body.hold_id}/placed",
        affects=Affects(new_orders=True),
        by_when=min(by, until) if until else by,
        scopes=(scope_of(body.scope),),
        details={
            "reason": clean(body.reason_code),
            "sees_to_it": clean(body.owner) if is_who(body.owner) else "",
            "until": until or "",
        },
    )


def hold_lifted(event: Event[credit_pb2.HoldLifted], now: Moment) -> Story | None:
    """The account may order again."""
    body = event.body
    return _story(
        event,
        now,
        Kind.HOLD_LIFTED,
        fact=f"hold/{body.hold_id}/lifted",
        affects=Affects(new_orders=True),
        scopes=(scope_of(body.scope),),
        details={"cause": clean(body.cause)},
    )


def order_refused(event: Event[credit_pb2.OrderRefused], now: Moment) -> Story | None:
    """An order could not be taken as the shop told it."""
    body = event.body
    order = clean(body.order_id) or clean(event.subject)
    return _story(
        event,
        now,
        Kind.ORDER_REFUSED,
        affects=Affects(orders=(order,)),
        details={"order": order, "code": clean(body.code), "message": clean(body.message)},
    )


def shipped(event: Event[orders_pb2.OrderShipped], now: Moment, scope: Scope) -> Story:
    """Goods are on their way. The shop's contract names no scope here: it is the order's."""
    body = event.body
    if not body.order_id or not body.shipment_id:
        raise Invalid("shipment.incomplete", "a shipment needs an order and an id")
    order, shipment = clean(body.order_id), clean(body.shipment_id)
    return _story(
        event,
        now,
        Kind.SHIPPED,
        fact=f"shipped/{body.order_id}/{body.shipment_id}",
        affects=Affects(orders=(order,), shipment=shipment),
        scopes=(scope,),
        details={"order": order, "shipment": shipment},
    )


def shipment_refused(event: Event[invoicing_pb2.ShipmentRefused], now: Moment) -> Story | None:
    """A shipment could not be invoiced as the shop told it."""
    body = event.body
    order, shipment = clean(body.order_id) or clean(event.subject), clean(body.shipment_id)
    if not shipment:  # nothing of the order can be invoiced
        return _story(
            event,
            now,
            Kind.ORDER_REFUSED,
            affects=Affects(orders=(order,)),
            details={"order": order, "code": clean(body.code), "message": clean(body.message)},
        )
    return _story(
        event,
        now,
        Kind.SHIPMENT_REFUSED,
        affects=Affects(orders=(order,), shipment=shipment),
        details={"order": order, "shipment": shipment, "code": clean(body.code), "message": clean(body.message)},
    )


def document_held(event: Event[invoicing_pb2.DocumentHeld], now: Moment) -> Story | None:
    """A draft broke a rule and waits without a number."""
    body = event.body
    order, shipment = clean(body.order_id) or clean(event.subject), clean(body.shipment_id)
    findings = _findings(body.findings)
    return _story(
        event,
        now,
        Kind.DOCUMENT_HELD,
        affects=Affects(orders=(order,), shipment=shipment),
        details={"order": order, "findings": findings},
    )


def invoice_differs(event: Event[invoicing_pb2.InvoiceDiffers], now: Moment) -> Story | None:
    """What was invoiced for an order is not what was ordered."""
    body = event.body
    ordered, invoiced = contracts.money(body.ordered), contracts.money(body.invoiced)
    invoice, order = clean(body.number), clean(body.order_id)
    return _story(
        event,
        now,
        Kind.INVOICE_DIFFERS,
        fact=f"invoice_differs/{body.invoice_id}",
        affects=Affects(invoiced, invoices=(invoice,), orders=(order,)),
        scopes=(scope_of(body.scope),),
        details={
            "invoice": invoice,
            "order": order,
            "ordered": ordered,
            "invoiced": invoiced,
            "findings": _findings(body.findings),
        },
    )


def _findings(findings: Sequence[invoicing_pb2.Finding]) -> tuple[str, ...]:
    return some([f"{finding.rule} ({finding.place}): {finding.message}" for finding in findings])


def invoice_issued(event: Event[invoicing_pb2.InvoiceIssued], now: Moment) -> Story | None:
    """An invoice is there to be paid."""
    body = event.body
    amount = Money(body.gross_minor, body.currency).checked()
    due = day(body.due_date, what="due_date")
    invoice, order = clean(body.number), clean(body.order_id)
    return _story(
        event,
        now,
        Kind.INVOICE_ISSUED,
        fact=f"invoice/{body.invoice_id}",
        affects=Affects(
            amount, invoices=(invoice,), orders=(order,) if order else (), shipment=clean(body.shipment_id)
        ),
        by_when=due,
        scopes=(scope_of(body.scope),),
        details={
            "invoice": invoice,
            "order": order,
            "amount": amount,
            "due": due,
            "corrects": clean(body.corrects.number),
            **_named(body.seller.name),
        },
        document=body.invoice_id,
    )


def credit_note_issued(event: Event[invoicing_pb2.CreditNoteIssued], now: Moment) -> Story | None:
    """Part or all of an invoice is credited."""
    body = event.body
    amount = Money(body.gross_minor, body.currency).checked()
    invoice, note = clean(body.invoice_number), clean(body.number)
    return _story(
        event,
        now,
        Kind.CREDIT_NOTE_ISSUED,
        fact=f"credit_note/{body.credit_note_id}",
        affects=Affects(amount, invoices=(invoice,), orders=(clean(body.order_id),) if body.order_id else ()),
        scopes=(scope_of(body.scope),),
        details={"credit_note": note, "invoice": invoice, "amount": amount},
        document=body.credit_note_id,
    )


def payment_fact(payment_id: str) -> str:
    """What a payment is kept by as a fact."""
    return f"payment/{payment_id}"


def payment_received(event: Event[ledger_pb2.PaymentReceived], now: Moment) -> Story | None:
    """Money came in, and all or not all of it found its invoices; those whose invoices it met hear of it."""
    body = event.body
    amount = contracts.money(body.amount)
    unapplied = _money(body.unapplied) or Money(0, amount.currency)
    if body.paid_before:
        kind = Kind.PAYMENT_TWICE
    elif unapplied.minor > 0 and not body.continues:
        kind = Kind.PAYMENT_NOT_IDENTIFIED
    else:
        kind = Kind.PAYMENT_RECEIVED
    return _story(
        event,
        now,
        kind,
        fact=payment_fact(body.payment_id),
        affects=Affects(amount, invoices=some(body.paid_before)),
        scopes=tuple(dict.fromkeys(map(scope_of, body.scopes))) or (WHOLE_COMPANY,),
        details={
            "payment": clean(body.payment_id),
            "amount": amount,
            "unapplied": unapplied,
            "paid_before": some(body.paid_before),
            "continues": "yes" if body.continues else "",
            "value_date": day(body.value_date, what="value_date"),
            # A version of the ledger before this one told it.
            "remittance": clean(body.remittance) or quotes.mark(quotes.REMITTANCE),
        },
    )


def payment_announced(event: Event[ledger_pb2.PaymentAnnounced], now: Moment) -> Story | None:
    """A buyer says that money is on its way; that it came PaymentReceived tells, and what is withdrawn is nobody's news."""
    body = event.body
    if body.state != "EXPECTED":
        return None
    amount = contracts.money(body.amount)
    expected = day(body.expected_on, what="expected_on") if body.expected_on else None
    return _story(
        event,
        now,
        Kind.PAYMENT_ANNOUNCED,
        fact=f"announcement/{body.reference}",
        affects=Affects(amount),
        by_when=expected,
        scopes=tuple(dict.fromkeys(map(scope_of, body.scopes))) or (WHOLE_COMPANY,),
        details={"reference": clean(body.reference), "amount": amount, "expected": expected or ""},
    )


def dispute_opened(event: Event[disputes_pb2.DisputeOpened], now: Moment) -> Story:
    """The buyer objects to an invoice."""
    body = event.body
    return _dispute(
        event,
        now,
        Kind.DISPUTE_OPENED,
        amount=contracts.money(body.amount),
        by_when=day(body.answer_by, what="answer_by"),
        details={"reason": clean(body.reason_code)},
    )


def dispute_legal(event: Event[disputes_pb2.DisputeOpened], now: Moment) -> Story | None:
    """The same of one that is a matter of law: those who answer for that hear of it; None where it is none."""
    body = event.body
    if body.track != disputes_pb2.TRACK_ENHANCED or body.track_reason != "legal_reason":
        return None
    return _dispute(
        event,
        now,
        Kind.DISPUTE_LEGAL,
        amount=contracts.money(body.amount),
        by_when=day(body.answer_by, what="answer_by"),
        details={"reason": clean(body.reason_code)},
        fact=f"dispute/{body.dispute_id}/legal",
    )


def dispute_moved(event: Event[disputes_pb2.DisputeMoved], now: Moment, reason_code: str) -> Story | None:
    """A case went on; the case's reason is known from its opening."""
    body = event.body
    if (kind := _MOVED.get(body.to_state)) is None or event.origin.actor == _CHECKER:
        return None
    return _dispute(
        event,
        now,
        kind,
        amount=contracts.money(body.amount),
        by_when=day(body.next_by, what="next_by") if body.next_by else None,
        # A version of disputes before this one told it, and did not count its moves.
        details={
            "missing": quotes.mark(quotes.MOVE, body.nth) if body.nth else clean(body.missing),
            "reason": reason_code,
            "into": clean(body.merged_into_number),
        },
        knower=who_knows(reason_code) if kind is Kind.DISPUTE_QUESTION else None,
    )


def dispute_checked(event: Event[disputes_pb2.DisputeChecked], now: Moment) -> Story | None:
    """The evidence answered a case: credited, or rejected, without a person."""
    body = event.body
    if (kind := _OF_CHECK.get(body.outcome)) is None:
        return None
    facts = [(clean(one.code), {figure.name: clean(figure.value) for figure in one.figures}) for one in body.facts]
    more = (f"+ {len(facts) - LISTED_MAX}",) if len(facts) > LISTED_MAX else ()
    return _dispute(
        event,
        now,
        kind,
        amount=contracts.money(body.disputed),
        by_when=day(body.appeal_by, what="appeal_by") if body.appeal_by else None,
        details={
            "credit": contracts.money(body.proven),
            "reason": clean(body.reason_code),
            "facts": (*(json.dumps(fact, ensure_ascii=False) for fact in facts[:LISTED_MAX]), *more),
        },
    )


def dispute_at_risk(event: Event[disputes_pb2.DisputeAtRisk], now: Moment) -> Story:
    """A promise of a case may not be kept, or nobody has found its reason."""
    body = event.body
    awaited = "reason" if body.awaited == disputes_pb2.AWAITED_REASON else ""
    return _dispute(
        event,
        now,
        Kind.DISPUTE_AT_RISK,
        amount=contracts.money(body.amount),
        by_when=day(body.by, what="by"),
        details={"awaited": awaited},
        whose=_whose(body),
    )


def dispute_late(event: Event[disputes_pb2.DisputeLate], now: Moment) -> list[Story]:
    """A promise was missed: everybody hears of the new one, and who sells once it was missed again, or was nobody's."""
    body = event.body

    def late(kind: Kind, fact: str) -> Story:
        return _dispute(
            event,
            now,
            kind,
            amount=contracts.money(body.amount),
            by_when=day(body.answer_by, what="answer_by"),
            details={"promised": day(body.promised_by, what="promised_by")},
            whose=_whose(body) if kind is Kind.DISPUTE_LATE else (),
            fact=fact,
        )

    told = f"dispute/{body.dispute_id}/late/{body.nth}"
    stories = [late(Kind.DISPUTE_LATE, told)]
    return [*stories, late(Kind.DISPUTE_ESCALATED, f"{told}/{body.level}")] if body.level > 1 else stories


def dispute_cell(event: Event[disputes_pb2.DisputeCellSet], now: Moment) -> Story:
    """It was said who looks at a case: those are told; who does what by when stands on its page."""
    body = event.body
    people = dict.fromkeys((body.coordinator, *(place.person for place in body.places)))
    return _dispute(
        event,
        now,
        Kind.DISPUTE_CELL,
        amount=contracts.money(body.amount),
        by_when=day(body.places[-1].by, what="by") if body.places else None,
        details={"coordinator": clean(body.coordinator).partition(":")[2]},
        whose=tuple(person.partition(":")[2] for person in people if person),
    )


def _whose(body: disputes_pb2.DisputeAtRisk | disputes_pb2.DisputeLate) -> tuple[str, ...]:
    """Who has a case and who stands in, by their ids as contacts."""
    return tuple(subject.partition(":")[2] for subject in (body.owner, body.stand_in) if subject)


def dispute_resolved(event: Event[disputes_pb2.DisputeResolved], now: Moment) -> Story | None:
    """A case ended, in one of the ways in which one can; what is sent again, somebody has to send."""
    if event.origin.actor == _CHECKER:
        return None
    body = event.body
    disputed = contracts.money(body.disputed)
    credit = _money(body.credit) or Money(0, disputed.currency)
    kind = Kind.DISPUTE_RESOLVED
    if body.resolution == disputes_pb2.RESOLUTION_REPLACEMENT:
        kind = Kind.DISPUTE_REPLACED
    return _dispute(
        event,
        now,
        kind,
        amount=disputed,
        by_when=now.today if body.resolution in _AT_ITS_END else None,
        details={
            "credit": credit,
            "reason": clean(body.reason_code),
            "ending": _ENDINGS.get(body.resolution, ""),
            "due": day(body.due_date, what="due_date") if body.due_date else "",
            "order": clean(body.order_id),
            "replaced": some([f"{line.quantity} × {line.name or line.line_id}" for line in body.replaced]),
        },
    )


def incident_moved(event: Event[disputes_pb2.IncidentMoved], now: Moment) -> Story:
    """How far the one cause behind some of a buyer's cases is; it is about the first of them."""
    body = event.body
    promised = day(body.promised_on, what="promised_on") if body.promised_on else None
    story = _story(
        event,
        now,
        Kind.INCIDENT_MOVED,
        fact=f"incident/{body.incident_id}/{body.nth}/{body.dispute_id}",
        affects=Affects(invoices=some(body.invoice_numbers), case=clean(next(iter(body.cases), ""))),
        by_when=promised,
        details={
            "dispute": clean(next(iter(body.cases), "")),
            "cases": some(body.cases),
            "reason": clean(body.title_code),
            "progress": disputes_pb2.IncidentProgress.Name(body.progress).removeprefix("INCIDENT_PROGRESS_"),
            "promised": promised or "",
        },
    )
    return replace(story, about=f"dispute/{clean(body.dispute_id)}")


def credit_refused(event: Event[invoicing_pb2.CreditNoteRefused], now: Moment, number: str) -> Story:
    """A case ended in a credit that cannot be issued; the case's number is known from its own events."""
    body = event.body
    return _dispute(
        event,
        now,
        Kind.CREDIT_REFUSED,
        amount=contracts.money(body.credit),
        by_when=None,
        details={"code": clean(body.code), "message": clean(body.message)},
        number=number,
    )


def _dispute(
    event: Event[Any],
    now: Moment,
    kind: Kind,
    *,
    amount: Money,
    by_when: date | None,
    details: Mapping[str, Detail],
    knower: Role | None = None,
    number: str = "",
    whose: tuple[str, ...] = (),
    fact: str = "",
) -> Story:
    """A story of a case; the cases' events share their fields' names. One that has no number yet is called by its id."""
    body = event.body
    case = clean(getattr(body, "number", "")) or number or clean(body.dispute_id)
    invoice = clean(body.invoice_number)
    told = _story(
        event,
        now,
        kind,
        fact=fact,
        affects=Affects(amount, invoices=(invoice,)),
        by_when=by_when,
        # Unless the buyer appeals, by the day that is named.
        last_word=kind in (Kind.DISPUTE_REJECTED, Kind.DISPUTE_DISPROVEN),
        scopes=(scope_of(body.scope),),
        details={"dispute": case, "invoice": invoice, "amount": amount, **details},
        knower=knower,
    )
    return replace(told, whose=whose) if whose else told


def _story(
    event: Event[Any],
    now: Moment,
    kind: Kind,
    *,
    affects: Affects,
    details: Mapping[str, Detail],
    fact: str = "",
    by_when: date | None = None,
    last_word: bool = False,
    scopes: tuple[Scope, ...] = (WHOLE_COMPANY,),
    document: str = "",
    knower: Role | None = None,
) -> Story:
    by = by_when or deadline(kind, now)
    return Story(
        kind=kind,
        tenant=event.tenant,
        fact=clean(fact) or f"event/{event.id}",
        event_type=event.type,
        about=event.subject,
        account_id=event.account_id,
        affects=affects,
        by_when=by,
        next_update_at=now.today if last_word else by,
        told_on=now.today,
        scopes=scopes,
        details=details,
        document=document,
        knower=knower,
        traceparent=event.origin.traceparent,
    )


def _money(message: money_pb2.Money) -> Money | None:
    return contracts.money(message) if message.currency else None


def _named(seller: str) -> dict[str, Detail]:
    return {"seller": clean(seller)} if seller.strip() else {}


def contact(tenant: str, request: service_pb2.RegisterContactRequest, language: str) -> Contact:
    """A person to register, checked; who names no language reads the seller's."""
    return Contact(
        tenant=tenant,
        contact_id=request.contact_id,
        account_id=request.account_id,
        name=request.name.strip(),
        email=request.email.strip(),
        roles=contacts.roles(request.roles),
        scope=scope_of(request.scope),
        language=request.language or language,
        wants_document=request.wants_document,
    ).check()


def registrar(caller: Principal | None) -> Registrar | None:
    """Who registers people, by their token; None where there is none."""
    return Registrar(caller.subject, caller.roles, bool(caller.on_behalf_of)) if caller else None


def contact_message(person: Contact) -> service_pb2.Contact:
    """A person, to show."""
    return service_pb2.Contact(
        contact_id=person.contact_id,
        account_id=person.account_id,
        name=person.name,
        email=person.email,
        roles=person.roles,
        scope=contracts.scope_message(person.scope),
        language=person.language,
        wants_document=person.wants_document,
        suspended=person.suspended,
        preferences=None if person.preferences is USUAL else _preferences_message(person.preferences),
        successor_id=person.successor,
        declined=person.declined,
    )


def _preferences_message(chosen: Preferences) -> service_pb2.Preferences:
    quiet = chosen.quiet
    return service_pb2.Preferences(
        time_zone=chosen.time_zone,
        quiet_from=f"{quiet.begins:%H:%M}" if quiet else "",
        quiet_to=f"{quiet.ends:%H:%M}" if quiet else "",
        news=[
            service_pb2.NewsPreference(topic=topic.value, pace=chosen.paces.get(topic, Pace.DIGEST).value)
            for topic in Topic
        ],
    )


def chosen(said: service_pb2.Preferences) -> Preferences:
    """What somebody chose; refuses what cannot be."""
    quiet = None
    if said.quiet_from or said.quiet_to:
        quiet = Quiet(clock_time(said.quiet_from, what="quiet_from"), clock_time(said.quiet_to, what="quiet_to"))
    return preferences(said.time_zone, quiet, {news.topic: news.pace for news in said.news})


def exported(person: Contact | None, rows: Sequence[Any], contact_id: str, said_of: Mapping[str, Any]) -> bytes:
    """All that is known of a person, as JSON by the names of the contract; of one who is forgotten the id.

    `said_of`: what they said when they were asked, by the names of FeedbackService.
    """
    known = contact_message(person) if person else service_pb2.Contact(contact_id=contact_id)
    said: dict[str, Any] = {
        "contact": _as_json(known),
        "messages": [_as_json(message(row)) for row in rows],
        **said_of,
    }
    if person and person.influence:
        said["influence"] = person.influence
    if person and person.heard_at:
        said["heard_at"] = person.heard_at.isoformat()
    return json.dumps(said, ensure_ascii=False).encode()


def _as_json(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def message(row: Any) -> service_pb2.Message:
    """A message, to show."""
    return service_pb2.Message(
        message_id=row.message_id,
        contact_id=row.contact_id,
        account_id=row.account_id,
        event_type=row.event_type,
        about=row.about,
        case_version=row.case_version,
        weight=row.weight,
        state=row.state,
        subject=row.subject,
        what_happened=row.what_happened,
        affects=row.affects,
        what_we_do=row.what_we_do,
        what_you_need_to_do=row.action,
        owner=row.owner,
        by_when=row.by_when.isoformat(),
        next_update_at=row.next_update_at.isoformat(),
        track_url=row.track_url,
        why_you=row.why_you,
        language=row.language,
        created_at=_timestamp(row.created_at),
    )


def undelivered(row: Any) -> service_pb2.Undelivered:
    """A document that reached nobody, to show."""
    return service_pb2.Undelivered(
        message_id=row.message_id,
        contact_id=row.contact_id,
        account_id=row.account_id,
        about=row.about,
        document=row.document,
        number=row.number,
        state=row.state,
        smtp_code=row.smtp_code,
        attempts=row.attempts,
        told_at=_timestamp(row.created_at),
        by_when=row.by_when.isoformat(),
    )


def unreached(person: Contact, since: datetime) -> service_pb2.Unreachable:
    """Somebody to whom no mail goes, to show."""
    return service_pb2.Unreachable(contact=contact_message(person), since=_timestamp(since))


def timeline(journey: Journey, now: Moment) -> service_pb2.Timeline:
    """How far something is, to show."""
    return service_pb2.Timeline(
        about=journey.about,
        account_id=journey.account_id,
        state=journey.state(now),
        steps=map(_step, journey.expected(now)),
    )


def _step(step: Step) -> service_pb2.Step:
    leg = step.leg
    shown = service_pb2.Step(
        code=step.stage.code,
        state=step.state,
        owner=step.stage.owner,
        usually=step.usually.isoformat() if step.usually else "",
        at_the_latest=leg.promised.isoformat() if leg.promised else "",
        promised_before=leg.before.isoformat() if leg.before else "",
        likely=step.likely.isoformat() if step.likely else "",
    )
    if leg.hours is not None and not leg.done_at:
        shown.usually_at.FromDatetime(leg.hours.usually)
        shown.latest_at.FromDatetime(leg.hours.latest)
    if leg.done_at:
        shown.at.FromDatetime(leg.done_at)
    return shown


def first_step(step: FirstStep, held: Collection[Role]) -> service_pb2.FirstStep:
    """A first step, to show, with whom of the buyer's it needs and whether there is anybody."""
    shown = service_pb2.FirstStep(
        account_id=step.account_id,
        code=step.code,
        state=step.state,
        role=step.plan.role,
        owner=step.plan.owner,
        by_when=step.by_when.isoformat() if step.by_when else "",
        reason=step.reason,
        answer=step.answer,
        answers=sorted(step.plan.answers),
        held=step.plan.role in held,
        vacant=vacant(held) if step.code is FirstStepCode.COLLEAGUES else (),
    )
    if step.waits_since is not None:
        shown.waits_since.FromDatetime(step.waits_since)
    if step.done_at is not None:
        shown.done_at.FromDatetime(step.done_at)
    return shown


def step_moved(step: FirstStep) -> events_pb2.FirstStepMoved:
    """A first step as it is now, to tell."""
    moved = events_pb2.FirstStepMoved(
        account_id=step.account_id,
        code=step.code,
        state=step.state,
        by_when=step.by_when.isoformat() if step.by_when else "",
        reason=step.reason,
        answer=step.answer,
    )
    for at, field in ((step.next_at, "next_at"), (step.waits_since, "waits_since"), (step.done_at, "done_at")):
        if at is not None:
            getattr(moved, field).FromDatetime(at)
    return moved


def told_step(tenant: str, body: events_pb2.FirstStepMoved) -> FirstStep:
    """A first step as it was told."""
    return FirstStep(
        tenant=tenant,
        account_id=body.account_id,
        code=FirstStepCode(body.code),
        state=FirstStepState(body.state),
        by_when=date.fromisoformat(body.by_when) if body.by_when else None,
        next_at=body.next_at.ToDatetime(UTC) if body.HasField("next_at") else None,
        waits_since=body.waits_since.ToDatetime(UTC) if body.HasField("waits_since") else None,
        reason=body.reason,
        answer=body.answer,
        done_at=body.done_at.ToDatetime(UTC) if body.HasField("done_at") else None,
    )


def owners(call: Origin) -> frozenset[str]:
    """As whom somebody of the seller's looks at what waits; who sees to everything sees all."""
    roles = call.caller.roles if call.caller is not None else frozenset()
    return frozenset(Role) if not roles or roles & {Role.SELLER_ADMIN, Role.AUDITOR} else roles


def author(call: Origin, written_by: str) -> str:
    """Who writes: whoever calls, or for whom the portal does (an applicant who is no contact yet)."""
    if not written_by or written_by == call.actor:
        return call.actor
    if call.caller is not None and call.caller.kind != identity.SERVICE:
        raise Invalid("thread.written_by", "a message is of whoever writes it")
    return written_by


def thread_message(row: Any, author_name: str) -> service_pb2.ThreadMessage:
    """What somebody wrote, to show."""
    return service_pb2.ThreadMessage(
        nth=row.nth,
        about=row.about,
        account_id=row.account_id,
        author=row.author,
        author_name=author_name,
        text=row.text,
        channel=row.channel,
        mentions=row.mentions,
        at=_timestamp(row.at),
        folded=row.folded,
        files_left_out=row.left_out,
    )


def mentionable(row: Any) -> service_pb2.Mentionable:
    """Somebody who may be mentioned, to choose from."""
    return service_pb2.Mentionable(contact_id=row.contact_id, name=row.name, is_seller=not row.account_id)


def note(row: Any) -> service_pb2.Note:
    """What the seller's people noted, to show them."""
    return service_pb2.Note(
        nth=row.nth,
        about=row.about,
        author=row.author,
        text=row.text,
        at=_timestamp(row.at),
        folded=row.folded,
        files_left_out=row.left_out,
        sender=row.sender,
    )


def unread(row: Any) -> service_pb2.Unread:
    """A thread with something new, to show."""
    last_at = _timestamp(row.last_at)
    return service_pb2.Unread(about=row.about, account_id=row.account_id, unread=row.unread, last_at=last_at)


def _timestamp(at: datetime) -> Timestamp:
    said = Timestamp()
    said.FromDatetime(at)
    return said


def delivered(row: Any) -> events_pb2.MessageDelivered:
    """The next hop took a message, to tell."""
    return events_pb2.MessageDelivered(
        message_id=row.message_id,
        contact_id=row.contact_id,
        account_id=row.account_id,
        event_type=row.event_type,
        about=row.about,
    )


def bounced(row: Any, smtp_code: int) -> events_pb2.MessageBounced:
    """The receiver's server refused a message for good, to tell."""
    return events_pb2.MessageBounced(
        message_id=row.message_id,
        contact_id=row.contact_id,
        account_id=row.account_id,
        event_type=row.event_type,
        about=row.about,
        smtp_code=smtp_code,
    )


def unreachable(contact_id: str, account_id: str, vacant: Sequence[Role]) -> events_pb2.ContactUnreachable:
    """Nobody is left who holds these roles, to tell."""
    return events_pb2.ContactUnreachable(contact_id=contact_id, account_id=account_id, roles_without_anybody=vacant)


def seller(event: Event[invoicing_pb2.SellerChanged]) -> LegalEntity:
    """A legal entity, as it is kept."""
    said = event.body.seller
    return LegalEntity(
        tenant=event.tenant,
        seller_id=said.seller_id,
        version=event.body.version,
        name=clean(said.company.name),
        time_zone=clean(said.time_zone),
        holidays=clean(said.holidays),
        opens_at=clean(said.opens_at),
        closes_at=clean(said.closes_at),
        language=clean(said.language),
    )


def registered(event: Event[invoicing_pb2.SellerRegistered]) -> LegalEntity:
    """A legal entity of which only the name is told."""
    return LegalEntity(event.tenant, event.body.seller_id, 0, clean(event.body.company.name))


def policy(said: events_pb2.NotificationPolicy) -> time:
    """When the digest is to go out; refuses what is no time of day."""
    return clock_time(said.digest_at, what="digest_at")


def policy_message(policy: Policy) -> events_pb2.NotificationPolicy:
    """When people are told, to tell and to show."""
    return events_pb2.NotificationPolicy(digest_at=f"{policy.digest_at:%H:%M}")


StoryOf = Callable[[Event[Any], Moment], Story | None]

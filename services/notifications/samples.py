"""Events, people and stories of a business that is nobody's: mails are shown of them (previews.py), and tested by them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1.money_pb2 import Money as MoneyMessage
from receivables.common.v1.party_pb2 import Company
from receivables.common.v1.party_pb2 import Scope as ScopeMessage
from receivables.credit.v1 import applications_pb2 as applications
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes
from receivables.invoicing.v1 import events_pb2 as invoicing
from receivables.ledger.v1 import events_pb2 as ledger
from receivables.orders.v1 import events_pb2 as orders

from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.ids import new_id
from services.kernel.calendars import Calendar
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.notifications import wire
from services.notifications.domain import asks
from services.notifications.domain.contacts import Contact
from services.notifications.domain.feedback import MILESTONES
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import WHOLE_COMPANY, Affects, Moment, Story
from services.notifications.escalations import escalated
from services.notifications.links import Link, LinkLetter
from services.notifications.notices import SAYS, Notice

TENANT = "nordwind"
ACCOUNT = "acme"
ZONE = Calendar("Europe/Berlin")
FIVE = time(17)
SUBJECTS = ("order", "invoice", "dispute", "payment", "application", "onboarding")
MONDAY_10 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 10:00 in Berlin
NOW = Moment(MONDAY_10, ZONE, FIVE)
# What notices say.
SAID: Mapping[str, Any] = {
    "by": "Bo Li",
    "other": "Ann",
    "amount": Money(123_450, "GBP"),
    "order_id": "W-1",
    "first": date(2026, 3, 2),
    "last": date(2026, 3, 9),
    "roles": ["AP_CLERK", "AP_MANAGER"],
    "factor": "FACTOR_PASSKEY",
    "provider": "B1 Corp",
    "company": "Acme Ltd",
}


def eur(minor: int) -> MoneyMessage:
    return MoneyMessage(minor=minor, currency="EUR")


def an_event(body: Message, subject: str = "order/o1", *, account: str = ACCOUNT, event_id: str = "") -> Event[Any]:
    return Event(
        id=event_id or new_id(),
        type=str(body.DESCRIPTOR.full_name),
        subject=subject,
        account_id=account,
        at=MONDAY_10,
        origin=Origin(TENANT, "system:test", "a test", "key", new_traceparent()),
        body=body,
    )


def application_decided(outcome: Any = applications.APPLICATION_OUTCOME_APPROVED_LOWER, **changes: Any) -> Event[Any]:
    """An answer with one reason that has its figures, one that lacks them, and one that may not say them."""
    reason = applications.Reason(
        code="R04",
        figures=[
            applications.Figure(name="requested", value="24000.00 EUR"),
            applications.Figure(name="need", value="9500.00 EUR"),
        ],
    )
    told = applications.ApplicationDecision(
        decision_id="d1",
        outcome=outcome,
        limit=eur(950000 if outcome != applications.APPLICATION_OUTCOME_DECLINED else 0),
        terms_days=30,
        reasons=[
            reason,
            applications.Reason(code="R01"),
            applications.Reason(code="R09"),
            applications.Reason(code="R99"),
        ],
    )
    told.MergeFrom(applications.ApplicationDecision(**changes))
    told.valid_until.FromDatetime(datetime(2026, 4, 2, 9, tzinfo=UTC))
    return an_event(credit.ApplicationDecided(application_id="a1", account_id=ACCOUNT, decision=told), "application/a1")


def fact_wanted(by: str = "user:ada") -> Event[Any]:
    body = credit.FactWanted(
        application_id="a1", account_id=ACCOUNT, keys=["annual_accounts", "a_fact_of_their_own"], asked_by=by
    )
    return an_event(body, "application/a1")


def application_moved(state: Any = applications.APPLICATION_STATE_REFERRED, *, promised: bool = True) -> Event[Any]:
    """Promised until Wednesday, 4 March 2026, 13:00 UTC, usually two hours sooner."""
    body = credit.ApplicationMoved(application_id="a1", account_id=ACCOUNT, state=state)
    if promised:
        body.usually_by.FromDatetime(datetime(2026, 3, 4, 11, tzinfo=UTC))
        body.latest_by.FromDatetime(datetime(2026, 3, 4, 13, tzinfo=UTC))
    return an_event(body, "application/a1")


def decided(outcome: Any = credit.OUTCOME_APPROVED, *, order: str = "o1", **changes: Any) -> Event[Any]:
    body = credit.CreditDecided(
        decision_id=new_id(),
        order_id=order,
        version=1,
        account_id=ACCOUNT,
        outcome=outcome,
        reasons=["near_limit"],
        amount=eur(123456),
        headroom=eur(500000),
        **changes,
    )
    if outcome == credit.OUTCOME_APPROVED:
        body.hold_expires_at.FromDatetime(datetime(2026, 3, 12, 22, 30, tzinfo=UTC))
    return an_event(body, f"order/{order}")


def released(cause: Any = credit.RELEASE_CAUSE_CANCELLED) -> Event[Any]:
    return an_event(credit.HoldReleased(order_id="o1", version=1, account_id=ACCOUNT, amount=eur(900), cause=cause))


def expired() -> Event[Any]:
    return an_event(credit.HoldExpired(order_id="o1", version=1, account_id=ACCOUNT, amount=eur(900)))


def limit_changed() -> Event[Any]:
    body = credit.LimitChanged(account_id=ACCOUNT, limit=eur(2000000), previous=eur(1000000))
    return an_event(body, "buyer/acme")


_WHY = [
    applications.Reason(
        code="R02",
        figures=[applications.Figure(name=name, value="4") for name in ("late", "of", "days", "clean")],
    ),
    applications.Reason(code="R09"),
]


def review_proposed(kind: Any = credit.REVIEW_KIND_RAISE) -> Event[Any]:
    cut = kind == credit.REVIEW_KIND_CUT
    body = credit.ReviewProposed(
        review_id="r1",
        account_id=ACCOUNT,
        kind=kind,
        causes=["late_payment" if cut else "clean_months"],
        current=eur(500000),
        limit=eur(100000 if cut else 625000),
        reasons=_WHY if cut else [],
    )
    body.valid_until.FromDatetime(datetime(2026, 4, 2, 9, tzinfo=UTC))
    return an_event(body, "review/r1")


def review_ended(end: Any = credit.REVIEW_END_CONFIRMED) -> Event[Any]:
    body = credit.ReviewEnded(
        review_id="r1",
        account_id=ACCOUNT,
        kind=credit.REVIEW_KIND_CUT,
        end=end,
        current=eur(500000),
        limit=eur(100000),
        reasons=_WHY,
    )
    if end == credit.REVIEW_END_CONFIRMED:
        body.counts_from.FromDatetime(datetime(2026, 3, 9, 9, tzinfo=UTC))
    return an_event(body, "review/r1")


def limit_exceeded() -> Event[Any]:
    return an_event(
        credit.LimitExceeded(
            account_id=ACCOUNT,
            order_id="o1",
            invoice_number="RE-2026-000001",
            invoice_amount=eur(119000),
            limit=eur(1000000),
            excess=eur(1900),
        )
    )


def order_refused() -> Event[Any]:
    return an_event(
        credit.OrderRefused(order_id="o1", version=1, account_id=ACCOUNT, code="order.no_lines", message="no lines")
    )


def fraud_signalled(**changes: Any) -> Event[Any]:
    body = credit.FraudSignalled(
        order_id="o1", version=1, account_id=ACCOUNT, rule="F07", action="hold", clears="call_back_done"
    )
    body.latest_by.FromDatetime(datetime(2026, 3, 4, 15, tzinfo=UTC))
    body.MergeFrom(credit.FraudSignalled(**changes))
    return an_event(body, "order/o1")


def order_check_moved(state: Any = credit.ORDER_CHECK_STATE_LATE, owner: str = "user:ada") -> Event[Any]:
    body = credit.OrderCheckMoved(order_id="o1", version=1, account_id=ACCOUNT, state=state, owner=owner)
    body.latest_by.FromDatetime(datetime(2026, 3, 4, 15, tzinfo=UTC))
    return an_event(body, "order/o1")


def hold_placed(reason: str = "overdue", **changes: Any) -> Event[Any]:
    body = credit.HoldPlaced(
        hold_id="h1", account_id=ACCOUNT, reason_code=reason, reason="they never pay", owner="user:ada", **changes
    )
    return an_event(body, "hold/h1")


def hold_lifted(cause: str = "lifted") -> Event[Any]:
    return an_event(credit.HoldLifted(hold_id="h1", account_id=ACCOUNT, cause=cause), "hold/h1")


def invoice_differs(findings: int = 1) -> Event[Any]:
    body = invoicing.InvoiceDiffers(
        order_id="o1",
        account_id=ACCOUNT,
        invoice_id="i1",
        number="RE-2026-000001",
        ordered=eur(11000),
        invoiced=eur(10550),
        findings=[invoicing.Finding(rule="RATE", message="5.5 % by the tables, 10 % ordered", place="BT-152")]
        * findings,
    )
    return an_event(body)


def placed(order: str = "o1", promised: str = "2026-03-06", **changes: Any) -> Event[Any]:
    values: dict[str, Any] = {"version": 1, "account_id": ACCOUNT, "promised_ship_on": promised, "currency": "EUR"}
    return an_event(orders.OrderPlaced(order_id=order, **(values | changes)), f"order/{order}")


def received(order: str = "o1") -> Event[Any]:
    body = orders.GoodsReceived(order_id=order, receipt_id="r1", account_id=ACCOUNT, shipment_id="s1")
    return an_event(body, f"receipt/{order}")


def cancelled(order: str = "o1", version: int = 1) -> Event[Any]:
    body = orders.OrderCancelled(order_id=order, account_id=ACCOUNT, version=version)
    return an_event(body, f"order/{order}")


def reduced(open_minor: int = 0, by: Any = ledger.REDUCTION_PAID, invoice: str = "i1") -> Event[Any]:
    body = ledger.ItemReduced(
        invoice_id=invoice, number="RE-2026-000001", account_id=ACCOUNT, by=by, amount=eur(100), open=eur(open_minor)
    )
    return an_event(body, f"invoice/{invoice}")


def unapplied() -> Event[Any]:
    body = ledger.CashUnapplied(payment_id="p1", invoice_id="i1", account_id=ACCOUNT, amount=eur(100))
    return an_event(body, "payment/p1")


def shipped(order: str = "o1", shipment: str = "s1", *, final: bool = False) -> Event[Any]:
    body = orders.OrderShipped(
        order_id=order, shipment_id=shipment, account_id=ACCOUNT, shipped_on="2026-03-02", final=final
    )
    return an_event(body, f"order/{order}")


def shipment_refused(
    code: str = "shipment.too_much", message: str = "more than ordered", *, shipment: str = "s1"
) -> Event[Any]:
    body = invoicing.ShipmentRefused(
        order_id="o1", shipment_id=shipment, account_id=ACCOUNT, code=code, message=message
    )
    return an_event(body)


def credit_refused() -> Event[Any]:
    body = invoicing.CreditNoteRefused(
        dispute_id="c1",
        invoice_id="i1",
        invoice_number="RE-1",
        account_id=ACCOUNT,
        credit=MoneyMessage(minor=5950, currency="EUR"),
        code="credit_note.exceeds_invoice",
        message="more than is left of the invoice",
    )
    return an_event(body, "dispute/c1")


def document_held() -> Event[Any]:
    finding = invoicing.Finding(rule="BR-AE-02", message="the buyer's VAT id is missing", place="BT-48")
    body = invoicing.DocumentHeld(
        draft_id="d1", account_id=ACCOUNT, order_id="o1", shipment_id="s1", findings=[finding]
    )
    return an_event(body, "draft/d1")


def invoice(nth: int = 1, *, scope: ScopeMessage | None = None, **changes: Any) -> Event[Any]:
    values: dict[str, Any] = {
        "invoice_id": f"i{nth}",
        "number": f"RE-2026-{nth:06}",
        "seller_id": "s",
        "account_id": ACCOUNT,
        "order_id": f"o{nth}",
        "shipment_id": "s1",
        "due_date": "2026-04-01",
        "currency": "EUR",
        "gross_minor": 119000,
        "scope": scope,
        "seller": Company(name="Nordwind GmbH"),
    }
    return an_event(invoicing.InvoiceIssued(**(values | changes)), f"invoice/{(values | changes)['invoice_id']}")


def credit_note() -> Event[Any]:
    body = invoicing.CreditNoteIssued(
        credit_note_id="c1",
        number="RE-C-2026-000001",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        order_id="o1",
        dispute_id="d1",
        currency="EUR",
        gross_minor=11900,
    )
    return an_event(body, "invoice/i1")


def payment(unapplied: int = 0, remittance: str = "", **changes: Any) -> Event[Any]:
    """Money that came in; with a text, as versions before this one told it."""
    body = ledger.PaymentReceived(
        payment_id="p1",
        account_id=ACCOUNT,
        amount=eur(119000),
        value_date="2026-03-02",
        remittance=remittance,
        unapplied=eur(unapplied),
        **changes,
    )
    return an_event(body, "payment/p1")


def announced(state: str = "EXPECTED", expected_on: str = "", **changes: Any) -> Event[Any]:
    """Money that a buyer says is on its way."""
    body = ledger.PaymentAnnounced(
        reference="P-2026-000042",
        account_id=ACCOUNT,
        amount=eur(119000),
        invoice_ids=["i1"],
        amounts=[eur(119000)],
        expected_on=expected_on,
        state=state,
        **changes,
    )
    return an_event(body, "announcement/P-2026-000042")


def dispute_opened(reason: str = "QTY_SHORT") -> Event[Any]:
    body = disputes.DisputeOpened(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        order_id="o1",
        reason_code=reason,
        amount=eur(11900),
        answer_by="2026-03-09",
    )
    return an_event(body, "dispute/d1")


def dispute_moved(state: Any, missing: str = "", nth: int = 0) -> Event[Any]:
    """A step of a case; with a text, and without a number, as versions before this one told it."""
    body = disputes.DisputeMoved(
        dispute_id="d1",
        invoice_id="i1",
        account_id=ACCOUNT,
        to_state=state,
        amount=eur(11900),
        missing=missing,
        nth=nth,
        invoice_number="RE-2026-000001",
        next_by="2026-03-09",
    )
    return an_event(body, "dispute/d1")


def dispute_checked(
    outcome: disputes.CheckOutcome.ValueType = disputes.CHECK_OUTCOME_CREDITED, *, appeal_by: str = "", lines: int = 2
) -> Event[Any]:
    """The evidence on lines of an invoice of which less arrived."""
    figures = {"invoiced": "10", "received": "8.50", "on": "2026-02-28"}
    body = disputes.DisputeChecked(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        number="D-2026-0001",
        reason_code="QTY_SHORT",
        outcome=outcome,
        disputed=eur(11900),
        proven=eur(11900),
        appeal_by=appeal_by,
    )
    for nth in range(lines):
        fact = body.facts.add(code="received_less")
        for name, value in ({"line": str(nth)} | figures).items():
            fact.figures.add(name=name, value=value)
    return an_event(body, "dispute/d1")


def dispute_resolved(
    resolution: Any = disputes.RESOLUTION_PARTIAL_CREDIT, credit_minor: int = 5950, **more: Any
) -> Event[Any]:
    body = disputes.DisputeResolved(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        order_id="o1",
        resolution=resolution,
        credit=eur(credit_minor),
        disputed=eur(11900),
        reason_code="QTY_SHORT",
        **more,
    )
    return an_event(body, "dispute/d1")


def dispute_changed(change: Any = disputes.CHANGE_RECODED, reason: str = "PRC_UNIT") -> Event[Any]:
    body = disputes.DisputeChanged(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        number="D-2026-0042",
        change=change,
        reason_code=reason,
        amount=eur(11900),
        answer_by="2026-03-09",
        answer_at=Timestamp(seconds=1773075600),
        at_risk_at=Timestamp(seconds=1772816400),
    )
    return an_event(body, "dispute/d1")


def dispute_at_risk(awaited: Any = disputes.AWAITED_ANSWER, owner: str = "") -> Event[Any]:
    body = disputes.DisputeAtRisk(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        number="D-2026-0042",
        awaited=awaited,
        amount=eur(11900),
        by="2026-03-09",
        due_at=Timestamp(seconds=1773075600),
        owner=owner,
        nth=1,
    )
    return an_event(body, "dispute/d1")


def dispute_late(level: int = 1, owner: str = "") -> Event[Any]:
    body = disputes.DisputeLate(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        number="D-2026-0042",
        amount=eur(11900),
        promised_by="2026-03-05",
        answer_by="2026-03-09",
        answer_at=Timestamp(seconds=1773075600),
        at_risk_at=Timestamp(seconds=1772816400),
        level=level,
        late_from="2026-03-05",
        owner=owner,
        nth=2,
    )
    return an_event(body, "dispute/d1")


def dispute_cell() -> Event[Any]:
    body = disputes.DisputeCellSet(
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="RE-2026-000001",
        account_id=ACCOUNT,
        number="D-2026-0042",
        amount=eur(11900),
        version=1,
        coordinator="user:ada",
        places=[
            disputes.CellPlace(step=disputes.CELL_STEP_DECISION, person="user:bo", by="2026-03-09"),
            disputes.CellPlace(step=disputes.CELL_STEP_EXECUTION, person="user:cy", by="2026-03-12"),
        ],
    )
    return an_event(body, "dispute/d1")


def incident_moved(progress: Any = disputes.INCIDENT_PROGRESS_MENDING, promised_on: str = "2026-03-09") -> Event[Any]:
    body = disputes.IncidentMoved(
        incident_id="n1",
        account_id=ACCOUNT,
        title_code="DLV_LATE",
        progress=progress,
        promised_on=promised_on,
        cases=["D-2026-0042", "D-2026-0043"],
        invoice_numbers=["RE-2026-000001"],
        nth=2,
        dispute_id="d1",
    )
    return an_event(body, f"incident/n1/{ACCOUNT}")


def _moved(event: Event[Any], now: Moment) -> Story | None:
    return wire.dispute_moved(event, now, "QTY_SHORT")


def _credit_refused(event: Event[Any], now: Moment) -> Story | None:
    return wire.credit_refused(event, now, "D-2026-0042")


def _shipped(event: Event[Any], now: Moment) -> Story | None:
    return wire.shipped(event, now, WHOLE_COMPANY)


STORY_OF: dict[type[Message], Callable[[Event[Any], Moment], Story | None]] = {
    credit.ApplicationDecided: wire.application_decided,
    credit.ApplicationMoved: wire.application_moved,
    credit.FactWanted: wire.fact_wanted,
    credit.CreditDecided: wire.credit_decided,
    credit.HoldReleased: wire.hold_released,
    credit.HoldExpired: wire.hold_expired,
    credit.LimitChanged: wire.limit_changed,
    credit.LimitExceeded: wire.limit_exceeded,
    credit.ReviewProposed: wire.review_proposed,
    credit.ReviewEnded: wire.review_ended,
    credit.OrderRefused: wire.order_refused,
    credit.FraudSignalled: wire.fraud_signalled,
    credit.OrderCheckMoved: wire.order_check_moved,
    orders.OrderShipped: _shipped,
    invoicing.ShipmentRefused: wire.shipment_refused,
    invoicing.DocumentHeld: wire.document_held,
    invoicing.CreditNoteRefused: _credit_refused,
    invoicing.InvoiceDiffers: wire.invoice_differs,
    credit.HoldPlaced: wire.hold_placed,
    credit.HoldLifted: wire.hold_lifted,
    invoicing.InvoiceIssued: wire.invoice_issued,
    invoicing.CreditNoteIssued: wire.credit_note_issued,
    ledger.PaymentReceived: wire.payment_received,
    ledger.PaymentAnnounced: wire.payment_announced,
    disputes.DisputeOpened: wire.dispute_opened,
    disputes.DisputeMoved: _moved,
    disputes.DisputeChecked: wire.dispute_checked,
    disputes.DisputeResolved: wire.dispute_resolved,
    disputes.DisputeAtRisk: wire.dispute_at_risk,
    disputes.DisputeCellSet: wire.dispute_cell,
    disputes.DisputeLate: lambda event, now: wire.dispute_late(event, now)[-1],
    disputes.IncidentMoved: wire.incident_moved,
}


def story_of(event: Event[Any], now: Moment = NOW) -> Story | None:
    """What people hear of an event."""
    return STORY_OF[type(event.body)](event, now)


def our_own(kind: Kind, **details: Any) -> Story:
    """A story that comes of another."""
    return Story(
        kind=kind,
        tenant=TENANT,
        fact=f"{kind}/1",
        event_type=kind.value,
        about="buyer/acme",
        account_id=ACCOUNT,
        affects=Affects(Money(119000, "EUR")),
        by_when=date(2026, 3, 9),
        next_update_at=date(2026, 3, 9),
        told_on=NOW.today,
        details=details,
    )


def ask_escalated(*, last: bool = False) -> Story:
    """Nobody paid an invoice: the administrator is asked, or the last who is."""
    story = story_of(invoice())
    assert story is not None
    begun = asks.begin(story, [Recipient(a_person("cleo", Role.AP_CLERK), Weight.ACT, Role.AP_CLERK)], NOW)
    assert begun is not None
    further = replace(begun, level=asks.Level.ADMIN, next_at=None if last else begun.next_at)
    return escalated(begun, further, story, NOW)


def every_story() -> list[Story]:
    """One of each kind at least, every shape of sentence among them."""
    events = [
        application_decided(),
        application_decided(applications.APPLICATION_OUTCOME_DECLINED),
        application_decided(
            applications.APPLICATION_OUTCOME_APPROVED_WITH_CONDITIONS,
            deposit=eur(200000),
            offers=[applications.Offer(offer_id="terms", levers=["terms"])],
        ),
        fact_wanted(),
        application_moved(),
        application_moved(applications.APPLICATION_STATE_APPEALED),
        decided(),
        decided(credit.OUTCOME_REFERRED),
        decided(credit.OUTCOME_DECLINED),
        released(),
        expired(),
        order_refused(),
        fraud_signalled(),
        fraud_signalled(clears="ship_to_confirmed"),
        order_check_moved(),
        order_check_moved(credit.ORDER_CHECK_STATE_AT_RISK, owner=""),
        limit_changed(),
        limit_exceeded(),
        review_proposed(),
        review_proposed(credit.REVIEW_KIND_CUT),
        review_ended(),
        shipped(),
        shipment_refused(),
        document_held(),
        credit_refused(),
        invoice(),
        invoice(order_id=""),
        credit_note(),
        payment(),
        payment(unapplied=900),
        payment(unapplied=900, paid_before=["RE-2026-000007"]),
        payment(unapplied=900, continues=True),
        announced(),
        announced(expected_on="2026-03-09"),
        hold_placed(),
        hold_placed("odd", scope=ScopeMessage(site="NORTH"), until=Timestamp(seconds=1772800000)),
        hold_lifted(),
        hold_lifted("over"),
        invoice_differs(),
        invoice_differs(findings=0),
        invoice_differs(findings=9),
        dispute_opened(),
        *(
            dispute_moved(state, missing)
            for state, missing in (
                (disputes.STATE_AWAITING_CUSTOMER, "a photo of the box"),
                (disputes.STATE_AWAITING_CUSTOMER, ""),
                (disputes.STATE_PROPOSED, ""),
                (disputes.STATE_REJECTED, ""),
                (disputes.STATE_WITHDRAWN, ""),
                (disputes.STATE_APPEALED, ""),
            )
        ),
        dispute_checked(),
        dispute_checked(disputes.CHECK_OUTCOME_REJECTED, appeal_by="2026-04-01"),
        dispute_resolved(),
        dispute_resolved(disputes.RESOLUTION_INVALID_PAYABLE, 0),
        dispute_at_risk(),
        dispute_at_risk(disputes.AWAITED_REASON),
        dispute_late(),
        dispute_late(level=2),
        dispute_cell(),
        dispute_resolved(disputes.RESOLUTION_INVALID_PAYABLE, 0, due_date="2026-04-01"),
        dispute_resolved(disputes.RESOLUTION_REBILL, 11900),
        dispute_resolved(disputes.RESOLUTION_PRICE_CORRECTION, 5950),
        dispute_resolved(disputes.RESOLUTION_GOODWILL, 5950),
        dispute_resolved(disputes.RESOLUTION_SPLIT_SETTLEMENT, 5950, due_date="2026-04-01"),
        dispute_resolved(disputes.RESOLUTION_WRITE_OFF, 0),
        dispute_resolved(
            disputes.RESOLUTION_REPLACEMENT,
            0,
            replaced=[disputes.ReplacedLine(line_id="1", name="Bolt M8", quantity="3")],
        ),
        incident_moved(),
        incident_moved(disputes.INCIDENT_PROGRESS_LOOKING, ""),
        incident_moved(disputes.INCIDENT_PROGRESS_FOUND, ""),
        incident_moved(disputes.INCIDENT_PROGRESS_MENDED),
    ]
    legal = dispute_opened("INV_LEGAL")
    legal.body.track, legal.body.track_reason = disputes.TRACK_ENHANCED, "legal_reason"
    told = [*map(story_of, events), wire.dispute_legal(legal, NOW)]
    stories = [story for story in told if story is not None]
    return [
        *stories,
        ask_escalated(),
        ask_escalated(last=True),
        our_own(Kind.CONTACT_UNREACHABLE, contact="c1", roles=("AP_CLERK", "RECEIVING")),
        our_own(Kind.COLLEAGUE_UNREACHABLE, contact="c1", roles=("SALES",)),
        our_own(Kind.NAME_SOMEBODY, role="AP_CLERK"),
        our_own(Kind.NAME_COLLEAGUE, role="CREDIT"),
        our_own(Kind.ROLES_MISSING, vacant=("AP_CLERK", "RECEIVING")),
        our_own(Kind.SINGLE_CONTACT),
        our_own(Kind.OWNER_MISSING),
        our_own(Kind.HANDED_OVER, leaver="Ada", roles=("AP_CLERK",), count="2", open=("RE-1", "RE-2")),
        our_own(Kind.HANDED_OVER, leaver="Ada", roles=("AP_CLERK",), count="0", open=()),
        replace(our_own(Kind.JOURNEY_AT_RISK, order="o1", dispute="", step="SHIPPED"), knower=Role.LOGISTICS),
        replace(our_own(Kind.JOURNEY_AT_RISK, order="", dispute="D-1", step="ANSWERED"), knower=Role.DISPUTE_OWNER),
        our_own(Kind.APPLICATION_AT_RISK, application="a1", step="ANSWERED"),
        *(
            replace(
                our_own(
                    Kind.JOURNEY_STEP_SLOW,
                    step="SHIPPED",
                    account=account,
                    track=track,
                    usual_days="3",
                    latest_days="8",
                    promised_days="5",
                    n="40",
                ),
                knower=Role.LOGISTICS,
            )
            for account, track in (("acme", ""), ("", "QTY_SHORT"), ("", ""))
        ),
        *(
            our_own(
                Kind.SERVICE_LEVEL_MISSED,
                order=order,
                dispute=dispute,
                step=step,
                took_days="8",
                agreed_days="5",
                since=date(2026, 3, 2),
                until=date(2026, 3, 12),
                credit=credit,
            )
            for order, dispute, step, credit in (
                ("o1", "", "SHIPPED", Money(10000, "EUR")),
                ("", "D-1", "ANSWERED", ""),
            )
        ),
        *(
            our_own(
                Kind.THREAD_MESSAGE,
                **{what: "1" if what == about else "" for what in SUBJECTS},
                by_buyer=by_buyer,
                quote="Where is it?",
            )
            for about in SUBJECTS
            for by_buyer in ("yes", "")
        ),
        *(
            our_own(
                Kind.MAIL_UNVERIFIED,
                **{what: "1" if what == about else "" for what in SUBJECTS},
            )
            for about in SUBJECTS
        ),
        *(
            our_own(kind, again=again, vacant=("AP_CLERK", "RECEIVING"))
            for kind in (
                Kind.FIRST_SIGN_IN,
                Kind.FIRST_COLLEAGUES,
                Kind.FIRST_SAMPLE,
                Kind.FIRST_WAY_TO_PAY,
                Kind.FIRST_ORDER,
            )
            for again in ("", "yes")
        ),
        our_own(Kind.FIRST_STEP_REFUSED, step="SAMPLE"),
        our_own(Kind.CONTACT_COMPLAINED, contact="c1", roles=("AP_CLERK",)),
        *(
            replace(our_own(Kind.FEEDBACK_LOW, role="RECEIVING", topic=milestone.topic), knower=milestone.owner)
            for milestone in MILESTONES.values()
        ),
        our_own(Kind.FEEDBACK_DONE, role="RECEIVING", said="We sent the missing box."),
        *(our_own(Kind.FEEDBACK_UNSOLVED, role="RECEIVING", topic="COMPLETE", again=again) for again in ("", "yes")),
        our_own(Kind.ROLE_SOURED, role="RECEIVING"),
    ]


def a_person(contact_id: str, *roles: Role, **changes: Any) -> Contact:
    """A buyer's person, unless account_id is ''."""
    values: dict[str, Any] = {
        "tenant": TENANT,
        "contact_id": contact_id,
        "account_id": ACCOUNT,
        "name": f"Person {contact_id}",
        "email": f"{contact_id}@acme.example",
        "roles": roles,
        "scope": Scope(),
        "language": "en",
        "wants_document": False,
    }
    return Contact(**(values | changes))


def a_colleague(contact_id: str, *roles: Role, **changes: Any) -> Contact:
    """A person of the seller."""
    values = {"account_id": "", "email": f"{contact_id}@nordwind.example"}
    return a_person(contact_id, *roles, **(values | changes))


def a_notice(kind: str, person: Contact, url: str, *, seller: str = "Nordwind GmbH", **changes: Any) -> Notice:
    """What happened in the portal that concerns somebody."""
    said = {name: SAID[name] for name in SAYS[kind]} | changes
    return Notice(person.tenant, "n1", kind, url, person, seller, said)


def a_link(kind: str, person: Contact, url: str, *, seller: str = "Nordwind GmbH") -> LinkLetter:
    """A way into the portal."""
    minutes = 10 if kind == "SIGN_IN" else 7 * 24 * 60
    link = Link(person.tenant, "l1", person.contact_id, kind, url, minutes, "contact:ann", "", "")
    return LinkLetter(link, person, seller, "Ann")

"""Translates the ledger's words to and from the contracts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2, service_pb2

from services import contracts
from services.chassis import bounds
from services.chassis.envelope import Event, Origin
from services.kernel.calendars import day
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Refusal
from services.ledger.domain.announcements import Announcement, Wish
from services.ledger.domain.chart import Chart
from services.ledger.domain.disputes import IN_MEMO, Turn, Word
from services.ledger.domain.entries import Cause, HoldMove, Kind, reference
from services.ledger.domain.items import Credit, CreditNote, Invoice, Item, Sums, WriteOff
from services.ledger.domain.payments import Application, Payment, Receipt
from services.ledger.domain.sellers import Seller
from services.ledger.domain.standing import Standing
from services.ledger.domain.statement import Row

TOLD_MAX = 1000  # of what one event or answer lists

_TURNS: Mapping[disputes_pb2.State.ValueType, Turn] = {
    disputes_pb2.STATE_WITHDRAWN: Turn.WITHDRAWN,
    disputes_pb2.STATE_DUPLICATE: Turn.DUPLICATE,
    disputes_pb2.STATE_REJECTED: Turn.REJECTED,
    disputes_pb2.STATE_APPEALED: Turn.APPEALED,
    disputes_pb2.STATE_REOPENED: Turn.REOPENED,
}
_AMOUNT_CHANGES = frozenset({disputes_pb2.CHANGE_MERGED, disputes_pb2.CHANGE_SPLIT})

Fact = Invoice | CreditNote | HoldMove | Word


def cause(origin: Origin) -> Cause:
    """On whose word something is booked."""
    return Cause(origin.causation_id or f"call/{origin.idempotency_key}", origin.actor)


def fact(event: Event[Any]) -> Fact | None:
    """What an event tells the ledger, checked; None if that is nothing."""
    said = _FACTS[type(event.body)](event)
    return None if isinstance(said, HoldMove) and not said.amount.minor else said


def invoice(event: Event[invoicing_pb2.InvoiceIssued]) -> Invoice:
    """An invoice as it came, checked."""
    body = event.body
    return Invoice(
        tenant=event.tenant,
        invoice_id=body.invoice_id,
        number=body.number,
        account_id=body.account_id,
        order_id=body.order_id,
        final=body.final,
        issued_on=day(body.issue_date, what="issue_date"),
        due_on=day(body.due_date, what="due_date"),
        sums=_sums(body),
        seller_id=body.seller_id,
        scope=contracts.scope(body.scope),
        corrects=body.corrects.document_id,
    ).check()


def credit_note(event: Event[invoicing_pb2.CreditNoteIssued]) -> CreditNote:
    """A credit note as it came, checked."""
    body = event.body
    return CreditNote(
        tenant=event.tenant,
        credit_note_id=body.credit_note_id,
        number=body.number,
        invoice_id=body.invoice_id,
        account_id=body.account_id,
        issued_on=day(body.issue_date, what="issue_date"),
        sums=_sums(body),
        is_goodwill=body.reason == invoicing_pb2.CREDIT_REASON_GOODWILL,
    ).check()


def _sums(body: invoicing_pb2.InvoiceIssued | invoicing_pb2.CreditNoteIssued) -> Sums:
    return Sums(
        net=Money(body.net_minor, body.currency),
        tax=Money(body.tax_minor, body.currency),
        gross=Money(body.gross_minor, body.currency),
        sales_tax=Money(body.sales_tax_minor, body.currency),
        rounding=Money(body.rounding_minor, body.currency),
    )


def seller(event: Event[Any]) -> Seller:
    """A legal entity, registered or as it was set last."""
    body = event.body
    if isinstance(body, invoicing_pb2.SellerRegistered):
        return Seller(event.tenant, body.seller_id, version=0, time_zone=None)
    return Seller(event.tenant, body.seller.seller_id, body.version, body.seller.time_zone or None).check()


def hold_placed(event: Event[credit_pb2.CreditDecided]) -> HoldMove | None:
    """What an approval holds; any other decision holds nothing."""
    if event.body.outcome != credit_pb2.OUTCOME_APPROVED:
        return None
    return _hold_move(event, Kind.HOLD_PLACED, event.body.decision_id)


def hold_captured(event: Event[credit_pb2.HoldCaptured]) -> HoldMove:
    """What an invoice took of a hold."""
    return _hold_move(
        event, Kind.HOLD_CAPTURED, event.body.order_id, str(event.body.version), event.body.invoice_number
    )


def hold_released(event: Event[credit_pb2.HoldReleased]) -> HoldMove:
    """What was given back of a hold."""
    cause = event.body.cause  # a version to come may have more of them
    why = credit_pb2.ReleaseCause.Name(cause) if cause in credit_pb2.ReleaseCause.values() else str(cause)
    return _hold_move(event, Kind.HOLD_RELEASED, event.body.order_id, str(event.body.version), why)


def hold_expired(event: Event[credit_pb2.HoldExpired]) -> HoldMove:
    """What lapsed of a hold."""
    return _hold_move(event, Kind.HOLD_EXPIRED, event.body.order_id, str(event.body.version))


def _hold_move(event: Event[Any], kind: Kind, *key: str) -> HoldMove:
    return HoldMove(
        tenant=event.tenant,
        account_id=event.body.account_id,
        kind=kind,
        reference=reference(*key),
        amount=contracts.money(event.body.amount),
        on=event.at.astimezone(UTC).date(),
    ).check()


def dispute_opened(event: Event[disputes_pb2.DisputeOpened]) -> Word:
    """A case was opened."""
    return _word(event, Turn.OPENED)


def dispute_moved(event: Event[disputes_pb2.DisputeMoved]) -> Word | None:
    """A case moved; None if the ledger does not care."""
    turn = _TURNS.get(event.body.to_state)
    return _word(event, turn) if turn else None


def dispute_changed(event: Event[disputes_pb2.DisputeChanged]) -> Word | None:
    """A case contests another amount than before, for it was merged or split; None if it does not."""
    return _word(event, Turn.CHANGED) if event.body.change in _AMOUNT_CHANGES else None


def dispute_resolved(event: Event[disputes_pb2.DisputeResolved]) -> Word:
    """A case ended; perhaps in giving up what is open."""
    word = _word(event, Turn.RESOLVED)
    if not event.body.HasField("given_up"):
        return word
    return replace(word, given_up=contracts.money(event.body.given_up))


def _word(event: Event[Any], turn: Turn) -> Word:
    body = event.body
    return Word(
        tenant=event.tenant,
        dispute_id=body.dispute_id,
        invoice_id=body.invoice_id,
        account_id=body.account_id,
        turn=turn,
        amount=contracts.money(body.amount) if IN_MEMO[turn] else None,
        nth=event.sequence or 0,
    )


_FACTS: Mapping[type[Message], Callable[[Event[Any]], Fact | None]] = {
    credit_pb2.CreditDecided: hold_placed,
    credit_pb2.HoldCaptured: hold_captured,
    credit_pb2.HoldReleased: hold_released,
    credit_pb2.HoldExpired: hold_expired,
    invoicing_pb2.InvoiceIssued: invoice,
    invoicing_pb2.CreditNoteIssued: credit_note,
    disputes_pb2.DisputeOpened: dispute_opened,
    disputes_pb2.DisputeMoved: dispute_moved,
    disputes_pb2.DisputeChanged: dispute_changed,
    disputes_pb2.DisputeResolved: dispute_resolved,
}


def payment(tenant: str, message: service_pb2.RecordPaymentRequest) -> Payment:
    """A payment as a caller tells it, checked."""
    return Payment(
        tenant=tenant,
        payment_id=message.payment_id,
        account_id=message.account_id,
        amount=contracts.money(message.amount),
        value_on=day(message.value_date, what="value_date"),
        remittance=message.remittance,
    ).check()


def wish(tenant: str, message: service_pb2.AnnouncePaymentRequest) -> Wish:
    """What a caller wants to announce, checked."""
    return Wish(
        tenant=tenant,
        account_id=message.account_id,
        asked=tuple((item.number, contracts.money(item.amount)) for item in message.items),
        expected_on=day(message.expected_on, what="expected_on") if message.expected_on else None,
    ).check()


def announcement_message(announced: Announcement) -> service_pb2.Announcement:
    """What was announced, to show."""
    announced_at = Timestamp()
    announced_at.FromDatetime(announced.announced_at)
    return service_pb2.Announcement(
        reference=announced.reference,
        account_id=announced.account_id,
        amount=contracts.money_message(announced.amount),
        items=[
            service_pb2.AnnouncedItem(number=part.item.number, amount=contracts.money_message(part.amount))
            for part in announced.parts
        ],
        expected_on=announced.expected_on.isoformat() if announced.expected_on else "",
        state=announced.state.value,
        announced_by=announced.announced_by,
        announced_at=announced_at,
    )


def payment_announced(announced: Announcement) -> events_pb2.PaymentAnnounced:
    """What was announced, and what became of it, to tell."""
    return events_pb2.PaymentAnnounced(
        reference=announced.reference,
        account_id=announced.account_id,
        amount=contracts.money_message(announced.amount),
        invoice_ids=[part.item.invoice_id for part in announced.parts],
        expected_on=announced.expected_on.isoformat() if announced.expected_on else "",
        state=announced.state.value,
        amounts=[contracts.money_message(part.amount) for part in announced.parts],
        scopes=[contracts.scope_message(scope) for scope in announced.scopes],
    )


def after(standing: Iterable[Standing]) -> list[events_pb2.Standing]:
    """Where an account stands, to tell."""
    return [
        events_pb2.Standing(
            open=contracts.money_message(s.open),
            unapplied=contracts.money_message(s.unapplied),
            credits=contracts.money_message(s.credits),
        )
        for s in standing
    ]


def item_opened(item: Item, standing: Iterable[Standing], *, corrects: str = "") -> events_pb2.ItemOpened:
    """An open item, to tell; perhaps in the place of another invoice's."""
    return events_pb2.ItemOpened(
        invoice_id=item.invoice_id,
        number=item.number,
        account_id=item.account_id,
        order_id=item.order_id,
        final=item.final,
        amount=contracts.money_message(item.amount),
        due_date=item.due_on.isoformat(),
        after=after(standing),
        scope=contracts.scope_message(item.scope),
        issue_date=item.issued_on.isoformat(),
        seller_id=item.seller_id,
        corrects_invoice_id=corrects,
    )


def item_paid(paid: Payment, application: Application, standing: Iterable[Standing]) -> events_pb2.ItemReduced:
    """Less is owed since a payment met it, to tell."""
    told = _item_reduced(application.item, application.amount, standing)
    told.by = events_pb2.REDUCTION_PAID
    told.cause_id = paid.payment_id
    told.effective_on = paid.value_on.isoformat()
    return told


def item_credited(credit: Credit, standing: Iterable[Standing]) -> events_pb2.ItemReduced:
    """Less is owed since it was credited, to tell."""
    told = _item_reduced(credit.item, credit.taken, standing)
    told.by = events_pb2.REDUCTION_CREDITED
    told.cause_id = credit.note.credit_note_id
    told.effective_on = credit.note.issued_on.isoformat()
    return told


def item_written_off(done: WriteOff, standing: Iterable[Standing]) -> events_pb2.ItemReduced:
    """Less is owed since it was given up, to tell; of nothing too, for whoever waits to hear that it is done."""
    told = _item_reduced(done.item, done.amount, standing)
    told.by = events_pb2.REDUCTION_WRITTEN_OFF
    told.cause_id = done.dispute_id
    told.effective_on = done.on.isoformat()
    return told


def _item_reduced(item: Item, amount: Money, standing: Iterable[Standing]) -> events_pb2.ItemReduced:
    """The item is what is left of it."""
    return events_pb2.ItemReduced(
        invoice_id=item.invoice_id,
        number=item.number,
        account_id=item.account_id,
        amount=contracts.money_message(amount),
        open=contracts.money_message(item.open),
        after=after(standing),
        due_date=item.due_on.isoformat(),
        scope=contracts.scope_message(item.scope),
    )


def credit_kept(credit: Credit, standing: Iterable[Standing]) -> events_pb2.CreditKept:
    """A credit that found nothing open, to tell."""
    return events_pb2.CreditKept(
        invoice_id=credit.note.invoice_id,
        credit_note_number=credit.note.number,
        account_id=credit.note.account_id,
        amount=contracts.money_message(credit.kept),
        after=after(standing),
        scope=contracts.scope_message(credit.item.scope),
    )


def payment_message(paid: Payment, unapplied: Money) -> service_pb2.Payment:
    """A payment, to show."""
    return service_pb2.Payment(
        payment_id=paid.payment_id,
        account_id=paid.account_id,
        amount=contracts.money_message(paid.amount),
        value_date=paid.value_on.isoformat(),
        remittance=paid.remittance,
        unapplied=contracts.money_message(unapplied),
    )


def payment_received(receipt: Receipt, standing: Iterable[Standing]) -> events_pb2.PaymentReceived:
    """Money came in, to tell."""
    paid = receipt.payment
    return events_pb2.PaymentReceived(
        payment_id=paid.payment_id,
        account_id=paid.account_id,
        amount=contracts.money_message(paid.amount),
        value_date=paid.value_on.isoformat(),
        unapplied=contracts.money_message(receipt.unapplied),
        after=after(standing),
        scopes=[contracts.scope_message(scope) for scope in receipt.scopes[:TOLD_MAX]],
        paid_before=receipt.paid_before[:TOLD_MAX],
        continues=receipt.continues,
    )


def cash_applied(
    paid: Payment, application: Application, standing: Iterable[Standing], *, later: bool
) -> events_pb2.CashApplied:
    """Part of a payment met an invoice, to tell."""
    return events_pb2.CashApplied(
        payment_id=paid.payment_id,
        invoice_id=application.item.invoice_id,
        number=application.item.number,
        account_id=paid.account_id,
        amount=contracts.money_message(application.amount),
        evidence=application.evidence.value,
        after=after(standing),
        scope=contracts.scope_message(application.item.scope),
        later=later,
    )


def recorded(receipt: Receipt) -> service_pb2.RecordPaymentResponse:
    """What became of a payment."""
    return service_pb2.RecordPaymentResponse(
        applications=[
            service_pb2.Application(
                number=a.item.number, amount=contracts.money_message(a.amount), evidence=a.evidence.value
            )
            for a in receipt.applications[:TOLD_MAX]
        ],
        unapplied=contracts.money_message(receipt.unapplied),
        continues=receipt.continues,
        paid_before=receipt.paid_before[:TOLD_MAX],
    )


def within_bounds(row: Row) -> Row:
    """The row, refused where the same payment would be refused as a call: the bounds are the same at every door."""
    if isinstance(row.payment, Refusal):
        return row
    said = row.payment
    try:
        bounds.check(
            service_pb2.RecordPaymentRequest(
                payment_id=said.payment_id,
                account_id=said.account_id,
                amount=contracts.money_message(said.amount),
                value_date=said.value_on.isoformat(),
                remittance=said.remittance,
            )
        )
    except Refusal as refusal:
        return replace(row, payment=refusal)
    return row


def statement_row(row: Row, outcome: str | Refusal) -> service_pb2.StatementRow:
    """What became of a row of a bank statement; of a reference that is none, as much as can be told."""
    said = service_pb2.StatementRow(row=row.number, reference=row.reference)
    if isinstance(outcome, Refusal):
        said.outcome, said.code, said.message = "refused", outcome.code, outcome.message
    else:
        said.outcome = outcome
    return bounds.cleaned(said)


def balance(r: Any) -> service_pb2.Balance:
    """Where an account stands in one currency."""
    return service_pb2.Balance(
        open=contracts.money_message(Money(r.open_minor, r.currency)),
        overdue=contracts.money_message(Money(r.overdue_minor, r.currency)),
        disputed=contracts.money_message(Money(r.disputed_minor, r.currency)),
        unapplied=contracts.money_message(Money(r.unapplied_minor, r.currency)),
        credits=contracts.money_message(Money(r.credits_minor, r.currency)),
    )


def open_item(r: Any) -> service_pb2.OpenItem:
    """An open item, to show."""
    return service_pb2.OpenItem(
        invoice_id=r.invoice_id,
        number=r.number,
        account_id=r.account_id,
        amount=contracts.money_message(Money(r.amount_minor, r.currency)),
        open=contracts.money_message(Money(r.open_minor, r.currency)),
        disputed=contracts.money_message(Money(r.disputed_minor, r.currency)),
        due_date=r.due_on.isoformat(),
        scope=contracts.scope_message(Scope(r.site, r.cost_centre, r.purchase_order)),
    )


def account_balance(r: Any) -> service_pb2.AccountBalance:
    """What an account of the chart adds up to in one currency."""
    chart = Chart(r.chart_account)
    return service_pb2.AccountBalance(
        account=str(chart.value), name=chart.title, balance=contracts.money_message(Money(r.minor, r.currency))
    )

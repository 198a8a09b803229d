"""Translates the words of disputes to and from the contracts."""

from collections.abc import Iterable, Sequence
from datetime import date

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services import contracts, standing
from services.chassis.envelope import Event
from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.cases import (
    Action,
    Dispute,
    Entry,
    Move,
    Order,
    Resolution,
    State,
    Wish,
)
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.evidence import Evidence, File, take
from services.disputes.domain.invoices import CreditNote, Invoice, Line, Part
from services.disputes.domain.previews import Preview
from services.kernel.calendars import day
from services.kernel.money import Money, decimal
from services.kernel.refusals import Invalid
from services.kernel.standing import Kind

STANDING = standing.Words(
    kinds=frozenset({Kind.CREDIT}),
    proposed=events_pb2.StandingApprovalProposed,
    granted=events_pb2.StandingApprovalGranted,
    revoked=events_pb2.StandingApprovalRevoked,
    used=events_pb2.StandingApprovalUsed,
)


def invoice(event: Event[invoicing_pb2.InvoiceIssued]) -> tuple[Invoice, list[Line]]:
    """An invoice as it was issued: nothing of it is credited or contested yet."""
    said = event.body
    nothing = Money(0, said.currency).checked()
    issued = Invoice(
        tenant=event.tenant,
        invoice_id=said.invoice_id,
        number=said.number,
        account_id=said.account_id,
        order_id=said.order_id,
        issue_date=day(said.issue_date, what="issue_date"),
        net=Money(said.net_minor, said.currency),
        tax=Money(said.tax_minor, said.currency),
        gross=Money(said.gross_minor, said.currency),
        credited=nothing,
        disputed=nothing,
        scope=contracts.scope(said.scope),
        seller_id=said.seller_id,
    )
    return issued, [_line(line, said.currency) for line in said.lines]


def _line(said: invoicing_pb2.DocumentLine, currency: str) -> Line:
    return Line(
        line_id=said.line_id,
        quantity=decimal(said.quantity, what="quantity"),
        unit_price=decimal(said.unit_price, what="unit_price"),
        net=Money(said.net_minor, currency),
        vat_category=said.vat_category,
        # What is outside of VAT has no rate.
        vat_rate=decimal(said.vat_rate or "0", what="vat_rate"),
        is_sales_tax=said.is_sales_tax,
        name=said.name,
    )


def credit_note(event: Event[invoicing_pb2.CreditNoteIssued]) -> CreditNote:
    """A credit note, as far as it concerns cases."""
    said = event.body
    return CreditNote(
        tenant=event.tenant,
        credit_note_id=said.credit_note_id,
        invoice_id=said.invoice_id,
        dispute_id=said.dispute_id,
        number=said.number,
        gross=Money(said.gross_minor, said.currency).checked(),
    )


def seller(event: Event[invoicing_pb2.SellerChanged]) -> tuple[int, str, str]:
    """The clock of a legal entity: version, zone, holidays."""
    said = event.body.seller
    return event.body.version, said.time_zone, said.holidays


def policy(said: events_pb2.DisputePolicy) -> Policy:
    """What cases are to run by, checked."""
    return Policy(
        window_days=said.window_days,
        answer_days=said.answer_days,
        customer_days=said.customer_days,
        reopen_days=said.reopen_days,
        first_answer_days=said.first_answer_days or 1,
        auto_credit=_auto_credit(said.auto_credit) if said.HasField("auto_credit") else AutoCredit(),
    ).check()


def _auto_credit(said: events_pb2.AutoCredit) -> AutoCredit:
    return AutoCredit(tuple((one.currency, one.minor) for one in said.most), said.per_month)


def policy_message(policy: Policy) -> events_pb2.DisputePolicy:
    """What cases run by, to tell and to show."""
    return events_pb2.DisputePolicy(
        window_days=policy.window_days,
        answer_days=policy.answer_days,
        customer_days=policy.customer_days,
        reopen_days=policy.reopen_days,
        first_answer_days=policy.first_answer_days,
        auto_credit=events_pb2.AutoCredit(
            most=[contracts.money_message(Money(minor, currency)) for currency, minor in policy.auto_credit.most],
            per_month=policy.auto_credit.per_month,
        ),
    )


def wish(said: service_pb2.OpenRequest | service_pb2.PreviewRequest) -> Wish:
    """What somebody wants to contest; whoever only looks what that would be has not described it yet."""
    return Wish(
        reason_code=said.reason_code,
        description=said.description if isinstance(said, service_pb2.OpenRequest) else None,
        lines=parts(said.lines),
        amount=contracts.money(said.amount) if said.HasField("amount") else None,
    )


def parts(said: Iterable[events_pb2.DisputedLine]) -> tuple[Part, ...]:
    """Parts of invoiced lines."""
    return tuple(Part(line.line_id, decimal(line.quantity, what="quantity")) for line in said)


def action(said: service_pb2.Action.ValueType) -> Action:
    """What somebody wants done with a case."""
    if said not in _ACTIONS:
        raise Invalid("dispute.unknown_action", f"{said} is not an action on a dispute")
    return _ACTIONS[said]


def resolution(said: events_pb2.Resolution.ValueType) -> Resolution:
    """How somebody wants a case to end."""
    if said not in _RESOLUTIONS:
        raise Invalid("dispute.unknown_resolution", f"{said} is not a resolution of a dispute")
    return _RESOLUTIONS[said]


def state_filter(said: events_pb2.State.ValueType) -> State | None:
    """The state that a list is wanted of; None for all."""
    if said == events_pb2.STATE_UNSPECIFIED:
        return None
    if said not in _STATES:
        raise Invalid("dispute.unknown_state", f"{said} is not a state of a dispute")
    return _STATES[said]


def order(request: service_pb2.ListDisputesRequest) -> Order:
    """In which order a list is wanted."""
    if request.order not in _ORDERS:
        raise Invalid("dispute.unknown_order", f"{request.order} is no order of a list")
    found = _ORDERS[request.order]
    if request.state and found in (Order.AT_THE_SELLER, Order.AT_THE_BUYER):
        raise Invalid("dispute.unknown_order", "what waits for a side is listed in all of its states")
    return found


def opened(dispute: Dispute, *, answered_at_once: bool = False) -> events_pb2.DisputeOpened:
    """A new case to tell."""
    return events_pb2.DisputeOpened(
        dispute_id=dispute.dispute_id,
        invoice_id=dispute.invoice_id,
        invoice_number=dispute.invoice_number,
        account_id=dispute.account_id,
        order_id=dispute.order_id,
        reason_code=dispute.reason_code,
        lines=_lines(dispute.lines),
        amount=contracts.money_message(dispute.amount),
        answer_by=dispute.answer_by.isoformat(),
        scope=contracts.scope_message(dispute.scope),
        number=dispute.number,
        answered_at_once=answered_at_once,
    )


def moved(move: Move, next_by: date | None) -> events_pb2.DisputeMoved:
    """A step of a case to tell; the amount is the case's, whether its new state contests it or not."""
    dispute = move.after
    return events_pb2.DisputeMoved(
        dispute_id=dispute.dispute_id,
        invoice_id=dispute.invoice_id,
        account_id=dispute.account_id,
        from_state=_state(move.before.state),
        to_state=_state(dispute.state),
        amount=contracts.money_message(dispute.amount),
        scope=contracts.scope_message(dispute.scope),
        invoice_number=dispute.invoice_number,
        next_by=next_by.isoformat() if next_by else "",
        answer_by=dispute.answer_by.isoformat(),
        number=dispute.number,
        nth=dispute.moves,
    )


def resolved(dispute: Dispute, named: Sequence[Part], credited: Sequence[Part]) -> events_pb2.DisputeResolved:
    """The end of a case to tell; where no lines are named the credit is an amount alone, whatever lines it counts for."""
    assert dispute.credit is not None
    assert dispute.resolution is not None
    return events_pb2.DisputeResolved(
        dispute_id=dispute.dispute_id,
        invoice_id=dispute.invoice_id,
        invoice_number=dispute.invoice_number,
        account_id=dispute.account_id,
        order_id=dispute.order_id,
        resolution=_resolution(dispute.resolution),
        lines=_lines(named),
        credit=contracts.money_message(dispute.credit),
        disputed=contracts.money_message(dispute.amount),
        scope=contracts.scope_message(dispute.scope),
        reason_code=dispute.reason_code,
        credited=_lines(credited),
        number=dispute.number,
    )


def dispute_message(dispute: Dispute) -> service_pb2.Dispute:
    """A case to answer with."""
    message = service_pb2.Dispute(
        dispute_id=dispute.dispute_id,
        invoice_id=dispute.invoice_id,
        invoice_number=dispute.invoice_number,
        account_id=dispute.account_id,
        reason_code=dispute.reason_code,
        description=dispute.description,
        lines=_lines(dispute.lines),
        amount=contracts.money_message(dispute.amount),
        state=_state(dispute.state),
        credit_note_number=dispute.credit_note_number,
        answer_by=dispute.answer_by.isoformat(),
        number=dispute.number,
    )
    if dispute.resolution is not None and dispute.credit is not None:
        message.resolution = _resolution(dispute.resolution)
        message.credit.CopyFrom(contracts.money_message(dispute.credit))
    message.opened_at.FromDatetime(dispute.opened_at)
    return message


def preview_message(preview: Preview) -> service_pb2.PreviewResponse:
    """What a case would be, to answer with."""
    case = preview.case
    return service_pb2.PreviewResponse(
        invoice_id=case.invoice_id,
        number=case.invoice_number,
        lines=[
            service_pb2.PreviewLine(
                line_id=left.line.line_id,
                name=left.line.name,
                invoiced=f"{left.line.quantity:f}",
                left=f"{left.quantity:f}",
                amount=contracts.money_message(left.gross),
            )
            for left in preview.left
        ],
        amount=contracts.money_message(case.amount),
        promised_by=case.answer_by.isoformat(),
    )


def file(said: service_pb2.AddEvidenceRequest) -> File:
    """What somebody adds to a case, checked."""
    return take(said.file_name, said.media_type, said.content)


def evidence_message(evidence: Evidence) -> service_pb2.Evidence:
    """What was added to a case, to answer with."""
    message = service_pb2.Evidence(
        evidence_id=evidence.evidence_id,
        file_name=evidence.file_name,
        media_type=evidence.media_type,
        bytes=evidence.size,
        sha256=evidence.sha256,
        added_by=evidence.added_by,
    )
    message.added_at.FromDatetime(evidence.added_at)
    return message


def history_entry(entry: Entry) -> service_pb2.HistoryEntry:
    """A step of a case to answer with."""
    at = Timestamp()
    at.FromDatetime(entry.at)
    return service_pb2.HistoryEntry(
        action=service_pb2.Action.Value(f"ACTION_{entry.action}"),
        from_state=_state(entry.from_state),
        to_state=_state(entry.to_state),
        actor=entry.actor,
        reason=entry.reason,
        at=at,
        nth=entry.nth,
        missing=entry.missing,
    )


# The contract's names are ours with a prefix; what is UNSPECIFIED or not known stands in none of these.
_ACTIONS = {service_pb2.Action.Value(f"ACTION_{action}"): action for action in Action}
_ORDERS = {
    service_pb2.LIST_ORDER_UNSPECIFIED: Order.OPENED,
    service_pb2.LIST_ORDER_NEWEST_FIRST: Order.NEWEST,
    service_pb2.LIST_ORDER_WAITING_FOR_SELLER: Order.AT_THE_SELLER,
    service_pb2.LIST_ORDER_WAITING_FOR_BUYER: Order.AT_THE_BUYER,
}
_STATES = {events_pb2.State.Value(f"STATE_{state}"): state for state in State}
_RESOLUTIONS = {events_pb2.Resolution.Value(f"RESOLUTION_{resolution}"): resolution for resolution in Resolution}


def _state(state: State) -> events_pb2.State.ValueType:
    return events_pb2.State.Value(f"STATE_{state}")


def _resolution(resolution: Resolution) -> events_pb2.Resolution.ValueType:
    return events_pb2.Resolution.Value(f"RESOLUTION_{resolution}")


def _lines(parts: Iterable[Part]) -> list[events_pb2.DisputedLine]:
    return [events_pb2.DisputedLine(line_id=part.line_id, quantity=f"{part.quantity:f}") for part in parts]

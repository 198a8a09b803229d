"""Translates the words of disputes to and from the contracts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services import contracts, standing
from services.chassis.envelope import Event, Origin
from services.disputes.domain import causes
from services.disputes.domain.authority import Authority
from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.cases import (
    AT_THE_SELLER,
    AWAITS_ANSWER,
    Action,
    Dispute,
    Entry,
    Move,
    Order,
    Resolution,
    State,
    Wish,
)
from services.disputes.domain.cells import Cell, Place, Step
from services.disputes.domain.deadlines import GOODWILL_MAX, Owners, Policy
from services.disputes.domain.evidence import Evidence, File, take
from services.disputes.domain.handling import Change, Changed, ChangeEntry
from services.disputes.domain.invoices import CreditNote, Invoice, Line, Lines, Part
from services.disputes.domain.outcomes import Decision, Outcome
from services.disputes.domain.previews import Preview
from services.disputes.domain.tracks import Track
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
        due_on=day(said.due_date, what="due_date") if said.due_date else None,
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
        sku=said.sku,
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
        corrected_id=said.rebilled_by.document_id,
        corrected_number=said.rebilled_by.number,
    )


def seller(event: Event[invoicing_pb2.SellerChanged]) -> tuple[int, str, str, str, str]:
    """The clock of a legal entity: version, zone, holidays, opening hours."""
    said = event.body.seller
    return event.body.version, said.time_zone, said.holidays, said.opens_at, said.closes_at


def policy(said: events_pb2.DisputePolicy) -> Policy:
    """What cases are to run by, checked."""
    usual = Policy()
    return Policy(
        window_days=said.window_days,
        answer_days=said.answer_days,
        customer_days=said.customer_days,
        reopen_days=said.reopen_days,
        first_answer_days=said.first_answer_days or usual.first_answer_days,
        fast_hours=said.fast_hours or usual.fast_hours,
        enhanced_days=said.enhanced_days or usual.enhanced_days,
        enhanced_over_minor=said.enhanced_over_minor or usual.enhanced_over_minor,
        fast_most_minor=said.fast_most_minor or usual.fast_most_minor,
        desks={row.desk: Owners(row.owner, row.stand_in) for row in said.desks},
        authorities=tuple(Authority(row.role, row.person, contracts.money(row.most)) for row in said.authorities),
        goodwill_max=said.goodwill_max if said.HasField("goodwill_max") else GOODWILL_MAX,
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
        fast_hours=policy.fast_hours,
        enhanced_days=policy.enhanced_days,
        enhanced_over_minor=policy.enhanced_over_minor,
        fast_most_minor=policy.fast_most_minor,
        desks=[
            events_pb2.DeskOwner(desk=desk, owner=owners.owner, stand_in=owners.stand_in)
            for desk, owners in sorted(policy.desks.items())
        ],
        authorities=[
            events_pb2.CreditAuthority(role=one.role, person=one.person, most=contracts.money_message(one.most))
            for one in policy.authorities
        ],
        goodwill_max=policy.goodwill_max,
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


def opener(call: Origin, written_by: str) -> Origin:
    """Who opens a case: the caller, and whose words it is opened by, where a clerk turns what somebody wrote into one."""
    if not written_by:
        return call
    if not call.actor.startswith("user:") or " for " in call.actor:
        raise Invalid(
            "dispute.written_by", "only one of the seller's people, for themselves, opens a case of another's words"
        )
    return replace(call, actor=f"{call.actor} for contact:{written_by}")


def parts(said: Iterable[events_pb2.DisputedLine]) -> tuple[Part, ...]:
    """Parts of invoiced lines."""
    return tuple(Part(line.line_id, decimal(line.quantity, what="quantity")) for line in said)


def action(said: service_pb2.Action.ValueType) -> Action:
    """What somebody wants done with a case."""
    if said not in _ACTIONS:
        raise Invalid("dispute.unknown_action", f"{said} is not an action on a dispute")
    return _ACTIONS[said]


def decision(said: service_pb2.ResolveRequest) -> Decision:
    """How somebody wants a case to end, with what that end has to name."""
    return Decision(
        resolution=resolution(said.resolution),
        lines=parts(said.lines),
        amount=contracts.money(said.amount) if said.HasField("amount") else None,
        correction=contracts.correction(said.correction) if said.HasField("correction") else None,
        cause=said.cause,
    )


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
    if request.state and found in (Order.AT_THE_SELLER, Order.AT_THE_BUYER, Order.AT_RISK_FIRST):
        raise Invalid("dispute.unknown_order", "what waits for a side is listed in all of its states")
    return found


def opened(dispute: Dispute, split_from: str = "", *, answered_at_once: bool = False) -> events_pb2.DisputeOpened:
    """A new case to tell; `split_from`: the one whose lines it has, if it was not opened by itself."""
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
        answer_at=_at(dispute.answer_at),
        track=_track(dispute.track),
        track_reason=dispute.track_reason,
        at_risk_at=_at(dispute.at_risk_at),
        owner=dispute.owner,
        stand_in=dispute.stand_in,
        recode_by=_at(dispute.recode_by),
        split_from=split_from,
        opened_by=dispute.opened_by if split_from else "",
        answered_at_once=answered_at_once,
    )


def moved(move: Move, next_by: date | None, into_number: str = "") -> events_pb2.DisputeMoved:
    """A step of a case to tell; the amount is the case's, whether its new state contests it or not.

    `into_number`: of one that was merged, what people call the case that goes on.
    """
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
        answer_at=_at(dispute.answer_at),
        track=_track(dispute.track),
        track_reason=dispute.track_reason,
        at_risk_at=_at(dispute.at_risk_at),
        late_days=dispute.late_days,
        merged_into=dispute.merged_into,
        merged_into_number=into_number,
    )


def changed(step: Changed) -> events_pb2.DisputeChanged:
    """What became of a case beside its moves, to tell: everything of it is repeated."""
    case = step.case
    return events_pb2.DisputeChanged(
        **_named(case),
        change=_change(step.change),
        reason_code=case.reason_code,
        track=_track(case.track),
        track_reason=case.track_reason,
        lines=_lines(case.lines),
        amount=contracts.money_message(case.amount),
        owner=case.owner,
        stand_in=case.stand_in,
        handoffs=case.handoffs,
        other_dispute_id=step.other,
        nth=case.changes,
        before=step.before,
        answer_by=case.answer_by.isoformat(),
        answer_at=_at(case.answer_at),
        at_risk_at=_at(case.at_risk_at),
        warned=case.warned,
    )


def at_risk(
    case: Dispute, awaited: events_pb2.Awaited.ValueType, by: date, due_at: datetime
) -> events_pb2.DisputeAtRisk:
    """That something of a case may come too late, to tell."""
    return events_pb2.DisputeAtRisk(
        **_named(case),
        awaited=awaited,
        amount=contracts.money_message(case.amount),
        by=by.isoformat(),
        due_at=_at(due_at),
        owner=case.owner,
        stand_in=case.stand_in,
        nth=case.changes,
    )


def late(case: Dispute, promised_by: date) -> events_pb2.DisputeLate:
    """That the seller missed what it promised, and what it promises instead, to tell."""
    assert case.late_from is not None, "what was missed was promised for a day"
    return events_pb2.DisputeLate(
        **_named(case),
        amount=contracts.money_message(case.amount),
        promised_by=promised_by.isoformat(),
        answer_by=case.answer_by.isoformat(),
        answer_at=_at(case.answer_at),
        at_risk_at=_at(case.at_risk_at),
        level=case.late_level,
        late_from=case.late_from.isoformat(),
        late_days=case.late_days,
        owner=case.owner,
        stand_in=case.stand_in,
        nth=case.changes,
    )


def resolved(dispute: Dispute, outcome: Outcome, lines: Lines, cause: tuple[str, bool]) -> events_pb2.DisputeResolved:
    """The end of a case to tell, with its cause and whether somebody named it.

    Where no lines are told the credit is an amount alone, whatever lines it counts for.
    """
    assert dispute.credit is not None
    assert dispute.resolution is not None
    code, named = cause
    return events_pb2.DisputeResolved(
        dispute_id=dispute.dispute_id,
        invoice_id=dispute.invoice_id,
        invoice_number=dispute.invoice_number,
        account_id=dispute.account_id,
        order_id=dispute.order_id,
        resolution=_resolution(dispute.resolution),
        lines=_lines(outcome.told),
        credit=contracts.money_message(dispute.credit),
        disputed=contracts.money_message(dispute.amount),
        scope=contracts.scope_message(dispute.scope),
        reason_code=dispute.reason_code,
        credited=_lines(outcome.credited),
        number=dispute.number,
        due_date=dispute.due_on.isoformat() if dispute.due_on else "",
        correction=contracts.correction_message(outcome.correction) if outcome.correction else None,
        replaced=[
            events_pb2.ReplacedLine(line_id=part.line_id, name=lines[part.line_id].name, quantity=f"{part.quantity:f}")
            for part in outcome.replaced
        ],
        given_up=contracts.money_message(outcome.given_up) if outcome.given_up else None,
        cause=code,
        cause_named=named,
    )


def dispute_message(dispute: Dispute, policy: Policy, at: datetime, *, of_seller: bool = True) -> service_pb2.Dispute:
    """A case as it is then, to list; how long nothing was done with it is the seller's to know."""
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
        corrected_invoice_number=dispute.corrected_invoice_number,
        replaced_by_shipment=dispute.replaced_by_shipment,
        written_off=contracts.money_message(dispute.written_off) if dispute.written_off else None,
        due_date=dispute.due_on.isoformat() if dispute.due_on else "",
        answer_by=dispute.answer_by.isoformat(),
        number=dispute.number,
        presumed_cause=causes.usual(dispute.reason_code),
    )
    if dispute.resolution is not None and dispute.credit is not None:
        message.resolution = _resolution(dispute.resolution)
        message.credit.CopyFrom(contracts.money_message(dispute.credit))
    message.opened_at.FromDatetime(dispute.opened_at)
    _show_run(message, dispute, at)
    if of_seller and dispute.state in AT_THE_SELLER:
        idle = policy.calendar.hours_between(dispute.acted_at or dispute.opened_at, at)
        message.idle_minutes = int(idle.total_seconds() // 60)
    return message


def _show_run(message: service_pb2.Dispute, dispute: Dispute, at: datetime) -> None:
    """Track, promise, lateness, owner."""
    message.track = _track(dispute.track)
    message.track_reason = dispute.track_reason
    message.owner, message.stand_in, message.handoffs = dispute.owner, dispute.stand_in, dispute.handoffs
    message.merged_into = dispute.merged_into
    message.late_level, message.late_days = dispute.late_level, dispute.late_days
    message.late_from = dispute.late_from.isoformat() if dispute.late_from else ""
    if dispute.answer_at is not None:
        message.answer_at.FromDatetime(dispute.answer_at)
    if dispute.recode_by is not None:
        message.recode_by.FromDatetime(dispute.recode_by)
    awaited = dispute.state in AWAITS_ANSWER and dispute.at_risk_at is not None
    message.at_risk = awaited and dispute.at_risk_at <= at  # type: ignore[operator] # as the line above says


def whole_message(dispute: Dispute, policy: Policy, at: datetime, *, of_seller: bool = True) -> service_pb2.Dispute:
    """The same of one case alone, with by when it usually is answered."""
    message = dispute_message(dispute, policy, at, of_seller=of_seller)
    if dispute.answer_at is not None and dispute.state in AWAITS_ANSWER:
        message.usually_at.FromDatetime(policy.usually_at(dispute.opened_at, dispute.answer_at))
    return message


def cell(said: service_pb2.Cell | events_pb2.DisputeCellSet) -> Cell:
    """Who is to look at a case."""
    return Cell(
        said.coordinator,
        tuple(
            Place(_STEPS[place.step], place.person, day(place.by, what="by"))
            for place in said.places
            if place.step in _STEPS
        ),
        said.version,
    )


def cell_message(cell: Cell) -> service_pb2.Cell:
    """Who looks at a case, to answer with."""
    return service_pb2.Cell(coordinator=cell.coordinator, places=_places(cell), version=cell.version)


def cell_set(case: Dispute, cell: Cell) -> events_pb2.DisputeCellSet:
    """Who looks at a case, to tell."""
    return events_pb2.DisputeCellSet(
        **_named(case),
        amount=contracts.money_message(case.amount),
        version=cell.version,
        coordinator=cell.coordinator,
        places=_places(cell),
    )


def _places(cell: Cell) -> list[events_pb2.CellPlace]:
    return [
        events_pb2.CellPlace(
            step=events_pb2.CellStep.Value(f"CELL_STEP_{place.step}"), person=place.person, by=place.by.isoformat()
        )
        for place in cell.places
    ]


def change_entry(entry: ChangeEntry) -> service_pb2.ChangeEntry:
    """A change of a case to answer with."""
    return service_pb2.ChangeEntry(
        nth=entry.nth,
        change=_change(entry.change),
        before=entry.before,
        after=entry.after,
        other_dispute_id=entry.other,
        actor=entry.actor,
        at=_at(entry.at),
    )


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
        answer_at=_at(case.answer_at),
        track=_track(case.track),
        track_reason=case.track_reason,
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
    return service_pb2.HistoryEntry(
        action=service_pb2.Action.Value(f"ACTION_{entry.action}"),
        from_state=_state(entry.from_state),
        to_state=_state(entry.to_state),
        actor=entry.actor,
        reason=entry.reason,
        at=_at(entry.at),
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
    service_pb2.LIST_ORDER_AT_RISK_FIRST: Order.AT_RISK_FIRST,
}
_STATES = {events_pb2.State.Value(f"STATE_{state}"): state for state in State}
_STEPS = {events_pb2.CellStep.Value(f"CELL_STEP_{step}"): step for step in Step}
_TRACKS = {events_pb2.Track.Value(f"TRACK_{track}"): track for track in Track}
_RESOLUTIONS = {events_pb2.Resolution.Value(f"RESOLUTION_{resolution}"): resolution for resolution in Resolution}


def track(said: events_pb2.Track.ValueType) -> Track:
    """The track that was told of a case; of versions before there were tracks the standard one."""
    return _TRACKS.get(said, Track.STANDARD)


def change(said: events_pb2.Change.ValueType) -> Change:
    """What was told of a case beside its moves."""
    return Change(events_pb2.Change.Name(said).removeprefix("CHANGE_"))


def _named(case: Dispute) -> dict[str, Any]:
    """What each event of a case says of which case it is."""
    return {
        "dispute_id": case.dispute_id,
        "invoice_id": case.invoice_id,
        "invoice_number": case.invoice_number,
        "account_id": case.account_id,
        "number": case.number,
        "scope": contracts.scope_message(case.scope),
    }


def _track(track: Track) -> events_pb2.Track.ValueType:
    return events_pb2.Track.Value(f"TRACK_{track}")


def _change(change: Change) -> events_pb2.Change.ValueType:
    return events_pb2.Change.Value(f"CHANGE_{change}")


def _at(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    message = Timestamp()
    message.FromDatetime(at)
    return message


def _state(state: State) -> events_pb2.State.ValueType:
    return events_pb2.State.Value(f"STATE_{state}")


def _resolution(resolution: Resolution) -> events_pb2.Resolution.ValueType:
    return events_pb2.Resolution.Value(f"RESOLUTION_{resolution}")


def _lines(parts: Iterable[Part]) -> list[events_pb2.DisputedLine]:
    return [events_pb2.DisputedLine(line_id=part.line_id, quantity=f"{part.quantity:f}") for part in parts]

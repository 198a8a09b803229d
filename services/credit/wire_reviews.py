"""Translates the words of reviews to and from the contracts."""

from datetime import UTC
from typing import Any

from receivables.credit.v1 import applications_pb2, events_pb2, exposure_pb2

from services import contracts
from services.chassis.envelope import Event
from services.credit.domain.review import Kind, Review, State
from services.credit.domain.underwriting import Reason
from services.credit.wire_applications import reason_message
from services.kernel.credit_reasons import PRIVATE

KINDS = {events_pb2.REVIEW_KIND_RAISE: Kind.RAISE, events_pb2.REVIEW_KIND_CUT: Kind.CUT}
_KINDS = {kind: said for said, kind in KINDS.items()}
STATES = {
    events_pb2.REVIEW_END_UNSPECIFIED: State.OPEN,
    events_pb2.REVIEW_END_ACCEPTED: State.ACCEPTED,
    events_pb2.REVIEW_END_DECLINED: State.DECLINED,
    events_pb2.REVIEW_END_LAPSED: State.LAPSED,
    events_pb2.REVIEW_END_CONFIRMED: State.CONFIRMED,
}
_ENDS = {state: said for said, state in STATES.items()}


def proposed(one: Review) -> events_pb2.ReviewProposed:
    """What is proposed, to tell."""
    message = events_pb2.ReviewProposed(
        review_id=one.review_id,
        account_id=one.account_id,
        kind=_KINDS[one.kind],
        causes=one.causes,
        current=contracts.money_message(one.current),
        limit=contracts.money_message(one.limit),
        reasons=[reason_message(reason) for reason in one.reasons],
        figures=_figures(one),
        policy_id=one.policy_id,
        result_hash=one.result_hash,
    )
    message.valid_until.FromDatetime(one.valid_until)
    return message


def ended(one: Review) -> events_pb2.ReviewEnded:
    """What became of it, to tell."""
    message = events_pb2.ReviewEnded(
        review_id=one.review_id,
        account_id=one.account_id,
        kind=_KINDS[one.kind],
        end=_ENDS[one.state],
        current=contracts.money_message(one.current),
        limit=contracts.money_message(one.limit),
        reasons=[reason_message(reason) for reason in one.reasons],
        prepared_by=one.prepared_by,
    )
    if one.counts_from is not None:
        message.counts_from.FromDatetime(one.counts_from)
    return message


def shown(one: Review, *, to_buyer: bool, of_groups: bool) -> exposure_pb2.LimitReview:
    """A review to answer with: a buyer is told no cause, which may be a suspicion; figures of groups who may know them."""
    message = exposure_pb2.LimitReview(
        review_id=one.review_id,
        account_id=one.account_id,
        kind=_KINDS[one.kind],
        causes=() if to_buyer else one.causes,
        current=contracts.money_message(one.current),
        limit=contracts.money_message(one.limit),
        reasons=[
            reason_message(Reason(reason.code) if reason.code in PRIVATE and not of_groups else reason)
            for reason in one.reasons
        ],
        figures=_figures(one),
        end=_ENDS[one.state],
        prepared_by="" if to_buyer else one.prepared_by,
    )
    message.proposed_at.FromDatetime(one.proposed_at)
    message.valid_until.FromDatetime(one.valid_until)
    if one.ended_at is not None:
        message.ended_at.FromDatetime(one.ended_at)
    if one.counts_from is not None:
        message.counts_from.FromDatetime(one.counts_from)
    if one.prepared is not None and not to_buyer:
        message.prepared.CopyFrom(contracts.money_message(one.prepared))
    return message


def review(event: Event[events_pb2.ReviewProposed]) -> Review:
    """What was proposed, as it was told."""
    body = event.body
    return Review(
        tenant=event.tenant,
        review_id=body.review_id,
        account_id=body.account_id,
        kind=KINDS[body.kind],
        state=State.OPEN,
        causes=tuple(body.causes),
        current=contracts.money(body.current),
        limit=contracts.money(body.limit),
        proposed_at=event.at,
        valid_until=body.valid_until.ToDatetime(UTC),
        policy_id=body.policy_id,
        result_hash=body.result_hash,
        reasons=tuple(Reason(one.code, _pairs(one.figures)) for one in body.reasons),
        figures=_pairs(body.figures),
    )


def _figures(one: Review) -> list[applications_pb2.Figure]:
    return [applications_pb2.Figure(name=name, value=value) for name, value in one.figures]


def _pairs(figures: Any) -> tuple[tuple[str, str], ...]:
    return tuple((figure.name, figure.value) for figure in figures)

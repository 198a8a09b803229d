"""What the seller's people do with a case beside moving it: who has it, its reason, two that are one, one that is two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.disputes.domain import invoices, reasons, tracks
from services.disputes.domain.cases import AWAITS_ANSWER, OPEN, Dispute, State, together
from services.disputes.domain.deadlines import Policy, check_person
from services.disputes.domain.invoices import Invoice, Lines, Part
from services.disputes.domain.portions import Shares
from services.disputes.domain.tracks import Why
from services.kernel.refusals import Conflict, Invalid


class Change(StrEnum):
    """What became of a case beside its moves."""

    ASSIGNED = "ASSIGNED"
    RECODED = "RECODED"
    MERGED = "MERGED"
    SPLIT = "SPLIT"
    AT_RISK = "AT_RISK"
    LATE = "LATE"


@dataclass(frozen=True, slots=True)
class Changed:
    """One change, as it is told and kept."""

    change: Change
    case: Dispute
    # In one word what it was and is: an owner, a reason, an amount in minor units, a day.
    before: str = ""
    after: str = ""
    # Of a merge or a split: the other case.
    other: str = ""


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """One change of a case's history."""

    nth: int
    change: Change
    before: str
    after: str
    other: str
    actor: str
    at: datetime


def assign(dispute: Dispute, owner: str, stand_in: str, *, at: datetime) -> Dispute:
    """Give a case to somebody, with who has it when they are away; the same again changes nothing."""
    check_person(owner)
    check_person(stand_in)
    if not owner or owner == stand_in:
        raise Invalid("dispute.owner_malformed", "a case is somebody's, and somebody else stands in")
    _check_open(dispute)
    if (owner, stand_in) == (dispute.owner, dispute.stand_in):
        return dispute
    handed = bool(dispute.owner) and owner != dispute.owner
    return replace(
        dispute,
        owner=owner,
        stand_in=stand_in,
        handoffs=dispute.handoffs + handed,
        acted_at=at,
        changes=dispute.changes + 1,
    )


def recode(dispute: Dispute, reason_code: str, policy: Policy, *, at: datetime) -> Dispute:
    """Say the right reason; the track is never a quicker one, and what was promised stays. The same again changes nothing."""
    reasons.find(reason_code)
    if reason_code == reasons.OTHER:
        raise Invalid("dispute.unknown_reason", "another reason is what it has: say which")
    _check_open(dispute)
    if reason_code == dispute.reason_code:
        return dispute
    now = (dispute.track, Why(dispute.track_reason or Why.PERSON))
    track, why = tracks.more_careful(now, policy.course(reason_code, dispute.amount))
    owners = policy.owners(reason_code)
    whose = (dispute.owner, dispute.stand_in) if dispute.owner else (owners.owner, owners.stand_in)
    return replace(
        dispute,
        reason_code=reason_code,
        track=track,
        track_reason=why,
        recode_by=None,
        owner=whose[0],
        stand_in=whose[1],
        acted_at=at,
        changes=dispute.changes + 1,
    )


def merge(dispute: Dispute, into: Dispute, policy: Policy, *, at: datetime) -> tuple[Dispute, Dispute]:
    """Two cases about the same as one: the first as it ends, and the one that goes on (RULES: two that are one).

    No unit is contested twice by line, so lines are contested together. An amount may be of the same as the other's: it
    goes on with the larger of both, and so never with more than both contested.
    """
    if dispute.dispute_id == into.dispute_id:
        raise Conflict("dispute.same_case", "a case is not merged into itself")
    if dispute.key != into.key:
        raise Conflict("dispute.other_invoice", "cases of two invoices are not about the same")
    _check_changeable(dispute)
    _check_changeable(into)
    ended = replace(
        dispute,
        state=State.DUPLICATE,
        moves=dispute.moves + 1,
        merged_into=into.dispute_id,
        late_from=None,
        acted_at=at,
    )
    if dispute.late_from is not None:
        ended = replace(ended, late_days=dispute.late_days + (policy.day(at) - dispute.late_from).days)
    lines, amount = into.lines, into.amount
    if dispute.lines and into.lines:
        lines, amount = together(into.lines, dispute.lines), into.amount + dispute.amount
    elif into.amount < dispute.amount:
        lines, amount = dispute.lines, dispute.amount
    now = (into.track, Why(into.track_reason or Why.PERSON))
    track, why = tracks.more_careful(now, policy.course(into.reason_code, amount))
    merged = replace(
        into, lines=lines, amount=amount, track=track, track_reason=why, acted_at=at, changes=into.changes + 1
    )
    sooner = dispute.answer_at is not None and into.answer_at is not None and dispute.answer_at < into.answer_at
    if sooner:  # of two promises the earlier holds
        merged = replace(
            merged,
            answer_by=dispute.answer_by,
            answer_at=dispute.answer_at,
            at_risk_at=dispute.at_risk_at,
            warned=dispute.warned,
        )
    return ended, merged


def split(
    dispute: Dispute,
    parts: Sequence[Part],
    invoice: Invoice,
    lines: Lines,
    credited: Shares,
    *,
    dispute_id: str,
    at: datetime,
) -> tuple[Dispute, Dispute]:
    """Have some of a case's lines go on by themselves: what is left, and the new case, before it is numbered and submitted.

    Both together contest exactly what the case did: the new one what its lines are worth after all that others contest
    (services/kernel/residue.py), the old one the rest.
    """
    _check_changeable(dispute)
    if not dispute.lines:
        raise Conflict("dispute.not_by_line", "the case contests an amount: it has no lines to part")
    if not parts:
        raise Invalid("dispute.lines_or_amount", "name the lines that go on by themselves")
    invoices.check_parts(parts, lines)
    has = {part.line_id: part.quantity for part in dispute.lines}
    if any(part.quantity > has.get(part.line_id, 0) for part in parts):
        raise Conflict("dispute.exceeds_line", "these lines are not disputed in this case, or not as many of them")
    taken = {part.line_id: part.quantity for part in parts}
    left = tuple(
        Part(line_id, more) for line_id, quantity in has.items() if (more := quantity - taken.get(line_id, 0)) > 0
    )
    without = {line_id: replace(line, claimed=line.claimed - has.get(line_id, 0)) for line_id, line in lines.items()}
    room = replace(invoice, disputed=invoice.disputed - dispute.amount)
    amount = min(invoices.amount_of(parts, without, room, credited), dispute.amount)
    rest = dispute.amount - amount
    if not left or rest.minor <= 0 or amount.minor <= 0:
        raise Conflict("dispute.nothing_left", "both cases must contest something")
    new = replace(
        dispute,
        dispute_id=dispute_id,
        number="",
        lines=tuple(parts),
        amount=amount,
        state=State.DRAFT,
        opened_at=at,
        moves=0,
        changes=0,
        handoffs=0,
        ended_at=None,
        credited_lines=(),
        credit_note_number="",
        late_days=0,
        description="",
        acted_at=at,
    )
    old = replace(dispute, lines=left, amount=rest, acted_at=at, changes=dispute.changes + 1)
    return old, new


def _check_open(dispute: Dispute) -> None:
    if dispute.state not in OPEN:
        raise Conflict("dispute.ended", f"the case is {dispute.state}")


def _check_changeable(dispute: Dispute) -> None:
    if dispute.state not in AWAITS_ANSWER:
        raise Conflict("dispute.not_changeable", f"a case that is {dispute.state} is neither merged nor split")

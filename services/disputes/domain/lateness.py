"""What the clock says of a case: a promise at risk, a promise missed, a reason that nobody found (RULES: never silently)."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from services.disputes.domain.cases import AWAITS_ANSWER, Dispute, promised_anew
from services.disputes.domain.deadlines import Policy

# How far up the seller's house a missed promise is told: whoever has the case knows; then who holds the role, then who sells.
ROLE, HOUSE = 1, 2


class Due(StrEnum):
    """What is to be told now."""

    AT_RISK = "AT_RISK"
    REASON = "REASON"
    LATE = "LATE"


def due(dispute: Dispute, at: datetime) -> tuple[Due, ...]:
    """What of a case is over by now and not told; of a promise that is missed, not that it was at risk."""
    if dispute.state not in AWAITS_ANSWER:
        return ()
    found = []
    if dispute.recode_by is not None and dispute.recode_by <= at:
        found.append(Due.REASON)
    if dispute.answer_at is not None and dispute.answer_at <= at:
        found.append(Due.LATE)
    elif dispute.at_risk_at is not None and dispute.at_risk_at <= at and not dispute.warned:
        found.append(Due.AT_RISK)
    return tuple(found)


def warned(dispute: Dispute) -> Dispute:
    """The same, of which was told that its promise is at risk."""
    return replace(dispute, warned=True, changes=dispute.changes + 1)


def reminded(dispute: Dispute) -> Dispute:
    """The same, of which was told that its reason is not found."""
    return replace(dispute, recode_by=None, changes=dispute.changes + 1)


def late(dispute: Dispute, at: datetime, policy: Policy) -> Dispute:
    """The same after a missed promise: with a new one, told a level higher than the last; the delay counts from the first."""
    level = ROLE if dispute.owner and not dispute.late_level else HOUSE
    missed = replace(
        dispute,
        late_level=level,
        late_from=dispute.late_from or dispute.answer_by,
        changes=dispute.changes + 1,
    )
    return promised_anew(missed, policy.extended(dispute.track, at), at, policy)

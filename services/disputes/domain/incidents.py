"""One cause behind many cases: they are joined, hear one story, and end together, each under its own rules (RULES: incidents)."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.disputes.domain import cases, causes, reasons
from services.disputes.domain.cases import Action, Resolution
from services.kernel.refusals import Conflict, Invalid

CASES_MOST = 1000  # of one incident


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "OPEN"
    # One person has said how its cases end; another is to approve that.
    PROPOSED = "PROPOSED"
    # Approved: its cases are being ended, one after the other.
    ENDING = "ENDING"
    ENDED = "ENDED"


class Progress(StrEnum):
    """How far what is behind it is mended, as all who are concerned hear it."""

    LOOKING = "LOOKING"
    FOUND = "FOUND"
    MENDING = "MENDING"
    MENDED = "MENDED"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which open cases have that cause behind them; what is empty does not narrow."""

    reason_code: str = ""
    sku: str = ""
    seller_id: str = ""
    # Of the invoices' dates of issue.
    from_day: date | None = None
    to_day: date | None = None

    def check(self) -> "Filter":
        """Return the filter itself; refuse one that means every case."""
        if self == Filter():
            raise Invalid("incident.filter_empty", "say which cases it is about: a reason, an item, a seller or days")
        if self.reason_code:
            reasons.find(self.reason_code)
        return self


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause behind many cases."""

    incident_id: str
    # A reason code: what it is about, in everybody's words.
    title_code: str
    state: State
    progress: Progress
    # By when it is mended, as it was told last.
    promised_on: date | None
    opened_by: str
    opened_at: datetime
    # How its cases end, and why they came about, once that is proposed.
    resolution: Resolution | None = None
    cause: str = ""
    proposed_by: str = ""
    approved_by: str = ""
    # How often it was changed.
    moves: int = 0


def open_incident(title_code: str, *, incident_id: str, by: str, at: datetime) -> Incident:
    """A new one: it is being looked into."""
    return Incident(incident_id, reasons.find(title_code).code, State.OPEN, Progress.LOOKING, None, by, at, moves=1)


def check_joins(incident: Incident, joined: int, more: int) -> None:
    """Refuse cases that come after it was approved how it ends, or more than one has."""
    if incident.state in (State.ENDING, State.ENDED):
        raise Conflict("incident.ended", "how it ends is approved: nothing joins it any more")
    if joined + more > CASES_MOST:
        raise Conflict("incident.too_many", f"an incident has at most {CASES_MOST:,} cases")


def go_on(incident: Incident, progress: Progress, promised_on: date | None, today: date) -> Incident:
    """Say how far it is, and by when it is mended; a day that was told is replaced by another, never by none."""
    if incident.state is State.ENDED:
        raise Conflict("incident.ended", "it has ended")
    if promised_on is not None and promised_on < today:
        raise Invalid("incident.day_past", "a promised day is today or later")
    return replace(
        incident, progress=progress, promised_on=promised_on or incident.promised_on, moves=incident.moves + 1
    )


def propose_end(incident: Incident, resolution: Resolution, cause: str, *, by: str) -> Incident:
    """Say how all its cases end: credited in full, or not at all. A credit in part is each case's own."""
    if incident.state not in (State.OPEN, State.PROPOSED):
        raise Conflict("incident.ended", "how it ends is approved already")
    if resolution not in (Resolution.FULL_CREDIT, Resolution.INVALID_PAYABLE):
        raise Invalid("incident.resolution", "cases end together in full credit, or with the invoice standing")
    cause, _ = causes.settle(incident.title_code, resolution, cause)
    return replace(
        incident,
        state=State.PROPOSED,
        resolution=resolution,
        cause=cause,
        proposed_by=by,
        moves=incident.moves + 1,
    )


def approve_end(incident: Incident, approving: frozenset[str], proposing: frozenset[str], *, by: str) -> Incident:
    """Have its cases end as proposed, at a second person's word (RULES: four eyes)."""
    if incident.state is not State.PROPOSED:
        raise Conflict("incident.not_proposed", "nobody has said how it ends, or it is approved already")
    if approving & proposing:
        raise Conflict("incident.four_eyes", "whoever proposed how it ends does not approve that")
    return replace(incident, state=State.ENDING, approved_by=by, moves=incident.moves + 1)


def end(incident: Incident) -> Incident:
    """The last of its cases has ended, or is left to people."""
    return replace(incident, state=State.ENDED, moves=incident.moves + 1)


def way_to_proposal(state: cases.State) -> tuple[Action, ...] | None:
    """By which actions a case comes to be resolved; None: it is over, or waits for its buyer."""
    match state:
        case cases.State.SUBMITTED:
            return (Action.ACKNOWLEDGE, Action.REVIEW, Action.PROPOSE)
        case cases.State.ACKNOWLEDGED | cases.State.APPEALED | cases.State.REOPENED:
            return (Action.REVIEW, Action.PROPOSE)
        case cases.State.AWAITING_INTERNAL:
            return (Action.ANSWER, Action.PROPOSE)
        case cases.State.UNDER_REVIEW:
            return (Action.PROPOSE,)
        case cases.State.PROPOSED | cases.State.ACCEPTED:
            return ()
        case _:
            return None

"""Trials: which policy is tried on what, and how far that is."""

from dataclasses import dataclass
from datetime import date, datetime

from services.kernel.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Run:
    """A trial as it is kept."""

    trial_id: str
    policy_id: str
    champion_id: str
    # "OWN", "HISTORY" or "BOTH".
    source: str
    from_on: date
    split_on: date
    to_on: date
    # "RUNNING", "DONE" or "CANCELLED".
    state: str
    done: int
    total: int
    # What was read last, as JSON; '': nothing yet.
    place: str
    tally: str
    report: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseRefused:
    """A case that is not kept, and why."""

    case_id: str
    code: str
    message: str


def check_days(start: date, split: date, end: date) -> None:
    """Refuse days in no order: what is before the split is what a policy was made by, what is after it judges it."""
    if not start < split <= end:
        raise Invalid("trial.days", "the days are in order: from, then the day of the split, then to")

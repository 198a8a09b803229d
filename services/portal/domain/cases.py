"""A case as the seller's desk sees it: which acts a state allows, and how near its promise is."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

# Every legal move by a person, by state; settling a case is an act of its own. The words are the contract's without
# STATE_ and ACTION_, the act that leads on first.
_CONTESTED = ("WITHDRAW", "MARK_DUPLICATE")
ACTS: Mapping[str, Sequence[str]] = {
    "DRAFT": ("SUBMIT",),
    "SUBMITTED": ("ACKNOWLEDGE", *_CONTESTED),
    "ACKNOWLEDGED": ("REVIEW", *_CONTESTED),
    "UNDER_REVIEW": ("PROPOSE", "ASK_CUSTOMER", "ASK_INTERNAL", "REJECT", *_CONTESTED),
    "AWAITING_CUSTOMER": ("ANSWER", *_CONTESTED),
    "AWAITING_INTERNAL": ("ANSWER", *_CONTESTED),
    "PROPOSED": ("ACCEPT", "REJECT", *_CONTESTED),
    "ACCEPTED": _CONTESTED,
    "RESOLVING": (),
    "RESOLVED": ("CLOSE", "REOPEN"),
    "CLOSED": ("REOPEN",),
    "REJECTED": ("APPEAL", "REOPEN"),
    "APPEALED": ("REVIEW", *_CONTESTED),
    "REOPENED": ("REVIEW", *_CONTESTED),
    "WITHDRAWN": (),
    "DUPLICATE": (),
}
SETTLES = frozenset({"PROPOSED", "ACCEPTED"})
# Whose turn it is: ours, or the buyer's.
OURS = (
    "SUBMITTED",
    "ACKNOWLEDGED",
    "UNDER_REVIEW",
    "AWAITING_INTERNAL",
    "ACCEPTED",
    "RESOLVING",
    "APPEALED",
    "REOPENED",
)
THEIRS = ("AWAITING_CUSTOMER", "PROPOSED")
# In which our answer is awaited: what can be merged and split.
AWAITS_ANSWER = tuple(state for state in OURS if state not in ("ACCEPTED", "RESOLVING"))
# Done with a click in a row: they take nothing away, and need no words.
AT_ONCE = frozenset({"ACKNOWLEDGE", "REVIEW", "CLOSE"})
SOON_DAYS = 1


def nearness(promised: str, today: date) -> str:
    """LATE after the promised day, AT_RISK on it and the day before, else ON_TRACK; "" of what nobody promised."""
    if not promised:
        return ""
    left = (date.fromisoformat(promised) - today).days
    return "LATE" if left < 0 else "AT_RISK" if left <= SOON_DAYS else "ON_TRACK"


def nearness_of(case: Any, today: date) -> str:
    """The same of a case, which says itself when it is at risk, and remembers a promise that was missed."""
    if case.late_from:
        return "LATE"
    near = nearness(case.answer_by, today)
    return "AT_RISK" if case.at_risk and near != "LATE" else near

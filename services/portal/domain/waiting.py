"""What waits for the seller's people, worst first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

_FAR = date.max


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that somebody has to see to."""

    # "application", "referred", "case", "held", "undelivered", "unreachable", "unapplied", "announced", "unread", "first_step"
    # or "feedback".
    kind: str
    what: str
    account_id: str
    # A code, or words.
    reason: str
    path: str
    # In minor units, with its currency; None where it is about no amount.
    amount: tuple[int, str] | None = None
    # An ISO date by which it was promised; "" where nobody did.
    promised: str = ""
    # None where it is not known.
    since: datetime | None = None


def worst_first(things: Iterable[Waiting]) -> list[Waiting]:
    """The longest broken promise first, then the nearest; what nobody promised after that, the oldest first."""
    return sorted(things, key=_order)


def _order(thing: Waiting) -> tuple[date, float]:
    promised = date.fromisoformat(thing.promised) if thing.promised else _FAR
    return promised, thing.since.timestamp() if thing.since else float("inf")

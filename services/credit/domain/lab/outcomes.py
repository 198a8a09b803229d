"""What became of somebody who was lent to, by how late they paid (RULES: tried on the past)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

BAD_DAYS = 60  # late, from which on it counts as bad
RIPE = timedelta(days=365)  # after a decision, within which that has to be


@dataclass(frozen=True, slots=True)
class Late:
    """An invoice that was late."""

    due_on: date
    # What was owed, in major units.
    amount: Decimal
    # None: it is not settled yet.
    settled_on: date | None


@dataclass(frozen=True, slots=True)
class Became:
    """Whether it went bad, since when that is known, and what is lost."""

    bad: bool
    known_on: date
    lost: Decimal


def outcome(
    decided_on: date, drawn: Decimal, late: Iterable[Late], loss_given_default: Decimal, today: date
) -> Became | None:
    """By its invoices that were late, those to other accounts apart; None: it is too young to say."""
    bad = [
        one
        for one in late
        if decided_on <= _bad_on(one) <= min(decided_on + RIPE, today)
        and (one.settled_on is None or one.settled_on >= _bad_on(one))
    ]
    if bad:
        unsettled = sum((one.amount for one in bad if one.settled_on is None), Decimal(0))
        lost = (min(unsettled, drawn) * loss_given_default).quantize(Decimal("0.01"))
        return Became(bad=True, known_on=min(_bad_on(one) for one in bad), lost=lost)
    if decided_on + RIPE > today:
        return None
    return Became(bad=False, known_on=decided_on + RIPE, lost=Decimal(0))


def _bad_on(one: Late) -> date:
    return one.due_on + timedelta(days=BAD_DAYS + 1)

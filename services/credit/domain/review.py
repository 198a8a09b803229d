"""When an account's limit is looked at again, and what comes of it (RULES: review)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from services.credit.domain.conduct import LATE_DAYS, RECENT_DAYS, SETTLED_LEAST, Conduct
from services.credit.domain.underwriting import APPROVALS, Assessment, Outcome, Reason
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid

VALID = timedelta(days=30)  # in which a raise is accepted, and a cut decided on
NOTICE = timedelta(days=7)  # from when a cut is told until it counts
REST_DAYS = 30  # in which the same cause has nothing looked at again
CLEAN_DAYS_LATE = 5  # which six clean months forgive
FULL_DAYS = 30
_FULL, _RELIEVED = (
    Decimal("0.9"),
    Decimal("0.8"),
)  # of the limit: above the first it is full, until it is below the second
_MORE = Decimal("1.25")  # of the limit, that six clean months ask for
_RAISE_LEAST, _CUT_LEAST = Decimal("1.05"), Decimal("0.90")  # of the limit: what is nearer to it is not worth a word


class Cause(StrEnum):
    """Why an account is looked at."""

    LATE_PAYMENT = "late_payment"
    BROKEN_PROMISE = "broken_promise"
    INSURER_CUT = "insurer_cut"
    FRAUD = "fraud"
    HIGH_USE = "high_use"
    CLEAN_MONTHS = "clean_months"


class Kind(StrEnum):
    """What comes of it."""

    RAISE = "RAISE"
    CUT = "CUT"
    # The limit stays, and nobody is told.
    KEEP = "KEEP"


class State(StrEnum):
    """Where a review stands."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"
    CONFIRMED = "CONFIRMED"
    # Of one that keeps the limit.
    KEPT = "KEPT"


class Action(StrEnum):
    """What can be done about an open one."""

    ACCEPT = "ACCEPT"
    CONFIRM = "CONFIRM"
    DECLINE = "DECLINE"
    LAPSE = "LAPSE"


# Every legal move of an open review. A pair that is missing here is illegal.
MOVES = {
    (Kind.RAISE, Action.ACCEPT): State.ACCEPTED,
    (Kind.RAISE, Action.DECLINE): State.DECLINED,
    (Kind.RAISE, Action.LAPSE): State.LAPSED,
    (Kind.CUT, Action.CONFIRM): State.CONFIRMED,
    (Kind.CUT, Action.DECLINE): State.DECLINED,
    (Kind.CUT, Action.LAPSE): State.LAPSED,
}


@dataclass(frozen=True, slots=True)
class Review:
    """What is proposed instead of an account's limit, and what became of it."""

    tenant: str
    review_id: str
    account_id: str
    kind: Kind
    state: State
    causes: tuple[str, ...]
    current: Money
    limit: Money
    proposed_at: datetime
    valid_until: datetime
    policy_id: str
    result_hash: str
    reasons: tuple[Reason, ...] = ()
    # How the account has paid: name and value.
    figures: tuple[tuple[str, str], ...] = ()
    ended_at: datetime | None = None
    # From when on the limit is another; None: it stays.
    counts_from: datetime | None = None
    # Who prepared more than the policy grants, and how much.
    prepared_by: str = ""
    prepared: Money | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other review."""
        return self.tenant, self.review_id

    def is_over(self, at: datetime) -> bool:
        """Whether nobody answered in time."""
        return self.valid_until <= at


def full_since(used: Money, limit: Money, since: date | None, today: date) -> date | None:
    """Since when the limit has been full; one that was full stays so until clearly less is used."""
    if limit.minor <= 0:
        return None
    share = Decimal(used.minor) / limit.minor
    if share > _FULL:
        return since or today
    return since if share >= _RELIEVED else None


def causes_of(
    conduct: Conduct,
    signals: Iterable[str],
    today: date,
    *,
    full: date | None,
    granted_on: date,
    rested: Collection[str],
) -> tuple[Cause, ...]:
    """Why an account is looked at today: what was signalled, and what its figures say; what was looked at lately rests."""
    causes = {Cause(signal) for signal in signals}
    if conduct.days_overdue(today) >= LATE_DAYS or (conduct.newly_worst or 0) >= LATE_DAYS:
        causes.add(Cause.LATE_PAYMENT)
    if full is not None and (today - full).days >= FULL_DAYS:
        causes.add(Cause.HIGH_USE)
    if not causes and is_clean(conduct, today, granted_on):
        causes.add(Cause.CLEAN_MONTHS)
    return tuple(cause for cause in Cause if cause in causes and cause not in rested)


def may_begin(standing: Review | None, causes: Collection[Cause]) -> bool:
    """Whether an account is decided on for these causes: beside an open review only where that is a raise which they put in doubt."""
    if standing is None:
        return True
    return standing.kind is Kind.RAISE and not {Cause.HIGH_USE, Cause.CLEAN_MONTHS} >= set(causes)


def is_clean(conduct: Conduct, today: date, granted_on: date) -> bool:
    """Whether six months under one limit went by with enough invoices, none of them paid or open much too late."""
    begins = today - timedelta(days=RECENT_DAYS)
    return (
        conduct.first_due is not None
        and max(conduct.first_due, granted_on) <= begins
        and conduct.recent >= SETTLED_LEAST
        and (conduct.recent_worst or 0) <= CLEAN_DAYS_LATE
        and conduct.days_overdue(today) <= CLEAN_DAYS_LATE
    )


def asked(limit: Money, causes: Collection[Cause]) -> Money:
    """What the policy is asked for: what is granted, and a quarter more after six clean months."""
    return Money(int(limit.minor * _MORE), limit.currency) if Cause.CLEAN_MONTHS in causes else limit


def result(limit: Money, causes: Collection[Cause], made: Assessment, settled: int) -> tuple[Kind, Money]:
    """What comes of an account's review, and the limit by which it ends.

    A raise is what the policy grants at once; a cut is what a person might grant at most. Little is nothing, and who has
    paid too little to be known by it keeps its limit while the policy lacks answers.
    """
    currency = limit.currency
    if Cause.CLEAN_MONTHS in causes:
        more = Money.of(made.limit, currency)
        at_once = made.outcome in APPROVALS and not made.deposit and not set(made.conditions)
        if at_once and more.minor >= limit.minor * _RAISE_LEAST:
            return Kind.RAISE, more
        return Kind.KEEP, limit
    if made.outcome is Outcome.DECLINED:
        less = Money(0, currency)
    elif made.proposed is None or (made.missing and settled < SETTLED_LEAST):
        return Kind.KEEP, limit
    else:
        less = max(Money(0, currency), Money.of(made.proposed, currency))
    if limit.minor and less.minor <= limit.minor * _CUT_LEAST:
        return Kind.CUT, less
    return Kind.KEEP, limit


def figures_of(conduct: Conduct, today: date) -> tuple[tuple[str, str], ...]:
    """How an account has paid, for whoever decides: counts, days, and minor units of its currency."""
    said: Mapping[str, object | None] = {
        "settled_invoices": conduct.settled,
        "late_invoices": conduct.late,
        "mean_days_late": conduct.mean_days_late,
        "weighted_days_late": conduct.weighted_days_late,
        "worst_days_late": conduct.recent_worst,
        "overdue_minor": conduct.overdue_minor,
        "days_overdue": conduct.days_overdue(today),
        "open_p95_minor": conduct.open_p95,
    }
    return tuple((name, str(value)) for name, value in said.items() if value is not None)


def move(review: Review, action: Action, at: datetime) -> Review:
    """End a review; refuse what is over, and what nobody does about one of its kind."""
    if review.state is not State.OPEN or (action is not Action.LAPSE and review.is_over(at)):
        raise Conflict("review.over", "this review has ended")
    if (state := MOVES.get((review.kind, action))) is None:
        raise Conflict("review.kind", f"a {review.kind.value.lower()} is not ended by {action.value.lower()}")
    return replace(review, state=state, ended_at=at)


def check_limit(review: Review, limit: Money) -> Money:
    """Return what a person confirms; refuse what is no cut."""
    if limit.currency != review.current.currency or not 0 <= limit.minor < review.current.minor:
        raise Invalid("review.limit", "a cut is to zero or more, below what is granted, in the account's currency")
    return limit

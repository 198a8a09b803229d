"""Approvals given once for what is alike: within which bounds an act needs nobody's word any more."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid

DAYS_MAX = 366  # of a period, and of all the time that one counts: who granted it looks again each year
COUNT_MAX = 1000  # acts in a period
STANDING_MAX = 100  # of an account, or of all accounts, that count now or later


class Kind(StrEnum):
    """What is approved."""

    # The seller's: an order near its limit, more credit for a while, a credit note at one person's word.
    RELEASE_ORDER = "RELEASE_ORDER"
    UPLIFT = "UPLIFT"
    CREDIT = "CREDIT"
    # The buyer's: an order above what somebody may order alone.
    PURCHASE = "PURCHASE"


class Answer(StrEnum):
    """Whether an act is within the bounds; if not, which of them it is beyond, the first that was looked at."""

    YES = "yes"
    NOT_STANDING = "not_standing"
    OTHER_KIND = "other_kind"
    OTHER_ACCOUNT = "other_account"
    OTHER_CATEGORY = "other_category"
    OTHER_PERSON = "other_person"
    OTHER_COST_CENTRE = "other_cost_centre"
    OTHER_CURRENCY = "other_currency"
    # Whoever granted or confirmed it is behind the act.
    OWN = "own"
    ACT_TOO_LARGE = "act_too_large"
    PERIOD_TOO_MANY = "period_too_many"
    PERIOD_TOO_LARGE = "period_too_large"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What acts are alike enough; an empty text or set: any."""

    kinds: frozenset[Kind]
    # At most this an act, and this all together in a period of so many days, counted from `valid_from`.
    act_most: Money
    period_most: Money
    period_count: int
    period_days: int
    valid_until: datetime
    # None: since it was confirmed.
    valid_from: datetime | None = None
    account_id: str = ""
    # Stable codes: an uplift's reason, a dispute's reason.
    categories: frozenset[str] = frozenset()
    # For whom it is done ("contact:c1").
    person: str = ""
    cost_centre: str = ""

    def check(self, at: datetime, kinds: frozenset[Kind]) -> "Bounds":
        """Return the bounds themselves; refuse some that bound nothing, are of kinds that are not here, or over."""
        if not self.kinds or not self.kinds <= kinds:
            raise Invalid("standing.kind", "it says what is approved, of what is approved here")
        if self.act_most.minor <= 0 or self.period_most.currency != self.act_most.currency:
            raise Invalid("standing.amount", "an act and a period have amounts above zero, in one currency")
        if self.period_most.minor < self.act_most.minor:
            raise Invalid("standing.amount", "a period has room for one act at least")
        if not (1 <= self.period_count <= COUNT_MAX and 1 <= self.period_days <= DAYS_MAX):
            raise Invalid("standing.period", f"a period has 1 to {DAYS_MAX} days, and 1 to {COUNT_MAX} acts")
        begins = max(at, self.valid_from or at)
        if self.valid_until <= begins:
            raise Invalid("standing.until_past", "it ends in the future, and after it began")
        if self.valid_until > at + timedelta(days=DAYS_MAX):
            raise Invalid("standing.too_long", f"it is granted anew after {DAYS_MAX} days")
        return self


@dataclass(frozen=True, slots=True)
class Approval:
    """Bounds, who stands for them, and since when."""

    approval_id: str
    bounds: Bounds
    granted_by: str
    granted_at: datetime
    # "" and None: it waits for a second person.
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    revoked_by: str = ""
    revoked_at: datetime | None = None
    # By what else whoever granted it is known, as keyed hashes: one person may be here more than once.
    known_by: frozenset[str] = frozenset()

    def is_what_was_granted(self, wanted: "Approval") -> bool:
        """Whether it is that approval; one that was confirmed counts from then on."""
        valid_from = wanted.bounds.valid_from if self.confirmed_at else self.bounds.valid_from
        return self.granted_by == wanted.granted_by and replace(self.bounds, valid_from=valid_from) == wanted.bounds

    def stands(self, at: datetime) -> bool:
        """Whether it was confirmed, was not revoked, and this is its time."""
        begins = self.bounds.valid_from
        return (
            self.confirmed_at is not None
            and self.revoked_at is None
            and begins is not None
            and begins <= at < self.bounds.valid_until
        )

    def period(self, at: datetime) -> tuple[datetime, datetime]:
        """The period of an instant: since when, and until when at most."""
        since = self.bounds.valid_from or self.granted_at
        length = timedelta(days=self.bounds.period_days)
        began = since + max(0, (at - since) // length) * length
        return began, min(began + length, self.bounds.valid_until)

    @property
    def people(self) -> frozenset[str]:
        """Everybody behind it."""
        return _people(self.granted_by) | _people(self.confirmed_by) | self.known_by


@dataclass(frozen=True, slots=True)
class Used:
    """What was done by an approval in a period so far, in minor units of its currency, and how often."""

    minor: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody wants done."""

    kind: Kind
    # What it is, once in a service: "order/o1/1".
    subject: str
    account_id: str
    amount: Money
    # Whoever asks for it, and for whom it is: none of them has it approved by their own word.
    people: frozenset[str] = field(default_factory=frozenset)
    category: str = ""
    person: str = ""
    cost_centre: str = ""


def covers(approval: Approval, used: Used, act: Act, at: datetime) -> Answer:
    """Whether an act is approved by what stands, after what was used of it in the period of that instant."""
    bounds = approval.bounds
    looks = (
        (approval.stands(at), Answer.NOT_STANDING),
        (act.kind in bounds.kinds, Answer.OTHER_KIND),
        (bounds.account_id in ("", act.account_id), Answer.OTHER_ACCOUNT),
        (not bounds.categories or act.category in bounds.categories, Answer.OTHER_CATEGORY),
        (bounds.person in ("", act.person), Answer.OTHER_PERSON),
        (bounds.cost_centre in ("", act.cost_centre), Answer.OTHER_COST_CENTRE),
        (act.amount.currency == bounds.act_most.currency, Answer.OTHER_CURRENCY),
        (not approval.people & act.people, Answer.OWN),
        (0 < act.amount.minor <= bounds.act_most.minor, Answer.ACT_TOO_LARGE),
        (used.count < bounds.period_count, Answer.PERIOD_TOO_MANY),
        (used.minor + act.amount.minor <= bounds.period_most.minor, Answer.PERIOD_TOO_LARGE),
    )
    return next((answer for holds, answer in looks if not holds), Answer.YES)


def first(candidates: Iterable[tuple[Approval, Used]], act: Act, at: datetime) -> Approval | None:
    """The approval by which an act is approved: of several the one that ends first."""
    covering = [approval for approval, used in candidates if covers(approval, used, act, at) is Answer.YES]
    return min(covering, key=lambda one: (one.bounds.valid_until, one.approval_id), default=None)


def check_confirmer(approval: Approval, confirming: frozenset[str]) -> None:
    """Refuse whoever granted it, or stands in for one who did, as its second person."""
    if _people(approval.granted_by) & confirming:
        raise Conflict("standing.four_eyes", "whoever granted a standing approval does not confirm it")


def check_room(standing: int) -> None:
    """Refuse one more where there are as many as are read at a decision."""
    if standing >= STANDING_MAX:
        raise Conflict("standing.too_many", f"at most {STANDING_MAX} stand or wait, of an account and of all accounts")


def _people(actor: str) -> frozenset[str]:
    return frozenset(actor.split(" for ")) if actor else frozenset()

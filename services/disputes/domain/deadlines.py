"""By when somebody acts: the seller's clock runs on business days and pauses only while the customer is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.disputes.domain import reasons, tracks
from services.disputes.domain.authority import Authority
from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.tracks import Course, Track
from services.kernel.calendars import Calendar
from services.kernel.money import MINOR_MAX, Money
from services.kernel.refusals import Invalid, quoted

# What a policy may say, from and to: longer than this nobody waits, and a figure beyond it is a typing mistake.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "window_days": (1, 3650),
    "answer_days": (1, 365),
    "customer_days": (1, 365),
    "reopen_days": (0, 3650),
    "first_answer_days": (1, 365),
    "fast_hours": (1, 80),
    "enhanced_days": (1, 365),
    "enhanced_over_minor": (1, MINOR_MAX),
    "fast_most_minor": (1, MINOR_MAX),
    "goodwill_max": (0, 1_000_000),
}
# By so many business days a missed promise is put off, by track.
_EXTENSIONS = {Track.FAST: 1, Track.STANDARD: 2, Track.ENHANCED: 5}
_RISK_SHARE = 5  # the last fifth of the time
_USUAL_SHARE = 0.6  # of the time, until durations are learned


@dataclass(frozen=True, slots=True)
class Promise:
    """By when the seller answers: that day, and at the latest at that instant of it."""

    by: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Owners:
    """Who has a desk's cases ("user:ada"), and who when they are away; '' nobody: whoever holds the role."""

    owner: str = ""
    stand_in: str = ""


GOODWILL_MAX = 100  # of who has said nothing


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller promises and allows, and by which days it counts. Until it says so: these figures, in UTC."""

    # Calendar days after the date of issue in which an invoice can be disputed.
    window_days: int = 90
    # To the answer, by track (domain/tracks.py): business hours on the FAST one, business days on the others.
    fast_hours: int = 4
    answer_days: int = 5
    enhanced_days: int = 20
    # What is looked at more closely is above the one, what machines prove at most the other; in hundredths of a unit.
    enhanced_over_minor: int = 2_500_000
    fast_most_minor: int = 50_000
    # Business days that a customer has to answer a question or a proposal.
    customer_days: int = 5
    # Calendar days after its end in which a case can be reopened, or a rejection appealed.
    reopen_days: int = 30
    # Business days to the first answer of a person, and to whatever the seller does next by itself.
    first_answer_days: int = 1
    # Who has the cases of which desk.
    desks: Mapping[str, Owners] = field(default_factory=dict)
    # Up to which credit who resolves cases; none: anybody who may resolve them.
    authorities: tuple[Authority, ...] = ()
    # Whole units of an invoice's currency that a case may end in as goodwill.
    goodwill_max: int = GOODWILL_MAX
    # What is credited without a person.
    auto_credit: AutoCredit = field(default_factory=AutoCredit)
    # 0: nothing was set.
    version: int = 0
    # Of the legal entity whose invoice it is.
    calendar: Calendar = field(default_factory=Calendar)

    def check(self) -> "Policy":
        """Return the policy itself; refuse one that promises nothing, or what nobody waits for."""
        for name, (least, most) in BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise Invalid("policy.out_of_range", f"{name} is from {least} to {most}, not {getattr(self, name)}")
        for desk, owners in self.desks.items():
            if desk not in reasons.DESKS:
                raise Invalid("policy.unknown_desk", f"no reason goes to a desk {quoted(desk)}")
            check_person(owners.owner)
            check_person(owners.stand_in)
        for authority in self.authorities:
            authority.check()
        self.auto_credit.check()
        return self

    def day(self, at: datetime) -> date:
        """The date of an instant where the seller is."""
        return self.calendar.day(at)

    def course(self, reason_code: str, amount: Money) -> Course:
        """The track of a case, and why."""
        return tracks.course(
            reason_code, amount, enhanced_over_minor=self.enhanced_over_minor, fast_most_minor=self.fast_most_minor
        )

    def owners(self, reason_code: str) -> Owners:
        """Who has a case of that reason."""
        return self.desks.get(reasons.find(reason_code).owner, Owners())

    def promise(self, track: Track, at: datetime) -> Promise:
        """By when a case that begins then is answered."""
        if track is Track.FAST:
            answer_at = self.calendar.after_hours(at, timedelta(hours=self.fast_hours))
            return Promise(self.day(answer_at), answer_at)
        days = self.enhanced_days if track is Track.ENHANCED else self.answer_days
        return self.by_day(self.calendar.after(self.day(at), days))

    def extended(self, track: Track, at: datetime) -> Promise:
        """By when a case is answered whose promise was just missed."""
        return self.by_day(self.calendar.after(self.day(at), _EXTENSIONS[track]))

    def by_day(self, on: date) -> Promise:
        """A promise of a day: until business closes."""
        return Promise(on, self.calendar.instant(on, self.calendar.closes))

    def put_off(self, promised: Promise, asked_at: datetime, answered_at: datetime) -> Promise:
        """Put off the answer by the time that the customer was waited for: a day by business days, an hour by business hours."""
        if promised == self.by_day(promised.by):
            waited = self.calendar.between(self.day(asked_at), self.day(answered_at))
            return self.by_day(self.calendar.after(promised.by, waited))
        answer_at = self.calendar.after_hours(promised.at, self.calendar.hours_between(asked_at, answered_at))
        return Promise(self.day(answer_at), answer_at)

    def at_risk_at(self, promised: Promise, begun_at: datetime) -> datetime:
        """When a promise that was made then is at risk: in its last fifth, and of days at least for one of business."""
        time_ = self.calendar.hours_between(begun_at, promised.at)
        left = time_ / _RISK_SHARE
        if time_ > 2 * self.calendar.business_day:
            left = max(left, self.calendar.business_day)
        return self.calendar.after_hours(begun_at, time_ - left)

    def usually_at(self, begun_at: datetime, answer_at: datetime) -> datetime:
        """When such a case usually is answered."""
        return self.calendar.after_hours(begun_at, self.calendar.hours_between(begun_at, answer_at) * _USUAL_SHARE)

    def recode_by(self, at: datetime) -> datetime:
        """By when the reason is found of a case that was opened for another than there is: a business day later, as it was."""
        return self.calendar.after_hours(at, self.calendar.business_day)


def check_person(subject: str) -> None:
    """Refuse who is nobody of the seller's."""
    if subject and not subject.startswith("user:"):
        raise Invalid("dispute.owner_malformed", f"{quoted(subject)} is nobody of the seller's")

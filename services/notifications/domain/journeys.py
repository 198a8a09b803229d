"""How far an order, an invoice, a case or an application is: its steps, who has each, by when, and whether that is kept (RULES: journeys)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from services.kernel.calendars import Calendar
from services.kernel.opening_hours import OpeningHours
from services.kernel.orders import Scope
from services.notifications.domain.stories import WHOLE_COMPANY, Moment

BUYER = "BUYER"  # who has a step that the seller does not
WARNED_AT = time(8)  # where the seller is
DONE, NOW, NEXT = "DONE", "NOW", "NEXT"


class State(StrEnum):
    """Whether what was promised is kept."""

    ON_TRACK = "ON_TRACK"
    AT_RISK = "AT_RISK"
    LATE = "LATE"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Stage:
    """A step as every journey of its kind has it."""

    code: str
    # A role of the seller's, or BUYER.
    owner: str
    # Business days from when it begins until it is done, where nobody promises a day; 0: no day.
    days: int
    # In how many of them it usually is done; 0: on the day itself.
    usually: int
    # Only some journeys have it.
    may_be: bool


# Levels of service of a programme: policy, not law. A step in brackets is one that may be.
_TABLE = """
of      | step       | owner         | days | usually
order   | PLACED     | BUYER         | 0    | 0
order   | DECIDED    | CREDIT        | 1    | 0
order   | SHIPPED    | LOGISTICS     | 5    | 3
order   | INVOICED   | BILLING       | 2    | 1
order   | (RECEIVED) | BUYER         | 0    | 0
invoice | INVOICED   | BILLING       | 0    | 0
invoice | PAID       | BUYER         | 0    | 0
dispute | OPENED     | BUYER         | 0    | 0
dispute | (ASKED)    | BUYER         | 5    | 2
dispute | ANSWERED   | DISPUTE_OWNER | 5    | 3
dispute | (CREDITED) | BILLING       | 2    | 1
payment | RECEIVED   | BUYER         | 0    | 0
application | APPLIED     | BUYER  | 0 | 0
application | (LOOKED_AT) | CREDIT | 0 | 0
application | (ASKED)     | BUYER  | 5 | 2
application | (PROPOSED)  | CREDIT | 0 | 0
application | ANSWERED    | CREDIT | 0 | 0
application | AGREED      | BUYER  | 0 | 0
onboarding  | AGREED      | BUYER  | 0 | 0
"""
# What ends a journey before its last step, or instead of it.
ENDS = frozenset("DECLINED CANCELLED CREDITED WRITTEN_OFF REJECTED PAYABLE WITHDRAWN DUPLICATE EXPIRED".split())
_BY_BUYER = frozenset({"WITHDRAWN", "EXPIRED"})  # ends that the buyer makes, or lets come


def _stages(table: str) -> dict[str, tuple[Stage, ...]]:
    found: dict[str, tuple[Stage, ...]] = {}
    for line in table.strip().splitlines()[1:]:
        kind, code, owner, days, usually = (cell.strip() for cell in line.split("|"))
        stage = Stage(code.strip("()"), owner, int(days), int(usually), may_be=code.startswith("("))
        found[kind] = (*found.get(kind, ()), stage)
    return found


STAGES: Mapping[str, tuple[Stage, ...]] = _stages(_TABLE)


@dataclass(frozen=True, slots=True)
class Hours:
    """A promise that names instants."""

    usually: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Learned:
    """What the durations of steps that ended said of one when it began (RULES: learned durations); it stays as it was."""

    # By when half of those like it were done; None: too few ended.
    usually: datetime | None = None
    # By when all but one in twenty were; None: too few ended.
    latest: datetime | None = None
    # From when what is promised of it is at risk by that; None: by that it is not.
    risky: datetime | None = None

    def weighed(self, promised: datetime, hours: OpeningHours) -> "Learned":
        """The same, with from when a promise is at risk: it takes longer than usual, and less than half of what lies between is left."""
        if self.usually is None or self.latest is None:
            return self
        left = hours.between(self.usually, self.latest) / 2
        return replace(self, risky=max(self.usually, hours.before(promised, left)))


@dataclass(frozen=True, slots=True)
class Leg:
    """A step of one journey."""

    done_at: datetime | None = None
    promised: date | None = None
    # What was promised before, where that changed.
    before: date | None = None
    # The day on which it was promised.
    since: date | None = None
    # It was promised by our own table, as nobody named a day.
    by_default: bool = False
    # Its owner was told that the promise is at risk.
    warned: bool = False
    # Of a promise of an hour: by when it usually is kept, and until when it is; None: it is of a day.
    hours: Hours | None = None
    # Since when it is the one that is to be done; None: another is, or it is done.
    began_at: datetime | None = None
    # Business minutes for which it was that before another came between.
    spent: int = 0
    # None: too few like it ended before it began.
    learned: Learned | None = None

    def promise(self, by: date, today: date, *, by_default: bool = False) -> "Leg":
        """The same, promised by a day; what was promised before, by somebody, is kept beside it."""
        if by == self.promised:
            return replace(self, by_default=self.by_default and by_default)
        was_said = not self.by_default or (self.learned is not None and self.learned.latest is not None)
        return replace(
            self,
            promised=by,
            before=(self.promised or self.before) if was_said else self.before,
            since=today,
            by_default=by_default,
            warned=False,
            hours=None,
            learned=self._unweighed(),
        )

    def promise_hours(self, hours: Hours, by: date, today: date) -> "Leg":
        """The same, promised by an instant of a day."""
        if hours == self.hours:
            return self
        return replace(self.promise(by, today), warned=False, hours=hours, learned=self._unweighed())

    def done(self, at: datetime | None) -> "Leg":
        """The same, done at that time, or to be done again."""
        return replace(self, done_at=at) if at else replace(self, done_at=None, began_at=None, spent=0, learned=None)

    def begun(self, now: Moment) -> "Leg":
        """The same, from now on the one that is to be done; if it was that before, as it was."""
        return self if self.began_at is not None else replace(self, began_at=now.at)

    def paused(self, now: Moment) -> "Leg":
        """The same, with another to be done before it; what was learned of it is asked for again when that is done."""
        if self.began_at is None:
            return self
        spent = self.spent + now.hours.between(self.began_at, now.at) // timedelta(minutes=1)
        return replace(self, began_at=None, spent=spent, learned=None)

    def learns(self, learned: Learned, now: Moment) -> "Leg":
        """The same, with what was learned of steps like it; that is what is promised, where nobody else promised a day."""
        leg = self
        if learned.latest is not None and self.by_default and not self.spent:
            leg = replace(self, promised=now.day_of(learned.latest), since=now.today)
        return replace(leg, learned=learned).weighed(now.hours)

    def weighed(self, hours: OpeningHours) -> "Leg":
        """The same; from when its promise is at risk by what was learned is that of the promise as it is now."""
        if self.learned is None or self.learned.risky is not None or (until := self.kept_until(hours)) is None:
            return self
        return replace(self, learned=self.learned.weighed(until, hours))

    def _unweighed(self) -> Learned | None:
        return replace(self.learned, risky=None) if self.learned is not None else None

    def kept_until(self, hours: OpeningHours) -> datetime | None:
        """Until when what is promised can be kept: of a day until the seller closes; None: nothing is promised."""
        if self.hours is not None:
            return self.hours.latest
        return hours.ends(self.promised) if self.promised else None

    def missed_at(self, calendar: Calendar) -> datetime | None:
        """When what is promised is over; None: nothing is."""
        if self.hours is not None:
            return self.hours.latest
        return _midnight_after(calendar.time_zone, self.promised) if self.promised else None

    def is_late(self, now: Moment) -> bool:
        """Whether what was promised is over."""
        if self.hours is not None:
            return self.hours.latest < now.at
        return self.promised is not None and self.promised < now.today

    def is_at_risk(self, now: Moment) -> bool:
        """Whether what was promised may not be kept: of hours, once what is usual is over; and as what was learned says."""
        if self.learned is not None and self.learned.risky is not None and self.learned.risky <= now.at:
            return True
        if self.hours is not None:
            return self.hours.usually <= now.at
        on = self.at_risk_on(now.calendar)
        return on is not None and on <= now.today

    def at_risk_on(self, calendar: Calendar) -> date | None:
        """From when its promise is at risk: a business day before, or that day where it was promised no sooner."""
        if self.promised is None:
            return None
        day_before = self.promised - timedelta(days=1)
        while not calendar.is_business_day(day_before):
            day_before -= timedelta(days=1)
        return day_before if self.since is None or self.since < day_before else self.promised


@dataclass(frozen=True, slots=True)
class News:
    """What an event means for one journey."""

    tenant: str
    # "order/…", "invoice/…", "dispute/…", "payment/…", "application/…", "onboarding/<account_id>".
    about: str
    account_id: str
    # Steps of which nothing counts any more that was known of them.
    dropped: tuple[str, ...] = ()
    # Steps that are done.
    done: tuple[str, ...] = ()
    # Steps that are done if they were begun.
    settled: tuple[str, ...] = ()
    # Steps that are to be done, if they are not done already.
    expected: tuple[str, ...] = ()
    # Steps that are to be done, again if they were done already; what ended goes on.
    reopened: tuple[str, ...] = ()
    promised: Mapping[str, date] = field(default_factory=dict)
    # The same by instants.
    hours: Mapping[str, Hours] = field(default_factory=dict)
    # Steps of whose risk whoever promised tells by itself.
    warned_of: tuple[str, ...] = ()
    # One of ENDS.
    ends: str = ""
    # What ended by this has not.
    goes_on: str = ""
    # The part of the company; None: the event does not say.
    scope: Scope | None = None
    # What people call it, if not by its id.
    name: str = ""
    # The legal entity that it names.
    seller_id: str = ""
    # The reason of a case, the track of an application; "": it does not say.
    track: str = ""
    # Of an order: what is told of a version before the one that is known counts no more. 0: of whichever.
    version: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is shown."""

    stage: Stage
    # DONE, NOW or NEXT.
    state: str
    leg: Leg
    # By when it usually is done, if that is to come, and before what is promised.
    usually: date | None = None
    # By when it is at the latest by what was learned, where that is after what is promised.
    likely: date | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """How far something is."""

    tenant: str
    about: str
    account_id: str
    began_at: datetime
    scope: Scope = WHOLE_COMPANY
    name: str = ""
    seller_id: str = ""
    # The reason of a case, the track of an application.
    track: str = ""
    version: int = 0
    # By which of ENDS; "": by none.
    ended: str = ""
    ended_at: datetime | None = None
    legs: Mapping[str, Leg] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is the journey of: a key of STAGES."""
        return self.about.partition("/")[0]

    def hear(self, news: News, now: Moment) -> "Journey":
        """The journey after an event; the same again changes nothing."""
        if news.version and news.version < self.version:
            return self
        legs, ended = dict(self.legs), self.ended
        if news.version > self.version > 0:  # an order as it is now: what was promised of it by others stands
            legs = {code: leg.done(None) for code, leg in legs.items() if leg.promised and not leg.by_default}
            ended = ""
        for code in news.dropped:
            legs.pop(code, None)
        for code in (*news.done, *(code for code in news.settled if code in legs)):
            leg = legs.get(code, _NOTHING)
            legs[code] = leg.done(leg.done_at or now.at)
        for code in news.expected:
            legs.setdefault(code, _NOTHING)
        for code in news.reopened:
            legs[code] = legs.get(code, _NOTHING).done(None)
        today = now.today
        for code, by in news.promised.items():
            legs[code] = legs.get(code, _NOTHING).promise(by, today)
        for code, hours in news.hours.items():
            legs[code] = legs.get(code, _NOTHING).promise_hours(hours, now.day_of(hours.latest), today)
        legs |= {code: replace(legs[code], warned=True) for code in news.warned_of}
        # A refusal that is heard again after the cancellation of the same version changes nothing.
        ends = "" if (ended, news.ends) == ("CANCELLED", "DECLINED") else news.ends
        ended = ends or ("" if news.reopened or news.goes_on == ended else ended)
        stage = None if ended else next(_open(self.kind, legs), None)
        if stage is not None and stage.days and not legs.get(stage.code, _NOTHING).promised:
            by = now.calendar.after(today, stage.days)  # nobody promised a day: our table does
            legs[stage.code] = legs.get(stage.code, _NOTHING).promise(by, today, by_default=True)
        _take_turns(legs, None if stage is None else stage.code, now)
        return Journey(
            tenant=self.tenant,
            about=self.about,
            account_id=self.account_id,
            began_at=self.began_at,
            scope=self.scope if news.scope is None else news.scope,
            name=news.name or self.name,
            seller_id=news.seller_id or self.seller_id,
            track=news.track or self.track,
            version=max(self.version, news.version),
            ended=ended,
            ended_at=(self.ended_at if ended == self.ended else now.at) if ended else None,
            legs=legs,
        )

    def asks(self, now: Moment) -> Stage | None:
        """The step that began just now of which something is promised: what was learned of those like it counts for it."""
        stage = None if self.ended else next(_open(self.kind, self.legs), None)
        if stage is None or (leg := self.legs.get(stage.code, _NOTHING)).began_at != now.at or leg.learned is not None:
            return None
        return stage if stage.days or leg.hours is not None else None

    def ended_now(self) -> list[tuple[Stage, Leg]]:
        """The steps that were to be done until the last event, which did them; of others it is not known how long they took."""
        legs = ((stage, self.legs.get(stage.code, _NOTHING)) for stage in STAGES[self.kind])
        return [(stage, leg) for stage, leg in legs if leg.done_at is not None and leg.began_at is not None]

    def missed(self, now: Moment) -> tuple[Stage, datetime] | None:
        """The open step of the seller's whose promise is missed first, and when; None: nothing is promised."""
        stages = () if self.ended else _open(self.kind, self.legs)
        legs = ((stage, self.legs.get(stage.code, _NOTHING)) for stage in stages if stage.owner != BUYER)
        untils = ((stage, until) for stage, leg in legs if (until := leg.missed_at(now.calendar)) is not None)
        return min(untils, key=lambda one: one[1], default=None)

    def agreed(self, code: str, days: int, now: Moment) -> "Journey":
        """The same, with what was agreed of one of its steps, which began just now; a day that somebody named goes before."""
        leg = self.legs[code]
        if leg.promised is not None and (not leg.by_default or leg.spent):
            return self
        by = now.calendar.after(now.today, days)
        return replace(self, legs={**self.legs, code: replace(leg, promised=by, since=now.today, by_default=False)})

    def learns(self, code: str, learned: Learned, now: Moment) -> "Journey":
        """The same, with what was learned of one of its steps, which began just now."""
        return replace(self, legs={**self.legs, code: self.legs[code].learns(learned, now)})

    def steps(self) -> list[Step]:
        """Its steps, in order: what is done, what is now, what comes next; what ended has nothing to come."""
        found: list[Step] = []
        is_now = True
        for stage in STAGES[self.kind]:
            leg = self.legs.get(stage.code)
            if leg is not None and leg.done_at:
                found.append(Step(stage, DONE, leg))
            elif not self.ended and (leg is not None or not stage.may_be):
                found.append(Step(stage, NOW if is_now else NEXT, leg or Leg()))
                is_now = False
        if self.ended:
            owner = BUYER if self.ended in _BY_BUYER else found[-1].stage.owner if found else BUYER
            found.append(Step(Stage(self.ended, owner, 0, 0, may_be=True), DONE, Leg(self.ended_at)))
        return found

    def expected(self, now: Moment) -> list[Step]:
        """Its steps, with by when those that are to come usually are done, each from when the one before it is.

        What was promised for a later day than the table has is done by that, and not sooner.
        """
        done = [leg.done_at for leg in self.legs.values() if leg.done_at]
        begins = now.day_of(max(done, default=self.began_at))
        found: list[Step] = []
        for step in self.steps():
            latest = step.leg.promised
            if step.state == DONE:
                found.append(step)
                continue
            usually = _usually(step, begins, now)
            begins = max(usually or latest or begins, now.today)
            is_sooner = usually is not None and usually >= now.today and (latest is None or usually < latest)
            if step.leg.hours is not None:
                is_sooner = step.leg.hours.usually > now.at
            found.append(replace(step, usually=usually if is_sooner else None, likely=_likely(step, now)))
        return found

    def state(self, now: Moment) -> State:
        """Whether what is promised of it is kept."""
        open_ = [step.leg for step in self.steps() if step.state != DONE]
        if not open_:
            return State.DONE
        if any(leg.is_late(now) for leg in open_):
            return State.LATE
        return State.AT_RISK if any(leg.is_at_risk(now) for leg in open_) else State.ON_TRACK

    def warn_at(self, calendar: Calendar) -> datetime | None:
        """When the seller's people are to be told that a promise of theirs is at risk; None: there is none to tell of."""
        return min((at for _, at in self._risks(calendar)), default=None)

    def at_risk(self, now: Moment) -> list[Step]:
        """The steps of which the seller's people are to be told now."""
        risks = {stage.code for stage, at in self._risks(now.calendar) if at <= now.at}
        return [step for step in self.steps() if step.stage.code in risks]

    def warned(self, *codes: str) -> "Journey":
        """The same; of these steps they were told."""
        return replace(self, legs={c: replace(leg, warned=leg.warned or c in codes) for c, leg in self.legs.items()})

    def _risks(self, calendar: Calendar) -> Iterator[tuple[Stage, datetime]]:
        """What of the seller's is not done, and when it is warned of; if that is no surprise, it is left out."""
        for stage in () if self.ended else _open(self.kind, self.legs):
            leg = self.legs.get(stage.code, _NOTHING)
            if leg.promised and not leg.warned and stage.owner != BUYER:
                if leg.learned is not None and leg.learned.risky is not None:
                    yield stage, leg.learned.risky
                if leg.hours is not None:
                    yield stage, leg.hours.usually
                    continue
                on = leg.at_risk_on(calendar)
                if on is not None and (leg.since is None or leg.since < on):
                    yield stage, _warned_at(calendar.time_zone, on)


_NOTHING = Leg()
# Steps whose day is a level of service; of others it is what somebody wants, or agreed.
_OF_LEVEL = frozenset({"DECIDED", "ANSWERED", "CREDITED", "LOOKED_AT"})


def _take_turns(legs: dict[str, Leg], code: str | None, now: Moment) -> None:
    """Let the step begin that is to be done now, if any, and those pause that were begun before."""
    for other, leg in legs.items():
        if other != code and leg.began_at is not None and leg.done_at is None:
            legs[other] = leg.paused(now)
    if code is not None:
        legs[code] = legs.get(code, _NOTHING).begun(now).weighed(now.hours)


def _usually(step: Step, begins: date, now: Moment) -> date | None:
    """By when a step that is not done usually is, which begins, or began, on that day."""
    stage, leg, latest = step.stage, step.leg, step.leg.promised
    if leg.hours is not None:
        return now.day_of(leg.hours.usually)
    learned = leg.learned.usually if leg.learned is not None else None
    last = leg.learned.latest if leg.learned is not None else None
    level = now.calendar.after(begins, stage.days) if stage.days else None
    known = [day for day in (level, now.day_of(last) if last else None) if day is not None]
    if not known or (latest is not None and latest > max(known)):
        return None
    if learned is not None:
        return now.day_of(learned)
    return now.calendar.after(begins, stage.usually) if stage.days else None


def _likely(step: Step, now: Moment) -> date | None:
    """By when it is at the latest by what was learned, where a level of service promises it sooner."""
    leg = step.leg
    if step.stage.code not in _OF_LEVEL or leg.learned is None or leg.learned.latest is None or leg.promised is None:
        return None
    day = now.day_of(leg.learned.latest)
    return day if day > leg.promised else None


@lru_cache(1024)  # the days of this season come again and again
def _midnight_after(time_zone: str, on: date) -> datetime:
    return Calendar(time_zone).instant(on + timedelta(days=1), time.min)


@lru_cache(1024)
def _warned_at(time_zone: str, on: date) -> datetime:
    return Calendar(time_zone).instant(on, WARNED_AT)


def _open(kind: str, legs: Mapping[str, Leg]) -> Iterator[Stage]:
    """What is to be done, in order."""
    for stage in STAGES[kind]:
        leg = legs.get(stage.code)
        if leg is None:
            if not stage.may_be:
                yield stage
        elif leg.done_at is None:
            yield stage

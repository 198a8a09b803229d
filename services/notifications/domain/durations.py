"""How long steps take, learned from those that ended, and what is promised by that (RULES: learned durations)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.kernel.opening_hours import OpeningHours
from services.notifications.domain.journeys import BUYER, STAGES, Learned, Stage

KEPT_MAX = 200  # durations of a segment, the newest
KEPT_FOR = timedelta(days=365)
USUAL_FROM = 9  # durations from which on the middle one says what is usual
LATEST_FROM = 19  # those from which on one of them is the 95th in a hundred
MINUTE = timedelta(minutes=1)
MONTHS_SHOWN = 3  # of what became of promises, this one included
SLOW_MAX = 100  # segments that are shown where steps take longer than promised
EVERYBODY = ""  # the widest segment: all that takes this step
TARGET_PERCENT = 95  # of promises are kept
# What no journey has as a step: from an agreed credit line to the first order.
ONBOARDING, FIRST_ORDER = "onboarding", "FIRST_ORDER"
# The steps that have a duration, from application to payment, and of a case, in the order in which they come.
PATH: Sequence[tuple[str, str]] = (
    *(("application", stage.code) for stage in STAGES["application"]),
    (ONBOARDING, FIRST_ORDER),
    *((kind, stage.code) for kind in ("order", "invoice", "dispute") for stage in STAGES[kind][1:]),
)

Took = tuple[int, int]  # business minutes, and the day on which the step ended (date.toordinal)


def quantile(sorted_minutes: Sequence[int], percent: int) -> int | None:
    """The ceil((n + 1) · p)-th smallest: a new one is not longer in so many of a hundred; None: there are too few."""
    nth = -(-(len(sorted_minutes) + 1) * percent // 100)
    return sorted_minutes[nth - 1] if nth <= len(sorted_minutes) else None


@dataclass(frozen=True, slots=True)
class Segment:
    """Whose steps are alike: those of an account, those of a legal entity with this reason or track, or all."""

    tenant: str
    kind: str
    step: str
    # "account/…", "of/<seller_id>/<reason or track>" or EVERYBODY.
    name: str

    @property
    def account_id(self) -> str:
        """The account whose steps these are; '' where they are several's."""
        return self.name.removeprefix(_ACCOUNT) if self.name.startswith(_ACCOUNT) else ""

    @property
    def seller_id(self) -> str:
        """The legal entity whose steps these are; '' where they are an account's or everybody's."""
        return self.name.split("/", 2)[1] if self.name.startswith(_OF) else ""

    @property
    def track(self) -> str:
        """Their reason or track; '' where they are an account's or everybody's."""
        return self.name.split("/", 2)[2] if self.name.startswith(_OF) else ""

    @property
    def stage(self) -> Stage | None:
        """The step as every journey has it; None: no journey has it."""
        return next((stage for stage in STAGES.get(self.kind, ()) if stage.code == self.step), None)


_ACCOUNT, _OF = "account/", "of/"


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that ended, as its journey says it."""

    tenant: str
    # Of what: "order/…"; and what people call it, if not by its id.
    about: str
    name: str
    step: str
    account_id: str
    seller_id: str
    # The reason of a case, the track of an application.
    track: str
    # Since when it was to be done, without another between; and the minutes of business before that.
    began_at: datetime
    spent: int
    ended_at: datetime
    # Whether what was promised was kept; None: nothing was, or it was the buyer's to keep.
    kept: bool | None

    @property
    def kind(self) -> str:
        """What it is a step of."""
        return self.about.partition("/")[0]

    def minutes(self, hours: OpeningHours) -> int:
        """For how long the seller was open while it was to be done."""
        return self.spent + hours.between(self.began_at, self.ended_at) // MINUTE

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Those that it is one of, the narrowest first."""
        return segments(
            self.tenant,
            self.kind,
            self.step,
            account_id=self.account_id,
            seller_id=self.seller_id,
            track=self.track,
        )


def segments(
    tenant: str, kind: str, step: str, *, account_id: str = "", seller_id: str = "", track: str = ""
) -> tuple[Segment, ...]:
    """Those that a step is one of, the narrowest first."""
    names = [f"{_ACCOUNT}{account_id}"] if account_id else []
    if seller_id or track:
        names.append(f"{_OF}{seller_id}/{track}")
    return tuple(Segment(tenant, kind, step, name) for name in (*names, EVERYBODY))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a segment's durations say, in business minutes."""

    n: int = 0
    # The middle one, of however few; None: of none.
    p50: int | None = None
    p95: int | None = None

    @property
    def usual(self) -> int | None:
        """The middle one, where there are enough to say that it is usual."""
        return self.p50 if self.n >= USUAL_FROM else None

    @property
    def latest(self) -> int | None:
        """What 95 of a hundred do not exceed, where there are enough to say so."""
        return self.p95 if self.n >= LATEST_FROM else None


NOTHING = Figures()


@dataclass(frozen=True, slots=True)
class History:
    """A segment's durations, and since when they are longer than what is promised."""

    took: tuple[Took, ...] = ()
    # When its owner was told that it takes longer than the level of service; None: it does not.
    slow_since: datetime | None = None

    def add(self, new: Iterable[Took], today: date) -> "History":
        """The same with these, of which the newest of the last year are kept."""
        oldest = (today - KEPT_FOR).toordinal()
        took = sorted((*self.took, *new), key=lambda one: one[1])
        return replace(self, took=tuple(one for one in took if one[1] >= oldest)[-KEPT_MAX:])

    @property
    def figures(self) -> Figures:
        """What they say."""
        minutes = sorted(minutes for minutes, _ in self.took)
        return Figures(len(minutes), quantile(minutes, 50) if minutes else None, quantile(minutes, 95))


@dataclass(frozen=True, slots=True)
class Slow:
    """A segment that takes longer than its level of service lets it."""

    segment: Segment
    figures: Figures
    since: datetime


def is_slow(segment: Segment, figures: Figures, hours: OpeningHours) -> bool:
    """Whether one in twenty takes longer than the level of service lets it: of what is the seller's to do."""
    stage = segment.stage
    if stage is None or not stage.days or stage.owner == BUYER or figures.latest is None:
        return False
    return figures.latest > promised_minutes(stage, hours)


def promised_minutes(stage: Stage, hours: OpeningHours) -> int:
    """The level of service of a step, in business minutes; 0: it has none."""
    return stage.days * hours.day // MINUTE


def narrowest(found: Sequence[Figures]) -> tuple[int | None, int | None]:
    """What is usual and what is the latest, each of the narrowest segment that has enough to say so; minutes."""
    usual = next((figures.usual for figures in found if figures.usual is not None), None)
    latest = next((figures.latest for figures in found if figures.latest is not None), None)
    # Of different segments they may contradict each other: what is usual is not later than the latest.
    return (min(usual, latest) if usual is not None and latest is not None else usual), latest


def learned(found: Sequence[Figures], hours: OpeningHours, *, at: datetime, spent: int) -> Learned | None:
    """By when a step usually is done and by when at the latest, which is to be done from now on; None: too few ended."""
    usual, latest = narrowest(found)
    if usual is None and latest is None:
        return None

    def when(minutes: int | None) -> datetime | None:
        return None if minutes is None else hours.after(at, max(minutes - spent, 0) * MINUTE)

    return Learned(when(usual), when(latest))


@dataclass(frozen=True, slots=True)
class Kept:
    """Promises of a step that were kept, and that were not."""

    kept: int = 0
    missed: int = 0

    @property
    def n(self) -> int:
        """How many ended."""
        return self.kept + self.missed


def counted_since(today: date) -> date:
    """The first of the months of which it is shown what became of promises."""
    months = today.year * 12 + today.month - 1 - (MONTHS_SHOWN - 1)
    return date(months // 12, months % 12 + 1, 1)


def kept_by_step(ended: Iterable[Ended]) -> Mapping[tuple[str, str, str, date], Kept]:
    """What became of the promises of steps that ended, by tenant, kind, step and the first of the month (UTC)."""
    found: dict[tuple[str, str, str, date], Kept] = {}
    for one in ended:
        if one.kept is not None:
            key = (one.tenant, one.kind, one.step, one.ended_at.date().replace(day=1))
            before = found.get(key, Kept())
            found[key] = Kept(before.kept + one.kept, before.missed + (not one.kept))
    return found


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a step takes an account, beside everybody."""

    kind: str
    step: str
    own: Figures
    everybodys: Figures
    # It costs the account more than any other step does.
    costs_most: bool = False

    @property
    def lost(self) -> int:
        """By how many business minutes it usually takes the account longer than everybody; 0 where too few ended to say so."""
        if self.own.p50 is None or self.everybodys.usual is None:
            return 0
        return max(0, self.own.p50 - self.everybodys.usual)


def paces(found: Mapping[Segment, Figures], account_id: str) -> list[Pace]:
    """An account's steps in the order in which they come, as far as any ended, and which of them costs it most."""
    known = {(segment.kind, segment.step, segment.account_id): figures for segment, figures in found.items()}
    steps = [
        Pace(kind, step, own, known.get((kind, step, ""), NOTHING))
        for kind, step in PATH
        if (own := known.get((kind, step, account_id))) is not None
    ]
    most = max(steps, key=lambda pace: pace.lost, default=None)
    return [replace(pace, costs_most=pace is most and pace.lost > 0) for pace in steps]

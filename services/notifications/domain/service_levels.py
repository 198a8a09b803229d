"""What was agreed with a buyer of how long steps take, and what follows when it is missed (RULES: service levels)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.opening_hours import OpeningHours
from services.kernel.refusals import Invalid, quoted
from services.notifications.domain.durations import MINUTE
from services.notifications.domain.journeys import BUYER, STAGES

DAYS_MAX = 250  # business days, about a year
LEVELS_MAX = 20


class Remedy(StrEnum):
    """What follows when a level was missed."""

    # A sum is credited.
    CREDIT = "CREDIT"
    # No interest is asked for a late payment of what it was about.
    WAIVE_INTEREST = "WAIVE_INTEREST"


# The steps of which something can be agreed: the seller's, that have a level of service.
STEPS: Sequence[tuple[str, str]] = tuple(
    (kind, stage.code) for kind, stages in STAGES.items() for stage in stages if stage.owner != BUYER and stage.days
)


@dataclass(frozen=True, slots=True)
class Level:
    """How long a step takes at most, in business days of the seller's, and what follows when it takes longer."""

    kind: str
    step: str
    days: int
    remedy: Remedy
    # Of a CREDIT; None: there is none.
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed with an account; of version 0 nothing was."""

    version: int = 0
    levels: tuple[Level, ...] = ()

    def of(self, kind: str, step: str) -> Level | None:
        """What was agreed of a step."""
        return next((level for level in self.levels if (level.kind, level.step) == (kind, step)), None)


NOTHING = Agreed()


def check(levels: Iterable[Level]) -> tuple[Level, ...]:
    """The levels in the order of their steps; refuse what nobody could keep, or owe."""
    found: Mapping[tuple[str, str], Level] = {}
    for level in levels:
        key = (level.kind, level.step)
        if key not in STEPS:
            raise Invalid("service_level.step", f"nothing can be agreed of {quoted(f'{level.kind} {level.step}')}")
        if key in found:
            raise Invalid("service_level.twice", f"two things are agreed of {quoted(level.step)}")
        if not 1 <= level.days <= DAYS_MAX:
            raise Invalid("service_level.days", f"a step takes 1 to {DAYS_MAX} business days")
        if (level.remedy is Remedy.CREDIT) != (level.amount is not None and level.amount.minor > 0):
            raise Invalid("service_level.amount", "a credit is of an amount above zero, and nothing else has one")
        found = {**found, key: level}
    return tuple(found[key] for key in STEPS if key in found)


def is_missed(level: Level, minutes: int, hours: OpeningHours) -> bool:
    """Whether a step that took so many business minutes took longer than was agreed."""
    return minutes > level.days * (hours.day // MINUTE)

"""How long steps take, as people read it: minutes, hours or business days."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_HOUR = 60
MINUTES, HOURS, DAYS = "minutes", "hours", "days"


@dataclass(frozen=True, slots=True)
class Length:
    """So many of a unit; a tenth of it at the finest."""

    n: Decimal
    unit: str


def length(minutes: int, day_minutes: int) -> Length:
    """Business minutes as people say them: in days from two days of the seller's on."""
    if minutes < _HOUR:
        return Length(Decimal(minutes), MINUTES)
    if minutes < 2 * max(day_minutes, _HOUR):
        return Length(_tenths(minutes, _HOUR), HOURS)
    return Length(_tenths(minutes, day_minutes), DAYS)


def _tenths(minutes: int, unit: int) -> Decimal:
    n = (Decimal(minutes) / unit).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return n.quantize(Decimal(1)) if n == n.to_integral_value() else n


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the promises of a step were kept."""

    kind: str
    code: str
    kept: int
    missed: int

    @property
    def n(self) -> int:
        """How many came to their end."""
        return self.kept + self.missed

    @property
    def share(self) -> Decimal:
        """Of these so many were kept, from 0 to 1."""
        return Decimal(self.kept) / self.n if self.n else Decimal(0)

    @property
    def percent(self) -> int:
        """The same in percent, whole ones that are full."""
        return self.kept * 100 // self.n if self.n else 0


def together(shares: Iterable[Share]) -> Share:
    """All of them as one."""
    found = list(shares)
    return Share("", "", sum(one.kept for one in found), sum(one.missed for one in found))

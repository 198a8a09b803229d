"""What currencies are worth in one another: by rates that somebody set, never by a guess (RULES: foreign currency)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

from services.kernel.money import exponent
from services.kernel.refusals import Conflict, Invalid

DAYS_READ = 32  # of a pair, the newest: as old as any policy lets one be
THROUGH = "EUR"  # of which central banks publish all others
JUMP_MOST = Fraction(1, 2)  # of the newest rate, by which the next may be another if nobody stands for it
_DECIMALS, _WHOLE = 10, 10**10


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth in another on a day."""

    base: str
    quote: str
    day: date
    rate: Decimal

    def check(self, today: date) -> "Rate":
        """Return the rate itself; refuse one of no two currencies, of a day to come, or that is none."""
        for currency in (self.base, self.quote):
            exponent(currency)
        if self.base == self.quote:
            raise Invalid("rate.same_currency", f"a rate is of two currencies, not of {self.base} alone")
        if self.day > today:
            raise Invalid("rate.day_future", f"nobody knows the rates of {self.day} yet")
        decimals = self.rate.as_tuple().exponent
        if not 0 < self.rate < _WHOLE or not isinstance(decimals, int) or decimals < -_DECIMALS:
            raise Invalid("rate.value", "a rate is above zero, with at most ten digits before its point and after it")
        return self

    def is_of_use(self, today: date) -> bool:
        """Whether it is not of a day to come, nor older than what is read."""
        return today - timedelta(days=DAYS_READ) < self.day <= today


class RateMissing(Conflict):
    """No rate is known by which an amount is worth something in another currency."""

    def __init__(self, currency: str) -> None:
        super().__init__("rate.missing", f"no rate of {currency} is known that is new enough")


class Rates:
    """The newest rates that a tenant has set."""

    def __init__(self, known: Iterable[Rate] = (), version: int = 0) -> None:
        """Take them, and by which version of all rates these are the newest."""
        self.version = version
        self._of: dict[tuple[str, str], dict[date, Fraction]] = {}
        turned: dict[tuple[str, str], dict[date, Fraction]] = {}
        for one in known:
            rate = Fraction(one.rate)
            self._of.setdefault((one.base, one.quote), {})[one.day] = rate
            turned.setdefault((one.quote, one.base), {})[one.day] = 1 / rate
        for pair, days in turned.items():
            self._of[pair] = days | self._of.get(pair, {})

    def find(self, base: str, quote: str, on: date) -> tuple[date, Fraction] | None:
        """The newest up to a day, and its own: as it was set, or through the euro by two of one and the same day."""
        to, off = self._of.get((base, THROUGH), {}), self._of.get((THROUGH, quote), {})
        days = {day: to[day] * off[day] for day in to.keys() & off.keys()} | self._of.get((base, quote), {})
        newest = max((day for day in days if day <= on), default=None)
        return None if newest is None else (newest, days[newest])

    def doubt(self, told: Rate) -> str:
        """Why what a source tells is not believed, beside what is known (RULES: foreign currency); "" if it is."""
        rate = Fraction(told.rate)
        if (known := self._of.get((told.base, told.quote), {}).get(told.day)) is not None:
            return "" if known == rate else "known"
        if (newest := self.find(told.base, told.quote, date.max)) is None:
            return ""
        return "jump" if abs(rate - newest[1]) > JUMP_MOST * newest[1] else ""

    def value(
        self, minor: int, base: str, quote: str, on: date, *, oldest: date = date.min, more: Decimal = Decimal(0)
    ) -> int | None:
        """What an amount in minor units comes to in another currency, and a part `more`, rounded up.

        None where no rate is known, or none that is not older than `oldest`.
        """
        if base == quote:
            return minor
        if (found := self.find(base, quote, on)) is None or found[0] < oldest:
            return None
        scale = Fraction(10) ** (exponent(quote) - exponent(base))
        return ceil(minor * found[1] * scale * (1 + Fraction(more)))

"""Days and hours as a business counts them: in the seller's time zone, weekends, its holidays and closing hours apart."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.kernel.refusals import Invalid, quoted

SATURDAY = 5
OPENS, CLOSES = time(9), time(17)  # of a seller that says nothing else
FIRST_YEAR, LAST_YEAR = 1970, 2199  # what a business may date; beyond lies a typing mistake


def day(text: str, *, what: str) -> date:
    """Read an ISO date (YYYY-MM-DD) from a contract's text field."""
    value = _date(text) if len(text) == len("2026-01-05") else None
    if value is None:
        raise Invalid("date.malformed", f"{what} is not a date (YYYY-MM-DD): {quoted(text)}")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise Invalid("date.out_of_range", f"{what} is not between {FIRST_YEAR} and {LAST_YEAR}: {text}")
    return value


@lru_cache(1024)  # the days of this season come again and again
def _date(text: str) -> date | None:
    try:
        value = date.fromisoformat(text)
    except ValueError:
        return None
    return value if value.isoformat() == text else None  # fromisoformat reads week dates too


def day_in(zone: str, at: datetime) -> date:
    """The date of an instant where the seller is."""
    return at.astimezone(ZoneInfo(zone)).date()


def add_business_days(start: date, days: int, days_off: Container[date] = frozenset()) -> date:
    """The n-th business day after a date: no Saturday, no Sunday, and none of these days off."""
    at = start
    while days > 0:
        at += timedelta(days=1)
        days -= is_business_day(at, days_off)
    return at


def is_business_day(on: date, days_off: Container[date] = frozenset()) -> bool:
    """Whether business is done that day."""
    return on.weekday() < SATURDAY and on not in days_off


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a seller's days begin, on which of them its business is done, and when. Who said nothing: UTC, no holidays, nine to five."""

    # IANA name.
    time_zone: str = "UTC"
    # Public holidays (services/days_off.py finds them by name).
    days_off: Container[date] = frozenset()
    # On business days, where the seller is.
    opens: time = OPENS
    closes: time = CLOSES

    def day(self, at: datetime) -> date:
        """The date of an instant where the seller is."""
        return day_in(self.time_zone, at)

    def instant(self, on: date, at: time) -> datetime:
        """When it is that time of that day where the seller is, in UTC; where clocks skip it, when it would have been."""
        return datetime.combine(on, at, ZoneInfo(self.time_zone)).astimezone(UTC)

    def is_business_day(self, on: date) -> bool:
        """Whether business is done that day."""
        return is_business_day(on, self.days_off)

    def after(self, start: date, days: int) -> date:
        """The n-th business day after a date."""
        return add_business_days(start, days, self.days_off)

    def between(self, start: date, end: date) -> int:
        """How many business days follow the first date, up to and with the second; none if it is not later."""
        return sum(self.is_business_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))

    def after_hours(self, start: datetime, hours: timedelta) -> datetime:
        """The instant, in UTC, when so many business hours have passed; differences are of UTC, whatever clocks do."""
        on = self.day(start)
        while True:
            if self.is_business_day(on):
                opens, closes = self.instant(on, self.opens), self.instant(on, self.closes)
                begins = max(start, opens)
                if begins < closes:
                    if hours <= closes - begins:
                        return (begins + hours).astimezone(UTC)
                    hours -= closes - begins
            on += timedelta(days=1)

    def hours_between(self, start: datetime, end: datetime) -> timedelta:
        """How much business time lies between two instants."""
        passed = timedelta()
        on, last = self.day(start), self.day(end)
        while on <= last:
            if self.is_business_day(on):
                begins, ends = max(start, self.instant(on, self.opens)), min(end, self.instant(on, self.closes))
                passed += max(ends - begins, timedelta())
            on += timedelta(days=1)
        return passed

    def a_business_day_before(self, at: datetime) -> datetime:
        """The latest instant after which a business day has passed by then."""
        before = at - timedelta(days=1)
        while not self.is_business_day(self.day(before)):
            before -= timedelta(days=1)
        return before

    @property
    def business_day(self) -> timedelta:
        """How long business is done on a day."""
        return timedelta(hours=self.closes.hour - self.opens.hour, minutes=self.closes.minute - self.opens.minute)

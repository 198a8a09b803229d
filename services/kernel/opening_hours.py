"""Time as a business is open: on its business days, from its opening to its closing, where it is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from services.kernel.calendars import Calendar

OPENS_AT, CLOSES_AT = time(9), time(17)  # where a business did not say
_DAYS_MAX = 4000  # that are walked through; longer than anything that is promised, or kept


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a business is open; differences are of UTC, whatever clocks do."""

    calendar: Calendar
    opens_at: time = OPENS_AT
    closes_at: time = CLOSES_AT

    @property
    def day(self) -> timedelta:
        """How long it is open on a business day, by the clock on the wall."""
        return datetime.combine(date.min, self.closes_at) - datetime.combine(date.min, self.opens_at)

    def after(self, start: datetime, open_for: timedelta) -> datetime:
        """The instant, in UTC, when it has been open for so long since then."""
        on = self.calendar.day(start)
        while True:
            begins, ends = self._of(on)
            begins = max(start, begins)
            if begins < ends:
                if open_for <= ends - begins:
                    return (begins + open_for).astimezone(UTC)
                open_for -= ends - begins
            on += timedelta(days=1)

    def before(self, end: datetime, open_for: timedelta) -> datetime:
        """The latest instant, in UTC, from which on it is open for so long until then."""
        on = self.calendar.day(end)
        while True:
            begins, ends = self._of(on)
            ends = min(end, ends)
            if begins < ends:
                if open_for <= ends - begins:
                    return (ends - open_for).astimezone(UTC)
                open_for -= ends - begins
            on -= timedelta(days=1)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """For how long it is open between two instants; nothing if the second is not later."""
        passed = timedelta()
        on, last = self.calendar.day(start), self.calendar.day(end)
        last = min(last, on + timedelta(days=_DAYS_MAX))
        while on <= last:
            begins, ends = self._of(on)
            passed += max(min(end, ends) - max(start, begins), timedelta())
            on += timedelta(days=1)
        return passed

    def ends(self, on: date) -> datetime:
        """When it closes on a day, whether business is done that day or not."""
        return _instant(self.calendar.time_zone, on, self.closes_at)

    def _of(self, on: date) -> tuple[datetime, datetime]:
        """When it opens and closes on a day; the same instant where it stays closed."""
        opens = _instant(self.calendar.time_zone, on, self.opens_at)
        return opens, self.ends(on) if self.calendar.is_business_day(on) else opens


@lru_cache(4096)  # the days of this season come again and again
def _instant(time_zone: str, on: date, at: time) -> datetime:
    return Calendar(time_zone).instant(on, at)

"""Days as a business counts them: in the seller's time zone, weekends apart."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.kernel.refusals import Invalid, quoted

BUSINESS_DAY_ENDS = time(17, 0)
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


def business_day_end(zone: str, on: date) -> datetime:
    """The instant at which the business day ends (17:00 where the seller is), in UTC."""
    return datetime.combine(on, BUSINESS_DAY_ENDS, ZoneInfo(zone)).astimezone(UTC)


def add_business_days(start: date, days: int) -> date:
    """The n-th weekday after a date. Public holidays come with a calendar of their own later."""
    at = start
    while days > 0:
        at += timedelta(days=1)
        days -= at.weekday() < 5  # Saturday is 5
    return at

"""By when the seller answers: business hours where it is, which rest only while the applicant owes an answer."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from services.kernel.calendars import Calendar
from services.kernel.opening_hours import OpeningHours

OPENS, CLOSES = time(9), time(17)  # where the seller is
_DAY = timedelta(hours=CLOSES.hour - OPENS.hour)
# By track: usually, and at the latest. The engine answers on the fast one, where a person is asked only by an appeal.
USUALLY = {"FAST": timedelta(hours=2), "STANDARD": timedelta(hours=2), "ENHANCED": _DAY}
LATEST = {"FAST": timedelta(hours=4), "STANDARD": timedelta(hours=4), "ENHANCED": 2 * _DAY}


@dataclass(frozen=True, slots=True)
class Promise:
    """Until when the seller answers, as the applicant is told it."""

    usually_by: datetime
    latest_by: datetime


def promise(calendar: Calendar, track: str, *, at: datetime) -> Promise:
    """What is promised from now on."""
    return Promise(add_hours(calendar, at, USUALLY[track]), add_hours(calendar, at, LATEST[track]))


def put_off(calendar: Calendar, promised: Promise, asked_at: datetime, *, at: datetime) -> Promise:
    """The promise less the business hours in which the applicant was waited for."""
    waited = hours_between(calendar, asked_at, at)
    return Promise(add_hours(calendar, promised.usually_by, waited), add_hours(calendar, promised.latest_by, waited))


def add_hours(calendar: Calendar, start: datetime, hours: timedelta) -> datetime:
    """The instant, in UTC, when so many business hours have passed; differences are of UTC, whatever clocks do."""
    return OpeningHours(calendar, OPENS, CLOSES).after(start, hours)


def hours_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much business time lies between two instants."""
    return OpeningHours(calendar, OPENS, CLOSES).between(start, end)

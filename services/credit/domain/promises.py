"""By when the seller answers: business hours where it is, which rest only while the applicant owes an answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.kernel.calendars import Calendar

_DAY = Calendar().business_day
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
    return Promise(calendar.after_hours(at, USUALLY[track]), calendar.after_hours(at, LATEST[track]))


def put_off(calendar: Calendar, promised: Promise, asked_at: datetime, *, at: datetime) -> Promise:
    """The promise less the business hours in which the applicant was waited for."""
    waited = calendar.hours_between(asked_at, at)
    return Promise(calendar.after_hours(promised.usually_by, waited), calendar.after_hours(promised.latest_by, waited))

"""Time as a business is open."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.calendars import Calendar
from services.kernel.opening_hours import OpeningHours

MINUTE = timedelta(minutes=1)
# Clocks go forward on Sunday, 29 March 2026; Good Friday is the 3rd of April, Easter Monday the 6th.
BERLIN = Calendar("Europe/Berlin", frozenset({date(2026, 4, 3), date(2026, 4, 6)}))
USUAL = OpeningHours(BERLIN)
INSTANTS = st.integers(0, 14 * 24 * 60).map(lambda n: datetime(2026, 3, 26, tzinfo=UTC) + n * MINUTE)
WEEKS = st.sampled_from([USUAL, OpeningHours(BERLIN, time(6, 30), time(20)), OpeningHours(Calendar())])


def open_minutes(hours: OpeningHours, start: datetime, end: datetime) -> int:
    """The same counted minute by minute."""
    n = 0
    while start < end:
        on = hours.calendar.day(start)
        opens, closes = (hours.calendar.instant(on, at) for at in (hours.opens_at, hours.closes_at))
        n += hours.calendar.is_business_day(on) and opens <= start < closes
        start += MINUTE
    return n


@pytest.mark.parametrize("hours", [USUAL, OpeningHours(BERLIN, time(6, 30), time(20))])
def test_time_between_two_instants_is_what_is_counted_minute_by_minute(hours: OpeningHours):
    start = datetime(2026, 3, 27, 15, 17, tzinfo=UTC)
    for days, minutes in ((0, 5), (1, 700), (3, 0), (10, 333)):
        end = start + timedelta(days=days, minutes=minutes)
        assert hours.between(start, end) == open_minutes(hours, start, end) * MINUTE
    assert hours.between(start, start - timedelta(days=2)) == timedelta()


@given(WEEKS, INSTANTS, st.integers(0, 3000))
def test_what_is_added_lies_between_and_can_be_taken_back(hours: OpeningHours, start: datetime, minutes: int):
    open_for = minutes * MINUTE

    assert hours.between(start, hours.after(start, open_for)) == open_for
    assert hours.between(hours.before(start, open_for), start) == open_for


def test_a_day_closes_where_the_business_is_whether_it_opens_or_not():
    assert USUAL.ends(date(2026, 3, 27)) == datetime(2026, 3, 27, 16, tzinfo=UTC)
    assert USUAL.ends(date(2026, 3, 29)) == datetime(2026, 3, 29, 15, tzinfo=UTC)
    assert (USUAL.day, OpeningHours(BERLIN, time(6, 30), time(20)).day) == (
        timedelta(hours=8),
        timedelta(hours=13, minutes=30),
    )

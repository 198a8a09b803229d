"""Days as a business counts them: strict dates, the seller's midnight, weekends apart."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import days_off
from services.kernel import calendars
from services.kernel.calendars import Calendar
from services.kernel.refusals import Invalid


def test_an_iso_date_is_read() -> None:
    assert calendars.day("2024-02-29", what="issue_date") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "20260131",
        "2026-1-31",
        "31.01.2026",
        "2026-01-31T00:00",
        "2026/01/31",
    ],
)
def test_what_is_no_iso_date_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(Invalid, match="issue_date") as refused:
        calendars.day(text, what="issue_date")

    assert refused.value.code == "date.malformed"


@pytest.mark.parametrize("text", ["9999-12-31", "2200-01-01", "1969-12-31", "0001-01-01"])
def test_a_year_in_which_nobody_trades_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="promised_ship_on") as refused:
        calendars.day(text, what="promised_ship_on")

    assert refused.value.code == "date.out_of_range"


def test_an_iso_week_date_is_refused() -> None:
    with pytest.raises(Invalid):
        calendars.day("2026-W05-6", what="issue_date")


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 6, 30)),
        ("Europe/Berlin", date(2026, 7, 1)),
        ("Europe/London", date(2026, 7, 1)),
        ("America/New_York", date(2026, 6, 30)),
    ],
)
def test_the_day_is_the_one_where_the_seller_is(zone: str, day: date) -> None:
    assert calendars.day_in(zone, datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == day


@pytest.mark.parametrize(
    ("on", "end"),
    [
        (date(2026, 3, 27), datetime(2026, 3, 27, 16, 0, tzinfo=UTC)),  # winter time
        (date(2026, 3, 30), datetime(2026, 3, 30, 15, 0, tzinfo=UTC)),  # summer time began on Sunday
    ],
)
def test_five_is_five_by_the_sellers_wall_clock(on: date, end: datetime) -> None:
    assert Calendar("Europe/Berlin").instant(on, time(17)) == end


def test_a_time_that_the_clocks_skip_is_an_hour_later_and_one_that_comes_twice_is_the_first() -> None:
    berlin = Calendar("Europe/Berlin")

    assert berlin.instant(date(2026, 3, 29), time(2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert berlin.instant(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 3, 2), 0, date(2026, 3, 2)),  # Monday
        (date(2026, 3, 2), 1, date(2026, 3, 3)),
        (date(2026, 3, 2), 5, date(2026, 3, 9)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),  # Friday
        (date(2026, 3, 7), 1, date(2026, 3, 9)),  # Saturday
        (date(2026, 3, 8), 1, date(2026, 3, 9)),  # Sunday
        (date(2026, 3, 7), 0, date(2026, 3, 7)),
    ],
)
def test_business_days_pass_over_weekends(start: date, days: int, end: date) -> None:
    assert calendars.add_business_days(start, days) == end


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_the_nth_business_day_is_a_weekday_and_one_later_than_the_one_before(start: date, days: int) -> None:
    at = calendars.add_business_days(start, days)

    assert at.weekday() < 5
    assert calendars.add_business_days(calendars.add_business_days(start, days - 1), 1) == at


EASTER = days_off.calendar("Europe/Berlin", "DE-BE")


def test_public_holidays_are_no_business_days() -> None:
    # Good Friday is 3 April 2026, Easter Monday the 6th.
    assert EASTER.after(date(2026, 4, 2), 1) == date(2026, 4, 7)
    assert EASTER.between(date(2026, 4, 2), date(2026, 4, 7)) == 1
    # Women's Day is one in Berlin and none elsewhere: a Sunday in 2026, a Monday in 2027.
    assert not EASTER.is_business_day(date(2027, 3, 8))
    assert days_off.calendar("Europe/Berlin", "DE").is_business_day(date(2027, 3, 8))


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 40))
def test_counting_business_days_undoes_adding_them(start: date, days: int) -> None:
    assert EASTER.between(start, EASTER.after(start, days)) == days


def test_no_business_day_lies_between_a_day_and_an_earlier_one() -> None:
    assert EASTER.between(date(2026, 3, 6), date(2026, 3, 2)) == 0


@pytest.mark.parametrize(("zone", "holidays"), [("", ""), ("Europe/Atlantis", "XX"), ("../etc/passwd", "DE-XX")])
def test_who_follows_a_seller_takes_whatever_it_says_of_its_days(zone: str, holidays: str) -> None:
    calendar = days_off.calendar(zone, holidays)

    assert calendar.time_zone == "UTC"
    assert calendar.is_business_day(date(2026, 12, 25))

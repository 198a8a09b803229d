"""Where a seller is, which days are its business days, and when its people are told."""

from datetime import UTC, date, datetime, time

import pytest

from services import days_off
from services.kernel.calendars import Calendar
from services.kernel.refusals import Invalid
from services.notifications.domain import sellers
from services.notifications.domain.sellers import Firm, LegalEntity, Policy, Seller

BERLIN = Seller("Nordwind GmbH", days_off.calendar("Europe/Berlin", "DE-BE"), time(18, 30), "de")
DENVER = Seller("Northwind Inc", Calendar("America/Denver"))


def test_the_seller_that_a_fact_names_says_what_day_it_is_and_else_the_first():
    firm = Firm({"a": BERLIN, "b": DENVER})
    at = datetime(2026, 3, 2, 2, tzinfo=UTC)

    assert (firm.moment(at, "b").today, firm.moment(at, "a").today) == (date(2026, 3, 1), date(2026, 3, 2))
    assert firm.moment(at).today == firm.moment(at, "unknown").today == date(2026, 3, 2)


def test_without_a_seller_days_are_counted_in_utc_and_end_at_five():
    moment = Firm().moment(datetime(2026, 3, 6, 17, tzinfo=UTC))

    assert moment.digest_at() == datetime(2026, 3, 9, 17, tzinfo=UTC)


def test_a_digest_goes_when_the_seller_closes_unless_the_tenant_set_another_time():
    firm = Firm({"a": BERLIN})
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    assert firm.policy == Policy(0, time(18, 30))
    assert firm.moment(at).digest_at() == datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
    assert Firm(firm.sellers, Policy(2, time(8))).moment(at).digest_at() == datetime(2026, 3, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "due"),
    [
        # Good Friday, 3 April 2026, to Easter Monday.
        (datetime(2026, 4, 2, 15, 29, tzinfo=UTC), datetime(2026, 4, 2, 16, 30, tzinfo=UTC)),
        (datetime(2026, 4, 2, 16, 30, tzinfo=UTC), datetime(2026, 4, 7, 16, 30, tzinfo=UTC)),
        (datetime(2026, 4, 3, 9, tzinfo=UTC), datetime(2026, 4, 7, 16, 30, tzinfo=UTC)),
        # Clocks go forward on Sunday, 29 March: Friday's digest is in winter time, Monday's in summer time.
        (datetime(2026, 3, 27, 17, 29, tzinfo=UTC), datetime(2026, 3, 27, 17, 30, tzinfo=UTC)),
        (datetime(2026, 3, 27, 17, 30, tzinfo=UTC), datetime(2026, 3, 30, 16, 30, tzinfo=UTC)),
        # And back on Sunday, 25 October.
        (datetime(2026, 10, 23, 16, 30, tzinfo=UTC), datetime(2026, 10, 26, 17, 30, tzinfo=UTC)),
    ],
)
def test_digests_go_on_the_sellers_business_days_by_its_wall_clock(at: datetime, due: datetime):
    assert Firm({"a": BERLIN}).moment(at).digest_at() == due


@pytest.mark.parametrize("text", ["", "8:00", "24:00", "12:60", "12:00:00", "noon", "１２:００", "12:0٠", "T1:00"])
def test_what_is_no_time_of_day_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        sellers.clock_time(text, what="digest_at")
    assert refused.value.code == "policy.time_malformed"


def test_a_seller_is_taken_whatever_it_says_of_itself():
    odd = LegalEntity("t", "s", 1, "", "Mars/Base", "XX", "early", "late", "tlh")

    assert Seller.of(odd, Calendar()) == Seller()

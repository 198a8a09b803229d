"""What a seller decides by, and where its days end."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.credit.domain import decisions
from services.credit.domain.decisions import Outcome, Request
from services.credit.domain.policy import Policy
from services.credit.domain.sellers import Seller, zone_of
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from tests.unit.credit.books import NOW, a_book, a_request, an_account, eur

BERLIN, TOKYO = Seller("de", "Europe/Berlin"), Seller("jp", "Asia/Tokyo")


def test_where_nothing_was_set_a_tenth_of_the_limit_and_a_week_count():
    assert Policy() == Policy(Decimal("0.10"), 7)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(referral_share=Decimal("-0.01")), "policy.referral_share"),
        (Policy(referral_share=Decimal("1.01")), "policy.referral_share"),
        (Policy(hold_days=-1), "policy.hold_days"),
        (Policy(hold_days=366), "policy.hold_days"),
    ],
)
def test_a_policy_beyond_its_bounds_is_refused(policy: Policy, code: str):
    with pytest.raises(Invalid) as refused:
        policy.check()
    assert refused.value.code == code


@pytest.mark.parametrize("policy", [Policy(Decimal(0), 0), Policy(Decimal(1), 365)])
def test_a_policy_at_its_bounds_is_taken(policy: Policy):
    assert policy.check() == policy


@pytest.mark.parametrize(
    ("share", "outcome"), [("0", Outcome.DECLINED), ("0.0499", Outcome.DECLINED), ("0.05", Outcome.REFERRED)]
)
def test_the_sellers_share_says_when_a_person_is_asked(share: str, outcome: Outcome):
    book = a_book(an_account(limit=100_000))
    book.policies["acme"] = Policy(referral_share=Decimal(share))

    assert decisions.decide(book, a_request(amount=105_000), NOW)[0].outcome is outcome


@pytest.mark.parametrize(
    ("sellers", "seller_id", "ends"),
    [
        ([], "", datetime(2026, 1, 8, tzinfo=UTC)),
        ([BERLIN, TOKYO], "", datetime(2026, 1, 7, 23, tzinfo=UTC)),
        ([BERLIN, TOKYO], "jp", datetime(2026, 1, 7, 15, tzinfo=UTC)),
        ([BERLIN, TOKYO], "nobody knows", datetime(2026, 1, 7, 23, tzinfo=UTC)),
        ([Seller("x", "America/Los_Angeles")], "", datetime(2026, 1, 8, 8, tzinfo=UTC)),
    ],
)
def test_a_hold_lapses_when_its_last_day_is_over_where_the_seller_is(
    sellers: list[Seller], seller_id: str, ends: datetime
):
    book = a_book()
    book.policies["acme"] = Policy(hold_days=2)
    book.sellers["acme"] = sellers
    request = Request("acme", "b1", "o1", 1, eur(1), date(2026, 1, 5), Scope(), seller_id)

    assert decisions.decide(book, request, NOW)[0].expires_at == ends


def test_an_order_without_a_promised_day_is_promised_for_today_where_the_seller_is():
    book = a_book()
    book.sellers["acme"] = [TOKYO]
    request = Request("acme", "b1", "o1", 1, eur(1), None, Scope())

    late = datetime(2026, 1, 5, 20, tzinfo=UTC)  # the 6th in Tokyo

    assert decisions.decide(book, request, late)[0].expires_at == datetime(2026, 1, 13, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "x" * 300, "\x00"])
def test_a_zone_that_nobody_knows_is_utc(name: str):
    assert zone_of([Seller("s", name)], "s") is UTC


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
def test_a_clock_beyond_all_calendars_is_refused_and_no_defect(year: int):
    request = Request("acme", "b1", "o1", 1, eur(1), None, Scope())

    with pytest.raises(Invalid) as refused:
        decisions.decide(a_book(), request, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert refused.value.code == "date.out_of_range"


def test_the_last_day_of_the_calendar_and_the_longest_hold_overflow_nothing():
    book = a_book()
    book.policies["acme"] = Policy(hold_days=365)
    book.sellers["acme"] = [TOKYO]
    request = Request("acme", "b1", "o1", 1, Money(1, "EUR"), date(2199, 12, 31), Scope())

    assert decisions.decide(book, request, NOW)[0].expires_at == datetime(2200, 12, 31, 15, tzinfo=UTC)

"""What an order in another currency takes: by a rate of these days and its buffer, rounded up, and never by a guess."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain import balances, decisions, moves
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.decisions import Outcome
from services.credit.domain.rates import Rate, RateMissing, Rates
from services.credit.domain.tree import Kind, new_node
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid
from tests.unit.credit.books import KEY, NOW, a_book, a_request, an_account, eur

TODAY = NOW.date()
SEK = Rate("EUR", "SEK", TODAY, Decimal("11.25"))
USD = Rate("EUR", "USD", TODAY, Decimal("1.08"))


def a_book_with(*rates: Rate, account: Account | None = None) -> Book:
    book = a_book(account)
    book.at = NOW
    book.rates = {"acme": Rates(rates, 1)}
    return book


def in_sek(minor: int, order_id: str = "o1") -> decisions.Request:
    return replace(a_request(order_id), amount=Money(minor, "SEK"))


def on(days: int, rate: Rate) -> Rate:
    return replace(rate, day=TODAY - timedelta(days=days))


def test_an_order_in_another_currency_takes_what_it_is_worth_and_a_buffer_rounded_up():
    book = a_book_with(SEK)

    decision, _ = decisions.decide(book, in_sek(100_001), NOW)

    # 1,000.01 SEK / 11.25 x 1.02 = 90.6676 EUR
    hold = book.holds[("acme", "o1")]
    assert decision.outcome is Outcome.APPROVED
    assert (hold.held, hold.taken, book.accounts[KEY].held) == (Money(100_001, "SEK"), eur(9_067), eur(9_067))


def test_yen_have_no_minor_unit():
    yen = Rate("EUR", "JPY", TODAY, Decimal("160"))

    assert Rates([yen]).value(16_000, "JPY", "EUR", TODAY) == 10_000
    assert Rates([yen]).value(10_000, "EUR", "JPY", TODAY) == 16_000


@pytest.mark.parametrize(("days", "outcome"), [(7, Outcome.APPROVED), (8, Outcome.REFERRED)])
def test_a_rate_that_is_too_old_decides_nothing(days: int, outcome: Outcome):
    decision, _ = decisions.decide(a_book_with(on(days, SEK)), in_sek(1_000), NOW)

    assert decision.outcome is outcome
    assert outcome is Outcome.APPROVED or decision.reasons == ("rate_missing",)


def test_who_approves_an_order_without_a_rate_is_told_to_wait_for_one():
    book = a_book_with()
    decisions.decide(book, in_sek(1_000), NOW)

    with pytest.raises(Conflict) as refused:
        decisions.review(book, book.holds[("acme", "o1")], Outcome.APPROVED, "user:ada")
    assert refused.value.code == "rate.missing"

    book.rates = {"acme": Rates([SEK], 1)}
    decisions.review(book, book.holds[("acme", "o1")], Outcome.APPROVED, "user:ada")
    assert book.accounts[KEY].held == eur(91)


def test_two_currencies_meet_through_the_euro_on_one_and_the_same_day_alone():
    apart = Rates([SEK, on(1, USD)])
    together = Rates([SEK, on(1, SEK), on(1, replace(USD, rate=Decimal("1.125")))])

    assert apart.find("SEK", "USD", TODAY) is None
    assert together.find("SEK", "USD", TODAY) == (TODAY - timedelta(days=1), Fraction(1, 10))


def test_a_rate_that_was_set_for_a_pair_goes_before_one_that_follows_from_others_of_that_day():
    given_ = Rate("USD", "SEK", TODAY, Decimal(10))

    assert Rates([SEK, USD, given_]).find("USD", "SEK", TODAY) == (TODAY, Fraction(10))


@given(
    amount=st.integers(1, 10**12),
    rate=st.decimals("0.0001", "9999", places=4),
    parts=st.lists(st.integers(1, 10**12), max_size=6),
    final=st.booleans(),
)
def test_whatever_is_invoiced_of_it_what_was_taken_is_given_back(
    amount: int, rate: Decimal, parts: list[int], *, final: bool
):
    book = a_book_with(replace(SEK, rate=rate), account=an_account(limit=10**15))
    try:
        decision, _ = decisions.decide(book, in_sek(amount), NOW)
    except Invalid:
        return  # more than an amount can be
    if decision.outcome is not Outcome.APPROVED:
        return

    for part in parts:
        moves.capture(book, book.holds[("acme", "o1")], Money(part, "SEK"), final=False)
        hold = book.holds[("acme", "o1")]
        assert book.accounts[KEY].held.minor == hold.reserves >= 0
    if book.holds[("acme", "o1")].held.minor:
        moves.capture(book, book.holds[("acme", "o1")], Money(1, "SEK"), final=final) if final else moves.release(
            book, book.holds[("acme", "o1")]
        )
    assert book.accounts[KEY].held == eur(0)


def test_a_group_in_another_currency_uses_and_holds_what_its_accounts_are_worth():
    node = new_node("acme", "g", Kind.GROUP, Money(11_000, "USD"), None)
    account = replace(an_account(), path=("g",), group_used=0, group_held=0)
    book = a_book_with(USD, account=account)
    book.nodes = {("acme", "g"): node}

    outcomes = [decisions.decide(book, a_request(o, amount), NOW)[0] for o, amount in (("o1", 9_000), ("o2", 9_000))]

    # 90 EUR x 1.08 x 1.02 = 99.144 USD; the second does not fit the group.
    assert [(one.outcome, one.reasons[0]) for one in outcomes] == [
        (Outcome.APPROVED, "within_limit"),
        (Outcome.DECLINED, "group_limit"),
    ]
    assert book.nodes[("acme", "g")].held == Money(9_915, "USD")
    moves.release(book, book.holds[("acme", "o1")])
    assert book.nodes[("acme", "g")].held == Money(0, "USD")


def test_what_is_owed_abroad_keeps_its_worth_until_it_is_valued_anew():
    account = replace(an_account(), abroad={"SEK": (11_250, 999)})
    book = a_book_with(SEK, account=account)

    assert book.valued_abroad(account, {"SEK": 11_250}) == {"SEK": (11_250, 999)}
    assert book.valued_abroad(account, {"SEK": 11_250}, anew=True) == {"SEK": (11_250, 1_000)}
    assert book.valued_abroad(account, {"SEK": 0}) == {}
    assert book.valued_abroad(account, {"USD": 1}) is None
    assert balances.added(account, Money(1, "SEK"), {"SEK": (11_251, 1_001)}) == 2


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (replace(SEK, quote="EUR"), "rate.same_currency"),
        (replace(SEK, quote="XXX"), "money.unknown_currency"),
        (replace(SEK, day=date(2026, 1, 6)), "rate.day_future"),
        (replace(SEK, rate=Decimal(0)), "rate.value"),
        (replace(SEK, rate=Decimal("1.00000000001")), "rate.value"),
        (replace(SEK, rate=Decimal(10**10)), "rate.value"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(rate: Rate, code: str):
    with pytest.raises(Invalid) as refused:
        rate.check(TODAY)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (SEK, ""),
        (replace(SEK, rate=Decimal("11.26")), "known"),
        (on(1, replace(SEK, rate=Decimal("16.875"))), ""),
        (on(1, replace(SEK, rate=Decimal("16.876"))), "jump"),
        (on(1, replace(SEK, rate=Decimal("5.624"))), "jump"),
        (replace(USD, rate=Decimal(100)), ""),  # never known before
        (Rate("SEK", "EUR", TODAY - timedelta(days=1), Decimal("11.25")), "jump"),
    ],
)
def test_a_source_is_not_believed_against_what_is_known_or_in_a_leap(told: Rate, why: str):
    assert Rates([SEK]).doubt(told) == why


@pytest.mark.parametrize(("days", "is_of_use"), [(-1, False), (0, True), (31, True), (32, False)])
def test_rates_of_days_to_come_and_of_long_ago_are_of_no_use(days: int, is_of_use: bool):
    assert on(days, SEK).is_of_use(TODAY) is is_of_use


def test_a_group_in_a_currency_of_which_no_rate_is_known_any_more_refers_and_waits():
    node = new_node("acme", "g", Kind.GROUP, Money(10**6, "USD"), None)
    book = a_book_with(on(0, SEK), USD, account=replace(an_account(), path=("g",), group_used=0, group_held=0))
    book.nodes = {("acme", "g"): node}
    decisions.decide(book, a_request("o1", 9_000), NOW)
    before = book.accounts[KEY], book.nodes[("acme", "g")], book.holds[("acme", "o1")]
    book.rates = {"acme": Rates([SEK], 2)}  # its own leg has none of a day that the other has

    decision, _ = decisions.decide(book, a_request("o2", 1_000), NOW)
    with pytest.raises(RateMissing) as refused:
        moves.release(book, book.holds[("acme", "o1")])

    assert (decision.outcome, decision.reasons) == (Outcome.REFERRED, ("rate_missing",))
    assert refused.value.code == "rate.missing"
    assert (book.accounts[KEY], book.nodes[("acme", "g")], book.holds[("acme", "o1")]) == before

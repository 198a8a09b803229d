"""What an account uses: the ledger's newest word, whatever came before it, is late or is missing."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain import decisions
from services.credit.domain.accounts import Account
from services.credit.domain.balances import Told, change_of
from services.credit.domain.decisions import Outcome
from services.kernel.money import Money
from tests.unit.credit.books import KEY, NOW, POLICY, a_book, a_request, an_account, eur


def after(account: Account, told: Told) -> Account:
    change = change_of(account, told)
    return replace(
        account, used=Money(account.used.minor + change.used + change.correction, "EUR"), sequence=change.sequence
    )


def test_the_newest_balance_is_what_is_used():
    change = change_of(an_account(used=100), Told(5, 130, adds_minor=30))

    assert (change.used, change.correction, change.sequence) == (30, 0, 5)


def test_what_was_missed_comes_with_the_next_balance_and_is_known_as_a_correction():
    parked_item_then_payment = Told(2, 10, adds_minor=-90)

    change = change_of(an_account(limit=100), parked_item_then_payment)

    assert (change.used, change.correction) == (-90, 100)


def test_an_older_event_changes_nothing_that_is_used():
    account = replace(an_account(used=10), sequence=2)

    for older in (Told(1, 100, adds_minor=100), Told(2, 100, adds_minor=100), Told(1, None, adds_minor=100)):
        assert after(account, older) == account


@pytest.mark.parametrize("told", [Told(7, None, 40), Told(None, 500, 40), Told(None, None, 40)])
def test_an_event_without_a_balance_or_a_number_adds_what_it_says_of_itself(told: Told):
    account = replace(an_account(used=10), sequence=2)

    assert after(account, told) == replace(account, used=eur(50))


@given(amounts=st.lists(st.integers(-1000, 1000), min_size=1, max_size=20), seed=st.randoms(use_true_random=False))
def test_in_whatever_order_they_come_and_whichever_are_lost_the_last_balance_holds(
    amounts: list[int], seed: random.Random
):
    events = [Told(n + 1, sum(amounts[: n + 1]), amount) for n, amount in enumerate(amounts)]
    come = [*(event for event in events[:-1] if seed.random() < 0.7), events[-1]]
    seed.shuffle(come)
    account = an_account()

    for event in come:
        account = after(account, event)

    assert account.used == eur(sum(amounts))


@pytest.mark.parametrize("amount", [1, 105_000, 10_000_000])
def test_where_it_is_uncertain_what_is_used_a_person_decides(amount: int):
    assert decisions.judge(an_account(), eur(amount), POLICY, uncertain=True) == (
        Outcome.REFERRED,
        "exposure_uncertain",
    )


def test_a_stopped_account_is_declined_also_where_its_exposure_is_uncertain():
    assert decisions.judge(an_account(), eur(1), POLICY, stopped=True, uncertain=True)[1] == "account_on_hold"


def test_an_item_that_waits_for_an_order_that_is_decided_here_makes_nothing_uncertain():
    book = a_book()
    book.waiting[KEY] = [("acme", "o1")]
    book.asked = frozenset({("acme", "o1"), ("acme", "o2")})

    assert [decisions.decide(book, a_request(o), NOW)[0].outcome for o in ("o1", "o2")] == [Outcome.APPROVED] * 2


@pytest.mark.parametrize("waiting", [[None], [("acme", "o9")], [("acme", "o1"), None]])
def test_whatever_else_of_an_account_waits_makes_it_uncertain(waiting: list[tuple[str, str] | None]):
    book = a_book()
    book.waiting[KEY] = waiting
    book.asked = frozenset({("acme", "o1")})

    assert decisions.decide(book, a_request(), NOW)[0].reasons == ("exposure_uncertain",)

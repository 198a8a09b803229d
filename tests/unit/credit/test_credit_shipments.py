"""What has shipped stays held until it is invoiced."""

import pytest

from services.credit.domain import decisions, moves
from services.credit.domain.book import Book
from services.credit.domain.decisions import Outcome
from services.credit.domain.holds import Hold, State
from services.kernel.refusals import Conflict
from tests.unit.credit.books import KEY, NOW, a_book, a_request, an_account, eur, invoiced

ORDER = ("acme", "o1")


def a_held(amount: int = 10_000) -> Book:
    book = a_book()
    decisions.decide(book, a_request(amount=amount), NOW)
    return book


def ship(book: Book, shipment: str = "s1", account: str = "b1") -> None:
    book.shipments.setdefault(ORDER, set()).add((account, shipment))
    moves.ship(book, book.holds[ORDER])


def invoice(book: Book, amount: int, *, final: bool = False) -> None:
    invoiced(book, book.holds[ORDER], eur(amount), final=final)


def the_hold(book: Book) -> tuple[State, int]:
    hold = book.holds[ORDER]
    assert book.accounts[KEY].held == hold.held
    return hold.state, hold.held.minor


def test_a_shipped_hold_has_no_end():
    book = a_held()
    assert book.holds[ORDER].is_over(NOW.replace(year=2030))

    ship(book)

    assert not book.holds[ORDER].is_over(NOW.replace(year=2030))
    assert the_hold(book) == (State.HELD, 10_000)


def test_an_order_that_ships_before_it_is_placed_is_held_without_an_end():
    book = a_book()
    book.shipments[ORDER] = {("b1", "s1")}

    decision, _ = decisions.decide(book, a_request(), NOW)

    assert (decision.outcome, decision.expires_at) == (Outcome.APPROVED, None)


def test_what_another_account_says_has_shipped_is_not_this_orders():
    book = a_held()
    ship(book, account="b2")

    assert book.holds[ORDER].expires_at is not None


def test_a_referred_order_that_shipped_waits_no_longer_than_any_and_has_no_end_once_it_is_approved():
    book = a_book(an_account(limit=10_000))
    decisions.decide(book, a_request(amount=10_500), NOW)
    ship(book)
    assert book.holds[ORDER].expires_at is not None

    approved = decisions.review(book, book.holds[ORDER], Outcome.APPROVED, "user:ada")

    assert approved.expires_at is None
    assert book.holds[ORDER].expires_at is None


def test_an_order_of_which_something_has_shipped_cannot_be_replaced():
    book = a_held()
    ship(book)

    with pytest.raises(Conflict) as refused:
        decisions.decide(book, a_request(version=2), NOW)
    assert refused.value.code == "order.already_shipped"


def test_a_declined_order_that_shipped_all_the_same_may_ask_again():
    book = a_book(an_account(limit=0))
    decisions.decide(book, a_request(), NOW)
    ship(book)
    book.accounts[KEY] = an_account()

    decision, _ = decisions.decide(book, a_request(version=2), NOW)

    assert (decision.outcome, decision.expires_at) == (Outcome.APPROVED, None)


def test_what_was_cancelled_after_it_shipped_stays_held_until_it_is_invoiced():
    book = a_held()
    ship(book)

    assert not moves.cancel(book, book.holds[ORDER])
    assert the_hold(book) == (State.HELD, 10_000)

    invoice(book, 4_000)
    assert the_hold(book) == (State.CAPTURED, 0)


def test_of_two_shipments_the_second_invoice_gives_back_what_is_left_of_a_cancelled_order():
    book = a_held()
    ship(book, "s1")
    ship(book, "s2")
    moves.cancel(book, book.holds[ORDER])

    invoice(book, 3_000)
    assert the_hold(book) == (State.PARTIALLY_CAPTURED, 7_000)

    invoice(book, 3_000)
    assert the_hold(book) == (State.CAPTURED, 0)


def test_what_is_left_is_given_back_at_once_when_all_that_shipped_is_invoiced():
    book = a_held()
    ship(book)
    invoice(book, 4_000)

    assert moves.cancel(book, book.holds[ORDER])
    assert the_hold(book) == (State.RELEASED, 0)


def test_what_is_over_is_not_cancelled_again():
    book = a_held()
    invoice(book, 10_000, final=True)

    assert not moves.cancel(book, book.holds[ORDER])
    assert the_hold(book) == (State.CAPTURED, 0)


def test_another_accounts_word_on_an_order_is_refused():
    hold: Hold = a_held().holds[ORDER]

    assert moves.own(hold, "b1") is hold
    with pytest.raises(Conflict) as refused:
        moves.own(hold, "b2")
    assert refused.value.code == "order.account_changed"

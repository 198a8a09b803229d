"""Accounts, orders and a book to try the rules of credit on."""

from datetime import UTC, date, datetime

from services.credit.domain import moves
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.decisions import Request
from services.credit.domain.holds import Hold
from services.credit.domain.policy import Policy
from services.kernel.money import Money
from services.kernel.orders import Scope

POLICY = Policy()
KEY = ("acme", "b1")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def an_account(*, limit: int = 100_000, used: int = 0, held: int = 0, on_hold: bool = False) -> Account:
    return Account("acme", "b1", eur(limit), eur(used), eur(held), on_hold)


def a_request(order_id: str = "o1", amount: int = 10_000, version: int = 1, account_id: str = "b1") -> Request:
    return Request("acme", account_id, order_id, version, eur(amount), date(2026, 1, 5), Scope())


def a_book(account: Account | None = None) -> Book:
    return Book({KEY: account or an_account()})


def invoiced(book: Book, hold: Hold, amount: Money, *, final: bool) -> tuple[Money, Money]:
    """An invoice takes its part of a hold, and is used."""
    taken = moves.capture(book, hold, amount, final=final)
    book.change(KEY, used=amount.minor)
    return taken

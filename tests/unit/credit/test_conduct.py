"""How a buyer pays, as the ledger's events say it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain.conduct import Conduct, Item, Told, Word, fold, fold_all
from services.kernel.money import Money

DUE = date(2026, 3, 1)


def told(word: Word, sequence: int, minor: int = 100, left: int | None = None, *, days: int = 0) -> Told:
    due_on = None if word is Word.UNAPPLIED else DUE
    return Told("acme", "i1", "b1", word, Money(minor, "EUR"), sequence, left, due_on, DUE + timedelta(days=days))


def after(*events: Told) -> Item:
    [item] = fold_all({}, events)
    return item


OPENED = told(Word.OPENED, 1, left=100)


def test_an_invoice_is_late_by_the_value_date_of_the_payment_that_left_nothing_of_it():
    item = after(OPENED, told(Word.PAID, 2, 60, 40, days=3), told(Word.PAID, 3, 40, 0, days=20))

    assert (item.open_minor, item.days_late) == (0, 20)


def test_an_invoice_that_ends_by_a_credit_was_neither_paid_in_time_nor_late():
    item = after(OPENED, told(Word.PAID, 2, 60, 40, days=3), told(Word.CREDITED, 3, 40, 0, days=20))

    assert (item.open_minor, item.settled_on) == (0, None)


def test_a_payment_that_is_taken_back_leaves_the_invoice_open():
    item = after(OPENED, told(Word.PAID, 2, 100, 0), told(Word.UNAPPLIED, 3, 100))

    assert (item.open_minor, item.settled_on) == (100, None)


def test_an_invoice_of_which_only_the_payment_is_known_counts_all_the_same():
    item = after(told(Word.PAID, 2, 60, 40))

    assert (item.amount.minor, item.open_minor) == (100, 40)


def test_of_an_invoice_that_nobody_knows_a_payment_taken_back_says_too_little():
    assert fold(None, told(Word.UNAPPLIED, 3)) is None


WORDS = st.sampled_from([Word.PAID, Word.CREDITED, Word.UNAPPLIED])


@given(
    st.lists(st.tuples(WORDS, st.integers(1, 100), st.integers(0, 100), st.integers(-30, 60)), max_size=8), st.data()
)
def test_events_that_come_again_from_anywhere_change_nothing(
    rows: list[tuple[Word, int, int, int]], data: st.DataObject
):
    events = [OPENED] + [
        told(word, n, minor, None if word is Word.UNAPPLIED else left, days=days)
        for n, (word, minor, left, days) in enumerate(rows, 2)
    ]
    item = after(*events)
    again = data.draw(st.lists(st.sampled_from(events)))

    assert fold_all({item.key: item}, again) == []


@given(st.permutations([2, 3, 4]), st.sampled_from([Word.PAID, Word.CREDITED]))
def test_whatever_order_they_come_in_the_newest_event_says_what_is_owed(order: list[int], last: Word):
    events = {n: told(last if n == 4 else Word.PAID, n, 30, 120 - 30 * n, days=n) for n in (2, 3, 4)}

    item = after(OPENED, *(events[n] for n in order))

    assert (item.open_minor, item.sequence) == (0, 4)
    assert item.days_late == (4 if last is Word.PAID else 0)


def test_means_are_by_invoices_and_by_amounts_to_a_tenth_of_a_day():
    conduct = Conduct(settled=3, late=1, days_late=20, amount_days=-500, settled_minor=300)

    assert (conduct.mean_days_late, conduct.weighted_days_late) == (Decimal("6.7"), Decimal("-1.7"))
    assert replace(conduct, settled=0, settled_minor=0).mean_days_late is None

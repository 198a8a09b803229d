"""What is announced: no money, but what a payment that names it, or is of its very amount, is for."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.kernel.money import Money
from services.kernel.refusals import Conflict, Refusal
from services.ledger.domain import announcements, items
from services.ledger.domain.announcements import MOVES, Action, Announcement, Part, State, Wish
from services.ledger.domain.items import Item
from services.ledger.domain.payments import ANNOUNCED_MAX, Receipt, Shelf
from tests.unit.ledger.books import a_payment, an_invoice, eur, sums


def due(invoice_id: str, on: int, minor: int = 1_000, **changes: Any) -> Item:
    """An item that is due on a day of February."""
    return items.open_item(an_invoice(invoice_id, due_on=date(2026, 2, on), sums=sums(minor, 0), **changes))


def announced(reference: str, *parts: tuple[Item, int], state: State = State.EXPECTED) -> Announcement:
    return Announcement(
        tenant="acme",
        reference=reference,
        account_id="b1",
        amount=eur(sum(minor for _, minor in parts)),
        parts=tuple(Part(item, eur(minor)) for item, minor in parts),
        expected_on=None,
        state=state,
        announced_by="contact:c1",
        announced_at=datetime(2026, 2, 1, tzinfo=UTC),
    )


def a_wish(*asked: tuple[str, Money]) -> Wish:
    return Wish("acme", "b1", asked, None)


def met(receipt: Receipt) -> list[tuple[str, int, str]]:
    return [(part.item.invoice_id, part.amount.minor, part.evidence.value) for part in receipt.applications]


def ended(receipt: Receipt) -> list[tuple[str, State]]:
    return [(announcement.reference, announcement.state) for announcement in receipt.announced]


ONE, TWO, THREE = due("i1", 1), due("i2", 2), due("i3", 3)
FIRST, SECOND = "P-2026-000001", "P-2026-000002"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (a_wish(), "announcement.without_items"),
        (a_wish(("RE-i1", eur(1)), ("RE-i1", eur(1))), "announcement.item_twice"),
        (a_wish(("RE-i1", eur(1)), ("RE-i2", Money(1, "SEK"))), "announcement.currencies_mixed"),
        (a_wish(("RE-i1", eur(0))), "announcement.amount_not_positive"),
        (a_wish(("RE-i1", eur(-1))), "announcement.amount_not_positive"),
        (a_wish(("RE-i9", eur(1))), "announcement.unknown_item"),
        (a_wish(("RE-i1", Money(1, "SEK"))), "announcement.currency_mismatch"),
        (a_wish(("RE-i1", eur(1_001))), "announcement.more_than_open"),
    ],
)
def test_what_is_no_one_sum_of_what_is_open_is_refused(wish: Wish, code: str):
    with pytest.raises(Refusal) as refused:
        announcements.parts(wish.check(), [ONE, TWO])
    assert refused.value.code == code


def test_a_number_that_two_items_have_names_neither():
    with pytest.raises(Refusal) as refused:
        announcements.parts(a_wish(("RE-i1", eur(1))), [ONE, replace(ONE, invoice_id="i9")])
    assert refused.value.code == "announcement.unknown_item"


def test_all_that_is_open_may_be_announced_and_one_cent_of_it():
    wish = a_wish(("RE-i2", eur(1_000)), ("RE-i1", eur(1)))

    assert announcements.parts(wish.check(), [ONE, TWO]) == (Part(TWO, eur(1_000)), Part(ONE, eur(1)))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_what_was_received_or_withdrawn_stays_so(state: State, action: Action):
    announcement = announced(FIRST, (ONE, 10), state=state)
    if (state, action) in MOVES:
        assert announcements.move(announcement, action).state is MOVES[state, action]
        return
    assert state is not State.EXPECTED
    with pytest.raises(Conflict) as refused:
        announcements.move(announcement, action)
    assert refused.value.code == "announcement.not_expected"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P-2026-000001", {FIRST}),
        ("our ref. p2026000001, thanks", {FIRST}),
        ("P 2026 000001 / P-2026-000002", {FIRST, SECOND}),
        ("P-2026-1000000", {"P-2026-1000000"}),
        ("XP-2026-000001", set()),
        ("P-2026-001", set()),
    ],
)
def test_a_reference_is_read_as_banks_write_it(text: str, expected: set[str]):
    assert announcements.possible_references(text) == expected


def test_a_reference_counts_from_one_in_each_year():
    assert announcements.reference(2026, 42) == "P-2026-000042"
    assert announcements.counted("P-2026-000042") == (2026, 42)


def test_a_payment_that_names_it_pays_its_items_as_announced():
    shelf = Shelf([ONE, TWO, THREE])
    shelf.expect([announced(FIRST, (THREE, 1_000), (TWO, 400))])

    receipt = shelf.apply(a_payment(minor=1_500, remittance=f"ref {FIRST}"), at_most=9)

    assert met(receipt) == [("i3", 1_000, "exact_reference"), ("i2", 400, "exact_reference")]
    assert (receipt.unapplied, receipt.continues, ended(receipt)) == (eur(100), False, [(FIRST, State.RECEIVED)])


def test_a_payment_that_names_two_pays_the_items_of_both():
    shelf = Shelf([ONE, TWO])
    shelf.expect([announced(FIRST, (ONE, 300), (TWO, 100)), announced(SECOND, (ONE, 500))])

    receipt = shelf.apply(a_payment(minor=900, remittance=f"{SECOND} {FIRST}"), at_most=9)

    assert met(receipt) == [("i1", 800, "exact_reference"), ("i2", 100, "exact_reference")]
    assert ended(receipt) == [(SECOND, State.RECEIVED), (FIRST, State.RECEIVED)]


def test_whoever_names_invoices_beside_it_pays_those():
    shelf = Shelf([ONE, TWO])
    shelf.expect([announced(FIRST, (ONE, 1_000))])

    receipt = shelf.apply(a_payment(minor=500, remittance=f"RE-i2, {FIRST}"), at_most=9)

    assert met(receipt) == [("i2", 500, "exact_reference")]
    assert ended(receipt) == [(FIRST, State.RECEIVED)]


def test_what_was_paid_otherwise_meanwhile_is_a_likely_double_payment():
    shelf = Shelf([replace(ONE, open=eur(0)), TWO])
    shelf.expect([announced(FIRST, (ONE, 1_000))])

    receipt = shelf.apply(a_payment(minor=1_000, remittance=FIRST), at_most=9)

    assert (met(receipt), receipt.paid_before, receipt.unapplied) == ([], ("RE-i1",), eur(1_000))


def test_the_very_amount_is_known_by_it_and_pays_the_oldest_due_as_any_other():
    shelf = Shelf([ONE, TWO])
    shelf.expect([announced(FIRST, (TWO, 700)), announced(SECOND, (TWO, 701))])

    receipt = shelf.apply(a_payment(minor=700), at_most=9)

    assert met(receipt) == [("i1", 700, "oldest_due")]
    assert ended(receipt) == [(FIRST, State.RECEIVED)]


def test_of_two_of_one_amount_neither_is_known_by_it():
    shelf = Shelf([ONE, TWO])
    shelf.expect([announced(FIRST, (TWO, 700)), announced(SECOND, (ONE, 700))])

    assert ended(shelf.apply(a_payment("p1", 700), at_most=9)) == []
    assert ended(shelf.apply(a_payment("p2", 700, FIRST), at_most=9)) == [(FIRST, State.RECEIVED)]
    assert ended(shelf.apply(a_payment("p3", 700), at_most=9)) == [(SECOND, State.RECEIVED)]  # it is the only one now


def test_another_amount_without_its_reference_is_not_known_by_it():
    shelf = Shelf([ONE])
    shelf.expect([announced(FIRST, (ONE, 700))])

    assert ended(shelf.apply(a_payment(minor=699), at_most=9)) == []
    assert ended(shelf.apply(a_payment("p2", 301, "RE-i1"), at_most=9)) == []


def test_one_payment_ends_so_many_at_most():
    shelf = Shelf([ONE])
    references = [announcements.reference(2026, nth) for nth in range(1, ANNOUNCED_MAX + 3)]
    shelf.expect([announced(reference, (ONE, 10)) for reference in references])

    receipt = shelf.apply(a_payment(minor=500, remittance=" ".join(references)), at_most=9)

    assert ended(receipt) == [(reference, State.RECEIVED) for reference in references[:ANNOUNCED_MAX]]
    assert met(receipt) == [("i1", 10 * ANNOUNCED_MAX, "exact_reference")]


def test_each_is_ended_by_one_payment():
    shelf = Shelf([ONE])
    shelf.expect([announced(FIRST, (ONE, 400))])

    receipts = [shelf.apply(a_payment(f"p{n}", 400, FIRST), at_most=9) for n in (1, 2)]

    assert [ended(receipt) for receipt in receipts] == [[(FIRST, State.RECEIVED)], []]
    assert met(receipts[1]) == []  # it names something that is not known any more

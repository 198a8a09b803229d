"""What cases beside returns post: goodwill, and what is given up."""

from datetime import date

import pytest

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.ledger.domain import entries, items
from services.ledger.domain.entries import Cause
from tests.unit.ledger.books import a_credit_note, an_invoice, eur

CAUSE, TODAY = Cause("e1", "system:test"), date(2026, 3, 2)


def sides(entry: entries.Entry) -> dict[int, int]:
    return {posting.account.value: posting.amount.minor for posting in entry.postings}


def test_goodwill_has_an_account_of_its_own_and_gives_back_its_vat():
    note = a_credit_note(net=1_000, tax=190, is_goodwill=True)
    credit = items.credit(items.open_item(an_invoice()), note)

    assert sides(entries.credit_note_issued(credit, CAUSE)) == {4040: 1_000, 2200: 190, 1100: -1_190}


@pytest.mark.parametrize(("open_minor", "given_up"), [(11_900, 2_000), (500, 500), (0, 0)])
def test_what_is_given_up_is_what_is_open_of_it_with_its_vat_and_ends_the_memo(open_minor: int, given_up: int):
    item = items.open_item(an_invoice()).less(eur(11_900 - open_minor))
    done = items.write_off(item, eur(2_000), "d1", TODAY)

    assert (done.amount, done.item.open) == (eur(given_up), eur(open_minor - given_up))
    posted = sides(entries.written_off(done, eur(-2_000), CAUSE))
    assert {n: minor for n, minor in posted.items() if n < 9000} == {
        n: minor for n, minor in {6100: given_up, 1100: -given_up}.items() if minor
    }
    assert {n: minor for n, minor in posted.items() if n >= 9000} == {9100: -2_000, 9101: 2_000}
    assert (done.allocation.dispute_id, done.allocation.evidence) == ("d1", "written_off")


@pytest.mark.parametrize(
    ("amount", "code"),
    [(Money(1, "SEK"), "dispute.currency_mismatch"), (eur(-1), "dispute.amount_negative")],
)
def test_what_is_given_up_fits_the_invoice(amount: Money, code: str):
    with pytest.raises(Invalid) as refused:
        items.write_off(items.open_item(an_invoice()), amount, "d1", TODAY)
    assert refused.value.code == code

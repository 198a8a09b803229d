"""What credit approves, holds, captures and gives back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain import decisions, holds, moves
from services.credit.domain.book import Book
from services.credit.domain.decisions import Outcome
from services.credit.domain.holds import MOVES, Action, Hold, State
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict
from tests.unit.credit.books import KEY, NOW, POLICY, a_book, a_request, an_account, eur, invoiced


def test_what_fits_to_the_last_cent_is_approved():
    assert decisions.judge(an_account(used=60_000, held=30_000), eur(10_000), POLICY)[0] is Outcome.APPROVED


def test_one_cent_over_the_headroom_goes_to_a_person():
    outcome, reason = decisions.judge(an_account(used=60_000, held=30_000), eur(10_001), POLICY)

    assert (outcome, reason) == (Outcome.REFERRED, "near_limit")


def test_the_band_for_a_person_ends_to_the_cent():
    account = an_account(limit=100_000, used=100_000)

    assert decisions.judge(account, eur(10_000), POLICY)[0] is Outcome.REFERRED
    assert decisions.judge(account, eur(10_001), POLICY) == (Outcome.DECLINED, "over_limit")


def test_a_buyer_nobody_knows_is_declined_and_not_refused():
    assert decisions.judge(None, eur(1), POLICY) == (Outcome.DECLINED, "unknown_buyer")


def test_an_account_on_hold_is_declined_whatever_its_headroom():
    assert decisions.judge(an_account(on_hold=True), eur(1), POLICY) == (Outcome.DECLINED, "account_on_hold")


def test_who_paid_too_much_has_more_headroom_than_limit():
    assert an_account(limit=100, used=-50).headroom == eur(150)


def test_an_approved_order_is_held_until_a_week_after_its_promised_day():
    book = a_book()

    decision, replaced = decisions.decide(book, a_request(amount=70_000), NOW)

    assert decision.outcome is Outcome.APPROVED
    assert replaced is None
    assert book.accounts[KEY].held == eur(70_000)
    assert decision.expires_at == datetime(2026, 1, 13, tzinfo=UTC)


def test_a_referred_order_holds_nothing_until_a_person_approves_it():
    book = a_book(an_account(limit=10_000))
    decision, _ = decisions.decide(book, a_request(amount=10_500), NOW)
    assert (decision.outcome, book.accounts[KEY].held) == (Outcome.REFERRED, eur(0))

    approved = decisions.review(book, book.holds[("acme", "o1")], Outcome.APPROVED, "user:ada")

    assert (approved.outcome, approved.reasons, approved.decided_by) == (Outcome.APPROVED, ("by_person",), "user:ada")
    assert book.accounts[KEY].held == eur(10_500)


def test_a_review_is_given_once():
    book = a_book(an_account(limit=10_000))
    decisions.decide(book, a_request(amount=10_500), NOW)
    decisions.review(book, book.holds[("acme", "o1")], Outcome.DECLINED, "user:ada")

    with pytest.raises(Conflict, match="REFUSED"):
        decisions.review(book, book.holds[("acme", "o1")], Outcome.APPROVED, "user:bob")


def test_a_new_version_takes_the_place_of_the_open_hold():
    book = a_book()
    decisions.decide(book, a_request(amount=90_000), NOW)

    decision, replaced = decisions.decide(book, a_request(amount=95_000, version=2), NOW)

    assert decision.outcome is Outcome.APPROVED
    assert replaced is not None
    assert replaced.held == eur(90_000)
    assert book.accounts[KEY].held == eur(95_000)


def test_an_older_version_comes_too_late():
    book = a_book()
    decisions.decide(book, a_request(version=2), NOW)

    with pytest.raises(Conflict) as refused:
        decisions.decide(book, a_request(version=1), NOW)
    assert refused.value.code == "order.version_superseded"


def test_an_order_of_which_something_is_invoiced_cannot_be_replaced():
    book = a_book()
    decisions.decide(book, a_request(amount=10_000), NOW)
    moves.capture(book, book.holds[("acme", "o1")], eur(4_000), final=False)

    with pytest.raises(Conflict) as refused:
        decisions.decide(book, a_request(version=2), NOW)
    assert refused.value.code == "order.already_invoiced"


def test_two_orders_in_one_batch_cannot_spend_one_limit():
    book = a_book(an_account(limit=10_000))

    outcomes = [decisions.decide(book, a_request(o, 7_000), NOW)[0].outcome for o in ("o1", "o2")]

    assert outcomes == [Outcome.APPROVED, Outcome.DECLINED]


def test_a_partial_invoice_takes_its_part_and_the_final_one_frees_the_rest():
    book = a_book()
    decisions.decide(book, a_request(amount=10_000), NOW)

    first = invoiced(book, book.holds[("acme", "o1")], eur(4_000), final=False)
    last = invoiced(book, book.holds[("acme", "o1")], eur(5_000), final=True)

    assert first == (eur(4_000), eur(0))
    assert last == (eur(5_000), eur(1_000))
    assert (book.accounts[KEY].used, book.accounts[KEY].held) == (eur(9_000), eur(0))
    assert book.holds[("acme", "o1")].state is State.CAPTURED


def test_an_invoice_above_its_hold_is_used_all_the_same():
    book = a_book(an_account(limit=10_000))
    decisions.decide(book, a_request(amount=10_000), NOW)

    captured, _ = invoiced(book, book.holds[("acme", "o1")], eur(12_000), final=True)

    assert captured == eur(10_000)
    assert book.accounts[KEY].used == eur(12_000)
    assert book.accounts[KEY].headroom == eur(-2_000)


def test_what_was_released_cannot_be_released_again():
    book = a_book()
    decisions.decide(book, a_request(), NOW)
    hold = moves.release(book, book.holds[("acme", "o1")])

    with pytest.raises(AssertionError, match="more was released"):
        moves.release(book, hold)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_a_move_that_the_table_lacks_is_refused(state: State, action: Action):
    hold = Hold("acme", "o1", 1, "b1", state, eur(1), eur(0), eur(0), datetime(2026, 1, 1, tzinfo=UTC), Scope())

    if (state, action) in MOVES:
        assert hold.move(action, held=eur(0)).state is MOVES[(state, action)]
    else:
        with pytest.raises(Conflict):
            hold.move(action, held=eur(0))


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["decide", "capture", "final", "cancel", "expire", "review", "pay"]),
        st.sampled_from(["o1", "o2", "o3"]),
        st.integers(1, 8_000),
    ),
    max_size=40,
)


@given(limit=st.integers(0, 20_000), steps=_STEPS)
def test_whatever_happens_the_holds_add_up_and_no_grant_exceeds_the_limit(
    limit: int, steps: list[tuple[str, str, int]]
):
    book = a_book(an_account(limit=limit))
    used = 0
    for step, order_id, amount in steps:
        hold = book.holds.get(("acme", order_id))
        if step == "decide":
            version = hold.version + 1 if hold else 1
            if hold is None or not hold.invoiced:
                decision, _ = decisions.decide(book, a_request(order_id, amount, version), NOW)
                if decision.outcome is Outcome.APPROVED:
                    assert book.accounts[KEY].headroom.minor >= 0
        elif step in {"capture", "final"} and hold:
            invoiced(book, hold, eur(amount), final=step == "final")
            used += amount
        elif step in {"cancel", "expire"} and hold and hold.state in holds.OPEN:
            moves.release(book, hold, Action.RELEASE if step == "cancel" else Action.EXPIRE)
        elif step == "review" and hold and hold.state is State.REFERRED:
            decisions.review(book, hold, Outcome.APPROVED, "user:ada")
        elif step == "pay":
            book.change(KEY, used=-amount)
            used -= amount
        after = book.accounts[KEY]
        assert after.held == Money.total((h.held for h in book.holds.values()), "EUR")
        assert after.used == eur(used)


def test_an_order_stays_with_the_account_that_placed_it():
    book = Book({KEY: an_account(), ("acme", "b2"): an_account()})
    decisions.decide(book, a_request(), NOW)

    with pytest.raises(Conflict) as refused:
        decisions.decide(book, a_request(account_id="b2", version=2), NOW)
    assert refused.value.code == "order.account_changed"


def test_an_order_whose_declined_version_was_invoiced_cannot_be_replaced():
    book = a_book(an_account(limit=0))
    decisions.decide(book, a_request(), NOW)
    invoiced(book, book.holds[("acme", "o1")], eur(10_000), final=False)

    with pytest.raises(Conflict) as refused:
        decisions.decide(book, a_request(version=2), NOW)
    assert refused.value.code == "order.already_invoiced"

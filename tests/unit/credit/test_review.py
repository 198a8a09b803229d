"""When an account's limit is looked at, and what comes of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain import review, underwriting
from services.credit.domain.conduct import Conduct
from services.credit.domain.review import Action, Cause, Kind, Review, State
from services.credit.domain.underwriting import Assessment, Outcome
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid

TODAY = date(2026, 9, 1)
LONG_AGO = date(2025, 9, 1)
AT = datetime(2026, 9, 1, 9, tzinfo=UTC)
CLEAN = Conduct(settled=9, recent=4, recent_worst=5, newly_worst=2, first_due=LONG_AGO)


def eur(major: int) -> Money:
    return Money(major * 100, "EUR")


def causes(conduct: Conduct = CLEAN, signals: Any = (), **changes: Any) -> list[str]:
    known: dict[str, Any] = {"full": None, "granted_on": LONG_AGO, "rested": ()} | changes
    return [cause.value for cause in review.causes_of(conduct, signals, TODAY, **known)]


def made(outcome: Outcome, limit: int = 0, proposed: int | None = None, **changes: Any) -> Assessment:
    """What the policy might say; what is not asked for here is as of a company without anything."""
    nothing = underwriting.assess(underwriting.default(), {}, on=TODAY, currency="EUR")
    told: dict[str, Any] = {"missing": (), "deposit": Decimal(0), "conditions": ()} | changes
    return replace(
        nothing, outcome=outcome, limit=Decimal(limit), proposed=None if proposed is None else Decimal(proposed), **told
    )


def a_review(kind: Kind = Kind.CUT, **changes: Any) -> Review:
    one = Review(
        "acme", "r1", "b1", kind, State.OPEN, ("late_payment",), eur(5_000), eur(1_000), AT, AT + review.VALID, "p", "h"
    )
    return replace(one, **changes)


@pytest.mark.parametrize(
    ("conduct", "expected"),
    [
        (CLEAN, ["clean_months"]),
        (replace(CLEAN, recent=3), []),
        (replace(CLEAN, recent_worst=6), []),
        (replace(CLEAN, overdue_since=TODAY - timedelta(days=5)), ["clean_months"]),
        (replace(CLEAN, overdue_since=TODAY - timedelta(days=6)), []),
        (replace(CLEAN, first_due=TODAY - timedelta(days=182)), []),
        (replace(CLEAN, first_due=None), []),
        (replace(CLEAN, overdue_since=TODAY - timedelta(days=14)), []),
        (replace(CLEAN, overdue_since=TODAY - timedelta(days=15)), ["late_payment"]),
        (replace(CLEAN, newly_worst=15), ["late_payment"]),
    ],
)
def test_an_account_is_looked_at_for_how_it_paid(conduct: Conduct, expected: list[str]):
    assert causes(conduct) == expected


def test_a_limit_that_was_changed_begins_its_six_months_anew():
    assert causes(granted_on=TODAY - timedelta(days=183)) == ["clean_months"]
    assert causes(granted_on=TODAY - timedelta(days=182)) == []


def test_what_was_signalled_counts_and_forbids_a_raise_and_what_was_looked_at_lately_rests():
    assert causes(signals=["fraud", "insurer_cut"]) == ["insurer_cut", "fraud"]
    assert causes(signals=["fraud"], rested={"fraud"}) == []
    assert causes(signals=["broken_promise"], full=TODAY - timedelta(days=30)) == ["broken_promise", "high_use"]
    assert causes(full=TODAY - timedelta(days=29), rested={"clean_months"}) == []


@pytest.mark.parametrize(
    ("used", "since", "expected"),
    [(91, None, TODAY), (91, LONG_AGO, LONG_AGO), (90, None, None), (85, LONG_AGO, LONG_AGO), (79, LONG_AGO, None)],
)
def test_a_limit_is_full_above_nine_tenths_until_less_than_eight_are_used(
    used: int, since: date | None, expected: date | None
):
    assert review.full_since(eur(used), eur(100), since, TODAY) == expected


@given(st.lists(st.integers(81, 89), max_size=20), st.booleans())
def test_use_that_wavers_between_them_changes_nothing(uses: list[int], was_full: bool):
    since = LONG_AGO if was_full else None
    for used in uses:
        assert review.full_since(eur(used), eur(100), since, TODAY) == since


RAISE = (Cause.CLEAN_MONTHS,)
LATE = (Cause.LATE_PAYMENT,)


@pytest.mark.parametrize(
    ("why", "policy", "expected"),
    [
        (RAISE, made(Outcome.APPROVED, 1250), (Kind.RAISE, 1250)),
        (RAISE, made(Outcome.APPROVED_LOWER, 1050), (Kind.RAISE, 1050)),
        (RAISE, made(Outcome.APPROVED_LOWER, 1049), (Kind.KEEP, 1000)),
        (RAISE, made(Outcome.APPROVED_LOWER, 400), (Kind.KEEP, 1000)),
        (RAISE, made(Outcome.REFERRED, 0, 1250), (Kind.KEEP, 1000)),
        (RAISE, made(Outcome.APPROVED_WITH_CONDITIONS, 1250, deposit=Decimal(100)), (Kind.KEEP, 1000)),
        (RAISE, made(Outcome.APPROVED_WITH_CONDITIONS, 1250, conditions=("direct_debit",)), (Kind.KEEP, 1000)),
        (LATE, made(Outcome.DECLINED, 0, 800), (Kind.CUT, 0)),
        (LATE, made(Outcome.APPROVED, 1000, 1000), (Kind.KEEP, 1000)),
        (LATE, made(Outcome.APPROVED_LOWER, 901, 901), (Kind.KEEP, 1000)),
        (LATE, made(Outcome.APPROVED_LOWER, 900, 900), (Kind.CUT, 900)),
        (LATE, made(Outcome.REFERRED, 0, 300), (Kind.CUT, 300)),
        (LATE, made(Outcome.REFERRED, 0, -5), (Kind.CUT, 0)),
        (LATE, made(Outcome.REFERRED, 0, None), (Kind.KEEP, 1000)),
        (LATE, made(Outcome.REFERRED, 0, 300, missing=("typical_order",)), (Kind.KEEP, 1000)),
    ],
)
def test_what_comes_of_it_is_what_the_policy_says_where_it_is_worth_a_word(
    why: tuple[Cause, ...], policy: Assessment, expected: tuple[Kind, int]
):
    kind, limit = review.result(eur(1000), why, policy, settled=3)

    assert (kind, limit) == (expected[0], eur(expected[1]))


def test_a_limit_of_nothing_is_not_cut():
    assert review.result(eur(0), LATE, made(Outcome.DECLINED), settled=9) == (Kind.KEEP, eur(0))


def test_six_clean_months_ask_for_a_quarter_more():
    assert (review.asked(eur(1000), RAISE), review.asked(eur(1000), LATE)) == (eur(1250), eur(1000))


def test_a_raise_is_accepted_and_a_cut_confirmed_and_either_once():
    assert review.move(a_review(Kind.RAISE), Action.ACCEPT, AT).state is State.ACCEPTED
    confirmed = review.move(a_review(), Action.CONFIRM, AT)
    assert (confirmed.state, confirmed.ended_at) == (State.CONFIRMED, AT)
    for one, action, code in (
        (confirmed, Action.DECLINE, "review.over"),
        (a_review(Kind.RAISE), Action.CONFIRM, "review.kind"),
        (a_review(), Action.ACCEPT, "review.kind"),
        (a_review(valid_until=AT), Action.CONFIRM, "review.over"),
    ):
        with pytest.raises(Conflict) as refused:
            review.move(one, action, AT)
        assert refused.value.code == code
    assert review.move(a_review(valid_until=AT), Action.LAPSE, AT).state is State.LAPSED


@pytest.mark.parametrize("limit", [eur(5_000), Money(-1, "EUR"), Money(1, "USD")])
def test_what_a_person_confirms_is_a_cut(limit: Money):
    with pytest.raises(Invalid):
        review.check_limit(a_review(), limit)


def test_the_figures_say_nothing_of_what_was_never_seen():
    assert dict(review.figures_of(Conduct(), TODAY)) == {
        "settled_invoices": "0",
        "late_invoices": "0",
        "overdue_minor": "0",
        "days_overdue": "0",
    }

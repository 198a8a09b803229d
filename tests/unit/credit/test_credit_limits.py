"""What may be owed at an instant: the grant that counts, and the uplifts whose time it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.domain.limits import GRANTS_MAX, UPLIFTS_MAX, Grant, Limits, Uplift
from services.kernel.refusals import Refusal
from tests.unit.credit.books import NOW, eur

DAYS = [NOW + timedelta(days=n) for n in range(12)]
TICK = timedelta(microseconds=1)


def an_uplift(
    amount: int = 5_000, since: datetime | None = NOW, until: datetime = DAYS[7], *, approved: bool = True
) -> Uplift:
    by = "user:bo" if approved else None
    return Uplift("acme", "u1", "b1", eur(amount), since, until, "season", "user:ada", by)


def granted(*amounts: int) -> list[Grant]:
    """Limits that count from one day after the other."""
    ends = [*DAYS[1 : len(amounts)], None]
    return [Grant(amount, DAYS[nth], ends[nth]) for nth, amount in enumerate(amounts)]


def test_an_uplift_counts_from_its_first_instant_to_before_its_last():
    limits = Limits(granted(100_000), [an_uplift(since=DAYS[1], until=DAYS[2])])

    instants = [DAYS[1] - TICK, DAYS[1], DAYS[2] - TICK, DAYS[2]]
    assert [limits.effective(at) for at in instants] == [100_000, 105_000, 105_000, 100_000]


def test_an_uplift_that_nobody_approved_counts_for_nothing_and_changes_nothing():
    limits = Limits(granted(100_000), [an_uplift(approved=False)])

    assert (limits.effective(NOW), limits.until(NOW)) == (100_000, None)


def test_a_limit_for_later_counts_from_then_on():
    limits = Limits(granted(100_000, 50_000))

    assert [limits.effective(at) for at in DAYS[:3]] == [100_000, 50_000, 50_000]
    assert [limits.until(at) for at in DAYS[:2]] == [DAYS[1], None]


def test_the_first_limit_counts_also_by_a_clock_that_is_behind():
    assert Limits(granted(100_000)).effective(NOW - TICK) == 100_000


@given(
    amounts=st.lists(st.integers(0, 10**6), min_size=1, max_size=4),
    uplifts=st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 9), st.integers(1, 4), st.booleans()), max_size=6),
    at=st.integers(0, 10),
)
def test_nothing_changes_until_the_instant_that_is_named(
    amounts: list[int], uplifts: list[tuple[int, int, int, bool]], at: int
):
    limits = Limits(
        granted(*amounts),
        [
            an_uplift(amount, DAYS[since], DAYS[since] + timedelta(days=days), approved=approved)
            for amount, since, days, approved in uplifts
        ],
    )
    instants = [DAYS[at] + timedelta(hours=12 * n) for n in range(24)]
    until = limits.until(DAYS[at])

    before = [limits.effective(instant) for instant in instants if until is None or instant < until]
    assert set(before) == {limits.effective(DAYS[at])}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda uplift: replace(uplift, uplift_id=""), "uplift.incomplete"),
        (lambda uplift: replace(uplift, amount=eur(0)), "uplift.amount_not_positive"),
        (lambda uplift: replace(uplift, valid_until=NOW), "uplift.until_past"),
        (lambda uplift: replace(uplift, valid_from=DAYS[8]), "uplift.until_past"),
    ],
)
def test_an_uplift_that_makes_no_sense_is_refused(change: Callable[[Uplift], Uplift], code: str):
    with pytest.raises(Refusal) as refused:
        change(an_uplift()).check(NOW)
    assert refused.value.code == code


def test_as_many_limits_and_uplifts_stand_as_a_decision_reads():
    grants = [Grant(1, NOW, None)] * GRANTS_MAX
    for limits, check, code in (
        (Limits(grants), Limits.check_room_for_grant, "limit.too_many"),
        (Limits(uplifts=[an_uplift()] * UPLIFTS_MAX), Limits.check_room_for_uplift, "uplift.too_many"),
    ):
        with pytest.raises(Refusal) as refused:
            check(limits)
        assert refused.value.code == code
    Limits(grants[1:], [an_uplift()] * (UPLIFTS_MAX - 1)).check_room_for_grant()
    Limits(grants[1:], [an_uplift()] * (UPLIFTS_MAX - 1)).check_room_for_uplift()


def test_the_same_uplift_asked_for_again_is_known_whoever_approved_it_meanwhile():
    asked = an_uplift(since=None, approved=False)
    approved = replace(asked, valid_from=NOW, approved_by="user:bo")

    assert approved.is_what_was_asked(asked)
    assert not approved.is_what_was_asked(replace(asked, amount=eur(1)))
    assert not replace(asked, valid_from=DAYS[1]).is_what_was_asked(asked)

"""Standing approvals: what they cover, and that nothing goes beyond their bounds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid
from services.kernel.standing import (
    COUNT_MAX,
    DAYS_MAX,
    STANDING_MAX,
    Act,
    Answer,
    Approval,
    Bounds,
    Kind,
    Used,
    check_confirmer,
    check_room,
    covers,
    first,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_KINDS = frozenset(Kind)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def bounds(**fields: Any) -> Bounds:
    usual: dict[str, Any] = {
        "kinds": frozenset({Kind.UPLIFT}),
        "act_most": eur(100),
        "period_most": eur(250),
        "period_count": 3,
        "period_days": 30,
        "valid_from": NOW,
        "valid_until": NOW + 90 * DAY,
    }
    return Bounds(**usual | fields)


def an_approval(name: str = "a", **fields: Any) -> Approval:
    return Approval(name, bounds(**fields), "user:ada", NOW, "user:bo", NOW)


def an_act(**fields: Any) -> Act:
    usual: dict[str, Any] = {"kind": Kind.UPLIFT, "subject": "uplift/1", "account_id": "b1", "amount": eur(100)}
    return Act(**usual | fields)


@pytest.mark.parametrize(
    ("bound", "act", "used", "answer"),
    [
        ({}, {}, Used(), Answer.YES),
        ({}, {}, Used(150, 2), Answer.YES),
        ({}, {}, Used(151, 2), Answer.PERIOD_TOO_LARGE),
        ({}, {}, Used(3, 3), Answer.PERIOD_TOO_MANY),
        ({}, {"amount": eur(101)}, Used(), Answer.ACT_TOO_LARGE),
        ({}, {"amount": eur(0)}, Used(), Answer.ACT_TOO_LARGE),
        ({}, {"amount": Money(100, "SEK")}, Used(), Answer.OTHER_CURRENCY),
        ({}, {"kind": Kind.CREDIT}, Used(), Answer.OTHER_KIND),
        ({"account_id": "b1"}, {}, Used(), Answer.YES),
        ({"account_id": "b2"}, {}, Used(), Answer.OTHER_ACCOUNT),
        ({"categories": frozenset({"season"})}, {"category": "season"}, Used(), Answer.YES),
        ({"categories": frozenset({"season"})}, {"category": "project"}, Used(), Answer.OTHER_CATEGORY),
        ({"person": "contact:c1"}, {"person": "contact:c1"}, Used(), Answer.YES),
        ({"person": "contact:c1"}, {"person": "contact:c2"}, Used(), Answer.OTHER_PERSON),
        ({"cost_centre": "K1"}, {"cost_centre": "K2"}, Used(), Answer.OTHER_COST_CENTRE),
        ({}, {"people": frozenset({"user:ada"})}, Used(), Answer.OWN),
        ({}, {"people": frozenset({"user:cy", "user:bo"})}, Used(), Answer.OWN),
        ({"valid_from": NOW + DAY}, {}, Used(), Answer.NOT_STANDING),
        ({"valid_until": NOW}, {}, Used(), Answer.NOT_STANDING),
    ],
)
def test_an_act_is_covered_within_every_bound_and_the_first_that_it_is_beyond_is_said(
    bound: dict[str, Any], act: dict[str, Any], used: Used, answer: Answer
):
    assert covers(an_approval(**bound), used, an_act(**act), NOW) is answer


def test_what_waits_for_a_second_person_or_was_revoked_covers_nothing():
    waits = replace(an_approval(), confirmed_by="", confirmed_at=None)
    revoked = replace(an_approval(), revoked_by="user:ada", revoked_at=NOW)

    assert {covers(one, Used(), an_act(), NOW) for one in (waits, revoked)} == {Answer.NOT_STANDING}


@given(
    acts=st.lists(st.tuples(st.integers(1, 150), st.integers(0, 200)), max_size=40),
    act_most=st.integers(1, 100),
    more=st.integers(0, 300),
    count=st.integers(1, 5),
    days=st.integers(1, 60),
)
def test_in_no_period_is_more_used_than_it_has(
    acts: list[tuple[int, int]], act_most: int, more: int, count: int, days: int
):
    approval = an_approval(
        act_most=eur(act_most), period_most=eur(act_most + more), period_count=count, period_days=days
    )
    used: dict[datetime, Used] = {}
    for minor, hours in sorted(acts, key=lambda one: one[1]):
        at = NOW + timedelta(hours=hours * 12)
        period = approval.period(at)[0]
        before = used.get(period, Used())
        if covers(approval, before, an_act(amount=eur(minor)), at) is Answer.YES:
            assert minor <= act_most
            used[period] = Used(before.minor + minor, before.count + 1)

    assert all(one.minor <= act_most + more and one.count <= count for one in used.values())


def test_periods_follow_one_another_from_the_first_instant_and_none_is_longer_than_it_is_granted():
    approval = an_approval(valid_until=NOW + 70 * DAY)

    assert approval.period(NOW) == (NOW, NOW + 30 * DAY)
    assert approval.period(NOW + 30 * DAY) == (NOW + 30 * DAY, NOW + 60 * DAY)
    assert approval.period(NOW + 69 * DAY) == (NOW + 60 * DAY, NOW + 70 * DAY)


def test_of_several_the_one_that_ends_first_is_used():
    later, sooner, spent = an_approval("a"), an_approval("b", valid_until=NOW + DAY), an_approval("c")
    candidates = [(later, Used()), (sooner, Used()), (spent, Used(250, 3))]

    assert first(candidates, an_act(), NOW) == sooner
    assert first(candidates, an_act(), NOW + DAY) == later
    assert first(candidates[2:], an_act(), NOW) is None


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"kinds": frozenset()}, "standing.kind"),
        ({"kinds": frozenset({Kind.PURCHASE})}, "standing.kind"),
        ({"act_most": eur(0)}, "standing.amount"),
        ({"period_most": eur(99)}, "standing.amount"),
        ({"period_most": Money(250, "SEK")}, "standing.amount"),
        ({"period_count": 0}, "standing.period"),
        ({"period_count": COUNT_MAX + 1}, "standing.period"),
        ({"period_days": 0}, "standing.period"),
        ({"period_days": DAYS_MAX + 1}, "standing.period"),
        ({"valid_until": NOW}, "standing.until_past"),
        ({"valid_from": NOW + 2 * DAY, "valid_until": NOW + DAY}, "standing.until_past"),
        ({"valid_until": NOW + (DAYS_MAX + 1) * DAY}, "standing.too_long"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(wrong: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        bounds(**wrong).check(NOW, ALL_KINDS - {Kind.PURCHASE})
    assert refused.value.code == code


def test_who_granted_it_or_whom_they_stood_in_for_is_not_its_second_person():
    approval = replace(an_approval(), granted_by="user:eve for user:ada")

    for person in ("user:eve", "user:ada"):
        with pytest.raises(Conflict):
            check_confirmer(approval, frozenset({person}))
    check_confirmer(approval, frozenset({"user:bo"}))


def test_there_are_no_more_than_are_read_at_a_decision():
    check_room(STANDING_MAX - 1)
    with pytest.raises(Conflict):
        check_room(STANDING_MAX)

"""What is kept of a buyer's orders, who checks one that looks wrong, and when a rule stops nothing any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.credit.domain import habits
from services.credit.domain.checks import Check, Overdue
from services.credit.domain.fraud import ORDERS_MOST
from services.credit.domain.fraud_rules import FraudRule
from services.credit.domain.habits import Kept
from services.credit.domain.promises import Promise
from services.kernel.refusals import Conflict
from tests.unit.credit.books import NOW, eur

CHECK = Check(
    tenant="acme",
    order_id="o1",
    version=2,
    account_id="b1",
    amount=eur(100),
    reason_code="fraud_hold",
    rules=("F07",),
    clears="call_back_done",
    placed_at=NOW,
    promise=Promise(NOW + timedelta(hours=2), NOW + timedelta(hours=4)),
)


def kept(order: int, place: int = 0, *, approved: bool = True) -> Kept:
    return Kept(order, 739_000 + order, 10**15 - order, -1, place, 2**32 - 1, approved)


def test_as_many_orders_are_kept_as_are_compared_with_and_they_come_back_as_they_were():
    habit: habits.Habit = ()
    for order in range(1, 500):
        habit = habits.note(habit, kept(order, approved=order % 5 > 0))

    assert sum(one.approved for one in habit) == ORDERS_MOST
    assert len(habit) <= ORDERS_MOST + 10
    assert habit[-1].order == 499
    assert habits.unpack(habits.pack(habit)) == habit


def test_a_version_that_waits_leaves_what_was_approved_until_a_person_decides():
    habit = habits.note(habits.note((), kept(1, 7)), kept(1, 8, approved=False))

    assert [one.place for one in habit] == [7, 8]
    assert [one.place for one in habits.settle(habit, 1, approved=True)] == [8]
    assert [one.place for one in habits.settle(habit, 1, approved=False)] == [7]
    assert habits.settle(habit, 2, approved=True) == habit


def test_marks_are_of_one_account_and_nothing_has_none():
    assert habits.mark("b1", "DE 1") == habits.mark("b1", "DE 1") != habits.mark("b2", "DE 1")
    assert habits.mark("b1", "") == 0


def test_a_check_is_late_by_its_promise():
    hours = {hours: CHECK.overdue(NOW + timedelta(hours=hours)) for hours in (1, 2, 3, 4)}

    assert hours == {1: Overdue.NOTHING, 2: Overdue.AT_RISK, 3: Overdue.AT_RISK, 4: Overdue.LATE}


def test_a_check_that_nothing_clears_waits_for_a_persons_decision():
    with pytest.raises(Conflict, match="a person approves it or declines it"):
        replace(CHECK, clears="").answered("user:bob", is_clear=True)


@pytest.mark.parametrize(("confirmed", "in_shadow"), [(0, True), (1, True), (2, False), (30, False)])
def test_a_rule_goes_into_the_shadow_when_fewer_than_five_in_a_hundred_of_thirty_were_right(
    confirmed: int, in_shadow: bool
):
    rule = FraudRule("acme", "F10")
    for nth in range(30):
        assert rule.shadow_since is None
        rule = rule.ended(confirmed=nth < confirmed, at=NOW)

    assert (rule.shadow_since == NOW) is in_shadow


def test_two_persons_have_a_rule_come_out_of_the_shadow_and_it_is_counted_anew():
    rule = FraudRule("acme", "F10", 30, 0, NOW)

    asked = rule.restored("user:ada", frozenset(), frozenset({"user:ada"}))

    assert asked == replace(rule, asked_by="user:ada")
    with pytest.raises(Conflict, match="another person"):
        asked.restored("user:ada", frozenset({"user:ada"}), frozenset({"user:ada"}))
    assert asked.restored("user:bob", frozenset({"user:ada"}), frozenset({"user:bob"})) == FraudRule("acme", "F10")

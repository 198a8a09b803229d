"""What people may order without asking, and who may say yes to more."""

import pytest

from services.kernel.money import Money
from services.portal.domain.people import Person
from services.portal.domain.spending import Rule, may_approve, must_ask, rule_for


def gbp(pounds: int) -> Money:
    return Money(pounds * 100, "GBP")


def a_rule(who: str, *, order: int | None = None, month: int | None = None, currency: str = "GBP") -> Rule:
    return Rule(who, who, currency, order and order * 100, month and month * 100)


def somebody(contact: str, *roles: str, for_: str = "") -> Person:
    return Person("acme", contact, "b1", contact, frozenset(roles), "en", on_behalf_of=for_)


BO = frozenset({"contact:bo"})


@pytest.mark.parametrize(
    ("order", "spent", "asks"), [(100, 0, False), (101, 0, True), (100, 900, False), (100, 901, True), (1, 1000, True)]
)
def test_what_is_above_an_order_or_a_month_needs_a_yes(order: int, spent: int, asks: bool):
    assert must_ask(a_rule("role:REQUESTER", order=100, month=1000), gbp(order), gbp(spent)) == asks


def test_without_a_rule_everybody_orders_what_they_like():
    assert not must_ask(rule_for([], "bo", {"REQUESTER"}, "GBP"), gbp(10**9), gbp(0))
    assert rule_for([a_rule("role:REQUESTER", order=1, currency="EUR")], "bo", {"REQUESTER"}, "GBP") is None


def test_ones_own_rule_goes_before_those_of_ones_roles_and_of_these_the_most_generous():
    rules = [a_rule("role:REQUESTER", order=100), a_rule("role:PROCUREMENT", order=500), a_rule("contact:bo", order=7)]

    assert rule_for(rules, "bo", {"REQUESTER", "PROCUREMENT"}, "GBP") == rules[2]
    assert rule_for(rules, "ann", {"REQUESTER", "PROCUREMENT"}, "GBP") == rules[1]
    assert rule_for([*rules, a_rule("role:AP_MANAGER")], "ann", {"REQUESTER", "AP_MANAGER"}, "GBP") == a_rule(
        "role:AP_MANAGER"
    )


def test_who_approves_has_a_role_for_it_and_as_much_to_spend():
    rules = [a_rule("role:AP_MANAGER", order=1000)]

    assert may_approve(rules, somebody("ann", "AP_MANAGER"), gbp(1000), BO)
    assert not may_approve(rules, somebody("ann", "AP_MANAGER"), gbp(1001), BO)
    assert may_approve(rules, somebody("ann", "FINANCE_LEAD"), gbp(10**6), BO)
    assert not may_approve(rules, somebody("ann", "AP_CLERK"), gbp(1), BO)


def test_who_approves_no_order_above_a_month_of_theirs():
    """ASVS 2.3.2: what nobody would let one order, one approves for nobody."""
    rules = [a_rule("role:AP_MANAGER", month=1000)]

    assert may_approve(rules, somebody("ann", "AP_MANAGER"), gbp(1000), BO)
    assert not may_approve(rules, somebody("ann", "AP_MANAGER"), gbp(1001), BO)


def test_nobody_approves_their_own_order_nor_for_another_what_that_one_ordered():
    assert not may_approve([], somebody("bo", "AP_MANAGER"), gbp(1), BO)
    assert not may_approve([], somebody("ann", "AP_MANAGER", for_="contact:bo"), gbp(1), BO)
    assert not may_approve([], somebody("bo", "AP_MANAGER", for_="contact:ann"), gbp(1), BO)
    assert may_approve([], somebody("cy", "AP_MANAGER", for_="contact:ann"), gbp(1), BO)

"""What people may order without asking, and who may say yes to more."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.money import Money
from services.kernel.refusals import Forbidden
from services.kernel.standing import Bounds
from services.portal.domain.people import Person

# Who may order.
ORDERING = frozenset({"REQUESTER", "PROCUREMENT", "ACCOUNT_ADMIN"})
# After so many orders of somebody that were approved, approving the next that is not larger once for all alike is offered.
HABIT = 3
# Who may approve at all: the roles that answer for what a company buys.
APPROVERS = frozenset({"AP_MANAGER", "FINANCE_LEAD", "PROCUREMENT", "ACCOUNT_ADMIN"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What somebody, or whoever has a role, may order without asking, in one currency; None: without limit."""

    rule_id: str
    # "contact:c1" or "role:REQUESTER".
    who: str
    currency: str
    per_order_minor: int | None
    per_month_minor: int | None


def rule_for(rules: Iterable[Rule], contact_id: str, roles: Iterable[str], currency: str) -> Rule | None:
    """The rule for somebody (RULES: spend rules): their own, else the most generous of their roles'; None: no limit."""
    known = {rule.who: rule for rule in rules if rule.currency == currency}
    if own := known.get(f"contact:{contact_id}"):
        return own
    of_roles = [known[f"role:{role}"] for role in roles if f"role:{role}" in known]
    return max(of_roles, key=_generosity, default=None)


def _generosity(rule: Rule) -> tuple[bool, int, bool, int]:
    order, month = rule.per_order_minor, rule.per_month_minor
    return order is None, order or 0, month is None, month or 0


def must_ask(rule: Rule | None, amount: Money, spent: Money) -> bool:
    """Whether an order needs approval, by the rule and by what was spent this month before it."""
    if rule is None:
        return False
    above_order = rule.per_order_minor is not None and amount.minor > rule.per_order_minor
    above_month = rule.per_month_minor is not None and spent.minor + amount.minor > rule.per_month_minor
    return above_order or above_month


def may_approve(rules: Iterable[Rule], approver: Person, amount: Money, asked_by: frozenset[str]) -> bool:
    """Whether somebody may approve an order of that amount (RULES: four eyes).

    `asked_by`: all who stand behind the order.
    """
    behind = {approver.subject, approver.on_behalf_of} - {""}
    if behind & asked_by or not approver.roles & APPROVERS:
        return False
    return not must_ask(_rule_of(rules, approver, amount.currency), amount, Money(0, amount.currency))


def _rule_of(rules: Iterable[Rule], approver: Person, currency: str) -> Rule | None:
    judged_as = approver.on_behalf_of.partition(":")[2] or approver.contact_id
    return rule_for(rules, judged_as, approver.roles & APPROVERS, currency)


def check_grant(rules: Iterable[Rule], granter: Person, bounds: Bounds) -> Bounds:
    """Return bounds that somebody may approve orders within, once for all; refuse others (RULES: standing approvals).

    Each order within them is one that they might approve by itself, all of a period are no more than they may order in a
    month, and they are not alone in having it approved.
    """
    behind = frozenset({granter.subject, granter.on_behalf_of} - {""})
    if bounds.person in behind:
        raise Forbidden("approval.for_oneself", "nobody approves their own orders, nor those of whom they stand in for")
    rules = list(rules)
    rule = _rule_of(rules, granter, bounds.act_most.currency)
    above_month = (
        rule is not None and rule.per_month_minor is not None and bounds.period_most.minor > rule.per_month_minor
    )
    if above_month or not may_approve(rules, granter, bounds.act_most, frozenset()):
        raise Forbidden("approval.above_own", "an order so large is for somebody else to approve")
    return bounds


def alike(approved_minor: Iterable[int], minor: int) -> int:
    """How many of these orders are as large as this one, give or take a half."""
    return sum(minor <= 2 * one and one <= 2 * minor for one in approved_minor)

"""Which rules on fraud an order strikes: the same rules and the same language as of applications, of what orders tell."""

from collections.abc import Mapping
from datetime import date
from decimal import localcontext

from services.credit.domain.underwriting.decide import signal_of, situation_of
from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.policy import FraudRule, Policy
from services.credit.domain.underwriting.results import Signal
from services.credit.domain.underwriting.values import Value

# What an order tells; a rule that reads none of it is of applications alone.
OF_ORDERS = frozenset(
    """ship_to_new ship_to_changed bank_changed order_size_ratio order_pace_ratio order_rush order_resaleable
    bust_out_signals bust_out_led first_order_share dormant_days order_to_median order_contact_known""".split()
)


def strikes(
    policy: Policy, features: Mapping[str, Value], *, on: date, currency: str
) -> list[tuple[FraudRule, Signal]]:
    """The rules that an order strikes, each with what it saw; what is not known strikes none."""
    if not (rules := [rule for rule in policy.fraud if not rule.when.names.isdisjoint(OF_ORDERS)]):
        return []
    known = {key: value for key, value in features.items() if key in policy.facts}
    with localcontext(EXACT):
        situation = situation_of(policy, known, on, currency)
        return [
            (rule, signal_of(policy, rule, situation, currency)) for rule in rules if rule.when.run(situation) is True
        ]

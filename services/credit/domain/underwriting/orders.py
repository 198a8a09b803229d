"""Which rules on fraud an order strikes: the same rules and the same language as of applications, of what orders tell."""

from collections.abc import Mapping
from datetime import date
from decimal import localcontext
from typing import Any

from services.credit.domain.underwriting.decide import signal_of
from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.expressions import SCALE
from services.credit.domain.underwriting.policy import COMPUTED, FraudRule, Policy
from services.credit.domain.underwriting.results import Signal
from services.credit.domain.underwriting.values import Value


def strikes(
    policy: Policy, features: Mapping[str, Value], *, on: date, currency: str
) -> list[tuple[FraudRule, Signal]]:
    """The rules that an order strikes, each with what it saw; what is not known strikes none."""
    if not policy.of_orders:
        return []
    with localcontext(EXACT):
        situation: dict[str, Any] = dict.fromkeys((*policy.facts, *COMPUTED))
        situation |= features  # what the policy does not declare nothing speaks of
        situation["today"] = on
        situation[SCALE] = policy.currencies.get(currency)
        for name, value in policy.order_values:
            situation[name] = value.run(situation)
        return [
            (rule, signal_of(policy, rule, situation, currency))
            for rule in policy.of_orders
            if rule.when.run(situation) is True
        ]

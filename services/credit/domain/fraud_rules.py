"""How often a rule on fraud is right: one that troubles the honest goes into the shadow by itself (RULES: rules that are wrong)."""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.refusals import Conflict

ENOUGH_HITS = 30  # that ended, before a rule is judged
CONFIRMED_LEAST = 5  # of a hundred


@dataclass(frozen=True, slots=True)
class FraudRule:
    """A rule, and how often it was right since it last came out of the shadow."""

    tenant: str
    rule: str
    # Hits of which a person said whether they were right, and those that were.
    hits: int = 0
    confirmed: int = 0
    # Since when it stops nothing; None: it does.
    shadow_since: datetime | None = None
    # Who wants it out of the shadow; "": nobody.
    asked_by: str = ""

    def ended(self, *, confirmed: bool, at: datetime) -> "FraudRule":
        """With one more hit that ended; what began before it was in the shadow changes nothing there."""
        if self.shadow_since is not None:
            return self
        counted = replace(self, hits=self.hits + 1, confirmed=self.confirmed + confirmed)
        is_wrong = counted.hits >= ENOUGH_HITS and counted.confirmed * 100 < counted.hits * CONFIRMED_LEAST
        return replace(counted, shadow_since=at) if is_wrong else counted

    def restored(self, person: str, asked: Set[str], people: Set[str]) -> "FraudRule":
        """The first person asks, another one has it stop something again, and it is counted anew (RULES: four eyes).

        One that is not in the shadow stays as it is.
        """
        if self.shadow_since is None:
            return self
        if not self.asked_by:
            return replace(self, asked_by=person)
        if asked & people:
            raise Conflict(
                "fraud_rule.four_eyes", "another person has a rule come out of the shadow than whoever asked for it"
            )
        return FraudRule(self.tenant, self.rule)

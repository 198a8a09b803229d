"""What is credited without a person, where the evidence proves it: the seller's caps (RULES: checked at once)."""

from collections import Counter
from dataclasses import dataclass

from services.kernel.money import MINOR_MAX, Money, exponent
from services.kernel.refusals import Invalid

PER_MONTH_MAX = 1000


@dataclass(frozen=True, slots=True)
class AutoCredit:
    """How much of one case in each currency, and how many cases of an account in a calendar month."""

    # Currency and gross minor units; what is in another currency a person decides.
    most: tuple[tuple[str, int], ...] = (("EUR", 500_00),)
    # 0: a person decides all.
    per_month: int = 3

    def check(self) -> "AutoCredit":
        """Return the caps themselves; refuse what is no cap."""
        if not 0 <= self.per_month <= PER_MONTH_MAX:
            raise Invalid("policy.out_of_range", f"per_month is from 0 to {PER_MONTH_MAX}, not {self.per_month}")
        for currency, minor in self.most:
            exponent(currency)
            if not 0 <= minor <= MINOR_MAX:
                raise Invalid("policy.out_of_range", "the most of a case is not below zero")
        if any(n > 1 for n in Counter(currency for currency, _ in self.most).values()):
            raise Invalid("policy.out_of_range", "each currency is named once")
        return self

    def takes(self, amount: Money) -> bool:
        """Whether a case of that amount is small enough, as long as the month has room."""
        return self.per_month > 0 and 0 < amount.minor <= dict(self.most).get(amount.currency, 0)

"""What the seller decides by."""

from dataclasses import dataclass
from decimal import Decimal

from services.kernel.refusals import Invalid

HOLD_DAYS_MAX = 365
RATE_DAYS_MAX = 31


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller decides by: data of the tenant; these are the values where nothing was set."""

    # Above the headroom, but by no more than this part of the limit: a person decides.
    referral_share: Decimal = Decimal("0.10")
    # A hold lapses at the end of the day that comes so many days after the promised day of shipment.
    hold_days: int = 7
    # By this part more is held than an amount in another currency is worth (RULES: foreign currency).
    currency_buffer: Decimal = Decimal("0.02")
    # A rate that is older than so many days decides nothing.
    rate_days: int = 7

    def check(self) -> "Policy":
        """Return the policy itself; refuse one that makes no sense."""
        if not 0 <= self.referral_share <= 1:
            raise Invalid("policy.referral_share", "the share of the limit is between 0 and 1")
        if not 0 <= self.hold_days <= HOLD_DAYS_MAX:
            raise Invalid("policy.hold_days", f"a hold lasts 0 to {HOLD_DAYS_MAX} days")
        if not 0 <= self.currency_buffer <= 1:
            raise Invalid("policy.currency_buffer", "the buffer for other currencies is between 0 and 1")
        if not 1 <= self.rate_days <= RATE_DAYS_MAX:
            raise Invalid("policy.rate_days", f"a rate is valid for 1 to {RATE_DAYS_MAX} days")
        return self

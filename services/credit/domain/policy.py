"""What the seller decides by."""

from dataclasses import dataclass
from decimal import Decimal

from services.kernel.refusals import Invalid

HOLD_DAYS_MAX = 365


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller decides by: data of the tenant; these are the values where nothing was set."""

    # Above the headroom, but by no more than this part of the limit: a person decides.
    referral_share: Decimal = Decimal("0.10")
    # A hold lapses at the end of the day that comes so many days after the promised day of shipment.
    hold_days: int = 7

    def check(self) -> "Policy":
        """Return the policy itself; refuse one that makes no sense."""
        if not 0 <= self.referral_share <= 1:
            raise Invalid("policy.referral_share", "the share of the limit is between 0 and 1")
        if not 0 <= self.hold_days <= HOLD_DAYS_MAX:
            raise Invalid("policy.hold_days", f"a hold lasts 0 to {HOLD_DAYS_MAX} days")
        return self

"""What the seller decides by."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller decides by: configuration, never code."""

    # Above the headroom, but by no more than this part of the limit: a person decides.
    referral_share: Decimal = Decimal("0.10")

"""Securities: what would pay where a buyer does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid

SECURITIES_MAX = 100  # of an account that were not ended
_FINEST = -4  # decimals of a coverage


class SecurityKind(StrEnum):
    """Who would pay."""

    INSURANCE = "INSURANCE"
    GUARANTEE = "GUARANTEE"
    DEPOSIT = "DEPOSIT"
    LC = "LC"


@dataclass(frozen=True, slots=True)
class Security:
    """What would pay where a buyer does not, and how much of it."""

    tenant: str
    security_id: str
    account_id: str
    kind: SecurityKind
    amount: Money
    # Which part of the amount it pays: above 0, at most 1.
    coverage: Decimal
    valid_from: datetime
    # None: until it is ended.
    valid_until: datetime | None
    # The number of the policy, the guarantee or the letter.
    reference: str

    def check(self) -> "Security":
        """Return the security itself; refuse one that would never pay."""
        if not self.security_id:
            raise Invalid("security.incomplete", "a security needs an id")
        if self.amount.minor <= 0:
            raise Invalid("security.amount_not_positive", "a security is above zero")
        exponent = self.coverage.as_tuple().exponent
        if not 0 < self.coverage <= 1 or not isinstance(exponent, int) or exponent < _FINEST:
            raise Invalid("security.coverage", "a coverage is above 0 and at most 1, with at most four decimals")
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise Invalid("security.until_before_from", "a security ends after it began")
        return self

    @property
    def pays(self) -> int:
        """What it would pay at most, in minor units, rounded down."""
        return int((self.amount.minor * self.coverage).to_integral_value(ROUND_DOWN))


def check_room(standing: int) -> None:
    """Refuse one more of an account that has as many as are added up."""
    if standing >= SECURITIES_MAX:
        raise Conflict("security.too_many", f"an account has at most {SECURITIES_MAX} securities that were not ended")


def secured(exposure: Money, securities: Iterable[Security]) -> Money:
    """What of an exposure these would pay."""
    pays = Money(sum(security.pays for security in securities), exposure.currency)
    return max(Money(0, exposure.currency), min(exposure, pays))

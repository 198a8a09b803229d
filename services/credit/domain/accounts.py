"""What a buyer may owe, owes and has reserved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.credit.domain.policy import Policy
from services.kernel.money import Money
from services.kernel.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Account:
    """What a buyer may owe, owes and has reserved."""

    tenant: str
    account_id: str
    limit: Money
    # What would be owed if all ended today, less what is reserved (RULES: exposure); below zero if the buyer paid too much.
    used: Money
    held: Money
    on_hold: bool = False
    # The number of the ledger's event whose balance `used` is.
    sequence: int = 0
    # When the limit may be another by itself; None: when somebody changes it.
    limit_until: datetime | None = None
    # The nodes that it is part of, the root first.
    path: tuple[str, ...] = ()
    # Of what is used: cash that met no invoice, and credits not yet taken, as the ledger told last.
    unapplied_minor: int = 0
    credits_minor: int = 0
    # What is owed in other currencies, in minor units, and what of `used` that is.
    abroad: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    # What of its nodes it uses and holds, in their currency's minor units, where that is another; None: as its own.
    group_used: int | None = None
    group_held: int | None = None
    # By which version of the rates the two are valued; None: nothing is in another currency.
    valued: int | None = None

    def own(self, amount: Money) -> Money:
        """Return the amount itself; refuse one that is in another currency than the account."""
        if amount.currency != self.limit.currency:
            raise Invalid(
                "account.currency_not_held",
                f"the account is kept in {self.limit.currency}, the amount is in {amount.currency}",
            )
        return amount

    @property
    def of_group(self) -> tuple[int, int]:
        """What each node of its path uses and holds of it."""
        if self.group_used is None or self.group_held is None:
            return self.used.minor, self.held.minor
        return self.group_used, self.group_held

    @property
    def headroom(self) -> Money:
        """What the account can still take; below zero when shipped goods used more than the limit."""
        return self.limit - self.used - self.held

    def referral_band(self, policy: Policy) -> Money:
        """How far above the headroom a person is still asked."""
        return Money.of(self.limit.decimal * policy.referral_share, self.limit.currency)

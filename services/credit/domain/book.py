"""The accounts and holds of a batch of work, changed one after the other."""

from dataclasses import dataclass, field

from services.credit.domain.accounts import Account
from services.credit.domain.holds import Hold
from services.kernel.money import Money


@dataclass(slots=True)
class Book:
    """The locked accounts and the newest hold of each order, changed as one decides in sequence."""

    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    # Whose accounts were changed.
    changed: set[tuple[str, str]] = field(default_factory=set)

    def change(self, key: tuple[str, str], *, used: int = 0, held: int = 0) -> Account:
        """Add to what an account uses and holds, in minor units."""
        before = self.accounts[key]
        currency = before.limit.currency
        account = Account(
            tenant=before.tenant,
            account_id=before.account_id,
            limit=before.limit,
            used=Money(before.used.minor + used, currency),
            held=Money(before.held.minor + held, currency),
            on_hold=before.on_hold,
        )
        assert account.held.minor >= 0, "more was released than was held"
        self.accounts[key] = account
        self.changed.add(key)
        return account

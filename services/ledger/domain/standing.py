"""Where accounts stand after each thing that is booked: what they owe, and what they are owed, by currency."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.money import Money
from services.ledger.domain.items import Purse

Key = tuple[str, str]  # tenant and account


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account owes and is owed in one currency."""

    # Sum of its open items (1100).
    open: Money
    # Cash that met no invoice (2100), and credits that met none (2110).
    unapplied: Money
    credits: Money


class Standings:
    """Of accounts that are locked: as the database has them, and then as each fact of a batch leaves them."""

    def __init__(self, found: Iterable[tuple[Purse, Standing]] = ()) -> None:
        """Begin where they stand."""
        self._accounts: dict[Key, dict[str, Standing]] = {}
        for (tenant, account_id, currency), standing in found:
            self._accounts.setdefault((tenant, account_id), {})[currency] = standing

    def knows(self, key: Key) -> bool:
        """Whether there is such an account."""
        return key in self._accounts

    def has(self, purse: Purse) -> bool:
        """Whether the account is kept in this currency."""
        tenant, account_id, currency = purse
        return currency in self._accounts.get((tenant, account_id), {})

    def of(self, key: Key) -> tuple[Standing, ...]:
        """Where an account stands now, one a currency."""
        return tuple(self._accounts[key].values())

    def move(self, purse: Purse, *, owes: int = 0, unapplied: int = 0, credits_: int = 0) -> tuple[Standing, ...]:
        """Let the account owe, or be owed, so much more in minor units; return where it stands then."""
        tenant, account_id, currency = purse
        account = self._accounts[tenant, account_id]
        before = account.get(currency) or nothing(currency)
        account[currency] = Standing(
            Money(before.open.minor + owes, currency),
            Money(before.unapplied.minor + unapplied, currency),
            Money(before.credits.minor + credits_, currency),
        )
        return tuple(account.values())


def nothing(currency: str) -> Standing:
    """Nothing is owed, either way."""
    zero = Money(0, currency)
    return Standing(zero, zero, zero)

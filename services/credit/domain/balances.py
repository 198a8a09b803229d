"""What an account uses, as the ledger tells it: its newest word counts, sums of what it told only where it says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.credit.domain.accounts import Account
from services.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the ledger, as far as it says what an account uses."""

    # Contiguous per account; None if the event has none.
    sequence: int | None
    # Open items less unapplied cash and open credits after it, in the account's currency and minor units; None from a
    # version of the ledger that did not tell.
    used_minor: int | None
    # What it alone adds, from what it says of itself.
    adds_minor: int
    # What of that is cash that met no invoice, and credits not yet taken.
    unapplied_minor: int = 0
    credits_minor: int = 0


Abroad = Mapping[str, tuple[int, int]]  # by currency: what is owed, and what that is worth in the account's


def owed_abroad(account: Account, told: Mapping[str, int] | None, adds: Money | None) -> dict[str, int]:
    """What is owed in other currencies than the account's after an event: as it is told, or with what the event adds."""
    if told is not None:
        return dict(told)
    owed = {currency: minor for currency, (minor, _) in account.abroad.items()}
    if adds is not None and adds.currency != account.limit.currency:
        owed[adds.currency] = owed.get(adds.currency, 0) + adds.minor
    return owed


def added(account: Account, adds: Money | None, abroad: Abroad) -> int:
    """What an event adds in the account's currency: of another one, by what all that is owed abroad is worth otherwise."""
    if adds is None:
        return 0
    if adds.currency == account.limit.currency:
        return adds.minor
    return sum_of(abroad) - sum_of(account.abroad)


def sum_of(abroad: Abroad) -> int:
    """What is owed in other currencies, in the account's."""
    return sum(valued for _, valued in abroad.values())


@dataclass(frozen=True, slots=True)
class Change:
    """What an event of the ledger changes of what is used, in minor units."""

    used: int
    # By how much the ledger's balance differs from what its events had added up to: what was missed, or is wrong.
    correction: int
    # The newest event that the balance is of.
    sequence: int
    # Cash that met no invoice, and credits not yet taken, after it.
    unapplied: int
    credits: int


def change_of(account: Account, told: Told) -> Change:
    """The newest balance is what is used, whatever came before it or is missing; an older event changes nothing."""
    if told.sequence is not None and told.sequence <= account.sequence:
        return Change(0, 0, account.sequence, account.unapplied_minor, account.credits_minor)
    if told.sequence is None or told.used_minor is None:
        return Change(told.adds_minor, 0, account.sequence, account.unapplied_minor, account.credits_minor)
    correction = told.used_minor - account.used.minor - told.adds_minor
    return Change(told.adds_minor, correction, told.sequence, told.unapplied_minor, told.credits_minor)

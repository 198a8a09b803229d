"""What a buyer says it is paying before the money is here: no money, but the debtor's word (RULES: announced)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.ledger.domain import matching
from services.ledger.domain.items import Item, Purse

EXPECTED_MAX = 200  # of one account: each of its payments is compared with them

_REFERENCE = re.compile(r"P([0-9]{4})([0-9]{6,9})")


class State(StrEnum):
    """Where an announcement stands."""

    EXPECTED = "EXPECTED"
    RECEIVED = "RECEIVED"
    WITHDRAWN = "WITHDRAWN"


class Action(StrEnum):
    """What may become of one."""

    RECEIVE = "RECEIVE"
    WITHDRAW = "WITHDRAW"


# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.EXPECTED, Action.RECEIVE): State.RECEIVED,
    (State.EXPECTED, Action.WITHDRAW): State.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to announce: of which invoices, by their numbers, how much."""

    tenant: str
    account_id: str
    asked: tuple[tuple[str, Money], ...]
    # When it should be here; None: not said.
    expected_on: date | None

    def check(self) -> "Wish":
        """Return the wish itself; refuse one that announces nothing, or no one sum of money."""
        if not self.asked:
            raise Invalid("announcement.without_items", "an announcement names what it pays")
        if len({number for number, _ in self.asked}) < len(self.asked):
            raise Invalid("announcement.item_twice", "an announcement names each invoice once")
        if len({amount.currency for _, amount in self.asked}) > 1:
            raise Invalid("announcement.currencies_mixed", "an announcement is of one currency")
        if any(amount.minor < 1 for _, amount in self.asked):
            raise Invalid("announcement.amount_not_positive", "something is paid of each invoice")
        return self


@dataclass(frozen=True, slots=True)
class Part:
    """How much of an item is announced."""

    item: Item
    amount: Money


@dataclass(frozen=True, slots=True)
class Announcement:
    """Money that is said to come."""

    tenant: str
    # What people call it, and write into the payment's text: "P-2026-000042".
    reference: str
    account_id: str
    amount: Money
    parts: tuple[Part, ...]
    expected_on: date | None
    state: State
    announced_by: str
    announced_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and reference."""
        return self.tenant, self.reference

    @property
    def purse(self) -> Purse:
        """Within which a payment can be it."""
        return self.tenant, self.account_id, self.amount.currency

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What parts of the buyer's company its items concern, each once."""
        return tuple(dict.fromkeys(part.item.scope for part in self.parts))


def reference(year: int, nth: int) -> str:
    """What people call the nth announcement of a business year."""
    return f"P-{year}-{nth:06}"


def counted(called: str) -> tuple[int, int]:
    """Of which business year one is, and the how manieth of it."""
    _, year, nth = called.split("-")
    return int(year), int(nth)


def possible_references(text: str) -> set[str]:
    """The references that a payment's text may name, with or without the hyphens that banks drop."""
    found = map(_REFERENCE.fullmatch, matching.possible_keys(text))
    return {f"P-{match[1]}-{match[2]}" for match in found if match}


def parts(wish: Wish, items: Sequence[Item]) -> tuple[Part, ...]:
    """What is to be paid of each item, in the wish's order; refused is more than is open of one.

    A number that two items have names neither, as in a payment's text.
    """
    by_number: dict[str, list[Item]] = {}
    for item in items:
        by_number.setdefault(item.number, []).append(item)
    return tuple(_part(number, amount, by_number.get(number, [])) for number, amount in wish.asked)


def _part(number: str, amount: Money, called: Sequence[Item]) -> Part:
    if len(called) != 1:
        raise NotFound("announcement.unknown_item", f"no one invoice {quoted(number)} of this account")
    [item] = called
    if item.amount.currency != amount.currency:
        raise Invalid("announcement.currency_mismatch", f"{quoted(number)} is in {item.amount.currency}")
    if item.open < amount:
        raise Conflict("announcement.more_than_open", f"{item.open} is open of {quoted(number)}")
    return Part(item, amount)


def move(announcement: Announcement, action: Action) -> Announcement:
    """Apply one action."""
    if (state := MOVES.get((announcement.state, action))) is None:
        raise Conflict(
            "announcement.not_expected", f"{announcement.reference} is {announcement.state.value.lower()} already"
        )
    return replace(announcement, state=state)

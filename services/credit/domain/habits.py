"""A buyer's own orders, as the next one is compared with them: bounded, one value an account (RULES: own habits)."""

import hashlib
import struct
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

from services.credit.domain.fraud import ORDERS_MOST

_WAITING_MOST = 10  # orders that a person decides on
_LEAD_UNKNOWN = -1
_LEAD_MAX = 32_767  # days


class Kept(NamedTuple):
    """An order as it is remembered; order, place and contact are marks."""

    order: int
    # The day on which it was placed, as date.toordinal counts.
    day: int
    amount_minor: int
    # Days from then to the promised one; below 0: not known.
    lead: int
    # 0: the buyer's own.
    place: int
    # 0: nobody was named.
    contact: int
    approved: bool


# As `Kept._make`, which looks at the length of what has one.
_KEPT: Callable[[tuple[Any, ...]], Kept] = partial(tuple.__new__, Kept)

Habit = tuple[Kept, ...]  # in the order in which they were decided


@lru_cache(10_000)
def mark(account_id: str, text: str) -> int:
    """A short mark of a text, by which it is found again within an account; 0 is the empty one's."""
    if not text:
        return 0
    digest = hashlib.blake2b(f"{account_id}\0{text}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) or 1


def lead(placed_on: date, promised_on: date | None) -> int:
    """Days from an order to its promised day; below 0: not known."""
    if promised_on is None or promised_on < placed_on:
        return _LEAD_UNKNOWN
    return min((promised_on - placed_on).days, _LEAD_MAX)


def note(habit: Habit, kept: Kept) -> Habit:
    """With one more order. One that waits for a person stands beside its version that was approved before."""
    others = [one for one in habit if one.order != kept.order or (one.approved and not kept.approved)]
    most = ORDERS_MOST if kept.approved else _WAITING_MOST
    if sum(one.approved == kept.approved for one in others) >= most:
        others.remove(next(one for one in others if one.approved == kept.approved))
    return (*others, kept)


def settle(habit: Habit, order: int, *, approved: bool) -> Habit:
    """With what a person decided on an order that waited."""
    waiting = next((one for one in habit if one.order == order and not one.approved), None)
    if waiting is None:
        return habit
    return note(habit, waiting._replace(approved=True)) if approved else tuple(one for one in habit if one != waiting)


def pack(habit: Habit) -> bytes:
    """As bytes, to be stored."""
    return _as_bytes(len(habit)).pack(*chain.from_iterable(habit))


def unpack(packed: bytes) -> Habit:
    """What `pack` made."""
    return tuple(map(_KEPT, _as_bytes(1).iter_unpack(packed)))


@lru_cache(ORDERS_MOST + _WAITING_MOST + 1)
def _as_bytes(orders: int) -> struct.Struct:
    return struct.Struct(">" + "IiqhII?" * orders)

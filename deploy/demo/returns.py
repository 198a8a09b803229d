"""Finds the purchases that a return credits: the newest of that item first, since what comes back was bought last."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class Purchase:
    """An invoiced line, and how much of it did not come back yet."""

    invoice: str
    line_id: str
    at: datetime
    left: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """What of a return goes against one invoiced line."""

    purchase: Purchase
    quantity: Decimal


class Purchases:
    """What each buyer bought and did not give back."""

    def __init__(self) -> None:
        """Nothing was bought yet."""
        self._bought: defaultdict[tuple[str, str], list[Purchase]] = defaultdict(list)

    def add(self, account: str, sku: str, purchase: Purchase) -> None:
        """A buyer bought something."""
        self._bought[(account, sku)].append(purchase)

    def take(self, account: str, sku: str, quantity: Decimal, before: datetime) -> list[Part]:
        """Take a returned quantity off earlier purchases, split over several if needed; empty if there are too few."""
        earlier = [p for p in self._bought.get((account, sku), ()) if p.at <= before and p.left]
        if sum(purchase.left for purchase in earlier) < quantity:
            return []
        parts = []
        for purchase in sorted(earlier, key=lambda p: p.at, reverse=True):
            taken = min(purchase.left, quantity)
            purchase.left -= taken
            quantity -= taken
            parts.append(Part(purchase, taken))
            if not quantity:
                break
        return parts


def give_back(parts: Sequence[Part]) -> None:
    """A return was not credited after all."""
    for part in parts:
        part.purchase.left += part.quantity

"""How late open items are, in the bands that the trade reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

# The first day late of each band, and what it is called; an item is overdue from the day after its due date.
BANDS: tuple[tuple[int, str], ...] = ((1, "1-30"), (31, "31-60"), (61, "61-90"), (91, "90+"))
NOT_DUE = "not due"


@dataclass(frozen=True, slots=True)
class Band:
    """What is open in a band, in one currency."""

    name: str
    currency: str
    minor: int
    # Of the largest band of this currency, from 0 to 1.
    share: float


def bands(items: Iterable[tuple[date, int, str]], today: date) -> list[Band]:
    """Items by due date, open amount (minor units) and currency, added up by currency and band; none without items."""
    sums: dict[str, dict[str, int]] = {}
    for due, minor, currency in items:
        of_currency = sums.setdefault(currency, dict.fromkeys([NOT_DUE, *(name for _, name in BANDS)], 0))
        of_currency[band_of(due, today)] += minor
    return [
        Band(name, currency, minor, minor / largest if minor > 0 else 0.0)
        for currency, of_currency in sorted(sums.items())
        for largest in [max(1, *of_currency.values())]
        for name, minor in of_currency.items()
    ]


def band_of(due: date, today: date) -> str:
    """The band of an item."""
    late = (today - due).days
    return next((name for first, name in reversed(BANDS) if late >= first), NOT_DUE)

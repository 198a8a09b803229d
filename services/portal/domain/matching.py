"""What speaks for it that a payment was meant for an open invoice."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 3
_APART = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Open:
    """An invoice of which something is open, in minor units of a currency."""

    number: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One invoice, and why it may be meant."""

    # "named": the payment's text has its number; "amount": as much is open of it; "both"; "all": of all that is open.
    kind: str
    number: str = ""


def evidence(remittance: str, minor: int, currency: str, items: Iterable[Open]) -> list[Evidence]:
    """What speaks for which invoice, the strongest first; numbers are compared without what stands between their parts."""
    found = [item for item in items if item.currency == currency]
    words = f" {_plain(remittance)} "
    named = {item.number for item in found if f" {_plain(item.number)} " in words}
    equal = {item.number for item in found if item.minor == minor}
    speaks = [
        *(Evidence("both", item.number) for item in found if item.number in named & equal),
        *(Evidence("named", item.number) for item in found if item.number in named - equal),
        *(Evidence("amount", item.number) for item in found if item.number in equal - named),
    ]
    if not speaks and len(found) > 1 and sum(item.minor for item in found) == minor:
        return [Evidence("all")]
    return speaks[:_SHOWN]


def _plain(text: str) -> str:
    return _APART.sub(" ", text).strip().casefold()

"""What an invoice adds up to, written anew from EN 16931's formulas in rational numbers.

Shares nothing with the product: no import, no helper, not even its types (`test_document_totals.py` proves it).
A document comes in as plain mappings of text, so that nothing is computed before it is here.
"""

from fractions import Fraction
from math import floor
from typing import Any, TypedDict

PLACES = {"JPY": 0}  # everything else has two: BR-DEC allows no dinar its third


class Sums(TypedDict):
    """The terms by number; `BG-23` by category and rate, each with BT-116 and BT-117."""

    lines: list[Fraction]
    rows: dict[tuple[str, Fraction | None], tuple[Fraction, Fraction]]
    terms: dict[str, Fraction]


def half_up(value: Fraction, places: int) -> Fraction:
    """Round the magnitude, a tie upwards, then give it its sign back: 2.5 becomes 3 and -2.5 becomes -3."""
    magnitude = Fraction(floor(abs(value) * 10**places + Fraction(1, 2)), 10**places)
    return magnitude if value >= 0 else -magnitude


def sums(document: dict[str, Any]) -> Sums:
    """Apply the formulas in the order in which the standard gives them."""
    places = PLACES.get(document["currency"], 2)
    nets = [line_net(line, places) for line in document["lines"]]

    groups: dict[tuple[str, Fraction | None], Fraction] = {}
    parts = [
        *((line, net) for line, net in zip(document["lines"], nets, strict=True)),
        *((part, -Fraction(part["amount"])) for part in document["allowances"]),
        *((part, Fraction(part["amount"])) for part in document["charges"]),
    ]
    for part, amount in parts:
        key = part["category"], None if part["rate"] is None else Fraction(part["rate"])
        groups[key] = groups.get(key, Fraction(0)) + amount
    rows = {
        (category, rate): (taxable, half_up(taxable * (rate or 0) / 100, places))
        for (category, rate), taxable in groups.items()
    }

    bt_106 = sum(nets, Fraction(0))
    bt_107 = sum((Fraction(part["amount"]) for part in document["allowances"]), Fraction(0))
    bt_108 = sum((Fraction(part["amount"]) for part in document["charges"]), Fraction(0))
    bt_109 = bt_106 - bt_107 + bt_108
    bt_110 = sum((tax for _, tax in rows.values()), Fraction(0))
    bt_112 = bt_109 + bt_110
    bt_115 = bt_112 - Fraction(document["paid"] or 0) + Fraction(document["rounding"] or 0)
    return {
        "lines": nets,
        "rows": rows,
        "terms": {
            "BT-106": bt_106,
            "BT-107": bt_107,
            "BT-108": bt_108,
            "BT-109": bt_109,
            "BT-110": bt_110,
            "BT-112": bt_112,
            "BT-115": bt_115,
        },
    }


def line_net(line: dict[str, Any], places: int) -> Fraction:
    """BT-131: the goods rounded, then what is taken off and added, each rounded by itself."""
    goods = Fraction(line["quantity"]) * Fraction(line["price"]) / Fraction(line["base"] or 1)
    off = sum((half_up(Fraction(part), places) for part in line["allowances"]), Fraction(0))
    on = sum((half_up(Fraction(part), places) for part in line["charges"]), Fraction(0))
    return half_up(goods, places) - off + on


def shares(amount: str, weights: list[str], places: int) -> list[Fraction]:
    """Split by largest remainder: hand out the smallest units one by one to whoever is owed most."""
    unit = Fraction(1, 10**places)
    size, whole = abs(Fraction(amount)), sum((Fraction(weight) for weight in weights), Fraction(0))
    owed = [size * Fraction(weight) / whole for weight in weights]
    parts = [floor(part / unit) * unit for part in owed]
    remainders = [one - part for one, part in zip(owed, parts, strict=True)]
    while sum(parts) < size:
        at = max(range(len(parts)), key=lambda i: (remainders[i], -i))
        parts[at] += unit
        remainders[at] = Fraction(-1)
    return [part if Fraction(amount) >= 0 else -part for part in parts]

"""What a trial of a policy found, as charts and tables of a page: where things stand, from 0 to 1."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

KNOWN = 1  # version of reports that these pages can read
SIDES = ("champion", "challenger")
TRACKS = ("FAST", "STANDARD", "ENHANCED")
# Rows of the table that compares, and what each is: a number, a share or an amount.
FIGURES = (
    ("cases", "number"),
    ("lends", "number"),
    ("lends_share", "share"),
    ("bad", "number"),
    ("bad_rate", "share"),
    ("limit", "amount"),
    ("drawn", "amount"),
    ("expected", "amount"),
    ("lost", "amount"),
)
# What the figures of a verdict are; all others are told as they are.
_AMOUNTS = frozenset({"lost_same", "lost_more", "lost_less", "swaps_larger"})
_SHARES = frozenset({"lends_same", "lends_more", "lends_less", "bad_same", "bad_more", "bad_less"})


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with its bounds, and where they stand on a chart whose end is the largest."""

    name: str
    share: Decimal
    low: Decimal
    high: Decimal
    # Per mille of the chart.
    at: int
    at_low: int
    at_high: int
    # Where what was promised stands; None: nothing was.
    promised: Decimal | None = None
    at_promised: int | None = None
    cases: int = 0
    holds: bool = True


def read(text: str) -> Mapping[str, Any] | None:
    """A report; None: there is none yet, or these pages do not know its version."""
    if not text:
        return None
    report = json.loads(text)
    return report if report["version"] == KNOWN else None


def risks(report: Mapping[str, Any]) -> list[Interval]:
    """How many go bad by either policy."""
    sides = [(side, report["sides"][side]) for side in SIDES]
    return _intervals([(side, row, None) for side, row in sides])


def calibration(report: Mapping[str, Any]) -> list[Interval]:
    """What each band of the policy that is tried promises, and what was seen."""
    rows = report["calibration"]["challenger"]
    return _intervals([(row["pd"], row, Decimal(row["pd"])) for row in rows])


def kind_of(verdict: str) -> str:
    """What the figures of a verdict are: "amount", "share" or "" (texts)."""
    return "amount" if verdict in _AMOUNTS else "share" if verdict in _SHARES else ""


def _intervals(rows: Sequence[tuple[str, Mapping[str, Any], Decimal | None]]) -> list[Interval]:
    ends = [Decimal(row["bad_high"]) for _, row, _ in rows] + [promised or Decimal(0) for _, _, promised in rows]
    largest = max([end for end in ends if end], default=Decimal(1))

    def at(share: Decimal) -> int:
        return int(share / largest * 1000)

    made = []
    for name, row, promised in rows:
        share, low, high = (Decimal(row[key]) for key in ("bad_rate", "bad_low", "bad_high"))
        where = None if promised is None else at(promised)
        cases = int(row.get("cases", 0))
        made.append(
            Interval(
                name, share, low, high, at(share), at(low), at(high), promised, where, cases, row.get("holds", True)
            )
        )
    return made

"""Answers over time as marks of a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 480, 120  # of the drawing
_MARGIN = 8
_BEST = 10
LOW_MOST = 5  # what is no more asks something of the seller


@dataclass(frozen=True, slots=True)
class Mark:
    """An answer: where it stands, and whether it is low."""

    x: float
    y: float
    is_low: bool


def marks(answers: Sequence[tuple[datetime, int]]) -> list[Mark]:
    """Answers (when, from 0 to 10) from the oldest at the left to the newest at the right; the best stands highest."""
    ordered = sorted(answers)
    if not ordered:
        return []
    first, last = ordered[0][0], ordered[-1][0]
    span = (last - first).total_seconds() or 1
    return [
        Mark(
            round(_MARGIN + (at - first).total_seconds() / span * (WIDTH - 2 * _MARGIN), 1),
            round(_MARGIN + (1 - value / _BEST) * (HEIGHT - 2 * _MARGIN), 1),
            value <= LOW_MOST,
        )
        for at, value in ordered
    ]

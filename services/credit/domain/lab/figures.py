"""Shares with what chance allows, how well a number sorts, how far two groups have moved apart: exact decimals."""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from services.credit.domain.underwriting.exact import EXACT

_Z = Decimal("1.959963984540054")  # of the normal distribution: 95 % lie within
_PLACES = Decimal("0.000001")
_HALF = Decimal("0.5")


def rounded(number: Decimal) -> Decimal:
    """To six places, as all figures are told."""
    return EXACT.quantize(number, _PLACES)


def share(part: int, whole: int) -> Decimal:
    """A part of a whole; of nothing 0."""
    return rounded(EXACT.divide(Decimal(part), Decimal(whole))) if whole else Decimal(0)


def wilson(part: int, whole: int) -> tuple[Decimal, Decimal]:
    """Between which shares the true one lies with 95 % (Wilson, 1927); of nothing, anywhere."""
    if not whole:
        return Decimal(0), Decimal(1)
    with localcontext(EXACT):
        n, p, z = Decimal(whole), Decimal(part) / Decimal(whole), _Z
        middle = p + z * z / (2 * n)
        around = z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
        below, above = ((middle - around) / (1 + z * z / n), (middle + around) / (1 + z * z / n))
        return rounded(max(below, Decimal(0))), rounded(min(above, Decimal(1)))


def auc(steps: Sequence[tuple[int, int]]) -> Decimal | None:
    """How often a bad case stands after a good one, ties by half: of (good, bad) in rising order; None without both."""
    all_good, all_bad = sum(good for good, _ in steps), sum(bad for _, bad in steps)
    if not all_good or not all_bad:
        return None
    before, twice = 0, 0
    for good, bad in steps:
        twice += bad * (2 * before + good)
        before += good
    return rounded(EXACT.divide(Decimal(twice), Decimal(2 * all_good * all_bad)))


def psi(pairs: Sequence[tuple[int, int]]) -> Decimal | None:
    """Population stability index of (before, after) by bin, half a case added to each; None where one has no case."""
    before, after = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    if not before or not after:
        return None
    with localcontext(EXACT):
        whole = [(before + _HALF * len(pairs)), (after + _HALF * len(pairs))]
        moved = Decimal(0)
        for pair in pairs:
            then, now = ((Decimal(n) + _HALF) / of for n, of in zip(pair, whole, strict=True))
            moved += (now - then) * (now / then).ln()
        return rounded(moved)

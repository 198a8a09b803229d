"""How closely a case is looked at (RULES: tracks): by its reason and its amount, the most careful of what applies."""

from decimal import Decimal
from enum import StrEnum

from services.kernel.money import Money


class Track(StrEnum):
    """Within what time a case is answered, and by whom; the quickest first."""

    FAST = "FAST"
    STANDARD = "STANDARD"
    ENHANCED = "ENHANCED"


class Why(StrEnum):
    """Why a case is on its track: stable codes."""

    LEGAL = "legal_reason"
    INSPECTION = "inspection"
    LARGE = "large_amount"
    PROVEN = "machine_proven"
    PERSON = "by_person"
    # Machines had their say.
    APPEALED = "appealed"


Course = tuple[Track, Why]

_LEGAL = frozenset("INV_LEGAL CTR_SETOFF UNK_TXN".split())
_INSPECTED = frozenset("QLT_DAMAGE QLT_SPEC".split())
# What orders, shipments, payments and documents prove, one way or the other.
_PROVEN = frozenset(
    """PRC_UNIT QTY_SHORT QTY_OVER INV_DUP TAX_RATE TRM_DUE FRT_CHARGE PAY_DONE CRN_MISSING BNK_FEE DLV_POD INV_REF
    INV_NOTRECEIVED""".split()
)
_RANK = {track: rank for rank, track in enumerate(Track)}


def course(reason_code: str, amount: Money, *, enhanced_over_minor: int, fast_most_minor: int) -> Course:
    """The track of a case, and why; the bounds are in hundredths of a unit of whichever currency."""
    if reason_code in _LEGAL:
        return Track.ENHANCED, Why.LEGAL
    if _is_above(amount, enhanced_over_minor):
        return Track.ENHANCED, Why.LARGE
    if reason_code in _INSPECTED:
        return Track.ENHANCED, Why.INSPECTION
    if reason_code in _PROVEN and not _is_above(amount, fast_most_minor):
        return Track.FAST, Why.PROVEN
    return Track.STANDARD, Why.PERSON


def more_careful(one: Course, other: Course) -> Course:
    """Of two the one that takes more care; the first, where both take the same."""
    return other if _RANK[other[0]] > _RANK[one[0]] else one


def _is_above(amount: Money, hundredths: int) -> bool:
    return amount.decimal > Decimal(hundredths).scaleb(-2)

"""Where the legal entities are that sell: their days are days there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Seller:
    """A legal entity, and the name of its time zone."""

    seller_id: str
    time_zone: str


def zone_of(sellers: Sequence[Seller], seller_id: str) -> tzinfo:
    """The zone of the entity that sells; where none is named or known that of the tenant's first, else UTC."""
    named = (seller for seller in sellers if seller.seller_id == seller_id)
    seller = next(named, sellers[0] if sellers else None)
    return _zone(seller.time_zone) if seller else UTC


@lru_cache(256)
def _zone(name: str) -> tzinfo:
    """A zone by its IANA name; UTC for one that this machine does not know: its seller is told by another service."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC

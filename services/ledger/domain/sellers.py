"""Legal entities that issue invoices, as far as the ledger cares: where their business days are."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.kernel.refusals import Invalid, quoted


@dataclass(frozen=True, slots=True)
class Seller:
    """A legal entity; the zone is None as long as nobody told it."""

    tenant: str
    seller_id: str
    # 0: registered, and nothing said of it yet.
    version: int
    # IANA name.
    time_zone: str | None

    def check(self) -> "Seller":
        """Return the seller itself; refuse a zone that does not exist."""
        if self.time_zone is not None:
            try:
                ZoneInfo(self.time_zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise Invalid("seller.time_zone_unknown", f"no time zone {quoted(self.time_zone)}") from None
        return self


def newest(sellers: Iterable[Seller]) -> list[Seller]:
    """Of each, what was said last."""
    found: dict[tuple[str, str], Seller] = {}
    for seller in sellers:
        key = (seller.tenant, seller.seller_id)
        if key not in found or found[key].version < seller.version:
            found[key] = seller
    return list(found.values())

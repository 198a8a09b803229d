"""What buyers have from the seller, as the seller tells of it: the newest word holds, in whichever order words come."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid

READINGS_MAX = 100  # names of them, of one asset


@dataclass(frozen=True, slots=True)
class Reading:
    """What a counter or a sensor of it said."""

    name: str
    value: Decimal
    # As people read it; may be empty.
    unit: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that a buyer has: a machine, a meter."""

    tenant: str
    asset_id: str
    account_id: str
    serial_number: str
    # What it is.
    name: str
    in_service_since: date | None
    # None: no visit is planned.
    next_visit_on: date | None
    # Where in the buyer's company it is.
    scope: Scope
    # When all of this was so, but for the readings.
    reported_at: datetime
    # One of each name.
    readings: tuple[Reading, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and asset."""
        return (self.tenant, self.asset_id)

    def check(self) -> "Asset":
        """Return the asset itself; refuse one that names nothing."""
        if not self.asset_id or not self.account_id:
            raise Invalid("asset.incomplete", "an asset needs an id and an account")
        if not all(reading.name for reading in self.readings):
            raise Invalid("asset.reading_unnamed", "a reading says what was read")
        return self


def hear(known: Asset | None, told: Asset) -> Asset | None:
    """Take what is told of an asset: None if it says nothing new, else what to keep from now on."""
    if known is not None and told.account_id != known.account_id:
        raise Conflict("asset.account_changed", "an asset stays with the account that it was told of first")
    is_newer = known is None or told.reported_at >= known.reported_at
    readings = _newest([*(known.readings if known else ()), *told.readings])
    if len(readings) > READINGS_MAX:
        raise Conflict("asset.too_many_readings", f"an asset has at most {READINGS_MAX} names of readings")
    heard = replace(told if is_newer or known is None else known, readings=readings)
    return None if heard == known else heard


def _newest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Of each name the reading that was taken last; of several at one time the highest, in whichever order they came."""
    newest: dict[str, Reading] = {}
    for one in sorted(readings, key=lambda one: (one.taken_at, one.value, one.unit)):
        newest[one.name] = one
    return tuple(newest[name] for name in sorted(newest))

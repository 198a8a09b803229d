"""What buyers have from the seller."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.errors import SerializationFailure

from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.pages import Page
from services.invoicing.domain.assets import Asset, Reading
from services.invoicing.store.called import Called, Place
from services.invoicing.store.columns import Key
from services.kernel.orders import Scope

_ASSET = Columns(
    """tenant text, asset_id text, account_id text, serial_number text, name text, in_service_since date,
       next_visit_on date, site text, cost_centre text, purchase_order text, reported_at timestamptz, readings jsonb"""
)
_CALLED = Called("asset", "asset_id", ("serial_number",))


async def lock_assets(tx: Tx, of: Collection[Key]) -> dict[Key, Asset]:
    """Hold these assets until the transaction ends, in one order everywhere, and return those that are known."""
    rows = await tx.rows(
        "SELECT * FROM asset WHERE tenant = ANY (%s) AND asset_id = ANY (%s) ORDER BY tenant, asset_id FOR UPDATE",
        within(of),
    )
    return {key: _asset(row) for row in rows if (key := (row.tenant, row.asset_id)) in of}


async def get_asset(tx: Tx, key: Key) -> Asset | None:
    """One asset."""
    row = await tx.row("SELECT * FROM asset WHERE tenant = %s AND asset_id = %s", key)
    return _asset(row) if row else None


async def list_assets(
    tx: Tx, tenant: str, page: Page, *, account_id: str, search: str
) -> tuple[list[Asset], list[Place]]:
    """Assets whose serial number begins so, by it, and the places of the page; of all accounts where none is named."""
    ids, places = await _CALLED.find(tx, tenant, page, account_id=account_id, begins=search, last_first=False)
    rows = await tx.rows("SELECT * FROM asset WHERE tenant = %s AND asset_id = ANY (%s)", [tenant, ids])
    found = {row.asset_id: _asset(row) for row in rows}
    return [found[asset_id] for asset_id in ids], places


async def save_assets(tx: Tx, assets: Sequence[Asset]) -> None:
    """Write new assets, and what changed of others."""
    written = await tx.run(
        f"""INSERT INTO asset ({_ASSET.names}) SELECT * FROM {_ASSET.rows} AS new
           ON CONFLICT (tenant, asset_id) DO UPDATE
             SET serial_number = EXCLUDED.serial_number, name = EXCLUDED.name,
                 in_service_since = EXCLUDED.in_service_since, next_visit_on = EXCLUDED.next_visit_on,
                 site = EXCLUDED.site, cost_centre = EXCLUDED.cost_centre, purchase_order = EXCLUDED.purchase_order,
                 reported_at = EXCLUDED.reported_at, readings = EXCLUDED.readings
           WHERE asset.account_id = EXCLUDED.account_id""",  # noqa: S608 - constant columns
        [_ASSET.pack(map(_row, assets))],
    )
    # Another account's asset of the same id may have come between our look and this: tried again, it is refused.
    if written != len(assets):
        raise SerializationFailure("an asset was kept by somebody else meanwhile")


def _row(asset: Asset) -> tuple[Any, ...]:
    return (
        *asset.key,
        asset.account_id,
        asset.serial_number,
        asset.name,
        asset.in_service_since,
        asset.next_visit_on,
        asset.scope.site,
        asset.scope.cost_centre,
        asset.scope.purchase_order,
        asset.reported_at,
        [[one.name, f"{one.value:f}", one.unit, one.taken_at.isoformat()] for one in asset.readings],
    )


def _asset(row: Any) -> Asset:
    return Asset(
        tenant=row.tenant,
        asset_id=row.asset_id,
        account_id=row.account_id,
        serial_number=row.serial_number,
        name=row.name,
        in_service_since=row.in_service_since,
        next_visit_on=row.next_visit_on,
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        reported_at=row.reported_at,
        readings=tuple(
            Reading(name, Decimal(value), unit, datetime.fromisoformat(taken_at))
            for name, value, unit, taken_at in row.readings
        ),
    )

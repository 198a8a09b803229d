"""Assets as the seller tells of them."""

from collections.abc import Sequence

from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.invoicing import store, wire
from services.invoicing.domain import assets as rules
from services.invoicing.domain.assets import Asset
from services.invoicing.usecases.desk import Key


async def hear(tx: Tx, events: Sequence[Event[orders_pb2.AssetReported]]) -> None:
    """Keep what was told of these assets, as far as it is newer than what is known (RULES: newest word)."""
    told = [wire.asset(event) for event in events]
    known = await store.lock_assets(tx, {asset.key for asset in told})
    changed: dict[Key, Asset] = {}
    for asset in told:
        if (kept := rules.hear(known.get(asset.key), asset)) is not None:
            known[asset.key] = changed[asset.key] = kept
    if changed:
        await store.save_assets(tx, list(changed.values()))

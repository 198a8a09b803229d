"""How buyers pay, as the ledger tells it: folded with what else changes what they use."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.credit import store, wire
from services.credit.domain import conduct as domain
from services.credit.domain.conduct import Word
from services.credit.store import Key

LOOK_EVERY = timedelta(days=1)


async def fold(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Note what became of invoices; what was paid very late has its account looked at now. Told again, it changes nothing."""
    told = [one for event in events if (one := wire.told_of_item(event)) is not None]
    if not told:
        return
    known = {}
    if any(one.word is not Word.OPENED or one.sequence is None for one in told):
        known = await store.lock_items(tx, {(one.tenant, one.invoice_id) for one in told})
    changed = domain.fold_all(known, told)
    if not changed:
        return
    looks: dict[Key, tuple[datetime, str]] = {}
    for item in changed:
        key = (item.tenant, item.account_id)
        if item.days_late >= domain.LATE_DAYS:
            looks[key] = (tx.at, domain.LATE)
        else:
            looks.setdefault(key, (tx.at + LOOK_EVERY, ""))
    await store.save_items(tx, changed, looks)

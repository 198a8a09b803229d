"""How buyers pay, as the ledger tells it: folded with what else changes what they use."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.credit import store, wire
from services.credit.domain import conduct as domain
from services.credit.domain import sellers
from services.credit.domain.conduct import Word
from services.credit.domain.underwriting import Value
from services.credit.store import Key
from services.kernel.money import Money

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
    if late := [item for item in changed if item.days_late > domain.ARREAR_DAYS]:
        await store.add_arrears(tx, late)


async def own_facts(tx: Tx, tenant: str, account_id: str, *, currency: str) -> dict[str, Value]:
    """What we know of an account ourselves, as a policy's facts; of a company that has none, nothing."""
    key = (tenant, account_id)
    if (row := await store.get_account(tx, key)) is None or row.currency != currency:
        return {}
    known = (await store.conduct_of(tx, [key], await today(tx, tenant)))[key]
    group = await store.find_path(tx, tenant, row.path) if row.path else []
    return domain.facts_of(known, Money(row.used_minor + row.held_minor, currency), group)


async def today(tx: Tx, tenant: str) -> date:
    """The day at the tenant's first legal entity: what is due is due by its calendar."""
    return tx.at.astimezone(sellers.zone_of(await store.sellers_of(tx, tenant), "")).date()

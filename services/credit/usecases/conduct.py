"""How buyers pay, as the ledger tells it: folded with what else changes what they use."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.credit import store, wire
from services.credit.domain import conduct as domain
from services.credit.domain import sellers
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.conduct import Room, Word
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
    if (account := (await store.read_accounts(tx, [key])).get(key)) is None or account.limit.currency != currency:
        return {}
    known = (await store.conduct_of(tx, [key], await today(tx, tenant)))[key]
    return domain.facts_of(known, currency, await rooms(tx, account))


async def rooms(tx: Tx, account: Account) -> list[Room]:
    """What each node above an account has for others and for it; left out where no rate says it in the account's currency."""
    if not account.path:
        return []
    nodes = await store.find_path(tx, account.tenant, account.path)
    of = {(node.tenant, node.node_id): node for node in nodes}
    book = Book({(account.tenant, account.account_id): account}, at=tx.at, nodes=of)
    await store.read_rates(tx, book)
    own, ours, rates = sum(account.of_group), account.limit.currency, book.rates_of(account.tenant)
    found = []
    for node in nodes:
        limit, others = (
            rates.value(minor, node.limit.currency, ours, book.day)
            for minor in (node.limit.minor, node.used.minor + node.held.minor - own)
        )
        if limit is not None and others is not None:
            found.append(Room(Money(limit, ours), Money(others, ours)))
    return found


async def today(tx: Tx, tenant: str) -> date:
    """The day at the tenant's first legal entity: what is due is due by its calendar."""
    return tx.at.astimezone(sellers.zone_of(await store.sellers_of(tx, tenant), "")).date()

"""Throws away what has served its time: old inbox rows, answers, parked events that are closed, and what a service says."""

import asyncio
from collections.abc import Awaitable, Callable

from services.chassis.database import Database, Tx, is_transient
from services.chassis.logs import log

EVERY_S = 3600.0
# Longer than anything is sent again: a repeat that comes later is left to the business keys.
KEPT_DAYS = 90

AT_ONCE = 10_000  # rows, so that no transaction is long

_OLD = {"inbox": "handled_at", "answer": "at", "parked": "closed_at"}  # each table, and from when its rows count


# Forgets some of what a tenant's business has no right to keep any more; returns how much it was, 0 if nothing is left.
Outdated = Callable[[Tx, str], Awaitable[int]]


async def nothing(_tx: Tx, _tenant: str) -> int:
    """Keeps nothing whose time runs out."""
    return 0


async def clean(database: Database, outdated: Outdated = nothing) -> int:
    """Delete what is older than it is kept; return how many rows. Two replicas at once do no harm."""
    ours = [await _clean(database, table, since) for table, since in _OLD.items()]
    theirs = [await _forget(database, outdated, tenant) for tenant in await database.tenants()]
    return sum(ours) + sum(theirs)


async def _forget(database: Database, outdated: Outdated, tenant: str) -> int:
    total = 0
    while True:
        async with database.transaction([tenant]) as tx:
            forgotten = await outdated(tx, tenant)
        if not forgotten:
            return total
        total += forgotten


async def _clean(database: Database, table: str, since: str) -> int:
    deleted = AT_ONCE
    total = 0
    while deleted == AT_ONCE:
        async with database.transaction(await database.tenants()) as tx:
            deleted = await tx.run(
                f"""DELETE FROM {table} WHERE ctid = ANY (ARRAY (
                      SELECT ctid FROM {table} WHERE {since} < now() - interval '{KEPT_DAYS} days' LIMIT {AT_ONCE}
                        FOR UPDATE SKIP LOCKED))"""  # noqa: S608 - our own words and numbers
            )
        total += deleted
    return total


async def keep_clean(database: Database, outdated: Outdated) -> None:
    """Clean once an hour, for ever."""
    while True:
        try:
            await clean(database, outdated)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("cleaning waits for its next turn", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)

"""Throws away what has served its time: old inbox rows, answers, and parked events that are closed."""

import asyncio

from services.chassis.database import Database, is_transient
from services.chassis.logs import log

EVERY_S = 3600.0
# Longer than anything is sent again: a repeat that comes later is left to the business keys.
KEPT_DAYS = 90

AT_ONCE = 10_000  # rows, so that no transaction is long

_OLD = {"inbox": "handled_at", "answer": "at", "parked": "closed_at"}  # each table, and from when its rows count


async def clean(database: Database) -> int:
    """Delete what is older than it is kept; return how many rows. Two replicas at once do no harm."""
    return sum([await _clean(database, table, since) for table, since in _OLD.items()])


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


async def keep_clean(database: Database) -> None:
    """Clean once an hour, for ever."""
    while True:
        try:
            await clean(database)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("cleaning waits for its next turn", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)

"""Throws away what has served its time: old inbox rows, answers, and parked events that are closed."""

import asyncio

from services.chassis.database import Database, is_transient
from services.chassis.logs import log

EVERY_S = 3600.0
# Longer than anything is sent again: a repeat that comes later is left to the business keys.
KEPT_DAYS = 90

_OLD = (
    f"DELETE FROM inbox WHERE handled_at < now() - interval '{KEPT_DAYS} days'",  # noqa: S608 - our own number
    f"DELETE FROM answer WHERE at < now() - interval '{KEPT_DAYS} days'",  # noqa: S608
    f"DELETE FROM parked WHERE closed_at < now() - interval '{KEPT_DAYS} days'",  # noqa: S608
)


async def clean(database: Database) -> int:
    """Delete what is older than it is kept; return how many rows. Two replicas at once do no harm."""
    async with database.transaction(await database.tenants()) as tx:
        return sum([await tx.run(old) for old in _OLD])


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

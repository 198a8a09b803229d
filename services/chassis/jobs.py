"""Work that the business clock brings: expiries, digests, mails; each job idempotent, done by any replica."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.chassis.database import Database, Tx, is_transient
from services.chassis.logs import log

POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Job:
    """`run` does some of what is due, in transactions of its own, and returns how much; `due` counts what is left.

    Two replicas run the same job at once: claim rows with FOR UPDATE SKIP LOCKED.
    """

    name: str
    run: Callable[[Database], Awaitable[int]]
    due: Callable[[Tx], Awaitable[int]]


async def keep_running(database: Database, job: Job) -> None:
    """Run a job whenever something is due, for ever; what is transient is waited for."""
    while True:
        try:
            done = await job.run(database)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("job waits to try again", job=job.name, error=type(error).__name__)
            done = 0
        if not done:
            await asyncio.sleep(POLL_S)


async def count_due(database: Database, jobs: tuple[Job, ...]) -> int:
    """How much all jobs have left to do by the business clock."""
    async with database.transaction(await database.tenants()) as tx:
        return sum([await job.due(tx) for job in jobs])

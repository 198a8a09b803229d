"""The audit trail of two replicas that are killed while they write and chain: each call once, and one whole chain."""

import asyncio
from functools import partial

import pytest

from deploy.local.processes import wait_until
from services.chassis import chain
from services.chassis.chain import Verified
from services.chassis.database import Database
from tests.chaos.test_chaos_process import PAUSES, Callers, called
from tests.chaos.world import World

_NEW = "SELECT count(*) FROM act WHERE tenant = %s AND number > (SELECT coalesce(max(number), 0) FROM act_link)"


def verified(world: World, tenant: str) -> Verified:
    """What the whole trail says."""

    async def work() -> Verified:
        async with Database(lambda: world.replicas[0].settings["AR_DATABASE_URL"]) as database:
            return await chain.verify(database, tenant)

    return asyncio.run(work())


@pytest.mark.parametrize("pause_s", PAUSES)
def test_replicas_that_are_killed_while_they_write_and_chain_leave_one_whole_trail(
    world: World, tenant: str, pause_s: float
):
    with Callers(world, tenant, pause_s=pause_s, patient=True) as callers:
        for replica in world.replicas:
            wait_until(partial(called, replica), "the callers have found it")
            replica.process.kill()
            world.start_replicas()
        wait_until(partial(called, world.replicas[1]), "the callers have found it again")

    # A busy machine chains slowly, and rests a hundred times as long.
    wait_until(lambda: world.ask(_NEW, tenant) == [0], "all is chained", 120)
    found = verified(world, tenant)
    assert callers.failed == []
    assert (found.acts, found.waiting, found.broken) == (len(callers.answered), 0, None)
    assert max(replica.metric("ar_acts_chained_timestamp_seconds") for replica in world.replicas) > 0

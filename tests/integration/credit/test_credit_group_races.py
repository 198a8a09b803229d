"""Under any race nobody is granted more than the account and its groups may owe, and no sum drifts."""

import asyncio
import os
import time

import pytest

from services.chassis.service import database_of
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import expire
from tests.integration.credit.races import Race, limits_are_what_was_granted, nothing_drifts

# Fewer for a quick look while something is being written: what counts is the million.
OPERATIONS = int(os.environ.get("AR_RACE_OPERATIONS", "1000000"))


async def run(open_service: OpenService, operations: int, batch_most: int) -> Race:
    async with open_service(SERVICE) as parts, database_of(parts.settings) as other:
        race = Race(parts, (parts.database, other), operations, batch_most)
        began = time.monotonic()
        await race.run()
        print(
            f"{race.done.total():,} operations in {time.monotonic() - began:.0f} s: {dict(race.done)}, {dict(race.refused)}"
        )
        await asyncio.sleep(1.1)  # every uplift is over
        await expire(parts)
        async with parts.database.transaction(["acme"]) as tx:
            await nothing_drifts(tx)
            await limits_are_what_was_granted(tx)
            standing = await tx.rows("SELECT FROM limit_uplift WHERE ended_at IS NULL")
        assert standing == []
        return race


async def test_holds_invoices_payments_limits_uplifts_and_moves_at_once_grant_nobody_too_much(
    open_service: OpenService,
):
    race = await run(open_service, operations=2_000, batch_most=10)

    kinds = {"held", "captured", "released", "paid", "limit set", "raised", "moved", "node set", "rate set", "expired"}
    assert race.done.keys() == kinds


@pytest.mark.prove
@pytest.mark.timeout(7200)
async def test_a_million_operations_at_once_grant_nobody_too_much(open_service: OpenService):
    race = await run(open_service, operations=OPERATIONS, batch_most=200)

    assert race.done.total() >= OPERATIONS

"""What an account owes and has reserved is shown by kind, as the ledger and the shop told it."""

from typing import Any

import pytest
from receivables.credit.v1 import exposure_pb2

from tests.integration.credit.desk import (
    Desk,
    Refused,
    applied,
    cancelled,
    numbered,
    opened,
    paid,
    placed,
    register,
    shipped,
    standing,
)


async def shown(desk: Desk, account: str = "b1") -> dict[str, int]:
    """The parts that are not zero, with what they come to."""
    answer: Any = await desk.call("GetExposure", exposure_pb2.GetExposureRequest(account_id=account))
    parts = {
        exposure_pb2.Component.Name(part.component).removeprefix("COMPONENT_"): part.amount.minor
        for part in answer.parts
    }
    assert len(answer.parts) == 6
    assert answer.headroom.minor == answer.limit.minor - answer.exposure.minor
    return {name: minor for name, minor in parts.items() if minor} | {"all": answer.exposure.minor}


async def test_what_ships_is_delivered_until_it_is_invoiced_and_leaves_as_much_headroom(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1", 30_000), placed("o2", 5_000))
    assert await shown(desk) == {"RESERVED": 35_000, "all": 35_000}

    await desk.follow(shipped("o1"))
    assert await shown(desk) == {"DELIVERED": 30_000, "RESERVED": 5_000, "all": 35_000}
    await desk.follow(numbered(opened("o1", 20_000, final=False), 1, standing(20_000)))
    assert await shown(desk) == {"OPEN_ITEMS": 20_000, "DELIVERED": 10_000, "RESERVED": 5_000, "all": 35_000}
    await desk.follow(numbered(opened("o1", 10_000, invoice="i2"), 2, standing(30_000)), cancelled("o2"))
    assert await shown(desk) == {"OPEN_ITEMS": 30_000, "all": 30_000}


async def test_cash_that_met_no_invoice_and_credits_are_less_until_they_are_taken(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1", 30_000), numbered(opened("o1", 30_000), 1, standing(30_000)))
    await desk.follow(numbered(paid(12_000), 2, standing(30_000, 12_000, 4_000)))
    assert await shown(desk) == {"OPEN_ITEMS": 30_000, "UNAPPLIED": 12_000, "CREDITS": 4_000, "all": 14_000}

    await desk.follow(numbered(applied(minor=12_000), 3, standing(18_000, 0, 4_000)))
    assert await shown(desk) == {"OPEN_ITEMS": 18_000, "CREDITS": 4_000, "all": 14_000}


async def test_the_exposure_of_nobody_is_not_shown(desk: Desk):
    with pytest.raises(Refused) as refused:
        await shown(desk, "nobody")
    assert refused.value.code == "buyer.unknown"

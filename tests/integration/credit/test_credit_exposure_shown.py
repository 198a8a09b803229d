"""What an account owes and has reserved is shown by kind, as the ledger and the shop told it."""

from datetime import timedelta
from typing import Any

import pytest
from receivables.credit.v1 import events_pb2, exposure_pb2

from tests.integration.credit.desk import (
    Desk,
    Refused,
    applied,
    bodies,
    cancelled,
    eur,
    numbered,
    opened,
    paid,
    placed,
    register,
    set_clock,
    shipped,
    standing,
)
from tests.integration.credit.test_credit_uplifts import NINE, stamp


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


async def secure(desk: Desk, name: str = "s1", minor: int = 20_000, **changes: Any) -> Any:
    said: dict[str, Any] = {"account_id": "b1", "kind": events_pb2.SECURITY_KIND_INSURANCE, "coverage": "0.9"}
    request = exposure_pb2.SetSecurityRequest(security_id=name, amount=eur(minor), **said | changes)
    return (await desk.call("SetSecurity", request)).security


async def covered(desk: Desk) -> tuple[int, int]:
    """What securities would pay today, and the rest."""
    answer = await desk.call("GetExposure", exposure_pb2.GetExposureRequest(account_id="b1"))
    return answer.secured.minor, answer.unsecured.minor


async def test_securities_pay_what_they_cover_while_they_are_valid_and_no_more_than_is_owed(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1", 30_000))
    assert await covered(desk) == (0, 30_000)

    await secure(desk)
    assert await covered(desk) == (18_000, 12_000)
    later = stamp(NINE + timedelta(days=1))
    await secure(desk, "s2", 5_001, kind=events_pb2.SECURITY_KIND_LC, coverage="0.3333", valid_from=later)
    assert await covered(desk) == (18_000, 12_000)
    await set_clock(desk.parts, NINE + timedelta(days=1))
    assert await covered(desk) == (19_666, 10_334), "rounded down"
    await secure(desk, minor=1_000_000)  # all of it is said again
    assert await covered(desk) == (30_000, 0)
    for _ in range(2):
        await desk.call("EndSecurity", exposure_pb2.EndSecurityRequest(security_id="s1"))
    assert await covered(desk) == (1_666, 28_334)

    listed = (await desk.call("ListSecurities", exposure_pb2.ListSecuritiesRequest(account_id="b1"))).securities
    assert [(one.security_id, one.coverage) for one in listed] == [("s2", "0.3333")]
    told = await bodies(desk.parts, events_pb2.SecurityChanged)
    assert [(one.security_id, one.ended) for one in told] == [("s1", False), ("s2", False), ("s1", False), ("s1", True)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "security.incomplete"),
        ({"kind": 0}, "security.kind"),
        ({"minor": 0}, "security.amount_not_positive"),
        ({"coverage": "0"}, "security.coverage"),
        ({"coverage": "1.0001"}, "security.coverage"),
        ({"coverage": "0.33333"}, "security.coverage"),
        ({"coverage": ""}, "number.malformed"),
        ({"valid_until": stamp(NINE)}, "security.until_before_from"),
        ({"account_id": "nobody"}, "buyer.unknown"),
        ({"account_id": "b2", "name": "taken"}, "security.exists"),
        ({"name": "ended"}, "security.exists"),
    ],
)
async def test_a_security_that_would_never_pay_is_refused(desk: Desk, changes: dict[str, Any], code: str):
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    for name in ("taken", "ended"):
        await secure(desk, name)
    await desk.call("EndSecurity", exposure_pb2.EndSecurityRequest(security_id="ended"))

    with pytest.raises(Refused) as refused:
        await secure(desk, **changes)
    assert refused.value.code == code


async def test_the_exposure_of_nobody_is_not_shown(desk: Desk):
    with pytest.raises(Refused) as refused:
        await shown(desk, "nobody")
    assert refused.value.code == "buyer.unknown"

"""Credits at one person's word: within what two persons approved before, never more, whoever is at it at once."""

import asyncio
from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2, standing_pb2
from receivables.disputes.v1 import standing_pb2 as calls

from tests.integration.disputes.desk import MONDAY, Desk, Refused, issued


async def grant(desk: Desk, most: int = 100, period: int = 250, *, by: str = "user:lea") -> None:
    until = Timestamp()
    until.FromDatetime(MONDAY + timedelta(days=90))
    bounds = standing_pb2.StandingBounds(
        kinds=[standing_pb2.STANDING_KIND_CREDIT],
        categories=["QTY_SHORT"],
        act_most=money_pb2.Money(minor=most, currency="EUR"),
        period_most=money_pb2.Money(minor=period, currency="EUR"),
        period_count=100,
        period_days=30,
        valid_until=until,
    )
    await desk.call("GrantStandingApproval", calls.GrantStandingApprovalRequest(approval_id="s1", bounds=bounds), by=by)
    await desk.call("ConfirmStandingApproval", calls.ConfirmStandingApprovalRequest(approval_id="s1"), by="user:max")


async def proposed(desk: Desk, cents: int = 100, invoice: str = "i1", by: str = "user:bo") -> Any:
    return await desk.move(await desk.open(cents=cents, invoice=invoice), "REVIEW", "PROPOSE", by=by)


async def outcome(desk: Desk, case: Any, resolution: str = "FULL_CREDIT", by: str = "user:bo") -> str:
    try:
        await desk.resolve(case, resolution, by=by)
    except Refused as refused:
        return refused.code
    return ""


async def test_who_proposed_a_small_credit_resolves_it_alone_until_the_period_is_spent_or_it_is_revoked(desk: Desk):
    await grant(desk)

    assert await outcome(desk, await proposed(desk)) == ""
    assert await outcome(desk, await proposed(desk, 101)) == "dispute.four_eyes"
    assert await outcome(desk, await proposed(desk), "INVALID_PAYABLE") == "dispute.four_eyes", "a no is no credit"
    assert await outcome(desk, await proposed(desk, by="user:max"), by="user:max") == "dispute.four_eyes"
    assert [await outcome(desk, await proposed(desk)) for _ in range(2)] == ["", "dispute.four_eyes"]
    used = [body.use.amount.minor for kind, body in await desk.told() if kind == "StandingApprovalUsed"]
    assert used == [100, 100]

    await desk.set_clock(MONDAY + timedelta(days=30))
    case, other = await proposed(desk), await proposed(desk)
    assert await outcome(desk, case) == ""
    await desk.call("RevokeStandingApproval", calls.RevokeStandingApprovalRequest(approval_id="s1"))
    assert await outcome(desk, other) == "dispute.four_eyes"
    assert await outcome(desk, other, by="user:cy") == "", "two persons may as ever"


async def test_eight_at_once_credit_no_more_than_a_period_has(desk: Desk):
    await grant(desk, period=300)
    await desk.follow(*(issued(f"n{nth}") for nth in range(8)))
    cases = [await proposed(desk, invoice=f"n{nth}") for nth in range(8)]

    found = await asyncio.gather(*(outcome(desk, case) for case in cases))

    assert sorted(found) == [""] * 3 + ["dispute.four_eyes"] * 5

"""Standing approvals of credit: granted by two, used within their bounds under any race, revoked at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import standing_pb2
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2
from receivables.credit.v1 import standing_pb2 as calls

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import (
    Desk,
    Refused,
    account_of,
    bodies,
    cancelled,
    eur,
    hold_of,
    paid,
    placed,
    register,
    set_clock,
)

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RELEASE, UPLIFT = standing_pb2.STANDING_KIND_RELEASE_ORDER, standing_pb2.STANDING_KIND_UPLIFT
NEAR = ("REFERRED", ["near_limit"])
RELEASED = ("APPROVED", ["standing_approval"])


def bounds(
    *, most: int = 110_000, period: int = 250_000, count: int = 10, **fields: Any
) -> standing_pb2.StandingBounds:
    until = Timestamp()
    until.FromDatetime(fields.pop("until", NINE + 60 * DAY))
    usual: dict[str, Any] = {"kinds": [RELEASE], "period_days": 30, "valid_until": until}
    return standing_pb2.StandingBounds(
        act_most=eur(most), period_most=eur(period), period_count=count, **usual | fields
    )


async def grant(desk: Desk, name: str = "s1", *, account: str = "b1", by: str = "user:ada", **fields: Any) -> Any:
    request = calls.GrantStandingApprovalRequest(approval_id=name, account_id=account, bounds=bounds(**fields))
    return (await desk.call("GrantStandingApproval", request, by=by)).approval


async def confirm(desk: Desk, name: str = "s1", *, by: str = "user:bo") -> Any:
    request = calls.ConfirmStandingApprovalRequest(approval_id=name)
    return (await desk.call("ConfirmStandingApproval", request, by=by)).approval


async def revoke(desk: Desk, name: str = "s1") -> None:
    await desk.call("RevokeStandingApproval", calls.RevokeStandingApprovalRequest(approval_id=name))


async def listed(desk: Desk, account: str = "") -> list[Any]:
    request = calls.ListStandingApprovalsRequest(account_id=account)
    return list((await desk.call("ListStandingApprovals", request)).approvals)


async def uses(desk: Desk, name: str = "s1") -> list[tuple[str, int]]:
    request = calls.ListStandingUsesRequest(approval_id=name)
    return [(use.act, use.amount.minor) for use in (await desk.call("ListStandingUses", request)).uses]


async def test_an_order_near_its_limit_goes_on_by_what_two_persons_approved_until_one_revokes_it(desk: Desk):
    await register(desk.parts)
    await grant(desk)
    assert await desk.reasons("waits", 105_000) == NEAR, "one person's word is none"
    await confirm(desk)

    assert await desk.reasons("o1", 105_000) == RELEASED
    assert await desk.reasons("o1", 105_000) == RELEASED, "asked again"
    assert await account_of(desk.parts) == (0, 105_000)
    hold = await hold_of(desk.parts, "o1")
    assert (hold.state, hold.held_minor) == ("HELD", 105_000)
    [approval] = await listed(desk)
    assert (approval.stands, approval.used.minor, approval.used_count) == (True, 105_000, 1)
    assert await uses(desk) == [("order/o1/1", 105_000)]
    [used] = await bodies(desk.parts, events_pb2.StandingApprovalUsed)
    assert (used.use.approval_id, used.use.act) == ("s1", "order/o1/1")
    decided = [body for body in await bodies(desk.parts, events_pb2.CreditDecided) if body.order_id == "o1"]
    assert [body.outcome for body in decided] == [events_pb2.OUTCOME_APPROVED], "told once"

    await desk.follow(cancelled("o1"))
    await revoke(desk)
    await revoke(desk)
    assert await desk.reasons("o2", 105_000) == NEAR
    [approval] = await listed(desk, "b1")
    assert (approval.stands, approval.revoked_by) == (False, "user:ada")
    with pytest.raises(Refused) as refused:
        await confirm(desk)
    assert refused.value.code == "standing.over"


async def test_two_persons_stand_behind_it_and_neither_is_released_by_their_own_word(desk: Desk):
    await register(desk.parts)
    assert (await grant(desk)).confirmed_by == ""
    await grant(desk)  # the same again
    for by in ("user:ada", "user:bo for user:ada"):
        with pytest.raises(Refused) as refused:
            await confirm(desk, by=by)
        assert refused.value.code == "standing.four_eyes"
    await confirm(desk)
    await grant(desk)
    with pytest.raises(Refused) as refused:
        await grant(desk, most=1)
    assert refused.value.code == "standing.exists"

    for nth, by in enumerate(("user:ada", "user:bo", "user:cy for user:bo")):
        assert await desk.reasons(f"own{nth}", 105_000, by=by) == NEAR
    assert await desk.reasons("o1", 105_000, by="user:cy") == RELEASED


async def test_no_hold_no_doubt_and_no_group_is_lifted(desk: Desk):
    await register(desk.parts)
    await grant(desk, account="")
    await confirm(desk)
    node = exposure_pb2.RegisterNodeRequest(node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=eur(104_000))
    await desk.call("RegisterNode", node)
    await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id="b1", parent_id="g"))
    assert await desk.reasons("group", 105_000) == NEAR
    await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id="b1"))

    assert (await desk.reasons("above", 111_000))[0] == "DECLINED"
    assert await desk.reasons("within", 1_000) == ("APPROVED", ["within_limit"])
    hold = service_pb2.PlaceHoldRequest(hold_id="h", account_id="b1", reason_code="overdue")
    await desk.call("PlaceHold", hold)
    assert await desk.reasons("held", 105_000) == ("DECLINED", ["account_on_hold"])
    assert await uses(desk) == []


async def test_a_period_has_room_for_so_much_and_the_next_for_as_much_again(desk: Desk):
    await register(desk.parts)
    await grant(desk, count=2)
    await confirm(desk)
    found = []
    for nth in range(3):
        found.append(await desk.reasons(f"o{nth}", 105_000))
        await desk.follow(cancelled(f"o{nth}"))
    assert found == [RELEASED, RELEASED, NEAR]

    await set_clock(desk.parts, NINE + 30 * DAY)
    assert await desk.reasons("later", 105_000) == RELEASED
    await desk.follow(cancelled("later"))
    await set_clock(desk.parts, NINE + 60 * DAY)
    assert await desk.reasons("over", 105_000) == NEAR, "at its last instant"


async def test_in_one_batch_what_comes_after_an_order_counts_before_it_is_released(desk: Desk):
    await register(desk.parts)
    await grant(desk)
    await confirm(desk)

    await desk.follow(placed("near", 105_000), placed("fits", 20_000), placed("gone", 85_000), cancelled("gone"))

    assert (await hold_of(desk.parts, "near")).state == "REFERRED", "it is over the limit by more than a little by now"
    assert (await hold_of(desk.parts, "fits")).state == "HELD"
    assert (await hold_of(desk.parts, "gone")).state == "RELEASED"
    await desk.follow(placed("anew", 85_000), placed("anew", 84_000, version=2), paid(1_000))
    anew = await hold_of(desk.parts, "anew")
    assert (anew.version, anew.state, anew.held_minor) == (2, "HELD", 84_000)
    assert await uses(desk) == [("order/anew/2", 84_000)]
    await account_of(desk.parts)


async def test_more_credit_for_a_while_counts_at_once_within_the_bounds(desk: Desk):
    await register(desk.parts)
    await grant(desk, kinds=[UPLIFT], most=50_000, period=80_000, categories=["season"])
    await confirm(desk)

    async def ask(name: str, minor: int, reason: str = "season", by: str = "user:cy") -> Any:
        until = Timestamp()
        until.FromDatetime(NINE + DAY)
        request = exposure_pb2.GrantUpliftRequest(
            uplift_id=name, account_id="b1", amount=eur(minor), reason_code=reason, valid_until=until
        )
        return (await desk.call("GrantUplift", request, by=by)).uplift.approved_by

    assert await ask("u1", 50_000) == "system:standing"
    assert (await desk.account()).limit.minor == 150_000
    assert [await ask("u2", 30_001), await ask("u3", 10, "project"), await ask("u4", 10, by="user:ada")] == ["", "", ""]
    assert await ask("u5", 30_000) == "system:standing"
    assert await uses(desk) == [("uplift/u5", 30_000), ("uplift/u1", 50_000)]


async def test_sixteen_at_once_on_two_replicas_use_no_more_than_a_period_has(desks: tuple[Desk, Desk]):
    one, two = desks
    now = datetime.now(UTC)
    for nth in range(16):
        await register(one.parts, f"b{nth}")
    await grant(one, account="", period=1_000_000, count=5, until=now + 60 * DAY)
    await confirm(one)

    found = await asyncio.gather(
        *((one, two)[nth % 2].reasons(f"o{nth}", 105_000, account=f"b{nth}") for nth in range(16))
    )

    assert sorted(found) == [RELEASED] * 5 + [NEAR] * 11
    assert len(await uses(one)) == 5


async def test_what_is_decided_while_somebody_revokes_is_before_or_after_it(desks: tuple[Desk, Desk]):
    one, two = desks
    for nth in range(12):
        await register(one.parts, f"b{nth}")
    await grant(one, account="", period=10_000_000, count=100, until=datetime.now(UTC) + 60 * DAY)
    await confirm(one)

    async def decide(nth: int) -> tuple[str, list[str]]:
        return await (one, two)[nth % 2].reasons(f"o{nth}", 105_000, account=f"b{nth}")

    found = await asyncio.gather(*map(decide, range(5)), revoke(two), *map(decide, range(5, 10)))
    assert await decide(10) == NEAR
    [approval] = await listed(one)
    async with one.parts.database.transaction(["acme"]) as tx:
        late = await tx.rows("SELECT FROM standing_use WHERE used_at > %s", [approval.revoked_at.ToDatetime(UTC)])
    assert (late, sum(one == RELEASED for one in found)) == ([], len(await uses(one)))


async def test_standing_approvals_and_their_uses_follow_from_what_was_told(desk: Desk, open_service: OpenService):
    await register(desk.parts)
    await grant(desk)
    await grant(desk, "s2", account="", kinds=[RELEASE, UPLIFT], categories=["season"])
    await grant(desk, "s3")
    await confirm(desk)
    await confirm(desk, "s2")
    await desk.reasons("o1", 105_000)
    await revoke(desk, "s2")

    async with open_service(SERVICE) as anew:
        async with desk.parts.database.transaction(()) as tx:
            rows = await tx.rows("SELECT * FROM outbox ORDER BY id")
        types = types_of("receivables.credit.v1", dict.fromkeys(FOLD.own))  # type: ignore[arg-type]
        async with anew.database.transaction(["acme"]) as tx:
            for row in rows:
                event = decode(Record(row.topic, 0, 0, row.key.encode(), bytes(row.payload), row.headers), types)
                tx.at = event.at
                await FOLD.own[type(event.body)](tx, event, None)
        for table in ("standing_approval", "standing_use", "hold"):
            found = []
            for parts in (desk.parts, anew):
                async with parts.database.transaction(["acme"]) as tx:
                    found.append(await tx.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1"))
            assert found[0] == found[1], table
            assert found[0], table

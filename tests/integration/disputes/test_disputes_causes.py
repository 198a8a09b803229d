"""Causes of cases through the door: counted, and what repeats opens one action, whose recurrence is seen."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from receivables.disputes.v1 import causes_pb2, events_pb2

from tests.integration.disputes.desk import MONDAY, Desk, Refused, issued

BY = causes_pb2.CountBy


async def settled(desk: Desk, nth: int, cause: str = "PICKING", account: str = "b1", line: str = "1") -> Any:
    """A case on one unit of a line of an invoice of its own, credited for a cause."""
    await desk.follow(issued(f"n{nth}", account=account))
    case = await desk.open((line, "1"), invoice=f"n{nth}", by="user:di")
    await desk.move(case, "REVIEW", "PROPOSE")
    return await desk.resolve(case, "FULL_CREDIT", cause=cause)


async def actions(desk: Desk, **asked: Any) -> list[Any]:
    return list((await desk.call("ListActions", causes_pb2.ListActionsRequest(**asked))).actions)


async def counted(desk: Desk, by: Any) -> dict[tuple[str, str], int]:
    found = await desk.call("GetCauses", causes_pb2.GetCausesRequest(by=by))
    return {(one.cause, one.about): one.cases for one in found.counts}


async def move(desk: Desk, action: Any, step: Any) -> Any:
    return await desk.call("MoveAction", causes_pb2.MoveActionRequest(action_id=action.action_id, step=step))


async def test_cases_are_counted_by_what_they_have_in_common_for_ninety_days(desk: Desk):
    await settled(desk, 1)
    await settled(desk, 2, "", account="b2", line="3")  # presumed of QTY_SHORT
    await settled(desk, 3, "CARRIER")

    assert await counted(desk, BY.COUNT_BY_CAUSE) == {("PICKING", ""): 2, ("CARRIER", ""): 1}
    assert await counted(desk, BY.COUNT_BY_BUYER) == {
        ("PICKING", "b1"): 1,
        ("PICKING", "b2"): 1,
        ("CARRIER", "b1"): 1,
    }
    assert await counted(desk, BY.COUNT_BY_ITEM) == {
        ("PICKING", "sku-1"): 1,
        ("PICKING", "sku-3"): 1,
        ("CARRIER", "sku-1"): 1,
    }
    [named, *_] = (await desk.call("GetCauses", causes_pb2.GetCausesRequest())).counts
    assert (named.cases, named.named) == (2, 1)
    await desk.set_clock(MONDAY + timedelta(days=90))
    assert await counted(desk, BY.COUNT_BY_SITE) == {}


async def test_three_of_one_cause_and_item_open_one_action_whose_recurrence_is_seen(desk: Desk):
    for nth, account in enumerate(("b1", "b2", "b3", "b4")):
        await settled(desk, nth, account=account)

    [action] = await actions(desk)
    assert (action.cause, action.kind, action.about, action.cases) == (
        "PICKING",
        events_pb2.CAUSE_KIND_ITEM,
        "sku-1",
        3,
    )
    assert (action.owner, action.due_on) == ("LOGISTICS", "2026-03-16")
    assert [kind for kind, _ in await desk.told()].count("ActionOpened") == 1

    await move(desk, action, causes_pb2.ACTION_STEP_START)
    await move(desk, action, causes_pb2.ACTION_STEP_FINISH)
    with pytest.raises(Refused) as refused:
        await move(desk, action, causes_pb2.ACTION_STEP_VERIFY)
    assert refused.value.code == "action.too_early"
    await desk.set_clock(MONDAY + timedelta(days=30))
    await settled(desk, 10)

    assert await actions(desk) == []
    [again] = await actions(desk, all=True)
    assert (again.state, again.recurrences) == (events_pb2.ACTION_STATE_RECURRED, 1)
    # Two more since it was done are enough for the next.
    await settled(desk, 11, account="b5")
    await settled(desk, 12, account="b6")
    [new] = await actions(desk)
    assert new.action_id != action.action_id


async def test_three_at_once_with_one_buyer_open_one_action(desk: Desk):
    cases = []
    for nth in range(3):
        await desk.follow(issued(f"n{nth}"))
        cases.append(await desk.move(await desk.open(cents=100, invoice=f"n{nth}"), "REVIEW", "PROPOSE"))

    await asyncio.gather(*(desk.resolve(case, "FULL_CREDIT", cause="CARRIER") for case in cases))

    [action] = await actions(desk)
    assert (action.kind, action.about) == (events_pb2.CAUSE_KIND_BUYER, "b1")


async def test_a_cause_that_there_is_not_ends_no_case(desk: Desk):
    case = await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE")

    with pytest.raises(Refused) as refused:
        await desk.resolve(case, "FULL_CREDIT", cause="WEATHER")

    assert refused.value.code == "dispute.unknown_cause"
    assert (await desk.get(case)).dispute.presumed_cause == "PICKING"

"""Lists of cases as a desk needs them: the newest first, and what waits for a side by the day that was promised."""

from datetime import timedelta
from typing import Any

import pytest
from receivables.disputes.v1 import events_pb2, service_pb2

from tests.integration.disputes.desk import MONDAY, Desk, Refused, issued

NEWEST = service_pb2.LIST_ORDER_NEWEST_FIRST
SELLER, BUYER = service_pb2.LIST_ORDER_WAITING_FOR_SELLER, service_pb2.LIST_ORDER_WAITING_FOR_BUYER


async def listed(desk: Desk, **wanted: Any) -> list[str]:
    """The ids of all pages, each of two."""
    request = service_pb2.ListDisputesRequest(page_size=2, **wanted)
    found: list[str] = []
    while True:
        answer = await desk.call("ListDisputes", request)
        found += [case.dispute_id for case in answer.disputes]
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def five_cases(desk: Desk) -> list[str]:
    """Opened on days that go back, so that the newest was promised first; the last two of another account."""
    await desk.follow(issued("i2", account="b2"))
    ids = []
    for nth in range(5):
        await desk.set_clock(MONDAY - timedelta(days=7 * nth))
        case = await desk.open(cents=100, invoice="i1" if nth < 3 else "i2")
        ids.append(case.dispute_id)
    return ids


async def test_cases_are_listed_the_newest_first(desk: Desk):
    ids = await five_cases(desk)

    assert await listed(desk, order=NEWEST) == ids[::-1]
    assert await listed(desk, order=NEWEST, account_id="b1") == ids[2::-1]
    assert await listed(desk, order=NEWEST, state=events_pb2.STATE_ACKNOWLEDGED) == ids[::-1]
    assert await listed(desk) == ids


async def test_what_waits_for_the_seller_comes_by_the_day_that_was_promised_and_what_waits_for_the_buyer_apart(
    desk: Desk,
):
    ids = await five_cases(desk)
    await desk.move(_named(ids[0]), "REVIEW", "ASK_CUSTOMER", missing="a photo")
    await desk.move(_named(ids[3]), "REVIEW", "PROPOSE")
    await desk.move(_named(ids[4]), "WITHDRAW")

    assert await listed(desk, order=SELLER) == [ids[2], ids[1]]
    assert await listed(desk, order=SELLER, account_id="b2") == []
    assert await listed(desk, order=BUYER) == [ids[3], ids[0]]
    assert await listed(desk, order=BUYER, account_id="b1") == [ids[0]]


async def test_what_waits_is_of_no_one_state_and_an_order_that_nobody_knows_is_refused(desk: Desk):
    for wanted in ({"order": SELLER, "state": events_pb2.STATE_PROPOSED}, {"order": 99}):
        with pytest.raises(Refused) as refused:
            await listed(desk, **wanted)
        assert refused.value.code == "dispute.unknown_order"


def _named(dispute_id: str) -> Any:
    return service_pb2.Dispute(dispute_id=dispute_id)

"""A case that nobody answers in time, and one that becomes two and one again, as all five services tell and book it."""

from datetime import UTC, datetime
from typing import Any

from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.ledger.v1 import service_pb2 as ledger_calls
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import service_pb2 as notifications_calls
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub

from tests.integration.house.house import House
from tests.integration.house.test_house_edges import Edge, Trade
from tests.integration.house.test_house_scenarios import invoiced


async def told(house: House, contact_id: str) -> list[Any]:
    """What somebody heard of cases, in order."""
    request = notifications_calls.ListMessagesRequest(contact_id=contact_id)
    messages = (await house.call(NotificationsServiceStub, "ListMessages", request)).messages
    return [one for one in messages if one.about.startswith("dispute/")][::-1]


async def at_work(house: House, contact_id: str, *roles: str) -> None:
    request = notifications_calls.RegisterContactRequest(
        contact_id=contact_id, name=contact_id, email=f"{contact_id}@seller.example", roles=roles, language="en"
    )
    await house.call(NotificationsServiceStub, "RegisterContact", request)


async def test_a_case_that_waits_too_long_is_told_to_both_sides_before_and_after_and_memo_follows_its_lines(
    house: House,
):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    for contact_id, role in (("dora", "DISPUTE_OWNER"), ("lo", "LOGISTICS"), ("sal", "SALES")):
        await at_work(house, contact_id, role)
    line = invoice.lines[0]

    async def call(method: str, request: Any, actor: str = "user:dora") -> Any:
        return await house.call(DisputesServiceStub, method, request, actor=actor)

    async def disputed() -> int:
        await house.settle()
        request = ledger_calls.GetAccountRequest(account_id=trade.account)
        [balance] = (await house.call(LedgerServiceStub, "GetAccount", request)).balances
        return int(balance.disputed.minor)

    wish = disputes_calls.OpenRequest(
        invoice=invoice.invoice_id,
        reason_code="DLV_NONE",
        lines=[disputes_pb2.DisputedLine(line_id=line.line_id, quantity=line.quantity)],
    )
    case = (await call("Open", wish, "contact:c1")).dispute
    await call("Assign", disputes_calls.AssignRequest(dispute_id=case.number, owner="user:lo"))
    assert await disputed() == case.amount.minor

    half = disputes_pb2.DisputedLine(line_id=line.line_id, quantity=f"{float(line.quantity) / 2:g}")
    parted = await call("Split", disputes_calls.SplitRequest(dispute_id=case.number, lines=[half]))
    assert parted.dispute.amount.minor + parted.split_off.amount.minor == await disputed() == case.amount.minor
    await call("Merge", disputes_calls.MergeRequest(dispute_id=parted.split_off.number, into=case.number))
    assert await disputed() == case.amount.minor

    await house.set_clock(datetime(2026, 3, 9, 9, tzinfo=UTC))
    await house.settle()
    assert [one.event_type.rpartition(".")[2] for one in await told(house, "lo")] == ["DisputeAtRisk"]
    await house.set_clock(datetime(2026, 3, 9, 17, tzinfo=UTC))
    await house.settle()

    [late] = house.said(disputes_pb2.DisputeLate)
    assert (late.promised_by, late.answer_by, late.level) == ("2026-03-09", "2026-03-11", 1)
    for contact_id in ("c1", "dora", "lo", "sal"):
        heard = (await told(house, contact_id))[-1]
        assert (heard.event_type.rpartition(".")[2], heard.by_when) == ("DisputeLate", "2026-03-11"), contact_id
    await house.set_clock(datetime(2026, 3, 11, 17, tzinfo=UTC))
    await house.settle()
    assert [one.level for one in house.said(disputes_pb2.DisputeLate)] == [1, 2]
    assert (await told(house, "sal"))[-1].weight == "ACT"
    assert await house.waiting() == []

"""One cause behind many cases, through the door: joined, told once to each, ended together under each case's own rules."""

import asyncio
from typing import Any

import pytest
from receivables.disputes.v1 import events_pb2, incidents_pb2

from services.chassis.workers import Work, drain
from services.disputes import joining
from tests.integration.disputes.desk import Desk, Refused, issued

FULL = events_pb2.RESOLUTION_FULL_CREDIT


async def cases_of(desk: Desk, accounts: tuple[str, ...] = ("b1", "b1", "b2"), by: str = "contact:ann") -> list[Any]:
    """A case on line 1 of an invoice each."""
    opened = []
    for nth, account in enumerate(accounts):
        await desk.follow(issued(f"n{nth}", account=account))
        opened.append(await desk.open(("1", "1"), invoice=f"n{nth}", by=by))
    return opened


async def an_incident(desk: Desk, by: str = "user:bo", **wanted: str) -> Any:
    request = incidents_pb2.OpenIncidentRequest(title_code="QTY_SHORT", **(wanted or {"sku": "sku-1"}))
    return (await desk.call("OpenIncident", request, by=by)).incident


async def shown(desk: Desk, incident: Any) -> Any:
    return await desk.call("GetIncident", incidents_pb2.GetIncidentRequest(incident_id=incident.incident_id))


async def propose(desk: Desk, incident: Any, by: str = "user:bo") -> None:
    request = incidents_pb2.ProposeIncidentEndRequest(incident_id=incident.incident_id, resolution=FULL)
    await desk.call("ProposeIncidentEnd", request, by=by)


async def approve(desk: Desk, incident: Any, by: str = "user:cy") -> str:
    request = incidents_pb2.ApproveIncidentEndRequest(incident_id=incident.incident_id)
    try:
        await desk.call("ApproveIncidentEnd", request, by=by)
    except Refused as refused:
        return refused.code
    return ""


async def told(desk: Desk, kind: str) -> list[Any]:
    return [body for name, body in await desk.told() if name == kind]


async def end(desk: Desk) -> None:
    await drain(desk.parts.consumer, [Work(joining.END, joining.end_cases)])


async def test_all_who_are_concerned_hear_of_it_once_each_time_it_is_told(desk: Desk):
    opened = await cases_of(desk)
    incident = await an_incident(desk)

    assert incident.cases == 3
    first = await told(desk, "IncidentMoved")
    assert [(one.account_id, len(one.cases)) for one in first] == [("b1", 2), ("b2", 1)]
    request = incidents_pb2.MoveIncidentRequest(
        incident_id=incident.incident_id, progress=events_pb2.INCIDENT_PROGRESS_MENDING, promised_on="2026-03-09"
    )
    await desk.call("MoveIncident", request, key="k1")
    await desk.call("MoveIncident", request, key="k1")
    later = (await told(desk, "IncidentMoved"))[2:]
    assert [(one.account_id, one.promised_on) for one in later] == [("b1", "2026-03-09"), ("b2", "2026-03-09")]
    # Who joins later hears of it, and nobody who has heard.
    await desk.follow(issued("late", account="b3"))
    late = await desk.open(cents=100, invoice="late", by="user:di")
    join = incidents_pb2.JoinIncidentRequest(
        incident_id=incident.incident_id, dispute_ids=[late.number, opened[0].number]
    )
    assert (await desk.call("JoinIncident", join)).joined == 1
    assert [one.account_id for one in (await told(desk, "IncidentMoved"))[4:]] == ["b3"]


async def test_a_case_belongs_to_one_incident_though_two_are_opened_at_once(desk: Desk):
    await cases_of(desk)

    both = await asyncio.gather(an_incident(desk), an_incident(desk, reason_code="QTY_SHORT"))

    assert sum(one.cases for one in both) == 3
    with pytest.raises(Refused) as refused:
        await an_incident(desk, from_day="", to_day="")
    assert refused.value.code == "incident.filter_empty"


async def test_its_cases_end_at_two_persons_words_each_under_its_own_rules(desk: Desk):
    mine, *others = await cases_of(desk, by="user:bo")
    others += [await desk.open(("1", "1"), invoice="n1", by="contact:ann")]
    asked = await desk.move(others[-1], "REVIEW", by="user:di")
    asked = await desk.move(asked, "ASK_CUSTOMER", missing="a photo", by="user:di")
    incident = await an_incident(desk)
    await propose(desk, incident, by="user:di")

    assert await approve(desk, incident, by="user:di") == "incident.four_eyes"
    assert await approve(desk, incident, by="user:bo") == ""
    await end(desk)

    answer = await shown(desk, incident)
    outcomes = {one.dispute_id: one.outcome for one in answer.cases}
    assert outcomes[mine.dispute_id] == "dispute.own_case", "who approved it had opened it"
    assert outcomes[asked.dispute_id] == "incident.case_not_ready"
    assert answer.incident.state == events_pb2.INCIDENT_STATE_ENDED
    await end(desk)
    assert len(await told(desk, "IncidentCaseEnded")) == 4


async def test_each_case_is_credited_once_however_often_it_is_tried(desk: Desk):
    opened = await cases_of(desk)
    incident = await an_incident(desk)
    await propose(desk, incident)
    both = await asyncio.gather(approve(desk, incident), approve(desk, incident, by="user:di"))
    assert sorted(both) == ["", "incident.not_proposed"]

    await asyncio.gather(end(desk), end(desk))

    answer = await shown(desk, incident)
    assert [one.outcome for one in answer.cases] == ["RESOLVED"] * 3
    resolved = await told(desk, "DisputeResolved")
    assert sorted(one.dispute_id for one in resolved) == sorted(one.dispute_id for one in opened)
    assert {one.cause for one in resolved} == {"PICKING"}
    resolver = answer.incident.approved_by
    history = (await desk.get(opened[0])).history
    assert [step.actor for step in history[2:]] == ["user:bo", "user:bo", resolver, resolver]

"""Responses, causes and incidents follow from what was told of them: but for what people wrote."""

from datetime import timedelta

from receivables.disputes.v1 import causes_pb2, events_pb2, incidents_pb2, responses_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.chassis.workers import Work, drain
from services.disputes import joining
from services.disputes.domain import responses
from services.disputes.rebuild import FOLD
from services.disputes.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.disputes.desk import MONDAY, Desk, issued
from tests.unit.disputes.spoken import said

# And what of each is on no topic.
TABLES = {
    "dispute": {"description"},
    "response": {"words"},
    "dispute_cause": set[str](),
    "dispute_cause_item": set[str](),
    "corrective_action": set[str](),
    "incident": set[str](),
    "incident_case": set[str](),
}


async def business(desk: Desk) -> None:
    """Three rejections of one item that end together as an incident, what is done about it, and one more of them."""
    for nth in range(3):
        await desk.follow(issued(f"n{nth}"))
        content = responses.write(said("RE", invoice_number=f"N-n{nth}", words="call me"))
        await desk.call("ReadResponse", responses_pb2.ReadResponseRequest(content=content), by="key:edi")
    case = await desk.open(("1", "1"), by="user:di")
    opening = incidents_pb2.OpenIncidentRequest(title_code="QTY_SHORT", reason_code="QTY_SHORT")
    incident = (await desk.call("OpenIncident", opening)).incident.incident_id
    progress = events_pb2.INCIDENT_PROGRESS_FOUND
    for request in (
        incidents_pb2.MoveIncidentRequest(incident_id=incident, progress=progress, promised_on="2026-03-09"),
        incidents_pb2.ProposeIncidentEndRequest(
            incident_id=incident, resolution=events_pb2.RESOLUTION_INVALID_PAYABLE, cause="PICKING"
        ),
    ):
        await desk.call(type(request).__name__.removesuffix("Request"), request)
    approving = incidents_pb2.ApproveIncidentEndRequest(incident_id=incident)
    await desk.call("ApproveIncidentEnd", approving, by="user:cy")
    await drain(desk.parts.consumer, [Work(joining.END, joining.end_cases)])
    [action, *_] = (await desk.call("ListActions", causes_pb2.ListActionsRequest())).actions
    done = causes_pb2.MoveActionRequest(action_id=action.action_id, step=causes_pb2.ACTION_STEP_FINISH)
    await desk.call("MoveAction", done)
    await desk.set_clock(MONDAY + timedelta(days=10))
    case = await desk.open(("1", "1"), by="user:di")
    await desk.resolve(await desk.move(case, "REVIEW", "PROPOSE"), "FULL_CREDIT", cause="PICKING")


async def test_an_empty_database_is_brought_to_the_same(desk: Desk, open_service: OpenService):
    await business(desk)
    told = await desk.rows("SELECT topic, key, payload, headers FROM outbox ORDER BY id")

    async with open_service(SERVICE, clock="test") as anew:
        known = [issued(), *(issued(f"n{nth}") for nth in range(3))]
        await anew.consumer.handle(known)
        types = types_of("receivables.disputes.v1", dict.fromkeys(FOLD.own))  # type: ignore[arg-type]
        async with anew.database.transaction(["acme"]) as tx:
            for row in told:
                event = decode(Record(row.topic, 0, 0, row.key.encode(), bytes(row.payload), row.headers), types)
                tx.at = event.at
                await FOLD.own[type(event.body)](tx, event, None)
        for table, untold in TABLES.items():
            found = []
            for parts in (desk.parts, anew):
                async with parts.database.transaction(["acme"]) as tx:
                    rows = await tx.rows(f"SELECT to_jsonb(t) AS row FROM {table} AS t ORDER BY 1")
                    found.append([{key: row.row[key] for key in row.row if key not in untold} for row in rows])
            assert found[0] == found[1], table
            assert found[0], table

"""One cause behind many cases, at the seller's desk: opened on those that it means, told to all, ended together."""

from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import events_pb2, incidents_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused
from services.portal.domain.people import SELLERS, Guard
from services.portal.labels_causes import NAMED
from services.portal.pages.disputes import OTHERS, USUAL
from services.portal.web import PAGE, Ask, get, post

READS = SELLERS
TELLS = Guard(frozenset({"DISPUTE_OWNER", "SELLER_ADMIN"}))
ENDS = Guard(TELLS.roles, assurance=2, step_up=True)
REASONS = (*USUAL, *(code for codes in OTHERS.values() for code in codes))
PROGRESSES = tuple(
    name for name in events_pb2.IncidentProgress.DESCRIPTOR.values_by_name if not name.endswith("_UNSPECIFIED")
)
RESOLUTIONS = ("RESOLUTION_FULL_CREDIT", "RESOLUTION_INVALID_PAYABLE")


@get("/desk/incidents", READS)
async def incidents(ask: Ask) -> Response:
    """The newest first, and a form to open one."""
    return await _list(ask)


async def _list(ask: Ask, status: int = 200, refused: str = "") -> Response:
    request = incidents_pb2.ListIncidentsRequest(page_size=PAGE, page_token=ask.query("after"))
    found = await ask.of("incidents", "ListIncidents", request)
    return ask.show(
        "desk_incidents.html",
        status,
        rows=found.incidents,
        next_token=found.next_page_token,
        reasons=[(code, ask.words.label(code)) for code in REASONS],
        may_open=ask.may("incidents", "OpenIncident"),
        typed=ask.typed,
        refused=refused,
    )


@post("/desk/incidents", TELLS)
async def open_incident(ask: Ask) -> Response:
    """Open one on the open cases that the form means."""
    if ask.typed("title") not in REASONS:
        raise Invalid("form.no_choice", ask.words.say("Choose what it is about."))
    request = incidents_pb2.OpenIncidentRequest(
        title_code=ask.typed("title"),
        reason_code=ask.typed("title") if ask.typed("of-reason") else "",
        sku=ask.typed("sku"),
        seller_id=ask.typed("seller"),
        from_day=ask.typed("from"),
        to_day=ask.typed("to"),
    )
    try:
        opened = (await ask.of("incidents", "OpenIncident", request, ask.write())).incident
    except Refused as refused:
        return await _list(ask, 422, ask.refused(refused))
    return ask.go(f"/desk/incidents/{opened.incident_id}")


@get("/desk/incidents/{incident}", READS)
async def incident(ask: Ask) -> Response:
    """One with its cases, and what can be done with it."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "") -> Response:
    request = incidents_pb2.GetIncidentRequest(
        incident_id=ask.path("incident"), page_size=PAGE, page_token=ask.query("after")
    )
    found = await ask.of("incidents", "GetIncident", request)
    return ask.show(
        "desk_incident.html",
        status,
        incident=found.incident,
        state=events_pb2.IncidentState.Name(found.incident.state),
        cases=found.cases,
        next_token=found.next_page_token,
        progresses=[(name, ask.words.label(name)) for name in PROGRESSES],
        resolutions=[(name, ask.words.label(name)) for name in RESOLUTIONS],
        causes=[(code, ask.words.label(f"cause {code}")) for code in NAMED],
        may=lambda method: ask.may("incidents", method),
        typed=ask.typed,
        refused=refused,
    )


@post("/desk/incidents/{incident}/join", TELLS)
async def join(ask: Ask) -> Response:
    """Have more cases belong to it, by their numbers."""
    numbers = ask.typed("cases").replace(",", " ").split()
    return await _do(
        ask, "JoinIncident", incidents_pb2.JoinIncidentRequest(incident_id=ask.path("incident"), dispute_ids=numbers)
    )


@post("/desk/incidents/{incident}/move", TELLS)
async def move(ask: Ask) -> Response:
    """Tell all who are concerned how far it is."""
    if ask.typed("progress") not in PROGRESSES:
        raise Invalid("form.no_choice", ask.words.say("Choose how far it is."))
    request = incidents_pb2.MoveIncidentRequest(
        incident_id=ask.path("incident"),
        progress=events_pb2.IncidentProgress.Value(ask.typed("progress")),
        promised_on=ask.typed("promised"),
    )
    return await _do(ask, "MoveIncident", request)


@post("/desk/incidents/{incident}/propose", ENDS)
async def propose(ask: Ask) -> Response:
    """Say how all its cases end."""
    if ask.typed("resolution") not in RESOLUTIONS or ask.typed("cause") not in NAMED:
        raise Invalid("form.no_choice", ask.words.say("Choose how the cases end."))
    request = incidents_pb2.ProposeIncidentEndRequest(
        incident_id=ask.path("incident"),
        resolution=events_pb2.Resolution.Value(ask.typed("resolution")),
        cause=ask.typed("cause"),
    )
    return await _do(ask, "ProposeIncidentEnd", request)


@post("/desk/incidents/{incident}/approve", ENDS)
async def approve(ask: Ask) -> Response:
    """Have them end so."""
    request = incidents_pb2.ApproveIncidentEndRequest(incident_id=ask.path("incident"))
    return await _do(ask, "ApproveIncidentEnd", request)


async def _do(ask: Ask, method: str, request: Any) -> Response:
    """An act of the page, and back to it."""
    try:
        await ask.of("incidents", method, request, ask.write())
    except Refused as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go(f"/desk/incidents/{ask.path('incident')}")

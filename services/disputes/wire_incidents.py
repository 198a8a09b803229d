"""Translates incidents to and from the contracts."""

from collections.abc import Sequence
from datetime import date, datetime

from receivables.disputes.v1 import events_pb2, incidents_pb2

from services.chassis.envelope import Event
from services.disputes.domain.cases import Resolution
from services.disputes.domain.incidents import Filter, Incident, Progress, State
from services.disputes.store_incidents import Joined
from services.kernel.calendars import day
from services.kernel.refusals import Invalid

_PROGRESSES = {events_pb2.IncidentProgress.Value(f"INCIDENT_PROGRESS_{one}"): one for one in Progress}


def wanted(said: incidents_pb2.OpenIncidentRequest) -> Filter:
    """Which cases an incident is about."""
    return Filter(
        reason_code=said.reason_code,
        sku=said.sku,
        seller_id=said.seller_id,
        from_day=_day(said.from_day, "from_day"),
        to_day=_day(said.to_day, "to_day"),
    )


def progress(said: events_pb2.IncidentProgress.ValueType) -> Progress:
    """How far an incident is said to be."""
    if said not in _PROGRESSES:
        raise Invalid("incident.unknown_progress", f"{said} does not say how far an incident is")
    return _PROGRESSES[said]


def promised_on(said: incidents_pb2.MoveIncidentRequest) -> date | None:
    """By when it is mended."""
    return _day(said.promised_on, "promised_on")


def changed(incident: Incident) -> events_pb2.IncidentChanged:
    """All of an incident, to tell."""
    message = events_pb2.IncidentChanged(
        incident_id=incident.incident_id,
        title_code=incident.title_code,
        state=events_pb2.IncidentState.Value(f"INCIDENT_STATE_{incident.state}"),
        progress=_progress(incident.progress),
        promised_on=incident.promised_on.isoformat() if incident.promised_on else "",
        cause=incident.cause,
        opened_by=incident.opened_by,
        proposed_by=incident.proposed_by,
        approved_by=incident.approved_by,
        nth=incident.moves,
    )
    if incident.resolution is not None:
        message.resolution = events_pb2.Resolution.Value(f"RESOLUTION_{incident.resolution}")
    return message


def moved(incident: Incident, account_id: str, joined: Sequence[Joined]) -> events_pb2.IncidentMoved:
    """How far it is, to tell one whose cases are among its own."""
    return events_pb2.IncidentMoved(
        incident_id=incident.incident_id,
        account_id=account_id,
        title_code=incident.title_code,
        progress=_progress(incident.progress),
        promised_on=incident.promised_on.isoformat() if incident.promised_on else "",
        cases=[one.number or one.dispute_id for one in joined],
        invoice_numbers=sorted({one.invoice_number for one in joined}),
        nth=incident.moves,
        dispute_id=joined[0].dispute_id,
    )


def incident(event: Event[events_pb2.IncidentChanged], opened_at: datetime) -> Incident:
    """An incident as it was told."""
    body = event.body
    resolution = events_pb2.Resolution.Name(body.resolution).removeprefix("RESOLUTION_") if body.resolution else ""
    return Incident(
        incident_id=body.incident_id,
        title_code=body.title_code,
        state=State(events_pb2.IncidentState.Name(body.state).removeprefix("INCIDENT_STATE_")),
        progress=_PROGRESSES[body.progress],
        promised_on=_day(body.promised_on, "promised_on"),
        opened_by=body.opened_by,
        opened_at=opened_at,
        resolution=Resolution(resolution) if resolution else None,
        cause=body.cause,
        proposed_by=body.proposed_by,
        approved_by=body.approved_by,
        moves=body.nth,
    )


def incident_message(incident: Incident, cases: int, left: int) -> incidents_pb2.Incident:
    """An incident to answer with."""
    message = incidents_pb2.Incident(
        incident_id=incident.incident_id,
        title_code=incident.title_code,
        state=events_pb2.IncidentState.Value(f"INCIDENT_STATE_{incident.state}"),
        progress=_progress(incident.progress),
        promised_on=incident.promised_on.isoformat() if incident.promised_on else "",
        opened_by=incident.opened_by,
        cause=incident.cause,
        proposed_by=incident.proposed_by,
        approved_by=incident.approved_by,
        cases=cases,
        cases_left=left,
    )
    if incident.resolution is not None:
        message.resolution = events_pb2.Resolution.Value(f"RESOLUTION_{incident.resolution}")
    message.opened_at.FromDatetime(incident.opened_at)
    return message


def case_message(one: Joined) -> incidents_pb2.IncidentCase:
    """A case of an incident to answer with."""
    return incidents_pb2.IncidentCase(
        dispute_id=one.dispute_id,
        number=one.number,
        account_id=one.account_id,
        invoice_number=one.invoice_number,
        state=events_pb2.State.Value(f"STATE_{one.state}"),
        outcome=one.outcome,
    )


def _progress(progress: Progress) -> events_pb2.IncidentProgress.ValueType:
    return events_pb2.IncidentProgress.Value(f"INCIDENT_PROGRESS_{progress}")


def _day(text: str, what: str) -> date | None:
    return day(text, what=what) if text else None

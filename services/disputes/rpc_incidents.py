"""The gRPC door of disputes for one cause behind many cases."""

from datetime import datetime

from receivables.disputes.v1 import incidents_pb2, incidents_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write
from services.disputes import joining, store_incidents, wire, wire_incidents
from services.disputes.domain.incidents import Incident


class IncidentService(Door, incidents_pb2_grpc.IncidentServiceServicer):
    """Translates and delegates."""

    @write
    async def OpenIncident(
        self, tx: Tx, call: Origin, request: incidents_pb2.OpenIncidentRequest
    ) -> incidents_pb2.OpenIncidentResponse:
        """Open one on the open cases that are meant."""
        opened, _ = await joining.open_incident(tx, call, request.title_code, wire_incidents.wanted(request))
        return incidents_pb2.OpenIncidentResponse(incident=await _shown(tx, call, opened))

    @write
    async def JoinIncident(
        self, tx: Tx, call: Origin, request: incidents_pb2.JoinIncidentRequest
    ) -> incidents_pb2.JoinIncidentResponse:
        """Have more cases belong to one."""
        joined = await joining.join_incident(tx, call, request.incident_id, request.dispute_ids)
        return incidents_pb2.JoinIncidentResponse(joined=joined)

    @write
    async def MoveIncident(
        self, tx: Tx, call: Origin, request: incidents_pb2.MoveIncidentRequest
    ) -> incidents_pb2.MoveIncidentResponse:
        """Say how far it is to all who are concerned."""
        moved = await joining.move_incident(
            tx,
            call,
            request.incident_id,
            wire_incidents.progress(request.progress),
            wire_incidents.promised_on(request),
        )
        return incidents_pb2.MoveIncidentResponse(incident=await _shown(tx, call, moved))

    @write
    async def ProposeIncidentEnd(
        self, tx: Tx, call: Origin, request: incidents_pb2.ProposeIncidentEndRequest
    ) -> incidents_pb2.ProposeIncidentEndResponse:
        """Say how all its cases end."""
        resolution = wire.resolution(request.resolution)
        proposed = await joining.propose_end(tx, call, request.incident_id, resolution, request.cause)
        return incidents_pb2.ProposeIncidentEndResponse(incident=await _shown(tx, call, proposed))

    @write
    async def ApproveIncidentEnd(
        self, tx: Tx, call: Origin, request: incidents_pb2.ApproveIncidentEndRequest
    ) -> incidents_pb2.ApproveIncidentEndResponse:
        """Have them end so, at a second person's word."""
        approved = await joining.approve_end(tx, call, request.incident_id)
        return incidents_pb2.ApproveIncidentEndResponse(incident=await _shown(tx, call, approved))

    @read
    async def GetIncident(
        self, tx: Tx, call: Origin, request: incidents_pb2.GetIncidentRequest
    ) -> incidents_pb2.GetIncidentResponse:
        """One with its cases, a page of them at a time."""
        asked = page(request, str)
        incident = await joining.find_incident(tx, call.tenant, request.incident_id)
        found = await store_incidents.cases_of(tx, call.tenant, incident.incident_id, asked)
        return incidents_pb2.GetIncidentResponse(
            incident=await _shown(tx, call, incident),
            cases=[wire_incidents.case_message(one) for one in found],
            next_page_token=asked.next_token(found, lambda one: (one.dispute_id,)),
        )

    @read
    async def ListIncidents(
        self, tx: Tx, call: Origin, request: incidents_pb2.ListIncidentsRequest
    ) -> incidents_pb2.ListIncidentsResponse:
        """All, the newest first."""
        asked = page(request, datetime.fromisoformat, str)
        found = await store_incidents.list_incidents(tx, call.tenant, asked)
        return incidents_pb2.ListIncidentsResponse(
            incidents=[wire_incidents.incident_message(one, 0, 0) for one in found],
            next_page_token=asked.next_token(found, lambda one: (one.opened_at, one.incident_id)),
        )


async def _shown(tx: Tx, call: Origin, incident: Incident) -> incidents_pb2.Incident:
    return wire_incidents.incident_message(
        incident, *await store_incidents.count(tx, call.tenant, incident.incident_id)
    )

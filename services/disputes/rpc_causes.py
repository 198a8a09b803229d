"""The gRPC door of disputes for why cases come about."""

from datetime import date, datetime

from receivables.disputes.v1 import causes_pb2, causes_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write
from services.disputes import causing, store_causes, wire_causes
from services.disputes.store_causes import Shown


class CauseService(Door, causes_pb2_grpc.CauseServiceServicer):
    """Translates and delegates."""

    @read
    async def GetCauses(
        self, tx: Tx, call: Origin, request: causes_pb2.GetCausesRequest
    ) -> causes_pb2.GetCausesResponse:
        """How many cases of each cause ended of late."""
        counts = await store_causes.count_by(tx, call.tenant, wire_causes.by(request.by))
        return causes_pb2.GetCausesResponse(counts=map(wire_causes.count_message, counts))

    @read
    async def ListActions(
        self, tx: Tx, call: Origin, request: causes_pb2.ListActionsRequest
    ) -> causes_pb2.ListActionsResponse:
        """Corrective actions by the day on which they are due, or all, the newest first."""
        asked = page(request, datetime.fromisoformat if request.all else date.fromisoformat, str)
        found = await store_causes.list_actions(tx, call.tenant, asked, live=not request.all)
        return causes_pb2.ListActionsResponse(
            actions=map(wire_causes.action_message, found),
            next_page_token=asked.next_token(
                found,
                lambda one: (one.action.opened_at if request.all else one.action.due_on, one.action.action_id),
            ),
        )

    @write
    async def MoveAction(
        self, tx: Tx, call: Origin, request: causes_pb2.MoveActionRequest
    ) -> causes_pb2.MoveActionResponse:
        """Say how far an action is."""
        moved = await causing.move_action(tx, call, request.action_id, wire_causes.step(request.step))
        return causes_pb2.MoveActionResponse(action=wire_causes.action_message(Shown(moved, 0)))

"""The gRPC door of disputes for what was approved once for all that is alike."""

from datetime import datetime

from receivables.disputes.v1 import standing_pb2, standing_pb2_grpc

from services import standing
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write
from services.disputes import wire
from services.kernel.standing import Used


class StandingApprovalService(Door, standing_pb2_grpc.StandingApprovalServiceServicer):
    """Translates and delegates."""

    @write
    async def GrantStandingApproval(
        self, tx: Tx, call: Origin, request: standing_pb2.GrantStandingApprovalRequest
    ) -> standing_pb2.GrantStandingApprovalResponse:
        """Grant one; it waits for another person."""
        wanted = standing.approval_said(call, request.approval_id, request.account_id, request.bounds, tx.at)
        granted = await standing.grant(tx, wire.STANDING, call, wanted)
        return standing_pb2.GrantStandingApprovalResponse(approval=standing.approval_shown(granted, Used(), tx.at))

    @write
    async def ConfirmStandingApproval(
        self, tx: Tx, call: Origin, request: standing_pb2.ConfirmStandingApprovalRequest
    ) -> standing_pb2.ConfirmStandingApprovalResponse:
        """Another person has it count."""
        confirmed = await standing.confirm(tx, wire.STANDING, call, request.approval_id)
        [used] = await standing.used_of(tx, call.tenant, [confirmed])
        return standing_pb2.ConfirmStandingApprovalResponse(approval=standing.approval_shown(confirmed, used, tx.at))

    @write
    async def RevokeStandingApproval(
        self, tx: Tx, call: Origin, request: standing_pb2.RevokeStandingApprovalRequest
    ) -> standing_pb2.RevokeStandingApprovalResponse:
        """Have it count no more."""
        await standing.revoke(tx, wire.STANDING, call, request.approval_id)
        return standing_pb2.RevokeStandingApprovalResponse()

    @read
    async def ListStandingApprovals(
        self, tx: Tx, call: Origin, request: standing_pb2.ListStandingApprovalsRequest
    ) -> standing_pb2.ListStandingApprovalsResponse:
        """All that were granted, or those that count for an account."""
        asked = page(request, datetime.fromisoformat, str)
        found = await standing.list_approvals(tx, call.tenant, request.account_id, asked)
        return standing_pb2.ListStandingApprovalsResponse(
            approvals=[standing.approval_shown(one, used, tx.at) for one, used in found],
            next_page_token=asked.next_token(found, lambda shown: (shown[0].granted_at, shown[0].approval_id)),
        )

    @read
    async def ListStandingUses(
        self, tx: Tx, call: Origin, request: standing_pb2.ListStandingUsesRequest
    ) -> standing_pb2.ListStandingUsesResponse:
        """What was approved by one."""
        asked = page(request, datetime.fromisoformat, str)
        found = await standing.list_uses(tx, call.tenant, request.approval_id, asked)
        return standing_pb2.ListStandingUsesResponse(
            uses=[standing.use_message(request.approval_id, act, at) for act, at in found],
            next_page_token=asked.next_token(found, lambda used: (used[1], used[0].subject)),
        )

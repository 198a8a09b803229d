"""The gRPC door of disputes."""

import functools
from datetime import date

from receivables.disputes.v1 import service_pb2, service_pb2_grpc

from services import contracts
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write, write_of
from services.disputes import checking, store, store_checks, usecases, wire, wire_checks
from services.disputes.domain.cases import Order
from services.disputes.domain.evidence import File
from services.disputes.usecases import Decision
from services.kernel.refusals import Invalid, NotFound, quoted


class DisputesService(Door, service_pb2_grpc.DisputesServiceServicer):
    """Translates and delegates."""

    @write
    async def Open(self, tx: Tx, call: Origin, request: service_pb2.OpenRequest) -> service_pb2.OpenResponse:
        """Open a case on lines of an invoice, or on an amount of it; what the evidence shows is answered at once."""
        case = await checking.open_dispute(tx, call, request.invoice, wire.wish(request))
        return service_pb2.OpenResponse(dispute=wire.dispute_message(case))

    @write
    async def Move(self, tx: Tx, call: Origin, request: service_pb2.MoveRequest) -> service_pb2.MoveResponse:
        """Move a case by one action of the table."""
        action = wire.action(request.action)
        case = await usecases.move(tx, call, request.dispute_id, action, missing=request.missing)
        return service_pb2.MoveResponse(dispute=wire.dispute_message(case))

    @write
    async def Resolve(self, tx: Tx, call: Origin, request: service_pb2.ResolveRequest) -> service_pb2.ResolveResponse:
        """Decide how a proposed or accepted case ends."""
        decision = Decision(
            resolution=wire.resolution(request.resolution),
            lines=wire.parts(request.lines),
            amount=contracts.money(request.amount) if request.HasField("amount") else None,
        )
        case = await usecases.resolve(tx, call, request.dispute_id, decision)
        return service_pb2.ResolveResponse(dispute=wire.dispute_message(case))

    @read
    async def GetDispute(
        self, tx: Tx, call: Origin, request: service_pb2.GetDisputeRequest
    ) -> service_pb2.GetDisputeResponse:
        """A case and what happened to it, a page of its history at a time."""
        asked = page(request, int)
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        moves = await store.history(tx, (call.tenant, case.dispute_id), asked)
        return service_pb2.GetDisputeResponse(
            dispute=wire.dispute_message(case),
            history=[wire.history_entry(entry) for entry in moves],
            next_page_token=asked.next_token(moves, lambda move: (move.nth,)),
        )

    @read
    async def GetMove(self, tx: Tx, call: Origin, request: service_pb2.GetMoveRequest) -> service_pb2.GetMoveResponse:
        """One move of a case, with what was written with it."""
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        if (entry := await store.find_move(tx, (call.tenant, case.dispute_id), request.nth)) is None:
            raise NotFound("dispute.unknown_move", f"the case has no move {request.nth}")
        return service_pb2.GetMoveResponse(move=wire.history_entry(entry))

    @read
    async def ListDisputes(
        self, tx: Tx, call: Origin, request: service_pb2.ListDisputesRequest
    ) -> service_pb2.ListDisputesResponse:
        """Cases in the order in which they were opened, against it or by promise, a page at a time."""
        order = wire.order(request)
        by_promise = order in (Order.AT_THE_SELLER, Order.AT_THE_BUYER)
        asked = page(request, date.fromisoformat, str) if by_promise else page(request, str)
        if request.invoice_id and request.invoice_ids:
            raise Invalid("dispute.one_or_several", "a list is of one invoice or of several")
        found = await store.list_disputes(
            tx,
            call.tenant,
            asked,
            account_id=request.account_id,
            invoice_id=request.invoice_id,
            invoice_ids=request.invoice_ids,
            state=wire.state_filter(request.state),
            order=order,
        )
        return service_pb2.ListDisputesResponse(
            disputes=[wire.dispute_message(case) for case in found],
            next_page_token=asked.next_token(
                found, lambda case: (case.answer_by, case.dispute_id) if by_promise else (case.dispute_id,)
            ),
        )

    @write
    async def SetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.SetPolicyRequest
    ) -> service_pb2.SetPolicyResponse:
        """What cases run by, from now on."""
        policy = await usecases.set_policy(tx, call, wire.policy(request.policy))
        return service_pb2.SetPolicyResponse(version=policy.version)

    @read
    async def GetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.GetPolicyRequest
    ) -> service_pb2.GetPolicyResponse:
        """What cases run by."""
        policy = await store.policy(tx, call.tenant)
        return service_pb2.GetPolicyResponse(version=policy.version, policy=wire.policy_message(policy))

    @visit
    async def Preview(self, call: Origin, request: service_pb2.PreviewRequest) -> service_pb2.PreviewResponse:
        """What a case would be, before it is opened."""
        serve = functools.partial(self.serve, call)
        preview, found = await checking.preview(serve, call.tenant, request.invoice, wire.wish(request))
        answer = wire.preview_message(preview)
        if found is not None:
            answer.check.CopyFrom(wire_checks.check_message(found))
        return answer

    @read
    async def ListChecks(
        self, tx: Tx, call: Origin, request: service_pb2.ListChecksRequest
    ) -> service_pb2.ListChecksResponse:
        """What the evidence said of a case, oldest first."""
        asked = page(request, int)
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        found = await store_checks.list_results(tx, (call.tenant, case.dispute_id), asked)
        return service_pb2.ListChecksResponse(
            checks=[wire_checks.check_message(one.result, one.nth, one.checked_at) for one in found],
            next_page_token=asked.next_token(found, lambda one: (one.nth,)),
        )

    @write_of(wire.file)
    async def AddEvidence(
        self, tx: Tx, call: Origin, request: service_pb2.AddEvidenceRequest, file: File
    ) -> service_pb2.AddEvidenceResponse:
        """Add a photo or a document to a case."""
        added = await usecases.add_evidence(tx, call, request.dispute_id, file)
        return service_pb2.AddEvidenceResponse(evidence=wire.evidence_message(added))

    @read
    async def ListEvidence(
        self, tx: Tx, call: Origin, request: service_pb2.ListEvidenceRequest
    ) -> service_pb2.ListEvidenceResponse:
        """What was added to a case, oldest first."""
        asked = page(request, str)
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        added = await store.list_evidence(tx, (call.tenant, case.dispute_id), asked)
        return service_pb2.ListEvidenceResponse(
            evidence=[wire.evidence_message(one) for one in added],
            next_page_token=asked.next_token(added, lambda one: (one.evidence_id,)),
        )

    @read
    async def GetEvidence(
        self, tx: Tx, call: Origin, request: service_pb2.GetEvidenceRequest
    ) -> service_pb2.GetEvidenceResponse:
        """Something that was added to a case, with its content."""
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        found = await store.find_evidence(tx, (call.tenant, case.dispute_id), request.evidence_id)
        if found is None:
            raise NotFound("evidence.unknown", f"the case has no evidence {quoted(request.evidence_id)}")
        one, content = found
        return service_pb2.GetEvidenceResponse(evidence=wire.evidence_message(one), content=content)

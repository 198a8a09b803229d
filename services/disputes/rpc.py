"""The gRPC door of disputes."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from receivables.disputes.v1 import service_pb2, service_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.identity import CONTACT
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write, write_of
from services.disputes import checking, running, store, store_checks, usecases, wire, wire_checks
from services.disputes.domain.cases import Dispute, Order
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.evidence import File
from services.kernel.refusals import Invalid, NotFound, quoted


class DisputesService(Door, service_pb2_grpc.DisputesServiceServicer):
    """Translates and delegates."""

    @write
    async def Open(self, tx: Tx, call: Origin, request: service_pb2.OpenRequest) -> service_pb2.OpenResponse:
        """Open a case on lines of an invoice, or on an amount of it; what the evidence shows is answered at once."""
        opener = wire.opener(call, request.written_by)
        case = await checking.open_dispute(tx, opener, request.invoice, wire.wish(request))
        return service_pb2.OpenResponse(dispute=await shown(tx, call, case))

    @write
    async def Move(self, tx: Tx, call: Origin, request: service_pb2.MoveRequest) -> service_pb2.MoveResponse:
        """Move a case by one action of the table."""
        action = wire.action(request.action)
        case = await usecases.move(tx, call, request.dispute_id, action, missing=request.missing)
        return service_pb2.MoveResponse(dispute=await shown(tx, call, case))

    @write
    async def Resolve(self, tx: Tx, call: Origin, request: service_pb2.ResolveRequest) -> service_pb2.ResolveResponse:
        """Decide how a proposed or accepted case ends."""
        case = await usecases.resolve(tx, call, request.dispute_id, wire.decision(request))
        return service_pb2.ResolveResponse(dispute=await shown(tx, call, case))

    @write
    async def Assign(self, tx: Tx, call: Origin, request: service_pb2.AssignRequest) -> service_pb2.AssignResponse:
        """Give a case to somebody of the seller."""
        case = await running.assign(tx, call, request.dispute_id, request.owner, request.stand_in)
        return service_pb2.AssignResponse(dispute=await shown(tx, call, case))

    @write
    async def Recode(self, tx: Tx, call: Origin, request: service_pb2.RecodeRequest) -> service_pb2.RecodeResponse:
        """Say the right reason of a case."""
        case = await running.recode(tx, call, request.dispute_id, request.reason_code)
        return service_pb2.RecodeResponse(dispute=await shown(tx, call, case))

    @write
    async def Merge(self, tx: Tx, call: Origin, request: service_pb2.MergeRequest) -> service_pb2.MergeResponse:
        """Go on with two cases about the same as one."""
        case = await running.merge(tx, call, request.dispute_id, request.into)
        return service_pb2.MergeResponse(dispute=await shown(tx, call, case))

    @write
    async def Split(self, tx: Tx, call: Origin, request: service_pb2.SplitRequest) -> service_pb2.SplitResponse:
        """Have some of a case's lines go on as a case of their own."""
        left, new = await running.split(tx, call, request.dispute_id, wire.parts(request.lines))
        return service_pb2.SplitResponse(dispute=await shown(tx, call, left), split_off=await shown(tx, call, new))

    @write
    async def SetCell(self, tx: Tx, call: Origin, request: service_pb2.SetCellRequest) -> service_pb2.SetCellResponse:
        """Say who looks at a case."""
        cell = await running.set_cell(tx, call, request.dispute_id, wire.cell(request.cell))
        return service_pb2.SetCellResponse(cell=wire.cell_message(cell))

    @read
    async def GetDispute(
        self, tx: Tx, call: Origin, request: service_pb2.GetDisputeRequest
    ) -> service_pb2.GetDisputeResponse:
        """A case and what happened to it, a page of its history at a time."""
        asked = page(request, int)
        case = await usecases.find_case(tx, call.tenant, request.dispute_id)
        key = (call.tenant, case.dispute_id)
        moves = await store.history(tx, key, asked)
        cell = await store.cell_of(tx, key)
        return service_pb2.GetDisputeResponse(
            dispute=await shown(tx, call, case),
            history=[wire.history_entry(entry) for entry in moves],
            next_page_token=asked.next_token(moves, lambda move: (move.nth,)),
            changes=[wire.change_entry(entry) for entry in await store.changes_of(tx, key)],
            merged=[
                service_pb2.MergedCase(dispute_id=one.dispute_id, number=one.number)
                for one in await store.merged_into(tx, key)
            ],
            cell=wire.cell_message(cell) if cell else None,
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
        read_place, place_of = _PLACES.get(order, _BY_ID)
        asked = page(request, *read_place)
        if request.invoice_id and request.invoice_ids:
            raise Invalid("dispute.one_or_several", "a list is of one invoice or of several")
        if request.owner and request.without_owner:
            raise Invalid("dispute.whose", "a list is of somebody's cases, or of nobody's")
        found = await store.list_disputes(
            tx,
            call.tenant,
            asked,
            account_id=request.account_id,
            invoice_id=request.invoice_id,
            invoice_ids=request.invoice_ids,
            state=wire.state_filter(request.state),
            order=order,
            owner=request.owner,
            without_owner=request.without_owner,
        )
        return service_pb2.ListDisputesResponse(
            disputes=await _listed(tx, call, found),
            next_page_token=asked.next_token(found, place_of),
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
        key = (call.tenant, case.dispute_id)
        merged = [one.dispute_id for one in await store.merged_into(tx, key)]
        added = await store.list_evidence(tx, key, asked, merged)
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
        key = (call.tenant, case.dispute_id)
        merged = [one.dispute_id for one in await store.merged_into(tx, key)]
        found = await store.find_evidence(tx, key, request.evidence_id, merged)
        if found is None:
            raise NotFound("evidence.unknown", f"the case has no evidence {quoted(request.evidence_id)}")
        one, content = found
        return service_pb2.GetEvidenceResponse(evidence=wire.evidence_message(one), content=content)


# By what a page of a list begins, as its token says it and as its last case has it.
_Place = tuple[tuple[Callable[[str], Any], ...], Callable[[Dispute], tuple[Any, ...]]]
_BY_ID: _Place = ((str,), lambda case: (case.dispute_id,))
_BY_PROMISE: _Place = ((date.fromisoformat, str), lambda case: (case.answer_by, case.dispute_id))
_PLACES: Mapping[Order, _Place] = {
    Order.AT_THE_SELLER: _BY_PROMISE,
    Order.AT_THE_BUYER: _BY_PROMISE,
    # Of what the version before opened no risk is known.
    Order.AT_RISK_FIRST: (
        (datetime.fromisoformat, str),
        lambda case: (case.at_risk_at or case.opened_at, case.dispute_id),
    ),
}


async def shown(tx: Tx, call: Origin, case: Dispute) -> service_pb2.Dispute:
    """A case as whoever calls sees it now."""
    policy = await store.policy(tx, call.tenant, case.seller_id)
    return wire.whole_message(case, policy, tx.at, of_seller=_is_of_seller(call))


async def _listed(tx: Tx, call: Origin, found: Sequence[Dispute]) -> list[service_pb2.Dispute]:
    policies: dict[str, Policy] = {
        seller_id: await store.policy(tx, call.tenant, seller_id) for seller_id in {case.seller_id for case in found}
    }
    of_seller = _is_of_seller(call)
    return [wire.dispute_message(case, policies[case.seller_id], tx.at, of_seller=of_seller) for case in found]


def _is_of_seller(call: Origin) -> bool:
    return call.caller is None or call.caller.kind != CONTACT

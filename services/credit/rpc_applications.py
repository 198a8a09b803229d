"""The gRPC doors of applications, and of what they are decided by."""

import asyncio
import functools
from datetime import datetime

from receivables.credit.v1 import applications_pb2, applications_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write, write_after, write_of
from services.chassis.service import Parts
from services.credit import store, usecases, wire_applications
from services.credit.domain import underwriting
from services.credit.domain.applications import Document
from services.credit.domain.underwriting import MistakesFound, Policy
from services.credit.lookout import Lookout
from services.credit.settings import Settings
from services.credit.sources import Sources
from services.credit.usecases.applications import Prepared, Wish
from services.kernel.refusals import NotFound, quoted


async def _prepare(
    door: "ApplicationService", call: Origin, request: applications_pb2.SubmitApplicationRequest
) -> Prepared:
    return await usecases.prepare(
        functools.partial(door.serve, call), call, request.application_id, door.look, door.lookout
    )


class ApplicationService(Door, applications_pb2_grpc.ApplicationServiceServicer):
    """Translates and delegates."""

    def __init__(self, parts: Parts[Settings], sources: Sources, lookout: Lookout) -> None:
        super().__init__(parts.database, parts.consumer)
        self.lookout = lookout
        self.look = functools.partial(sources.look, within_s=parts.settings.credit_first_answer_ms / 1000)

    @write
    async def StartApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.StartApplicationRequest
    ) -> applications_pb2.StartApplicationResponse:
        """Open an application, or give the one by this id again."""
        wish = Wish(request.application_id, request.account_id, request.country, request.currency)
        await usecases.start_application(tx, call, wish)
        return applications_pb2.StartApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def GiveFacts(
        self, tx: Tx, call: Origin, request: applications_pb2.GiveFactsRequest
    ) -> applications_pb2.GiveFactsResponse:
        """Save answers, each by itself."""
        given = [(fact.key, fact.value) for fact in request.facts]
        refused = await usecases.give_facts(tx, call, request.application_id, given, request.given_by)
        return applications_pb2.GiveFactsResponse(
            application=await _shown(tx, call, request.application_id),
            refused=[applications_pb2.FactRefused(key=one.key, code=one.code, message=one.message) for one in refused],
        )

    @write_of(wire_applications.document)
    async def AddApplicationDocument(
        self, tx: Tx, call: Origin, request: applications_pb2.AddApplicationDocumentRequest, document: Document
    ) -> applications_pb2.AddApplicationDocumentResponse:
        """Keep a document for a fact."""
        await usecases.add_document(tx, call, request.application_id, document, request.content)
        return applications_pb2.AddApplicationDocumentResponse(
            application=await _shown(tx, call, request.application_id)
        )

    @read
    async def GetApplicationDocument(
        self, tx: Tx, call: Origin, request: applications_pb2.GetApplicationDocumentRequest
    ) -> applications_pb2.GetApplicationDocumentResponse:
        """A document with its content."""
        found = await store.find_document(tx, (call.tenant, request.application_id), request.document_id)
        if found is None or not found[0].name:
            raise NotFound("application.unknown_document", f"no document {quoted(request.document_id)}")
        document, content = found
        return applications_pb2.GetApplicationDocumentResponse(
            key=document.key, name=document.name, media_type=document.media_type, content=content
        )

    @write_after(_prepare)
    async def SubmitApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.SubmitApplicationRequest, prepared: Prepared
    ) -> applications_pb2.SubmitApplicationResponse:
        """Decide at once, or refer to a person."""
        await usecases.submit_application(tx, call, request.application_id, prepared)
        return applications_pb2.SubmitApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def AcceptApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.AcceptApplicationRequest
    ) -> applications_pb2.AcceptApplicationResponse:
        """Take what was decided, or an offer."""
        await usecases.accept_application(tx, call, request.application_id, request.offer_id)
        return applications_pb2.AcceptApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def AppealApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.AppealApplicationRequest
    ) -> applications_pb2.AppealApplicationResponse:
        """Have another person look at it."""
        await usecases.appeal_application(tx, call, request.application_id, request.why)
        return applications_pb2.AppealApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def WithdrawApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.WithdrawApplicationRequest
    ) -> applications_pb2.WithdrawApplicationResponse:
        """It is not wanted any more."""
        await usecases.withdraw_application(tx, call, request.application_id)
        return applications_pb2.WithdrawApplicationResponse(application=await _shown(tx, call, request.application_id))

    @read
    async def GetApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.GetApplicationRequest
    ) -> applications_pb2.GetApplicationResponse:
        """What the applicant sees of it."""
        return applications_pb2.GetApplicationResponse(application=await _shown(tx, call, request.application_id))

    @read
    async def ListApplications(
        self, tx: Tx, call: Origin, request: applications_pb2.ListApplicationsRequest
    ) -> applications_pb2.ListApplicationsResponse:
        """An account's, or what waits for the seller, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        listed = await store.list_applications(tx, call.tenant, request.account_id, asked)
        return applications_pb2.ListApplicationsResponse(
            applications=[
                wire_applications.application_message(view) for view in await usecases.list_views(tx, listed)
            ],
            next_page_token=asked.next_token(
                listed,
                lambda one: (
                    one.started_at if request.account_id else one.promise.latest_by,
                    one.application_id,
                ),
            ),
        )

    @read
    async def GetCase(
        self, tx: Tx, call: Origin, request: applications_pb2.GetCaseRequest
    ) -> applications_pb2.GetCaseResponse:
        """What the seller's people see beside it."""
        return await usecases.show_case(tx, call, request.application_id)

    @write
    async def TakeUpApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.TakeUpApplicationRequest
    ) -> applications_pb2.TakeUpApplicationResponse:
        """The caller sees to it from now on."""
        await usecases.take_up_application(tx, call, request.application_id)
        return applications_pb2.TakeUpApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def AskForFact(
        self, tx: Tx, call: Origin, request: applications_pb2.AskForFactRequest
    ) -> applications_pb2.AskForFactResponse:
        """Ask the applicant for one fact."""
        await usecases.ask_for_fact(tx, call, request.application_id, request.key)
        return applications_pb2.AskForFactResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def DecideApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.DecideApplicationRequest
    ) -> applications_pb2.DecideApplicationResponse:
        """A person decides."""
        await usecases.decide_application(tx, call, request)
        return applications_pb2.DecideApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def ConfirmApplication(
        self, tx: Tx, call: Origin, request: applications_pb2.ConfirmApplicationRequest
    ) -> applications_pb2.ConfirmApplicationResponse:
        """The second person says yes, or sends it back."""
        await usecases.confirm_application(tx, call, request.application_id, confirmed=request.confirmed)
        return applications_pb2.ConfirmApplicationResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def ConfirmAddress(
        self, tx: Tx, call: Origin, request: applications_pb2.ConfirmAddressRequest
    ) -> applications_pb2.ConfirmAddressResponse:
        """Somebody reads mail to this address."""
        await usecases.confirm_address(tx, call, request.application_id, request.address, request.given_by)
        return applications_pb2.ConfirmAddressResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def ConfirmShipTo(
        self, tx: Tx, call: Origin, request: applications_pb2.ConfirmShipToRequest
    ) -> applications_pb2.ConfirmShipToResponse:
        """Goods go where the application says."""
        await usecases.confirm_ship_to(tx, call, request.application_id)
        return applications_pb2.ConfirmShipToResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def RecordCallBack(
        self, tx: Tx, call: Origin, request: applications_pb2.RecordCallBackRequest
    ) -> applications_pb2.RecordCallBackResponse:
        """The company was called."""
        await usecases.record_call_back(tx, call, request)
        return applications_pb2.RecordCallBackResponse(application=await _shown(tx, call, request.application_id))

    @write
    async def ClearMatch(
        self, tx: Tx, call: Origin, request: applications_pb2.ClearMatchRequest
    ) -> applications_pb2.ClearMatchResponse:
        """It is somebody else than who stands on the list."""
        return applications_pb2.ClearMatchResponse(cleared=await usecases.clear_match(tx, call, request))

    @visit
    async def ReplayDecision(
        self, call: Origin, request: applications_pb2.ReplayDecisionRequest
    ) -> applications_pb2.ReplayDecisionResponse:
        """Decide again by the policy and the facts of then."""
        serve = functools.partial(self.serve, call)
        written, replayed = await usecases.replay_decision(serve, call.tenant, request.decision_id)
        return applications_pb2.ReplayDecisionResponse(
            written_hash=written, replayed_hash=replayed, same=written == replayed
        )


async def _read(_door: "PolicyService", _call: Origin, request: applications_pb2.ProposePolicyTextRequest) -> Policy:
    return await asyncio.to_thread(underwriting.read, request.text)


class PolicyService(Door, applications_pb2_grpc.PolicyServiceServicer):
    """Translates and delegates."""

    @visit
    async def CheckPolicyText(
        self, _call: Origin, request: applications_pb2.CheckPolicyTextRequest
    ) -> applications_pb2.CheckPolicyTextResponse:
        """Say what is wrong with a text."""
        try:
            policy = await asyncio.to_thread(underwriting.read, request.text)
        except MistakesFound as found:
            return applications_pb2.CheckPolicyTextResponse(mistakes=wire_applications.mistakes(found.mistakes))
        return applications_pb2.CheckPolicyTextResponse(policy_id=policy.policy_id)

    @write_after(_read)
    async def ProposePolicyText(
        self, tx: Tx, call: Origin, _request: applications_pb2.ProposePolicyTextRequest, policy: Policy
    ) -> applications_pb2.ProposePolicyTextResponse:
        """Keep a text that has no mistake."""
        kept = await usecases.propose_policy_text(tx, call, policy)
        return applications_pb2.ProposePolicyTextResponse(
            policy=wire_applications.policy_message(kept, with_text=False)
        )

    @write
    async def ActivatePolicyText(
        self, tx: Tx, call: Origin, request: applications_pb2.ActivatePolicyTextRequest
    ) -> applications_pb2.ActivatePolicyTextResponse:
        """Decide by it from now on."""
        active = await usecases.activate_policy_text(tx, call, request.policy_id)
        return applications_pb2.ActivatePolicyTextResponse(
            policy=wire_applications.policy_message(active, with_text=False)
        )

    @read
    async def GetPolicyText(
        self, tx: Tx, call: Origin, request: applications_pb2.GetPolicyTextRequest
    ) -> applications_pb2.GetPolicyTextResponse:
        """One by its id, or what holds now."""
        found = await usecases.find_policy_text(tx, call.tenant, request.policy_id)
        return applications_pb2.GetPolicyTextResponse(policy=wire_applications.policy_message(found, with_text=True))

    @read
    async def ListPolicyTexts(
        self, tx: Tx, call: Origin, request: applications_pb2.ListPolicyTextsRequest
    ) -> applications_pb2.ListPolicyTextsResponse:
        """Newest first, without their texts."""
        asked = page(request, datetime.fromisoformat, str)
        listed = await store.list_policy_texts(tx, call.tenant, asked)
        return applications_pb2.ListPolicyTextsResponse(
            policies=[wire_applications.policy_message(one, with_text=False) for one in listed],
            next_page_token=asked.next_token(listed, lambda one: (one.proposed_at, one.policy_id)),
        )


async def _shown(tx: Tx, call: Origin, application_id: str) -> applications_pb2.Application:
    return wire_applications.application_message(await usecases.show(tx, call, application_id))

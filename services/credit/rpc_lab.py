"""The gRPC door of policies that are tried on the past."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from receivables.credit.v1 import lab_pb2, lab_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, write, write_after, write_of
from services.chassis.service import Parts
from services.credit import store, usecases, wire_lab
from services.credit.domain import underwriting
from services.credit.domain.lab import Case, CaseRefused, Run
from services.credit.domain.underwriting import Policy
from services.credit.settings import Settings


@dataclass(frozen=True, slots=True)
class _Brought:
    """Cases that may be kept, those that are none, and by which policy it is known what is about persons."""

    cases: list[Case]
    refused: list[CaseRefused]
    policy: Policy


async def _bring(door: "LabService", call: Origin, request: lab_pb2.AddHistoryRequest) -> _Brought:
    async with door.serve(call) as tx:
        active = await usecases.find_policy_text(tx, call.tenant, "")
    cases, refused = await asyncio.to_thread(wire_lab.history, request)
    return _Brought(cases, refused, await asyncio.to_thread(underwriting.read, active.text))


class LabService(Door, lab_pb2_grpc.LabServiceServicer):
    """Translates and delegates."""

    def __init__(self, parts: Parts[Settings]) -> None:
        super().__init__(parts.database, parts.consumer)
        self._settings = parts.settings

    @write_of(wire_lab.trial_wish)
    async def StartTrial(
        self, tx: Tx, call: Origin, _request: lab_pb2.StartTrialRequest, wish: Run
    ) -> lab_pb2.StartTrialResponse:
        """Try a text beside the one that decides now."""
        begun = await usecases.start_trial(tx, call, wish, self._settings)
        return lab_pb2.StartTrialResponse(trial=wire_lab.trial_message(begun, with_report=False))

    @read
    async def GetTrial(self, tx: Tx, call: Origin, request: lab_pb2.GetTrialRequest) -> lab_pb2.GetTrialResponse:
        """How far it is, and what it found."""
        found = await usecases.find_trial(tx, call.tenant, request.trial_id)
        return lab_pb2.GetTrialResponse(trial=wire_lab.trial_message(found, with_report=True))

    @read
    async def ListTrials(self, tx: Tx, call: Origin, request: lab_pb2.ListTrialsRequest) -> lab_pb2.ListTrialsResponse:
        """Newest first, without what they found."""
        asked = page(request, datetime.fromisoformat, str)
        listed = await store.list_trials(tx, call.tenant, request.policy_id, asked)
        return lab_pb2.ListTrialsResponse(
            trials=[wire_lab.trial_message(one, with_report=False) for one in listed],
            next_page_token=asked.next_token(listed, lambda one: (one.started_at, one.trial_id)),
        )

    @write
    async def CancelTrial(
        self, tx: Tx, call: Origin, request: lab_pb2.CancelTrialRequest
    ) -> lab_pb2.CancelTrialResponse:
        """End one that runs."""
        ended = await usecases.cancel_trial(tx, call, request.trial_id)
        return lab_pb2.CancelTrialResponse(trial=wire_lab.trial_message(ended, with_report=False))

    @write_after(_bring)
    async def AddHistory(
        self, tx: Tx, call: Origin, _request: lab_pb2.AddHistoryRequest, brought: _Brought
    ) -> lab_pb2.AddHistoryResponse:
        """Keep cases of the past."""
        added, changed = await usecases.add_history(tx, call, brought.cases, brought.policy)
        return lab_pb2.AddHistoryResponse(added=added, refused=wire_lab.refusals([*brought.refused, *changed]))

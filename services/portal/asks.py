"""How the portal asks the other services: in the name of whoever reads the page, some things at once, never for long.

    invoice = await asks.of(person).invoicing("GetInvoice", GetInvoiceRequest(invoice="RE-2026-000001"))

A refusal comes back as what its page says of it: Unknown (what is another's, too), Refused with its stable code,
NeedsFactor or Away.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.credit.v1 import applications_pb2_grpc as applications_grpc
from receivables.credit.v1 import exposure_pb2_grpc as exposure_grpc
from receivables.credit.v1 import lab_pb2_grpc as lab_grpc
from receivables.credit.v1 import service_pb2_grpc as credit_grpc
from receivables.credit.v1 import standing_pb2_grpc as credit_standing_grpc
from receivables.disputes.v1 import causes_pb2_grpc as causes_grpc
from receivables.disputes.v1 import incidents_pb2_grpc as incidents_grpc
from receivables.disputes.v1 import responses_pb2_grpc as responses_grpc
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.disputes.v1 import standing_pb2_grpc as disputes_standing_grpc
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import feedback_pb2_grpc as feedback_grpc
from receivables.notifications.v1 import letters_pb2_grpc as letters_grpc
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc

from services.chassis import access, tls, tracing
from services.chassis.identity import Part, Principal, Signer
from services.portal import rights
from services.portal.domain.people import Person, Scope
from services.portal.settings import Settings

WAIT_S = 2.0  # for an answer, retries included
LONG_S = 30.0  # the same of a file
SIGNED_S = 30  # for so long a token is used again; it is good for twice that
TOKENS_MAX = 10_000
ANSWER_MAX = 10 * 2**20  # bytes; a document has at most 8 MiB

# By contract; whose each is, rights says.
STUBS: Mapping[str, Callable[[Any], Any]] = {
    "applications": applications_grpc.ApplicationServiceStub,
    "policies": applications_grpc.PolicyServiceStub,
    "lab": lab_grpc.LabServiceStub,
    "credit": credit_grpc.CreditServiceStub,
    "exposure": exposure_grpc.ExposureServiceStub,
    "credit_standing": credit_standing_grpc.StandingApprovalServiceStub,
    "invoicing": invoicing_grpc.InvoicingServiceStub,
    "ledger": ledger_grpc.LedgerServiceStub,
    "disputes": disputes_grpc.DisputesServiceStub,
    "causes": causes_grpc.CauseServiceStub,
    "incidents": incidents_grpc.IncidentServiceStub,
    "responses": responses_grpc.ResponseServiceStub,
    "disputes_standing": disputes_standing_grpc.StandingApprovalServiceStub,
    "feedback": feedback_grpc.FeedbackServiceStub,
    "letters": letters_grpc.LetterServiceStub,
    "notifications": notifications_grpc.NotificationsServiceStub,
}
_RETRYING = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{"service": rights.contract_of(name)} for name in STUBS],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.3s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)


class Unknown(Exception):  # noqa: N818 - what is found of it
    """There is no such thing, or it is somebody else's: nobody is told which."""


class Away(Exception):  # noqa: N818
    """A service does not answer just now: the page says what is missing."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class NeedsFactor(Exception):  # noqa: N818
    """The act needs a second factor, and the session has none: the page asks for it and goes on."""


class Refused(Exception):  # noqa: N818
    """A service refuses what was asked, by its rules."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class Write:
    """What a call that writes has beside its request: the id of the form that was sent, and why."""

    key: str
    reason: str = ""


class Asks:
    """The channels to the other services, and who vouches for whom."""

    def __init__(self, settings: Settings, signer: Signer, held: tls.Holder | None) -> None:
        """Remember where they answer; connections open with the first question."""
        options = [
            ("grpc.service_config", _RETRYING),
            ("grpc.max_receive_message_length", ANSWER_MAX),
            ("grpc.max_send_message_length", ANSWER_MAX),
        ]
        services = {rights.service_of(contract) for contract in STUBS}
        self._lines = {name: tls.Line(name, getattr(settings, f"{name}_address"), held, options) for name in services}
        self._signer = signer
        self._tokens: OrderedDict[tuple[Principal, str], tuple[str, float]] = OrderedDict()

    def of(self, person: Person) -> "Asking":
        """Questions in somebody's name."""
        return Asking(self, _principal(person))

    def looking(self, clerk: Person, contact: Person) -> "Asking":
        """What a buyer's person sees, in the name of the clerk who looks, who is bound to what is that person's."""
        whose = _principal(contact)
        principal = replace(_principal(clerk), accounts=whose.accounts, parts=whose.parts)
        return Asking(self, principal, seen_as=contact)

    def own(self, tenant: str) -> "Asking":
        """Questions in our own name: who somebody is who is not let in yet."""
        return Asking(self, Principal("service:portal", tenant, "portal"))

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    def _token(self, principal: Principal, service: str) -> str:
        key, now = (principal, service), time.monotonic()
        token, until = self._tokens.get(key, ("", 0.0))
        if until < now:
            token = self._signer.sign(principal, service)
            self._tokens[key] = (token, now + SIGNED_S)
            self._tokens.move_to_end(key)
            while len(self._tokens) > TOKENS_MAX:
                self._tokens.popitem(last=False)
        return token

    async def ask(
        self,
        principal: Principal,
        contract: str,
        method: str,
        request: Message,
        write: Write | None,
        *,
        within_s: float,
    ) -> Any:
        """Call a method; raises Unknown, Refused or Away."""
        service = rights.service_of(contract)
        metadata: list[tuple[str, str | bytes]] = [(access.IDENTITY, self._token(principal, service))]
        if write is not None:
            metadata.append(("ar-idempotency-key", write.key))
            metadata.append(("ar-reason-bin", write.reason.encode()))
        with tracing.span(method, "client", "", {"rpc.system": "grpc"}) as trace:
            if trace:
                metadata.append(("traceparent", trace))
            try:
                stub = STUBS[contract](self._lines[service].channel())
                return await getattr(stub, method)(request, metadata=metadata, timeout=within_s)
            except grpc.aio.AioRpcError as error:
                raise _what(error, service) from None


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions of one person: `await asking.ledger("GetAccount", request)`; a write has the id of its form."""

    asks: Asks
    principal: Principal
    # Whose eyes they are asked with: of what that person may not call nothing is shown, and nothing is written.
    seen_as: Person | None = None
    # For how long an answer is waited for.
    within_s: float = WAIT_S

    def patiently(self) -> "Asking":
        """The same, for what takes long by its nature: a file of many rows."""
        return replace(self, within_s=LONG_S)

    async def __call__(self, contract: str, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask a service."""
        if self.seen_as is not None:
            if write is not None:
                raise Refused("as.read_only", "who looks at another's pages does nothing there")
            if not rights.may(self.seen_as, contract, method):
                raise Unknown
        return await self.asks.ask(self.principal, contract, method, request, write, within_s=self.within_s)

    async def applications(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask credit of applications."""
        return await self("applications", method, request, write)

    async def policies(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask credit of what applications are decided by."""
        return await self("policies", method, request, write)

    async def lab(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask credit of policies that are tried on the past."""
        return await self("lab", method, request, write)

    async def credit(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask credit."""
        return await self("credit", method, request, write)

    async def exposure(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask credit of limits and what takes of them."""
        return await self("exposure", method, request, write)

    async def invoicing(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask invoicing."""
        return await self("invoicing", method, request, write)

    async def ledger(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask the ledger."""
        return await self("ledger", method, request, write)

    async def disputes(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask disputes."""
        return await self("disputes", method, request, write)

    async def feedback(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask notifications of what people say, and what is done about it."""
        return await self("feedback", method, request, write)

    async def letters(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask notifications of our mails themselves."""
        return await self("letters", method, request, write)

    async def notifications(self, method: str, request: Message, write: Write | None = None) -> Any:
        """Ask notifications."""
        return await self("notifications", method, request, write)


async def together(**questions: Awaitable[Any]) -> dict[str, Any]:
    """Ask several things at once, each for a part of a page.

    What is away is None, and its part says so; what is not there, or not for the reader, is False, and has no part. What
    else goes wrong is raised, once all have answered.
    """
    answers = await asyncio.gather(*questions.values(), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, (Away, Unknown)):
            raise answer
    return {
        name: None if isinstance(answer, Away) else False if isinstance(answer, Unknown) else answer
        for name, answer in zip(questions, answers, strict=True)
    }


def _principal(person: Person) -> Principal:
    scope = person.scope
    part = () if scope == Scope() else (Part(scope.site, scope.cost_centre, scope.purchase_order),)
    return Principal(
        person.subject,
        person.tenant,
        "portal",
        roles=frozenset(person.roles),
        accounts=frozenset({person.account_id}) if person.is_buyer else None,
        parts=part,
        assurance=person.assurance,
        on_behalf_of=person.on_behalf_of,
    )


def _what(error: grpc.aio.AioRpcError, service: str) -> Exception:
    """What a refusal means to a page."""
    code = error.code()
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has all that is read
    said = status is not None and bool(status.details) and status.details[0].Unpack(info)
    if info.reason == "access.assurance":
        return NeedsFactor()
    if code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED):
        return Unknown()
    away = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNIMPLEMENTED,  # one of a version before ours
    )
    if code in away:
        return Away(service)
    return Refused(info.reason, error.details() or "") if said else error

"""People who call a service with tokens of their own, and how they see its refusals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from deploy.local.trust import person
from services.chassis import access
from services.chassis.identity import Part, Principal
from services.chassis.service import Parts, Service
from tests.callers import serving, token


def contact(*accounts: str, name: str = "ann", tenant: str = "acme", sites: tuple[str, ...] = ()) -> Principal:
    """Somebody of a buyer, of these accounts; of these sites alone, if any is named."""
    return _at(person(f"contact:{name}", tenant, *accounts), sites)


def clerk(*accounts: str, name: str = "bo", tenant: str = "acme", sites: tuple[str, ...] = ()) -> Principal:
    """Somebody of the seller: of all accounts, or of these."""
    return _at(person(f"user:{name}", tenant, *accounts), sites)


def _at(principal: Principal, sites: tuple[str, ...]) -> Principal:
    return replace(principal, parts=tuple(Part(site) for site in sites))


@dataclass(frozen=True)
class Asked:
    """A refusal, as its caller sees it: the same words for two things tell nothing of either."""

    status: grpc.StatusCode
    code: str
    words: str


@dataclass(frozen=True)
class Gated:
    """A service as those see it who come with a token."""

    name: str
    stub: Any

    async def ask(self, who: Principal, method: str, request: Message, *, key: str = "") -> Any:
        """The answer, or the refusal."""
        metadata = (
            (access.IDENTITY, token(who, self.name)),
            ("ar-idempotency-key", key or str(uuid4())),
            ("ar-reason", "test"),
        )
        try:
            return await getattr(self.stub, method)(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            status = rpc_status.from_call(error)  # type: ignore[arg-type] # of an answer it needs what this error has
            info = error_details_pb2.ErrorInfo()
            if status is not None and status.details:
                status.details[0].Unpack(info)
            return Asked(error.code(), info.reason, error.details() or "")


@asynccontextmanager
async def gated(service: Service[Any], parts: Parts[Any], stub: Any) -> AsyncIterator[Gated]:
    """Open a service's door to whoever has a token; `stub` is its contract's."""
    async with serving(service, parts) as channel:
        yield Gated(service.name, stub(channel))

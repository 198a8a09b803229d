"""A service behind its gate, and people who call it with tokens of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from deploy.local.trust import PORTAL, Issuers, person
from services.chassis import access, rpc
from services.chassis.identity import Part, Principal, Trust, Verifier
from services.chassis.service import Parts, Service


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

    parts: Parts[Any]
    name: str
    issuers: Issuers
    stub: Any

    async def ask(self, who: Principal, method: str, request: Message, *, key: str = "") -> Any:
        """The answer, or the refusal."""
        metadata = (
            (access.IDENTITY, self.issuers.signer(PORTAL).sign(who, self.name)),
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
async def gated(service: Service[Any], parts: Parts[Any], stub: Any, folder: Path) -> AsyncIterator[Gated]:
    """Open a service's door to whoever has a token; `stub` is its contract's."""
    issuers = Issuers(folder).make([service.name])
    servicers = service.servicers(parts)
    gate = access.Gate(
        "require", access.rules([servicer.name for servicer in servicers]), Verifier(Trust(issuers.trust), service.name)
    )
    server = rpc.server(gate)
    for servicer in servicers:
        servicer.add(servicer.answers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Gated(parts, service.name, issuers, stub(channel))
    finally:
        await server.stop(None)

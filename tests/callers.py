"""Calls of tests as they are in production: through the gate, with the token of whoever the test says it is.

    async with serving(SERVICE, parts) as channel:                       # the service's calls, behind a port of its own
        stub = service_pb2_grpc.CreditServiceStub(channel)
        await stub.GetAccount(request, metadata=(("ar-tenant", "acme"), ("ar-actor", "contact:c1")))

What a test says in `ar-tenant` and `ar-actor` becomes a signed token, and is not sent: of somebody with a second factor
and all roles that such a one can have; a contact's with the accounts of ACCOUNTS, unless the channel was given others.
Who says another thing signs for itself: `token(principal, "credit")`.
"""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from receivables.audit.v1 import service_pb2_grpc as audit_pb2_grpc
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc

from deploy.local.trust import PORTAL, Issuers, operator, person
from services.chassis import rpc
from services.chassis.access import IDENTITY, Gate, Mode, rules
from services.chassis.audit import AuditService
from services.chassis.envelope import RECORD_MAX_BYTES
from services.chassis.identity import ROLES, SERVICE, Principal, Trust, Verifier
from services.chassis.operations import OperationsService
from services.chassis.service import AUDIT, OPERATIONS, Parts, Service, Servicer

SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications", "toy")
# What contacts of tests are of.
ACCOUNTS = ("b1", "b2", "acme", "globex")
_OPERATIONS = f"/{OPERATIONS}/"

Metadata = Iterable[tuple[str, Any]] | None


@cache
def issuers() -> Issuers:
    """Whom all services of this process' tests trust."""
    folder = Path(tempfile.mkdtemp(prefix="receivables-issuers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Issuers(folder).make(SERVICES)


def environment(service: str, access: Mode = "require") -> dict[str, str]:
    """What the process of a service is told, to let in the calls of `dial`."""
    return issuers().environment(service) | {"AR_ACCESS": access}


def token(principal: Principal, audience: str, by: Issuers | None = None) -> str:
    """A token for one service."""
    return (by or issuers()).signer(principal.issuer).sign(principal, audience)


def caller(actor: str, tenant: str, accounts: Sequence[str] = ACCOUNTS) -> Principal:
    """Somebody with all that such a one can have; "user:b for user:a" stands in for another."""
    actor, _, on_behalf_of = actor.partition(" for ")
    if on_behalf_of:
        return replace(caller(actor, tenant, accounts), on_behalf_of=on_behalf_of)
    kind, _, name = actor.partition(":")
    if kind == SERVICE:
        return Principal(actor, tenant, name)
    if kind not in ROLES:  # which no door lets in
        return Principal(actor, tenant, PORTAL)
    return person(actor, tenant, *(accounts if kind == "contact" else ()))


@asynccontextmanager
async def serving(
    service: Service[Any],
    parts: Parts[Any],
    *,
    access: Mode = "require",
    accounts: Sequence[str] = ACCOUNTS,
    options: Sequence[tuple[str, Any]] = (),
) -> AsyncIterator[grpc.aio.Channel]:
    """Answer a service's calls on a port of its own, an auditor's and an operator's too; give who calls there."""
    async with (
        answering(service.name, servicers_of(service, parts), access=access) as address,
        dial(address, service.name, accounts=accounts, options=options) as channel,
    ):
        yield channel


def servicers_of(service: Service[Any], parts: Parts[Any]) -> list[Servicer]:
    """All that a service answers."""
    auditor = AuditService(parts.database, parts.consumer)
    return [
        *service.servicers(parts),
        Servicer(AUDIT, audit_pb2_grpc.add_AuditServiceServicer_to_server, auditor),
        operations(service, parts),
    ]


def operations(service: Service[Any], parts: Parts[Any]) -> Servicer:
    """What answers an operator."""
    answers = OperationsService(service.name, parts.settings, parts.consumer, ())
    return Servicer(OPERATIONS, operations_pb2_grpc.add_OperationsServiceServicer_to_server, answers)


@asynccontextmanager
async def answering(name: str, servicers: Sequence[Servicer], *, access: Mode = "require") -> AsyncIterator[str]:
    """Answer these calls in a service's name, on a port of its own, whose address is given."""
    server = rpc.server(
        gate(name, [servicer.name for servicer in servicers], access), max_receive_message_length=RECORD_MAX_BYTES
    )
    for servicer in servicers:
        servicer.add(servicer.answers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def gate(name: str, servicers: Sequence[str], access: Mode = "require") -> Gate:
    """What lets calls of these gRPC services in, in a service's name."""
    return Gate(access, rules(servicers), Verifier(Trust(issuers().trust), name))


def dial(
    address: str, audience: str, *, accounts: Sequence[str] = ACCOUNTS, options: Sequence[tuple[str, Any]] = ()
) -> grpc.aio.Channel:
    """Who calls a service."""
    return grpc.aio.insecure_channel(address, options, interceptors=[_Signing(audience, accounts)])


@contextmanager
def dialled(
    address: str, audience: str, *, by: Issuers | None = None, options: Sequence[tuple[str, Any]] = ()
) -> Iterator[grpc.Channel]:
    """The same where nothing is awaited, and perhaps other issuers are trusted."""
    with grpc.insecure_channel(address, options) as channel:
        yield grpc.intercept_channel(channel, _SigningBlocked(audience, by))


def signed(
    method: str, metadata: Metadata, audience: str, accounts: Sequence[str] = ACCOUNTS, by: Issuers | None = None
) -> list[tuple[str, Any]]:
    """The metadata as they are sent: who is named there is in a token; those that bring one say all themselves."""
    said = list(metadata or ())
    names: Mapping[str, Any] = dict(said)
    if IDENTITY in names:
        return said
    if method.startswith(_OPERATIONS):
        principal = operator()
    else:
        principal = caller(names.get("ar-actor", "user:test"), names.get("ar-tenant", ""), accounts)
    once = Counter(name for name, _ in said)
    rest = [(name, value) for name, value in said if name not in ("ar-tenant", "ar-actor") or once[name] > 1]
    return [(IDENTITY, token(principal, audience, by)), *rest]


class _Signing(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc, unused-ignore] # typed or not, as grpc's stubs are
    def __init__(self, audience: str, accounts: Sequence[str]) -> None:
        self._audience, self._accounts = audience, accounts

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        metadata = grpc.aio.Metadata(*signed(method, details.metadata, self._audience, self._accounts))
        return await continuation(details._replace(metadata=metadata), request)


class _SigningBlocked(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc, unused-ignore] # as above
    def __init__(self, audience: str, by: Issuers | None) -> None:
        self._audience, self._by = audience, by

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = signed(details.method, details.metadata, self._audience, by=self._by)
        return continuation(details._replace(metadata=metadata), request)

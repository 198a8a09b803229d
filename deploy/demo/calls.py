"""Calls to the five services as a clerk's or a buyer's program makes them: patient, each write under its own key."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.credit.v1 import applications_pb2_grpc as applications_grpc
from receivables.credit.v1 import exposure_pb2_grpc as exposure_grpc
from receivables.credit.v1 import service_pb2_grpc as credit_grpc
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc
from receivables.operations.v1 import service_pb2 as operations_pb2
from receivables.operations.v1 import service_pb2_grpc as operations_grpc

from deploy.local.trust import OPERATOR, PORTAL, Issuers, operator, person
from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.identity import Principal, Signer

Req = TypeVar("Req")
Resp = TypeVar("Resp")
Req_contra = TypeVar("Req_contra", contravariant=True)
Resp_co = TypeVar("Resp_co", covariant=True)

CALL_S = 10.0
PAUSE_S = 0.1
# A service that is away, was killed in the middle, or asks to come again.
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
}
CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


class Refused(Exception):  # noqa: N818 - a refusal is a word of the trade, not a defect
    """A service does not carry a call out; the code is stable and public."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Method(Protocol[Req_contra, Resp_co]):
    """A stub's method, as the generated contracts type it."""

    def __call__(self, request: Req_contra, timeout: float | None = None, metadata: Any = None) -> Resp_co:
        """Call it."""


_CALLER: ContextVar[Principal] = ContextVar("caller")
_OPERATOR = operator()


@contextmanager
def _calling(caller: Principal) -> Iterator[None]:
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


class _Signing(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc, unused-ignore] # typed or not, as grpc's stubs are
    """Gives each call to one service the token of whoever calls."""

    def __init__(self, audience: str, signers: Mapping[str, Signer]) -> None:
        self._audience = audience
        self._signers = signers

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Sign, and go on."""
        caller = _CALLER.get(_OPERATOR)
        token = self._signers[caller.issuer].sign(caller, self._audience)
        return continuation(details._replace(metadata=[(IDENTITY, token), *(details.metadata or ())]), request)


class Services:
    """The doors of the five services."""

    def __init__(self, addresses: Mapping[str, str], issuers: Issuers, *, patience_s: float = 90) -> None:
        """Take `host:port` by service, and who vouches; a call waits for a service that is away for `patience_s` at most."""
        self._patience_s = patience_s
        signers = {name: issuers.signer(name) for name in (PORTAL, OPERATOR)}
        self._channels: list[tls.Channel] = []

        def channels(workload: str) -> dict[str, grpc.Channel]:
            held = tls.Holder(issuers.certificate(workload))
            made = {name: tls.Channel(name, address, held, CHANNEL) for name, address in addresses.items()}
            self._channels += made.values()
            return {name: grpc.intercept_channel(channel, _Signing(name, signers)) for name, channel in made.items()}

        portal = channels(PORTAL)
        self.credit = credit_grpc.CreditServiceStub(portal["credit"])
        self.applications = applications_grpc.ApplicationServiceStub(portal["credit"])
        self.exposure = exposure_grpc.ExposureServiceStub(portal["credit"])
        self.invoicing = invoicing_grpc.InvoicingServiceStub(portal["invoicing"])
        self.ledger = ledger_grpc.LedgerServiceStub(portal["ledger"])
        self.disputes = disputes_grpc.DisputesServiceStub(portal["disputes"])
        self.notifications = notifications_grpc.NotificationsServiceStub(portal["notifications"])
        self.operations = {
            name: operations_grpc.OperationsServiceStub(channel) for name, channel in channels(OPERATOR).items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for channel in self._channels:
            channel.close()

    def read(self, method: Method[Req, Resp], request: Req, *, tenant: str, caller: Principal | None = None) -> Resp:
        """Ask for one tenant: as its auditor, unless somebody is named."""
        return self._patiently(method, request, caller or person("user:auditor", tenant, roles=["AUDITOR"]), [])

    def write(
        self, method: Method[Req, Resp], request: Req, *, caller: Principal, key: str, reason: str = "demo"
    ) -> Resp:
        """Command once per key, however often it has to be tried; raises Refused with the service's code."""
        return self._patiently(method, request, caller, [("ar-idempotency-key", key), ("ar-reason", reason)])

    def status(self, name: str) -> operations_pb2.StatusResponse:
        """Where a service stands."""
        return self._patiently(self.operations[name].Status, operations_pb2.StatusRequest(), operator(), [])

    def set_clock(self, at: datetime) -> None:
        """Move the business clock of every service; again to the same instant changes nothing.

        Who is told comes before who tells: what a new day brings in one service meets the new day in the next.
        """
        request = operations_pb2.SetClockRequest()
        request.at.FromDatetime(at)
        told = ("notifications", "disputes", "ledger", "invoicing", "credit", PORTAL)
        for stub in (self.operations[name] for name in told if name in self.operations):
            self._patiently(stub.SetClock, request, operator(), [])

    def _patiently(
        self, method: Method[Req, Resp], request: Req, caller: Principal, metadata: list[tuple[str, str]]
    ) -> Resp:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                with _calling(caller):
                    return method(request, timeout=CALL_S, metadata=metadata)
            except grpc.RpcError as error:
                if error.code() not in PASSING or time.monotonic() > deadline:
                    raise refusal(error) from None
            time.sleep(PAUSE_S)


def refusal(error: Any) -> Exception:
    """The refusal that a gRPC status carries, or the error itself if it carries none."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return Refused(info.reason, status.message)
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def pages(ask: Callable[[str], tuple[Iterable[Resp], str]]) -> list[Resp]:
    """Every row of a list that comes in pages: `ask` takes a page's token and gives its rows and the next token."""
    rows: list[Resp] = []
    token = ""
    while True:
        page, token = ask(token)
        rows += page
        if not token:
            return rows

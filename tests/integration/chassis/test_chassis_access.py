"""The gate over the wire: who is let in, what each that is not hears, and what of a call is whose."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from joserfc import jwt
from joserfc.jwk import ECKey
from receivables.credit.v1 import service_pb2, service_pb2_grpc
from receivables.operations.v1 import service_pb2 as operations_pb2
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from deploy.local.trust import Issuers, operator, person
from services.chassis import identity, metrics, rpc
from services.chassis.access import IDENTITY, Gate, rules
from services.chassis.identity import Principal, Signer, Trust, Verifier, issuer_file, new_key
from services.chassis.service import OPERATIONS, Parts
from services.chassis.settings import ChassisSettings
from tests import callers
from tests.chaos.toy.events import effects
from tests.chaos.toy.service import SERVICE, servicers

Toy = Parts[ChassisSettings]
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
OK = (grpc.StatusCode.OK, "")
CREDIT = "receivables.credit.v1.CreditService"
ADA = person("user:ada", "acme")
ANN = person("contact:ann", "acme", "b1")
# Clerks of one account each.
CY, DEE = person("user:cy", "acme", "b1"), person("user:dee", "acme", "b2")


class Wire:
    """Calls the toy, with metadata as they are given; of a toy of its own whom it trusts."""

    def __init__(self, channel: grpc.aio.Channel, issuers: Issuers) -> None:
        self._channel, self.issuers = channel, issuers
        self._stub = service_pb2_grpc.CreditServiceStub(channel)
        self._operations = operations_pb2_grpc.OperationsServiceStub(channel)

    def token(self, principal: Principal) -> str:
        return callers.token(principal, "toy", self.issuers)

    async def get(self, *metadata: tuple[str, Any], account: str = "b1") -> tuple[grpc.StatusCode, str]:
        return await self._said(self._stub.GetAccount, service_pb2.GetAccountRequest(account_id=account), metadata)

    async def get_as(self, token: str, *metadata: tuple[str, Any], account: str = "b1") -> tuple[grpc.StatusCode, str]:
        return await self.get((IDENTITY, token), *metadata, account=account)

    async def decide(self, principal: Principal, order: str, account: str, key: str) -> tuple[grpc.StatusCode, str]:
        request = service_pb2.DecideRequest(order_id=order, account_id=account)
        metadata = ((IDENTITY, self.token(principal)), ("ar-idempotency-key", key))
        return await self._said(self._stub.Decide, request, metadata)

    async def register(self, account: str) -> None:
        metadata = ((IDENTITY, self.token(ADA)), ("ar-idempotency-key", account))
        await self._stub.RegisterBuyer(service_pb2.RegisterBuyerRequest(account_id=account), metadata=metadata)

    async def set_clock(self, at: datetime) -> None:
        request = operations_pb2.SetClockRequest(at=Timestamp(seconds=int(at.timestamp())))
        await self._operations.SetClock(request, metadata=((IDENTITY, self.token(operator())),))

    async def _said(self, method: Any, request: Any, metadata: Any) -> tuple[grpc.StatusCode, str]:
        try:
            await method(request, metadata=metadata, timeout=20)
        except grpc.aio.AioRpcError as error:
            self.words = error.details() or ""
            status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has all that is read
            info = error_details_pb2.ErrorInfo()
            said = bool(status and status.details and status.details[0].Unpack(info))
            return error.code(), info.reason if said else ""
        return OK


@pytest.fixture
async def wire(toy: Toy, tmp_path: Path) -> AsyncIterator[Wire]:
    """The toy, with issuers of its own, and two buyers."""
    issuers = Issuers(tmp_path / "issuers").make(["toy", "notifications"])
    all_servicers = [*servicers(toy), callers.operations(SERVICE, toy)]
    gate = Gate("require", rules([CREDIT, OPERATIONS]), Verifier(Trust(issuers.trust), "toy"))
    server = rpc.server(gate)
    for servicer in all_servicers:
        servicer.add(servicer.answers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        opened = Wire(channel, issuers)
        for account in ("b1", "b2"):
            await opened.register(account)
        yield opened
    await server.stop(None)


def signed(wire: Wire, **changes: Any) -> str:
    """A token of the portal's whose claims are as they are given."""
    now = int(time.time())
    said = {
        "iss": "portal",
        "aud": "toy",
        "sub": "user:ada",
        "ten": "acme",
        "rol": ["CREDIT"],
        "iat": now,
        "exp": now + 60,
    }
    key = ECKey.import_key(wire.issuers.key("portal").read_text())
    header = {"alg": "ES256", "typ": "ar+jwt", "kid": key.thumbprint()}
    return jwt.encode(header, {**said, **changes}, key)


async def test_who_brings_no_token_is_nobody_whatever_else_is_said(wire: Wire, toy: Toy):
    for metadata in ((), (("ar-tenant", "acme"), ("ar-actor", "user:ada")), ((IDENTITY, ""),)):
        assert await wire.get(*metadata) == (UNAUTHENTICATED, "identity.missing")
    assert await wire.get((f"{IDENTITY}-bin", wire.token(ADA).encode())) == (UNAUTHENTICATED, "identity.missing")
    assert await wire.get(("authorization", f"Bearer {wire.token(ADA)}")) == (UNAUTHENTICATED, "identity.missing")


async def test_who_brings_a_token_is_whom_it_names(wire: Wire):
    assert await wire.get_as(wire.token(ADA)) == OK
    assert await wire.get_as(wire.token(ADA), ("ar-tenant", "acme"), ("ar-actor", "user:ada")) == OK
    assert await wire.get_as(wire.token(replace(ADA, tenant="globex"))) == (grpc.StatusCode.NOT_FOUND, "toy.unknown")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "credit"}, (UNAUTHENTICATED, "identity.audience")),
        ({"exp": int(time.time()) - 31, "iat": int(time.time()) - 90}, (UNAUTHENTICATED, "identity.expired")),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 3660}, (UNAUTHENTICATED, "identity.not_yet")),
        ({"exp": int(time.time()) + 3600}, (UNAUTHENTICATED, "identity.lifetime")),
        ({"iss": "nobody"}, (UNAUTHENTICATED, "identity.key_unknown")),
        ({"sub": "ada"}, (UNAUTHENTICATED, "identity.malformed")),
        ({"rol": ["OPERATOR"]}, (DENIED, "identity.beyond_issuer")),
        ({"sub": "service:notifications", "rol": []}, (DENIED, "identity.beyond_issuer")),
        ({"ten": ""}, (DENIED, "access.tenant")),
        ({"rol": ["LOGISTICS"]}, (DENIED, "access.role")),
        ({"rol": []}, (DENIED, "access.role")),
        ({"sub": "contact:c", "rol": ["AP_CLERK"]}, (DENIED, "identity.accounts_missing")),
    ],
)
async def test_a_token_that_is_not_as_it_must_be_is_refused_by_its_code(
    wire: Wire, changes: dict[str, Any], code: tuple[grpc.StatusCode, str]
):
    assert await wire.get_as(signed(wire, **changes)) == code


async def test_bytes_that_are_no_token_are_refused_and_no_defect(wire: Wire):
    token = wire.token(ADA)
    head, payload, signature = token.split(".")
    for garbage in ("x", "..", "a.b.c", f"{head}.{'W1tb' * 500}.{signature}", f"eyJjcml0IjoxfQ.{payload}.{signature}"):
        assert await wire.get_as(garbage) == (UNAUTHENTICATED, "identity.malformed")
    assert await wire.get_as("x" * 4097) == (UNAUTHENTICATED, "identity.too_large")
    assert await wire.get_as(f"{head}.{payload}.{'A' * 86}") == (UNAUTHENTICATED, "identity.signature")
    status, _ = await wire.get_as("x" * 100_000)  # more than gRPC takes in a header
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await wire.get_as(token) == OK


async def test_who_brings_two_tokens_is_refused(wire: Wire):
    two = ((IDENTITY, wire.token(ADA)), (IDENTITY, wire.token(ANN)))

    assert await wire.get(*two) == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_repeated")


async def test_metadata_that_contradict_the_token_are_refused(wire: Wire):
    for name, said in (("ar-tenant", "globex"), ("ar-tenant", ""), ("ar-actor", "user:bo")):
        assert await wire.get_as(wire.token(ADA), (name, said)) == (DENIED, "identity.contradicts")


async def test_anothers_account_is_refused_in_the_same_words_as_one_that_is_not_there(wire: Wire):
    words = set()
    for account in ("b2", "b9", "x" * 60):
        assert await wire.get_as(wire.token(ANN), account=account) == (DENIED, "access.account")
        words.add(wire.words.replace(account, "*"))

    assert len(words) == 1
    assert await wire.get_as(wire.token(ANN)) == OK


async def test_a_token_ends_by_the_systems_clock_wherever_the_business_clock_stands(wire: Wire):
    token = wire.token(ADA)
    await wire.set_clock(datetime(2199, 1, 1, tzinfo=UTC))

    assert await wire.get_as(token) == OK
    assert await wire.get_as(wire.token(ADA)) == OK
    over = signed(wire, iat=int(time.time()) - 120, exp=int(time.time()) - 60)
    assert await wire.get_as(over) == (UNAUTHENTICATED, "identity.expired")


async def test_a_key_that_is_removed_is_refused_within_a_second_or_so(wire: Wire):
    old, new = wire.issuers.key("portal").read_text(), new_key()
    of_old, of_new = (Signer("portal", lambda key=key: key).sign(ADA, "toy") for key in (old, new))  # type: ignore[misc]
    assert await wire.get_as(of_old) == OK
    publish(wire, old, new)
    await until(wire, of_new, OK)
    assert await wire.get_as(of_old) == OK

    publish(wire, new)
    since = time.monotonic()

    await until(wire, of_old, (UNAUTHENTICATED, "identity.key_unknown"))
    assert time.monotonic() - since < identity.LOOK_S + 2
    (wire.issuers.trust / "portal.json").write_text("{")
    await asyncio.sleep(identity.LOOK_S * 1.2)  # until it was looked at: nothing tells that it was, and was no file
    assert await wire.get_as(of_new) == OK


def publish(wire: Wire, *keys: str) -> None:
    text = issuer_file(keys, subjects=["user:"], roles=["*"], tenants=["*"], workloads=["portal"])
    (wire.issuers.trust / "portal.json").write_text(text)


async def until(wire: Wire, token: str, answer: tuple[grpc.StatusCode, str]) -> None:
    async with asyncio.timeout(10):
        while await wire.get_as(token) != answer:
            await asyncio.sleep(0.05)


async def test_calls_at_once_are_each_their_own_callers(wire: Wire, toy: Toy):
    """Those of many that share a transaction, those of whoever is bound, and those that are refused, side by side."""
    actors = [replace(ADA, subject=f"user:u{n}") for n in range(20)] + [CY, DEE] * 5
    calls = [wire.decide(actor, f"o{n}", "b1" if actor != DEE else "b2", f"k{n}") for n, actor in enumerate(actors)] + [
        wire.decide(DEE, f"x{n}", "b1", f"x{n}") for n in range(5)
    ]

    assert await asyncio.gather(*calls) == [OK] * 30 + [(DENIED, "access.account")] * 5

    async with toy.database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers FROM outbox WHERE headers->>'ce_subject' LIKE 'order/%%'")
    told = {row.headers["ce_subject"]: row.headers["ce_actor"] for row in rows}
    assert told == {f"order/o{n}": actor.subject for n, actor in enumerate(actors)}


async def test_who_is_bound_to_accounts_has_keys_of_its_own(wire: Wire, toy: Toy):
    """Neither hears what another was answered, nor keeps another from its key."""
    assert await wire.decide(CY, "o1", "b1", "k1") == OK
    assert await wire.decide(DEE, "o2", "b2", "k1") == OK
    assert await wire.decide(ADA, "o3", "b1", "k1") == OK
    assert await wire.decide(CY, "o1", "b1", "k1") == OK

    assert await wire.decide(CY, "o4", "b1", "k1") == (grpc.StatusCode.ALREADY_EXISTS, "call.key_reused")
    done = [effect for effect in await effects(toy.database) if "decided" in effect]
    assert sorted(done) == ["o1/1 decided", "o2/1 decided", "o3/1 decided"]


async def test_what_is_refused_is_counted_and_logged_with_its_trace(wire: Wire):
    def count() -> float:
        return float(metrics.REFUSED.labels("identity.missing")._value.get())

    before = count()
    with capture_logs(processors=[merge_contextvars]) as lines:
        await wire.get(("traceparent", f"00-{'c' * 32}-{'d' * 16}-01"))

    assert count() == before + 1
    [line] = [line for line in lines if line["event"] == "call refused"]
    assert (line["code"], line["trace_id"], line["method"]) == ("identity.missing", "c" * 32, f"{CREDIT}/GetAccount")


async def test_a_servicer_that_nobody_declared_answers_nobody(toy: Toy):
    async with callers.answering("toy", servicers(toy)) as declared:
        gate = callers.gate("toy", [OPERATIONS])
        server = rpc.server(gate)
        for servicer in servicers(toy):
            servicer.add(servicer.answers, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        for address, answer in ((declared, "toy.unknown"), (f"127.0.0.1:{port}", "access.undeclared")):
            async with grpc.aio.insecure_channel(address) as channel:
                assert (await Wire(channel, callers.issuers()).get_as(callers.token(ADA, "toy")))[1] == answer
        await server.stop(None)

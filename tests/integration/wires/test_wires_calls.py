"""gRPC over mutual TLS: whose certificate is let in, and that certificates change while everybody goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from receivables.operations.v1 import service_pb2, service_pb2_grpc

from deploy.demo.calls import Refused, refusal
from deploy.local.authority import Authority, write
from deploy.local.processes import free_port
from services.chassis import access, rpc, tls
from services.chassis.access import Gate, rules
from services.chassis.acts import Refusals
from services.chassis.service import LIVENESS, OPERATIONS, _open_door
from tests.chaos.toy.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.wires.sniffer import Sniffer

OPERATOR, SERVER = "operator", "toy"


class Operations(service_pb2_grpc.OperationsServiceServicer):
    """Answers with what it was asked for."""

    async def Status(self, request: service_pb2.StatusRequest, context: Any) -> service_pb2.StatusResponse:
        return service_pb2.StatusResponse(service=SERVER)

    async def SetClock(self, request: service_pb2.SetClockRequest, context: Any) -> service_pb2.SetClockResponse:
        raise NotImplementedError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@asynccontextmanager
async def answering(
    folder: Path, age_ms: int = 60_000, told: Callable[[access.Refused], None] = lambda _refused: None
) -> AsyncIterator[str]:
    """Give the address of a server with the certificate of a folder; `told` hears of whom it refuses."""
    server = rpc.server(Gate("off", rules([OPERATIONS]), told=told), max_connection_age_ms=age_ms)
    service_pb2_grpc.add_OperationsServiceServicer_to_server(Operations(), server)
    port = server.add_secure_port("127.0.0.1:0", tls.server_credentials(tls.Holder(folder)))
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def ask(address: str, folder: Path) -> str:
    """Ask once, over a connection of its own, and give the answer, the code of a refusal, or the status."""
    line = tls.Line(SERVER, address, tls.Holder(folder), [("grpc.enable_retries", 0)])
    try:
        return await status(line)
    finally:
        await line.close()


async def status(line: tls.Line) -> str:
    stub = service_pb2_grpc.OperationsServiceStub(line.channel())
    try:
        return (await stub.Status(service_pb2.StatusRequest(), timeout=10)).service
    except grpc.aio.AioRpcError as error:
        found = refusal(error)
        return found.code if isinstance(found, Refused) else error.code().name


async def test_a_certificate_of_our_authority_lets_in_whoever_may_call(authority: Authority):
    """ASVS 12.3.5, 13.2.1: services know each other by certificates."""
    async with answering(authority.issue(SERVER)) as address:
        assert await ask(address, authority.issue(OPERATOR)) == SERVER


@pytest.mark.parametrize("name", ["notifications", "stranger"])
async def test_the_right_authority_and_the_wrong_name_is_refused(authority: Authority, tmp_path: Path, name: str):
    async with answering(authority.issue(SERVER)) as address:
        assert await ask(address, authority.issue(name, tmp_path / "caller")) == "access.workload"


async def test_a_certificate_of_an_unknown_authority_gets_no_connection(authority: Authority, tmp_path: Path):
    stranger = Authority(tmp_path / "elsewhere").issue(OPERATOR)
    # It believes the server: that it is not believed itself is what is seen.
    write(stranger / tls.AUTHORITIES, authority.file.read_bytes())

    async with answering(authority.issue(SERVER)) as address:
        assert await ask(address, stranger) == "UNAVAILABLE"


async def test_no_certificate_gets_no_connection(authority: Authority):
    async with answering(authority.issue(SERVER)) as address:
        credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
        options = [("grpc.ssl_target_name_override", f"{SERVER}.{tls.DOMAIN}")]
        async with grpc.aio.secure_channel(address, credentials, options) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await service_pb2_grpc.OperationsServiceStub(channel).Status(service_pb2.StatusRequest(), timeout=10)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_caller_believes_only_the_server_that_it_looks_for(
    authority: Authority, tmp_path: Path, *, elsewhere: bool
):
    other = Authority(tmp_path / "elsewhere").issue(SERVER) if elsewhere else authority.issue("ledger")
    write(other / tls.AUTHORITIES, authority.file.read_bytes())

    async with answering(other) as address:
        assert await ask(address, authority.issue(OPERATOR)) == "UNAVAILABLE"


async def test_the_wire_shows_no_value(authority: Authority):
    async with answering(authority.issue(SERVER)) as address:
        with Sniffer(0, int(address.rpartition(":")[2])) as sniffer:
            assert await ask(f"127.0.0.1:{sniffer.port}", authority.issue(OPERATOR)) == SERVER

    assert len(sniffer.seen) > 100  # it came this way
    assert b"OperationsService" not in sniffer.seen


async def test_a_certificate_that_ends_while_it_is_connected_is_refused_from_then_on(
    authority: Authority, tmp_path: Path
):
    caller = authority.issue(OPERATOR, lifetime=timedelta(seconds=3))
    told: list[access.Refused] = []
    async with answering(authority.issue(SERVER), told=told.append) as address:
        line = tls.Line(SERVER, address, tls.Holder(caller), [])
        heard = [await status(line)]
        while heard[-1] == SERVER:
            heard.append(await status(line))
        await line.close()

    assert heard[0] == SERVER
    assert heard[-1] == "identity.certificate_expired"
    assert [refused.code for refused in told] == ["identity.certificate_expired"]


class Callers:
    """People who call without a pause, and try again where nobody answers."""

    def __init__(self, address: str, folder: Path) -> None:
        self.answered = 0
        self.failed: list[grpc.StatusCode] = []
        self._line = tls.Line(SERVER, address, tls.Holder(folder), RETRYING)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Call meanwhile."""
        calling = asyncio.create_task(self._call())
        try:
            yield
        finally:
            calling.cancel()
            await asyncio.wait([calling])
            await self._line.close()

    async def _call(self) -> None:
        while True:
            try:
                stub = service_pb2_grpc.OperationsServiceStub(self._line.channel())
                await stub.Status(service_pb2.StatusRequest(), timeout=10)
                self.answered += 1
            except grpc.aio.AioRpcError as error:
                self.failed.append(error.code())

    async def more(self) -> None:
        """Return when more was answered."""
        wanted = self.answered + 20
        while self.answered < wanted and not self.failed:
            await asyncio.sleep(0)


RETRY = '{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.1s", '
RETRY += '"maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]}}]}'
RETRYING = [("grpc.service_config", RETRY)]


async def test_certificates_and_authorities_change_while_callers_go_on(authority: Authority, tmp_path: Path):
    successor = Authority(tmp_path / "successor")
    server, caller = authority.issue(SERVER, tmp_path / "server"), authority.issue(OPERATOR, tmp_path / "caller")
    both = authority.file.read_bytes() + successor.file.read_bytes()

    # Connections end after half a second, so that many are made anew.
    async with answering(server, age_ms=500) as address:
        callers = Callers(address, caller)
        async with callers.calling():
            await callers.more()
            for folder in (server, caller):
                write(folder / tls.AUTHORITIES, both)
            await callers.more()
            for folder, name in ((server, SERVER), (caller, OPERATOR)):
                successor.issue(name, folder)
                write(folder / tls.AUTHORITIES, both)
                await callers.more()
            for folder in (server, caller):
                write(folder / tls.AUTHORITIES, successor.file.read_bytes())
            await callers.more()

        assert callers.failed == []
        assert await ask(address, caller) == SERVER
        assert await ask(address, authority.issue(OPERATOR)) == "UNAVAILABLE"  # of the one that ended


async def test_what_is_no_certificate_leaves_the_one_before(authority: Authority):
    folder, caller = authority.issue(SERVER), authority.issue(OPERATOR)
    async with answering(folder) as address:
        for name in (tls.CERTIFICATE, tls.KEY, tls.AUTHORITIES):
            kept = (folder / name).read_bytes()
            write(folder / name, b"no such thing")
            assert await ask(address, caller) == SERVER
            write(folder / name, kept)
        (folder / tls.KEY).unlink()
        assert await ask(address, caller) == SERVER


def test_a_start_without_a_certificate_says_what_is_missing(tmp_path: Path):
    with pytest.raises(SystemExit, match=rf"AR_TLS_DIR: {tmp_path} has no certificate.*tls\.crt"):
        tls.holder(tmp_path)


class Door:
    """A service's ports, as its settings open them."""

    def __init__(self, authority: Authority) -> None:
        self.plain_port, self.tls_port = free_port(), free_port()
        self.settings = {
            "access": "off",
            "grpc_port": self.plain_port,
            "grpc_tls_port": self.tls_port,
            "tls_dir": authority.issue(SERVER),
        }
        self._caller = authority.issue(OPERATOR)

    async def over_tls(self) -> str:
        return await ask(f"127.0.0.1:{self.tls_port}", self._caller)

    async def in_plain_text(self) -> str:
        line = tls.Line(SERVER, f"127.0.0.1:{self.plain_port}", None, [("grpc.enable_retries", 0)])
        try:
            return await status(line)
        finally:
            await line.close()

    async def health(self) -> int:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.plain_port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            return int((await stub.Check(health_pb2.HealthCheckRequest(service=LIVENESS), timeout=10)).status)


@pytest.mark.parametrize(
    ("mode", "over_tls", "in_plain_text"),
    [("off", "UNAVAILABLE", SERVER), ("accept", SERVER, SERVER), ("require", SERVER, "UNIMPLEMENTED")],
)
async def test_who_requires_tls_answers_in_plain_text_for_its_health_alone(
    open_service: OpenService, authority: Authority, mode: str, over_tls: str, in_plain_text: str
):
    door = Door(authority)
    async with (
        open_service(SERVICE, grpc_tls=mode, **door.settings) as parts,
        _open_door(SERVICE, parts, (), Refusals(parts.database)),
    ):
        assert await door.over_tls() == over_tls
        assert await door.in_plain_text() == in_plain_text
        assert await door.health() == health_pb2.HealthCheckResponse.SERVING

"""A database that is away: whoever calls hears of it at once, and is served again when it is back."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import psutil
import pytest
import pytest_asyncio

from deploy.local.postgres import Postgres, provision
from services.chassis.database import Database
from services.chassis.migrate import migrate
from services.chassis.service import Parts, database_of
from services.chassis.settings import ChassisSettings
from tests.chaos.toy.service import SERVICE
from tests.integration.chassis.test_chassis_calls import Caller, serving

AT_ONCE_S = 10.0  # two, on a machine that has nothing else to do
MANY = 600  # of which fifty go together: did each of these wait for the database, the last would wait longer than that
LONG_S = 60.0  # what the callers would wait


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Give a server of our own, which may be stopped."""
    folder = tmp_path_factory.mktemp("away")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)  # PostgreSQL runs as another user where we are root
    server = Postgres(folder / "data", folder / "log")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def call(postgres: Postgres) -> AsyncIterator[Caller]:
    """Give a caller of the toy on that server."""
    urls = await asyncio.to_thread(provision, postgres.admin_url, "toy")
    await asyncio.to_thread(migrate, urls.owner, "toy_server", SERVICE.migrations)
    nobody = "127.0.0.1:1"
    given: dict[str, Any] = {"database_url": urls.server, "clock": "test", "grpc_tls": "off"}
    settings = SERVICE.settings(**given, kafka_bootstrap_servers=nobody, kafka_security="plaintext")
    async with database_of(settings) as database, serving(_parts(settings, database)) as caller:
        yield caller


def _parts(settings: ChassisSettings, database: Database) -> Parts[ChassisSettings]:
    return Parts(settings, database, SERVICE.consumer(settings, database))


async def heard(call: Caller) -> list[tuple[grpc.StatusCode, bool]]:
    """What callers of all kinds hear, all at once, and whether they hear it in time."""

    async def timed(work) -> tuple[grpc.StatusCode, bool]:
        began = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await asyncio.wait_for(work, LONG_S)
        return failed.value.code(), time.monotonic() - began < AT_ONCE_S

    many = [call.decide(f"o{n}") for n in range(MANY)]
    return await asyncio.gather(
        *map(timed, (call.get(), call.register(), *many, call.set_clock(seconds=2_000_000_000)))
    )


async def served_again(call: Caller, order: str) -> bool:
    """Whether it is served within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            return bool(await call.decide(order) == order)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.1)
    return False


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """Let nothing of the server go on: its machine hangs, and says no word."""
    port = postgres.admin_url.rpartition(":")[2].split("/")[0]
    ours = [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr and str(c.laddr.port) == port]
    [pid] = {connection.pid for connection in ours if connection.pid}
    main = psutil.Process(pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


async def test_a_database_that_is_stopped_is_unavailable_at_once_and_there_again_when_it_is_started(
    postgres: Postgres, call: Caller
):
    await call.decide("before")
    await asyncio.to_thread(postgres.stop)

    first, second = await heard(call), await heard(call)

    assert set(first + second) == {(grpc.StatusCode.UNAVAILABLE, True)}
    await asyncio.to_thread(postgres.restart)
    assert await served_again(call, "after")


async def test_a_database_that_hangs_is_unavailable_at_once_and_there_again_when_it_goes_on(
    postgres: Postgres, call: Caller
):
    await call.decide("before")
    with frozen(postgres):
        first, second = await heard(call), await heard(call)

    assert set(first + second) == {(grpc.StatusCode.UNAVAILABLE, True)}
    assert await served_again(call, "after")

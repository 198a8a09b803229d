"""What an operator of credit types: signed with their key, answered by the service that runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc
from typer.testing import CliRunner

from services import status
from services.chassis import keys, logs, operators, rpc
from services.chassis.operations import OperationsService
from services.chassis.operators import id_of, read_key
from services.chassis.service import Parts, gate_of
from services.chassis.settings import ChassisSettings
from services.credit import __main__ as credit
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import placed, register

Say = Callable[..., Awaitable[str]]
TENANT = ("--tenant", "acme")
WHY = (*TENANT, "--why", "three reminders")


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the key of an operator who may do all of credit for one seller; give whom services trust."""
    folder = tmp_path / "trust"
    folder.mkdir()
    monkeypatch.setenv("AR_TRUST_DIR", str(folder))
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "operator.json"))
    monkeypatch.setenv("AR_GRPC_TLS", "off")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # pytest keeps the log
    init = ["init", "ada", "--role", "OPERATOR", "--role", "CREDIT", *TENANT]
    assert CliRunner().invoke(keys.app, init).exit_code == 0
    return folder


@pytest_asyncio.fixture
async def parts(
    open_service: OpenService, trust: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Parts[ChassisSettings]]:
    """Give a credit that answers, lets nobody in without a token, and knows the account b1."""
    async with open_service(SERVICE, access="require", trust_dir=trust) as parts:
        await register(parts)
        servicers = SERVICE.servicers(parts)
        server = rpc.server(gate_of(SERVICE.name, parts.settings, [servicer.name for servicer in servicers]))
        for servicer in servicers:
            servicer.add(servicer.answers, server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(
            OperationsService(SERVICE.name, parts.settings, parts.consumer, ()), server
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        monkeypatch.setenv("AR_CREDIT_ADDRESS", f"127.0.0.1:{port}")
        yield parts
        await server.stop(None)


@pytest.fixture
def say(parts: Parts[ChassisSettings]) -> Say:
    """Type a command; give what it prints, or why it ends."""
    return typed


async def typed(*words: str) -> str:
    app, rest = (keys.app, words[1:]) if words[0] == "keys" else (credit.app, words)
    result = await asyncio.to_thread(CliRunner().invoke, app, list(rest))
    return result.output if result.exit_code == 0 else f"{result.output}{result.exception}"


async def actors(parts: Parts[ChassisSettings]) -> list[str]:
    """On whose word each event was announced."""
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers FROM outbox ORDER BY id")
    return [row.headers["ce_actor"] for row in rows]


async def test_a_hold_is_placed_listed_and_lifted_by_whom_the_key_names(parts: Parts[ChassisSettings], say: Say):
    assert await say("hold", "place", "h1", "b1", *WHY, "--code", "overdue", "--site", "north") == "h1 stands\n"
    await say("hold", "place", "h2", "b1", *WHY, "--until", "2190-01-01", "--on-behalf-of", "user:bob")
    assert (await say("hold", "list", *TENANT)).splitlines() == [
        "b1  h1  north  overdue  user:ada  until lifted",
        "b1  h2  all  by_request  user:ada  until 2190-01-01 00:00 UTC",
    ]

    assert await say("hold", "lift", "h1", *WHY) == "h1 is lifted\n"

    assert "h1" not in await say("hold", "list", *TENANT, "--account", "b1")
    assert (await actors(parts))[1:] == ["user:ada", "user:ada for user:bob", "user:ada"]


async def test_an_order_that_waits_is_listed_and_decided(parts: Parts[ChassisSettings], say: Say):
    await parts.consumer.handle([placed("o1", gross=105_000), placed("o2", gross=10_000)])

    assert await say("referred", *TENANT) == "o1  b1  1050.00 EUR  headroom 1000.00 EUR\n"
    assert await say("review", "o1", "APPROVED", *WHY) == "o1 APPROVED: by_person\n"

    assert await say("referred", *TENANT) == ""
    assert (await actors(parts))[-1] == "user:ada"


async def test_a_list_longer_than_a_page_is_listed_whole(
    parts: Parts[ChassisSettings], say: Say, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credit, "ROWS_MAX", 2)
    for n in range(5):
        await say("hold", "place", f"h{n}", "b1", *WHY)

    assert [line.split()[1] for line in (await say("hold", "list", *TENANT)).splitlines()] == [
        "h0",
        "h1",
        "h2",
        "h3",
        "h4",
    ]


async def test_what_cannot_be_ends_with_its_code(say: Say):
    assert "hold.unknown: " in await say("hold", "lift", "h9", *WHY)
    assert "hold.until_past: " in await say("hold", "place", "h1", "b1", *WHY, "--until", "2020-01-01")
    assert "policy.hold_days: " in await say("policy", "set", *WHY, "--referral-share", "0.2", "--hold-days", "1000")
    assert "identity.beyond_issuer: " in await say("policy", "show", "--tenant", "globex")
    assert "identity.malformed: " in await say("hold", "lift", "h9", *WHY, "--on-behalf-of", "bob")


async def test_an_operator_without_the_role_is_refused(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "bob.json"))
    await say("keys", "init", "bob", "--role", "COLLECTOR", *TENANT)

    await refused_as(say, "access.role: ")


async def refused_as(say: Say, code: str) -> float:
    """Ask until it is refused like that; give how long it took, in seconds. Services look at files once a second."""
    began = time.monotonic()
    while code not in (said := await say("policy", "show", *TENANT)):
        assert time.monotonic() - began < 5, said
    return time.monotonic() - began


async def test_a_policy_is_shown_and_set(say: Say):
    assert await say("policy", "show", *TENANT) == "version 0: referral share 0.10, hold days 7\n"

    assert await say("policy", "set", *WHY, "--referral-share", "0.2", "--hold-days", "14") == "version 1\n"

    assert await say("policy", "show", *TENANT) == "version 1: referral share 0.2, hold days 14\n"


async def test_rates_are_loaded_from_a_file_and_listed(say: Say, tmp_path: Path):
    file = tmp_path / "rates.csv"
    file.write_text("day,base,quote,rate\n2026-01-05,EUR,SEK,11.25\n2026-01-05,EUR,USD,1.08\n")

    assert await say("rates", "load", str(file), *WHY) == "2 read, 2 of them new\n"
    assert await say("rates", "load", str(file), *WHY) == "2 read, 0 of them new\n"
    assert (await say("rates", "list", *TENANT)).splitlines() == [
        "2026-01-05  1 EUR = 1.08 USD",
        "2026-01-05  1 EUR = 11.25 SEK",
    ]
    file.write_text("day,base,quote,rate\n2026-01-05,EUR,SEK,11.5\n")
    assert "rate.exists" in await say("rates", "load", str(file), *WHY)
    assert await say("rates", "load", str(file), *WHY, "--corrects") == "1 read, 1 of them new\n"


@pytest.mark.parametrize("words", [("hold", "place"), ("hold", "lift"), ("hold", "list"), ("policy", "set")])
async def test_each_command_explains_itself(words: tuple[str, ...]):
    said = await typed(*words, "--help")

    assert "the seller's organisation" in said
    assert "--by" not in said


async def test_a_key_is_rotated_while_the_service_runs_and_one_that_ended_is_refused_within_two_seconds(
    say: Say, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "operator.json"
    leaked = tmp_path / "leaked.json"
    leaked.touch(mode=0o600)
    leaked.write_text(path.read_text())
    assert (await say("policy", "show", *TENANT)).startswith("version 0")

    await say("keys", "make")
    one, two = map(id_of, read_key(path).keys)
    assert (await say("policy", "show", *TENANT)).startswith("version 0")
    await asyncio.sleep(2)  # what `make` tells to wait for: every service has looked at the folder since
    await say("keys", "end", "operator-ada", one)
    assert list(map(id_of, read_key(path).keys)) == [two]
    assert (await say("policy", "show", *TENANT)).startswith("version 0")

    monkeypatch.setenv("AR_OPERATOR_KEY", str(leaked))
    assert await refused_as(say, "identity.key_unknown: ") < 2
    monkeypatch.setenv("AR_OPERATOR_KEY", str(path))
    assert (await say("policy", "show", *TENANT)).startswith("version 0")


async def test_a_service_that_is_away_is_waited_for_and_then_named(trust: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(operators, "CALL_S", 0.5)
    monkeypatch.setenv("AR_CREDIT_ADDRESS", "127.0.0.1:1")

    assert "credit does not answer at 127.0.0.1:1" in await typed("policy", "show", *TENANT)


async def test_without_a_key_nothing_is_asked(
    parts: Parts[ChassisSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "none.json"))

    assert "receivables keys init" in await typed("policy", "show", *TENANT)


# receivables status


async def standing(*words: str) -> tuple[int, list[str]]:
    result = await asyncio.to_thread(CliRunner().invoke, status.app, list(words))
    return result.exit_code, result.output.splitlines()


async def test_who_is_silent_is_named_beside_who_answers(
    parts: Parts[ChassisSettings], monkeypatch: pytest.MonkeyPatch
):
    for name in ("ledger", "disputes", "invoicing", "notifications", "portal"):
        monkeypatch.setenv(f"AR_{name.upper()}_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(status, "PATIENCE_S", status.PATIENCE_S / 10)

    code, lines = await standing()

    assert code == 1
    assert "ledger: ledger does not answer at 127.0.0.1:1" in lines
    assert sum("no answer" in line for line in lines) == 5


async def test_one_that_answers_is_well(parts: Parts[ChassisSettings]):
    code, lines = await standing("credit")

    assert code == 0
    [row] = [line for line in lines if "credit" in line]
    assert row.split()[:6] == ["credit", "0", "1", "0", "0", "none"]
    assert (await standing("payroll"))[0] == 1

"""What an operator types about events that wait."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from deploy.local.postgres import DatabaseUrls
from services.chassis import chain, keys, logs, parked
from services.chassis.cli import command_line
from services.chassis.consumer import Consumer
from services.chassis.database import Database
from services.chassis.envelope import Record
from services.portal.service import SERVICE as PORTAL
from tests.chaos.toy.events import effects, placed, waiting
from tests.chaos.toy.service import HANDLERS, SERVICE
from tests.integration.conftest import OwnDatabase

Say = Callable[..., str]


@pytest.fixture
def urls(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrls:
    """Give the toy's database, named in the environment as an operator's shell has it."""
    urls = own_database(SERVICE)
    monkeypatch.setenv("AR_DATABASE_URL", urls.server)
    monkeypatch.setenv("AR_OWNER_DATABASE_URL", urls.owner)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # pytest keeps the log
    return urls


@pytest.fixture
def say(urls: DatabaseUrls) -> Say:
    """Type a command; give what it prints, with its exit code if it is no success."""

    def say(*words: str) -> str:
        result = CliRunner().invoke(command_line(SERVICE), list(words))
        return result.output if result.exit_code == 0 else f"{result.exit_code} {result.output}{result.exception}"

    return say


def handle(urls: DatabaseUrls, *records: Record, failures_in_row_max: int = 1000) -> tuple[list[str], list[str]]:
    """Let events come in; give the effects and what waits."""

    async def work() -> tuple[list[str], list[str]]:
        async with Database(lambda: urls.server) as database:
            if records:
                await Consumer(database, "toy", HANDLERS, failures_in_row_max=failures_in_row_max).handle(records)
            return await effects(database), await waiting(database)

    return asyncio.run(work())


def test_what_waits_is_listed_and_shown_whole(urls: DatabaseUrls, say: Say):
    handle(urls, placed("o1", site="fails"), placed("o2", after="invoice/i1"))

    assert "order/o1" in say("parked", "list")
    assert "order/o2" not in say("parked", "list", "--reason", "failed")
    assert "order/o1" not in say("parked", "list", "--subject", "order/o2")
    shown = say("parked", "show", "1")
    assert "a defect" in shown
    assert "ce_idempotencykey" in shown


def test_what_is_large_is_listed_and_shown_by_its_size_and_never_loaded(urls: DatabaseUrls, say: Say):
    large = replace(
        placed("o1"), value=b"\xff" * 7_000_000, headers={"ce_subject": "order/o1", "ce_time": "y" * 1_000_000}
    )
    handle(urls, large)

    listed, shown = say("parked", "list"), say("parked", "show", "1")

    assert "7,000,000" in listed
    assert "7000000" in shown
    assert "1,000,000 in all" in shown
    assert len(listed) + len(shown) < 30_000


def test_a_list_comes_in_pages_and_says_how_to_go_on(urls: DatabaseUrls, say: Say):
    handle(urls, *(placed(f"o{n}", site="fails") for n in range(parked.PAGE + 1)))

    first = say("parked", "list")
    assert f"order/o{parked.PAGE - 1} " in first
    assert f"order/o{parked.PAGE} " not in first
    assert f"--after {parked.PAGE}" in first
    second = say("parked", "list", "--after", str(parked.PAGE))
    assert f"order/o{parked.PAGE} " in second
    assert "order/o0 " not in second
    assert "--after" not in second


def test_a_replay_in_vain_says_why(urls: DatabaseUrls, say: Say):
    handle(urls, placed("o1", site="fails"))

    assert "it still waits: failed defect.RuntimeError" in say("parked", "replay", "1", "--by", "user:ada")


def test_a_discard_frees_what_is_behind(urls: DatabaseUrls, say: Say):
    handle(urls, placed("o1", site="fails"), placed("o1", version=2))

    assert "discarded" in say("parked", "discard", "1", "--by", "user:ada", "--why", "a test order")
    assert handle(urls) == (["o1/2 placed"], [])


def test_a_paused_tenant_is_listed_and_resumed(urls: DatabaseUrls, say: Say):
    handle(urls, *(placed(f"o{n}", site="fails") for n in range(3)), placed("o9"), failures_in_row_max=2)
    handle(urls, placed("o8"), failures_in_row_max=2)
    assert "acme" in say("parked", "tenants")
    assert "o8" not in "".join(handle(urls)[0])

    assert "resumed" in say("parked", "resume", "acme", "--by", "user:ada")

    assert handle(urls)[0] == ["o9/1 placed", "o8/1 placed"]
    assert "acme" not in say("parked", "tenants")
    assert "acme is not paused" in say("parked", "resume", "acme", "--by", "user:ada")


def test_a_resume_in_vain_says_so(urls: DatabaseUrls, say: Say, monkeypatch: pytest.MonkeyPatch):
    handle(urls, *(placed(f"o{n}", site="fails") for n in range(3)), failures_in_row_max=2)
    monkeypatch.setenv("AR_FAILURES_IN_ROW_MAX", "2")

    assert "it stays paused" in say("parked", "resume", "acme", "--by", "user:ada")
    assert "acme" in say("parked", "tenants")


def test_whoever_has_an_operators_key_need_not_say_who_they_are_and_cannot_say_another(
    urls: DatabaseUrls, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    handle(urls, placed("o1", site="fails"), placed("o2", site="fails"))
    assert "say --by" in say("parked", "discard", "1", "--why", "a test")
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "operator.json"))
    monkeypatch.setenv("AR_TRUST_DIR", str(tmp_path))
    assert CliRunner().invoke(keys.app, ["init", "ada"]).exit_code == 0

    assert "not of user:eve" in say("parked", "discard", "1", "--why", "a test", "--by", "user:eve")
    assert "discarded" in say("parked", "discard", "1", "--why", "a test")
    (tmp_path / "operator-ada.json").unlink()
    assert "identity.key_unknown" in say("parked", "discard", "2", "--why", "a test")

    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute("SELECT id, closed_by FROM parked ORDER BY id").fetchall()
    assert rows == [(1, "user:ada"), (2, None)]


def test_a_number_that_does_not_wait_is_said_to_be_none(say: Say):
    assert "no parked event has the number 7" in say("parked", "discard", "7", "--by", "user:ada", "--why", "x")


def lines_of(say: Say, *words: str) -> list[str]:
    """What the audit trail lists, a line an act."""
    return [line for line in say("audit", "list", *words).splitlines() if "done" in line]


def test_what_an_operator_changes_is_in_the_audit_trail(urls: DatabaseUrls, say: Say):
    handle(urls, placed("o1", site="fails"), placed("o2", site="fails"), failures_in_row_max=2)
    say("parked", "replay", "1", "--by", "user:ada")
    say("parked", "discard", "1", "--by", "user:bo", "--why", "a test order")
    say("parked", "resume", "acme", "--by", "user:cy")
    say("parked", "list")

    acts = lines_of(say, "--tenant", "acme")
    assert [
        (who in line, what in line)
        for line, who, what in zip(
            acts, ("user:ada", "user:bo", "user:cy"), ("parked replay", "parked discard", "parked resume"), strict=True
        )
    ] == [(True, True)] * 3
    assert "system:migrate" in lines_of(say)[0]
    assert "chassis/0007_acts.sql" in say("audit", "list")


def test_the_audit_trail_is_verified_against_roots_that_were_kept(urls: DatabaseUrls, say: Say, tmp_path: Path):
    handle(urls, placed("o1", site="fails"), placed("o2", site="fails"))
    say("parked", "replay", "1", "--by", "user:ada")
    assert "acme: 0 acts, 1 not chained yet" in say("audit", "verify", "--tenant", "acme")
    say("parked", "replay", "2", "--by", "user:ada")
    chained(urls)
    kept = tmp_path / "roots"
    kept.write_text(say("audit", "roots"))
    assert "acme: 2 acts\n" in say("audit", "verify", "--roots", str(kept))

    with psycopg.connect(urls.owner) as owner:
        owner.execute("SELECT set_config('ar.tenants', 'acme', true)")
        owner.execute("DELETE FROM act WHERE idempotency_key = '1'")
    said = say("audit", "verify")
    assert said.startswith("1 ")
    assert "acme: 0 acts, BROKEN after 0, at " in said
    assert "it was removed" in said

    with psycopg.connect(urls.owner) as owner:
        owner.execute("SELECT set_config('ar.tenants', 'acme', true)")
        for table in ("act", "act_link", "act_root"):
            owner.execute(f"DELETE FROM {table}".encode())
    assert "BROKEN" not in say("audit", "verify")
    assert "acme: 0 acts, BROKEN" in say("audit", "verify", "--roots", str(kept))


def chained(urls: DatabaseUrls) -> None:
    """Let what was done be chained, as the service does."""

    async def work() -> None:
        async with Database(lambda: urls.server) as database:
            await chain.chain(database)

    asyncio.run(work())


def test_roots_that_are_none_and_tenants_that_are_none_are_said_in_one_line(say: Say, tmp_path: Path):
    (tmp_path / "roots").write_text("acme today 1 00")

    assert "has no roots" in say("audit", "verify", "--roots", str(tmp_path / "roots"))
    assert "is no tenant" in say("audit", "list", "--tenant", "No Tenant")


def test_cleaning_says_what_was_cleaned_and_is_done_by_whoever_the_operators_key_is(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clean = ("audit", "clean", "--tenant", "acme", "--before", "2026-01-01")
    assert "say --by" in say(*clean)
    assert "nothing is as old" in say(*clean, "--by", "user:ada")
    monkeypatch.setenv("AR_OPERATOR_KEY", str(tmp_path / "operator.json"))
    monkeypatch.setenv("AR_TRUST_DIR", str(tmp_path))
    assert CliRunner().invoke(keys.app, ["init", "ada"]).exit_code == 0

    assert "not of user:eve" in say(*clean, "--by", "user:eve")
    assert "nothing is as old" in say(*clean)


def test_migrate_is_safe_again(say: Say):
    assert "1" not in say("migrate")[:1]


def test_migrate_without_an_owner_says_what_it_lacks(say: Say, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AR_OWNER_DATABASE_URL")

    assert "AR_OWNER_DATABASE_URL" in say("migrate")


def test_migrate_needs_nothing_that_only_serving_needs(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch):
    urls = own_database(PORTAL)
    monkeypatch.setenv("AR_DATABASE_URL", urls.server)
    monkeypatch.setenv("AR_OWNER_DATABASE_URL", urls.owner)
    monkeypatch.setattr(logs, "configure", lambda *_: None)

    assert CliRunner().invoke(command_line(PORTAL), ["migrate"]).exit_code == 0
    assert "AR_PORTAL_SECRET" in str(CliRunner().invoke(command_line(PORTAL), ["parked", "list"]).exception)


@pytest.mark.parametrize("words", [("parked", "list"), ("migrate",)])
def test_a_database_that_does_not_let_us_in_is_said_in_one_line(
    say: Say, urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
):
    for name, url in (("AR_DATABASE_URL", urls.server), ("AR_OWNER_DATABASE_URL", urls.owner)):
        monkeypatch.setenv(name, make_conninfo(url, password="wrong"))

    said = say(*words)

    assert "the database does not let us in: " in said
    assert "password authentication failed" in said
    assert "Traceback" not in said

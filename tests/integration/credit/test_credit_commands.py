"""What an operator of credit types: holds on accounts, and what the seller decides by."""

import asyncio
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from services.chassis import logs
from services.chassis.database import Database
from services.credit import usecases
from services.credit.__main__ import app
from services.credit.service import SERVICE
from services.kernel.money import Money
from tests.integration.conftest import OwnDatabase
from tests.integration.credit.desk import COMPANY, ORIGIN

Say = Callable[..., str]
WHO = ("--tenant", "acme", "--by", "user:ada", "--why", "three reminders")


@pytest.fixture
def say(own_database: OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Type a command to a credit that knows the account b1; give what it prints, or why it ends."""
    urls = own_database(SERVICE)
    monkeypatch.setenv("AR_DATABASE_URL", urls.server)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # pytest keeps the log

    async def register() -> None:
        async with Database(lambda: urls.server) as database, database.transaction(["acme"]) as tx:
            await usecases.register_buyer(tx, ORIGIN, "b1", COMPANY, Money(100, "EUR"))

    asyncio.run(register())

    def say(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        return result.output if result.exit_code == 0 else f"{result.output}{result.exception}"

    return say


def test_a_hold_is_placed_listed_and_lifted(say: Say):
    assert say("hold", "place", "h1", "b1", *WHO, "--code", "overdue", "--site", "north") == "h1 stands\n"
    say("hold", "place", "h2", "b1", *WHO, "--until", "2190-01-01")
    assert say("hold", "list", "--tenant", "acme").splitlines() == [
        "b1  h1  north  overdue  user:ada  until lifted",
        "b1  h2  all  by_request  user:ada  until 2190-01-01 00:00 UTC",
    ]
    assert say("hold", "list", "--tenant", "acme", "--after", "b1", "h1").startswith("b1  h2")

    assert say("hold", "lift", "h1", *WHO) == "h1 is lifted\n"

    assert "h1" not in say("hold", "list", "--tenant", "acme", "--account", "b1")


def test_what_cannot_be_ends_with_its_code(say: Say):
    assert "hold.unknown" in say("hold", "lift", "h9", *WHO)
    assert "hold.until_past" in say("hold", "place", "h1", "b1", *WHO, "--until", "2020-01-01")
    assert "policy.hold_days" in say("policy", "set", *WHO, "--referral-share", "0.2", "--hold-days", "1000")


def test_a_policy_is_shown_and_set(say: Say):
    assert say("policy", "show", "--tenant", "acme") == "version 0: referral share 0.10, hold days 7\n"

    assert say("policy", "set", *WHO, "--referral-share", "0.2", "--hold-days", "14") == "version 1\n"

    assert say("policy", "show", "--tenant", "acme") == "version 1: referral share 0.2, hold days 14\n"


@pytest.mark.parametrize("words", [("hold", "place"), ("hold", "lift"), ("hold", "list"), ("policy", "set")])
def test_each_command_explains_itself(say: Say, words: tuple[str, ...]):
    assert "the seller's organisation" in say(*words, "--help")

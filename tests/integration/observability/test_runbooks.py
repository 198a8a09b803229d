"""What runbooks tell people to type is there: statements run on each service's own database, commands have these options."""

import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import psycopg
import pytest
import typer
from psycopg.conninfo import conninfo_to_dict

from deploy.local.artifacts import ROOT
from services.chassis import cli

NAMES = ("credit", "invoicing", "ledger", "disputes", "notifications", "portal")
TELL_NOTHING = {"portal"}  # and so have nothing to be rebuilt from
PAGES = sorted((ROOT / "deploy" / "runbooks").glob("*.md"))
BLOCK = re.compile(r"```sql\n-- (\w+): psql (with the owner's address|as a superuser)[^\n]*\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"python -m ([\w.<>]+)((?: (?:\"[^\"]*\"|[^`\n])+)?)")
STATEMENTS = [
    (who, service, statements)
    for page in PAGES
    for named, who, statements in BLOCK.findall(page.read_text(encoding="utf-8"))
    for service in (NAMES if named == "any" else [named])
]


def test_there_is_something_to_run():
    assert len(STATEMENTS) > 15
    assert len(STATEMENTS) == sum(
        len(NAMES) if "-- any" in block else 1
        for page in PAGES
        for block in page.read_text(encoding="utf-8").split("```sql")[1:]
    )
    assert {service for _, service, _ in STATEMENTS} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_statements_run_as_whom_they_say(own_database, servers, name):
    owner = own_database(import_module(f"services.{name}.service").SERVICE).owner
    dbname = str(conninfo_to_dict(owner)["dbname"])
    with (
        psycopg.connect(owner, autocommit=True) as as_owner,
        psycopg.connect(servers.admin_database_url, dbname=dbname, autocommit=True) as as_superuser,
    ):
        for who, _, statements in (entry for entry in STATEMENTS if entry[1] == name):
            for statement in filter(str.strip, statements.split(";\n")):
                (as_superuser if who == "as a superuser" else as_owner).execute(statement.encode())


def test_a_superuser_sees_who_blocks_whom_where_the_owner_sees_nothing(own_database, servers):
    urls = own_database(import_module("services.disputes.service").SERVICE)
    dbname = str(conninfo_to_dict(urls.owner)["dbname"])
    [statement] = {
        statements
        for who, name, statements in STATEMENTS
        if name == "disputes" and "blocked_by, left(query, 80)" in statements and "state <>" not in statements
    }

    def seen(connection: psycopg.Connection[Any]) -> list[str]:
        return [row[-1] for row in connection.execute(statement.encode()).fetchall()]

    with (
        psycopg.connect(urls.server) as serving,
        psycopg.connect(urls.owner, autocommit=True) as as_owner,
        psycopg.connect(servers.admin_database_url, dbname=dbname, autocommit=True) as as_superuser,
    ):
        serving.execute("SELECT 'somebody is at work'")

        assert any("somebody is at work" in query for query in seen(as_superuser))
        assert not any("somebody is at work" in query for query in seen(as_owner))


def commands() -> list[tuple[str, str, list[str]]]:
    found = []
    for page in PAGES:
        for module, arguments in COMMAND.findall(page.read_text(encoding="utf-8")):
            words = shlex.split(arguments.replace("...", "why"))
            for name in NAMES if module == "services.<job>" else [module.removeprefix("services.")]:
                if words[:1] != ["rebuild"] or name not in TELL_NOTHING:
                    found.append((page.stem, f"services.{name}" if name in NAMES else module, words))
    return found


@pytest.mark.parametrize(("page", "module", "words"), commands())
def test_commands_are_there_with_these_options(page, module, words):
    assert find_spec(module), f"{page}: {module}"
    if not module.startswith("services."):
        return
    own = vars(import_module(f"{module}.__main__")).get("app")  # of those that have commands of their own
    command: Any = typer.main.get_command(own or cli.command_line(import_module(f"{module}.service").SERVICE))
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, f"{page}: {words}"
    assert not hasattr(command, "commands"), f"{page}: {words}"

"""What runbooks tell people to type is there: statements run on each service's own database, commands have these options."""

import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import psycopg
import pytest
import typer

from deploy.local.artifacts import ROOT
from services.chassis import cli

NAMES = ("credit", "invoicing", "ledger", "disputes", "notifications")
PAGES = sorted((ROOT / "deploy" / "runbooks").glob("*.md"))
BLOCK = re.compile(r"```sql\n-- (\w+): psql[^\n]*\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"python -m ([\w.<>]+)((?: (?:\"[^\"]*\"|[^`\n])+)?)")
STATEMENTS = [
    (page.stem, service, statements)
    for page in PAGES
    for named, statements in BLOCK.findall(page.read_text(encoding="utf-8"))
    for service in (NAMES if named == "any" else [named])
]


def test_there_is_something_to_run():
    assert len(STATEMENTS) > 15
    assert {service for _, service, _ in STATEMENTS} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_statements_run_as_the_owner(own_database, name):
    service = import_module(f"services.{name}.service").SERVICE
    with psycopg.connect(own_database(service).owner, autocommit=True) as connection:
        for _, _, statements in (entry for entry in STATEMENTS if entry[1] == name):
            for statement in filter(str.strip, statements.split(";\n")):
                connection.execute(statement.encode())


def commands() -> list[tuple[str, str, list[str]]]:
    found = []
    for page in PAGES:
        for module, arguments in COMMAND.findall(page.read_text(encoding="utf-8")):
            words = shlex.split(arguments.replace("...", "why"))
            for name in NAMES if module == "services.<job>" else [module.removeprefix("services.")]:
                found.append((page.stem, f"services.{name}" if name in NAMES else module, words))
    return found


@pytest.mark.parametrize(("page", "module", "words"), commands())
def test_commands_are_there_with_these_options(page, module, words):
    assert find_spec(module), f"{page}: {module}"
    if not module.startswith("services."):
        return
    service = import_module(f"{module}.service").SERVICE
    command: Any = typer.main.get_command(cli.command_line(service))
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, f"{page}: {words}"
    assert not hasattr(command, "commands"), f"{page}: {words}"

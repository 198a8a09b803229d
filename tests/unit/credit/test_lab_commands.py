"""A policy author's tool: a text and a history are files, and no server is there."""

import json
from pathlib import Path
from typing import Any

import pytest
from receivables.credit.v1 import lab_pb2
from typer.testing import CliRunner

from services.credit.domain import lab
from services.credit.domain.lab import Days
from services.credit.lab_commands import commands
from tests.unit.credit.histories import CHALLENGER, CHAMPION, SPLIT, a_trial, as_table, swapping


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, text in (("new", CHALLENGER), ("now", CHAMPION), ("cases", as_table(swapping(400)))):
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in ("new", "cases", "now")]


def _run(*words: str, ask: Any = None) -> Any:
    return CliRunner().invoke(commands(ask), [*words])


def test_an_author_sees_what_the_service_would_find(files):
    new, cases, now = files
    told = _run("run", new, cases, "--champion", now, "--split", SPLIT.isoformat(), "--json")

    listed, trial = list(swapping(400)), a_trial()
    days = Days(listed[0].decided_on, listed[-1].decided_on)
    assert json.loads(told.stdout) == lab.report(trial, days, lab.try_on(trial, listed))
    in_words = _run("run", new, cases, "--champion", now, "--split", SPLIT.isoformat())
    assert "- It lends to as many (0.75 and 0.75 of the cases)." in in_words.stdout


def test_mistakes_of_the_text_and_of_the_history_are_told_by_their_lines(files, tmp_path):
    new, cases, now = files
    broken = tmp_path / "broken"
    broken.write_text(CHALLENGER.replace("bureau_score < 50", "bureau_scor < 50"))
    assert "fact_unknown" in str(_run("run", str(broken), cases).exception or _run("run", str(broken), cases).output)
    (tmp_path / "cases").write_text("case_id,decided_on,currency,drawn\na,2024-13-01,EUR,1\n")
    said = _run("run", new, cases, "--champion", now)
    assert "cases:2: date.malformed" in said.output + str(said.exception)


def test_a_history_is_brought_in_by_portions_and_each_line_that_is_no_case_is_told(files, tmp_path):
    asked = []

    def ask(method: str, request: Any, *_: str, **__: Any) -> Any:
        asked.append((method, len(request.cases)))
        return lab_pb2.AddHistoryResponse(added=len(request.cases))

    table = as_table(swapping(600))
    (tmp_path / "cases").write_text(table + "x,2024-13-01,EUR,1,,,,,,,,\n")
    told = _run("import", files[1], "--tenant", "acme", "--why", "test", ask=ask)

    assert asked == [("AddHistory", 500), ("AddHistory", 100)]
    assert "cases:602: date.malformed" in told.stdout
    assert "600 new cases, 1 refused" in told.stdout
    assert told.exit_code == 1

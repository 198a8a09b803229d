"""The benchmark does not rot: each part that `make bench` is made of runs through, on servers of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.benchmark.__main__ import SECTIONS


def run(sections: Sequence[str], output: Path) -> str:
    argv = ["-m", "tests.benchmark", "--quick", "--save", "--output", str(output), "--only", ",".join(sections)]
    done = subprocess.run([sys.executable, *argv], check=False, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return output.read_text()


@pytest.mark.prove
def test_complete_orders_are_measured_with_what_each_process_takes(tmp_path):
    text = run(["end_to_end"], tmp_path / "README.md")

    assert "A quick run, whose figures mean nothing" in text
    for row in ("| 0% of the documents |", "| invoicing |", "| Kafka |", "| apart: load generator |"):
        assert row in text


@pytest.mark.prove
def test_every_other_section_runs_through(tmp_path):
    names = [name for name in SECTIONS if name != "end_to_end"]

    text = run(names, tmp_path / "README.md")

    assert [name for name in names if f"<!-- {name} -->" not in text] == []

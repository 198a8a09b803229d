"""Each mutation of mutations.toml, in a copy of the tree, turns the test that guards it red (`make prove`)."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MUTATIONS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "mutations.toml").read_text())["mutation"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree as git knows it, with what make brought linked in."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in (os.fsdecode(file) for file in files if file):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    shutil.copytree(ROOT / "proto" / "gen", tmp_path / "proto" / "gen")
    for made in (".venv", ".cache"):
        (tmp_path / made).symlink_to(ROOT / made)
    return tmp_path


def test_every_mutation_finds_its_place_once():
    assert [m["name"] for m in MUTATIONS if (ROOT / m["file"]).read_text().count(m["old"]) != 1] == []


@pytest.mark.prove
@pytest.mark.parametrize("mutation", MUTATIONS, ids=[m["name"] for m in MUTATIONS])
def test_a_broken_product_turns_its_test_red(copy: Path, mutation: dict[str, Any]):
    file = copy / mutation["file"]
    before = file.read_text()
    file.write_text(before.replace(mutation["old"], mutation["new"]))

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *mutation["tests"]],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": f"{copy}:{copy / 'proto' / 'gen'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1, f"nothing caught it:\n{run.stdout[-3000:]}{run.stderr[-1000:]}"
    [*_, caught_by] = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    print(f"{mutation['name']}: {caught_by}")  # what tests/README.md lists

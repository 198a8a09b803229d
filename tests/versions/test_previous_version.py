"""The version before today's migrations goes on working on today's schemas: replicas are replaced one by one (`make prove`)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications")


def git(*words: str) -> bytes:
    """What git says of this repository."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the tree before the newest change of a schema, with today's schemas and its own contracts."""
    folder = tmp_path_factory.mktemp("previous")
    [newest, *_] = git("log", "--format=%H", "--", "services/*/migrations/*.sql").decode().split()
    tree = git("archive", f"{newest}^")
    subprocess.run(["tar", "-x"], cwd=folder, input=tree, check=True)
    for today in ROOT.glob("services/*/migrations"):
        shutil.copytree(today, folder / today.relative_to(ROOT), dirs_exist_ok=True)
    for made in (".venv", ".cache"):
        (folder / made).symlink_to(ROOT / made)
    generated = folder / "proto" / "gen"
    generated.mkdir()
    contracts = [str(file) for file in (folder / "proto" / "receivables").rglob("*.proto")]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder / 'proto'}"]
    subprocess.run([*protoc, f"--python_out={generated}", f"--grpc_python_out={generated}", *contracts], check=True)
    return folder


@pytest.mark.prove
@pytest.mark.parametrize("service", SERVICES)
def test_the_previous_versions_own_tests_pass_on_todays_schema(previous: Path, service: str):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/integration/{service}"],
        cwd=previous,
        env={**os.environ, "PYTHONPATH": f"{previous}:{previous / 'proto' / 'gen'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]

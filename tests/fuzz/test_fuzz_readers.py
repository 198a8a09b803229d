"""Ten minutes of fuzzing for each reader: no crash, no hang, no memory beyond its bound."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from deploy.local.artifacts import CACHE, ROOT
from services.documents import claim, write
from tests.fuzz import READERS
from tests.unit.documents.examples import GOLDEN
from tests.unit.documents.test_document_facturx import all_at_once

SECONDS = int(os.environ.get("AR_FUZZ_S", "600"))  # for each reader
MEMORY_MB = 1024
HANG_S = 10
LOCK = Path(__file__).with_name("requirements.lock")
ENVIRONMENT = CACHE / "fuzz-env"


@pytest.fixture(scope="module")
def environment() -> Path:
    """The fuzzer, installed once from its own lock."""
    stamp = ENVIRONMENT / ".installed"
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "fuzz-env.lock"):
        if not stamp.exists() or stamp.read_text() != LOCK.read_text():
            install = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--upgrade"]
            command = [sys.executable, "-m", "pip", *install, "--target", str(ENVIRONMENT), "-r", str(LOCK)]
            subprocess.run(command, check=True)
            stamp.write_text(LOCK.read_text())
    return ENVIRONMENT


def corpus(folder: Path, reader: str) -> Path:
    """The golden documents in a format: what the fuzzer starts from."""
    folder.mkdir()
    documents = {**{name: make() for name, make in GOLDEN.items()}, "everything": all_at_once()}
    for name, document in documents.items():
        (folder / name).write_bytes(write(document, reader))
    if reader in ("cii", "facturx"):
        (folder / "minimum").write_bytes(write(claim(documents["domestic"], "facturx-minimum"), reader))
    return folder


@pytest.mark.prove
@pytest.mark.parametrize("reader", READERS)
def test_nothing_that_a_reader_is_fed_crashes_it_or_holds_it_up(reader: str, environment: Path, tmp_path: Path) -> None:
    seeds = corpus(tmp_path / "corpus", reader)
    options = [f"-max_total_time={SECONDS}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}", "-max_len=100000"]
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.readers",
        reader,
        str(seeds),
        *options,
        f"-artifact_prefix={tmp_path}/",
    ]

    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(environment)},
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        timeout=SECONDS + 120,
    )

    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "DONE" in ended.stderr

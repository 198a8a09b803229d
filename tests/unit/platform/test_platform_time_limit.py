"""A test that hangs ends, says where each thread stood, and the next one runs."""

import subprocess
import sys
from pathlib import Path

from deploy.local.artifacts import ROOT

HANGS = """
import threading

never = threading.Event()

def stands_here():
    never.wait()

def test_that_hangs():
    threading.Thread(target=stands_here, daemon=True).start()
    never.wait()

def test_that_comes_next():
    pass
"""


def test_a_test_that_hangs_fails_with_the_stacks_of_all_threads_and_the_next_one_runs(tmp_path: Path):
    (tmp_path / "test_hangs.py").write_text(HANGS)
    pytest = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]

    ended = subprocess.run(
        [*pytest, "--timeout", "0.5", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert "1 failed, 1 passed" in ended.stdout
    assert "Timeout (>0.5s)" in ended.stdout
    assert "stands_here" in ended.stdout + ended.stderr

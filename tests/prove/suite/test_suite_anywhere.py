"""No test depends on who runs it, where, in which order, or how busy the machine is."""

import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.artifacts import ROOT
from deploy.local.lodging import enters, lodge, open_to_others
from deploy.local.processes import launch

pytestmark = pytest.mark.prove

BUSY = "while True: pass"
OTHER_USER = "nobody" if os.geteuid() == 0 else ""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Give a copy of the tracked files in a folder with a space in its name, owned by another user if we are root."""
    home = lodge() / "a path with a space"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, files.split("\0")):
        copy = home / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    shutil.copytree(ROOT / "proto" / "gen", home / "proto" / "gen")
    shutil.copytree(ROOT / ".cache", home / ".cache", ignore=shutil.ignore_patterns("*.lock", "tools"))
    (home / ".venv").symlink_to(ROOT / ".venv")
    if OTHER_USER:
        whose = pwd.getpwnam(OTHER_USER)
        for folder, _, names in os.walk(home):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                os.chown(path, whose.pw_uid, whose.pw_gid, follow_symlinks=False)
    yield home
    shutil.rmtree(home.parent, ignore_errors=True)


@pytest.fixture
def load() -> Iterator[None]:
    """Keep every core busy."""
    burning = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(psutil.cpu_count() or 1)]
    yield
    for process in burning:
        process.kill()
        process.wait()


def python() -> str:
    """An interpreter of our version that the other user may run."""
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (Path(sys.executable).resolve(), Path("/usr/bin", minor), Path("/usr/local/bin", minor)):
        if found.exists() and (not OTHER_USER or open_to_others(found)):
            return str(found)
    raise AssertionError(f"no {minor} that {OTHER_USER} may run")


@pytest.mark.usefixtures("load")
def test_the_suite_passes_shuffled_as_another_user_in_another_place_beside_a_load(elsewhere: Path):
    packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    assert not OTHER_USER or enters(packages), (
        f"{packages} is closed to {OTHER_USER}: run this in a checkout that is not"
    )
    order = str(secrets.randbelow(1_000_000))

    run = subprocess.run(
        launch([python(), "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "tests"], user=OTHER_USER),
        cwd=elsewhere,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(elsewhere),
            "AR_TEST_ORDER": order,
            "PYTHONPATH": os.pathsep.join(map(str, (elsewhere, elsewhere / "proto" / "gen", packages))),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=3500,
    )

    assert run.returncode == 0, f"AR_TEST_ORDER={order}\n{run.stdout[-8000:]}{run.stderr[-2000:]}"

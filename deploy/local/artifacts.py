"""Fetch jars from the machine's Maven registry once, each proven by its SHA-256, without Java or Maven."""

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from filelock import FileLock
from jgo.config import GlobalSettings
from jgo.maven import MavenContext
from rich.console import Console
from rich.progress import Progress
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"  # ignored by git; safe to delete at any time
JARS = CACHE / "maven"
DOWNLOADS_AT_ONCE = 8


class WrongArtifactError(Exception):
    """What the registry, or the cache, gave is not what the list of hashes promises."""


def fetch(coordinate: str, sha256: str) -> Path:
    """Give the local path of a jar `group:artifact:version`, downloading it if this is the first time."""
    jar = _path(coordinate)
    if not jar.exists():
        jar.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(jar.with_suffix(".lock")):
            if not jar.exists():  # another process may have been faster
                _download(coordinate, sha256, jar)
    _verify(coordinate, sha256, jar)
    return jar


def fetch_all(list_file: Path, *, progress: bool = True) -> list[Path]:
    """Fetch every `coordinate sha256` line of a list; what is missing shows its progress on standard error."""
    wanted = [(coordinate, sha256) for coordinate, sha256 in map(str.split, list_file.read_text().splitlines())]
    missing = sum(not _path(coordinate).exists() for coordinate, _ in wanted)
    with (
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
        Progress(console=Console(stderr=True), disable=not (progress and missing)) as bar,
    ):
        jars = pool.map(lambda line: fetch(*line), wanted)
        return list(bar.track(jars, total=len(wanted), description=f"Fetching {list_file.stem}"))


def _path(coordinate: str) -> Path:
    group, artifact, version = _parts(coordinate)
    return JARS.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def _parts(coordinate: str) -> tuple[str, str, str]:
    parts = coordinate.split(":")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{coordinate!r} is not group:artifact:version")
    return parts[0], parts[1], parts[2]


def _download(coordinate: str, sha256: str, jar: Path) -> None:
    """Download beside the cache and move into it when proven, so that an interruption leaves no half file."""
    _use_the_machines_certificates()
    with tempfile.TemporaryDirectory(dir=jar.parent, prefix=".partial-") as folder:
        for attempt in _attempts():
            with attempt:
                file = _resolve(coordinate, Path(folder) / str(attempt.retry_state.attempt_number))
        _verify(coordinate, sha256, file)
        file.replace(jar)


def _resolve(coordinate: str, repository: Path) -> Path:
    group, artifact, version = _parts(coordinate)
    # Only a mirror that this machine's own jgo settings name replaces the public registry.
    maven = MavenContext(repo_cache=repository, remote_repos=GlobalSettings.load().repositories or None, timeout=60)
    return Path(maven.project(group, artifact).at_version(version).artifact("", "jar").resolve())


def _attempts() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(requests.RequestException),
        stop=stop_after_attempt(4),
        wait=wait_exponential(max=8),
        reraise=True,
    )


def _use_the_machines_certificates() -> None:
    """The HTTP client reads its own variable only; most machines set the general one."""
    if "SSL_CERT_FILE" in os.environ:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])


def _verify(coordinate: str, sha256: str, file: Path) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        raise WrongArtifactError(f"{coordinate} has SHA-256 {found} where {sha256} was expected ({file}): refused")

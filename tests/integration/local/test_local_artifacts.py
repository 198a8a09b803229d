"""Jars are what the list of hashes promises, or they are refused."""

import hashlib
from pathlib import Path

import pytest

from deploy.local import artifacts
from deploy.local.artifacts import WrongArtifactError, fetch

COORDINATE = "org.example:thing:1.0"
CONTENT = b"the jar that was meant"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stand in for the registry; give the list of what was asked of it."""
    asked: list[str] = []

    def resolve(coordinate: str, repository: Path) -> Path:
        asked.append(coordinate)
        repository.mkdir()
        file = repository / "thing.jar"
        file.write_bytes(CONTENT)
        return file

    monkeypatch.setattr(artifacts, "JARS", tmp_path)
    monkeypatch.setattr(artifacts, "_resolve", resolve)
    return asked


def test_nothing_is_fetched_twice(downloads: list[str]) -> None:
    first = fetch(COORDINATE, SHA256)

    assert fetch(COORDINATE, SHA256) == first
    assert first.read_bytes() == CONTENT
    assert downloads == [COORDINATE]


def test_a_download_with_a_wrong_hash_is_refused_and_leaves_nothing(downloads: list[str], tmp_path: Path) -> None:
    with pytest.raises(WrongArtifactError, match=r"org\.example:thing:1\.0 has SHA-256"):
        fetch(COORDINATE, "0" * 64)

    assert not list(tmp_path.rglob("*.jar"))


def test_a_cached_jar_that_was_altered_is_refused(downloads: list[str]) -> None:
    fetch(COORDINATE, SHA256).write_bytes(b"something else")

    with pytest.raises(WrongArtifactError, match="refused"):
        fetch(COORDINATE, SHA256)


def test_an_interrupted_download_leaves_no_half_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(coordinate: str, repository: Path) -> Path:
        repository.mkdir()
        (repository / "thing.jar").write_bytes(CONTENT[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(artifacts, "JARS", tmp_path)
    monkeypatch.setattr(artifacts, "_resolve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(COORDINATE, SHA256)

    assert not list(tmp_path.rglob("*.jar"))

"""What the Dockerfile says about the image that manifests and Compose start."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

from k8s.product import ROOT

DOCKERFILE = ROOT / "Dockerfile"


@cache
def _final_stage() -> list[tuple[str, str]]:
    """The instructions of the last stage, with continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in text.rpartition("\nFROM ")[2].splitlines()[1:] if line and not line.startswith("#")]
    return [(name, words) for name, _, words in (line.partition(" ") for line in lines)]


def _one(instruction: str) -> str:
    [words] = [words for name, words in _final_stage() if name == instruction]
    return words


def environment() -> dict[str, str]:
    """The variables that a container starts with."""
    pairs = [pair.partition("=") for pair in _one("ENV").split()]
    return {name: value for name, _, value in pairs}


def entry_point() -> list[str]:
    """The program; what follows is the role."""
    words: list[str] = json.loads(_one("ENTRYPOINT"))
    return words


def user() -> tuple[int, int]:
    """Who runs it: user and group."""
    person, _, group = _one("USER").partition(":")
    return int(person), int(group)


def ports() -> set[int]:
    """The ports that it says it opens."""
    return {int(port) for port in _one("EXPOSE").split()}


def copy_context(target: Path) -> None:
    """Copy what `.dockerignore` lets through to the builder, and nothing else."""
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line.startswith("!"):
            source, copied = ROOT / line[1:], target / line[1:]
            copied.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copied)

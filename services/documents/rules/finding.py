"""What a check found in a document."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a finding keeps a document from being issued."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one rule.

    `rule` is the public id of the rule (`BR-CO-10`, `PEPPOL-EN16931-R120`); ours, for what no public rule says,
    begin with `AR-`. `place` is in business terms (`BG-25[2]/BT-131`), or an XPath where the judge reads XML.
    """

    rule: str
    severity: Severity
    message: str
    place: str


def is_valid(findings: Iterable[Finding]) -> bool:
    """Whether nothing keeps the document from being issued."""
    return not any(finding.severity is Severity.FATAL for finding in findings)


def fatal(rule: str, message: str, place: str) -> Finding:
    """A finding that keeps the document from being issued."""
    return Finding(rule, Severity.FATAL, message, place)

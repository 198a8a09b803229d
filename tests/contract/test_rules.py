"""What comments and documents cite is in the repository: a rule by its name in a RULES.md, or a published standard."""

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.local.artifacts import ROOT

WRITTEN = (".py", ".md", ".proto", ".sql", ".toml")
# Numbers of rules in papers that are not here; and what was meant by whoever wrote them down.
ELSEWHERE = re.compile(r"\bdomain[ -]rules?\b|\(B\d{1,2}(\.\d)?\)|\bof B\d{1,2}\b|\bthe guide\b|, as the issue says")
CITED = re.compile(r"\(RULES: ([^;)]+)")
NAMED = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)


def texts() -> Iterator[tuple[Path, str]]:
    """Give what people read; a published migration stays as it was."""
    for folder in ("services", "proto/receivables", "tests", "deploy", "k8s"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in WRITTEN and file.is_file() and file != Path(__file__):
                text = file.read_text()
                yield file.relative_to(ROOT), text if "migrations" not in file.parts else ""
    for file in ROOT.glob("*.md"):
        yield file.relative_to(ROOT), file.read_text()


def test_nothing_cites_what_is_not_here() -> None:
    found = [f"{file}: {match.group()}" for file, text in texts() for match in ELSEWHERE.finditer(text)]

    assert found == []


def test_every_rule_that_is_cited_is_written_down_beside_its_service_or_the_documents() -> None:
    named = {
        file.parent.name: {name.rstrip(".").casefold() for name in NAMED.findall(file.read_text())}
        for file in (ROOT / "services").glob("*/RULES.md")
    }
    unknown = [
        f"{file}: {rule}"
        for file, text in texts()
        for rule in CITED.findall(text)
        if file.suffix != ".md"
        if rule.casefold() not in named.get(file.parts[1], set()) | named["documents"]
    ]

    assert len(named) == 7
    assert unknown == []

"""Checks drafts before they get a number: own rules and XSD on each, the official rules on a share, side by side."""

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from services.invoicing import documents
from services.invoicing.documents import Finding, OfficialRules, Schema, Severity
from services.invoicing.domain.drafts import Draft
from services.invoicing.domain.statements import Check
from services.invoicing.settings import CheckSettings

FORMAT = "ubl"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What keeps a draft from being issued, if anything does, and which official rules said so."""

    findings: tuple[Finding, ...]
    # Empty if the official rules were not run on this one.
    rule_set: str


class Judge:
    """The process's one judge. The schemas and the rules' processes are kept warm; opened at first use or before."""

    def __init__(self) -> None:
        # One thread: it keeps the event loop free, and the schema's error log for one document at a time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checks")
        self._schema: Schema | None = None
        self._rules_dir: Path | None = None
        self._official: OfficialRules | None = None
        self._share = 0.0

    def open(self, settings: CheckSettings) -> None:
        """Load the schemas and, if a share is to be judged by them, the official rules; takes a second or two."""
        if not settings.rules_dir.is_dir():
            raise SystemExit(f"no rule files in {settings.rules_dir}: run `python -m deploy.local.rules`")
        self.close()
        if settings.rules_dir != self._rules_dir:
            self._schema, self._rules_dir = Schema(settings.rules_dir), settings.rules_dir
        self._share = settings.official_rules_share
        if self._share:
            self._official = OfficialRules(settings.rules_dir, settings.check_processes)

    def close(self) -> None:
        """End the rules' processes."""
        if self._official is not None:
            self._official.close()
            self._official = None

    async def judge(self, drafts: Sequence[Draft]) -> list[Verdict]:
        """Check these drafts, all at once; the official rules see only what passed the checks before them."""
        loop = asyncio.get_running_loop()
        checked = await loop.run_in_executor(self._thread, lambda: [self._check(draft) for draft in drafts])
        return await asyncio.gather(
            *(self._finish(draft, *found) for draft, found in zip(drafts, checked, strict=True))
        )

    async def write(self, drafts: Sequence[Draft]) -> list[bytes]:
        """The bytes of numbered documents."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, lambda: [documents.write(draft.paper, FORMAT) for draft in drafts]
        )

    def _check(self, draft: Draft) -> tuple[list[Finding], bytes]:
        if self._schema is None:
            self.open(CheckSettings())
            assert self._schema is not None
        found = documents.check(draft.paper)
        if not documents.is_valid(found):
            return found, b""  # what breaks our own rules may not even be writable
        xml = documents.write(draft.paper, FORMAT)
        return self._schema.check(xml), xml

    async def _finish(self, draft: Draft, found: list[Finding], xml: bytes) -> Verdict:
        rule_set = ""
        if self._official is not None and documents.is_valid(found) and self._is_chosen(draft.statement.document_id):
            found = await self._official.check(xml)
            rule_set = self._official.rule_set
        return Verdict(tuple(finding for finding in found if finding.severity is Severity.FATAL), rule_set)

    def _is_chosen(self, document_id: str) -> bool:
        """Whether the official rules judge this one: the same answer whenever it is asked."""
        first = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8])
        return first < self._share * 2**64


JUDGE = Judge()


def check_of(xml: bytes, verdict: Verdict) -> Check:
    """What is told of a document's check: its bytes by their hash, and the rules that judged it."""
    return Check(FORMAT, hashlib.sha256(xml).hexdigest(), verdict.rule_set)

"""Checks drafts before they get a number: own rules and XSD on each, the official rules on a share, side by side."""

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from services.invoicing import documents
from services.invoicing.documents import PROFILES, Finding, OfficialRules, Schema, Severity, model
from services.invoicing.documents.formats import facturx
from services.invoicing.documents.rules.sets import RULE_SETS
from services.invoicing.domain.drafts import Draft
from services.invoicing.domain.parties import PDF, Form
from services.invoicing.domain.statements import Check, File
from services.invoicing.settings import CheckSettings

FONTS = "fonts"  # beside the rules: what pages need for names that the engine's own fonts cannot show
PAPER = "json"  # in which a document is kept whole


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
        # Another, so that a batch of shipments does not wait for pages that somebody wants to look at.
        self._pages = ThreadPoolExecutor(1, thread_name_prefix="pages")
        self._schema: Schema | None = None
        self._rules_dir: Path | None = None
        self._official: OfficialRules | None = None
        self._share = 0.0
        self._page = facturx.Page()

    def open(self, settings: CheckSettings) -> None:
        """Load the schemas and, if a share is to be judged by them, the official rules; takes a second or two."""
        if not settings.rules_dir.is_dir():
            raise SystemExit(f"no rule files in {settings.rules_dir}: run `python -m deploy.local.rules`")
        self.close()
        if settings.rules_dir != self._rules_dir:
            self._schema, self._rules_dir = Schema(settings.rules_dir), settings.rules_dir
        self._share = settings.official_rules_share
        self._page = facturx.Page(fonts=(settings.rules_dir / FONTS,))
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
        checked = await loop.run_in_executor(
            self._thread, lambda: [self._check(draft.claimed, draft.statement.form) for draft in drafts]
        )
        return await asyncio.gather(
            *(self._finish(draft, *found) for draft, found in zip(drafts, checked, strict=True))
        )

    async def write(self, drafts: Sequence[Draft]) -> list[tuple[bytes, bytes]]:
        """The XML of numbered documents, and what each says whole."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: [_write(draft) for draft in drafts])

    async def render(self, kept: bytes, kept_as: str, form: Form, logo: bytes) -> tuple[File, list[Finding]]:
        """Write an issued document in another form; what that form's rules find wrong with it comes instead of bytes."""
        loop = asyncio.get_running_loop()
        paper = await loop.run_in_executor(self._pages, documents.read, kept, kept_as)
        if not form.profile:
            content = await loop.run_in_executor(self._pages, documents.write, paper, form.format)
            return File(_check_of(form, form.format, content, ""), content), []
        paper = documents.claim(paper, form.profile)
        found, xml = await loop.run_in_executor(self._thread, self._check, paper, form)
        rule_set = ""
        if documents.is_valid(found) and self._official is not None:
            rule_set = _rule_set(form)
            found = await self._official.check(xml, rule_set)
        if fatal := [finding for finding in found if finding.severity is Severity.FATAL]:
            return File(_check_of(form, form.format, b"", rule_set), b""), fatal
        content = xml
        if form.format == PDF:
            page = replace(self._page, logo=logo or None)
            content = await loop.run_in_executor(self._pages, facturx.write, paper, page)
        return File(_check_of(form, form.format, content, rule_set), content), []

    def _check(self, paper: model.Invoice, form: Form) -> tuple[list[Finding], bytes]:
        if self._schema is None:
            self.open(CheckSettings())
            assert self._schema is not None
        found = documents.check(paper)
        if not documents.is_valid(found):
            return found, b""  # what breaks our own rules may not even be writable
        xml = documents.write(paper, form.syntax)
        return self._schema.check(xml, RULE_SETS[_rule_set(form)].schema), xml

    async def _finish(self, draft: Draft, found: list[Finding], xml: bytes) -> Verdict:
        rule_set = ""
        if self._official is not None and documents.is_valid(found) and self._is_chosen(draft.statement.document_id):
            rule_set = _rule_set(draft.statement.form)
            found = await self._official.check(xml, rule_set)
        return Verdict(tuple(finding for finding in found if finding.severity is Severity.FATAL), rule_set)

    def _is_chosen(self, document_id: str) -> bool:
        """Whether the official rules judge this one: the same answer whenever it is asked."""
        first = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8])
        return first < self._share * 2**64


JUDGE = Judge()


def check_of(form: Form, xml: bytes, verdict: Verdict) -> Check:
    """What is told of an issued document's check: its XML by its hash, and the rules that judged it."""
    return _check_of(form, form.syntax, xml, verdict.rule_set)


def _check_of(form: Form, format_: str, content: bytes, rule_set: str) -> Check:
    return Check(format_, form.profile, hashlib.sha256(content).hexdigest(), rule_set)


def _write(draft: Draft) -> tuple[bytes, bytes]:
    return documents.write(draft.claimed, draft.statement.form.syntax), documents.write(draft.paper, PAPER)


def _rule_set(form: Form) -> str:
    return PROFILES[form.profile].rule_sets[form.format]

"""Draws, writes and judges drafts, and lays out pages: pure work of a process beside the service (press.py)."""

import hashlib
from dataclasses import replace
from pathlib import Path

from services import documents
from services.documents import PROFILES, Finding, Schema, Severity, model
from services.documents.formats import facturx
from services.documents.rules.finding import fatal
from services.documents.rules.official import Bench
from services.documents.rules.sets import EN16931_UBL, RULE_SETS
from services.invoicing.domain.parties import PDF, Form, Look
from services.invoicing.domain.sketches import CreditSketch, Prepared, RebillSketch, Sketch, marked, new_mark
from services.invoicing.domain.statements import Check, File
from services.invoicing.settings import CheckSettings
from services.invoicing.store import PAPER
from services.kernel.refusals import Refusal

FONTS = "fonts"  # beside the rules: what pages need for names that the engine's own fonts cannot show
Rendered = tuple[File, list[Finding]]


class Judge:
    """The schemas, sheets and fonts of one process, each loaded when it is first needed."""

    def __init__(self, settings: CheckSettings) -> None:
        self._settings = settings
        self._loaded: Schema | None = None
        self._bench = Bench(settings.rules_dir)
        self._page = facturx.Page(fonts=(settings.rules_dir / FONTS,))

    def warm(self) -> None:
        """Load what nearly every document needs, so that the first does not wait."""
        if self._settings.official_rules_share:
            self._bench.warm(EN16931_UBL)
        if self._settings.official_rules_share < 1:
            self._schema()

    def prepare(self, sketch: Sketch) -> Prepared | Finding:
        """Draw a draft, write it once, and judge what was written; why not, where it cannot even be drawn."""
        try:
            mark = (sketch.mark if isinstance(sketch, CreditSketch) else "") or new_mark()
            draft = marked(sketch.draw(), mark)
        except Refusal as refusal:
            return refused(refusal)
        form, claimed = draft.statement.form, draft.claimed
        found, xml, rule_set = documents.check(claimed, rests=draft.residues), b"", ""
        if documents.is_valid(found):  # what breaks our own rules may not even be writable
            xml = documents.write(claimed, form.syntax)
            official = self.is_chosen(draft.statement.document_id)
            found, rule_set = self._judged(xml, form, official=official)
        findings = tuple(finding for finding in found if finding.severity is Severity.FATAL)
        return Prepared(
            statement=draft.statement,
            series=draft.series,
            xml=b"" if findings else xml,
            paper=b"" if findings else documents.write(draft.paper, PAPER),
            mark=mark,
            findings=findings,
            rule_set=rule_set,
            beside=sketch.note_mark if isinstance(sketch, RebillSketch) else "",
        )

    def lay_out(self, kept: bytes, kept_as: str, form: Form, look: Look) -> bytes:
        """The file of a document that was judged before it was numbered."""
        paper = documents.claim(documents.read(kept, kept_as), form.profile)
        return self._written(paper, form, look)

    def render(self, kept: bytes, kept_as: str, form: Form, look: Look) -> Rendered:
        """Write an issued document in another form; what that form's rules find wrong with it comes instead of bytes."""
        paper = documents.read(kept, kept_as)
        if not form.profile:
            content = documents.write(paper, form.format)
            return File(check_of(form, form.format, content, ""), content), []
        paper = documents.claim(paper, form.profile)
        # What rounding left to a credit note was judged with its invoice beside it, before it had a number.
        rests = documents.residues(paper) if paper.is_credit_note else {}
        found, rule_set = documents.check(paper, rests=rests), ""
        if documents.is_valid(found):
            xml = documents.write(paper, form.syntax)
            found, rule_set = self._judged(xml, form, official=bool(self._settings.official_rules_share))
        if broken := [finding for finding in found if finding.severity is Severity.FATAL]:
            return File(check_of(form, form.format, b"", rule_set), b""), broken
        content = self._written(paper, form, look)
        return File(check_of(form, form.format, content, rule_set), content), []

    def is_chosen(self, document_id: str) -> bool:
        """Whether the official rules judge this one: the same answer whenever it is asked."""
        first = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8])
        return first < self._settings.official_rules_share * 2**64

    def _judged(self, xml: bytes, form: Form, *, official: bool) -> tuple[list[Finding], str]:
        """What the schema finds, and the official rules if they are asked; then also which those are."""
        rule_set = PROFILES[form.profile].rule_sets[form.format]
        if official:
            return self._bench.judge(xml, rule_set), rule_set
        return self._schema().check(xml, RULE_SETS[rule_set].schema), ""

    def _written(self, paper: model.Invoice, form: Form, look: Look) -> bytes:
        if form.format == PDF:
            page = replace(self._page, logo=look.logo or None, language=look.language or None)
            return facturx.write(paper, page)
        return documents.write(paper, form.format)

    def _schema(self) -> Schema:
        self._loaded = self._loaded or Schema(self._settings.rules_dir)
        return self._loaded


def check_of(form: Form, format_: str, content: bytes, rule_set: str) -> Check:
    """What is told of a document's check: its bytes by their hash, and the rules that judged them."""
    return Check(format_, form.profile, hashlib.sha256(content).hexdigest(), rule_set)


def refused(refusal: Refusal) -> Finding:
    """What keeps a draft from being drawn, in the words of what breaks a rule."""
    return fatal(refusal.code, refusal.message, "/")


def rules_of(settings: CheckSettings) -> Path:
    """Where the rule files are; ends the process, for a person to read, where there are none."""
    if not settings.rules_dir.is_dir():
        raise SystemExit(f"no rule files in {settings.rules_dir}: run `python -m deploy.local.rules`")
    return settings.rules_dir

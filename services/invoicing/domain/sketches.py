"""What a draft is made of, and what comes of it before it has a number: values that travel between processes."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.documents import Finding, model
from services.documents.words import Words
from services.invoicing.domain import corrections, drafts
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.numbers import Series
from services.invoicing.domain.parties import Buyer, Contract, Seller
from services.invoicing.domain.statements import Reference, Statement

SAMPLE = "SAMPLE"  # the number of what has none of any series


@dataclass(frozen=True, slots=True)
class Basis:
    """What a document is made of beside its order: if any of it changed before the number, the draft is made anew."""

    seller: Seller
    # None of a credit note: it names the buyer as its invoice does.
    buyer: Buyer | None
    contract: Contract
    # The business date.
    issue_date: date
    # What is credited of the invoice so far, in minor units; zero of an invoice.
    credited_minor: int = 0
    # How often prices of the order were corrected; zero of a credit note.
    price_corrections: int = 0


@dataclass(frozen=True, slots=True)
class InvoiceSketch:
    """An invoice to be drawn."""

    draft_id: str
    supply: Supply
    basis: Basis

    def draw(self) -> Draft:
        """The invoice as it will look but for its number; refuses what cannot be taxed."""
        return drafts.invoice(self.supply, draft_id=self.draft_id, issue_date=self.basis.issue_date)


@dataclass(frozen=True, slots=True)
class CreditSketch:
    """A credit note to be drawn."""

    draft_id: str
    request: CreditRequest
    invoice: Statement
    # The invoice's credit notes so far.
    earlier: tuple[Statement, ...]
    basis: Basis
    # What stands for its number, where another document names it; empty: whoever writes it chooses.
    mark: str = ""
    # The corrected invoice that is issued with it.
    rebilled_by: Reference | None = None

    def draw(self) -> Draft:
        """The credit note as it will look but for its number; refuses more than is left of the invoice."""
        return credit_notes.credit_note(
            self.request,
            draft_id=self.draft_id,
            seller=self.basis.seller,
            invoice=self.invoice,
            earlier=self.earlier,
            issue_date=self.basis.issue_date,
            contract=self.basis.contract,
            rebilled_by=self.rebilled_by,
        )


@dataclass(frozen=True, slots=True)
class RebillSketch:
    """A corrected invoice to be drawn, which is issued with the credit note that takes back what it corrects."""

    draft_id: str
    # As it was invoiced, with what is right.
    supply: Supply
    basis: Basis
    corrects: Reference
    # The credit note, and what stands for its number.
    note: Reference
    note_mark: str
    dispute_id: str

    def draw(self) -> Draft:
        """The corrected invoice as it will look but for both numbers; refuses what cannot be taxed."""
        draft = drafts.invoice(self.supply, draft_id=self.draft_id, issue_date=self.basis.issue_date)
        return corrections.in_place_of(draft, self.corrects, self.note, self.note_mark, dispute_id=self.dispute_id)


@dataclass(frozen=True, slots=True)
class SampleSketch:
    """An invoice to try a buyer's system with: of something that nobody ordered, and it says so."""

    supply: Supply
    basis: Basis

    def draw(self) -> Draft:
        """The sample; refuses what cannot be taxed."""
        draft = drafts.invoice(self.supply, draft_id=SAMPLE, issue_date=self.basis.issue_date)
        note = model.Note(text=Words(draft.statement.language)["sample"])
        return replace(draft, paper=replace(draft.paper, notes=(note,)))


Sketch = InvoiceSketch | CreditSketch | RebillSketch | SampleSketch


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft that was drawn, written and judged; only its number is missing."""

    # Its number is empty.
    statement: Statement
    series: Series
    # Its XML and all that it says (our own JSON), with the mark where the number will stand; empty if findings forbid it.
    xml: bytes
    paper: bytes
    mark: str
    # What keeps it from being issued, and which official rules said so (none: they were not asked).
    findings: tuple[Finding, ...]
    rule_set: str
    # The mark of the document that it is issued with and names; empty: of none.
    beside: str = ""


def new_mark() -> str:
    """What stands for a number until there is one: nobody can have written it into a name or a text."""
    return f"DRAFT-{secrets.token_hex(16).upper()}"


def marked(draft: Draft, mark: str) -> Draft:
    """The draft with a mark in each place where its number will stand."""
    paper = replace(draft.paper, number=mark)
    if paper.payment is not None and paper.payment.remittance:
        paper = replace(paper, payment=replace(paper.payment, remittance=mark))
    return replace(draft, paper=paper)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A document with its number: what it says, and its bytes."""

    statement: Statement
    series: Series
    nth: int
    xml: bytes
    paper: bytes
    rule_set: str


def numbered(prepared: Prepared, nth: int, *, final: bool) -> Numbered:
    """The document: the number in the place of the mark gives the bytes that writing it with its number would give."""
    number = prepared.series.number(nth)
    mark, stands = prepared.mark.encode(), number.encode()
    return Numbered(
        statement=replace(prepared.statement, number=number, final=final),
        series=prepared.series,
        nth=nth,
        xml=prepared.xml.replace(mark, stands),
        paper=prepared.paper.replace(mark, stands),
        rule_set=prepared.rule_set,
    )


def linked(prepared: Sequence[Prepared], issued: Sequence[Numbered]) -> list[Numbered]:
    """These documents in the same order, each pair of which names the other, now that both have numbers."""
    stands = {one.mark: done.statement.number for one, done in zip(prepared, issued, strict=True)}
    numbers = {done.statement.document_id: done.statement.number for done in issued}
    return [
        _linked(done, one.beside, stands.get(one.beside, ""), numbers)
        for one, done in zip(prepared, issued, strict=True)
    ]


def _linked(done: Numbered, mark: str, number: str, numbers: Mapping[str, str]) -> Numbered:
    said = done.statement
    if said.rebilled_by is not None:
        corrected = replace(said.rebilled_by, number=numbers[said.rebilled_by.document_id])
        return replace(done, statement=replace(said, rebilled_by=corrected))
    if said.credited_by is None:
        return done
    return replace(
        done,
        statement=replace(said, credited_by=replace(said.credited_by, number=number)),
        xml=done.xml.replace(mark.encode(), number.encode()),
        paper=done.paper.replace(mark.encode(), number.encode()),
    )


def sampled(prepared: Prepared) -> tuple[bytes, bytes]:
    """A sample's XML and paper, with the word in the place of the mark."""
    mark, stands = prepared.mark.encode(), SAMPLE.encode()
    return prepared.xml.replace(mark, stands), prepared.paper.replace(mark, stands)


def first_of(prepared: Sequence[Prepared]) -> dict[Series, tuple[int, date]]:
    """How many numbers of each series these take, and for documents of which day."""
    wanted: dict[Series, tuple[int, date]] = {}
    for one in prepared:
        count, _ = wanted.get(one.series, (0, one.statement.issue_date))
        wanted[one.series] = (count + 1, one.statement.issue_date)
    return wanted

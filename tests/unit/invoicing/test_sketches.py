"""A draft is written once, with a mark for its number: the number in its place gives what writing it anew would give."""

import pickle
from dataclasses import replace
from datetime import date

import pytest

from deploy.local import rules
from services import documents
from services.invoicing.checks import Judge
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.parties import Company, Contract, Form
from services.invoicing.domain.sketches import (
    Basis,
    CreditSketch,
    InvoiceSketch,
    Prepared,
    Sketch,
    first_of,
    marked,
    new_mark,
    numbered,
)
from services.invoicing.settings import CheckSettings
from services.kernel.money import Money
from tests.unit.invoicing.supplies import TODAY, a_line, a_seller, a_supply, an_invoice

FORMS = [
    ("en16931", "ubl"),
    ("en16931", "cii"),
    ("peppol", "ubl"),
    ("xrechnung", "cii"),
    ("facturx-extended", "facturx"),
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Give what a process beside the service has, with the schemas and without the sheets."""
    return Judge(CheckSettings(rules_dir=rules.install(), official_rules_share=0.0))


def an_invoice_to_draw(form: Form = Form(), name: str = "Ware", draft_id: str = "i1") -> InvoiceSketch:  # noqa: B008 - frozen
    contract = Contract(buyer_reference="04011000-12345-34", form=form)
    seller = replace(a_seller(), contact_name="Billing", contact_phone="+49 30 5550100", contact_email="b@acme.example")
    seller = replace(seller, company=_in_peppol(seller.company))
    supply = a_supply([replace(a_line(), name=name)], contract=contract, seller=seller)
    supply = replace(supply, buyer=replace(supply.buyer, company=_in_peppol(supply.buyer.company)))
    return InvoiceSketch(draft_id, supply, Basis(supply.seller, supply.buyer, contract, TODAY))


def _in_peppol(company: Company) -> Company:
    return replace(company, electronic_address=company.vat_id, electronic_address_scheme="9930")


def a_credit_to_draw() -> CreditSketch:
    invoice = an_invoice()
    request = CreditRequest("acme", "d1", invoice.document_id, (), Money(invoice.gross.minor // 2, "EUR"))
    basis = Basis(a_seller(), None, Contract(), TODAY)
    return CreditSketch("c1", request, invoice, (), basis)


def prepared_of(judge: Judge, sketch: Sketch) -> Prepared:
    prepared = judge.prepare(sketch)
    assert isinstance(prepared, Prepared)
    assert prepared.findings == ()
    return prepared


@pytest.mark.parametrize(("profile", "format_"), FORMS)
def test_the_number_in_the_place_of_the_mark_gives_the_bytes_of_writing_it_with_its_number(
    judge: Judge, profile: str, format_: str
) -> None:
    sketch = an_invoice_to_draw(Form(profile, format_))
    issued = numbered(prepared_of(judge, sketch), 42, final=True)
    anew = marked(sketch.draw(), "RE-2026-000042")

    assert issued.xml == documents.write(anew.claimed, issued.statement.form.syntax)
    assert issued.paper == documents.write(anew.paper, "json")
    assert (issued.statement.number, issued.statement.final, issued.nth) == ("RE-2026-000042", True, 42)


def test_a_credit_note_is_numbered_in_its_own_series_and_names_its_invoice_as_before(judge: Judge) -> None:
    sketch = a_credit_to_draw()
    issued = numbered(prepared_of(judge, sketch), 7, final=False)

    assert issued.statement.number == "RE-C-2026-000007"
    assert documents.read(issued.xml, "ubl").preceding[0].number == sketch.invoice.number


@pytest.mark.parametrize(
    "name", ["DRAFT-0000-000000", "Ware RE-2026-000042 DRAFT-", "&amp; <DRAFT-00/>", "Ä\U0001f600"]
)
def test_nothing_that_somebody_wrote_is_taken_for_the_mark(judge: Judge, name: str) -> None:
    issued = numbered(prepared_of(judge, an_invoice_to_draw(name=name)), 42, final=True)

    paper = documents.read(issued.xml, "ubl")
    assert (paper.number, paper.lines[0].item.name) == ("RE-2026-000042", name)
    assert paper.payment is not None
    assert paper.payment.remittance == "RE-2026-000042"


def test_no_two_marks_are_the_same() -> None:
    assert len({new_mark() for _ in range(1000)}) == 1000


def test_what_cannot_be_taxed_comes_back_as_a_finding_with_the_code_of_its_refusal(judge: Judge) -> None:
    supply = a_supply([replace(a_line(), tax_class="MAGIC")])
    found = judge.prepare(InvoiceSketch("i1", supply, Basis(supply.seller, supply.buyer, supply.contract, TODAY)))

    assert isinstance(found, documents.Finding)
    assert found.rule == "tax.class_unknown"


@pytest.mark.parametrize("sketch", [an_invoice_to_draw(), a_credit_to_draw()])
def test_sketches_and_what_comes_of_them_travel_between_processes(judge: Judge, sketch: Sketch) -> None:
    prepared = prepared_of(judge, pickle.loads(pickle.dumps(sketch)))

    assert pickle.loads(pickle.dumps(prepared)) == prepared
    assert prepared.statement == sketch.draw().statement


def test_each_series_is_asked_for_as_many_numbers_as_it_needs(judge: Judge) -> None:
    made = [prepared_of(judge, one) for one in (an_invoice_to_draw(), an_invoice_to_draw(), a_credit_to_draw())]

    wanted = {(series.kind.value, series.code): taken for series, taken in first_of(made).items()}
    assert wanted == {("380", "RE"): (2, TODAY), ("381", "RE"): (1, TODAY)}


def test_the_official_rules_judge_their_share_and_the_same_ones_whenever_asked() -> None:
    some = Judge(CheckSettings(rules_dir=rules.install(), official_rules_share=0.25))
    chosen = [some.is_chosen(f"i{n}") for n in range(4000)]

    assert chosen == [some.is_chosen(f"i{n}") for n in range(4000)]
    assert 900 < sum(chosen) < 1100


def test_a_basis_differs_when_anything_of_it_does() -> None:
    basis = an_invoice_to_draw().basis

    assert basis == an_invoice_to_draw().basis
    assert basis != replace(basis, issue_date=date(2026, 3, 3))
    assert basis != replace(basis, contract=replace(basis.contract, net_days=14))
    assert basis != replace(basis, credited_minor=1)

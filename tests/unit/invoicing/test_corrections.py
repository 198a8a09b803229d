"""Corrected invoices, corrected prices, and why something is credited: as the documents say it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services import documents
from services.documents.model import TypeCode, VatCategory
from services.documents.words import LANGUAGES
from services.invoicing.domain import corrections, drafts
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain.credits import REASONS, CreditRequest
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.parties import NO_CONTRACT, Company, Contract, Form
from services.invoicing.domain.sketches import (
    Basis,
    CreditSketch,
    Prepared,
    RebillSketch,
    linked,
    marked,
    new_mark,
    numbered,
)
from services.invoicing.domain.statements import Reference, Statement, Why
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.money import Money
from services.kernel.orders import Address
from services.kernel.refusals import Conflict
from tests.unit.invoicing.supplies import TODAY, a_company, a_draft, a_line, a_seller, a_supply, from_the_us


def issued(supply: Supply) -> Statement:
    return replace(a_draft(supply).statement, number="RE-2026-000001", final=True)


def put_right(supply: Supply, *lines: CorrectedLine, **header: Any) -> Draft:
    invoice = issued(supply)
    right = corrections.corrected(supply, invoice, Correction(lines, **header))
    drawn = drafts.invoice(right, draft_id="i2", issue_date=TODAY)
    old, note = Reference("i1", invoice.number, TODAY), Reference("n1", "", TODAY)
    return corrections.in_place_of(drawn, old, note, "MARK", dispute_id="d1")


def test_a_corrected_invoice_names_the_one_that_it_takes_the_place_of_and_its_credit_note() -> None:
    draft = put_right(a_supply(), purchase_order="PO-7")

    assert [invoice.number for invoice in draft.paper.preceding] == ["RE-2026-000001", "MARK"]
    assert draft.paper.notes[0].text == "In place of invoice RE-2026-000001, which credit note MARK takes back"
    assert draft.paper.purchase_order == draft.statement.scope.purchase_order == "PO-7"
    said = draft.statement
    assert (said.corrects, said.dispute_id, said.final) == (Reference("i1", "RE-2026-000001", TODAY), "d1", False)
    assert documents.check(draft.paper) == []


def test_what_nobody_corrects_comes_to_what_it_came_to() -> None:
    supply = a_supply([a_line("1", "2", "49.995"), a_line("2", "3", "0.335", "REDUCED")])
    supply = replace(supply, quantities=[(line, Decimal(1)) for line, _ in supply.quantities], before={"1": Decimal(1)})
    before, after = a_draft(supply).statement, put_right(supply, net_days=10).statement

    assert (after.net, after.tax, after.gross, after.lines) == (before.net, before.tax, before.gross, before.lines)
    assert after.due_date == TODAY + timedelta(days=10)


def test_prices_quantities_and_kinds_of_goods_are_put_right() -> None:
    draft = put_right(
        a_supply(),
        CorrectedLine("1", Decimal(8), Decimal("10.00")),
        CorrectedLine("2", tax_class="STANDARD"),
    )

    assert [(line.quantity, line.net.minor, line.vat_rate) for line in draft.statement.lines] == [
        (Decimal(8), 8000, Decimal(19)),
        (Decimal(3), 2997, Decimal(19)),
    ]
    assert documents.check(draft.paper) == []


def test_a_line_of_which_nothing_is_right_is_left_out() -> None:
    draft = put_right(a_supply(), CorrectedLine("1", Decimal(0)))

    assert [line.order_line_id for line in draft.statement.lines] == ["2"]


def test_where_the_goods_went_decides_their_tax_anew() -> None:
    french = a_company("FR", "FR40303265045", "Acheteur SA")
    draft = put_right(a_supply(buyer=french), ship_to=Address("Weg 2", "Berlin", "10115", country="DE"))

    assert {line.vat_category for line in a_draft(a_supply(buyer=french)).statement.lines} == {
        VatCategory.INTRA_COMMUNITY
    }
    assert {line.vat_rate for line in draft.statement.lines} == {Decimal(19), Decimal(7)}


def test_sales_tax_follows_the_corrected_price() -> None:
    supply = from_the_us([a_line("1", "1", "60.00", currency="USD"), a_line("2", "1", "40.00", currency="USD")], 800)
    draft = put_right(supply, CorrectedLine("1", unit_price=Decimal(30)))

    assert (draft.statement.sales_tax.minor, draft.statement.net.minor) == (560, 7560)


DE, FR = a_company("DE", "DE115235681", "Käufer AG"), a_company("FR", "FR40303265045", "Acheteur SA")


@pytest.mark.parametrize(
    ("profile", "buyer", "code"),
    [
        ("xrechnung", DE, TypeCode.CORRECTED),
        ("peppol", DE, TypeCode.CORRECTED),
        ("peppol", FR, TypeCode.INVOICE),
        ("en16931", DE, TypeCode.INVOICE),
        ("facturx-en16931", FR, TypeCode.INVOICE),
    ],
)
def test_it_calls_itself_corrected_where_that_is_known(profile: str, buyer: Company, code: TypeCode) -> None:
    supply = a_supply(buyer=buyer, contract=Contract(form=Form(profile, "cii" if "facturx" in profile else "ubl")))

    assert put_right(supply, net_days=10).paper.type_code == code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", Why)
def test_a_credit_note_says_why_where_it_is_no_return(why: Why, language: str) -> None:
    request = CreditRequest("acme", "d1", "i1", (), Money(1000, "EUR"), why)
    contract = replace(NO_CONTRACT, language=language)
    draft = credit(issued(a_supply()), request, contract)

    [note] = draft.paper.notes
    assert note.text.endswith(f"(UNCL4465: {REASONS[why]})")
    assert draft.statement.why is why
    assert documents.check(draft.paper, rests=draft.residues) == []


def credit(invoice: Statement, request: CreditRequest, contract: Contract = NO_CONTRACT) -> Draft:
    return credit_notes.credit_note(
        request,
        draft_id="n1",
        seller=a_seller(),
        invoice=invoice,
        earlier=(),
        issue_date=TODAY,
        contract=contract,
    )


def test_lower_prices_are_credited_line_by_line_at_their_own_rates() -> None:
    right = Correction(
        (CorrectedLine("1", Decimal(10), Decimal("12.00")), CorrectedLine("2", Decimal(3), Decimal("9")))
    )
    draft = credit(issued(a_supply()), CreditRequest("acme", "d1", "i1", (), Money(913, "EUR"), Why.PRICE, right))

    assert [(line.quantity, line.unit_price, line.net.minor) for line in draft.statement.lines] == [
        (Decimal(10), Decimal("0.50"), 500),
        (Decimal(3), Decimal("0.99"), 297),
    ]
    assert [(row.rate, row.tax.minor) for row in draft.statement.vat] == [(Decimal(19), 95), (Decimal(7), 21)]
    assert {line.invoice_line_id for line in draft.statement.lines} == {""}
    assert documents.check(draft.paper, rests=draft.residues) == []


def test_prices_that_come_to_something_else_than_was_agreed_are_refused() -> None:
    right = Correction((CorrectedLine("1", Decimal(10), Decimal("12.00")),))

    with pytest.raises(Conflict) as refused:
        credit(issued(a_supply()), CreditRequest("acme", "d1", "i1", (), Money(700, "EUR"), Why.PRICE, right))
    assert refused.value.code == "credit_note.amount_mismatch"


def test_two_documents_that_are_numbered_together_name_each_other() -> None:
    supply = a_supply()
    invoice, seller = issued(supply), a_seller()
    basis = Basis(seller, supply.buyer, supply.contract, TODAY)
    mark, old = new_mark(), Reference("i1", invoice.number, TODAY)
    request = CreditRequest("acme", "d1", "i1", (), invoice.gross, Why.REBILL, Correction(net_days=10))
    note = CreditSketch("n1", request, invoice, (), replace(basis, buyer=None), mark, Reference("i2", "", TODAY)).draw()
    right = corrections.corrected(supply, invoice, Correction(net_days=10))
    corrected = RebillSketch("i2", right, basis, old, Reference("n1", "", TODAY), mark, "d1").draw()

    pair = [prepared(corrected, new_mark(), beside=mark), prepared(note, mark)]
    done = linked(pair, [numbered(pair[0], 2, final=False), numbered(pair[1], 1, final=False)])

    assert done[0].statement.credited_by == Reference("n1", "RE-C-2026-000001", TODAY)
    assert done[1].statement.rebilled_by == Reference("i2", "RE-2026-000002", TODAY)
    assert b"DRAFT-" not in done[0].xml and b"RE-C-2026-000001" in done[0].xml


def prepared(draft: Draft, mark: str, beside: str = "") -> Prepared:
    drawn = marked(draft, mark)
    xml = documents.write(drawn.claimed, "ubl")
    return Prepared(drawn.statement, drawn.series, xml, xml, mark, (), "", beside)

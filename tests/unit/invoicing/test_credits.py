"""Credit notes: the invoice's own prices and rates, to the cent that was agreed, all together the invoice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import documents
from services.documents import model
from services.documents.model import VatCategory
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.drafts import Draft
from services.invoicing.domain.parties import NO_CONTRACT
from services.invoicing.domain.statements import Statement
from services.kernel.money import Money
from services.kernel.orders import OrderLine
from services.kernel.refusals import Conflict, Invalid, Refusal
from tests.unit.invoicing.supplies import TODAY, a_line, a_seller, an_invoice


def an_invoice_of(rate: str, *lines: OrderLine) -> Statement:
    """An issued invoice at another rate than the tables have."""
    said = an_invoice(lines)
    tax = Money.of(said.net.decimal * Decimal(rate) / 100, said.net.currency)
    return replace(
        said,
        tax=tax,
        gross=said.net + tax,
        lines=tuple(replace(line, vat_rate=Decimal(rate)) for line in said.lines),
        vat=(replace(said.vat[0], rate=Decimal(rate), taxable=said.net, tax=tax),),
    )


def credit(invoice: Statement, *lines: tuple[str, str], gross: int = 0, earlier: Sequence[Statement] = ()) -> Draft:
    request = CreditRequest(
        tenant="acme",
        dispute_id="d1",
        invoice_id="i1",
        lines=tuple((line_id, Decimal(quantity)) for line_id, quantity in lines),
        amount=Money(gross, invoice.gross.currency),
    ).check()
    return credit_notes.credit_note(
        request,
        draft_id="n1",
        seller=a_seller(),
        invoice=invoice,
        earlier=earlier,
        issue_date=TODAY,
        contract=NO_CONTRACT,
    )


def figures(draft: Draft) -> tuple[int, int, int]:
    said = draft.statement
    return said.net.minor, said.tax.minor, said.gross.minor


def test_a_credited_line_has_its_own_price_and_rate() -> None:
    draft = credit(an_invoice(), ("1", "2"))

    assert figures(draft) == (2500, 475, 2975)
    assert [(line.order_line_id, line.invoice_line_id, line.vat_rate) for line in draft.statement.lines] == [
        ("1", "1", Decimal(19))
    ]
    assert documents.check(draft.paper) == []


def test_a_credit_note_points_to_its_invoice_and_asks_for_nothing() -> None:
    paper = credit(an_invoice(), ("1", "2")).paper

    assert [(invoice.number, invoice.issue_date) for invoice in paper.preceding] == [("RE-2026-000001", TODAY)]
    assert paper.is_credit_note and paper.due_date is None
    assert paper.payment == model.PaymentInstructions(means="97")  # cleared between the two, nothing to transfer


def test_a_credit_note_keeps_the_rate_of_the_invoice_after_a_change_of_rates() -> None:
    invoice = an_invoice([a_line()], on=date(2020, 12, 31))

    assert figures(credit(invoice, gross=11600)) == (10000, 1600, 11600)
    assert figures(credit(invoice, ("1", "1"))) == (1250, 200, 1450)


def test_the_whole_gross_gives_back_every_line() -> None:
    invoice = an_invoice()
    draft = credit(invoice, gross=invoice.gross.minor)

    assert figures(draft) == (invoice.net.minor, invoice.tax.minor, invoice.gross.minor)
    assert [line.quantity for line in draft.statement.lines] == [Decimal(10), Decimal(3)]


def test_an_amount_is_spread_over_the_rates_in_proportion_to_their_gross() -> None:
    invoice = an_invoice()  # 148.75 at 19 %, 32.07 at 7 %
    draft = credit(invoice, gross=9041)  # half of it

    assert [(row.rate, row.taxable.minor, row.tax.minor) for row in draft.statement.vat] == [
        (Decimal(19), 6250, 1188),
        (Decimal(7), 1498, 105),
    ]
    assert draft.statement.gross.minor == 9041


def test_a_gross_that_no_net_gives_is_credited_with_vat_a_cent_off_its_own_rounding() -> None:
    draft = credit(an_invoice([a_line()]), gross=3)  # 0.03 + 19 % is 0.04

    assert figures(draft) == (3, 0, 3)
    assert "BR-CO-17" in {finding.rule for finding in documents.check(draft.paper)}
    assert documents.check(draft.paper, rests=draft.residues) == []


def test_credits_of_all_lines_come_to_the_invoice_and_the_last_one_takes_what_is_left() -> None:
    invoice = an_invoice_of("20", a_line("1", "1", "0.13"), a_line("2", "1", "0.13"))
    first = credit(invoice, ("1", "1"), gross=16)
    second = credit(invoice, ("2", "1"), gross=15, earlier=[first.statement])

    assert invoice.gross.minor == 31
    assert [figures(draft) for draft in (first, second)] == [(13, 3, 16), (13, 2, 15)]
    assert documents.check(second.paper, rests=second.residues) == []


def test_a_note_says_the_amount_that_was_agreed_whichever_case_ends_first() -> None:
    invoice = an_invoice_of("20", a_line("1", "1", "0.13"), a_line("2", "1", "0.13"))
    second = credit(invoice, ("2", "1"), gross=15)
    first = credit(invoice, ("1", "1"), gross=16, earlier=[second.statement])

    assert [figures(draft) for draft in (second, first)] == [(13, 2, 15), (13, 3, 16)]


def test_halves_of_a_line_are_credited_to_the_lines_own_net() -> None:
    invoice = an_invoice([a_line("1", "2", "49.995", "ZERO")])
    notes = [credit(invoice, ("1", "1"))]
    notes.append(credit(invoice, ("1", "1"), earlier=[notes[0].statement]))

    assert [figures(draft)[0] for draft in notes] == [5000, 4999]
    assert [line.allowance_minor for draft in notes for line in draft.statement.lines] == [0, 1]
    assert documents.check(notes[1].paper) == []


def test_lines_that_cost_another_amount_than_was_agreed_are_refused() -> None:
    with pytest.raises(Conflict) as refused:
        credit(an_invoice(), ("1", "2"), gross=2900)

    assert refused.value.code == "credit_note.amount_mismatch"


def test_a_cent_that_one_rate_cannot_take_goes_to_another() -> None:
    invoice = an_invoice([a_line("1", "1", "100"), a_line("2", "1", "100", "ZERO")])

    for gross in range(1, 300):
        assert credit(invoice, gross=gross).statement.gross.minor == gross


def test_more_than_the_invoice_is_refused_over_all_its_credit_notes() -> None:
    invoice = an_invoice()
    first = credit(invoice, ("1", "10")).statement

    with pytest.raises(Conflict) as over:
        credit(invoice, gross=invoice.gross.minor - first.gross.minor + 1, earlier=[first])
    with pytest.raises(Conflict) as again:
        credit(invoice, ("1", "0.1"), earlier=[first])

    assert over.value.code == "credit_note.exceeds_invoice"
    assert again.value.code == "credit_note.exceeds_line"


def test_lines_after_an_amount_are_refused_when_too_little_is_left() -> None:
    invoice = an_invoice()
    first = credit(invoice, gross=18000).statement

    with pytest.raises(Conflict) as refused:
        credit(invoice, ("1", "10"), earlier=[first])

    assert refused.value.code == "credit_note.exceeds_invoice"


def test_parts_that_round_up_one_by_one_never_add_up_to_more_than_the_invoice() -> None:
    invoice = an_invoice([a_line("1", "3", "0.35")])  # 1.05 + 0.20; each third: 0.35 + 0.07 = 0.42
    notes: list[Statement] = []
    for _ in range(3):
        notes.append(credit(invoice, ("1", "1"), earlier=notes).statement)

    assert invoice.gross.minor == 125
    assert [note.gross.minor for note in notes] == [42, 41, 42]


def test_what_is_outside_vat_is_credited_outside_vat() -> None:
    invoice = an_invoice()
    rows = (replace(invoice.vat[0], category=VatCategory.OUTSIDE_SCOPE, rate=None, tax=Money(0, "EUR")),)
    untaxed = replace(invoice, vat=rows, tax=Money(0, "EUR"), gross=invoice.vat[0].taxable)

    assert figures(credit(untaxed, gross=101)) == (101, 0, 101)


@pytest.mark.parametrize(
    ("lines", "gross", "code"),
    [
        ((), 0, "credit_note.nothing_to_credit"),
        ((("1", "0"),), 0, "credit_note.quantity_not_positive"),
        ((("1", "1"), ("1", "1")), 0, "credit_note.line_repeated"),
        ((("9", "1"),), 0, "credit_note.unknown_line"),
    ],
)
def test_a_credit_that_makes_no_sense_is_refused(lines: tuple[tuple[str, str], ...], gross: int, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        credit(an_invoice(), *lines, gross=gross)

    assert refused.value.code == code


def test_another_currency_than_the_invoices_is_refused() -> None:
    request = CreditRequest("acme", "d1", "i1", (), Money(1, "GBP"))

    with pytest.raises(Invalid):
        credit_notes.credit_note(
            request,
            draft_id="n1",
            seller=a_seller(),
            invoice=an_invoice(),
            earlier=(),
            issue_date=TODAY,
            contract=NO_CONTRACT,
        )


PRICED = st.lists(
    st.tuples(
        st.integers(1, 20), st.decimals("0.01", "99.99", places=2), st.sampled_from(["STANDARD", "REDUCED", "ZERO"])
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(PRICED, st.lists(st.integers(1, 100), min_size=1, max_size=4))
def test_any_amounts_are_credited_to_the_cent_and_the_last_one_takes_all_that_is_left(
    priced: list[tuple[int, Decimal, str]], percents: list[int]
) -> None:
    invoice = an_invoice([a_line(str(n), str(q), str(price), kind) for n, (q, price, kind) in enumerate(priced, 1)])
    notes: list[Statement] = []
    for percent in (*percents, 100):
        gross = credit_notes.left_of(invoice, notes).minor * percent // 100
        if not gross:
            continue
        draft = credit(invoice, gross=gross, earlier=notes)
        notes.append(draft.statement)

        assert draft.statement.gross.minor == gross
        check_note(draft)

    check_all_is_credited(invoice, notes)


@settings(max_examples=150, deadline=None)
@given(PRICED, st.randoms(use_true_random=False))
def test_lines_credited_unit_by_unit_in_any_order_come_to_the_invoice_rate_by_rate(
    priced: list[tuple[int, Decimal, str]], order: Random
) -> None:
    invoice = an_invoice([a_line(str(n), str(q), str(price), kind) for n, (q, price, kind) in enumerate(priced, 1)])
    units = [line.line_id for line in invoice.lines for _ in range(int(line.quantity))]
    order.shuffle(units)
    notes: list[Statement] = []
    for line_id in units:
        draft = credit(invoice, (line_id, "1"), earlier=notes)
        notes.append(draft.statement)
        check_note(draft)

    check_all_is_credited(invoice, notes)


def check_note(draft: Draft) -> None:
    """It is in order but for a cent of VAT at each rate, and nothing of it is below zero."""
    said = draft.statement
    assert documents.check(draft.paper, rests=draft.residues) == []
    assert all(abs(rest) <= Decimal("0.01") * (1 + len(said.lines)) for rest in draft.residues.values())
    assert min(row.tax.minor for row in said.vat) >= 0 and min(line.net.minor for line in said.lines) >= 0
    assert said.net + said.tax == said.gross


def check_all_is_credited(invoice: Statement, notes: Sequence[Statement]) -> None:
    assert credit_notes.left_of(invoice, notes).minor == 0
    for row in invoice.vat:
        taken = [one for note in notes for one in note.vat if (one.category, one.rate) == (row.category, row.rate)]
        assert sum(one.taxable.minor for one in taken) == row.taxable.minor
        assert sum(one.tax.minor for one in taken) == row.tax.minor

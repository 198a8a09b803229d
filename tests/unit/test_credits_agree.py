"""What disputes tells of a credit is what invoicing writes: for any parts, amounts and orders of cases, to the cent."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import documents
from services.disputes.domain import invoices, portions
from services.disputes.domain.invoices import Invoice, Line, Part
from services.disputes.domain.portions import Rate, Share
from services.documents.model import VatCategory
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.parties import NO_CONTRACT
from services.invoicing.domain.statements import Statement
from services.kernel.money import Money
from services.kernel.orders import OrderLine, Scope
from services.kernel.residue import unit_of
from tests.unit.invoicing.supplies import TODAY, US_SELLER, a_draft, a_line, a_seller, an_invoice, from_the_us

Case = tuple[tuple[Part, ...], Money]


class Both:
    """An invoice as disputes and as invoicing know it."""

    def __init__(self, *ordered: OrderLine, sales_tax: int = 0) -> None:
        taxed = a_draft(from_the_us(ordered, sales_tax)).statement if sales_tax else an_invoice(ordered)
        self.said: Statement = replace(taxed, number="RE-2026-000001")
        self.seller = US_SELLER if sales_tax else a_seller()
        self.notes: list[Statement] = []
        nothing = Money(0, self.said.gross.currency)
        amounts = (self.said.net, self.said.tax, self.said.gross, nothing, nothing)
        self.invoice = Invoice("acme", "i1", "RE-1", "b1", "o1", TODAY, *amounts, Scope())
        self.lines = {
            said.line_id: Line(
                said.line_id,
                said.quantity,
                said.unit_price,
                said.net,
                said.vat_category,
                said.vat_rate or Decimal(0),
                is_sales_tax=said.is_sales_tax,
            )
            for said in self.said.lines
        }
        self.credited: Mapping[Rate, Share] = {}

    def open(self, *named: tuple[str, str], amount: int = 0) -> Case:
        parts = tuple(Part(line_id, Decimal(quantity)) for line_id, quantity in named)
        wanted = Money(amount, self.said.gross.currency)
        if parts:
            wanted = invoices.amount_of(parts, self.lines, self.invoice, self.credited)
        self.invoice = self.invoice.contest(wanted)
        for part in parts:
            line = self.lines[part.line_id]
            self.lines[part.line_id] = replace(line, claimed=line.claimed + part.quantity)
        return parts, wanted

    def credit(self, case: Case) -> Statement:
        """Credit all of the case; what invoicing makes of it has to be what was told."""
        parts, amount = case
        told, shares = invoices.split(amount, parts, self.lines, self.credited)
        self.credited = portions.add(self.credited, shares)
        self.invoice = self.invoice.contest(-amount).credit(amount)
        for part in parts:
            line = self.lines[part.line_id]
            as_amount = line.credited_as_amount + (0 if told else part.quantity)
            self.lines[part.line_id] = replace(
                line, credited=line.credited + part.quantity, credited_as_amount=as_amount
            )
        named = tuple((part.line_id, part.quantity) for part in told)
        draft = credit_notes.credit_note(
            CreditRequest("acme", "d1", "i1", named, amount).check(),
            draft_id="n1",
            seller=self.seller,
            invoice=self.said,
            earlier=self.notes,
            issue_date=TODAY,
            contract=NO_CONTRACT,
        )
        assert draft.statement.gross == amount
        assert by_rate(draft.statement) == {rate: share for rate, share in shares.items() if share.gross}
        assert documents.check(draft.paper, rests=draft.residues) == []
        self.notes.append(draft.statement)
        return draft.statement


def by_rate(note: Statement) -> dict[Rate, Share]:
    """What a document says of each rate; sales tax is the tax of the goods that are outside of VAT."""
    said = {}
    for row in note.vat:
        outside = note.sales_tax.minor if row.category is VatCategory.OUTSIDE_SCOPE else 0
        share = Share(row.taxable.minor - outside, row.tax.minor + outside)
        if share.gross:
            said[row.category.value, row.rate or Decimal(0)] = share
    return said


def test_goods_are_contested_and_credited_with_their_sales_tax() -> None:
    both = Both(a_line("1", "10", "12.50", currency="USD"), a_line("2", "3", "9.99", currency="USD"), sales_tax=1031)
    first, second = both.open(("1", "10")), both.open(("2", "3"))

    assert [first[1].minor, second[1].minor] == [12_500 + 832, 2_997 + 199]
    notes = [both.credit(second), both.credit(first)]

    assert [(note.gross.minor, note.sales_tax.minor) for note in notes] == [(3_196, 199), (13_332, 832)]


def test_a_whole_invoice_with_sales_tax_is_credited_whole_by_lines_and_as_an_amount() -> None:
    lines = a_line("1", "10", "12.50", currency="USD"), a_line("2", "3", "9.99", currency="USD")
    by_lines, as_an_amount = Both(*lines, sales_tax=1031), Both(*lines, sales_tax=1031)

    assert by_lines.credit(by_lines.open(("1", "10"), ("2", "3"))).gross == by_lines.said.gross
    whole = as_an_amount.credit(as_an_amount.open(amount=as_an_amount.said.gross.minor))
    assert (whole.gross, whole.sales_tax) == (as_an_amount.said.gross, as_an_amount.said.sales_tax)


def test_sales_tax_alone_is_contested_as_far_as_it_was_not_credited_with_its_goods() -> None:
    both = Both(a_line("1", "10", "12.50", currency="USD"), a_line("2", "3", "9.99", currency="USD"), sales_tax=1031)
    both.credit(both.open(("1", "10")))

    exempt = both.credit(both.open(("3", "1")))
    assert (exempt.gross.minor, exempt.sales_tax.minor) == (199, 199)
    assert both.credit(both.open(("2", "3"))).gross.minor == 2_997


def test_lines_are_credited_although_an_amount_took_most_of_their_rate_before() -> None:
    both = Both(a_line("1", "1", "100"), a_line("2", "1", "1000", "REDUCED"))
    both.credit(both.open(amount=100_000))

    note = both.credit(both.open(("1", "1")))

    assert note.gross.minor == 11_900


@pytest.mark.parametrize("currency", ["EUR", "KWD"])
def test_lines_that_are_credited_in_another_order_keep_their_own_rate(currency: str) -> None:
    other = a_line("3", "1", "50", "REDUCED", currency)
    both = Both(a_line("1", "1", "0.13", "STANDARD", currency), a_line("2", "1", "0.13", "STANDARD", currency), other)
    first, second = both.open(("1", "1")), both.open(("2", "1"))
    assert first[1] != second[1]

    notes = [both.credit(second), both.credit(first)]

    assert [[(line.invoice_line_id, line.vat_rate) for line in note.lines] for note in notes] == [
        [("2", Decimal(19))],
        [("1", Decimal(19))],
    ]
    assert both.credit(both.open(("3", "1"))).gross + notes[0].gross + notes[1].gross == both.said.gross


def test_what_roundings_leave_of_a_dinar_is_disputed_in_the_tens_of_fils_of_a_document() -> None:
    both = Both(a_line("1", "1", "0.13", "STANDARD", "KWD"), a_line("2", "1", "0.13", "STANDARD", "KWD"))
    both.invoice = replace(both.invoice, credited=both.said.gross - Money(140, "KWD"))

    assert both.open(("1", "1"))[1].minor == 140


def a_business(random: Random, currency: str) -> Both:
    ordered: list[OrderLine] = []
    in_the_us = random.random() < 0.4
    for nth in range(1, random.randint(1, 5) + 1):
        price = Decimal(random.randint(1, 10 ** random.randint(2, 5))).scaleb(-random.randint(0, 4))
        quantity = random.choice(["1", "2", "3", "7", "0.5", "2.5", "1.333"])
        kind = random.choice(["STANDARD", "STANDARD", "REDUCED", "ZERO"])
        ordered.append(a_line(str(nth), quantity, str(price), kind, currency))
    if not in_the_us or not (net := sum(line.net.minor for line in ordered)):
        return Both(*ordered)
    unit = unit_of(currency)
    return Both(*ordered, sales_tax=random.randint(1, 1 + net // unit // 5) * unit)


def wishes(random: Random, both: Both, currency: str) -> Case | None:
    """A case on some of the lines, or on an amount; None where there is no room for it."""
    room, unit = both.invoice.room.minor, unit_of(currency)
    if room <= 0:
        return None
    if random.random() < 0.3:
        return both.open(amount=random.randint(1, room // unit) * unit)
    named = {}
    for line in random.sample(sorted(both.lines.values(), key=lambda line: line.line_id), 1 + len(both.lines) // 3):
        left = line.quantity - line.claimed
        part = left if random.random() < 0.5 else (left / random.choice([2, 3, 7])).quantize(Decimal("0.001"))
        if part > 0:
            named[line.line_id] = part
    parts = tuple(Part(line_id, part) for line_id, part in named.items())
    wanted = invoices.amount_of(parts, both.lines, both.invoice, both.credited).minor if parts else 0
    return both.open(*((line_id, str(part)) for line_id, part in named.items())) if 0 < wanted <= room else None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_no_credit_that_a_case_told_is_refused_and_all_stay_within_the_invoice(seed: int, currency: str) -> None:
    random = Random(seed)
    both = a_business(random, currency)
    cases: list[Case] = []
    for _ in range(25):
        if random.random() < 0.6 and (case := wishes(random, both, currency)) is not None:
            cases.append(case)
        elif cases:
            both.credit(cases.pop(random.randrange(len(cases))))
    for row in both.said.vat:
        taken = [one for note in both.notes for one in note.vat if (one.category, one.rate) == (row.category, row.rate)]
        assert sum(one.taxable.minor for one in taken) <= row.taxable.minor
        assert sum(one.tax.minor for one in taken) <= row.tax.minor
    assert sum(note.sales_tax.minor for note in both.notes) <= both.said.sales_tax.minor

"""A US seller's sales tax: a line of its own, the order's figure over all shipments, credited with its goods."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import documents
from services.documents.model import VatCategory
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.parties import NO_CONTRACT
from services.invoicing.domain.statements import Statement
from services.kernel.money import Money
from services.kernel.orders import OrderLine
from services.kernel.refusals import Conflict
from tests.unit.invoicing.supplies import TODAY, US_SELLER, a_company, a_draft, a_line, from_the_us


def a_us_line(line_id: str = "1", quantity: str = "10", price: str = "12.50") -> OrderLine:
    return a_line(line_id, quantity, price, currency="USD")


def shipped(supply: Supply, *parts: dict[str, str]) -> list[Statement]:
    """The invoices of shipments of these quantities, one after the other."""
    by_id = {line.line_id: line for line in supply.order.lines}
    before: dict[str, Decimal] = {}
    invoices = []
    for part in parts:
        quantities = [(by_id[line_id], Decimal(quantity)) for line_id, quantity in part.items()]
        invoices.append(a_draft(replace(supply, quantities=quantities, before=dict(before))).statement)
        for line, quantity in quantities:
            before[line.line_id] = before.get(line.line_id, Decimal(0)) + quantity
    return invoices


def credit(invoice: Statement, *lines: tuple[str, str], gross: int = 0, earlier: Sequence[Statement] = ()) -> Draft:
    asked = tuple((line_id, Decimal(quantity)) for line_id, quantity in lines)
    return credit_notes.credit_note(
        CreditRequest("acme", "d1", "i1", asked, Money(gross, "USD")),
        draft_id="n1",
        seller=US_SELLER,
        invoice=invoice,
        earlier=earlier,
        issue_date=TODAY,
        contract=NO_CONTRACT,
    )


def an_invoice(tax: int = 1031) -> Statement:
    draft = a_draft(from_the_us([a_us_line("1"), a_us_line("2", "3", "9.99")], tax))
    return replace(draft.statement, number="US-2026-000001")


def test_the_orders_tax_is_a_line_of_its_own_and_no_vat() -> None:
    draft = a_draft(from_the_us([a_us_line()], 1031))
    said = draft.statement

    assert (said.net.minor, said.tax.minor, said.gross.minor, said.sales_tax.minor) == (13531, 0, 13531, 1031)
    assert [(line.name, line.net.minor, line.is_sales_tax) for line in said.lines] == [
        ("Ware", 12500, False),
        ("Sales tax", 1031, True),
    ]
    assert {line.vat_category for line in said.lines} == {VatCategory.OUTSIDE_SCOPE}
    assert documents.check(draft.paper) == []


def test_it_is_paid_into_an_account_by_its_routing_number() -> None:
    payment = a_draft(from_the_us([a_us_line()], 1031)).paper.payment

    assert payment is not None
    assert payment.means == "30"
    assert [(to.account, to.bank) for to in payment.transfers] == [("123456789", "021000021")]


def test_an_order_without_tax_has_no_such_line() -> None:
    assert [line.is_sales_tax for line in a_draft(from_the_us([a_us_line()], 0)).statement.lines] == [False]


def test_no_seller_elsewhere_has_one() -> None:
    supply = from_the_us([a_us_line()], 1031)
    german = replace(supply, seller=replace(US_SELLER, company=a_company("DE", "")))

    assert a_draft(german).statement.sales_tax.minor == 0


def test_shipments_share_it_by_net_and_the_last_takes_what_rounding_leaves() -> None:
    thirds = shipped(from_the_us([a_us_line("1", "3", "10")], 100), {"1": "1"}, {"1": "1"}, {"1": "1"})
    by_line = shipped(from_the_us([a_us_line("1", "1", "75"), a_us_line("2", "1", "25")], 101), {"2": "1"}, {"1": "1"})

    assert [one.sales_tax.minor for one in thirds] == [33, 34, 33]
    assert [one.sales_tax.minor for one in by_line] == [25, 76]


@settings(max_examples=100, deadline=None)
@given(
    prices=st.lists(st.integers(0, 5000), min_size=1, max_size=4),
    tax=st.integers(1, 5000),
    parts=st.lists(st.integers(1, 6), min_size=1, max_size=5),
)
def test_over_all_shipments_it_is_the_orders_and_never_less_than_nothing(
    prices: list[int], tax: int, parts: list[int]
) -> None:
    lines = [a_us_line(str(nth), str(sum(parts)), str(Decimal(price) / 100)) for nth, price in enumerate(prices)]
    invoices = shipped(from_the_us(lines, tax), *({line.line_id: str(part) for line in lines} for part in parts))

    assert sum(one.sales_tax.minor for one in invoices) == tax
    assert all(one.sales_tax.minor >= 0 for one in invoices)


def test_a_credited_line_takes_its_part_of_the_tax_and_the_last_one_the_rest() -> None:
    invoice = an_invoice()  # 125.00 and 29.97 of goods
    first = credit(invoice, ("1", "10"))
    second = credit(invoice, ("2", "3"), earlier=[first.statement])

    assert (first.statement.gross.minor, first.statement.sales_tax.minor) == (12500 + 832, 832)
    assert second.statement.sales_tax.minor == 1031 - 832
    assert first.statement.gross + second.statement.gross == invoice.gross
    assert documents.check(first.paper) == []
    assert [line.invoice_line_id for line in first.statement.lines] == ["1", "3"]


def test_an_amount_takes_its_part_of_the_tax() -> None:
    invoice = an_invoice()
    half = credit(invoice, gross=8264)

    assert (half.statement.gross.minor, half.statement.sales_tax.minor) == (8264, 516)
    assert documents.check(half.paper) == []


def test_the_whole_takes_all_of_it() -> None:
    invoice = an_invoice()
    whole = credit(invoice, gross=invoice.gross.minor).statement

    assert (whole.gross, whole.sales_tax) == (invoice.gross, invoice.sales_tax)


def test_the_tax_alone_can_be_credited_and_no_more_than_was_invoiced() -> None:
    invoice = an_invoice()
    tax = credit(invoice, ("3", "1")).statement

    assert (tax.gross.minor, tax.sales_tax.minor) == (1031, 1031)
    assert credit(invoice, ("1", "10"), earlier=[tax]).statement.sales_tax.minor == 0
    with pytest.raises(Conflict) as refused:
        credit(invoice, ("3", "0.01"), earlier=[tax])

    assert refused.value.code == "credit_note.exceeds_line"


def test_goods_credited_without_their_tax_stay_a_line_even_where_the_tax_is_a_cent() -> None:
    invoice = a_draft(from_the_us([a_us_line("1", "1", "0.10"), a_us_line("2", "1", "0.90")], 8)).statement
    note = credit(invoice, ("1", "1"), gross=10).statement

    assert (note.gross.minor, note.sales_tax.minor) == (10, 0)
    assert [line.invoice_line_id for line in note.lines] == ["1"]

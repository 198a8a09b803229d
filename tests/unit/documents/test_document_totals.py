"""Totals equal the oracle's to the cent, and none of the published bugs of others is ours."""

import ast
import os
import sys
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.documents import OfficialRules, Schema, check, is_valid, totals, write
from services.documents.model import DocumentAllowance, Invoice, TypeCode, VatCategory
from services.documents.totals import cash_rounding, distribute, line_net, rounded, spread_allowance
from tests.oracle import invoice_totals as oracle
from tests.unit.documents.examples import S, a_line, an_invoice
from tests.unit.documents.sketches import Sketch, invoice, sketches

# How many invoices are generated.
INVOICES = [150, pytest.param(int(os.environ.get("AR_INVOICES", "600")), marks=pytest.mark.prove)]
ONE_IN = 5  # so many also go through the official stylesheet, which takes longer than all the rest


def the_oracle_agrees(sketch: Sketch, document: Invoice) -> None:
    right, sums = oracle.sums(sketch), document.totals
    stated = {
        "BT-106": sums.lines,
        "BT-107": sums.allowances or Decimal(0),
        "BT-108": sums.charges or Decimal(0),
        "BT-109": sums.net,
        "BT-110": sums.vat,
        "BT-112": sums.gross,
        "BT-115": sums.due,
    }
    rows = {
        (row.category.value, None if row.rate is None else Fraction(row.rate)): (
            Fraction(row.taxable),
            Fraction(row.tax),
        )
        for row in document.vat_breakdown
    }
    assert [Fraction(line.net_amount) for line in document.lines] == right["lines"]
    assert rows == right["rows"]
    assert {number: Fraction(value or 0) for number, value in stated.items()} == right["terms"]


@pytest.mark.parametrize("invoices", INVOICES)
def test_every_invoice_adds_up_as_the_oracle_says_and_passes_the_rules(
    schema: Schema, official: OfficialRules, invoices: int
) -> None:
    turns = count()

    @settings(
        max_examples=invoices, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(sketches())
    def adds_up(sketch: Sketch) -> None:
        document = invoice(sketch)
        xml = write(document)

        the_oracle_agrees(sketch, document)
        assert is_valid(check(document)), check(document)
        assert schema.check(xml) == []
        if next(turns) % ONE_IN == 0:
            assert is_valid(found := official.submit(xml).result()), found

    adds_up()


def test_the_oracle_imports_nothing_of_the_product() -> None:
    source = Path(oracle.__file__).read_text(encoding="utf-8")
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")

    assert imported <= sys.stdlib_module_names
    assert "__import__" not in source
    assert "importlib" not in source


@given(
    amount=st.integers(-10_000, 10_000).map(lambda n: str(Decimal(n) / 100)),
    weights=st.lists(st.integers(1, 10**6).map(lambda n: str(Decimal(n) / 1000)), min_size=1, max_size=8),
)
def test_a_distributed_amount_adds_up_and_each_part_is_the_largest_remainders(amount: str, weights: list[str]) -> None:
    parts = distribute(Decimal(amount), [Decimal(weight) for weight in weights], "EUR")

    assert [Fraction(part) for part in parts] == oracle.shares(amount, weights, 2)
    assert sum(parts) == Decimal(amount)


@given(amount=st.integers(0, 5000), weights=st.lists(st.integers(-50, 100), min_size=2, max_size=6))
def test_a_distribution_over_groups_of_either_sign_adds_up(amount: int, weights: list[int]) -> None:
    if not sum(weights):
        with pytest.raises(ValueError, match="proportion"):
            distribute(Decimal(amount), [Decimal(weight) for weight in weights], "EUR")
        return

    assert sum(distribute(Decimal(amount), [Decimal(weight) for weight in weights], "EUR")) == amount


def test_what_is_no_whole_cent_cannot_be_distributed() -> None:
    with pytest.raises(ValueError, match="smallest units"):
        distribute(Decimal("0.005"), [Decimal(1)], "EUR")


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        ("2.5", "JPY", "3"),
        ("-2.5", "JPY", "-3"),  # XPath's round() would say -2
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("0.0049999999999999999999999999999999999999", "EUR", "0.00"),
        ("1.005", "EUR", "1.01"),  # the float 1.005 is below the tie
        ("2.675", "EUR", "2.68"),
        ("1.2345", "KWD", "1.23"),  # BR-DEC leaves a dinar two decimals
        ("1234.5", "JPY", "1235"),
    ],
)
def test_a_tie_goes_away_from_zero(value: str, currency: str, amount: str) -> None:
    assert rounded(Decimal(value), currency) == Decimal(amount)


def test_a_quotient_is_rounded_once_however_long_it_is() -> None:
    nearly_a_tie = Decimal("0.0149999999999999999999999999999999999999")

    assert rounded(nearly_a_tie, "EUR", per=Decimal(3)) == Decimal("0.00")
    assert rounded(Decimal("0.015"), "EUR", per=Decimal(3)) == Decimal("0.01")
    assert rounded(Decimal("0.015"), "EUR", per=Decimal(-3)) == Decimal("-0.01")


def test_numbers_too_long_for_the_usual_decimal_lose_nothing() -> None:
    quantity, price = Decimal("12345678901234567890.123456"), Decimal("98765432109876543210.654321")

    net = line_net(quantity=quantity, price=price, currency="EUR")

    assert Fraction(net) == oracle.half_up(Fraction(quantity) * Fraction(price), 2)


def test_tax_is_rounded_per_rate_and_never_per_line() -> None:
    lines = [a_line(str(i), price="0.33") for i in range(3)]  # 0.0627 each: per line 3 x 0.06 = 0.18

    assert totals(lines, currency="EUR").totals.vat == Decimal("0.19")


def test_ten_half_cents_are_five_cents_not_ten() -> None:
    lines = [a_line(str(i), price="0.10", rate="5") for i in range(10)]  # 0.005 each

    assert totals(lines, currency="EUR").totals.vat == Decimal("0.05")


def test_parts_of_a_line_are_rounded_separately() -> None:
    assert line_net(quantity=Decimal("3"), price=Decimal("0.335"), currency="EUR") == Decimal("1.01")
    # two lines of 1.005 are 1.01 each: their sum is not rounded from 2.01
    lines = [a_line("1", price="1.005"), a_line("2", price="1.005")]
    assert totals(lines, currency="EUR").totals.lines == Decimal("2.02")


def test_a_discount_leaves_no_cent_without_a_group() -> None:
    """erpnext#34287: a residue of 0.01 that belonged to no account."""
    lines = [
        a_line("1", price="10", rate="19"),
        a_line("2", price="10", rate="7"),
        a_line("3", price="10", category=VatCategory.ZERO_RATED, rate="0"),
    ]

    allowances = spread_allowance(lines, Decimal("10.00"), "EUR", reason="Bonus")

    assert [part.amount for part in allowances] == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
    document = an_invoice(*lines, allowances=allowances)
    assert document.totals.net == Decimal("20.00")
    assert check(document) == []


def test_a_credit_note_keeps_the_rate_of_the_day_of_the_sale() -> None:
    """A rate change must not re-tax what is credited: Germany had 16 % in the second half of 2020."""
    sold = an_invoice(a_line("1", quantity="3", price="19.99", rate="16"))

    credit = an_invoice(*sold.lines, type_code=TypeCode.CREDIT_NOTE)

    assert credit.vat_breakdown == sold.vat_breakdown
    assert credit.totals.gross == sold.totals.gross == Decimal("69.57")


def test_crediting_all_lines_one_by_one_differs_only_by_the_rounding_of_each_note() -> None:
    lines = [a_line(str(i), price="0.33") for i in range(3)]

    singly = sum((an_invoice(line).totals.vat or Decimal(0) for line in lines), Decimal(0))

    assert singly == Decimal("0.18")
    assert an_invoice(*lines).totals.vat == Decimal("0.19")


def test_the_order_of_the_lines_changes_nothing() -> None:
    lines = [a_line("1", rate="7"), a_line("2", rate="19"), a_line("3", category=VatCategory.ZERO_RATED, rate="0")]

    assert totals(lines, currency="EUR") == totals(lines[::-1], currency="EUR")


def test_equal_rates_written_differently_are_one_row() -> None:
    [row] = totals([a_line("1", rate="19"), a_line("2", rate="19.00")], currency="EUR").vat_breakdown

    assert row.taxable == Decimal(200)


def test_outside_the_scope_there_is_a_row_without_rate_or_tax() -> None:
    [row] = totals([a_line(category=VatCategory.OUTSIDE_SCOPE, rate=None)], currency="EUR").vat_breakdown

    assert (row.rate, row.tax, row.exemption_code) == (None, Decimal(0), "VATEX-EU-O")


def test_a_discount_larger_than_its_group_makes_the_tax_negative() -> None:
    allowance = DocumentAllowance(amount=Decimal("100.50"), vat_category=S, vat_rate=Decimal(19), reason="Bonus")

    [row] = totals([a_line()], currency="EUR", allowances=[allowance]).vat_breakdown

    assert (row.taxable, row.tax) == (Decimal("-0.50"), Decimal("-0.10"))  # -0.095, away from zero


def test_only_cash_is_rounded_to_coins() -> None:
    assert cash_rounding(Decimal("100.33"), Decimal("0.05")) == Decimal("0.02")
    assert cash_rounding(Decimal("100.32"), Decimal("0.05")) == Decimal("-0.02")
    assert cash_rounding(Decimal("-100.325"), Decimal("0.05")) == Decimal("-0.025")


def test_prepaid_amounts_reduce_what_is_due_and_nothing_else() -> None:
    calculated = totals([a_line()], currency="EUR", paid=Decimal("119.00"))

    assert calculated.totals.gross == Decimal("119.00")
    assert calculated.totals.due == 0


def test_tax_wrong_by_95_cents_passes_the_official_rules_and_not_ours(official: OfficialRules) -> None:
    right = an_invoice()
    [row] = right.vat_breakdown
    wrong = replace(
        right,
        vat_breakdown=(replace(row, tax=row.tax + Decimal("0.95")),),
        totals=replace(
            right.totals,
            vat=Decimal("19.95"),
            gross=Decimal("119.95"),
            due=Decimal("119.95"),
        ),
    )

    assert official.submit(write(wrong)).result() == []
    assert [finding.rule for finding in check(wrong)] == ["BR-CO-17", "BR-CO-14", "BR-CO-15", "BR-CO-16"]

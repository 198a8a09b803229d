"""Which invoices a remittance names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain import matching

NUMBERS = ["RE-2026-000123", "RE-2026-000124", "INV-1", "INV-1-1", "INV-11", "2026/17", "DE01-9", "de 01 10"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RE-2026-000123", ["RE-2026-000123"]),
        ("Rechnung re-2026-000123, danke", ["RE-2026-000123"]),
        ("RE2026000123", ["RE-2026-000123"]),
        ("RE 2026 000123", ["RE-2026-000123"]),
        ("RE2026-000123", ["RE-2026-000123"]),
        ("RE_2026/000123.", ["RE-2026-000123"]),
        ("RE-2026-\n000123", ["RE-2026-000123"]),
        ("SVWZ+RE-2026-000124 RE-2026-000123", ["RE-2026-000124", "RE-2026-000123"]),
        ("RE-2026-000123;RE-2026-000123", ["RE-2026-000123"]),
        ("(INV-1/INV-1-1)", ["INV-1", "INV-1-1"]),
        ("INV-1-1", ["INV-1-1"]),
        ("INV-11", ["INV-11"]),
        ("INV 1 1", ["INV-1-1"]),
        ("paid for 2026/17 and DE01 9", ["2026/17", "DE01-9"]),
        ("DE0110", ["de 01 10"]),
        # Not a whole word of the text.
        ("RE-2026-0001234", []),
        ("XRE-2026-000123", []),
        ("RE-2026-000123-7", []),
        ("RE-2026-000123A", []),
        ("INV-1-7", []),
        # Torn apart where the number has no separator.
        ("RE-2026-000 123", []),
        ("INV-1 of 2026", ["INV-1"]),
        ("", []),
        ("thank you", []),
        ("-_- / ...", []),
    ],
)
def test_a_remittance_names_whole_numbers_with_or_without_hyphens(text: str, expected: list[str]):
    assert matching.named(text, NUMBERS) == expected


def test_the_spelling_that_keeps_more_of_a_number_goes_first():
    assert matching.named("INV11", ["INV-1-1", "INV-11"]) == ["INV-11"]


def test_what_could_be_two_numbers_names_neither():
    assert matching.named("AB12", ["A-B12", "AB-12"]) == []
    assert matching.named("AB-12", ["A-B12", "AB-12"]) == ["AB-12"]


@pytest.mark.parametrize(
    "text",
    ["", "with thanks", "March 2026", "2026-03-02", "paid on 02.03.26.", "EUR 1.234,56", "1,234.56 of 2026", "49,90"],
)
def test_a_day_an_amount_and_a_year_name_no_invoice(text: str):
    assert not matching.has_number(text)


@pytest.mark.parametrize("text", ["RE-2026", "4711", "RE 17", "2026/17", "12.5.7.9", "RE-2026-000001", "20260302-1"])
def test_any_other_number_may_be_an_invoices(text: str):
    assert matching.has_number(text)


@given(st.text(max_size=80), st.sampled_from(NUMBERS), st.text(max_size=80))
def test_a_number_between_spaces_is_found_in_any_text(before: str, number: str, after: str):
    text = f"{before} | {number} | {after}"

    assert matching.key(number) in matching.possible_keys(text)


@given(st.text(alphabet="RE2026-_ /01", max_size=40), st.text(alphabet="RE-026/1 ", min_size=1, max_size=12))
def test_only_numbers_among_the_possible_keys_are_named(text: str, number: str):
    for found in matching.named(text, [number]):
        assert matching.key(found) in matching.possible_keys(text)

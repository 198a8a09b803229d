"""How numbers are read and written in each language: what could be two numbers is none."""

from decimal import Decimal

import pytest

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.portal.looks import LANGUAGES, Words


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "1,234.50", "1234.5"),
        ("en", "1234.5", "1234.5"),
        ("de", "1.234,50", "1234.5"),
        ("de", "0,5", "0.5"),
        ("fr", "1 234,50", "1234.5"),
        ("fr", "1\u202f234,50", "1234.5"),
        ("fr", "1\u00a0234,50", "1234.5"),
        ("sv", "1\u00a0234,50", "1234.5"),
        ("sv", "1 234,5", "1234.5"),
    ],
)
def test_a_number_is_read_as_its_language_writes_it(language: str, typed: str, meant: str):
    assert Words(language).typed(typed) == Decimal(meant)


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("de", "30.00"),
        ("de", "1.5"),
        ("en", "30,00"),
        ("en", "NaN"),
        ("en", "1e5"),
        ("en", "Infinity"),
        ("en", ""),
        ("en", "١٢"),
    ],
)
def test_what_could_be_two_numbers_or_none_is_refused(language: str, typed: str):
    with pytest.raises(Invalid) as refused:
        Words(language).typed(typed)

    assert refused.value.code == "typed.no_number"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("amount", [Money(123456, "EUR"), Money(-5, "GBP"), Money(1234567, "JPY"), Money(1, "BHD")])
def test_what_a_field_is_filled_with_reads_back_as_the_same(language: str, amount: Money):
    words = Words(language)

    assert words.typed_money(words.plain(amount).replace("\u2212", "-"), amount.currency) == amount


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quantity_keeps_all_its_decimals(language: str):
    words = Words(language)

    assert words.typed(words.number("1234.000001")) == Decimal("1234.000001")


def test_less_than_a_cent_is_refused():
    with pytest.raises(Invalid) as refused:
        Words("en").typed_money("0.005", "EUR")

    assert refused.value.code == "typed.too_fine"

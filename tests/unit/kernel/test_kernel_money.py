"""Money and numbers: exact, rounded half up away from zero, within what contracts and tables hold."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import money
from services.kernel.money import MINOR_MAX, Money
from services.kernel.refusals import Invalid


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("0.005", 1),
        ("0.004999", 0),
        ("-0.005", -1),
        ("-0.004999", 0),
        ("0.025", 3),
        ("-0.025", -3),
        ("2.5", 250),
        ("1.005", 101),
        ("-1.005", -101),
        ("0", 0),
        ("-0", 0),
    ],
)
def test_an_amount_is_rounded_half_up_away_from_zero(amount: str, minor: int) -> None:
    assert Money.of(Decimal(amount), "EUR") == Money(minor, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("2.5", "JPY", 3),
        ("-2.5", "JPY", -3),
        ("2.4", "JPY", 2),
        ("1.0005", "KWD", 1001),
        ("-1.0005", "KWD", -1001),
        ("1.0005", "EUR", 100),
    ],
)
def test_each_currency_is_rounded_to_its_own_minor_unit(amount: str, currency: str, minor: int) -> None:
    assert Money.of(Decimal(amount), currency) == Money(minor, currency)


@pytest.mark.parametrize(("currency", "text"), [("JPY", "1234 JPY"), ("EUR", "12.34 EUR"), ("KWD", "1.234 KWD")])
def test_an_amount_is_shown_with_exactly_its_currencys_decimals(currency: str, text: str) -> None:
    assert str(Money(1234, currency)) == text


@pytest.mark.parametrize(("currency", "text"), [("JPY", "-5 JPY"), ("EUR", "-0.05 EUR"), ("KWD", "-0.005 KWD")])
def test_less_than_a_major_unit_below_zero_is_shown_as_such(currency: str, text: str) -> None:
    assert str(Money(-5, currency)) == text


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "XXX", "XAU", "€"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(Invalid) as refused:
        Money(1, currency).checked()

    assert refused.value.code == "money.unknown_currency"


@pytest.mark.parametrize("minor", [MINOR_MAX, -MINOR_MAX])
def test_the_last_amount_of_fifteen_digits_is_held(minor: int) -> None:
    assert Money(minor, "EUR").checked().minor == minor


@pytest.mark.parametrize("minor", [MINOR_MAX + 1, -MINOR_MAX - 1])
def test_an_amount_beyond_fifteen_digits_is_refused(minor: int) -> None:
    with pytest.raises(Invalid) as refused:
        Money(minor, "EUR").checked()

    assert refused.value.code == "money.too_large"


def test_rounding_stops_at_the_last_amount_of_fifteen_digits() -> None:
    assert Money.of(Decimal("9999999999999.99"), "EUR").minor == MINOR_MAX
    with pytest.raises(Invalid) as refused:
        Money.of(Decimal("9999999999999.995"), "EUR")
    assert refused.value.code == "money.too_large"


def test_an_amount_of_thirty_digits_is_refused_as_too_large() -> None:
    with pytest.raises(Invalid) as refused:
        Money.of(Decimal("9" * 30), "EUR")

    assert refused.value.code == "money.too_large"


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(["JPY", "EUR", "KWD"]))
def test_a_decimal_there_and_back_is_the_same_amount(minor: int, currency: str) -> None:
    assert Money.of(Money(minor, currency).decimal, currency) == Money(minor, currency)


@given(st.decimals("-1e9", "1e9", places=6))
def test_rounding_moves_an_amount_by_half_a_unit_at_most_and_is_the_same_on_both_sides_of_zero(amount: Decimal) -> None:
    rounded = Money.of(amount, "EUR")

    assert abs(rounded.decimal - amount) <= Decimal("0.005")
    assert Money.of(-amount, "EUR") == -rounded


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_amounts_add_up_exactly(minors: list[int]) -> None:
    assert Money.total((Money(minor, "EUR") for minor in minors), "EUR") == Money(sum(minors), "EUR")


def test_amounts_of_one_currency_compare_and_subtract() -> None:
    one, two = Money(1, "EUR"), Money(2, "EUR")

    assert one < two
    assert one <= one
    assert not two <= one
    assert max(one, two) == two
    assert one - two == -one


def test_amounts_of_two_currencies_neither_add_up_nor_compare() -> None:
    euro, krona = Money(1, "EUR"), Money(1, "SEK")

    assert euro != krona
    for mistake in (lambda: euro + krona, lambda: euro - krona, lambda: euro < krona, lambda: euro <= krona):
        with pytest.raises(AssertionError, match="two currencies"):
            mistake()


@pytest.mark.parametrize("text", ["0", "12", "0.5", "-3.25", "1234567890.123456", "00.10", "9" * 40])
def test_a_plain_decimal_is_read_as_it_stands(text: str) -> None:
    assert money.decimal(text, what="quantity") == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "1e5",
        "1E5",
        "1e-5",
        "NaN",
        "sNaN",
        "-nan",
        "Infinity",
        "-inf",
        "1,5",
        "0x1F",
        "12a",
        "9" * 41,
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="quantity") as refused:
        money.decimal(text, what="quantity")

    assert refused.value.code == "number.malformed"


@pytest.mark.parametrize("text", ["1_0", " 5", "5\n", "+5", "１"])
def test_digits_that_only_python_reads_as_a_number_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        money.decimal(text, what="quantity")

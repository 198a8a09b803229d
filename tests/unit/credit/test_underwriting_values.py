"""Facts as texts: what is a value of its kind, and what is refused."""

from datetime import date
from decimal import Decimal

import pytest

from services.credit.domain.underwriting import FactKind, Kind, Value, parse_value, write_value
from services.kernel.refusals import Invalid


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.MONEY, "1200.00 EUR", Decimal(1200)),
        (Kind.MONEY, "1200 EUR", Decimal(1200)),
        (Kind.MONEY, "-0.01 EUR", Decimal("-0.01")),
        (Kind.RATIO, "0.25", Decimal("0.25")),
        (Kind.COUNT, "12", Decimal(12)),
        (Kind.DAYS, "30", Decimal(30)),
        (Kind.FLAG, "true", True),
        (Kind.FLAG, "false", False),
        (Kind.TEXT, "Müller & Söhne", "Müller & Söhne"),
        (Kind.DATE, "2026-11-30", date(2026, 11, 30)),
        (Kind.DOCUMENT, "d1", "d1"),
    ],
)
def test_a_value_is_read_and_written(kind: Kind, text: str, value: Value):
    read = parse_value(FactKind("fact", kind), text, "EUR")

    assert read == value
    assert parse_value(FactKind("fact", kind), write_value(kind, read, "EUR"), "EUR") == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.MONEY, "1200"), (Kind.MONEY, "1200 USD"), (Kind.MONEY, "1200.001 EUR"), (Kind.MONEY, "1e3 EUR"),
        (Kind.MONEY, "1,200 EUR"), (Kind.MONEY, "NaN EUR"), (Kind.MONEY, "9" * 40 + " EUR"), (Kind.MONEY, "1200  EUR"),
        (Kind.RATIO, "25 %"), (Kind.RATIO, "Infinity"), (Kind.COUNT, "1.5"), (Kind.COUNT, "-1"), (Kind.COUNT, "9" * 11),
        (Kind.DAYS, "100001"), (Kind.FLAG, "yes"), (Kind.FLAG, "True"), (Kind.TEXT, ""), (Kind.TEXT, " \n"),
        (Kind.TEXT, "x" * 2001), (Kind.DATE, "30.11.2026"), (Kind.DATE, "2026-02-30"), (Kind.DATE, "1066-10-14"),
        (Kind.DOCUMENT, ""), (Kind.RATIO, "٣"), (Kind.MONEY, "\u202e12 EUR"), (Kind.COUNT, "1\u00a0000"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(kind: Kind, text: str):
    with pytest.raises(Invalid) as refused:
        parse_value(FactKind("fact", kind), text, "EUR")
    assert refused.value.code == "fact.value"


def test_a_policys_bounds_and_choices_hold():
    for kind, text in [
        (FactKind("score", Kind.COUNT, most=Decimal(100)), "101"),
        (FactKind("coverage", Kind.RATIO, least=Decimal("0.01")), "0"),
        (FactKind("amount", Kind.MONEY, least=Decimal(1)), "0.99 EUR"),
        (FactKind("status", Kind.TEXT, choices=("active",)), "alive"),
        (FactKind("agreement", Kind.FLAG, choices=("true",)), "false"),
    ]:
        with pytest.raises(Invalid):
            parse_value(kind, text, "EUR")


def test_the_same_number_is_always_the_same_text():
    assert {write_value(Kind.RATIO, Decimal(text), "EUR") for text in ("10", "10.0", "1E1", "10.00")} == {"10"}
    assert write_value(Kind.RATIO, Decimal("-0.0"), "EUR") == "0"

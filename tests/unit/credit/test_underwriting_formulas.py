"""Conditions and formulas: what is compared with what, what is not known, and exact to the digit."""

from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pytest

from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.expressions import SCALE, Name, Wrong, compile_expression, did_you_mean
from services.credit.domain.underwriting.need import OPEN_MAX, need, poisson_p95
from services.credit.domain.underwriting.values import Kind

NAMES = {
    "owed": Name(Kind.MONEY),
    "cap": Name(Kind.MONEY),
    "share": Name(Kind.RATIO),
    "orders": Name(Kind.COUNT),
    "late": Name(Kind.DAYS),
    "good": Name(Kind.FLAG),
    "bad": Name(Kind.FLAG),
    "land": Name(Kind.TEXT, ("DE", "FRA")),
    "since": Name(Kind.DATE),
    "paper": Name(Kind.DOCUMENT),
    "person": Name(Kind.TEXT, only_known=True),
    "today": Name(Kind.DATE),
}
KNOWN = {
    "owed": Decimal("100.10"),
    "cap": Decimal(250),
    "share": Decimal("0.1"),
    "orders": Decimal(4),
    "late": Decimal(10),
    "good": True,
    "bad": False,
    "land": "DE",
    "since": date(2026, 1, 1),
    "paper": "d1",
    "person": "Ek",
    "today": date(2026, 1, 31),
    SCALE: Decimal(1),
}


def run(text: str, **otherwise: Any) -> Any:
    with localcontext(EXACT):
        return compile_expression(text, NAMES).run({**KNOWN, **otherwise})


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("owed < cap", True),
        ("owed >= 100.10", True),
        ("owed > 100.10", False),
        ("100 < owed < 101", True),
        ("100 < owed < 100.05", False),
        ("share + 0.2 == 0.3", True),
        ("owed * 3 == 300.30", True),
        ("owed / cap < 1", True),
        ("late * 2 == 20", True),
        ("late / late == 1", True),
        ("orders + share == 4.1", True),
        ("orders - 5 < 0", True),
        ("-1 < orders", True),
        ("today - since == 30", True),
        ("since + 30 == today", True),
        ("since + late < today - 19", True),
        ("since >= '2026-01-01'", True),
        ("'2026-01-02' <= since", False),
        ("land == 'DE'", True),
        ("land in ['FRA', 'DE']", True),
        ("land not in ['FRA']", True),
        ("least(owed, cap, 50) == 50", True),
        ("greatest(since, today) == today", True),
        ("either(owed, 5) == 100.10", True),
        ("good and not bad", True),
        ("good == true", True),
        ("bad or land == 'FRA'", False),
        ("known(owed) and known(paper) and known(person)", True),
        ("1_000 > owed", True),
    ],
)
def test_what_is_known_is_compared(text: str, is_so: bool):
    assert run(text) is is_so


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("owed > 5", None),
        ("owed * 2 - cap > 5", None),
        ("not owed > 5", None),
        ("owed > 5 and good", None),
        ("owed > 5 and bad", False),
        ("bad and owed > 5", False),
        ("owed > 5 or good", True),
        ("owed > 5 or bad", None),
        ("0 < owed < 5", None),
        ("least(owed, cap) > 5", None),
        ("either(owed, cap) == cap", True),
        ("either(owed, owed) == cap", None),
        ("known(owed)", False),
        ("cap / (orders - 4) > 5", None),
        ("need(owed, share, late) > 5", None),
    ],
)
def test_what_is_not_known_is_neither_so_nor_not(text: str, says: bool | None):
    assert run(text, owed=None) is says


def test_numbers_have_thirty_four_digits():
    assert run("1 / 3") == Decimal("0." + "3" * 34)


def test_an_amount_of_the_policy_is_as_many_units_of_the_applications_currency_as_it_says():
    assert run("owed > 10", owed=Decimal("110.01"), **{SCALE: Decimal(11)}) is True
    assert run("owed > 10", owed=Decimal("110.00"), **{SCALE: Decimal(11)}) is False
    assert run("owed * 2 > 10 + cap", **{SCALE: None}) is None


@pytest.mark.parametrize(
    "text",
    [
        "owed > late", "owed + late", "owed * cap", "owed > share", "late * late", "share / owed", "owed / late",
        "good > bad", "land < 'DE'", "land == 5", "owed == 'x'", "since > 5", "since + since", "since * 2", "good + 1",
        "good and owed", "not owed", "land", "paper == 'd1'", "least(owed, late)", "least(good, bad)", "either(owed, land)",
        "need(late, orders, late)", "since > 'yesterday'", "since > '1900-01-01'", "land in ['DE', 5]", "owed in ['DE']",
    ],
)  # fmt: skip
def test_what_does_not_compare_is_refused_when_it_is_read(text: str):
    with pytest.raises(Wrong) as refused:
        compile_expression(text, NAMES, Kind.FLAG)
    assert refused.value.code == "types_differ"


def test_a_text_that_a_fact_never_is_is_refused():
    with pytest.raises(Wrong) as refused:
        compile_expression("land in ['DE', 'FRX']", NAMES)
    assert (refused.value.code, refused.value.message) == ("choice_unknown", "land is never 'FRX'; did you mean FRA?")


def test_of_a_person_nothing_but_whether_it_is_known_is_asked():
    with pytest.raises(Wrong) as refused:
        compile_expression("person == 'Ek'", NAMES)
    assert refused.value.code == "personal_decides"


def test_what_is_larger_than_any_number_is_not_known():
    assert run("cap / share > 1", share=Decimal("1E-12")) is None
    assert run("cap * share * share * share > 1", share=Decimal(10**9)) is None
    assert run("1 / share > 1", share=Decimal("1E-9990")) is None
    assert run("since + late > today", late=Decimal(10**9)) is None


@pytest.mark.parametrize(
    ("text", "steady"), [("owed > 5", True), ("known(owed)", False), ("either(owed, 1) > 5", False)]
)
def test_a_formula_knows_whether_knowing_less_could_turn_it(text: str, steady: bool):
    assert compile_expression(text, NAMES).unsteady is not steady


def test_the_nearest_word_is_asked_for():
    assert did_you_mean("shre", NAMES) == "; did you mean share?"
    assert did_you_mean("zzz", NAMES) == ""


@pytest.mark.parametrize(
    ("mean", "p95"),
    [("0", 0), ("0.05", 0), ("0.06", 1), ("0.5", 2), ("1", 3), ("2", 5), ("4", 8), ("10", 15), ("100", 117), ("1000", 1052)],
)  # fmt: skip
def test_so_many_orders_are_open_at_most_on_95_of_100_days(mean: str, p95: int):
    assert poisson_p95(Decimal(mean)) == p95


def test_the_need_is_a_typical_order_and_those_that_are_open_beside_it():
    assert need(Decimal(2000), Decimal(2), Decimal(30)) == 2000 * (1 + 5)
    assert need(Decimal(2000), Decimal(2), Decimal(0)) == 2000


def test_a_pace_at_which_nobody_orders_has_no_need():
    assert need(Decimal(1), Decimal(OPEN_MAX + 1), Decimal(30)) is None
    assert need(Decimal(1), Decimal(-1), Decimal(30)) is None

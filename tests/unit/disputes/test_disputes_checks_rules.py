"""What evidence says of a case: what is not known proves nothing, and nothing is proven twice."""

import ast
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.disputes.domain import checks
from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.checks import Ground, Known, Ordered, OrderedLine, Outcome, Terms, Twin, Verdict
from services.disputes.domain.invoices import Line, Part
from services.disputes.domain.reasons import REASONS
from services.kernel import checked
from services.kernel.refusals import Invalid
from tests.unit.disputes.builders import LINES, a_case, an_invoice, eur

TERMS = Terms(
    due_on=date(2026, 3, 29),
    delivered_on=date(2026, 2, 26),
    shipment_id="p1",
    ordered_as={"1": "1", "2": "2", "3": "3"},
    countries=frozenset({"DE"}),
    seller_country="DE",
)
ORDER = Ordered(
    {key: OrderedLine(line.quantity, line.unit_price, "STANDARD", line.vat_rate) for key, line in LINES.items()}
)
ALL = {key: line.quantity for key, line in LINES.items()}


def known(**said: Any) -> Known:
    return replace(Known(terms=TERMS, order=ORDER, invoiced=ALL), **said)


def look(
    reason: str, evidence: Known, *parts: tuple[str, str], amount: str = "23.80", lines: Any = LINES, **invoice: Any
) -> checks.Check:
    lined = tuple(Part(line_id, Decimal(quantity)) for line_id, quantity in parts)
    case = a_case(reason_code=reason, lines=lined, amount=eur(amount))
    found = checks.check(Ground(case, an_invoice(**invoice), lines, evidence))
    assert found is not None
    return found


def test_every_reason_is_either_checked_or_a_persons():
    assert REASONS.keys() > checks.CHECKED
    for reason in REASONS.keys() - checks.CHECKED:
        assert checks.check(Ground(a_case(reason_code=reason), an_invoice(), LINES, known())) is None


@pytest.mark.parametrize("reason", sorted(checks.CHECKED))
def test_where_nothing_is_known_a_person_decides(reason: str):
    lines = (Part("1", Decimal(2)),)
    for case in (a_case(reason_code=reason, lines=lines), a_case(reason_code=reason)):
        found = checks.check(Ground(case, an_invoice(disputed=eur("1")), LINES, Known()))
        assert found is not None
        assert (found.verdict, found.proven) == (Verdict.UNKNOWN, eur("0"))
        assert checks.outcome(found, case, AutoCredit(), 0) is Outcome.PERSON


def test_that_goods_left_does_not_say_that_they_arrived():
    assert look("QTY_SHORT", known(shipped=ALL), ("1", "2")).verdict is Verdict.UNKNOWN
    assert look("DLV_NONE", known(shipped=ALL), ("1", "10")).verdict is Verdict.UNKNOWN
    less = look("QTY_SHORT", known(shipped={"1": Decimal(8)}), ("1", "2"))
    assert (less.verdict, less.proven, less.facts[0].code) == (Verdict.PROVEN, eur("23.80"), "shipped_less")


def test_what_others_contest_or_had_credited_is_not_proven_again():
    evidence = known(received=ALL | {"1": Decimal(8)})
    claimed: dict[str, Line] = {**LINES, "1": replace(LINES["1"], claimed=Decimal(1))}

    assert look("QTY_SHORT", evidence, ("1", "2"), lines=claimed).verdict is Verdict.PARTLY_PROVEN
    assert look("QTY_SHORT", evidence, ("1", "2"), credited=eur("23.80")).verdict is Verdict.UNKNOWN
    assert look("QTY_SHORT", evidence, disputed=eur("23.80")).verdict is Verdict.UNKNOWN
    assert look("QTY_SHORT", evidence).verdict is Verdict.PROVEN
    assert look("QTY_SHORT", evidence, amount="23.81").verdict is Verdict.PARTLY_PROVEN


def test_a_line_that_is_proven_beside_one_that_is_not_is_proven_in_part():
    found = look("QTY_SHORT", known(received=ALL | {"1": Decimal(8)}), ("1", "2"), ("2", "1"), amount="83.30")

    assert (found.verdict, found.proven, found.lines) == (Verdict.PARTLY_PROVEN, eur("23.80"), (("1", eur("23.80")),))
    assert [fact.code for fact in found.facts] == ["received_less", "received_all"]


def test_what_an_order_of_several_versions_says_against_an_invoice_proves_nothing():
    cheaper = {**ORDER.lines, "1": replace(ORDER.lines["1"], unit_price=Decimal(8), quantity=Decimal(5))}
    for reason in ("PRC_UNIT", "QTY_OVER"):
        assert look(reason, known(order=Ordered(cheaper)), ("1", "2")).verdict is Verdict.PROVEN
        assert look(reason, known(order=Ordered(cheaper, is_replaced=True)), ("1", "2")).verdict is Verdict.UNKNOWN


def test_a_lower_price_by_lines_is_proven_by_its_difference_alone():
    cheaper = Ordered({**ORDER.lines, "1": replace(ORDER.lines["1"], unit_price=Decimal("9.50"))})

    found = look("PRC_UNIT", known(order=cheaper), ("1", "2"))

    assert (found.verdict, found.proven) == (Verdict.PROVEN, eur("1.19"))


def test_goods_that_cross_a_border_are_taxed_by_where_they_go_which_a_person_looks_at():
    abroad = replace(TERMS, countries=frozenset({"DE", "FR"}))

    assert look("TAX_RATE", known(), ("1", "2")).verdict is Verdict.DISPROVEN
    assert look("TAX_RATE", known(terms=abroad), ("1", "2")).verdict is Verdict.UNKNOWN


def test_an_invoice_that_another_case_touches_is_no_duplicate_that_stands():
    twin = Twin("N-2", date(2026, 2, 27), stands=False)
    both = {key: quantity * 2 for key, quantity in ALL.items()}

    assert look("INV_DUP", known(twins=(twin,), invoiced=both)).verdict is Verdict.UNKNOWN
    standing = known(twins=(replace(twin, stands=True),), invoiced=both)
    assert look("INV_DUP", standing).verdict is Verdict.PROVEN
    assert look("INV_DUP", standing, credited=eur("1")).verdict is Verdict.UNKNOWN


def test_days_that_changed_on_the_day_of_issue_are_for_a_person():
    assert look("TRM_DUE", known(net_days=frozenset({30, 45}))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("caps", "credited", "reason", "expected"),
    [
        (AutoCredit(), 0, "QTY_SHORT", Outcome.CREDITED),
        (AutoCredit(), 2, "QTY_SHORT", Outcome.CREDITED),
        (AutoCredit(), 3, "QTY_SHORT", Outcome.PERSON),
        (AutoCredit(most=(("EUR", 2379),)), 0, "QTY_SHORT", Outcome.PERSON),
        (AutoCredit(most=(("SEK", 50_000),)), 0, "QTY_SHORT", Outcome.PERSON),
        (AutoCredit(most=()), 0, "QTY_SHORT", Outcome.PERSON),
        (AutoCredit(per_month=0), 0, "QTY_SHORT", Outcome.PERSON),
        (AutoCredit(), 0, "TAX_RATE", Outcome.PERSON),
        (AutoCredit(), 0, "PAY_DONE", Outcome.PERSON),
    ],
)
def test_what_is_proven_is_credited_within_the_caps(caps: AutoCredit, credited: int, reason: str, expected: Outcome):
    proven = checks.Check(Verdict.PROVEN, eur("23.80"))

    assert checks.outcome(proven, a_case(reason_code=reason), caps, credited) is expected


@pytest.mark.parametrize(
    "caps",
    [
        AutoCredit(per_month=-1),
        AutoCredit((("EUR", -1),)),
        AutoCredit((("EUR", 1), ("EUR", 2))),
        AutoCredit((("XXX", 1),)),
    ],
)
def test_caps_that_are_none_are_refused(caps: AutoCredit):
    with pytest.raises(Invalid):
        caps.check()


def test_every_fact_has_words_and_the_figures_that_they_need():
    tree = ast.parse(Path(checks.__file__).read_text(encoding="utf-8"))
    told = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in checked.CODES
    }

    assert told == checked.CODES

"""A policy tried on the past: what is counted, what is said of it, and what a history must not know."""

import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice, product
from math import log
from typing import Any

import pytest

from services.credit.domain.lab import (
    Case,
    LineRefused,
    Tally,
    check_case,
    check_days,
    figures,
    read_history,
    report,
    try_on,
)
from services.kernel.refusals import Invalid
from tests.unit.credit.histories import CHAMPION, DAYS, SPLIT, START, a_trial, as_table, swapping


def _report(cases: Iterable[Case], **changes: str) -> dict[str, Any]:
    trial = a_trial(**changes)
    return report(trial, DAYS, try_on(trial, cases))


def _codes(made: dict[str, Any]) -> list[str]:
    return [verdict["code"] for verdict in made["verdicts"]]


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # Computed by hand from (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    [(0, 10, "0", "0.277533"), (10, 10, "0.722467", "1"), (5, 100, "0.021544", "0.111750"), (0, 0, "0", "1")],
)
def test_a_share_is_told_with_the_bounds_that_wilson_gives(part, whole, low, high):
    assert figures.wilson(part, whole) == (Decimal(low), Decimal(high))


def test_auc_is_how_often_of_all_pairs_the_bad_one_stands_after_the_good_one():
    rng = random.Random(3)
    cases = [(rng.randrange(6), rng.random() < 0.4) for _ in range(200)]
    steps = [
        (sum((v, b) == (at, False) for v, b in cases), sum((v, b) == (at, True) for v, b in cases)) for at in range(6)
    ]
    pairs = [(g, b) for (g, is_g), (b, is_b) in product(cases, cases) if not is_g and is_b]
    by_pairs = sum(1 if good < bad else 0.5 if good == bad else 0 for good, bad in pairs) / len(pairs)

    assert float(figures.auc(steps) or -1) == pytest.approx(by_pairs, abs=1e-6)
    assert figures.auc([(5, 0)]) is None


def test_psi_is_nothing_for_alike_groups_and_grows_as_they_part():
    assert figures.psi([(10, 10), (30, 30)]) == 0
    by_hand = sum((n - t) * log(n / t) for t, n in ((10.5 / 41, 30.5 / 41), (30.5 / 41, 10.5 / 41)))
    assert float(figures.psi([(10, 30), (30, 10)]) or -1) == pytest.approx(by_hand, abs=1e-6)
    assert figures.psi([(0, 3)]) is None


def test_fewer_bad_ones_by_count_lose_the_same_money_where_larger_loans_are_swapped_in():
    made = _report(swapping(4_000))
    champion, challenger = made["sides"]["champion"], made["sides"]["challenger"]

    assert champion["lends"] == challenger["lends"] == 1_500
    assert (champion["bad"], challenger["bad"]) == (250, 100)
    assert champion["lost"] == challenger["lost"] == "625000"
    assert _codes(made)[:4] == ["lends_same", "bad_less", "lost_same", "swaps_larger"]
    assert [(row["which"], row["cases"], row["bad"], row["lost"]) for row in made["swap"]] == [
        ("both", 1000, 50, "125000"),
        ("in", 500, 50, "500000"),
        ("out", 500, 200, "500000"),
        ("neither", 0, 0, "0"),
    ]


def test_only_what_was_decided_after_the_split_judges():
    made = _report(swapping(400))

    assert made["cases"]["before"]["good"] + made["cases"]["before"]["bad"] == 200
    assert made["sides"]["challenger"]["cases"] == 200
    before = [case for case in swapping(400) if case.decided_on < SPLIT]
    assert _codes(_report(before)) == ["nothing"]


def test_what_was_promised_stands_beside_what_was_seen_by_band():
    made = _report(swapping(4_000))
    low, high = made["calibration"]["challenger"]

    assert (low["pd"], low["cases"], low["bad"]) == ("0.05", 1500, 100)
    assert not low["holds"]  # 5 % were promised and 6.7 % seen
    assert (high["pd"], high["bad_rate"], high["holds"]) == ("0.4", "0.4", True)
    # Good 1400 / bad 100 in the better band, 300 / 200 in the worse: (100·0.5·1400 + 200·(1400 + 0.5·300)) / (1700·300).
    assert made["auc"]["challenger"] == "0.745098"
    assert "promises_less" in _codes(made)


def test_expected_losses_are_of_the_cases_whose_outcome_is_known():
    open_ones = (replace(case, bad=None, outcome_on=None, lost=Decimal(0)) for case in swapping(400))
    made = _report(open_ones)

    assert made["sides"]["challenger"]["expected"] == "0"
    assert made["sides"]["challenger"]["none"] == 150
    # Half of 5 % of 100 small ones and 50 large ones.
    assert _report(swapping(400))["sides"]["challenger"]["expected"] == "37500"


def test_less_is_lost_within_a_smaller_limit():
    halved = CHAMPION.replace(
        "terms: [{id: requested, amount: requested_amount", "terms: [{id: requested, amount: requested_amount / 2"
    )
    made = _report(swapping(400), challenger=halved)

    assert Decimal(made["sides"]["challenger"]["lost"]) * 2 == Decimal(made["sides"]["champion"]["lost"])
    assert "lost_less" in _codes(made)


def test_an_honest_history_has_no_leak():
    assert _report(swapping(2_000))["leaks"] == []


def _planted(key: str, of: Callable[[Case], str | None]) -> Iterator[Case]:
    for case in swapping(2_000):
        value = of(case)
        yield replace(case, facts={**case.facts, key: value}) if value is not None else case


def test_a_fact_that_was_written_after_the_outcome_is_found():
    rng = random.Random(1)
    reminders = _planted("reminders", lambda case: str(rng.randrange(3, 9) if case.bad else rng.randrange(0, 4)))
    dunned = _planted("dunned_on", lambda case: str(case.outcome_on) if case.bad else None)
    late = (replace(case, late=("size",)) if case.case_id == "c000001" else case for case in swapping(2_000))

    [one] = _report(reminders)["leaks"]
    assert (one["fact"], one["why"], one["is_read"]) == ("reminders", "tells_all", False)
    [two] = _report(dunned)["leaks"]
    assert (two["fact"], two["why"]) == ("dunned_on", "known_by_outcome")
    assert _report(late)["leaks"] == [{"fact": "size", "why": "written_after", "figure": "1", "is_read": False}]


def test_a_fact_that_only_cases_with_an_outcome_have_is_found():
    def cases() -> Iterator[Case]:
        for n, case in enumerate(swapping(2_000)):
            if n % 4:
                yield replace(case, facts={**case.facts, "closed_by": "clerk"})
            else:
                yield replace(case, bad=None, outcome_on=None, lost=Decimal(0))

    made = _report(cases())
    assert [(one["fact"], one["why"]) for one in made["leaks"]] == [("closed_by", "known_with_outcome")]
    assert _codes(made)[0] == "leaks"


def test_portions_and_pauses_change_nothing():
    trial = a_trial()
    whole = try_on(trial, swapping(500))
    by_portions = Tally()
    cases = list(swapping(500))
    portions = [cases[at : at + 77] for at in range(0, len(cases), 77)]
    for portion in reversed(portions):
        by_portions = Tally.of(by_portions.text())  # as after a kill
        by_portions.add(try_on(trial, portion))

    assert by_portions.text() == whole.text()
    assert report(trial, DAYS, by_portions) == report(trial, DAYS, whole)


def test_a_group_that_changed_is_told():
    changed = (
        replace(case, facts={**case.facts, "bureau_score": "10"}) if case.decided_on >= SPLIT else case
        for case in swapping(400)
    )

    made = _report(changed)
    assert Decimal(made["psi"][0]["psi"]) > Decimal("0.25")
    assert "moved" in _codes(made)


def test_amounts_are_counted_in_the_policys_currency():
    kronor = (
        replace(case, currency="SEK", drawn=case.drawn * 10, lost=case.lost * 10,
                facts={**case.facts, "requested_amount": f"{case.drawn * 10} SEK"})
        for case in swapping(400)
    )  # fmt: skip
    yen = (replace(case, currency="JPY", facts={**case.facts, "requested_amount": "5000 JPY"}) for case in swapping(40))

    assert _report(kronor)["sides"]["challenger"]["lost"] == _report(swapping(400))["sides"]["challenger"]["lost"]
    assert _report(yen)["foreign"] == 20


def test_a_history_is_read_line_by_line():
    table = as_table(swapping(20))
    assert list(read_history(table.splitlines())) == [replace(case, late=()) for case in swapping(20)]
    lines = [
        "case_id,decided_on,currency,drawn,outcome_on,bad,lost,size,size@",
        "a,2024-01-01,EUR,100,2024-06-01,true,50,small,2024-02-01",
        "a,2024-01-01,EUR,100,,,,,",
        "b,2024-01-01,EUR,100,,true,,,",
        "c,2024-01-01,EUR,100,2024-06-01,true,101,,",
        "d,2024-13-01,EUR,100,,,,,",
        "e,2024-01-01,XXX,100,,,,,",
        "f,2024-01-01",
        "g,2024-01-01,EUR,100,2024-06-01,perhaps,,,",
        "h,2024-01-01,EUR,,,,,,",
        f"{'i' * 65},2024-01-01,EUR,,,,,,",
        f"j,2024-01-01,EUR,,,,,{'x' * 201},",
        f"k,2024-01-01,EUR,,,,,{'x' * 200_000},",
        "l,2024-01-01,EUR,,,,,,",
    ]
    read = list(read_history(lines))

    assert [(one.line, one.code) for one in read if isinstance(one, LineRefused)] == [
        (3, "history.twice"),
        (4, "history.outcome"),
        (5, "history.amount"),
        (6, "date.malformed"),
        (7, "money.unknown_currency"),
        (8, "history.line"),
        (9, "history.outcome"),
        (11, "history.line"),
        (12, "history.facts"),
        (13, "history.line"),
    ]
    assert [one.late for one in read if isinstance(one, Case)] == [("size",), (), ()]
    with pytest.raises(Invalid, match="a column is called"):
        list(read_history([lines[0] + ",Größe"]))
    with pytest.raises(Invalid, match="decided_on"):
        list(read_history(["case_id,currency,drawn"]))
    with pytest.raises(Invalid, match="is no CSV"):
        list(read_history(["x" * 200_000]))


def test_a_case_that_cannot_be_is_refused():
    [case] = swapping(1)
    for changed in (
        replace(case, drawn=Decimal(-1)),
        replace(case, drawn=Decimal("0.001")),
        replace(case, outcome_on=START - timedelta(days=1)),
        replace(case, bad=False, lost=Decimal(1)),
        replace(case, facts={f"f{n}": "1" for n in range(101)}),
    ):
        with pytest.raises(Invalid):
            check_case(changed)


def test_days_out_of_order_are_refused():
    with pytest.raises(Invalid) as refused:
        check_days(date(2024, 1, 1), date(2024, 1, 1), date(2024, 2, 1))
    assert refused.value.code == "trial.days"


@pytest.mark.prove
def test_a_hundred_thousand_cases_take_as_much_memory_as_a_thousand():
    trial, tally, most = a_trial(), Tally(), 0
    tracemalloc.start()
    cases = swapping(100_000)
    while portion := list(islice(cases, 500)):
        tally.add(try_on(trial, portion))
        most = max(most, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()

    assert (
        sum(tally.count("cases", period, fate) for period in ("before", "after") for fate in ("good", "bad")) == 100_000
    )
    assert len(tally.text()) < 100_000
    assert most < 32 * 2**20

"""What is told of a run: no figure of one that fell behind, lost a number or has too few orders to say anything."""

from typing import Any

import pytest

from tests.benchmark import end_to_end
from tests.benchmark.end_to_end import Run
from tests.benchmark.generator import Ran, Standing
from tests.benchmark.stand import FellOverError, Stand

RATE = 100


def a_standing(at: float, *, placed: int, complete: int, phase: str = "measured") -> Standing:
    return Standing(at, phase, placed, placed, placed, placed, placed, complete, 2 * complete)


def a_run(standings: list[Standing]) -> Run:
    return Run(per_s=RATE, cpu_ms={"credit": 1.5, "load generator": 9}, rest_mib={}, memory_mib={}, standings=standings)


def a_stand(**what: Any) -> Stand:
    nothing: Any = None
    parts = dict.fromkeys(("servers", "stack", "services", "sink", "generator", "ends", "folder", "say"), nothing)
    return Stand(**parts | {"invoiced_minor": {}} | what)


def test_a_load_that_is_kept_up_with_is_sustained():
    steady = [a_standing(at, placed=RATE * at, complete=RATE * (at - 1)) for at in range(60)]

    end_to_end._refuse_to_fall_behind(a_run(steady), RATE)


def test_a_lag_that_grows_over_the_second_half_is_no_sustained_load():
    growing = [a_standing(at, placed=RATE * at, complete=RATE * at * 3 // 4) for at in range(60)]

    with pytest.raises(FellOverError, match="does not keep up"):
        end_to_end._refuse_to_fall_behind(a_run(growing), RATE)


def test_a_load_that_was_not_placed_is_not_sustained_either():
    slow = [a_standing(at, placed=RATE * at // 2, complete=RATE * at // 2) for at in range(60)]

    with pytest.raises(FellOverError, match="the load itself placed 50"):
        end_to_end._refuse_to_fall_behind(a_run(slow), RATE)


def test_what_only_measures_is_no_part_of_what_an_order_costs():
    assert a_run([]).ours_ms == 1.5


def test_a_number_that_is_missing_or_twice_is_told():
    assert list(a_stand(numbers={1, 2, 3}, orders=3)._wrong_numbers()) == []
    assert list(a_stand(numbers={1, 2, 4}, orders=3)._wrong_numbers()) == ["the invoice numbers have a gap"]
    assert list(a_stand(numbers={1, 2}, orders=3)._wrong_numbers()) == ["2 invoice numbers for 3 orders"]


def test_what_is_measured_lies_between_the_first_standings_of_two_phases():
    standings = [
        a_standing(at, placed=at, complete=at, phase=phase)
        for at, phase in ((0, "warm"), (5, "measured"), (6, "measured"), (9, "draining"), (10, "draining"))
    ]

    before, after = Ran(standings=standings).between("measured", "draining")

    assert (before.at, after.at) == (5, 9)

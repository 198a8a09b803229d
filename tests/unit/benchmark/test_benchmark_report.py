"""The report says medians and spreads, keeps what was not measured anew, and never what cannot be."""

from tests.benchmark import report
from tests.benchmark.effort import Effort
from tests.benchmark.report import Section


def test_three_runs_are_told_by_their_median_and_what_they_lie_between():
    assert report.spread([3200.4, 1000, 2000], 0) == "2,000 (1,000 to 3,200)"


def test_one_run_has_no_spread_and_none_has_no_figure():
    assert report.spread([2.25], 1) == "2.2"
    assert report.spread([]) == "too few"


def test_a_99th_percentile_of_few_values_is_not_told():
    assert report.percentiles_ms([0.001] * (report.P99_OF - 1)) is None
    assert report.percentiles_ms([0.001] * 980 + [0.5] * 20) == (1, 500)


def test_a_table_is_one_in_markdown():
    assert report.table(["what", "n"], [["a", "1"]]) == "| what | n |\n| --- | ---: |\n| a | 1 |"


def test_a_section_that_is_measured_again_is_replaced_and_the_others_stay(tmp_path):
    file = tmp_path / "README.md"
    report.write([Section("latency", "Delays", "old"), Section("end_to_end", "Whole", "kept")], file)

    report.write([Section("latency", "Delays", "new")], file)

    text = file.read_text()
    assert "new" in text and "old" not in text
    assert text.index("kept") < text.index("new")  # in the report's order
    assert text.count("# How fast it is") == 1


def test_a_quick_run_says_that_its_figures_mean_nothing():
    quick, whole = (report.conditions(Effort(print, quick=quick)) for quick in (True, False))

    assert quick.startswith("A quick run, whose figures mean nothing: ")
    assert not whole.startswith("A quick run")

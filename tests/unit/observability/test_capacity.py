"""The figures of k8s/SCALING.md are those of its arithmetic, and the arithmetic stands on the table of events."""

from deploy.local.artifacts import ROOT
from deploy.observe.capacity import LOADS, RECORDS_PER_ORDER, need, table

PAGE = (ROOT / "k8s" / "SCALING.md").read_text(encoding="utf-8")


def test_the_page_holds_the_tables_as_they_are_computed():
    assert "\n".join(table([10, 100, 1_000, 10_000])) in PAGE


def test_ten_times_the_orders_need_nearly_ten_times_the_workers():
    few, many = need(1_000), need(10_000)

    for name, workers in many.workers.items():
        assert 8 * few.workers[name] <= workers + 10 <= 12 * few.workers[name] + 10


def test_no_worker_is_without_a_partition():
    for rate in (1, 50, 999, 10_000, 123_456):
        assert need(rate).partitions >= max(need(rate).workers.values())


def test_the_figures_in_the_text_are_the_computed_ones():
    assert RECORDS_PER_ORDER == 12
    assert sum(need(10_000).workers.values()) == 219
    lighter = need(10_000, official_share=0.05)
    assert lighter.workers["invoicing"] == 40
    assert lighter.partitions == 48
    assert {load.name for load in LOADS} == {"credit", "invoicing", "ledger", "disputes", "notifications"}

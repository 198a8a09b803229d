"""Sections that are measured by modules that are useful by themselves: documents on one core, and volume."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from tests.benchmark import report
from tests.benchmark.effort import Effort
from tests.benchmark.report import Section
from tests.benchmark.stand import ground, quiet_logs


def documents(effort: Effort) -> Section:
    """What one document costs a core, beside others: medians within one process, so once."""
    module: Any = import_module("tests.benchmark.documents")
    effort.say("Documents, one core")
    figures = module.measure((2,), others=False) if effort.quick else module.measure()
    parts = [f"{report.conditions(effort)}. CPU in ms a document.", _documents(figures)]
    if not effort.quick:
        peaks = [[peak.format, f"{peak.lines:,}", f"{peak.mb:,.0f}"] for peak in module.peaks()]
        parts += [
            "Memory of a process that makes, writes and reads one document.",
            report.table(["format", "lines", "MB at most"], peaks),
        ]
    return Section("documents", "Documents, one core", "\n\n".join(parts))


def _documents(figures: Sequence[Any]) -> str:
    """A row for each work, a column for each size."""
    sizes = sorted({figure.lines for figure in figures})
    known = {(figure.work, figure.lines): f"{figure.ms:,.3f}" for figure in figures}
    works = dict.fromkeys(figure.work for figure in figures)
    rows = [[work, *(known.get((work, lines), "") for lines in sizes)] for work in works]
    return report.table(["ms", *(f"{lines:,} lines" for lines in sizes)], rows)


def volume(effort: Effort) -> Section:
    """What an order, an invoice and a payment cost beside a thousand, a hundred thousand and a million open items."""
    module: Any = import_module("tests.benchmark.volume")
    quiet_logs()
    with ground(effort.say) as servers:
        effort.say("An order's cost beside many open items of one account")
        found = module.measure(servers.servers, module.SIZES[: 1 if effort.quick else None])
    return Section(
        "volume", "An order's cost beside many open items of one account", f"{report.conditions(effort)}.\n\n{found}"
    )

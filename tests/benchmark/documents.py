"""What one document costs a core to add up, judge, write, read and lay out, beside others in the same run.

The others: saxonche with the official sheets, factur-x's own XSD check and embedding, and Mustang's validator. Figures
are CPU, so that a busy machine alters them little; each is the median of several, after what is done for the first time.
"""

import logging
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import facturx as rival
from rich.console import Console
from rich.table import Table

from deploy.local.rules import install
from services.documents import PROFILES, Schema, check, claim, read, totals, write
from services.documents.model import Invoice, Item
from services.documents.rules.official import Bench
from tests.judges import judges
from tests.unit.documents.examples import a_line, an_invoice

SIZES = (2, 100, 10_000)
WARM_SECONDS = 0.5  # of CPU that are not measured: sheets and schemas are compiled then, caches filled
SECONDS = 1.0  # of CPU that each figure is measured for
TIMES_MIN = 3  # however long it takes
MUSTANG_SIZES = (2, 100)
MUSTANG_WARM, MUSTANG_TIMES = 30, 30  # its machine compiles while it runs
FORMATS = ("ubl", "cii", "json", "facturx")


@dataclass(frozen=True, slots=True)
class Figure:
    """What one kind of work costs for a document of so many lines, in milliseconds of CPU."""

    work: str
    lines: int
    ms: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that a process of its own holds to make, write and read one document."""

    format: str
    lines: int
    mb: float


def measure(sizes: Sequence[int] = SIZES, *, others: bool = True) -> list[Figure]:
    """All figures, size by size; without `others` only the package's own and the official sheets."""
    logging.getLogger("factur-x").setLevel(logging.ERROR)
    rules = install()
    schema, bench = Schema(rules), Bench(rules)
    figures: list[Figure] = []
    for lines in sizes:
        figures += ours(lines, schema, bench)
        figures += rivals(lines) if others else ()
    figures += [mustang(lines) for lines in MUSTANG_SIZES if others and lines in sizes]
    assert all(figure.ms > 0 for figure in figures), "work that costs nothing was not measured"
    return figures


def document(lines: int) -> Invoice:
    """An ordinary invoice of so many lines at two rates."""
    return an_invoice(
        *(
            a_line(
                str(at), quantity=f"{at % 7 + 1}", price="12.34", rate=("19", "7")[at % 2], item=Item(name=f"Item {at}")
            )
            for at in range(1, lines + 1)
        )
    )


def cost(work: Callable[[], object]) -> float:
    """The milliseconds of CPU that it takes: the median of many times, none of them the first."""
    _taken(work, WARM_SECONDS)
    return statistics.median(_taken(work, SECONDS)) * 1000


def _taken(work: Callable[[], object], within: float) -> list[float]:
    taken: list[float] = []
    while len(taken) < TIMES_MIN or sum(taken) < within:
        started = time.process_time_ns()
        work()
        taken.append((time.process_time_ns() - started) / 1e9)
    return taken


def ours(lines: int, schema: Schema, bench: Bench) -> Iterator[Figure]:
    """The package's own work, and the official sheets by saxonche in this process."""
    made = document(lines)
    ubl, cii, json = write(made), write(made, "cii"), write(made, "json")
    core, peppol = PROFILES["en16931"].rule_sets, PROFILES["peppol"].rule_sets
    claimed = write(claim(made, "peppol"))
    for work, do in {
        "calculate": lambda: totals(made.lines, currency="EUR"),
        "check by our rules": lambda: check(made),
        "write UBL": lambda: write(made),
        "write CII": lambda: write(made, "cii"),
        "write JSON": lambda: write(made, "json"),
        "read UBL": lambda: read(ubl),
        "read CII": lambda: read(cii, "cii"),
        "read JSON": lambda: read(json, "json"),
        "XSD of UBL": lambda: schema.check(ubl),
        "XSD of CII": lambda: schema.check(cii),
        "saxonche: EN 16931 UBL": lambda: bench.judge(ubl, core["ubl"]),
        "saxonche: EN 16931 CII": lambda: bench.judge(cii, core["cii"]),
        "saxonche: Factur-X": lambda: bench.judge(cii, core["facturx"]),
        "saxonche: EN 16931 and Peppol": lambda: bench.judge(claimed, peppol["ubl"]),
        "write PDF": lambda: write(made, "facturx"),
    }.items():
        yield Figure(work, lines, cost(do))


def rivals(lines: int) -> Iterator[Figure]:
    """factur-x checks the XSD, and embeds XML into a PDF that another has laid out."""
    made = document(lines)
    xml, pdf = write(made, "cii"), write(made, "facturx")
    yield Figure("factur-x: XSD of CII", lines, cost(lambda: rival.xml_check_xsd(xml, flavor="factur-x")))
    yield Figure(
        "factur-x: embed in a PDF",
        lines,
        cost(lambda: rival.generate_from_binary(pdf, xml, check_xsd=False, check_schematron=False)),
    )


def mustang(lines: int) -> Figure:
    """Mustang's verdict on CII by its own clock, once its machine is warm."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "invoice.xml"
        file.write_bytes(write(document(lines), "cii"))
        taken = judges.mustang_seconds([file] * (MUSTANG_WARM + MUSTANG_TIMES))
    assert len(taken) == MUSTANG_WARM + MUSTANG_TIMES
    return Figure("Mustang: validate CII (by the clock)", lines, statistics.median(taken[MUSTANG_WARM:]) * 1000)


def peaks(lines: int = SIZES[-1]) -> list[Peak]:
    """The memory that one document takes, in each format."""
    return [Peak(format_, lines, peak_mb(lines, format_)) for format_ in FORMATS]


def _peak(pipe: Connection, lines: int, format_: str) -> None:
    made = document(lines)
    read(write(made, format_), format_)
    status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's peak, if that was higher
    pipe.send(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def peak_mb(lines: int, format_: str) -> float:
    """The most memory that a process of its own holds to make, write and read one document."""
    ours_, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_peak, args=(theirs, lines, format_))
    process.start()
    held: float = ours_.recv()
    process.join()
    return held


def shown(figures: Sequence[Figure]) -> Table:
    """The figures as a table: a row for each work, a column for each size."""
    sizes = sorted({figure.lines for figure in figures})
    table = Table("ms of CPU a document", *(f"{lines:,} lines" for lines in sizes))
    for work in dict.fromkeys(figure.work for figure in figures):
        row = {figure.lines: f"{figure.ms:,.3f}" for figure in figures if figure.work == work}
        table.add_row(work, *(row.get(lines, "") for lines in sizes))
    return table


def main() -> None:
    """Measure all and print."""
    console = Console(file=sys.stdout, width=100)
    console.print(shown(measure()))
    for peak in peaks():
        console.print(f"{peak.lines:,} lines made, written and read as {peak.format}: {peak.mb:,.0f} MB")


if __name__ == "__main__":
    main()

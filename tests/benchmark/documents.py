"""How many documents a second one core reads, adds up, writes, judges and lays out, beside others in the same run.

The others: saxonche with the official sheets, factur-x's own XSD check and embedding, and Mustang's validator.
"""

import logging
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import facturx as rival
from rich.console import Console
from rich.table import Table

from deploy.local.rules import install
from services.invoicing.documents import PROFILES, Schema, check, read, totals, write
from services.invoicing.documents.model import Invoice, Item
from services.invoicing.documents.rules.official import Bench
from tests.judges import judges
from tests.unit.invoicing.documents.examples import a_line, an_invoice

SIZES = (2, 100, 10_000)
SECONDS = 1.0  # that each figure is measured for, at least once
MUSTANG_SIZES = (2, 100)
MUSTANG_TIMES = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """Documents a second of one kind of work, for a document of so many lines."""

    work: str
    lines: int
    a_second: float


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


def a_second(work: Callable[[], object]) -> float:
    """How often a second it is done; what is quick is done once before, so that nothing is made for the first time."""
    started = time.perf_counter()
    work()
    done = 1
    if time.perf_counter() - started < SECONDS:
        done, started = 0, time.perf_counter()
    while not done or time.perf_counter() - started < SECONDS:
        work()
        done += 1
    return done / (time.perf_counter() - started)


def ours(lines: int, schema: Schema, bench: Bench) -> Iterator[Figure]:
    """The package's own work, and the official sheets by saxonche in this process."""
    made = document(lines)
    ubl, cii = write(made), write(made, "cii")
    core = PROFILES["en16931"].rule_sets
    for work, do in {
        "calculate": lambda: totals(made.lines, currency="EUR"),
        "check by our rules": lambda: check(made),
        "write UBL": lambda: write(made),
        "write CII": lambda: write(made, "cii"),
        "write JSON": lambda: write(made, "json"),
        "read UBL": lambda: read(ubl),
        "read CII": lambda: read(cii, "cii"),
        "convert UBL to CII": lambda: write(read(ubl), "cii"),
        "XSD of UBL": lambda: schema.check(ubl),
        "saxonche: EN 16931 UBL": lambda: bench.judge(ubl, core["ubl"]),
        "saxonche: EN 16931 CII": lambda: bench.judge(cii, core["cii"]),
        "saxonche: Factur-X": lambda: bench.judge(cii, core["facturx"]),
        "write PDF": lambda: write(made, "facturx"),
    }.items():
        yield Figure(work, lines, a_second(do))


def rivals(lines: int) -> Iterator[Figure]:
    """factur-x checks the XSD, and embeds XML into a PDF that another has laid out."""
    made = document(lines)
    xml, pdf = write(made, "cii"), write(made, "facturx")
    yield Figure("factur-x: XSD of CII", lines, a_second(lambda: rival.xml_check_xsd(xml, flavor="factur-x")))
    yield Figure(
        "factur-x: embed in a PDF",
        lines,
        a_second(lambda: rival.generate_from_binary(pdf, xml, check_xsd=False, check_schematron=False)),
    )


def mustang(lines: int) -> Figure:
    """Mustang's verdict on CII, without the start of its process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "invoice.xml"
        file.write_bytes(write(document(lines), "cii"))
        seconds = []
        for times in (1, MUSTANG_TIMES + 1):
            started = time.perf_counter()
            judges.mustang([file] * times)
            seconds.append(time.perf_counter() - started)
    return Figure("Mustang: validate CII", lines, MUSTANG_TIMES / (seconds[1] - seconds[0]))


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


def shown(figures: list[Figure]) -> Table:
    """The figures as a table: a row for each work, a column for each size."""
    table = Table("documents a second, one core", *(f"{lines:,} lines" for lines in SIZES))
    for work in dict.fromkeys(figure.work for figure in figures):
        row = {figure.lines: f"{figure.a_second:,.2f}" for figure in figures if figure.work == work}
        table.add_row(work, *(row.get(lines, "") for lines in SIZES))
    return table


def main() -> None:
    """Measure all and print."""
    logging.getLogger("factur-x").setLevel(logging.ERROR)
    rules = install()
    schema, bench = Schema(rules), Bench(rules)
    figures: list[Figure] = []
    for lines in SIZES:
        figures += [*ours(lines, schema, bench), *rivals(lines)]
    figures += [mustang(lines) for lines in MUSTANG_SIZES]
    console = Console(file=sys.stdout, width=100)
    console.print(shown(figures))
    for format_ in ("ubl", "cii", "json", "facturx"):
        console.print(f"{SIZES[-1]:,} lines made, written and read as {format_}: {peak_mb(SIZES[-1], format_):,.0f} MB")


if __name__ == "__main__":
    main()

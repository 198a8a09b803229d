"""What was measured, as the README beside this says it: each section with its date, machine and versions."""

import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

import psutil

from deploy.local.artifacts import ROOT
from tests.benchmark.effort import Effort

FILE = Path(__file__).with_name("README.md")
MEASURED_WITH = ("faust-streaming", "aiokafka", "psycopg", "grpcio", "protobuf", "saxonche", "lxml", "typst")
P99_OF = 500  # values at least, or there is no 99th percentile
BROKER_VERSION, DATABASE_VERSION = "Apache Kafka 4.3.1", "PostgreSQL 18"


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report."""

    name: str
    title: str
    text: str
    # Something did not hold, and the text says what.
    fell_over: bool = False


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; every column but the first is of figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median of several runs, and between what they lie; one run says so by having no spread."""
    if not values:
        return "too few"
    middle = f"{median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def percentiles_ms(seconds: Sequence[float]) -> tuple[float, float] | None:
    """The median and the 99th percentile in milliseconds; nothing if there are too few for it."""
    if len(seconds) < P99_OF:
        return None
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def conditions(effort: Effort) -> str:
    """When, on what, and how often it was measured."""
    cores, gib = psutil.cpu_count() or 1, psutil.virtual_memory().total / 2**30
    now = datetime.now(UTC)
    return (
        f"{'A quick run, whose figures mean nothing: ' * effort.quick}{now:%Y-%m-%d %H:%M} UTC, commit {commit()},"
        f" {effort.runs} run{'s' * (effort.runs != 1)}, {cores} cores ({platform.machine()}, {_processor()}),"
        f" {gib:.0f} GiB, Python {platform.python_version()}"
    )


def commit() -> str:
    """What was measured; a plus says that files were changed since."""
    short = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{FILE.relative_to(ROOT)}")
    return f"{short}{'+' * bool(changed)}" if short else "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else "unknown processor"


def versions() -> str:
    """The libraries that count."""
    return ", ".join(f"{name} {version(name)}" for name in MEASURED_WITH)


def write(sections: Sequence[Section], file: Path = FILE) -> None:
    """Renew these sections of the report, and leave the others as they are."""
    found = dict(_sections(file.read_text(encoding="utf-8"))) if file.exists() else {}
    found |= {one.name: _shown(one) for one in sections}
    order = [name for name in ORDER if name in found]
    file.write_text(
        "\n\n".join([f"{HEAD}\n\nLibraries: {versions()}.", *(found[name] for name in order)]) + "\n", encoding="utf-8"
    )


def _shown(section: Section) -> str:
    return f"<!-- {section.name} -->\n## {section.title}\n\n{section.text.strip()}\n<!-- end -->"


def _sections(text: str) -> Iterable[tuple[str, str]]:
    for found in re.finditer(r"<!-- (\w+) -->\n.*?<!-- end -->", text, re.DOTALL):
        yield found[1], found[0]


ORDER = (
    "end_to_end",
    "sustained",
    "latency",
    "alone",
    "decide",
    "exposure",
    "volume",
    "pages",
    "event_path",
    "documents",
)
HEAD = f"""# How fast it is

Written by `make bench` (`python -m tests.benchmark --help` says how to run a part of it); nothing here is typed by
hand. Figures are medians, with the lowest and the highest run in brackets; a figure that could not be measured says
so. Broker ({BROKER_VERSION}), database ({DATABASE_VERSION}, fsync on), mail server and the load itself run on the
same cores. Orders are of 300 accounts of one seller, three lines each, in euros, EN 16931 as UBL; of each the
receiver of the goods and the payer of the invoice get a mail at once, without attachment."""

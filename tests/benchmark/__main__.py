"""`make bench`: measures how fast it is, and writes README.md beside this."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.demo.calls import Refused
from deploy.demo.stack import ServiceGaveUpError
from deploy.local.processes import ProcessDiedError
from tests.benchmark import alone, decide, end_to_end, event_path, exposure, latency, measured_apart, pages, report
from tests.benchmark.effort import Effort
from tests.benchmark.report import Section
from tests.benchmark.stand import FellOverError

SECTIONS: Mapping[str, Callable[[Effort], Section]] = {
    "end_to_end": end_to_end.end_to_end,
    "sustained": end_to_end.sustained,
    "latency": latency.latency,
    "alone": alone.alone,
    "decide": decide.decide,
    "exposure": exposure.exposure,
    "volume": measured_apart.volume,
    "pages": pages.pages,
    "event_path": event_path.event_path,
    "documents": measured_apart.documents,
}
UNASKED = tuple(name for name in SECTIONS if name != "sustained")

# What may happen to servers and services, as opposed to a defect of the benchmark.
FELL_OVER = (FellOverError, ServiceGaveUpError, ProcessDiedError, Refused, TimeoutError)

# Servers that the environment names.
OF_OTHERS = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER")

app = typer.Typer(add_completion=False)
console = Console(width=160)

Only = Annotated[str, typer.Option(help=f"Sections, comma separated: {', '.join(SECTIONS)}. Without: all.")]
Runs = Annotated[int, typer.Option(help="How often each figure is measured; the report says the median.", min=1)]
Quick = Annotated[bool, typer.Option("--quick", help="See that all sections work; the figures mean nothing.")]
Minutes = Annotated[float, typer.Option(help="How long the sustained load lasts.", min=0.1)]
Rate = Annotated[float, typer.Option(help="Orders a second of the sustained load.", min=1)]
Share = Annotated[float, typer.Option(help="Of documents that the official rules judge in it.", min=0, max=1)]
Statements = Annotated[bool, typer.Option("--statements", help="Say what cost most in each database, end to end.")]
Profile = Annotated[str, typer.Option(help="A service that py-spy samples, end to end.")]
Save = Annotated[bool, typer.Option("--save", help=f"Renew the measured sections of {report.FILE.name}.")]
Output = Annotated[Path, typer.Option(help="Where --save writes.")]


@app.command()
def bench(
    *,
    only: Only = "",
    runs: Runs = 3,
    quick: Quick = False,
    minutes: Minutes = 10,
    rate: Rate = 350,
    share: Share = 0,
    statements: Statements = False,
    profile: Profile = "",
    save: Save = False,
    output: Output = report.FILE,
) -> None:
    """Measure how fast it is, section by section, and print it; with --save into the report.

    Whoever wants one figure quickly: --only end_to_end --runs 1. The sustained load is only run when it is named:
    --only sustained --minutes 10 --rate 350. Services take settings from the environment (AR_CHECK_PROCESSES=2).
    It ends with 1 when anything fell over, and says so in place of the figure.
    """
    for given in OF_OTHERS:  # what is measured is always ours, and described by the report
        os.environ.pop(given, None)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # of a topic that was just made it says that it has no leader
    names = [name.strip() for name in only.split(",")] if only else list(UNASKED)
    if unknown := set(names) - SECTIONS.keys():
        raise typer.BadParameter(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if quick and save and output == report.FILE:
        raise typer.BadParameter("the figures of a quick run mean nothing: the report does not take them")
    effort = Effort(
        _say,
        runs=1 if quick else runs,
        quick=quick,
        minutes=0.2 if quick else minutes,
        rate=min(rate, 20) if quick else rate,
        share=share,
        statements=statements,
        profile=profile,
    )
    fell_over = False
    for name in names:
        try:
            section = SECTIONS[name](effort)
        except FELL_OVER as error:
            section = Section(name, name, f"{report.conditions(effort)}.\n\nFell over: {error}.", fell_over=True)
        fell_over |= section.fell_over
        console.print(f"\n## {section.title}\n\n{section.text}\n", markup=False, highlight=False, soft_wrap=True)
        if save:
            report.write([section], output)
    raise typer.Exit(int(fell_over))


def _say(text: str) -> None:
    console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app()

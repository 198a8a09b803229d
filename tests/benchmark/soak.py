"""The five services under a constant load for as long as you like, what each takes of memory and CPU, and whether all is well.

Run as `python -m tests.benchmark.soak --minutes 60 --orders-per-second 3`. It ends with 1 when anything is left
undone, does not reconcile, was refused, or when a service ended by itself.
"""

import csv
import platform
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psutil
import typer
from prometheus_client.parser import text_string_to_metric_families
from receivables.operations.v1 import service_pb2
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from deploy.demo import reconcile, results
from deploy.demo.calls import Services
from deploy.demo.feed import Feed
from deploy.demo.player import Stage
from deploy.demo.settled import NotSettledError
from deploy.demo.shop import Shop
from deploy.demo.stack import SERVICES, NotFreshError, ServiceGaveUpError, Stack
from deploy.local.artifacts import ROOT
from deploy.local.cluster import ERP, SHOP
from deploy.local.processes import ProcessDiedError
from deploy.local.servers import Servers
from k8s import measured
from k8s.measured import Figure, Machine, Role, Soak
from tests.benchmark import load, usage
from tests.benchmark.load import Load
from tests.benchmark.usage import Sampler

FOLDER = ROOT / "var" / "soak"
FAILED = 1

app = typer.Typer(add_completion=False, help=__doc__)
console = Console(width=120)

Minutes = Annotated[float, typer.Option(help="How long orders arrive.", min=0.5)]
Rate = Annotated[float, typer.Option("--orders-per-second", help="How many orders arrive a second.", min=0.1)]
Every = Annotated[float, typer.Option(help="Seconds between two samples.", min=0.5, max=10)]
Save = Annotated[bool, typer.Option("--save", help="Keep the figures in k8s/measured.json: the manifests follow.")]
Folder = Annotated[Path, typer.Option(help="Where logs, mail, invoices and the figures are written.")]


@dataclass(slots=True)
class Ran:
    """One run as it was found at its end."""

    load: Load
    sampler: Sampler
    # When the last order had been placed.
    achieved_per_s: float = 0.0
    behind: dict[str, str] = field(default_factory=dict)
    handled: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


@app.command()
def soak(
    *,
    minutes: Minutes = 30,
    orders_per_second: Rate = 3,
    every: Every = 5,
    save: Save = False,
    folder: Folder = FOLDER,
) -> None:
    """Start everything, let orders arrive, sample, wait until all is done, prove it, print and keep the figures."""
    folder = folder.resolve()
    results.clear(folder)
    _say("Starting a broker, a database and a mail server")
    try:
        with (
            Servers(folder) as servers,
            Stack(servers, folder / "logs", prefix="soak", say=_say) as stack,
            Services(stack.addresses, stack.issuers) as services,
            Shop(servers.cluster.brokers(SHOP)) as shop,
            Feed(servers.cluster.brokers(ERP)) as feed,
        ):
            ran = run(Stage(stack, services, shop, feed), folder, minutes, orders_per_second, every)
    except (NotFreshError, ServiceGaveUpError, ProcessDiedError, TimeoutError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(FAILED) from None
    soaked = figures(ran, minutes, orders_per_second)
    show(soaked, ran)
    write_samples(ran.sampler, folder / "samples.csv")
    measured.write(soaked, folder / "measured.json")
    if save:
        measured.write(soaked)
        _say(f"Kept in {measured.FILE}; now: python -m k8s.documents, and python -m k8s.check says what does not fit")
    raise typer.Exit(FAILED if ran.complaints else 0)


def run(stage: Stage, folder: Path, minutes: float, orders_per_second: float, every_s: float) -> Ran:
    """Load, sample, come to rest, prove."""
    _say(f"Registering {load.BUYERS} buyers and their people")
    driver = Load(stage, orders_per_second)
    driver.open()
    sampler = Sampler(lambda: {name: one.process.pid for name, one in stage.stack.running.items()}, every_s)
    ran = Ran(driver, sampler)
    before = {name: _handled(one.metrics_port) for name, one in stage.stack.running.items()}
    with _progress() as progress:
        task = progress.add_task("", total=minutes * 60)
        minute = 0

        def tell(elapsed: float) -> None:
            nonlocal minute
            text = _standing(driver)
            progress.update(task, completed=min(elapsed, minutes * 60), description=text)
            if int(elapsed // 60) > minute:
                minute = int(elapsed // 60)
                progress.console.print(f"{minute:4d} min: {text}", style="dim", highlight=False)

        with sampler:
            driver.run(minutes * 60, tell)
        ran.achieved_per_s = round(driver.tally.placed / (minutes * 60), 2)
        after = {name: _handled(one.metrics_port) for name, one in stage.stack.running.items()}
        ran.handled = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
        ran.behind = dict(_behind(ran, orders_per_second))
        try:
            driver.drain(tell)
        except NotSettledError as error:
            ran.complaints.append(str(error))
    ran.complaints += [f"{count} times {what}" for what, count in sorted(driver.tally.trouble.items())]
    ran.complaints += [f"{name} ended {times} times by itself" for name, times in stage.stack.restarts.items()]
    _say("Reading every document and comparing it with the books")
    ran.complaints += _differences(stage, folder)
    return ran


def _behind(ran: Ran, orders_per_second: float) -> Iterator[tuple[str, str]]:
    """Where it did not keep up, at the moment when the last order was placed."""
    if ran.achieved_per_s < 0.99 * orders_per_second:
        yield "placed", f"{ran.achieved_per_s:g} orders a second of {orders_per_second:g}"
    if ran.load.waiting_s > load.BEHIND_S:
        yield "waited", f"the oldest order has waited {ran.load.waiting_s:.0f} s for its answer or its invoice"
    services = ran.load.stage.services
    for name, stub in services.operations.items():
        status = services.read(stub.Status, service_pb2.StatusRequest(), tenant=load.TENANT)
        if status.lag + status.outbox > load.BEHIND_S * orders_per_second:
            yield name, f"{name} has {status.lag} events to handle and {status.outbox} to publish"


def _differences(stage: Stage, folder: Path) -> list[str]:
    results.write_documents(folder / "invoices", stage, [load.TENANT])
    databases = {name: service.database for name, service in stage.stack.running.items()}
    found = reconcile.reconcile(folder / "invoices", stage.services, databases, [load.TENANT])
    return list(found.differences)


def _handled(metrics_port: int) -> tuple[int, int]:
    """Events handled and calls answered since the service began."""
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as page:
        families = {family.name: family for family in text_string_to_metric_families(page.read().decode())}
    events = sum(
        sample.value
        for sample in families["ar_messages_processed"].samples
        if sample.name.endswith("_total") and sample.labels["result"] == "ok"
    )
    calls = sum(sample.value for sample in families["grpc_server_handled"].samples if sample.name.endswith("_total"))
    return int(events), int(calls)


def figures(ran: Ran, minutes: float, orders_per_second: float) -> Soak:
    """What it came to."""
    tally = ran.load.tally
    return Soak(
        date=datetime.now(UTC).date().isoformat(),
        minutes=minutes,
        orders_per_s=orders_per_second,
        achieved_per_s=ran.achieved_per_s,
        orders=tally.placed,
        invoices=tally.invoices,
        seconds_to_invoice=usage.spread(tally.delays, 2),
        machine=Machine(
            cores=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            architecture=platform.machine(),
            python=platform.python_version(),
            others_cores=usage.others(ran.sampler.machine),
        ),
        roles={name: _role(ran, name) for name in SERVICES},
    )


def _role(ran: Ran, name: str) -> Role:
    samples = ran.sampler.samples[name]
    events, calls = ran.handled[name]
    return Role(
        memory_mib=usage.memory(samples),
        pss_mib=usage.proportional(samples),
        slope_mib_per_h=usage.slope(samples),
        cpu_cores=usage.cpu(samples),
        events=events,
        calls=calls,
    )


def write_samples(sampler: Sampler, file: Path) -> None:
    """Keep every sample, for a curve."""
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("role", "second", "rss_mib", "pss_mib", "own_mib", "cpu_s"))
        for name, samples in sampler.samples.items():
            for one in samples:
                memory = (f"{held / usage.MIB:.1f}" for held in (one.rss, one.pss, one.own))
                writer.writerow((name, f"{one.at - samples[0].at:.1f}", *memory, f"{one.cpu_s:.2f}"))


def show(soaked: Soak, ran: Ran) -> None:
    """Print the figures, and what was not as it should be."""
    tally = ran.load.tally
    console.print(
        f"{soaked.minutes:g} minutes, {soaked.achieved_per_s:g} orders a second of {soaked.orders_per_s:g}:"
        f" {tally.placed:,} orders ({tally.referred:,} referred, {tally.declined:,} declined, {tally.cancelled:,}"
        f" cancelled), {tally.invoices:,} invoices, {tally.credit_notes:,} credit notes, {tally.payments:,} payments;"
        f" from order to invoice {_spread(soaked.seconds_to_invoice)} s; other programs took"
        f" {_spread(soaked.machine.others_cores)} cores",
        highlight=False,
    )
    console.print("Each as p50 / p95 / max", style="dim")
    table = Table("role", "memory, MiB", "MiB/h", "PSS, MiB", "CPU, cores", "events", "calls")
    for name, role in soaked.roles.items():
        table.add_row(
            name,
            _spread(role.memory_mib),
            f"{role.slope_mib_per_h:+,.1f}",
            _spread(role.pss_mib),
            _spread(role.cpu_cores),
            f"{role.events:,}",
            f"{role.calls:,}",
        )
    console.print(table)
    for text in ran.behind.values():
        console.print(f"It fell behind: {text}", style="yellow", highlight=False)
    for complaint in ran.complaints:
        console.print(complaint, style="red", markup=False, highlight=False)
    if not ran.complaints:
        _say("No lag is left, every order has its invoices, every account reconciles")


def _spread(figure: Figure) -> str:
    return f"{figure.p50:,g} / {figure.p95:,g} / {figure.max:,g}"


def _standing(driver: Load) -> str:
    tally = driver.tally
    return (
        f"{tally.placed:,} placed, {tally.invoices:,} invoiced, {tally.payments:,} payments,"
        f" {tally.credit_notes:,} credited, {tally.trouble.total():,} troubles; oldest waits {driver.waiting_s:.1f} s; {driver.at:%d %B}"
    )


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _say(text: str) -> None:
    console.print(text, style="dim", highlight=False)


if __name__ == "__main__":
    app()

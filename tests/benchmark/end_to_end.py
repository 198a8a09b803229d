"""Complete orders a second through all five services, and what each process takes for one.

An order is complete when its decision, invoice, open item and capture were announced and the mail server has both its
mails; when the load ends everything must come to rest, and the books must say what was announced.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import linear_regression, median

import psutil

from deploy.demo.stack import SERVICES
from k8s.measured import Figure
from tests.benchmark import diagnosis, report
from tests.benchmark.effort import Effort
from tests.benchmark.generator import Plan, Standing
from tests.benchmark.processes import BROKER, COMMON, DATABASE, OURSELVES, Meter, limits_mib
from tests.benchmark.report import Section
from tests.benchmark.stand import LOAD, MAIL, FellOverError, Stand, stand

SHARES = (0, 1)
MOST_UNDER_WAY = 1500  # orders: enough for whole batches everywhere, a few seconds' work
APART = (LOAD, MAIL, OURSELVES)
LONGEST_S = 300.0  # of a quick run
FEWEST = 100  # complete orders, or nothing is said
TELL_S = 5.0
BEHIND_S = 5.0  # of orders, by which what is under way may vary while the load is sustained


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run."""

    per_s: float
    cpu_ms: Mapping[str, float]
    rest_mib: Mapping[str, Figure]
    memory_mib: Mapping[str, Figure]
    standings: Sequence[Standing]

    @property
    def ours_ms(self) -> float:
        """What an order takes of all processes but those that only measure."""
        return sum(ms for role, ms in self.cpu_ms.items() if role not in APART)


def end_to_end(effort: Effort) -> Section:
    """As fast as it goes, with so many orders under way, without and with the official rules on every document."""
    runs: dict[float, list[Run | str]] = {
        share: list(_runs(effort, share)) for share in SHARES[: 1 if effort.quick else None]
    }
    failed = any(isinstance(run, str) for some in runs.values() for run in some)
    return Section("end_to_end", "Complete orders, all services", _told(runs, effort), fell_over=failed)


def _runs(effort: Effort, share: float) -> Iterator[Run | str]:
    """The runs, each on a stand of its own; in place of one that falls over, why."""
    for nth in range(effort.runs):
        effort.say(f"Complete orders, official rules on {share:.0%} of the documents, run {nth + 1} of {effort.runs}")
        plan = Plan("e", effort.warm_s, effort.seconds, most_under_way=MOST_UNDER_WAY)
        if effort.quick:  # ends by orders, and not by time: the machine may be slow
            plan = Plan("e", 0.5, LONGEST_S, most_under_way=100, orders=600)
        try:
            with stand(effort.say, settings=_settings(share), statements=effort.statements) as up:
                yield measure(up, plan, effort)
        except FellOverError as error:
            yield str(error)


def _settings(share: float) -> dict[str, str]:
    return {"AR_OFFICIAL_RULES_SHARE": f"{share:g}"}


def measure(up: Stand, plan: Plan, effort: Effort) -> Run:
    """Warm up, measure, and prove that nothing was lost or booked twice."""
    rest = up.meter()
    with rest:
        pass
    meter = up.meter()
    try:
        with diagnosis.watching(up, effort) as begin:
            ran = up.run(plan, _watch(up, meter, begin))
    finally:
        meter.end()
    up.prove()
    before, after = ran.between("measured", "draining")
    complete = after.complete - before.complete
    if complete < FEWEST:
        raise FellOverError(f"{complete} complete orders in {after.at - before.at:.0f} s say nothing")
    return Run(
        per_s=complete / (after.at - before.at),
        cpu_ms={role: seconds * 1000 / complete for role, seconds in meter.cpu_s().items()},
        rest_mib=rest.memory_mib(),
        memory_mib=meter.memory_mib(),
        standings=ran.standings,
    )


def _watch(up: Stand, meter: Meter, begin: Callable[[], None]) -> Callable[[Standing], None]:
    """Meter exactly while it is measured, and say how it stands now and then."""
    seen: set[str] = set()
    said_at = 0.0

    def watch(standing: Standing) -> None:
        nonlocal said_at
        if standing.phase in seen and standing.at < said_at + TELL_S:
            return
        if standing.phase == "measured" and standing.phase not in seen:
            meter.begin()
            begin()
        if standing.phase == "draining" and standing.phase not in seen:
            meter.end()
        seen.add(standing.phase)
        said_at = standing.at
        up.say(
            f"  {standing.phase}, {standing.at:.0f} s: {standing.placed:,} placed, {standing.decided:,} decided,"
            f" {standing.invoiced:,} invoiced, {standing.captured:,} captured, {standing.complete:,} complete"
        )

    return watch


def sustained(effort: Effort) -> Section:
    """So many orders a second for so long, and no lag that grows."""
    title = f"Sustained: {effort.rate:g} orders a second for {effort.minutes:g} minutes"
    effort.say(title)
    conditions = f"{report.conditions(replace(effort, runs=1))}, official rules on {effort.share:.0%} of the documents."
    plan = Plan("s", effort.warm_s, effort.minutes * 60, rate=effort.rate)
    try:
        with stand(effort.say, settings=_settings(effort.share), statements=effort.statements) as up:
            run = measure(up, plan, effort)
        _refuse_to_fall_behind(run, effort.rate)
    except FellOverError as error:
        return Section("sustained", title, f"{conditions}\n\nFell over: {error}.", fell_over=True)
    under_way = [one.under_way for one in run.standings if one.phase == "measured"]
    lines = [
        conditions,
        f"{run.per_s:,.1f} complete orders a second; under way {median(under_way):,.0f} at the median and"
        f" {max(under_way):,} at most; {run.ours_ms:.2f} ms of CPU an order. At the end nothing was left, and"
        " everything reconciled.",
        _cpu({effort.share: [run]}),
        _memory([run]),
    ]
    return Section("sustained", title, "\n\n".join(lines))


def _refuse_to_fall_behind(run: Run, rate: float) -> None:
    """Orders come in at the rate, and what is under way does not grow over the second half."""
    measured = [one for one in run.standings if one.phase == "measured"]
    placed_per_s = (measured[-1].placed - measured[0].placed) / (measured[-1].at - measured[0].at)
    if placed_per_s < 0.99 * rate:
        raise FellOverError(f"the load itself placed {placed_per_s:.1f} orders a second")
    half = measured[len(measured) // 2 :]
    slope = linear_regression([one.at for one in half], [one.under_way for one in half]).slope
    grown = slope * (half[-1].at - half[0].at)
    if grown > BEHIND_S * rate:
        raise FellOverError(f"{grown:,.0f} orders more were under way at the end than half-way: it does not keep up")


def _told(runs: Mapping[float, Sequence[Run | str]], effort: Effort) -> str:
    """The section's text."""
    good = {share: [run for run in some if isinstance(run, Run)] for share, some in runs.items()}
    failed = [
        f"Official rules on {share:.0%} of the documents: {run}"
        for share, some in runs.items()
        for run in some
        if isinstance(run, str)
    ]
    parts = [
        f"{report.conditions(effort)}, {effort.seconds:g} s each after {effort.warm_s:g} s, {MOST_UNDER_WAY:,}"
        " orders under way.",
        *(f"Fell over: {one}." for one in failed),
        report.table(
            [
                "official rules on",
                "complete orders/s",
                "CPU ms an order",
                f"{psutil.cpu_count()} cores at most, orders/s",
            ],
            [_headline(share, some) for share, some in good.items()],
        ),
    ]
    if any(good.values()):
        parts += [
            "CPU in ms an order, user and system: of the service's processes, and of its database's backends.",
            _cpu(good),
            "Memory in MiB, each process whole (RSS), by the runs of the first row.",
            _memory(next(iter(good.values()))),
        ]
    return "\n\n".join(parts)


def _headline(share: float, runs: Sequence[Run]) -> list[str]:
    if not runs:
        return [f"{share:.0%} of the documents", "fell over", "", ""]
    ceiling = [(psutil.cpu_count() or 1) * 1000 / run.ours_ms for run in runs]
    return [
        f"{share:.0%} of the documents",
        report.spread([run.per_s for run in runs], 1),
        report.spread([run.ours_ms for run in runs], 2),
        report.spread(ceiling, 0),
    ]


def _cpu(good: Mapping[float, Sequence[Run]]) -> str:
    head = ["process", *(f"{what}, rules on {share:.0%}" for share in good for what in ("ms", "database ms"))]
    rows = [[name, *_two(good, name, f"{DATABASE} of {name}")] for name in SERVICES]
    rows.append([BROKER, *_two(good, BROKER, "")])
    rows.append([COMMON, *_two(good, "", COMMON)])
    rows += [[f"apart: {name}", *_two(good, name, "")] for name in APART]
    return report.table(head, rows)


def _two(good: Mapping[float, Sequence[Run]], role: str, database: str) -> Iterator[str]:
    for runs in good.values():
        for name in (role, database):
            yield report.spread([run.cpu_ms.get(name, 0.0) for run in runs], 2) if name and runs else ""


def _memory(runs: Sequence[Run]) -> str:
    if not runs:
        return "No run to tell of."
    rows = []
    for name in (*SERVICES, BROKER):
        rest = [run.rest_mib[name].p50 for run in runs if name in run.rest_mib]
        held = [run.memory_mib[name] for run in runs if name in run.memory_mib]
        limit = limits_mib().get(name)
        rows.append(
            [
                name,
                report.spread(rest),
                report.spread([one.p95 for one in held]),
                f"{max((one.max for one in held), default=0):,.0f}",
                f"{limit:,.0f}" if limit else "",
            ]
        )
    return report.table(["process", "at rest", "p95 under load", "highest", "limit of its manifest"], rows)

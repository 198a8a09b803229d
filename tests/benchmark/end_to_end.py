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
FEWEST = 100  # complete orders, or nothing is said
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
    runs = {share: list(_runs(effort, share)) for share in SHARES[: 1 if effort.quick else None]}
    return Section("end_to_end", "Complete orders, all services", _told(runs, effort))


def _runs(effort: Effort, share: int) -> Iterator[Run | str]:
    """The runs, each on a stand of its own; in place of one that falls over, why."""
    for nth in range(effort.runs):
        effort.say(f"Complete orders, official rules on {share:.0%} of the documents, run {nth + 1} of {effort.runs}")
        plan = Plan("e", effort.warm_s, effort.seconds, most_under_way=200 if effort.quick else MOST_UNDER_WAY)
        try:
            with stand(effort.say, settings={"AR_OFFICIAL_RULES_SHARE": str(share)}) as up:
                yield measure(up, plan, effort)
        except FellOverError as error:
            yield str(error)


def measure(up: Stand, plan: Plan, effort: Effort) -> Run:
    """Warm up, measure, and prove that nothing was lost or booked twice."""
    rest = up.meter()
    with rest:
        pass
    meter = up.meter()
    with diagnosis.watching(up, effort) as begin:
        ran = up.run(plan, _watch(up, meter, begin))
    up.prove()
    before, after = ran.between("measured", "draining")
    complete = after.complete - before.complete
    if complete < (1 if effort.quick else FEWEST):
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
    seen = {"warm"}

    def watch(standing: Standing) -> None:
        if standing.phase not in seen:
            seen.add(standing.phase)
            if standing.phase == "measured":
                meter.__enter__()
                begin()
            if standing.phase == "draining":
                meter.__exit__()
        up.say(
            f"  {standing.phase}, {standing.at:.0f} s: {standing.placed:,} placed, {standing.decided:,} decided,"
            f" {standing.invoiced:,} invoiced, {standing.captured:,} captured, {standing.complete:,} complete"
        )

    return watch


def sustained(effort: Effort) -> Section:
    """So many orders a second for so long, and no lag that grows."""
    title = f"Sustained: {effort.rate:g} orders a second for {effort.minutes:g} minutes"
    effort.say(title)
    plan = Plan("s", effort.warm_s, effort.minutes * 60, rate=effort.rate)
    try:
        with stand(effort.say) as up:
            run = measure(up, plan, effort)
        _refuse_to_fall_behind(run, effort.rate)
    except FellOverError as error:
        return Section("sustained", title, f"{report.conditions(replace(effort, runs=1))}.\n\nFell over: {error}.")
    under_way = [one.under_way for one in run.standings if one.phase == "measured"]
    lines = [
        f"{report.conditions(replace(effort, runs=1))}, official rules on no document.",
        f"{run.per_s:,.1f} complete orders a second; under way {median(under_way):,.0f} at the median and"
        f" {max(under_way):,} at most; {run.ours_ms:.2f} ms of CPU an order. At the end nothing was left, and"
        " everything reconciled.",
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


def _told(runs: Mapping[int, Sequence[Run | str]], effort: Effort) -> str:
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
        "CPU in ms an order, user and system: of the service's processes, and of its database's backends.",
        _cpu(good),
        "Memory in MiB, each process whole (RSS), without the official rules.",
        _memory(next(iter(good.values()))),
    ]
    return "\n\n".join(parts)


def _headline(share: int, runs: Sequence[Run]) -> list[str]:
    if not runs:
        return [f"{share:.0%} of the documents", "fell over", "", ""]
    ceiling = [(psutil.cpu_count() or 1) * 1000 / run.ours_ms for run in runs]
    return [
        f"{share:.0%} of the documents",
        report.spread([run.per_s for run in runs], 1),
        report.spread([run.ours_ms for run in runs], 2),
        report.spread(ceiling, 0),
    ]


def _cpu(good: Mapping[int, Sequence[Run]]) -> str:
    head = ["process", *(f"{what}, rules on {share:.0%}" for share in good for what in ("ms", "database ms"))]
    rows = [[name, *_two(good, name, f"{DATABASE} of {name}")] for name in SERVICES]
    rows.append([BROKER, *_two(good, BROKER, "")])
    rows.append([COMMON, *_two(good, "", COMMON)])
    rows += [[f"apart: {name}", *_two(good, name, "")] for name in APART]
    return report.table(head, rows)


def _two(good: Mapping[int, Sequence[Run]], role: str, database: str) -> Iterator[str]:
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

"""How long a decision and an invoice take while orders come at a rate that the machine can well do."""

from statistics import median

from tests.benchmark import report
from tests.benchmark.effort import Effort
from tests.benchmark.generator import Plan
from tests.benchmark.report import Section
from tests.benchmark.stand import FellOverError, Stand, stand

RATES = (50, 100)
WAIT_S = 0.004  # at most, for an announcement, before an order that is due meanwhile is placed


def latency(effort: Effort) -> Section:
    """Both delays at each rate, one run after the other on one stand."""
    rows: list[list[str]] = []
    failed = False
    try:
        with stand(effort.say) as up:
            for rate in RATES[: 1 if effort.quick else None]:
                rows += _at_rate(up, effort, rate)
    except FellOverError as error:
        rows.append([f"fell over: {error}", "", "", "", ""])
        failed = True
    text = [
        f"{report.conditions(effort)}, {effort.seconds:g} s each after {effort.warm_s:g} s, no official rules."
        " From the moment at which an order was due, or a shipment was handed to the broker, to the moment at which the"
        " announcement was read from it, by one process's clock.",
        report.table(["ms", "orders/s", "of a run", "p50", "p99"], rows),
    ]
    return Section("latency", "From order to decision, from shipment to invoice", "\n\n".join(text), fell_over=failed)


def _at_rate(up: Stand, effort: Effort, rate: int) -> list[list[str]]:
    found: dict[str, list[tuple[float, float]]] = {"order to decision": [], "shipment to invoice event": []}
    counts: dict[str, list[int]] = {what: [] for what in found}
    for nth in range(effort.runs):
        effort.say(f"Delays at {rate} orders a second, run {nth + 1} of {effort.runs}")
        plan = Plan(f"l{rate}{nth}", effort.warm_s, effort.seconds, rate=rate, tick_s=0, wait_s=WAIT_S)
        ran = up.run(plan)
        for what, seconds in zip(found, (ran.decision_s, ran.invoice_s), strict=True):
            counts[what].append(len(seconds))
            if (both := report.percentiles_ms(seconds)) is not None:
                found[what].append(both)
    up.prove()
    return [_row(what, rate, counts[what], found[what]) for what in found]


def _row(what: str, rate: int, counts: list[int], both: list[tuple[float, float]]) -> list[str]:
    figures = (
        [report.spread([one[at] for one in both], 0) for at in (0, 1)] if both else [f"fewer than {report.P99_OF}", ""]
    )
    return [what, str(rate), f"{median(counts):,.0f}", *figures]

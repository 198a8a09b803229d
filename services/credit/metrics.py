"""What an operator of credit, and finance, watch; each metric's meaning stands beside its name."""

from collections import Counter
from collections.abc import Sequence

from prometheus_client import Counter as Count
from prometheus_client import Gauge, Histogram

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.chassis.sweeps import Found, Span, Sweep
from services.credit import store
from services.credit.domain.decisions import Outcome
from services.credit.domain.holds import OPEN

LIMIT = Gauge("ar_credit_limit", "Credit limits granted to all buyers, in units of the currency", ["currency"])
USED = Gauge("ar_credit_used", "What buyers use of their limits: invoiced and not paid", ["currency"])
HELD = Gauge("ar_credit_held", "What approved orders reserve of the limits", ["currency"])
HOLDS = Gauge("ar_credit_holds", "Orders with an open hold, or waiting for a person, by state", ["state"])
DECIDED = Histogram(
    "ar_credit_decision_seconds",
    "How long the decision took in the service, by outcome (a batch that is done again counts again)",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
for _outcome in Outcome:
    DECIDED.labels(_outcome.lower())  # begins at 0
SOURCE_S = Histogram(
    "ar_credit_source_seconds",
    "How long sources of facts took, by source and outcome: told; late (not within the caller's deadline); away;"
    " spared (not asked, since it failed several times in a row)",
    ["source", "outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
DISBELIEVED = Count(
    "ar_credit_source_disbelieved_total",
    "What sources told and is not believed, by reason: unasked, twice (in one answer), value (not of its kind, or beyond its"
    " bounds), time (over, or not yet), too_many and unreadable (of an answer, all of it)",
    ["source", "reason"],
)
LISTED = Gauge("ar_credit_listed_names", "Names on the lists of sanctions that were read last; 0 where there are none")
LIST_FAILURES = Count(
    "ar_credit_list_failures_total",
    "How often a list of sanctions that had changed could not be read: what was read before is gone by",
)
CORRECTED = Count(
    "ar_credit_corrections_total",
    "How often a balance that the ledger told was another than what its events had added up to: something was missed, or"
    " waits parked",
)
DRIFT = Gauge(
    "ar_credit_exposure_drift",
    "Invariant, 0: by how much the accounts' used and held differ from their movements and holds, and groups' from their"
    " accounts', in absolute amounts",
    ["currency"],
)
TRIAL_S = Histogram(
    "ar_credit_trial_seconds",
    "How long trials of policies took, from their start to their report",
    buckets=(1, 5, 15, 60, 300, 900, 3600, 14_400),
)
TRIED = Count("ar_credit_trial_cases_total", "Cases of the past that trials of policies have tried")
TRYING = Count("ar_credit_trial_busy_seconds_total", "For how long trials of policies were at work on cases")


def tried(cases: int, seconds: float) -> None:
    """Note a trial's portion, and how long it took."""
    TRIED.inc(cases)
    TRYING.inc(seconds)


def trial_ended(seconds: float) -> None:
    """Note how long a trial took."""
    TRIAL_S.observe(seconds)


def decided(outcomes: Sequence[str], seconds: float) -> None:
    """Note what was decided together, and how long that took."""
    for outcome in outcomes:
        DECIDED.labels(outcome.lower()).observe(seconds)


def expect_source(name: str) -> None:
    """Let a source's counts begin at 0."""
    for outcome in ("told", "late", "away", "spared"):
        SOURCE_S.labels(name, outcome)
    for reason in ("unasked", "twice", "value", "time", "too_many", "unreadable"):
        DISBELIEVED.labels(name, reason)


def source_answered(name: str, outcome: str, seconds: float) -> None:
    """Note what a source did, and how long that took."""
    SOURCE_S.labels(name, outcome).observe(seconds)


async def _look_at(tx: Tx, span: Span) -> Found:
    """What these accounts come to."""
    found: dict[tuple[str, ...], int] = {("holds", state): 0 for state in OPEN}
    for row in await store.exposure(tx, span):
        for name in ("limit_minor", "used_minor", "held_minor", "drift_minor"):
            found[(name, row.currency)] = int(getattr(row, name))
    return found | {("holds", state): count for state, count in await store.count_open_holds(tx, span)}


async def _look_at_nodes(tx: Tx, span: Span) -> Found:
    """How far these nodes drift from their parts."""
    return {("drift_minor", row.currency): int(row.drift_minor) for row in await store.drift_of_nodes(tx, span)}


ACCOUNTS = Sweep("account", ("tenant", "account_id"), _look_at, rows=256)
NODES = Sweep("node", ("tenant", "node_id"), _look_at_nodes, rows=16)
# What the last complete round of each found.
_rounds: dict[str, Found] = {}


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown."""
    for name, sweep in (("accounts", ACCOUNTS), ("nodes", NODES)):
        if (round_found := await sweep.go_on(tx)) is not None:
            _rounds[name] = round_found
    if _rounds.keys() != {"accounts", "nodes"}:
        return False
    found = Counter(_rounds["accounts"])
    found.update(_rounds["nodes"])
    for gauge, name in ((LIMIT, "limit_minor"), (USED, "used_minor"), (HELD, "held_minor"), (DRIFT, "drift_minor")):
        show(gauge, {(of,): amount(n, of) for (what, of), n in found.items() if what == name})
    show(HOLDS, {(of.lower(),): n for (what, of), n in found.items() if what == "holds"})
    return True

"""What an operator of credit, and finance, watch; each metric's meaning stands beside its name."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter as Count
from prometheus_client import Gauge, Histogram

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.chassis.sweeps import Found, Span, Sweep
from services.credit import store
from services.credit.domain.decisions import Outcome
from services.credit.domain.holds import OPEN
from services.credit.domain.policy import Policy

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
    "How long sources of facts, and of rates (rates), took, by source and outcome: told; late (not within the caller's deadline); away;"
    " spared (not asked, since it failed several times in a row)",
    ["source", "outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
DISBELIEVED = Count(
    "ar_credit_source_disbelieved_total",
    "What sources told and is not believed, by reason: unasked, twice (in one answer), value (not of its kind, or beyond its"
    " bounds), time (over, or not yet), too_many and unreadable (of an answer, all of it); of rates also jump (by more than"
    " half) and known (otherwise, for that day)",
    ["source", "reason"],
)
LISTED = Gauge("ar_credit_listed_names", "Names on the lists of sanctions that were read last; 0 where there are none")
LIST_FAILURES = Count(
    "ar_credit_list_failures_total",
    "How often a list of sanctions that had changed could not be read: what was read before is gone by",
)
RATES_EXPIRING = Gauge(
    "ar_credit_rates_expiring",
    "Sellers who use other currencies and whose newest rate decides nothing in two days, or already now",
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


APPLICATIONS = Gauge("ar_credit_applications", "Applications for credit, by state and track", ["state", "track"])
APPLICATIONS_WAITING = Gauge(
    "ar_credit_applications_waiting",
    "Applications that wait for the seller, by which time is over: no, usual (later than usual), promised (a promise is"
    " missed)",
    ["over"],
)
ANSWERS = Gauge(
    "ar_credit_application_answers",
    "Answers to applications, by outcome and what became of the promise: kept, missed, none (answered at once)",
    ["outcome", "promise"],
)
ANSWERED = Histogram(
    "ar_credit_application_answer_seconds",
    "How long answers to applications took since they were asked for, in business and other hours, by track, by whom (engine"
    " or person) and promise (kept, missed, none); a transaction that is done again counts again",
    ["track", "by", "promise"],
    buckets=(1, 60, 600, 3600, 4 * 3600, 8 * 3600, 24 * 3600, 48 * 3600, 96 * 3600, 168 * 3600),
)
SIGNALS = Count(
    "ar_credit_fraud_signals_total",
    "Rules on fraud that applications met, by what follows: step_up (one more proof), refer, block, shadow (nothing)",
    ["action"],
)
for _action in ("step_up", "refer", "block", "shadow"):
    SIGNALS.labels(_action)


def answered(
    track: str | None, asked_at: datetime | None, promised_by: datetime | None, *, by_engine: bool, at: datetime
) -> None:
    """Note that an application was answered, how long that took, and whether the promise was kept."""
    promise = "none" if promised_by is None else "kept" if at <= promised_by else "missed"
    by = "engine" if by_engine else "person"
    took = (at - asked_at).total_seconds() if asked_at is not None else 0.0
    ANSWERED.labels((track or "").lower(), by, promise).observe(took)


def signalled(actions: Sequence[str]) -> None:
    """Note rules on fraud that were met."""
    for action in actions:
        SIGNALS.labels(action).inc()


def decided(outcomes: Sequence[str], seconds: float) -> None:
    """Note what was decided together, and how long that took."""
    for outcome in outcomes:
        DECIDED.labels(outcome.lower()).observe(seconds)


def expect_source(name: str, doubts: Sequence[str]) -> None:
    """Let a source's counts begin at 0."""
    for outcome in ("told", "late", "away", "spared"):
        SOURCE_S.labels(name, outcome)
    for reason in doubts:
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


async def _look_at_applications(tx: Tx, span: Span) -> Found:
    """Where these applications stand."""
    found: dict[tuple[str, ...], int] = {("over", over): 0 for over in ("no", "usual", "promised")}
    for row in await store.count_applications(tx, span):
        for key in (("applications", row.state, row.track), ("over", row.over)):
            found[key] = found.get(key, 0) + int(row.n)
    return found


async def _look_at_answers(tx: Tx, span: Span) -> Found:
    """What became of these."""
    return {(row.outcome, row.promise): int(row.n) for row in await store.count_answers(tx, span)}


ACCOUNTS = Sweep("account", ("tenant", "account_id"), _look_at, rows=256)
NODES = Sweep("node", ("tenant", "node_id"), _look_at_nodes, rows=16)
SWEPT_APPLICATIONS = Sweep("application", ("tenant", "application_id"), _look_at_applications)
SWEPT_ANSWERS = Sweep("application_decision", ("tenant", "decision_id"), _look_at_answers)
_SWEEPS = {
    "accounts": ACCOUNTS,
    "nodes": NODES,
    "applications": SWEPT_APPLICATIONS,
    "answers": SWEPT_ANSWERS,
}
# What the last complete round of each found.
_rounds: dict[str, Found] = {}


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown."""
    for name, sweep in _SWEEPS.items():
        if (round_found := await sweep.go_on(tx)) is not None:
            _rounds[name] = round_found
    if _rounds.keys() != _SWEEPS.keys():
        return False
    found = Counter(_rounds["accounts"])
    found.update(_rounds["nodes"])
    for gauge, name in ((LIMIT, "limit_minor"), (USED, "used_minor"), (HELD, "held_minor"), (DRIFT, "drift_minor")):
        show(gauge, {(of,): amount(n, of) for (what, of), n in found.items() if what == name})
    applications = _rounds["applications"]
    show(
        APPLICATIONS,
        {(key[1].lower(), key[2].lower()): n for key, n in applications.items() if key[0] == "applications"},
    )
    show(APPLICATIONS_WAITING, {(key[1],): n for key, n in applications.items() if key[0] == "over" and key[1]})
    show(ANSWERS, {(of.lower(), promise or "none"): n for (of, promise), n in _rounds["answers"].items()})
    show(HOLDS, {(of.lower(),): n for (what, of), n in found.items() if what == "holds"})
    RATES_EXPIRING.set(await store.count_expiring_rates(tx, Policy().rate_days))
    return True

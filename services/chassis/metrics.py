"""What an operator watches; each metric's meaning stands beside its name.

Durations in seconds, amounts in whole units of their currency (euros, not cents). No label is ever an id or a tenant.
Where replicas of a service read the same figure from their one database, take the maximum of them, never the sum.
"""

import time
from bisect import bisect_left
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import descriptor_pool
from prometheus_client import Counter, Gauge, Histogram

from services.kernel.money import Money

_DELAYS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

MESSAGES = Counter(
    "ar_messages_processed_total", "Events handled, by result (ok, duplicate, retried, parked, skipped)", ["result"]
)
PARKED = Gauge("ar_parked_events", "Events that wait, by reason", ["reason"])
PAUSED = Gauge(
    "ar_tenants_paused", "Tenants whose events wait for an operator, since too many failed in a row by defects"
)
LAG = Gauge("ar_consumer_lag_records", "Records of the followed topics that are not yet handled, by any replica")
LAG_AGE = Gauge(
    "ar_consumer_lag_seconds", "Age of the oldest record that is not yet handled here; 0 when there is none"
)
COMMITTED = Gauge(
    "ar_consumer_committed_offset", "The next offset to handle, as committed in the database", ["topic", "partition"]
)
REBALANCES = Counter("ar_consumer_rebalances_total", "How often this replica was given partitions anew")
DELAY = Histogram(
    "ar_event_delay_seconds",
    "From a record's own time stamp to the commit of its handling, by type of event",
    ["event_type"],
    buckets=_DELAYS,
)
OUTBOX_PENDING = Gauge("ar_outbox_pending", "Announced events that are not yet published; counted up to 100,000")
OUTBOX_AGE = Gauge("ar_outbox_oldest_age_seconds", "Age of the oldest announced event that is not yet published")
PUBLISHED = Counter("ar_outbox_published_total", "Announced events that were published")
BATCH = Histogram(
    "ar_batch_size_records", "Records handled in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
JOBS = Counter(
    "ar_jobs_total", "Jobs (work that is not an event), by kind and result (done, failed, parked)", ["kind", "result"]
)
JOBS_S = Histogram("ar_job_batch_seconds", "How long a batch of jobs took, by kind", ["kind"], buckets=_DELAYS)
JOB_DELAY = Histogram(
    "ar_job_delay_seconds",
    "From the adding of a job to the commit of what came of it, by kind",
    ["kind"],
    buckets=_DELAYS,
)
JOBS_DUE = Gauge(
    "ar_jobs_due", "Jobs that are to be done now or are being done, by kind; counted up to 100,000", ["kind"]
)
JOBS_AGE = Gauge(
    "ar_jobs_oldest_age_seconds", "For how long the oldest job that is to be done now has waited, by kind", ["kind"]
)
DEPENDENCY = Gauge("ar_dependency_up", "1 while it answers, 0 while it does not (broker, database)", ["dependency"])
HANDLED = Counter(
    "grpc_server_handled_total", "Calls answered, by status", ["grpc_service", "grpc_method", "grpc_code"]
)
HANDLING = Histogram("grpc_server_handling_seconds", "How long calls took, by method", ["grpc_service", "grpc_method"])
REFUSED = Counter("ar_refusals_total", "Requests and events refused, by stable code", ["code"])
WITHOUT_TOKEN = Counter(
    "ar_calls_without_token_total",
    "Calls believed without a token, since AR_ACCESS is not require: once none come, it can be",
    ["grpc_method"],
)
ACTS = Counter("ar_acts_total", "Acts written into the audit trail, by outcome (done, refused)", ["outcome"])
ACTS_MORE = Counter(
    "ar_refusals_counted_total",
    "Refusals of right that the audit trail has as a count alone, since so many came in a minute",
)
CHAINED_AT = Gauge(
    "ar_acts_chained_timestamp_seconds",
    "When the replica last chained all acts that were written by then, in the audit trail (Unix time); one at a time does",
)
CHAIN_BROKEN = Gauge(
    "ar_acts_chain_breaks",
    "Invariant, 0: tenants whose chain of acts in the audit trail is broken, as the last look through it all found",
)
CHAIN_VERIFIED_AT = Gauge(
    "ar_acts_verified_timestamp_seconds", "When the audit trail was last verified to its end (Unix time)"
)
FIGURES_AT = Gauge(
    "ar_figures_timestamp_seconds", "When the business figures and invariants were last read (Unix time)"
)
FIGURES_S = Gauge("ar_figures_duration_seconds", "How long the last reading of figures and invariants took")
FIGURES_ROUND = Gauge(
    "ar_figures_round_seconds",
    "How long it took to go through a large table for the figures that are added up over several readings, by table:"
    " twice as old are they at most",
    ["table"],
)


def expect_events(event_types: Iterable[str]) -> None:
    """Let counts begin at 0: a series that is not there yet cannot be told from a service that is not there."""
    for event_type in event_types:
        DELAY.labels(event_type)
    for result in ("ok", "duplicate", "retried", "parked", "skipped"):
        MESSAGES.labels(result)


def expect_calls(service: str) -> None:
    """The same for each method of a gRPC service, by its full name in the contract."""
    contract = descriptor_pool.Default().FindServiceByName(service)
    for method in contract.methods_by_name:
        HANDLED.labels(service, method, "OK")
        HANDLING.labels(service, method)


def expect_jobs(kinds: Iterable[str]) -> None:
    """The same for each kind of job."""
    for kind in kinds:
        JOBS_DUE.labels(kind)
        JOBS_AGE.labels(kind)
        JOBS_S.labels(kind)
        JOB_DELAY.labels(kind)
        for result in ("done", "failed", "parked"):
            JOBS.labels(kind, result)


def handled(records: Iterable[Any], event_types: frozenset[str]) -> None:
    """Note how long these records had waited; what nobody handles is left out.

    A batch at a time and by type, since this is the one metric that each event touches: `observe` for each would cost
    more than the rest of them together.
    """
    now = time.time()
    delays: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        delays[record.headers.get("ce_type", "")].append(now - record.timestamp)
    for event_type in delays.keys() & event_types:
        histogram: Any = DELAY.labels(event_type)
        for bucket, count in Counts(bisect_left(_DELAYS, delay) for delay in delays[event_type]).items():
            histogram._buckets[bucket].inc(count)
        histogram._sum.inc(sum(delays[event_type]))


def done(kind: str, delays: Iterable[float]) -> None:
    """Note jobs of a kind that are done, and how long after their adding each was."""
    of_kind, count = JOB_DELAY.labels(kind), JOBS.labels(kind, "done")
    for delay in delays:
        of_kind.observe(delay)
        count.inc()


def show(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """Let a gauge say these values, by its labels in their order; what it said before and is gone becomes 0."""
    [family] = gauge.collect()
    gone = {tuple(sample.labels.values()) for sample in family.samples} - values.keys()
    for labels in gone:
        gauge.labels(*labels).set(0)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


def amount(minor: int, currency: str) -> float:
    """An amount in whole units of its currency, as a gauge shows it."""
    return float(Money(int(minor), currency).decimal)

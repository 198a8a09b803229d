"""What wakes somebody, and what can wait until morning: the one source of all rules.

`page` is for what loses money or orders while nobody looks, `ticket` for the next working day. Replicas of a service
read one database, so figures are taken by `max`, never added up. `job` is the service.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications", "portal")
# Where deploy/runbooks is published; whoever installs puts the own address here and writes the rules anew.
RUNBOOKS = "https://receivables.example/runbooks"
PAGE, TICKET, NONE = "page", "ticket", "none"
CENT = 0.0009  # in units of a currency: less than a thousandth, the smallest minor unit, more than a float's error
MINUTE, HOUR, DAY = 60, 3600, 86400
_AMOUNT = "{{ $value }} {{ $labels.currency }}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule: it fires when the expression, which names its `{limit}`, has held for `for_s` seconds."""

    name: str
    severity: str
    expr: str
    # None where there is nothing to compare: the expression is there or not.
    limit: float | None
    for_s: float
    summary: str
    # Sets rules of one name apart.
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise: the share of good events, what is good, and of what. `{w}` stands for the window."""

    alert: str
    record: str
    goal: float
    good: str
    all: str
    says: str


@dataclass(frozen=True, slots=True)
class Burn:
    """So many times faster than allowed, over a long window and still over a short one (Google SRE workbook)."""

    factor: float
    long_s: int
    short_s: int
    severity: str


BURNS = (
    Burn(14.4, HOUR, 5 * MINUTE, PAGE),
    Burn(6, 6 * HOUR, 30 * MINUTE, PAGE),
    Burn(3, DAY, 2 * HOUR, TICKET),
    Burn(1, 3 * DAY, 6 * HOUR, TICKET),
)
_DECIDE = 'grpc_service="receivables.credit.v1.CreditService",grpc_method="Decide"'
_SHIPPED = 'job="invoicing",event_type="receivables.orders.v1.OrderShipped"'
_DRAFT = 'job="invoicing",kind="draft"'
_LINK = 'job="portal",kind="link"'
_POST = 'job="notifications",kind="post"'
OBJECTIVES = (
    Objective(
        "DecisionAvailabilityBurn",
        "ar:decision_unavailable:ratio",
        0.999,
        f'sum(rate(grpc_server_handled_total{{{_DECIDE},grpc_code!~"UNAVAILABLE|INTERNAL|CANCELLED"}}[{{w}}]))',
        f"sum(rate(grpc_server_handled_total{{{_DECIDE}}}[{{w}}]))",
        "99.9 % of credit decisions are answered",
    ),
    Objective(
        "DecisionLatencyBurn",
        "ar:decision_slow:ratio",
        0.99,
        f'sum(rate(grpc_server_handling_seconds_bucket{{{_DECIDE},le="0.25"}}[{{w}}]))',
        f"sum(rate(grpc_server_handling_seconds_count{{{_DECIDE}}}[{{w}}]))",
        "99 % of credit decisions take less than 250 ms",
    ),
    Objective(
        "InvoicingDelayBurn",
        "ar:invoicing_late:ratio",
        0.99,
        # In time is what was recorded in time, less what was then not issued in time.
        f'sum(rate(ar_event_delay_seconds_bucket{{{_SHIPPED},le="5.0"}}[{{w}}])) - (sum(rate('
        f"ar_job_delay_seconds_count{{{_DRAFT}}}[{{w}}])) - sum(rate("
        f'ar_job_delay_seconds_bucket{{{_DRAFT},le="5.0"}}[{{w}}])) or vector(0))',
        f"sum(rate(ar_event_delay_seconds_count{{{_SHIPPED}}}[{{w}}]))",
        "99 % of shipments are invoiced within 5 s",
    ),
    Objective(
        "MailAcceptanceBurn",
        "ar:mail_refused:ratio",
        0.95,
        'sum(rate(ar_mails_total{answer="taken"}[{w}]))',
        'sum(rate(ar_mails_total{answer=~"taken|never"}[{w}]))',
        "95 % of mails, with their documents, are accepted",
    ),
    Objective(
        "PageAvailabilityBurn",
        "ar:pages_failed:ratio",
        0.999,
        'sum(rate(ar_http_requests_total{status!~"5.."}[{w}]))',
        "sum(rate(ar_http_requests_total[{w}]))",
        "99.9 % of pages are shown",
    ),
    Objective(
        "PageLatencyBurn",
        "ar:pages_slow:ratio",
        0.95,
        'sum(rate(ar_http_request_seconds_bucket{le="0.25"}[{w}]))',
        "sum(rate(ar_http_request_seconds_count[{w}]))",
        "95 % of pages take less than 250 ms",
    ),
)


def span(seconds: float) -> str:
    """A duration as Prometheus writes it, in the largest unit that fits."""
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{round(seconds * 1000)}ms" if seconds % 1 else f"{seconds:g}s"


def alerts(scale: float = 1) -> list[Alert]:
    """All alerts; a test may let time pass faster: every duration is multiplied by `scale`."""
    found = [
        *_books(),
        *_issued_and_posted(scale),
        *_exposure(scale),
        *_stopped(scale),
        *_outside(scale),
        *_promised(),
        *_parked(),
        *_unseen(scale),
        *_burns(),
        _WATCHDOG,
    ]
    return [replace(alert, for_s=alert.for_s * scale) for alert in found]


def recordings(scale: float = 1) -> Iterator[tuple[str, str]]:
    """The objectives' error ratios over each window, as (name, expression)."""
    windows = sorted({window for burn in BURNS for window in (burn.long_s, burn.short_s)})
    for objective in OBJECTIVES:
        for window in windows:
            w = span(window * scale)
            good, everything = (text.replace("{w}", w) for text in (objective.good, objective.all))
            yield f"{objective.record}_rate{span(window)}", f"1 - ({good} or 0 * {everything}) / ({everything} > 0)"


def text(alert: Alert) -> str:
    """The alert's expression with its limit."""
    return alert.expr if alert.limit is None else alert.expr.replace("{limit}", f"{alert.limit:g}")


def _books() -> list[Alert]:
    """What one service can see of what must never be; each is worth a page at once."""
    return [
        Alert(
            "LedgerImbalance",
            PAGE,
            "max by (currency) (ar_ledger_imbalance) > {limit}",
            0,
            0,
            f"Entries of the ledger are out of balance by {_AMOUNT}",
        ),
        Alert(
            "LedgerControlDifference",
            PAGE,
            "max by (currency) (ar_ledger_control_difference) > {limit}",
            0,
            0,
            f"The ledger's balances differ from its postings or open items by {_AMOUNT}",
        ),
        Alert(
            "ExposureDrift",
            PAGE,
            "max by (currency) (ar_credit_exposure_drift) > {limit}",
            0,
            0,
            f"Credit's accounts differ from their movements and holds by {_AMOUNT}",
        ),
        Alert(
            "NumberGap",
            PAGE,
            "max(ar_number_gaps) > {limit}",
            0,
            0,
            "{{ $value }} invoice numbers are missing, or stand on no counted place",
        ),
        Alert(
            "AuditTrailBroken",
            PAGE,
            "max by (job) (ar_acts_chain_breaks) > {limit}",
            0,
            0,
            "The audit trail of {{ $labels.job }} was changed behind its back: {{ $value }} tenants' chains are broken",
        ),
    ]


def _issued_and_posted(scale: float) -> list[Alert]:
    """Issued = posted + in flight. Both only grow: what was issued minutes ago is booked, or on its way."""
    ago = span(5 * MINUTE * scale)
    issued, posted = (f"max by (kind, currency) (ar_{what}_amount)" for what in ("issued", "posted"))
    issued_ago, posted_ago = (text.replace("_amount)", f"_amount offset {ago})") for text in (issued, posted))
    in_flight = _under_way("invoicing", "ledger", MINUTE * scale)
    ledger_read, invoicing_read = (_read_since(job, 4 * MINUTE * scale) for job in ("ledger", "invoicing"))
    return [
        Alert(
            "IssuedNotPosted",
            PAGE,
            f"{issued_ago} - ({posted} or 0 * {issued}) > {{limit}} and on () {ledger_read} unless on () ({in_flight})",
            CENT,
            MINUTE,
            f"{_AMOUNT} ({{{{ $labels.kind }}}}) was issued, is not booked, and is not under way",
        ),
        Alert(
            "PostedNotIssued",
            PAGE,
            f"{posted_ago} - ({issued} or 0 * {posted}) > {{limit}} and on () {invoicing_read}",
            CENT,
            MINUTE,
            f"{_AMOUNT} ({{{{ $labels.kind }}}}) is booked and was never issued",
        ),
    ]


def _under_way(teller: str, reader: str, seconds: float) -> str:
    """Whether something told so long ago may still be on its way; under load something younger always is."""
    told, waits = (
        f'max(ar_outbox_oldest_age_seconds{{job="{teller}"}})',
        f'max(ar_consumer_lag_seconds{{job="{reader}"}})',
    )
    return f"{told} + {waits} > {seconds:g}"


def _read_since(job: str, seconds: float) -> str:
    """Whether a service has read its figures lately: what it says is neither from before, nor missing for a start."""
    return f'time() - max(ar_figures_timestamp_seconds{{job="{job}"}}) < {seconds:g}'


def _exposure(scale: float) -> list[Alert]:
    """Credit's use = open items - unapplied cash - credits (ARCHITECTURE.md), compared while nothing moves."""
    quiet = span(10 * MINUTE * scale)
    read = " and on () ".join(_read_since(job, 5 * MINUTE * scale) for job in ("credit", "ledger"))
    used = "max by (currency) (ar_credit_used)"
    owed = (
        "(sum by (currency) (max by (currency, bucket) (ar_receivables)) - max by (currency) (ar_cash_unallocated)"
        " - max by (currency) (ar_customer_credits))"
    )
    moving = (
        f"(max by (currency) (changes(ar_credit_used[{quiet}])) > 0"
        f" or max by (currency) (changes(ar_receivables[{quiet}])) > 0)"
    )
    behind = _under_way("ledger", "credit", 4 * MINUTE * scale)
    return [
        Alert(
            "ExposureNotLedger",
            PAGE,
            f"abs({used} - ({owed} or 0 * {used})) > {{limit}} and on () {read}"
            f" unless on (currency) {moving} unless on () ({behind})",
            CENT,
            5 * MINUTE,
            f"Credit believes that buyers use {_AMOUNT} more or less than the ledger says, and nothing is under way",
        ),
    ]


def _stopped(scale: float) -> list[Alert]:
    """What stands still."""
    two, five, half = span(2 * MINUTE * scale), span(5 * MINUTE * scale), span(30 * MINUTE * scale)
    # The longest of two minutes: while a replica starts again it knows of none.
    oldest, oldest_ago = (
        f"max by (job) (max_over_time(ar_consumer_lag_seconds[{two}]{ago}))" for ago in ("", f" offset {five}")
    )
    silent = " or ".join(f'absent(ar_outbox_pending{{job="{name}"}})' for name in SERVICES)
    return [
        Alert(
            "ServiceSilent",
            PAGE,
            silent,
            None,
            2 * MINUTE,
            "{{ $labels.job }} gives no metrics: no replica of it runs, or none is scraped",
        ),
        Alert(
            "DependencyDown",
            PAGE,
            "min by (job, dependency) (ar_dependency_up) < {limit}",
            1,
            2 * MINUTE,
            "{{ $labels.job }} does not reach its {{ $labels.dependency }}; it waits, and goes on by itself",
        ),
        Alert(
            "ConsumerStuck",
            PAGE,
            "min by (job) (ar_consumer_lag_records) > {limit}"
            f" and on (job) sum by (job) (changes(ar_consumer_committed_offset[{five}])) == 0",
            0,
            5 * MINUTE,
            "{{ $labels.job }} has handled nothing for ten minutes, and {{ $value }} records wait",
        ),
        Alert(
            "PartitionStuck",
            PAGE,
            # What stands still grows older with the clock; while somebody catches up, the oldest is ever younger.
            f"{oldest} > {3 * MINUTE * scale:g} + ({oldest_ago} > {{limit}})",
            300 * scale,
            MINUTE,
            "An event has waited in {{ $labels.job }} for {{ $value | humanizeDuration }}, whatever others go on",
        ),
        Alert(
            "OutboxStale",
            PAGE,
            "max by (job) (ar_outbox_oldest_age_seconds) > {limit}",
            60 * scale,
            0,
            "What {{ $labels.job }} announced has not been published for {{ $value | humanizeDuration }}",
        ),
        Alert(
            "SignInLinksStuck",
            PAGE,
            # Those that are tried in vain are parked after some minutes, and call somebody as such.
            f"max(ar_jobs_oldest_age_seconds{{{_LINK}}}) > {{limit}}",
            60 * scale,
            MINUTE,
            "A link by which somebody wants to sign in has waited for {{ $value | humanizeDuration }}",
        ),
        Alert(
            "PostUnread",
            TICKET,
            f"max(ar_jobs_oldest_age_seconds{{{_POST}}}) > {{limit}}",
            300 * scale,
            MINUTE,
            "A mail that came to us has waited for {{ $value | humanizeDuration }} to be read",
        ),
        Alert(
            "PostNotTaken",
            TICKET,
            # Who is told to come again does, now and then: half an hour in which nobody was let in is no coincidence.
            f'sum(increase(ar_post_refused_total{{code=~"421|451"}}[{half}])) > {{limit}}'
            f" unless sum(increase(ar_post_taken_total[{half}])) > 0",
            0,
            5 * MINUTE,
            "Mail that came to us was told to come again, {{ $value | humanize }} times of late, and none was taken meanwhile",
        ),
    ]


def _outside(scale: float) -> list[Alert]:
    """What others do not do for us, while we go on without it."""
    answers = 'sum by (source) (increase(ar_credit_source_seconds_count{outcome=~"%s"}[%s])) > '
    unanswered, answered = (answers % (outcome, span(30 * MINUTE * scale)) for outcome in ("late|away", "told"))
    return [
        Alert(
            "SourceAway",
            TICKET,
            f"{unanswered}{{limit}} unless on (source) {answered}0",
            0,
            30 * MINUTE,
            "Credit asked the source {{ $labels.source }} {{ $value | humanize }} times in half an hour, and got no answer",
        ),
        Alert(
            "RatesOld",
            TICKET,
            "max(ar_credit_rates_expiring) > {limit}",
            0,
            30 * MINUTE,
            "{{ $value }} sellers use other currencies and will decide no order in them in two days, or do not now: no new rates",
        ),
        Alert(
            "ResponsesUnread",
            TICKET,
            "max(ar_responses_unread) > {limit}",
            0,
            30 * MINUTE,
            "{{ $value }} messages of buyers' systems could not be read: what they say of invoices nobody knows",
        ),
    ]


def _promised() -> list[Alert]:
    """What was promised to somebody, and is not there."""
    return [
        Alert(
            "PromisesMissed",
            TICKET,
            'max(ar_credit_applications_waiting{over="promised"}) > {limit}',
            0,
            5 * MINUTE,
            "{{ $value }} applications for credit wait for an answer beyond the time that was promised to their applicants",
        ),
        Alert(
            "CasesWithoutOwner",
            TICKET,
            "max(ar_disputes_without_owner) > {limit}",
            0,
            30 * MINUTE,
            "{{ $value }} cases wait for the seller, and nobody has them for more than a business day",
        ),
    ]


def _parked() -> list[Alert]:
    """What waits for a person."""
    parked = 'max by (job, reason) (ar_parked_events{reason=~"%s"}) > {limit}'
    return [
        Alert(
            "EventsFailed",
            PAGE,
            parked % "failed",
            0,
            MINUTE,
            "{{ $value }} events hit a defect of {{ $labels.job }} and wait",
        ),
        Alert(
            "TenantsPaused",
            PAGE,
            "max by (job) (ar_tenants_paused) > {limit}",
            0,
            MINUTE,
            "{{ $value }} tenants of {{ $labels.job }} are paused: too many of their events in a row hit a defect",
        ),
        Alert(
            "EventsParked",
            TICKET,
            parked % "unreadable|refused|behind",
            0,
            5 * MINUTE,
            "{{ $value }} events wait in {{ $labels.job }} ({{ $labels.reason }})",
        ),
        Alert(
            "EventsEarly",
            TICKET,
            parked % "early",
            0,
            HOUR,
            "{{ $value }} events wait in {{ $labels.job }} for something that has not come for an hour",
        ),
    ]


def _unseen(scale: float) -> list[Alert]:
    """What would not be noticed."""
    indicators = (
        f"absent(grpc_server_handling_seconds_count{{{_DECIDE}}}) or absent(ar_event_delay_seconds_count{{{_SHIPPED}}})"
        ' or absent(ar_mails_total{answer="taken"}) or absent(ar_http_request_seconds_count{job="portal"})'
    )
    return [
        Alert(
            "FiguresStale",
            PAGE,
            # Of a replica that has read none yet its start counts: the first reading may take its time.
            "time() - max by (job) (ar_figures_timestamp_seconds > 0 or process_start_time_seconds)"
            f" - {150 * scale:g} * "
            "max by (job) (ar_figures_duration_seconds) > {limit}",
            900 * scale,
            2 * MINUTE,
            "{{ $labels.job }} has not computed its invariants for {{ $value | humanizeDuration }}: nobody watches them",
        ),
        Alert(
            "AuditTrailLags",
            TICKET,
            # Of a replica that has chained none yet its start counts.
            "time() - max by (job) (ar_acts_chained_timestamp_seconds > 0 or process_start_time_seconds) > {limit}",
            900 * scale,
            2 * MINUTE,
            "Acts in the audit trail of {{ $labels.job }} have not been chained for {{ $value | humanizeDuration }}",
        ),
        Alert(
            "ObjectiveSilent",
            PAGE,
            indicators,
            None,
            10 * MINUTE,
            "A promise is not measured: {{ $labels.job }}{{ $labels.grpc_method }} gives no series for it",
        ),
    ]


def _burns() -> Iterator[Alert]:
    """Promises that are being broken, the faster the sooner said."""
    for objective in OBJECTIVES:
        for burn in BURNS:
            long, short = (f"{objective.record}_rate{span(window)}" for window in (burn.long_s, burn.short_s))
            yield Alert(
                objective.alert,
                burn.severity,
                f"{long} > {{limit}} and {short} > {{limit}}",
                round(burn.factor * (1 - objective.goal), 6),
                2 * MINUTE,
                f"{objective.says}: {{{{ $value | humanizePercentage }}}} did not over {span(burn.long_s)},"
                f" {burn.factor:g} times the budget",
                (("window", span(burn.long_s)),),
            )


_WATCHDOG = Alert("Watchdog", NONE, "vector(1)", None, 0, "Always on: who does not hear this, hears no alert at all")

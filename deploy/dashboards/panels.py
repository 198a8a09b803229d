"""What an operator and finance see: every panel with its queries, its unit and what it is for.

Replicas read one database: figures of it are taken by `max`, what each replica counts itself is added up.
"""

from dataclasses import dataclass

from deploy.prometheus.alerts import SERVICES

AMOUNT, COUNT, PER_SECOND, SECONDS, SHARE = "amount", "count", "per_second", "seconds", "share"
_INVARIANTS = {
    "ledger imbalance": "sum(max by (currency) (ar_ledger_imbalance))",
    "control difference": "sum(max by (currency) (ar_ledger_control_difference))",
    "exposure drift": "sum(max by (currency) (ar_credit_exposure_drift))",
    "number gaps": "max(ar_number_gaps)",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart; `why` says what a reader learns from it, `normal` what each series says while nothing is wrong."""

    title: str
    why: str
    unit: str
    queries: tuple[Query, ...]
    normal: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels; `name` is its file."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def _panel(title: str, why: str, unit: str, expr: str, legend: str, *, normal: float | None = None) -> Panel:
    return Panel(title, why, unit, (Query(expr, legend),), normal)


def _percentile_99(by: str, buckets: str) -> str:
    return _percentile(by, buckets, 0.99)


def _percentile(by: str, buckets: str, share: float) -> str:
    """Of the last hour; where nothing happened in it, since the start of the service."""
    lately, ever = (
        f"histogram_quantile({share}, sum by ({by}, le) ({read}))" for read in (f"increase({buckets}[1h])", buckets)
    )
    return f"{lately} >= 0 or {ever} >= 0"


def overview() -> Dashboard:
    """Whether everything goes on, in one look."""
    return Dashboard(
        "overview",
        "Receivables: overview",
        (
            Panel(
                "Invariants",
                "All at 0, always: one that is not calls somebody at once.",
                AMOUNT,
                tuple(Query(expr, name) for name, expr in _INVARIANTS.items()),
                normal=0,
            ),
            _panel("Issued, not yet booked", "What is under way from invoicing to the ledger; 0 at rest.", AMOUNT,
                   "sum by (currency) (max by (kind, currency) (ar_issued_amount) - max by (kind, currency) (ar_posted_amount))",
                   "{{currency}}"),
            _panel("Oldest unhandled event", "How far each service is behind the facts.", SECONDS,
                   "max by (job) (ar_consumer_lag_seconds)", "{{job}}"),
            _panel("Events handled", "The flow through the services.", PER_SECOND,
                   "sum by (job) (rate(ar_messages_processed_total[1m]))", "{{job}}"),
            _panel("Events that wait", "Early ones run by themselves; the others wait for a person.", COUNT,
                   "max by (job, reason) (ar_parked_events) > 0 or sum by (job) (max by (job, reason) (ar_parked_events)) == 0",
                   "{{job}} {{reason}}"),
            _panel("Oldest unpublished event", "Above 60 s somebody is called.", SECONDS,
                   "max by (job) (ar_outbox_oldest_age_seconds)", "{{job}}"),
            _panel("Calls", "All calls of all services.", PER_SECOND,
                   "sum by (job) (rate(grpc_server_handled_total[1m]))", "{{job}}"),
            _panel("Calls that failed", "UNAVAILABLE and INTERNAL, as a share of all.", SHARE,
                   'sum by (job) (rate(grpc_server_handled_total{grpc_code=~"UNAVAILABLE|INTERNAL|UNKNOWN"}[5m])) / sum by (job) (rate(grpc_server_handled_total[5m])) or 0 * sum by (job) (rate(grpc_server_handled_total[5m]))',
                   "{{job}}"),
            _panel("Dependencies", "1 is up.", COUNT,
                   "min by (job, dependency) (ar_dependency_up)", "{{job}} {{dependency}}", normal=1),
        ),
    )  # fmt: skip


def of_service(job: str) -> Dashboard:
    """What every service has: calls, and, of those that know the broker, events and announcements; and after it its own."""
    events = _events(job) if job != PAGES else ()
    return Dashboard(
        job, f"Receivables: {job}", (*_calls(job), *events, *(_jobs(job) if job in WORKERS else ()), *_OWN[job])
    )


def _calls(job: str) -> tuple[Panel, ...]:
    """What it was asked, and how it answered."""
    return (
        _panel("Calls", "Rate by method.", PER_SECOND,
               f'sum by (grpc_method) (rate(grpc_server_handled_total{{job="{job}"}}[1m]))', "{{grpc_method}}"),
        _panel("Call duration, 99 %", "Of each method that was called in the last hour; of all calls if none was.", SECONDS,
               _percentile_99("grpc_method", f'grpc_server_handling_seconds_bucket{{job="{job}"}}'),
               "{{grpc_method}}"),
        _panel("Calls by status", "Everything but OK is an answer that somebody did not want.", PER_SECOND,
               f'sum by (grpc_code) (rate(grpc_server_handled_total{{job="{job}"}}[1m]))', "{{grpc_code}}"),
    )  # fmt: skip


def _jobs(job: str) -> tuple[Panel, ...]:
    """What it does that is no event."""
    return (
        _panel("Jobs by kind", "Done since the last minute.", PER_SECOND,
               f'sum by (kind) (rate(ar_jobs_total{{job="{job}",result="done"}}[1m]))', "{{kind}}"),
        _panel("Jobs waiting", "For how long the oldest has.", SECONDS,
               f'max by (kind) (ar_jobs_oldest_age_seconds{{job="{job}"}})', "{{kind}}"),
    )  # fmt: skip


def _events(job: str) -> tuple[Panel, ...]:
    """What it was told, and what it told."""
    return (
        _panel("Events by result", "Duplicates are harmless, parked ones wait.", PER_SECOND,
               f'sum by (result) (rate(ar_messages_processed_total{{job="{job}"}}[1m]))', "{{result}}"),
        _panel("Event delay, 99 %", "From the record's time stamp to the commit.", SECONDS,
               _percentile_99("event_type", f'ar_event_delay_seconds_bucket{{job="{job}"}}'),
               "{{event_type}}"),
        _panel("Lag", "Records not yet handled.", COUNT, f'max(ar_consumer_lag_records{{job="{job}"}})', "records"),
        _panel("Progress", "Offsets committed, by topic.", PER_SECOND,
               f'sum by (topic) (rate(ar_consumer_committed_offset{{job="{job}"}}[1m]))', "{{topic}}"),
        _panel("Published", "Announcements that the broker took.", PER_SECOND,
               f'sum(rate(ar_outbox_published_total{{job="{job}"}}[1m]))', "events"),
        _panel("Batch size", "Full batches (500) mean that it works as hard as it can.", COUNT,
               f'sum(increase(ar_batch_size_records_sum{{job="{job}"}}[5m])) / sum(increase(ar_batch_size_records_count{{job="{job}"}}[5m])) >= 0 or sum(ar_batch_size_records_sum{{job="{job}"}}) / sum(ar_batch_size_records_count{{job="{job}"}})',
               "records"),
    )  # fmt: skip


WORKERS = ("credit", "invoicing", "notifications", "portal")  # those that have jobs
PAGES = "portal"  # follows nothing, tells nothing


_OWN: dict[str, tuple[Panel, ...]] = {
    "credit": (
        _panel("Decisions", "By outcome.", PER_SECOND,
               "sum by (outcome) (rate(ar_credit_decision_seconds_count[5m]))", "{{outcome}}"),
        _panel("Open holds", "Orders that reserve credit, or wait for a person.", COUNT,
               "max by (state) (ar_credit_holds)", "{{state}}"),
        _panel("Refusals", "Requests and events refused, by code.", COUNT,
               'sum by (code) (ar_refusals_total{job="credit"})', "{{code}}"),
        _panel("Sources of facts", "Registers, bureaus, banks, by what became of a question; spared: not asked for a while.", PER_SECOND,
               "sum by (source, outcome) (rate(ar_credit_source_seconds_count[5m]))", "{{source}} {{outcome}}"),
        _panel("Trials", "Cases of the past that policies are tried on.", PER_SECOND,
               "sum(rate(ar_credit_trial_cases_total[5m]))", "cases"),
        _panel("Applications", "For credit, that wait for the seller: in time, later than usual, later than promised.", COUNT,
               "max by (over) (ar_credit_applications_waiting)", "{{over}}"),
        _panel("Answers to applications", "By outcome, and whether the promise was kept.", COUNT,
               "max by (outcome, promise) (ar_credit_application_answers)", "{{outcome}} {{promise}}"),
    ),
    "invoicing": (
        _panel("Documents", "Written by format, and held for a rule.", COUNT,
               "max by (format, state) (ar_documents)", "{{format}} {{state}}"),
        _panel("Oldest held draft", "By the business clock.", SECONDS, "max(ar_held_oldest_age_seconds)", "age"),
        _panel("Issued", "Documents numbered.", PER_SECOND,
               "sum by (kind) (rate(ar_invoicing_issued_total[5m]))", "{{kind}}"),
    ),
    "ledger": (
        _panel("Documents booked", "Invoices and credit notes.", COUNT,
               "sum by (kind) (max by (kind, currency) (ar_posted_documents))", "{{kind}}"),
        _panel("Open items", "Invoices that are owed, by currency.", COUNT,
               "max by (currency) (ar_open_items)", "{{currency}}"),
    ),
    "disputes": (
        _panel("Cases", "By state.", COUNT, "max by (state) (ar_disputes)", "{{state}}"),
        _panel("Answers overdue", "Open cases whose promised day has passed.", COUNT,
               "max(ar_disputes_answer_overdue)", "cases"),
        _panel("Without an owner", "Cases that wait for us and that nobody has for more than a business day.", COUNT,
               "max(ar_disputes_without_owner)", "cases"),
        _panel("Responses unread", "Messages of buyers' systems that nobody could read.", COUNT,
               "max(ar_responses_unread)", "messages"),
    ),
    "notifications": (
        _panel("Messages", "To people, by what became of them.", COUNT,
               "max by (channel, state) (ar_messages)", "{{channel}} {{state}}"),
        _panel("Mails handed over", "By the server's answer.", PER_SECOND,
               "sum by (answer) (rate(ar_mails_total[5m]))", "{{answer}}"),
        Panel("Mail that came", "Taken (again: known already), or refused by SMTP code: 421 and 451 say to come again.", PER_SECOND,
              (Query("sum by (answer) (rate(ar_post_taken_total[5m]))", "taken: {{answer}}"),
               Query("sum by (code) (rate(ar_post_refused_total[5m]))", "refused: {{code}}"))),
        _panel("Mail that was read", "By what became of it.", PER_SECOND,
               "sum by (outcome) (rate(ar_post_read_total[5m]))", "{{outcome}}"),
        _panel("Unreachable", "Roles that nobody holds, and contacts whose mail bounced.", COUNT,
               "max(ar_vacant_roles) + max(ar_suspended_contacts)", "roles and contacts"),
        _panel("Asked further", "What nobody did in time and was asked of others, by whom.", PER_SECOND,
               "sum by (outcome) (rate(ar_asks_escalated_total[5m]))", "{{outcome}}"),
        _panel("Promises kept", "To buyers, by step, of those that ended in a week (all, where none did); 95 in a hundred are to be.", SHARE,
               'sum by (kind, step) (increase(ar_promises_total{promise="kept"}[7d]))'
               " / (sum by (kind, step) (increase(ar_promises_total[7d])) > 0) or on () vector(1)", "{{kind}} {{step}}"),
    ),
    "portal": (
        _panel("Pages by status", "303 answers a form, 422 says what is wrong with it; 5xx is ours.", PER_SECOND,
               "sum by (status) (rate(ar_http_requests_total[1m]))", "{{status}}"),
        _panel("Page duration, 95 %", "Of each page that was asked for in the last hour; of all if none was.", SECONDS,
               _percentile("route", "ar_http_request_seconds_bucket", 0.95), "{{route}}"),
        _panel("Pages", "What people look at, and which forms they send.", PER_SECOND,
               "sum by (route) (rate(ar_http_requests_total[5m]))", "{{route}}"),
        _panel("Pages that failed", "5xx, as a share of all.", SHARE,
               'sum(rate(ar_http_requests_total{status=~"5.."}[5m])) / (sum(rate(ar_http_requests_total[5m])) > 0) or 0 * sum(rate(ar_http_requests_total[5m]))',
               "failed"),
    ),
}  # fmt: skip


def business() -> Dashboard:
    """What finance wants to know, in each currency by itself."""
    return Dashboard(
        "business",
        "Receivables: business",
        (
            _panel("Receivables", "Open items by currency.", AMOUNT,
                   "sum by (currency) (max by (currency, bucket) (ar_receivables))", "{{currency}}"),
            _panel("Overdue by age", "Open items by days overdue.", AMOUNT,
                   'max by (currency, bucket) (ar_receivables{bucket!="not_due"}) > 0 or sum by (currency) (max by (currency, bucket) (ar_receivables{bucket!="not_due"})) == 0', "{{currency}} {{bucket}}"),
            _panel("Days sales outstanding", "Open items / invoiced in 90 days * 90.", SECONDS,
                   "max by (currency) (ar_dso_seconds)", "{{currency}}"),
            _panel("Credit exposure", "Used and held as a share of all limits.", SHARE,
                   "(max by (currency) (ar_credit_used) + max by (currency) (ar_credit_held)) / (max by (currency) (ar_credit_limit) > 0)",
                   "{{currency}}"),
            _panel("Decisions", "Since the start of the service.", COUNT,
                   "sum by (outcome) (ar_credit_decision_seconds_count)", "{{outcome}}"),
            _panel("Invoiced", "Less credit notes, tax included.", AMOUNT,
                   'sum by (currency) (max by (kind, currency) (ar_issued_amount{kind="invoice"})) - (sum by (currency) (max by (kind, currency) (ar_issued_amount{kind="credit_note"})) or 0 * sum by (currency) (max by (kind, currency) (ar_issued_amount{kind="invoice"})))',
                   "{{currency}}"),
            _panel("Cash received", "Since the beginning.", AMOUNT, "max by (currency) (ar_cash_received)", "{{currency}}"),
            _panel("Cash without an invoice", "Received and not applied.", AMOUNT,
                   "max by (currency) (ar_cash_unallocated)", "{{currency}}"),
            _panel("Contested", "What open cases contest.", AMOUNT,
                   "max by (currency) (ar_disputes_contested) or 0 * max by (currency) (ar_receivables_disputed)", "{{currency}}"),
            _panel("Oldest open case", "By state, business clock.", SECONDS,
                   "max by (state) (ar_dispute_oldest_age_seconds) or 0 * max by (state) (ar_disputes)", "{{state}}"),
            _panel("Documents", "Written, and held for a rule.", COUNT,
                   "max by (format, state) (ar_documents)", "{{format}} {{state}}"),
            _panel("Messages", "To people, by what became of them.", COUNT,
                   "max by (channel, state) (ar_messages)", "{{channel}} {{state}}"),
        ),
    )  # fmt: skip


def dashboards() -> list[Dashboard]:
    """All pages, the overview first."""
    return [overview(), business(), *(of_service(name) for name in SERVICES)]

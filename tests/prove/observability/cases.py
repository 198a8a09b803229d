"""For every alert: series on either side of its limit, and when it must and must not fire."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from deploy.prometheus.alerts import BURNS, MINUTE, OBJECTIVES, SERVICES, Burn, Objective, span

# A sample every half minute; `x300` of them are two and a half hours.
STEP_S = 30
FRESH = {
    f'ar_figures_timestamp_seconds{{job="{job}"}}': f"0+{STEP_S}x300" for job in SERVICES
}  # read again at each scrape
Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """With these series, at this time, exactly these of the alert's rules fire, by their labels."""

    alert: str
    series: Series
    at_s: float
    fires: tuple[tuple[tuple[str, str], ...], ...] = ()
    step_s: float = STEP_S


def _gauge(value: float) -> str:
    return f"{value}x300"


def _sides(alert: str, over: Series, at_limit: Series, for_s: float, labels: dict[str, str]) -> Iterator[Case]:
    """Beyond the limit it fires as soon as it has lasted, and no sooner; at the limit it never does."""
    told = (tuple(sorted(labels.items())),)
    last = for_s + STEP_S
    if for_s:
        yield Case(alert, over, for_s - STEP_S)
    yield Case(alert, over, last, told)
    yield Case(alert, at_limit, 2 * for_s + 10 * STEP_S)


def _in_euro(name: str, value: float) -> Series:
    return {f'{name}{{job="ledger",currency="EUR"}}': _gauge(value)}


def invariants() -> Iterator[Case]:
    """One cent is enough."""
    euro = {"currency": "EUR"}
    for alert, metric in (
        ("LedgerImbalance", "ar_ledger_imbalance"),
        ("LedgerControlDifference", "ar_ledger_control_difference"),
        ("ExposureDrift", "ar_credit_exposure_drift"),
    ):
        yield from _sides(alert, _in_euro(metric, 0.001), _in_euro(metric, 0), 0, euro)
    yield from _sides(
        "NumberGap",
        {'ar_number_gaps{job="invoicing"}': _gauge(1)},
        {'ar_number_gaps{job="invoicing"}': _gauge(0)},
        0,
        {},
    )
    broken = 'ar_acts_chain_breaks{job="ledger"}'
    yield from _sides("AuditTrailBroken", {broken: _gauge(1)}, {broken: _gauge(0)}, 0, {"job": "ledger"})


def _read_ago(job: str, seconds: float) -> Series:
    """A service whose figures are always so old."""
    return {f'ar_figures_timestamp_seconds{{job="{job}"}}': f"{-seconds}+{STEP_S}x300"}


def _documents(issued: str, posted: str, lag_s: float = 0, outbox_s: float = 0) -> Series:
    return FRESH | {
        'ar_issued_amount{job="invoicing",kind="invoice",currency="EUR"}': issued,
        'ar_posted_amount{job="ledger",kind="invoice",currency="EUR"}': posted,
        'ar_consumer_lag_seconds{job="ledger"}': _gauge(lag_s),
        'ar_outbox_oldest_age_seconds{job="invoicing"}': _gauge(outbox_s),
    }


def in_flight() -> Iterator[Case]:
    """What is under way is no difference; what nothing can explain is one after five minutes."""
    labels = {"currency": "EUR", "kind": "invoice"}
    told = (tuple(sorted(labels.items())),)
    five = 5 * MINUTE
    less, more = _documents(_gauge(100.001), _gauge(100)), _documents(_gauge(100), _gauge(100.001))
    for alert, series in (("IssuedNotPosted", less), ("PostedNotIssued", more)):
        yield Case(alert, series, five + MINUTE - STEP_S)
        yield Case(alert, series, five + MINUTE + STEP_S, told)
        yield Case(alert, _documents(_gauge(100), _gauge(100)), 3600)
    # A tenth of a cent is a fact; half of it can only be a float's error.
    yield Case("IssuedNotPosted", _documents(_gauge(100.0005), _gauge(100)), 3600)
    yield Case("PostedNotIssued", _documents(_gauge(100), _gauge(100.0005)), 3600)
    # Something is always under way; only what may have been for a minute explains a difference.
    yield Case("IssuedNotPosted", _documents(_gauge(100.01), _gauge(100), lag_s=30, outbox_s=30), 3600, told)
    yield Case("IssuedNotPosted", _documents(_gauge(100.01), _gauge(100), lag_s=61), 3600)
    yield Case("IssuedNotPosted", _documents(_gauge(100.01), _gauge(100), outbox_s=61), 3600)
    # Figures older than four minutes say nothing of what was issued five minutes ago.
    for alert, series, reader in (("IssuedNotPosted", less, "ledger"), ("PostedNotIssued", more, "invoicing")):
        yield Case(alert, series | _read_ago(reader, 230), 3600, told)
        yield Case(alert, series | _read_ago(reader, 250), 3600)
    # Always a batch behind, as under load, is no difference either.
    yield Case("IssuedNotPosted", _documents("100+10x300", "90+10x300"), 3600)
    yield Case("IssuedNotPosted", {k: v for k, v in less.items() if "ledger" not in k}, 3600)  # ledger away
    # The first invoice ever, and the ledger has no series of its own yet.
    first = {k: v for k, v in less.items() if "posted" not in k}
    yield Case("IssuedNotPosted", first, 3600, told)
    # The reverse: booked, and invoicing knows of none.
    yield Case("PostedNotIssued", {k: v for k, v in more.items() if "ar_issued" not in k}, 3600, told)


def _exposure(used: str, owed: float | str, lag_s: float = 0, outbox_s: float = 0) -> Series:
    return FRESH | {
        'ar_credit_used{job="credit",currency="EUR"}': used,
        'ar_receivables{job="ledger",currency="EUR",bucket="not_due"}': owed if isinstance(owed, str) else _gauge(owed),
        'ar_receivables{job="ledger",currency="EUR",bucket="1_30"}': _gauge(5),
        'ar_cash_unallocated{job="ledger",currency="EUR"}': _gauge(3),
        'ar_customer_credits{job="ledger",currency="EUR"}': _gauge(2),
        'ar_consumer_lag_seconds{job="credit"}': _gauge(lag_s),
        'ar_outbox_oldest_age_seconds{job="ledger"}': _gauge(outbox_s),
    }


def exposure() -> Iterator[Case]:
    """Open items of 100 and 5, less 3 and 2, are a use of 100."""
    labels = {"currency": "EUR"}
    yield from _sides("ExposureNotLedger", _exposure(_gauge(100.001), 100), _exposure(_gauge(100), 100), 300, labels)
    yield from _sides(
        "ExposureNotLedger", _exposure(_gauge(99.999), 100), _exposure(_gauge(100.0005), 100), 300, labels
    )
    told = (tuple(labels.items()),)
    wrong = _exposure(_gauge(101), 100)
    yield Case("ExposureNotLedger", _exposure(_gauge(101), 100, lag_s=120, outbox_s=120), 3600, told)
    yield Case("ExposureNotLedger", _exposure(_gauge(101), 100, lag_s=241), 3600)
    yield Case("ExposureNotLedger", _exposure(_gauge(101), 100, outbox_s=241), 3600)
    for reader in ("credit", "ledger"):
        yield Case("ExposureNotLedger", wrong | _read_ago(reader, 290), 3600, told)
        yield Case("ExposureNotLedger", wrong | _read_ago(reader, 310), 3600)
    yield Case("ExposureNotLedger", _exposure("0+1x300", 100), 3600)  # something moves
    # What moved last, at 630 s, on either side, must have been still for ten minutes, and that for five.
    for series in (_exposure("50x20 101x280", 100), _exposure(_gauge(101), "50x20 100x280")):
        yield Case("ExposureNotLedger", series, 630 + 15 * MINUTE - STEP_S)
        yield Case("ExposureNotLedger", series, 630 + 15 * MINUTE + STEP_S, told)
    # The ledger has nothing of a currency that credit's buyers use.
    yield Case("ExposureNotLedger", {k: v for k, v in wrong.items() if 'ledger",currency' not in k}, 3600, told)


def standing_still() -> Iterator[Case]:
    """Who is silent, who waits, who is stuck."""
    here = {f'ar_outbox_pending{{job="{job}"}}': _gauge(0) for job in SERVICES}
    for job in SERVICES:
        without = {name: values for name, values in here.items() if job not in name}
        yield Case("ServiceSilent", without, 2 * MINUTE - STEP_S)
        yield Case("ServiceSilent", without, 2 * MINUTE + STEP_S, ((("job", job),),))
    yield Case("ServiceSilent", here, 3600)
    labels = {"job": "ledger", "dependency": "broker"}
    series = 'ar_dependency_up{job="ledger",dependency="broker"}'
    yield from _sides("DependencyDown", {series: _gauge(0)}, {series: _gauge(1)}, 2 * MINUTE, labels)
    age = 'ar_outbox_oldest_age_seconds{job="credit"}'
    yield from _sides("OutboxStale", {age: _gauge(61)}, {age: _gauge(60)}, 0, {"job": "credit"})
    link = 'ar_jobs_oldest_age_seconds{job="portal",kind="link"}'
    yield from _sides("SignInLinksStuck", {link: _gauge(61)}, {link: _gauge(60)}, MINUTE, {})
    yield Case("SignInLinksStuck", {'ar_jobs_oldest_age_seconds{job="notifications",kind="letter"}': _gauge(900)}, 3600)
    post = 'ar_jobs_oldest_age_seconds{job="notifications",kind="post"}'
    yield from _sides("PostUnread", {post: _gauge(301)}, {post: _gauge(300)}, MINUTE, {})
    yield Case("PostUnread", {'ar_jobs_oldest_age_seconds{job="notifications",kind="letter"}': _gauge(900)}, 3600)
    lag, offset = 'ar_consumer_lag_records{job="disputes"}', 'ar_consumer_committed_offset{job="disputes",topic="t"}'
    stuck = {lag: _gauge(1), offset: _gauge(7)}
    yield from _sides("ConsumerStuck", stuck, {lag: _gauge(0), offset: _gauge(7)}, 5 * MINUTE, {"job": "disputes"})
    yield Case("ConsumerStuck", {lag: _gauge(9), offset: "7+1x300"}, 3600)
    # One more handled after a standstill: for five minutes that counts as progress, and then five more pass.
    once = {lag: _gauge(1), offset: "7x19 8x280"}
    yield Case("ConsumerStuck", once, 20 * STEP_S + 10 * MINUTE - 2 * STEP_S)
    yield Case("ConsumerStuck", once, 20 * STEP_S + 10 * MINUTE + STEP_S, ((("job", "disputes"),),))


def outside() -> Iterator[Case]:
    """A source that was asked and did not answer for half an hour, and one that did now and then."""

    def asked(outcome: str, values: str, source: str = "registry") -> Series:
        return {f'ar_credit_source_seconds_count{{job="credit",source="{source}",outcome="{outcome}"}}': values}

    told, never, half_an_hour = ((("source", "registry"),),), asked("told", _gauge(0)), 30 * MINUTE
    failing = asked("away", "0+1x300") | never
    yield Case("SourceAway", failing, half_an_hour)
    yield Case("SourceAway", failing, half_an_hour + 2 * STEP_S, told)
    yield Case("SourceAway", asked("late", "0+0.01x300") | never, 3600, told)
    yield Case("SourceAway", asked("late", "0+1x300") | asked("told", "0+0.01x300"), 7200)  # late first, then answered
    yield Case("SourceAway", failing | asked("told", "0+1x300", "bureau"), 7200, told)
    # Asked once, or no more; and every 25 minutes.
    yield Case("SourceAway", asked("away", _gauge(9)) | never, 7200)
    yield Case("SourceAway", asked("away", "0x9 1x290") | never, 300 + half_an_hour + 2 * STEP_S)
    yield Case("SourceAway", asked("away", "0x49 1x49 2x49 3x150") | never, 1500 + half_an_hour + 2 * STEP_S, told)
    # It answered after five minutes for the last time: that counts for half an hour, and half an hour more has to pass.
    once = failing | asked("told", "0x9 1x290")
    yield Case("SourceAway", once, 2 * half_an_hour)
    yield Case("SourceAway", once, 2 * half_an_hour + 12 * STEP_S, told)


def rates() -> Iterator[Case]:
    """One seller whose rates soon decide nothing is enough."""
    expiring = 'ar_credit_rates_expiring{job="credit"}'
    yield from _sides("RatesOld", {expiring: _gauge(1)}, {expiring: _gauge(0)}, 30 * MINUTE, {})


def unread() -> Iterator[Case]:
    """One message that nobody could read is enough."""
    left = 'ar_responses_unread{job="disputes"}'
    yield from _sides("ResponsesUnread", {left: _gauge(1)}, {left: _gauge(0)}, 30 * MINUTE, {})


def promised() -> Iterator[Case]:
    """One application that waits beyond its promise is enough; those that are only later than usual are none."""
    waits = 'ar_credit_applications_waiting{job="credit",over="%s"}'
    missed, none = {waits % "promised": _gauge(1)}, {waits % "promised": _gauge(0), waits % "usual": _gauge(9)}
    yield from _sides("PromisesMissed", missed, none, 5 * MINUTE, {})


def unowned() -> Iterator[Case]:
    """One case that nobody has is enough."""
    waits = 'ar_disputes_without_owner{job="disputes"}'
    yield from _sides("CasesWithoutOwner", {waits: _gauge(1)}, {waits: _gauge(0)}, 30 * MINUTE, {})


def shut_out() -> Iterator[Case]:
    """Mail that is told to come again while none is taken."""
    refused, taken = 'ar_post_refused_total{job="notifications",code="451"}', 'ar_post_taken_total{job="notifications"}'
    slowly = {refused: "0+0.01x300"}
    yield from _sides("PostNotTaken", slowly, {refused: _gauge(5)}, 5 * MINUTE, {})
    yield Case("PostNotTaken", slowly | {taken: "0+1x300"}, 3600)
    yield Case("PostNotTaken", {'ar_post_refused_total{job="notifications",code="550"}': "0+1x300"}, 3600)
    # Refused, or taken, once at 600 s: half an hour later nothing is known of it.
    once = {refused: "0x19 0.5x280"}
    yield Case("PostNotTaken", once, 600 + 28 * MINUTE, ((),))
    yield Case("PostNotTaken", once, 600 + 31 * MINUTE)
    meanwhile = slowly | {taken: "0x19 0.5x280"}
    yield Case("PostNotTaken", meanwhile, 600 + 33 * MINUTE)
    yield Case("PostNotTaken", meanwhile, 600 + 36 * MINUTE, ((),))


def ageing() -> Iterator[Case]:
    """An event that gets older while five minutes pass; one that somebody catches up with gets younger."""
    told = ((("job", "ledger"),),)

    def oldest(values: str) -> Series:
        return {'ar_consumer_lag_seconds{job="ledger"}': values}

    old = oldest("301+30x300")
    yield Case("PartitionStuck", old, 6 * MINUTE - STEP_S)
    yield Case("PartitionStuck", old, 6 * MINUTE + STEP_S, told)
    yield Case("PartitionStuck", oldest("300x10 900x290"), 600)
    yield Case("PartitionStuck", oldest("1000+18x300"), 3600)  # three minutes in five: somebody goes on, too slowly
    yield Case("PartitionStuck", oldest("1000+18.5x300"), 3600, told)
    yield Case("PartitionStuck", oldest("9000-20x300"), 3600)  # catches up
    # A replica that starts again and again knows of nothing for a minute and a half.
    again = oldest(" ".join(str(0 if n % 4 else STEP_S * n) for n in range(100)))
    for later in range(4):
        yield Case("PartitionStuck", again, 2400 + later * STEP_S, told)
    # It was handled: what was seen more than two minutes ago calls nobody.
    handled = oldest("310x10 1000x2 0x280")
    yield Case("PartitionStuck", handled, 510, told)
    yield Case("PartitionStuck", handled, 540)
    # It got younger more than seven minutes ago: what waits now is another, and has been waiting since.
    yield Case("PartitionStuck", oldest("900x10 310x13 600x280"), 810, told)


def waiting() -> Iterator[Case]:
    """What waits for a person, by its reason."""

    def parked(reason: str, count: int) -> Series:
        return {f'ar_parked_events{{job="credit",reason="{reason}"}}': _gauge(count)}

    for alert, reasons, for_s in (
        ("EventsFailed", ["failed"], MINUTE),
        ("EventsParked", ["unreadable", "refused", "behind"], 5 * MINUTE),
        ("EventsEarly", ["early"], 60 * MINUTE),
    ):
        for reason in reasons:
            labels = {"job": "credit", "reason": reason}
            yield from _sides(alert, parked(reason, 1), parked(reason, 0), for_s, labels)
    paused = 'ar_tenants_paused{job="credit"}'
    yield from _sides("TenantsPaused", {paused: _gauge(1)}, {paused: _gauge(0)}, MINUTE, {"job": "credit"})


def unseen() -> Iterator[Case]:
    """Invariants that are not computed, promises that are not measured."""
    stamp, took = 'ar_figures_timestamp_seconds{job="credit"}', 'ar_figures_duration_seconds{job="credit"}'
    old = {stamp: _gauge(1), took: _gauge(2)}  # 900 s and 150 * 2 s
    yield Case("FiguresStale", old, 1200 + 2 * MINUTE)
    yield Case("FiguresStale", old, 1200 + 2 * MINUTE + 2 * STEP_S, ((("job", "credit"),),))
    yield Case("FiguresStale", {stamp: f"0+{STEP_S}x300", took: _gauge(0.1)}, 7200)
    # It started a quarter of an hour ago, and has read none since.
    started = {stamp: _gauge(0), took: _gauge(0), 'process_start_time_seconds{job="credit"}': _gauge(900)}
    yield Case("FiguresStale", started, 1800 + 2 * MINUTE)
    yield Case("FiguresStale", started, 1800 + 2 * MINUTE + 2 * STEP_S, ((("job", "credit"),),))
    chained = 'ar_acts_chained_timestamp_seconds{job="credit"}'
    lags = {chained: _gauge(1)}
    yield Case("AuditTrailLags", lags, 900 + 2 * MINUTE)
    yield Case("AuditTrailLags", lags, 900 + 2 * MINUTE + 2 * STEP_S, ((("job", "credit"),),))
    yield Case("AuditTrailLags", {chained: f"0+{STEP_S}x300"}, 7200)
    waits = {chained: _gauge(0), 'process_start_time_seconds{job="credit"}': _gauge(900)}
    yield Case("AuditTrailLags", waits, 1800 + 2 * MINUTE)
    yield Case("AuditTrailLags", waits, 1800 + 2 * MINUTE + 2 * STEP_S, ((("job", "credit"),),))
    decide = 'grpc_service="receivables.credit.v1.CreditService",grpc_method="Decide"'
    indicators = {
        f"grpc_server_handling_seconds_count{{{decide}}}": decide,
        'ar_event_delay_seconds_count{job="invoicing",event_type="receivables.orders.v1.OrderShipped"}': "",
        'ar_mails_total{answer="taken"}': "",
        'ar_http_request_seconds_count{job="portal"}': "",
    }
    names = {
        0: {"grpc_service": "receivables.credit.v1.CreditService", "grpc_method": "Decide"},
        1: {"job": "invoicing", "event_type": "receivables.orders.v1.OrderShipped"},
        2: {"answer": "taken"},
        3: {"job": "portal"},
    }
    here = dict.fromkeys(indicators, _gauge(0))
    yield Case("ObjectiveSilent", here, 7200)
    for nth, series in enumerate(indicators):
        without = {name: values for name, values in here.items() if name != series}
        yield Case("ObjectiveSilent", without, 10 * MINUTE - STEP_S)
        yield Case("ObjectiveSilent", without, 10 * MINUTE + STEP_S, (tuple(sorted(names[nth].items())),))


def _traffic(alert: str, bad: float) -> Series:
    """A thousand a sample, of which this share is bad."""
    return _counted(alert, f"0+{1000 * (1 - bad):.6f}x300", f"0+{1000 * bad:.6f}x300", "0+1000x300")


def _traffic_of(alert: str, bad: list[float]) -> Series:
    """A thousand a sample, of which these shares are bad, one after the other."""
    failed = [0.0, *accumulate(1000 * share for share in bad)]
    good = [1000 * n - count for n, count in enumerate(failed)]
    said_good, said_bad = (" ".join(f"{count:.6f}" for count in counts) for counts in (good, failed))
    return _counted(alert, said_good, said_bad, f"0+1000x{len(bad)}")


def _counted(alert: str, good: str, bad: str, everything: str) -> Series:
    """The series from which an objective is computed."""
    decide = 'grpc_service="receivables.credit.v1.CreditService",grpc_method="Decide"'
    shipped = 'job="invoicing",event_type="receivables.orders.v1.OrderShipped"'
    return {
        "DecisionAvailabilityBurn": {
            f'grpc_server_handled_total{{{decide},grpc_code="OK"}}': good,
            f'grpc_server_handled_total{{{decide},grpc_code="UNAVAILABLE"}}': bad,
        },
        "DecisionLatencyBurn": {
            f'grpc_server_handling_seconds_bucket{{{decide},le="0.25"}}': good,
            f"grpc_server_handling_seconds_count{{{decide}}}": everything,
        },
        "InvoicingDelayBurn": {
            f'ar_event_delay_seconds_bucket{{{shipped},le="5.0"}}': everything,
            f"ar_event_delay_seconds_count{{{shipped}}}": everything,
            'ar_job_delay_seconds_bucket{job="invoicing",kind="draft",le="5.0"}': good,
            'ar_job_delay_seconds_count{job="invoicing",kind="draft"}': everything,
        },
        "PageAvailabilityBurn": {
            'ar_http_requests_total{job="portal",route="GET /",status="200"}': good,
            'ar_http_requests_total{job="portal",route="GET /",status="503"}': bad,
        },
        "PageLatencyBurn": {
            'ar_http_request_seconds_bucket{job="portal",route="GET /",le="0.25"}': good,
            'ar_http_request_seconds_count{job="portal",route="GET /"}': everything,
        },
        "MailAcceptanceBurn": {'ar_mails_total{answer="taken"}': good, 'ar_mails_total{answer="never"}': bad},
    }[alert]


def burns() -> Iterator[Case]:
    """A hundredth above a limit its rule fires, and those of slower burns; a hundredth below it does not."""
    for objective in OBJECTIVES:
        for nth, burn in enumerate(BURNS):
            limit = burn.factor * (1 - objective.goal)
            for share, from_ in ((limit * 1.01, nth), (limit * 0.99, nth + 1)):
                fires = tuple((("window", span(slower.long_s)),) for slower in BURNS[from_:])
                yield Case(objective.alert, _traffic(objective.alert, share), 3600, fires)
        every = tuple((("window", span(burn.long_s)),) for burn in BURNS)
        yield Case(
            objective.alert, _traffic(objective.alert, 1), 2 * MINUTE
        )  # it must have lasted, from two samples on
        yield Case(objective.alert, _traffic(objective.alert, 1), 2 * MINUTE + STEP_S, every)
        yield Case(objective.alert, {}, 3600)  # without traffic a ratio is silent


def bursts(objective: Objective, burn: Burn) -> Iterator[Case]:
    """A bad time that began late in the long window, and one that ended early in the short one.

    For one burn alone: its windows decide, so the traffic comes in steps of a thirtieth of its short one.
    """
    step = burn.short_s // 30
    long = burn.long_s // step
    limit = burn.factor * (1 - objective.goal)
    bad = min(1, 2 * limit)
    began, ended = limit / bad, 1 - limit / bad  # the share of a window after which it crosses the limit
    told = ((("window", span(burn.long_s)),),)

    def case(good: int, bad_for: int, after: int, fires: bool) -> Case:
        shares = [0.0] * good + [bad] * bad_for + [0.0] * after
        at = float((good + bad_for + after) * step)
        return Case(objective.alert, _traffic_of(objective.alert, shares), at, told if fires else (), step)

    yield case(long, round(0.8 * began * long), 0, fires=False)
    yield case(long, round(1.2 * began * long), 0, fires=True)
    yield case(0, 2 * long, round(0.8 * ended * 30), fires=True)
    yield case(0, 2 * long, round(1.2 * ended * 30), fires=False)


def cases() -> list[Case]:
    """All of them."""
    watchdog = Case("Watchdog", {}, 0, ((),))
    return [
        *invariants(),
        *in_flight(),
        *exposure(),
        *standing_still(),
        *promised(),
        *unowned(),
        *shut_out(),
        *ageing(),
        *outside(),
        *rates(),
        *unread(),
        *waiting(),
        *unseen(),
        *burns(),
        watchdog,
    ]

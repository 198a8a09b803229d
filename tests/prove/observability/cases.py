"""For every alert: series on either side of its limit, and when it must and must not fire."""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.prometheus.alerts import BURNS, MINUTE, OBJECTIVES, SERVICES, span

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


def _documents(issued: str, posted: str, lag: int = 0, outbox: int = 0) -> Series:
    return FRESH | {
        'ar_issued_amount{job="invoicing",kind="invoice",currency="EUR"}': issued,
        'ar_posted_amount{job="ledger",kind="invoice",currency="EUR"}': posted,
        'ar_consumer_lag_records{job="ledger"}': _gauge(lag),
        'ar_outbox_pending{job="invoicing"}': _gauge(outbox),
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
    yield Case("IssuedNotPosted", _documents(_gauge(100.01), _gauge(100), lag=1), 3600)
    yield Case("IssuedNotPosted", _documents(_gauge(100.01), _gauge(100), outbox=1), 3600)
    # Always a batch behind, as under load, is no difference either.
    yield Case("IssuedNotPosted", _documents("100+10x300", "90+10x300"), 3600)
    yield Case("IssuedNotPosted", {k: v for k, v in less.items() if "ledger" not in k}, 3600)  # ledger away
    # The first invoice ever, and the ledger has no series of its own yet.
    first = {k: v for k, v in less.items() if "posted" not in k}
    yield Case("IssuedNotPosted", first, 3600, told)


def _exposure(used: str, owed: float, lag: int = 0) -> Series:
    return FRESH | {
        'ar_credit_used{job="credit",currency="EUR"}': used,
        'ar_receivables{job="ledger",currency="EUR",bucket="not_due"}': _gauge(owed),
        'ar_receivables{job="ledger",currency="EUR",bucket="1_30"}': _gauge(5),
        'ar_cash_unallocated{job="ledger",currency="EUR"}': _gauge(3),
        'ar_customer_credits{job="ledger",currency="EUR"}': _gauge(2),
        'ar_consumer_lag_records{job="credit"}': _gauge(lag),
        'ar_outbox_pending{job="ledger"}': _gauge(0),
    }


def exposure() -> Iterator[Case]:
    """Open items of 100 and 5, less 3 and 2, are a use of 100."""
    labels = {"currency": "EUR"}
    yield from _sides("ExposureNotLedger", _exposure(_gauge(100.001), 100), _exposure(_gauge(100), 100), 300, labels)
    yield from _sides(
        "ExposureNotLedger", _exposure(_gauge(99.999), 100), _exposure(_gauge(100.0005), 100), 300, labels
    )
    yield Case("ExposureNotLedger", _exposure(_gauge(101), 100, lag=1), 3600)
    yield Case("ExposureNotLedger", _exposure("0+1x300", 100), 3600)  # something moves


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
    lag, offset = 'ar_consumer_lag_records{job="disputes"}', 'ar_consumer_committed_offset{job="disputes",topic="t"}'
    stuck = {lag: _gauge(1), offset: _gauge(7)}
    yield from _sides("ConsumerStuck", stuck, {lag: _gauge(0), offset: _gauge(7)}, 5 * MINUTE, {"job": "disputes"})
    yield Case("ConsumerStuck", {lag: _gauge(9), offset: "7+1x300"}, 3600)
    # One more handled after a standstill: for five minutes that counts as progress, and then five more pass.
    once = {lag: _gauge(1), offset: "7x19 8x280"}
    yield Case("ConsumerStuck", once, 20 * STEP_S + 10 * MINUTE - 2 * STEP_S)
    yield Case("ConsumerStuck", once, 20 * STEP_S + 10 * MINUTE + STEP_S, ((("job", "disputes"),),))


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


def unseen() -> Iterator[Case]:
    """Invariants that are not computed, promises that are not measured."""
    stamp, took = 'ar_figures_timestamp_seconds{job="credit"}', 'ar_figures_duration_seconds{job="credit"}'
    old = {stamp: _gauge(0), took: _gauge(2)}  # 900 s and 150 * 2 s
    yield Case("FiguresStale", old, 1200 + 2 * MINUTE)
    yield Case("FiguresStale", old, 1200 + 2 * MINUTE + 2 * STEP_S, ((("job", "credit"),),))
    yield Case("FiguresStale", {stamp: f"0+{STEP_S}x300", took: _gauge(0.1)}, 7200)
    decide = 'grpc_service="receivables.credit.v1.CreditService",grpc_method="Decide"'
    indicators = {
        f"grpc_server_handling_seconds_count{{{decide}}}": decide,
        'ar_event_delay_seconds_count{job="invoicing",event_type="receivables.orders.v1.OrderShipped"}': "",
        'ar_mails_total{answer="taken"}': "",
    }
    names = {
        0: {"grpc_service": "receivables.credit.v1.CreditService", "grpc_method": "Decide"},
        1: {"job": "invoicing", "event_type": "receivables.orders.v1.OrderShipped"},
        2: {"answer": "taken"},
    }
    here = dict.fromkeys(indicators, _gauge(0))
    yield Case("ObjectiveSilent", here, 7200)
    for nth, series in enumerate(indicators):
        without = {name: values for name, values in here.items() if name != series}
        yield Case("ObjectiveSilent", without, 10 * MINUTE - STEP_S)
        yield Case("ObjectiveSilent", without, 10 * MINUTE + STEP_S, (tuple(sorted(names[nth].items())),))


def _traffic(alert: str, bad: float) -> Series:
    """A thousand a sample, of which this share is bad."""
    good, everything = f"0+{1000 * (1 - bad):.6f}x300", "0+1000x300"
    decide = 'grpc_service="receivables.credit.v1.CreditService",grpc_method="Decide"'
    shipped = 'job="invoicing",event_type="receivables.orders.v1.OrderShipped"'
    return {
        "DecisionAvailabilityBurn": {
            f'grpc_server_handled_total{{{decide},grpc_code="OK"}}': good,
            f'grpc_server_handled_total{{{decide},grpc_code="UNAVAILABLE"}}': f"0+{1000 * bad:.6f}x300",
        },
        "DecisionLatencyBurn": {
            f'grpc_server_handling_seconds_bucket{{{decide},le="0.25"}}': good,
            f"grpc_server_handling_seconds_count{{{decide}}}": everything,
        },
        "InvoicingDelayBurn": {
            f'ar_event_delay_seconds_bucket{{{shipped},le="5.0"}}': good,
            f"ar_event_delay_seconds_count{{{shipped}}}": everything,
        },
        "MailAcceptanceBurn": {
            'ar_mails_total{answer="taken"}': good,
            'ar_mails_total{answer="never"}': f"0+{1000 * bad:.6f}x300",
        },
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
        yield Case(objective.alert, _traffic(objective.alert, 1), 2 * MINUTE + 3 * STEP_S, every)
        yield Case(objective.alert, {}, 3600)  # without traffic a ratio is silent


def cases() -> list[Case]:
    """All of them."""
    watchdog = Case("Watchdog", {}, 0, ((),))
    return [
        *invariants(),
        *in_flight(),
        *exposure(),
        *standing_still(),
        *waiting(),
        *unseen(),
        *burns(),
        watchdog,
    ]

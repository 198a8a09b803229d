"""Each service alone, with everything that others tell it waiting on its topics, beside what its database could do.

What one run of the whole business told is told again, one kind of event after the other, to one, two and four
processes of a service; each must come to the same final state.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from deploy.demo.stack import rows
from deploy.local import postgres
from deploy.local.postgres import DatabaseUrls
from tests.benchmark import business, report, tape
from tests.benchmark.ceiling import Recorder
from tests.benchmark.effort import Effort
from tests.benchmark.lone import Goal, Lone, lone
from tests.benchmark.report import Section
from tests.benchmark.stand import PREFIX, FellOverError, Ground, ground
from tests.benchmark.tape import Tape, Told

ORDERS, CREDIT, INVOICING, LEDGER = (f"receivables.{name}.v1" for name in ("orders", "credit", "invoicing", "ledger"))
# What each service is told of an order, in the order of its causes; one kind after the other for all orders, because
# nothing could be said of a service that is told of a shipment before the order.
PHASES: Mapping[str, Sequence[tuple[str, str]]] = {
    "credit": ((ORDERS, "OrderPlaced"), (LEDGER, "ItemOpened")),
    "invoicing": ((ORDERS, "OrderPlaced"), (CREDIT, "CreditDecided"), (ORDERS, "OrderShipped")),
    "ledger": ((CREDIT, "CreditDecided"), (INVOICING, "InvoiceIssued"), (CREDIT, "HoldCaptured")),
    "notifications": (
        (ORDERS, "OrderPlaced"),
        (CREDIT, "CreditDecided"),
        (ORDERS, "OrderShipped"),
        (INVOICING, "InvoiceIssued"),
    ),
    "disputes": ((INVOICING, "InvoiceIssued"),),
}
AIMS = {"credit": "50 %", "ledger": "50 %", "invoicing": "30 %", "notifications": "30 %"}
# What must be the same however many processes did it: sums and counts, and nothing that depends on who came first.
STATES = {
    "credit": """SELECT account_id, used_minor, held_minor, (SELECT count(*) FROM hold h WHERE h.account_id = a.account_id
                   AND h.state = 'CAPTURED') FROM account a ORDER BY 1""",
    "invoicing": """SELECT account_id, count(*), sum(gross_minor), (SELECT max(series_number) FROM issued)
                      FROM issued GROUP BY 1 ORDER BY 1""",
    "ledger": """SELECT entry.account_id, chart_account, sum(minor), count(*) FROM posting JOIN entry USING (tenant, entry_id)
                  GROUP BY 1, 2 ORDER BY 1, 2""",
    "notifications": "SELECT contact_id, event_type, weight, count(*) FROM message GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "disputes": "SELECT account_id, count(*), sum(gross_minor), sum(open_minor) FROM invoice GROUP BY 1 ORDER BY 1",
}
WORKERS = (1, 2, 4)
PHASE_S = 600.0
LOOK_S = 0.05
WARM_SHARE = 10  # one order in so many comes before, and is not counted


def alone(effort: Effort) -> Section:
    """A row a service."""
    table_: list[list[str]] = []
    failed = False
    with ground(effort.say) as servers:
        taped = tape.record(servers, 200 if effort.quick else 4400)
        for name in list(PHASES)[: 1 if effort.quick else None]:
            try:
                table_.append(_row(servers, taped, name, effort))
            except FellOverError as error:
                table_.append([name, f"fell over: {error}", "", "", "", "", ""])
                failed = True
    measured = taped.orders - taped.orders // WARM_SHARE
    text = [
        f"{report.conditions(effort)}, {measured:,} orders each, after {taped.orders // WARM_SHARE:,} to warm up; several"
        " processes once each, with the same final state. The ceiling is what one backend of the database does at best"
        f" by pgbench: the same rows, {500} orders a transaction (tests/benchmark/ceiling.py).",
        report.table(
            ["orders/s", *(f"{n} process{'es' * (n > 1)}" for n in WORKERS), "ceiling", "share of it", "aim"], table_
        ),
    ]
    return Section("alone", "Each service alone", "\n\n".join(text), fell_over=failed)


def _row(servers: Ground, taped: Tape, name: str, effort: Effort) -> list[str]:
    goals: list[Goal] = []
    effort.say(f"{name} alone: what there is to do, and what its database could do at best")
    ceilings = [_ceiling(servers, taped, name, goals)]
    states: set[str] = set()
    speeds: dict[int, list[float]] = defaultdict(list)
    for workers in WORKERS[: 2 if effort.quick else None]:
        for nth in range(effort.runs if workers == 1 else 1):
            effort.say(f"{name} alone: {workers} process{'es' * (workers > 1)}, run {nth + 1}")
            speed, state = _measure(servers, taped, name, goals, workers)
            speeds[workers].append(speed)
            states.add(state)
            effort.say(f"  {speed:,.0f} orders a second")
    if len(states) > 1:
        raise FellOverError("the final state is not the same")
    share = [speed / ceilings[0] * 100 for speed in speeds[1]]
    return [
        name,
        *(report.spread(speeds[workers]) if speeds[workers] else "" for workers in WORKERS),
        report.spread(ceilings),
        f"{report.spread(share)} %",
        AIMS.get(name, ""),
    ]


def _ceiling(servers: Ground, taped: Tape, name: str, goals: list[Goal]) -> float:
    """Note what the service does and writes; `goals` gets what is done in each phase."""
    warm, measured = parts(taped, name)
    with begun(servers, taped, name, 1) as up:
        for records in warm:
            tape.tell(servers.servers.cluster.brokers(), records)
            up.at_rest()
        recorder = Recorder(servers.servers.admin_database_url, up.urls)
        recorder.start()
        for records in measured:
            before = up.standing()
            tape.tell(servers.servers.cluster.brokers(), records)
            up.at_rest()
            goals.append(_difference(up.standing(), before))
        urls = up.urls
        recorder.stop()
    return Recorder(servers.servers.admin_database_url, urls).orders_per_s(
        taped.orders - taped.orders // WARM_SHARE, servers.folder
    )


def _measure(servers: Ground, taped: Tape, name: str, goals: Sequence[Goal], workers: int) -> tuple[float, str]:
    """Orders a second through all phases, and the final state."""
    warm, measured = parts(taped, name)
    with begun(servers, taped, name, workers) as up:
        for records in warm:
            tape.tell(servers.servers.cluster.brokers(), records)
            up.at_rest()
        seconds = sum(_phase(up, records, goal) for records, goal in zip(measured, goals, strict=True))
        up.at_rest()
        state = repr(rows(up.urls, [business.TENANT], STATES[name]))
    return (taped.orders - taped.orders // WARM_SHARE) / seconds, hashlib.sha256(state.encode()).hexdigest()


def _phase(up: Lone, records: Sequence[Told], goal: Goal) -> float:
    """Seconds for all of one kind, counted from when all of them wait: what was done until then is taken off."""
    before, told = up.standing(), time.perf_counter()
    tape.tell(up.ground.servers.cluster.brokers(), records)
    early, waiting = up.handled() - before.handled, time.perf_counter()
    if not goal.handled:
        raise FellOverError(f"{up.name} handles nothing of {records[0].name}")
    while not _reached(up.standing(), before, goal):
        up.check()
        if time.perf_counter() - told > PHASE_S:
            raise FellOverError(f"not done after {PHASE_S:g} s: {up.standing()}, from {before} on, wanting {goal}")
        time.sleep(LOOK_S)
    if early > goal.handled / 2:  # what is left would say too little
        return time.perf_counter() - told
    return (time.perf_counter() - waiting) * goal.handled / (goal.handled - early)


def _difference(now: Goal, before: Goal) -> Goal:
    return Goal(now.handled - before.handled, now.announced - before.announced, now.mails - before.mails)


def _reached(now: Goal, before: Goal, goal: Goal) -> bool:
    done = _difference(now, before)
    return done.handled >= goal.handled and done.announced >= goal.announced and done.mails >= goal.mails


def parts(taped: Tape, name: str) -> tuple[list[list[Told]], list[list[Told]]]:
    """What a service is told, phase by phase: to warm up, and to be measured."""
    warm, measured = [], []
    few = taped.orders // WARM_SHARE
    for topic, kind in PHASES[name]:
        told = taped.of(topic, {kind})
        early = [one for one in told if _number(one) < few]
        warm.append(early)
        measured.append([one for one in told if _number(one) >= few])
    return warm, measured


def _number(told: Told) -> int:
    """Which order a record is about: the first for what is counted, the order in which they were placed."""
    return int(told.order.rpartition("-")[2])


@contextmanager
def begun(
    servers: Ground, taped: Tape, name: str, workers: int, prepare: Callable[[DatabaseUrls], None] = lambda _: None
) -> Iterator[Lone]:
    """So many processes of a service, on topics and a database as they were before the first order, then prepared."""
    admin = servers.servers.admin_database_url
    database = f"{PREFIX}_alone_{name}"
    tape.fresh_topics(servers.servers.cluster.brokers())
    postgres.drop(admin, database)
    urls = postgres.copy(admin, tape.template(name), database)
    prepare(urls)
    with lone(servers, name, urls, taped.environments[name], workers) as up:
        yield up

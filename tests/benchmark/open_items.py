"""What an order costs credit and the ledger beside a thousand, a hundred thousand and a million open items.

The items lie on the same 300 accounts; they are written by SQL, with the holds, entries and postings that they come
from. Then orders are told as in `alone`, and the CPU of the service and of its database's backends is counted.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import psycopg
from psycopg.conninfo import make_conninfo

from deploy.local.postgres import DatabaseUrls
from tests.benchmark import business, report, tape
from tests.benchmark.alone import begun, parts
from tests.benchmark.effort import Effort
from tests.benchmark.lone import Lone
from tests.benchmark.processes import DATABASE, Meter
from tests.benchmark.report import Section
from tests.benchmark.stand import FellOverError, Ground, database_name, database_pid, ground
from tests.benchmark.tape import Tape, Told

SIZES = (1_000, 100_000, 1_000_000)
SERVICES = ("credit", "ledger")
ORDERS = 2200  # told, of which one in ten is not counted
PHASE_S = 300.0  # for all of one kind of event

_ROWS = f"""(SELECT n, '{business.TENANT}' AS t, 'B' || lpad((n %% {business.BUYERS})::text, 3, '0') AS b
               FROM generate_series(1, %(items)s) AS n) AS s"""
_ENTRY = "('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid"
FILL = {
    "credit": (
        f"""INSERT INTO hold (tenant, order_id, version, account_id, state, currency, amount_minor, held_minor,
                              captured_minor, expires_at, site, cost_centre, purchase_order)
            SELECT t, 'old-' || n, 1, b, 'CAPTURED', 'EUR', 10000, 0, 10000, now() + interval '7 days', '', '', ''
              FROM {_ROWS}""",
        f"""INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by, currency,
                                  amount_minor, headroom_minor, expires_at, decided_at)
            SELECT t, 'old-' || n, 'old-' || n, 1, b, 'APPROVED', '{{within_limit}}', 'engine', 'EUR', 10000, 0, now(), now()
              FROM {_ROWS}""",
        f"""INSERT INTO movement (tenant, account_id, cause, used_minor, held_minor, at)
            SELECT t, b, 'item invoice/old-' || n, 10000, 0, now() FROM {_ROWS}""",
        """UPDATE account a SET used_minor = s.used FROM (SELECT account_id, sum(used_minor) AS used FROM movement
            GROUP BY 1) AS s WHERE a.account_id = s.account_id""",
    ),
    "ledger": (
        f"""INSERT INTO item (tenant, invoice_id, number, match_key, account_id, order_id, final, issued_on, due_on, currency,
                              amount_minor, open_minor)
            SELECT t, 'old-' || n, 'OLD-' || n, 'OLD' || n, b, 'old-' || n, true, current_date - 40, current_date - 10 + n %% 40,
                   'EUR', 10000, 10000 FROM {_ROWS}""",
        f"""INSERT INTO entry (tenant, account_id, entry_id, kind, reference, event_id, actor, reason, booked_at, effective_on)
            SELECT t, b, {_ENTRY}, 'invoice_issued', 'old-' || n, 'old-' || n, 'system', '', now(), current_date - 40
              FROM {_ROWS}""",
        f"""INSERT INTO posting (tenant, account_id, entry_id, line, chart_account, currency, minor)
            SELECT t, b, {_ENTRY}, line, CASE line WHEN 1 THEN 1100 ELSE 4000 END, 'EUR',
                   CASE line WHEN 1 THEN 10000 ELSE -10000 END FROM {_ROWS}, generate_series(1, 2) AS line""",
        """INSERT INTO balance (tenant, account_id, currency, chart_account, minor, items_minor)
           SELECT tenant, account_id, currency, chart_account, sum(minor), CASE chart_account WHEN 1100 THEN sum(minor) ELSE 0 END
             FROM posting GROUP BY 1, 2, 3, 4""",
    ),
}


def volume(effort: Effort) -> Section:
    """A row a service, a column a size."""
    sizes = SIZES[: 1 if effort.quick else None]
    failed = False
    rows = []
    with ground(effort.say) as servers:
        taped = tape.record(servers, 200 if effort.quick else ORDERS)
        for name in SERVICES:
            row = [name]
            for items in sizes:
                effort.say(f"{name} beside {items:,} open items")
                try:
                    process, database = _cost_ms(servers, taped, name, items)
                    row.append(f"{process + database:.2f} ({process:.2f} + {database:.2f})")
                except FellOverError as error:
                    row.append(f"fell over: {error}")
                    failed = True
            rows.append(row)
    text = [
        f"{report.conditions(effort)}, each once. CPU in ms an order, with the process's and its database's in brackets.",
        report.table(["open items", *(f"{items:,}" for items in sizes)], rows),
    ]
    return Section("volume", "An order's cost beside many open items", "\n\n".join(text), fell_over=failed)


def _cost_ms(servers: Ground, taped: Tape, name: str, items: int) -> tuple[float, float]:
    """CPU an order: of the process, and of its database's backends."""
    warm, measured = parts(taped, name)
    with begun(servers, taped, name, 1, partial(_fill, servers, name, items)) as up:
        for records in warm:
            tape.tell(servers.servers.kafka_bootstrap, records)
            up.at_rest()
        _wait(up, lambda: not up.count(ACTIVE))  # what it reads at its start, its figures
        roots = {name: up.processes[0].process.pid, DATABASE: database_pid(servers.servers)}
        with Meter(roots, {database_name(up.urls.server): name}) as meter:
            for records in measured:
                _tell_all(up, records)
    orders, used = taped.orders - len(warm[0]), meter.cpu_s()
    return used[name] * 1000 / orders, used[f"{DATABASE} of {name}"] * 1000 / orders


def _fill(servers: Ground, name: str, items: int, urls: DatabaseUrls) -> None:
    """Write so many, past triggers and foreign keys, which the statements respect by themselves."""
    url = make_conninfo(servers.servers.admin_database_url, dbname=database_name(urls.server))
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in FILL[name]:
            admin.execute(statement.encode(), {"items": items} if "%(" in statement else None)
        admin.execute("VACUUM ANALYZE")
        admin.execute("CHECKPOINT")


def _tell_all(up: Lone, records: Sequence[Told]) -> None:
    done = up.handled() + len(records)
    tape.tell(up.ground.servers.kafka_bootstrap, records)
    _wait(up, lambda: up.handled() >= done and not up.count(OUTBOX))


def _wait(up: Lone, until: Callable[[], bool]) -> None:
    """Look from outside, which takes nothing from the service."""
    deadline = time.monotonic() + PHASE_S
    while not until():
        up.check()
        if time.monotonic() > deadline:
            raise FellOverError(f"{up.name} is not done after {PHASE_S:g} s")
        time.sleep(0.1)


OUTBOX = "SELECT count(*) FROM outbox"
ACTIVE = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"""

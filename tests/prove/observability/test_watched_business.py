"""A whole business under watch: nothing cries wolf, no panel is empty; then each alert, provoked, reaches the pager."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import pytest
import requests
from psycopg.conninfo import conninfo_to_dict
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import service_pb2, service_pb2_grpc

from deploy.dashboards.panels import dashboards
from deploy.local.artifacts import ROOT
from deploy.prometheus.alerts import alerts
from services.chassis import jobs
from tests import callers
from tests.end_to_end.world import Trader
from tests.prove.observability.conftest import Watched

pytestmark = pytest.mark.prove

# The sample has bad input, whose events wait for a person at its end; everything may be slow while it starts.
EXPECTED = {
    "Watchdog",
    "EventsParked",
    "EventsEarly",
    "ObjectiveSilent",
    "ServiceSilent",
    "OutboxStale",
    "InvoicingDelayBurn",
}


def test_a_business_that_goes_well_wakes_nobody(watched: Watched):
    told = {alert["labels"]["alertname"] for alert in watched.pager.told}

    assert told - EXPECTED == set()
    watched.pager.await_("Watchdog")
    watched.pager.await_("EventsParked", job="credit")


@pytest.mark.parametrize(
    ("where", "expr"),
    [(f"{d.name}: {p.title}: {q.legend}", q.expr) for d in dashboards() for p in d.panels for q in p.queries],
)
def test_no_panel_is_empty_after_a_business(watched: Watched, where: str, expr: str):
    answer = [series for series in watched.prometheus.ask(expr) if series["value"][1] != "NaN"]

    assert answer, where


def test_what_finance_sees_is_what_the_books_say(watched: Watched):
    with watched.admin("ledger") as connection:
        rows = connection.execute(
            "SELECT currency, sum(open_minor) FROM item WHERE currency <> 'JPY' GROUP BY currency"
        ).fetchall()
    said = watched.prometheus.ask("sum by (currency) (ar_receivables)")

    found = {series["metric"]["currency"]: round(float(series["value"][1]) * 100) for series in said}
    assert {currency: found[currency] for currency, _ in rows} == {currency: int(minor) for currency, minor in rows}


def follow_the_runbook_of_failed_events(watched: Watched) -> None:
    """List, show, replay; then nothing of the kind waits."""
    [number] = re.findall(r"│ (\d+) +│ failed", watched.parked("credit", "list", "--reason", "failed"))
    assert "defect.RaiseException" in watched.parked("credit", "show", number)

    assert "handled" in watched.parked("credit", "replay", number, "--by", "user:test")

    assert "failed" not in watched.parked("credit", "list", "--reason", "failed")


def test_events_that_are_early_or_failed_reach_the_pager(watched: Watched, trader: Trader):
    trader.place("nobody-placed-it", "10", told=False)
    trader.ship("nobody-placed-it")
    with watched.admin("credit") as connection:
        connection.execute("""CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                              $$ BEGIN RAISE EXCEPTION 'a defect'; END $$""")
        connection.execute("CREATE TRIGGER broken BEFORE INSERT ON hold FOR EACH ROW EXECUTE FUNCTION broken()")
        trader.place("o-failed", "10")
        watched.stage.shop.flush()
        watched.pager.await_("EventsFailed", job="credit")
        connection.execute("DROP TRIGGER broken ON hold")
    follow_the_runbook_of_failed_events(watched)
    watched.pager.await_("EventsEarly", timeout=180, job="invoicing")
    trader.tell_placed("nobody-placed-it")
    trader.world.settle()


def test_mails_that_are_refused_reach_the_pager(watched: Watched, trader: Trader):
    for n in range(20):
        trader.person(f"bounce{n}", "AP_CLERK PROCUREMENT REQUESTER", "b1")
    trader.place("o-mails", "10")
    trader.world.settle()
    trader.ship("o-mails")

    watched.pager.await_("MailAcceptanceBurn", timeout=60)


def test_a_consumer_that_stands_still_and_late_invoices_reach_the_pager(watched: Watched, trader: Trader):
    trader.place("o-late", "10")
    trader.world.settle()
    with watched.admin("invoicing") as invoicing, watched.admin("disputes") as disputes:
        with invoicing.transaction(), disputes.transaction():
            invoicing.execute("SELECT * FROM handled FOR UPDATE")
            disputes.execute("SELECT * FROM handled FOR UPDATE")
            trader.ship("o-late")
            watched.stage.shop.flush()
            time.sleep(6)
        with disputes.transaction():
            disputes.execute("SELECT * FROM handled FOR UPDATE")
            watched.pager.await_("InvoicingDelayBurn", timeout=30)
            trader.place("o-late-2", "10")
            trader.ship("o-late-2")
            watched.stage.shop.flush()
            watched.pager.await_("ConsumerStuck", timeout=55, job="disputes")
            watched.pager.await_("PartitionStuck", timeout=55, job="disputes")
            assert any(row[-2] for row in watched.look("ConsumerStuck", "disputes"))  # who is blocked, and by whom
            assert any(row[-2] for row in watched.look("PartitionStuck", "disputes"))  # who is blocked, and by whom
    trader.world.settle()


def test_announcements_that_do_not_leave_reach_the_pager(watched: Watched, trader: Trader):
    with watched.admin("ledger") as connection:
        connection.execute("""CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
                              $$ BEGIN PERFORM pg_sleep(8); RETURN OLD; END $$""")
        connection.execute("CREATE TRIGGER slowly BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION slowly()")
        trader.pay("p-slow", "1")
        watched.pager.await_("OutboxStale", job="ledger")
        assert any("DELETE FROM outbox" in str(row[-1]) for row in watched.look("OutboxStale", "ledger"))
        connection.execute("DROP TRIGGER slowly ON outbox")
    trader.world.settle()


@contextmanager
def checkouts(watched: Watched, tenant: str) -> Iterator[None]:
    """Ask for decisions all the time, and wait two seconds for each."""
    stop = threading.Event()

    def ask(asker: int) -> None:
        stack = watched.stage.stack
        with callers.dialled(stack.running["credit"].address, "credit", by=stack.issuers) as channel:
            credit: Any = service_pb2_grpc.CreditServiceStub(channel)
            n = 0
            while not stop.wait(0.1):
                n += 1
                order_id = f"c{asker}-{time.time_ns()}"
                amount = money_pb2.Money(minor=100, currency="GBP")
                request = service_pb2.DecideRequest(order_id=order_id, version=1, account_id="b1", amount=amount)
                metadata = (("ar-tenant", tenant), ("ar-actor", "key:checkout"), ("ar-reason", "test"))
                try:
                    credit.Decide(request, timeout=2, metadata=(*metadata, ("ar-idempotency-key", order_id)))
                except grpc.RpcError:
                    continue

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, n) for n in range(4)]
        try:
            yield
        finally:
            stop.set()
    for one in asking:
        one.result()


def test_decisions_that_are_slow_or_not_to_be_had_reach_the_pager(watched: Watched, trader: Trader):
    running = watched.stage.stack.running["credit"]
    name = str(conninfo_to_dict(running.database.owner)["dbname"])
    with watched.admin("credit") as connection, checkouts(watched, trader.tenant):
        deadline = time.monotonic() + 60
        while not watched.pager.of("DecisionLatencyBurn") and time.monotonic() < deadline:
            with connection.transaction():
                connection.execute("SELECT * FROM account WHERE tenant = %s FOR UPDATE", [trader.tenant])
                time.sleep(0.5)
        watched.pager.await_("DecisionLatencyBurn", timeout=1)
    with watched.admin("ledger") as connection, checkouts(watched, trader.tenant):
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            watched.pager.await_("DependencyDown", job="credit", dependency="database")
            watched.pager.await_("DecisionAvailabilityBurn")
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    running.process.await_ready(60)


@contextmanager
def visitors(watched: Watched) -> Iterator[None]:
    """Somebody looks at the overview all the time, with a cookie of a session that there is not."""
    stop = threading.Event()
    base = f"http://localhost:{watched.stage.stack.http_port}"

    def look() -> None:
        while not stop.wait(0.05):
            with suppress(requests.RequestException):
                cookies = {"cookie": "__Host-session=nobodys"}
                requests.get(f"{base}/", headers=cookies, timeout=10, allow_redirects=False)

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield
        finally:
            stop.set()
    looking.result()


def test_pages_that_are_slow_or_fail_reach_the_pager(watched: Watched):
    with watched.admin("portal") as connection, visitors(watched):
        deadline = time.monotonic() + 60
        while not watched.pager.of("PageLatencyBurn") and time.monotonic() < deadline:
            with connection.transaction():
                connection.execute("LOCK TABLE session IN ACCESS EXCLUSIVE MODE")
                time.sleep(0.5)
        watched.pager.await_("PageLatencyBurn", timeout=1)
        connection.execute("ALTER TABLE session RENAME TO away")
        watched.pager.await_("PageAvailabilityBurn")
        connection.execute("ALTER TABLE away RENAME TO session")


def test_a_link_that_does_not_go_reaches_the_pager(watched: Watched):
    base, ours = f"http://localhost:{watched.stage.stack.http_port}", {"sec-fetch-site": "same-origin"}
    with watched.admin("portal") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [jobs._LOCK])  # nobody takes a job
        typed = {"address": "nobody@people.example", "next": "/"}
        assert requests.post(f"{base}/sign-in", data=typed, headers=ours, timeout=10).ok
        watched.pager.await_("SignInLinksStuck")
        assert watched.look("SignInLinksStuck")


def test_a_service_that_is_gone_reaches_the_pager(watched: Watched):
    service = watched.stage.stack.running["credit"]
    with service.lock:  # nobody starts it again meanwhile
        service.process.kill()
        watched.pager.await_("ServiceSilent", job="credit")
        watched.pager.await_("ObjectiveSilent", timeout=90, grpc_method="Decide")
        service.process.spawn()
    service.process.await_ready(60)


def test_figures_that_cannot_be_read_reach_the_pager(watched: Watched):
    role = str(conninfo_to_dict(watched.stage.stack.running["notifications"].database.server)["user"])
    with watched.admin("notifications") as connection:
        connection.execute(f"REVOKE SELECT ON vacancy FROM {role}".encode())
        watched.pager.await_("FiguresStale", timeout=90, job="notifications")
        connection.execute(f"GRANT SELECT ON vacancy TO {role}".encode())


ALTERED = {
    "LedgerImbalance": (
        "ledger",
        """UPDATE posting SET minor = minor + 1 WHERE (tenant, entry_id, line) = (SELECT tenant, entry_id, line
            FROM posting WHERE currency = 'EUR' AND chart_account = 4000 ORDER BY entry_id LIMIT 1)""",
    ),
    "ExposureDrift": (
        "credit",
        """UPDATE account SET used_minor = used_minor + 1 WHERE (tenant, account_id) = (SELECT tenant, account_id
            FROM account WHERE currency = 'EUR' LIMIT 1)""",
    ),
    "NumberGap": (
        "invoicing",
        """UPDATE series SET last = last + 1 WHERE (tenant, seller_id, kind, fiscal_year, code) =
            (SELECT tenant, seller_id, kind, fiscal_year, code FROM series LIMIT 1)""",
    ),
    "IssuedNotPosted": (
        "invoicing",
        """UPDATE issued SET gross_minor = gross_minor + 1, net_minor = net_minor + 1 WHERE (tenant, document_id) =
            (SELECT tenant, document_id FROM issued WHERE currency = 'EUR' AND kind <> '381' LIMIT 1)""",
    ),
    "PostedNotIssued": (
        "ledger",
        """UPDATE item SET amount_minor = amount_minor + 1 WHERE (tenant, invoice_id) =
            (SELECT tenant, invoice_id FROM item WHERE currency = 'SEK' LIMIT 1)""",
    ),
}


# How many wrong things the statements of a runbook show, to whoever was called: rows, or rows of two lists that differ.
SHOWN: dict[str, Callable[[list[Any]], float]] = {
    "LedgerImbalance": len,
    "ExposureDrift": len,
    "NumberGap": len,
    "IssuedNotPosted": lambda rows: sum(n == 1 for n in Counter(rows).values()) / 2,
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_cent_that_somebody_changed_reaches_the_pager(watched: Watched, name: str):
    assert not watched.pager.of(name)
    assert name not in SHOWN or SHOWN[name](watched.look(name)) == 0

    watched.alter(*ALTERED[name])

    told = watched.pager.await_(name)
    assert name == "NumberGap" or "0.01" in told["annotations"]["summary"]
    assert name not in SHOWN or SHOWN[name](watched.look(name)) == 1


def test_what_follows_from_those_reaches_the_pager_too(watched: Watched):
    watched.pager.await_("LedgerControlDifference")
    watched.pager.await_("ExposureNotLedger", timeout=120)


def test_the_pager_heard_every_alert_with_its_figures_and_its_page(watched: Watched):
    heard = {alert["labels"]["alertname"]: alert for alert in watched.pager.told}

    assert heard.keys() == {alert.name for alert in alerts()}
    for name, alert in heard.items():
        summary = alert["annotations"]["summary"]
        assert "{{" not in summary, summary
        assert "<no value>" not in summary, f"{name}: {summary}"
        assert (ROOT / "deploy" / "runbooks" / alert["annotations"]["runbook_url"].rsplit("/", 1)[1]).exists()

"""A database is lost, or restored from an older copy: what was told is taken back before anything new is told."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from pprint import pformat
from random import Random
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_events
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.demo import orders
from deploy.demo.desk import money
from deploy.demo.shop import TOPIC, Shop
from deploy.demo.stack import START_S, STOP_S, Running, rows
from deploy.local import postgres
from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls
from deploy.local.processes import wait_until
from deploy.local.trust import person
from services.chassis import told
from services.chassis.brokers import Brokers
from services.chassis.migrate import migrate
from services.chassis.topics import TOPICS, partitions
from tests.end_to_end.world import Trader, World

# What comes back, and what of it is of no meaning: ids of rows that nobody is told, places in lists, times of writing.
TABLES: dict[str, dict[str, set[str]]] = {
    "credit": {
        "account": set(),
        "account_called": set(),
        "order_of": set(),
        "shipment": set(),
        "hold": set(),
        "decision": set(),
        "movement": set(),
        "account_hold": {"reason"},
        "policy": set(),
        "seller": {"nth"},
        "seller_country": set(),
    },
    "invoicing": {
        "seller": {"position"},
        "seller_version": set(),
        "contract_version": set(),
        "refused_order": set(),
        "buyer": set(),
        "contract": set(),
        "sales_order": {"known_at"},
        "order_line": set(),
        "asset": set(),
        "shipment": set(),
        "replacement": set(),
        "receipt": set(),
        "series": set(),
        "issued": {"position"},
        "issued_line": set(),
        "document": set(),
        "paper": set(),
        "invoice_balance": set(),
        "credit_request": set(),
        "held": set(),
        "job": {"id", "added_at", "next_try_at"},
    },
    "ledger": {
        "account": set(),
        "entry": {"entry_id"},
        "balance": set(),
        "item": set(),
        "payment": {"remittance", "worded"},
        "credit_note": set(),
        "allocation": {"allocation_id"},
        "dispute": set(),
        "seller": set(),
        "seller_country": set(),
        "double_payment": set(),
        "matching": {"turn"},
        "announcement": set(),
        "announcement_series": set(),
    },
    "disputes": {
        "seller": set(),
        "seller_country": set(),
        "policy": set(),
        "case_series": set(),
        "credited_rate": set(),
        "invoice": set(),
        "invoice_line": set(),
        "dispute": {"description"},
        "dispute_line": set(),
        "dispute_move": {"missing", "reason"},
        "credit_note": set(),
        "dispute_cause": set(),
        "dispute_cause_item": set(),
        # Responses, corrective actions and incidents: tests/integration/disputes/test_disputes_rebuilt.py.
        "ordered": set(),
        "order_shipment": set(),
        "order_receipt": set(),
        "invoice_terms": set(),
        "invoice_payment": set(),
        "account_cash": set(),
        "agreed_days": set(),
        "check_result": set(),
    },
    "notifications": {
        "company": set(),
        "seller": set(),
        "seller_country": set(),
        "order_scope": set(),
        "dispute_reason": set(),
        "policy": set(),
        "service_level": set(),
    },
}
# What people add to cases is on no topic: who builds anew has none of it.
LOST: dict[str, LiteralString] = {"disputes": "evidence"}


def contents(service: str, urls: DatabaseUrls, trader: Trader) -> dict[str, list[str]]:
    """All rows of a seller's tenant that must come back, as text and in an order of their own."""
    found = {}
    with psycopg.connect(urls.owner, row_factory=dict_row) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [trader.tenant])
        for table, meaningless in TABLES[service].items():
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sorted(repr({k: v for k, v in row.items() if k not in meaningless}) for row in rows)
        if service == "ledger":
            rows = connection.execute(
                "SELECT e.kind, e.reference, p.line, p.chart_account, p.currency, p.minor FROM posting p JOIN entry e USING (tenant, account_id, entry_id)"
            ).fetchall()
            found["posting"] = sorted(map(repr, rows))
    return found


def command(service: Running, urls: DatabaseUrls, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A service's command on a database of our choice."""
    return subprocess.run(
        [*service.process.argv[:-1], *arguments],
        env=os.environ | service.process.env | {"AR_DATABASE_URL": urls.server, "COLUMNS": "240"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


# A rebuild in transactions of a few records, so that there is much halfway.
_IN_SMALL_STEPS = """
import runpy, sys
from services.chassis import rebuild
rebuild.BATCH = 7
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def kill_halfway(service: Running, urls: DatabaseUrls, after: int) -> None:
    """Kill a rebuild as soon as so many events are written, and wait until the database knows that it is gone."""
    python, _, module, *_ = service.process.argv
    rebuilding = subprocess.Popen(
        [python, "-c", _IN_SMALL_STEPS, module, "rebuild", "--by", "user:test"],
        env=os.environ | service.process.env | {"AR_DATABASE_URL": urls.server},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with psycopg.connect(urls.owner, autocommit=True) as connection:

        def ask(question: LiteralString) -> int:
            row = connection.execute(question).fetchone()
            assert row is not None
            return int(row[0])

        until = time.monotonic() + START_S
        while ask("SELECT count(*) FROM inbox") < after and time.monotonic() < until:
            time.sleep(0.005)
        rebuilding.kill()
        assert rebuilding.wait() == -signal.SIGKILL, "it was done before it was killed"
        gone: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user"
        wait_until(lambda: not ask(gone), "its connections are closed", START_S)


@pytest.fixture
def empty(world: World) -> Iterator[Callable[[str], DatabaseUrls]]:
    """Give a migrated database without rows, for a service."""
    admin, made = world.stage.stack.servers.admin_database_url, []

    def database(service: str) -> DatabaseUrls:
        old = conninfo_to_dict(world.stage.stack.running[service].database.server)["dbname"]
        name = f"{old}_anew"
        urls = postgres.provision(admin, name)
        made.append(name)
        migrate(urls.owner, f"{name}_server", ROOT / "services" / service / "migrations")
        return urls

    yield database
    for name in made:
        postgres.drop(admin, name)


def trade(world: World, trader: Trader, nth: int) -> None:
    """A little of everything: approved, near the limit, declined, replaced, cancelled, paid, disputed, credited, refused."""
    trader.buyer(f"near{nth}", limit=1000)
    govern(trader, nth)
    trader.report(f"{nth}-machine", ("Operating hours", f"{nth}.5", "h"))
    trader.sell(f"{nth}-whole", "100", "20", asset=f"{nth}-machine")
    trader.place(f"{nth}-parts", "10", "20", quantity="10")
    trader.place(f"{nth}-near", "875", account=f"near{nth}")
    trader.place(f"{nth}-far", "90000")
    trader.place(f"{nth}-new", "10", site="NORTH")
    trader.place(f"{nth}-cancelled", "15")
    trader.place(f"{nth}-unknown", "15", account="nobody")
    trader.place(f"{nth}-again", "15")
    trader.cancel(f"{nth}-again")
    trader.place(f"{nth}-again", "16", version=2)
    for line in trader.place(f"{nth}-rate", "15", told=False).lines:
        line.vat_rate = "11"  # no rate of the seller's country: refused whole
    trader.tell_placed(f"{nth}-rate")
    world.settle()
    trader.place(f"{nth}-new", "11", version=2, site="NORTH")
    trader.cancel(f"{nth}-cancelled")
    trader.ship(f"{nth}-parts", ("1", "4"), shipment="s1", final=False)
    trader.desk.review(f"{nth}-near", "APPROVED")
    trader.desk.set_limit(f"near{nth}", Decimal(1100), "GBP", f"limit/{nth}")
    checkout(trader, f"{nth}-asked", f"near{nth}")
    world.settle()
    trader.ship(f"{nth}-parts", ("1", "6"), ("2", "10"), shipment="s2", final=True)
    trader.ship(f"{nth}-parts", ("1", "99"), shipment="s3", final=True)
    trader.place(f"{nth}-pdf", "30", account="b2")
    world.settle()
    trader.ship(f"{nth}-pdf")
    world.settle()
    pay_and_dispute(world, trader, nth)
    end_otherwise(world, trader, nth)


def govern(trader: Trader, nth: int) -> None:
    """The seller sets its policies, and puts parts of an account on hold: one is lifted, one is over soon, one stands."""
    services = trader.world.stage.services

    def call(method: Any, request: Any, key: str) -> None:
        services.write(method, request, caller=person("user:ada", trader.tenant), key=f"{key}/{nth}")

    credit = credit_events.CreditPolicy(referral_share="0.10", hold_days=7 + nth)
    call(services.credit.SetPolicy, credit_pb2.SetPolicyRequest(policy=credit), "policy/credit")
    disputes = disputes_events.DisputePolicy(window_days=90, answer_days=5, customer_days=5 + nth, reopen_days=30)
    call(services.disputes.SetPolicy, disputes_pb2.SetPolicyRequest(policy=disputes), "policy/disputes")
    digest = notifications_events.NotificationPolicy(digest_at=f"17:0{nth}")
    call(services.notifications.SetPolicy, notifications_pb2.SetPolicyRequest(policy=digest), "policy/notifications")
    levels = notifications_pb2.SetServiceLevelsRequest(
        account_id="b2",
        levels=[notifications_events.ServiceLevel(kind="order", step="SHIPPED", days=nth, remedy="WAIVE_INTEREST")],
    )
    call(services.notifications.SetServiceLevels, levels, "levels/b2")
    for site in ("EAST", "WEST", "SOUTH"):
        hold = credit_pb2.PlaceHoldRequest(
            hold_id=f"{site}-{nth}",
            account_id="b2",
            scope=party_pb2.Scope(site=site),
            reason_code="by_request",
            reason="as agreed",
            owner="user:ada",
        )
        if site == "SOUTH":
            hold.until.FromDatetime(trader.world.at + timedelta(hours=3))
        call(services.credit.PlaceHold, hold, f"hold/{site}")
    call(services.credit.LiftHold, credit_pb2.LiftHoldRequest(hold_id=f"WEST-{nth}"), "lift")


def checkout(trader: Trader, order_id: str, account: str) -> None:
    """A checkout asks for a little more than is left: a person is to decide."""
    request = credit_pb2.DecideRequest(
        order_id=order_id, version=1, account_id=account, amount=money(Decimal(100), "GBP")
    )
    services = trader.world.stage.services
    answer = services.write(services.credit.Decide, request, caller=person("key:shop", trader.tenant), key=order_id)
    assert answer.decision.outcome == credit_events.OUTCOME_REFERRED


def pay_and_dispute(world: World, trader: Trader, nth: int) -> None:
    [whole] = trader.invoices(f"{nth}-whole")
    first = trader.invoices(f"{nth}-parts")[0]
    trader.pay(f"{nth}-p1", "30", "no number at all")
    trader.pay(f"{nth}-p2", "72", whole.number)
    announce(trader, nth, first.number)
    trader.pay(f"{nth}-p3", "5", account="b2")
    [pdf] = trader.invoices(f"{nth}-pdf")
    trader.pay(f"{nth}-p4", "31", pdf.number, account="b2")
    trader.pay(f"{nth}-p5", "36", pdf.number, account="b2")
    buyer = trader.desk.acting_as("contact:b", "b1")
    line = buyer.open_dispute(first.number, "QTY_SHORT", key=f"{nth}-d1", lines=[(first.lines[0].line_id, "2")])
    amount, gone, asked, refused, stands = (
        buyer.open_dispute(number, "QLT_DAMAGE", key=f"{nth}-{n}", amount=money(Decimal(n), "GBP"))
        for n, number in (
            (24, whole.number),
            (1, first.number),
            (2, first.number),
            (3, first.number),
            (4, first.number),
        )
    )
    world.settle()
    check(world, trader, nth)
    buyer.move(gone.dispute_id, "WITHDRAW")
    photo = disputes_pb2.AddEvidenceRequest(
        dispute_id=asked.dispute_id, file_name="box.pdf", media_type="application/pdf", content=b"%PDF-1.7"
    )
    services = trader.world.stage.services
    services.write(services.disputes.AddEvidence, photo, caller=buyer.caller, key=f"{nth}-photo")
    trader.desk.move(asked.dispute_id, "REVIEW")
    trader.desk.move(asked.dispute_id, "ASK_CUSTOMER", missing="a photo")
    trader.desk.move(refused.dispute_id, "REVIEW")
    trader.desk.move(refused.dispute_id, "REJECT")
    buyer.move(refused.dispute_id, "APPEAL")
    trader.desk.resolve(line.dispute_id, "FULL_CREDIT")
    trader.desk.resolve(amount.dispute_id, "PARTIAL_CREDIT", amount=money(Decimal(7), "GBP"))
    trader.desk.resolve(stands.dispute_id, "INVALID_PAYABLE")
    world.settle()
    buyer.move(amount.dispute_id, "REOPEN")
    buyer.move(asked.dispute_id, "ANSWER")
    world.settle()


def end_otherwise(world: World, trader: Trader, nth: int) -> None:
    """Cases that end in another way than credit or none: each about an invoice of its own."""
    price = disputes_events.CorrectedLine(line_id="1", unit_price="4.00")
    ends: dict[str, dict[str, Any]] = {
        "REBILL": {"correction": disputes_events.Correction(lines=[price], purchase_order="PO-7")},
        "PRICE_CORRECTION": {"correction": disputes_events.Correction(lines=[price])},
        "GOODWILL": {"amount": money(Decimal(1), "GBP")},
        "SPLIT_SETTLEMENT": {"amount": money(Decimal(1), "GBP")},
        "WRITE_OFF": {},
        "REPLACEMENT": {},
    }
    for end, said in ends.items():
        invoice = trader.sell(f"{nth}-{end}", "5", "6", account="b2")
        buyer = trader.desk.acting_as("contact:c", "b2")
        case = buyer.open_dispute(
            invoice.number, "QLT_DAMAGE", key=f"{nth}-{end}", lines=[(invoice.lines[0].line_id, "1")]
        )
        trader.desk.resolve(case.dispute_id, end, **said)
        world.settle()
    trader.ship(f"{nth}-REPLACEMENT", ("1", "1"), shipment="again", final=False, dispute=case.dispute_id)
    world.settle()


def check(world: World, trader: Trader, nth: int) -> None:
    """One of six did not arrive, which is proven; the price is the order's, so that case is rejected at once."""
    second, buyer = trader.invoices(f"{nth}-parts")[1], trader.desk.acting_as("contact:b", "b1")
    arrived = invoicing_pb2.ConfirmReceiptRequest(
        account_id="b1", order_id=f"{nth}-parts", shipment_id=second.shipment_id, receipt_id="r1"
    )
    arrived.lines.add(line_id="1", quantity="4", damaged="1")
    arrived.lines.add(line_id="2", quantity="10")
    services = trader.world.stage.services
    services.write(services.invoicing.ConfirmReceipt, arrived, caller=buyer.caller, key=f"{nth}-arrived")
    world.settle()
    short = buyer.open_dispute(second.number, "QTY_SHORT", key=f"{nth}-short", lines=[(second.lines[0].line_id, "1")])
    price = buyer.open_dispute(second.number, "PRC_UNIT", key=f"{nth}-price", amount=money(Decimal(1), "GBP"))
    assert (short.state, price.state) == (disputes_events.STATE_ACKNOWLEDGED, disputes_events.STATE_REJECTED)


def announce(trader: Trader, nth: int, number: str) -> None:
    """The buyer says three times what it is paying: it comes, it is thought better of, it is expected."""
    services, buyer = trader.world.stage.services, trader.desk.acting_as("contact:b", "b1").caller

    def said(minor: int) -> str:
        item = ledger_pb2.AnnouncedItem(number=number, amount=money(Decimal(minor), "GBP"))
        request = ledger_pb2.AnnouncePaymentRequest(account_id="b1", items=[item], expected_on="2026-12-01")
        key = f"announce/{nth}/{minor}"
        return services.write(services.ledger.AnnouncePayment, request, caller=buyer, key=key).announcement.reference

    comes, withdrawn, _ = (said(minor) for minor in (1, 2, 3))
    trader.pay(f"{nth}-p6", "1", comes)
    request = ledger_pb2.WithdrawAnnouncementRequest(account_id="b1", reference=withdrawn)
    services.write(services.ledger.WithdrawAnnouncement, request, caller=buyer, key=f"withdraw/{nth}")


@pytest.fixture
def shop(world: World, trader: Trader) -> Trader:
    """Give a trader with buyers and people."""
    trader.buyer(limit=5000)
    trader.buyer("b2", profile="facturx-en16931")
    trader.person("clerk", "BILLING CREDIT DISPUTE_OWNER")
    trader.person("payer", "AP_CLERK ACCOUNT_ADMIN", "b1")
    trader.person("reader", "AP_MANAGER", "b1", wants_document=True)
    return trader


@pytest.mark.timeout(600)
def test_every_service_is_built_anew_from_the_topics_alone_and_what_was_refused_is_refused(
    world: World, shop: Trader, others: tuple[Shop, Shop], empty: Callable[[str], DatabaseUrls]
) -> None:
    play(world, shop)
    number_alike(world, shop, others)

    def rebuilt(name: str) -> dict[str, Any]:
        service, anew = world.stage.stack.running[name], empty(name)
        if name in ("credit", "invoicing"):  # the others in `prove`
            kill_halfway(service, anew, Random(name).randint(1, events_of(service) // 2))
        differences = rebuilt_differences(name, service, anew, shop)
        assert not_allowed(anew) == not_allowed(service.database), name
        return differences

    with ThreadPoolExecutor(2) as both:
        differences = {place: what for found in both.map(rebuilt, TABLES) for place, what in found.items()}
    assert not differences, pformat(differences, width=200)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_a_rebuild_that_is_killed_again_and_again_comes_to_the_same_rows(
    world: World, shop: Trader, empty: Callable[[str], DatabaseUrls], seed: int
) -> None:
    play(world, shop)
    random = Random(seed)

    differences: dict[str, Any] = {}
    for name in TABLES:
        service = world.stage.stack.running[name]
        anew, events = empty(name), events_of(service)
        for moment in sorted(random.sample(range(1, max(7, events // 2)), 5)):
            kill_halfway(service, anew, moment)
        differences |= rebuilt_differences(name, service, anew, shop)
    assert not differences, pformat(differences, width=200)


def play(world: World, shop: Trader) -> None:
    """A business, some days of it."""
    trade(world, shop, 1)
    shop.place("late", "10")
    world.settle()
    world.next_day(12)  # what was promised and never shipped lapses


def events_of(service: Running) -> int:
    """How many events a service has handled of those that it follows."""
    with psycopg.connect(service.database.owner) as connection:
        row = connection.execute("SELECT count(*) FROM inbox").fetchone()
    assert row is not None
    return int(row[0])


def rebuilt_differences(name: str, service: Running, anew: DatabaseUrls, shop: Trader) -> dict[str, Any]:
    """Build a service's database anew, and say what is other than in its own."""
    done = command(service, anew, "rebuild", "--by", "user:test")
    assert (name, done.returncode) == (name, 0), done.stderr[-9000:] + done.stdout
    was, now = contents(name, service.database, shop), contents(name, anew, shop)
    unplayed = [table for table in was if not was[table]]
    assert set(unplayed) <= {"held", "job", "matching", "refused_order"}, f"{name}: {unplayed} were not played"
    if (lost := LOST.get(name)) is not None:
        assert (count(service.database, shop, lost) > 0, count(anew, shop, lost)) == (True, 0)
    return {
        f"{name}.{table}": {
            "was": sorted(set(was[table]) - set(now[table])),
            "is": sorted(set(now[table]) - set(was[table])),
        }
        for table in was
        if was[table] != now[table]
    }


def count(urls: DatabaseUrls, trader: Trader, table: LiteralString) -> int:
    """How many rows of a seller's tenant there are."""
    with psycopg.connect(urls.owner) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [trader.tenant])
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def others(world: World) -> Iterator[tuple[Shop, Shop]]:
    """Give a second shop of every seller, and one that speaks for another seller alone."""
    brokers = world.stage.stack.servers.cluster.brokers()
    with Shop(brokers, "second-shop") as second, Shop(brokers, "erp") as erp:
        yield second, erp


def number_alike(world: World, trader: Trader, others: tuple[Shop, Shop]) -> None:
    """Three shops number their events alike, each on its topic; one of them does not speak for this seller."""
    second, erp = others
    for shop, order_id, amount in (
        (world.stage.shop, "first", "100"),
        (second, "far", "90000"),
        (second, "second", "200"),
        (erp, "wrong", "300"),
    ):
        order = trader.place(order_id, amount, told=False)
        shop.tell((trader.tenant, "b1", order_id), order, at=world.at, identity="2" if order_id == "far" else "1")
        shop.flush()
        if order_id in ("first", "second"):
            shop.ship(trader.tenant, orders.shipped(order, "s1", world.at.date()), world.at)
            shop.flush()
    world.settle()
    numbered = ("first", "far", "second", "wrong")
    assert {body.order_id for body in trader.told("InvoiceIssued")}.intersection(numbered) == {"first", "second"}
    assert {(d.order_id, d.outcome) for d in trader.told("CreditDecided") if d.order_id in numbered} == {
        ("first", credit_events.OUTCOME_APPROVED),
        ("second", credit_events.OUTCOME_APPROVED),
        ("far", credit_events.OUTCOME_DECLINED),
    }


def not_allowed(urls: DatabaseUrls) -> list[tuple[Any, ...]]:
    """What was refused since its shop does not speak for its seller."""
    question = "SELECT topic, partition, kafka_offset, tenant FROM parked WHERE code = 'event.tenant_not_allowed'"
    return sorted(rows(urls, [], question))


@contextmanager
def stopped(world: World, running: Collection[Running]) -> Iterator[None]:
    """These do not serve meanwhile."""
    with ExitStack() as held:
        for service in running:
            held.enter_context(service.lock)  # or it would be started again
            service.process.terminate()
        for service in running:
            service.process.stop(STOP_S)
        yield
        for service in running:
            service.process.spawn()
    for service in running:
        service.process.await_ready(START_S)
    world.stage.services.set_clock(world.at)


def name_of(service: Running) -> str:
    return str(conninfo_to_dict(service.database.server)["dbname"])


async def numbers_told(brokers: Brokers) -> dict[tuple[str, str], dict[int, set[str]]]:
    """The ids of all events that were told, by topic and key, and by their numbers."""
    names = [topic for topic in TOPICS if topic != TOPIC]
    found: dict[tuple[str, str], dict[int, set[str]]] = {}
    async with told.reader(brokers) as reader:
        async for records in reader.read(await reader.ranges(partitions(brokers, names))):
            for _, record in records:
                key = (record.topic, (record.key or b"").decode())
                found.setdefault(key, {}).setdefault(told.sequence_of(record), set()).add(record.headers["ce_id"])
    return found


def assert_all_is_well(world: World, trader: Trader) -> None:
    """Numbers without gap and once each, money the same everywhere, no mail twice."""
    for name, prefix in (("InvoiceIssued", trader.prefix), ("CreditNoteIssued", f"{trader.prefix}-C")):
        numbers = [body.number for body in trader.told(name)]
        wanted = [f"{prefix}-2026-{n:06d}" for n in range(1, len(numbers) + 1)]
        assert sorted(numbers) == wanted
    for key, ids in asyncio.run(numbers_told(world.stage.stack.servers.cluster.brokers())).items():
        assert sorted(ids) == list(range(1, len(ids) + 1)), key
        assert all(len(same) == 1 for same in ids.values()), key
    for account in ("b1", "b2"):
        balance = trader.balance(account)
        owed = balance.open.minor - balance.unapplied.minor - balance.credits.minor
        assert trader.credit(account)[0] == Decimal(owed).scaleb(-2), account
    books = trader.books()
    assert sum(books.values()) == 0
    for who in ("clerk", "payer", "reader"):
        mails = [mail["Message-ID"] for mail in trader.mails(f"{who}.{trader.tenant}@people.example")]
        assert mails, who
        assert len(set(mails)) == len(mails), f"{who} got a mail twice"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("invoicing", "ledger"), id="two"),
        pytest.param(tuple(TABLES), id="all", marks=pytest.mark.prove),  # the portal is built from no topic
    ],
)
def test_a_database_restored_from_an_older_copy_tells_nothing_twice_and_loses_nothing(
    world: World, shop: Trader, names: Collection[str]
) -> None:
    admin = world.stage.stack.servers.admin_database_url
    running = {name: world.stage.stack.running[name] for name in names}
    trade(world, shop, 1)
    with stopped(world, running.values()):
        for service in running.values():
            postgres.copy(admin, name_of(service), f"{name_of(service)}_copy")
    trade(world, shop, 2)
    world.next_day()

    with stopped(world, running.values()):

        def restored(name: str) -> None:
            service = running[name]
            was = contents(name, service.database, shop)
            postgres.drop(admin, name_of(service))
            postgres.copy(admin, f"{name_of(service)}_copy", name_of(service))
            postgres.drop(admin, f"{name_of(service)}_copy")

            refused = command(service, service.database, "serve")
            assert refused.returncode == 1
            assert f"the database is older than what {name} has told" in refused.stderr
            assert f"python -m services.{name} rebuild" in refused.stderr

            done = command(service, service.database, "rebuild", "--by", "user:test")
            assert (name, done.returncode) == (name, 0), done.stderr[-9000:] + done.stdout
            now = contents(name, service.database, shop)
            assert now == was, name

        with ThreadPoolExecutor(2) as both:
            list(both.map(restored, running))
    world.settle()
    trade(world, shop, 3)
    world.next_day()

    assert_all_is_well(world, shop)

"""A database is lost, or restored from an older copy: what was told is taken back before anything new is told."""

import os
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from pprint import pformat

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from deploy.demo.desk import money
from deploy.demo.stack import Running
from deploy.local import postgres
from deploy.local.artifacts import ROOT
from deploy.local.postgres import DatabaseUrls
from services.chassis.migrate import migrate
from tests.end_to_end.world import Trader, World

# What comes back, and what of it is of no meaning: ids of rows that nobody is told, places in lists, times of writing.
TABLES: dict[str, dict[str, set[str]]] = {
    "credit": {"account": set(), "hold": set(), "decision": set(), "movement": set()},
    "invoicing": {
        "seller": {"position"},
        "buyer": set(),
        "contract": set(),
        "sales_order": set(),
        "order_line": set(),
        "shipment": set(),
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
        "payment": set(),
        "credit_note": set(),
        "allocation": {"allocation_id"},
        "dispute": set(),
    },
    "disputes": {
        "invoice": set(),
        "invoice_line": set(),
        "dispute": {"description"},
        "dispute_line": set(),
        "dispute_move": set(),
        "credit_note": set(),
    },
    "notifications": {
        "company": set(),
        "seller": set(),
        "order_scope": set(),
        "dispute_reason": set(),
    },
}


def contents(service: str, urls: DatabaseUrls, tenant: str) -> dict[str, list[str]]:
    """All rows of a tenant that must come back, as text and in an order of their own."""
    found = {}
    with psycopg.connect(urls.owner, row_factory=dict_row) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [tenant])
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
        timeout=120,
    )


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
    trader.sell(f"{nth}-whole", "100", "20")
    trader.place(f"{nth}-parts", "10", "20", quantity="10")
    trader.place(f"{nth}-near", "790")
    trader.place(f"{nth}-far", "90000")
    trader.place(f"{nth}-new", "10")
    trader.place(f"{nth}-cancelled", "15")
    trader.place(f"{nth}-unknown", "15", account="nobody")
    world.settle()
    trader.place(f"{nth}-new", "11", version=2)
    trader.cancel(f"{nth}-cancelled")
    trader.ship(f"{nth}-parts", ("1", "4"), shipment="s1", final=False)
    world.settle()
    trader.ship(f"{nth}-parts", shipment="s2", final=True)
    trader.ship(f"{nth}-parts", ("1", "99"), shipment="s3", final=True)
    if trader.decision(f"{nth}-near").hold_state == "REFERRED":
        trader.desk.review(f"{nth}-near", "APPROVED")
    trader.place(f"{nth}-pdf", "30", account="b2")
    world.settle()
    trader.ship(f"{nth}-pdf")
    world.settle()
    pay_and_dispute(world, trader, nth)


def pay_and_dispute(world: World, trader: Trader, nth: int) -> None:
    [whole] = trader.invoices(f"{nth}-whole")
    first = trader.invoices(f"{nth}-parts")[0]
    trader.pay(f"{nth}-p1", "30", "no number at all")
    trader.pay(f"{nth}-p2", "72", whole.number)
    buyer = trader.desk.acting_as("contact:b")
    line = buyer.open_dispute(first.number, "QTY_SHORT", key=f"{nth}-d1", lines=[(first.lines[0].line_id, "2")])
    amount = buyer.open_dispute(whole.number, "QLT_DAMAGE", key=f"{nth}-d2", amount=money(Decimal(24), "GBP"))
    gone = buyer.open_dispute(first.number, "QLT_DAMAGE", key=f"{nth}-d3", amount=money(Decimal(1), "GBP"))
    asked = buyer.open_dispute(first.number, "QLT_DAMAGE", key=f"{nth}-d4", amount=money(Decimal(2), "GBP"))
    world.settle()
    buyer.move(gone.dispute_id, "WITHDRAW")
    trader.desk.move(asked.dispute_id, "REVIEW")
    trader.desk.move(asked.dispute_id, "ASK_CUSTOMER", missing="a photo")
    for case in (line, amount):
        trader.desk.move(case.dispute_id, "REVIEW")
        trader.desk.move(case.dispute_id, "PROPOSE")
    trader.desk.resolve(line.dispute_id, "FULL_CREDIT")
    trader.desk.resolve(amount.dispute_id, "PARTIAL_CREDIT", amount=money(Decimal(7), "GBP"))
    world.settle()


@pytest.fixture
def shop(world: World, trader: Trader) -> Trader:
    """Give a trader with buyers and people."""
    trader.buyer(limit=2000)
    trader.buyer("b2", profile="facturx-en16931")
    trader.person("clerk", "BILLING CREDIT DISPUTE_OWNER")
    trader.person("payer", "AP_CLERK ACCOUNT_ADMIN", "b1")
    return trader


@pytest.mark.timeout(400)
def test_every_service_is_built_anew_from_the_topics_alone(
    world: World, shop: Trader, empty: Callable[[str], DatabaseUrls]
) -> None:
    trade(world, shop, 1)
    shop.place("late", "10")
    world.settle()
    world.next_day(12)  # what was promised and never shipped lapses

    # What the seller's calls set is told whole from SellerChanged and ContractSet on.
    untold = set() if shop.told("SellerChanged") else {"seller", "contract"}
    differences = {}
    for name, service in world.stage.stack.running.items():
        anew = empty(name)
        done = command(service, anew, "rebuild")
        assert (name, done.returncode) == (name, 0), done.stderr[-3000:] + done.stdout
        was, now = contents(name, service.database, shop.tenant), contents(name, anew, shop.tenant)
        for table in was.keys() - untold:
            if was[table] != now[table]:
                differences[f"{name}.{table}"] = {
                    "was": sorted(set(was[table]) - set(now[table])),
                    "is": sorted(set(now[table]) - set(was[table])),
                }
            assert was[table] or table in ("held", "job", "order_scope"), f"{name}.{table} was not played"

    assert not differences, pformat(differences, width=200)

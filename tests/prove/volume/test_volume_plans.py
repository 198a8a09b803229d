"""At a million rows no call, no followed event and no job looks through a table, or reads far more than it gives."""

import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.local import rules
from deploy.local.postgres import DatabaseUrls, drop, provision
from deploy.local.servers import Servers
from services.chassis.migrate import migrate
from services.chassis.service import Parts, database_of
from services.chassis.sources import ANY, PORTAL
from services.invoicing.press import close_presses
from tests.integration.invoicing import office
from tests.prove.volume import stock
from tests.prove.volume.doors import AUDIT, DOORS, SUMS, Asked, Door, Refused, methods_of
from tests.prove.volume.plans import Flaw, Watch, large_tables, watching, without_index

pytestmark = pytest.mark.prove
NAMES = tuple(DOORS)


@dataclass(frozen=True)
class Stocked:
    """A service's database, full."""

    service: Any
    urls: DatabaseUrls
    admin_url: str
    settings: dict[str, Any]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Asked]:
        given = self.service.settings(
            database_url=self.urls.server, owner_database_url=self.urls.owner, clock="test", **self.settings
        )
        async with database_of(given) as database:
            parts = Parts(given, database, self.service.consumer(given, database))
            async with database.transaction(()) as tx:
                await tx.run("INSERT INTO clock (at) VALUES (%s) ON CONFLICT DO NOTHING", [office.MONDAY])
            try:
                yield Asked(parts, self.service.servicers(parts))
            finally:
                close_presses()


@pytest.fixture(scope="module", params=NAMES)
def stocked(request: Any, servers: Servers) -> Iterator[Stocked]:
    """Each service in turn, with a million rows."""
    name = f"volume_{request.param}"
    service = import_module(f"services.{request.param}.service").SERVICE
    drop(servers.admin_database_url, name)
    urls = provision(servers.admin_database_url, name)
    migrate(urls.owner, f"{name}_server", service.migrations)
    admin_url = make_conninfo(servers.admin_database_url, dbname=name)
    settings: dict[str, Any] = servers.cluster.settings() | {"grpc_tls": "off"}
    if request.param == "invoicing":
        settings |= {"rules_dir": Path(rules.install()), "official_rules_share": 0.0}
        settings |= {"order_sources": {PORTAL: ["*"], ANY: ["*"]}}
    if request.param == "credit":  # nobody answers there: what is looked at is how sellers are found who need rates
        settings |= {"credit_rates": '{"address": "127.0.0.1:9", "deadline_s": 0.1}'}
    stock.fill(admin_url, request.param)
    yield Stocked(service, urls, admin_url, settings)
    drop(servers.admin_database_url, name)


async def watch(stocked: Stocked, wanted: Callable[[Door], bool] = lambda _: True) -> Watch:
    """Ask at the doors and look at each statement."""
    seen = Watch(large_tables(stocked.admin_url), sums=SUMS.get(stocked.service.name, {}))
    async with stocked.open() as asked:
        if stocked.service.name == "invoicing":
            await asked.call("RegisterSeller", office.a_seller())
        followed = list(stocked.service.handlers(asked.parts.settings))
        async with asked.parts.database.transaction(()) as tx:
            parked = (await tx.row("SELECT max(id) AS id FROM parked")).id
        with watching(seen):
            for door in (*DOORS[stocked.service.name](followed), *AUDIT):
                if wanted(door):
                    seen.door = door.name
                    await door.ask(asked)
            for work in stocked.service.works(asked.parts):
                if wanted(Door(work.kind, partial(Asked.work, work=work))):
                    seen.door = work.kind
                    await asked.work(work)
        async with asked.parts.database.transaction(()) as tx:
            failed = await tx.rows("SELECT event_type, reason, detail FROM parked WHERE id > %s", [parked])
    assert not failed, failed[0]
    return seen


def looked_through(stocked: Stocked) -> dict[str, int]:
    """Rows that scans of whole large tables read so far, those of triggers and foreign keys included."""
    with psycopg.connect(stocked.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_stat_force_next_flush()")
        rows = admin.execute("SELECT relname, seq_tup_read FROM pg_stat_user_tables").fetchall()
    return {name: read for name, read in rows if name in large_tables(stocked.admin_url)}


async def test_no_statement_of_a_door_reads_far_more_than_it_gives(stocked: Stocked, capsys: Any):
    before = looked_through(stocked)

    seen = await watch(stocked)

    with capsys.disabled():
        print(
            f"\n{stocked.service.name}: {seen.statements} statements at {len(seen.large)} large tables",
            *seen.flaws,
            sep="\n",
        )
    assert seen.statements > 50
    assert [str(flaw) for flaw in seen.flaws] == []
    assert looked_through(stocked) == before


def test_every_call_and_every_followed_event_is_asked(stocked: Stocked):
    given = stocked.service.settings(database_url=stocked.urls.server, **stocked.settings)
    followed = list(stocked.service.handlers(given))
    servicers = stocked.service.servicers(Parts(given, None, None))  # type: ignore[arg-type] # nobody is asked
    calls = {name for servicer in servicers for name in methods_of(servicer)}

    asked = {door.name for door in DOORS[stocked.service.name](followed)} - {"mail"}  # which comes by neither
    assert asked == calls | {kind.__name__ for kind in followed}


# What each index is for: without it, the watch says so.
NEEDED = {
    "credit": [
        ("account_hold_standing", "ListHolds"),
        ("parked_of_account", "GetAccount"),
        ("decision_order", "GetDecision"),
        ("hold_referred", "ListReferred"),
        ("account_called_so", "ListAccounts"),
        ("application_of_account", "ListApplications"),
        ("application_queue", "ListApplications"),
        ("call_back_written_by", "ContactErased"),
    ],
    "ledger": [("item_in_currency", "RecordPayment"), ("item_due", "ListOpenItems"), ("item_match", "RecordPayment")],
    "disputes": [
        ("invoice_by_number", "Open"),
        ("dispute_account_state", "ListDisputes"),
        ("dispute_at_buyer", "ListDisputes"),
        ("dispute_at_seller_of_account", "ListDisputes"),
        ("dispute_written_for", "ContactErased"),
        ("evidence_written_by", "ContactErased"),
    ],
    "notifications": [("message_contact", "ListMessages"), ("message_about", "ListMessages")],
    "invoicing": [
        ("issued_order", "ListInvoices"),
        ("issued_of_tenant", "ListInvoices"),
        ("issued_called", "ListInvoices"),
        ("issued_ordered_of_account", "ListInvoices"),
        ("order_of_tenant", "ListOrders"),
        ("order_of_account", "ListOrders"),
        ("order_called", "ListOrders"),
        ("order_purchase_of_account", "ListOrders"),
        ("order_line_of_asset", "ListOrders"),
        ("issued_line_of_asset", "ListInvoices"),
        ("asset_called_of_account", "ListAssets"),
    ],
}


async def test_an_index_that_is_missing_is_seen(stocked: Stocked):
    for index, door in NEEDED[stocked.service.name]:
        async with without_index(stocked.admin_url, index):
            flaws: list[Flaw] = []
            try:
                flaws = (await watch(stocked, lambda one, name=door: one.name == name)).flaws  # type: ignore[misc]
            except Refused as refused:
                pytest.fail(f"{door}: {refused}")
            assert flaws, f"{door} does as well without {index}"


# By this connection since its figures were taken over last: more than a transaction's own.
_CAME_BY = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS n FROM pg_stat_xact_user_tables"


async def test_the_figures_for_prometheus_are_read_in_short_readings(stocked: Stocked, capsys: Any):
    readings, work, rows = [], [], []
    async with stocked.open() as asked:
        shown = False
        while not shown:
            began = time.perf_counter()
            async with asked.parts.database.transaction(await asked.parts.database.tenants()) as tx:
                await tx.run("SET TRANSACTION READ ONLY")
                backend = psutil.Process((await tx.row("SELECT pg_backend_pid() AS pid")).pid)
                before, used = int((await tx.row(_CAME_BY)).n), backend.cpu_times()
                shown = await stocked.service.measure(tx)
                now = backend.cpu_times()
                rows.append(int((await tx.row(_CAME_BY)).n) - before)
            readings.append(time.perf_counter() - began)
            work.append(now.user + now.system - used.user - used.system)

    with capsys.disabled():
        print(
            f"\n{stocked.service.name}: figures of {stock.ROWS:,} rows in {len(readings)} readings of"
            f" {1000 * statistics.median(readings):.0f} ms (median), {1000 * max(readings):.0f} ms (longest);"
            f" the database's CPU {1000 * max(work):.0f} ms (most of one), {1000 * sum(work):.0f} ms (a round);"
            f" {statistics.median(rows):,.0f} rows (median), {max(rows):,} (most)"
        )
    # The large account has a tenth of everything, and is read whole.
    assert max(rows) < stock.ROWS
    assert statistics.median(rows) < stock.ROWS / 5

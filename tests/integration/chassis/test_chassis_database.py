"""Tenants apart, roles that can do only what they should, migrations that are safe twice, old rows thrown away."""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from deploy.local.postgres import drop, provision
from deploy.local.processes import Process
from deploy.local.servers import Servers
from services.chassis import cleaning, inbox, parked
from services.chassis import migrate as migrating
from services.chassis.cleaning import clean
from services.chassis.database import Database, Tx
from services.chassis.migrate import UnsafeRole, check_role, is_ready_for, migrate
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from tests.chaos.toy.events import effects, placed
from tests.chaos.toy.service import SERVICE
from tests.integration.conftest import OwnDatabase

Toy = Parts[ChassisSettings]
NextMigration = Callable[[str], Path]


async def names(tx: Tx) -> list[str]:
    """The orders that a transaction sees when it asks for all."""
    return [row.order_id for row in await tx.rows("SELECT order_id FROM effect ORDER BY id")]


async def test_a_transaction_sees_and_touches_only_the_tenants_it_serves(toy: Toy):
    await toy.consumer.handle([placed("o1", tenant="acme"), placed("o2", tenant="other"), placed("o3", tenant="third")])

    async with toy.database.transaction(["acme", "other"]) as tx:
        assert await names(tx) == ["o1", "o2"]
        assert await tx.run("UPDATE effect SET what = 'changed'") == 2
        assert await tx.run("DELETE FROM effect WHERE tenant = 'third'") == 0
    async with toy.database.transaction(()) as tx:
        assert await names(tx) == []
    async with toy.database.transaction(["third"]) as tx:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await tx.run("INSERT INTO known VALUES ('acme', 'smuggled')")


async def test_outside_a_transaction_of_ours_nothing_is_seen(toy: Toy):
    await toy.consumer.handle([placed("o1")])

    async with toy.database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM effect")
        assert await cursor.fetchone() == (0,)


async def test_who_cannot_wait_waits_while_others_are_served_and_not_when_nobody_is(toy: Toy):
    await toy.database.pool.resize(1, 1)

    async def served(seconds: float) -> bool:
        async with toy.database.transaction((), within=0.3):
            await asyncio.sleep(seconds)
        return True

    assert all(await asyncio.gather(*(served(0.1) for _ in range(10))))
    async with toy.database.transaction(()):
        with pytest.raises(psycopg.OperationalError):
            await served(0)


async def test_a_savepoint_takes_back_what_it_announced(toy: Toy):
    async with toy.database.transaction(["acme"]) as tx:
        with suppress(ValueError):
            async with tx.savepoint():
                tx.announced.add(("acme", "order/o1"))
                raise ValueError
        assert tx.announced == set()


async def test_time_is_the_business_clock_where_it_is_set(toy: Toy):
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    async with toy.database.transaction(()) as tx:
        assert abs(tx.at - datetime.now(UTC)) < timedelta(minutes=1)
        await tx.run("INSERT INTO clock (at) VALUES (%s)", [noon])

    async with toy.database.transaction(()) as tx:
        assert tx.at == noon


async def test_old_rows_are_thrown_away_a_few_at_once_and_young_ones_kept(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    await toy.consumer.handle([placed("o1"), placed("o2", site="fails"), placed("o3", site="fails")])
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO answer VALUES ('acme', 'k1', 'M', '', '', now() - interval '91 days')")
        await tx.run("INSERT INTO answer VALUES ('acme', 'k2', 'M', '', '', now())")
        await tx.run(
            """UPDATE inbox SET handled_at = now() - interval '91 days'
                WHERE event_id = (SELECT min(event_id) FROM inbox)"""
        )
        await tx.run(
            """UPDATE parked SET closed_at = now() - interval '91 days', outcome = 'handled'
                WHERE subject = 'order/o2'"""
        )

    monkeypatch.setattr(cleaning, "AT_ONCE", 1)
    assert await clean(toy.database) == 3
    assert await clean(toy.database) == 0


MANY = """
    INSERT INTO parked (consumer, topic, partition, kafka_offset, event_id, event_type, tenant, subject, headers, reason,
                        code, detail, closed_at)
    SELECT 'toy', 'receivables.orders.v1', 0, n, n, 'OrderPlaced', 'acme', 'order/' || n, '{}', 'refused', 'c', '',
           CASE WHEN n % 1000 > 0 THEN now() END
      FROM generate_series(1, 100000) AS n;
    INSERT INTO inbox (consumer, event_id, body_hash) SELECT 'toy', n, '' FROM generate_series(1, 100000) AS n;
    ANALYZE parked, inbox"""


async def test_what_looks_at_parked_events_and_the_inbox_never_goes_through_what_is_done(own_database: OwnDatabase):
    urls = own_database(SERVICE)
    async with await psycopg.AsyncConnection.connect(urls.owner, autocommit=True) as owner:
        await owner.execute(MANY)
    plans: list[str] = []

    class Explaining(Tx):
        async def rows(self, sql: str, params: Any = ()) -> list[Any]:
            cursor = await self.connection.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(row[0] for row in await cursor.fetchall()))
            return []

        async def ask(self, *questions: Any) -> list[list[Any]]:
            return [await self.rows(*question) for question in questions]

        async def fetch(self, into: Any, sql: str, params: Any = ()) -> list[Any]:
            return await self.rows(sql, params)

    slots = [("receivables.orders.v1", "acme", f"order/{n}") for n in range(500)]
    async with Database(lambda: urls.server) as database, database.transaction(["acme"]) as tx:
        explaining = Explaining(tx.connection, tx.at)
        await parked.counts(explaining, "toy")
        await parked.listed(explaining, "toy", after=50_000)
        await parked.find(explaining, "toy", 7)
        await parked.waiting_for(explaining, "toy", [("acme", "invoice/i1")])
        await parked.due(explaining, "toy")
        await parked.next_of(explaining, "toy", slots[0], 0)
        await parked.of_tenant(explaining, "toy", [placed().topic], "acme", after=0, most=20)
        hashes = {("acme", "/shop", str(n)): b"" for n in range(500)}
        await inbox.claim(explaining, "toy", {placed().topic: "id"}, [placed()], hashes=hashes, slots=slots)
        await inbox.settle(explaining, "toy", hashes)

    assert len(plans) == 15
    assert [plan for plan in plans if "Seq Scan" in plan] == []


# Roles


async def refusal(url: str) -> str:
    """Why a role may not serve."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        with pytest.raises(UnsafeRole) as refused:
            await check_role(connection)
    return str(refused.value)


async def test_the_server_role_as_provisioned_may_serve(own_database: OwnDatabase):
    async with await psycopg.AsyncConnection.connect(own_database(SERVICE).server) as connection:
        await check_role(connection)


async def test_an_owner_may_not_serve(own_database: OwnDatabase):
    assert "owns" in await refusal(own_database(SERVICE).owner)


async def test_an_administrator_may_not_serve(servers: Servers, own_database: OwnDatabase):
    assert "bypass" in await refusal(_as_admin(servers, own_database(SERVICE).server))


async def test_a_role_that_may_become_the_owner_may_not_serve(servers: Servers, own_database: OwnDatabase):
    urls = own_database(SERVICE)
    with psycopg.connect(servers.admin_database_url, autocommit=True) as admin:
        pair = [sql.Identifier(role_of(url)) for url in (urls.owner, urls.server)]
        admin.execute(sql.SQL("GRANT {} TO {}").format(*pair))
        try:
            assert "owns" in await refusal(urls.server)
        finally:
            admin.execute(sql.SQL("REVOKE {} FROM {}").format(*pair))


async def test_a_role_that_bypasses_row_level_security_may_not_serve(servers: Servers, own_database: OwnDatabase):
    urls = own_database(SERVICE)
    server = sql.Identifier(role_of(urls.server))
    with psycopg.connect(servers.admin_database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(server))
        try:
            assert "bypass" in await refusal(urls.server)
        finally:
            admin.execute(sql.SQL("ALTER ROLE {} NOBYPASSRLS").format(server))


@pytest.mark.parametrize("undo", ["NO FORCE", "DISABLE"])
async def test_a_business_table_without_forced_row_level_security_stops_the_start(own_database: OwnDatabase, undo: str):
    urls = own_database(SERVICE)
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute(f"ALTER TABLE effect {undo} ROW LEVEL SECURITY".encode())

    assert "effect" in await refusal(urls.server)


async def test_a_database_that_was_never_migrated_stops_the_start(servers: Servers):
    name = "t_never_migrated"
    urls = provision(servers.admin_database_url, name)
    try:
        assert "migrate" in await refusal(urls.server)
    finally:
        drop(servers.admin_database_url, name)


def role_of(url: str) -> str:
    """Whom an address lets in."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["user"])


def _as_admin(servers: Servers, url: str) -> str:
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    return psycopg.conninfo.make_conninfo(servers.admin_database_url, dbname=str(database))


# Migrations


def test_migrations_apply_once_also_when_two_start_at_once(servers: Servers):
    name = "t_migrated_twice"
    drop(servers.admin_database_url, name)
    urls = provision(servers.admin_database_url, name)
    try:
        with ThreadPoolExecutor() as pool:
            both = list(pool.map(lambda _: migrate(urls.owner, f"{name}_server", SERVICE.migrations), range(2)))
        again = migrate(urls.owner, f"{name}_server", SERVICE.migrations)
    finally:
        drop(servers.admin_database_url, name)

    assert sorted(both) == [
        [],
        [
            "chassis/0001_chassis.sql",
            "chassis/0002_jobs.sql",
            "chassis/0003_outbox.sql",
            "chassis/0004_tenants_apart.sql",
            "chassis/0005_types_unknown.sql",
            "chassis/0006_accounts_apart.sql",
            "chassis/0007_acts.sql",
            "toy/0001_effects.sql",
        ],
    ]
    assert again == []


def test_the_serving_role_cannot_migrate(servers: Servers, own_database: OwnDatabase):
    name = "t_never_by_its_server"
    drop(servers.admin_database_url, name)
    empty = provision(servers.admin_database_url, name)
    try:
        for server, refusal in (
            (empty.server, psycopg.errors.InvalidSchemaName),  # it may not even see where tables would be made
            (own_database(SERVICE).server, psycopg.errors.InsufficientPrivilege),
        ):
            with pytest.raises(refusal):
                migrate(server, role_of(server), SERVICE.migrations)
        with psycopg.connect(empty.owner) as owner:
            assert owner.execute("SELECT to_regclass('migration')").fetchone() == (None,)
    finally:
        drop(servers.admin_database_url, name)


@pytest.fixture
def next_migration(tmp_path: Path) -> NextMigration:
    """Give the folder of a toy that has one migration more, which says this."""

    def written(text: str) -> Path:
        folder = tmp_path / "toy" / "migrations"
        shutil.copytree(SERVICE.migrations, folder)
        (folder / "0002_next.sql").write_text(text)
        return folder

    return written


def test_a_database_is_ready_for_code_that_stands_on_what_it_has(
    own_database: OwnDatabase, next_migration: NextMigration
):
    urls = own_database(SERVICE)
    folder = next_migration("ALTER TABLE effect ADD COLUMN more text")

    assert is_ready_for(urls.server, folder, "0001_effects.sql")
    assert not is_ready_for(urls.server, folder, "0002_next.sql")
    migrate(urls.owner, role_of(urls.server), folder)
    assert is_ready_for(urls.server, folder, "0002_next.sql")
    assert is_ready_for(urls.server, SERVICE.migrations, "0001_effects.sql")


def test_a_migration_that_fails_leaves_nothing_of_itself(own_database: OwnDatabase, next_migration: NextMigration):
    urls = own_database(SERVICE)

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(urls.owner, role_of(urls.server), next_migration("CREATE TABLE half (tenant text); SELECT 1/0;"))

    with psycopg.connect(urls.owner) as owner:
        assert owner.execute("SELECT to_regclass('half')").fetchone() == (None,)
        assert owner.execute("SELECT FROM migration WHERE name = 'toy/0002_next.sql'").fetchone() is None


def test_a_migration_does_not_wait_for_a_table_with_others_behind_it(
    own_database: OwnDatabase, next_migration: NextMigration, monkeypatch: pytest.MonkeyPatch
):
    urls = own_database(SERVICE)
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "100ms")

    with psycopg.connect(urls.owner, options="-c idle_in_transaction_session_timeout=5s") as reader:
        reader.execute("SELECT FROM effect")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate(urls.owner, role_of(urls.server), next_migration("ALTER TABLE effect ADD COLUMN more text"))


def test_an_administrators_limit_on_statements_is_none_for_a_migration(
    own_database: OwnDatabase, next_migration: NextMigration
):
    urls = own_database(SERVICE)
    url = psycopg.conninfo.make_conninfo(urls.owner, options="-c statement_timeout=100ms")

    assert migrate(url, role_of(urls.server), next_migration("SELECT pg_sleep(0.3)")) == ["toy/0002_next.sql"]


def test_a_migration_that_would_not_see_the_rows_it_changes_fails_and_one_that_says_so_changes_them(
    own_database: OwnDatabase, next_migration: NextMigration
):
    urls = own_database(SERVICE)
    folder = next_migration("UPDATE effect SET what = 'changed'")
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("SELECT set_config('ar.tenants', 'acme', false)")
        owner.execute(
            "INSERT INTO effect (tenant, account_id, order_id, version, what) VALUES ('acme', '', 'o', 1, '')"
        )

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            migrate(urls.owner, role_of(urls.server), folder)
        (folder / "0002_next.sql").write_text(
            """ALTER TABLE effect NO FORCE ROW LEVEL SECURITY;
               UPDATE effect SET what = 'changed';
               ALTER TABLE effect FORCE ROW LEVEL SECURITY;"""
        )
        migrate(urls.owner, role_of(urls.server), folder)

        assert owner.execute("SELECT what FROM effect").fetchall() == [("changed",)]


def test_a_migration_whose_process_was_killed_ends_and_the_next_one_goes_on(
    own_database: OwnDatabase, next_migration: NextMigration
):
    urls = own_database(SERVICE)
    folder = next_migration("SELECT pg_sleep(30)")
    killed = Process(
        "migration",
        [sys.executable, "-m", "tests.chaos.toy", "migrate"],
        {"AR_DATABASE_URL": urls.server, "AR_OWNER_DATABASE_URL": urls.owner, "TOY_MIGRATIONS": str(folder)},
        ready=lambda: sleeps(urls.owner),
    ).start()

    killed.kill()
    (folder / "0002_next.sql").write_text("SELECT 1")
    started = time.monotonic()

    assert migrate(urls.owner, role_of(urls.server), folder) == ["toy/0002_next.sql"]
    assert time.monotonic() - started < 15


def sleeps(url: str) -> bool:
    """Whether somebody stands in the migration."""
    with psycopg.connect(url) as connection:
        question = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        return connection.execute(question).fetchone() is not None


def test_an_index_is_built_outside_a_transaction_and_again_where_a_failure_left_half_of_it(
    own_database: OwnDatabase, next_migration: NextMigration
):
    urls = own_database(SERVICE)
    folder = next_migration(
        """-- outside a transaction
DROP INDEX CONCURRENTLY IF EXISTS once;
CREATE UNIQUE INDEX CONCURRENTLY once ON effect (tenant, order_id);
"""
    )
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("SELECT set_config('ar.tenants', 'acme', false)")
        for _ in range(2):
            owner.execute(
                "INSERT INTO effect (tenant, account_id, order_id, version, what) VALUES ('acme','','o','1','')"
            )
        with pytest.raises(psycopg.errors.UniqueViolation):
            migrate(urls.owner, role_of(urls.server), folder)
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'once'::regclass"
        assert owner.execute(valid).fetchone() == (False,)
        owner.execute("DELETE FROM effect")

        with ThreadPoolExecutor() as pool:
            both = list(pool.map(lambda _: migrate(urls.owner, role_of(urls.server), folder), range(2)))

        assert sorted(both) == [[], ["toy/0002_next.sql"]]
        assert owner.execute(valid).fetchone() == (True,)


async def test_rows_that_are_written_once_can_be_read_and_added_only(toy: Toy):
    assert toy.settings.owner_database_url
    with psycopg.connect(toy.settings.owner_database_url.get_secret_value(), autocommit=True) as owner:
        owner.execute("SELECT set_config('ar.server_role', %s, false)", [role_of(toy.database.url)])
        owner.execute("SELECT append_only('effect')")

    await toy.consumer.handle([placed("o1")])

    assert await effects(toy.database) == ["o1/1 placed"]
    for change in ("UPDATE effect SET what = ''", "DELETE FROM effect", "TRUNCATE effect"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await _change(toy.database, change)


async def _change(database: Database, statement: str) -> None:
    async with database.transaction(["acme"]) as tx:
        await tx.run(statement)

"""Forward migrations, as the owner; and the proof, at each start, that the serving role is held by row-level security."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from services.chassis.database import NOBODY
from services.chassis.logs import log

_LOCK = 7_215_001  # any number: one migration at a time in this database
_CHASSIS = Path(__file__).parent / "migrations"
# The newest of the chassis' migrations that its code stands on; those after it come one release before their code.
STANDS_ON = "0007_acts.sql"
# What a file begins with that PostgreSQL does not run in a transaction (CREATE INDEX CONCURRENTLY, which others write
# beside). Its statements, each ending a line with ';', run one by one, and all again after one failed: so the first
# ones remove what a failure left.
OUTSIDE = b"-- outside a transaction\n"
LOCK_TIMEOUT = "10s"  # no table is waited for longer, with others behind us

# Tables without row-level security: events of all tenants on their way, and the lists that sweepers read.
EXEMPT = frozenset({"inbox", "handled", "outbox", "sequence", "parked", "tenant", "clock", "migration"})


class UnsafeRole(Exception):  # noqa: N818 - said to the operator as it stands
    """The serving role could step around row-level security: the service refuses to start."""


def migrate(owner_url: str, server_role: str, folder: Path) -> list[str]:
    """Apply what is missing, each file in a transaction or as it says, safe twice and at once; return the files applied."""
    applied = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT set_config('ar.server_role', %s, false)", [server_role])
        # A limit that an administrator gave to questions is none for a migration; one whose process was killed ends.
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET client_connection_check_interval = '2s'")
        # A statement from which row-level security hides rows, the owner's too, fails instead of changing none of them.
        connection.execute("SET row_security = off")
        # Asked for again and again: an index that is built beside others' work would wait for whoever waits in here.
        while not _is_ours(connection):
            time.sleep(0.2)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
        role = sql.Identifier(server_role)
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {}",
            "GRANT SELECT ON migration TO {}",
        ):
            connection.execute(sql.SQL(statement).format(role))
        known = {row[0] for row in connection.execute("SELECT name FROM migration").fetchall()}
        for name, file in _files(folder).items():
            if name not in known:
                _apply(connection, name, file.read_bytes())
                applied.append(name)
        _tell(connection, applied)
    log.info("database migrated", applied=applied)
    return applied


def _tell(connection: psycopg.Connection, applied: Sequence[str]) -> None:
    """In the audit trail, as soon as there is one."""
    with connection.transaction():
        connection.execute(
            "SELECT set_config('row_security', 'on', true), set_config('ar.tenants', %s, true)", [NOBODY]
        )
        connection.execute(
            """INSERT INTO act (tenant, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, digest,
                                outcome, code, times)
               SELECT %s, 'system:migrate', '', '', '', 'migrate', '', name, '', 'done', '', 1 FROM unnest(%s::text[]) AS name""",
            [NOBODY, list(applied)],
        )


def _is_ours(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    return row is not None and bool(row[0])


def _apply(connection: psycopg.Connection, name: str, text: bytes) -> None:
    record = "INSERT INTO migration (name) VALUES (%s)"
    if text.startswith(OUTSIDE):
        connection.execute("SET lock_timeout = 0")  # nobody waits behind these
        for statement in text.split(b";\n"):
            connection.execute(statement)
        connection.execute(record, [name])
    else:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        with connection.transaction():
            connection.execute(text)
            connection.execute(record, [name])


def is_ready_for(url: str, folder: Path, stands_on: str) -> bool:
    """Whether the database has every migration up to those that the code stands on; it may lack, or have, later ones."""
    with psycopg.connect(url, autocommit=True) as connection:
        there = connection.execute("SELECT to_regclass('migration') IS NOT NULL").fetchone()
        if there is None or not there[0]:
            return False
        known = {row[0] for row in connection.execute("SELECT name FROM migration").fetchall()}
    newest = {_CHASSIS: STANDS_ON, folder: stands_on}
    return {name for name, file in _files(folder).items() if file.name <= newest[file.parent]} <= known


def _files(folder: Path) -> dict[str, Path]:
    """The chassis' migrations and a service's own, by name, in their order."""
    found = [*sorted(_CHASSIS.glob("*.sql")), *sorted(folder.glob("*.sql"))]
    return {f"{file.parent.parent.name}/{file.name}": file for file in found}


async def check_role(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise UnsafeRole if this role owns a table, bypasses row-level security, or a business table is not protected.

    What a role may become (SET ROLE) it counts as.
    """
    cursor = await connection.execute(
        """SELECT c.relname, pg_has_role(current_user, c.relowner, 'MEMBER') AS owned,
                  c.relrowsecurity AND c.relforcerowsecurity AS protected,
                  EXISTS (SELECT FROM pg_roles r
                           WHERE (r.rolsuper OR r.rolbypassrls) AND pg_has_role(current_user, r.oid, 'MEMBER')) AS bypasses
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"""
    )
    tables = await cursor.fetchall()
    if not tables:
        raise UnsafeRole("the database has no tables: run 'migrate' first")
    if any(bypasses for *_, bypasses in tables):
        raise UnsafeRole("the serving role may bypass row-level security: take SUPERUSER and BYPASSRLS from it")
    if owned := [name for name, is_owner, *_ in tables if is_owner]:
        raise UnsafeRole(f"the serving role owns {', '.join(owned)}: serve as a role that owns nothing")
    if bare := [name for name, _, protected, _ in tables if not protected and name not in EXEMPT]:
        raise UnsafeRole(f"without forced row-level security: {', '.join(bare)}")

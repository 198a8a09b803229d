"""What one backend of the database could do at best: pgbench writes the same rows, in whole batches, and thinks nothing.

Triggers note every row that a service inserts and updates. Then the inserted rows are taken out again, and pgbench
puts them back: per batch of 500 orders one transaction with one INSERT a table, parents first, and one UPDATE a
table, as the service's own role, under its row-level security, foreign keys and triggers. What the service deletes
(its outbox, once published) is inserted too, and not deleted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import DatabaseUrls
from tests.benchmark import business
from tests.benchmark.stand import FellOverError, pgbench

BATCH = 500  # orders: what a service takes at most
_AVERAGE = re.compile(r"latency average = ([0-9.]+) ms")

_TABLES = """SELECT c.relname AS name,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    (SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a
         ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
      WHERE i.indrelid = c.oid AND i.indisprimary) AS key,
    (SELECT coalesce(array_agg(r.relname::text), '{}') FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
      WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS parents,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
    ) AS settable
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a service."""

    name: str
    columns: Sequence[str]
    key: Sequence[str]
    # What an UPDATE may name.
    settable: Sequence[str]


class Recorder:
    """Notes what is written in a database from now on."""

    def __init__(self, admin_url: str, urls: DatabaseUrls) -> None:
        """Nothing is noted yet."""
        self._urls = urls
        name = str(conninfo_to_dict(urls.server)["dbname"])
        self._admin_url = psycopg.conninfo.make_conninfo(admin_url, dbname=name)
        self._server = str(conninfo_to_dict(urls.server)["user"])

    def start(self) -> None:
        """Note every row from now on."""
        with self._administer() as admin:
            self._run(admin, "CREATE SCHEMA bench; CREATE SEQUENCE bench.seq; CREATE SEQUENCE bench.turn MINVALUE 0")
            self._run(admin, "GRANT USAGE ON SCHEMA bench TO {}", sql.Identifier(self._server))
            self._run(admin, "GRANT USAGE ON SEQUENCE bench.turn TO {}", sql.Identifier(self._server))
            for table in self._tables(admin):
                self._note(admin, table)

    def stop(self) -> None:
        """Note nothing any more."""
        with self._administer() as admin:
            for table in self._tables(admin):
                self._run(admin, "DROP TRIGGER bench_inserted ON {}", sql.Identifier(table.name))
                self._run(admin, "DROP TRIGGER bench_updated ON {}", sql.Identifier(table.name))

    def orders_per_s(self, orders: int, folder: Path) -> float:
        """Write all that was noted once more, and say how many orders a second that makes."""
        batches = max(1, round(orders / BATCH))
        with self._administer() as admin:
            tables = self._tables(admin)
            inserted = [table for table in tables if self._prepare(admin, table, batches, "INSERT", "in")]
            updated = [table for table in tables if self._prepare(admin, table, batches, "UPDATE", "up")]
            script = folder / "ceiling.sql"
            script.write_text("\n".join(_script(inserted, updated)))
            self._take_out(admin, inserted)
            seconds = self._pgbench(script, batches)
            self._check(admin, inserted)
        return orders / seconds

    def _note(self, admin: psycopg.Connection[Any], table: Table) -> None:
        """One table for what is inserted, one for the keys of what is updated; written as the administrator."""
        name, key = table.name, sql.SQL(", ").join(sql.Identifier(column) for column in table.key)
        values = sql.SQL(", ").join(sql.SQL("NEW.{}").format(sql.Identifier(column)) for column in table.key)
        parts = {
            "table": sql.Identifier(name),
            "inserted": sql.Identifier("bench", f"{name}_in"),
            "updated": sql.Identifier("bench", f"{name}_up"),
            "in_": sql.Identifier("bench", f"note_{name}_in"),
            "up_": sql.Identifier("bench", f"note_{name}_up"),
            "key": key,
            "values": values,
        }
        self._run(
            admin,
            "CREATE UNLOGGED TABLE {inserted} AS SELECT 0::bigint AS seq, 0 AS batch, t.* FROM {table} t LIMIT 0",
            **parts,
        )
        self._run(
            admin,
            "CREATE UNLOGGED TABLE {updated} AS SELECT 0::bigint AS seq, 0 AS batch, {key} FROM {table} LIMIT 0",
            **parts,
        )
        for function, body in (
            ("{in_}", "INSERT INTO {inserted} SELECT nextval('bench.seq'), 0, NEW.*"),
            ("{up_}", "INSERT INTO {updated} VALUES (nextval('bench.seq'), 0, {values})"),
        ):
            text = (
                f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
                f" $$ BEGIN {body}; RETURN NULL; END $$"
            )
            self._run(admin, text, **parts)
        self._run(
            admin,
            "CREATE TRIGGER bench_inserted AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {in_}()",
            **parts,
        )
        self._run(
            admin, "CREATE TRIGGER bench_updated AFTER UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {up_}()", **parts
        )

    def _prepare(self, admin: psycopg.Connection[Any], table: Table, batches: int, deed: str, kind: str) -> bool:
        """Sort what was noted into batches, in the order in which it was written.

        False if nothing was, or if only a trigger may write it, which will do so again by itself.
        """
        noted = sql.Identifier("bench", f"{table.name}_{kind}")
        query = sql.SQL("UPDATE {} SET batch = seq * {} / (SELECT last_value + 1 FROM bench.seq)")
        found = admin.execute(query.format(noted, sql.Literal(batches))).rowcount
        may = admin.execute("SELECT has_table_privilege(%s, %s, %s)", [self._server, table.name, deed]).fetchone()
        self._run(admin, "CREATE INDEX ON {} (batch)", noted)
        self._run(admin, "GRANT SELECT ON {} TO {}", noted, sql.Identifier(self._server))
        self._run(admin, "VACUUM ANALYZE {}", noted)
        return found > 0 and may is not None and bool(may[0])

    def _take_out(self, admin: psycopg.Connection[Any], tables: Sequence[Table]) -> None:
        """Remove what will be put back, without the rules that protect it, and the room that it took."""
        admin.execute("SET session_replication_role = replica")
        for table in tables:
            same = sql.SQL(" AND ").join(
                sql.SQL("t.{0} = n.{0}").format(sql.Identifier(column)) for column in table.key
            )
            noted = sql.Identifier("bench", f"{table.name}_in")
            self._run(admin, "DELETE FROM {} t USING {} n WHERE {}", sql.Identifier(table.name), noted, same)
            self._run(admin, "VACUUM FULL ANALYZE {}", sql.Identifier(table.name))

    def _check(self, admin: psycopg.Connection[Any], tables: Sequence[Table]) -> None:
        """Raise unless every row is back."""
        for table in tables:
            noted, key = sql.Identifier("bench", f"{table.name}_in"), sql.SQL(", ").join(map(sql.Identifier, table.key))
            query = sql.SQL("SELECT count(*) FROM (SELECT {1} FROM {0} EXCEPT SELECT {1} FROM {2}) AS missing")
            row = admin.execute(query.format(noted, key, sql.Identifier(table.name))).fetchone()
            if row is None or row[0]:
                raise FellOverError(f"pgbench did not write {row and row[0]} rows of {table.name}")

    def _pgbench(self, script: Path, batches: int) -> float:
        """Seconds for all batches, over one connection."""
        options = f"-c ar.tenants={business.TENANT} -c search_path=public"
        arguments = ("-c", "1", "-t", str(batches), "-f", str(script))
        said = pgbench(self._urls, self._admin_url, *arguments, options=options)
        if (found := _AVERAGE.search(said)) is None or "failed transactions: 0 " not in said:
            raise FellOverError(f"pgbench: {said.strip()[-500:]}")
        return float(found[1]) / 1000 * batches

    def _tables(self, admin: psycopg.Connection[Any]) -> list[Table]:
        """Those that have a key, parents before their children."""
        found = {row[0]: row for row in admin.execute(_TABLES).fetchall() if row[2]}
        graph: Mapping[str, list[str]] = {name: [p for p in row[3] if p in found] for name, row in found.items()}
        made = {name: Table(name, columns, key, settable) for name, columns, key, _, settable in found.values()}
        return [made[name] for name in TopologicalSorter(graph).static_order()]

    def _administer(self) -> Any:
        return closing(psycopg.connect(self._admin_url, autocommit=True))

    @staticmethod
    def _run(admin: psycopg.Connection[Any], command: str, *parts: sql.Composable, **named: sql.Composable) -> None:
        for one in command.split("; ") if "$$" not in command else [command]:
            admin.execute(sql.SQL(one).format(*parts, **named))


def _script(inserted: Sequence[Table], updated: Sequence[Table]) -> Iterator[str]:
    """One transaction of pgbench."""
    yield "SELECT nextval('bench.turn') AS turn \\gset"
    yield "BEGIN;"
    for table in inserted:
        columns = ", ".join(f'"{column}"' for column in table.columns)
        yield (
            f'INSERT INTO "{table.name}" ({columns}) OVERRIDING SYSTEM VALUE'
            f' SELECT {columns} FROM bench."{table.name}_in" WHERE batch = :turn ON CONFLICT DO NOTHING;'
        )
    for table in updated:
        same = " AND ".join(f't."{column}" = n."{column}"' for column in table.key)
        free = next(column for column in table.settable if column not in table.key)
        yield (
            f'UPDATE "{table.name}" t SET "{free}" = t."{free}"'
            f' FROM bench."{table.name}_up" n WHERE n.batch = :turn AND {same};'
        )
    yield "COMMIT;"

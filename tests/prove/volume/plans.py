"""Looks at how PostgreSQL carries out each statement of real calls and handlers: what it reads for what it gives.

Every statement of a transaction is explained as it comes, with its own parameters, by the role and under the row-level
security that serve: once by the plan for just these values, once by the one that is kept for any (each rolled back), and
then carried out.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from services.chassis.database import Tx

LARGE = 50_000  # rows: a table that nobody may look through
# What may be read beside what is given: a few rows for each, and the pages of the indexes on the way.
ROWS_EACH, ROWS_FREE = 20, 200
PAGES_EACH, PAGES_FREE = 60, 1_000
KINDS = ("force_custom_plan", "force_generic_plan")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A statement that reads more than it gives."""

    door: str
    kind: str
    why: str
    statement: str

    def __str__(self) -> str:
        return f"{self.door} ({self.kind}): {self.why}: {' '.join(self.statement.split())[:300]}"


@dataclass
class Watch:
    """What was seen at the door that is open just now."""

    large: frozenset[str]
    door: str = ""
    # Of sums over what one account, or one tenant, has: how many rows they may read; by a piece of their text.
    sums: dict[str, int] = field(default_factory=dict)
    statements: int = 0
    flaws: list[Flaw] = field(default_factory=list)

    async def look(self, tx: Tx, statement: str, params: Any) -> None:
        """Explain a statement by both kinds of plan."""
        if not re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", statement):
            return
        self.statements += 1
        prepared, arguments = _prepared(tx, statement, params)
        for kind in KINDS:
            await tx.connection.execute(prepared, prepare=False)
            try:
                async with tx.connection.transaction(force_rollback=True):
                    await tx.connection.execute(f"SET LOCAL plan_cache_mode = {kind}", prepare=False)
                    explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE looked_at {}")
                    cursor = await tx.connection.execute(explained.format(arguments), prepare=False)
                    row = await cursor.fetchone()
            finally:  # also of a statement that is refused
                await tx.connection.execute("DEALLOCATE looked_at", prepare=False)
            assert row is not None
            found = row[0] if isinstance(row[0], list) else json.loads(row[0])
            self.flaws += [Flaw(self.door, kind, why, statement) for why in self._judge(found[0]["Plan"], statement)]

    def _judge(self, plan: dict[str, Any], statement: str) -> Iterator[str]:
        nodes = list(_nodes(plan))
        for node in nodes:
            if "Seq Scan" in node["Node Type"] and node["Relation Name"] in self.large:
                yield f"looks through {node['Relation Name']}"
        read = sum(_read(node) for node in nodes if node.get("Relation Name") in self.large)
        # What it gives, writes, or was asked for: the keys of a batch come as the rows of a function.
        given = max(_rows(node) for node in nodes if node is plan or node["Node Type"] in ("LockRows", "Function Scan"))
        given = max(
            [given, *(_rows(child) for node in nodes if node["Node Type"] == "ModifyTable" for child in node["Plans"])]
        )
        pages = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
        free = next((rows for piece, rows in self.sums.items() if piece in statement), ROWS_FREE)
        if read > free + ROWS_EACH * given:
            yield f"reads {read:.0f} rows for {given:.0f}"
        if pages > PAGES_FREE + PAGES_EACH * given + free:
            yield f"reads {pages} pages for {given:.0f} rows"


def _prepared(tx: Tx, statement: str, params: Any) -> tuple[sql.SQL, sql.Composable]:
    """The statement as the server would prepare it, and what it is carried out with."""
    query = PostgresQuery(Transformer(tx.connection))
    query.convert(statement, params or None)
    types = ", ".join(_type(oid) for oid in query.types)
    text = f"PREPARE looked_at {f'({types})' if types else ''} AS {query.query.decode()}"
    ordered = [params[name] for name in query._order or ()] if isinstance(params, dict) else list(params)
    if not ordered:
        return sql.SQL(text), sql.SQL("")
    values = sql.SQL(", ").join([sql.Literal(value) for value in ordered])
    return sql.SQL(text), sql.SQL("({})").format(values)


def _type(oid: int) -> str:
    if not oid:
        return "unknown"
    info = psycopg.adapters.types.get(oid)
    assert info is not None, f"what type is {oid}?"
    return f"{info.name}[]" if oid == info.array_oid else info.name


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: dict[str, Any]) -> float:
    return float(node["Actual Rows"] * node["Actual Loops"])


def _read(node: dict[str, Any]) -> float:
    """How many rows a scan came by, those that it left aside included."""
    if "Scan" not in node["Node Type"]:
        return 0
    aside = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + aside) * node["Actual Loops"])


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Look at every statement of every transaction."""
    plain = {name: getattr(Tx, name) for name in ("run", "rows", "fetch")}

    async def run(self: Tx, statement: str, params: Any = ()) -> int:
        await watch.look(self, statement, params)
        return int(await plain["run"](self, statement, params))

    async def rows(self: Tx, statement: str, params: Any = ()) -> Any:
        await watch.look(self, statement, params)
        return await plain["rows"](self, statement, params)

    async def fetch(self: Tx, into: Any, statement: str, params: Any = ()) -> Any:
        await watch.look(self, statement, params)
        return await plain["fetch"](self, into, statement, params)

    try:
        Tx.run, Tx.rows, Tx.fetch = run, rows, fetch  # type: ignore[method-assign,assignment]
        yield
    finally:
        for name, method in plain.items():
            setattr(Tx, name, method)


def large_tables(admin_url: str) -> frozenset[str]:
    """The tables that have so many rows that nobody may look through them."""
    with psycopg.connect(admin_url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= %s",
            [LARGE],
        ).fetchall()
    return frozenset(row[0] for row in rows)


@asynccontextmanager
async def without_index(admin_url: str, index: str) -> AsyncIterator[None]:
    """As if an index had never been built: what shows that the watch sees it."""
    mark = "UPDATE pg_index SET indisvalid = %s WHERE indexrelid = %s::regclass"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(mark, [False, index])
        try:
            yield
        finally:
            admin.execute(mark, [True, index])

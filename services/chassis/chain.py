"""Chains the acts of the audit trail by their hashes, and tells where a chain is broken.

Each tenant has a chain of its own, in the order of its acts' numbers: a link's hash is SHA-256 over the hash before it and
its act. It is made after the deed, by one replica at a time, and never changes: what is chained is only what no lower
number can come before any more. Whoever owns the database can write it all anew; that is seen by a root, the chain's hash
at the end of a day, that was kept elsewhere.
"""

import asyncio
import hashlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import psycopg

from services.chassis import metrics
from services.chassis.database import NOBODY, Database, Tx, is_transient
from services.chassis.logs import log

GENESIS = bytes(32)  # stands before a tenant's first act
EVERY_S = 1.0
PAUSE = 100  # times as long as a round took, at least: so much of a connection, however many tenants there are
PAGE = 5000  # acts of a tenant in one transaction
LOOK_S = 0.02  # between two looks at whoever is about to write acts
VERIFY_S = 86_400.0  # between two looks through it all
VERIFIED_AT_ONCE = 200  # rows: some milliseconds of work, while calls are to be answered
_LOCK = 7_215_004  # any number: one replica chains at a time

# A number is drawn by whoever has locked the table to write to it, until their transaction ends.
_WRITERS = """SELECT virtualtransaction FROM pg_locks
               WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = 'act'::regclass
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_LAST = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('act', 'number')::regclass), 0) AS number"
# The array that `body` writes, as PostgreSQL does.
_BODY = """json_build_array(tenant, number, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor,
  on_behalf_of, issuer, workload, method, account_id, idempotency_key, encode(digest, 'hex'), outcome, code, times)"""
# A day's root is the last link of an act of that day, or of an earlier day whose act came after midnight.
_CHAIN = f"""
WITH head AS MATERIALIZED (
  SELECT t.tenant, coalesce(r.number, 0) AS number, coalesce(r.hash, %s) AS hash, r.day
    FROM unnest(%s::text[]) AS t (tenant)
    LEFT JOIN LATERAL (SELECT number, hash, day FROM act_root WHERE tenant = t.tenant ORDER BY day DESC LIMIT 1) AS r
      ON true),
fresh AS MATERIALIZED (
  SELECT a.tenant, a.number, act_chain(head.hash, convert_to({_BODY.replace("(tenant, number", "(a.tenant, a.number")}::text, 'UTF8')) OVER in_turn AS hash,
         greatest(head.day, max((a.at AT TIME ZONE 'UTC')::date) OVER in_turn) AS day
    FROM head CROSS JOIN LATERAL (
         SELECT * FROM act WHERE act.tenant = head.tenant AND act.number > head.number AND act.number <= %s
          ORDER BY act.number LIMIT {PAGE}) AS a
  WINDOW in_turn AS (PARTITION BY a.tenant ORDER BY a.number ROWS UNBOUNDED PRECEDING)),
linked AS (INSERT INTO act_link (tenant, number, hash) SELECT tenant, number, hash FROM fresh),
rooted AS (
  INSERT INTO act_root (tenant, day, number, hash)
  SELECT DISTINCT ON (tenant, day) tenant, day, number, hash FROM fresh ORDER BY tenant, day, number DESC
  ON CONFLICT (tenant, day) DO UPDATE SET number = EXCLUDED.number, hash = EXCLUDED.hash)
SELECT count(*) AS n FROM fresh"""  # noqa: S608 - our own words and numbers


async def chain(database: Database) -> int | None:
    """Chain what is written, as far as it is settled; return how many acts, None where another replica is at it."""
    chained, n = 0, PAGE
    while n >= PAGE:
        async with database.transaction([NOBODY]) as tx:
            if not (await tx.row("SELECT pg_try_advisory_xact_lock(%s) AS ours", [_LOCK])).ours:
                return None
            upto = await _settled(tx)
            n = await _chain(tx, upto)
        chained += n
    return chained


async def _settled(tx: Tx) -> int:
    """The highest number before which none can come any more: whoever may have drawn a lower one has ended.

    In one session from end to end: a server that crashes may give numbers again that it had given.
    """
    upto = int((await tx.row(_LAST)).number)
    writers = {row.virtualtransaction for row in await tx.rows(_WRITERS)}
    while writers:
        await asyncio.sleep(LOOK_S)
        writers &= {row.virtualtransaction for row in await tx.rows(_WRITERS)}
    return upto


async def _chain(tx: Tx, upto: int) -> int:
    """Tenants are met with their first act, so whoever has one up to there is known by now."""
    tenants = [NOBODY, *(row.tenant for row in await tx.rows("SELECT tenant FROM tenant"))]
    await tx.run("SELECT set_config('ar.tenants', %s, true)", [",".join(tenants)])
    return int((await tx.row(_CHAIN, [GENESIS, tenants, upto])).n)


async def keep_chained(database: Database) -> None:
    """Chain again and again, for ever."""
    while True:
        began, at = time.perf_counter(), time.time()
        try:
            if await chain(database) is not None:
                metrics.CHAINED_AT.set(at)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("acts wait to be chained", error=type(error).__name__)
        await asyncio.sleep(max(EVERY_S, PAUSE * (time.perf_counter() - began)))


def body(row: Any) -> bytes:
    """An act as it is hashed."""
    at: datetime = row.at
    fields = [
        row.tenant,
        row.number,
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        row.actor,
        row.on_behalf_of,
        row.issuer,
        row.workload,
        row.method,
        row.account_id,
        row.idempotency_key,
        bytes(row.digest).hex(),
        row.outcome,
        row.code,
        row.times,
    ]
    return json.dumps(fields, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Root:
    """The chain of a tenant as it stood at the end of a day."""

    tenant: str
    day: date
    number: int
    hash: bytes


Flaw = Literal["changed", "removed", "put in", "root"]
_SOME: list[Any] = [None]  # there may be rows


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which a tenant's chain is not as it was made."""

    tenant: str
    # The last act before it that is as it was; 0: none.
    after: int
    number: int
    flaw: Flaw


@dataclass(slots=True)
class Verified:
    """What a look through one tenant's chain found."""

    tenant: str
    acts: int = 0
    # Written, and not chained yet.
    waiting: int = 0
    # Up to which root acts were cleaned away, if they were.
    cleaned: Root | None = None
    broken: Break | None = None
    number: int = 0
    hash: bytes = field(default=GENESIS, repr=False)


# Everything that stands at a number, in any of the three tables, in one state of them.
_PAGE = """
WITH place AS MATERIALIZED (
  SELECT number FROM (
    (SELECT number FROM act WHERE tenant = %(tenant)s AND number > %(after)s ORDER BY number LIMIT %(most)s)
    UNION (SELECT number FROM act_link WHERE tenant = %(tenant)s AND number > %(after)s ORDER BY number LIMIT %(most)s)
    UNION (SELECT number FROM act_root WHERE tenant = %(tenant)s AND number > %(after)s ORDER BY number LIMIT %(most)s)
  ) AS one ORDER BY number LIMIT %(most)s)
SELECT place.number, a.tenant, a.at, a.actor, a.on_behalf_of, a.issuer, a.workload, a.method, a.account_id, a.idempotency_key,
       a.digest, a.outcome, a.code, a.times, l.hash, r.day, r.hash AS root,
       coalesce((SELECT max(number) FROM act_link WHERE tenant = %(tenant)s), 0) AS chained
  FROM place
  LEFT JOIN act AS a ON a.tenant = %(tenant)s AND a.number = place.number
  LEFT JOIN act_link AS l ON l.tenant = %(tenant)s AND l.number = place.number
  LEFT JOIN act_root AS r ON r.tenant = %(tenant)s AND r.number = place.number
 ORDER BY place.number"""


async def verify(
    database: Database, tenant: str, kept: Iterable[Root] = (), *, at_once: int = PAGE, pause: float = 0
) -> Verified:
    """Go through a tenant's chain from its beginning, and end at the first place that is not as it was made.

    `kept` are roots that somebody kept elsewhere. After each page rest `pause` times as long as it took.
    """
    known = deque(sorted((root.number, root.hash) for root in set(kept) if root.tenant == tenant))
    found = Verified(tenant)
    after, rows = 0, _SOME
    while rows:
        began = time.perf_counter()
        async with database.transaction([tenant]) as tx:
            rows = await tx.rows(_PAGE, {"tenant": tenant, "after": after, "most": at_once})
        for row in rows:
            if (broken := _passed(found, row, known) or _go_on(found, row, known)) is not None:
                found.broken = broken
                return found
            after = row.number
        await asyncio.sleep(pause * (time.perf_counter() - began))
    if known:
        found.broken = Break(tenant, found.number, known[0][0], "removed")
    return found


def _passed(found: Verified, row: Any, kept: deque[tuple[int, bytes]]) -> Break | None:
    """What a kept root names, and nothing stands for any more, unless it was cleaned away."""
    while kept and kept[0][0] < row.number:
        number, _ = kept.popleft()
        if row.tenant is not None or row.hash is not None:
            return Break(found.tenant, found.number, number, "removed")
    return None


def _go_on(found: Verified, row: Any, kept: deque[tuple[int, bytes]]) -> Break | None:
    """Take the next place, unless it is broken."""
    expected = [row.root] if row.root is not None else []
    while kept and kept[0][0] == row.number:
        expected.append(kept.popleft()[1])
    if (flaw := _flaw(found, row, expected)) is not None:
        return Break(found.tenant, found.number, row.number, flaw)
    return None


def _flaw(found: Verified, row: Any, expected: list[bytes]) -> Flaw | None:
    if row.tenant is None:
        return _without_act(found, row, expected)
    if row.hash is None:
        found.waiting += 1
        return "put in" if expected or row.number < row.chained else None
    now = hashlib.sha256(found.hash + body(row)).digest()
    if now != row.hash:
        return "changed"
    found.acts, found.number, found.hash = found.acts + 1, row.number, now
    return "root" if any(root != now for root in expected) else None


def _without_act(found: Verified, row: Any, expected: list[bytes]) -> Flaw | None:
    """Before the first act a root may stand for what was cleaned away."""
    if row.hash is not None or found.acts:
        return "removed"
    found.number, found.hash = row.number, bytes(row.root)
    found.cleaned = Root(found.tenant, row.day, row.number, found.hash)
    return "root" if any(root != row.root for root in expected) else None


async def tenants(database: Database) -> list[str]:
    """Whose acts there are: those of no tenant first."""
    return [NOBODY, *await database.tenants()]


async def keep_verified(database: Database) -> None:
    """Go through it all once a day, for ever, with pauses that leave it a hundredth of the time."""
    while True:
        breaks = 0
        try:
            for tenant in await tenants(database):
                found = await verify(database, tenant, at_once=VERIFIED_AT_ONCE, pause=PAUSE)
                if (broken := found.broken) is not None:
                    breaks += 1
                    log.error("the audit trail is broken", tenant=tenant, number=broken.number, flaw=broken.flaw)
            metrics.CHAIN_BROKEN.set(breaks)
            metrics.CHAIN_VERIFIED_AT.set_to_current_time()
            await asyncio.sleep(VERIFY_S)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("the audit trail waits to be verified", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)


async def roots(database: Database, tenant: str) -> AsyncIterator[Root]:
    """The roots of a tenant, oldest first."""
    rows, after = _SOME, date.min
    while rows:
        async with database.transaction([tenant]) as tx:
            rows = await tx.rows(
                f"""SELECT day, number, hash FROM act_root WHERE tenant = %s AND day > %s
                     ORDER BY day LIMIT {PAGE}""",  # noqa: S608 - our own number
                [tenant, after],
            )
        for row in rows:
            yield Root(tenant, row.day, row.number, bytes(row.hash))
            after = row.day


def clean(owner_url: str, tenant: str, before: date, *, by: str) -> Root | None:
    """Throw a tenant's acts away up to the last root of a day before that one, which then stands for them; as the owner.

    The newest root may grow yet, and is left. That it was done is an act, written with it. Returns the root, None where
    nothing was as old.
    """
    with psycopg.connect(owner_url) as connection:
        connection.execute("SELECT set_config('ar.tenants', %s, true)", [tenant])
        found = connection.execute(
            """SELECT r.day, r.number, r.hash FROM act_root AS r
                WHERE r.tenant = %(tenant)s AND r.day < %(before)s
                  AND EXISTS (SELECT FROM act_link AS l WHERE l.tenant = %(tenant)s AND l.number = r.number)
                  AND EXISTS (SELECT FROM act_root AS n WHERE n.tenant = %(tenant)s AND n.day > r.day)
                ORDER BY r.day DESC LIMIT 1""",
            {"tenant": tenant, "before": before},
        ).fetchone()
        if found is None:
            return None
        root = Root(tenant, *found)
        for table in ("act", "act_link"):
            connection.execute(
                f"DELETE FROM {table} WHERE tenant = %s AND number <= %s",  # noqa: S608 - our own names
                [tenant, root.number],
            )
        connection.execute(
            """INSERT INTO act (tenant, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, digest,
                                outcome, code, times)
               VALUES (%s, %s, '', '', '', 'audit clean', '', %s, '', 'done', '', 1)""",
            [tenant, by, str(root.number)],
        )
    return root

"""Remembers whom accounts miss (domain/gaps.py), when people were heard of, and when the clock looks at an account's people."""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString

from receivables.notifications.v1 import events_pb2

from services.chassis import jobs
from services.chassis.columns import columns
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.notifications.domain.gaps import Gap, Heard, What
from services.notifications.store import Key

PEOPLE = "people"  # the kind of job that looks at an account's people
_LATELY = 200  # messages of a person that are looked at
_DUE: LiteralString = "SELECT tenant, 'people', 'account/' || account_id, '', 1 FROM people_watch WHERE look_at <= %s"


async def find_due(tx: Tx) -> int:
    """Have the people looked at of accounts whose time has come; return how many jobs it is."""
    return await jobs.find(tx, Origin("", "system:clock", "people are looked at", "", new_traceparent()), _DUE, [tx.at])


async def count_due(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at])


async def watch(tx: Tx, accounts: Collection[Key], look_at: datetime) -> None:
    """Look at these accounts' people from then on; at one that is looked at already as before."""
    await tx.run(
        """INSERT INTO people_watch (tenant, account_id, look_at)
           SELECT *, %s::timestamptz FROM unnest(%s::text[], %s::text[]) AS new (tenant, account_id)
           ON CONFLICT DO NOTHING""",
        [look_at, *columns(sorted(accounts))],
    )


async def look(tx: Tx, account: Key, look_at: datetime) -> None:
    """Look at an account's people by then, if not sooner."""
    await tx.run(
        "UPDATE people_watch SET look_at = least(look_at, %s) WHERE tenant = %s AND account_id = %s",
        [look_at, *account],
    )


async def looked(tx: Tx, account: Key, look_at: datetime) -> None:
    """An account's people were looked at; they are again then."""
    await tx.run("UPDATE people_watch SET look_at = %s WHERE tenant = %s AND account_id = %s", [look_at, *account])


async def is_new(tx: Tx, account: Key) -> bool:
    """Whether an account was opened since accounts have owners: who was served before without one is not asked for."""
    row = await tx.row("SELECT is_new FROM people_watch WHERE tenant = %s AND account_id = %s", account)
    return bool(row and row.is_new)


async def open_gaps(tx: Tx, account: Key, *, lock: bool = False) -> dict[Gap, datetime]:
    """What an account is known to miss, and since when."""
    if lock:
        await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('gaps/' || %s || '/' || %s, 0))", account)
    rows = await tx.rows(
        "SELECT what, who, since FROM contact_gap WHERE tenant = %s AND account_id = %s ORDER BY what, who", account
    )
    return {Gap(What(row.what), row.who): row.since for row in rows}


async def asked_for(tx: Tx, account: Key) -> set[str]:
    """The roles for which somebody is to be named already, since something had to be told to them."""
    rows = await tx.rows("SELECT role FROM vacancy WHERE tenant = %s AND account_id = %s", account)
    return {row.role for row in rows}


async def save(tx: Tx, account: Key, opened: Collection[Gap], closed: Collection[Gap], since: datetime) -> None:
    """An account misses these from now on, and those no more."""
    if opened:
        await tx.run(
            """INSERT INTO contact_gap (tenant, account_id, what, who, since)
               SELECT %s, %s, what, who, %s FROM unnest(%s::text[], %s::text[]) AS new (what, who)
               ON CONFLICT DO NOTHING""",
            [*account, since, *columns([(gap.what.value, gap.who) for gap in sorted(opened)])],
        )
    if closed:
        await tx.run(
            """DELETE FROM contact_gap WHERE tenant = %s AND account_id = %s
                AND (what, who) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
            [*account, *columns([(gap.what.value, gap.who) for gap in sorted(closed)])],
        )


async def saved_before(tx: Tx, event: Event[events_pb2.ContactGap]) -> None:
    """Write a gap as it was told; of one that was filled nothing is left."""
    told = event.body
    gap = Gap(What(told.what), told.who)
    account = (event.tenant, told.account_id)
    since = told.since.ToDatetime(tx.at.tzinfo)
    await save(tx, account, [] if told.filled else [gap], [gap] if told.filled else [], since)


async def heard(tx: Tx, tenant: str, contact_ids: Collection[str]) -> None:
    """These people were heard of just now; once an hour is enough."""
    if contact_ids:
        await tx.run(
            """UPDATE contact SET heard_at = %s
                WHERE tenant = %s AND contact_id = ANY (%s::text[]) AND erased_at IS NULL
                  AND (heard_at IS NULL OR heard_at < %s - interval '1 hour')""",
            [tx.at, tenant, sorted(contact_ids), tx.at],
        )


async def heard_of(tx: Tx, account: Key) -> dict[str, Heard]:
    """When an account's people were heard of, and asked, by id; of many messages to one, the newest are looked at."""
    rows = await tx.rows(
        f"""SELECT c.contact_id, c.heard_at, asked.last, asked.first
              FROM contact c CROSS JOIN LATERAL (
                SELECT max(created_at) AS last,
                       min(created_at) FILTER (WHERE c.heard_at IS NULL OR created_at > c.heard_at) AS first
                  FROM (SELECT created_at, weight FROM message m
                         WHERE m.tenant = c.tenant AND m.contact_id = c.contact_id
                         ORDER BY message_id DESC LIMIT {_LATELY}) AS lately
                 WHERE weight = 'ACT') AS asked
             WHERE c.tenant = %s AND c.account_id = %s AND c.erased_at IS NULL AND c.roles <> '{{}}'""",  # noqa: S608 - a number
        account,
    )
    return {row.contact_id: Heard(row.heard_at, row.last, row.first) for row in rows}

"""Limits: what was granted from when on, as it was known when, and uplifts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.book import Key
from services.credit.domain.limits import Grant, Limits, Uplift
from services.kernel.money import Money

LIMITS = "limits"  # the kind of job


@dataclass(frozen=True, slots=True)
class Granted:
    """Where limits stand, and of what."""

    grants: LiteralString
    table: LiteralString
    id: LiteralString


OF_ACCOUNT = Granted("limit_grant", "account", "account_id")
OF_NODE = Granted("node_grant", "node", "node_id")
# Accounts whose limit may be another by now; an uplift that nobody approved in time changes none, and ends too.
_DUE: LiteralString = """SELECT tenant, 'limits', 'limit/' || account_id, '', 1 FROM account WHERE limit_until <= %s
                          UNION SELECT tenant, 'limits', 'limit/' || account_id, '', 1 FROM limit_uplift
                                 WHERE ended_at IS NULL AND valid_until <= %s
                          UNION ALL SELECT tenant, 'limits', 'node/' || node_id, '', 1 FROM node WHERE limit_until <= %s"""


async def find_limits(tx: Tx, accounts: Collection[Key], at: datetime) -> dict[Key, Limits]:
    """What is known of what these accounts may owe at that instant and later. Hold them before."""
    grants, uplifts = await tx.ask(
        (
            """SELECT tenant, account_id, amount_minor, valid_from, valid_until FROM limit_grant
                WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])
                  AND known_until IS NULL AND (valid_until IS NULL OR valid_until > %s)""",
            [*within(accounts), at],
        ),
        (
            """SELECT * FROM limit_uplift
                WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND ended_at IS NULL""",
            within(accounts),
        ),
    )
    of: dict[Key, tuple[list[Grant], list[Uplift]]] = {key: ([], []) for key in accounts}
    for row in grants:
        if (key := (row.tenant, row.account_id)) in of:
            of[key][0].append(Grant(row.amount_minor, row.valid_from, row.valid_until))
    for row in uplifts:
        if (key := (row.tenant, row.account_id)) in of:
            of[key][1].append(_uplift(row))
    return {key: Limits(*found) for key, found in of.items()}


async def find_node_limits(tx: Tx, nodes: Collection[Key], at: datetime) -> dict[Key, Limits]:
    """The same of nodes."""
    rows = await tx.rows(
        """SELECT tenant, node_id, amount_minor, valid_from, valid_until FROM node_grant
            WHERE tenant = ANY (%s::text[]) AND node_id = ANY (%s::text[])
              AND known_until IS NULL AND (valid_until IS NULL OR valid_until > %s)""",
        [*within(nodes), at],
    )
    of: dict[Key, list[Grant]] = {key: [] for key in nodes}
    for row in rows:
        if (key := (row.tenant, row.node_id)) in of:
            of[key].append(Grant(row.amount_minor, row.valid_from, row.valid_until))
    return {key: Limits(found) for key, found in of.items()}


async def save_limit(tx: Tx, key: Key, limit_minor: int, until: datetime | None, of: Granted = OF_ACCOUNT) -> None:
    """Write what an account or a node may owe, and when that may be another by itself."""
    await tx.run(
        f"UPDATE {of.table} SET limit_minor = %s, limit_until = %s WHERE tenant = %s AND {of.id} = %s",  # noqa: S608 - constant names
        [limit_minor, until, *key],
    )


async def known_since(tx: Tx, key: Key, of: Granted = OF_ACCOUNT) -> datetime | None:
    """Since when the newest of what is known of an account's or a node's grants is known."""
    row = await tx.row(
        f"""SELECT max(known_from) AS at FROM {of.grants}
             WHERE tenant = %s AND {of.id} = %s AND known_until IS NULL""",  # noqa: S608 - constant names
        [*key],
    )
    return row.at  # type: ignore[no-any-return]


async def add_grant(
    tx: Tx, key: Key, amount_minor: int, valid_from: datetime, known_from: datetime, *, of: Granted = OF_ACCOUNT
) -> None:
    """From that time on so much may be owed, whatever was granted for it before; that this was so stays known.

    What became known at this very instant was never what anybody knew.
    """
    now = {"tenant": key[0], "id": key[1], "valid": valid_from, "known": known_from}
    replaced = f"""tenant = %(tenant)s AND {of.id} = %(id)s AND known_until IS NULL
                   AND (valid_until IS NULL OR valid_until > %(valid)s)"""
    # What of it counts before that time does so still.
    stays = await tx.row(
        f"""SELECT amount_minor, valid_from FROM {of.grants} WHERE {replaced} AND valid_from < %(valid)s""",  # noqa: S608 - constant text
        now,
    )
    await tx.run(f"DELETE FROM {of.grants} WHERE {replaced} AND known_from = %(known)s", now)  # noqa: S608 - constant text
    await tx.run(f"UPDATE {of.grants} SET known_until = %(known)s WHERE {replaced}", now)  # noqa: S608 - constant text
    if stays is not None:
        await _insert(tx, of, key, stays.amount_minor, valid=(stays.valid_from, valid_from), known_from=known_from)
    await _insert(tx, of, key, amount_minor, valid=(valid_from, None), known_from=known_from)


async def _insert(
    tx: Tx, of: Granted, key: Key, amount_minor: int, *, valid: tuple[datetime, datetime | None], known_from: datetime
) -> None:
    await tx.run(
        f"""INSERT INTO {of.grants} (tenant, {of.id}, amount_minor, valid_from, valid_until, known_from)
            VALUES (%s, %s, %s, %s, %s, %s)""",  # noqa: S608 - constant names
        [*key, amount_minor, *valid, known_from],
    )


async def limit_as_of(tx: Tx, account: Key, valid_at: datetime, known_at: datetime) -> tuple[int, int] | None:
    """What was granted for a time, and the uplifts above it, as was known at another; None where there was no limit."""
    row = await tx.row(
        """SELECT g.amount_minor AS granted,
                  (SELECT coalesce(sum(u.amount_minor), 0)::bigint FROM limit_uplift u
                    WHERE u.tenant = g.tenant AND u.account_id = g.account_id AND u.approved_at <= %(known)s
                      AND u.valid_from <= %(valid)s AND u.valid_until > %(valid)s
                      AND (u.ended_at IS NULL OR u.ended_at > least(%(known)s, %(valid)s))) AS uplifts
             FROM limit_grant g
            WHERE g.tenant = %(tenant)s AND g.account_id = %(account)s
              AND tstzrange(valid_from, valid_until) @> %(valid)s::timestamptz
              AND tstzrange(known_from, known_until) @> %(known)s::timestamptz""",
        {"tenant": account[0], "account": account[1], "valid": valid_at, "known": known_at},
    )
    return (row.granted, row.uplifts) if row else None


async def node_limit_as_of(tx: Tx, node: Key, valid_at: datetime, known_at: datetime) -> int | None:
    """What was granted to a node for a time, as was known at another; None where there was no limit."""
    row = await tx.row(
        """SELECT amount_minor FROM node_grant WHERE tenant = %s AND node_id = %s
              AND tstzrange(valid_from, valid_until) @> %s::timestamptz
              AND tstzrange(known_from, known_until) @> %s::timestamptz""",
        [*node, valid_at, known_at],
    )
    return row.amount_minor if row else None


async def add_uplift(tx: Tx, uplift: Uplift) -> bool:
    """Keep an uplift that is asked for; False if there is, or was, one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO limit_uplift (tenant, uplift_id, account_id, amount_minor, currency, valid_from, valid_until,
                                         reason_code, asked_by)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                uplift.tenant,
                uplift.uplift_id,
                uplift.account_id,
                uplift.amount.minor,
                uplift.amount.currency,
                uplift.valid_from,
                uplift.valid_until,
                uplift.reason_code,
                uplift.asked_by,
            ],
        )
    )


async def find_uplift(tx: Tx, key: Key) -> tuple[Uplift, bool] | None:
    """An uplift by its id, and whether it has ended."""
    row = await tx.row("SELECT * FROM limit_uplift WHERE tenant = %s AND uplift_id = %s", [*key])
    return (_uplift(row), row.ended_at is not None) if row else None


async def approve_uplift(tx: Tx, uplift: Uplift, at: datetime) -> None:
    """Have an uplift count."""
    await tx.run(
        """UPDATE limit_uplift SET approved_by = %s, approved_at = %s, valid_from = %s
            WHERE tenant = %s AND uplift_id = %s AND approved_at IS NULL""",
        [uplift.approved_by, at, uplift.valid_from, uplift.tenant, uplift.uplift_id],
    )


async def end_uplift(tx: Tx, key: Key, at: datetime) -> None:
    """Have an uplift count no more."""
    await tx.run(
        "UPDATE limit_uplift SET ended_at = %s WHERE tenant = %s AND uplift_id = %s AND ended_at IS NULL", [at, *key]
    )


async def list_uplifts(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Uplift]:
    """The uplifts that have not ended, of an account or of all ("")."""
    conditions = ["account_id = %s"] * bool(account_id) + ["(account_id, uplift_id) > (%s, %s)"] * bool(page.after)
    rows = await tx.rows(
        f"""SELECT * FROM limit_uplift
             WHERE {" AND ".join(["tenant = %s", *conditions])} AND ended_at IS NULL
             ORDER BY account_id, uplift_id LIMIT {page.most}""",  # noqa: S608 - constant conditions
        [tenant, *([account_id] if account_id else []), *(page.after or ())],
    )
    return [_uplift(row) for row in rows]


async def find_turned(tx: Tx, word: Origin) -> int:
    """Make a job of each account, and node, whose limit may be another by now; return how many."""
    return await jobs.find(tx, word, _DUE, [tx.at] * 3)


async def count_turned(tx: Tx) -> int:
    """How many there are for which there is no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at] * 3)


def _uplift(row: Any) -> Uplift:
    return Uplift(
        tenant=row.tenant,
        uplift_id=row.uplift_id,
        account_id=row.account_id,
        amount=Money(row.amount_minor, row.currency),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        reason_code=row.reason_code,
        asked_by=row.asked_by,
        approved_by=row.approved_by,
    )

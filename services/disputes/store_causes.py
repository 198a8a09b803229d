"""Remembers why cases came about, and what is done so that they do not again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.disputes.domain.causes import KEYS_MOST, LIVE, WINDOW, Action, By, Kind, State, Watched
from services.disputes.store import Key

COUNTED_MOST = 10_000  # cases of a window, the newest
ROWS_MOST = 50  # of a count, the most frequent
_LIVE = "state IN (" + ", ".join(f"'{state.value}'" for state in LIVE) + ")"  # as the index has it

# What each count is by; of items the cases are those of another table.
_COLUMNS = {
    By.CAUSE: "''",
    By.BUYER: "account_id",
    By.SELLER: "seller_id",
    By.SITE: "site",
    By.COST_CENTRE: "cost_centre",
}


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases of a cause there were of late, about whom or what."""

    cause: str
    about: str
    cases: int
    # Of them, those whose cause somebody named.
    named: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An action, and how many cases of its key there were since it was done, within the time in which that counts."""

    action: Action
    recurrences: int


async def save(tx: Tx, key: Key, cause: str, *, named: bool) -> list[str]:
    """Keep why a case that ends came about, in place of what was known; return its items."""
    await tx.run(
        """INSERT INTO dispute_cause (tenant, dispute_id, cause, is_named, account_id, seller_id, site, cost_centre, currency,
                                      credit_minor, ended_at)
           SELECT d.tenant, d.dispute_id, %s, %s, d.account_id, i.seller_id, i.site, i.cost_centre, i.currency,
                  coalesce(d.credit_minor, 0), %s
             FROM dispute d JOIN invoice i USING (tenant, invoice_id) WHERE d.tenant = %s AND d.dispute_id = %s
           ON CONFLICT (tenant, dispute_id) DO UPDATE
             SET cause = EXCLUDED.cause, is_named = EXCLUDED.is_named, credit_minor = EXCLUDED.credit_minor,
                 ended_at = EXCLUDED.ended_at""",
        [cause, named, tx.at, *key],
    )
    await tx.run("DELETE FROM dispute_cause_item WHERE tenant = %s AND dispute_id = %s", key)
    rows = await tx.rows(
        f"""INSERT INTO dispute_cause_item (tenant, dispute_id, sku, cause, ended_at)
            SELECT DISTINCT dl.tenant, dl.dispute_id, l.sku, %s, %s::timestamptz
              FROM dispute_line dl JOIN invoice_line l USING (tenant, invoice_id, line_id)
             WHERE dl.tenant = %s AND dl.dispute_id = %s AND l.sku <> '' ORDER BY l.sku LIMIT {KEYS_MOST - 1}
            RETURNING sku""",  # noqa: S608 - a constant
        [cause, tx.at, *key],
    )
    return sorted(row.sku for row in rows)


async def lock(tx: Tx, tenant: str, keys: Collection[Watched]) -> None:
    """Let nobody else look at these together until the transaction ends, in one order."""
    names = sorted(f"{tenant}/{key.cause}/{key.kind}/{key.about}" for key in keys)
    await tx.run(
        """SELECT pg_advisory_xact_lock(hashtextextended('cause/' || name, 0))
             FROM (SELECT name FROM unnest(%s::text[]) AS name ORDER BY name) AS sorted""",
        [names],
    )


async def newest(tx: Tx, tenant: str, key: Watched) -> Action | None:
    """What was opened last about a key."""
    row = await tx.row(
        """SELECT * FROM corrective_action WHERE tenant = %s AND cause = %s AND kind = %s AND about = %s
            ORDER BY opened_at DESC, action_id DESC LIMIT 1""",
        [tenant, key.cause, key.kind.value, key.about],
    )
    return _action(row) if row else None


async def count(tx: Tx, tenant: str, key: Watched, since: datetime) -> int:
    """How many cases of a key ended since then."""
    table, column = ("dispute_cause", "account_id") if key.kind is Kind.BUYER else ("dispute_cause_item", "sku")
    row = await tx.row(
        f"SELECT count(*) AS n FROM {table} WHERE tenant = %s AND cause = %s AND {column} = %s AND ended_at > %s",  # noqa: S608 - our names
        [tenant, key.cause, key.about, since],
    )
    return int(row.n)


async def add_action(tx: Tx, tenant: str, new: Action) -> None:
    """Keep an action that is opened."""
    await tx.run(
        """INSERT INTO corrective_action (tenant, action_id, cause, kind, about, owner, state, opened_at, due_on, cases,
                                          done_at, moves)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant,
            new.action_id,
            new.key.cause,
            new.key.kind.value,
            new.key.about,
            new.owner,
            new.state.value,
            new.opened_at,
            new.due_on,
            new.cases,
            new.done_at,
            new.moves,
        ],
    )


async def save_action(tx: Tx, tenant: str, moved: Action) -> None:
    """Write where an action stands."""
    await tx.run(
        "UPDATE corrective_action SET state = %s, done_at = %s, moves = %s WHERE tenant = %s AND action_id = %s",
        [moved.state.value, moved.done_at, moved.moves, tenant, moved.action_id],
    )


async def lock_action(tx: Tx, tenant: str, action_id: str) -> Action | None:
    """Hold an action until the transaction ends."""
    row = await tx.row(
        "SELECT * FROM corrective_action WHERE tenant = %s AND action_id = %s FOR UPDATE", [tenant, action_id]
    )
    return _action(row) if row else None


async def list_actions(tx: Tx, tenant: str, page: Page, *, live: bool) -> list[Shown]:
    """Actions: those that are not over by the day on which they are due; or all, the newest first."""
    place, beyond, by = ("due_on, action_id", ">", "ASC") if live else ("opened_at, action_id", "<", "DESC")
    only = (f" AND {_LIVE}" if live else "") + (f" AND ({place}) {beyond} (%s, %s)" if page.after else "")
    order = ", ".join(f"{column} {by}" for column in place.split(", "))
    rows = await tx.rows(
        f"""SELECT a.*, CASE WHEN a.done_at IS NULL THEN 0
                             WHEN a.kind = 'BUYER' THEN
                               (SELECT count(*) FROM dispute_cause c
                                 WHERE c.tenant = a.tenant AND c.cause = a.cause AND c.account_id = a.about
                                   AND c.ended_at > a.done_at AND c.ended_at < a.done_at + %s)
                             ELSE (SELECT count(*) FROM dispute_cause_item c
                                    WHERE c.tenant = a.tenant AND c.cause = a.cause AND c.sku = a.about
                                      AND c.ended_at > a.done_at AND c.ended_at < a.done_at + %s) END AS recurrences
              FROM (SELECT * FROM corrective_action WHERE tenant = %s{only} ORDER BY {order} LIMIT {page.most}) AS a
             ORDER BY {order}""",  # noqa: S608 - our names
        [WINDOW, WINDOW, tenant, *(page.after or ())],
    )
    return [Shown(_action(row), int(row.recurrences)) for row in rows]


async def count_by(tx: Tx, tenant: str, by: By) -> list[Count]:
    """How many cases there were of each cause in the window that ends now, by what they have in common; the most frequent first."""
    since = tx.at - WINDOW
    if by is By.ITEM:
        found = f"""SELECT cause, sku AS about, dispute_id FROM dispute_cause_item
                     WHERE tenant = %(tenant)s AND ended_at > %(since)s ORDER BY ended_at DESC LIMIT {COUNTED_MOST}"""  # noqa: S608 - our names
        found = f"""SELECT i.cause, i.about, c.is_named FROM ({found}) AS i
                      JOIN dispute_cause c ON c.tenant = %(tenant)s AND c.dispute_id = i.dispute_id"""  # noqa: S608
    else:
        found = f"""SELECT cause, {_COLUMNS[by]} AS about, is_named FROM dispute_cause
                     WHERE tenant = %(tenant)s AND ended_at > %(since)s ORDER BY ended_at DESC LIMIT {COUNTED_MOST}"""  # noqa: S608 - our names
    return await tx.fetch(
        Count,
        f"""SELECT cause, about, count(*) AS cases, count(*) FILTER (WHERE is_named) AS named FROM ({found}) AS found
             GROUP BY cause, about ORDER BY cases DESC, cause, about LIMIT {ROWS_MOST}""",  # noqa: S608 - our names
        {"tenant": tenant, "since": since},
    )


def _action(row: Any) -> Action:
    return Action(
        action_id=row.action_id,
        key=Watched(row.cause, Kind(row.kind), row.about),
        owner=row.owner,
        state=State(row.state),
        opened_at=row.opened_at,
        due_on=row.due_on,
        cases=row.cases,
        done_at=row.done_at,
        moves=row.moves,
    )

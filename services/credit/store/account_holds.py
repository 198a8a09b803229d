"""Holds on accounts: which stand, and when they end."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import within
from services.chassis.database import Question, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.account_holds import AccountHold
from services.credit.domain.book import Key
from services.kernel.orders import Scope

LIFT = "lift"  # the kind of job
_IS_WHO = "^(contact|user|key|service|system):[^[:space:]@]+$"  # as chassis/envelope.py has it
_OVER: LiteralString = """SELECT tenant, 'lift', 'hold/' || hold_id, '', 1 FROM account_hold
                           WHERE lifted_at IS NULL AND until <= %s ORDER BY until"""


def standing_of(accounts: Collection[Key]) -> Question:
    """The holds of these accounts that nobody has lifted."""
    return (
        """SELECT * FROM account_hold
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND lifted_at IS NULL""",
        within(accounts),
    )


def by_account(rows: Iterable[Any]) -> dict[Key, list[AccountHold]]:
    """The same as values."""
    found: dict[Key, list[AccountHold]] = {}
    for row in rows:
        found.setdefault((row.tenant, row.account_id), []).append(_account_hold(row))
    return found


async def add_account_hold(tx: Tx, hold: AccountHold, by: str) -> bool:
    """Place a hold; False if there is, or was, one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO account_hold (tenant, hold_id, account_id, site, cost_centre, purchase_order, reason_code, reason,
                                         owner, until, placed_at, placed_by)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                hold.tenant,
                hold.hold_id,
                hold.account_id,
                hold.scope.site,
                hold.scope.cost_centre,
                hold.scope.purchase_order,
                hold.reason_code,
                hold.reason,
                hold.owner,
                hold.until,
                tx.at,
                by,
            ],
        )
    )


async def find_account_holds(tx: Tx, keys: Collection[Key]) -> dict[Key, tuple[AccountHold, bool]]:
    """Holds by their ids, and whether each was lifted."""
    rows = await tx.rows(
        "SELECT * FROM account_hold WHERE tenant = ANY (%s::text[]) AND hold_id = ANY (%s::text[])", within(keys)
    )
    return {(row.tenant, row.hold_id): (_account_hold(row), row.lifted_at is not None) for row in rows}


async def count_account_holds(tx: Tx, account: Key) -> int:
    """How many holds of an account nobody has lifted."""
    row = await tx.row(
        "SELECT count(*) AS n FROM account_hold WHERE tenant = %s AND account_id = %s AND lifted_at IS NULL", [*account]
    )
    return int(row.n)


async def lift_account_hold(tx: Tx, key: Key, by: str) -> bool:
    """Lift a hold; False if it does not stand."""
    return bool(
        await tx.run(
            """UPDATE account_hold SET lifted_at = %s, lifted_by = %s
                WHERE tenant = %s AND hold_id = %s AND lifted_at IS NULL""",
            [tx.at, by, *key],
        )
    )


async def forget(tx: Tx, tenant: str, subject: str) -> None:
    """Forget what somebody wrote of holds, in their own name or for another.

    Who sees to a hold stays, if it is said by an id.
    """
    await tx.run(
        f"""UPDATE account_hold SET reason = '', owner = CASE WHEN owner ~ '{_IS_WHO}' THEN owner ELSE '' END
             WHERE tenant = %s AND (writer = %s OR written_for = %s AND written_for <> '') AND (reason <> '' OR owner <> '')""",  # noqa: S608 - constant text
        [tenant, subject, subject],
    )


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Forget what was written of some of the holds that were over before a day; return of how many."""
    return await tx.run(
        """UPDATE account_hold SET reason = '' WHERE tenant = %(tenant)s AND hold_id IN (
             SELECT hold_id FROM account_hold
              WHERE tenant = %(tenant)s AND reason <> '' AND coalesce(lifted_at, until) < %(before)s
              ORDER BY coalesce(lifted_at, until) LIMIT %(most)s)""",
        {"tenant": tenant, "before": before, "most": most},
    )


async def list_account_holds(tx: Tx, tenant: str, account_id: str, page: Page) -> list[AccountHold]:
    """The holds that stand, of an account or of all ("")."""
    conditions = ["account_id = %s"] * bool(account_id) + ["(account_id, hold_id) > (%s, %s)"] * bool(page.after)
    rows = await tx.rows(
        f"""SELECT * FROM account_hold
             WHERE {" AND ".join(["tenant = %s", *conditions])} AND lifted_at IS NULL AND (until IS NULL OR until > %s)
             ORDER BY account_id, hold_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *([account_id] if account_id else []), *(page.after or ()), tx.at],
    )
    return [_account_hold(row) for row in rows]


async def find_over(tx: Tx, word: Origin) -> int:
    """Make a job of each hold whose time is over; return how many."""
    return await jobs.find(tx, word, _OVER, [tx.at])


async def count_over(tx: Tx) -> int:
    """How many holds' time is over for which there is no job yet."""
    return await jobs.count_found(tx, _OVER, [tx.at])


def _account_hold(row: Any) -> AccountHold:
    return AccountHold(
        tenant=row.tenant,
        hold_id=row.hold_id,
        account_id=row.account_id,
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        reason_code=row.reason_code,
        reason=row.reason,
        owner=row.owner,
        until=row.until,
    )

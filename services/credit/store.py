"""Remembers accounts, holds and decisions: one function a question, visible SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.credit.domain import Account, Book, Decision, Hold, Outcome, Recorded, State
from services.kernel.money import Money
from services.kernel.orders import Scope

Key = tuple[str, str]  # tenant, and an account's or an order's id


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of what an account uses and holds, in minor units, with its cause ("hold order/o1/1")."""

    key: Key
    cause: str
    used: int = 0
    held: int = 0


async def lock_accounts(tx: Tx, keys: Collection[Key]) -> dict[Key, Account]:
    """Hold the accounts until the transaction ends, in one global order, so that no two orders spend one limit."""
    rows = await tx.rows(
        """SELECT tenant, account_id, currency, limit_minor, used_minor, held_minor, on_hold FROM account
            WHERE (tenant, account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY tenant, account_id FOR UPDATE""",
        _columns(keys),
    )
    return {
        (r.tenant, r.account_id): Account(
            tenant=r.tenant,
            account_id=r.account_id,
            limit=Money(r.limit_minor, r.currency),
            used=Money(r.used_minor, r.currency),
            held=Money(r.held_minor, r.currency),
            on_hold=r.on_hold,
        )
        for r in rows
    }


async def lock_unknown(tx: Tx, keys: Collection[Key]) -> None:
    """Serialize orders of accounts that have no row to lock."""
    await tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(%s::text[]) AS key",
        [sorted(f"{tenant}/{account_id}" for tenant, account_id in keys)],
    )


async def newest_holds(tx: Tx, orders: Collection[Key]) -> dict[Key, Hold]:
    """The newest version's hold of each order, whatever its state."""
    rows = await tx.rows(
        """SELECT DISTINCT ON (tenant, order_id) * FROM hold
            WHERE (tenant, order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY tenant, order_id, version DESC""",
        _columns(orders),
    )
    return {(r.tenant, r.order_id): _hold(r) for r in rows}


async def find_hold(tx: Tx, order: Key, version: int) -> Hold | None:
    """One version's hold; version 0 means the newest."""
    rows = await tx.rows(
        f"""SELECT * FROM hold WHERE tenant = %s AND order_id = %s {"AND version = %s" if version else ""}
             ORDER BY version DESC LIMIT 1""",  # noqa: S608 - constant text
        [*order, *([version] if version else [])],
    )
    return _hold(rows[0]) if rows else None


async def due_holds(tx: Tx, at: datetime, most: int) -> list[Key]:
    """Orders whose open hold has lapsed, and their accounts' ids are locked next."""
    rows = await tx.rows(
        """SELECT tenant, order_id FROM hold
            WHERE state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED') AND expires_at <= %s
            ORDER BY expires_at LIMIT %s""",
        [at, most],
    )
    return [(r.tenant, r.order_id) for r in rows]


async def count_due_holds(tx: Tx) -> int:
    """How many open holds have lapsed by now."""
    row = await tx.row(
        """SELECT count(*) AS n FROM hold
            WHERE state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED') AND expires_at <= %s""",
        [tx.at],
    )
    return int(row.n)


async def accounts_of(tx: Tx, orders: Collection[Key]) -> set[Key]:
    """The accounts of these orders, to be locked before their holds are read again."""
    rows = await tx.rows(
        """SELECT DISTINCT tenant, account_id FROM hold
            WHERE (tenant, order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        _columns(orders),
    )
    return {(r.tenant, r.account_id) for r in rows}


async def save_accounts(tx: Tx, book: Book, granted: Collection[Key] = ()) -> None:
    """Write what the accounts use and hold; where the engine granted, the limit guards in the statement too (B3)."""
    accounts = [book.accounts[key] for key in sorted(book.accounts)]
    written = await tx.run(
        """UPDATE account SET used_minor = new.used_minor, held_minor = new.held_minor
             FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::boolean[])
               AS new (tenant, account_id, used_minor, held_minor, granted)
            WHERE account.tenant = new.tenant AND account.account_id = new.account_id
              AND (NOT new.granted OR new.used_minor + new.held_minor <= account.limit_minor)""",
        [
            [a.tenant for a in accounts],
            [a.account_id for a in accounts],
            [a.used.minor for a in accounts],
            [a.held.minor for a in accounts],
            [(a.tenant, a.account_id) in granted for a in accounts],
        ],
    )
    assert written == len(accounts), "a hold would exceed its limit"


async def save_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Write holds, new and moved ones."""
    if not holds:
        return
    await tx.run(
        """INSERT INTO hold (tenant, order_id, version, account_id, state, currency, amount_minor, held_minor,
                             captured_minor, expires_at, site, cost_centre, purchase_order)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[],
                                %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])
           ON CONFLICT (tenant, order_id, version) DO UPDATE
             SET state = EXCLUDED.state, held_minor = EXCLUDED.held_minor, captured_minor = EXCLUDED.captured_minor""",
        [
            [h.tenant for h in holds],
            [h.order_id for h in holds],
            [h.version for h in holds],
            [h.account_id for h in holds],
            [h.state.value for h in holds],
            [h.amount.currency for h in holds],
            [h.amount.minor for h in holds],
            [h.held.minor for h in holds],
            [h.captured.minor for h in holds],
            [h.expires_at for h in holds],
            [h.scope.site for h in holds],
            [h.scope.cost_centre for h in holds],
            [h.scope.purchase_order for h in holds],
        ],
    )


async def add_decisions(tx: Tx, decisions: Sequence[tuple[str, Decision]]) -> None:
    """Write decisions by their ids."""
    if not decisions:
        return
    await tx.run(
        """INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by,
                                 currency, amount_minor, headroom_minor, expires_at, decided_at)
           SELECT tenant, decision_id, order_id, version, account_id, outcome, string_to_array(reasons, ' '), decided_by,
                  currency, amount_minor, headroom_minor, expires_at, %s
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
               AS new (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by, currency,
                       amount_minor, headroom_minor, expires_at)""",
        [
            tx.at,
            [d.request.tenant for _, d in decisions],
            [decision_id for decision_id, _ in decisions],
            [d.request.order_id for _, d in decisions],
            [d.request.version for _, d in decisions],
            [d.request.account_id for _, d in decisions],
            [d.outcome.value for _, d in decisions],
            [" ".join(d.reasons) for _, d in decisions],
            [d.decided_by for _, d in decisions],
            [d.request.amount.currency for _, d in decisions],
            [d.request.amount.minor for _, d in decisions],
            [d.headroom.minor if d.headroom else None for _, d in decisions],
            [d.expires_at for _, d in decisions],
        ],
    )


async def add_movements(tx: Tx, movements: Sequence[Movement]) -> None:
    """Write why accounts changed; a cause that comes twice is a defect, found by the table's key."""
    if not movements:
        return
    await tx.run(
        """INSERT INTO movement (tenant, account_id, cause, used_minor, held_minor, at)
           SELECT *, %s FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])""",
        [
            tx.at,
            [m.key[0] for m in movements],
            [m.key[1] for m in movements],
            [m.cause for m in movements],
            [m.used for m in movements],
            [m.held for m in movements],
        ],
    )


async def find_decisions(tx: Tx, orders: Collection[tuple[str, str, int]]) -> dict[tuple[str, str, int], Recorded]:
    """The newest decision on each version of an order."""
    rows = await tx.rows(
        """SELECT DISTINCT ON (d.tenant, d.order_id, d.version) d.*, h.site, h.cost_centre, h.purchase_order
             FROM decision d JOIN hold h USING (tenant, order_id, version)
            WHERE (d.tenant, d.order_id, d.version) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::int[]))
            ORDER BY d.tenant, d.order_id, d.version, d.decided_at DESC, d.decision_id DESC""",
        [[t for t, _, _ in orders], [o for _, o, _ in orders], [v for _, _, v in orders]],
    )
    return {(r.tenant, r.order_id, r.version): _recorded(r) for r in rows}


async def referred(tx: Tx, tenant: str, page: Page) -> list[Recorded]:
    """Decisions on orders that wait for a person, by order id."""
    rows = await tx.rows(
        f"""SELECT d.*, h.site, h.cost_centre, h.purchase_order
              FROM (SELECT * FROM hold WHERE tenant = %s AND state = 'REFERRED' {"AND order_id > %s" if page.after else ""}
                     ORDER BY order_id LIMIT {page.most}) AS h
              JOIN decision d USING (tenant, order_id, version)
             ORDER BY h.order_id""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )
    return [_recorded(row) for row in rows]


async def add_account(tx: Tx, key: Key, company: bytes, limit: Money) -> bool:
    """Open an account; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
               VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [*key, company, limit.currency, limit.minor, tx.at],
        )
    )


async def set_company(tx: Tx, key: Key, company: bytes) -> None:
    """Replace the company's data."""
    await tx.run("UPDATE account SET company = %s WHERE tenant = %s AND account_id = %s", [company, *key])


async def set_limit(tx: Tx, key: Key, limit: Money) -> None:
    """Replace the limit; it may fall below what is used."""
    await tx.run("UPDATE account SET limit_minor = %s WHERE tenant = %s AND account_id = %s", [limit.minor, *key])


async def get_account(tx: Tx, key: Key) -> Any | None:
    """One account, whole."""
    return await tx.row("SELECT * FROM account WHERE tenant = %s AND account_id = %s", key)


async def list_accounts(tx: Tx, tenant: str, page: Page) -> list[Any]:
    """Accounts by id."""
    return await tx.rows(
        f"""SELECT * FROM account WHERE tenant = %s {"AND account_id > %s" if page.after else ""}
             ORDER BY account_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )


async def exposure(tx: Tx, span: Span) -> list[Any]:
    """Limits, use and holds by currency, and how far accounts drift from their movements and holds, minor units."""
    return await tx.rows(
        f"""SELECT a.currency, sum(a.limit_minor)::bigint AS limit_minor, sum(a.used_minor)::bigint AS used_minor,
                   sum(a.held_minor)::bigint AS held_minor,
                   sum(abs(a.used_minor - coalesce(m.used_minor, 0)) + abs(a.held_minor - coalesce(m.held_minor, 0))
                       + abs(a.held_minor - coalesce(h.held_minor, 0)))::bigint AS drift_minor
              FROM (SELECT * FROM account WHERE {span.where("tenant", "account_id")}) AS a
              LEFT JOIN LATERAL (SELECT sum(used_minor) AS used_minor, sum(held_minor) AS held_minor FROM movement
                                  WHERE movement.tenant = a.tenant AND movement.account_id = a.account_id) AS m ON true
              LEFT JOIN LATERAL (SELECT sum(held_minor) AS held_minor FROM hold
                                  WHERE hold.tenant = a.tenant AND hold.account_id = a.account_id
                                    AND state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED')) AS h ON true
             GROUP BY a.currency""",  # noqa: S608 - constant text
        span.params,
    )


async def count_open_holds(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """How many orders of these accounts hold credit or wait for a person, by state."""
    return await tx.rows(
        f"""SELECT state, count(*) FROM hold WHERE {span.where("tenant", "account_id")}
               AND state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED') GROUP BY state""",  # noqa: S608 - constant text
        span.params,
    )


def _columns(keys: Collection[Key]) -> list[list[str]]:
    return [[first for first, _ in keys], [second for _, second in keys]]


def _hold(r: Any) -> Hold:
    return Hold(
        tenant=r.tenant,
        order_id=r.order_id,
        version=r.version,
        account_id=r.account_id,
        state=State(r.state),
        amount=Money(r.amount_minor, r.currency),
        held=Money(r.held_minor, r.currency),
        captured=Money(r.captured_minor, r.currency),
        expires_at=r.expires_at,
        scope=Scope(r.site, r.cost_centre, r.purchase_order),
    )


def _recorded(r: Any) -> Recorded:
    return Recorded(
        decision_id=r.decision_id,
        order_id=r.order_id,
        version=r.version,
        account_id=r.account_id,
        outcome=Outcome(r.outcome),
        reasons=tuple(r.reasons),
        amount=Money(r.amount_minor, r.currency),
        headroom=None if r.headroom_minor is None else Money(r.headroom_minor, r.currency),
        expires_at=r.expires_at,
        scope=Scope(r.site, r.cost_centre, r.purchase_order),
    )

"""Remembers accounts, holds and decisions: one function a question, visible SQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.credit.domain.accounts import Account
from services.credit.domain.decisions import Decision, Outcome, Recorded
from services.credit.domain.holds import Hold, State
from services.kernel.money import Money
from services.kernel.orders import Scope

Key = tuple[str, str]  # tenant, and an account's or an order's id
Version = tuple[str, str, int]  # tenant, order, and which version of it

_KEY = Columns("tenant text, id text")
_VERSION = Columns("tenant text, order_id text, version int")
_ACCOUNT = Columns("tenant text, account_id text, used_minor bigint, held_minor bigint, granted boolean")
_HOLD = Columns(
    """tenant text, order_id text, version int, account_id text, state text, currency text, amount_minor bigint,
       held_minor bigint, captured_minor bigint, expires_at timestamptz, site text, cost_centre text, purchase_order text"""
)
_DECISION = Columns(
    """tenant text, decision_id text, order_id text, version int, account_id text, outcome text, reasons text,
       decided_by text, currency text, amount_minor bigint, headroom_minor bigint, expires_at timestamptz"""
)
_MOVEMENT = Columns("tenant text, account_id text, cause text, used_minor bigint, held_minor bigint")


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
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])
            ORDER BY tenant, account_id FOR NO KEY UPDATE""",
        within(keys),
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
        f"""SELECT newest.* FROM {_KEY.rows} AS wanted
             CROSS JOIN LATERAL (SELECT * FROM hold WHERE hold.tenant = wanted.tenant AND hold.order_id = wanted.id
                                  ORDER BY version DESC LIMIT 1) AS newest""",  # noqa: S608 - constant columns
        [_KEY.pack(orders)],
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


LAPSE = "lapse"  # the kind of job
_LAPSED: LiteralString = """SELECT tenant, 'lapse', 'order/' || order_id, '', 1 FROM hold
                             WHERE state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED') AND expires_at <= %s
                             ORDER BY expires_at"""


async def find_lapsed(tx: Tx, word: Origin) -> int:
    """Make a job of each order whose open hold's time is over; return how many."""
    return await jobs.find(tx, word, _LAPSED, [tx.at])


async def count_lapsed(tx: Tx) -> int:
    """How many open holds' time is over for which there is no job yet."""
    return await jobs.count_found(tx, _LAPSED, [tx.at])


async def accounts_of(tx: Tx, orders: Collection[Key]) -> set[Key]:
    """The accounts of these orders, to be locked before their holds are read again."""
    rows = await tx.rows(
        """SELECT DISTINCT tenant, account_id FROM hold
            WHERE tenant = ANY (%s::text[]) AND order_id = ANY (%s::text[])""",
        within(orders),
    )
    return {(r.tenant, r.account_id) for r in rows}


async def save(
    tx: Tx,
    accounts: Collection[Account],
    holds: Sequence[Hold],
    movements: Sequence[Movement],
    *,
    decisions: Sequence[tuple[str, Decision]] = (),
    granted: Collection[Key] = (),
) -> None:
    """Write what the accounts use and hold now, holds, new and moved ones, and decisions by their ids; and why.

    Where the engine granted, the limit guards in the statement too (B3); a cause that comes twice is a defect, found by
    the table's key. One statement, since every one costs its way to the server and back.
    """
    row = await tx.row(
        f"""WITH changed AS (
              UPDATE account SET used_minor = new.used_minor, held_minor = new.held_minor FROM {_ACCOUNT.rows} AS new
               WHERE account.tenant = ANY (%s::text[]) AND account.account_id = ANY (%s::text[])
                 AND account.tenant = new.tenant AND account.account_id = new.account_id
                 AND (NOT new.granted OR new.used_minor + new.held_minor <= account.limit_minor)
              RETURNING 1
            ), reserved AS (
              INSERT INTO hold ({_HOLD.names}) SELECT * FROM {_HOLD.rows} AS new
              ON CONFLICT (tenant, order_id, version) DO UPDATE
                SET state = EXCLUDED.state, held_minor = EXCLUDED.held_minor, captured_minor = EXCLUDED.captured_minor
            ), decided AS (
              INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by,
                                    currency, amount_minor, headroom_minor, expires_at, decided_at)
              SELECT tenant, decision_id, order_id, version, account_id, outcome, string_to_array(reasons, ' '),
                     decided_by, currency, amount_minor, headroom_minor, expires_at, %s FROM {_DECISION.rows} AS new
            ), moved AS (
              INSERT INTO movement ({_MOVEMENT.names}, at) SELECT *, %s FROM {_MOVEMENT.rows} AS new
            )
            SELECT count(*) AS written FROM changed""",  # noqa: S608 - constant columns
        [
            _ACCOUNT.pack(_account_row(a, granted) for a in accounts),
            *within([(a.tenant, a.account_id) for a in accounts]),
            _HOLD.pack(map(_hold_row, holds)),
            tx.at,
            _DECISION.pack(_decision_row(decision_id, d) for decision_id, d in decisions),
            tx.at,
            _MOVEMENT.pack((*m.key, m.cause, m.used, m.held) for m in movements),
        ],
    )
    assert row.written == len(accounts), "a hold would exceed its limit"


async def known_causes(tx: Tx, causes: Collection[tuple[Key, str]]) -> set[tuple[Key, str]]:
    """Which of these have moved their account already; an empty cause never has."""
    asked = [(*key, cause) for key, cause in causes if cause]
    if not asked:
        return set()
    rows = await tx.rows(
        """SELECT tenant, account_id, cause FROM movement
            WHERE tenant = ANY (%s) AND account_id = ANY (%s) AND cause = ANY (%s)""",
        within(asked, 3),
    )
    return {((row.tenant, row.account_id), row.cause) for row in rows}


async def find_decisions(tx: Tx, orders: Collection[Version]) -> dict[Version, Recorded]:
    """The newest decision on each version of an order."""
    if not orders:
        return {}
    rows = await tx.rows(
        f"""SELECT newest.* FROM {_VERSION.rows} AS wanted
             CROSS JOIN LATERAL (SELECT d.*, h.site, h.cost_centre, h.purchase_order
                                   FROM decision d JOIN hold h USING (tenant, order_id, version)
                                  WHERE tenant = wanted.tenant AND order_id = wanted.order_id AND version = wanted.version
                                  ORDER BY d.decided_at DESC, d.decision_id DESC LIMIT 1) AS newest""",  # noqa: S608 - constant columns
        [_VERSION.pack(orders)],
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
        f"""SELECT a.currency, sum(a.limit_minor) AS limit_minor, sum(a.used_minor) AS used_minor,
                   sum(a.held_minor) AS held_minor,
                   sum(abs(a.used_minor - coalesce(m.used_minor, 0)) + abs(a.held_minor - coalesce(m.held_minor, 0))
                       + abs(a.held_minor - coalesce(h.held_minor, 0))) AS drift_minor
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


def _account_row(a: Account, granted: Collection[Key]) -> tuple[Any, ...]:
    return a.tenant, a.account_id, a.used.minor, a.held.minor, (a.tenant, a.account_id) in granted


def _hold_row(h: Hold) -> tuple[Any, ...]:
    return (
        h.tenant,
        h.order_id,
        h.version,
        h.account_id,
        h.state,
        h.amount.currency,
        h.amount.minor,
        h.held.minor,
        h.captured.minor,
        h.expires_at,
        h.scope.site,
        h.scope.cost_centre,
        h.scope.purchase_order,
    )


def _decision_row(decision_id: str, d: Decision) -> tuple[Any, ...]:
    request = d.request
    return (
        request.tenant,
        decision_id,
        request.order_id,
        request.version,
        request.account_id,
        d.outcome,
        " ".join(d.reasons),
        d.decided_by,
        request.amount.currency,
        request.amount.minor,
        d.headroom.minor if d.headroom else None,
        d.expires_at,
    )


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

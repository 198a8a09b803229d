"""Orders: what is held for each, what was decided on it, and what is written of a batch of work."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.accounts import Account
from services.credit.domain.book import Key
from services.credit.domain.decisions import Answered, Decision, Outcome, Recorded
from services.credit.domain.habits import Habit, pack
from services.credit.domain.holds import Hold, State
from services.credit.domain.tree import Node
from services.credit.store import conduct, habits, tree
from services.credit.store.books import hold
from services.kernel.money import Money
from services.kernel.orders import Scope

Version = tuple[str, str, int]  # tenant, order, and which version of it

_VERSION = Columns("tenant text, order_id text, version int")
_ACCOUNT = Columns(
    "tenant text, account_id text, used_minor bigint, held_minor bigint, applied_sequence bigint, granted boolean,"
    " limit_minor bigint, unapplied_minor bigint, credits_minor bigint, abroad jsonb, group_used_minor bigint,"
    " group_held_minor bigint, valued_version int"
)
_OWNER = Columns("tenant text, order_id text, account_id text")
_SHIPMENT = Columns("tenant text, order_id text, account_id text, shipment_id text")
_HOLD = Columns(
    """tenant text, order_id text, version int, account_id text, state text, currency text, amount_minor bigint,
       held_minor bigint, captured_minor bigint, expires_at timestamptz, site text, cost_centre text, purchase_order text,
       seller_id text, invoiced int, cancelled boolean, placed_by text, requested_by text, taken_minor bigint,
       taken_currency text"""
)
_DECISION = Columns(
    """tenant text, decision_id text, order_id text, version int, account_id text, outcome text, reasons text,
       decided_by text, currency text, amount_minor bigint, headroom_minor bigint, headroom_currency text,
       expires_at timestamptz"""
)
_MOVEMENT = Columns("tenant text, account_id text, cause text, used_minor bigint, held_minor bigint")
_HABITS = f"""kept AS (
              INSERT INTO order_habit ({habits.HABIT.names}) SELECT * FROM {habits.HABIT.rows} AS new
              ON CONFLICT (tenant, account_id) DO UPDATE SET orders = EXCLUDED.orders
            ),"""  # noqa: S608 - constant columns
# Of accounts that are part of nothing, which most are, it is not even planned.
_GROUPED = f"""grouped AS (
              UPDATE node SET used_minor = new.used_minor, held_minor = new.held_minor FROM {tree.CHANGED.rows} AS new
               WHERE node.tenant = ANY (%s::text[]) AND node.node_id = ANY (%s::text[])
                 AND node.tenant = new.tenant AND node.node_id = new.node_id
                 AND (NOT new.granted OR new.used_minor + new.held_minor <=
                      CASE WHEN node.limit_until <= %s THEN new.limit_minor ELSE node.limit_minor END)
              RETURNING 1
            ),"""  # noqa: S608 - constant columns
_PEAKED = f"peaked AS ({conduct.PEAKED}),"


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of what an account uses and holds, in minor units, with its cause ("hold order/o1/1")."""

    key: Key
    cause: str
    used: int = 0
    held: int = 0


async def find_hold(tx: Tx, order: Key, version: int) -> Hold | None:
    """One version's hold; version 0 means the newest."""
    rows = await tx.rows(
        f"""SELECT * FROM hold WHERE tenant = %s AND order_id = %s {"AND version = %s" if version else ""}
             ORDER BY version DESC LIMIT 1""",  # noqa: S608 - constant text
        [*order, *([version] if version else [])],
    )
    return hold(rows[0]) if rows else None


async def who_asked(tx: Tx, order: Key) -> list[tuple[str, str]]:
    """Who placed any version of an order, and the contact for whom: whoever raises another's order asked for it too."""
    rows = await tx.rows(
        "SELECT DISTINCT placed_by, requested_by FROM hold WHERE tenant = %s AND order_id = %s", [*order]
    )
    return [(row.placed_by, row.requested_by) for row in rows]


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
    owners: Mapping[Key, str] | None = None,
    shipments: Collection[tuple[str, str, str, str]] = (),
    at: datetime | None = None,
    nodes: Collection[Node] = (),
    granted_nodes: Collection[Key] = (),
    peaks: Mapping[Key, int] | None = None,
    orders: Mapping[Key, Habit] | None = None,
) -> bool:
    """Write what the accounts use and hold now, holds, new and moved ones, and decisions by their ids; and why.

    Of orders that are new (`owners`), that they are these accounts'; of shipments, that they left; of accounts that were
    granted something, what was open after it at most (`peaks`); of those with other `orders`, what their next ones are
    compared with. Where the engine granted, the limit guards in the statement too (RULES: one routine): as it was derived
    `at` that instant, where the clock had changed it, and that of each node that the accounts are part of. A cause that
    comes twice is a defect, found by the table's key.
    One statement, since every one costs its way to the server and back. False where another account's order has one of
    these ids by now: two that place one order hold different accounts, and meet here first. To whoever is bound to parts
    of the company an order of another part is new too, and is found here.
    """
    owned = sorted((*order, account_id) for order, account_id in (owners or {}).items())
    row = await tx.row(
        f"""WITH owned AS (
              INSERT INTO order_of ({_OWNER.names}) SELECT * FROM {_OWNER.rows} AS new
              ON CONFLICT (tenant, order_id) DO UPDATE SET account_id = EXCLUDED.account_id
                WHERE order_of.account_id = EXCLUDED.account_id AND (SELECT all_parts())
              RETURNING 1
            ), changed AS (
              UPDATE account SET used_minor = new.used_minor, held_minor = new.held_minor,
                                 applied_sequence = new.applied_sequence, unapplied_minor = new.unapplied_minor,
                                 credits_minor = new.credits_minor, abroad = new.abroad,
                                 group_used_minor = new.group_used_minor, group_held_minor = new.group_held_minor,
                                 valued_version = new.valued_version FROM {_ACCOUNT.rows} AS new
               WHERE account.tenant = ANY (%s::text[]) AND account.account_id = ANY (%s::text[])
                 AND account.tenant = new.tenant AND account.account_id = new.account_id
                 AND (NOT new.granted OR new.used_minor + new.held_minor <=
                      CASE WHEN account.limit_until <= %s THEN new.limit_minor ELSE account.limit_minor END)
              RETURNING 1
            ), {_GROUPED if nodes else ""} {_PEAKED if peaks else ""} {_HABITS if orders else ""} reserved AS (
              INSERT INTO hold ({_HOLD.names}) SELECT * FROM {_HOLD.rows} AS new
              ON CONFLICT (tenant, order_id, version) DO UPDATE
                SET state = EXCLUDED.state, held_minor = EXCLUDED.held_minor, captured_minor = EXCLUDED.captured_minor,
                    expires_at = EXCLUDED.expires_at, invoiced = EXCLUDED.invoiced, cancelled = EXCLUDED.cancelled,
                    taken_minor = EXCLUDED.taken_minor, taken_currency = EXCLUDED.taken_currency
                WHERE hold.account_id = EXCLUDED.account_id
              RETURNING 1
            ), decided AS (
              INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by,
                                    currency, amount_minor, headroom_minor, headroom_currency, expires_at, decided_at)
              SELECT tenant, decision_id, order_id, version, account_id, outcome, string_to_array(reasons, ' '),
                     decided_by, currency, amount_minor, headroom_minor, headroom_currency, expires_at, %s FROM {_DECISION.rows} AS new
            ), moved AS (
              INSERT INTO movement ({_MOVEMENT.names}, at) SELECT *, %s FROM {_MOVEMENT.rows} AS new
            ), shipped AS (
              INSERT INTO shipment ({_SHIPMENT.names}) SELECT * FROM {_SHIPMENT.rows} AS new ON CONFLICT DO NOTHING
            )
            SELECT (SELECT count(*) FROM owned) AS owned, (SELECT count(*) FROM changed) AS changed,
                   (SELECT count(*) FROM reserved) AS reserved,
                   {"(SELECT count(*) FROM grouped)" if nodes else "0"} AS grouped""",  # noqa: S608 - constant columns
        [
            _OWNER.pack(owned),
            _ACCOUNT.pack(_account_row(a, granted) for a in accounts),
            *within([(a.tenant, a.account_id) for a in accounts]),
            at,
            *(_grouped(nodes, granted_nodes, at) if nodes else ()),
            *([conduct.PEAK.pack((*key, tx.at.date(), most) for key, most in sorted(peaks.items()))] if peaks else ()),
            *([habits.HABIT.pack((*key, pack(habit)) for key, habit in orders.items())] if orders else ()),
            _HOLD.pack(map(_hold_row, sorted(holds, key=_in_order))),
            tx.at,
            _DECISION.pack(_decision_row(decision_id, d) for decision_id, d in decisions),
            tx.at,
            _MOVEMENT.pack((*m.key, m.cause, m.used, m.held) for m in movements),
            _SHIPMENT.pack(shipments),
        ],
    )
    if (row.owned, row.reserved) != (len(owned), len(holds)):
        return False
    assert row.changed == len(accounts), "a hold would exceed its limit"
    assert row.grouped == len(nodes), "a hold would exceed a limit of its path"
    return True


async def find_movements(tx: Tx, causes: Collection[tuple[Key, str]]) -> set[tuple[Key, str]]:
    """Which of these causes moved their account already."""
    rows = await tx.rows(
        """SELECT tenant, account_id, cause FROM movement
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND cause = ANY (%s::text[])""",
        within([(*key, cause) for key, cause in causes], 3),
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


async def list_decisions(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Answered]:
    """The newest decision on each order, the newest first: of one account, or of all if it is empty."""
    rows = await tx.rows(
        f"""SELECT d.*, h.state, h.held_minor, h.site, h.cost_centre, h.purchase_order
              FROM (SELECT * FROM decision d
                     WHERE d.tenant = %(tenant)s {"AND d.account_id = %(account)s" if account_id else ""}
                           {"AND (d.decided_at, d.decision_id) < (%(at)s, %(decision)s)" if page.after else ""}
                       AND d.decision_id = (SELECT n.decision_id FROM decision n
                                             WHERE n.tenant = d.tenant AND n.order_id = d.order_id
                                             ORDER BY n.version DESC, n.decided_at DESC, n.decision_id DESC LIMIT 1)
                     ORDER BY d.decided_at DESC, d.decision_id DESC LIMIT {page.most}) AS d
              JOIN hold h USING (tenant, order_id, version)
             ORDER BY d.decided_at DESC, d.decision_id DESC""",  # noqa: S608 - constant text
        {"tenant": tenant, "account": account_id} | dict(zip(("at", "decision"), page.after or (), strict=False)),
    )
    return [Answered(_recorded(r), State(r.state), Money(r.held_minor, r.currency), r.decided_at) for r in rows]


def _account_row(a: Account, granted: Collection[Key]) -> tuple[Any, ...]:
    return (
        a.tenant,
        a.account_id,
        a.used.minor,
        a.held.minor,
        a.sequence,
        (a.tenant, a.account_id) in granted,
        a.limit.minor,
        a.unapplied_minor,
        a.credits_minor,
        a.abroad,
        a.group_used,
        a.group_held,
        a.valued,
    )


def _grouped(nodes: Collection[Node], granted: Collection[Key], at: datetime | None) -> list[Any]:
    keys = [(node.tenant, node.node_id) for node in nodes]
    rows = (tree.changed(node, granted=key in granted) for node, key in zip(nodes, keys, strict=True))
    return [tree.CHANGED.pack(rows), *within(keys), at]


def _in_order(h: Hold) -> Version:
    return h.tenant, h.order_id, h.version


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
        h.seller_id,
        h.invoiced,
        h.cancelled,
        h.placed_by,
        h.requested_by,
        *((h.taken.minor, h.taken.currency) if h.taken else (None, None)),
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
        *(_headroom(d.headroom, request.amount.currency) if d.headroom else (None, None)),
        d.expires_at,
    )


def _headroom(headroom: Money, currency: str) -> tuple[int, str | None]:
    """Minor units, and the currency, where it is not the order's."""
    return headroom.minor, headroom.currency if headroom.currency != currency else None


def _recorded(r: Any) -> Recorded:
    return Recorded(
        decision_id=r.decision_id,
        order_id=r.order_id,
        version=r.version,
        account_id=r.account_id,
        outcome=Outcome(r.outcome),
        reasons=tuple(r.reasons),
        amount=Money(r.amount_minor, r.currency),
        headroom=None if r.headroom_minor is None else Money(r.headroom_minor, r.headroom_currency or r.currency),
        expires_at=r.expires_at,
        scope=Scope(r.site, r.cost_centre, r.purchase_order),
    )

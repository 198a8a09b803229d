"""What is known of buyers beside their money, and by what their orders look wrong."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from services.chassis.columns import Columns, within
from services.chassis.database import Question, Tx
from services.credit.domain import habits
from services.credit.domain.book import Key
from services.credit.domain.habits import Habit

HABIT = Columns("tenant text, account_id text, orders bytea")


def of(accounts: Collection[Key]) -> Question:
    """Their orders so far, since when they are known, and their companies."""
    return (
        """SELECT tenant, account_id, a.company, a.registered_at, h.orders
             FROM account a LEFT JOIN order_habit h USING (tenant, account_id)
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])""",
        within(accounts),
    )


def policy_ids(tenants: Sequence[str]) -> Question:
    """The policy of each of these tenants that has set one."""
    return (
        """SELECT newest.* FROM unnest(%s::text[]) AS wanted (tenant)
            CROSS JOIN LATERAL (SELECT tenant, policy_id FROM policy_activation
                                 WHERE policy_activation.tenant = wanted.tenant ORDER BY nth DESC LIMIT 1) AS newest""",
        [tenants],
    )


def shadows(tenants: Sequence[str]) -> Question:
    """Rules on fraud of these tenants that stop nothing."""
    return (
        "SELECT tenant, rule FROM fraud_rule WHERE tenant = ANY (%s::text[]) AND shadow_since IS NOT NULL",
        [tenants],
    )


def shadows_by_tenant(rows: Iterable[Any]) -> dict[str, set[str]]:
    """The same as values."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.tenant, set()).add(row.rule)
    return found


async def find_habit(tx: Tx, key: Key) -> Habit:
    """An account's orders so far."""
    row = await tx.row("SELECT orders FROM order_habit WHERE tenant = %s AND account_id = %s", [*key])
    return habits.unpack(bytes(row.orders)) if row else ()


async def save_habit(tx: Tx, key: Key, habit: Habit) -> None:
    """Write them."""
    await tx.run(
        """INSERT INTO order_habit (tenant, account_id, orders) VALUES (%s, %s, %s)
           ON CONFLICT (tenant, account_id) DO UPDATE SET orders = EXCLUDED.orders""",
        [*key, habits.pack(habit)],
    )

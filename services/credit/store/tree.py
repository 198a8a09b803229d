"""The tree of accounts that owe together: locked after their accounts, the root first."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from services.chassis.columns import Columns, within
from services.chassis.database import Question, Tx
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.credit.domain.accounts import Account
from services.credit.domain.book import Key
from services.credit.domain.tree import Kind, Node
from services.kernel.money import Money

CHANGED = Columns(
    "tenant text, node_id text, used_minor bigint, held_minor bigint, granted boolean, limit_minor bigint"
)


def locked(nodes: Collection[Key]) -> Question:
    """Hold nodes until the transaction ends.

    Accounts come first in the one order of all locks, then nodes from the root: whoever has an account knows its path,
    which nobody else can change, and two that wait at the root hold nothing that a third needs of another tree.
    """
    return (
        """SELECT * FROM node WHERE tenant = ANY (%s::text[]) AND node_id = ANY (%s::text[])
            ORDER BY cardinality(path), tenant, node_id FOR NO KEY UPDATE""",
        within(nodes),
    )


def by_key(rows: Iterable[Any]) -> dict[Key, Node]:
    """The same as values."""
    return {(row.tenant, row.node_id): _node(row) for row in rows}


async def lock_nodes(tx: Tx, nodes: Collection[Key]) -> dict[Key, Node]:
    """Hold nodes until the transaction ends. Hold accounts before."""
    sql, params = locked(nodes)
    return by_key(await tx.rows(sql, params))


async def find_node(tx: Tx, key: Key) -> Node | None:
    """A node by its id."""
    row = await tx.row("SELECT * FROM node WHERE tenant = %s AND node_id = %s", [*key])
    return _node(row) if row else None


async def add_node(tx: Tx, node: Node) -> bool:
    """Make a node; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO node (tenant, node_id, kind, parent_id, path, currency, limit_minor, registered_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                node.tenant,
                node.node_id,
                node.kind,
                node.parent_id,
                list(node.path),
                node.limit.currency,
                node.limit.minor,
                tx.at,
            ],
        )
    )


async def save_nodes(tx: Tx, nodes: Collection[Node]) -> None:
    """Write what nodes use and hold now. Hold them before."""
    await tx.run(
        f"""UPDATE node SET used_minor = new.used_minor, held_minor = new.held_minor FROM {CHANGED.rows} AS new
             WHERE node.tenant = ANY (%s::text[]) AND node.node_id = ANY (%s::text[])
               AND node.tenant = new.tenant AND node.node_id = new.node_id""",  # noqa: S608 - constant columns
        [
            CHANGED.pack(changed(node, granted=False) for node in nodes),
            *within((node.tenant, node.node_id) for node in nodes),
        ],
    )


def changed(node: Node, *, granted: bool) -> tuple[Any, ...]:
    """A row of what a node uses and holds now."""
    return node.tenant, node.node_id, node.used.minor, node.held.minor, granted, node.limit.minor


async def set_path(tx: Tx, account: Account) -> None:
    """Have an account be part of the nodes of its path. Hold it before."""
    await tx.run(
        """UPDATE account SET path = %s, group_used_minor = %s, group_held_minor = %s, valued_version = %s
            WHERE tenant = %s AND account_id = %s""",
        [
            list(account.path),
            account.group_used,
            account.group_held,
            account.valued,
            account.tenant,
            account.account_id,
        ],
    )


async def find_path(tx: Tx, tenant: str, path: Sequence[str]) -> list[Node]:
    """These nodes of one path, the root first."""
    rows = await tx.rows(
        "SELECT * FROM node WHERE tenant = %s AND node_id = ANY (%s::text[]) ORDER BY cardinality(path)",
        [tenant, list(path)],
    )
    return [_node(row) for row in rows]


async def list_parts(tx: Tx, tenant: str, node_id: str, page: Page) -> list[Node | Account]:
    """What is part of a node: nodes, then accounts, by id. Of none (""): the nodes that are part of nothing."""
    after = (
        ("AND (0, node_id) > (%(what)s, %(id)s)", "AND (1, account_id) > (%(what)s, %(id)s)")
        if page.after
        else ("", "")
    )
    rows = await tx.rows(
        f"""(SELECT 0 AS what, tenant, node_id, '' AS account_id, kind, path, currency, limit_minor, used_minor, held_minor,
                    limit_until
               FROM node WHERE tenant = %(tenant)s AND parent_id = %(node)s {after[0]}
              ORDER BY node_id LIMIT {page.most})
            UNION ALL
            (SELECT 1, tenant, '', account_id, '', path, currency, limit_minor, used_minor, held_minor,
                    limit_until
               FROM account WHERE tenant = %(tenant)s AND path <> '{{}}' AND path[cardinality(path)] = %(node)s {after[1]}
              ORDER BY account_id LIMIT {page.most})
            ORDER BY what, node_id, account_id LIMIT {page.most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "node": node_id} | dict(zip(("what", "id"), page.after or (), strict=False)),
    )
    return [_node(row) if row.node_id else _account(row) for row in rows]


async def drift_of_nodes(tx: Tx, span: Span) -> list[Any]:
    """How far what nodes use and hold is from what the nodes and accounts that are part of them do, minor units."""
    return await tx.rows(
        f"""SELECT n.currency, sum(abs(n.used_minor - coalesce(p.used_minor, 0) - coalesce(a.used_minor, 0))
                                   + abs(n.held_minor - coalesce(p.held_minor, 0) - coalesce(a.held_minor, 0)))::bigint
                               AS drift_minor
              FROM (SELECT * FROM node WHERE {span.where("tenant", "node_id")}) AS n
              LEFT JOIN LATERAL (SELECT sum(used_minor) AS used_minor, sum(held_minor) AS held_minor FROM node
                                  WHERE node.tenant = n.tenant AND node.parent_id = n.node_id) AS p ON true
              LEFT JOIN LATERAL (SELECT sum(coalesce(group_used_minor, used_minor)) AS used_minor,
                                        sum(coalesce(group_held_minor, held_minor)) AS held_minor FROM account
                                  WHERE account.tenant = n.tenant AND path <> '{{}}'
                                    AND path[cardinality(path)] = n.node_id) AS a ON true
             GROUP BY n.currency""",  # noqa: S608 - constant text
        span.params,
    )


def _account(row: Any) -> Account:
    return Account(
        tenant=row.tenant,
        account_id=row.account_id,
        limit=Money(row.limit_minor, row.currency),
        used=Money(row.used_minor, row.currency),
        held=Money(row.held_minor, row.currency),
        path=tuple(row.path),
    )


def _node(row: Any) -> Node:
    return Node(
        tenant=row.tenant,
        node_id=row.node_id,
        kind=Kind(row.kind),
        path=tuple(row.path),
        limit=Money(row.limit_minor, row.currency),
        used=Money(row.used_minor, row.currency),
        held=Money(row.held_minor, row.currency),
        limit_until=row.limit_until,
    )

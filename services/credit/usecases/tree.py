"""The tree of accounts that owe together: made by people, and moved within by them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from google.protobuf.message import Message

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain import tree
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.rates import RateMissing
from services.credit.domain.tree import Kind, Node
from services.credit.usecases.buyers import one_account
from services.kernel.money import Money
from services.kernel.refusals import Conflict, NotFound, quoted

ACCOUNT = "tree"  # stands for the account in the key: a node is of many


async def register_node(tx: Tx, origin: Origin, node_id: str, kind: Kind, limit: Money, *, parent_id: str) -> Node:
    """Make a node that accounts can be part of; the same again is registered already."""
    parent = await one_node(tx, origin, parent_id) if parent_id else None
    node = tree.new_node(origin.tenant, node_id, kind, limit, parent)
    if await store.add_node(tx, node):
        await outbox.add(tx, [_tell(origin, ACCOUNT, f"node/{node_id}", wire.node_changed(node, tx.at))])
        return node
    known = await one_node(tx, origin, node_id)
    if replace(known, used=node.used, held=node.held, limit_until=None) != node:
        raise Conflict("node.exists", f"there is another node {quoted(node_id)}")
    return known


async def set_node_limit(
    tx: Tx, origin: Origin, node_id: str, limit: Money, valid_from: datetime | None = None
) -> Node:
    """Grant a node a limit from a time on, now if none is said; it may fall below what is used, as an account's."""
    key = (origin.tenant, node_id)
    if (node := (await store.lock_nodes(tx, [key])).get(key)) is None:
        raise NotFound("node.unknown", f"no node {quoted(node_id)}")
    tree.check_limit(limit)
    tree.check_currency(limit.currency, [node])
    at = await store.instant(tx)
    at = max(at, await store.known_since(tx, key, store.OF_NODE) or at)  # another process' clock may be ahead
    since = valid_from or at
    if since > at:
        (await store.find_node_limits(tx, [key], at))[key].check_room_for_grant()
    await store.add_grant(tx, key, limit.minor, since, at, of=store.OF_NODE)
    await outbox.add(
        tx, [_tell(origin, ACCOUNT, f"node/{node_id}", wire.node_limit_granted(node_id, limit, since, at))]
    )
    return await settle_node(tx, origin, node, at, counts=since <= at)


async def settle_node(tx: Tx, origin: Origin, node: Node, at: datetime, *, counts: bool = False) -> Node:
    """Write what a node, which is held, may owe at that instant, and until when; tell it, if it is another or `counts` anew."""
    key = (node.tenant, node.node_id)
    known = (await store.find_node_limits(tx, [key], at))[key]
    settled = replace(node, limit=Money(known.effective(at), node.limit.currency), limit_until=known.until(at))
    await store.save_limit(tx, key, settled.limit.minor, settled.limit_until, store.OF_NODE)
    if counts or settled.limit != node.limit:
        await outbox.add(tx, [_tell(origin, ACCOUNT, f"node/{node.node_id}", wire.node_changed(settled, at))])
    return settled


async def move_account(tx: Tx, origin: Origin, account_id: str, parent_id: str) -> None:
    """Make an account part of a node, or of none; what it uses and holds goes with it, whatever the limits there."""
    account = await one_account(tx, origin, account_id)
    path = (await one_node(tx, origin, parent_id)).path if parent_id else ()
    if path == account.path:
        return
    await place_in_tree(tx, account, path)
    await outbox.add(
        tx, [_tell(origin, account_id, f"buyer/{account_id}", wire.account_moved(account_id, parent_id, path))]
    )


async def place_in_tree(tx: Tx, account: Account, path: Sequence[str]) -> None:
    """Have an account, which is held, be part of these nodes; where these are in another currency, at what it is worth."""
    key = (account.tenant, account.account_id)
    nodes = await store.lock_nodes(tx, {(account.tenant, node_id) for node_id in (*account.path, *path)})
    placed = replace(account, path=tuple(path), group_used=None, group_held=None)
    book = Book({key: placed}, at=await store.instant(tx), nodes=nodes)
    await store.read_rates(tx, book)
    if path and (currency := nodes[(account.tenant, path[0])].limit.currency) != account.limit.currency:
        if (valued := book.valued_for(placed, currency)) is None:
            raise RateMissing(account.limit.currency)
        placed = replace(placed, group_used=valued[0], group_held=valued[1])
    version = book.rates_of(account.tenant).version if account.valued is None else account.valued
    is_valued = bool(placed.abroad) or placed.group_used is not None
    placed = replace(placed, valued=version if is_valued else None)
    await store.save_nodes(tx, tree.moved(account, placed, nodes.values()))
    await store.set_path(tx, placed)


async def path_of(tx: Tx, origin: Origin, node_id: str, account_id: str) -> list[Node]:
    """What a node or an account is part of, the root first, and the node itself; nothing, where neither is named."""
    if account_id:
        if (row := await store.get_account(tx, (origin.tenant, account_id))) is None:
            raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
        path = row.path
    else:
        path = (await one_node(tx, origin, node_id)).path if node_id else ()
    return await store.find_path(tx, origin.tenant, path)


async def one_node(tx: Tx, origin: Origin, node_id: str) -> Node:
    """A node as it is; refused where there is none."""
    if (node := await store.find_node(tx, (origin.tenant, node_id))) is None:
        raise NotFound("node.unknown", f"no node {quoted(node_id)}")
    return node


def _tell(origin: Origin, account_id: str, subject: str, message: Message) -> Announcement:
    return Announcement(origin, account_id, subject, message)

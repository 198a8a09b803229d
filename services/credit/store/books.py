"""What a batch of work needs to know, in one trip to the server: the accounts locked first, then all else as it is by then."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString

from receivables.common.v1 import party_pb2

from services.chassis.columns import Columns, within
from services.chassis.database import INSTANT, Question, Tx
from services.credit.domain import underwriting
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book, Key
from services.credit.domain.habits import mark, unpack
from services.credit.domain.holds import Hold, State
from services.credit.domain.identity.places import place
from services.credit.domain.rates import THROUGH
from services.credit.domain.suspicions import Buyer
from services.credit.domain.underwriting import Policy
from services.credit.store import account_holds, habits, limits, policies, policy_texts, rates, tree
from services.kernel.money import Money
from services.kernel.orders import Address, Scope

_KEY = Columns("tenant text, id text")
_READ_MOST = 64
# Policies that were read, by their ids and what of them is in the shadow: a text never changes.
_READ: dict[tuple[str, frozenset[str]], Policy] = {}
NOTHING: Mapping[Key, Set[str]] = {}

WAITING_MOST = 501  # of one account: one more than a batch has orders
# Rows of `parked` that the ledger told of an account and that wait, by the index on the beginning of an event's key.
WAITING: LiteralString = (
    "consumer = 'credit' AND topic = 'receivables.ledger.v1' AND closed_at IS NULL AND substr(key, 1, 1000)"
)


async def open_book(
    tx: Tx,
    accounts: Collection[Key],
    orders: Collection[Key],
    asked: Collection[Key] = (),
    asking: Collection[Key] = (),
    *,
    spoken: Mapping[Key, Set[str]] = NOTHING,
) -> Book:
    """Hold the accounts, and the nodes that they are part of, until the transaction ends; read the newest hold of each order and what left of it.

    Where orders are decided (`asked`, by the accounts `asking`), also what they are decided by; where another currency is
    `spoken` of than an account's, what it is worth. Statements that follow the lock see what those who had it before
    have written.
    """
    tenants = sorted({tenant for tenant, _ in asked})
    of_orders = (_newest(orders), _shipped(orders)) if orders else ()
    decided_by = (
        (
            *(
                _waiting(asking),
                account_holds.standing_of(asking),
                policies.newest(tenants),
                policies.sellers(tenants),
            ),
            *(habits.of(asking), habits.policy_ids(tenants), habits.shadows(tenants)),
        )
        if asked
        else ()
    )
    locked, [now], *read = await tx.ask(_lock(accounts), INSTANT, *of_orders, *decided_by)
    book = Book(_accounts(locked), at=now.at, asked=frozenset(asked))
    if nodes := {(account.tenant, node_id) for account in book.accounts.values() for node_id in account.path}:
        rows, [now] = await tx.ask(tree.locked(nodes), INSTANT)
        book.nodes, book.at = tree.by_key(rows), now.at
    await _derive_limits(tx, book)
    if orders:
        _read_orders(book, *read[:2])
    if asked:
        waiting, standing, newest, sellers, buyers, lending, shadows = read[-7:]
        book.waiting = _waiting_of(asking, waiting)
        book.account_holds = account_holds.by_account(standing)
        book.policies = policies.by_tenant(newest)
        book.sellers = policies.sellers_by_tenant(sellers)
        book.buyers = {(row.tenant, row.account_id): _buyer(row) for row in buyers}
        book.lending = await _lending(
            tx, tenants, {row.tenant: row.policy_id for row in lending}, habits.shadows_by_tenant(shadows)
        )
    await read_rates(tx, book, spoken)
    return book


async def _lending(
    tx: Tx, tenants: Collection[str], chosen: Mapping[str, str], shadows: Mapping[str, Set[str]]
) -> dict[str, Policy]:
    """By what orders look wrong: a text is fetched and read when this process meets it first."""
    found = {}
    for tenant in tenants:
        key = chosen.get(tenant, ""), frozenset(shadows.get(tenant, ()))
        if (policy := _READ.get(key)) is None:
            text = await policy_texts.find_policy_text(tx, tenant, key[0]) if key[0] else None
            policy = (underwriting.read(text.text) if text else underwriting.default()).in_shadow(key[1])
            if len(_READ) >= _READ_MOST:
                del _READ[next(iter(_READ))]
            _READ[key] = policy
        found[tenant] = policy
    return found


def _buyer(row: Any) -> Buyer:
    orders = unpack(bytes(row.orders)) if row.orders is not None else ()
    at = party_pb2.Company.FromString(row.company).address
    own = place(Address(at.street, at.city, at.post_code, at.region, at.country))
    return Buyer(orders, row.registered_at, mark(row.account_id, own))


async def lock_accounts(tx: Tx, keys: Collection[Key]) -> dict[Key, Account]:
    """Hold the accounts until the transaction ends, in one global order, so that no two orders spend one limit."""
    sql, params = _lock(keys)
    return _accounts(await tx.rows(sql, params))


async def read_accounts(tx: Tx, keys: Collection[Key]) -> dict[Key, Account]:
    """The accounts as they are just now."""
    return _accounts(await tx.rows(_ACCOUNTS, within(keys)))


async def instant(tx: Tx) -> datetime:
    """The business time of this moment, to be asked for after the locks (RULES: one instant)."""
    sql, params = INSTANT
    return (await tx.row(sql, params)).at  # type: ignore[no-any-return]


async def _derive_limits(tx: Tx, book: Book) -> None:
    """Have the limits be what they are at the book's instant, where the clock changed them and nobody wrote that yet."""
    at = book.at
    assert at is not None, "a book is opened at an instant"
    due = [
        key for key, account in book.accounts.items() if account.limit_until is not None and account.limit_until <= at
    ]
    for key, known in (await limits.find_limits(tx, due, at)).items() if due else ():
        account = book.accounts[key]
        book.accounts[key] = replace(account, limit=Money(known.effective(at), account.limit.currency))
    turned = [key for key, node in book.nodes.items() if node.limit_until is not None and node.limit_until <= at]
    for key, known in (await limits.find_node_limits(tx, turned, at)).items() if turned else ():
        node = book.nodes[key]
        book.nodes[key] = replace(node, limit=Money(known.effective(at), node.limit.currency))


async def read_rates(tx: Tx, book: Book, spoken: Mapping[Key, Set[str]] = NOTHING) -> None:
    """Read what currencies are worth, where an account's is not the only one of what it is about."""
    tenants: set[str] = set()
    currencies: set[str] = set()
    for key, account in book.accounts.items():
        ours = account.limit.currency
        others = {*spoken.get(key, ()), *account.abroad, *(node.limit.currency for node in book.nodes_of(account))}
        if others - {ours}:
            tenants.add(key[0])
            currencies |= {ours, THROUGH, *others}
    if not tenants:
        return
    book.rates = rates.by_tenant(*await tx.ask(*rates.newest(sorted(tenants), sorted(currencies), book.day)))
    if missing := tenants - book.policies.keys():
        sql, params = policies.newest(sorted(missing))
        book.policies |= policies.by_tenant(await tx.rows(sql, params))


async def lock_unknown(tx: Tx, keys: Collection[Key]) -> None:
    """Serialize orders of accounts that have no row to lock."""
    await tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(%s::text[]) AS key",
        [sorted(f"{tenant}/{account_id}" for tenant, account_id in keys)],
    )


async def read_orders(tx: Tx, book: Book, orders: Collection[Key]) -> None:
    """Read the newest hold of each order and what left of it again, after a lock that came later than the book."""
    _read_orders(book, *await tx.ask(_newest(orders), _shipped(orders)))


_ACCOUNTS: LiteralString = """SELECT tenant, account_id, currency, limit_minor, used_minor, held_minor, on_hold,
                                     applied_sequence, limit_until, path, unapplied_minor, credits_minor, abroad,
                                     group_used_minor, group_held_minor, valued_version
                                FROM account WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])"""


def _lock(keys: Collection[Key]) -> Question:
    return _ACCOUNTS + " ORDER BY tenant, account_id FOR NO KEY UPDATE", within(keys)


def _newest(orders: Collection[Key]) -> Question:
    """The newest version's hold of each order, whatever its state."""
    return (
        f"""SELECT newest.* FROM {_KEY.rows} AS wanted
             CROSS JOIN LATERAL (SELECT * FROM hold WHERE hold.tenant = wanted.tenant AND hold.order_id = wanted.id
                                  ORDER BY version DESC LIMIT 1) AS newest""",  # noqa: S608 - constant columns
        [_KEY.pack(orders)],
    )


def _shipped(orders: Collection[Key]) -> Question:
    return (
        """SELECT tenant, order_id, account_id, shipment_id FROM shipment
            WHERE tenant = ANY (%s::text[]) AND order_id = ANY (%s::text[])""",
        within(orders),
    )


def _waiting(accounts: Collection[Key]) -> Question:
    """The oldest waiting events of each account, one more than a batch may have orders for."""
    return (
        f"""SELECT told.* FROM unnest(%s::bytea[]) AS account (key)
             CROSS JOIN LATERAL (SELECT key, subject, waits_for FROM parked WHERE {WAITING} = account.key
                                  ORDER BY id LIMIT {WAITING_MOST}) AS told""",  # noqa: S608 - constant text
        [[_event_key(key) for key in accounts]],
    )


def _event_key(key: Key) -> bytes:
    return "/".join(key).encode()


def _accounts(rows: Iterable[Any]) -> dict[Key, Account]:
    return {
        (r.tenant, r.account_id): Account(
            tenant=r.tenant,
            account_id=r.account_id,
            limit=Money(r.limit_minor, r.currency),
            used=Money(r.used_minor, r.currency),
            held=Money(r.held_minor, r.currency),
            on_hold=r.on_hold,
            sequence=r.applied_sequence,
            limit_until=r.limit_until,
            path=tuple(r.path),
            unapplied_minor=r.unapplied_minor,
            credits_minor=r.credits_minor,
            abroad={currency: (owed, valued) for currency, (owed, valued) in r.abroad.items()},
            group_used=r.group_used_minor,
            group_held=r.group_held_minor,
            valued=r.valued_version,
        )
        for r in rows
    }


def _read_orders(book: Book, newest: Iterable[Any], shipped: Iterable[Any]) -> None:
    book.holds = {(r.tenant, r.order_id): hold(r) for r in newest}
    book.shipments = {}
    for r in shipped:
        book.shipments.setdefault((r.tenant, r.order_id), set()).add((r.account_id, r.shipment_id))


def _waiting_of(accounts: Collection[Key], rows: Sequence[Any]) -> dict[Key, list[Key | None]]:
    """What the oldest waiting event of each subject waits for, if it is an order: those behind it wait for the same."""
    names = {_event_key(key): key for key in accounts}
    oldest: dict[tuple[Key, str], Key | None] = {}
    for row in rows:
        key = names[bytes(row.key)]
        what, _, order_id = (row.waits_for or "").partition("/")
        oldest.setdefault((key, row.subject), (key[0], order_id) if what == "order" else None)
    waiting: dict[Key, list[Key | None]] = {}
    for (key, _), order in oldest.items():
        waiting.setdefault(key, []).append(order)
    for row_key, n in Counter(bytes(row.key) for row in rows).items():
        if n == WAITING_MOST:
            waiting[names[row_key]].append(None)  # who knows what else
    return waiting


def hold(r: Any) -> Hold:
    """A row as a hold."""
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
        seller_id=r.seller_id,
        invoiced=r.invoiced,
        cancelled=r.cancelled,
        placed_by=r.placed_by,
        requested_by=r.requested_by,
        taken=None if r.taken_minor is None else Money(r.taken_minor, r.taken_currency),
    )

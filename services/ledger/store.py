"""Remembers accounts, entries, items, payments and disputes: one function a question, visible SQL.

Rows are looked up by `tenant = ANY (…) AND id = ANY (…)`, which can only use the key, where a join with unnest() may be
planned as a scan of the tenant's rows; that it also finds another tenant's row of the same id, if the batch serves both,
is harmless: answers are by tenant and id.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.ids import new_id
from services.chassis.pages import Page
from services.kernel.money import Money
from services.ledger.domain import matching
from services.ledger.domain.disputes import Dispute
from services.ledger.domain.entries import Entry
from services.ledger.domain.items import Allocation, Credit, CreditNote, Item, Purse
from services.ledger.domain.payments import Application, Evidence, Payment, Receipt

Key = tuple[str, str]  # tenant, and the id of an account, an invoice, a payment or a dispute
Fact = tuple[str, str, str]  # tenant, kind and reference: what books an entry once

_ACCOUNT = Columns("tenant text, account_id text, currency text")
_ENTRY = Columns(
    """tenant text, entry_id uuid, account_id text, kind text, reference text, event_id text, actor text, reason text,
       effective_on date"""
)
_POSTING = Columns("entry_id uuid, line smallint, chart_account smallint, currency text, minor bigint")
_NEW_ITEM = Columns(
    """tenant text, invoice_id text, number text, match_key text, account_id text, order_id text, final boolean,
       issued_on date, due_on date, currency text, amount_minor bigint, open_minor bigint"""
)
_PAYMENT = Columns(
    """tenant text, payment_id text, account_id text, currency text, amount_minor bigint, value_on date, remittance text"""
)
_CREDIT_NOTE = Columns(
    """tenant text, credit_note_id text, number text, invoice_id text, account_id text, issued_on date, currency text,
       net_minor bigint, tax_minor bigint, kept_minor bigint"""
)
_ALLOCATION = Columns(
    """tenant text, allocation_id uuid, invoice_id text, payment_id text, credit_note_id text, amount_minor bigint,
       evidence text, nth int, effective_on date"""
)
_DISPUTE = Columns("tenant text, dispute_id text, invoice_id text, account_id text, currency text, memo_minor bigint")

_ITEM = """i.tenant, i.invoice_id, i.number, i.account_id, i.order_id, i.final, i.issued_on, i.due_on, i.currency,
           i.amount_minor, i.open_minor"""

# Where one currency is asked for, what is open is "<> 0": so says item_in_currency, and no index of all currencies.
OLDEST_READ, OLDEST_READ_MAX = (
    32,
    4096,
)  # items of a purse at once: few pay most payments, and what is read is in memory


async def add_accounts(tx: Tx, accounts: Sequence[Purse]) -> None:
    """Know these accounts; those already known stay as they are."""
    await tx.run(
        f"INSERT INTO account ({_ACCOUNT.names}) SELECT * FROM {_ACCOUNT.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_ACCOUNT.pack(accounts)],
    )


async def lock_accounts(tx: Tx, keys: Collection[Key]) -> set[Key]:
    """Hold these accounts until the transaction ends, in one global order; return those that are known."""
    rows = await tx.rows(
        """SELECT tenant, account_id FROM account
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])
            ORDER BY tenant, account_id FOR NO KEY UPDATE""",
        within(keys),
    )
    return {(r.tenant, r.account_id) for r in rows}


async def currencies(tx: Tx, keys: Collection[Key]) -> set[Purse]:
    """The currencies that these accounts have: the one they were registered in, and those they were invoiced in."""
    rows = await tx.rows(
        """SELECT tenant, account_id, currency FROM account WHERE tenant = ANY (%(tenants)s) AND account_id = ANY (%(ids)s)
           UNION
           SELECT tenant, account_id, currency FROM balance
            WHERE tenant = ANY (%(tenants)s) AND account_id = ANY (%(ids)s) AND chart_account = 1100""",
        dict(zip(("tenants", "ids"), within(keys), strict=True)),
    )
    return {(r.tenant, r.account_id, r.currency) for r in rows}


async def book(tx: Tx, entries: Sequence[Entry], items: Sequence[Item] = ()) -> set[Fact]:
    """Book entries, open items, and return the entries' keys; what was booked before is not booked again nor returned.

    The database refuses an entry that does not balance, and items that the control account does not agree with.
    """
    if not entries and not items:
        return set()
    ids = [new_id() for _ in entries]
    rows = await tx.rows(
        f"""WITH booked AS (
              INSERT INTO entry ({_ENTRY.names}, booked_at) SELECT *, %s FROM {_ENTRY.rows} AS new
              ON CONFLICT (reference, kind, tenant) DO NOTHING
              RETURNING tenant, account_id, entry_id, kind, reference
            ), posted AS (
              INSERT INTO posting (tenant, account_id, entry_id, line, chart_account, currency, minor)
              SELECT booked.tenant, booked.account_id, entry_id, line, chart_account, currency, minor
                FROM {_POSTING.rows} AS new JOIN booked USING (entry_id)
            ), opened AS (
              INSERT INTO item ({_NEW_ITEM.names}) SELECT * FROM {_NEW_ITEM.rows} AS new
            )
            SELECT tenant, kind, reference FROM booked""",  # noqa: S608 - constant columns
        [
            tx.at,
            _ENTRY.pack(map(_entry_row, ids, entries)),
            _POSTING.pack(
                (entry_id, line, posting.account, posting.amount.currency, posting.amount.minor)
                for entry_id, entry in zip(ids, entries, strict=True)
                for line, posting in enumerate(entry.postings, 1)
            ),
            _NEW_ITEM.pack(map(_item_row, items)),
        ],
    )
    return {(r.tenant, r.kind, r.reference) for r in rows}


async def find_booked(tx: Tx, facts: Collection[Fact]) -> set[Fact]:
    """Which of these are booked."""
    rows = await tx.rows(
        """SELECT tenant, kind, reference FROM entry
            WHERE tenant = ANY (%s::text[]) AND kind = ANY (%s::text[]) AND reference = ANY (%s::text[])""",
        within(facts, 3),
    )
    return {(r.tenant, r.kind, r.reference) for r in rows}


async def find_items(tx: Tx, keys: Collection[Key]) -> dict[Key, Item]:
    """Items by invoice."""
    rows = await tx.rows(
        f"SELECT {_ITEM} FROM item i WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])",  # noqa: S608 - constant columns
        within(keys),
    )
    return {(r.tenant, r.invoice_id): _item(r) for r in rows}


async def items_to_pay(tx: Tx, payments: Sequence[Payment]) -> dict[Purse, list[Item]]:
    """What these payments can meet: items whose numbers they may name, and the oldest due as far as all of them reach."""
    named = {(p.tenant, p.account_id, name) for p in payments for name in matching.possible_keys(p.remittance)}
    reach: dict[Purse, int] = {}
    for p in payments:
        reach[p.purse] = reach.get(p.purse, 0) + p.amount.minor
    found = {item.key: item for item in [*await _named_items(tx, named), *await _oldest_due(tx, reach)]}
    items: dict[Purse, list[Item]] = {purse: [] for purse in reach}
    for item in found.values():
        if item.purse in items:
            items[item.purse].append(item)
    return items


async def _named_items(tx: Tx, named: Collection[tuple[str, str, str]]) -> list[Item]:
    """Items of these tenants and accounts by the keys of their numbers, paid or not."""
    if not named:
        return []
    rows = await tx.rows(
        f"SELECT {_ITEM} FROM item i WHERE tenant = ANY (%s) AND account_id = ANY (%s) AND match_key = ANY (%s)",  # noqa: S608 - constant columns
        within(named, 3),
    )
    return [_item(r) for r in rows]


async def _oldest_due(tx: Tx, reach: Mapping[Purse, int]) -> list[Item]:
    """The oldest due items of each purse, as many as so much money reaches; no more than some beyond it are read."""
    left = dict(reach)
    places: dict[Purse, tuple[date, str, str]] = dict.fromkeys(reach, (date.min, "", ""))
    found: list[Item] = []
    most = OLDEST_READ
    while places:
        rows = await tx.rows(
            f"""SELECT {_ITEM}
                  FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[])
                    AS purse (tenant, account_id, currency, due_on, number, invoice_id)
                 CROSS JOIN LATERAL (
                   SELECT * FROM item
                    WHERE item.tenant = purse.tenant AND item.account_id = purse.account_id
                      AND item.currency = purse.currency AND item.open_minor <> 0
                      AND (item.due_on, item.number, item.invoice_id) > (purse.due_on, purse.number, purse.invoice_id)
                    ORDER BY item.due_on, item.number, item.invoice_id LIMIT {most}) AS i
                 ORDER BY i.due_on, i.number, i.invoice_id""",  # noqa: S608 - constant columns
            columns([(*purse, *place) for purse, place in places.items()], 6),
        )
        read: dict[Purse, list[Item]] = {}
        for r in rows:
            item = _item(r)
            read.setdefault(item.purse, []).append(item)
            if left[item.purse] > 0:
                left[item.purse] -= item.open.minor
                found.append(item)
        places = {
            purse: (items[-1].due_on, items[-1].number, items[-1].invoice_id)
            for purse, items in read.items()
            if len(items) == most and left[purse] > 0
        }
        most = min(4 * most, OLDEST_READ_MAX)
    return found


async def find_payments(tx: Tx, keys: Collection[Key]) -> dict[Key, Receipt]:
    """Payments that are booked, with what they were applied to."""
    paid = await tx.rows(
        "SELECT * FROM payment WHERE tenant = ANY (%s::text[]) AND payment_id = ANY (%s::text[])",
        within(keys),
    )
    if not paid:
        return {}
    rows = await tx.rows(
        f"""SELECT a.payment_id, a.amount_minor AS applied_minor, a.evidence, {_ITEM}
              FROM allocation a JOIN item i USING (tenant, invoice_id)
             WHERE a.tenant = ANY (%s::text[]) AND a.payment_id = ANY (%s::text[])
             ORDER BY a.tenant, a.payment_id, a.nth""",  # noqa: S608 - constant columns
        within([(r.tenant, r.payment_id) for r in paid]),
    )
    applied: dict[Key, list[Application]] = {}
    for r in rows:
        amount = Money(r.applied_minor, r.currency)
        applied.setdefault((r.tenant, r.payment_id), []).append(Application(_item(r), amount, Evidence(r.evidence)))
    return {
        (r.tenant, r.payment_id): Receipt(_payment(r), tuple(applied.get((r.tenant, r.payment_id), ()))) for r in paid
    }


async def add_payments(tx: Tx, payments: Sequence[Payment]) -> None:
    """Write payments; what is applied of them follows from the allocations."""
    await tx.run(
        f"INSERT INTO payment ({_PAYMENT.names}) SELECT * FROM {_PAYMENT.rows} AS new",  # noqa: S608 - constant columns
        [
            _PAYMENT.pack(
                (p.tenant, p.payment_id, p.account_id, p.amount.currency, p.amount.minor, p.value_on, p.remittance)
                for p in payments
            )
        ],
    )


async def find_credit_notes(tx: Tx, keys: Collection[Key]) -> dict[Key, CreditNote]:
    """Credit notes that are booked."""
    rows = await tx.rows(
        "SELECT * FROM credit_note WHERE tenant = ANY (%s::text[]) AND credit_note_id = ANY (%s::text[])",
        within(keys),
    )
    return {
        (r.tenant, r.credit_note_id): CreditNote(
            tenant=r.tenant,
            credit_note_id=r.credit_note_id,
            number=r.number,
            invoice_id=r.invoice_id,
            account_id=r.account_id,
            issued_on=r.issued_on,
            net=Money(r.net_minor, r.currency),
            tax=Money(r.tax_minor, r.currency),
            gross=Money(r.net_minor + r.tax_minor, r.currency),
        )
        for r in rows
    }


async def add_credit_notes(tx: Tx, given: Sequence[Credit]) -> None:
    """Write credit notes, each with what the seller keeps for the buyer (2110)."""
    if not given:
        return
    await tx.run(
        f"INSERT INTO credit_note ({_CREDIT_NOTE.names}) SELECT * FROM {_CREDIT_NOTE.rows} AS new",  # noqa: S608 - constant columns
        [_CREDIT_NOTE.pack(map(_credit_note_row, given))],
    )


async def allocate(tx: Tx, allocations: Sequence[Allocation]) -> None:
    """Take payments and credit notes off their items; the database refuses more than an item owes or a payment has."""
    if not allocations:
        return
    await tx.run(
        f"INSERT INTO allocation ({_ALLOCATION.names}) SELECT * FROM {_ALLOCATION.rows} AS new",  # noqa: S608 - constant columns
        [_ALLOCATION.pack(map(_allocation_row, allocations))],
    )


async def find_disputes(tx: Tx, keys: Collection[Key]) -> dict[Key, Dispute]:
    """Disputes by id."""
    rows = await tx.rows(
        """SELECT tenant, dispute_id, invoice_id, account_id, currency, memo_minor FROM dispute
            WHERE tenant = ANY (%s::text[]) AND dispute_id = ANY (%s::text[])""",
        within(keys),
    )
    return {
        (r.tenant, r.dispute_id): Dispute(
            r.tenant, r.dispute_id, r.invoice_id, r.account_id, Money(r.memo_minor, r.currency)
        )
        for r in rows
    }


async def save_disputes(tx: Tx, disputes: Collection[Dispute]) -> None:
    """Write disputes, new and moved ones."""
    await tx.run(
        f"""INSERT INTO dispute ({_DISPUTE.names}) SELECT * FROM {_DISPUTE.rows} AS new
            ON CONFLICT (tenant, dispute_id) DO UPDATE SET memo_minor = EXCLUDED.memo_minor""",  # noqa: S608 - constant columns
        [
            _DISPUTE.pack(
                (d.tenant, d.dispute_id, d.invoice_id, d.account_id, d.memo.currency, d.memo.minor) for d in disputes
            )
        ],
    )


async def balances(tx: Tx, key: Key, today: date) -> list[Any]:
    """What an account owes and has, one row a currency: open, overdue, disputed, unapplied, credits in minor units."""
    return await tx.rows(
        """SELECT known.currency,
                  coalesce(sum(minor) FILTER (WHERE chart_account = 1100), 0)::bigint AS open_minor,
                  coalesce(sum(minor) FILTER (WHERE chart_account = 9100), 0)::bigint AS disputed_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2100), 0)::bigint AS unapplied_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2110), 0)::bigint AS credits_minor,
                  (SELECT coalesce(sum(i.open_minor), 0)::bigint FROM item i
                    WHERE i.tenant = %(tenant)s AND i.account_id = %(account)s AND i.currency = known.currency
                      AND i.open_minor > 0 AND i.due_on < %(today)s) AS overdue_minor
             FROM (SELECT currency FROM account WHERE tenant = %(tenant)s AND account_id = %(account)s
                   UNION SELECT currency FROM balance WHERE tenant = %(tenant)s AND account_id = %(account)s) AS known
             LEFT JOIN balance b ON b.tenant = %(tenant)s AND b.account_id = %(account)s AND b.currency = known.currency
            GROUP BY known.currency ORDER BY known.currency""",
        {"tenant": key[0], "account": key[1], "today": today},
    )


async def open_items(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Any]:
    """Open items, oldest due first: of one account, or of all if it is empty."""
    later = "AND (due_on, number, invoice_id) > (%(due_on)s, %(number)s, %(invoice)s)" if page.after else ""
    of_all = f"""SELECT * FROM item WHERE tenant = %(tenant)s AND open_minor > 0 {later}
                  ORDER BY due_on, number, invoice_id LIMIT {page.most}"""  # noqa: S608 - constant text
    of_one = f"""SELECT mine.* FROM (SELECT currency FROM balance WHERE tenant = %(tenant)s AND account_id = %(account)s
                                        AND chart_account = 1100) AS purse
                  CROSS JOIN LATERAL (SELECT * FROM item
                         WHERE tenant = %(tenant)s AND account_id = %(account)s AND currency = purse.currency
                           AND open_minor <> 0 {later} ORDER BY due_on, number, invoice_id LIMIT {page.most}) AS mine
                  ORDER BY due_on, number, invoice_id LIMIT {page.most}"""  # noqa: S608 - constant text
    place = dict(zip(("due_on", "number", "invoice"), page.after or (), strict=False))
    return await tx.rows(
        f"""SELECT {_ITEM}, (SELECT coalesce(sum(d.memo_minor), 0)::bigint FROM dispute d
                              WHERE d.tenant = i.tenant AND d.invoice_id = i.invoice_id AND d.memo_minor > 0) AS disputed_minor
              FROM ({of_one if account_id else of_all}) AS i ORDER BY due_on, number, invoice_id""",  # noqa: S608 - constant text
        {"tenant": tenant, "account": account_id} | place,
    )


async def trial_balance(tx: Tx, tenant: str) -> list[Any]:
    """What each account of the chart adds up to, by currency."""
    return await tx.rows(
        """SELECT chart_account, currency, sum(minor)::bigint AS minor FROM balance WHERE tenant = %s
            GROUP BY chart_account, currency ORDER BY currency, chart_account""",
        [tenant],
    )


def _entry_row(entry_id: str, e: Entry) -> tuple[Any, ...]:
    cause = e.cause
    return (
        e.tenant,
        entry_id,
        e.account_id,
        e.kind,
        e.reference,
        cause.event_id,
        cause.actor,
        cause.reason,
        e.effective_on,
    )


def _item_row(i: Item) -> tuple[Any, ...]:
    return (
        i.tenant,
        i.invoice_id,
        i.number,
        matching.key(i.number),
        i.account_id,
        i.order_id,
        i.final,
        i.issued_on,
        i.due_on,
        i.amount.currency,
        i.amount.minor,
        i.open.minor,
    )


def _credit_note_row(c: Credit) -> tuple[Any, ...]:
    note = c.note
    return (
        note.tenant,
        note.credit_note_id,
        note.number,
        note.invoice_id,
        note.account_id,
        note.issued_on,
        note.gross.currency,
        note.net.minor,
        note.tax.minor,
        c.kept.minor,
    )


def _allocation_row(a: Allocation) -> tuple[Any, ...]:
    return (
        a.tenant,
        new_id(),
        a.invoice_id,
        a.payment_id,
        a.credit_note_id,
        a.amount.minor,
        a.evidence,
        a.nth,
        a.effective_on,
    )


def _item(r: Any) -> Item:
    return Item(
        tenant=r.tenant,
        invoice_id=r.invoice_id,
        number=r.number,
        account_id=r.account_id,
        order_id=r.order_id,
        final=r.final,
        issued_on=r.issued_on,
        due_on=r.due_on,
        amount=Money(r.amount_minor, r.currency),
        open=Money(r.open_minor, r.currency),
    )


def _payment(r: Any) -> Payment:
    return Payment(
        tenant=r.tenant,
        payment_id=r.payment_id,
        account_id=r.account_id,
        amount=Money(r.amount_minor, r.currency),
        value_on=r.value_on,
        remittance=r.remittance,
    )

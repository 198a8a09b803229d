"""Remembers accounts, entries, items, payments, announcements and disputes: one function a question, visible SQL.

Rows are looked up by `tenant = ANY (…) AND id = ANY (…)`, which can only use the key, where a join with unnest() may be
planned as a scan of the tenant's rows; that it also finds another tenant's row of the same id, if the batch serves both,
is harmless: answers are by tenant and id.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, LiteralString

from psycopg import errors

from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.ids import new_id
from services.chassis.pages import Page
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.ledger.domain import announcements, matching
from services.ledger.domain.announcements import Announcement, Part, State
from services.ledger.domain.disputes import Dispute
from services.ledger.domain.entries import Entry
from services.ledger.domain.items import Allocation, Credit, CreditNote, Item, Purse, Sums
from services.ledger.domain.payments import Application, Evidence, Matching, Payment, Receipt
from services.ledger.domain.sellers import Seller
from services.ledger.domain.standing import Standing, Standings

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
       issued_on date, due_on date, currency text, amount_minor bigint, open_minor bigint, rounding_minor bigint,
       seller_id text, site text, cost_centre text, purchase_order text"""
)
_PAYMENT = Columns(
    """tenant text, payment_id text, account_id text, currency text, amount_minor bigint, value_on date, remittance text"""
)
_CREDIT_NOTE = Columns(
    """tenant text, credit_note_id text, number text, invoice_id text, account_id text, issued_on date, currency text,
       net_minor bigint, tax_minor bigint, kept_minor bigint, sales_tax_minor bigint, rounding_minor bigint"""
)
_ALLOCATION = Columns(
    """tenant text, allocation_id uuid, invoice_id text, payment_id text, credit_note_id text, dispute_id text,
       amount_minor bigint, evidence text, nth int, effective_on date"""
)
_DISPUTE = Columns(
    "tenant text, dispute_id text, invoice_id text, account_id text, currency text, memo_minor bigint, said bigint"
)
_MATCHING = Columns("tenant text, payment_id text, account_id text, currency text, met int")
_DOUBLE_PAYMENT = Columns("tenant text, payment_id text, nth int, number text")
_SELLER = Columns("tenant text, seller_id text, version int, time_zone text")
_ANNOUNCED = Columns("tenant text, reference text, state text")

_ITEM = """i.tenant, i.invoice_id, i.number, i.account_id, i.order_id, i.final, i.issued_on, i.due_on, i.currency,
           i.amount_minor, i.open_minor, i.rounding_minor, i.seller_id, i.site, i.cost_centre, i.purchase_order"""

# The business day at an instant for an item's seller, in whose zone it is due; where its seller's zone is not known, for
# the tenant's only seller.
TODAY: LiteralString = """(%(at)s AT TIME ZONE coalesce(
    (SELECT s.time_zone FROM seller s WHERE s.tenant = i.tenant AND s.seller_id = i.seller_id),
    (SELECT min(o.time_zone) FROM seller o WHERE o.tenant = i.tenant HAVING count(*) = 1), 'UTC'))::date"""

# Where one currency is asked for, what is open is "<> 0": so says item_in_currency, and no index of all currencies.
OLDEST_READ = 32  # items of a purse at once: few pay most payments
ANSWERED_MAX = 1000  # of what a payment met, that an answer repeats


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


async def standings(tx: Tx, keys: Collection[Key]) -> Standings:
    """Where these accounts stand, in the currencies they have: the one they were registered in, and those invoiced in.

    Lock them before: whatever moves their balances does.
    """
    rows = await tx.rows(
        """SELECT tenant, account_id, currency,
                  coalesce(sum(minor) FILTER (WHERE chart_account = 1100), 0)::bigint AS open_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2100), 0)::bigint AS unapplied_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2110), 0)::bigint AS credits_minor
             FROM (SELECT tenant, account_id, currency, 0 AS chart_account, 0 AS minor FROM account
                    WHERE tenant = ANY (%(tenants)s) AND account_id = ANY (%(ids)s)
                   UNION ALL
                   SELECT tenant, account_id, currency, chart_account, minor FROM balance
                    WHERE tenant = ANY (%(tenants)s) AND account_id = ANY (%(ids)s)
                      AND chart_account IN (1100, 2100, 2110)) AS part
            GROUP BY tenant, account_id, currency ORDER BY tenant, account_id, currency""",
        dict(zip(("tenants", "ids"), within(keys), strict=True)),
    )
    return Standings(((r.tenant, r.account_id, r.currency), _standing(r)) for r in rows)


async def book(tx: Tx, entries: Sequence[Entry], items: Sequence[Item] = ()) -> set[Fact]:
    """Book entries, open items, and return the entries' keys; what was booked before is not booked again nor returned.

    Its item is not opened again either. The database refuses an entry that does not balance, and items that the control account does not agree with.
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
              ON CONFLICT (tenant, invoice_id) DO NOTHING
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


def expect(alone: bool) -> None:
    """Begin anew where a transaction for another account has booked the same id since it was looked up: then it is found."""
    if not alone:
        raise errors.SerializationFailure("another transaction has booked the same id meanwhile")


async def find_items(tx: Tx, keys: Collection[Key]) -> dict[Key, Item]:
    """Items by invoice."""
    rows = await tx.rows(
        f"SELECT {_ITEM} FROM item i WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])",  # noqa: S608 - constant columns
        within(keys),
    )
    return {(r.tenant, r.invoice_id): _item(r) for r in rows}


async def named_items(tx: Tx, payments: Sequence[Payment]) -> dict[Purse, list[Item]]:
    """Items whose numbers these payments may name, by their keys, paid or not."""
    named = {(p.tenant, p.account_id, name) for p in payments for name in matching.possible_keys(p.remittance)}
    if not named:
        return {}
    rows = await tx.rows(
        f"SELECT {_ITEM} FROM item i WHERE tenant = ANY (%s) AND account_id = ANY (%s) AND match_key = ANY (%s)",  # noqa: S608 - constant columns
        within(named, 3),
    )
    return _by_purse(map(_item, rows))


async def oldest_due(tx: Tx, reach: Mapping[Purse, int], most: int) -> tuple[dict[Purse, list[Item]], set[Purse]]:
    """The oldest due items of each purse as far as so much money reaches, at most so many; and whose more may be open."""
    left = dict(reach)
    places: dict[Purse, tuple[date, str, str]] = dict.fromkeys(reach, (date.min, "", ""))
    found: dict[Purse, list[Item]] = {purse: [] for purse in reach}
    size = OLDEST_READ
    while places:
        read = await _next_due(tx, places, size)
        for purse, items in read.items():
            for item in items:
                if left[purse] > 0 and len(found[purse]) < most:
                    left[purse] -= item.open.minor
                    found[purse].append(item)
        places = {
            purse: (items[-1].due_on, items[-1].number, items[-1].invoice_id)
            for purse, items in read.items()
            if len(items) == size and left[purse] > 0 and len(found[purse]) < most
        }
        size *= 4
    return found, {purse for purse, items in found.items() if len(items) == most and left[purse] > 0}


async def _next_due(tx: Tx, places: Mapping[Purse, tuple[date, str, str]], size: int) -> dict[Purse, list[Item]]:
    """The next so many items of each purse after a place in the order in which they fall due."""
    rows = await tx.rows(
        f"""SELECT {_ITEM}
              FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[])
                AS purse (tenant, account_id, currency, due_on, number, invoice_id)
             CROSS JOIN LATERAL (
               SELECT * FROM item
                WHERE item.tenant = purse.tenant AND item.account_id = purse.account_id
                  AND item.currency = purse.currency AND item.open_minor <> 0
                  AND (item.due_on, item.number, item.invoice_id) > (purse.due_on, purse.number, purse.invoice_id)
                ORDER BY item.due_on, item.number, item.invoice_id LIMIT {size}) AS i
             ORDER BY i.due_on, i.number, i.invoice_id""",  # noqa: S608 - constant columns
        columns([(*purse, *place) for purse, place in places.items()], 6),
    )
    return _by_purse(map(_item, rows))


async def claim_payments(tx: Tx, payments: Sequence[Payment]) -> set[Key]:
    """Write payments whose ids nobody has; return which. Whoever claims one of them at once waits, and then has none.

    What is applied of them follows from the allocations.
    """
    if not payments:
        return set()
    rows = await tx.rows(
        f"""INSERT INTO payment ({_PAYMENT.names}) SELECT * FROM {_PAYMENT.rows} AS new ORDER BY tenant, payment_id
            ON CONFLICT (tenant, payment_id) DO NOTHING RETURNING tenant, payment_id""",  # noqa: S608 - constant columns
        [
            _PAYMENT.pack(
                (p.tenant, p.payment_id, p.account_id, p.amount.currency, p.amount.minor, p.value_on, p.remittance)
                for p in payments
            )
        ],
    )
    return {(r.tenant, r.payment_id) for r in rows}


async def find_payments(tx: Tx, keys: Collection[Key]) -> dict[Key, Receipt]:
    """Payments that are booked, with what they were applied to so far; of very many applications the first."""
    if not keys:
        return {}
    paid = await tx.rows(
        """SELECT p.*, EXISTS (SELECT FROM matching m WHERE m.tenant = p.tenant AND m.payment_id = p.payment_id) AS continues,
                  ARRAY (SELECT d.number FROM double_payment d WHERE d.tenant = p.tenant AND d.payment_id = p.payment_id
                          ORDER BY d.nth) AS paid_before
             FROM payment p WHERE tenant = ANY (%s::text[]) AND payment_id = ANY (%s::text[])""",
        within(keys),
    )
    if not paid:
        return {}
    rows = await tx.rows(
        f"""SELECT a.payment_id, a.amount_minor AS applied_minor, a.evidence, {_ITEM}
              FROM allocation a JOIN item i USING (tenant, invoice_id)
             WHERE a.tenant = ANY (%s::text[]) AND a.payment_id = ANY (%s::text[]) AND a.nth <= {ANSWERED_MAX}
             ORDER BY a.tenant, a.payment_id, a.nth""",  # noqa: S608 - constant columns
        within([(r.tenant, r.payment_id) for r in paid]),
    )
    applied: dict[Key, list[Application]] = {}
    for r in rows:
        amount = Money(r.applied_minor, r.currency)
        applied.setdefault((r.tenant, r.payment_id), []).append(Application(_item(r), amount, Evidence(r.evidence)))
    return {
        (r.tenant, r.payment_id): Receipt(
            _payment(r),
            tuple(applied.get((r.tenant, r.payment_id), ())),
            Money(r.applied_minor, r.currency),
            tuple(r.paid_before),
            r.continues,
            r.worded,
        )
        for r in paid
    }


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Forget what was written with some of the payments of before a day; return with how many."""
    return await tx.run(
        """UPDATE payment SET remittance = '', worded = false WHERE tenant = %s AND payment_id IN (
             SELECT payment_id FROM payment WHERE tenant = %s AND remittance <> '' AND value_on < %s
              ORDER BY value_on LIMIT %s)""",
        [tenant, tenant, before, most],
    )


async def add_double_payments(tx: Tx, receipts: Sequence[Receipt]) -> None:
    """Keep which numbers payments named though nothing was owed of them any more."""
    rows = [(*r.payment.key, nth, number) for r in receipts for nth, number in enumerate(r.paid_before, 1)]
    if rows:
        await tx.run(
            f"INSERT INTO double_payment ({_DOUBLE_PAYMENT.names}) SELECT * FROM {_DOUBLE_PAYMENT.rows} AS new",  # noqa: S608 - constant columns
            [_DOUBLE_PAYMENT.pack(rows)],
        )


async def busy_purses(tx: Tx, purses: Collection[Purse]) -> set[Purse]:
    """Those of which a payment is still being matched."""
    if not purses:
        return set()
    rows = await tx.rows(
        """SELECT DISTINCT tenant, account_id, currency FROM matching
            WHERE tenant = ANY (%s) AND account_id = ANY (%s) AND currency = ANY (%s)""",
        within(purses, 3),
    )
    return {(r.tenant, r.account_id, r.currency) for r in rows}


async def begin_matching(tx: Tx, receipts: Sequence[Receipt]) -> None:
    """Keep that these payments are still being matched, one after the other in this order."""
    rows = [(*r.payment.key, r.payment.account_id, r.payment.amount.currency, len(r.applications)) for r in receipts]
    if rows:
        await tx.run(
            f"INSERT INTO matching ({_MATCHING.names}) SELECT * FROM {_MATCHING.rows} AS new",  # noqa: S608 - constant columns
            [_MATCHING.pack(rows)],
        )


async def purse_of_matching(tx: Tx, key: Key) -> Purse | None:
    """Within which a payment is still being matched; None if it is no more."""
    rows = await tx.rows(
        "SELECT tenant, account_id, currency FROM matching WHERE tenant = %s AND payment_id = %s", list(key)
    )
    return (rows[0].tenant, rows[0].account_id, rows[0].currency) if rows else None


async def next_matching(tx: Tx, purse: Purse) -> Matching | None:
    """The payment whose turn it is within a purse. Lock its account before."""
    rows = await tx.rows(
        """SELECT p.*, m.met FROM matching m JOIN payment p USING (tenant, payment_id)
            WHERE m.tenant = %s AND m.account_id = %s AND m.currency = %s ORDER BY m.turn LIMIT 1""",
        list(purse),
    )
    return next((Matching(_payment(r), Money(r.amount_minor - r.applied_minor, r.currency), r.met) for r in rows), None)


async def keep_matching(tx: Tx, key: Key, met: int) -> None:
    """Keep how many items a payment has met by now."""
    await tx.run("UPDATE matching SET met = %s WHERE tenant = %s AND payment_id = %s", [met, *key])


async def end_matching(tx: Tx, key: Key) -> None:
    """A payment has met all that it can: what is left of it stays unapplied."""
    await tx.run("DELETE FROM matching WHERE tenant = %s AND payment_id = %s", list(key))


async def list_payments(
    tx: Tx, tenant: str, account_id: str, page: Page, *, unapplied_only: bool = False
) -> list[tuple[Payment, Money]]:
    """Payments without their texts, the newest first, and what of each met no invoice: of one account, or of all.

    What follows on an account is asked for by the account too, as a range: else the server may go through the payments of
    all to find those few.
    """
    which, order = "", "value_on DESC, payment_id DESC"
    if page.after:
        which = "AND (value_on, payment_id) < (%(value_on)s, %(payment)s)"
    if account_id and page.after:
        which = "AND account_id >= %(account)s AND (account_id, value_on, payment_id) < (%(account)s, %(value_on)s, %(payment)s)"
        order = f"account_id DESC, {order}"
    elif account_id:
        which = "AND account_id = %(account)s"
    rows = await tx.rows(
        f"""SELECT tenant, payment_id, account_id, currency, amount_minor, value_on, '' AS remittance,
                  amount_minor - applied_minor AS unapplied_minor
             FROM payment WHERE tenant = %(tenant)s AND amount_minor > 0 {which}
                  {"AND applied_minor < amount_minor" if unapplied_only else ""}
            ORDER BY {order} LIMIT {page.most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "account": account_id} | dict(zip(("value_on", "payment"), page.after or (), strict=False)),
    )
    return [(_payment(r), Money(r.unapplied_minor, r.currency)) for r in rows]


async def items_called(tx: Tx, key: Key, numbers: Collection[str]) -> list[Item]:
    """The items of an account that have these numbers."""
    rows = await tx.rows(
        f"""SELECT {_ITEM} FROM item i
             WHERE tenant = %s AND account_id = %s AND match_key = ANY (%s) AND number = ANY (%s)""",  # noqa: S608 - constant columns
        [*key, [matching.key(number) for number in numbers], list(numbers)],
    )
    return [_item(r) for r in rows]


async def count_expected(tx: Tx, key: Key) -> int:
    """How many announcements of an account are expected. Lock it before."""
    row = await tx.row(
        "SELECT count(*) AS n FROM announcement WHERE tenant = %s AND account_id = %s AND state = 'EXPECTED'", key
    )
    return int(row.n)


async def next_reference(tx: Tx, item: Item) -> str:
    """Count another announcement of the business year where an item's seller is; nobody else of the tenant does until the end."""
    row = await tx.row(
        f"""INSERT INTO announcement_series AS s (tenant, year, last)
            SELECT i.tenant, extract(year FROM {TODAY})::int, 1 FROM item i
             WHERE i.tenant = %(tenant)s AND i.invoice_id = %(invoice)s
            ON CONFLICT (tenant, year) DO UPDATE SET last = s.last + 1 RETURNING year, last""",  # noqa: S608 - constant text
        {"tenant": item.tenant, "invoice": item.invoice_id, "at": tx.at},
    )
    return announcements.reference(row.year, row.last)


async def add_announcement(tx: Tx, announcement: Announcement) -> None:
    """Write a new announcement."""
    await tx.run(
        """INSERT INTO announcement (tenant, reference, account_id, currency, amount_minor, invoice_ids, part_minors,
                                     expected_on, state, announced_by, announced_at)
           VALUES (%s, %s, %s, %s, %s, %s::text[], %s::bigint[], %s, %s, %s, %s)""",
        [
            *announcement.key,
            announcement.account_id,
            announcement.amount.currency,
            announcement.amount.minor,
            [part.item.invoice_id for part in announcement.parts],
            [part.amount.minor for part in announcement.parts],
            announcement.expected_on,
            announcement.state,
            announcement.announced_by,
            announcement.announced_at,
        ],
    )


async def find_announcement(tx: Tx, key: Key) -> Announcement | None:
    """One announcement."""
    rows = await tx.rows("SELECT * FROM announcement WHERE tenant = %s AND reference = %s", key)
    return next(iter(await _announcements(tx, rows)), None)


async def expected_of(tx: Tx, payments: Sequence[Payment]) -> dict[Purse, list[Announcement]]:
    """What is expected of these payments' accounts and has their amount, or a reference that they may name."""
    rows = await tx.rows(
        """SELECT * FROM announcement
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND state = 'EXPECTED'
              AND (amount_minor = ANY (%s::bigint[]) OR reference = ANY (%s::text[]))""",
        [
            *within([(p.tenant, p.account_id) for p in payments]),
            [p.amount.minor for p in payments],
            sorted({name for p in payments for name in announcements.possible_references(p.remittance)}),
        ],
    )
    found: dict[Purse, list[Announcement]] = {}
    for announcement in await _announcements(tx, rows):
        found.setdefault(announcement.purse, []).append(announcement)
    return found


async def save_announcements(tx: Tx, moved: Sequence[Announcement]) -> None:
    """Write where these stand now."""
    if moved:
        await tx.run(
            f"""UPDATE announcement SET state = new.state FROM {_ANNOUNCED.rows} AS new
                 WHERE announcement.tenant = ANY (%s::text[]) AND announcement.reference = ANY (%s::text[])
                   AND announcement.tenant = new.tenant AND announcement.reference = new.reference""",  # noqa: S608 - constant columns
            [_ANNOUNCED.pack((*a.key, a.state) for a in moved), *within([a.key for a in moved])],
        )


async def list_announcements(
    tx: Tx, tenant: str, account_id: str, page: Page, *, expected_only: bool = False
) -> list[Announcement]:
    """Announcements, the newest first: of one account, or of all if it is empty."""
    rows = await tx.rows(
        f"""SELECT * FROM announcement WHERE tenant = %(tenant)s
                  {"AND account_id = %(account)s" if account_id else ""}
                  {"AND state = 'EXPECTED'" if expected_only else ""}
                  {"AND (announced_at, reference) < (%(at)s, %(reference)s)" if page.after else ""}
            ORDER BY announced_at DESC, reference DESC LIMIT {page.most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "account": account_id} | dict(zip(("at", "reference"), page.after or (), strict=False)),
    )
    return await _announcements(tx, rows)


async def _announcements(tx: Tx, rows: Sequence[Any]) -> list[Announcement]:
    """Rows with their items, which whoever sees an announcement sees."""
    items = await find_items(tx, {(r.tenant, i) for r in rows for i in r.invoice_ids}) if rows else {}
    return [
        Announcement(
            tenant=r.tenant,
            reference=r.reference,
            account_id=r.account_id,
            amount=Money(r.amount_minor, r.currency),
            parts=tuple(
                Part(items[r.tenant, invoice_id], Money(minor, r.currency))
                for invoice_id, minor in zip(r.invoice_ids, r.part_minors, strict=True)
            ),
            expected_on=r.expected_on,
            state=State(r.state),
            announced_by=r.announced_by,
            announced_at=r.announced_at,
        )
        for r in rows
    ]


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
            sums=Sums(
                net=Money(r.net_minor, r.currency),
                tax=Money(r.tax_minor, r.currency),
                gross=Money(r.net_minor + r.tax_minor, r.currency),
                sales_tax=Money(r.sales_tax_minor, r.currency),
                rounding=Money(r.rounding_minor, r.currency),
            ),
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
        """SELECT tenant, dispute_id, invoice_id, account_id, currency, memo_minor, said FROM dispute
            WHERE tenant = ANY (%s::text[]) AND dispute_id = ANY (%s::text[])""",
        within(keys),
    )
    return {
        (r.tenant, r.dispute_id): Dispute(
            r.tenant, r.dispute_id, r.invoice_id, r.account_id, Money(r.memo_minor, r.currency), r.said
        )
        for r in rows
    }


async def save_disputes(tx: Tx, disputes: Collection[Dispute]) -> int:
    """Write disputes, new and moved ones; return how many. One that another account has by now is not written."""
    rows = await tx.rows(
        f"""INSERT INTO dispute ({_DISPUTE.names}) SELECT * FROM {_DISPUTE.rows} AS new ORDER BY tenant, dispute_id
            ON CONFLICT (tenant, dispute_id) DO UPDATE SET memo_minor = EXCLUDED.memo_minor, said = EXCLUDED.said
             WHERE dispute.account_id = EXCLUDED.account_id AND dispute.invoice_id = EXCLUDED.invoice_id
            RETURNING dispute_id""",  # noqa: S608 - constant columns
        [
            _DISPUTE.pack(
                (d.tenant, d.dispute_id, d.invoice_id, d.account_id, d.memo.currency, d.memo.minor, d.said)
                for d in disputes
            )
        ],
    )
    return len(rows)


async def save_sellers(tx: Tx, sellers: Collection[Seller]) -> None:
    """Know these sellers, each once; one of which more is known already stays as it is."""
    await tx.run(
        f"""INSERT INTO seller AS known ({_SELLER.names}) SELECT * FROM {_SELLER.rows} AS new ORDER BY tenant, seller_id
            ON CONFLICT (tenant, seller_id) DO UPDATE SET version = EXCLUDED.version, time_zone = EXCLUDED.time_zone
             WHERE known.version < EXCLUDED.version""",  # noqa: S608 - constant columns
        [_SELLER.pack((s.tenant, s.seller_id, s.version, s.time_zone) for s in sellers)],
    )


async def balances(tx: Tx, key: Key) -> list[Any]:
    """What an account owes and has, one row a currency: open, overdue, disputed, unapplied, credits in minor units.

    What is due is overdue from the day after, where its seller is; it can be another day there than here, so the days
    before and after are looked at one by one.
    """
    return await tx.rows(
        f"""SELECT known.currency,
                  coalesce(sum(minor) FILTER (WHERE chart_account = 1100), 0)::bigint AS open_minor,
                  coalesce(sum(minor) FILTER (WHERE chart_account = 9100), 0)::bigint AS disputed_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2100), 0)::bigint AS unapplied_minor,
                  coalesce(-sum(minor) FILTER (WHERE chart_account = 2110), 0)::bigint AS credits_minor,
                  (SELECT coalesce(sum(i.open_minor), 0)::bigint FROM item i
                    WHERE i.tenant = %(tenant)s AND i.account_id = %(account)s AND i.currency = known.currency
                      AND i.open_minor > 0 AND i.due_on < %(latest)s
                      AND (i.due_on < %(earliest)s OR i.due_on < {TODAY})) AS overdue_minor
             FROM (SELECT currency FROM account WHERE tenant = %(tenant)s AND account_id = %(account)s
                   UNION SELECT currency FROM balance WHERE tenant = %(tenant)s AND account_id = %(account)s) AS known
             LEFT JOIN balance b ON b.tenant = %(tenant)s AND b.account_id = %(account)s AND b.currency = known.currency
            GROUP BY known.currency ORDER BY known.currency""",  # noqa: S608 - constant text
        {"tenant": key[0], "account": key[1], "at": tx.at, "earliest": _day(tx.at, -12), "latest": _day(tx.at, 14)},
    )


async def open_items(tx: Tx, tenant: str, account_id: str, page: Page, invoice_ids: Collection[str] = ()) -> list[Any]:
    """Open items, oldest due first: of one account, or of all if it is empty; of these invoices, if any are named."""
    later = "AND (due_on, number, invoice_id) > (%(due_on)s, %(number)s, %(invoice)s)" if page.after else ""
    of_all = f"""SELECT * FROM item WHERE tenant = %(tenant)s AND open_minor > 0 {later}
                  ORDER BY due_on, number, invoice_id LIMIT {page.most}"""  # noqa: S608 - constant text
    of_one = f"""SELECT mine.* FROM (SELECT currency FROM balance WHERE tenant = %(tenant)s AND account_id = %(account)s
                                        AND chart_account = 1100) AS purse
                  CROSS JOIN LATERAL (SELECT * FROM item
                         WHERE tenant = %(tenant)s AND account_id = %(account)s AND currency = purse.currency
                           AND open_minor <> 0 {later} ORDER BY due_on, number, invoice_id LIMIT {page.most}) AS mine
                  ORDER BY due_on, number, invoice_id LIMIT {page.most}"""  # noqa: S608 - constant text
    of_these = f"""SELECT * FROM item WHERE tenant = %(tenant)s AND invoice_id = ANY (%(invoices)s::text[])
                      AND (%(account)s = '' OR account_id = %(account)s) AND open_minor <> 0 {later}"""  # noqa: S608 - constant text
    listed = of_these if invoice_ids else of_one if account_id else of_all
    place = dict(zip(("due_on", "number", "invoice"), page.after or (), strict=False))
    return await tx.rows(
        f"""SELECT {_ITEM}, (SELECT coalesce(sum(d.memo_minor), 0)::bigint FROM dispute d
                              WHERE d.tenant = i.tenant AND d.invoice_id = i.invoice_id AND d.memo_minor > 0) AS disputed_minor
              FROM ({listed}) AS i ORDER BY due_on, number, invoice_id LIMIT {page.most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "account": account_id, "invoices": list(invoice_ids)} | place,
    )


async def trial_balance(tx: Tx, tenant: str) -> list[Any]:
    """What each account of the chart adds up to, by currency."""
    return await tx.rows(
        """SELECT chart_account, currency, sum(minor)::bigint AS minor FROM balance WHERE tenant = %s
            GROUP BY chart_account, currency ORDER BY currency, chart_account""",
        [tenant],
    )


def _day(at: datetime, hours: int) -> date:
    """The date of an instant so many hours east of Greenwich."""
    return at.astimezone(timezone(timedelta(hours=hours))).date()


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
        "",  # in somebody's words: what is booked could never forget them
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
        i.rounding.minor,
        i.seller_id,
        i.scope.site,
        i.scope.cost_centre,
        i.scope.purchase_order,
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
        note.sums.gross.currency,
        note.sums.net.minor,
        note.sums.tax.minor,
        c.kept.minor,
        note.sums.sales_tax.minor,
        note.sums.rounding.minor,
    )


def _allocation_row(a: Allocation) -> tuple[Any, ...]:
    return (
        a.tenant,
        new_id(),
        a.invoice_id,
        a.payment_id,
        a.credit_note_id,
        a.dispute_id,
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
        rounding=Money(r.rounding_minor, r.currency),
        seller_id=r.seller_id,
        scope=Scope(r.site, r.cost_centre, r.purchase_order),
    )


def _by_purse(items: Iterable[Item]) -> dict[Purse, list[Item]]:
    found: dict[Purse, list[Item]] = {}
    for item in items:
        found.setdefault(item.purse, []).append(item)
    return found


def _standing(r: Any) -> Standing:
    return Standing(
        open=Money(r.open_minor, r.currency),
        unapplied=Money(r.unapplied_minor, r.currency),
        credits=Money(r.credits_minor, r.currency),
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

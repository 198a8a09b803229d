"""Remembers the evidence on invoices, and what it said of cases: one function a question, visible SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.chassis.columns import Columns
from services.chassis.database import Tx
from services.chassis.pages import Page
from services.disputes.domain.checks import (
    Check,
    Fact,
    Known,
    Ordered,
    OrderedLine,
    Outcome,
    Result,
    Terms,
    Twin,
    Verdict,
)
from services.disputes.domain.invoices import Invoice
from services.kernel.calendars import Calendar
from services.kernel.money import Money

Key = tuple[str, str]

_ORDERED = Columns("tenant text, order_id text, account_id text, version int, lines jsonb")
_SHIPMENT = Columns("tenant text, order_id text, shipment_id text, account_id text, final boolean, lines jsonb")
_RECEIPT = Columns(
    "tenant text, order_id text, receipt_id text, account_id text, shipment_id text, received_on text, lines jsonb"
)
_TERMS = Columns(
    """tenant text, invoice_id text, account_id text, order_id text, shipment_id text, due_on date, delivered_on date,
       seller_country text, countries text, content text, ordered_as jsonb, invoiced jsonb"""
)
_PAYMENT = Columns("tenant text, invoice_id text, account_id text, event_id text, amount_minor bigint, paid_on text")
_CASH = Columns("tenant text, account_id text, sequence bigint, unapplied jsonb")
_DAYS = Columns("tenant text, account_id text, version int, net_days int, agreed_at timestamptz")
_RESULT = Columns(
    """tenant text, dispute_id text, nth int, account_id text, verdict text, outcome text, currency text,
       proven_minor bigint, lines jsonb, facts jsonb, appeal_by date, counts_in text, checked_at timestamptz"""
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found of a case, with its place among the checks of the case."""

    nth: int
    result: Result
    checked_at: datetime


async def add_orders(tx: Tx, rows: Mapping[Key, tuple[str, int, Any]]) -> None:
    """Know these orders (account, version, lines): the newest version, until something of it has left."""
    await tx.run(
        f"""INSERT INTO ordered AS o ({_ORDERED.names}) SELECT {_ORDERED.names} FROM {_ORDERED.rows} AS new
            ON CONFLICT (tenant, order_id) DO UPDATE
              SET version = EXCLUDED.version, lines = EXCLUDED.lines, versions = o.versions + 1
            WHERE o.version < EXCLUDED.version AND o.account_id = EXCLUDED.account_id
              AND NOT EXISTS (SELECT FROM order_shipment s WHERE s.tenant = o.tenant AND s.order_id = o.order_id)""",  # noqa: S608 - constant columns
        [_ORDERED.pack((*key, *rows[key]) for key in sorted(rows))],
    )


async def add_shipments(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Know what left; the same shipment again changes nothing."""
    await tx.run(
        f"INSERT INTO order_shipment ({_SHIPMENT.names}) SELECT * FROM {_SHIPMENT.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_SHIPMENT.pack(rows)],
    )


async def add_receipts(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Know what arrived; the same receipt again changes nothing."""
    await tx.run(
        f"INSERT INTO order_receipt ({_RECEIPT.names}) SELECT * FROM {_RECEIPT.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_RECEIPT.pack(rows)],
    )


async def add_terms(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Know what invoices say beside amounts."""
    await tx.run(
        f"INSERT INTO invoice_terms ({_TERMS.names}) SELECT * FROM {_TERMS.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_TERMS.pack(rows)],
    )


async def add_payments(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Know what paid invoices, and what was taken back."""
    await tx.run(
        f"INSERT INTO invoice_payment ({_PAYMENT.names}) SELECT * FROM {_PAYMENT.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_PAYMENT.pack(rows)],
    )


async def save_cash(tx: Tx, said: Mapping[Key, tuple[int, Mapping[str, int]]]) -> None:
    """Know what cash of these accounts met no invoice, by the sequence of who said so; the newest word counts."""
    await tx.run(
        f"""INSERT INTO account_cash AS c ({_CASH.names}) SELECT * FROM {_CASH.rows} AS new
            ON CONFLICT (tenant, account_id) DO UPDATE SET sequence = EXCLUDED.sequence, unapplied = EXCLUDED.unapplied
            WHERE c.sequence < EXCLUDED.sequence""",  # noqa: S608 - constant columns
        [_CASH.pack((*key, sequence, dict(cash)) for key, (sequence, cash) in sorted(said.items()))],
    )


async def add_days(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Know the days that were agreed with buyers."""
    await tx.run(
        f"INSERT INTO agreed_days ({_DAYS.names}) SELECT * FROM {_DAYS.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - constant columns
        [_DAYS.pack(rows)],
    )


async def twins_of(tx: Tx, key: Key) -> list[str]:
    """The ids of an invoice and of those that say the same of the same order."""
    rows = await tx.rows(
        """SELECT t.invoice_id FROM invoice_terms own JOIN invoice_terms t USING (tenant, order_id, content)
            WHERE own.tenant = %s AND own.invoice_id = %s AND own.order_id <> '' ORDER BY t.invoice_id LIMIT 100""",
        key,
    )
    return [row.invoice_id for row in rows]


async def known(tx: Tx, invoice: Invoice, calendar: Calendar) -> Known:
    """The evidence on an invoice; days are the seller's."""
    key = invoice.key
    terms = await tx.row("SELECT * FROM invoice_terms WHERE tenant = %s AND invoice_id = %s", key)
    of_account = [invoice.tenant, invoice.account_id]
    notes, cash, paid = await tx.ask(
        ("SELECT number FROM credit_note WHERE tenant = %s AND invoice_id = %s ORDER BY number LIMIT 20", key),
        ("SELECT unapplied FROM account_cash WHERE tenant = %s AND account_id = %s", of_account),
        (
            """SELECT coalesce(sum(amount_minor), 0)::bigint AS minor, max(paid_on) AS paid_on
                 FROM invoice_payment WHERE tenant = %s AND invoice_id = %s""",
            key,
        ),
    )
    found = Known(
        paid_minor=paid[0].minor,
        paid_on=date.fromisoformat(paid[0].paid_on) if paid[0].paid_on else None,
        unapplied_minor=cash[0].unapplied.get(invoice.gross.currency, 0) if cash else None,
        credit_notes=tuple(row.number for row in notes),
    )
    if terms is None:
        return found
    return await _with_order(tx, invoice, calendar, terms, found)


async def _with_order(tx: Tx, invoice: Invoice, calendar: Calendar, terms: Any, found: Known) -> Known:
    order = [invoice.tenant, terms.order_id, invoice.account_id]
    whose = "tenant = %s AND order_id = %s AND account_id = %s"
    ordered, shipments, receipts, invoices, twins, days = await tx.ask(
        (f"SELECT * FROM ordered WHERE {whose}", order),  # noqa: S608 - our own words
        (f"SELECT * FROM order_shipment WHERE {whose}", order),  # noqa: S608 - our own words
        (f"SELECT * FROM order_receipt WHERE {whose}", order),  # noqa: S608 - our own words
        (f"SELECT invoiced FROM invoice_terms WHERE {whose}", order),  # noqa: S608 - our own words
        (
            """SELECT i.number, i.issue_date, i.credited_minor = 0 AND i.disputed_minor = 0 AS stands
                 FROM invoice_terms t JOIN invoice i USING (tenant, invoice_id)
                WHERE t.tenant = %s AND t.order_id = %s AND t.account_id = %s AND t.content = %s AND t.invoice_id <> %s
                ORDER BY i.issue_date, i.number LIMIT 100""",
            [*order, terms.content, invoice.invoice_id],
        ),
        (
            "SELECT net_days, agreed_at FROM agreed_days WHERE tenant = %s AND account_id = %s ORDER BY version",
            [invoice.tenant, invoice.account_id],
        ),
    )
    if terms.shipment_id:
        shipments = [row for row in shipments if row.shipment_id == terms.shipment_id]
        receipts = [row for row in receipts if row.shipment_id == terms.shipment_id]
    elif not any(row.final for row in shipments):
        receipts = []  # of a whole order, what is not there yet may still come
    return Known(
        terms=Terms(
            due_on=terms.due_on,
            delivered_on=terms.delivered_on,
            shipment_id=terms.shipment_id,
            ordered_as=terms.ordered_as,
            countries=frozenset(terms.countries.split()),
            seller_country=terms.seller_country,
        ),
        order=_ordered(ordered[0]) if ordered else None,
        shipped=_sum(row.lines for row in shipments) if terms.shipment_id and shipments else None,
        received=_sum(row.lines for row in receipts) if receipts else None,
        received_on=max((date.fromisoformat(row.received_on) for row in receipts), default=None),
        invoiced=_sum(row.invoiced for row in invoices),
        twins=tuple(Twin(row.number, row.issue_date, row.stands) for row in twins),
        net_days=_days_on(invoice.issue_date, [(calendar.day(row.agreed_at), row.net_days) for row in days]),
        paid_minor=found.paid_minor,
        paid_on=found.paid_on,
        unapplied_minor=found.unapplied_minor,
        credit_notes=found.credit_notes,
    )


def _days_on(day: date, agreed: Sequence[tuple[date, int]]) -> frozenset[int]:
    """What was agreed on a day: the last word before it, and each of the day itself."""
    before = [days for on, days in agreed if on < day]
    return frozenset([*before[-1:], *(days for on, days in agreed if on == day)])


def _ordered(row: Any) -> Ordered:
    lines = {
        line_id: OrderedLine(Decimal(quantity), Decimal(price), tax_class, Decimal(rate) if rate else None)
        for line_id, (quantity, price, tax_class, rate) in row.lines.items()
    }
    return Ordered(lines, is_replaced=row.versions > 1)


def _sum(told: Any) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for lines in told:
        for line_id, quantity in lines.items():
            found[line_id] = found.get(line_id, Decimal(0)) + Decimal(quantity)
    return found


async def lock_account(tx: Tx, tenant: str, account_id: str) -> None:
    """Let nobody else credit a case of this account without a person until the transaction ends."""
    await tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended('auto_credit/' || %s || '/' || %s, 0))", [tenant, account_id]
    )


async def credited_in(tx: Tx, tenant: str, account_id: str, month: str) -> int:
    """How many cases of an account were credited without a person in a month, whoever sees them."""
    async with tx.all_accounts():
        row = await tx.row(
            "SELECT count(*) AS n FROM check_result WHERE tenant = %s AND account_id = %s AND counts_in = %s AND counts_in <> ''",
            [tenant, account_id, month],
        )
    return int(row.n)


async def add_result(tx: Tx, key: Key, account_id: str, nth: int, result: Result) -> None:
    """Keep what the evidence said of a case."""
    found = result.check
    await tx.run(
        f"INSERT INTO check_result ({_RESULT.names}) SELECT * FROM {_RESULT.rows} AS new",  # noqa: S608 - constant columns
        [
            _RESULT.pack(
                [
                    (
                        *key,
                        nth,
                        account_id,
                        found.verdict,
                        result.outcome,
                        found.proven.currency,
                        found.proven.minor,
                        [[line_id, amount.minor] for line_id, amount in found.lines],
                        [[fact.code, fact.figures] for fact in found.facts],
                        result.appeal_by,
                        result.counts_in,
                        tx.at,
                    )
                ]
            )
        ],
    )


async def list_results(tx: Tx, key: Key, page: Page) -> list[Kept]:
    """What the evidence said of a case, oldest first."""
    rows = await tx.rows(
        f"""SELECT * FROM check_result WHERE tenant = %s AND dispute_id = %s {"AND nth > %s" if page.after else ""}
             ORDER BY nth LIMIT {page.most}""",  # noqa: S608 - constant text
        [*key, *(page.after or ())],
    )
    return [_kept(row) for row in rows]


def _kept(row: Any) -> Kept:
    check = Check(
        Verdict(row.verdict),
        Money(row.proven_minor, row.currency),
        tuple((line_id, Money(minor, row.currency)) for line_id, minor in row.lines),
        tuple(Fact(code, tuple((name, value) for name, value in figures)) for code, figures in row.facts),
    )
    return Kept(row.nth, Result(check, Outcome(row.outcome), row.appeal_by, row.counts_in), row.checked_at)

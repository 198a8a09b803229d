"""What was credited of each invoice, and what resolved disputes asked for."""

from collections.abc import Collection, Sequence
from typing import Any

from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.statements import Statement, Why
from services.invoicing.store.columns import Key, correction_of, correction_value, pairs_json, pairs_of
from services.kernel.money import Money

_BALANCE = Columns("tenant text, invoice_id text, gross_minor bigint")
_REQUEST = Columns(
    """tenant text, dispute_id text, invoice_id text, lines jsonb, currency text, amount_minor bigint, why text,
       correction jsonb"""
)


async def add_balances(tx: Tx, invoices: Sequence[Statement]) -> None:
    """Begin to count what is credited of these invoices."""
    await tx.run(
        f"INSERT INTO invoice_balance ({_BALANCE.names}) SELECT * FROM {_BALANCE.rows} AS new",  # noqa: S608 - constant columns
        [_BALANCE.pack((*invoice.key, invoice.gross.minor) for invoice in invoices)],
    )


async def lock_balances(tx: Tx, invoices: Collection[Key]) -> dict[Key, int]:
    """Hold these invoices against other credit notes until the transaction ends; what is credited of those known, minor."""
    rows = await tx.rows(
        """SELECT tenant, invoice_id, credited_minor FROM invoice_balance
            WHERE tenant = ANY (%s) AND invoice_id = ANY (%s) ORDER BY tenant, invoice_id FOR UPDATE""",
        within(invoices),
    )
    return {key: row.credited_minor for row in rows if (key := (row.tenant, row.invoice_id)) in invoices}


async def credit_balances(tx: Tx, notes: Sequence[Statement]) -> None:
    """Count what these credit notes take; the table refuses more than the invoice."""
    await tx.run(
        """UPDATE invoice_balance b SET credited_minor = b.credited_minor + k.minor
             FROM (SELECT tenant, invoice_id, sum(minor) AS minor
                     FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS k (tenant, invoice_id, minor)
                    GROUP BY tenant, invoice_id) AS k
            WHERE b.tenant = k.tenant AND b.invoice_id = k.invoice_id""",
        columns([(note.tenant, note.invoice_id, note.gross.minor) for note in notes], 3),
    )


async def find_credit_requests(tx: Tx, disputes: Collection[Key]) -> dict[Key, CreditRequest]:
    """What these disputes asked for before."""
    rows = await tx.rows(
        """SELECT r.* FROM credit_request r
             JOIN unnest(%s::text[], %s::text[]) AS k (tenant, dispute_id) USING (tenant, dispute_id)""",
        columns(sorted(disputes)),
    )
    return {(row.tenant, row.dispute_id): _request(row) for row in rows}


async def credits_to_come(tx: Tx, orders: Collection[Key]) -> list[CreditRequest]:
    """What disputes asked for, about invoices of these orders, whose credit notes have no number yet; oldest first."""
    rows = await tx.rows(
        """SELECT r.* FROM held h JOIN credit_request r ON r.tenant = h.tenant AND r.dispute_id = h.dispute_id
            WHERE h.kind = '381' AND (h.tenant, h.order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY h.held_at, h.draft_id""",
        columns(sorted(orders)),
    )
    return [_request(row) for row in rows]


async def add_credit_requests(tx: Tx, requests: Sequence[CreditRequest]) -> None:
    """Record what disputes ask for."""
    await tx.run(
        f"INSERT INTO credit_request ({_REQUEST.names}) SELECT * FROM {_REQUEST.rows} AS new",  # noqa: S608
        [
            _REQUEST.pack(
                (
                    r.tenant,
                    r.dispute_id,
                    r.invoice_id,
                    pairs_json(r.lines),
                    r.amount.currency,
                    r.amount.minor,
                    r.why or "",
                    None if r.correction is None else correction_value(r.correction),
                )
                for r in requests
            )
        ],
    )


def _request(row: Any) -> CreditRequest:
    return CreditRequest(
        tenant=row.tenant,
        dispute_id=row.dispute_id,
        invoice_id=row.invoice_id,
        lines=pairs_of(row.lines),
        amount=Money(row.amount_minor, row.currency),
        why=Why(row.why) if row.why else None,
        correction=None if row.correction is None else correction_of(row.correction),
    )

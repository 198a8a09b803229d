"""Remembers invoices, cases and their history: one function a question, visible SQL.

An invoice's row is the lock of all its cases: whoever changes a case holds it first, in the order of (tenant, invoice).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.disputes.domain.cases import CONTESTED, Action, Dispute, Entry, Move, Resolution, State
from services.disputes.domain.invoices import CreditNote, Invoice, Line, Part
from services.kernel.money import Money
from services.kernel.orders import Scope

Key = tuple[str, str]  # tenant, and an invoice's, a case's or a credit note's id


async def add_invoices(tx: Tx, invoices: Sequence[tuple[Invoice, Sequence[Line]]]) -> None:
    """Keep invoices with their lines; one that is known already stays as it is."""
    ordered = sorted((invoice for invoice, _ in invoices), key=lambda invoice: invoice.key)
    rows = await tx.rows(
        """INSERT INTO invoice (tenant, invoice_id, number, account_id, order_id, issue_date, currency, net_minor,
                                tax_minor, gross_minor, open_minor, site, cost_centre, purchase_order)
           SELECT tenant, invoice_id, number, account_id, order_id, issue_date, currency, net_minor, tax_minor,
                  gross_minor, gross_minor, site, cost_centre, purchase_order
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::text[],
                         %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
               AS new (tenant, invoice_id, number, account_id, order_id, issue_date, currency, net_minor, tax_minor,
                       gross_minor, site, cost_centre, purchase_order)
           ON CONFLICT DO NOTHING RETURNING tenant, invoice_id""",
        [
            [i.tenant for i in ordered],
            [i.invoice_id for i in ordered],
            [i.number for i in ordered],
            [i.account_id for i in ordered],
            [i.order_id for i in ordered],
            [i.issue_date for i in ordered],
            [i.gross.currency for i in ordered],
            [i.net.minor for i in ordered],
            [i.tax.minor for i in ordered],
            [i.gross.minor for i in ordered],
            [i.scope.site for i in ordered],
            [i.scope.cost_centre for i in ordered],
            [i.scope.purchase_order for i in ordered],
        ],
    )
    new = {(row.tenant, row.invoice_id) for row in rows}
    # Of an invoice that comes twice in one batch the lines are written once.
    await _add_lines(tx, {(*i.key, line.line_id): line for i, lines in invoices if i.key in new for line in lines})


async def _add_lines(tx: Tx, lines: Mapping[tuple[str, str, str], Line]) -> None:
    await tx.run(
        """INSERT INTO invoice_line (tenant, invoice_id, line_id, quantity, unit_price, net_minor, vat_category, vat_rate)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::bigint[],
                                %s::text[], %s::numeric[])""",
        [
            [tenant for tenant, _, _ in lines],
            [invoice_id for _, invoice_id, _ in lines],
            [line_id for _, _, line_id in lines],
            [line.quantity for line in lines.values()],
            [line.unit_price for line in lines.values()],
            [line.net.minor for line in lines.values()],
            [line.vat_category for line in lines.values()],
            [line.vat_rate for line in lines.values()],
        ],
    )


async def lock_invoices(tx: Tx, keys: Collection[Key]) -> dict[Key, Invoice]:
    """Hold the invoices, and so their cases, until the transaction ends, in one global order."""
    rows = await tx.rows(
        """SELECT * FROM invoice WHERE (tenant, invoice_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            ORDER BY tenant, invoice_id FOR UPDATE""",
        _columns(keys),
    )
    return {(row.tenant, row.invoice_id): _invoice(row) for row in rows}


async def find_invoices(tx: Tx, tenant: str, named: str) -> list[str]:
    """The ids of the invoices that have this id or number."""
    rows = await tx.rows(
        """SELECT invoice_id FROM invoice WHERE tenant = %s AND invoice_id = %s
            UNION SELECT invoice_id FROM invoice WHERE tenant = %s AND number = %s""",
        [tenant, named, tenant, named],
    )
    return [row.invoice_id for row in rows]


async def lines_of(tx: Tx, key: Key) -> dict[str, Line]:
    """The lines of a locked invoice, each with what its cases contest of it now, or had credited."""
    rows = await tx.rows(
        """SELECT l.*, i.currency, coalesce(c.claimed, 0) AS claimed
             FROM invoice_line l JOIN invoice i USING (tenant, invoice_id)
             LEFT JOIN (SELECT dl.line_id, sum(dl.credited + CASE WHEN d.state = ANY(%s) THEN dl.contested ELSE 0 END) AS claimed
                          FROM dispute_line dl JOIN dispute d USING (tenant, dispute_id)
                         WHERE dl.tenant = %s AND dl.invoice_id = %s GROUP BY dl.line_id) c USING (line_id)
            WHERE l.tenant = %s AND l.invoice_id = %s""",
        [[state.value for state in CONTESTED], *key, *key],
    )
    return {
        row.line_id: Line(
            line_id=row.line_id,
            quantity=row.quantity,
            unit_price=row.unit_price,
            net=Money(row.net_minor, row.currency),
            vat_category=row.vat_category,
            vat_rate=row.vat_rate,
            claimed=row.claimed,
        )
        for row in rows
    }


async def save_invoices(tx: Tx, invoices: Collection[Invoice]) -> None:
    """Write what is contested and credited; where more is contested, the room guards in the statement too."""
    changed = list(invoices)
    written = await tx.run(
        """UPDATE invoice SET disputed_minor = new.disputed_minor, credited_minor = new.credited_minor
             FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
               AS new (tenant, invoice_id, disputed_minor, credited_minor)
            WHERE invoice.tenant = new.tenant AND invoice.invoice_id = new.invoice_id
              AND (new.disputed_minor <= invoice.disputed_minor
                   OR new.disputed_minor + new.credited_minor <= invoice.gross_minor)""",
        [
            [i.tenant for i in changed],
            [i.invoice_id for i in changed],
            [i.disputed.minor for i in changed],
            [i.credited.minor for i in changed],
        ],
    )
    assert written == len(changed), "more would be contested than the invoice has"


async def note_open(tx: Tx, said: Mapping[Key, tuple[Money, int]]) -> None:
    """Keep what the ledger says is owed, unless a later event said so already."""
    await tx.run(
        """UPDATE invoice SET open_minor = new.open_minor, open_sequence = new.open_sequence
             FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
               AS new (tenant, invoice_id, open_minor, open_sequence)
            WHERE invoice.tenant = new.tenant AND invoice.invoice_id = new.invoice_id
              AND invoice.open_sequence <= new.open_sequence""",
        [*_columns(said), [owed.minor for owed, _ in said.values()], [sequence for _, sequence in said.values()]],
    )


async def add_credit_notes(tx: Tx, notes: Sequence[CreditNote]) -> set[Key]:
    """Count these credit notes; return the keys of those that were not counted before."""
    rows = await tx.rows(
        """INSERT INTO credit_note (tenant, credit_note_id, invoice_id, dispute_id, number, gross_minor)
           SELECT tenant, credit_note_id, invoice_id, nullif(dispute_id, ''), number, gross_minor
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
               AS new (tenant, credit_note_id, invoice_id, dispute_id, number, gross_minor)
           ON CONFLICT DO NOTHING RETURNING tenant, credit_note_id""",
        [
            [n.tenant for n in notes],
            [n.credit_note_id for n in notes],
            [n.invoice_id for n in notes],
            [n.dispute_id for n in notes],
            [n.number for n in notes],
            [n.gross.minor for n in notes],
        ],
    )
    return {(row.tenant, row.credit_note_id) for row in rows}


async def find_disputes(tx: Tx, keys: Collection[Key]) -> dict[Key, Dispute]:
    """These cases. To change one, lock its invoice first and read it after that."""
    rows = await tx.rows(
        f"{_DISPUTES.format('dispute')} WHERE (d.tenant, d.dispute_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",  # noqa: S608 - constant columns
        _columns(keys),
    )
    return {(row.tenant, row.dispute_id): _dispute(row) for row in rows}


async def list_disputes(
    tx: Tx, tenant: str, page: Page, *, account_id: str, invoice_id: str, state: State | None
) -> list[Dispute]:
    """Cases in the order in which they were opened; empty filters mean all."""
    asked = {"account_id": account_id, "invoice_id": invoice_id, "state": state.value if state else ""}
    wanted = {column: value for column, value in asked.items() if value}
    only = "".join(f" AND {column} = %s" for column in wanted) + (" AND dispute_id > %s" if page.after else "")
    of_page = f"(SELECT * FROM dispute WHERE tenant = %s{only} ORDER BY dispute_id LIMIT %s)"  # noqa: S608 - our columns
    rows = await tx.rows(
        f"{_DISPUTES.format(of_page)} ORDER BY d.dispute_id",
        [tenant, *wanted.values(), *(page.after or ()), page.most],
    )
    return [_dispute(row) for row in rows]


async def save_disputes(tx: Tx, disputes: Sequence[Dispute]) -> None:
    """Write cases, new and moved ones; their lines are written by `save_lines`."""
    await tx.run(
        """INSERT INTO dispute (tenant, dispute_id, invoice_id, account_id, reason_code, description, amount_minor, state,
                                moves, opened_by, opened_at, answer_by, asked_at, ended_at, resolution, credit_minor,
                                credit_note_number)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
                                %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::date[], %s::timestamptz[],
                                %s::timestamptz[], %s::text[], %s::bigint[], %s::text[])
           ON CONFLICT (tenant, dispute_id) DO UPDATE
             SET amount_minor = EXCLUDED.amount_minor, state = EXCLUDED.state, moves = EXCLUDED.moves,
                 answer_by = EXCLUDED.answer_by, asked_at = EXCLUDED.asked_at, ended_at = EXCLUDED.ended_at,
                 resolution = EXCLUDED.resolution, credit_minor = EXCLUDED.credit_minor,
                 credit_note_number = EXCLUDED.credit_note_number""",
        [
            [d.tenant for d in disputes],
            [d.dispute_id for d in disputes],
            [d.invoice_id for d in disputes],
            [d.account_id for d in disputes],
            [d.reason_code for d in disputes],
            [d.description for d in disputes],
            [d.amount.minor for d in disputes],
            [d.state.value for d in disputes],
            [d.moves for d in disputes],
            [d.opened_by for d in disputes],
            [d.opened_at for d in disputes],
            [d.answer_by for d in disputes],
            [d.asked_at for d in disputes],
            [d.ended_at for d in disputes],
            [d.resolution.value if d.resolution else None for d in disputes],
            [d.credit.minor if d.credit else None for d in disputes],
            [d.credit_note_number for d in disputes],
        ],
    )


async def save_lines(tx: Tx, dispute: Dispute) -> None:
    """Write what a case contests and had credited by line, in place of what was there."""
    contested = {part.line_id: part.quantity for part in dispute.lines}
    credited = {part.line_id: part.quantity for part in dispute.credited_lines}
    line_ids = sorted(contested.keys() | credited.keys())
    await tx.run("DELETE FROM dispute_line WHERE tenant = %s AND dispute_id = %s", [dispute.tenant, dispute.dispute_id])
    await tx.run(
        """INSERT INTO dispute_line (tenant, dispute_id, invoice_id, line_id, contested, credited)
           SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::numeric[], %s::numeric[])""",
        [
            dispute.tenant,
            dispute.dispute_id,
            dispute.invoice_id,
            line_ids,
            [contested.get(line_id, 0) for line_id in line_ids],
            [credited.get(line_id, 0) for line_id in line_ids],
        ],
    )


async def add_moves(tx: Tx, moves: Sequence[tuple[Move, str, str]]) -> None:
    """Write history: each move with its actor and reason."""
    await tx.run(
        """INSERT INTO dispute_move (tenant, dispute_id, nth, action, from_state, to_state, amount_minor, missing, actor,
                                     reason, at)
           SELECT *, %s FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[],
                                    %s::text[], %s::text[], %s::text[])""",
        [
            tx.at,
            [move.after.tenant for move, _, _ in moves],
            [move.after.dispute_id for move, _, _ in moves],
            [move.after.moves for move, _, _ in moves],
            [move.action.value for move, _, _ in moves],
            [move.before.state.value for move, _, _ in moves],
            [move.after.state.value for move, _, _ in moves],
            [move.after.amount.minor for move, _, _ in moves],
            [move.missing for move, _, _ in moves],
            [actor for _, actor, _ in moves],
            [reason for _, _, reason in moves],
        ],
    )


async def history(tx: Tx, key: Key, page: Page) -> list[tuple[int, Entry]]:
    """What happened to a case, in order, each move with its number."""
    rows = await tx.rows(
        f"""SELECT nth, action, from_state, to_state, actor, reason, at FROM dispute_move
             WHERE tenant = %s AND dispute_id = %s {"AND nth > %s" if page.after else ""} ORDER BY nth LIMIT %s""",  # noqa: S608 - constant text
        [*key, *(page.after or ()), page.most],
    )
    return [
        (r.nth, Entry(Action(r.action), State(r.from_state), State(r.to_state), r.actor, r.reason, r.at)) for r in rows
    ]


async def asked(tx: Tx, key: Key) -> list[str]:
    """What the customer was already asked for in this case."""
    rows = await tx.rows(
        "SELECT missing FROM dispute_move WHERE tenant = %s AND dispute_id = %s AND missing <> ''", key
    )
    return [row.missing for row in rows]


# Of these cases: a table, or a page of it that is found before anything is joined to it.
_DISPUTES = """SELECT d.*, i.number AS invoice_number, i.order_id, i.currency, i.site, i.cost_centre, i.purchase_order,
                      l.line_ids, l.contested, l.credited
                 FROM {} AS d JOIN invoice i USING (tenant, invoice_id)
                CROSS JOIN LATERAL (SELECT coalesce(array_agg(line_id ORDER BY line_id), '{{}}') AS line_ids,
                                           array_agg(contested ORDER BY line_id) AS contested,
                                           array_agg(credited ORDER BY line_id) AS credited
                                      FROM dispute_line dl
                                     WHERE dl.tenant = d.tenant AND dl.dispute_id = d.dispute_id) l"""


async def cases_by_state(tx: Tx) -> list[Any]:
    """How many cases stand where, the age in seconds of the oldest open one, and how many should have been answered."""
    return await tx.rows(
        """SELECT state, count(*) AS n, count(*) FILTER (WHERE state = ANY (%(open)s) AND answer_by < %(at)s::date) AS late,
                  extract(epoch FROM %(at)s - min(opened_at) FILTER (WHERE state = ANY (%(open)s))) AS oldest_s
             FROM dispute GROUP BY state""",
        {"at": tx.at, "open": [*CONTESTED, State.RESOLVING]},
    )


async def contested(tx: Tx) -> list[tuple[str, int]]:
    """What open cases contest, in minor units by currency."""
    return await tx.rows(
        "SELECT currency, sum(disputed_minor)::bigint FROM invoice WHERE disputed_minor > 0 GROUP BY currency"
    )


def _columns(keys: Collection[Key]) -> list[list[str]]:
    return [[first for first, _ in keys], [second for _, second in keys]]


def _invoice(row: Any) -> Invoice:
    return Invoice(
        tenant=row.tenant,
        invoice_id=row.invoice_id,
        number=row.number,
        account_id=row.account_id,
        order_id=row.order_id,
        issue_date=row.issue_date,
        net=Money(row.net_minor, row.currency),
        tax=Money(row.tax_minor, row.currency),
        gross=Money(row.gross_minor, row.currency),
        credited=Money(row.credited_minor, row.currency),
        disputed=Money(row.disputed_minor, row.currency),
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
    )


def _dispute(row: Any) -> Dispute:
    return Dispute(
        tenant=row.tenant,
        dispute_id=row.dispute_id,
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        account_id=row.account_id,
        order_id=row.order_id,
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        reason_code=row.reason_code,
        description=row.description,
        lines=_parts(row.line_ids, row.contested),
        amount=Money(row.amount_minor, row.currency),
        state=State(row.state),
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        answer_by=row.answer_by,
        moves=row.moves,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        resolution=Resolution(row.resolution) if row.resolution else None,
        credit=None if row.credit_minor is None else Money(row.credit_minor, row.currency),
        credited_lines=_parts(row.line_ids, row.credited),
        credit_note_number=row.credit_note_number,
    )


def _parts(line_ids: Sequence[str], quantities: Any) -> tuple[Part, ...]:
    return tuple(Part(line_id, n) for line_id, n in zip(line_ids, quantities or (), strict=True) if n)

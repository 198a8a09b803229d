"""Remembers invoices, cases and their history: one function a question, visible SQL.

An invoice's row is the lock of all its cases: whoever changes a case holds it first, in the order of (tenant, invoice).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from services.chassis import jobs
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.days_off import calendar
from services.disputes.domain.authority import Authority
from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.cases import (
    AT_THE_BUYER,
    AT_THE_SELLER,
    CONTESTED,
    OPEN,
    Action,
    Dispute,
    Entry,
    Move,
    Order,
    Resolution,
    State,
)
from services.disputes.domain.cells import Cell, Place, Step
from services.disputes.domain.deadlines import BOUNDS, Owners, Policy
from services.disputes.domain.evidence import Evidence
from services.disputes.domain.handling import Change, Changed, ChangeEntry
from services.disputes.domain.invoices import CreditNote, Invoice, Line, Part
from services.disputes.domain.portions import Rate, Share, Shares
from services.disputes.domain.tracks import Track
from services.kernel.calendars import Calendar
from services.kernel.money import Money
from services.kernel.orders import Scope


@dataclass(frozen=True, slots=True)
class Merged:
    """A case that was merged into another."""

    dispute_id: str
    number: str
    opened_by: str


Key = tuple[str, str]  # tenant, and an invoice's, a case's or a credit note's id

_INVOICE = Columns(
    """tenant text, invoice_id text, number text, account_id text, order_id text, issue_date date, currency text,
       net_minor bigint, tax_minor bigint, gross_minor bigint, open_minor bigint, site text, cost_centre text,
       purchase_order text, seller_id text, due_date date"""
)
_LINE = Columns(
    """tenant text, invoice_id text, line_id text, quantity numeric, unit_price numeric, net_minor bigint,
       vat_category text, vat_rate numeric, is_sales_tax boolean, name text, sku text"""
)
_RATE = Columns("vat_category text, vat_rate numeric, net_minor bigint, tax_minor bigint")
_SELLER = Columns(
    "tenant text, seller_id text, version int, time_zone text, holidays text, opens_at text, closes_at text"
)
_TAKEN = Columns("tenant text, invoice_id text, disputed_minor bigint, credited_minor bigint")
_OPEN = Columns("tenant text, invoice_id text, open_minor bigint, open_sequence bigint")
_CREDIT_NOTE = Columns(
    "tenant text, credit_note_id text, invoice_id text, dispute_id text, number text, gross_minor bigint"
)
_DISPUTE = Columns(
    """tenant text, dispute_id text, invoice_id text, account_id text, reason_code text, description text,
       amount_minor bigint, state text, moves int, opened_by text, opened_at timestamptz, answer_by date, number text,
       asked_at timestamptz, ended_at timestamptz, resolution text, credit_minor bigint, credit_note_number text,
       track text, track_reason text, answer_at timestamptz, at_risk_at timestamptz, warned boolean,
       recode_by timestamptz, late_level int, late_from date, late_days int, owner text, stand_in text, handoffs int,
       acted_at timestamptz, merged_into text, changes int, look_at timestamptz, corrected_invoice_number text,
       replaced_by_shipment text, written_off_minor bigint"""
)
_CHANGE = Columns(
    """tenant text, dispute_id text, nth int, change text, before text, after text, other text, actor text"""
)
_PART = Columns("line_id text, contested numeric, credited numeric")
_MOVE = Columns(
    """tenant text, dispute_id text, nth int, action text, from_state text, to_state text, amount_minor bigint,
       missing text, actor text, reason text"""
)


# By which columns, in which direction, what is beyond a place there, and of which states alone.
_LISTED: dict[Order, tuple[str, str, str, tuple[State, ...]]] = {
    Order.OPENED: ("dispute_id", "ASC", ">", ()),
    Order.NEWEST: ("dispute_id", "DESC", "<", ()),
    Order.AT_THE_SELLER: ("answer_by, dispute_id", "ASC", ">", AT_THE_SELLER),
    Order.AT_THE_BUYER: ("answer_by, dispute_id", "ASC", ">", AT_THE_BUYER),
    Order.AT_RISK_FIRST: ("at_risk_at, dispute_id", "ASC", ">", AT_THE_SELLER),
}


async def add_invoices(tx: Tx, invoices: Sequence[tuple[Invoice, Sequence[Line]]]) -> None:
    """Keep invoices with their lines; one that is known already stays as it is."""
    # One that comes twice in a batch is kept once, and all in one order.
    first = {invoice.key: (invoice, lines) for invoice, lines in reversed(invoices)}
    kept = [first[key] for key in sorted(first)]
    await tx.run(
        f"""WITH kept AS (
              INSERT INTO invoice ({_INVOICE.names}) SELECT * FROM {_INVOICE.rows} AS new
              ON CONFLICT DO NOTHING RETURNING tenant, invoice_id
            )
            INSERT INTO invoice_line ({_LINE.names})
            SELECT {_LINE.names} FROM {_LINE.rows} AS new JOIN kept USING (tenant, invoice_id)""",  # noqa: S608 - constant columns
        [
            _INVOICE.pack(_invoice_row(invoice) for invoice, _ in kept),
            _LINE.pack(
                _line_row(invoice, line)
                for invoice, lines in kept
                for line in {one.line_id: one for one in lines}.values()
            ),
        ],
    )


async def lock_invoices(tx: Tx, keys: Collection[Key]) -> dict[Key, Invoice]:
    """Hold the invoices, and so their cases, until the transaction ends, in one global order."""
    rows = await tx.rows(
        """SELECT * FROM invoice WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])
            ORDER BY tenant, invoice_id FOR UPDATE""",
        within(keys),
    )
    return {key: _invoice(row) for row in rows if (key := (row.tenant, row.invoice_id)) in keys}


async def known_invoices(tx: Tx, keys: Collection[Key]) -> set[Key]:
    """Which of these invoices are known."""
    rows = await tx.rows(
        "SELECT tenant, invoice_id FROM invoice WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])",
        within(keys),
    )
    return {(row.tenant, row.invoice_id) for row in rows} & set(keys)


async def invoice(tx: Tx, key: Key) -> Invoice:
    """An invoice that is there, for whoever changes nothing."""
    return _invoice(await tx.row("SELECT * FROM invoice WHERE tenant = %s AND invoice_id = %s", key))


async def find_invoices(tx: Tx, tenant: str, named: str) -> list[str]:
    """The ids of the invoices that have this id or number."""
    rows = await tx.rows(
        """SELECT invoice_id FROM invoice WHERE tenant = %s AND invoice_id = %s
            UNION SELECT invoice_id FROM invoice WHERE tenant = %s AND number = %s""",
        [tenant, named, tenant, named],
    )
    return [row.invoice_id for row in rows]


async def lines_of(tx: Tx, key: Key) -> dict[str, Line]:
    """The lines of an invoice, locked if what comes of them is kept: each with what its cases contest of it now, or had credited."""
    rows = await tx.rows(
        """SELECT l.*, i.currency, coalesce(c.claimed, 0) AS claimed, coalesce(c.credited, 0) AS credited,
                  coalesce(c.credited_as_amount, 0) AS credited_as_amount
             FROM invoice_line l JOIN invoice i USING (tenant, invoice_id)
             LEFT JOIN (SELECT dl.line_id, sum(dl.credited + CASE WHEN d.state = ANY(%s) THEN dl.contested ELSE 0 END) AS claimed,
                               sum(dl.credited) AS credited, sum(dl.credited_as_amount) AS credited_as_amount
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
            credited=row.credited,
            credited_as_amount=row.credited_as_amount,
            is_sales_tax=row.is_sales_tax,
            name=row.name,
            sku=row.sku,
        )
        for row in rows
    }


async def save_invoices(tx: Tx, invoices: Collection[Invoice]) -> None:
    """Write what is contested and credited; where more is contested, the room guards in the statement too."""
    changed = list(invoices)
    written = await tx.run(
        f"""UPDATE invoice SET disputed_minor = new.disputed_minor, credited_minor = new.credited_minor
             FROM {_TAKEN.rows} AS new
            WHERE invoice.tenant = ANY (%s::text[]) AND invoice.invoice_id = ANY (%s::text[])
              AND invoice.tenant = new.tenant AND invoice.invoice_id = new.invoice_id
              AND (new.disputed_minor <= invoice.disputed_minor
                   OR new.disputed_minor + new.credited_minor <= invoice.gross_minor)""",  # noqa: S608 - constant columns
        [
            _TAKEN.pack((*i.key, i.disputed.minor, i.credited.minor) for i in changed),
            *within([i.key for i in changed]),
        ],
    )
    assert written == len(changed), "more would be contested than the invoice has"


async def note_open(tx: Tx, said: Mapping[Key, tuple[Money, int]]) -> set[Key]:
    """Keep what the ledger says is owed, unless a later event said so already; return the invoices that are known.

    Their rows are held first, all of them, in the order in which everybody takes them.
    """
    rows = await tx.rows(
        f"""WITH held AS (
              SELECT tenant, invoice_id FROM invoice WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])
               ORDER BY tenant, invoice_id FOR UPDATE
            ), noted AS (
              UPDATE invoice SET open_minor = new.open_minor, open_sequence = new.open_sequence
                FROM {_OPEN.rows} AS new
               WHERE invoice.tenant = ANY (%s::text[]) AND invoice.invoice_id = ANY (%s::text[])
                 AND invoice.tenant = new.tenant AND invoice.invoice_id = new.invoice_id
                 AND invoice.open_sequence <= new.open_sequence AND (SELECT count(*) FROM held) > 0
            )
            SELECT tenant, invoice_id FROM held""",  # noqa: S608 - constant columns
        [
            *within(said),
            _OPEN.pack((*key, owed.minor, sequence) for key, (owed, sequence) in said.items()),
            *within(said),
        ],
    )
    return {(row.tenant, row.invoice_id) for row in rows}


async def add_credit_notes(tx: Tx, notes: Sequence[CreditNote]) -> set[Key]:
    """Count these credit notes; return the keys of those that were not counted before."""
    rows = await tx.rows(
        f"""INSERT INTO credit_note ({_CREDIT_NOTE.names})
            SELECT tenant, credit_note_id, invoice_id, nullif(dispute_id, ''), number, gross_minor
              FROM {_CREDIT_NOTE.rows} AS new
            ON CONFLICT DO NOTHING RETURNING tenant, credit_note_id""",  # noqa: S608 - constant columns
        [
            _CREDIT_NOTE.pack(
                (n.tenant, n.credit_note_id, n.invoice_id, n.dispute_id, n.number, n.gross.minor) for n in notes
            )
        ],
    )
    return {(row.tenant, row.credit_note_id) for row in rows}


async def find_disputes(tx: Tx, keys: Collection[Key]) -> dict[Key, Dispute]:
    """These cases. To change one, lock its invoice first and read it after that."""
    rows = await tx.rows(
        f"{_DISPUTES.format('dispute')} WHERE (d.tenant, d.dispute_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",  # noqa: S608 - constant columns
        columns(keys),
    )
    return {(row.tenant, row.dispute_id): _dispute(row) for row in rows}


async def dispute_called(tx: Tx, tenant: str, named: str) -> str | None:
    """The id of the case that has this id or number."""
    row = await tx.row(
        """SELECT dispute_id FROM dispute WHERE tenant = %s AND dispute_id = %s
            UNION ALL SELECT dispute_id FROM dispute WHERE tenant = %s AND number = %s AND number <> '' LIMIT 1""",
        [tenant, named, tenant, named],
    )
    return str(row.dispute_id) if row else None


async def next_number(tx: Tx, tenant: str, year: int) -> int:
    """Count another case of a business year; nobody else of the tenant does until the transaction ends."""
    row = await tx.row(
        """INSERT INTO case_series AS s (tenant, year, last) VALUES (%s, %s, 1)
           ON CONFLICT (tenant, year) DO UPDATE SET last = s.last + 1 RETURNING last""",
        [tenant, year],
    )
    return int(row.last)


async def credited_by_rate(tx: Tx, key: Key) -> tuple[dict[Rate, Share], int]:
    """What resolutions had credited of an invoice by rate, as far as it was kept; and all that they did, gross."""
    rows = await tx.rows("SELECT * FROM credited_rate WHERE tenant = %s AND invoice_id = %s", key)
    known = {(row.vat_category, row.vat_rate): Share(row.net_minor, row.tax_minor) for row in rows}
    row = await tx.row(
        """SELECT i.credited_minor + coalesce((SELECT sum(d.credit_minor)::bigint FROM dispute d
                                                WHERE d.tenant = i.tenant AND d.invoice_id = i.invoice_id
                                                  AND d.state = 'RESOLVING'), 0) AS minor
             FROM invoice i WHERE i.tenant = %s AND i.invoice_id = %s""",
        key,
    )
    return known, int(row.minor)


async def save_credited(tx: Tx, key: Key, shares: Shares) -> None:
    """Write what is credited of an invoice by rate, this resolution included."""
    await tx.run(
        f"""INSERT INTO credited_rate (tenant, invoice_id, {_RATE.names}) SELECT %s, %s, * FROM {_RATE.rows} AS new
            ON CONFLICT (tenant, invoice_id, vat_category, vat_rate) DO UPDATE
              SET net_minor = EXCLUDED.net_minor, tax_minor = EXCLUDED.tax_minor""",  # noqa: S608 - constant columns
        [*key, _RATE.pack((*rate, share.net, share.tax) for rate, share in shares.items())],
    )


async def save_sellers(tx: Tx, told: Mapping[Key, tuple[int, str, str, str, str]]) -> None:
    """Know the clocks of these legal entities (version, zone, holidays, hours); what was told later, by its version, counts."""
    await tx.run(
        f"""INSERT INTO seller AS s ({_SELLER.names}) SELECT * FROM {_SELLER.rows} AS new
            ON CONFLICT (tenant, seller_id) DO UPDATE
              SET version = EXCLUDED.version, time_zone = EXCLUDED.time_zone, holidays = EXCLUDED.holidays,
                  opens_at = EXCLUDED.opens_at, closes_at = EXCLUDED.closes_at
            WHERE s.version <= EXCLUDED.version""",  # noqa: S608 - constant columns
        [_SELLER.pack((*key, *told[key]) for key in sorted(told))],
    )


async def policy(tx: Tx, tenant: str, seller_id: str = "") -> Policy:
    """What the tenant's cases run by, in the days of the legal entity that is named, else of its first."""
    seller = await tx.row(
        "SELECT * FROM seller WHERE tenant = %s ORDER BY seller_id <> %s, seller_id LIMIT 1", [tenant, seller_id]
    )
    days = Calendar()
    if seller:
        days = calendar(seller.time_zone, seller.holidays, seller.opens_at, seller.closes_at)
    row = await tx.row("SELECT * FROM policy WHERE tenant = %s ORDER BY version DESC LIMIT 1", [tenant])
    if row is None:
        return Policy(calendar=days)
    caps = AutoCredit()
    if row.auto_credits_per_month is not None:
        caps = AutoCredit(tuple(row.auto_credit_most.items()), row.auto_credits_per_month)
    return Policy(
        **{name: getattr(row, name) for name in BOUNDS},
        auto_credit=caps,
        desks={desk: Owners(*owners) for desk, owners in row.desks.items()},
        authorities=tuple(
            Authority(role, person, Money(minor, currency)) for role, person, minor, currency in row.authorities
        ),
        version=row.version,
        calendar=days,
    )


async def add_policy(tx: Tx, tenant: str, new: Policy, by: str) -> None:
    """Keep another version of a tenant's policy."""
    await tx.run(
        f"""INSERT INTO policy (tenant, version, {", ".join(BOUNDS)}, desks, authorities, auto_credit_most,
                                auto_credits_per_month, set_by, set_at)
            VALUES ({", ".join(["%s"] * (len(BOUNDS) + 8))})""",  # noqa: S608 - constant columns
        [
            tenant,
            new.version,
            *(getattr(new, name) for name in BOUNDS),
            Jsonb({desk: [owners.owner, owners.stand_in] for desk, owners in new.desks.items()}),
            Jsonb([[one.role, one.person, one.most.minor, one.most.currency] for one in new.authorities]),
            Jsonb(dict(new.auto_credit.most)),
            new.auto_credit.per_month,
            by,
            tx.at,
        ],
    )


async def lock_policy(tx: Tx, tenant: str) -> None:
    """Let nobody else of this tenant set a policy until the transaction ends."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('policy/' || %s, 0))", [tenant])


async def list_disputes(
    tx: Tx,
    tenant: str,
    page: Page,
    *,
    account_id: str,
    invoice_id: str,
    state: State | None,
    order: Order,
    invoice_ids: Collection[str] = (),
    owner: str = "",
    without_owner: bool = False,
) -> list[Dispute]:
    """Cases in some order; empty filters mean all. `owner`: who has them, or stands in."""
    place, direction, beyond, only_states = _LISTED[order]
    states = (state,) if state else only_states
    wanted = {column: value for column, value in (("account_id", account_id), ("invoice_id", invoice_id)) if value}
    only = "".join(f" AND {column} = %s" for column in wanted)
    if owner:
        only += " AND %s IN (owner, stand_in)"
        wanted["owner"] = owner
    elif without_owner:
        only += " AND owner = ''"
    if page.after:
        only += f" AND ({place}) {beyond} ({', '.join(['%s'] * len(page.after))})"
    if states:  # in the text: some states are rare, and a plan for any of them would look through all cases
        named = ", ".join(f"'{one.value}'" for one in states)
        only += f" AND state IN ({named})"
    by = [f"{column} {direction}" for column in place.split(", ")]
    in_order = f"ORDER BY {', '.join(by)} LIMIT {page.most}"
    of_page = f"(SELECT * FROM dispute WHERE tenant = %s{only} {in_order})"  # noqa: S608 - our columns
    if invoice_ids:  # one after the other, so that each goes by the key
        of_each = f"(SELECT * FROM dispute WHERE invoice_id = named.id AND tenant = %s{only} {in_order})"  # noqa: S608
        of_page = f"(SELECT c.* FROM unnest(%s::text[]) AS named (id) CROSS JOIN LATERAL {of_each} AS c {in_order})"  # noqa: S608
    rows = await tx.rows(
        f"{_DISPUTES.format(of_page)} ORDER BY {', '.join(f'd.{one}' for one in by)}",
        [*([sorted(set(invoice_ids))] if invoice_ids else []), tenant, *wanted.values(), *(page.after or ())],
    )
    return [_dispute(row) for row in rows]


async def save_disputes(tx: Tx, disputes: Sequence[Dispute]) -> None:
    """Write cases, new and moved ones; their lines are written by `save_lines`."""
    await tx.run(
        f"""INSERT INTO dispute ({_DISPUTE.names}) SELECT * FROM {_DISPUTE.rows} AS new
            ON CONFLICT (tenant, dispute_id) DO UPDATE
              SET number = EXCLUDED.number, reason_code = EXCLUDED.reason_code, amount_minor = EXCLUDED.amount_minor,
                  state = EXCLUDED.state, moves = EXCLUDED.moves,
                  answer_by = EXCLUDED.answer_by, asked_at = EXCLUDED.asked_at, ended_at = EXCLUDED.ended_at,
                  resolution = EXCLUDED.resolution, credit_minor = EXCLUDED.credit_minor,
                  credit_note_number = EXCLUDED.credit_note_number, track = EXCLUDED.track,
                  track_reason = EXCLUDED.track_reason, answer_at = EXCLUDED.answer_at, at_risk_at = EXCLUDED.at_risk_at,
                  warned = EXCLUDED.warned, recode_by = EXCLUDED.recode_by, late_level = EXCLUDED.late_level,
                  late_from = EXCLUDED.late_from, late_days = EXCLUDED.late_days, owner = EXCLUDED.owner,
                  stand_in = EXCLUDED.stand_in, handoffs = EXCLUDED.handoffs, acted_at = EXCLUDED.acted_at,
                  merged_into = EXCLUDED.merged_into, changes = EXCLUDED.changes, look_at = EXCLUDED.look_at,
                  corrected_invoice_number = EXCLUDED.corrected_invoice_number,
                  replaced_by_shipment = EXCLUDED.replaced_by_shipment,
                  written_off_minor = EXCLUDED.written_off_minor""",  # noqa: S608 - constant columns
        [_DISPUTE.pack(map(_dispute_row, disputes))],
    )


async def pass_on(tx: Tx, tenant: str, leaver: str, successor: str) -> None:
    """Open cases that one had, or stood in for, are another's."""
    await tx.run(
        """UPDATE dispute SET owner = CASE owner WHEN %(leaver)s THEN %(successor)s ELSE owner END,
                              stand_in = CASE stand_in WHEN %(leaver)s THEN %(successor)s ELSE stand_in END
            WHERE tenant = %(tenant)s AND state = ANY (%(open)s::text[])
              AND (owner = %(leaver)s AND owner <> '' OR stand_in = %(leaver)s AND stand_in <> '')""",
        {"tenant": tenant, "leaver": leaver, "successor": successor, "open": _OPEN_STATES},
    )


async def save_lines(tx: Tx, dispute: Dispute) -> None:
    """Write what a case contests and had credited by line, in place of what was there."""
    contested = {part.line_id: part.quantity for part in dispute.lines}
    credited = {part.line_id: part.quantity for part in dispute.credited_lines}
    line_ids = sorted(contested.keys() | credited.keys())
    await tx.run(
        "DELETE FROM dispute_line WHERE tenant = %s AND dispute_id = %s AND line_id <> ALL (%s)",
        [dispute.tenant, dispute.dispute_id, line_ids],
    )
    await tx.run(
        f"""INSERT INTO dispute_line (tenant, dispute_id, invoice_id, {_PART.names})
            SELECT %s, %s, %s, * FROM {_PART.rows} AS new
            ON CONFLICT (tenant, dispute_id, line_id) DO UPDATE
              SET contested = EXCLUDED.contested, credited = EXCLUDED.credited""",  # noqa: S608 - constant columns
        [
            dispute.tenant,
            dispute.dispute_id,
            dispute.invoice_id,
            _PART.pack((line_id, contested.get(line_id, 0), credited.get(line_id, 0)) for line_id in line_ids),
        ],
    )


async def add_as_amount(tx: Tx, key: Key, parts: Sequence[Part]) -> None:
    """Keep that a case's credit of these parts, which are counted as credited, is told as an amount."""
    await tx.run(
        """UPDATE dispute_line SET credited_as_amount = credited_as_amount + part.quantity
             FROM unnest(%s::text[], %s::numeric[]) AS part (line_id, quantity)
            WHERE tenant = %s AND dispute_id = %s AND dispute_line.line_id = part.line_id""",
        [[part.line_id for part in parts], [part.quantity for part in parts], *key],
    )


async def add_moves(tx: Tx, moves: Sequence[tuple[Move, str, str]]) -> None:
    """Write history: each move with its actor and reason."""
    await tx.run(
        f"INSERT INTO dispute_move ({_MOVE.names}, at) SELECT *, %s FROM {_MOVE.rows} AS new",  # noqa: S608 - constant columns
        [tx.at, _MOVE.pack(_move_row(move, actor, reason) for move, actor, reason in moves)],
    )


async def history(tx: Tx, key: Key, page: Page) -> list[Entry]:
    """What happened to a case, in order."""
    rows = await tx.rows(
        f"""SELECT * FROM dispute_move
             WHERE tenant = %s AND dispute_id = %s {"AND nth > %s" if page.after else ""} ORDER BY nth LIMIT {page.most}""",  # noqa: S608 - constant text
        [*key, *(page.after or ())],
    )
    return [_entry(row) for row in rows]


async def find_move(tx: Tx, key: Key, nth: int) -> Entry | None:
    """One step of a case."""
    row = await tx.row("SELECT * FROM dispute_move WHERE tenant = %s AND dispute_id = %s AND nth = %s", [*key, nth])
    return _entry(row) if row else None


async def add_changes(tx: Tx, changes: Sequence[tuple[Changed, str]]) -> None:
    """Write what became of cases beside their moves, each with its actor."""
    await tx.run(
        f"INSERT INTO dispute_change ({_CHANGE.names}, at) SELECT *, %s FROM {_CHANGE.rows} AS new",  # noqa: S608 - constant columns
        [
            tx.at,
            _CHANGE.pack(
                (c.case.tenant, c.case.dispute_id, c.case.changes, c.change, c.before, c.after, c.other, actor)
                for c, actor in changes
            ),
        ],
    )


async def changes_of(tx: Tx, key: Key) -> list[ChangeEntry]:
    """What became of a case beside its moves: the newest, oldest first."""
    rows = await tx.rows(
        """SELECT nth, change, before, after, other, actor, at FROM dispute_change
            WHERE tenant = %s AND dispute_id = %s ORDER BY nth DESC LIMIT 100""",
        key,
    )
    return [ChangeEntry(r.nth, Change(r.change), r.before, r.after, r.other, r.actor, r.at) for r in reversed(rows)]


async def merged_into(tx: Tx, key: Key) -> list[Merged]:
    """The cases that were merged into one, oldest first."""
    return await tx.fetch(
        Merged,
        """SELECT dispute_id, number, opened_by FROM dispute
            WHERE tenant = %s AND merged_into = %s AND merged_into <> '' ORDER BY dispute_id LIMIT 100""",
        key,
    )


async def pass_on_merged(tx: Tx, key: Key, into: str) -> None:
    """What was merged into a case is merged into the one that goes on for it."""
    await tx.run(
        "UPDATE dispute SET merged_into = %s WHERE tenant = %s AND merged_into = %s AND merged_into <> ''", [into, *key]
    )


async def cell_of(tx: Tx, key: Key) -> Cell | None:
    """Who looks at a case; None: nobody said."""
    row = await tx.row(
        "SELECT * FROM dispute_cell WHERE tenant = %s AND dispute_id = %s ORDER BY version DESC LIMIT 1", key
    )
    if row is None:
        return None
    places = tuple(Place(Step(step), person, date.fromisoformat(by)) for step, person, by in row.places)
    return Cell(row.coordinator, places, row.version)


async def add_cell(tx: Tx, key: Key, cell: Cell, by: str) -> None:
    """Keep another version of who looks at a case."""
    await tx.run(
        """INSERT INTO dispute_cell (tenant, dispute_id, version, coordinator, places, set_by, set_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [
            *key,
            cell.version,
            cell.coordinator,
            Jsonb([[place.step, place.person, place.by.isoformat()] for place in cell.places]),
            by,
            tx.at,
        ],
    )


async def find_due(tx: Tx, word: Origin) -> int:
    """Make a job of each case of which the clock has something to tell; return how many."""
    return await jobs.find(tx, word, _DUE, [tx.at])


async def count_due(tx: Tx) -> int:
    """How many there are for which there is no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at])


CLOCK = "clock"  # the kind of job
_DUE: LiteralString = """SELECT tenant, 'clock', 'dispute/' || dispute_id, '', 1 FROM dispute
                          WHERE look_at <= %s ORDER BY look_at"""
_EVIDENCE = "evidence_id, file_name, media_type, size, sha256, added_by, added_at"


async def list_evidence(tx: Tx, key: Key, page: Page, merged: Collection[str] = ()) -> list[Evidence]:
    """What was added to a case, and to these that were merged into it, oldest first."""
    return await tx.fetch(
        Evidence,
        f"""SELECT {_EVIDENCE} FROM evidence WHERE tenant = %s AND dispute_id = ANY (%s::text[])
                                               {"AND evidence_id > %s" if page.after else ""}
             ORDER BY evidence_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [key[0], [key[1], *merged], *(page.after or ())],
    )


async def find_evidence(
    tx: Tx, key: Key, evidence_id: str, merged: Collection[str] = ()
) -> tuple[Evidence, bytes] | None:
    """Something that was added to a case, or to one of these that were merged into it, with its content."""
    row = await tx.row(
        f"""SELECT {_EVIDENCE}, content FROM evidence
             WHERE tenant = %s AND dispute_id = ANY (%s::text[]) AND evidence_id = %s""",  # noqa: S608 - constant columns
        [key[0], [key[1], *merged], evidence_id],
    )
    return (Evidence(*row[:-1]), bytes(row.content)) if row else None


async def add_evidence(tx: Tx, key: Key, new: Evidence, content: bytes) -> None:
    """Keep what somebody adds to a case."""
    await tx.run(
        f"""INSERT INTO evidence (tenant, dispute_id, {_EVIDENCE}, content)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",  # noqa: S608 - constant columns
        [
            *key,
            new.evidence_id,
            new.file_name,
            new.media_type,
            new.size,
            new.sha256,
            new.added_by,
            new.added_at,
            content,
        ],
    )


async def forget(tx: Tx, tenant: str, subject: str) -> None:
    """Forget what somebody wrote or added, in their own name or for another."""
    who = [tenant, subject, subject]
    await tx.run(
        """UPDATE dispute SET description = ''
            WHERE tenant = %s AND description <> ''
              AND (writer = %s OR written_for = %s AND written_for <> '')""",
        who,
    )
    await tx.run(
        """UPDATE dispute_move SET missing = '', reason = ''
            WHERE tenant = %s AND (missing <> '' OR reason <> '')
              AND (writer = %s OR written_for = %s AND written_for <> '')""",
        who,
    )
    await tx.run(
        """UPDATE evidence SET file_name = '', content = ''
            WHERE tenant = %s AND file_name <> ''
              AND (writer = %s OR written_for = %s AND written_for <> '')""",
        who,
    )


async def last_actors(tx: Tx, key: Key, actions: Collection[Action]) -> dict[Action, str]:
    """Who did each of these last in a case; nobody, where it was not done."""
    rows = await tx.rows(
        """SELECT DISTINCT ON (action) action, actor FROM dispute_move
            WHERE tenant = %s AND dispute_id = %s AND action = ANY (%s::text[]) ORDER BY action, nth DESC""",
        [*key, [action.value for action in actions]],
    )
    return {Action(row.action): row.actor for row in rows}


async def asked(tx: Tx, key: Key) -> list[str]:
    """What the customer was already asked for in this case."""
    rows = await tx.rows(
        "SELECT missing FROM dispute_move WHERE tenant = %s AND dispute_id = %s AND missing <> ''", key
    )
    return [row.missing for row in rows]


IS_CONTESTED = "disputed_minor > 0"  # few of all invoices, with an index of their own
_OPEN_STATES = [state.value for state in OPEN]

# Of these cases: a table, or a page of it that is found before anything is joined to it.
_DISPUTES = """SELECT d.*, i.number AS invoice_number, i.order_id, i.seller_id, i.currency, i.site, i.cost_centre, i.purchase_order,
                      i.due_date, l.line_ids, l.contested, l.credited
                 FROM {} AS d JOIN invoice i USING (tenant, invoice_id)
                CROSS JOIN LATERAL (SELECT coalesce(array_agg(line_id ORDER BY line_id), '{{}}') AS line_ids,
                                           array_agg(contested ORDER BY line_id) AS contested,
                                           array_agg(credited ORDER BY line_id) AS credited
                                      FROM dispute_line dl
                                     WHERE dl.tenant = d.tenant AND dl.dispute_id = d.dispute_id) l"""


async def cases_by_state(tx: Tx, span: Span) -> list[Any]:
    """How many of these cases stand where, how many should have been answered, and how many nobody has for a business day."""
    return await tx.rows(
        f"""SELECT state, count(*) AS n, count(*) FILTER (WHERE state = ANY (%(open)s) AND answer_by < %(at)s::date) AS late,
                   count(*) FILTER (WHERE state = ANY (%(ours)s) AND owner = '' AND opened_at < %(before)s) AS unowned
              FROM dispute WHERE {span.where("tenant", "dispute_id")} GROUP BY state""",  # noqa: S608 - constant text
        span.params
        | {
            "at": tx.at,
            "open": _OPEN_STATES,
            "ours": [state.value for state in AT_THE_SELLER],
            "before": Calendar().a_business_day_before(tx.at),
        },
    )


async def oldest_by_state(tx: Tx) -> list[tuple[str, Any]]:
    """The age in seconds of the case that was opened first, of those that stand in each state and have not ended."""
    return await tx.rows(
        """SELECT state, extract(epoch FROM %(at)s - opened_at)
             FROM (SELECT state, (SELECT min(opened_at) FROM dispute WHERE dispute.state = open.state) AS opened_at
                     FROM unnest(%(open)s::text[]) AS open (state)) AS first
            WHERE opened_at IS NOT NULL""",
        {"at": tx.at, "open": _OPEN_STATES},
    )


async def contested(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """What open cases contest of these invoices, in minor units by currency."""
    return await tx.rows(
        f"""SELECT currency, sum(disputed_minor) FROM invoice
             WHERE {IS_CONTESTED} AND {span.where("tenant", "invoice_id")} GROUP BY currency""",  # noqa: S608 - constant text
        span.params,
    )


def _invoice_row(i: Invoice) -> tuple[Any, ...]:
    return (
        i.tenant,
        i.invoice_id,
        i.number,
        i.account_id,
        i.order_id,
        i.issue_date,
        i.gross.currency,
        i.net.minor,
        i.tax.minor,
        i.gross.minor,
        i.gross.minor,
        i.scope.site,
        i.scope.cost_centre,
        i.scope.purchase_order,
        i.seller_id,
        i.due_on,
    )


def _line_row(invoice: Invoice, line: Line) -> tuple[Any, ...]:
    return (
        invoice.tenant,
        invoice.invoice_id,
        line.line_id,
        line.quantity,
        line.unit_price,
        line.net.minor,
        line.vat_category,
        line.vat_rate,
        line.is_sales_tax,
        line.name,
        line.sku,
    )


def _dispute_row(d: Dispute) -> tuple[Any, ...]:
    return (
        d.tenant,
        d.dispute_id,
        d.invoice_id,
        d.account_id,
        d.reason_code,
        d.description,
        d.amount.minor,
        d.state,
        d.moves,
        d.opened_by,
        d.opened_at,
        d.answer_by,
        d.number,
        d.asked_at,
        d.ended_at,
        d.resolution,
        d.credit.minor if d.credit else None,
        d.credit_note_number,
        d.track,
        d.track_reason,
        d.answer_at,
        d.at_risk_at,
        d.warned,
        d.recode_by,
        d.late_level,
        d.late_from,
        d.late_days,
        d.owner,
        d.stand_in,
        d.handoffs,
        d.acted_at,
        d.merged_into,
        d.changes,
        d.look_at,
        d.corrected_invoice_number,
        d.replaced_by_shipment,
        d.written_off.minor if d.written_off else None,
    )


def _move_row(move: Move, actor: str, reason: str) -> tuple[Any, ...]:
    after = move.after
    return (
        after.tenant,
        after.dispute_id,
        after.moves,
        move.action,
        move.before.state,
        after.state,
        after.amount.minor,
        move.missing,
        actor,
        reason,
    )


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int, most_files: int) -> int:
    """Forget what was written in, or added to, some of the cases that ended, and the moves of such, before a day; return how much."""
    over = f"{_IS_OVER} AND coalesce(d.ended_at, d.opened_at) < %(before)s"
    asked = {"tenant": tenant, "before": before, "open": _OPEN_STATES, "most": most, "files": most_files}
    described = await tx.run(
        f"""UPDATE dispute SET description = '' WHERE tenant = %(tenant)s AND description <> '' AND dispute_id IN (
              SELECT dispute_id FROM dispute d
               WHERE tenant = %(tenant)s AND description <> '' AND opened_at < %(before)s AND {over}
               ORDER BY opened_at LIMIT %(most)s)""",  # noqa: S608 - constant text
        asked,
    )
    moved = await tx.run(
        f"""UPDATE dispute_move m SET missing = '', reason = '' FROM (
              SELECT dispute_id, nth FROM dispute_move JOIN dispute d USING (tenant, dispute_id)
               WHERE tenant = %(tenant)s AND (missing <> '' OR reason <> '') AND at < %(before)s AND {over}
               ORDER BY at LIMIT %(most)s) AS old
             WHERE m.tenant = %(tenant)s AND m.dispute_id = old.dispute_id AND m.nth = old.nth""",  # noqa: S608 - constant text
        asked,
    )
    added = await tx.run(
        f"""UPDATE evidence e SET file_name = '', content = '' FROM (
              SELECT dispute_id, evidence_id FROM evidence JOIN dispute d USING (tenant, dispute_id)
               WHERE tenant = %(tenant)s AND file_name <> '' AND added_at < %(before)s AND {over}
               ORDER BY added_at LIMIT %(files)s) AS old
             WHERE e.tenant = %(tenant)s AND e.dispute_id = old.dispute_id AND e.evidence_id = old.evidence_id""",  # noqa: S608 - constant text
        asked,
    )
    return described + moved + added


_IS_OVER = "d.state <> ALL (%(open)s::text[])"


def _entry(row: Any) -> Entry:
    return Entry(
        nth=row.nth,
        action=Action(row.action),
        from_state=State(row.from_state),
        to_state=State(row.to_state),
        actor=row.actor,
        reason=row.reason,
        at=row.at,
        missing=row.missing,
    )


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
        seller_id=row.seller_id,
        due_on=row.due_date,
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
        number=row.number,
        moves=row.moves,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        resolution=Resolution(row.resolution) if row.resolution else None,
        credit=None if row.credit_minor is None else Money(row.credit_minor, row.currency),
        credited_lines=_parts(row.line_ids, row.credited),
        credit_note_number=row.credit_note_number,
        track=Track(row.track),
        track_reason=row.track_reason,
        answer_at=row.answer_at,
        at_risk_at=row.at_risk_at,
        warned=row.warned,
        recode_by=row.recode_by,
        late_level=row.late_level,
        late_from=row.late_from,
        late_days=row.late_days,
        owner=row.owner,
        stand_in=row.stand_in,
        handoffs=row.handoffs,
        acted_at=row.acted_at,
        merged_into=row.merged_into,
        changes=row.changes,
        seller_id=row.seller_id,
        corrected_invoice_number=row.corrected_invoice_number,
        replaced_by_shipment=row.replaced_by_shipment,
        written_off=None if row.written_off_minor is None else Money(row.written_off_minor, row.currency),
        due_on=row.due_date,
    )


def _parts(line_ids: Sequence[str], quantities: Any) -> tuple[Part, ...]:
    return tuple(Part(line_id, n) for line_id, n in zip(line_ids, quantities or (), strict=True) if n)

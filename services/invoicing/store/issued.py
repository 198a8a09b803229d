"""Series, issued documents and their bytes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.errors import SerializationFailure

from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.pages import Page
from services.documents.model import VatCategory
from services.invoicing.domain.numbers import Series
from services.invoicing.domain.parties import Company, Form
from services.invoicing.domain.statements import Check, Kept, Kind, Line, Statement, VatRow, Why
from services.invoicing.store.called import Called, Place
from services.invoicing.store.columns import (
    LISTED_TENANT,
    Key,
    address_of,
    address_value,
    company_value,
    of_account,
    reference_of,
    reference_value,
)
from services.kernel.money import Money
from services.kernel.orders import Scope

_STATEMENT = """i.*, o.number AS invoice_number, d.format AS syntax, d.sha256, d.rule_set,
                coalesce(b.credited_minor, 0) AS credited_minor"""
_FROM = """i LEFT JOIN issued o ON o.tenant = i.tenant AND o.document_id = i.invoice_id
           JOIN document d ON d.tenant = i.tenant AND d.document_id = i.document_id
           LEFT JOIN invoice_balance b ON b.tenant = i.tenant AND b.invoice_id = i.document_id"""

_CALLED = Called("issued", "number", ("number", "order_id", "purchase_order"))
_ISSUED = Columns(
    """tenant text, document_id text, kind text, number text, seller_id text, fiscal_year int, series_code text,
       series_number bigint, account_id text, order_id text, shipment_id text, invoice_id text, dispute_id text,
       final boolean, issue_date date, due_date date, delivery_date date, currency text, net_minor bigint,
       tax_minor bigint, gross_minor bigint, vat jsonb, site text, cost_centre text, purchase_order text, seller jsonb,
       buyer jsonb, profile text, file_format text, language text, rounding_minor bigint, ship_to jsonb, corrects jsonb,
       credited_by jsonb, rebilled_by jsonb, why text"""
)
_LINE = Columns(
    """tenant text, document_id text, position int, line_id text, order_line_id text, invoice_line_id text, sku text,
       name text, quantity numeric, unit text, unit_price numeric, net_minor bigint, vat_category text, vat_rate numeric,
       allowance_minor bigint, is_sales_tax boolean, asset_id text, asset_on date"""
)


async def last_issue_dates(tx: Tx, sellers: Collection[Key]) -> dict[tuple[str, str, Kind], date]:
    """The day of the newest document of each seller and kind, before which none may be dated."""
    rows = await tx.rows(
        """SELECT tenant, seller_id, kind, max(last_issue_date) AS day
             FROM series JOIN unnest(%s::text[], %s::text[]) AS k (tenant, seller_id) USING (tenant, seller_id)
            GROUP BY tenant, seller_id, kind""",
        columns(sorted(sellers)),
    )
    return {(row.tenant, row.seller_id, Kind(row.kind)): row.day for row in rows}


async def take_numbers(tx: Tx, wanted: Mapping[Series, tuple[int, date]]) -> dict[Series, int]:
    """Take so many numbers of each series, for documents of that day; return the first of each.

    The rows stay locked until the transaction ends: a rollback gives the numbers back, so there is no gap. If another
    transaction has dated a document later meanwhile, this one has to be done again.
    """
    rows = await tx.rows(
        """INSERT INTO series AS s (tenant, seller_id, kind, fiscal_year, code, last, last_issue_date)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[], %s::date[])
           ON CONFLICT (tenant, seller_id, kind, fiscal_year, code) DO UPDATE
             SET last = s.last + EXCLUDED.last, last_issue_date = EXCLUDED.last_issue_date
           WHERE s.last_issue_date <= EXCLUDED.last_issue_date
           RETURNING tenant, seller_id, kind, fiscal_year, code, last""",
        columns(
            [
                (s.tenant, s.seller_id, s.kind.value, s.fiscal_year, s.code, count, day)
                for s, (count, day) in sorted(wanted.items())
            ],
            7,
        ),
    )
    if len(rows) < len(wanted):
        raise SerializationFailure("a later document of the series was issued meanwhile")
    taken = {Series(r.tenant, r.seller_id, Kind(r.kind), r.fiscal_year, r.code): r.last for r in rows}
    return {series: taken[series] - count + 1 for series, (count, _) in wanted.items()}


async def add_issued(tx: Tx, documents: Sequence[tuple[Statement, Series, int]]) -> None:
    """Write what these documents say, each with its place in its series."""
    await tx.run(
        f"INSERT INTO issued ({_ISSUED.names}) SELECT * FROM {_ISSUED.rows} AS new",  # noqa: S608 - constant columns
        [_ISSUED.pack(_issued_row(*document) for document in documents)],
    )
    await tx.run(
        f"INSERT INTO issued_line ({_LINE.names}) SELECT * FROM {_LINE.rows} AS new",  # noqa: S608
        [_LINE.pack(row for statement, _, _ in documents for row in _line_rows(statement))],
    )


async def find_issued(tx: Tx, of: Collection[Key]) -> dict[Key, Kept]:
    """These documents, by their ids."""
    rows = await tx.rows(
        f"""SELECT {_STATEMENT} FROM issued {_FROM}
             WHERE i.tenant = ANY (%s) AND i.document_id = ANY (%s)""",  # noqa: S608 - constant columns
        within(of),
    )
    return {
        kept.statement.key: kept
        for kept in await _with_lines(tx, [row for row in rows if (row.tenant, row.document_id) in of])
    }


async def credit_notes_of(tx: Tx, invoices: Collection[Key]) -> dict[Key, list[Statement]]:
    """The credit notes of these invoices, in the order of issue."""
    rows = await tx.rows(
        f"""SELECT {_STATEMENT} FROM issued {_FROM}
             WHERE i.kind = '381' AND i.tenant = ANY (%s) AND i.invoice_id = ANY (%s)
             ORDER BY i.position""",  # noqa: S608 - constant columns
        within(invoices),
    )
    notes: dict[Key, list[Statement]] = {key: [] for key in invoices}
    for kept in await _with_lines(tx, [row for row in rows if (row.tenant, row.invoice_id) in notes]):
        notes[kept.statement.tenant, kept.statement.invoice_id].append(kept.statement)
    return notes


async def invoiced_of(tx: Tx, orders: Collection[Key]) -> dict[Key, tuple[int, bool]]:
    """What was invoiced in all for these orders, gross in minor units, and whether that is all that was ordered."""
    rows = await tx.rows(
        """SELECT o.tenant, o.order_id,
                  (SELECT sum(i.gross_minor)::bigint FROM issued i
                    WHERE i.tenant = o.tenant AND i.order_id = o.order_id AND i.kind = '380'
                      AND i.corrects IS NULL) AS minor,
                  o.billed_whole OR NOT EXISTS (
                    SELECT FROM order_line l
                     WHERE l.tenant = o.tenant AND l.order_id = o.order_id AND l.shipped < l.quantity) AS is_whole
             FROM sales_order o WHERE o.tenant = ANY (%s) AND o.order_id = ANY (%s)""",
        within(orders),
    )
    return {(row.tenant, row.order_id): (row.minor or 0, row.is_whole) for row in rows}


async def get_issued(tx: Tx, tenant: str, id_or_number: str) -> Kept | None:
    """One document by its id or its number."""
    rows = await tx.rows(
        f"""WITH named AS MATERIALIZED (  -- by one index or the other, where an OR may be planned as a look at all
              SELECT document_id FROM issued WHERE tenant = %(tenant)s AND document_id = %(name)s
               UNION SELECT document_id FROM issued WHERE tenant = %(tenant)s AND number = %(name)s)
            SELECT {_STATEMENT} FROM issued {_FROM}
             WHERE i.tenant = %(tenant)s AND i.document_id = (SELECT min(document_id) FROM named)""",  # noqa: S608 - constant columns
        {"tenant": tenant, "name": id_or_number},
    )
    found = await _with_lines(tx, rows)
    return found[0] if found else None


async def list_issued(
    tx: Tx, tenant: str, page: Page, *, account_id: str, order_id: str, newest_first: bool = False
) -> list[Kept]:
    """Documents in the order of issue, or against it; empty texts: of all accounts, of all orders."""
    wanted = {column: value for column, value in (("account_id", account_id), ("order_id", order_id)) if value}
    direction, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
    only = "".join(f" AND {column} = %s" for column in wanted) + (f" AND position {beyond} %s" if page.after else "")
    tenants = "tenant" if wanted else LISTED_TENANT
    rows = await tx.rows(
        f"""SELECT {_STATEMENT}
              FROM (SELECT * FROM issued WHERE {tenants} = %s{only}
                     ORDER BY position {direction} LIMIT {page.most}) AS {_FROM}
             ORDER BY i.position {direction}""",  # noqa: S608 - constant columns
        [tenant, *wanted.values(), *(page.after or ())],
    )
    return await _with_lines(tx, rows)


async def search_issued(
    tx: Tx, tenant: str, page: Page, *, account_id: str, search: str, last_first: bool
) -> tuple[list[Kept], list[Place]]:
    """Documents whose number, order or purchase order begins so, by these names, and the places of the page."""
    numbers, places = await _CALLED.find(tx, tenant, page, account_id=account_id, begins=search, last_first=last_first)
    rows = await tx.rows(
        f"SELECT {_STATEMENT} FROM issued {_FROM} WHERE i.tenant = %s AND i.number = ANY (%s)",  # noqa: S608 - constant columns
        [tenant, numbers],
    )
    kept = {one.statement.number: one for one in await _with_lines(tx, rows)}
    return [kept[number] for number in numbers], places


async def issued_of_asset(
    tx: Tx, tenant: str, page: Page, *, asset_id: str, account_id: str
) -> tuple[list[Kept], list[Place]]:
    """Documents with a line for an asset, by their day, the newest first, and the places of the page."""
    whose = of_account("issued", "document_id") if account_id else ""
    places = await tx.rows(
        f"""SELECT DISTINCT asset_on, document_id FROM issued_line l
             WHERE tenant = %s AND asset_id = %s AND asset_id <> ''{whose}
                   {"AND (asset_on, document_id) < (%s, %s)" if page.after else ""}
             ORDER BY asset_on DESC, document_id DESC LIMIT {page.most}""",  # noqa: S608 - our own words
        [tenant, asset_id, *([account_id] if account_id else []), *(page.after or ())],
    )
    kept = await find_issued(tx, {(tenant, row.document_id) for row in places})
    return [kept[tenant, row.document_id] for row in places], [(str(row.asset_on), row.document_id) for row in places]


async def numbers_of(tx: Tx, order: Key) -> list[str]:
    """The numbers of an order's documents, in the order of issue."""
    rows = await tx.rows(
        "SELECT number FROM issued WHERE tenant = %s AND order_id = %s ORDER BY position LIMIT 1000", order
    )
    return [row.number for row in rows]


async def _with_lines(tx: Tx, rows: Sequence[Any]) -> list[Kept]:
    lines = await tx.rows(
        """SELECT * FROM issued_line WHERE tenant = ANY (%s) AND document_id = ANY (%s)
            ORDER BY tenant, document_id, position""",
        within({(row.tenant, row.document_id) for row in rows}),
    )
    by_document: dict[Key, list[Any]] = {}
    for line in lines:
        by_document.setdefault((line.tenant, line.document_id), []).append(line)
    return [
        Kept(
            statement=_statement(row, by_document.get((row.tenant, row.document_id), [])),
            check=Check(row.syntax, row.profile, row.sha256, row.rule_set),
            credited=Money(row.credited_minor, row.currency),
            position=row.position,
        )
        for row in rows
    ]


def _issued_row(statement: Statement, series: Series, nth: int) -> tuple[Any, ...]:
    return (
        *statement.key,
        statement.kind.value,
        statement.number,
        statement.seller_id,
        series.fiscal_year,
        series.code,
        nth,
        statement.account_id,
        statement.order_id,
        statement.shipment_id,
        statement.invoice_id or None,
        statement.dispute_id or None,
        statement.final,
        statement.issue_date,
        statement.due_date,
        statement.delivery_date,
        statement.gross.currency,
        statement.net.minor,
        statement.tax.minor,
        statement.gross.minor,
        [_vat_json(row) for row in statement.vat],
        statement.scope.site,
        statement.scope.cost_centre,
        statement.scope.purchase_order,
        company_value(statement.seller),
        company_value(statement.buyer),
        statement.form.profile,
        statement.form.format,
        statement.language,
        statement.rounding_minor,
        address_value(statement.ship_to),
        reference_value(statement.corrects),
        reference_value(statement.credited_by),
        reference_value(statement.rebilled_by),
        statement.why or "",
    )


def _line_rows(statement: Statement) -> list[tuple[Any, ...]]:
    return [
        (
            *statement.key,
            position,
            line.line_id,
            line.order_line_id,
            line.invoice_line_id,
            line.sku,
            line.name,
            line.quantity,
            line.unit,
            line.unit_price,
            line.net.minor,
            line.vat_category.value,
            line.vat_rate,
            line.allowance_minor,
            line.is_sales_tax,
            line.asset_id,
            statement.issue_date if line.asset_id else None,
        )
        for position, line in enumerate(statement.lines)
    ]


def _vat_json(row: VatRow) -> dict[str, Any]:
    return {
        "category": row.category.value,
        "rate": None if row.rate is None else f"{row.rate:f}",
        "taxable_minor": row.taxable.minor,
        "tax_minor": row.tax.minor,
        "exemption_code": row.exemption_code,
        "exemption_text": row.exemption_text,
    }


def _statement(row: Any, lines: Sequence[Any]) -> Statement:
    return Statement(
        tenant=row.tenant,
        document_id=row.document_id,
        kind=Kind(row.kind),
        number=row.number,
        seller_id=row.seller_id,
        account_id=row.account_id,
        order_id=row.order_id,
        shipment_id=row.shipment_id,
        invoice_id=row.invoice_id or "",
        invoice_number=row.invoice_number or "",
        dispute_id=row.dispute_id or "",
        final=row.final,
        issue_date=row.issue_date,
        due_date=row.due_date,
        delivery_date=row.delivery_date,
        net=Money(row.net_minor, row.currency),
        tax=Money(row.tax_minor, row.currency),
        gross=Money(row.gross_minor, row.currency),
        lines=tuple(_line(line, row.currency) for line in lines),
        vat=tuple(_vat_row(value, row.currency) for value in row.vat),
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        seller=Company(**row.seller),
        buyer=Company(**row.buyer),
        form=Form(row.profile, row.file_format),
        language=row.language,
        rounding_minor=row.rounding_minor,
        ship_to=address_of(row.ship_to),
        corrects=reference_of(row.corrects),
        credited_by=reference_of(row.credited_by),
        rebilled_by=reference_of(row.rebilled_by),
        why=Why(row.why) if row.why else None,
    )


def _line(row: Any, currency: str) -> Line:
    return Line(
        line_id=row.line_id,
        order_line_id=row.order_line_id,
        invoice_line_id=row.invoice_line_id,
        sku=row.sku,
        name=row.name,
        quantity=row.quantity,
        unit=row.unit,
        unit_price=row.unit_price,
        net=Money(row.net_minor, currency),
        vat_category=VatCategory(row.vat_category),
        vat_rate=row.vat_rate,
        allowance_minor=row.allowance_minor,
        is_sales_tax=row.is_sales_tax,
        asset_id=row.asset_id,
    )


def _vat_row(value: Mapping[str, Any], currency: str) -> VatRow:
    return VatRow(
        category=VatCategory(value["category"]),
        rate=None if value["rate"] is None else Decimal(value["rate"]),
        taxable=Money(value["taxable_minor"], currency),
        tax=Money(value["tax_minor"], currency),
        exemption_code=value["exemption_code"],
        exemption_text=value["exemption_text"],
    )

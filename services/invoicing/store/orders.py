"""Orders, and what shipped of them."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from psycopg.errors import SerializationFailure

from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.pages import Page
from services.invoicing.domain.orders import ZERO, KeptOrder, Replacement, Shipment, Shown, State
from services.invoicing.store.called import Called, Place
from services.invoicing.store.columns import (
    LISTED_TENANT,
    Key,
    address_of,
    address_value,
    of_account,
    pairs_json,
    pairs_of,
)
from services.kernel.money import Money
from services.kernel.orders import LineKind, Order, OrderLine, Scope

ShipmentKey = tuple[str, str, str]  # tenant, order, shipment

_ORDER = Columns(
    """tenant text, order_id text, version int, account_id text, state text, billed_whole boolean, placed_on date,
       promised_ship_on date, currency text, net_minor bigint, tax_minor bigint, gross_minor bigint, site text,
       cost_centre text, purchase_order text, seller_id text, ship_to jsonb, requested_by text, issuer text,
       awaits_decision boolean"""
)
_LINE = Columns(
    """tenant text, order_id text, line_id text, position int, sku text, name text, quantity numeric, unit text,
       unit_price numeric, net_minor bigint, tax_class text, kind text, category text, vat_rate numeric,
       asset_id text, asset_on date"""
)
_PROGRESS = Columns(
    "tenant text, order_id text, state text, billed_whole boolean, issuer text, awaits_decision boolean"
)
_SHIPPED = Columns("tenant text, order_id text, line_id text, shipped numeric")
_SHIPMENT = Columns(
    """tenant text, order_id text, shipment_id text, shipped_on date, final boolean, quantities jsonb, before jsonb,
       ship_to jsonb, dispute_id text"""
)
_REPLACEMENT = Columns(
    """tenant text, dispute_id text, invoice_id text, account_id text, order_id text, quantities jsonb,
       shipment_id text"""
)
_CALLED = Called("sales_order", "order_id", ("order_id", "purchase_order"))
# When an order was heard of, as the indexes have it by which orders are listed (0011_orders_listed.sql).
_KNOWN_AT = "coalesce(known_at, placed_on::timestamp AT TIME ZONE 'UTC')"
_REFUSED = Columns("tenant text, order_id text, version int, code text")


async def lock_orders(tx: Tx, of: Collection[Key]) -> dict[Key, KeptOrder]:
    """Hold these orders until the transaction ends, in one order everywhere, and return those that are known."""
    return await _orders(tx, of, "FOR UPDATE OF o")


async def find_orders(tx: Tx, of: Collection[Key]) -> dict[Key, KeptOrder]:
    """These orders, as far as they are known."""
    return await _orders(tx, of, "")


async def get_order(tx: Tx, key: Key) -> Shown | None:
    """An order as it stands."""
    row = await tx.row(
        f"SELECT *, {_KNOWN_AT} AS heard_at FROM sales_order WHERE tenant = %s AND order_id = %s",  # noqa: S608 - our own words
        key,
    )
    if row is None:
        return None
    lines = await tx.rows("SELECT * FROM order_line WHERE tenant = %s AND order_id = %s ORDER BY position", key)
    return Shown(_kept(row, lines), row.heard_at, all(line.shipped == line.quantity for line in lines))


async def list_orders(tx: Tx, tenant: str, page: Page, *, account_id: str) -> list[Shown]:
    """Orders without their lines, the newest first; of all accounts where none is named."""
    whose = "tenant = %s AND account_id = %s" if account_id else f"{LISTED_TENANT} = %s"
    after = f" AND ({_KNOWN_AT}, order_id) < (%s, %s)" if page.after else ""
    return await _shown(
        tx,
        f"{whose}{after} ORDER BY {_KNOWN_AT} DESC, order_id DESC LIMIT {page.most}",
        [tenant, *([account_id] if account_id else []), *(page.after or ())],
    )


async def search_orders(
    tx: Tx, tenant: str, page: Page, *, account_id: str, search: str
) -> tuple[list[Shown], list[Place]]:
    """Orders whose id or purchase order begins so, by these names, the last first, and the places of the page."""
    ids, places = await _CALLED.find(tx, tenant, page, account_id=account_id, begins=search, last_first=True)
    found = await _shown(tx, "tenant = %s AND order_id = ANY (%s)", [tenant, ids])
    by_id = {one.kept.order.order_id: one for one in found}
    return [by_id[order_id] for order_id in ids], places


async def orders_of_asset(
    tx: Tx, tenant: str, page: Page, *, asset_id: str, account_id: str
) -> tuple[list[Shown], list[Place]]:
    """Orders with a line for an asset, by their day, the newest first, and the places of the page."""
    whose = of_account("sales_order", "order_id") if account_id else ""
    places = await tx.rows(
        f"""SELECT DISTINCT asset_on, order_id FROM order_line l
             WHERE tenant = %s AND asset_id = %s AND asset_id <> ''{whose}
                   {"AND (asset_on, order_id) < (%s, %s)" if page.after else ""}
             ORDER BY asset_on DESC, order_id DESC LIMIT {page.most}""",  # noqa: S608 - our own words
        [tenant, asset_id, *([account_id] if account_id else []), *(page.after or ())],
    )
    found = await _shown(tx, "tenant = %s AND order_id = ANY (%s)", [tenant, [row.order_id for row in places]])
    by_id = {one.kept.order.order_id: one for one in found}
    return [by_id[row.order_id] for row in places], [(str(row.asset_on), row.order_id) for row in places]


async def _shown(tx: Tx, which: str, values: Sequence[Any]) -> list[Shown]:
    rows = await tx.rows(
        f"""SELECT o.*, o.state = 'SHIPPING' AND NOT EXISTS (
                     SELECT FROM order_line l
                      WHERE l.tenant = o.tenant AND l.order_id = o.order_id AND l.shipped < l.quantity) AS is_whole
              FROM (SELECT *, {_KNOWN_AT} AS heard_at FROM sales_order WHERE {which}) AS o
             ORDER BY o.heard_at DESC, o.order_id DESC""",  # noqa: S608 - our own words
        values,
    )
    return [Shown(_kept(row, []), row.heard_at, row.is_whole) for row in rows]


async def lock_complete(tx: Tx, of: Collection[Key]) -> tuple[set[Key], dict[Key, int]]:
    """Hold these orders until the transaction ends; those of which no further shipment can come, and how often prices of each were corrected."""
    held = await tx.rows(
        """SELECT tenant, order_id, price_corrections FROM sales_order WHERE tenant = ANY (%s) AND order_id = ANY (%s)
            ORDER BY tenant, order_id FOR UPDATE""",
        within(of),
    )
    rows = await tx.rows(
        """SELECT o.tenant, o.order_id
             FROM sales_order o
            WHERE o.tenant = ANY (%s) AND o.order_id = ANY (%s)
              AND (o.billed_whole OR o.state IN ('CLOSED', 'CANCELLED')
                   OR NOT EXISTS (SELECT FROM order_line l
                                   WHERE l.tenant = o.tenant AND l.order_id = o.order_id AND l.shipped < l.quantity))""",
        within(of),
    )
    corrections = {(row.tenant, row.order_id): row.price_corrections for row in held}
    return {(row.tenant, row.order_id) for row in rows}, corrections


async def _orders(tx: Tx, of: Collection[Key], lock: str) -> dict[Key, KeptOrder]:
    orders = await tx.rows(
        f"""SELECT o.* FROM sales_order o WHERE tenant = ANY (%s) AND order_id = ANY (%s)
             ORDER BY tenant, order_id {lock}""",  # noqa: S608 - our own words
        within(of),
    )
    orders = [row for row in orders if (row.tenant, row.order_id) in of]
    lines = await tx.rows(
        "SELECT * FROM order_line WHERE tenant = ANY (%s) AND order_id = ANY (%s) ORDER BY tenant, order_id, position",
        within({(row.tenant, row.order_id) for row in orders}),
    )
    by_order: dict[Key, list[Any]] = {}
    for line in lines:
        by_order.setdefault((line.tenant, line.order_id), []).append(line)
    return {(row.tenant, row.order_id): _kept(row, by_order[row.tenant, row.order_id]) for row in orders}


async def keep_orders(tx: Tx, orders: Sequence[KeptOrder]) -> None:
    """Write new orders and new versions, lines included."""
    of = {order.key for order in orders}
    written = await tx.run(
        f"""INSERT INTO sales_order ({_ORDER.names}, known_at) SELECT new.*, %s FROM {_ORDER.rows} AS new
           ON CONFLICT (tenant, order_id) DO UPDATE
             SET version = EXCLUDED.version, state = EXCLUDED.state, placed_on = EXCLUDED.placed_on,
                 promised_ship_on = EXCLUDED.promised_ship_on, currency = EXCLUDED.currency,
                 net_minor = EXCLUDED.net_minor, tax_minor = EXCLUDED.tax_minor, gross_minor = EXCLUDED.gross_minor,
                 site = EXCLUDED.site, cost_centre = EXCLUDED.cost_centre, purchase_order = EXCLUDED.purchase_order,
                 seller_id = EXCLUDED.seller_id, ship_to = EXCLUDED.ship_to, requested_by = EXCLUDED.requested_by,
                 issuer = EXCLUDED.issuer, awaits_decision = EXCLUDED.awaits_decision
           WHERE sales_order.version < EXCLUDED.version AND sales_order.account_id = EXCLUDED.account_id""",  # noqa: S608 - constant columns
        [tx.at, _ORDER.pack(_order_row(kept) for kept in orders)],
    )
    # Another account's order of the same id may have come between our look and this: tried again, it is refused.
    if written != len(orders):
        raise SerializationFailure("an order was kept by somebody else meanwhile")
    await tx.run(
        """DELETE FROM order_line WHERE tenant = ANY (%s) AND order_id = ANY (%s)
                                    AND (tenant, order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        [*within(of), *columns(sorted(of))],
    )
    await tx.run(
        f"INSERT INTO order_line ({_LINE.names}) SELECT * FROM {_LINE.rows} AS new",  # noqa: S608
        [_LINE.pack(row for kept in orders for row in _line_rows(kept))],
    )


async def save_progress(tx: Tx, orders: Sequence[KeptOrder]) -> None:
    """Write how far these orders have come; the table refuses more shipped than ordered."""
    of = within({kept.key for kept in orders})
    await tx.run(
        f"""UPDATE sales_order o SET state = k.state, billed_whole = k.billed_whole, issuer = k.issuer,
                                    awaits_decision = k.awaits_decision FROM {_PROGRESS.rows} AS k
             WHERE o.tenant = k.tenant AND o.order_id = k.order_id AND o.tenant = ANY (%s) AND o.order_id = ANY (%s)""",  # noqa: S608 - constant columns
        [
            _PROGRESS.pack(
                (*kept.key, kept.state.value, kept.billed_whole, kept.issuer, kept.awaits_decision) for kept in orders
            ),
            *of,
        ],
    )
    shipped = [(*kept.key, line_id, quantity) for kept in orders for line_id, quantity in kept.shipped.items()]
    await tx.run(
        f"""UPDATE order_line l SET shipped = k.shipped FROM {_SHIPPED.rows} AS k
             WHERE l.tenant = k.tenant AND l.order_id = k.order_id AND l.line_id = k.line_id
               AND l.tenant = ANY (%s) AND l.order_id = ANY (%s)""",  # noqa: S608
        [_SHIPPED.pack(shipped), *of],
    )


async def correct_prices(tx: Tx, key: Key, prices: Sequence[tuple[str, Decimal]]) -> None:
    """Have lines of an order cost this from now on. Lock it before."""
    await tx.run(
        """UPDATE order_line l SET corrected_price = k.price FROM unnest(%s::text[], %s::numeric[]) AS k (line_id, price)
            WHERE l.tenant = %s AND l.order_id = %s AND l.line_id = k.line_id""",
        [[line_id for line_id, _ in prices], [price for _, price in prices], *key],
    )
    await tx.run(
        "UPDATE sales_order SET price_corrections = price_corrections + 1 WHERE tenant = %s AND order_id = %s", key
    )


async def add_replacements(tx: Tx, replacements: Sequence[Replacement]) -> None:
    """Record what cases ended in sending again; what is recorded stays."""
    await tx.run(
        f"""INSERT INTO replacement ({_REPLACEMENT.names}) SELECT * FROM {_REPLACEMENT.rows} AS new
            ON CONFLICT DO NOTHING""",  # noqa: S608 - constant columns
        [
            _REPLACEMENT.pack(
                (
                    r.tenant,
                    r.dispute_id,
                    r.invoice_id,
                    r.account_id,
                    r.order_id,
                    pairs_json(r.quantities),
                    r.shipment_id,
                )
                for r in replacements
            )
        ],
    )


async def lock_replacements(tx: Tx, disputes: Collection[Key]) -> dict[Key, Replacement]:
    """Hold what these cases ended in sending again until the transaction ends."""
    rows = await tx.rows(
        """SELECT * FROM replacement WHERE tenant = ANY (%s) AND dispute_id = ANY (%s)
            ORDER BY tenant, dispute_id FOR UPDATE""",
        within(disputes),
    )
    return {
        key: Replacement(*key, row.invoice_id, row.account_id, row.order_id, pairs_of(row.quantities), row.shipment_id)
        for row in rows
        if (key := (row.tenant, row.dispute_id)) in disputes
    }


async def save_replaced(tx: Tx, replaced: Sequence[Replacement]) -> None:
    """Write which shipments were sent for these cases."""
    await tx.run(
        """UPDATE replacement r SET shipment_id = k.shipment_id
             FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (tenant, dispute_id, shipment_id)
            WHERE r.tenant = k.tenant AND r.dispute_id = k.dispute_id""",
        columns([(r.tenant, r.dispute_id, r.shipment_id) for r in replaced], 3),
    )


async def find_shipments(tx: Tx, of: Collection[ShipmentKey]) -> dict[ShipmentKey, Shipment]:
    """What was told of these shipments before."""
    orders = within({(tenant, order_id) for tenant, order_id, _ in of})
    rows = await tx.rows(
        """SELECT s.*, o.account_id FROM shipment s JOIN sales_order o USING (tenant, order_id)
            WHERE s.tenant = ANY (%s) AND s.order_id = ANY (%s) AND s.shipment_id = ANY (%s)
              AND o.tenant = ANY (%s) AND o.order_id = ANY (%s)""",
        [*orders, sorted({shipment_id for *_, shipment_id in of}), *orders],
    )
    return {key: _shipment(row) for row in rows if (key := (row.tenant, row.order_id, row.shipment_id)) in of}


async def shipments_of(tx: Tx, orders: Collection[Key]) -> dict[Key, list[Shipment]]:
    """All that shipped of these orders, by day; what was sent again is of a case."""
    rows = await tx.rows(
        """SELECT s.*, o.account_id FROM shipment s JOIN sales_order o USING (tenant, order_id)
            WHERE s.tenant = ANY (%s) AND s.order_id = ANY (%s) AND s.dispute_id = ''
            ORDER BY s.shipped_on, s.shipment_id""",
        within(orders),
    )
    found: dict[Key, list[Shipment]] = {key: [] for key in orders}
    for row in rows:
        if (key := (row.tenant, row.order_id)) in found:
            found[key].append(_shipment(row))
    return found


async def count_shipments(tx: Tx, orders: Collection[Key]) -> dict[Key, int]:
    """In how many parts these orders have shipped."""
    rows = await tx.rows(
        """SELECT tenant, order_id, count(*) AS n FROM shipment
            WHERE tenant = ANY (%s) AND order_id = ANY (%s) GROUP BY tenant, order_id""",
        within(orders),
    )
    return {key: row.n for row in rows if (key := (row.tenant, row.order_id)) in orders}


async def find_billed(tx: Tx, orders: Collection[Key]) -> set[ShipmentKey]:
    """The shipments of these orders that are invoiced, or whose invoices are drafted; an empty one is the whole order."""
    rows = await tx.rows(
        """SELECT tenant, order_id, shipment_id FROM issued
            WHERE kind = '380' AND tenant = ANY (%(tenants)s) AND order_id = ANY (%(orders)s)
           UNION SELECT tenant, order_id, shipment_id FROM held
            WHERE kind = '380' AND tenant = ANY (%(tenants)s) AND order_id = ANY (%(orders)s)""",
        dict(zip(("tenants", "orders"), within(orders), strict=True)),
    )
    return {key for row in rows if (key := (row.tenant, row.order_id, row.shipment_id))[:2] in orders}


async def find_awaiting(tx: Tx, orders: Collection[Key]) -> set[Key]:
    """Those of these orders that are to be billed whole as soon as they are approved."""
    rows = await tx.rows(
        "SELECT tenant, order_id FROM sales_order WHERE awaits_decision AND tenant = ANY (%s) AND order_id = ANY (%s)",
        within(orders),
    )
    return {(row.tenant, row.order_id) for row in rows} & set(orders)


async def add_refused(tx: Tx, key: Key, version: int, code: str) -> bool:
    """Remember that an order was refused, if no version of it stands; return whether it does not."""
    written = await tx.run(
        f"""INSERT INTO refused_order ({_REFUSED.names}) SELECT * FROM {_REFUSED.rows} AS new
             WHERE NOT EXISTS (SELECT FROM sales_order o WHERE o.tenant = new.tenant AND o.order_id = new.order_id)
           ON CONFLICT (tenant, order_id) DO UPDATE SET version = EXCLUDED.version, code = EXCLUDED.code""",  # noqa: S608 - constant columns
        [_REFUSED.pack([(*key, version, code)])],
    )
    return bool(written)


async def find_refused(tx: Tx, orders: Collection[Key]) -> dict[Key, tuple[int, str]]:
    """Up to which version these orders were refused, where they were, and why."""
    rows = await tx.rows("SELECT * FROM refused_order WHERE tenant = ANY (%s) AND order_id = ANY (%s)", within(orders))
    return {key: (row.version, row.code) for row in rows if (key := (row.tenant, row.order_id)) in orders}


async def forget_refused(tx: Tx, orders: Collection[Key]) -> set[Key]:
    """These orders stand now; return those that were refused before."""
    rows = await tx.rows(
        """DELETE FROM refused_order WHERE tenant = ANY (%s) AND order_id = ANY (%s)
                AND (tenant, order_id) IN (SELECT * FROM unnest(%s::text[], %s::text[])) RETURNING tenant, order_id""",
        [*within(orders), *columns(sorted(orders))],
    )
    return {(row.tenant, row.order_id) for row in rows}


async def add_shipments(tx: Tx, shipments: Sequence[tuple[str, Shipment]]) -> None:
    """Record shipments, each with its tenant."""
    await tx.run(
        f"INSERT INTO shipment ({_SHIPMENT.names}) SELECT * FROM {_SHIPMENT.rows} AS new",  # noqa: S608
        [
            _SHIPMENT.pack(
                (
                    tenant,
                    told.order_id,
                    told.shipment_id,
                    told.shipped_on,
                    told.final,
                    pairs_json(told.quantities),
                    pairs_json(told.before),
                    address_value(told.ship_to),
                    told.dispute_id,
                )
                for tenant, told in shipments
            )
        ],
    )


def _order_row(kept: KeptOrder) -> tuple[Any, ...]:
    order = kept.order
    return (
        *kept.key,
        order.version,
        order.account_id,
        kept.state.value,
        kept.billed_whole,
        order.placed_on,
        order.promised_ship_on,
        order.gross.currency,
        order.net.minor,
        order.tax.minor,
        order.gross.minor,
        order.scope.site,
        order.scope.cost_centre,
        order.scope.purchase_order,
        order.seller_id,
        address_value(order.ship_to),
        order.requested_by,
        kept.issuer,
        kept.awaits_decision,
    )


def _line_rows(kept: KeptOrder) -> list[tuple[Any, ...]]:
    return [
        (
            *kept.key,
            line.line_id,
            position,
            line.sku,
            line.name,
            line.quantity,
            line.unit,
            line.unit_price,
            line.net.minor,
            line.tax_class,
            line.kind,
            line.category,
            line.vat_rate,
            line.asset_id,
            kept.order.placed_on if line.asset_id else None,
        )
        for position, line in enumerate(kept.order.lines)
    ]


def _kept(row: Any, lines: Sequence[Any]) -> KeptOrder:
    order = Order(
        order_id=row.order_id,
        version=row.version,
        account_id=row.account_id,
        placed_on=row.placed_on,
        promised_ship_on=row.promised_ship_on,
        lines=tuple(
            OrderLine(
                line_id=line.line_id,
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit=line.unit,
                unit_price=line.unit_price,
                net=Money(line.net_minor, row.currency),
                tax_class=line.tax_class,
                kind=LineKind(line.kind),
                category=line.category,
                vat_rate=line.vat_rate,
                asset_id=line.asset_id,
            )
            for line in lines
        ),
        net=Money(row.net_minor, row.currency),
        tax=Money(row.tax_minor, row.currency),
        gross=Money(row.gross_minor, row.currency),
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        seller_id=row.seller_id,
        ship_to=address_of(row.ship_to),
        requested_by=row.requested_by,
    )
    shipped = {line.line_id: line.shipped for line in lines if line.shipped != ZERO}
    return KeptOrder(
        row.tenant,
        order,
        State(row.state),
        billed_whole=row.billed_whole,
        shipped=shipped,
        issuer=row.issuer,
        awaits_decision=row.awaits_decision,
        prices={line.line_id: line.corrected_price for line in lines if line.corrected_price is not None},
        price_corrections=row.price_corrections,
    )


def _shipment(row: Any) -> Shipment:
    return Shipment(
        order_id=row.order_id,
        shipment_id=row.shipment_id,
        account_id=row.account_id,
        shipped_on=row.shipped_on,
        quantities=pairs_of(row.quantities),
        final=row.final,
        before=pairs_of(row.before),
        ship_to=address_of(row.ship_to),
        dispute_id=row.dispute_id,
    )

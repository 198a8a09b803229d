"""What arrived of orders."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.invoicing.domain.receipts import Arrived, Receipt
from services.invoicing.store.columns import Key

_RECEIPT = Columns(
    """tenant text, order_id text, receipt_id text, shipment_id text, received_on date, arrived jsonb, received_by text,
       photo_sha256s jsonb"""
)


async def receipts_of(tx: Tx, orders: Collection[Key]) -> dict[Key, list[Receipt]]:
    """All receipts of these orders, by day."""
    rows = await tx.rows(
        """SELECT r.*, o.account_id FROM receipt r JOIN sales_order o USING (tenant, order_id)
            WHERE r.tenant = ANY (%s) AND r.order_id = ANY (%s) ORDER BY r.received_on, r.receipt_id""",
        within(orders),
    )
    found: dict[Key, list[Receipt]] = {key: [] for key in orders}
    for row in rows:
        if (key := (row.tenant, row.order_id)) in found:
            found[key].append(_receipt(row))
    return found


async def add_receipts(tx: Tx, receipts: Sequence[tuple[str, Receipt]]) -> None:
    """Record receipts, each with its tenant."""
    await tx.run(
        f"INSERT INTO receipt ({_RECEIPT.names}) SELECT * FROM {_RECEIPT.rows} AS new",  # noqa: S608 - constant columns
        [_RECEIPT.pack(_row(tenant, told) for tenant, told in receipts)],
    )


def _row(tenant: str, told: Receipt) -> tuple[Any, ...]:
    return (
        tenant,
        told.order_id,
        told.receipt_id,
        told.shipment_id,
        told.received_on,
        [[one.line_id, f"{one.good:f}", f"{one.damaged:f}"] for one in told.arrived],
        told.received_by,
        list(told.photo_sha256s),
    )


def _receipt(row: Any) -> Receipt:
    return Receipt(
        order_id=row.order_id,
        receipt_id=row.receipt_id,
        account_id=row.account_id,
        shipment_id=row.shipment_id,
        received_on=row.received_on,
        arrived=tuple(Arrived(line_id, Decimal(good), Decimal(damaged)) for line_id, good, damaged in row.arrived),
        received_by=row.received_by,
        photo_sha256s=tuple(row.photo_sha256s),
    )

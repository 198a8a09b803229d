"""What the shop and others tell the toy, and what a test sees of it."""

from typing import Any

from receivables.common.v1 import party_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Database
from services.chassis.envelope import Record
from tests.records import a_record


def placed(
    order: str = "o1", *, version: int = 1, site: str = "", after: str = "", account: str = "b1", **how: Any
) -> Record:
    """An order; `site` is how it misbehaves, `after` the subject that must be known before it."""
    body = orders_pb2.OrderPlaced(
        order_id=order, version=version, account_id=account, scope=party_pb2.Scope(site=site, cost_centre=after)
    )
    return a_record(body, account=account, subject=f"order/{order}", **how)


def shipped(order: str = "o1", shipment: str = "s1", *, account: str = "b1", **how: Any) -> Record:
    """A shipment, which waits for its order."""
    body = orders_pb2.OrderShipped(order_id=order, shipment_id=shipment, account_id=account)
    return a_record(body, account=account, subject=f"order/{order}", **how)


def cancelled(order: str = "o1", *, account: str = "b1", **how: Any) -> Record:
    """A cancellation, which the toy refuses."""
    body = orders_pb2.OrderCancelled(order_id=order, account_id=account)
    return a_record(body, account=account, subject=f"order/{order}", **how)


def issued(invoice: str = "i1", *, account: str = "b1", **how: Any) -> Record:
    """An invoice, for which orders may wait."""
    return a_record(invoicing_pb2.InvoiceIssued(), account=account, subject=f"invoice/{invoice}", **how)


async def effects(database: Database, tenant: str = "acme") -> list[str]:
    """What was done for a tenant, in order: "o1/1 placed"."""
    async with database.transaction([tenant]) as tx:
        rows = await tx.rows("SELECT order_id, version, what FROM effect ORDER BY id")
    return [f"{row.order_id}/{row.version} {row.what}" for row in rows]


async def told(database: Database) -> list[str]:
    """What was announced and not yet published, in order: "CreditDecided order/o1 1"."""
    async with database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers FROM outbox ORDER BY id")
    return [
        f"{row.headers['ce_type'].rsplit('.', 1)[1]} {row.headers['ce_subject']} {row.headers['ce_sequence']}"
        for row in rows
    ]


async def waiting(database: Database) -> list[str]:
    """What is parked and open, in order: "early order/o1"."""
    async with database.transaction(()) as tx:
        rows = await tx.rows("SELECT reason, subject FROM parked WHERE closed_at IS NULL ORDER BY id")
    return [f"{row.reason} {row.subject}" for row in rows]


async def codes(database: Database) -> list[str]:
    """The codes of what is parked and open."""
    async with database.transaction(()) as tx:
        rows = await tx.rows("SELECT code FROM parked WHERE closed_at IS NULL ORDER BY id")
    return [row.code for row in rows]

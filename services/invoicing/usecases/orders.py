"""Orders as they are placed, shipped, approved and cancelled, and the invoices that come of it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.invoicing import store, wire
from services.invoicing.domain import orders as rules
from services.invoicing.domain.drafts import check_taxable
from services.invoicing.domain.ordered import RATE_UNKNOWN
from services.invoicing.domain.orders import KeptOrder, Shipment
from services.invoicing.domain.parties import NO_CONTRACT, InvoiceOn
from services.invoicing.usecases import issuing
from services.invoicing.usecases.desk import Key, open_desk
from services.kernel.refusals import Conflict, Early, Refusal

_OURS = ("tax.", RATE_UNKNOWN)  # why an order is refused here alone: credit has no tables of rates


async def keep(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Keep orders; a new version replaces the one before as long as nothing is invoiced or shipped."""
    told = [(event.tenant, wire.order(event)) for event in events]
    known = await store.lock_orders(tx, {(tenant, order.order_id) for tenant, order in told})
    changed: dict[Key, KeptOrder] = {}
    for tenant, order in told:
        key = (tenant, order.order_id)
        if (kept := rules.keep(known.get(key), tenant, order)) is not None:
            known[key] = changed[key] = kept
    await _check_rates(tx, list(changed.values()))
    if changed:
        await store.keep_orders(tx, list(changed.values()))


async def _check_rates(tx: Tx, orders: Sequence[KeptOrder]) -> None:
    """Refuse at the door what was ordered at a rate that is not to be had, where seller and buyer are known already."""
    said = [kept for kept in orders if any(line.vat_rate is not None for line in kept.order.lines)]
    if not said:
        return
    desk = await open_desk(tx, {(kept.tenant, kept.order.account_id) for kept in said})
    for kept in said:
        with suppress(Early, Conflict):  # what is not known yet, or does not fit, is told when it ships
            check_taxable(desk.supply(kept, None))


async def ship(tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
    """Record shipments, each whole or not at all, and have one invoice issued for each."""
    told = [(event, wire.shipment(event)) for event in events]
    orders = await store.lock_orders(tx, {(event.tenant, shipment.order_id) for event, shipment in told})
    known = await store.find_shipments(tx, {(e.tenant, s.order_id, s.shipment_id) for e, s in told})
    new: list[tuple[Origin, Key, Shipment]] = []
    for event, shipment in told:
        key = (event.tenant, shipment.order_id)
        if key not in orders:
            raise Early(f"order/{shipment.order_id}")
        earlier = known.setdefault((*key, shipment.shipment_id), shipment)
        if earlier is not shipment:
            if earlier != shipment:
                raise Conflict("shipment.id_reused", "this shipment came before with other content")
            continue
        orders[key] = rules.ship(orders[key], shipment)
        new.append((event.origin, key, shipment))
    if not new:
        return
    desk = await open_desk(tx, {(key[0], orders[key].order.account_id) for _, key, _ in new})
    to_invoice = [(origin, orders[key], shipment) for origin, key, shipment in new if not orders[key].billed_whole]
    for _, kept, shipment in to_invoice:
        check_taxable(desk.supply(kept, shipment))
    await store.add_shipments(tx, [(key[0], shipment) for _, key, shipment in new])
    await store.save_progress(tx, [orders[key] for key in {key: None for _, key, _ in new}])
    await issuing.to_invoice(tx, to_invoice)


async def approve(tx: Tx, events: Sequence[Event[credit_pb2.CreditDecided]]) -> None:
    """Have approved orders invoiced whole where the buyer's contract says so; the others wait for their shipments."""
    approved = [event for event in events if event.body.outcome == credit_pb2.OUTCOME_APPROVED]
    contracts = await store.find_contracts(tx, {(event.tenant, event.body.account_id) for event in approved})
    meant = [
        event
        for event in approved
        if contracts.get((event.tenant, event.body.account_id), NO_CONTRACT).invoice_on is InvoiceOn.APPROVAL
    ]
    if not meant:
        return
    orders = await store.lock_orders(tx, {(event.tenant, event.body.order_id) for event in meant})
    billed: list[tuple[Origin, KeptOrder]] = []
    for event in meant:
        key = (event.tenant, event.body.order_id)
        if key not in orders or orders[key].order.version < event.body.version:
            raise Early(f"order/{event.body.order_id}")
        if orders[key].order.version > event.body.version:
            continue  # a newer version stands, which has a decision of its own
        if (kept := rules.bill_whole(orders[key])) is not None:
            orders[key] = kept
            billed.append((event.origin, kept))
    if not billed:
        return
    desk = await open_desk(tx, {(kept.tenant, kept.order.account_id) for _, kept in billed})
    for _, kept in billed:
        check_taxable(desk.supply(kept, None))
    await store.save_progress(tx, [kept for _, kept in billed])
    await issuing.to_invoice(tx, [(origin, kept, None) for origin, kept in billed])


async def cancel(tx: Tx, events: Sequence[Event[orders_pb2.OrderCancelled]]) -> None:
    """Take no further shipment of these orders; what is invoiced stands."""
    orders = await store.lock_orders(tx, {(event.tenant, event.body.order_id) for event in events})
    for event in events:
        key = (event.tenant, event.body.order_id)
        if key not in orders:
            raise Early(f"order/{event.body.order_id}")
        orders[key] = rules.cancel(orders[key])
    await store.save_progress(tx, list(orders.values()))


async def tell_refused(tx: Tx, event: Event[Any], refusal: Refusal) -> None:
    """Tell the seller what cannot be invoiced or credited; of refused orders credit tells, but for their taxes."""
    if isinstance(event.body, disputes_pb2.DisputeResolved):
        refused = wire.credit_note_refused(event, refusal)
        await outbox.add(tx, [Announcement(event.origin, event.account_id, event.subject, refused)])
        return
    is_order = isinstance(event.body, orders_pb2.OrderPlaced) and refusal.code.startswith(_OURS)
    if not is_order and not isinstance(event.body, orders_pb2.OrderShipped):
        return
    message = events_pb2.ShipmentRefused(
        order_id=event.body.order_id,
        shipment_id="" if is_order else event.body.shipment_id,
        account_id=event.account_id,
        code=refusal.code,
        message=refusal.message,
    )
    await outbox.add(tx, [Announcement(event.origin, event.account_id, f"order/{event.body.order_id}", message)])

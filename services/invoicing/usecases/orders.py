"""Orders as they are placed, shipped, approved and cancelled, and the invoices that come of it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox, parked
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, topic_of
from services.chassis.outbox import Announcement
from services.invoicing import store, wire
from services.invoicing.domain import orders as rules
from services.invoicing.domain.drafts import check_taxable
from services.invoicing.domain.ordered import RATE_UNKNOWN
from services.invoicing.domain.orders import KeptOrder, Replacement, Shipment
from services.invoicing.domain.parties import NO_CONTRACT, Contract, InvoiceOn
from services.invoicing.usecases import issuing
from services.invoicing.usecases.desk import Desk, Key, issuers_of, open_desk
from services.kernel.orders import check_shipments
from services.kernel.refusals import Conflict, Early, Refusal, quoted

ORDER_REFUSED = "order.refused"
# Decisions after which none follows of the same version, but for a person's.
_FINAL = (credit_pb2.OUTCOME_APPROVED, credit_pb2.OUTCOME_DECLINED)
# Why an order is refused here alone: credit has no tables of rates, and knows no sellers.
_OURS = ("tax.", RATE_UNKNOWN, "order.seller_missing")


async def keep(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Keep orders; a new version replaces the one before as long as nothing is invoiced or shipped."""
    told = [(event.tenant, wire.order(event)) for event in events]
    keys = {(tenant, order.order_id) for tenant, order in told}
    known = await store.lock_orders(tx, keys)
    only = await store.only_sellers(tx, {tenant for tenant, _ in told})
    contracts = await store.find_contracts(tx, {(tenant, order.account_id) for tenant, order in told})
    changed: dict[Key, KeptOrder] = {}
    for tenant, order in told:
        key = (tenant, order.order_id)
        on_approval = _is_on_approval(contracts, (tenant, order.account_id))
        kept = rules.keep(known.get(key), tenant, order, only=only.get(tenant), on_approval=on_approval)
        if kept is not None:
            known[key] = changed[key] = kept
    await check_rates(tx, list(changed.values()))
    if changed:
        await store.keep_orders(tx, list(changed.values()))
        healed = await store.forget_refused(tx, changed.keys())
        slots = {(topic_of(orders_pb2.OrderShipped), tenant, f"order/{order_id}") for tenant, order_id in healed}
        await parked.let_try_again(tx, "invoicing", slots, ORDER_REFUSED)


def _is_on_approval(contracts: Mapping[Key, Contract], account: Key) -> bool:
    return contracts.get(account, NO_CONTRACT).invoice_on is InvoiceOn.APPROVAL


async def check_rates(tx: Tx, orders: Sequence[KeptOrder]) -> None:
    """Refuse at the door what was ordered at a rate that is not to be had, where seller and buyer are known already."""
    said = [kept for kept in orders if any(line.vat_rate is not None for line in kept.order.lines)]
    if not said:
        return
    desk = await _desk_of(tx, said)
    for kept in said:
        with suppress(Early, Conflict):  # what is not known yet, or does not fit, is told when it ships
            check_taxable(desk.supply(kept, None))


async def ship(tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
    """Record shipments, each whole or not at all, and have one invoice issued for each; none for what is sent again."""
    told = [(event.origin, wire.shipment(event.body)) for event in events]
    if again := [one for one in told if one[1].dispute_id]:
        await _send_again(tx, again)
    orders, new = await shipping(tx, [one for one in told if not one[1].dispute_id])
    if not new:
        return
    await store.add_shipments(tx, [(key[0], shipment) for _, key, shipment in new])
    await store.save_progress(tx, [orders[key] for key in {key: None for _, key, _ in new}])
    to_invoice = [(origin, orders[key], shipment) for origin, key, shipment in new]
    # What is to be billed whole waits for credit's decision: its shipments are recorded only.
    await issuing.to_invoice(tx, [one for one in to_invoice if not one[1].billed_whole and not one[1].awaits_decision])


async def _send_again(tx: Tx, told: Sequence[tuple[Origin, Shipment]]) -> None:
    """Record what was sent again, and tell that the cases are carried out."""
    new = await sending_again(tx, told)
    if not new:
        return
    await store.add_shipments(tx, [(origin.tenant, shipment) for origin, shipment, _ in new])
    await store.save_replaced(tx, [replacement for _, _, replacement in new])
    invoices = await store.find_issued(tx, {(replaced.tenant, replaced.invoice_id) for _, _, replaced in new})
    await outbox.add(
        tx,
        [
            Announcement(
                origin,
                replaced.account_id,
                f"dispute/{replaced.dispute_id}",
                wire.replacement_shipped(replaced, shipment, invoices[replaced.tenant, replaced.invoice_id].statement),
            )
            for origin, shipment, replaced in new
        ],
    )


async def sending_again(tx: Tx, told: Sequence[tuple[Origin, Shipment]]) -> list[tuple[Origin, Shipment, Replacement]]:
    """Which of these shipments are new, of what cases ended in sending again; refuses what no case did."""
    known = await store.find_shipments(tx, {(o.tenant, s.order_id, s.shipment_id) for o, s in told})
    replacements = await store.lock_replacements(tx, {(o.tenant, s.dispute_id) for o, s in told})
    new: list[tuple[Origin, Shipment, Replacement]] = []
    for origin, shipment in told:
        key = (origin.tenant, shipment.dispute_id)
        if (replacement := replacements.get(key)) is None:
            raise Early(f"dispute/{shipment.dispute_id}")
        earlier = known.setdefault((origin.tenant, shipment.order_id, shipment.shipment_id), shipment)
        if earlier is not shipment:
            if earlier != shipment:
                raise Conflict("shipment.id_reused", "this shipment came before with other content")
            continue
        replacement.check(shipment)
        replacements[key] = replace(replacement, shipment_id=shipment.shipment_id)
        new.append((origin, shipment, replacements[key]))
    return new


async def shipping(
    tx: Tx, told: Sequence[tuple[Origin, Shipment]]
) -> tuple[dict[Key, KeptOrder], list[tuple[Origin, Key, Shipment]]]:
    """What becomes of orders by these shipments, and those of them that are new; refuses what could not be invoiced."""
    if not told:
        return {}, []
    orders = await store.lock_orders(tx, {(origin.tenant, shipment.order_id) for origin, shipment in told})
    await check_known(tx, {(origin.tenant, shipment.order_id) for origin, shipment in told} - orders.keys())
    known = await store.find_shipments(tx, {(o.tenant, s.order_id, s.shipment_id) for o, s in told})
    in_parts = {key for key, kept in orders.items() if kept.shipped}
    parts = await store.count_shipments(tx, in_parts) if in_parts else {}
    new: list[tuple[Origin, Key, Shipment]] = []
    for origin, shipment in told:
        key = (origin.tenant, shipment.order_id)
        earlier = known.setdefault((*key, shipment.shipment_id), shipment)
        if earlier is not shipment:
            if earlier != shipment:
                raise Conflict("shipment.id_reused", "this shipment came before with other content")
            continue
        check_shipments(parts.get(key, 0))
        parts[key] = parts.get(key, 0) + 1
        new.append((origin, key, rules.after(orders[key], shipment)))
        orders[key] = rules.ship(orders[key], shipment)
    if new:
        desk = await _desk_of(tx, [orders[key] for _, key, _ in new])
        for _, key, shipment in new:
            if not orders[key].billed_whole:
                orders[key] = _checked(desk, orders[key], shipment)
    return orders, new


async def check_known(tx: Tx, missing: Collection[Key]) -> None:
    """Orders that nobody told yet are waited for; those that were refused are not."""
    if not missing:
        return
    for key, (_, code) in sorted((await store.find_refused(tx, missing)).items()):
        raise Conflict(ORDER_REFUSED, f"order {quoted(key[1])} was refused ({code}): a corrected version puts it right")
    raise Early(f"order/{min(missing)[1]}")


async def _desk_of(tx: Tx, orders: Sequence[KeptOrder]) -> Desk:
    return await open_desk(tx, {(kept.tenant, kept.order.account_id) for kept in orders}, issuers_of(orders))


def _checked(desk: Desk, kept: KeptOrder, shipment: Shipment | None) -> KeptOrder:
    """The order, whose seller is certain from now on; refuses what could not be invoiced."""
    supply = desk.supply(kept, shipment)
    check_taxable(supply)
    return replace(kept, issuer=supply.seller.seller_id)


async def approve(tx: Tx, events: Sequence[Event[credit_pb2.CreditDecided]]) -> None:
    """Have approved orders invoiced whole where that was agreed; of declined ones, what shipped all the same."""
    if not (decided := [event for event in events if event.body.outcome in _FINAL]):
        return
    contracts = await store.find_contracts(tx, {(event.tenant, event.body.account_id) for event in decided})
    awaiting = await store.find_awaiting(tx, {(event.tenant, event.body.order_id) for event in decided})
    meant = [
        event
        for event in decided
        if (event.tenant, event.body.order_id) in awaiting
        or _is_on_approval(contracts, (event.tenant, event.body.account_id))
    ]
    if not meant:
        return
    keys = {(event.tenant, event.body.order_id) for event in meant}
    orders = await store.lock_orders(tx, keys)
    refused = await store.find_refused(tx, missing) if (missing := keys - orders.keys()) else {}
    billing: list[tuple[Origin, KeptOrder]] = []
    for event in meant:
        key = (event.tenant, event.body.order_id)
        if key in refused and refused[key][0] >= event.body.version:
            continue  # credit had nothing against what is refused here
        if key not in orders or orders[key].order.version < event.body.version:
            raise Early(f"order/{event.body.order_id}")
        if orders[key].order.version > event.body.version:
            continue  # a newer version stands, which has a decision of its own
        bill = rules.bill_whole if event.body.outcome == credit_pb2.OUTCOME_APPROVED else rules.bill_parts
        if (kept := bill(orders[key])) is not None:
            orders[key] = kept
            billing.append((event.origin, kept))
    await _bill(tx, billing)


async def _bill(tx: Tx, orders: Sequence[tuple[Origin, KeptOrder]]) -> None:
    """Have orders invoiced that awaited a decision: whole, or what shipped of them meanwhile; nothing of it twice."""
    if not orders:
        return
    keys = {kept.key for _, kept in orders}
    billed = await store.find_billed(tx, keys)
    shipped = await store.shipments_of(tx, keys)
    desk = await _desk_of(tx, [kept for _, kept in orders])
    progress: dict[Key, KeptOrder] = {}
    supplies: list[tuple[Origin, KeptOrder, Shipment | None]] = []
    for origin, kept in orders:
        # The version before this one invoices by shipments what ships before the decision.
        by_parts = not kept.billed_whole or any(key[:2] == kept.key for key in billed)
        parts = shipped[kept.key] if by_parts else [None]
        progress[kept.key] = replace(kept, billed_whole=not by_parts)
        for part in parts:
            if part is None or (*kept.key, part.shipment_id) not in billed:
                progress[kept.key] = _checked(desk, progress[kept.key], part)
                supplies.append((origin, progress[kept.key], part))
    await store.save_progress(tx, list(progress.values()))
    await issuing.to_invoice(tx, supplies)


async def cancel(tx: Tx, events: Sequence[Event[orders_pb2.OrderCancelled]]) -> None:
    """Take no further shipment of these orders; what shipped is, or stays, invoiced."""
    orders = await store.lock_orders(tx, {(event.tenant, event.body.order_id) for event in events})
    await check_known(tx, {(event.tenant, event.body.order_id) for event in events} - orders.keys())
    billing: list[tuple[Origin, KeptOrder]] = []
    for event in events:
        key = (event.tenant, event.body.order_id)
        if 0 < event.body.version < orders[key].order.version:
            continue  # it was placed anew since
        parts = rules.bill_parts(orders[key])
        orders[key] = rules.cancel(orders[key])
        if parts is not None:
            billing.append((event.origin, orders[key]))
    await store.save_progress(tx, list(orders.values()))
    await _bill(tx, billing)


async def tell_refused(tx: Tx, event: Event[Any], refusal: Refusal) -> None:
    """Tell the seller what cannot be invoiced or credited; of refused orders credit tells, but for their taxes.

    All of those are remembered.
    """
    if isinstance(event.body, disputes_pb2.DisputeResolved):
        refused = wire.credit_note_refused(event, refusal)
        await outbox.add(tx, [Announcement(event.origin, event.account_id, event.subject, refused)])
        return
    if isinstance(event.body, orders_pb2.OrderPlaced):
        await _remember_refused(tx, event, refusal)
    is_order = isinstance(event.body, orders_pb2.OrderPlaced) and refusal.code.startswith(_OURS)
    if not is_order and not isinstance(event.body, orders_pb2.OrderShipped):
        return
    message = events_pb2.ShipmentRefused(
        order_id=event.body.order_id,
        shipment_id="" if is_order else event.body.shipment_id,
        account_id=event.account_id,
        code=refusal.code,
        message=refusal.message,
        version=event.body.version if is_order else 0,
    )
    await outbox.add(tx, [Announcement(event.origin, event.account_id, f"order/{event.body.order_id}", message)])


async def _remember_refused(tx: Tx, event: Event[orders_pb2.OrderPlaced], refusal: Refusal) -> None:
    """What ships of the order is refused from now on, and so is what shipped before it was heard of."""
    order_id = event.body.order_id
    if order_id and await store.add_refused(tx, (event.tenant, order_id), event.body.version, refusal.code):
        tx.announced.add((event.tenant, f"order/{order_id}"))

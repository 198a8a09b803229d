"""What arrived of orders: heard from carriers and ERPs, and said by a call, which tells it as they would."""

from collections.abc import Sequence
from typing import Any

from receivables.invoicing.v1 import service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.invoicing import store, wire
from services.invoicing.domain import receipts as rules
from services.invoicing.domain.orders import KeptOrder
from services.invoicing.domain.receipts import Receipt
from services.invoicing.usecases.ordering import contact_of, find_order, tell, today
from services.invoicing.usecases.orders import check_known
from services.kernel.calendars import day
from services.kernel.refusals import Early, Invalid, NotFound, quoted


async def receive(tx: Tx, events: Sequence[Event[orders_pb2.GoodsReceived]]) -> None:
    """Keep what arrived, once a receipt, never more than was shipped; what is not known to have left is waited for."""
    told = [(event.tenant, wire.receipt(event.body)) for event in events]
    keys = {(tenant, said.order_id) for tenant, said in told}
    orders = await store.lock_orders(tx, keys)
    await check_known(tx, keys - orders.keys())
    shipments = await store.find_shipments(tx, {(tenant, said.order_id, said.shipment_id) for tenant, said in told})
    before = await store.receipts_of(tx, orders)
    new: list[tuple[str, Receipt]] = []
    for tenant, said in told:
        key = (tenant, said.order_id)
        if (shipment := shipments.get((*key, said.shipment_id))) is None:
            raise Early(f"order/{said.order_id}")
        if rules.take(said, orders[key].order.account_id, shipment, before[key]):
            before[key].append(said)
            new.append((tenant, said))
    if new:
        await store.add_receipts(tx, new)


async def say_received(tx: Tx, call: Origin, request: service_pb2.ConfirmReceiptRequest) -> list[str]:
    """Tell what arrived, by lines of a shipment or all that is not confirmed yet; return the receipts' ids."""
    kept = await find_order(tx, (call.tenant, request.order_id))
    if kept.order.account_id != request.account_id:
        raise Invalid("order.account_mismatch", "the order is another account's")
    shipments = (await store.shipments_of(tx, {kept.key}))[kept.key]
    before = (await store.receipts_of(tx, {kept.key}))[kept.key]
    if request.shipment_id or request.lines:
        shipments = [one for one in shipments if one.shipment_id == request.shipment_id]
        if not shipments:
            raise NotFound("receipt.unknown_shipment", f"the order has no shipment {quoted(request.shipment_id)}")
    if request.lines:
        new = [await _of_lines(tx, call, request, kept)]
    else:
        alike = await _said(tx, call, request, kept)
        rests = [(shipment, rest) for shipment in shipments if (rest := rules.rest(shipment, before))]
        new = [
            Receipt(
                receipt_id=rules.id_of_rest(shipment, rest), shipment_id=shipment.shipment_id, arrived=rest, **alike
            ).check()
            for shipment, rest in rests[: rules.RECEIPTS_MAX - len(before)]
        ]
    by_id = {shipment.shipment_id: shipment for shipment in shipments}
    told = [said for said in new if rules.take(said, kept.order.account_id, by_id[said.shipment_id], before)]
    for said in told:
        await tell(tx, call, kept, wire.received(said), about="receipt")
    return [said.receipt_id for said in told]


async def _of_lines(tx: Tx, call: Origin, request: service_pb2.ConfirmReceiptRequest, kept: KeptOrder) -> Receipt:
    """What the request says arrived."""
    return Receipt(
        receipt_id=request.receipt_id,
        shipment_id=request.shipment_id,
        arrived=wire.arrived(request.lines),
        **await _said(tx, call, request, kept),
    ).check()


async def _said(tx: Tx, call: Origin, request: service_pb2.ConfirmReceiptRequest, kept: KeptOrder) -> dict[str, Any]:
    """What a request says of each receipt: of which order, when and by whom."""
    seller = (kept.tenant, kept.issuer or kept.order.seller_id)
    on = day(request.received_on, what="received_on") if request.received_on else await today(tx, seller)
    return {
        "order_id": request.order_id,
        "account_id": request.account_id,
        "received_on": on,
        "received_by": contact_of(call),
        "photo_sha256s": tuple(request.photo_sha256s),
    }

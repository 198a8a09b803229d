"""What arrived of an order: all of it with one click, or line by line."""

import hashlib

from fastapi.responses import Response
from receivables.invoicing.v1 import service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.kernel.refusals import Refusal
from services.portal.asks import Refused
from services.portal.domain import receiving
from services.portal.domain.people import RECEIPTS
from services.portal.pages.orders import show_order
from services.portal.web import Ask, post


@post("/orders/{order}/received", RECEIPTS)
async def received(ask: Ask) -> Response:
    """Everything that has left and is not confirmed, or what the form says of one shipment."""
    order_id = ask.path("order")
    request = service_pb2.ConfirmReceiptRequest(account_id=ask.person.account_id, order_id=order_id)
    try:
        if shipment_id := ask.typed("shipment"):
            await _by_lines(ask, request, shipment_id)
        await ask.of.invoicing("ConfirmReceipt", request, ask.write())
    except (Refused, Refusal) as refused:
        return await show_order(ask, 422, ask.refused(refused))
    return ask.go(f"/orders/{order_id}", told="received")


async def _by_lines(ask: Ask, request: service_pb2.ConfirmReceiptRequest, shipment_id: str) -> None:
    """What was typed of each line that is not confirmed; the receipt's id follows from the form, sent twice it is one."""
    order = (await ask.of.invoicing("GetOrder", service_pb2.GetOrderRequest(order_id=request.order_id))).order
    request.shipment_id = shipment_id
    request.receipt_id = f"W-{hashlib.sha256(ask.write().key.encode()).hexdigest()[:12].upper()}"
    for shipment in receiving.left(order.shipments, order.receipts):
        if shipment.shipment_id != shipment_id:
            continue
        for nth, (line_id, _) in enumerate(shipment.lines):
            good, damaged = (ask.words.typed(ask.typed(f"{name}-{nth}") or "0") for name in ("good", "damaged"))
            request.lines.append(orders_pb2.ReceivedLine(line_id=line_id, quantity=f"{good:f}", damaged=f"{damaged:f}"))

"""Orders, shipments and cancellations that are said by a call: checked like events, and told as a source outside would.

They are told on the topic of the source `portal`. What becomes of them becomes of them when they are heard, here as
everywhere: nothing else is written.
"""

from dataclasses import replace
from datetime import date

from google.protobuf.message import Message
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts
from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.identity import CONTACT
from services.chassis.outbox import Announcement
from services.chassis.sources import PORTAL
from services.invoicing import store, wire
from services.invoicing.domain import orders as rules
from services.invoicing.domain.orders import KeptOrder, Shipment, State
from services.invoicing.usecases.desk import Key
from services.invoicing.usecases.orders import check_rates, sending_again, shipping
from services.kernel.calendars import Calendar
from services.kernel.refusals import Conflict, Early, Forbidden, Invalid, NotFound, quoted


async def say_placed(tx: Tx, call: Origin, body: orders_pb2.OrderPlaced) -> None:
    """Tell an order, or its next version, once; it is of today where it does not say of which day."""
    key = (call.tenant, body.order_id)
    known = await _unless_anothers(tx, key)
    only = (await store.only_sellers(tx, {call.tenant})).get(call.tenant)
    if not body.placed_on:
        is_repeat = known is not None and known.order.version == body.version
        on = (
            known.order.placed_on
            if known and is_repeat
            else await today(tx, (call.tenant, body.seller_id or only or ""))
        )
        body.placed_on = on.isoformat()
    kept = rules.place(known, call.tenant, contracts.order(body), only=only)
    if kept is not None:
        await check_rates(tx, [kept])
        await tell(tx, call, kept, body)


async def say_shipped(tx: Tx, call: Origin, body: orders_pb2.OrderShipped) -> None:
    """Tell a shipment, once."""
    shipment = wire.shipment(body)
    kept = await find_order(tx, (call.tenant, shipment.order_id))
    if await _is_new(tx, call, shipment):
        await tell(tx, call, kept, body)


async def _is_new(tx: Tx, call: Origin, shipment: Shipment) -> bool:
    """Whether a shipment was not told before; refuses what would be refused of it."""
    if not shipment.dispute_id:
        return bool((await shipping(tx, [(call, shipment)]))[1])
    try:
        return bool(await sending_again(tx, [(call, shipment)]))
    except Early:
        raise NotFound("dispute.unknown", f"no case {quoted(shipment.dispute_id)} ended in sending again") from None


async def say_cancelled(tx: Tx, call: Origin, body: orders_pb2.OrderCancelled) -> None:
    """Tell that the rest of an order will not be shipped, once; without a version, of the one that stands."""
    kept = await find_order(tx, (call.tenant, body.order_id))
    if kept.order.account_id != body.account_id:
        raise Invalid("order.account_mismatch", "the order is another account's")
    body.version = body.version if body.version > 0 else kept.order.version
    if body.version < kept.order.version:
        raise rules.passed(kept)
    if kept.state is State.CLOSED:
        raise Conflict(*rules.STANDS)
    if kept.state is not State.CANCELLED:
        await tell(tx, call, kept, body)


def contact_of(call: Origin) -> str:
    """The id of the contact who calls; empty: somebody else does."""
    kind, _, name = call.actor.partition(" for ")[0].partition(":")
    return name if kind == CONTACT else ""


async def find_order(tx: Tx, key: Key) -> KeptOrder:
    """An order that the caller sees."""
    if (kept := (await store.find_orders(tx, {key})).get(key)) is None:
        raise NotFound("order.unknown", f"no order {quoted(key[1])}")
    return kept


async def _unless_anothers(tx: Tx, key: Key) -> KeptOrder | None:
    """An order, if there is one; of what is another's, or for another part, nothing is told but that its id is taken."""
    if (kept := (await store.find_orders(tx, {key})).get(key)) is not None:
        return kept
    async with tx.all_accounts():
        is_taken = bool(await store.find_orders(tx, {key}))
    if is_taken:
        raise Forbidden("access.account", "what the request names is of none of the caller's accounts")
    return None


async def today(tx: Tx, seller: Key) -> date:
    """The date where the seller is, as far as that is known."""
    known = (await store.find_sellers(tx, {seller})).get(seller)
    return Calendar(known.time_zone if known else "UTC").day(tx.at)


async def tell(tx: Tx, call: Origin, kept: KeptOrder, body: Message, about: str = "order") -> None:
    """As the source; on whose word is whoever calls, also where they stand in for another: of the two one can be named."""
    who, _, _ = call.actor.partition(" for ")
    order = kept.order
    told = Announcement(replace(call, actor=who), order.account_id, f"{about}/{order.order_id}", body, PORTAL)
    await outbox.add(tx, [told])

"""Orders that people place here: at once, or once somebody has approved them."""

from dataclasses import dataclass

from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from services.portal.asks import Write
from services.portal.domain.people import Person
from services.portal.usecases.door import Door


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order: placed, or waiting for somebody's approval."""

    # "" as long as it waits.
    order_id: str
    # Of what waits: `/approvals/<id>`; "" of an order that is placed.
    approval_id: str = ""

    @property
    def awaits_approval(self) -> bool:
        """Whether somebody must approve it first."""
        return bool(self.approval_id)


async def place_or_ask(door: Door, person: Person, request: invoicing_pb2.PlaceOrderRequest, write: Write) -> Placed:
    """Place an order in somebody's name; one above what they may spend waits for an approver.

    `write` is the form's own id: the same form sent again is the same order.
    """
    answer = await door.asks.of(person).invoicing("PlaceOrder", request, write)
    return Placed(answer.order_id)

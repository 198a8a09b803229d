"""What of an order's shipments nobody has confirmed yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Left:
    """A shipment of which something is not confirmed: its lines, each with how much."""

    shipment_id: str
    shipped_on: str
    lines: tuple[tuple[str, Decimal], ...]


def left(shipments: Iterable[Any], receipts: Sequence[Any]) -> list[Left]:
    """The shipments of an order (OrderShipped) that are not received whole (GoodsReceived)."""
    found = []
    for shipment in shipments:
        arrived: dict[str, Decimal] = {}
        for receipt in receipts:
            for line in receipt.lines if receipt.shipment_id == shipment.shipment_id else ():
                quantity = Decimal(line.quantity or 0) + Decimal(line.damaged or 0)
                arrived[line.line_id] = arrived.get(line.line_id, Decimal(0)) + quantity
        rest = [(line.line_id, Decimal(line.quantity) - arrived.get(line.line_id, 0)) for line in shipment.lines]
        if lines := tuple((line_id, quantity) for line_id, quantity in rest if quantity > 0):
            found.append(Left(shipment.shipment_id, shipment.shipped_on, lines))
    return found

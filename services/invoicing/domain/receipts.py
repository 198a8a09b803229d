"""What arrived of an order: receipts of its shipments, which add up and are never more than was shipped (RULES: receipts)."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.invoicing.domain.orders import ZERO, Shipment
from services.kernel.refusals import Conflict, Invalid, quoted

RECEIPTS_MAX = 1000  # of one order, since all of them are read to know what is left to confirm
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What of a line arrived: so much in good order, so much damaged."""

    line_id: str
    good: Decimal
    damaged: Decimal = ZERO

    @property
    def quantity(self) -> Decimal:
        """All of it."""
        return self.good + self.damaged


@dataclass(frozen=True, slots=True)
class Receipt:
    """Goods of a shipment that arrived, as told."""

    order_id: str
    receipt_id: str
    account_id: str
    shipment_id: str
    received_on: date = field(compare=False)
    arrived: tuple[Arrived, ...]
    # The contact who took them in; empty: not said. Who says the same again, and when, changes nothing.
    received_by: str = field(default="", compare=False)
    photo_sha256s: tuple[str, ...] = field(default=(), compare=False)

    def check(self) -> "Receipt":
        """Return the receipt itself; refuse one that names nothing, or quantities that cannot be."""
        if not self.order_id or not self.receipt_id or not self.shipment_id:
            raise Invalid("receipt.incomplete", "a receipt needs an order, a shipment and an id")
        if not self.arrived:
            raise Invalid("receipt.no_lines", "a receipt needs at least one line")
        if len({one.line_id for one in self.arrived}) != len(self.arrived):
            raise Invalid("receipt.line_repeated", "two lines of the receipt have the same id")
        for one in self.arrived:
            if one.good < 0 or one.damaged < 0:
                raise Invalid("receipt.quantity_negative", f"line {quoted(one.line_id)}: less than nothing arrived")
        if not all(_SHA256.fullmatch(sha256) for sha256 in self.photo_sha256s):
            raise Invalid("receipt.photo_malformed", "a photo is named by its SHA-256, in 64 hexadecimal digits")
        return self


def take(receipt: Receipt, account_id: str, shipment: Shipment, before: Sequence[Receipt]) -> bool:
    """Whether a receipt says something new of its shipment, beside those of its order before; refuses what cannot be so."""
    if receipt.account_id != account_id:
        raise Conflict("receipt.account_mismatch", "the order is another account's")
    if (earlier := next((one for one in before if one.receipt_id == receipt.receipt_id), None)) is not None:
        if earlier != receipt:
            raise Conflict("receipt.id_reused", "this receipt came before with other content")
        return False
    if len(before) >= RECEIPTS_MAX:
        raise Conflict("receipt.too_many", f"an order is received in at most {RECEIPTS_MAX:,} parts")
    shipped, arrived = dict(shipment.quantities), total(before, shipment.shipment_id)
    for one in receipt.arrived:
        if one.line_id not in shipped:
            raise Invalid("receipt.unknown_line", f"the shipment has no line {quoted(one.line_id)}")
        together = arrived.get(one.line_id, ZERO) + one.quantity
        if together > shipped[one.line_id]:
            raise Conflict(
                "receipt.exceeds_shipment",
                f"line {quoted(one.line_id)}: {together:f} received in all, {shipped[one.line_id]:f} shipped",
            )
    return True


def total(receipts: Iterable[Receipt], shipment_id: str) -> Mapping[str, Decimal]:
    """What arrived of a shipment so far, by line, damaged or not."""
    found: dict[str, Decimal] = {}
    for receipt in receipts:
        for one in receipt.arrived if receipt.shipment_id == shipment_id else ():
            found[one.line_id] = found.get(one.line_id, ZERO) + one.quantity
    return found


def rest(shipment: Shipment, before: Sequence[Receipt]) -> tuple[Arrived, ...]:
    """What of a shipment nobody has confirmed yet."""
    arrived = total(before, shipment.shipment_id)
    left = [(line_id, quantity - arrived.get(line_id, ZERO)) for line_id, quantity in shipment.quantities]
    return tuple(Arrived(line_id, quantity) for line_id, quantity in left if quantity > 0)


def id_of_rest(shipment: Shipment, arrived: Sequence[Arrived]) -> str:
    """What a confirmation of all the rest is called: who confirms the same rest twice says one thing."""
    said = "\x1f".join(
        [shipment.order_id, shipment.shipment_id, *(f"{one.line_id}\x1e{one.good:f}" for one in arrived)]
    )
    return f"rest-{hashlib.sha256(said.encode()).hexdigest()[:32]}"

"""An order's life here: kept, replaced while nothing is invoiced, shipped in parts, billed whole, cancelled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from services.kernel.orders import Address, Order
from services.kernel.refusals import Conflict, Invalid, quoted

ZERO = Decimal(0)


class State(StrEnum):
    """How far an order has come."""

    OPEN = "OPEN"
    SHIPPING = "SHIPPING"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class Action(StrEnum):
    """What happens to an order."""

    REPLACE = "REPLACE"
    SHIP = "SHIP"
    SHIP_LAST = "SHIP_LAST"
    CANCEL = "CANCEL"


# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.OPEN, Action.REPLACE): State.OPEN,
    # Placed anew; one of which goods have shipped stands as it is (`keep`).
    (State.CANCELLED, Action.REPLACE): State.OPEN,
    (State.OPEN, Action.SHIP): State.SHIPPING,
    (State.OPEN, Action.SHIP_LAST): State.CLOSED,
    (State.OPEN, Action.CANCEL): State.CANCELLED,
    (State.SHIPPING, Action.SHIP): State.SHIPPING,
    (State.SHIPPING, Action.SHIP_LAST): State.CLOSED,
    (State.SHIPPING, Action.CANCEL): State.CANCELLED,
    # There is no rest to cancel; saying so again changes nothing.
    (State.CLOSED, Action.CANCEL): State.CLOSED,
    (State.CANCELLED, Action.CANCEL): State.CANCELLED,
}
_STAYS = ("order.account_changed", "an order stays with the account that placed it")
# Why a move is illegal, in the words that the seller is told.
STANDS = ("order.already_shipped", "goods of this order have shipped: it stands")
_REFUSED = {
    (State.CLOSED, Action.SHIP): ("shipment.after_final", "the final shipment of this order was told before"),
    (State.CANCELLED, Action.SHIP): ("shipment.order_cancelled", "this order is cancelled"),
    (State.SHIPPING, Action.REPLACE): STANDS,
    (State.CLOSED, Action.REPLACE): STANDS,
}


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods that left for the buyer, as told."""

    order_id: str
    shipment_id: str
    account_id: str
    shipped_on: date
    # Line and quantity, by line.
    quantities: tuple[tuple[str, Decimal], ...]
    final: bool
    # What of its lines had left in shipments before: not told, but known when it is recorded.
    before: tuple[tuple[str, Decimal], ...] = field(default=(), compare=False)
    # Where this shipment went; None: where the order goes.
    ship_to: Address | None = None
    # The case that ended in sending this again; empty: it is of what was ordered.
    dispute_id: str = ""

    def check(self) -> "Shipment":
        """Return the shipment itself; refuse one that names nothing or ships nothing."""
        if not self.order_id or not self.shipment_id:
            raise Invalid("shipment.incomplete", "a shipment needs an order and an id")
        if not self.quantities:
            raise Invalid("shipment.no_lines", "a shipment needs at least one line")
        if len({line_id for line_id, _ in self.quantities}) != len(self.quantities):
            raise Invalid("shipment.line_repeated", "two lines of the shipment have the same id")
        for line_id, quantity in self.quantities:
            if quantity <= 0:
                raise Invalid("shipment.quantity_not_positive", f"line {line_id[:40]}: nothing was shipped of it")
        return self


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a case ended in sending again, and what was sent."""

    tenant: str
    dispute_id: str
    invoice_id: str
    account_id: str
    order_id: str
    # The order's line and quantity, by line.
    quantities: tuple[tuple[str, Decimal], ...]
    # Empty until it has left.
    shipment_id: str = ""

    def check(self, shipment: Shipment) -> None:
        """Refuse a shipment of another order, a second one, and more than was agreed."""
        if (shipment.order_id, shipment.account_id) != (self.order_id, self.account_id):
            raise Conflict("shipment.account_mismatch", "the case is about another order")
        if self.shipment_id not in ("", shipment.shipment_id):
            raise Conflict("shipment.replaced_before", f"shipment {quoted(self.shipment_id)} was sent for this case")
        agreed = dict(self.quantities)
        for line_id, quantity in shipment.quantities:
            if quantity > agreed.get(line_id, ZERO):
                raise Conflict("shipment.exceeds_replacement", f"line {quoted(line_id)}: not as much was agreed")


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order and what became of it. `shipped` names the lines of which something left."""

    tenant: str
    order: Order
    state: State = State.OPEN
    # Invoiced whole on approval: shipments are recorded, never invoiced.
    billed_whole: bool = False
    shipped: Mapping[str, Decimal] = field(default_factory=dict)
    # Whose it is; empty while the tenant has no seller.
    issuer: str = ""
    # To be billed whole as soon as it is approved: what ships meanwhile is recorded only.
    awaits_decision: bool = False
    # By line the unit price that holds since a case, instead of the one that was ordered; and how often that happened.
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    price_corrections: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and order."""
        return (self.tenant, self.order.order_id)

    @property
    def is_complete(self) -> bool:
        """Whether no further shipment can come: what is invoiced next is the last."""
        return (
            self.billed_whole
            or self.state in (State.CLOSED, State.CANCELLED)
            or all(self.shipped.get(line.line_id, ZERO) == line.quantity for line in self.order.lines)
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """An order as it is shown; of a list it has no lines."""

    kept: KeptOrder
    # When it was heard of first; of an order of before that was noted, its day.
    known_at: datetime
    # Whether all of it has left.
    is_whole: bool


def issuer_of(order: Order, only: str | None) -> str:
    """Whose order it is: the seller's that it names, else the tenant's only one's (None: it has none, empty: several).

    Empty while there is none yet: it is then the first one's who is there when it is invoiced.
    """
    if order.seller_id:
        return order.seller_id
    if only == "":
        raise Invalid("order.seller_missing", "the order names none of the tenant's several sellers")
    return only or ""


def keep(
    known: KeptOrder | None, tenant: str, order: Order, *, only: str | None = None, on_approval: bool = False
) -> KeptOrder | None:
    """Take a version of an order: None if it says nothing new, else what to keep from now on.

    `only` is the tenant's only seller (`issuer_of`), `on_approval` whether it is to be billed whole as agreed.
    """
    if known is None:
        return KeptOrder(tenant, order, issuer=issuer_of(order, only), awaits_decision=on_approval)
    if order.version < known.order.version or order == known.order:
        return None
    if order.version == known.order.version:
        raise Conflict("order.id_reused", "this version of the order came before with other content")
    if order.account_id != known.order.account_id:
        raise Conflict(*_STAYS)
    if known.billed_whole:
        raise Conflict("order.already_invoiced", "this order is invoiced: it stands")
    if known.state is State.CANCELLED and known.shipped:
        raise Conflict(*STANDS)
    return replace(
        known,
        order=order,
        state=_move(known.state, Action.REPLACE),
        issuer=issuer_of(order, only),
        awaits_decision=on_approval,
    )


def place(known: KeptOrder | None, tenant: str, order: Order, *, only: str | None = None) -> KeptOrder | None:
    """The same for whoever waits for an answer: what would not be heeded is refused."""
    if known is not None and order.account_id != known.order.account_id:
        raise Conflict(*_STAYS)
    if known is not None and order.version < known.order.version:
        raise passed(known)
    return keep(known, tenant, order, only=only)


def passed(known: KeptOrder) -> Conflict:
    """That a newer version stands than the one that is meant."""
    return Conflict("order.version_passed", f"version {known.order.version} of this order stands")


def ship(known: KeptOrder, shipment: Shipment) -> KeptOrder:
    """Take a shipment whole or not at all: never more than was ordered, over all shipments."""
    if shipment.account_id != known.order.account_id:
        raise Conflict("shipment.account_mismatch", "the order is another account's")
    state = _move(known.state, Action.SHIP_LAST if shipment.final else Action.SHIP)
    ordered = {line.line_id: line.quantity for line in known.order.lines}
    shipped = dict(known.shipped)
    for line_id, quantity in shipment.quantities:
        if line_id not in ordered:
            raise Invalid("shipment.unknown_line", f"the order has no line {quoted(line_id)}")
        shipped[line_id] = shipped.get(line_id, ZERO) + quantity
        if shipped[line_id] > ordered[line_id]:
            raise Conflict(
                "shipment.exceeds_order",
                f"line {quoted(line_id)}: {shipped[line_id]:f} shipped in all, {ordered[line_id]:f} ordered",
            )
    return replace(known, state=state, shipped=shipped)


def after(known: KeptOrder, shipment: Shipment) -> Shipment:
    """The shipment, knowing what had left before it."""
    lines = [line_id for line_id, _ in shipment.quantities if line_id in known.shipped]
    return replace(shipment, before=tuple((line_id, known.shipped[line_id]) for line_id in lines))


def cancel(known: KeptOrder) -> KeptOrder:
    """No further shipment is taken; what shipped is, or stays, invoiced."""
    return replace(known, state=_move(known.state, Action.CANCEL), awaits_decision=False)


def bill_whole(known: KeptOrder) -> KeptOrder | None:
    """Bill the order on approval, as was agreed when it was placed, even if goods of it have left meanwhile.

    None if that was not agreed, or has happened, or the order was declined or cancelled before.
    """
    if known.billed_whole or not known.awaits_decision:
        return None
    return replace(known, billed_whole=True, awaits_decision=False)


def bill_parts(known: KeptOrder) -> KeptOrder | None:
    """Bill by its shipments what was to be billed whole, and is declined; None as above."""
    if known.billed_whole or not known.awaits_decision:
        return None
    return replace(known, awaits_decision=False)


def _move(state: State, action: Action) -> State:
    if (moved := MOVES.get((state, action))) is None:
        raise Conflict(*_REFUSED[(state, Action.SHIP if action is Action.SHIP_LAST else action)])
    return moved

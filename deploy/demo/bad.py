"""Bad input of each kind, told as an outside shop would tell it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from receivables.orders.v1 import events_pb2

from deploy.demo import orders
from deploy.demo.orders import Line, Order, Party
from deploy.demo.shop import Shop, event_id, headers_of

PLACED = str(events_pb2.OrderPlaced.DESCRIPTOR.full_name)
INT64_MAX = 2**63 - 1


class Culprit:
    """Tells bad orders of one buyer; `prefix` begins their ids."""

    def __init__(
        self, shop: Shop, tenant: str, account: str, currency: str, at: datetime, *, prefix: str = "BAD"
    ) -> None:
        """Describe whose orders go wrong, and when."""
        self._shop = shop
        self._tenant = tenant
        self._account = account
        self._currency = currency
        self._at = at
        self._prefix = prefix

    def order(self, kind: str, quantity: str = "3") -> events_pb2.OrderPlaced:
        """A good order, to be spoiled."""
        line = Line("1", "SKU-1", "Sample", Decimal(quantity), Decimal("12.00"))
        order = Order(
            order_id=self.order_id(kind),
            account_id=self._account,
            currency=self._currency,
            placed_on=self._at.date(),
            promised_ship_on=self._at.date() + timedelta(days=6),
            lines=[line],
        )
        return orders.placed(order, Party("US", ""), Party("US", ""))

    def order_id(self, kind: str) -> str:
        """The id of the order that goes wrong in this way."""
        return f"{self._prefix}-{kind.replace('_', '-')}"

    def tell(self, kind: str) -> None:
        """Do wrong in the named way (one of KINDS)."""
        KINDS[kind](self, kind)

    def _place(self, order: events_pb2.OrderPlaced, identity: str = "") -> None:
        identity = identity or f"{order.order_id}/{order.version}"
        about = (self._tenant, order.account_id, order.order_id)
        self._shop.tell(about, order, at=self._at, identity=identity)

    def _send(self, kind: str, type_name: str, value: bytes) -> None:
        order_id = self.order_id(kind)
        headers = headers_of(
            type_name, self._tenant, order_id, at=self._at, ce_id=event_id(self._tenant, type_name, order_id)
        )
        self._shop.send(self._tenant, self._account, value, headers)

    def spoiled(self, kind: str) -> None:
        """An order that makes no sense."""
        order = self.order(kind)
        SPOIL[kind](order)
        self._place(order)

    def repeated(self, kind: str) -> None:
        """The same event twice: nothing comes of the second."""
        self._place(self.order(kind))
        self._place(self.order(kind))

    def changed_repeat(self, kind: str) -> None:
        """The same event id with another body: refused and told."""
        self._place(self.order(kind), identity=kind)
        self._place(self.order(kind, quantity="4"), identity=kind)

    def changed_version(self, kind: str) -> None:
        """The same order and version with another amount, as another event: refused and told."""
        self._place(self.order(kind))
        self._place(self.order(kind, quantity="4"), identity=f"{kind} again")

    def no_protobuf(self, kind: str) -> None:
        """Bytes that are no message."""
        self._send(kind, PLACED, b'{"order_id": "this is JSON"}')

    def unknown_type(self, kind: str) -> None:
        """A type that the contract does not have."""
        self._send(kind, "receivables.orders.v1.OrderPainted", b"")

    def newer_version(self, kind: str) -> None:
        """A type of a newer major version."""
        self._send(kind, "receivables.orders.v2.OrderPlaced", self.order(kind).SerializeToString())


def _no_lines(order: events_pb2.OrderPlaced) -> None:
    del order.lines[:]


def _zero_quantity(order: events_pb2.OrderPlaced) -> None:
    order.lines[0].quantity = "0"


def _negative_quantity(order: events_pb2.OrderPlaced) -> None:
    order.lines[0].quantity = "-3"


def _other_currency(order: events_pb2.OrderPlaced) -> None:
    order.currency = "NZD"


def _too_large(order: events_pb2.OrderPlaced) -> None:
    order.lines[0].unit_price = "99999999999999999999"
    order.lines[0].net_minor = order.net_minor = order.gross_minor = INT64_MAX


def _gross_mismatch(order: events_pb2.OrderPlaced) -> None:
    order.gross_minor += 1


SPOIL: Mapping[str, Callable[[events_pb2.OrderPlaced], None]] = {
    "no_lines": _no_lines,
    "zero_quantity": _zero_quantity,
    "negative_quantity": _negative_quantity,
    "other_currency": _other_currency,
    "too_large": _too_large,
    "gross_mismatch": _gross_mismatch,
}
KINDS: Mapping[str, Callable[[Culprit, str], None]] = {
    **dict.fromkeys(SPOIL, Culprit.spoiled),
    "repeated": Culprit.repeated,
    "changed_repeat": Culprit.changed_repeat,
    "changed_version": Culprit.changed_version,
    "no_protobuf": Culprit.no_protobuf,
    "unknown_type": Culprit.unknown_type,
    "newer_version": Culprit.newer_version,
}

"""Random messages of any contract, from its descriptor: mostly of what makes sense, with a value here and there that does not."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from receivables.common.v1 import bounds_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.bounds import bound_of
from services.disputes.domain.reasons import REASONS

STATEMENT = b"reference,account,value_date,amount,currency,remittance\n"
# What makes sense in a field of this name; where it is a part of others, the longer name counts.
USUAL: dict[str, tuple[Any, ...]] = {
    "account_id": ("b1", "b2", "b3", "nobody"),
    "order_id": tuple(f"o{n}" for n in range(1, 30)),
    "line_id": ("1", "2"),
    "shipment_id": ("p1", "p2"),
    "seller_id": ("s1", ""),
    "payment_id": ("pay1", "pay2"),
    "contact_id": ("c1", "c2"),
    "hold_id": ("h1", "h2"),
    "requested_by": ("c1", ""),
    "about": ("order/o1", "order/o2"),
    "currency": ("EUR",) * 9 + ("USD", "JPY", "KWD"),
    "country": ("DE",) * 9 + ("FR", "US", "SE"),
    "vat_id": ("DE136695976", "", "", ""),
    "iban": ("DE89370400440532013000", ""),
    "series_prefix": ("RE",),
    "time_zone": ("Europe/Berlin", "America/New_York"),
    "language": ("en", "de", "sv"),
    "email": ("cleo@buyer.example",),
    "electronic_address": ("ap@buyer.example",),
    "electronic_address_scheme": ("EM",),
    "roles": ("AP_CLERK", "REQUESTER", "CREDIT", "BILLING"),
    "profile": ("", "en16931", "xrechnung", "facturx-en16931"),
    "format": ("", "ubl", "cii", "json"),
    "tax_class": ("STANDARD", "REDUCED", ""),
    "unit": ("C62", ""),
    "vat_rate": ("", "19"),
    "reason_code": tuple(REASONS)[:6],
    "reasons": ("within_limit",),
    "quantity": ("1", "2", "0.5", "10"),
    "unit_price": ("9.99", "100", "0.3333"),
    "referral_share": ("0.10",),
    "remittance": ("RE-2026-000001", "thanks", ""),
    "digest_at": ("17:00",),
    "opens_at": ("09:00", ""),
    "closes_at": ("17:00", ""),
    "page_size": (0, 1, 1000),
    "page_token": ("",) * 40,
    "region": ("",),
    "site": ("", "north"),
    "number": ("RE-2026-000001",),
    "missing": ("", "the delivery note"),
    "file_name": tuple(f"{n}.pdf" for n in range(9)),
    "holidays": ("", "DE"),
    "account_number": ("",),
    "routing_number": ("",),
    "version": (1, 1, 2),
    "net_days": (14, 30),
    "content": (STATEMENT + b"r1,b1,2026-03-02,4.00,EUR,RE-1\nr2,b1,2026-03-02,x,EUR,\n",),
    "logo_svg": (b"",),
}
DATES = ("2026-03-02", "2026-03-09", "2026-04-01")
# What comes from outside all the same: empty, hidden, turned, broken, far too long, at the edge of what a column can hold.
ODD_TEXTS = (
    "", " ", "\0", "a\nb", "a\u202eb", "\u200b", " b1", "b1 ", "b  1", "x" * 128, "x" * 129, "é" * 200, "x" * 4_001, "\n" * 9_000,
    "'; DROP TABLE account --", "{b1}", "%s", "\\", "../../etc", "a/b", ",", '"', "NaN", "Infinity", "1e9", "-1", "0", "+1", "1.", ".5",
    "9" * 40, "0." + "0" * 30 + "1", "-" + "9" * 39, "9999-12-31", "1970-01-01", "2199-12-31", "2026-02-30", "0000-00-00", "2026-W01-1",
    "EUR", "eur", "XXX", "ZZ", "de", "tlh", "UTC", "Etc/GMT+12", "\U0001f600" * 60, "\ufffd", "نمره", "a\u0301" * 60, "\u3164",
)  # fmt: skip
ODD_NUMBERS = (
    0,
    1,
    -1,
    2,
    99,
    100,
    1_000,
    1_001,
    10_000,
    2**31 - 1,
    -(2**31),
    10**15 - 1,
    1 - 10**15,
    10**15,
    2**63 - 1,
    -(2**63),
)
ODD_BYTES = (
    b"",
    b"\0",
    b"\xff" * 100,
    b"<svg/>",
    STATEMENT,
    STATEMENT + b'r,b1,"',
    b"a" * 70_000,
    STATEMENT + b"r,b1,2026-03-02,9,EUR,\xff",
)
_NUMBERS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_ENUM: (-(2**31), 2**31 - 1),
}


class Values:
    """Makes messages; what it has seen of ids it uses again, so that what it asks is about something."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seen: dict[str, list[Any]] = defaultdict(list)

    def message(self, kind: type[Message]) -> Any:
        """A message that makes sense, as far as one can know from its fields' names, or nearly does."""
        made = kind()
        self._fill(made)
        for parts in FITTING.get(str(kind.DESCRIPTOR.full_name), ()):
            parts(made)
        for _ in range(self._random.choice((0, 0, 1, 1, 2))):
            self._spoil(made)
        return made

    def payload(self, kind: type[Message]) -> bytes:
        """The same as bytes, of which now and then some are no such message."""
        content = bytearray(self.message(kind).SerializeToString())
        if self._random.random() < 0.1:
            for _ in range(self._random.randint(1, 4)):
                content.insert(self._random.randint(0, len(content)), self._random.randrange(256))
        return bytes(content)

    def chance(self, share: float) -> bool:
        """Whether something that happens so often happens now."""
        return self._random.random() < share

    def choice(self, among: Iterable[Any]) -> Any:
        """One of these."""
        return self._random.choice(list(among))

    def learn(self, message: Message) -> None:
        """Use what a message names."""
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                for part in value if field.is_repeated else (value,):
                    if isinstance(part, Message):
                        self.learn(part)
            elif field.name.endswith("_id") or field.name in {"number", "invoice_number", "next_page_token"}:
                known = self._seen[field.name]
                known.append(value)
                del known[:-20]

    def seen(self, name: str) -> list[Any]:
        """What was named in a field of that name."""
        return self._seen[name]

    def _fill(self, message: Message) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.is_repeated and field.message_type is not None and field.message_type.GetOptions().map_entry:
                continue
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                if field.is_repeated:
                    for _ in range(self._random.randint(0, 2)):
                        self._fill(getattr(message, field.name).add())
                elif self.chance(0.8):
                    self._fill(getattr(message, field.name))
            elif field.is_repeated:
                getattr(message, field.name).extend(self._usual(field) for _ in range(self._random.randint(0, 2)))
            else:
                setattr(message, field.name, self._usual(field))

    def _usual(self, field: Any) -> Any:
        if known := self._known(field.name):
            return self._random.choice(known)
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                return self._usual_text(field)
            case FieldDescriptor.TYPE_BYTES:
                return b""
            case FieldDescriptor.TYPE_BOOL:
                return self.chance(0.5)
            case FieldDescriptor.TYPE_ENUM:
                assert field.enum_type is not None
                return self._random.choice(field.enum_type.values).number
        if field.containing_type.full_name == "google.protobuf.Timestamp":
            return 1_900_000_000 if field.name == "seconds" else 0
        return self._random.choice((1, 100, 1_000, 12_345))

    def _usual_text(self, field: Any) -> str:
        match bound_of(field).kind:
            case bounds_pb2.TEXT_DATE:
                return self._random.choice(DATES)
            case bounds_pb2.TEXT_DECIMAL:
                return "1"
        return f"{field.name}-1"

    def _known(self, name: str) -> list[Any]:
        """What is usual in a field of that name, and what was seen in it, or in what it may name."""
        known = list(USUAL.get(name, ()))
        for other in ALSO.get(name, (name,)):
            known += self._seen.get(other, ())
        return known

    def _spoil(self, message: Message) -> None:
        """Put something else in the place of one value, somewhere."""
        fields = [f for f in message.DESCRIPTOR.fields if not (f.is_repeated and is_map(f))]
        if not fields:
            return
        field = self._random.choice(fields)
        if field.is_repeated:
            self._spoil_list(message, field)
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            setattr(message, field.name, self._odd(field))
        elif self.chance(0.2):
            message.ClearField(field.name)
        else:
            self._spoil(getattr(message, field.name))

    def _spoil_list(self, message: Message, field: Any) -> None:
        elements = getattr(message, field.name)
        if elements and self.chance(0.3):
            elements.extend([elements[0]] * self._random.choice((1, 25)))  # twice the same, or many
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            self._spoil(self._random.choice(elements) if elements else elements.add())
        else:
            elements.append(self._odd(field))

    def _odd(self, field: Any) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._random.choice(ODD_TEXTS) if self.chance(0.8) else self._any_text()
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._random.choice(ODD_BYTES)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self.chance(0.5)
        low, high = _NUMBERS[field.type]
        return max(low, min(high, self._random.choice((*ODD_NUMBERS, self._random.randint(low, high)))))

    def _any_text(self) -> str:
        points = (self._random.choice((128, 0x2100, 0xD800, 0x110000)) for _ in range(self._random.randint(1, 300)))
        return "".join(chr(point) for most in points if not 0xD800 <= (point := self._random.randrange(most)) < 0xE000)


def is_map(field: Any) -> bool:
    """Whether it is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _add_up(order: orders_pb2.OrderPlaced) -> None:
    """Make an order's lines and amounts add up, as a shop's do."""
    for nth, line in enumerate(order.lines, 1):
        line.line_id = str(nth)
        amount = Decimal(line.quantity) * Decimal(line.unit_price) * 100
        line.net_minor = int(amount.to_integral_value(ROUND_HALF_UP))
    order.currency = "EUR"
    order.net_minor = sum(line.net_minor for line in order.lines)
    order.tax_minor = 0
    order.gross_minor = order.net_minor


def _be_a_document(request: disputes_pb2.AddEvidenceRequest) -> None:
    """Make a file what it is said to be."""
    request.media_type, request.content = "application/pdf", b"%PDF-" + request.file_name.encode()


FITTING: dict[str, tuple[Callable[[Any], None], ...]] = {
    "receivables.orders.v1.OrderPlaced": (_add_up,),
    "receivables.disputes.v1.AddEvidenceRequest": (_be_a_document,),
}
ALSO: dict[str, tuple[str, ...]] = {
    "invoice": ("invoice_id", "number", "invoice_number"),
    "document": ("invoice_id", "number", "credit_note_id"),
    "remittance": ("number", "invoice_number"),
    "page_token": ("next_page_token",),
}

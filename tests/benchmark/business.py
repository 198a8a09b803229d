"""The business that is measured: one seller, 300 buyers with two people each, orders of three lines.

All is as plain as business is: euros, EN 16931 as UBL, no attachments; what other formats cost, `documents` says.
The records of its orders are made of prepared bytes, so that telling them costs as little as it can.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from zoneinfo import ZoneInfo

from receivables.common.v1 import party_pb2

from deploy.demo import orders, sample
from deploy.demo.calls import Services
from deploy.demo.desk import Desk
from deploy.demo.player import AT_ONCE
from deploy.demo.sample import Buyer, Contact, Seller
from services.kernel.money import Money

ORDERS = "receivables.orders.v1"
TENANT = "nordwerk"
BUYERS = 300
LINES = 3
# To whoever received the goods, and to whoever pays the invoice; everything else waits for the day's digest.
MAILS_PER_ORDER = 2
PLENTY = Decimal(1_000_000_000)  # of credit
CURRENCY = "EUR"

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is the same in every order of an account: its records are this and an order's number."""

    account: str
    key: bytes
    placed: bytes
    shipped: bytes
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it goes to the orders' topic."""

    key: bytes
    value: bytes
    headers: Headers


def register(services: Services) -> None:
    """Make seller, buyers and people known, each by its call."""
    desk = Desk(services, TENANT)
    desk.register_seller(seller())
    buyers = [_buyer(number) for number in range(BUYERS)]
    _at_once([partial(desk.register_buyer, buyer) for buyer in buyers])
    _at_once([partial(desk.register_contact, person) for person in (*_staff(), *_people(buyers))])


def patterns() -> list[Pattern]:
    """What each account orders, priced and encoded as of today."""
    today = datetime.now(ZoneInfo(seller().time_zone)).date()
    return [_pattern(_buyer(number), today) for number in range(BUYERS)]


def placed(pattern: Pattern, run: str, number: int, at: bytes) -> Record:
    """The record of an order that is placed."""
    order = order_id(run, number)
    return Record(pattern.key, pattern.placed + _text(1, order), _headers("OrderPlaced", order, number * 2, at))


def shipped(pattern: Pattern, run: str, number: int, at: bytes) -> Record:
    """The record of its one shipment, of everything."""
    order = order_id(run, number)
    body = pattern.shipped + _text(1, order) + _text(2, order + b"-1")
    return Record(pattern.key, body, _headers("OrderShipped", order, number * 2 + 1, at))


def order_id(run: str, number: int) -> bytes:
    """How an order of a run is called."""
    return f"{run}-{number}".encode()


def now() -> bytes:
    """The time as a header says it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z").encode()


def _text(field: int, text: bytes) -> bytes:
    """A field of text as protobuf writes it; whoever reads does not mind in which order fields come."""
    assert len(text) < 128
    return bytes([field << 3 | 2, len(text)]) + text


def _headers(kind: str, order: bytes, nth: int, at: bytes) -> Headers:
    # Derived from the order, so that each is its own event; all of one run are neighbours in an index, as UUIDv7 are.
    event_id = _event_id(order, nth)
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id),
        ("ce_type", f"{ORDERS}.{kind}".encode()),
        ("ce_source", b"/benchmark"),
        ("ce_subject", b"order/" + order),
        ("ce_time", at),
        ("content-type", b"application/protobuf"),
        ("ce_tenant", TENANT.encode()),
        ("ce_actor", b"key:shop"),
        ("ce_reason", b"the shop tells"),
        ("ce_idempotencykey", event_id),
        ("traceparent", b"00-%032x-%016x-01" % (nth + 1, nth + 1)),
    ]


def _event_id(order: bytes, nth: int) -> bytes:
    run = _digits(order.partition(b"-")[0])
    return f"{run[:8]}-{run[8:12]}-7{run[12:15]}-8{run[15:18]}-{nth:012x}".encode()


@cache
def _digits(run: bytes) -> str:
    return hashlib.sha256(run).hexdigest()


def seller() -> Seller:
    """Of the sample."""
    [found] = [one for one in sample.load().sellers if one.tenant == TENANT]
    return found


def _buyer(number: int) -> Buyer:
    account = f"B{number:03d}"
    address = party_pb2.Address(
        street=f"Lindenallee {number + 1}", city="Bremen", post_code=f"{28000 + number}", country="DE"
    )
    company = party_pb2.Company(name=f"Handwerk {number} GmbH", address=address)
    reference = f"BM-{number}"
    return Buyer(TENANT, account, company, CURRENCY, PLENTY, invoice_on="SHIPMENT", buyer_reference=reference)


def _staff() -> list[Contact]:
    """The seller's people, as in the sample."""
    return [person for person in sample.load().contacts if person.tenant == TENANT and not person.account]


def _people(buyers: Sequence[Buyer]) -> Iterator[Contact]:
    for buyer in buyers:
        for nth, roles in enumerate(
            (("REQUESTER", "PROCUREMENT", "RECEIVING"), ("AP_CLERK", "AP_MANAGER", "FINANCE_LEAD", "ACCOUNT_ADMIN")), 1
        ):
            name = f"{buyer.account}-{nth}"
            yield Contact(
                tenant=TENANT,
                contact=name,
                account=buyer.account,
                name=f"Kim Sommer {name}",
                email=f"{name.lower()}@buyers.example",
                roles=roles,
                language=("de", "en")[nth % 2],
                wants_document=False,
                site="",
            )


def _pattern(buyer: Buyer, today: date) -> Pattern:
    lines = [
        orders.Line(
            line_id=str(nth),
            sku=f"NW-{nth}00",
            name=f"Article {nth} of the catalogue",
            quantity=Decimal(nth * 3),
            unit_price=Decimal("19.90") + nth + int(buyer.account[1:]),
        )
        for nth in range(1, LINES + 1)
    ]
    order = orders.Order("", buyer.account, CURRENCY, today, today + timedelta(days=2), lines)
    told = orders.placed(order, sample.party(seller().company), sample.party(buyer.company))
    return Pattern(
        account=buyer.account,
        key=f"{TENANT}/{buyer.account}".encode(),
        placed=told.SerializeToString(),
        shipped=orders.shipped(told, "", today).SerializeToString(),
        gross_minor=Money(told.gross_minor, CURRENCY).minor,
    )


def _at_once(deeds: Sequence[partial[None]]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(deed) for deed in deeds]:
            done.result()

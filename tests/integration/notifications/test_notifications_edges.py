"""Whatever another service may tell, by its contract's bounds, people hear of it; and whatever comes again is told once."""

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import bounds_pb2
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes
from receivables.invoicing.v1 import events_pb2 as invoicing
from receivables.ledger.v1 import events_pb2 as ledger
from receivables.orders.v1 import events_pb2 as orders

from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES
from services.notifications.service import SERVICE
from tests.integration.notifications.office import Office
from tests.unit.notifications.samples import TENANT, an_event, record

TEXTS = {
    bounds_pb2.TEXT_ID: ("i", 128),
    bounds_pb2.TEXT_CODE: ("c", 64),
    bounds_pb2.TEXT_LINE: ("é", 200),
    bounds_pb2.TEXT_LINES: ("l\n", 4000),
}
MANY = 50  # of what is repeated; ten thousand findings are asked for apart
HOUSE = [*sorted(BUYER_ROLES), *sorted(SELLER_ROLES)]


def longest(kind: type[Message]) -> Any:
    """A fact of a kind that is as long as its contract lets it be."""
    body = kind()
    fields: Any = body.DESCRIPTOR.fields
    for field in fields:
        many = field.is_repeated
        if field.message_type is not None:
            cls = GetMessageClass(field.message_type)
            value = Timestamp(seconds=4_000_000_000) if cls is Timestamp else longest(cls)
            if many:
                getattr(body, field.name).extend([value] * _many(field))
            else:
                getattr(body, field.name).CopyFrom(value)
        elif many:
            getattr(body, field.name).extend([_value(field)] * _many(field))
        else:
            setattr(body, field.name, _value(field))
    return body


def _many(field: Any) -> int:
    return int(min(MANY, field.GetOptions().Extensions[bounds_pb2.most]))


def _value(field: Any) -> Any:
    options = field.GetOptions().Extensions
    if field.name == "currency":
        return "KWD"
    if field.enum_type is not None:
        return field.enum_type.values[1].number
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_BYTES:
        return b""
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = options[bounds_pb2.text]
        if text == bounds_pb2.TEXT_DATE:
            return "2199-12-31"
        if text == bounds_pb2.TEXT_DECIMAL:
            return "9" * 18
        letter, most = TEXTS[text]
        most = options[bounds_pb2.longest] or most
        return (letter * most)[:most]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    return min(options[bounds_pb2.largest] or 2_000_000_000, 10**15 - 1)


EDGES = [
    *(credit.CreditDecided, credit.HoldReleased, credit.HoldExpired, credit.LimitChanged, credit.LimitExceeded),
    *(credit.OrderRefused, credit.HoldPlaced, credit.HoldLifted, credit.BuyerRegistered, credit.BuyerChanged),
    *(credit.ApplicationMoved, credit.ApplicationDecided, credit.FactWanted, credit.ReviewProposed, credit.ReviewEnded),
    *(credit.FraudSignalled, credit.OrderCheckMoved),
    *(orders.OrderPlaced, orders.OrderShipped, orders.GoodsReceived, orders.OrderCancelled),
    *(invoicing.InvoiceIssued, invoicing.CreditNoteIssued, invoicing.DocumentHeld, invoicing.ShipmentRefused),
    *(invoicing.CreditNoteRefused, invoicing.InvoiceDiffers, invoicing.SellerRegistered, invoicing.SellerChanged),
    *(ledger.PaymentReceived, ledger.CashApplied, ledger.ItemReduced, ledger.CashUnapplied, ledger.PaymentAnnounced),
    *(disputes.DisputeOpened, disputes.DisputeChecked, disputes.DisputeMoved, disputes.DisputeResolved),
    *(disputes.DisputeChanged, disputes.DisputeAtRisk, disputes.DisputeLate, disputes.DisputeCellSet),
    disputes.IncidentMoved,
]


async def test_every_event_that_is_followed_is_tried_at_its_edge(office: Office):
    assert set(SERVICE.handlers(office.parts.settings)) == set(EDGES)


async def test_what_is_as_long_as_can_be_is_told_in_every_language_within_the_contracts_bounds(office: Office):
    for language in LANGUAGES:
        for role in HOUSE:
            account = "acme" if role in BUYER_ROLES else ""
            contact = f"{role}-{language}".replace("_", "-")
            await office.register(contact, role, language=language, account=account)

    for kind in EDGES:
        body = longest(kind)
        if kind is ledger.PaymentAnnounced:
            body.state = "EXPECTED"
        if kind is disputes.DisputeChecked:
            body.outcome = disputes.CHECK_OUTCOME_CREDITED
        for name in ("scope", "scopes"):  # nobody has a scope so long: it is told to all
            body.ClearField(name) if name in body.DESCRIPTOR.fields_by_name else None
        await office.follow(an_event(body, f"order/{'o' * 128}"))

    assert await office.rows("SELECT code, detail FROM parked") == []
    rows = await office.rows("SELECT DISTINCT event_type, language FROM message")
    told = {row.event_type for row in rows}
    assert len(told) >= 17
    assert {row.language for row in rows} == set(LANGUAGES)
    messages = await office.rows("SELECT * FROM message")
    assert max(len(m.subject) for m in messages) <= 400
    assert max(len(m.why_you) for m in messages) <= 400
    assert max(len(m.owner) for m in messages) <= 400
    for part in ("what_happened", "affects", "what_we_do", "action"):
        assert max(len(getattr(m, part)) for m in messages) <= 4000, part
    assert max(len(m.track_url) for m in messages) <= 1000


@pytest.mark.parametrize(
    "body",
    [
        invoicing.DocumentHeld(draft_id="d1", account_id="acme"),
        invoicing.DocumentHeld(draft_id="d1", findings=[invoicing.Finding(rule="BR-1", message="m" * 4000)] * 10_000),
        invoicing.ShipmentRefused(code="shipment.unknown"),
        credit.OrderRefused(code="order.no_lines"),
        credit.HoldPlaced(hold_id="h"),
        credit.HoldLifted(hold_id="h"),
        invoicing.SellerChanged(version=1),
        credit.BuyerChanged(account_id="acme"),
        orders.OrderShipped(order_id="o", shipment_id="s"),
    ],
    ids=lambda body: type(body).__name__,
)
async def test_what_lacks_everything_optional_or_has_ten_thousand_parts_is_taken(office: Office, body: Message):
    await office.register("bill", "BILLING", "CREDIT", "COLLECTOR", account="")
    await office.register("cleo", "RECEIVING")

    await office.follow(an_event(body))

    assert await office.rows("SELECT code, detail FROM parked") == []


async def test_whatever_comes_again_after_the_inbox_forgot_it_is_told_to_nobody_again(office: Office):
    for role in HOUSE:
        account = "acme" if role in BUYER_ROLES else ""
        await office.register(role.lower().replace("_", "-"), role, account=account)
    history = [record(an_event(longest(kind), "invoice/i1", event_id=f"e{nth}")) for nth, kind in enumerate(EDGES)]
    await office.parts.consumer.handle(history)
    before = await _all(office)

    await office.rows("DELETE FROM inbox RETURNING 1")
    again = [replace(one, offset=one.offset + 1_000_000) for one in history]
    await office.parts.consumer.handle(again)

    assert await office.rows("SELECT code, detail FROM parked") == []
    assert await _all(office) == before
    assert before["message"]


async def _all(office: Office) -> dict[str, list[Any]]:
    tables = "company seller order_scope dispute_reason case_file story journey message mail vacancy job outbox"
    return {
        table: await office.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1", TENANT) for table in tables.split()
    }

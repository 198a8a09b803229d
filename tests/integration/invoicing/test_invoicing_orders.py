"""Orders by calls: told as the source `portal` would, once, if they could be kept; and shown as they stand."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from receivables.invoicing.v1 import events_pb2, service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.invoicing.stream import HANDLERS
from tests.integration.invoicing.office import (
    LINES,
    MONDAY,
    Metadata,
    Office,
    OpenOffice,
    buyer,
    cancelled,
    metadata,
    placed,
    placing,
    shipped,
    shipping,
)
from tests.integration.invoicing.test_invoicing_calls import refused

PORTAL = "receivables.orders.v1.portal"
SOURCES = {"portal": ["acme"], "*": ["*"]}


@pytest.fixture
async def office(open_office: OpenOffice) -> AsyncIterator[Office]:
    """Give an office with a German seller, two German buyers, and people who order by calls."""
    async with open_office(order_sources=SOURCES) as opened:
        await opened.register_seller()
        await opened.handle(buyer(), buyer("b2"))
        yield opened


def by(actor: str, key: str | None = None) -> Metadata:
    """In somebody's name."""
    return tuple((name, actor if name == "ar-actor" else value) for name, value in metadata(key=key))


async def place(office: Office, request: service_pb2.PlaceOrderRequest, who: Metadata | None = None) -> Any:
    return await office.stub.PlaceOrder(request, metadata=who or metadata())


async def ship(office: Office, request: service_pb2.ShipOrderRequest) -> Any:
    return await office.stub.ShipOrder(request, metadata=metadata())


async def cancel(office: Office, order: str = "o1", version: int = 0, account: str = "b1") -> Any:
    request = service_pb2.CancelOrderRequest(account_id=account, order_id=order, version=version)
    return await office.stub.CancelOrder(request, metadata=metadata())


async def hear(office: Office) -> None:
    """Everything that was told hears who follows it, again and again."""
    await office.handle(*await office.told(PORTAL))


async def shown(office: Office, order: str = "o1") -> service_pb2.Order:
    answer = await office.stub.GetOrder(service_pb2.GetOrderRequest(order_id=order), metadata=metadata())
    found: service_pb2.Order = answer.order
    return found


async def said(office: Office) -> list[str]:
    """The types of what was told, oldest first."""
    return [record.headers["ce_type"].rpartition(".")[2] for record in await office.told(PORTAL)]


async def test_an_order_by_a_call_is_told_as_the_portals_and_kept_when_it_is_heard(office: Office) -> None:
    request = placing()
    request.order.requested_by = "somebody"
    answer = await place(office, request, by("contact:c1", key="k1"))

    [record] = await office.told(PORTAL)
    event = decode(record, types_of(PORTAL, HANDLERS))
    request.order.requested_by = "c1"
    assert (answer.order_id, answer.version) == ("o1", 1)
    assert (event.body, event.account_id, event.subject) == (request.order, "b1", "order/o1")
    assert (event.origin.actor, event.origin.idempotency_key) == ("key:portal for contact:c1", "k1")
    assert await refused(office.stub.GetOrder(service_pb2.GetOrderRequest(order_id="o1"), metadata=metadata())) == (
        grpc.StatusCode.NOT_FOUND,
        "order.unknown",
    )

    await hear(office)

    order = await shown(office)
    assert order.placed == with_usual_kinds(request.order)
    assert (order.state, order.placed_at.ToJsonString()) == (service_pb2.ORDER_STATE_PLACED, "2026-03-02T09:00:00Z")
    assert await office.parked() == []


def with_usual_kinds(order: orders_pb2.OrderPlaced) -> orders_pb2.OrderPlaced:
    """Lines of which nobody said what they are, are goods."""
    for line in order.lines:
        line.kind = orders_pb2.LINE_KIND_GOODS
    return order


async def test_who_stands_in_for_another_is_named_as_who_ordered(office: Office) -> None:
    await place(office, placing(), by("user:bo for user:ada"))

    [record] = await office.told(PORTAL)
    assert decode(record, types_of(PORTAL, HANDLERS)).origin.actor == "key:portal for user:bo"


@pytest.mark.parametrize("sources", [{}, {"shop": ["*"]}, {"portal": ["globex"]}])
async def test_nothing_is_told_where_the_portal_is_no_source(open_office: OpenOffice, sources: dict[str, Any]) -> None:
    async with open_office(order_sources=sources) as office:
        await office.register_seller()
        await office.handle(buyer(), *([placed("o0")] if not sources else []))
        for call in (place(office, placing()), ship(office, shipping("o0")), cancel(office, "o0")):
            assert await refused(call) == (grpc.StatusCode.FAILED_PRECONDITION, "order.no_portal_source")
        assert await office.told(PORTAL) == []


def changed(**fields: Any) -> Callable[[service_pb2.PlaceOrderRequest], None]:
    def change(request: service_pb2.PlaceOrderRequest) -> None:
        for name, value in fields.items():
            setattr(request.order, name, value)

    return change


def without_lines(request: service_pb2.PlaceOrderRequest) -> None:
    del request.order.lines[:]


def too_many_lines(request: service_pb2.PlaceOrderRequest) -> None:
    request.order.lines.extend([request.order.lines[0]] * 10_000)


def at_no_rate(request: service_pb2.PlaceOrderRequest) -> None:
    request.order.lines[0].vat_rate = "17.5"


def elsewhere(request: service_pb2.PlaceOrderRequest) -> None:
    request.scope.site = "south"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (changed(order_id=""), "order.incomplete"),
        (changed(version=0), "order.incomplete"),
        (changed(net_minor=1), "order.net_mismatch"),
        (changed(gross_minor=1), "order.gross_mismatch"),
        (changed(currency="XXY"), "money.unknown_currency"),
        (changed(promised_ship_on="2026-02-30"), "date.malformed"),
        (changed(account_id="b2"), "order.account_mismatch"),
        (changed(order_id="o" * 129), "text.too_long"),
        (without_lines, "order.no_lines"),
        (too_many_lines, "order.too_large"),
        (at_no_rate, "order.rate_unknown"),
        (elsewhere, "order.scope_mismatch"),
    ],
)
async def test_an_order_that_could_not_be_kept_is_refused_and_told_to_nobody(
    office: Office, change: Callable[[service_pb2.PlaceOrderRequest], None], code: str
) -> None:
    request = placing()
    change(request)

    assert await refused(place(office, request)) == (grpc.StatusCode.INVALID_ARGUMENT, code)
    assert await office.told(PORTAL) == []


async def test_of_several_sellers_an_order_names_one(office: Office) -> None:
    await office.register_seller(seller_id="s2", prefix="XX")

    assert (await refused(place(office, placing())))[1] == "order.seller_missing"
    await place(office, placing(seller="s2"))
    assert await said(office) == ["OrderPlaced"]


async def test_an_order_is_told_once_however_often_it_is_placed(office: Office) -> None:
    for _ in range(2):
        await place(office, placing(), by("contact:c1", key="lost"))
    assert await said(office) == ["OrderPlaced"]

    await hear(office)
    await hear(office)
    await place(office, placing(), by("contact:c1", key="again"))
    await place(office, placing(version=2, promised="2026-03-09"), by("contact:c1"))
    await hear(office)

    assert await said(office) == ["OrderPlaced", "OrderPlaced"]
    assert ((await shown(office)).placed.version, await office.parked()) == (2, [])


async def test_what_would_not_be_heeded_is_refused(office: Office) -> None:
    await place(office, placing(version=2))
    await hear(office)

    for request, code in (
        (placing(version=1), "order.version_passed"),
        (placing(version=2, promised="2026-03-09"), "order.id_reused"),
        (placing(version=1, account="b2"), "order.account_changed"),
        (placing(version=3, account="b2"), "order.account_changed"),
    ):
        assert await refused(place(office, request)) == (grpc.StatusCode.FAILED_PRECONDITION, code)
    await office.handle(shipped(final=False, quantities=(("1", "1"),)))
    assert (await refused(place(office, placing(version=3))))[1] == "order.already_shipped"
    assert await said(office) == ["OrderPlaced"]


async def test_an_order_without_a_day_is_of_today_where_the_seller_is(office: Office) -> None:
    await office.set_clock(MONDAY.replace(hour=23, minute=30))  # which is Tuesday in Berlin
    request = placing()
    request.order.placed_on = ""
    await place(office, request)
    await hear(office)
    await office.set_clock(MONDAY + timedelta(days=3))
    await place(office, request)

    assert (await said(office), (await shown(office)).placed.placed_on) == (["OrderPlaced"], "2026-03-03")


async def test_a_shipment_by_a_call_is_invoiced_when_it_is_heard_once(office: Office) -> None:
    await place(office, placing())
    await hear(office)
    part = shipping(quantities=(("1", "4"),), final=False)
    await ship(office, part)
    assert await office.invoices() == []

    await hear(office)
    await ship(office, part)
    await hear(office)
    order = await shown(office)
    assert [line.quantity for line in order.shipments[0].lines] == ["4"]
    assert order.state == service_pb2.ORDER_STATE_PARTLY_SHIPPED
    await ship(office, shipping(shipment="p2", quantities=(("1", "6"), ("2", "3")), final=False))
    await hear(office)

    order = await shown(office)
    assert await said(office) == ["OrderPlaced", "OrderShipped", "OrderShipped"]
    assert [invoice.number for invoice in await office.invoices()] == list(order.documents)
    assert (len(order.documents), order.state) == (2, service_pb2.ORDER_STATE_SHIPPED)
    assert [one.shipment_id for one in order.shipments] == ["p1", "p2"]


async def test_a_shipment_that_could_not_be_invoiced_is_refused(office: Office) -> None:
    await office.handle(placed(), placed("o2"), shipped("o2"), placed("o3"), cancelled("o3"), placed("o4"))
    await office.handle(shipped("o4", "p1", (("1", "1"),), final=False))

    for request, status, code in (
        (shipping("ox"), grpc.StatusCode.NOT_FOUND, "order.unknown"),
        (shipping(account="b2"), grpc.StatusCode.FAILED_PRECONDITION, "shipment.account_mismatch"),
        (shipping(quantities=(("1", "11"),)), grpc.StatusCode.FAILED_PRECONDITION, "shipment.exceeds_order"),
        (shipping(quantities=(("9", "1"),)), grpc.StatusCode.INVALID_ARGUMENT, "shipment.unknown_line"),
        (shipping(quantities=()), grpc.StatusCode.INVALID_ARGUMENT, "shipment.no_lines"),
        (shipping("o2", "p2"), grpc.StatusCode.FAILED_PRECONDITION, "shipment.after_final"),
        (shipping("o3"), grpc.StatusCode.FAILED_PRECONDITION, "shipment.order_cancelled"),
        (shipping("o4", "p1"), grpc.StatusCode.FAILED_PRECONDITION, "shipment.id_reused"),
    ):
        assert await refused(ship(office, request)) == (status, code), code
    assert await said(office) == []


async def test_an_order_is_cancelled_when_that_is_heard_and_told_so_once(office: Office) -> None:
    await office.handle(placed(), placed("o2"), shipped("o2"), placed("o3", version=2))
    await cancel(office)
    await hear(office)
    await cancel(office)

    [record] = await office.told(PORTAL)
    assert orders_pb2.OrderCancelled.FromString(record.value or b"").version == 1
    assert (await shown(office)).state == service_pb2.ORDER_STATE_CANCELLED
    for call, code in (
        (cancel(office, "ox"), "order.unknown"),
        (cancel(office, account="b2"), "order.account_mismatch"),
        (cancel(office, "o2"), "order.already_shipped"),
        (cancel(office, "o3", version=1), "order.version_passed"),
    ):
        assert (await refused(call))[1] == code
    assert await said(office) == ["OrderCancelled"]


async def listed(office: Office, **asked: Any) -> list[str]:
    """The ids of orders, page by page."""
    found, token = [], ""
    while True:
        request = service_pb2.ListOrdersRequest(page_token=token, **asked)
        page = await office.stub.ListOrders(request, metadata=metadata())
        assert not any(order.placed.lines for order in page.orders)
        found += [order.placed.order_id for order in page.orders]
        if not (token := page.next_page_token):
            return found


def for_purchase_order(name: str, record: Record) -> Record:
    body = orders_pb2.OrderPlaced.FromString(record.value or b"")
    body.scope.purchase_order = name
    return replace(record, value=body.SerializeToString())


async def test_orders_are_listed_the_newest_first_page_by_page(office: Office) -> None:
    for nth, (order, account) in enumerate((("a", "b1"), ("z", "b1"), ("b", "b2"), ("c", "b1"), ("d", "b1"))):
        await office.set_clock(MONDAY + timedelta(minutes=nth // 2))  # two at a time
        await office.handle(placed(order, account=account))
    await office.set_clock(MONDAY + timedelta(days=1))
    await office.handle(placed("a", version=2, promised="2026-03-09"), shipped("c"))  # which makes none newer
    async with office.parts.database.transaction(["acme"]) as tx:  # as the version before writes them
        await tx.run("UPDATE sales_order SET known_at = NULL WHERE order_id = 'd'")

    assert await listed(office, page_size=2) == ["c", "b", "z", "a", "d"]
    assert await listed(office, page_size=1, account_id="b1") == ["c", "z", "a", "d"]
    assert await listed(office, account_id="b3") == []


async def test_orders_are_found_by_how_their_id_or_purchase_order_begins(office: Office) -> None:
    await office.handle(
        for_purchase_order("4711", placed("web-1")),
        for_purchase_order("x%1", placed("web_2")),
        for_purchase_order("", placed("Web-3")),
        for_purchase_order("web-7", placed("s-4", account="b2")),
        for_purchase_order("web-5", placed("web-9", account="b2")),
        for_purchase_order("same", placed("same")),
    )

    for search, found in (
        ("web", ["web_2", "web-9", "s-4", "web-1"]),
        ("web-", ["web-9", "s-4", "web-1"]),
        ("web_", ["web_2"]),
        ("x%", ["web_2"]),
        ("%", []),
        ("47", ["web-1"]),
        ("711", []),
        ("same", ["same"]),
        ("'; DROP", []),
    ):
        for size in (1, 2, 100):
            assert await listed(office, search=search, page_size=size) == found, search
    assert await listed(office, search="web", account_id="b2", page_size=1) == ["web-9", "s-4"]


async def test_documents_are_found_by_how_they_begin_and_listed_the_newest_first(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), for_purchase_order("77-A", placed("p3")))
    for order in ("o1", "o2", "p3"):
        await office.handle(shipped(order))

    async def numbers(**asked: Any) -> list[str]:
        found, token = [], ""
        while True:
            request = service_pb2.ListInvoicesRequest(page_size=1, page_token=token, **asked)
            page = await office.stub.ListInvoices(request, metadata=metadata())
            found += [one.invoice.number[-1] for one in page.documents]
            if not (token := page.next_page_token):
                return found

    assert await numbers(newest_first=True) == ["3", "2", "1"]
    assert await numbers(newest_first=True, account_id="b1", search="RE-2026-") == ["3", "2", "1"]
    assert await numbers(search="o") == ["1", "2"]
    assert await numbers(search="77") == ["3"]
    assert await numbers(search="PO-9", newest_first=True) == ["2", "1"]
    assert await numbers(search="E-2026") == []
    assert await numbers(search="o", account_id="b2") == []
    of_order = office.stub.ListInvoices(service_pb2.ListInvoicesRequest(order_id="o1", search="o"), metadata=metadata())
    assert (await refused(of_order))[1] == "invoice.search_of_order"


async def test_a_contract_is_shown_as_it_stands_and_before_there_is_one_what_holds(office: Office) -> None:
    async def contract() -> service_pb2.SetContractRequest:
        request = service_pb2.GetContractRequest(account_id="b1")
        found: service_pb2.SetContractRequest = (await office.stub.GetContract(request, metadata=metadata())).contract
        return found

    usual = service_pb2.SetContractRequest(
        account_id="b1", net_days=30, invoice_on=service_pb2.INVOICE_ON_SHIPMENT, profile="en16931", format="ubl"
    )
    assert await contract() == usual
    await office.set_contract(on_approval=True, net_days=14, buyer_reference="B-7", profile="xrechnung", language="de")

    assert await contract() == service_pb2.SetContractRequest(
        account_id="b1",
        net_days=14,
        invoice_on=service_pb2.INVOICE_ON_APPROVAL,
        buyer_reference="B-7",
        profile="xrechnung",
        format="ubl",
        language="de",
    )
    nobodys = office.stub.GetContract(service_pb2.GetContractRequest(), metadata=metadata())
    assert (await refused(nobodys))[1] == "contract.account_missing"


async def test_what_a_copy_of_the_database_tells_again_is_one_order_and_one_invoice(office: Office) -> None:
    await place(office, placing(lines=LINES[:1]))
    await hear(office)
    await ship(office, shipping(quantities=(("1", "10"),)))
    told = await office.told(PORTAL)
    await office.handle(*told, *(replace(record, offset=record.offset + 100) for record in told))
    async with office.parts.database.transaction(()) as tx:
        await tx.run("DELETE FROM inbox")  # as one forgets what is older than the copy
    await office.handle(*(replace(record, offset=record.offset + 200) for record in told))
    await place(office, placing(lines=LINES[:1]), by("user:test", key="whose answer was lost"))

    assert await said(office) == ["OrderPlaced", "OrderShipped"]
    assert len(await office.announced(events_pb2.InvoiceIssued)) == 1
    assert await office.parked() == []

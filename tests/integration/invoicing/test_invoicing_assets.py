"""Assets: told by the seller, named by lines of orders, and found again with the orders and documents for them."""

from dataclasses import replace
from typing import Any

import grpc
from receivables.invoicing.v1 import service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Record
from tests.integration.invoicing.office import (
    Office,
    buyer,
    metadata,
    placed,
    reported,
    resolved,
    shipped,
)
from tests.integration.invoicing.test_invoicing_calls import refused


async def asset(office: Office, asset_id: str = "A-1") -> orders_pb2.AssetReported:
    request = service_pb2.GetAssetRequest(asset_id=asset_id)
    found: orders_pb2.AssetReported = (await office.stub.GetAsset(request, metadata=metadata())).asset
    return found


async def assets(office: Office, **asked: Any) -> list[str]:
    """The ids of assets, page by page."""
    found, token = [], ""
    while True:
        page = await office.stub.ListAssets(
            service_pb2.ListAssetsRequest(page_token=token, **asked), metadata=metadata()
        )
        found += [one.asset_id for one in page.assets]
        if not (token := page.next_page_token):
            return found


async def orders(office: Office, **asked: Any) -> list[str]:
    found, token = [], ""
    while True:
        request = service_pb2.ListOrdersRequest(page_token=token, asset_id="A-1", **asked)
        page = await office.stub.ListOrders(request, metadata=metadata())
        found += [one.placed.order_id for one in page.orders]
        if not (token := page.next_page_token):
            return found


async def papers(office: Office, **asked: Any) -> list[str]:
    """The order of each document."""
    found, token = [], ""
    while True:
        request = service_pb2.ListInvoicesRequest(page_token=token, asset_id="A-1", **asked)
        page = await office.stub.ListInvoices(request, metadata=metadata())
        found += [one.invoice.order_id or f"credit {one.credit_note.order_id}" for one in page.documents]
        if not (token := page.next_page_token):
            return found


def of_day(day: str, record: Record) -> Record:
    body = orders_pb2.OrderPlaced.FromString(record.value or b"")
    body.placed_on = day
    return replace(record, value=body.SerializeToString())


def edited(record: Record, **changes: Any) -> Record:
    body = orders_pb2.AssetReported.FromString(record.value or b"")
    for name, value in changes.items():
        if value is None:
            body.ClearField(name)  # type: ignore[arg-type]
        else:
            setattr(body, name, value)
    return replace(record, value=body.SerializeToString())


async def test_the_newest_word_on_an_asset_is_shown_whichever_came_first(office: Office) -> None:
    await office.handle(
        reported("A-1", ("Operating hours", "130.5", 4), day=5, name="Compressor, repaired"),
        reported("A-1", ("Operating hours", "100", 2), ("Pressure", "7", 2), day=2),
    )

    found = await asset(office)
    assert (found.account_id, found.serial_number, found.name) == ("b1", "SN-A-1", "Compressor, repaired")
    assert (found.in_service_since, found.next_visit_on, found.scope.site) == ("2023-03-02", "2026-04-01", "north")
    assert [(one.name, one.value, one.unit, one.taken_at.ToJsonString()) for one in found.readings] == [
        ("Operating hours", "130.5", "h", "2026-03-04T08:00:00Z"),
        ("Pressure", "7", "h", "2026-03-02T08:00:00Z"),
    ]

    await office.handle(reported("A-1", ("Operating hours", "100", 2), day=2))
    assert await asset(office) == found


async def test_assets_are_listed_by_serial_number_and_found_by_how_it_begins(office: Office) -> None:
    await office.handle(buyer("b2"), *(reported(name) for name in ("C", "A", "B2")), reported("B1", account="b2"))
    await office.handle(edited(reported("Z", day=3), serial_number=""))

    assert await assets(office, page_size=1) == ["A", "B1", "B2", "C", "Z"]
    assert await assets(office, search="SN-B") == ["B1", "B2"]
    assert await assets(office, search="SN-B", account_id="b1") == ["B2"]
    assert await assets(office, search="Z") == ["Z"]
    assert await assets(office, account_id="b2", page_size=1) == ["B1"]
    assert await refused(asset(office, "none")) == (grpc.StatusCode.NOT_FOUND, "asset.unknown")


async def test_an_assets_orders_and_documents_are_listed_the_newest_first(office: Office) -> None:
    await office.handle(
        buyer("b2"),
        of_day("2026-03-01", placed("old", asset="A-1")),
        of_day("2026-03-02", placed("new", asset="A-1")),
        of_day("2026-03-02", placed("newer", asset="A-1")),
        placed("other", asset="A-2"),
        placed("plain"),
        placed("theirs", asset="A-1", account="b2"),
    )
    await office.handle(shipped("old"), shipped("plain"))
    await office.handle(shipped("new", quantities=(("1", "10"),), final=False))
    await office.handle(shipped("new", "p2", (("2", "3"),)))  # nothing of it is for the asset

    assert await orders(office, account_id="b1", page_size=1) == ["newer", "new", "old"]
    assert await orders(office) == ["theirs", "newer", "new", "old"]
    assert sorted(await papers(office, page_size=1)) == ["new", "old"]
    assert await papers(office, account_id="b2") == []
    for call, code in (
        (orders(office, search="n"), "order.search_of_asset"),
        (papers(office, search="n"), "invoice.search_of_asset"),
        (papers(office, order_id="new"), "invoice.search_of_asset"),
    ):
        assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, code)

    await office.handle(of_day("2026-03-02", placed("newer", version=2)))
    assert await orders(office, account_id="b1") == ["new", "old"]


async def test_documents_of_an_asset_are_credit_notes_too(office: Office) -> None:
    await office.handle(placed(asset="A-1"), shipped())
    [invoice] = await office.invoices()
    await office.handle(resolved(invoice, lines=(("1", "2"),), gross=2975), placed("o2", asset="A-1"), shipped("o2"))

    assert await papers(office, page_size=2) == ["o2", "credit o1", "o1"]


async def test_what_is_no_word_on_an_asset_is_refused_and_holds_back_nothing(office: Office) -> None:
    await office.handle(
        edited(reported("A-1"), account_id="b2"),
        edited(reported("A-1"), reported_at=None),
        edited(reported("A-1"), next_visit_on="soon"),
        edited(reported("A-1"), name="two\nlines"),
        reported("A-1", ("Operating hours", "many", 2)),
        reported("A-1", ("", "1", 2)),
        reported("A-1"),
        reported("A-1", account="b2"),
    )

    assert await office.parked() == [
        ("refused", "asset.account_mismatch"),
        ("refused", "asset.time_missing"),
        ("refused", "date.malformed"),
        ("refused", "text.control_character"),
        ("refused", "number.malformed"),
        ("refused", "asset.reading_unnamed"),
        ("refused", "asset.account_changed"),
    ]
    assert (await asset(office)).account_id == "b1"

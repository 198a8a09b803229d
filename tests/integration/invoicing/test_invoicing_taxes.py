"""An invoice is taxed by where its goods went and at the rates of its order, and where it is not, that is told."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.message import Message
from receivables.common.v1 import party_pb2
from receivables.invoicing.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Record
from services.documents.model import VatCategory
from tests.integration.invoicing.office import (
    Office,
    OpenOffice,
    buyer,
    buyer_changed,
    cancelled,
    company,
    resolved,
    shipped,
)
from tests.records import a_record

MILAN = party_pb2.Address(street="Via Uno 1", city="Milano", post_code="20121", country="IT")
LYON = party_pb2.Address(street="Rue 1", city="Lyon", post_code="69001", country="FR")
FRENCH_SELLER = company("Vendeur SA", "FR", "FR40303265045")
FRENCH_BUYER = company("Acheteur SA", "FR", "FR83404833048")


def a_line(line_id: str = "1", price: str = "100.00", **changes: Any) -> orders_pb2.OrderLine:
    return orders_pb2.OrderLine(
        line_id=line_id, sku=f"sku-{line_id}", name="Ware", quantity="1", unit="C62", unit_price=price, **changes
    )


def placed(
    *lines: orders_pb2.OrderLine,
    tax: int = 0,
    order: str = "o1",
    currency: str = "EUR",
    scale: int = 100,
    **changes: Any,
) -> Record:
    """An order of single pieces, with what the shop computed as tax."""
    body = orders_pb2.OrderPlaced(
        order_id=order,
        version=1,
        account_id="b1",
        currency=currency,
        placed_on="2026-03-02",
        promised_ship_on="2026-03-03",
        lines=lines,
        tax_minor=tax,
    )
    for line in body.lines:
        line.net_minor = int(Decimal(line.quantity) * Decimal(line.unit_price) * scale)
    for field, value in changes.items():
        if isinstance(value, Message):
            getattr(body, field).CopyFrom(value)
        else:
            setattr(body, field, value)
    body.net_minor = sum(line.net_minor for line in body.lines)
    body.gross_minor = body.net_minor + tax
    return a_record(body, account="b1", subject=f"order/{order}")


def left(
    shipment: str, quantities: Sequence[tuple[str, str]], *, to: party_pb2.Address | None = None, final: bool = False
) -> Record:
    body = orders_pb2.OrderShipped(
        order_id="o1",
        shipment_id=shipment,
        account_id="b1",
        shipped_on="2026-03-02",
        lines=[orders_pb2.ShippedLine(line_id=line, quantity=quantity) for line, quantity in quantities],
        final=final,
        ship_to=to,
    )
    return a_record(body, account="b1", subject="order/o1")


async def in_france(office: Office, **settings: Any) -> None:
    await office.register_seller(company=FRENCH_SELLER, **settings)
    await office.handle(buyer_changed(FRENCH_BUYER))


def categories(invoice: events_pb2.InvoiceIssued) -> list[str]:
    return [line.vat_category for line in invoice.lines]


async def test_what_is_ordered_at_ten_percent_from_france_is_invoiced_at_ten(office: Office) -> None:
    await in_france(office)
    await office.handle(placed(a_line(vat_rate="10", tax_class="REDUCED"), tax=1000), shipped(quantities=[("1", "1")]))

    [invoice] = await office.invoices()
    assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor) == (10000, 1000, 11000)
    assert await office.announced(events_pb2.InvoiceDiffers) == []


async def test_a_rate_that_the_country_does_not_have_is_refused_before_anything_ships(office: Office) -> None:
    await in_france(office)
    await office.handle(placed(a_line(vat_rate="8.5"), tax=850))

    [refused] = await office.announced(events_pb2.ShipmentRefused)
    assert (refused.order_id, refused.shipment_id, refused.code) == ("o1", "", "order.rate_unknown")
    assert refused.message == "8.5 % is no VAT rate of FR on 2026-03-03"
    assert ("refused", "order.rate_unknown") in await office.parked()


async def test_or_it_is_taken_from_the_order_and_told_if_the_seller_wants_it_so(office: Office) -> None:
    await in_france(office, other_rates=events_pb2.OTHER_RATES_FROM_ORDER)
    await office.handle(placed(a_line(vat_rate="8.5"), tax=850), shipped(quantities=[("1", "1")]))

    [invoice] = await office.invoices()
    [differs] = await office.announced(events_pb2.InvoiceDiffers)
    assert invoice.gross_minor == differs.ordered.minor == differs.invoiced.minor == 10850
    assert [(finding.rule, finding.message) for finding in differs.findings] == [
        ("BT-152", "line 1: 8.5 % as ordered, which is no VAT rate of FR on 2026-03-02")
    ]


async def test_an_order_that_could_not_be_judged_when_it_came_is_when_it_ships(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.register_seller(company=FRENCH_SELLER)
        await office.handle(placed(a_line(vat_rate="8.5"), tax=850), buyer(of=FRENCH_BUYER))
        await office.handle(shipped(quantities=[("1", "1")]))

        [refused] = await office.announced(events_pb2.ShipmentRefused)
        assert (refused.shipment_id, refused.code) == ("p1", "order.rate_unknown")


async def test_a_difference_is_told_with_both_figures_once_the_order_is_invoiced_in_all(office: Office) -> None:
    await in_france(office)
    lines = a_line("1", "60.00"), a_line("2", "40.00", tax_class="REDUCED")
    await office.handle(placed(*lines, tax=1000), left("p1", [("1", "1")]))
    assert await office.announced(events_pb2.InvoiceDiffers) == []

    await office.handle(left("p2", [("2", "1")]))

    first, last = await office.invoices()
    assert (first.tax_minor, last.tax_minor) == (1200, 220)
    [differs] = await office.announced(events_pb2.InvoiceDiffers)
    assert (differs.order_id, differs.invoice_id, differs.number) == ("o1", last.invoice_id, last.number)
    assert (differs.ordered.minor, differs.invoiced.minor) == (11000, 11420)
    assert [finding.message for finding in differs.findings] == [
        "10.00 EUR ordered as tax, 14.20 EUR by the rates of the day"
    ]


async def test_less_than_ordered_is_no_difference_if_less_was_shipped(office: Office) -> None:
    await office.handle(placed(a_line("1"), a_line("2"), tax=3800))
    await office.handle(left("p1", [("1", "1")], final=True), cancelled())

    assert [invoice.gross_minor for invoice in await office.invoices()] == [11900]
    assert await office.announced(events_pb2.InvoiceDiffers) == []


async def test_where_the_order_goes_stands_on_the_document_and_in_what_is_told(office: Office) -> None:
    await office.handle(buyer_changed(FRENCH_BUYER))
    await office.handle(placed(a_line(), ship_to=MILAN), shipped(quantities=[("1", "1")]))

    [invoice] = await office.invoices()
    assert invoice.ship_to == MILAN
    assert categories(invoice) == [VatCategory.INTRA_COMMUNITY]
    assert b"Via Uno 1" in await office.xml(invoice.number)


async def test_two_shipments_to_different_places_have_each_its_own_treatment(office: Office) -> None:
    home = party_pb2.Address(street="Weg 1", city="Ort", post_code="10115", country="DE")
    await office.handle(buyer_changed(FRENCH_BUYER))
    await office.handle(placed(a_line("1"), a_line("2"), a_line("3"), ship_to=LYON))
    bern = party_pb2.Address(city="Bern", country="CH")
    await office.handle(left("p1", [("1", "1")]), left("p2", [("2", "1")], to=home), left("p3", [("3", "1")], to=bern))

    invoices = {invoice.shipment_id: invoice for invoice in await office.invoices()}
    assert {shipment: categories(invoice) for shipment, invoice in invoices.items()} == {
        "p1": ["K"],
        "p2": ["S"],
        "p3": ["G"],
    }
    assert invoices["p2"].ship_to == home


async def test_a_service_is_reverse_charged_to_a_business_in_another_member_state(open_office: OpenOffice) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await office.register_seller()
        await office.handle(buyer(of=FRENCH_BUYER))
        service = a_line("2", "50.00", kind=orders_pb2.LINE_KIND_SERVICE, category="advice")
        await office.handle(placed(a_line("1"), service), shipped(quantities=[("1", "1"), ("2", "1")]))

        [invoice] = await office.invoices()
        assert categories(invoice) == ["K", "AE"]
        assert invoice.check.rule_set


async def test_a_credit_note_keeps_where_the_goods_went(office: Office) -> None:
    await office.handle(buyer_changed(FRENCH_BUYER))
    await office.handle(placed(a_line(), ship_to=MILAN), shipped(quantities=[("1", "1")]))
    [invoice] = await office.invoices()

    await office.handle(resolved(invoice, lines=[("1", "1")], gross=10000))

    [note] = await office.credit_notes()
    assert b"Via Uno 1" in await office.xml(note.number)


async def test_an_order_told_twice_with_all_that_it_can_say_is_one_order(office: Office) -> None:
    line = a_line(kind=orders_pb2.LINE_KIND_SERVICE, category="advice", vat_rate="19.0")
    said: dict[str, Any] = {"ship_to": LYON, "requested_by": "c1", "seller_id": "s1"}

    await office.handle(placed(line, tax=1900, **said))
    await office.handle(placed(line, tax=1900, **said))

    assert await office.parked() == []


async def in_america(office: Office) -> None:
    await office.register_seller(
        company=company("Acme Inc.", "US", ""),
        iban="",
        bic="",
        account_number="123456789",
        routing_number="021000021",
    )
    await office.handle(buyer(of=company("Buyer LLC", "US", ""), currency="USD"))


async def test_a_us_sellers_sales_tax_is_a_line_of_its_own_and_credited_with_its_goods(open_office: OpenOffice) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await in_america(office)
        lines = a_line("1", "60.00"), a_line("2", "40.00")
        await office.handle(placed(*lines, tax=825, currency="USD"), shipped(quantities=[("1", "1"), ("2", "1")]))

        [invoice] = await office.invoices()
        assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor) == (10825, 0, 10825)
        assert invoice.sales_tax_minor == 825
        assert [line.is_sales_tax for line in invoice.lines] == [False, False, True]
        assert await office.announced(events_pb2.InvoiceDiffers) == []

        await office.handle(resolved(invoice, lines=[("1", "1")], gross=6495))
        await office.handle(resolved(invoice, lines=[("2", "1")], gross=4330, dispute="d2"))

        assert [(note.gross_minor, note.sales_tax_minor) for note in await office.credit_notes()] == [
            (6495, 495),
            (4330, 330),
        ]


async def test_shipments_share_the_sales_tax_and_the_last_takes_what_rounding_leaves(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await in_america(office)
        line = a_line("1", "10.00")
        line.quantity = "3"
        await office.handle(placed(line, tax=100, currency="USD"))
        for shipment in ("p1", "p2", "p3"):
            await office.handle(left(shipment, [("1", "1")]))

        assert [invoice.sales_tax_minor for invoice in await office.invoices()] == [33, 34, 33]
        assert await office.announced(events_pb2.InvoiceDiffers) == []


async def test_vat_that_shipments_round_each_by_itself_is_told_as_such(office: Office) -> None:
    line = a_line("1", "0.50")
    line.quantity = "3"
    await office.handle(placed(line, tax=29))  # 1.50 at 19 % is 0.285, each 0.50 bears 0.095
    for shipment in ("p1", "p2", "p3"):
        await office.handle(left(shipment, [("1", "1")]))

    [differs] = await office.announced(events_pb2.InvoiceDiffers)
    assert (differs.ordered.minor, differs.invoiced.minor) == (179, 180)
    assert [finding.message for finding in differs.findings] == [
        "VAT is rounded on each invoice of the order by itself"
    ]


@pytest.mark.parametrize(("currency", "scale", "gross"), [("JPY", 1, 46), ("KWD", 1000, 45510)])
async def test_whole_yen_and_hundredths_of_a_dinar_are_invoiced_as_they_were_ordered(
    open_office: OpenOffice, currency: str, scale: int, gross: int
) -> None:
    async with open_office() as office:
        await office.register_seller()
        await office.handle(buyer(of=company("Buyer", "US", ""), currency=currency))
        line = a_line(price=str(Decimal(gross) / scale))
        await office.handle(placed(line, currency=currency, scale=scale), shipped(quantities=[("1", "1")]))

        [invoice] = await office.invoices()
        assert invoice.gross_minor == gross
        assert await office.announced(events_pb2.InvoiceDiffers) == []


async def test_thousandths_of_a_dinar_are_refused_before_anything_ships(office: Office) -> None:
    await office.handle(placed(a_line(price="45.505"), currency="KWD", scale=1000))

    assert await office.parked() == [("refused", "order.currency_decimals")]

"""From the order to the numbered document, on a real Postgres, with exact figures."""

import hashlib

import pytest
from lxml import etree
from receivables.invoicing.v1 import events_pb2, service_pb2

from services.chassis.envelope import Record
from services.kernel import orders
from tests.integration.invoicing.office import (
    Office,
    OpenOffice,
    approved,
    buyer,
    cancelled,
    company,
    metadata,
    placed,
    shipped,
)


def text(xml: bytes, path: str) -> str:
    """The text of the first element by this path of local names, from the root."""
    steps = "/".join(f"*[local-name()='{name}']" for name in path.split("/"))
    found = etree.fromstring(xml).xpath(f"string({steps})")
    return str(found)


async def contract(office: Office, on: service_pb2.InvoiceOn.ValueType, **terms: object) -> None:
    request = service_pb2.SetContractRequest(account_id="b1", invoice_on=on, **terms)  # type: ignore[arg-type]
    await office.stub.SetContract(request, metadata=metadata())


async def test_a_shipment_becomes_an_invoice_exact_to_the_cent(office: Office) -> None:
    await office.handle(placed(), shipped())

    [invoice] = await office.invoices()
    assert (invoice.number, invoice.issue_date, invoice.due_date) == ("RE-2026-000001", "2026-03-02", "2026-04-01")
    assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor) == (15497, 2375 + 210, 18082)
    assert [(row.category, row.rate, row.taxable_minor, row.tax_minor) for row in invoice.vat] == [
        ("S", "19", 12500, 2375),
        ("S", "7", 2997, 210),
    ]
    assert [(line.order_line_id, line.quantity, line.net_minor) for line in invoice.lines] == [
        ("1", "10", 12500),
        ("2", "3", 2997),
    ]
    assert (invoice.order_id, invoice.shipment_id, invoice.final) == ("o1", "p1", True)
    assert (invoice.seller.name, invoice.buyer.name, invoice.scope.purchase_order) == ("Acme GmbH", "Käufer AG", "PO-9")


async def test_the_document_is_given_out_byte_for_byte_as_it_was_announced(office: Office) -> None:
    await office.handle(placed(), shipped())
    [invoice] = await office.invoices()
    by_id, by_number = await office.xml(invoice.invoice_id), await office.xml(invoice.number)

    assert by_id == by_number
    assert hashlib.sha256(by_id).hexdigest() == invoice.check.sha256
    assert text(by_id, "ID") == "RE-2026-000001"
    assert text(by_id, "PaymentMeans/PaymentID") == "RE-2026-000001"
    assert text(by_id, "Delivery/ActualDeliveryDate") == "2026-03-02"
    assert text(by_id, "OrderReference/ID") == "PO-9"
    assert text(by_id, "LegalMonetaryTotal/PayableAmount") == "180.82"


async def test_the_official_rules_judge_the_share_that_is_set(open_office: OpenOffice) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await office.register_seller()
        await office.handle(buyer(), buyer("b2", company("Acheteur SA", "FR", "FR40303265045")))
        await office.handle(
            placed(), shipped(), placed("o2", account="b2"), shipped("o2", account="b2", quantities=[("1", "1")])
        )

        domestic, abroad = await office.invoices()
        assert domestic.check.rule_set == abroad.check.rule_set == "en16931-ubl-1.3.16"
        assert [(row.category, row.rate, row.tax_minor) for row in abroad.vat] == [("K", "0", 0)]


async def test_without_a_share_no_rule_set_is_claimed(office: Office) -> None:
    await office.handle(placed(), shipped())

    assert [invoice.check.rule_set for invoice in await office.invoices()] == [""]


async def test_an_order_in_parts_makes_an_invoice_a_shipment_and_the_last_one_is_final(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")], final=False))
    await office.handle(shipped(shipment="p2", quantities=[("1", "6")], final=False), shipped("o1", "p3", [("2", "3")]))

    invoices = await office.invoices()
    assert [(one.number[-1], one.gross_minor, one.final) for one in invoices] == [
        ("1", 5950, False),
        ("2", 8925, False),
        ("3", 3207, True),
    ]


async def test_an_order_that_shipped_whole_is_final_without_being_told_so(office: Office) -> None:
    await office.handle(placed(), shipped(final=False))

    assert [invoice.final for invoice in await office.invoices()] == [True]


async def test_terms_of_the_contract_set_the_due_date_and_the_reference(office: Office) -> None:
    await contract(office, service_pb2.INVOICE_ON_SHIPMENT, net_days=14, buyer_reference="04011000-12345-34")
    await office.handle(placed(), shipped())

    [invoice] = await office.invoices()
    assert invoice.due_date == "2026-03-16"
    assert text(await office.xml(invoice.number), "BuyerReference") == "04011000-12345-34"


async def test_an_order_ships_in_as_many_parts_as_are_read_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "SHIPMENTS_MAX", 2)

    def part(n: int) -> Record:
        return shipped(shipment=f"p{n}", quantities=[("1", "1")], final=False)

    await office.handle(placed(), part(1), part(2))
    await office.handle(part(3), part(1))  # one that is known already is no further one

    assert len(await office.invoices()) == 2
    assert await office.parked() == [("refused", "shipment.too_many")]


async def test_a_shipment_told_twice_is_invoiced_once(office: Office) -> None:
    await office.handle(placed(), shipped(), shipped())
    await office.handle(shipped())

    assert len(await office.invoices()) == 1
    assert await office.parked() == []


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([shipped(quantities=[("1", "11")])], "shipment.exceeds_order"),
        ([shipped(quantities=[("9", "1")])], "shipment.unknown_line"),
        ([shipped(quantities=[("1", "0")])], "shipment.quantity_not_positive"),
        ([shipped(quantities=[("1", "x")])], "number.malformed"),
        ([shipped(on="2.3.2026")], "date.malformed"),
        ([cancelled(), shipped()], "shipment.order_cancelled"),
    ],
)
async def test_a_shipment_that_does_not_fit_is_refused_whole_and_told(
    office: Office, records: list[Record], code: str
) -> None:
    await office.handle(placed(), *records)

    assert await office.invoices() == []
    assert await office.parked() == [("refused", code)]
    told = await office.announced(events_pb2.ShipmentRefused)
    assert [(one.order_id, one.shipment_id, one.account_id, one.code) for one in told] == [("o1", "p1", "b1", code)]


@pytest.mark.parametrize(
    ("shipment", "quantity", "code"), [("p1", "5", "shipment.id_reused"), ("p2", "7", "shipment.exceeds_order")]
)
async def test_what_shipped_before_counts(office: Office, shipment: str, quantity: str, code: str) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")], final=False))
    await office.handle(shipped(shipment=shipment, quantities=[("1", quantity)], final=False))

    assert len(await office.invoices()) == 1
    assert await office.parked() == [("refused", code)]


async def test_a_shipment_after_the_final_one_is_refused(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")]), shipped(shipment="p2", quantities=[("1", "1")]))

    assert await office.parked() == [("refused", "shipment.after_final")]


async def test_a_shipment_in_a_currency_that_the_account_lacks_is_refused(office: Office) -> None:
    await office.handle(placed(currency="USD"), shipped())

    assert await office.parked() == [("refused", "shipment.currency_mismatch")]


async def test_a_shipment_before_its_order_waits_for_it(office: Office) -> None:
    await office.handle(shipped())
    early = await office.parked()
    await office.handle(placed())

    assert early == [("early", "event.early")]
    assert [invoice.gross_minor for invoice in await office.invoices()] == [18082]
    assert await office.parked() == []


async def test_a_shipment_waits_for_its_buyer_and_for_any_seller(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await office.handle(placed(), shipped())
        await office.handle(buyer())
        early = await office.parked()
        await office.register_seller()

        assert early == [("early", "event.early")]
        assert [invoice.number for invoice in await office.invoices()] == ["RE-2026-000001"]


async def test_a_new_version_replaces_the_order_until_something_shipped(office: Office) -> None:
    dearer = (("1", "10", "20.00", "STANDARD"),)
    await office.handle(placed(), placed(lines=dearer, version=2), shipped(quantities=[("1", "1")], final=False))
    await office.handle(placed(version=3))

    assert [invoice.net_minor for invoice in await office.invoices()] == [2000]
    assert await office.parked() == [("refused", "order.already_shipped")]
    assert await office.announced(events_pb2.ShipmentRefused) == []  # of orders credit tells


async def test_an_older_version_and_the_same_again_change_nothing(office: Office) -> None:
    await office.handle(placed(version=2))
    await office.handle(placed(lines=[("1", "1", "1", "STANDARD")]), placed(version=2))
    await office.handle(shipped())

    assert [invoice.gross_minor for invoice in await office.invoices()] == [18082]
    assert await office.parked() == []


async def test_approval_invoices_the_whole_order_where_the_contract_says_so(office: Office) -> None:
    await contract(office, service_pb2.INVOICE_ON_APPROVAL, net_days=30)
    await office.handle(approved())  # credit's topic may be ahead of the shop's
    await office.handle(placed())
    await office.handle(approved(), shipped())

    [invoice] = await office.invoices()
    assert (invoice.shipment_id, invoice.final, invoice.gross_minor) == ("", True, 18082)
    assert invoice.delivery_date == "2026-03-03"  # as promised
    assert await office.parked() == []


async def test_approval_invoices_nothing_without_such_a_contract(office: Office) -> None:
    await office.handle(placed(), approved())

    assert await office.invoices() == []


async def test_an_approved_older_version_is_not_invoiced(office: Office) -> None:
    await contract(office, service_pb2.INVOICE_ON_APPROVAL, net_days=30)
    await office.handle(placed(version=2), approved(version=1))

    assert await office.invoices() == []


async def test_a_cancelled_order_keeps_what_was_invoiced(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")], final=False), cancelled(), cancelled())

    assert len(await office.invoices()) == 1
    assert await office.parked() == []


async def test_each_sellers_tenant_has_its_own_orders_buyers_and_numbers(office: Office) -> None:
    british = company("Widgets Ltd", "GB", "GB980780684")
    await office.register_seller(
        tenant="widgets", prefix="INV", company=british, iban="GB33BUKB20201555555555", time_zone="Europe/London"
    )
    await office.handle(buyer(of=company("Shop Ltd", "GB", "GB980780684"), currency="GBP", tenant="widgets"))
    await office.handle(placed(), placed(currency="GBP", tenant="widgets"), shipped(), shipped(tenant="widgets"))

    german, british_invoice = await office.invoices()
    assert (german.number, german.gross_minor) == ("RE-2026-000001", 18082)
    assert (british_invoice.number, british_invoice.gross_minor) == ("INV-2026-000001", 15497 + 2500 + 150)

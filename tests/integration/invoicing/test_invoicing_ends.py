"""What invoicing does at the ends of cases: two documents or none, prices that hold, goods without an invoice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from receivables.common.v1 import money_pb2, party_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2

from services.chassis.envelope import Record
from services.invoicing.usecases import issuing
from tests.integration.invoicing.office import Office, OpenOffice, buyer, company, metadata, placed, resolved, shipped
from tests.records import a_record

REBILL = disputes_pb2.RESOLUTION_REBILL
PRICE = disputes_pb2.RESOLUTION_PRICE_CORRECTION
FORMS = [
    ("en16931", "ubl", b"380"),
    ("en16931", "cii", b"380"),
    ("peppol", "ubl", b"384"),
    ("xrechnung", "ubl", b"384"),
    ("xrechnung", "cii", b"384"),
]


def ended(
    invoice: events_pb2.InvoiceIssued,
    resolution: disputes_pb2.Resolution.ValueType,
    gross: int = 0,
    *,
    dispute: str = "d1",
    **more: Any,
) -> Record:
    body = disputes_pb2.DisputeResolved(
        dispute_id=dispute,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        account_id=invoice.account_id,
        order_id=invoice.order_id,
        resolution=resolution,
        credit=money_pb2.Money(minor=gross, currency=invoice.currency),
        **more,
    )
    return a_record(body, account=invoice.account_id, subject=f"dispute/{dispute}")


def rebilled(invoice: events_pb2.InvoiceIssued, **more: Any) -> Record:
    right = disputes_pb2.Correction(
        lines=[disputes_pb2.CorrectedLine(line_id="1", unit_price="12.00")], purchase_order="PO-10"
    )
    return ended(invoice, REBILL, invoice.gross_minor, correction=right, **more)


def sent_again(dispute: str = "d1", quantity: str = "2") -> Record:
    return shipped(shipment="r1", quantities=[("1", quantity)], final=False, on="2026-03-04", dispute=dispute)


async def an_invoice(office: Office) -> events_pb2.InvoiceIssued:
    await office.handle(placed(), shipped())
    return (await office.invoices())[-1]


def on_the_network(name: str, vat_id: str) -> party_pb2.Company:
    of = company(name, vat_id=vat_id)
    of.electronic_address, of.electronic_address_scheme = vat_id, "9930"
    return of


@pytest.fixture
async def judged(open_office: OpenOffice) -> AsyncIterator[Office]:
    """Give an office whose every document the official rules judge."""
    async with open_office(official_rules_share=1.0) as opened:
        await opened.register_seller(company=on_the_network("Acme GmbH", "DE136695976"), contact_phone="+49 30 5550100")
        await opened.handle(buyer(of=on_the_network("Käufer AG", "DE115235681")))
        yield opened


async def test_both_documents_of_a_rebill_stand_before_the_official_rules_of_each_form(judged: Office) -> None:
    for nth, (profile, syntax, code) in enumerate(FORMS, start=1):
        await judged.set_contract(profile=profile, format=syntax, buyer_reference="04011000-12345-34")
        await judged.handle(placed(f"o{nth}"), shipped(f"o{nth}", f"p{nth}"))
        invoice = (await judged.invoices())[-1]
        await judged.handle(rebilled(invoice, dispute=f"d{nth}"))

        corrected, note = (await judged.invoices())[-1], (await judged.credit_notes())[-1]
        assert corrected.check.rule_set == note.check.rule_set != ""
        assert (corrected.corrects.number, corrected.credited_by.number) == (invoice.number, note.number)
        assert (note.rebilled_by.number, note.reason) == (corrected.number, events_pb2.CREDIT_REASON_REBILL)
        xml = await judged.xml(corrected.number)
        assert b">" + code + b"<" in xml and invoice.number.encode() in xml and note.number.encode() in xml
    assert await judged.announced(events_pb2.DocumentHeld) == []


async def test_a_rebill_is_two_documents_of_one_transaction_numbered_without_a_gap(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(rebilled(invoice))
    await office.handle(rebilled(invoice))

    [_, corrected] = await office.invoices()
    [note] = await office.credit_notes()
    assert (corrected.number, note.number) == ("RE-2026-000002", "RE-C-2026-000001")
    assert (note.gross_minor, corrected.gross_minor) == (18082, 17487)
    assert (corrected.dispute_id, corrected.shipment_id, corrected.final) == ("d1", "p1", False)
    assert (corrected.scope.purchase_order, corrected.scope.cost_centre) == ("PO-10", "K7")
    assert [line.unit_price for line in corrected.lines] == ["12.00", "9.99"]
    differs = await office.announced(events_pb2.InvoiceDiffers)
    assert [told.number for told in differs] == [invoice.number]  # for its tax, and the corrected one for nothing
    assert await office.parked() == []


async def test_a_corrected_invoice_can_be_put_right_again_and_credited(office: Office) -> None:
    await office.handle(rebilled(await an_invoice(office)))
    corrected = (await office.invoices())[-1]
    await office.handle(rebilled(corrected, dispute="d2"))
    again = (await office.invoices())[-1]
    await office.handle(resolved(again, lines=[("1", "10")], dispute="d3"))

    assert (again.corrects.number, again.gross_minor) == (corrected.number, corrected.gross_minor)
    assert [note.gross_minor for note in await office.credit_notes()] == [18082, 17487, 14280]


async def test_of_what_is_credited_in_part_the_rest_is_rebilled(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, lines=[("2", "3")], dispute="d0"))
    right = disputes_pb2.Correction(lines=[disputes_pb2.CorrectedLine(line_id="2", quantity="0")], purchase_order="P")
    await office.handle(ended(invoice, REBILL, 14875, correction=right))

    assert (await office.invoices())[-1].gross_minor == 14875
    assert sum(note.gross_minor for note in await office.credit_notes()) == invoice.gross_minor


async def test_a_rebill_whose_corrected_invoice_breaks_a_rule_issues_neither(office: Office) -> None:
    invoice = await an_invoice(office)
    with patch.object(issuing, "corrected", lambda supply, *_: replace(supply, quantities=[])):
        await office.handle(rebilled(invoice))

    assert len(await office.invoices()) == 1
    assert await office.credit_notes() == []
    [held] = await office.announced(events_pb2.DocumentHeld)
    assert held.findings
    await office.stub.RetryHeld(service_pb2.RetryHeldRequest(account_id="b1"), metadata=metadata())
    await office.issue()
    assert (len(await office.invoices()), len(await office.credit_notes())) == (2, 1)


async def test_what_still_ships_is_invoiced_at_the_corrected_price(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")], final=False))
    [first] = await office.invoices()
    right = disputes_pb2.Correction(lines=[disputes_pb2.CorrectedLine(line_id="1", quantity="4", unit_price="12.00")])
    await office.handle(ended(first, PRICE, 238, correction=right))
    await office.handle(shipped(shipment="p2", quantities=[("1", "6"), ("2", "3")]))

    [note] = await office.credit_notes()
    assert (note.net_minor, note.tax_minor, note.reason) == (200, 38, events_pb2.CREDIT_REASON_PRICE)
    second = (await office.invoices())[-1]
    assert [(line.unit_price, line.net_minor) for line in second.lines] == [("12.00", 7200), ("9.99", 2997)]
    assert second.final


async def test_a_draft_that_was_prepared_at_the_price_of_before_is_prepared_again(office: Office) -> None:
    await office.handle(placed(), shipped(quantities=[("1", "4")], final=False))
    [first] = await office.invoices()
    right = disputes_pb2.Correction(lines=[disputes_pb2.CorrectedLine(line_id="1", quantity="4", unit_price="12.00")])
    prepare = issuing._prepare

    async def meanwhile(table: Any, press: Any) -> None:
        await prepare(table, press)
        if not await office.credit_notes():
            await office.parts.consumer.handle([ended(first, PRICE, 238, correction=right)])

    with patch.object(issuing, "_prepare", meanwhile):
        await office.handle(shipped(shipment="p2", quantities=[("1", "6"), ("2", "3")]))
        await office.pauses_are_over()
        await office.issue()

    assert [line.unit_price for line in (await office.invoices())[-1].lines] == ["12.00", "9.99"]


async def test_goods_that_are_sent_again_are_not_invoiced_and_count_against_nothing(office: Office) -> None:
    invoice = await an_invoice(office)
    again = [disputes_pb2.ReplacedLine(line_id="1", name="Ware 1", quantity="2")]
    await office.handle(ended(invoice, disputes_pb2.RESOLUTION_REPLACEMENT, replaced=again))
    await office.handle(sent_again(), sent_again())

    [told] = await office.announced(events_pb2.ReplacementShipped)
    assert (told.dispute_id, told.shipment_id, told.invoice_number) == ("d1", "r1", invoice.number)
    assert len(await office.invoices()) == 1
    assert await office.parked() == []


@pytest.mark.parametrize(
    ("dispute", "quantity", "parked"),
    [("d9", "1", ("early", "event.early")), ("d1", "3", ("refused", "shipment.exceeds_replacement"))],
)
async def test_goods_are_sent_again_for_a_case_that_ended_so_and_no_more_of_them(
    office: Office, dispute: str, quantity: str, parked: tuple[str, str]
) -> None:
    invoice = await an_invoice(office)
    again = [disputes_pb2.ReplacedLine(line_id="1", name="Ware 1", quantity="2")]
    await office.handle(ended(invoice, disputes_pb2.RESOLUTION_REPLACEMENT, replaced=again))
    await office.handle(sent_again(dispute, quantity))

    assert await office.parked() == [parked]
    assert await office.announced(events_pb2.ReplacementShipped) == []


@pytest.mark.parametrize("resolution", [disputes_pb2.RESOLUTION_INVALID_PAYABLE, disputes_pb2.RESOLUTION_WRITE_OFF])
async def test_what_stands_or_is_given_up_makes_no_document(
    office: Office, resolution: disputes_pb2.Resolution.ValueType
) -> None:
    await office.handle(ended(await an_invoice(office), resolution))

    assert await office.credit_notes() == []
    assert await office.parked() == []

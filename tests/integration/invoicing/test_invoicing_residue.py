"""What rounding leaves over lands on a known part: split shipments come to the order's line, credits to the invoice.

Judged by the official rules, in each syntax and by the profiles that are strictest about amounts.
"""

from decimal import Decimal

import pytest
from receivables.common.v1 import party_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2

from tests.integration.invoicing.office import (
    Office,
    OpenOffice,
    buyer,
    company,
    metadata,
    placed,
    resolved,
    shipped,
)
from tests.integration.invoicing.test_invoicing_forms import FORMS

BRITISH = "GB980780684"


async def british(office: Office) -> None:
    """A seller and a buyer at 20 %."""
    await office.register_seller(
        company=on_the_network("Widgets Ltd", BRITISH, "9932"),
        iban="GB33BUKB20201555555555",
        contact_phone="+44 20 5550100",
    )
    await office.handle(buyer(of=on_the_network("Shop Ltd", BRITISH, "9932"), currency="GBP"))


def on_the_network(name: str, vat_id: str, scheme: str) -> party_pb2.Company:
    """A company with an address in Peppol."""
    of = company(name, vat_id[:2], vat_id)
    of.electronic_address, of.electronic_address_scheme = vat_id, scheme
    return of


@pytest.mark.parametrize(("profile", "form", "rule_set"), FORMS[:6])
async def test_a_line_that_ships_in_parts_comes_to_the_orders_line_and_the_official_rules_accept_the_cent(
    open_office: OpenOffice, profile: str, form: str, rule_set: str
) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await office.register_seller(
            company=on_the_network("Acme GmbH", "DE136695976", "9930"), contact_phone="+49 30 5550100"
        )
        await office.handle(buyer(of=on_the_network("Käufer AG", "DE115235681", "9930")))
        await office.set_contract(profile=profile, format=form, buyer_reference="04011000-12345-03")
        await office.handle(placed(lines=[("1", "2", "49.995", "STANDARD"), ("2", "3", "33.333", "STANDARD")]))
        for nth in (1, 2, 3):
            parts = [("1", "1"), ("2", "1")] if nth < 3 else [("2", "1")]
            await office.handle(shipped(shipment=f"p{nth}", quantities=parts, final=nth == 3))

        assert await office.announced(events_pb2.DocumentHeld) == []
        invoices = await office.invoices()
        lines = [(line.order_line_id, line.net_minor, line.allowance_minor) for one in invoices for line in one.lines]
        assert lines == [("1", 5000, 0), ("2", 3333, 0), ("1", 4999, 1), ("2", 3334, -1), ("2", 3333, 0)]
        assert {one.check.rule_set for one in invoices} == {rule_set}


@pytest.mark.parametrize(("profile", "form", "rule_set"), FORMS[:4])
async def test_credits_of_all_lines_come_to_the_invoice_and_the_official_rules_accept_the_residue(
    open_office: OpenOffice, profile: str, form: str, rule_set: str
) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await british(office)
        await office.set_contract(profile=profile, format=form, buyer_reference="R")
        await office.handle(
            placed(lines=[("1", "1", "0.13", "STANDARD"), ("2", "1", "0.13", "STANDARD")], currency="GBP"),
            shipped(quantities=[("1", "1"), ("2", "1")]),
        )
        [invoice] = await office.invoices()
        for nth, gross in (("1", 16), ("2", 15)):
            await office.handle(resolved(invoice, lines=[(nth, "1")], gross=gross, dispute=f"d{nth}"))

        notes = await office.credit_notes()
        assert invoice.gross_minor == 31
        assert [(note.net_minor, note.tax_minor, note.gross_minor) for note in notes] == [(13, 3, 16), (13, 2, 15)]
        assert [row.tax_minor for row in notes[1].vat] == [2]
        assert {note.check.rule_set for note in notes} == {rule_set}
        shown = service_pb2.GetInvoiceRequest(invoice=invoice.number)
        answer = await office.stub.GetInvoice(shown, metadata=metadata())
        assert answer.document.credited.minor == 31


async def test_a_credit_note_with_a_residue_is_given_in_every_format(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await british(office)
        await office.handle(
            placed(lines=[("1", "1", "0.13", "STANDARD"), ("2", "1", "0.13", "STANDARD")], currency="GBP"),
            shipped(quantities=[("1", "1"), ("2", "1")]),
        )
        [invoice] = await office.invoices()
        for nth in ("1", "2"):
            await office.handle(resolved(invoice, lines=[(nth, "1")], dispute=f"d{nth}"))
        second = (await office.credit_notes())[1]

        for form in ("ubl", "cii", "facturx", "json", "csv"):
            request = service_pb2.RenderDocumentRequest(document=second.number, format=form)
            assert (await office.stub.RenderDocument(request, metadata=metadata())).content


async def test_two_cases_in_one_batch_are_credited_with_what_each_was_told(open_office: OpenOffice) -> None:
    async with open_office() as office:
        await british(office)
        await office.handle(
            placed(lines=[("1", "1", "0.13", "STANDARD"), ("2", "1", "0.13", "STANDARD")], currency="GBP"),
            shipped(quantities=[("1", "1"), ("2", "1")]),
        )
        [invoice] = await office.invoices()
        await office.handle(
            resolved(invoice, lines=[("2", "1")], gross=15, dispute="d2"),
            resolved(invoice, lines=[("1", "1")], gross=16, dispute="d1"),
        )
        await office.issue()

        assert [(note.dispute_id, note.gross_minor) for note in await office.credit_notes()] == [("d2", 15), ("d1", 16)]


async def test_amounts_that_no_net_has_are_credited_as_they_were_agreed(office: Office) -> None:
    await office.handle(placed(lines=[("1", "1", "1.00", "STANDARD")]), shipped(quantities=[("1", "1")]))
    [invoice] = await office.invoices()
    for nth, gross in enumerate((3, 15, 101)):
        await office.handle(resolved(invoice, gross=gross, dispute=f"d{nth}"))

    notes = await office.credit_notes()
    assert [note.gross_minor for note in notes] == [3, 15, 101]
    assert (sum(note.net_minor for note in notes), sum(note.tax_minor for note in notes)) == (100, 19)
    assert {Decimal(row.rate) for note in notes for row in note.vat} == {Decimal(19)}

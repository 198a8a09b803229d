"""Resolved disputes become credit notes, once, within the invoice, at its own rates."""

from datetime import UTC, datetime

import pytest
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2

from tests.integration.invoicing.office import Office, metadata, placed, resolved, shipped

FULL, INVALID = disputes_pb2.RESOLUTION_FULL_CREDIT, disputes_pb2.RESOLUTION_INVALID_PAYABLE


async def an_invoice(office: Office) -> events_pb2.InvoiceIssued:
    await office.handle(placed(), shipped())
    return (await office.invoices())[-1]


async def credited(office: Office, number: str) -> int:
    request = service_pb2.GetInvoiceRequest(invoice=number)
    answer = await office.stub.GetInvoice(request, metadata=metadata())
    return int(answer.document.credited.minor)


async def test_a_credited_line_becomes_a_credit_note_exact_to_the_cent(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, lines=[("1", "2")]))

    [note] = await office.credit_notes()
    assert (note.number, note.invoice_number, note.dispute_id) == ("RE-C-2026-000001", "RE-2026-000001", "d1")
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (2500, 475, 2975)
    assert (note.account_id, note.order_id, note.scope.cost_centre) == ("b1", "o1", "K7")
    assert await credited(office, invoice.number) == 2975
    assert b"<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>" in await office.xml(note.number)


async def test_a_full_credit_of_the_whole_amount_gives_everything_back(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, gross=18082, resolution=FULL))

    [note] = await office.credit_notes()
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (15497, 2585, 18082)


async def test_an_amount_is_spread_over_the_rates(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, gross=9041))

    [note] = await office.credit_notes()
    assert note.gross_minor == 9041
    assert [(row.rate, row.taxable_minor, row.tax_minor) for row in note.vat] == [("19", 6250, 1188), ("7", 1498, 105)]


async def test_an_invoice_that_stands_makes_no_credit_note(office: Office) -> None:
    await office.handle(resolved(await an_invoice(office), resolution=INVALID))

    assert await office.credit_notes() == []
    assert await office.parked() == []


async def test_a_dispute_is_credited_once_and_not_otherwise_the_second_time(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, gross=1000), resolved(invoice, gross=1000))
    await office.handle(resolved(invoice, gross=1000))
    await office.handle(resolved(invoice, gross=2000))

    assert len(await office.credit_notes()) == 1
    assert await office.parked() == [("refused", "credit_note.dispute_reused")]


@pytest.mark.parametrize(
    ("gross", "code"), [(18083, "credit_note.exceeds_invoice"), (0, "credit_note.nothing_to_credit")]
)
async def test_a_credit_that_does_not_fit_is_refused(office: Office, gross: int, code: str) -> None:
    await office.handle(resolved(await an_invoice(office), gross=gross))

    assert await office.credit_notes() == []
    assert await office.parked() == [("refused", code)]
    [told] = await office.announced(events_pb2.CreditNoteRefused)
    assert (told.dispute_id, told.credit.minor, told.code) == ("d1", gross, code)


async def test_two_disputes_in_one_batch_share_what_is_left_of_the_invoice(office: Office) -> None:
    invoice = await an_invoice(office)
    await office.handle(resolved(invoice, gross=10000), resolved(invoice, gross=10000, dispute="d2"))

    assert [note.gross_minor for note in await office.credit_notes()] == [10000]
    assert await office.parked() == [("refused", "credit_note.exceeds_invoice")]


async def test_the_table_itself_refuses_more_credit_than_the_invoice(office: Office) -> None:
    invoice = await an_invoice(office)
    with pytest.raises(Exception, match="invoice_balance"):
        async with office.parts.database.transaction(["acme"]) as tx:
            await tx.run("UPDATE invoice_balance SET credited_minor = %s", [invoice.gross_minor + 1])


async def test_a_credit_note_keeps_the_rate_of_the_invoice_after_a_change_of_rates(office: Office) -> None:
    await office.handle(placed(), shipped(on="2020-12-31"))
    [invoice] = await office.invoices()
    await office.set_clock(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await office.handle(resolved(invoice, lines=[("1", "1"), ("2", "1")]))

    [note] = await office.credit_notes()
    assert [(row.rate, row.taxable_minor, row.tax_minor) for row in note.vat] == [("16", 1250, 200), ("5", 999, 50)]


async def test_a_credit_of_an_unknown_invoice_waits_for_it(office: Office) -> None:
    await office.handle(
        resolved(events_pb2.InvoiceIssued(invoice_id="nowhere", account_id="b1", currency="EUR"), gross=1)
    )

    assert await office.parked() == [("early", "event.early")]


async def test_another_tenants_dispute_does_not_reach_the_invoice(office: Office) -> None:
    await office.handle(resolved(await an_invoice(office), gross=100, tenant="other"))

    assert await office.credit_notes() == []
    assert await office.parked() == [("early", "event.early")]

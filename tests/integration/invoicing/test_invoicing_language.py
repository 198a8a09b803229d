"""What people read is in the buyer's language: on the XML, the page and the credit note."""

import io
from typing import Any

import pypdfium2
import pytest
from receivables.invoicing.v1 import service_pb2

from tests.integration.invoicing.office import Office, OpenOffice, buyer, company, metadata, placed, resolved, shipped

FRENCH = company("Acheteur SA", "FR", "FR40303265045")


async def rendered(office: Office, number: str, form: str) -> bytes:
    request = service_pb2.RenderDocumentRequest(document=number, format=form)
    return bytes((await office.stub.RenderDocument(request, metadata=metadata())).content)


def words_on(pdf: bytes) -> str:
    """All that the pages say."""
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    return "\n".join(page.get_textpage().get_text_range() for page in document)


async def test_a_german_xrechnung_says_in_german_why_no_vat_is_due_and_when_to_pay(open_office: OpenOffice) -> None:
    async with open_office(official_rules_share=1.0) as office:
        await office.register_seller(language="de", contact_phone="+49 30 1234567")
        await office.handle(buyer(of=FRENCH))
        await office.set_contract(profile="xrechnung", buyer_reference="04011000-12345-03")
        await office.handle(placed(), shipped())
        [invoice] = await office.invoices()
        await office.handle(resolved(invoice, gross=1000))
        [note] = await office.credit_notes()

        said = (await office.xml(invoice.number)).decode()
        assert "Steuerfreie innergemeinschaftliche Lieferung" in said
        assert "Zahlbar bis 1. April 2026 ohne Abzug" in said
        credited = (await office.xml(note.number)).decode()
        assert f"Verrechnet mit Rechnung {invoice.number}" in credited
        assert f"Gutschrift zu Rechnung {invoice.number}" in credited
        english = ("Intra-community", "Payable by", "Credit on", "Set off")
        assert [words for words in english if words in said + credited] == []
        assert "Rechnung" in words_on(await rendered(office, invoice.number, "facturx"))


@pytest.mark.parametrize(
    ("seller", "contract", "expected"),
    [
        ({}, {}, "Payable by 1 April 2026"),
        ({"language": "sv"}, {}, "Betalas senast den 1 april 2026"),
        ({"language": "sv"}, {"language": "fr"}, "Payable au plus tard le 1 avril 2026"),
    ],
)
async def test_the_contracts_language_goes_before_the_sellers_and_that_before_english(
    open_office: OpenOffice, seller: dict[str, Any], contract: dict[str, Any], expected: str
) -> None:
    async with open_office() as office:
        await office.register_seller(**seller)
        await office.handle(buyer())
        await office.set_contract(**contract)
        await office.handle(placed(), shipped())
        [invoice] = await office.invoices()

        assert expected in (await office.xml(invoice.number)).decode()
        assert expected in words_on(await rendered(office, invoice.number, "facturx"))


async def test_a_document_keeps_the_language_in_which_it_was_issued(office: Office) -> None:
    await office.set_contract(language="fr")
    await office.handle(placed(), shipped())
    [invoice] = await office.invoices()
    await office.set_contract(language="sv")

    assert "Facture" in words_on(await rendered(office, invoice.number, "facturx"))

"""A sample invoice: in the agreed format, valid, of no series, and nothing is kept or told of it."""

import pytest
from receivables.invoicing.v1 import service_pb2

from services import documents
from tests.integration.invoicing.office import Office, buyer, company, metadata
from tests.integration.invoicing.test_invoicing_calls import refused


async def sample(office: Office, account: str = "b1") -> service_pb2.SampleInvoiceResponse:
    request = service_pb2.SampleInvoiceRequest(account_id=account)
    answer: service_pb2.SampleInvoiceResponse = await office.stub.SampleInvoice(request, metadata=metadata())
    return answer


@pytest.mark.parametrize("format_", ["ubl", "cii", "facturx"])
async def test_a_sample_is_a_valid_document_that_says_what_it_is(office: Office, format_: str):
    await office.set_contract(net_days=30, format=format_, language="de")

    given = await sample(office)

    paper = documents.read(given.content, format_)
    assert (given.format, paper.number) == (format_, "SAMPLE")
    assert [note.text for note in paper.notes] == [
        "Muster: keine Rechnung. Nichts wurde geliefert, und nichts ist zu zahlen."
    ]
    assert documents.is_valid(documents.check(paper))
    assert given.file_name.startswith("SAMPLE.")


async def test_nothing_is_numbered_kept_or_told_of_a_sample(office: Office):
    await sample(office)

    async with office.parts.database.transaction(["acme"]) as tx:
        for table in ("series", "issued", "document", "paper", "held", "job"):
            assert await tx.rows(f"SELECT * FROM {table}") == []
    assert await office.invoices() == []


@pytest.mark.parametrize("country", ["FR", "US", "JP"])
async def test_a_sample_is_taxed_as_a_delivery_to_that_buyer_would_be(office: Office, country: str):
    await office.handle(buyer("b2", company("Buyer", country, "FR40303265045" if country == "FR" else "")))

    assert documents.read((await sample(office, "b2")).content, "ubl").number == "SAMPLE"


async def test_a_sample_for_nobody_is_refused(office: Office):
    request = service_pb2.SampleInvoiceRequest(account_id="b9")
    assert (await refused(office.stub.SampleInvoice(request, metadata=metadata())))[1] == "buyer.unknown"

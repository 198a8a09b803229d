"""What invoicing answers: each caller its own documents, each write once."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.common.v1 import party_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2

from services.chassis import migrate
from tests.integration.invoicing.office import Office, a_seller, company, metadata, placed, resolved, shipped


def code_of(error: Any) -> str:
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return str(info.reason)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        await call
    return error.value.code(), code_of(error.value)


def unidentified(country: str) -> party_pb2.Company:
    of = company("Acme", country, "")
    of.legal_id = ""
    return of


async def test_an_invoice_is_found_by_id_and_by_number_as_it_was_announced(office: Office) -> None:
    await office.handle(placed(), shipped())
    [told] = await office.invoices()
    for name in (told.invoice_id, told.number):
        answer = await office.stub.GetInvoice(service_pb2.GetInvoiceRequest(invoice=name), metadata=metadata())
        assert answer.document.invoice == told
        assert (answer.document.credited.minor, answer.document.credited.currency) == (0, "EUR")


async def test_another_tenants_documents_are_not_found(office: Office) -> None:
    await office.handle(placed(), shipped())
    [told] = await office.invoices()
    theirs = metadata("other")
    get, render = service_pb2.GetInvoiceRequest, service_pb2.RenderDocumentRequest

    for name in (told.invoice_id, told.number):
        assert (await refused(office.stub.GetInvoice(get(invoice=name), metadata=theirs)))[1] == "invoice.unknown"
        assert (await refused(office.stub.RenderDocument(render(document=name), metadata=theirs)))[
            1
        ] == "invoice.unknown"
    listed = await office.stub.ListInvoices(service_pb2.ListInvoicesRequest(), metadata=theirs)
    assert list(listed.documents) == []


async def test_documents_are_listed_page_by_page_in_the_order_of_issue(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), shipped("o1"), shipped("o2"))
    await office.handle(resolved((await office.invoices())[0], gross=100))
    numbers, token = [], ""
    while True:
        request = service_pb2.ListInvoicesRequest(account_id="b1", page_size=2, page_token=token)
        page = await office.stub.ListInvoices(request, metadata=metadata())
        numbers += [one.invoice.number or one.credit_note.number for one in page.documents]
        if not (token := page.next_page_token):
            break

    assert numbers == ["RE-2026-000001", "RE-2026-000002", "RE-C-2026-000001"]
    of_order = service_pb2.ListInvoicesRequest(order_id="o2")
    listed = await office.stub.ListInvoices(of_order, metadata=metadata())
    assert [one.invoice.number for one in listed.documents] == ["RE-2026-000002"]


async def test_a_format_that_we_do_not_write_is_refused(office: Office) -> None:
    await office.handle(placed(), shipped())
    request = service_pb2.RenderDocumentRequest(document="RE-2026-000001", format="pdf")

    assert await refused(office.stub.RenderDocument(request, metadata=metadata())) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "document.format_unknown",
    )


@pytest.mark.parametrize("token", ["x", "1", "1000000"])
async def test_a_page_token_that_is_none_of_ours_is_refused(office: Office, token: str) -> None:
    invoices = service_pb2.ListInvoicesRequest(page_token=token)
    held = service_pb2.ListHeldRequest(page_token=token)

    assert (await refused(office.stub.ListInvoices(invoices, metadata=metadata())))[1] == "call.page_token"
    assert (await refused(office.stub.ListHeld(held, metadata=metadata())))[1] == "call.page_token"


async def test_a_document_whose_id_is_the_number_of_none_is_found_by_either(office: Office) -> None:
    await office.handle(placed("o1"), placed("o2"), shipped("o1"), shipped("o2"))
    second = (await office.invoices())[1]

    for name in (second.invoice_id, second.number):
        found = await office.stub.GetInvoice(service_pb2.GetInvoiceRequest(invoice=name), metadata=metadata())
        assert found.document.invoice == second


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iban": "DE89370400440532013001"}, "seller.iban_invalid"),
        ({"iban": "DE89 3704 0044 0532 0130 00"}, "seller.iban_invalid"),
        ({"company": company("Acme GmbH", "DE", "DE136695977")}, "seller.vat_id_invalid"),
        ({"company": company("Acme GmbH", "DE", "136695976")}, "seller.vat_id_invalid"),
        ({"company": company("Acme GmbH", "DE", "FR40303265045")}, "seller.vat_id_invalid"),
        ({"company": company("Acme", "IS", "IS00621")}, "tax.rate_unknown"),
        ({"company": company("Acme", "XX", "")}, "country.unknown"),
        ({"company": company("Acme", "EL", "EL094259216")}, "country.unknown"),
        ({"company": unidentified("DE")}, "seller.unidentified"),
        ({"company": unidentified("US")}, "seller.unidentified"),
        ({"series_prefix": "re"}, "seller.series_malformed"),
        ({"seller_id": "s2"}, "seller.series_taken"),
    ],
)
async def test_a_seller_that_could_not_issue_is_refused(office: Office, changes: dict[str, Any], code: str) -> None:
    assert (await refused(office.stub.RegisterSeller(a_seller(**changes), metadata=metadata())))[1] == code


@pytest.mark.parametrize(
    "of",
    [
        company("Acme Ltd", "GB", "XI110305878"),
        company("Acme AE", "GR", "EL094259216"),
        company("Acme Ltd", "GB", "GB110305878"),
    ],
)
async def test_a_vat_id_begins_with_what_vat_calls_its_country(office: Office, of: party_pb2.Company) -> None:
    await office.stub.RegisterSeller(a_seller(company=of), metadata=metadata())

    assert [told.seller.company.vat_id for told in await office.announced(events_pb2.SellerChanged)][-1] == of.vat_id


async def test_a_seller_that_its_state_knows_by_an_id_of_its_own_can_issue(office: Office) -> None:
    american = unidentified("US")
    american.legal_id = "12-3456789"
    await office.stub.RegisterSeller(a_seller(company=american), metadata=metadata())
    await office.handle(placed(), shipped())

    assert await office.announced(events_pb2.DocumentHeld) == []
    assert len(await office.invoices()) == 1


async def test_a_contract_must_say_what_is_invoiced(office: Office) -> None:
    request = service_pb2.SetContractRequest(account_id="b1", net_days=10)

    assert (await refused(office.stub.SetContract(request, metadata=metadata())))[1] == "contract.invoice_on_missing"


async def test_a_write_is_answered_once_a_key(office: Office) -> None:
    mine = metadata(key="k1")
    await office.stub.RegisterSeller(a_seller("s2", "XX"), metadata=mine)
    await office.stub.RegisterSeller(a_seller("s2", "XX"), metadata=mine)

    assert len(await office.announced(events_pb2.SellerRegistered)) == 2  # the office's own, and this one
    other = office.stub.RegisterSeller(a_seller("s3", "YY"), metadata=mine)
    assert await refused(other) == (grpc.StatusCode.ALREADY_EXISTS, "call.key_reused")


async def test_what_is_issued_can_neither_be_changed_nor_removed(office: Office) -> None:
    await office.handle(placed(), shipped())
    async with office.parts.database.pool.connection() as connection:
        await migrate.check_role(connection)
    for table in ("issued", "issued_line", "document", "shipment", "credit_request"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET tenant = tenant"):
            with pytest.raises(Exception, match="permission denied"):
                async with office.parts.database.transaction(["acme"]) as tx:
                    await tx.run(change)

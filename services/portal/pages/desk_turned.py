"""A case that a clerk opens of what somebody wrote about an invoice, by a click beside the message."""

from fastapi.responses import Response
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from services.kernel.refusals import NotFound
from services.portal.asks import Refused
from services.portal.domain.people import CONTACT, Guard
from services.portal.pages.invoices import Paper
from services.portal.pages.threads import thread_of
from services.portal.web import Ask, post

OPENS = Guard(frozenset("BILLING CASH_APP COLLECTOR DISPUTE_OWNER SALES SELLER_ADMIN".split()))
OTHER = "OTH"  # until whoever looks into it says what it is


@post("/desk/invoices/{number}/case", OPENS)
async def open_of_message(ask: Ask) -> Response:
    """Open a case of all that is left of the invoice: the message is its description, who wrote it its opener."""
    number, of = ask.path("number"), ask.of
    paper = Paper.of((await of.invoicing("GetInvoice", invoicing_pb2.GetInvoiceRequest(invoice=number))).document)
    thread = await thread_of(of, f"invoice/{paper.document_id}")
    kind = f"{CONTACT}:"
    message = next((one for one in thread.messages if str(one.nth) == ask.typed("nth")), None)
    if message is None or not message.author.startswith(kind) or not message.text:
        raise NotFound("message.unknown", "no message of the buyer by that number")
    try:
        preview = await of.disputes(
            "Preview", disputes_pb2.PreviewRequest(invoice=paper.document_id, reason_code=OTHER)
        )
        request = disputes_pb2.OpenRequest(
            invoice=paper.document_id,
            reason_code=OTHER,
            description=message.text,
            amount=preview.amount,
            written_by=message.author.removeprefix(kind),
        )
        case = (await of.disputes("Open", request, ask.write())).dispute
    except Refused as refused:
        return ask.show("dispute_none.html", 422, number=number, why=ask.refused(refused))
    return ask.go(f"/desk/disputes/{case.number or case.dispute_id}")

"""Invoices and credit notes: the list, one of them, its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import responses_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.money import Money
from services.portal.asks import Asking, together
from services.portal.domain.guide import INVOICE
from services.portal.domain.people import CASES, MONEY, PAPERS, SELLER_ROLES, Guard
from services.portal.pages.guide import guide_of
from services.portal.pages.team import team_of
from services.portal.pages.threads import seen, thread_of, unread_of
from services.portal.web import PAGE, Ask, attachment, csv_of, get

READS = Guard(PAPERS.roles | SELLER_ROLES)
FORMATS = ("facturx", "ubl", "cii", "json", "csv")
_CSV_PAGES, _CSV_ROWS = 20, 500
_OF_ORDER = 100


@dataclass(frozen=True, slots=True)
class Paper:
    """An invoice or a credit note, as pages show it."""

    is_credit: bool
    document_id: str
    number: str
    account_id: str
    order_id: str
    issued_on: str
    # Of an invoice; "" of a credit note.
    due_on: str
    purchase_order: str
    net: Money
    tax: Money
    gross: Money
    # What credit notes took from it so far.
    credited: Money
    lines: Sequence[Any]
    # Of a credit note.
    of_invoice: str
    # Of two that were issued together: of an invoice the one in whose place it stands, of a credit note the corrected one.
    in_place_of: str = ""
    corrected_by: str = ""

    @classmethod
    def of(cls, document: Any) -> "Paper":
        """Take the contract's message."""
        is_credit = document.HasField("credit_note")
        said: Any = document.credit_note if is_credit else document.invoice

        def money(minor: int) -> Money:
            return Money(minor, said.currency)

        return cls(
            is_credit=is_credit,
            document_id=said.credit_note_id if is_credit else said.invoice_id,
            number=said.number,
            account_id=said.account_id,
            order_id=said.order_id,
            issued_on=said.issue_date,
            due_on="" if is_credit else said.due_date,
            purchase_order=said.scope.purchase_order,
            net=money(said.net_minor),
            tax=money(said.tax_minor),
            gross=money(said.gross_minor),
            credited=money(document.credited.minor),
            lines=said.lines,
            of_invoice=said.invoice_number if is_credit else "",
            in_place_of="" if is_credit else said.corrects.number,
            corrected_by=said.rebilled_by.number if is_credit else "",
        )


@get("/invoices", READS)
async def invoices(ask: Ask) -> Response:
    """The newest first, a page at a time; ?q= searches by number, order and purchase order."""
    found = await ask.of.invoicing("ListInvoices", _question(ask, PAGE, ask.query("after")))
    return ask.show(
        "invoices.html",
        papers=list(map(Paper.of, found.documents)),
        next_token=found.next_page_token,
        unread=await unread_of(ask),
    )


@get("/invoices.csv", READS)
async def invoices_csv(ask: Ask) -> Response:
    """The same as a file, of at most ten thousand rows."""
    rows, token = [], ""
    for _ in range(_CSV_PAGES):
        found = await ask.of.invoicing("ListInvoices", _question(ask, _CSV_ROWS, token))
        rows += [_row(Paper.of(document)) for document in found.documents]
        token = found.next_page_token
        if not token:
            break
    say = ask.words.say
    head = [
        say("Number"),
        say("Date"),
        say("Due"),
        say("Order"),
        say("Purchase order"),
        say("Net"),
        say("VAT"),
        say("Gross"),
        say("Currency"),
    ]
    return csv_of(head, rows, "invoices.csv")


@get("/invoices/{number}", READS)
async def invoice(ask: Ask) -> Response:
    """One document, with what was paid and credited of it, its cases, and what was told."""
    request = invoicing_pb2.GetInvoiceRequest(invoice=ask.path("number"))
    paper = Paper.of((await ask.of.invoicing("GetInvoice", request)).document)
    of, about = ask.of, f"invoice/{paper.document_id}"
    found = await together(
        cases=of.disputes(
            "ListDisputes",
            disputes_pb2.ListDisputesRequest(account_id=paper.account_id, invoice_id=paper.document_id, page_size=PAGE),
        ),
        items=of.ledger(
            "ListOpenItems",
            ledger_pb2.ListOpenItemsRequest(account_id=paper.account_id, invoice_ids=[paper.document_id], page_size=1),
        ),
        credits=of.invoicing(
            "ListInvoices",
            invoicing_pb2.ListInvoicesRequest(
                account_id=paper.account_id, order_id=paper.order_id, page_size=_OF_ORDER
            ),
        ),
        told=of.notifications("ListMessages", _told(ask, paper, about)),
        team=team_of(of, paper.account_id),
        timeline=of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
        thread=thread_of(of, about),
        responses=_responses(of, paper),
        guide=guide_of(ask, INVOICE, about, lambda: _is_first(ask)),
    )
    await seen(ask, about, found["thread"])
    item = next(iter(found["items"].items), None) if found["items"] else None
    of_order = found.pop("credits")
    of_it = [Paper.of(one) for one in of_order.documents] if of_order else []
    return ask.show(
        "invoice.html",
        paper=paper,
        item=item,
        paid=_paid(paper, item, found["items"]),
        formats=FORMATS,
        about=about,
        credits=[one for one in of_it if one.of_invoice == paper.number],
        may_contest=not paper.is_credit and CASES.lets_in(ask.person),
        may_pay=MONEY.lets_in(ask.person),
        may_turn=not paper.is_credit and not ask.person.is_buyer and ask.may("disputes", "Open"),
        **found,
    )


async def _is_first(ask: Ask) -> bool:
    """Whether the account has no other document."""
    request = invoicing_pb2.ListInvoicesRequest(account_id=ask.person.account_id, page_size=2)
    return len((await ask.of.invoicing("ListInvoices", request)).documents) < 2


@get("/invoices/{number}/file", READS)
async def file(ask: Ask) -> Response:
    """A document in a format, the very bytes that were issued."""
    request = invoicing_pb2.RenderDocumentRequest(document=ask.path("number"), format=ask.query("format"))
    found = await ask.of.invoicing("RenderDocument", request)
    return attachment(found.content, found.media_type, found.file_name)


def _question(ask: Ask, size: int, token: str) -> invoicing_pb2.ListInvoicesRequest:
    return invoicing_pb2.ListInvoicesRequest(
        account_id=ask.account, search=ask.query("q")[:100], newest_first=True, page_size=size, page_token=token
    )


def _told(ask: Ask, paper: Paper, about: str) -> notifications_pb2.ListMessagesRequest:
    """What was mailed of it: to all, for those who may know; else to the reader."""
    own = ask.person.is_buyer and "ACCOUNT_ADMIN" not in ask.person.roles
    return notifications_pb2.ListMessagesRequest(
        account_id=paper.account_id, contact_id=ask.person.contact_id if own else "", about=about, page_size=PAGE
    )


async def _responses(of: Asking, paper: Paper) -> Any:
    """What the buyer's system said of an invoice, the newest first; False: nothing could be."""
    if paper.is_credit:
        return False
    request = responses_pb2.ListResponsesRequest(invoice=paper.document_id, page_size=PAGE)
    return await of("responses", "ListResponses", request)


def _paid(paper: Paper, item: Any, items: Any) -> Money | None:
    """What was paid of an invoice so far; None where the reader is not told, or it is not known."""
    if paper.is_credit or not items:
        return None
    still = Money(item.open.minor, item.open.currency) if item else Money(0, paper.gross.currency)
    return paper.gross - paper.credited - still


def _row(paper: Paper) -> list[str]:
    amounts = [str(amount.decimal) for amount in (paper.net, paper.tax, paper.gross)]
    first = [paper.number, paper.issued_on, paper.due_on, paper.order_id, paper.purchase_order]
    return [*first, *amounts, paper.gross.currency]

"""Causes, incidents and what buyers' systems say, over HTTP: the pages beside a real disputes on real Postgres."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from receivables.disputes.v1 import responses_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_events
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.service import Servicer
from services.chassis.workers import Work, drain
from services.disputes import joining, store_responses
from services.disputes.domain import responses
from services.disputes.service import SERVICE as DISPUTES
from tests.callers import answering, dial, servicers_of
from tests.integration.conftest import OpenService
from tests.integration.disputes.desk import MONDAY, Desk, Stubs, issued
from tests.integration.portal.conftest import OURS, Pages, opened, said
from tests.unit.disputes.spoken import said as spoken

STAFF = {"bil": "BILLING", "ada": "DISPUTE_OWNER", "bob": "DISPUTE_OWNER", "lou": "LOGISTICS", "eve": "AUDITOR"}


class Papers(invoicing_grpc.InvoicingServiceServicer):
    """Knows an invoice by any number, and nothing else."""

    async def ListHeld(self, _request: invoicing_pb2.ListHeldRequest, _context: Any) -> invoicing_pb2.ListHeldResponse:
        """Nothing is held back."""
        return invoicing_pb2.ListHeldResponse()

    async def GetInvoice(
        self, request: invoicing_pb2.GetInvoiceRequest, _context: Any
    ) -> invoicing_pb2.GetInvoiceResponse:
        """The one of that number."""
        name = request.invoice.removeprefix("N-")
        invoice = invoicing_events.InvoiceIssued(
            invoice_id=name,
            number=f"N-{name}",
            account_id="b1",
            order_id="o1",
            issue_date="2026-02-27",
            due_date="2026-03-27",
            currency="EUR",
            gross_minor=19_990,
        )
        return invoicing_pb2.GetInvoiceResponse(document=invoicing_pb2.Document(invoice=invoice))


@dataclass
class House:
    """The desk's pages, disputes behind them, and who works there."""

    pages: Pages
    desk: Desk
    cookies: dict[str, str]

    async def text(self, who: str, path: str) -> str:
        async with self.pages.client(self.cookies[who], **OURS) as browser:
            answer = await browser.get(path)
        assert answer.status_code == httpx.codes.OK, (path, answer.status_code)
        return said(answer)

    async def send(self, who: str, path: str, **fields: Any) -> httpx.Response:
        async with self.pages.client(self.cookies[who], **OURS) as browser:
            whose = re.search(r'name="once" value="(for[0-9a-f]{8}-)', (await browser.get("/desk/disputes")).text)
            assert whose is not None, "each page has a form"
            return await browser.post(path, data={"once": whose[1] + uuid4().hex, **fields})

    async def proposed(self, nth: int) -> Any:
        """A case on an invoice of its own, whose end is proposed by somebody else."""
        await self.desk.follow(issued(f"n{nth}"))
        case = await self.desk.open(("1", "1"), invoice=f"n{nth}")
        return await self.desk.move(case, "REVIEW", "PROPOSE", by="user:di")


@pytest.fixture
async def house(open_service: OpenService) -> AsyncIterator[House]:
    """Give the desk of disputes on a Monday morning."""
    papers = Servicer(
        "receivables.invoicing.v1.InvoicingService",
        invoicing_grpc.add_InvoicingServiceServicer_to_server,
        Papers(),  # type: ignore[abstract] # what the pages ask of it
    )
    async with (
        open_service(DISPUTES, clock="test") as parts,
        answering("disputes", servicers_of(DISPUTES, parts)) as address,
        answering("invoicing", [papers]) as invoicing,
        dial(address, "disputes") as channel,
        opened(open_service, disputes_address=address, invoicing_address=invoicing) as pages,
    ):
        desk = Desk(parts, Stubs(channel))
        await desk.set_clock(MONDAY)
        cookies = {}
        for who, role in STAFF.items():
            pages.people.add(who, role, account="")
            cookies[who] = await pages.session(who)
        yield House(pages, desk, cookies)


async def test_a_cause_is_named_where_a_case_is_settled_and_what_repeats_is_seen_to(house: House):
    for nth in range(3):
        case = await house.proposed(nth)
        page = await house.text("ada", f"/desk/disputes/{case.number}")
        assert "Why did it come about?" in page
        answer = await house.send(
            "ada",
            f"/desk/disputes/{case.dispute_id}/resolve",
            resolution="RESOLUTION_FULL_CREDIT",
            cause="CARRIER" if nth else "nonsense",
        )
        if not nth:
            assert (answer.status_code, "Choose why it came about." in said(answer)) == (422, True)
            answer = await house.send(
                "ada",
                f"/desk/disputes/{case.dispute_id}/resolve",
                resolution="RESOLUTION_FULL_CREDIT",
                cause="CARRIER",
            )
        assert answer.status_code == httpx.codes.SEE_OTHER

    shown = await house.text("lou", "/desk/causes?by=COUNT_BY_ITEM")
    for words in ("Lost, late or damaged on the way: sku-1", "3 cases", "To be begun", "Logistics", "Mar 16, 2026"):
        assert words in shown, words
    [action, *_] = await house.desk.rows("SELECT action_id FROM corrective_action ORDER BY action_id")
    path = f"/desk/causes/{action.action_id}/move"
    assert (await house.send("eve", path, step="ACTION_STEP_START")).status_code == httpx.codes.NOT_FOUND
    assert (await house.send("lou", path, step="ACTION_STEP_START")).status_code == httpx.codes.SEE_OTHER
    assert "Under way" in await house.text("eve", "/desk/causes")


async def test_an_incident_goes_from_its_opening_to_its_end_on_its_page(house: House):
    cases = [await house.proposed(nth) for nth in range(2)]
    opening = {"title": "QTY_SHORT", "sku": "sku-1"}
    empty = await house.send("ada", "/desk/incidents", title="QTY_SHORT")
    assert (empty.status_code, "Say which cases it is about" in said(empty)) == (422, True)
    path = (await house.send("ada", "/desk/incidents", **opening)).headers["location"]

    moved = await house.send("ada", f"{path}/move", progress="INCIDENT_PROGRESS_MENDING", promised="2026-03-09")
    assert moved.status_code == httpx.codes.SEE_OTHER
    await house.send("ada", f"{path}/propose", resolution="RESOLUTION_INVALID_PAYABLE", cause="BUYER_ERROR")
    mine, theirs = [await house.text(who, path) for who in ("ada", "bob")]
    for words in ("Being mended", "mended by Mar 9, 2026", "2 cases", cases[0].number, "waits for a second person"):
        assert words in mine, words
    assert ("Approve it" in mine, "Approve it" in theirs) == (False, True)
    own = await house.send("ada", f"{path}/approve")
    assert (own.status_code, "a colleague does" in said(own)) == (422, True)
    assert (await house.send("bob", f"{path}/approve")).status_code == httpx.codes.SEE_OTHER
    await drain(house.desk.parts.consumer, [Work(joining.END, joining.end_cases)])

    ended = await house.text("eve", path)
    assert ended.count("Settled") >= 2
    assert "Ended" in await house.text("eve", "/desk/incidents")


async def test_what_the_buyers_system_said_is_on_the_invoice_and_a_message_becomes_a_case_by_a_click(house: House):
    await house.desk.follow(issued("i1"))
    content = responses.write(spoken("IP", invoice_number="N-i1", words="we look at it"))
    await house.desk.call("ReadResponse", responses_pb2.ReadResponseRequest(content=content), by="key:edi")
    house.pages.people.thread = [
        notifications_pb2.ThreadMessage(
            nth=1, about="invoice/i1", author="contact:ann", author_name="Ann", text="two are missing", channel="MAIL"
        )
    ]
    shown = await house.text("ada", "/invoices/N-i1")
    for words in ("In process", "we look at it", "two are missing", "Open a case of it"):
        assert words in shown, words

    turned = await house.send("ada", "/desk/invoices/N-i1/case", nth="1")

    assert turned.status_code == httpx.codes.SEE_OTHER
    page = await house.text("bob", turned.headers["location"])
    assert "two are missing" in page
    row = await house.desk.row("SELECT opened_by, reason_code, amount_minor FROM dispute")
    assert (row.opened_by, row.reason_code, row.amount_minor) == ("user:ada for contact:ann", "OTH", 19_990)
    assert (await house.send("ada", "/desk/invoices/N-i1/case", nth="9")).status_code == httpx.codes.NOT_FOUND
    again = await house.send("ada", "/desk/invoices/N-i1/case", nth="1")
    assert again.status_code == httpx.codes.UNPROCESSABLE_ENTITY, "nothing is left of it"


async def test_billing_sees_what_nobody_could_read(house: House):
    async with house.desk.parts.database.transaction(["acme"]) as tx:
        await store_responses.add_unread(tx, "acme", "msg-7", "00", "response.unknown_invoice")

    shown = await house.text("bil", "/desk/billing")

    assert "msg-7 There is no invoice by that number." in shown

"""Every end of a case, from the word at the desk to the books, the credit line and what people hear."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from tests.integration.house.house import House
from tests.integration.house.test_house_edges import Edge, Trade
from tests.integration.house.test_house_scenarios import balances, invoiced

# Ten at 12.50 and three at 9.99, with 19 % and 7 %: 180.82.
GROSS = 18082
NO_LINES: Mapping[str, str] = MappingProxyType({})


async def a_case(
    house: House, invoice: invoicing_pb2.InvoiceIssued, cents: int = 0, lines: Mapping[str, str] = NO_LINES
) -> Any:
    """A case that was proposed an end."""
    request = disputes_calls.OpenRequest(
        invoice=invoice.invoice_id,
        reason_code="PRC_DISC",
        description="not as agreed",
        lines=[disputes_pb2.DisputedLine(line_id=line_id, quantity=n) for line_id, n in lines.items()],
        amount=money_pb2.Money(minor=cents, currency="EUR") if cents else None,
    )
    case = (await house.call(DisputesServiceStub, "Open", request, actor="user:bo")).dispute
    for action in (disputes_calls.ACTION_REVIEW, disputes_calls.ACTION_PROPOSE):
        move = disputes_calls.MoveRequest(dispute_id=case.dispute_id, action=action)
        await house.call(DisputesServiceStub, "Move", move)
    await house.settle()
    return case


async def end(house: House, case: Any, resolution: str, cents: int = 0, **said: Any) -> Any:
    """End it, have everybody do their part, and look at it again."""
    request = disputes_calls.ResolveRequest(
        dispute_id=case.dispute_id,
        resolution=disputes_pb2.Resolution.Value(f"RESOLUTION_{resolution}"),
        amount=money_pb2.Money(minor=cents, currency="EUR") if cents else None,
        **said,
    )
    await house.call(DisputesServiceStub, "Resolve", request, actor="user:lead")
    await house.settle()
    assert await house.waiting() == []
    return await look_at(house, case)


async def look_at(house: House, case: Any) -> Any:
    request = disputes_calls.GetDisputeRequest(dispute_id=case.dispute_id)
    return (await house.call(DisputesServiceStub, "GetDispute", request)).dispute


async def test_goodwill_is_credited_and_has_an_account_of_its_own(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    case = await end(house, await a_case(house, invoice, 2000), "GOODWILL", 1000)

    [note] = house.said(invoicing_pb2.CreditNoteIssued)
    assert (note.gross_minor, case.credit_note_number, case.state) == (1000, note.number, disputes_pb2.STATE_RESOLVED)
    books = await balances(house)
    assert (books["4040"], books["1100"]) == (note.net_minor, GROSS - 1000)
    assert "4010" not in books and "9100" not in books
    assert await trade.used() == GROSS - 1000


async def test_of_a_settlement_the_rest_is_due_as_it_was(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    await end(house, await a_case(house, invoice, 2000), "SPLIT_SETTLEMENT", 1200)

    [told] = house.said(disputes_pb2.DisputeResolved)
    assert told.due_date == invoice.due_date
    assert (await balances(house))["1100"] == GROSS - 1200
    [item] = house.said(ledger_pb2.ItemReduced)
    assert item.due_date == invoice.due_date


async def test_a_rebill_takes_back_one_invoice_and_puts_another_in_its_place(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    right = disputes_pb2.Correction(
        lines=[disputes_pb2.CorrectedLine(line_id="1", unit_price="12.00")], purchase_order="PO-7"
    )
    case = await end(house, await a_case(house, invoice, 500), "REBILL", correction=right)

    [_, corrected] = house.said(invoicing_pb2.InvoiceIssued)
    [note] = house.said(invoicing_pb2.CreditNoteIssued)
    assert (note.gross_minor, note.rebilled_by.number) == (GROSS, corrected.number)
    assert (corrected.corrects.number, corrected.credited_by.number) == (invoice.number, note.number)
    assert (case.state, case.corrected_invoice_number) == (disputes_pb2.STATE_RESOLVED, corrected.number)
    assert (await balances(house))["1100"] == await trade.used() == corrected.gross_minor
    assert await trade.held() == 0
    assert house.said(credit_pb2.LimitExceeded) == []
    # The old one has no room; the new one can be disputed.
    await a_case(house, corrected, corrected.gross_minor)
    assert [opened.invoice_id for opened in house.said(disputes_pb2.DisputeOpened)][-1] == corrected.invoice_id


async def test_a_corrected_price_holds_for_what_the_order_still_brings(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    order = trade.order("o1")
    await trade.place(order)
    await ship(house, trade, "p1", {"1": "4"})
    [first] = house.said(invoicing_pb2.InvoiceIssued)
    right = disputes_pb2.Correction(lines=[disputes_pb2.CorrectedLine(line_id="1", unit_price="12.00")])
    await end(house, await a_case(house, first, 300), "PRICE_CORRECTION", correction=right)
    await ship(house, trade, "p2", {"1": "6", "2": "3"}, final=True)

    [note] = house.said(invoicing_pb2.CreditNoteIssued)
    second = house.said(invoicing_pb2.InvoiceIssued)[-1]
    assert (note.gross_minor, second.lines[0].unit_price) == (238, "12.00")
    assert await trade.used() == first.gross_minor - 238 + second.gross_minor
    assert await trade.held() == 0
    assert await house.waiting() == []


async def ship(house: House, trade: Trade, shipment: str, lines: dict[str, str], **more: Any) -> None:
    body = orders_pb2.OrderShipped(
        order_id="o1",
        shipment_id=shipment,
        account_id=trade.account,
        shipped_on="2026-03-02",
        lines=[orders_pb2.ShippedLine(line_id=line_id, quantity=n) for line_id, n in lines.items()],
        **more,
    )
    house.tell(body, account=trade.account, subject="order/o1")
    await house.settle()


async def test_goods_that_are_sent_again_end_the_case_when_they_leave_without_an_invoice(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    case = await end(house, await a_case(house, invoice, lines={"1": "2"}), "REPLACEMENT")
    assert case.state == disputes_pb2.STATE_RESOLVING

    await ship(house, trade, "r1", {"1": "2"}, dispute_id=case.dispute_id)

    case = await look_at(house, case)
    assert (case.state, case.replaced_by_shipment) == (disputes_pb2.STATE_RESOLVED, "r1")
    assert len(house.said(invoicing_pb2.InvoiceIssued)) == 1
    assert await trade.used() == GROSS
    assert await house.waiting() == []


async def test_what_is_given_up_leaves_the_books_and_the_credit_line_without_a_document(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    case = await end(house, await a_case(house, invoice, GROSS), "WRITE_OFF")

    assert house.said(invoicing_pb2.CreditNoteIssued) == []
    [item] = house.said(ledger_pb2.ItemReduced)
    assert (item.by, item.amount.minor, item.open.minor) == (ledger_pb2.REDUCTION_WRITTEN_OFF, GROSS, 0)
    books = await balances(house)
    assert books["6100"] == GROSS
    assert "1100" not in books and "9100" not in books
    assert await trade.used() == 0
    assert (case.state, case.written_off.minor) == (disputes_pb2.STATE_RESOLVED, GROSS)


async def test_of_what_is_paid_meanwhile_nothing_is_given_up(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    case = await a_case(house, invoice, 1000)
    await trade.pay(invoice)
    await house.settle()
    case = await end(house, case, "WRITE_OFF")

    assert (case.state, case.HasField("written_off"), case.written_off.minor) == (disputes_pb2.STATE_RESOLVED, True, 0)
    assert "6100" not in await balances(house)


async def test_where_the_invoice_stands_it_is_due_as_from_the_beginning_and_everybody_hears_so(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    case = await end(house, await a_case(house, invoice, 1000), "INVALID_PAYABLE")

    [told] = house.said(disputes_pb2.DisputeResolved)
    assert told.due_date == case.due_date == invoice.due_date

"""Businesses that once went wrong in other systems, or in this one, played through all five services."""

from decimal import Decimal

from receivables.common.v1 import money_pb2, party_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2 as ledger_calls
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import service_pb2 as notifications_calls
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub

from tests.integration.house.house import House
from tests.integration.house.test_house_edges import Edge, Trade
from tests.integration.invoicing.office import company

BRITISH = Edge(
    seller=company("Acme Ltd", "GB", "GB297150384"),
    buyer=company("Buyer Ltd", "GB", "GB100000034"),
    currency="GBP",
    lines=(("1", "0.13", "STANDARD"), ("1", "0.13", "STANDARD")),
)


async def invoiced(house: House, trade: Trade) -> invoicing_pb2.InvoiceIssued:
    """Order, ship, invoice."""
    await trade.begin()
    order = trade.order("o1")
    house.tell(order, account=trade.account, subject=f"order/{order.order_id}")
    await house.settle()
    trade.ship(order)
    await house.settle()
    issued: list[invoicing_pb2.InvoiceIssued] = house.said(invoicing_pb2.InvoiceIssued)
    [invoice] = issued
    return invoice


async def test_credits_of_every_line_come_to_the_invoice_and_to_what_the_cases_told(house: House):
    """Published as getlago/lago-api#2643: 0.13 + 0.13 at 20 % is 0.31, and was credited as 0.16 and 0.14."""
    trade = Trade(house, BRITISH)
    invoice = await invoiced(house, trade)

    await trade.credit(invoice, ["1", "2"])

    notes = house.said(invoicing_pb2.CreditNoteIssued)
    assert (invoice.gross_minor, [note.gross_minor for note in notes]) == (31, [16, 15])
    assert [told.credit.minor for told in house.said(disputes_pb2.DisputeResolved)] == [16, 15]
    assert house.said(ledger_pb2.ItemReduced)[-1].open.minor == 0
    assert await house.waiting() == []


IN_THE_US = Edge(
    seller=company("Acme Inc", "US", ""),
    buyer=company("Buyer LLC", "US", ""),
    currency="USD",
    lines=(("1", "60.00", "STANDARD"), ("1", "39.99", "STANDARD")),
    tax_minor=825,
)


async def balances(house: House) -> dict[str, int]:
    answer = await house.call(LedgerServiceStub, "GetTrialBalance", ledger_calls.GetTrialBalanceRequest())
    return {row.account: row.balance.minor for row in answer.balances if row.balance.minor}


async def test_goods_are_contested_credited_and_posted_with_their_sales_tax(house: House):
    trade = Trade(house, IN_THE_US)
    invoice = await invoiced(house, trade)
    assert (await balances(house))["2210"] == -825

    await trade.credit(invoice, ["1"])
    worth = 6000 + 495
    assert [opened.amount.minor for opened in house.said(disputes_pb2.DisputeOpened)] == [worth]
    assert [(told.credit.minor, len(told.lines)) for told in house.said(disputes_pb2.DisputeResolved)] == [(worth, 1)]
    [note] = house.said(invoicing_pb2.CreditNoteIssued)
    assert (note.gross_minor, note.sales_tax_minor) == (worth, 495)
    assert [line.invoice_line_id for line in note.lines] == ["1", "3"]
    assert (await balances(house))["2210"] == -330

    await trade.credit(invoice, ["2"])
    assert sum(note.gross_minor for note in house.said(invoicing_pb2.CreditNoteIssued)) == invoice.gross_minor
    assert house.said(ledger_pb2.ItemReduced)[-1].open.minor == 0
    assert {"1100", "2210"}.isdisjoint(await balances(house))
    assert await house.waiting() == []


async def test_who_heard_of_an_invoice_hears_of_its_payment(house: House):
    """Published as invoiceninja/invoiceninja#8178: the clerk of a site heard of the invoice and never of its payment."""
    trade = Trade(house, Edge(scope=party_pb2.Scope(site="NORTH")))
    await trade.begin()
    for contact, site in (("north", "NORTH"), ("south", "SOUTH"), ("all", "")):
        request = notifications_calls.RegisterContactRequest(
            contact_id=contact,
            account_id=trade.account,
            name=contact,
            email=f"{contact}@buyer.example",
            roles=["AP_CLERK"],
            scope=party_pb2.Scope(site=site),
            language="en",
        )
        await house.call(NotificationsServiceStub, "RegisterContact", request)
    order = trade.order("o1")
    house.tell(order, account=trade.account, subject=f"order/{order.order_id}")
    await house.settle()
    trade.ship(order)
    await house.settle()
    [invoice] = house.said(invoicing_pb2.InvoiceIssued)

    await trade.pay(invoice)
    await house.settle()

    told = {}
    for contact in ("north", "south", "all"):
        answer = await house.call(
            NotificationsServiceStub, "ListMessages", notifications_calls.ListMessagesRequest(contact_id=contact)
        )
        told[contact] = {message.event_type.rpartition(".")[2] for message in answer.messages}
    assert "PaymentReceived" in told["north"]
    assert told["north"] == told["all"]
    assert told["south"] == set()


async def test_a_case_has_a_number_that_people_say(house: House):
    trade = Trade(house, BRITISH)
    invoice = await invoiced(house, trade)
    await trade.credit(invoice, ["1"])

    assert {opened.number for opened in house.said(disputes_pb2.DisputeOpened)} == {"D-2026-0001"}
    assert {resolved.number for resolved in house.said(disputes_pb2.DisputeResolved)} == {"D-2026-0001"}


async def test_a_payment_that_names_what_is_paid_stays_unapplied_and_is_told_as_probably_double(house: House):
    trade = Trade(house, Edge())
    invoice = await invoiced(house, trade)
    amount = money_pb2.Money(minor=invoice.gross_minor, currency="EUR")
    for payment in ("m1", "m2"):
        request = ledger_calls.RecordPaymentRequest(
            payment_id=payment,
            account_id=trade.account,
            amount=amount,
            value_date="2026-03-02",
            remittance=f"Rechnung {invoice.number}",
        )
        answer = await house.call(LedgerServiceStub, "RecordPayment", request)
    await house.settle()

    assert list(answer.paid_before) == [invoice.number]
    assert answer.unapplied == amount
    assert await trade.used() == -invoice.gross_minor
    assert await house.waiting() == []


async def test_a_dinar_of_three_decimals_is_refused_before_anything_ships(house: House):
    """Three services said 45.505 and two 45.510: no invoice can say a thousandth."""
    trade = Trade(house, Edge(currency="KWD", buyer=company("Buyer", "KW", ""), lines=(("1", "45.505", "STANDARD"),)))
    await trade.begin()
    order = trade.order("o1")
    house.tell(order, account=trade.account, subject=f"order/{order.order_id}")
    await house.settle()

    assert {code for _, reason, code, _ in await house.waiting() if reason == "refused"} == {"order.currency_decimals"}
    assert await trade.used() == 0
    assert Decimal(order.net_minor) / 1000 == Decimal("45.505")

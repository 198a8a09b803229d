"""Businesses that once went wrong in other systems, or in this one, played through all five services."""

from decimal import Decimal

import pytest
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.invoicing.v1.service_pb2_grpc import InvoicingServiceStub
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2 as ledger_calls
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import service_pb2 as notifications_calls
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub
from receivables.orders.v1 import events_pb2 as orders_pb2

from tests.integration.house.house import House
from tests.integration.house.test_house_edges import Edge, Trade
from tests.integration.invoicing.office import a_seller, company

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


async def test_who_hears_of_an_invoice_hears_of_a_payment_that_met_it_later(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.ledger.usecases.payments.AT_ONCE", 1)
    trade = Trade(house, Edge())
    await trade.begin()
    for nth, site in enumerate(("NORTH", "SOUTH"), 1):
        request = notifications_calls.RegisterContactRequest(
            contact_id=site,
            account_id=trade.account,
            name=site,
            email=f"{site.lower()}@buyer.example",
            roles=["AP_CLERK"],
            scope=party_pb2.Scope(site=site),
            language="en",
        )
        await house.call(NotificationsServiceStub, "RegisterContact", request)
        order = trade.order(f"o{nth}")
        order.scope.site = site
        await trade.place(order)
        trade.ship(order)
        await house.settle()

    gross = sum(invoice.gross_minor for invoice in house.said(invoicing_pb2.InvoiceIssued))
    payment = ledger_calls.RecordPaymentRequest(
        payment_id="m1",
        account_id=trade.account,
        amount=money_pb2.Money(minor=gross, currency="EUR"),
        value_date="2026-03-02",
    )
    answer = await house.call(LedgerServiceStub, "RecordPayment", payment)
    assert answer.continues
    await house.settle()
    assert [applied.later for applied in house.said(ledger_pb2.CashApplied)] == [False, True]

    for contact in ("NORTH", "SOUTH", "c1"):
        asked = notifications_calls.ListMessagesRequest(contact_id=contact)
        told = (await house.call(NotificationsServiceStub, "ListMessages", asked)).messages
        payments = [message for message in told if message.event_type.endswith("PaymentReceived")]
        assert len(payments) == 1, contact
    assert await house.waiting() == []


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


def at_a_rate_of(order: orders_pb2.OrderPlaced, rate: str) -> orders_pb2.OrderPlaced:
    for line in order.lines:
        line.vat_rate = rate
    return order


async def test_an_order_that_invoicing_refuses_whole_gives_its_hold_back_and_the_corrected_one_is_held(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    await trade.place(at_a_rate_of(trade.order("o1"), "10"))  # no rate of Germany

    [refused] = house.said(invoicing_pb2.ShipmentRefused)
    assert (refused.code, refused.shipment_id, refused.version) == ("order.rate_unknown", "", 1)
    [released] = house.said(credit_pb2.HoldReleased)
    assert (released.cause, released.version) == (credit_pb2.RELEASE_CAUSE_REFUSED, 1)
    assert released.amount.minor == trade.order("o1").gross_minor
    assert await trade.held() == 0
    assert (await balances(house)).keys().isdisjoint({"9000", "9001"})

    corrected = trade.order("o1", version=2)
    await trade.place(corrected)
    assert await trade.held() == corrected.gross_minor
    trade.ship(corrected)
    await house.settle()
    assert await trade.held() == 0
    assert [reason for _, reason, *_ in await house.waiting()] == ["refused"]  # the first version


async def test_an_order_that_is_refused_when_goods_of_it_have_left_stays_held(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    order = at_a_rate_of(trade.order("o1"), "10")
    house.tell(order, account=trade.account, subject="order/o1")
    trade.ship(order)
    await house.settle()

    assert [refused.shipment_id for refused in house.said(invoicing_pb2.ShipmentRefused)] == ["", "p1"]
    assert house.said(credit_pb2.HoldReleased) == []
    assert await trade.held() == order.gross_minor


async def test_an_order_that_names_none_of_several_sellers_is_not_held(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    await house.call(InvoicingServiceStub, "RegisterSeller", a_seller("s2", "ZZ"))
    await trade.place(trade.order("o1"))

    assert [refused.code for refused in house.said(invoicing_pb2.ShipmentRefused)] == ["order.seller_missing"]
    assert await trade.held() == 0


async def test_what_a_refusal_says_of_a_version_changes_nothing_of_the_next(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    wrong, right = at_a_rate_of(trade.order("o1"), "10"), trade.order("o1", version=2)
    house.tell(wrong, account=trade.account, subject="order/o1")
    house.tell(right, account=trade.account, subject="order/o1")
    await house.settle()

    assert await trade.held() == right.gross_minor
    assert [released.cause for released in house.said(credit_pb2.HoldReleased)] == [credit_pb2.RELEASE_CAUSE_REPLACED]


async def test_an_order_that_was_cancelled_and_placed_anew_is_held_and_invoiced(house: House):
    trade = Trade(house, Edge())
    await trade.begin()
    first, second = trade.order("o1"), trade.order("o1", version=2)
    await trade.place(first)
    trade.cancel(first)
    await house.settle()
    assert await trade.held() == 0
    await trade.place(second)
    trade.cancel(first)  # told again
    await house.settle()
    assert await trade.held() == second.gross_minor

    trade.ship(second)
    await house.settle()
    assert len(house.said(invoicing_pb2.InvoiceIssued)) == 1
    assert await house.waiting() == []

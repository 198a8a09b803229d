"""The seller's desk: a case from opening to credit note, an order that waits for a person, cash, a buyer's pages."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.demo.stack import rows
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]


@pytest.mark.prove
def test_clerks_resolve_a_case_from_the_queue_to_the_credit_note(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    dora = at_the_desk(trader, visit, "dora", "DISPUTE_OWNER")
    lead = at_the_desk(trader, visit, "lead", "DISPUTE_OWNER", color_scheme="dark")
    invoice = trader.sell("o1", "100.00", quantity="3")
    case = trader.desk.acting_as("contact:ann", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="c1", lines=[(invoice.lines[0].line_id, "2")]
    )

    dora.go("/desk")
    assert case.number in dora.text()
    dora.click(f"text={case.number}")
    dora.click("text=Look into it")
    dora.click("summary:has-text('Ask the customer')")
    dora.fill("#f-words-ASK_CUSTOMER", "a photo of the pallet")
    dora.click("form:has(#f-words-ASK_CUSTOMER) button")
    assert "Waits for the buyer" in dora.text()
    dora.click("summary:text-is('Answer')")
    dora.fill("#f-words-ANSWER", "Sie schickten es für uns mit der Post")
    dora.click("form:has(#f-words-ANSWER) button")
    dora.click("summary:has-text('Propose')")
    dora.fill("#f-words-PROPOSE", "we credit one of two")
    dora.click("form:has(#f-words-PROPOSE) button")
    assert "Sie schickten es für uns mit der Post" in dora.text()

    settle(dora, "1")
    assert "a colleague does" in dora.text()
    lead.go("/desk/disputes?whose=buyer")
    lead.click(f"text={case.number}")
    settle(lead, "3")
    assert "More than was disputed cannot be credited" in lead.text()
    lead.fill("#f-quantity-0", "1")
    lead.click("form:has(#f-quantity-0) button")
    trader.world.settle()
    [note] = trader.told("CreditNoteIssued", dispute_id=case.dispute_id)
    assert note.gross_minor == 12000
    lead.page.reload()
    assert note.number in lead.text()


def test_a_credit_clerk_approves_an_order_that_waits_in_its_row(trader: Trader, visit: Visit):
    trader.buyer(limit=100)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    trader.place("o1", "87.50")
    trader.world.settle()

    cora.go("/desk")
    cora.click("text=Order to decide >> nth=-1 >> xpath=.. >> a")
    assert "a little over the credit limit" in cora.text()
    cora.go("/desk/credit")
    cora.fill("#f-why-1", "pays on time")
    cora.click("button:has-text('Approve')")
    assert "No order waits" in cora.text()
    assert (cora.clicks, cora.typed) == (2, 1)
    trader.world.settle()
    assert trader.decision("o1").held.minor == 10500


@pytest.mark.prove
def test_a_credit_clerk_calls_back_about_an_order_that_is_led_elsewhere(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    for version, city in enumerate(("Leeds", "Hull"), start=1):
        order = trader.place("o1", "87.50", version=version, told=False)
        order.ship_to.street, order.ship_to.city, order.ship_to.country = "1 High Street", city, "GB"
        trader.tell_placed("o1")
        trader.world.settle()

    cora.go("/desk/credit")
    assert "looks wrong" in cora.text()
    cora.click("button:has-text('Take up')")
    assert "delivery or bank account changed late" in cora.text()
    cora.fill("#f-why", "Ann, on the number of the register, knows of it")
    cora.click("button:has-text('All is well')")
    assert "All is well, says" in cora.text()
    trader.world.settle()
    assert trader.decision("o1").held.minor == 10500
    cora.go("/desk/policy")
    assert "F07" in cora.text()


@pytest.mark.prove
def test_a_credit_clerk_places_a_hold_and_changes_a_limit(trader: Trader, visit: Visit):
    trader.buyer(limit=100)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    cora.go("/desk/credit")
    cora.click("text=Place a hold")
    cora.fill("#f-account", "b1")
    cora.click("button:has-text('Place it')")
    assert "invoices are overdue" in cora.text()
    cora.go("/desk/accounts/b1/limit")
    cora.fill("#f-limit", "1,5")
    cora.fill("#f-why", "grows")
    cora.click("main button")
    assert "That is no" in cora.text()
    cora.fill("#f-limit", "1,500.00")
    cora.click("main button")
    assert "£1,500.00" in cora.text()


@pytest.mark.prove
def test_cash_is_booked_by_form_and_by_file_and_shown_with_what_it_met(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    cash = at_the_desk(trader, visit, "cash", "CASH_APP")
    invoice = trader.sell("o1", "100.00")

    cash.go("/desk/cash/payment?account=b1")
    cash.fill("#f-amount", "20.00")
    cash.fill("#f-value_date", "2026-03-03")
    cash.fill("#f-remittance", invoice.number)
    cash.click("main form button")
    assert "£20.00" in cash.text()
    trader.world.settle()
    assert trader.balance().open.minor == 10000

    head = "reference,account,value_date,amount,currency,remittance"
    file = f"{head}\nBK1,b1,2026-03-03,30.00,GBP,{invoice.number}\nBK2,nobody,2026-03-03,1.00,GBP,x\n"
    for outcome in ("Booked", "Booked"):
        cash.go("/desk/cash/import")
        upload(cash, file.encode())
        assert outcome in cash.text()
        assert "Not taken" in cash.text()
    trader.world.settle()
    assert trader.balance().open.minor == 7000
    cash.go("/desk/cash")


@pytest.mark.prove
def test_a_clerk_sees_a_buyers_pages_and_does_nothing_there(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    trader.buyer("b2", limit=1000)
    trader.person("ann", "AP_CLERK", "b1")
    invoice, other = trader.sell("o1", "100.00"), trader.sell("o2", "50.00", account="b2")
    sam = at_the_desk(trader, visit, "sam", "SALES")

    sam.go("/desk/accounts/b1")
    sam.click("text=See what Person ann sees")
    assert "You look at what Person ann sees" in sam.text()
    assert "£120.00" in sam.text()
    sam.click(f"text={invoice.number}")
    assert sam.page.url.endswith(f"/desk/as/ann/invoices/{invoice.number}")
    assert sam.go(f"/desk/as/ann/invoices/{other.number}").status == 404
    assert sam.go("/desk/as/ann/people").status == 404
    assert sam.go("/desk/as/ann/desk").status == 404
    assert sam.go("/desk/as/sam").status == 404
    sam.go("/desk/as/ann")
    sam.click("text=Sign out")
    assert "nothing is done there" in sam.text()
    cookie = {c["name"]: c["value"] for c in sam.page.context.cookies()}["__Host-session"]
    forged = sam.over_http("/desk/as/ann/pay", cookie, method="POST", headers={"sec-fetch-site": "same-origin"})
    assert forged.status_code == 422
    acts = "SELECT method, idempotency_key FROM act WHERE method = 'portal/SeeAs'"
    seen = rows(trader.world.stage.stack.running["portal"].database, [trader.tenant], acts)
    assert ("portal/SeeAs", "ann /") in seen


@pytest.mark.prove
def test_what_a_rule_holds_back_is_mended_and_judged_again(trader: Trader, visit: Visit):
    trader.buyer(limit=1000, profile="xrechnung")
    bill = at_the_desk(trader, visit, "bill", "BILLING")
    trader.place("o1", "100.00")
    trader.world.settle()
    trader.ship("o1")
    trader.world.settle()

    bill.go("/desk/billing")
    assert "Judge them again" in bill.text()
    bill.click("text=Judge them again")
    assert "being judged again" in bill.text()


def at_the_desk(trader: Trader, visit: Visit, name: str, roles: str, **context: Any) -> Visitor:
    """Somebody of the seller, signed in with a second factor."""
    visitor = visit(trader, trader.person(name, roles), **context).sign_in()
    proven = "UPDATE session SET assurance = 2, proven_at = now() RETURNING session_id"
    assert rows(trader.world.stage.stack.running["portal"].database, [trader.tenant], proven)
    return visitor


def settle(visitor: Visitor, quantity: str) -> None:
    """Say that a part of a line is credited."""
    visitor.click("summary:has-text('Settle it')")
    visitor.page.check("input[value=RESOLUTION_PARTIAL_CREDIT]")
    visitor.fill("#f-quantity-0", quantity)
    visitor.click("form:has(#f-quantity-0) button")


def upload(visitor: Visitor, content: bytes) -> None:
    """Choose a file and send it."""
    visitor.page.set_input_files("#f-file", {"name": "file.csv", "mimeType": "text/csv", "buffer": content})
    visitor.click("main form button")

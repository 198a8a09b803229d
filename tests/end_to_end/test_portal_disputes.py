"""Something is wrong: a buyer says so in three clicks, sends a photo, answers what is asked, and hears how it ends."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload
from receivables.disputes.v1 import service_pb2

from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]


@pytest.fixture
def buyer(trader: Trader) -> Trader:
    """Give a seller whose buyer has an invoice of two lines: number in `invoice`."""
    trader.buyer(limit=5000)
    trader.invoice = trader.sell("o1", "100.00", "50.00", quantity="4")  # type: ignore[attr-defined]
    return trader


def number_of(trader: Any) -> str:
    return str(trader.invoice.number)


def photo() -> FilePayload:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (180, 60, 40)).save(out, "JPEG", comment=b"taken by ann")
    return {"name": "broken pallet.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def case_of(trader: Trader) -> Any:
    services = trader.world.stage.services
    request = service_pb2.ListDisputesRequest(account_id="b1")
    [case] = services.read(services.disputes.ListDisputes, request, tenant=trader.tenant).disputes
    return case


def test_a_line_is_contested_by_three_clicks_and_no_typing(buyer: Trader, visit: Visit):
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    ann.go(f"/invoices/{number_of(buyer)}")
    ann.click("text=Wrong? >> nth=0")
    ann.click("text=It came damaged")
    ann.click("main button[type=submit]")

    assert (ann.clicks, ann.typed) == (3, 0)
    assert "We have your case" in ann.text()
    case = case_of(buyer)
    assert [(line.line_id, line.quantity) for line in case.lines] == [("1", "4")]
    assert (case.reason_code, case.amount.minor) == ("QLT_DAMAGE", 48000)
    ann.click("nav >> text=Cases")
    assert case.number in ann.text()


@pytest.mark.prove
def test_an_amount_is_contested_and_what_is_too_much_is_said_beside_it(buyer: Trader, visit: Visit):
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    ann.go(f"/invoices/{number_of(buyer)}/dispute")
    assert ann.page.input_value("#f-amount") == "720.00"
    ann.page.check("input[value=ITM_WRONG]")
    ann.page.check("input[name=what][value=amount]")
    ann.fill("#f-amount", "720.01")
    ann.click("main button[type=submit]")

    assert "more than is left of the invoice" in ann.text()
    assert ann.page.input_value("#f-amount") == "720.01"
    assert ann.page.is_checked("input[value=ITM_WRONG]")
    ann.fill("#f-amount", "12.34")
    ann.click("main button[type=submit]")
    assert case_of(buyer).amount.minor == 1234


@pytest.mark.prove
def test_a_photo_an_answer_and_a_way_back(buyer: Trader, visit: Visit):
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    ann.go(f"/invoices/{number_of(buyer)}/dispute?line=2")
    ann.page.check("input[value=QLT_DAMAGE]")
    ann.page.set_input_files("#f-file", photo())
    ann.click("main button[type=submit]")
    assert "broken pallet.jpg" in ann.text()
    case = case_of(buyer)
    with ann.page.expect_download() as download:
        ann.page.click("text=broken pallet.jpg")
    kept = download.value.path().read_bytes()
    assert kept.startswith(b"\xff\xd8\xff")
    assert b"ann" not in kept

    ann.page.set_input_files("#f-file", {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    ann.page.click("text=Add it")
    assert "That is no photo" in ann.text()

    buyer.desk.move(case.dispute_id, "REVIEW")
    buyer.desk.move(case.dispute_id, "ASK_CUSTOMER", missing="A photo of the label, please")
    ann.go("/")
    ann.click(f"text=Case {case.number}")
    assert "A photo of the label, please" in ann.text()
    ann.fill("#f-said", "Siehe Foto: Größe 3, „links“")
    ann.click("button:text-is('Answer')")
    assert "Siehe Foto: Größe 3, „links“" in ann.text()
    assert "Being looked at" in ann.text()
    ann.page.click("text=Take the case back")
    ann.page.click("text=Take it back")
    assert "Withdrawn" in ann.text()


@pytest.mark.prove
def test_a_proposal_is_accepted_by_two_clicks(buyer: Trader, visit: Visit):
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    case = buyer.desk.acting_as("contact:ann", "b1").open_dispute(
        number_of(buyer), "PRC_DISC", key="k", lines=[("1", "4")]
    )
    buyer.desk.move(case.dispute_id, "REVIEW")
    buyer.desk.move(case.dispute_id, "PROPOSE")
    ann.go("/")
    ann.click(f"text=Case {case.number}")
    ann.click("text=I accept that")
    assert (ann.clicks, ann.typed) == (2, 0)
    assert "Accepted" in ann.text()


@pytest.mark.prove
def test_a_case_that_was_not_accepted_is_looked_at_again(buyer: Trader, visit: Visit):
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    case = buyer.desk.acting_as("contact:ann", "b1").open_dispute(
        number_of(buyer), "PRC_DISC", key="k", lines=[("1", "4")]
    )
    buyer.desk.move(case.dispute_id, "REVIEW")
    buyer.desk.move(case.dispute_id, "REJECT")
    ann.go(f"/disputes/{case.number}")
    ann.click("text=Have it looked at again")
    assert "Being looked at again" in ann.text()


@pytest.mark.prove
def test_another_companys_case_and_its_files_are_not_there(buyer: Trader, visit: Visit):
    buyer.buyer("b2", limit=100)
    ann = visit(buyer, buyer.person("ann", "AP_CLERK", "b1")).sign_in()
    eve = visit(buyer, buyer.person("eve", "AP_CLERK", "b2")).sign_in()
    ann.go(f"/invoices/{number_of(buyer)}/dispute?line=1")
    ann.page.check("input[value=OTH]")
    ann.page.fill("#f-description", "<script>alert(1)</script>")
    ann.page.set_input_files("#f-file", photo())
    ann.click("main button[type=submit]")
    case = case_of(buyer)
    there = ann.page.get_attribute("text=broken pallet.jpg", "href")

    assert "<script>alert(1)</script>" in ann.text()
    for path in (f"/disputes/{case.number}", there, f"/invoices/{number_of(buyer)}/dispute"):
        assert eve.go(str(path)).status == 404

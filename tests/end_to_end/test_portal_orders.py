"""A buyer orders by hand, from a file and again, sees what becomes of it, and takes it back; what it was told, it reads."""

from collections.abc import Callable

import pytest
from receivables.notifications.v1 import service_pb2

from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

pytestmark = pytest.mark.prove
Visit = Callable[..., Visitor]
FILE = b"sku;name;quantity;unit_price\nA1;Screws;10;1.50\nA2;;1;1\n"
MENDED = FILE.replace(b"A2;;1;1", b"A2;Nails;2;0.25")


def test_an_order_from_a_file_is_mended_placed_ordered_again_and_taken_back(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    trader.sell("o1", "100.00")
    pat = visit(trader, trader.person("pat", "PROCUREMENT AP_CLERK", "b1")).sign_in()
    pat.go("/orders/new")
    assert pat.page.input_value("#f-rate") == "20"
    pat.page.click("text=Lines from a spreadsheet")
    pat.page.set_input_files("#f-file", {"name": "lines.csv", "mimeType": "text/csv", "buffer": FILE})
    pat.page.click("text=Read the file")
    assert "1 line is not right yet" in pat.text()
    assert "Say what is ordered" in pat.text()
    pat.page.set_input_files("#f-file", {"name": "lines.csv", "mimeType": "text/csv", "buffer": MENDED})
    pat.page.click("text=Read the file")
    assert "£18.60" in pat.text()
    pat.page.click("button:has-text('Place the order')")
    assert "Your order is with us" in pat.text()
    trader.world.settle()

    pat.go("/orders")
    pat.click("tbody >> text=W-")
    assert "Nails" in pat.text()
    assert "Approved" in pat.text()
    pat.click("text=Order again")
    pat.click("button:has-text('Place the order')")
    trader.world.settle()
    assert (pat.clicks, pat.typed) == (3, 0)
    pat.go("/orders")
    assert pat.page.locator("tbody tr").count() == 3
    pat.page.click("tbody >> text=W-")
    pat.page.click("text=Take the order back")
    pat.page.click("text=Take it back")
    trader.world.settle()
    pat.page.reload()
    assert "Cancelled" in pat.text()


def test_what_happened_is_told_and_read_in_full(trader: Trader, visit: Visit):
    trader.buyer(limit=100)
    pat = visit(trader, trader.person("pat", "PROCUREMENT AP_CLERK", "b1")).sign_in()
    trader.place("o1", "1000.00")
    trader.world.settle()
    pat.go("/orders/o1")
    assert "over the credit limit" in pat.text()
    pat.page.fill("#f-message", "Können wir das in zwei Teilen haben?")
    pat.page.click("text=Send the message")
    assert "Können wir das in zwei Teilen haben?" in pat.text()
    services = trader.world.stage.services
    answer = service_pb2.AddMessageRequest(about="order/o1", text="Ja, gern.")
    services.write(services.notifications.AddMessage, answer, caller=trader.desk.caller, key="m1")
    pat.go("/")
    pat.click("text=1 new message about: Order o1")
    assert "Ja, gern." in pat.text()
    pat.go("/")
    assert "new message" not in pat.text()
    pat.go("/credit")
    assert "over the credit limit" in pat.text()
    pat.go("/messages")
    pat.click("tbody a >> nth=0")
    assert "What happened" in pat.text()


def test_another_companys_order_is_not_there(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    trader.buyer("b2", limit=5000)
    trader.place("o1", "10.00")
    trader.world.settle()
    eve = visit(trader, trader.person("eve", "PROCUREMENT", "b2")).sign_in()

    assert eve.go("/orders/o1").status == 404
    assert eve.go("/orders/new?again=o1").status == 404

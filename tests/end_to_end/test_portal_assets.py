"""What a buyer has from the seller: its page gathers readings, documents, cases and what was written."""

from collections.abc import Callable

import pytest

from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]


def test_an_assets_page_gathers_what_there_is_of_it_and_leads_on(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    trader.buyer("b2", limit=5000)
    address = trader.person("pat", "PROCUREMENT AP_CLERK", "b1")
    trader.report("GM/7", ("Operating hours", "1200.5", "h"), ("Temperature", "61", "°C"), site="NORTH")
    invoice = trader.sell("o1", "100.00", asset="GM/7")
    trader.sell("o2", "10.00", asset="untold")
    trader.sell("o3", "10.00", account="b2")
    case = trader.desk.acting_as("contact:pat", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="d1", lines=[(invoice.lines[0].line_id, "1")]
    )
    trader.world.settle()
    pat = visit(trader, address).sign_in()

    pat.click("nav >> text=Assets")
    pat.click("tbody >> text=SN-GM/7")
    text = pat.text()
    for words in ("Compressor", "2 years, 2 months old", "1,200.5 h", "61 °C", "NORTH", "o1", invoice.number):
        assert words in text, words
    assert case.number in text
    assert "o2" not in text
    pat.click(f"text={invoice.number} >> nth=0")
    pat.click("text=for GM/7")
    assert "Compressor" in pat.text()
    pat.click("text=Something is wrong")
    assert f"/invoices/{invoice.number}/dispute?line=1" in pat.page.url
    assert pat.typed == 0

    pat.go("/orders/o2")
    pat.click("text=for untold")
    assert "we have told nothing more of it yet" in pat.text()

    cookie = next(one["value"] for one in pat.page.context.cookies() if one["name"] == "__Host-session")
    file = pat.over_http("/assets.csv?q=SN-", cookie).text
    assert file.splitlines()[1].startswith("GM/7;SN-GM/7;Compressor;")
    bob = visit(trader, trader.person("bob", "PROCUREMENT AP_CLERK", "b2")).sign_in()
    assert [bob.go(path).status for path in ("/assets", "/assets/GM/7", "/assets/untold", "/assets/none")] == [
        200,
        404,
        404,
        404,
    ]


@pytest.mark.prove
def test_an_order_by_hand_names_the_asset_that_it_is_for(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    trader.sell("o1", "100.00")  # whose currency and rate the next one begins with
    trader.report("GM-7")
    trader.world.settle()
    pat = visit(trader, trader.person("pat", "PROCUREMENT AP_CLERK", "b1")).sign_in()
    pat.go("/orders/new")
    for name, value in (("name", "Oil"), ("quantity", "2"), ("unit_price", "1.50"), ("asset_id", "GM-7")):
        pat.page.fill(f"input[name={name}] >> nth=0", value)
    pat.page.click("button:has-text('Place the order')")
    assert "Your order is with us" in pat.text()
    trader.world.settle()

    pat.go("/assets/GM-7")
    pat.click("text=W-")
    pat.click("text=Order again")
    assert pat.page.input_value("input[name=asset_id] >> nth=0") == "GM-7"

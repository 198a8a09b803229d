"""What arrived is said on the order's page, and what the evidence says of a case is shown to both sides."""

from tests.end_to_end.visitors import Caller
from tests.end_to_end.world import Trader, World


def test_what_arrived_is_said_in_the_portal_and_shown_as_evidence(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    invoice = trader.sell("o1", "100.00", quantity="3")
    rae = Caller(trader, trader.person("rae", "RECEIVING AP_CLERK", "b1")).sign_in()
    dora = Caller(trader, trader.person("dora", "DISPUTE_OWNER")).sign_in()
    assert "Everything arrived" in rae.get("/orders/o1").text

    form = {"shipment": invoice.shipment_id, "good-0": "9", "damaged-0": "0"}
    refused = rae.sent("/orders/o1/received", form, page="/orders/o1")
    assert refused.status_code == 422
    assert "More than was shipped cannot have arrived." in refused.text
    assert rae.sent("/orders/o1/received", form | {"good-0": "2"}, page="/orders/o1").status_code == 303
    world.settle()
    page = rae.get("/orders/o1").text
    assert "Received on" in page
    buyer, line = trader.desk.acting_as("contact:rae", "b1"), invoice.lines[0].line_id
    short = buyer.open_dispute(invoice.number, "QTY_SHORT", key="c1", lines=[(line, "1")])
    price = buyer.open_dispute(invoice.number, "PRC_UNIT", key="c2", lines=[(line, "1")])

    for case, words in (
        (short, ("Our records bear it out", "2 arrived of 3 invoiced")),
        (price, ("Our records say otherwise", "Price of line", "Who disagrees can say so until")),
    ):
        for page in (rae.get(f"/disputes/{case.number}").text, dora.get(f"/desk/disputes/{case.number}").text):
            assert [said for said in ("What was checked", *words) if said not in page] == []
    assert rae.sent("/orders/o1/received", {}, page="/orders/o1").status_code == 303
    world.settle()
    assert "Everything arrived" not in rae.get("/orders/o1").text

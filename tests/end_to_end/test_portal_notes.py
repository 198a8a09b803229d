"""What both sides write about a case, and what the seller's people note for themselves: no page of a buyer has it."""

import re

from tests.end_to_end.visitors import Caller
from tests.end_to_end.world import Trader

NOTE = "They do this every March: be firm"
ASKED, ANSWERED = "Wo bleibt die Antwort auf unsere Fotos?", "On its way: Thursday"


def test_a_thread_is_read_by_both_sides_and_a_note_by_the_sellers_alone(trader: Trader):
    trader.buyer(limit=1000)
    invoice = trader.sell("o1", "100.00", quantity="3")
    case = trader.desk.acting_as("contact:ann", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="c1", lines=[(invoice.lines[0].line_id, "2")]
    )
    ann = Caller(trader, trader.person("ann", "AP_CLERK ACCOUNT_ADMIN", "b1")).sign_in()
    dora = Caller(trader, trader.person("dora", "DISPUTE_OWNER")).sign_in()
    theirs, ours = f"/disputes/{case.number}", f"/desk/disputes/{case.number}"

    assert ann.sent("/thread", {"message": ASKED}, page=theirs).status_code == 303
    assert "Message not read" in dora.get("/desk").text
    assert dora.sent("/desk/notes", {"note": NOTE}, page=ours).headers["location"] == ours
    assert dora.sent("/thread", {"message": ANSWERED}, page=ours).status_code == 303
    page = dora.get(ours).text
    assert all(words in page for words in (NOTE, ASKED, ANSWERED))
    assert "Message not read" not in dora.get("/desk").text

    assert "1 new message about: Case" in ann.get("/").text
    page = ann.get(theirs).text
    assert ASKED in page
    assert ANSWERED in page
    ann.prove()
    read = (theirs, "/", "/messages", f"/invoices/{invoice.number}", "/orders/o1", "/disputes.csv", "/profile/export")
    assert [path for path in read if NOTE in ann.get(path).text] == []


def test_a_note_without_words_is_none_and_a_buyer_makes_none(trader: Trader):
    trader.buyer(limit=1000)
    invoice = trader.sell("o1", "100.00")
    case = trader.desk.acting_as("contact:ann", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="c1", lines=[(invoice.lines[0].line_id, "1")]
    )
    ours = f"/desk/disputes/{case.number}"
    with Caller(trader, trader.person("dora", "DISPUTE_OWNER")) as dora:
        assert dora.sent("/desk/notes", {"note": "  "}, page=ours).status_code == 422
        shown = dora.get(ours).text
    form = dict(re.findall(r'name="(once|about|back)" value="([^"]+)"', shown))
    with Caller(trader, trader.person("ann", "AP_CLERK", "b1")) as ann:
        headers = {"sec-fetch-site": "same-origin"}
        answer = ann.over_http("/desk/notes", ann.cookie, method="POST", headers=headers, data={**form, "note": NOTE})
        assert answer.status_code == 404

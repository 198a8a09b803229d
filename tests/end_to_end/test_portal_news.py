"""News and tips by HTTP, as a browser without script would: from the desk to the reader's overview, and quietly away."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from deploy.demo.stack import rows
from deploy.demo.visit import NotAsWantedError, Visit
from tests.end_to_end.visitors import portal_of
from tests.end_to_end.world import Trader

WORDS = {"title-en": "Pay by code", "body-en": "Scan it.\nThat is all.", "title-de": "Mit Code zahlen"}
WORDS |= {"body-de": "Scannen, fertig."}


def visit(trader: Trader, address: str) -> Visit:
    return Visit(portal_of(trader), trader.world.mail_folder, address)


def written(sal: Visit, trader: Trader, **said: Any) -> str:
    """The page of an item that was written just now."""
    days = {"first": trader.world.at.date().isoformat()}
    days["last"] = (trader.world.at.date() + timedelta(days=60)).isoformat()
    fields = {"kind": "TIP", "act": "", "fallback": "en"} | days | WORDS | said
    return sal.send("/desk/news/new", fields, page="/desk/news/new")


def publish(sal: Visit, path: str) -> None:
    sal.send(f"{path}/publish", {}, page=path)


def not_there(page: Visit, path: str) -> bool:
    with pytest.raises(NotAsWantedError, match="answers 404"):
        page.page(path)
    return True


def test_a_tip_goes_from_the_desk_to_whom_it_is_for_in_their_language_until_they_want_it_no_more(trader: Trader):
    trader.buyer(limit=1000)
    people = [
        trader.person("sal", "SALES"),
        trader.person("ann", "AP_CLERK", "b1", language="de"),
        trader.person("bo", "RECEIVING", "b1"),
    ]
    with ExitStack() as stack:
        sal, ann, bo = (stack.enter_context(visit(trader, address)) for address in people)
        path = written(sal, trader, role=["AP_CLERK"])
        shown = sal.page(path)
        assert "Draft" in shown
        assert shown.count("Pay by code</strong>") == 3
        assert '<div lang="de"><p><strong>Mit Code zahlen' in shown
        assert "Mit Code zahlen" not in ann.page("/")

        publish(sal, path)
        assert "Published" in sal.page("/desk/news")
        assert "Mit Code zahlen" in ann.page("/news")
        assert "Pay by code" not in bo.page("/news")
        mine = ann.page("/")
        assert '<h2>Tipp</h2><div lang="de"><p><strong>Mit Code zahlen' in mine
        assert "Pay by code" not in bo.page("/")
        assert "Pay by code" not in sal.page("/desk/as/ann")
        assert not_there(ann, "/desk/news")
        assert not_there(ann, path)

        assert ann.send("/news/not-now", {"news": path.rpartition("/")[2]}, page="/") == "/"
        assert "Mit Code zahlen" not in ann.page("/")
        publish(sal, written(sal, trader, **{"title-de": "Etwas anderes"}))
        assert "Etwas anderes" not in ann.page("/")
        assert "Pay by code" in bo.page("/")
        trader.world.next_day()
        assert "Etwas anderes" in ann.page("/")
        ann.send("/news/less", {}, page="/")
        assert "Etwas anderes" in ann.page("/news")  # who asks for it sees it
        trader.world.next_day(29)
        assert "Etwas anderes" not in ann.page("/")
        trader.world.next_day()
        assert "Etwas anderes" in ann.page("/")

    acts = f"SELECT actor, method FROM act WHERE idempotency_key = '{path.rpartition('/')[2]}' ORDER BY number"
    found = rows(trader.world.stage.stack.running["portal"].database, [trader.tenant], acts)
    assert found == [("user:sal", "portal/WriteNews"), ("user:sal", "portal/PublishNews")]


def test_nothing_is_told_beside_a_case_or_what_is_overdue(trader: Trader):
    trader.buyer(limit=1000, net_days=3)
    people = [trader.person("sal", "SELLER_ADMIN"), trader.person("ann", "AP_CLERK", "b1")]
    invoice = trader.sell("o1", "100.00")
    with ExitStack() as stack:
        sal, ann = (stack.enter_context(visit(trader, address)) for address in people)
        publish(sal, written(sal, trader))
        assert "Pay by code" in ann.page("/")
        assert "3 days" in ann.page("/balance")

        contact = trader.desk.acting_as("contact:ann", "b1")
        case = contact.open_dispute(invoice.number, "QTY_SHORT", key="c1", lines=[(invoice.lines[0].line_id, "1")])
        assert "Pay by code" not in ann.page("/")
        contact.move(case.dispute_id, "WITHDRAW")
        assert "Pay by code" in ann.page("/")

        trader.world.next_day(4)
        assert "Pay by code" not in ann.page("/")


def test_nothing_is_told_within_a_week_of_an_order_that_was_declined(trader: Trader):
    trader.buyer(limit=1000)
    people = [trader.person("sal", "SALES"), trader.person("ann", "AP_CLERK", "b1")]
    with ExitStack() as stack:
        sal, ann = (stack.enter_context(visit(trader, address)) for address in people)
        publish(sal, written(sal, trader))
        assert "Pay by code" in ann.page("/")
        trader.place("o1", "5000.00")
        trader.world.settle()
        assert "Pay by code" not in ann.page("/")
        trader.world.next_day(8)
        assert "Pay by code" in ann.page("/")


def test_a_tip_about_a_payment_comes_once_one_was_announced(trader: Trader):
    trader.buyer(limit=1000)
    people = [trader.person("sal", "SALES"), trader.person("ann", "AP_CLERK", "b1")]
    invoice = trader.sell("o1", "100.00")
    with ExitStack() as stack:
        sal, ann = (stack.enter_context(visit(trader, address)) for address in people)
        publish(sal, written(sal, trader, act="PAYMENT_ANNOUNCED"))
        assert "Pay by code" not in ann.page("/")

        ann.send("/pay", {"item": [invoice.number]}, page="/pay")
        assert "Pay by code" in ann.page("/")
        trader.world.next_day(8)
        assert "Pay by code" not in ann.page("/")


def test_what_is_typed_wrong_is_said_and_what_was_published_stands_until_it_is_withdrawn(trader: Trader):
    trader.buyer(limit=1000)
    people = [trader.person("sal", "SALES"), trader.person("ann", "AP_CLERK", "b1")]
    with ExitStack() as stack:
        sal, ann = (stack.enter_context(visit(trader, address)) for address in people)
        with pytest.raises(NotAsWantedError, match=r"answers 422.*longer than 80 characters"):
            written(sal, trader, **{"title-en": "t" * 81})
        with pytest.raises(NotAsWantedError, match=r"answers 422.*a first day and a last one"):
            written(sal, trader, last="2026-02-30")
        path = written(sal, trader, **{"title-en": "<script>alert(1)</script>"})
        change = f"{path}/change"
        sal.send(change, {"kind": "NEWS", "act": "", "fallback": "en", "body-en": "b", "body-de": "c"}, page=change)
        before = sal.page(change)
        publish(sal, path)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ann.page("/")
        with pytest.raises(NotAsWantedError, match=r"answers 422.*What was published stands as it is"):
            sal.send(
                change, {"kind": "TIP", "fallback": "en", "body-en": "b", "body-de": "c"}, page=change, shown=before
            )

        sal.send(f"{path}/withdraw", {}, page=path)
        assert "alert(1)" not in ann.page("/")
        assert "Withdrawn" in sal.page("/desk/news")
        other = Trader(trader.world)
        with visit(other, other.person("sam", "SALES")) as sam:
            assert not_there(sam, path)
            assert "Nothing was written yet" in sam.page("/desk/news")

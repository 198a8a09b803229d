"""In by a link, out, and what nobody gets in by."""

from collections.abc import Callable

from playwright.sync_api import Browser

from tests.end_to_end.visitors import Visitor, links
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]


def test_a_clerk_comes_in_by_mail_sees_what_is_owed_and_goes_out(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    address = trader.person("ann", "AP_CLERK", "b1")
    invoice = trader.sell("o1", "100.00")
    ann = visit(trader, address).sign_in()

    assert "Person ann" in ann.text()
    assert invoice.number in ann.text()
    assert "£120.00" in ann.text()
    ann.click(f"text={invoice.number}")
    assert "Goods 1" in ann.text()

    cookie = {c["name"]: c["value"] for c in ann.page.context.cookies()}["__Host-session"]
    assert ann.over_http("/invoices", cookie).status_code == 200
    ann.page.click("text=Sign out")
    answer = ann.over_http("/invoices", cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Finvoices")


def test_a_link_is_good_once_and_in_the_browser_that_asked(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    address = trader.person("ann", "AP_CLERK", "b1")
    ann, thief = visit(trader, address), visit(trader, address)
    ann.sign_in()
    [link] = links(trader, address)

    for visitor in (thief, ann):
        visitor.page.goto(link)
        visitor.page.click("main button[type=submit]")
        assert "not good any more" in visitor.text()


def test_who_is_nobody_hears_the_same_and_gets_no_mail(trader: Trader, visit: Visit, chromium: Browser):
    trader.buyer(limit=1000)
    known = trader.person("ann", "AP_CLERK", "b1")
    said = []
    for address in (known, f"nobody.{trader.tenant}@people.example"):
        visitor = visit(trader, address)
        visitor.go("/sign-in")
        visitor.page.fill("#f-address", address)
        visitor.page.click("main button[type=submit]")
        said.append(visitor.text())
    assert said[0] == said[1]

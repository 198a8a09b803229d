"""In by a link, out, and what nobody gets in by."""

import re
from collections.abc import Callable

from deploy.local.processes import wait_until
from tests.end_to_end.visitors import Caller, Visitor, links
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]
NEW_EACH_TIME = r'(value|data-options)="[^"]*"'


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


def test_a_link_is_good_once_and_in_the_browser_that_asked(trader: Trader):
    """ASVS 6.5.1: whoever else has the link, or has it again, does not get in by it."""
    trader.buyer(limit=1000)
    address = trader.person("ann", "AP_CLERK", "b1")
    ann, thief = Caller(trader, address).sign_in(), Caller(trader, address)
    [link] = links(trader, address)
    path = link.removeprefix(ann.base)

    for caller in (thief, ann):
        answer = caller.get(path)
        if "not good any more" not in answer.text:
            answer = caller.sent(path, {}, page=path)
        assert "not good any more" in answer.text
        assert "__Host-session" not in answer.headers.get("set-cookie", "")


def test_who_is_nobody_hears_the_same_and_gets_no_mail(trader: Trader):
    """ASVS 6.3.8: whether an address is known, nobody learns."""
    trader.buyer(limit=1000)
    known, unknown = trader.person("ann", "AP_CLERK", "b1"), f"nobody.{trader.tenant}@people.example"
    said = []
    for address in (known, unknown):
        answer = Caller(trader, address).sent("/sign-in", {"address": address}, page="/sign-in")
        assert answer.is_success
        said.append(re.sub(NEW_EACH_TIME, "", answer.text.replace(address, "")))
    assert said[0] == said[1]
    wait_until(lambda: bool(links(trader, known)), "whoever is known gets a mail", 20)
    assert trader.mails(unknown) == []

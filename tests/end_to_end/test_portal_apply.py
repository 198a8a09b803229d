"""A company that is nobody's yet applies in the portal: by a link, in few fields, to an account that its people come in to."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from receivables.credit.v1 import service_pb2 as credit_pb2

from deploy.local.processes import wait_until
from tests.end_to_end.visitors import Visitor, links
from tests.end_to_end.world import Trader, text_of

Visit = Callable[..., Visitor]
LINK = re.compile(r"http://\S+/apply/[\w-]+")
# Of a company of which the sources of the demo say good things.
TYPED = {
    "register_number": "09123456",
    "company_name": "Harbour Works Ltd",
    "typical_order": "1,000.00",
    "orders_a_month": "4",
    "requested_amount": "4,000.00",
    "requested_terms": "30",
}
FIELDS_MOST, SECONDS_MOST = 9, 180


def application_links(trader: Trader, address: str) -> list[str]:
    return [found.group() for mail in trader.mails(address) if (found := LINK.search(text_of(mail)))]


def ask_for_link(visitor: Visitor) -> str:
    """From an empty page to the link in the mail."""
    visitor.go("/apply")
    visitor.fill("#f-address", visitor.address)
    visitor.page.select_option("#f-country", "GB")
    before = len(application_links(visitor.trader, visitor.address))
    visitor.click("main button[type=submit]")
    visitor.sees("on its way")
    wait_until(lambda: len(application_links(visitor.trader, visitor.address)) > before, "the link is here", 30)
    return application_links(visitor.trader, visitor.address)[-1]


def begin(visitor: Visitor) -> str:
    """To the form of an application."""
    link = ask_for_link(visitor)
    visitor.page.goto(link)
    visitor.click("main button:has-text('Begin')")
    visitor.sees("Your company")
    return link


def decided(visitor: Visitor) -> None:
    """A source that is late is heard all the same, and then it is decided: whoever looks again sees it."""

    def approved() -> bool:
        visitor.page.reload()
        return "Approved" in visitor.text()

    if "Approved" not in visitor.text():
        wait_until(approved, "the decision is there", 60)


def test_a_company_that_is_nobodys_has_a_limit_in_few_fields_and_comes_in_by_mail(trader: Trader, visit: Visit):
    address = f"pat.miller@{trader.tenant}.example"
    pat = visit(trader, address)
    began = datetime.now(UTC)
    begin(pat)
    for key, value in TYPED.items():
        pat.fill(f"#f-{key}", value)
        pat.page.press(f"#f-{key}", "Tab")
        pat.page.wait_for_selector(f"#said-{key}:has-text('Saved')")
    pat.page.reload()
    assert pat.page.input_value("#f-company_name") == "Harbour Works Ltd"
    pat.click("#f-agreement")
    pat.page.wait_for_selector("#said-agreement:has-text('Saved')")

    pat.click("button[value=submit]")
    pat.page.wait_for_load_state()
    decided(pat)

    assert pat.typed <= FIELDS_MOST
    assert (datetime.now(UTC) - began).total_seconds() < SECONDS_MOST
    pat.sees("£4,000.00")
    pat.click("main button:has-text('Accept')")
    pat.sees("Your company has its account")
    wait_until(lambda: bool(links(trader, address)), "the invitation is here", 30)
    trader.world.settle()
    [account] = {fact.account_id for fact in trader.told("BuyerRegistered")}
    came = visit(trader, address).follow_invitation()
    came.go("/credit")
    came.sees("£4,000.00")
    came.go("/people")
    came.sees("Pat Miller")
    services = trader.world.stage.services
    request = credit_pb2.GetAccountRequest(account_id=account)
    assert services.read(services.credit.GetAccount, request, tenant=trader.tenant).account.limit.minor == 400_000


@pytest.mark.prove
def test_without_script_the_same_form_is_saved_and_decided(trader: Trader, visit: Visit):
    pat = visit(trader, f"pat@{trader.tenant}.example", java_script_enabled=False)
    begin(pat)
    for key, value in {**TYPED, "typical_order": "much"}.items():
        pat.page.fill(f"#f-{key}", value)
    pat.page.check("#f-agreement")
    pat.page.click("button[value=submit]")
    assert "no number" in pat.page.inner_text("#said-typical_order")
    pat.page.fill("#f-typical_order", TYPED["typical_order"])
    pat.page.click("button[value=submit]")
    decided(pat)


@pytest.mark.prove
def test_a_colleague_answers_by_a_link_of_their_own(trader: Trader, visit: Visit):
    pat, colleague = f"pat@{trader.tenant}.example", f"kim@{trader.tenant}.example"
    visitor = visit(trader, pat)
    begin(visitor)
    visitor.page.click("summary:has-text('Ask a colleague')")
    visitor.page.check("input[name=fact][value=orders_a_month]")
    visitor.page.fill("details #f-address", colleague)
    visitor.page.click("button:has-text('Mail them a link')")
    visitor.sees("Your colleague gets a mail")
    wait_until(lambda: bool(application_links(trader, colleague)), "the colleague's link is here", 30)
    assert pat in text_of(trader.mails(colleague)[-1])
    kim = visit(trader, colleague)
    kim.page.goto(application_links(trader, colleague)[-1])
    assert kim.page.locator("form [name^=fact-]").count() == 1
    kim.page.fill("#f-orders_a_month", "4")
    kim.page.click("button[value=save]")
    kim.sees("Saved")
    visitor.page.reload()
    assert visitor.page.input_value("#f-orders_a_month") == "4"


@pytest.mark.prove
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_of_it_is_readable_for_all_in_every_width(trader: Trader, visit: Visit, scheme: str):
    pat = visit(trader, f"pat@{trader.tenant}.example", color_scheme=scheme)
    wrong: dict[str, object] = {}

    def look(name: str) -> None:
        found = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(pat.page).response["violations"]]
        widths = {}
        for width in (1280, 390, 320):
            pat.page.set_viewport_size({"width": width, "height": 900})
            widths[width] = pat.page.evaluate("document.documentElement.scrollWidth") - width
        pat.page.set_viewport_size({"width": 1280, "height": 900})
        if found or any(more > 0 for more in widths.values()):
            wrong[name] = (found, widths)

    pat.go("/apply")
    look("apply")
    link = ask_for_link(pat)
    look("sent")
    pat.page.goto(link)
    look("before it is begun")
    pat.page.click("main button:has-text('Begin')")
    look("form")
    pat.page.click("button[value=submit]")
    look("missing")
    for key, value in {**TYPED, "requested_amount": "60,000.00", "typical_order": "30,000.00"}.items():
        pat.page.fill(f"#f-{key}", value)
    pat.page.check("#f-agreement")
    pat.page.click("button[value=submit]")
    pat.page.wait_for_load_state()
    look("looked at by a person")
    pat.page.fill("#f-requested_amount", "4,000.00")
    pat.page.fill("#f-typical_order", "1,000.00")
    pat.page.click("button[value=submit]")
    decided(pat)
    look("decided")
    pat.page.click("main button:has-text('Accept')")
    pat.sees("Your company has its account")
    look("accepted")
    assert wrong == {}

"""Credit at the seller's desk in a browser: an application that the policy leaves to a person, and the policy itself."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from deploy.demo.stack import rows
from services.credit.domain import underwriting
from tests.end_to_end.applying import apply, shown
from tests.end_to_end.test_portal_desk import at_the_desk
from tests.end_to_end.test_portal_ways_in import an_authenticator
from tests.end_to_end.visitors import Caller, Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]
PAGE = "/desk/applications/a1"
LINE = "/desk/accounts/b1/line"
NARROW = 320
PASSED = "UPDATE session SET assurance = 2, proven_at = now() - interval '6 minutes' RETURNING session_id"


def test_a_form_waits_for_a_passkey_and_is_sent_as_it_was_typed(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    an_authenticator(cora)
    cora.go("/factor/new")
    cora.click("text=Add a passkey")
    cora.page.wait_for_url("**/profile")
    cora.go("/desk/accounts/b1/limit")
    cora.fill("#f-limit", "1,500.00")
    cora.fill("#f-why", "they grow")
    assert rows(trader.world.stage.stack.running["portal"].database, [trader.tenant], PASSED)
    cora.click("button:has-text('Set the limit')")
    cora.sees("What you filled in is kept")
    assert [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(cora.page).response["violations"]] == []
    cora.click("text=Use your passkey")

    cora.page.wait_for_url("**/desk/accounts/b1")
    cora.sees("of £1,500.00")


@pytest.mark.prove
def test_two_clerks_see_to_a_credit_line_and_its_group(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    sal = at_the_desk(trader, visit, "sal", "SALES")
    cora = at_the_desk(trader, visit, "cora", "CREDIT", color_scheme="dark")
    sal.go("/desk/accounts/b1")
    sal.click("text=More for a while, group, securities, earlier limits")
    sal.click("a:has-text('More for a while')")
    sal.fill("#f-amount", "500.00")
    sal.fill("#f-until", (trader.world.at.date() + timedelta(days=30)).isoformat())
    sal.fill("#f-why", "the season")
    sal.page.keyboard.press("Enter")
    sal.sees("Waits for a second person")

    cora.go("/desk/register/node")
    cora.fill("#f-node", "muster")
    cora.page.select_option("#f-kind", "GROUP")
    cora.fill("#f-currency", "GBP")
    cora.fill("#f-limit", "3,000.00")
    cora.page.keyboard.press("Enter")
    cora.sees("Still free together")
    cora.go("/desk/accounts/b1/move")
    cora.fill("#f-parent", "muster")
    cora.fill("#f-why", "one company")
    cora.page.keyboard.press("Enter")
    cora.sees("An order is approved where it fits")
    cora.click("button:has-text('Approve')")
    cora.sees("approved by Person cora")
    cora.go("/desk/accounts/b1/security")
    cora.fill("#f-amount", "800")
    cora.page.keyboard.press("Enter")
    cora.sees("Credit insurance")
    cora.click("summary:has-text('End it') >> nth=1")
    for path in (LINE, *(f"/desk/accounts/b1/{form}" for form in ("uplift", "security", "move")), *GROUPS):
        cora.go(path)
        found = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(cora.page).response["violations"]]
        assert found == [], path
        for wide in (390, NARROW):
            cora.page.set_viewport_size({"width": wide, "height": 800})
            assert cora.page.evaluate("document.documentElement.scrollWidth") <= wide, path
        cora.page.set_viewport_size({"width": 1280, "height": 900})


GROUPS = ("/desk/nodes", "/desk/nodes/muster", "/desk/nodes/muster/limit", "/desk/register/node", "/desk/accounts/b1")


def test_a_clerk_decides_in_four_clicks_what_the_policy_left_to_a_person(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    apply(trader)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")

    cora.go("/desk/applications")
    cora.click("button:has-text('Take up')")
    cora.sees("The limit, term by term")
    cora.click("label:has-text('Approve less')")
    cora.fill("#f-limit", "25,000.00")
    cora.click("form:has(#f-limit) button")

    cora.sees("Approved, with less")
    assert (cora.clicks, cora.typed) == (3, 1)
    decided = shown(trader).decision
    assert (decided.limit.minor, decided.decided_by) == (2_500_000, "user:cora")
    assert decided.reasons


@pytest.mark.prove
def test_two_persons_above_the_policys_amount_and_one_fact_asked_before(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    apply(trader)
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    lead = at_the_desk(trader, visit, "lead", "SELLER_ADMIN", color_scheme="dark")

    cora.go(PAGE)
    cora.click("button:has-text('Take up')")
    cora.click("summary:has-text('Ask for one fact')")
    cora.page.select_option("#f-key", "guarantee")
    cora.click("button:has-text('Ask for it')")
    cora.sees("the promise rests until the answer comes")
    trader.buyer("b2", limit=1000)
    other = {"register_number": "07654321", "contact_email": "b@other.example", "iban": "GB82WEST12345698765432"}
    apply(trader, "a2", "b2", **other)
    cora.go("/desk/applications/a2")
    cora.click("button:has-text('Take up')")
    cora.click("label:has-text('Approve as asked for')")
    cora.fill("#f-limit", "900,000.00")
    cora.click("form:has(#f-limit) button")
    cora.sees("You decided this: another person has to confirm it.")

    lead.go("/desk/applications/a2")
    lead.click("button:has-text('Confirm it')")
    lead.sees("£900,000.00")
    assert shown(trader, "a2").decision.limit.minor == 90_000_000


@pytest.mark.prove
def test_a_policy_is_mended_proposed_and_activated_by_another(trader: Trader, visit: Visit):
    text = underwriting.default().text.replace("below: 1.25, points: 9", "below: 1.25, points: 8")
    cora = at_the_desk(trader, visit, "cora", "CREDIT")
    lead = at_the_desk(trader, visit, "lead", "SELLER_ADMIN")

    cora.go("/desk/policy")
    cora.click("text=Propose another")
    cora.fill("#f-text", text.replace("when: grade == 'E'", "when: grad == 'E'"))
    cora.click("button:has-text('Propose it')")
    cora.sees("did you mean grade?")
    cora.fill("#f-text", text)
    cora.click("button:has-text('Propose it')")
    cora.sees("You proposed this: another person has to activate it.")

    lead.go("/desk/policy")
    lead.click("td a")
    lead.sees("+ - {below: 1.25, points: 8}")
    lead.click("summary:has-text('Decide by it from now on')")
    lead.click("button:has-text('Activate it')")
    lead.sees("activated by Person lead")


@pytest.mark.prove
def test_the_pages_are_readable_for_all_and_narrow(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    apply(trader)
    for colours in ("light", "dark"):
        cora = at_the_desk(trader, visit, "cora", "CREDIT", color_scheme=colours)
        for path in ("/desk/applications", PAGE, "/desk/policy", "/desk/policy/new"):
            cora.go(path)
            found = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(cora.page).response["violations"]]
            assert found == [], path
            cora.page.set_viewport_size({"width": NARROW, "height": 800})
            assert cora.page.evaluate("document.documentElement.scrollWidth") <= NARROW, path
            cora.page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.prove
def test_without_script_it_is_the_same(trader: Trader):
    trader.buyer(limit=1000)
    apply(trader)
    with Caller(trader, trader.person("cora", "CREDIT")) as cora:
        cora.prove()
        assert cora.sent(f"{PAGE}/take-up", {}, page="/desk/applications").headers["location"] == PAGE
        decline: dict[str, str | list[str]] = {"outcome": "DECLINED", "reason": ["R17"]}
        assert cora.sent(f"{PAGE}/decide", decline, page=PAGE).headers["location"] == PAGE
    assert [reason.code for reason in shown(trader).decision.reasons] == ["R17"]

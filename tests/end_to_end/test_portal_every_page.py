"""What holds for every page and form, whoever wrote it: found in the table of routes, so that none is forgotten."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from services.portal import pages
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES
from services.portal.web import HEADERS, ROUTES, Route
from tests.end_to_end.applying import apply
from tests.end_to_end.visitors import Caller, Visitor
from tests.end_to_end.world import Trader, World

pages.load()
Visit = Callable[..., Visitor]
NARROW, WIDE = 320, 1280
# Of what is new each time.
_NEW = re.compile(r'(?:value|data-options|src)="[^"]*"|<code>[A-Z2-7]+</code>')


@dataclass
class Town:
    """A seller with two buyers, of each a person who may do everything, and of the seller too."""

    trader: Trader
    people: dict[str, str]
    # What stands in addresses, by the name of the part.
    ids: dict[str, str]


@pytest.fixture(scope="module")
def town(world: World) -> Town:
    """Give a business with one of everything."""
    world.next_business_day()
    trader = Trader(world)
    for account in ("b1", "b2"):
        trader.buyer(account, limit=1000)
    people = {
        "buyer": trader.person("ann", " ".join(sorted(BUYER_ROLES)), "b1"),
        "other": trader.person("bob", " ".join(sorted(BUYER_ROLES)), "b2"),
        "seller": trader.person("sue", " ".join(sorted(SELLER_ROLES))),
    }
    trader.report("A-1", ("Operating hours", "1200.5", "h"))
    invoice = trader.sell("o1", "100.00", asset="A-1")
    trader.place("o2", "875.00")  # waits for a person
    trader.pay("p1", "10.00", "for what, nobody knows")
    case = trader.desk.acting_as("contact:ann", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="d1", lines=[(invoice.lines[0].line_id, "1")]
    )
    apply(trader)
    announced = trader.desk.acting_as("contact:ann", "b1").announce(invoice.number, 100, "GBP", key="a1")
    world.settle()
    ids = {
        "reference": announced.reference,
        "message": "of-nobody",
        "kind": "of-nobody",
        "news": "of-nobody",
        "file": "of-nobody",
        "number": invoice.number,
        "order_id": "o1",
        "order": "o1",
        "asset": "A-1",
        "dispute": case.number,
        "case": case.number,
        "account": "b1",
        "contact": "ann",
        "rest": "of-nobody",
        "payment": "p1",
        "purchase": "of-nobody",
        "token": "of-nobody",
        "application": "a1",
        "document": "of-nobody",
        "policy": "of-nobody",
        "review": "of-nobody",
        "question": "of-nobody",
        "picture": "of-nobody",
        "approval": "of-nobody",
        "contract": "credit_standing",
        "node": "of-nobody",
        "action": "of-nobody",
        "incident": "of-nobody",
    }
    return Town(trader, people, ids)


@pytest.fixture(scope="module")
def callers(town: Town) -> dict[str, Caller]:
    """Give each of two buyers, signed in once."""
    return {who: Caller(town.trader, town.people[who]).sign_in() for who in ("buyer", "other")}


def filled(path: str, ids: dict[str, str]) -> str:
    """An address with its parts filled in; the test's table knows all of them."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: ids[part[1]], path)


def test_what_is_anothers_is_not_there_in_the_same_words_as_what_is_nowhere(callers: dict[str, Caller], town: Town):
    """ASVS 8.2.2: another company's ids are nobody's, on every route."""
    told_apart = {}
    for route in [route for route in ROUTES if "{" in route.path and route.guard]:
        said = []
        for ids in (town.ids, dict.fromkeys(town.ids, "nothing-there")):
            answer = send(callers["other"], route, filled(route.path, ids), callers["other"].cookie)
            text = _NEW.sub("", answer.text)
            for known in {*town.ids.values(), "nothing-there"}:  # in both: a seller's own name may have one in it
                text = text.replace(known, "*")
            said.append((answer.status_code, answer.headers.get("location", ""), text))
        if said[0] != said[1] or said[0][0] not in (404, 403):
            told_apart[f"{route.method} {route.path}"] = said
    assert told_apart == {}


def test_nobody_gets_in_without_a_session_and_every_answer_is_closed(callers: dict[str, Caller], town: Town):
    """ASVS 8.3.1, 3.4.1 to 3.4.8: no session, no page; and the headers of every answer."""
    wanted = {"location": "/sign-in", "cache-control": "no-store", **dict(HEADERS)}
    found = {}
    for route in [route for route in ROUTES if route.guard]:
        answer = send(callers["other"], route, filled(route.path, town.ids), "")
        told = {name: answer.headers.get(name, "") for name in wanted}
        told["location"] = told["location"].partition("?")[0]
        if (answer.status_code, told) != (303, wanted):
            found[f"{route.method} {route.path}"] = (answer.status_code, told)
    assert found == {}


FORGED: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
    {},
)


def test_a_form_of_elsewhere_does_nothing(callers: dict[str, Caller], town: Town):
    """ASVS 3.5.1, 3.5.3: forged requests."""
    buyer = callers["buyer"]
    taken = []
    for route in [route for route in ROUTES if route.method == "POST" and not route.from_elsewhere]:
        for headers in FORGED:
            path = filled(route.path, town.ids)
            answer = buyer.over_http(path, buyer.cookie, method="POST", headers=headers, data={})
            if answer.status_code != 403 or "not sent from a page of ours" not in answer.text:
                taken.append((route.path, headers, answer.status_code))
    assert taken == []


# What people open most. Every page, in every form: test_portal_every_look.py (`make prove`).
MOST_USED = {
    "buyer": ("/", "/invoices", "/invoices/{number}", "/invoices/{number}/dispute", "/disputes/{case}", "/pay"),
    "seller": (
        "/desk",
        "/desk/disputes",
        "/desk/disputes/{dispute}",
        "/desk/credit",
        "/desk/accounts/{account}",
        "/desk/applications/{application}",
    ),
}


def test_the_pages_that_people_open_most_are_readable_for_all_and_narrow(town: Town, visit: Visit):
    wrong = {}
    for who, paths in MOST_USED.items():
        visitor = visit(town.trader, town.people[who]).sign_in()
        for path in paths:
            assert visitor.go(filled(path, town.ids)).status == 200, path
            assert visitor.page.locator("h1").count() == 1, path
            found = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(visitor.page).response["violations"]]
            visitor.page.set_viewport_size({"width": NARROW, "height": 800})
            wide = visitor.page.evaluate("document.documentElement.scrollWidth")
            visitor.page.set_viewport_size({"width": WIDE, "height": 900})
            if found or wide > NARROW:
                wrong[path] = (found, wide)
    assert wrong == {}


def send(caller: Caller, route: Route, path: str, cookie: str) -> httpx.Response:
    """Ask, as a page of ours would."""
    if route.method == "GET":
        return caller.over_http(path, cookie)
    headers = {"sec-fetch-site": "same-origin"}
    return caller.over_http(path, cookie, method="POST", headers=headers, data={"once": "x" * 32})

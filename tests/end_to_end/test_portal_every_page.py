"""What holds for every page, whoever wrote it: found in the table of routes, so that none is forgotten."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from services.portal import pages
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES
from services.portal.web import HEADERS, ROUTES, Route
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader, World

pages.load()
Visit = Callable[..., Visitor]
NARROW, PHONE, WIDE = 320, 390, 1280
# Pages that lead elsewhere, answer with a file, or belong to somebody who is not in yet.
NO_PAGES = re.compile(r"\.csv$|/file|/in/|/sign-in|/export|/evidence/|/oidc|/picture|/feed")
# Of what is new each time.
_NEW = re.compile(r'name="once" value="[\w-]+"')


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
    announced = trader.desk.acting_as("contact:ann", "b1").announce(invoice.number, 100, "GBP", key="a1")
    world.settle()
    ids = {
        "reference": announced.reference,
        "message": "of-nobody",
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
    }
    return Town(trader, people, ids)


@pytest.fixture(scope="module")
def signed_in(town: Town, chromium: Any) -> Iterator[dict[str, Visitor]]:
    """Give a browser of each, signed in once."""
    visitors = {who: Visitor(chromium, town.trader, address).sign_in() for who, address in town.people.items()}
    yield visitors
    for visitor in visitors.values():
        visitor.close()


def pages_of(side: frozenset[str]) -> list[str]:
    """The addresses of pages that somebody with all roles of a side may open."""
    return [
        r.path for r in ROUTES if r.method == "GET" and r.guard and r.guard.roles & side and not NO_PAGES.search(r.path)
    ]


def filled(path: str, ids: dict[str, str]) -> str:
    """An address with its parts filled in; the test's table knows all of them."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: ids[part[1]], path)


PAGES = [("buyer", path) for path in pages_of(BUYER_ROLES)] + [("seller", path) for path in pages_of(SELLER_ROLES)]


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_page_is_whole_readable_and_narrow(signed_in: dict[str, Visitor], town: Town, who: str, path: str):
    visitor = signed_in[who]
    answer = visitor.go(filled(path, town.ids))

    assert answer.status in (200, 404), visitor.text()
    if answer.status == 404:
        assert "{" in path  # something that the other side has
        return
    page = visitor.page
    assert page.locator("h1").count() == 1
    found = [(one["id"], one["nodes"][0]["html"][:200]) for one in Axe().run(page).response["violations"]]
    assert found == []
    for width in (NARROW, PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
    page.set_viewport_size({"width": WIDE, "height": 900})


WITH_IDS = [route for route in ROUTES if "{" in route.path and route.guard and "{token}" not in route.path]


@pytest.mark.parametrize("route", WITH_IDS, ids=lambda route: f"{route.method} {route.path}")
def test_what_is_anothers_is_not_there_in_the_same_words_as_what_is_nowhere(
    signed_in: dict[str, Visitor], town: Town, route: Route
):
    """ASVS 8.2.2: another company's ids are nobody's, on every route."""
    other = signed_in["other"]
    cookie = session_of(other)
    said = []
    for ids in (town.ids, dict.fromkeys(town.ids, "nothing-there")):
        answer = send(other, route, filled(route.path, ids), cookie)
        text = _NEW.sub("", answer.text)
        for known in {*ids.values()}:
            text = text.replace(known, "*")
        said.append((answer.status_code, answer.headers.get("location", ""), text))
    assert said[0] == said[1]
    assert said[0][0] in (404, 403)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.guard], ids=lambda route: f"{route.method} {route.path}")
def test_nobody_gets_in_without_a_session_and_every_answer_is_closed(
    town: Town, signed_in: dict[str, Visitor], route: Route
):
    """ASVS 8.3.1, 3.4.1 to 3.4.8: no session, no page; and the headers of every answer."""
    answer = send(signed_in["other"], route, filled(route.path, town.ids), "")

    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    for name, value in HEADERS:
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"


FORGED: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
    {},
)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.method == "POST" and not r.from_elsewhere], ids=lambda route: route.path
)
def test_a_form_of_elsewhere_does_nothing(town: Town, signed_in: dict[str, Visitor], route: Route):
    """ASVS 3.5.1, 3.5.3: forged requests."""
    buyer = signed_in["buyer"]
    cookie = session_of(buyer)
    for headers in FORGED:
        answer = buyer.over_http(filled(route.path, town.ids), cookie, method="POST", headers=headers, data={})
        assert answer.status_code == 403
        assert "not sent from a page of ours" in answer.text


def session_of(visitor: Visitor) -> str:
    """The cookie of a browser's session."""
    return {cookie["name"]: cookie["value"] for cookie in visitor.page.context.cookies()}["__Host-session"]


def send(visitor: Visitor, route: Route, path: str, cookie: str) -> httpx.Response:
    """Ask, as a page of ours would."""
    if route.method == "GET":
        return visitor.over_http(path, cookie)
    headers = {"sec-fetch-site": "same-origin"}
    return visitor.over_http(path, cookie, method="POST", headers=headers, data={"once": "x" * 32})

"""Every page as people may have it: wide and narrow, light and dark, in German, in longer words, from right to left, on paper;
and the tasks of a buyer by keyboard alone, and without script.

The pages are those of the table of routes; what stands in their addresses is found as people find it: by following links
through the business of the sample. A page to which no link leads is found too.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any, Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page
from starlette.routing import compile_path

from deploy.demo import sample
from deploy.demo.desk import Desk
from deploy.demo.player import Player
from deploy.demo.stack import SOURCES, rows
from services.credit.domain import underwriting
from services.portal import pages
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES, Guard
from services.portal.looks import PSEUDO
from services.portal.web import LANGUAGE, ROUTES
from tests.end_to_end.applying import apply
from tests.end_to_end.conftest import running
from tests.end_to_end.visitors import Caller, Visitor
from tests.end_to_end.world import Trader, World

pytestmark = pytest.mark.prove
pages.load()
Visit = Callable[..., Visitor]
TENANT, ACCOUNT, COLLEAGUE = "nordwerk", "N-102", "claire@atelier.example"
WIDTHS = (1280, 390, 320)
# Addresses that answer with a file, or with a part of a page.
NO_PAGES = re.compile(
    r"\.(csv|yaml)$|/progress$|/documents/|/file$|/files/|/export$|/evidence/|/start/sample$|/sign-in/again$|/mail\.html$"
)
HREF = re.compile(r'href="(/[^"#?]*)')
FOLLOWED = 5  # addresses of a route: not each page leads to all that some do
# Pages of those who are not in.
STRANGERS = ("/sign-in", "/in/a-link-that-is-not-good", "/nowhere")
SIDES = {"all": BUYER_ROLES, "desk": SELLER_ROLES}


def opens(guard: Guard | None, side: frozenset[str]) -> bool:
    return guard is not None and bool(guard.roles & side)


PAGES = [
    (who, route.path)
    for who, side in SIDES.items()
    for route in ROUTES
    if route.method == "GET" and opens(route.guard, side) and not NO_PAGES.search(route.path)
] + [("nobody", path) for path in STRANGERS]


class OfTheSample(Trader):
    """A seller of the sample, with its business as it was played."""

    def __init__(self, world: World, tenant: str) -> None:
        """Nothing is registered: it was."""
        self.world, self.tenant = world, tenant
        self.desk = Desk(world.stage.services, tenant)
        self.portal = world.stage.portals[tenant]


@dataclass
class Shown:
    """Two people who may do everything, and nobody, each at a browser; and where their pages are."""

    trader: Trader
    visitors: dict[str, Visitor]
    # By who and the route: an address of it.
    addresses: dict[tuple[str, str], str]

    def look(self, who: str, path: str, language: str = "en") -> Page:
        """Open the page of a route, in a language."""
        visitor, address = self.visitors[who], self.addresses[who, path]
        host = visitor.base.removeprefix("http://").partition(":")[0]
        cookie = {"name": LANGUAGE, "value": language, "domain": host, "path": "/", "secure": True}
        visitor.page.context.add_cookies([cookie])  # type: ignore[list-item]
        proven(self.trader)
        answer = visitor.go(address)
        assert answer.status == (404 if path == "/nowhere" else 200), address
        visitor.page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        return visitor.page


@pytest.fixture(scope="module")
def played() -> Iterator[OfTheSample]:
    """Give a seller of the sample on the last evening; two people who may do everything were there all the time."""
    business = sample.load()
    with running(SOURCES, {}) as stage:
        player = Player(stage, business)
        player.open(business.steps[0])
        trader = OfTheSample(World(stage, stage.stack.servers.mail_folder, business.steps[0].at), TENANT)
        trader.person("all", " ".join(sorted(BUYER_ROLES)), ACCOUNT, wants_document=True)
        trader.person("desk", " ".join(sorted(SELLER_ROLES)))
        for step in business.steps:
            player.play(step)
        trader.world.at = business.steps[-1].at
        yield trader


@pytest.fixture(scope="module")
def shown(played: OfTheSample, chromium: Browser) -> Iterator[Shown]:
    """Give everybody at their browsers, with something of each kind on their pages."""
    something_of_each_kind(played)
    still = {"reduced_motion": "reduce"}  # what fades is not read halfway
    visitors = {who: Visitor(chromium, played, f"{who}.{TENANT}@people.example", **still).sign_in() for who in SIDES}
    proven(played)
    addresses = {(who, path): at for who, one in visitors.items() for path, at in linked(who, one).items()}
    visitors["nobody"] = Visitor(chromium, played, "", **still)
    addresses |= {("nobody", path): path for path in STRANGERS}
    yield Shown(played, visitors, addresses)
    for visitor in visitors.values():
        visitor.close()


LINE = f"/desk/accounts/{ACCOUNT}"
CREDIT_LINE = (
    (f"{LINE}/uplift", {"amount": "5000", "until": "2026-12-31", "reason": "project", "why": "Neue Filiale"}),
    (f"{LINE}/security", {"kind": "GUARANTEE", "amount": "2000", "coverage": "80", "reference": "AVAL-2026-0417"}),
)
GROUP = {"node": "Unternehmensgruppe Nord", "kind": "GROUP", "currency": "EUR", "limit": "60000"}
JOINS = {"parent": "Unternehmensgruppe Nord", "why": "gehört zusammen"}


def something_of_each_kind(trader: Trader) -> None:
    """What the sample's buyer has not: an order that waits for a yes, a case with a photo, a message, a payment to come."""
    with Caller(trader, f"all.{TENANT}@people.example") as buyer:
        buyer.prove()
        limit: dict[str, str | list[str]] = {"who": "contact:N-102-1", "currency": "EUR", "per_order": "1.00"}
        assert buyer.sent("/people/spending", limit, page="/people/spending").status_code == 303
        newest, *_, oldest = re.findall(r'href="/invoices/([^"/?]+)"', buyer.get("/invoices").text)
        case: dict[str, str | list[str]] = {"reason": "QLT_DAMAGE", "what": "lines"}
        page = f"/invoices/{newest}/dispute"
        photo = {"file": ("Palette mit gebrochenem Fuß, linke Seite.jpg", a_photo(), "image/jpeg")}
        assert buyer.sent(page, case, page=page, files=photo).status_code == 303
        message = "Können wir diese Rechnung in zwei Teilen bezahlen?\nWir bauen gerade um."
        assert buyer.sent("/thread", {"message": message}, page=f"/invoices/{oldest}").status_code == 303
        items = re.findall(r'name="item" value="([^"]+)"', buyer.get("/pay").text)
        assert buyer.sent("/pay", {"item": items[:1]}, page="/pay").status_code == 303
    with Caller(trader, COLLEAGUE) as colleague:
        lines: dict[str, str | list[str]] = {
            "sku": ["NW-100"],
            "name": ["Schwerlastregal, Grundfeld, 2.000 mm hoch"],
            "quantity": ["2"],
            "unit_price": ["450.00"],
            "act": "place",
        }
        answer = colleague.sent("/orders/new", lines, page="/orders/new")
        assert answer.headers["location"] == "/orders?told=waits"
    today = trader.world.at.date().isoformat()
    news: dict[str, str | list[str]] = {"kind": "NEWS", "fallback": "de", "first": today, "last": today}
    news |= {"title-de": "Ein Entwurf", "body-de": "Noch nicht veröffentlicht."}
    in_euro = {"typical_order": "20000.00 EUR", "requested_amount": "60000.00 EUR", "register_number": "552100554"}
    apply(trader, account=ACCOUNT, **in_euro)
    policy: dict[str, str | list[str]] = {"text": f"{underwriting.default().text}# Von uns.\n"}
    until = (trader.world.at.date() + timedelta(days=60)).isoformat()
    standing: dict[str, str | list[str]] = {
        "kind": "STANDING_KIND_RELEASE_ORDER",
        "account": ACCOUNT,
        "currency": "EUR",
    }
    standing |= {"most": "100.00", "period": "300.00", "count": "10", "days": "30", "until": until}
    with Caller(trader, f"desk.{TENANT}@people.example") as desk:
        desk.prove()
        assert desk.sent("/desk/policy/new", policy, page="/desk/policy/new").status_code == 303
        assert desk.sent("/desk/approvals/new", standing, page="/desk/approvals/new").status_code == 303
        assert desk.sent("/desk/news/new", news, page="/desk/news/new").status_code == 303
        for page, typed in (*CREDIT_LINE, ("/desk/register/node", GROUP), (f"{LINE}/move", JOINS)):
            assert desk.sent(page, {**typed}, page=page).status_code == 303, page
    trader.world.settle()


def a_photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (180, 60, 40)).save(out, "JPEG")
    return out.getvalue()


def proven(trader: Trader) -> None:
    """Whoever is in has shown a second factor, just now."""
    shown = "UPDATE session SET assurance = 2, proven_at = now() RETURNING session_id"
    assert rows(trader.world.stage.stack.running["portal"].database, [trader.tenant], shown)


def linked(who: str, visitor: Visitor) -> dict[str, str]:
    """An address of each page, found by following links."""
    patterns = {path: compile_path(path)[0] for one, path in PAGES if one == who}
    found = {path: path for path in patterns if "{" not in path}
    met, to_read, read = set(found), sorted(found), Counter[str]()
    while to_read:
        text = visitor.over_http(to_read.pop(0), session_of(visitor)).text
        for address in sorted({unescape(href) for href in HREF.findall(text)} - met):
            met.add(address)
            path = next((path for path, pattern in patterns.items() if pattern.match(address)), None)
            if path is not None and read[path] < FOLLOWED and not NO_PAGES.search(address):
                read[path] += 1
                found.setdefault(path, address)
                to_read.append(address)
    return found


def session_of(visitor: Visitor) -> str:
    """The cookie of a browser's session."""
    return {str(one.get("name")): str(one.get("value")) for one in visitor.page.context.cookies()}["__Host-session"]


def test_links_lead_to_every_page(shown: Shown):
    assert [one for one in PAGES if one not in shown.addresses] == []


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_page_is_readable_for_all_fits_wide_and_narrow_and_prints(shown: Shown, who: str, path: str):
    page = shown.look(who, path, "de")
    wrong = {
        "headings": page.locator("h1").count() - 1,
        "light": unreadable(page),
        "dark": unreadable(page, "dark", "color-contrast"),
        "too wide": too_wide(page),
        "on paper": unprintable(page),
        "console": shown.visitors[who].wrong[:],
    }
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_page_fits_in_longer_words_and_has_none_that_is_not_translated(shown: Shown, who: str, path: str):
    page = shown.look(who, path, PSEUDO)
    words = "h2, th, legend, summary, button, header nav a"
    said = page.eval_on_selector_all(words, "all => all.map((one) => one.innerText.trim()).filter((text) => text)")
    assert [text for text in said if "[" not in text and text.lower() != text.upper() and not NAMES.search(text)] == []
    assert too_wide(page) == []


# What a business calls its things: a heading may be one.
NAMES = re.compile(r"N-\d|W-|RE-|NW-|@|Atelier|Nordwerk|Claire|Person|Paul|Dubois|^(English|Deutsch|Français|Svenska)$")


def unreadable(page: Page, scheme: Any = "light", *rules: str) -> list[tuple[str, list[str]]]:
    """What axe finds, by its rules or by some: each with where it is."""
    page.emulate_media(color_scheme=scheme)
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    page.emulate_media(color_scheme="light")
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:5]) for one in found]


def too_wide(page: Page) -> list[tuple[str, int, int, list[str]]]:
    """Where a page is wider than its window: from which side it is read, both widths, and what sticks out."""
    found = []
    for direction in ("rtl", "ltr"):
        page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                found.append((direction, width, wide, page.evaluate(STICKS_OUT)))
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


STICKS_OUT = """() => [...document.querySelectorAll("main *, header *")].filter((one) => {
  const { left, right } = one.getBoundingClientRect();
  return !one.closest(".table, header nav") && (right > innerWidth + 1 || left < -1);
}).map((one) => one.outerHTML.slice(0, 150)).slice(-3)"""


def unprintable(page: Page) -> list[str]:
    """What is on paper and should not be, and what is not."""
    page.emulate_media(media="print", color_scheme="dark")
    wrong = [one for one in ("h1", "header .brand") if not page.locator(one).first.is_visible()]
    gone = "header nav, footer, main form, main nav, main button, main [role=button], .skip"
    wrong += page.eval_on_selector_all(
        gone, "all => all.filter((one) => one.checkVisibility()).map((one) => one.outerHTML)"
    )
    ink = sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).color"))[:3]))
    page.emulate_media(media="screen", color_scheme="light")
    return wrong + (["pale ink"] if ink > 300 else [])


class Hand(Protocol):
    """How somebody works a page."""

    def press(self, selector: str) -> None:
        """A link or a button."""

    def choose(self, selector: str) -> None:
        """One of several, or a box to tick."""

    def fill(self, selector: str, text: str) -> None:
        """A field."""

    def pick(self, selector: str, value: str) -> None:
        """From a list."""


class Mouse:
    """As most people do."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, selector: str) -> None:
        self._page.click(selector)

    def choose(self, selector: str) -> None:
        self._page.check(selector)

    def fill(self, selector: str, text: str) -> None:
        self._page.fill(selector, text)

    def pick(self, selector: str, value: str) -> None:
        self._page.select_option(selector, value)


class Keys:
    """By keyboard alone: whatever has the focus shows it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, selector: str) -> None:
        self._to(selector)
        with self._page.expect_navigation():
            self._page.keyboard.press("Enter")

    def choose(self, selector: str) -> None:
        wanted = self._page.locator(selector).first
        if wanted.get_attribute("type") != "radio":
            self._to(selector)
            self._page.keyboard.press("Space")
            return
        self._to(f"input[name={wanted.get_attribute('name')}]")
        for _ in range(100):
            if wanted.evaluate(HAS_FOCUS):
                break
            self._page.keyboard.press("ArrowDown")
        self._page.keyboard.press("Space")
        assert wanted.is_checked()

    def fill(self, selector: str, text: str) -> None:
        self._to(selector)
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(text)

    def pick(self, selector: str, value: str) -> None:
        self._to(selector)
        wanted = self._page.locator(selector).first
        for _ in range(100):
            if wanted.input_value() == value:
                break
            self._page.keyboard.press("ArrowDown")
        assert wanted.input_value() == value

    def _to(self, selector: str) -> None:
        """Tab until one of these has the focus."""
        for _ in range(150):
            if self._page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
            self._page.keyboard.press("Tab")
            assert self._page.evaluate(SHOWS_FOCUS), self._page.evaluate("document.activeElement.outerHTML")
        raise AssertionError(f"no way to {selector} by Tab on {self._page.url}")


HAS_FOCUS = "one => one === document.activeElement"
SHOWS_FOCUS = """() => {
  const look = getComputedStyle(document.activeElement);
  const outlined = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
  return document.activeElement === document.body || outlined;
}"""

HANDS: dict[str, tuple[Callable[[Page], Hand], dict[str, Any]]] = {
    "by keyboard": (Keys, {}),
    "without script": (Mouse, {"java_script_enabled": False}),
}


@dataclass
class AtHand:
    """A business of one's own, and how its people work."""

    trader: Trader
    visit: Visit
    hand: Callable[[Page], Hand]
    context: dict[str, Any]

    def come(self, name: str, roles: str, account: str = "b1") -> tuple[Visitor, Hand]:
        """Somebody signs in, and has shown a second factor."""
        visitor = self.visit(self.trader, self.trader.person(name, roles, account), **self.context).sign_in()
        proven(self.trader)
        return visitor, self.hand(visitor.page)


@pytest.fixture(params=list(HANDS))
def at_hand(request: pytest.FixtureRequest, played: OfTheSample, visit: Visit) -> AtHand:
    """Give a seller with a buyer on the sample's services, by keyboard and without script."""
    hand, context = HANDS[request.param]
    trader = Trader(played.world)
    trader.buyer(limit=5000, net_days=0)
    return AtHand(trader, visit, hand, context)


def test_a_line_is_contested(at_hand: AtHand):
    number = at_hand.trader.sell("o1", "100.00", "50.00").number
    ann, hand = at_hand.come("ann", "AP_CLERK")
    ann.go(f"/invoices/{number}")
    hand.press("a[href$='/dispute?line=1']")
    hand.choose("input[value=QLT_DAMAGE]")
    hand.press("main button[type=submit]")
    ann.sees("We have your case")


def test_what_is_due_is_paid(at_hand: AtHand):
    number = at_hand.trader.sell("o1", "100.00").number
    ann, hand = at_hand.come("ann", "AP_CLERK")
    hand.press("header a[href='/pay']")
    hand.fill(f"input[name='amount-{number}']", "20.00")
    hand.press("main form[method=post] button")
    ann.sees("£20.00")


def test_a_colleague_is_invited(at_hand: AtHand):
    ada, hand = at_hand.come("ada", "ACCOUNT_ADMIN")
    hand.press("header a[href='/people']")
    hand.fill("#f-address", f"bo.{at_hand.trader.tenant}@people.example")
    hand.pick("#f-role", "AP_CLERK")
    hand.press("form[action='/people/invite'] button")
    ada.sees("is on its way")


def test_an_order_that_waits_is_approved(at_hand: AtHand):
    at_hand.trader.sell("o1", "100.00")
    ada, hand = at_hand.come("ada", "ACCOUNT_ADMIN")
    hand.press("header a[href='/people']")
    hand.press("main a[href='/people/spending']")
    hand.pick("#f-who", "role:REQUESTER")
    hand.pick("#f-currency", "GBP")
    hand.fill("#f-per_order", "20.00")
    hand.press("main form:has(#f-who) button")
    ada.sees("£20.00")
    bo, bos_hand = at_hand.come("bo", "REQUESTER")
    bos_hand.press("header a[href='/orders']")
    bos_hand.press("main a[href='/orders/new']")
    for name, value in (("name", "Nails"), ("quantity", "1"), ("unit_price", "50.00")):
        bos_hand.fill(f"tbody tr:first-child input[name={name}]", value)
    bos_hand.press("button[value=place]")
    bo.sees("waits for a colleague")
    hand.press("header a[href='/approvals']")
    hand.press("form[action$='/yes'] button")
    ada.misses("Waits for approval")


def test_a_message_is_written_and_the_language_is_changed(at_hand: AtHand):
    number = at_hand.trader.sell("o1", "100.00").number
    ann, hand = at_hand.come("ann", "AP_CLERK")
    ann.go(f"/invoices/{number}")
    hand.fill("#f-message", "Is this ours?")
    hand.press("form[action='/thread'] button")
    ann.sees("Is this ours?")
    hand.press("footer a[href='/profile']")
    hand.pick("#f-language", "de")
    hand.press("main form:has(#f-language) button")
    ann.sees("Sprache")


def test_a_clerk_notes_and_decides_an_order(at_hand: AtHand):
    at_hand.trader.buyer("b2", limit=100)
    at_hand.trader.place("o1", "87.50", account="b2")
    at_hand.trader.world.settle()
    cora, hand = at_hand.come("cora", "CREDIT", "")
    hand.press("header a[href='/desk/credit']")
    hand.press("main a[href='/desk/credit/orders/o1']")
    hand.fill("#f-note", "pays on time")
    hand.press("form[action='/desk/notes'] button")
    cora.sees("pays on time")
    hand.fill("#f-why", "pays on time")
    hand.press("button[value=approve]")
    cora.sees("No order waits")


@pytest.mark.parametrize("task", ["/invoices/{number}/dispute", "/pay", "/people", "/approvals"])
def test_tab_reaches_all_that_can_be_done_on_a_page(shown: Shown, task: str):
    page = shown.look("all", task)
    page.evaluate(NUMBERED)
    wanted = set(page.evaluate("[...document.querySelectorAll('[data-nth]')].map((one) => one.dataset.nth)"))
    page.evaluate("document.body.focus()")
    reached = set()
    for _ in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        assert page.evaluate(SHOWS_FOCUS), page.evaluate("document.activeElement.outerHTML")
        reached.add(page.evaluate("document.activeElement.dataset.nth || document.activeElement.tagName"))
    missed = page.evaluate(
        "(nths) => nths.map((nth) => document.querySelector(`[data-nth='${nth}']`).outerHTML)", sorted(wanted - reached)
    )
    assert missed == []


# Of radio buttons with one name Tab reaches one.
NUMBERED = """() => {
  const groups = new Set();
  const all = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary");
  [...all].filter((one) => one.checkVisibility()).forEach((one, nth) => {
    if (one.type === "radio") {
      if (groups.has(one.name)) return;
      groups.add(one.name);
      one = document.querySelector(`input[name='${one.name}']:checked`) || one;
    }
    one.dataset.nth = String(nth + 1);
  });
}"""

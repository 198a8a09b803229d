"""People who are in and mean ill: others' ids in forms, nonsense in every field, script in every text, a service that hangs.

Over HTTP, without a browser; the services are real.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pyotp
import pytest

from deploy.demo.sample import Buyer, Contact
from deploy.local.processes import wait_until
from services.portal import pages
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES
from services.portal.web import ROUTES, Route
from tests.end_to_end.visitors import links, portal_of
from tests.end_to_end.world import Trader, World

pytestmark = pytest.mark.prove

pages.load()
ONCE = "o" * 32
EVIL = "\"><img src=x onerror=alert(1)>'{{7*7}}<script>alert(2)</script>"
FORMULA = '=HYPERLINK("https://evil.example";"x")'
NONSENSE = (
    "²",
    "9" * 4_000,
    "-9223372036854775809",
    "NaN",
    "1e9999",
    "é\u202e",
    "\r\nx: y",
    "../..",
    EVIL,
    FORMULA,
    "%",
    "",
)
# Names of fields and of what stands in an address' question, found where pages read them.
FIELD = re.compile(r'(?:typed|line|lines|query|amount|typed_all|said)\("([\w-]+)"')


@dataclass
class Caller:
    """Somebody who is in, with a second factor, and knows how to write requests."""

    base: str
    session: str

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as a page of ours would."""
        host, _, port = self.base.removeprefix("http://").partition(":")
        headers = {
            "host": f"{host}:{port}",
            "sec-fetch-site": "same-origin",
            "cookie": f"__Host-session={self.session}",
        }
        with httpx.Client(timeout=60) as client:
            return client.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, **more)


def come_in(trader: Trader, address: str) -> Caller:
    """In by mail and with an app, without a browser."""
    base, before = portal_of(trader), len(links(trader, address))
    asks = Caller(base, "")
    asked = asks("POST", "/sign-in", data={"address": address, "next": "/"})
    browser = cookie_of(asked, "__Host-browser")
    wait_until(lambda: len(links(trader, address)) > before, "the mail with the link is here", 20)
    path = links(trader, address)[-1].removeprefix(base)
    asks.session = f"none; __Host-browser={browser}"
    asks.session = cookie_of(asks("POST", path, data={"once": ONCE}), "__Host-session")
    page = asks("GET", "/factor/new").text
    [secret] = re.findall(r"<code>(\w+)</code>", page)
    [sealed] = re.findall(r'name="sealed" value="([^"]+)"', page)
    added = asks("POST", "/factor/new/app", data={"once": ONCE, "sealed": sealed, "code": pyotp.TOTP(secret).now()})
    return replace(asks, session=cookie_of(added, "__Host-session"))


def cookie_of(answer: httpx.Response, name: str) -> str:
    """A cookie that an answer sets."""
    [value] = re.findall(rf"{name}=([\w-]+)", answer.headers["set-cookie"])
    return str(value)


@dataclass
class Town:
    """Two buyers of a seller, one of everything of the first, and somebody of each with all roles."""

    trader: Trader
    ann: Caller
    eve: Caller
    sue: Caller
    ids: dict[str, str]


@pytest.fixture(scope="module")
def town(world: World) -> Town:
    """Give a business in which texts are script."""
    world.next_business_day()
    trader = Trader(world, name="Seller <b>&amp;</b>")
    for account in ("b1", "b2"):
        trader.buyer(account, limit=100_000)
    known = trader._buyers["b1"]
    company = type(known.company)()
    company.CopyFrom(known.company)
    company.name = company.address.street = company.address.city = EVIL[:60]
    trader.desk.register_buyer(Buyer(trader.tenant, "b3", company, "GBP", Decimal(5), 30, "SHIPMENT", "R", ""))
    people = {}
    for contact, account, roles in (("ann", "b1", BUYER_ROLES), ("eve", "b2", BUYER_ROLES), ("sue", "", SELLER_ROLES)):
        people[contact] = f"{contact}.{trader.tenant}@people.example"
        trader.desk.register_contact(
            Contact(trader.tenant, contact, account, EVIL, people[contact], tuple(sorted(roles)), "en", False, "")
        )
    order = trader.place("o1", "100.00", told=False)
    order.lines[0].name = EVIL
    order.lines[0].sku = EVIL[:40]
    order.scope.purchase_order = FORMULA
    trader.tell_placed("o1")
    world.settle()
    trader.ship("o1")
    trader.place("o2", "99999.00")
    trader.pay("p1", "10.00", EVIL)
    world.settle()
    invoice = trader.invoices("o1")[-1]
    acting = trader.desk.acting_as("contact:ann", "b1")
    case = acting.open_dispute(invoice.number, "QTY_SHORT", key="d1", lines=[(invoice.lines[0].line_id, "1")])
    announced = acting.announce(invoice.number, 100, "GBP", key="a1")
    world.settle()
    callers = {contact: come_in(trader, address) for contact, address in people.items()}
    for nth, about in enumerate((f"invoice/{invoice.invoice_id}", "order/o1", f"dispute/{case.dispute_id}")):
        said = {"once": f"{ONCE}-{nth}", "about": about, "message": EVIL, "back": "/"}
        assert callers["ann"]("POST", "/thread", data=said).status_code == 303
    ids = {
        "number": invoice.number,
        "order": "o1",
        "case": case.number,
        "dispute": case.number,
        "account": "b1",
        "contact": "ann",
        "payment": "p1",
        "reference": announced.reference,
        "invoice_id": invoice.invoice_id,
        "dispute_id": case.dispute_id,
        "line": invoice.lines[0].line_id,
    }
    return Town(trader, callers["ann"], callers["eve"], callers["sue"], ids)


def filled(path: str, ids: dict[str, str], part: str = "of-nobody") -> str:
    """An address with its parts filled in."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: quote(ids.get(found[1], part), safe=""), path)


def fields() -> list[str]:
    """The name of every field and question that a page reads."""
    said = "".join(file.read_text() for file in Path(pages.__file__).parent.glob("*.py"))
    return sorted({*FIELD.findall(said), "quantity", "unit_price", "sku", "name"} - {"once"})


# What would put us out, or away.
KEEPS_US_IN = {
    "/sign-out",
    "/sign-in",
    "/profile/sessions/end-others",
    "/act-for/stop",
    "/people/{contact}/factors",
    "/people/{contact}/remove",
    "/pay/{reference}/withdraw",
}


@pytest.mark.parametrize("part", ["known", "nonsense"])
@pytest.mark.parametrize("turn", range(len(NONSENSE)))
def test_nothing_breaks_on_nonsense_in_any_field(town: Town, turn: int, part: str):
    """ASVS 2.2.1, 16.5.1: real services, real ids or none; each is refused or not there, and nothing is a defect."""
    names, broken = fields(), []

    def ask(case: tuple[Caller, Route]) -> None:
        caller, route = case
        path = filled(route.path, town.ids if part == "known" else {}, NONSENSE[turn][:300].strip("./%") or "x")
        values = {name: NONSENSE[(nth + turn) % len(NONSENSE)] for nth, name in enumerate(names)}
        if route.method == "GET":
            said: dict[str, Any] = {"params": {name: value[:200] for name, value in values.items()}}
        else:
            said = {"data": values | {"once": ONCE}}
        answer = caller(route.method, path, **said)
        if answer.status_code >= 500:
            broken.append((route.method, route.path, answer.status_code))

    routes = [route for route in ROUTES if route.path not in KEEPS_US_IN]
    with ThreadPoolExecutor(4) as several:
        list(several.map(ask, [(who, route) for who in (town.ann, town.sue) for route in routes]))
    assert broken == []


def test_script_in_a_text_is_shown_and_never_run(town: Town):
    """ASVS 1.2.1, 1.2.2, 3.2.2: in names, lines, references, messages; in pages, attributes and addresses."""
    seen = 0
    for caller in (town.ann, town.sue):
        for route in ROUTES:
            if route.method == "GET" and route.guard is not None:
                answer = caller("GET", filled(route.path, town.ids))
                said = answer.text
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    assert answer.headers.get("content-disposition", "attachment").startswith("attachment"), route.path
                    continue
                assert "<img" not in re.sub(r'<img (class="code" )?src="data:image/svg', "", said), route.path
                assert "<script>alert" not in said, route.path
                assert "onerror=alert(1)>" not in said, route.path
                assert not re.search(r'(href|action|src)="\s*(javascript|data:text|//)', said), route.path
                seen += "&lt;img src=x" in said
    assert seen >= 8


def test_a_formula_in_a_text_is_none_in_a_file(town: Town):
    """ASVS 1.2.10: in every table that pages give."""
    for caller in (town.ann, town.sue):
        for route in ROUTES:
            if route.method == "GET" and route.path.endswith(".csv"):
                said = caller("GET", route.path).text
                assert not re.search(r'(^|[;,\n"])[=@]', said), route.path
    assert "'=HYPERLINK" in town.ann("GET", "/orders.csv").text


def test_others_ids_in_forms_do_nothing(town: Town):
    """ASVS 8.2.2: what is another company's is not there, wherever in a form its id stands."""
    ids, eve = town.ids, town.eve
    of_others: tuple[tuple[str, dict[str, str]], ...] = (
        ("/thread", {"about": f"invoice/{ids['invoice_id']}", "message": "x"}),
        ("/thread", {"about": "order/o1", "message": "x"}),
        ("/thread", {"about": f"dispute/{ids['dispute_id']}", "message": "x"}),
        ("/thread", {"about": "payment/p1", "message": "x"}),
        ("/pay", {"item": ids["number"], f"amount-{ids['number']}": "1.00", f"currency-{ids['number']}": "GBP"}),
        (f"/pay/{ids['reference']}/withdraw", {}),
        (f"/invoices/{ids['number']}/dispute", {"reason": "OTH", "what": "amount", "amount": "1", "currency": "GBP"}),
        (f"/disputes/{ids['case']}/move", {"action": "WITHDRAW", "said": "x"}),
        (f"/disputes/{ids['dispute_id']}/move", {"action": "WITHDRAW", "said": "x"}),
        ("/orders/o1/cancel", {"version": "1"}),
        ("/people/ann", {"name": "Mallory", "role": "REQUESTER"}),
        ("/people/ann/remove", {}),
        ("/people/ann/factors", {}),
        ("/people/ann/invite", {}),
        ("/people/sue/remove", {}),
        ("/who", {"contact": "ann"}),
        ("/act-for", {"contact": "ann"}),
        ("/cover", {"address": f"ann.{town.trader.tenant}@people.example", "role": "AP_CLERK", "first": "2026-01-01"}),
    )
    for nth, (path, form) in enumerate(of_others):
        answer = eve("POST", path, data=form | {"once": f"{ONCE}{nth}"})
        assert answer.status_code in (404, 422), (path, form, answer.status_code)
    town.trader.world.settle()
    assert "Mallory" not in town.ann("GET", "/people").text
    assert town.ann("GET", "/profile").status_code == 200
    assert "WITHDRAW" in town.ann("GET", f"/disputes/{ids['case']}").text
    for path, form in (
        ("/factor/remove", {"factor": "app"}),  # one's own
        ("/profile/sessions/end", {"session": "of-nobody"}),
    ):
        assert eve("POST", path, data=form | {"once": ONCE}).status_code == 303
    assert town.ann("GET", "/profile/export").status_code == 200


@contextmanager
def stopped(town: Town, service: str) -> Iterator[None]:
    """A service that takes calls and answers none."""
    pid = town.trader.world.stage.stack.running[service].process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("service", "path", "missing"),
    [("ledger", "/", 200), ("credit", "/credit", 200), ("ledger", "/balance", 200), ("invoicing", "/orders", 503)],
)
def test_a_service_that_hangs_costs_its_part_of_the_page_and_no_more(town: Town, service: str, path: str, missing: int):
    """ASVS 16.5.2, 15.2.2: within the deadline, for many at once; and the others' pages are as quick as ever."""

    def ask(nth: int) -> tuple[int, str, float]:
        began = time.monotonic()
        answer = town.ann("GET", path if nth % 5 else "/people")
        return answer.status_code, answer.text, time.monotonic() - began

    with stopped(town, service), ThreadPoolExecutor(20) as many:
        answers = list(many.map(ask, range(40)))
    for nth, (status, text, seconds) in enumerate(answers):
        assert status == (missing if nth % 5 else 200)
        assert seconds < 10
        if nth % 5:
            assert "just now" in text
    wait_until(lambda: town.ann("GET", path).status_code == 200, "the page is whole again", 20)

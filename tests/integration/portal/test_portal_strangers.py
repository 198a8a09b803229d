"""What strangers send: each is answered as what it is, none is a defect of ours, and nobody is kept out by it."""

import asyncio
import re
from typing import Any
from urllib.parse import quote

import pytest

from services.kernel.refusals import Conflict
from services.portal import usecases
from services.portal.asks import Write
from services.portal.domain.people import Person
from services.portal.domain.spending import Rule
from services.portal.web import ROUTES, Route
from tests.integration.portal.conftest import HOST, OURS, TENANT, Pages
from tests.integration.portal.test_portal_spending import an_order

ONCE = "o" * 32


async def raw(pages: Pages, *parts: bytes) -> bytes:
    """What is answered to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 15)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request(line: str, *headers: str, body: bytes = b"", host: str = HOST) -> bytes:
    """A request that hangs up afterwards."""
    lines = [line, f"host: {host}", "connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@pytest.mark.parametrize("coding", ["chunked", "CHUNKED", "Chunked", "gzip, chunked"])
async def test_a_form_that_does_not_say_how_long_it_is_is_not_read(house_of_pages: Pages, coding: str):
    """ASVS 4.2.1, 5.2.1: a body without an end, however its coding is written."""
    head = request("POST /sign-in HTTP/1.1", f"transfer-encoding: {coding}", "sec-fetch-site: same-origin")

    answer = await raw(house_of_pages, head, b"10\r\naddress=a@b.example\r\n")

    assert answer.startswith((b"HTTP/1.1 411", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /sign-in HTTP/1.1", (f"host: {HOST}",), 400),
        ("GET /sign-in HTTP/1.1", ("content-length: 5", "content-length: 6"), 400),
        ("POST /sign-in HTTP/1.1", ("content-length: 5", "transfer-encoding: chunked"), 400),
        ("GET /sign-in%00 HTTP/1.1", (), 400),
        ("GET /sign-in?next=%00 HTTP/1.1", (), 400),
        ("GET /people/%ED%A0%80 HTTP/1.1", (), 303),
        ("GET /people/%C0%AF..%2f HTTP/1.1", (), 404),
        ("GET //sign-in HTTP/1.1", (), 404),
        ("GET /sign-in/ HTTP/1.1", (), 404),
        ("GET /SIGN-IN HTTP/1.1", (), 404),
        ("GET /static/..%2f..%2fsettings.py HTTP/1.1", (), 404),
        ("GET http://evil.example/sign-in HTTP/1.1", (), 200),
        ("HEAD /sign-in HTTP/1.1", (), 405),
        ("OPTIONS /sign-in HTTP/1.1", (), 403),
        ("OPTIONS /sign-in HTTP/1.1", ("sec-fetch-site: same-origin",), 405),
        ("TRACE /sign-in HTTP/1.1", ("sec-fetch-site: same-origin",), 405),
        ("DELETE /sign-in HTTP/1.1", ("sec-fetch-site: same-origin",), 405),
        ("GET /sign-in HTTP/1.1", ("x-original-url: /profile", "x-forwarded-host: evil.example"), 200),
    ],
)
async def test_what_makes_no_sense_is_said_to_make_none(
    house_of_pages: Pages, line: str, headers: tuple[str, ...], status: int
):
    """ASVS 4.2.1-4, 13.4.4: heads, hosts, methods and addresses that are none of ours."""
    answer = await raw(house_of_pages, request(line, *headers))

    assert answer.startswith(f"HTTP/1.1 {status}".encode()), answer[:200]
    assert b"evil.example" not in answer


@pytest.mark.parametrize(
    "host", ["evil.example", "acme.localhost.evil.example", "ACME.localhost", "acme.localhost:1", ""]
)
async def test_a_host_that_is_no_sellers_has_no_pages(house_of_pages: Pages, host: str):
    """ASVS 4.1.1: whose portal it is says the host, and only one that was added."""
    assert (await raw(house_of_pages, request("GET /sign-in HTTP/1.1", host=host))).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": f"ftp://{HOST}"}, 403),
        ({"origin": f"http://{HOST}.evil.example"}, 403),
        ({"origin": HOST}, 403),
        ({"origin": ""}, 403),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_a_form_comes_from_exactly_our_origin(house_of_pages: Pages, headers: dict[str, str], status: int):
    """ASVS 3.5.1, 3.5.3: scheme, host and port; and what the browser says goes before."""
    async with house_of_pages.client(**headers) as browser:
        answer = await browser.post("/sign-in", data={"address": "a@b.example"})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"address=a%00b@c.example", "application/x-www-form-urlencoded", 400),
        (b"addr%00ess=x", "application/x-www-form-urlencoded", 400),
        (b"address=%ED%A0%80%FF@c.example", "application/x-www-form-urlencoded", 200),
        (b"&".join(b"a%d=1" % nth for nth in range(2_100)), "application/x-www-form-urlencoded", 400),
        (b"address=" + b"x" * 64_001, "application/x-www-form-urlencoded", 413),
        (b"--x\r\nno header\r\n\r\n", "multipart/form-data; boundary=x", 400),
        (b"--x", "multipart/form-data", 400),
        (
            b'--x\r\ncontent-disposition: form-data; name="address"\r\n\r\na\\ud800@c.example\r\n--x--\r\n',
            "multipart/form-data; boundary=x; charset=unicode_escape",
            415,
        ),
        (
            b'--x\r\ncontent-disposition: form-data; name="address"\r\n\r\na@c.example\r\n--x--\r\n',
            "multipart/form-data; boundary=x; charset=UTF-8",
            200,
        ),
        (b"{}", "application/json", 422),
        (b"", "", 422),
    ],
)
async def test_a_form_holds_texts_and_not_too_many(house_of_pages: Pages, body: bytes, kind: str, status: int):
    """ASVS 1.5.3, 2.2.1, 5.2.1: no NUL, no half of a character, no coding of one's own, no thousands of fields."""
    async with house_of_pages.client(**OURS) as browser:
        answer = await browser.post("/sign-in", content=body, headers={"content-type": kind})

    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_form_that_was_shown_to_somebody_else_does_nothing(house_of_pages: Pages):
    """ASVS 7.2.4, 2.3.1: another signed in meanwhile, in another tab; what was filled in before is not theirs to send."""
    house_of_pages.people.add("ann", "AP_MANAGER")
    house_of_pages.people.add("bo", "AP_CLERK")
    anns, bos = await house_of_pages.session("ann"), await house_of_pages.session("bo")
    async with house_of_pages.client(anns, **OURS) as ann, house_of_pages.client(bos, **OURS) as bo:
        page = await ann.get("/cover")
        found = re.search(r'name="once" value="([^"]+)"', page.text)
        assert found is not None
        form = {"once": found[1], "session": "none"}

        refused = await bo.post("/profile/sessions/end", data=form)
        assert refused.status_code == 422
        assert "opened as somebody else" in refused.text
        assert (await ann.post("/profile/sessions/end", data=form)).status_code == 303


async def test_a_form_from_before_a_stand_in_ended_is_not_sent_as_oneself(house_of_pages: Pages):
    """ASVS 8.3.2: who stood in for somebody does nothing by mistake in their own name."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER", "ACCOUNT_ADMIN")
    pages.people.add("bo", "AP_CLERK")
    bos = await pages.session("bo")
    async with pages.client(await pages.session("ann"), **OURS) as ann, pages.client(bos, **OURS) as bo:
        today = (await ann.get("/cover")).text.split('id="f-first"')[1].split('value="')[1].split('"')[0]
        form = {"once": ONCE, "address": "bo@people.example", "role": "AP_MANAGER", "first": today, "last": today}
        assert (await ann.post("/cover", data=form)).status_code == 303
        goes_on = await bo.post("/act-for", data={"once": ONCE, "contact": "ann"})
        bo.cookies.set("__Host-session", goes_on.cookies["__Host-session"])
        page = await bo.get("/cover")
        assert "You act for Person ann" in page.text
        found = re.search(r'name="once" value="([^"]+)"', page.text)
        cover = re.search(r'name="cover" value="([^"]+)"', (await ann.get("/cover")).text)
        assert found is not None and cover is not None
        await ann.post("/cover/end", data={"once": ONCE, "cover": cover[1]})

        assert (await bo.post("/profile/sessions/end-others", data={"once": found[1]})).status_code == 422
        page = await bo.get("/cover")
        assert "You act for" not in page.text


async def test_a_stranger_keeps_nobody_from_asking_for_a_link(house_of_pages: Pages):
    """ASVS 6.1.1, 6.3.1: an address that somebody tries all the time still has tries for whoever has it."""
    form = {"address": "ann@people.example", "next": "/"}
    async with house_of_pages.client(**OURS) as browser:
        statuses = [
            (await browser.post("/sign-in", data=form, headers={"x-forwarded-for": f"2001:db8::{nth:x}"})).status_code
            for nth in range(8)
        ]
        assert statuses == [200] * 5 + [422] * 3
        own = await browser.post("/sign-in", data=form, headers={"x-forwarded-for": "192.0.2.1"})
        assert own.status_code == 200
        many = [
            (await browser.post("/sign-in", data=form, headers={"x-forwarded-for": f"198.51.100.{nth}"})).status_code
            for nth in range(20)
        ]
        assert many.count(200) == 14  # an address is not mailed without end


NONSENSE = (
    "²",
    "9" * 5_000,
    "-9223372036854775809",
    "1e999999",
    "NaN",
    "Infinity",
    "\u202ex",
    "\r\nx: y",
    "é" * 20,
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE session; --",
    "{{7*7}}%s%n",
    "",
)
# Names of fields and of what stands in an address' question, wherever a page reads one.
FIELDS = (
    "once next address code challenge answer sealed name factor contact role first last cover session language who "
    "per_order per_month currency rule item expected invoice also amount line reason what description action said "
    "version again act rate wanted sku quantity unit_price site cost_centre purchase_order seller_id about message back "
    "note account outcome why hold until words limit resolution state whose q after payment value_date remittance format "
    "net_days invoice_on roles email country told from quantity-0 price-0 right-0 again-0 buyer_reference street post_code city"
).split()


@pytest.mark.parametrize("turn", range(3))
async def test_no_page_and_no_form_breaks_on_nonsense(house_of_pages: Pages, turn: int):
    """ASVS 2.2.1, 16.5.1: whatever stands in any field or address, it is refused or not there; nothing is a defect."""
    pages = house_of_pages
    pages.people.add("ann", "ACCOUNT_ADMIN", "AP_MANAGER", "REQUESTER", "FINANCE_LEAD")
    pages.people.add("sue", "SELLER_ADMIN", "CREDIT", "CASH_APP", "BILLING", "DISPUTE_OWNER", "SALES", account="")
    broken = []
    for who in ("ann", "sue"):
        async with pages.client(await pages.session(who), **OURS) as browser:
            for route in ROUTES:
                if route.path in ("/sign-out", "/act-for/stop", "/profile/sessions/end-others"):
                    continue
                answer = await browser.request(route.method, address(route, turn), **said(route, turn))
                if answer.status_code == 500:
                    broken.append(f"{route.method} {route.path}")
    assert broken == []


def address(route: Route, turn: int) -> str:
    """A route's address with nonsense in each part."""
    nonsense = quote(NONSENSE[turn * 5 % len(NONSENSE)][:2_000], safe="") or "x"
    return re.sub(r"\{\w+(:path)?\}", lambda _: nonsense, route.path)


def said(route: Route, turn: int) -> dict[str, Any]:
    """The same in each field, or in the question."""
    values = {name: NONSENSE[(nth + turn * 5) % len(NONSENSE)] for nth, name in enumerate(FIELDS)}
    if route.method == "GET":
        return {"params": {name: value[:300] for name, value in values.items()}}
    return {"data": values | {"once": ONCE}}


async def test_two_approvers_at_once_say_it_once(house_of_pages: Pages):
    """ASVS 2.3.4, 15.4.2: of a yes and a no at the same moment one counts, and the other hears that."""
    door = house_of_pages.door
    ada, bo = somebody("ada", "ACCOUNT_ADMIN"), somebody("bo", "REQUESTER")
    await usecases.save_rule(door, ada, Rule("", "role:REQUESTER", "GBP", 100, None), [], "r" * 32)
    for nth in range(5):
        asked = await usecases.place_or_ask(door, bo, an_order(f"o{nth}", 101), Write(f"{nth}" * 32))
        said = await asyncio.gather(
            usecases.decide(door, ada, asked.approval_id, says_yes=True),
            usecases.decide(door, somebody("ann", "AP_MANAGER"), asked.approval_id, says_yes=False),
            usecases.decide(door, ada, asked.approval_id, says_yes=True),
            return_exceptions=True,
        )
        assert [type(one) for one in said if one is not None] == [Conflict, Conflict]


async def test_a_form_sent_twice_at_once_asks_once(house_of_pages: Pages):
    """ASVS 2.3.4: from two tabs, or by a double click."""
    door, bo = house_of_pages.door, somebody("bo", "REQUESTER")
    await usecases.save_rule(
        door, somebody("ada", "ACCOUNT_ADMIN"), Rule("", "role:REQUESTER", "GBP", 100, None), [], "r" * 32
    )
    asked = await asyncio.gather(*(usecases.place_or_ask(door, bo, an_order("o1", 101), Write(ONCE)) for _ in range(4)))

    assert len({one.approval_id for one in asked}) == 1
    assert len(await usecases.approvals(door, bo)) == 1


def somebody(contact: str, *roles: str) -> Person:
    return Person(TENANT, contact, "b1", contact, frozenset(roles), "en", assurance=2)

"""Who gets in where: every route of the table, for those whom it is not for, without the factor, and after its time."""

import re
import statistics
import time

import httpx
import pytest
import structlog

from services.portal import pages as all_pages
from services.portal import usecases
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES
from services.portal.store import Host
from services.portal.web import ROUTES, Route
from tests.integration.portal.conftest import OURS, TENANT, Pages

all_pages.load()
GUARDED = [route for route in ROUTES if route.guard]
PROVED = [route for route in GUARDED if route.guard and route.guard.assurance == 2]
SIDES = (("b1", BUYER_ROLES), ("", SELLER_ROLES))
_NEW = re.compile(r'(value|data-options|content)="[^"]*"|for[0-9a-f]{8}-[\w-]+')


async def ask(browser: httpx.AsyncClient, route: Route, part: str = "x") -> httpx.Response:
    """Open a route, or send it a form."""
    path = re.sub(r"\{\w+(:path)?\}", part, route.path)
    return await (browser.get(path) if route.method == "GET" else browser.post(path, data={"once": "o" * 32}))


async def test_a_page_is_not_there_for_whoever_has_every_other_role(house_of_pages: Pages):
    """ASVS 8.2.1, 8.2.3, 8.3.1: of both sides, on each route; with the words of what is nowhere."""
    told = set()
    for account, all_roles in SIDES:
        for nth, route in enumerate(GUARDED):
            assert route.guard is not None
            others = all_roles - route.guard.roles
            if not others:
                continue
            name = f"c{nth}{account}"
            house_of_pages.people.add(name, *sorted(others), account=account)
            async with house_of_pages.client(await house_of_pages.session(name), **OURS) as browser:
                answer = await ask(browser, route)
            assert answer.status_code == 404, route.path
            told.add(re.search("<main.*</main>", answer.text, re.DOTALL)[0])  # type: ignore[index] # a page has one
    assert len(told) == 1


async def test_a_session_of_one_sellers_portal_is_none_at_anothers(house_of_pages: Pages):
    """ASVS 8.4.1: the same cookie, the same contact's id, another host: nobody is signed in."""
    await usecases.add_host(house_of_pages.parts.database, Host("globex.localhost", "globex", "Globex"))
    house_of_pages.people.add("ann", *sorted(BUYER_ROLES))
    cookie = await house_of_pages.session("ann")
    async with house_of_pages.client(cookie, **{"host": "globex.localhost"}, **OURS) as browser:
        for route in GUARDED:
            answer = await ask(browser, route)
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize("minutes", [None, 6], ids=["never", "six minutes ago"])
async def test_what_needs_a_factor_is_not_done_without_one_nor_long_after_one(
    house_of_pages: Pages, minutes: int | None
):
    """ASVS 6.3.6, 7.5.1, 7.5.3: a mail is no factor; bank data, limits, roles, factors need one of the last minutes."""
    pages = house_of_pages
    pages.people.add("ann", *sorted(BUYER_ROLES))
    pages.people.add("sue", *sorted(SELLER_ROLES), account="")
    cookies = {who: await pages.session(who, assurance=1 if minutes is None else 2) for who in ("ann", "sue")}
    async with pages.parts.database.transaction([TENANT]) as tx:
        await tx.run("UPDATE session SET proven_at = now() - make_interval(mins => %s)", [minutes or 0])
    asked = 0
    for route in PROVED:
        assert route.guard is not None
        if minutes is not None and not route.guard.step_up:
            continue
        who = "ann" if route.guard.roles & BUYER_ROLES else "sue"
        async with pages.client(cookies[who], **OURS) as browser:
            answer = await ask(browser, route)
        asked += 1
        if route.method == "GET":
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/factor")
        else:
            assert answer.status_code == 403
    assert asked >= 5


async def test_who_is_nobody_any_more_is_out_everywhere_at_once(house_of_pages: Pages):
    """ASVS 7.4.2: all sessions of somebody whose last role was taken away."""
    house_of_pages.people.add("ann", "AP_CLERK")
    cookies = [await house_of_pages.session("ann") for _ in range(2)]
    house_of_pages.people.add("ann")
    for cookie in cookies:
        async with house_of_pages.client(cookie) as browser:
            assert (await browser.get("/profile")).status_code == 303
    house_of_pages.people.add("ann", "AP_CLERK")
    async with house_of_pages.client(cookies[0]) as browser:
        assert (await browser.get("/profile")).status_code == 303


async def test_one_ends_all_ones_other_sessions(house_of_pages: Pages):
    """ASVS 7.4.3: after a factor was changed, or whenever one likes."""
    house_of_pages.people.add("ann", "AP_CLERK")
    house_of_pages.people.add("bo", "AP_CLERK")
    mine, other, bos = [await house_of_pages.session(who) for who in ("ann", "ann", "bo")]
    async with house_of_pages.client(mine, **OURS) as browser:
        assert (await browser.post("/profile/sessions/end-others", data={"once": "o" * 32})).status_code == 303
    for cookie, status in ((mine, 200), (other, 303), (bos, 200)):
        async with house_of_pages.client(cookie) as browser:
            assert (await browser.get("/cover")).status_code == status


async def test_nobody_ends_anothers_session(house_of_pages: Pages):
    """ASVS 8.2.2: by its id in the form."""
    house_of_pages.people.add("ann", "AP_CLERK")
    house_of_pages.people.add("bo", "AP_CLERK")
    anns, bos = await house_of_pages.session("ann"), await house_of_pages.session("bo")
    async with house_of_pages.parts.database.transaction([TENANT]) as tx:
        row = await tx.row("SELECT session_id FROM session WHERE contact_id = 'ann'")
    async with house_of_pages.client(bos, **OURS) as bo, house_of_pages.client(anns) as ann:
        await bo.post("/profile/sessions/end", data={"once": "o" * 32, "session": row.session_id})
        assert (await ann.get("/cover")).status_code == 200


async def test_whether_anybody_has_an_address_is_not_to_be_heard_nor_timed(house_of_pages: Pages):
    """ASVS 6.3.8: the same words and as long, known or not."""
    took: dict[bool, list[float]] = {True: [], False: []}
    words = set()
    async with house_of_pages.client(**OURS) as browser:
        for nth in range(12):
            house_of_pages.people.add(f"c{nth}", "AP_CLERK")
            for is_known in (True, False):
                address = f"c{nth}@people.example" if is_known else f"nobody{nth}@people.example"
                began = time.perf_counter()
                answer = await browser.post(
                    "/sign-in",
                    data={"address": address},
                    headers={"x-forwarded-for": f"192.0.2.{nth}"},
                )
                took[is_known].append(time.perf_counter() - began)
                words.add((answer.status_code, _NEW.sub("", answer.text), sorted(answer.headers) == []))
    assert len(words) == 1
    known, unknown = (statistics.median(took[is_known]) for is_known in (True, False))
    assert abs(known - unknown) < max(0.02, 0.5 * min(known, unknown))


async def test_who_is_not_let_in_leaves_a_line_in_the_log_and_no_secret(house_of_pages: Pages):
    """ASVS 14.2.1, 16.2.1, 16.3.1, 16.3.2, 16.3.3: what was tried, by whom and from where; no link, code or cookie."""
    house_of_pages.people.add("ann", "AP_CLERK")
    cookie = await house_of_pages.session("ann")
    with structlog.testing.capture_logs() as said:
        async with house_of_pages.client(cookie, **OURS) as ann:
            await ann.post("/in/a-link-that-is-none")
            await ann.post("/factor/code", data={"code": "271828"})
            await ann.post("/sign-in/passkey", data={"challenge": "a-challenge", "answer": "{}"})
            await ann.get("/people")
            await ann.post("/cover", headers={"sec-fetch-site": "cross-site"})
    tried = [(one.get("code"), one.get("route"), one.get("subject")) for one in said if one["event"] == "not let in"]
    assert ("sign_in.link_unknown", "/in/{token}", "contact:ann") in tried
    assert ("factor.not_taken", "/factor/code", "contact:ann") in tried
    assert ("page.not_theirs", "/people", "contact:ann") in tried
    assert any(code == "factor.form_over" for code, _, _ in tried)
    assert "a form was not sent from a page of ours" in {one["event"] for one in said}
    for secret in (cookie, "a-link-that-is-none", "271828", "a-challenge"):
        assert secret not in str(said)


async def test_who_comes_and_goes_stands_in_the_audit_trail(house_of_pages: Pages):
    """ASVS 16.3.1: each sign-in and each way out."""
    house_of_pages.people.add("ann", "AP_CLERK")
    async with house_of_pages.client(await house_of_pages.session("ann"), **OURS) as ann:
        await ann.post("/sign-out", data={"once": "o" * 32})
    async with house_of_pages.parts.database.transaction([TENANT]) as tx:
        rows = await tx.rows("SELECT actor, method FROM act ORDER BY at")
    assert [(row.actor, row.method) for row in rows] == [
        ("contact:ann", "portal/SignIn"),
        ("contact:ann", "portal/SignOut"),
    ]

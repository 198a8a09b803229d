"""Who came in by their provider shows it anew who they are, where an act needs it: a real code flow."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread

from services.portal import usecases
from services.portal.usecases import providers
from tests.integration.portal.conftest import HOST, OURS, TENANT, Pages

WANTS = "/people/add?x=1"


@pytest.fixture
def issuer() -> Iterator[str]:
    """Give a provider's address; what it says of somebody, `knows` tells it."""
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"
    providers._metadata.clear()


async def let_in_by(pages: Pages, issuer: str, *, assurance: int = 2) -> None:
    """Let it let the people of an account in."""
    await usecases.save_provider(
        pages.door,
        TENANT,
        "corp",
        name="B1 Corp",
        issuer=issuer,
        client_id="portal",
        secret="s",
        account_id="b1",
        groups={"finance": ["AP_MANAGER"], "it": ["ACCOUNT_ADMIN"]},
        assurance=assurance,
    )


def knows(issuer: str, sub: str, contact: str, *groups: str, showed: float | None) -> None:
    """What it says of somebody, and how many seconds ago they showed who they are, if it says that."""
    claims: dict[str, Any] = {"email": f"{contact}@people.example", "email_verified": True, "groups": groups}
    claims["auth_time"] = None if showed is None else int(time.time() - showed)
    assert httpx.put(f"{issuer}/users/{sub}", json=claims, verify=False).is_success  # in plain text


async def go(browser: httpx.AsyncClient, path: str, sub: str) -> tuple[httpx.Response, dict[str, list[str]]]:
    """To the provider, in as somebody there, and back; return the answer, and what the provider was asked."""
    sent = await browser.get(path)
    assert sent.status_code == 303, sent.text
    keep(browser, sent)
    back = await vouched(sent, sub)
    assert back.netloc == HOST
    answer = await browser.get(f"{back.path}?{back.query}")
    keep(browser, answer)
    return answer, parse_qs(urlsplit(sent.headers["location"]).query)


async def vouched(sent: httpx.Response, sub: str) -> SplitResult:
    """In at the provider as somebody there; return where it sends the browser back to."""
    async with httpx.AsyncClient(verify=False) as client:  # in plain text
        said = await client.post(sent.headers["location"], data={"sub": sub})
    return urlsplit(said.headers["location"])


def keep(browser: httpx.AsyncClient, answer: httpx.Response) -> None:
    """Keep cookies that are for https alone."""
    kept = {cookie.name: cookie.value or "" for cookie in browser.cookies.jar if not cookie.secure}
    kept |= dict(re.findall(r"(__Host-\w+)=([^;]*);", "; ".join(answer.headers.get_list("set-cookie"))))
    browser.cookies.clear()
    for name, value in kept.items():
        browser.cookies.set(name, value)


async def is_asked(browser: httpx.AsyncClient) -> bool:
    """Whether what needs a second factor anew is refused for want of it."""
    answer = await browser.post("/factor/remove", data={"factor": "none"})
    assert answer.status_code in (303, 403)
    return answer.status_code == 403


async def test_who_must_show_a_factor_is_sent_to_their_provider_and_goes_on_where_they_were(
    house_of_pages: Pages, issuer: str
):
    """ASVS 7.5.3, 10.5.1: with a login there that is new, in the same session, under another id."""
    await let_in_by(house_of_pages, issuer)
    house_of_pages.people.add("ann", "AP_MANAGER", "ACCOUNT_ADMIN")
    knows(issuer, "ann-1", "ann", "finance", "it", showed=400)
    async with house_of_pages.client(**OURS) as browser:
        _, asked = await go(browser, "/sign-in/with/corp", "ann-1")
        assert not {"prompt", "max_age"} & asked.keys()
        assert await is_asked(browser)
        page = await browser.get("/factor", params={"next": WANTS})
        assert "Sign in again with B1 Corp" in page.text
        before = browser.cookies["__Host-session"]

        knows(issuer, "ann-1", "ann", "finance", showed=1)
        answer, asked = await go(browser, f"/sign-in/again?next={WANTS}", "ann-1")

        assert (asked["prompt"], asked["max_age"]) == (["login"], ["300"])
        assert (answer.status_code, answer.headers["location"]) == (303, WANTS)
        assert not await is_asked(browser)
        assert browser.cookies["__Host-session"] != before
        assert (await browser.get("/people")).status_code == 404  # by groups that are hers no more
    async with house_of_pages.client(before) as late:
        assert (await late.get("/cover")).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("showed", [None, 301, -3600])
async def test_a_provider_that_does_not_say_that_it_was_just_now_proves_nothing(
    house_of_pages: Pages, issuer: str, showed: float | None
):
    """ASVS 10.5.1: whoever sits at a browser that somebody left signed in there."""
    await let_in_by(house_of_pages, issuer)
    house_of_pages.people.add("ann", "AP_MANAGER")
    knows(issuer, "ann-1", "ann", "finance", showed=showed)
    async with house_of_pages.client(**OURS) as browser:
        await go(browser, "/sign-in/with/corp", "ann-1")
        answer, _ = await go(browser, f"/sign-in/again?next={WANTS}", "ann-1")

        assert answer.status_code == 422
        assert "show a factor of yours" in answer.text
        assert await is_asked(browser)


async def test_who_comes_back_as_somebody_else_proves_nothing_and_is_not_let_in_as_that_one(
    house_of_pages: Pages, issuer: str
):
    """ASVS 7.5.3, 10.2.1: an answer is about the one who asked, in the session that asked."""
    await let_in_by(house_of_pages, issuer)
    for contact in ("ann", "bo"):
        house_of_pages.people.add(contact, "AP_MANAGER")
        knows(issuer, f"{contact}-1", contact, "finance", showed=400 if contact == "ann" else 1)
    async with house_of_pages.client(**OURS) as browser:
        await go(browser, "/sign-in/with/corp", "ann-1")
        answer, _ = await go(browser, "/sign-in/again", "bo-1")
        assert (answer.status_code, "somebody else" in answer.text) == (422, True)
        assert "Person ann" in (await browser.get("/cover")).text
        assert await is_asked(browser)

        sent = await browser.get("/sign-in/again")
        keep(browser, sent)
        back = await vouched(sent, "bo-1")
        browser.cookies.delete("__Host-session")
        answer = await browser.get(f"{back.path}?{back.query}")
        assert answer.status_code == 422
        assert "__Host-session" not in answer.headers.get("set-cookie", "")


async def test_only_the_provider_that_let_somebody_in_and_asks_for_two_factors_is_asked_again(
    house_of_pages: Pages, issuer: str
):
    """ASVS 6.3.3: one factor of a provider, asked for twice, is one factor."""
    await let_in_by(house_of_pages, issuer, assurance=1)
    house_of_pages.people.add("ann", "AP_MANAGER")
    knows(issuer, "ann-1", "ann", "finance", showed=1)
    by_mail = await house_of_pages.session("ann", assurance=1)
    async with house_of_pages.client(**OURS) as browser, house_of_pages.client(by_mail, **OURS) as other:
        await go(browser, "/sign-in/with/corp", "ann-1")
        for one in (browser, other):
            assert (await one.get("/sign-in/again")).status_code == 404
            assert "Sign in again" not in (await one.get("/factor")).text


async def test_a_provider_that_is_away_leaves_who_is_in_where_they_are(house_of_pages: Pages, issuer: str):
    await let_in_by(house_of_pages, issuer)
    house_of_pages.people.add("ann", "AP_MANAGER")
    knows(issuer, "ann-1", "ann", "finance", showed=400)
    async with house_of_pages.client(**OURS) as browser:
        await go(browser, "/sign-in/with/corp", "ann-1")
        await let_in_by(house_of_pages, "http://localhost:1")
        answer = await browser.get("/sign-in/again")
        assert (answer.status_code, "does not answer just now" in answer.text) == (422, True)
        assert (await browser.get("/cover")).status_code == 200

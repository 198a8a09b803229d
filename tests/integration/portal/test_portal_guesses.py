"""Codes of an app are guessed so slowly that nobody finds one, and who has the app is not kept out by whoever tries."""

import httpx

from tests.integration.portal.conftest import OURS, TENANT, Pages, an_app

WAIT = "wait ten minutes"


async def guess(browser: httpx.AsyncClient, network: str, times: int) -> list[bool]:
    """Try codes that are none; return which were not even looked at."""
    return [
        WAIT in (await browser.post("/factor/code", data={"code": "x"}, headers={"x-forwarded-for": network})).text
        for _ in range(times)
    ]


async def test_who_guesses_is_slowed_down_and_whoever_has_the_app_is_let_in_from_elsewhere(house_of_pages: Pages):
    """ASVS 6.1.1, 6.3.1: six guesses at once, then one each ten minutes."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER")
    cookie, app = await an_app(pages, "ann")
    async with pages.client(cookie, **OURS) as browser:
        assert await guess(browser, "192.0.2.1", 8) == [False] * 6 + [True] * 2
        shown = await browser.post(
            "/factor/code", data={"code": app.now()}, headers={"x-forwarded-for": "198.51.100.1"}
        )
        assert shown.status_code == 303


async def test_from_many_networks_twelve_are_guessed_at_once_and_some_three_hundred_a_day(house_of_pages: Pages):
    """ASVS 6.3.1: of a million codes three are good at a time."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER")
    cookie, _ = await an_app(pages, "ann")
    async with pages.client(cookie, **OURS) as browser:
        waits = [await guess(browser, f"192.0.{nth}.1", 5) for nth in range(3)]
        assert [one.count(False) for one in waits] == [5, 5, 2]
        await an_hour_later(pages)
        waits = [await guess(browser, f"192.0.{nth}.1", 7) for nth in range(10, 13)]
        assert [one.count(False) for one in waits] == [6, 6, 0]


async def test_codes_that_are_taken_do_not_count(house_of_pages: Pages):
    """Whoever shows a code all day long is not slowed down."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER")
    cookie, app = await an_app(pages, "ann")
    for _ in range(8):
        async with pages.client(cookie, **OURS) as browser:
            shown = await browser.post("/factor/code", data={"code": app.now()})
            assert shown.status_code == 303
            cookie = shown.cookies["__Host-session"]
        async with pages.parts.database.transaction([TENANT]) as tx:
            await tx.run("UPDATE totp SET last_step = last_step - 1")


async def test_who_has_tried_too_many_codes_still_comes_in_otherwise(house_of_pages: Pages):
    """ASVS 6.3.1: a link by mail is as near as before."""
    pages = house_of_pages
    pages.people.add("ann", "AP_MANAGER")
    cookie, _ = await an_app(pages, "ann")
    async with pages.client(cookie, **OURS) as browser:
        await guess(browser, "127.0.0.1", 7)
        asked = await browser.post("/sign-in", data={"address": "ann@people.example"})
        assert "a mail with a link is on its way" in asked.text


async def an_hour_later(pages: Pages) -> None:
    """All tries are an hour older."""
    async with pages.parts.database.transaction([TENANT]) as tx:
        await tx.run("UPDATE rate SET at = at - interval '1 hour'")

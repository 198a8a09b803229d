"""Real browsers of real people: each a context of its own, signed in by the link that the mail brings."""

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from deploy.demo.stack import PORTAL
from deploy.demo.visit import Visit
from deploy.local import browser
from deploy.local.processes import wait_until
from services.chassis.database import Database
from services.portal import usecases
from services.portal.store import Host
from tests.end_to_end.world import Trader, text_of

LINK = re.compile(r"http://\S+/in/[\w-]+")
WAIT_MS = 15_000


class Visitor:
    """Somebody at a browser: what went wrong in it is kept, and a test says that nothing did."""

    def __init__(self, chromium: Browser, trader: Trader, address: str, **context: Any) -> None:
        """Open an empty browser."""
        self.trader = trader
        self.base = portal_of(trader)
        self.address = address
        self._context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **context}
        )
        self._context.set_default_timeout(WAIT_MS)
        self.page: Page = self._context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.clicks = 0
        self.typed = 0

    def _heard(self, message: ConsoleMessage) -> None:
        # What the browser says of a page that is answered by 4xx on purpose.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.wrong.append(message.text)

    def go(self, path: str) -> Response:
        """Open a page by its address."""
        answer = self.page.goto(self.base + path)
        assert answer is not None, "a page answers"
        return answer

    def click(self, selector: str) -> None:
        """Click, as people do; counted."""
        self.page.click(selector)
        self.clicks += 1

    def fill(self, selector: str, value: str) -> None:
        """Type into a field; counted."""
        self.page.fill(selector, value)
        self.typed += 1

    def sign_in(self) -> "Visitor":
        """In by mail: the address typed, the link opened, the button clicked."""
        before = len(links(self.trader, self.address))
        self.go("/sign-in")
        self.page.fill("#f-address", self.address)
        self.page.click("main button[type=submit]")
        wait_until(lambda: len(links(self.trader, self.address)) > before, "the mail with the link is here", 20)
        self.page.goto(links(self.trader, self.address)[-1])
        self.page.click("main button[type=submit]")
        self.page.wait_for_load_state()
        self.clicks = self.typed = 0
        return self

    def follow_invitation(self) -> "Visitor":
        """In by an invitation."""
        wait_until(lambda: bool(links(self.trader, self.address)), "the invitation is here", 20)
        self.page.goto(links(self.trader, self.address)[-1])
        self.page.click("main button[type=submit]")
        self.page.wait_for_load_state()
        return self

    def over_http(self, path: str, cookie: str = "", **more: Any) -> httpx.Response:
        """The same without a browser, with a session's cookie; redirects are not followed."""
        return over_http(self.base, path, cookie, **more)

    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("main")

    def sees(self, words: str) -> None:
        """Wait until the page says so: a form that was sent is answered when it is."""
        self.page.wait_for_selector(f"main:has-text({json.dumps(words, ensure_ascii=False)})")

    def misses(self, words: str) -> None:
        """Wait until the page does not say so."""
        self.page.wait_for_selector(f"main:not(:has-text({json.dumps(words, ensure_ascii=False)}))")

    def close(self) -> None:
        """Close it; nothing must have gone wrong in it."""
        self._context.close()
        assert self.wrong == []


class Caller(Visit):
    """Somebody without a browser, who fills in forms over HTTP: for what a browser adds nothing to."""

    def __init__(self, trader: Trader, address: str) -> None:
        """Nobody yet."""
        self.base = portal_of(trader)
        super().__init__(self.base, trader.world.mail_folder, address)

    def sign_in(self) -> "Caller":
        """In by mail, anew."""
        self.__enter__()
        return self

    @property
    def cookie(self) -> str:
        """Of the session."""
        return self._cookies["__Host-session"]

    def get(self, path: str) -> httpx.Response:
        """A page, whatever the answer is."""
        return self._ask("GET", path)

    def over_http(self, path: str, cookie: str = "", **more: Any) -> httpx.Response:
        """Ask with nothing but a session's cookie."""
        return over_http(self.base, path, cookie, **more)


def over_http(base: str, path: str, cookie: str = "", **more: Any) -> httpx.Response:
    """One request to a portal, with a session's cookie; redirects are not followed."""
    host, _, port = base.removeprefix("http://").partition(":")
    headers = {"host": f"{host}:{port}", **more.pop("headers", {})}
    cookies = {"__Host-session": cookie} if cookie else {}
    with httpx.Client(cookies=cookies, verify=False) as client:  # in plain text: no certificates are read
        return client.request(more.pop("method", "GET"), f"http://127.0.0.1:{port}{path}", headers=headers, **more)


def links(trader: Trader, address: str) -> list[str]:
    """The links that somebody was mailed, oldest first."""
    return [found.group() for mail in trader.mails(address) if (found := LINK.search(text_of(mail)))]


def portal_of(trader: Trader) -> str:
    """Where this seller's pages are; opened the first time, as its command does and without a process for it."""
    stack = trader.world.stage.stack
    if not hasattr(trader, "portal"):
        host = f"{trader.tenant}.localhost:{stack.http_port}"
        with ThreadPoolExecutor(1) as aside:  # where a browser's event loop runs, no other can
            added = add_host(stack.running[PORTAL].database.server, Host(host, trader.tenant, trader.name))
            aside.submit(asyncio.run, added).result()
        trader.portal = f"http://{host}"  # type: ignore[attr-defined]
        wait_until_known(trader.portal)  # type: ignore[attr-defined]
    return str(trader.portal)  # type: ignore[attr-defined]


async def add_host(url: str, host: Host) -> None:
    """Let a seller's portal be at a host."""
    async with Database(lambda: url) as database:
        await usecases.add_host(database, host)


def wait_until_known(base: str) -> None:
    """A host is known within a second."""
    address, _, port = base.removeprefix("http://").partition(":")
    with httpx.Client(verify=False) as client:
        wait_until(
            lambda: (
                client.get(f"http://127.0.0.1:{port}/sign-in", headers={"host": f"{address}:{port}"}).status_code == 200
            ),
            "the portal knows the host",
            20,
        )


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of tests."""
    installed = browser.install()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=installed.executable,
            env={**installed.environment},
            args=["--no-sandbox", "--no-zygote", "--disable-gpu", "--headless=old", "--font-render-hinting=none"],
        )
        yield launched
        launched.close()

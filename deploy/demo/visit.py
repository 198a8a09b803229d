"""A person of the sample at the portal, by HTTP as a browser without script would: signs in by mail, sends forms."""

import re
import time
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

import httpx
import pyotp

from deploy.local.processes import wait_until

LINK = re.compile(r"http://\S+?/in/[\w-]+")
SECONDS = 30
# What the page says to type where no picture can be scanned.
SECRET = re.compile(r"<code>([A-Z2-7]+)</code>")
Fields = dict[str, list[str]]


class NotAsWantedError(Exception):
    """A page is not what the play needs."""


class Visit:
    """Signed in until the block ends."""

    def __init__(self, base: str, mail_folder: Path, address: str) -> None:
        """Describe it: the portal's address, where mail arrives, and whose it is."""
        host, _, port = base.removeprefix("http://").partition(":")
        # Names below localhost are this machine's, whatever resolves them.
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"host": f"{host}:{port}", "origin": base}, timeout=SECONDS
        )
        self._cookies: dict[str, str] = {}
        self._mail_folder = mail_folder
        self._address = address

    def __enter__(self) -> Self:
        """Ask for a link, wait for the mail, use it."""
        before = len(self._links())
        self.send("/sign-in", {"address": self._address, "next": "/"}, page="/sign-in")
        wait_until(lambda: len(self._links()) > before, f"the mail with the link for {self._address}", SECONDS)
        self.send(self._links()[-1], {}, page=self._links()[-1])
        return self

    def __exit__(self, *_: object) -> None:
        """Go out."""
        self._client.close()

    def page(self, path: str) -> str:
        """What a page says, as HTML."""
        answer = self._ask("GET", path)
        if answer.status_code != httpx.codes.OK:
            raise NotAsWantedError(f"{path} of the portal answers {answer.status_code}")
        return answer.text

    def send(self, path: str, fields: dict[str, str | list[str]], *, page: str, shown: str = "") -> str:
        """Fill in the form of a page that goes to `path`, and send it; return where it leads ("": to the page again)."""
        answer = self.sent(path, fields, page=page, shown=shown)
        if answer.status_code not in (httpx.codes.OK, httpx.codes.SEE_OTHER):
            said = " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
            raise NotAsWantedError(f"{path} of the portal answers {answer.status_code}: {said[-500:]}")
        return str(answer.headers.get("location", ""))

    def sent(
        self, path: str, fields: dict[str, str | list[str]], *, page: str, shown: str = "", **more: object
    ) -> httpx.Response:
        """The same; give the answer, whatever it is."""
        forms = _Forms(page)
        forms.feed(shown or self.page(page))
        if path not in forms.found:
            raise NotAsWantedError(f"{page} of the portal has no form for {path}")
        return self._ask("POST", path, data={**forms.found[path], **fields}, **more)

    def prove(self) -> None:
        """Add an app that shows codes, and show one: a second factor."""
        page = "/factor/new"
        shown = self.page(page)  # each time another secret
        found = SECRET.search(shown)
        if found is None:
            raise NotAsWantedError(f"{page} of the portal shows no secret")
        self.send("/factor/new/app", {"code": pyotp.TOTP(found[1]).now()}, page=page, shown=shown)

    def _ask(self, method: str, path: str, **more: object) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        answer = self._client.request(method, path, headers={"cookie": cookies} if cookies else {}, **more)  # type: ignore[arg-type]
        # Its cookies are for TLS, and this machine counts as such for browsers; not for this client.
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value.strip('"')
        return answer

    def _links(self) -> list[str]:
        return [f"/in/{link.rpartition('/')[2]}" for link in links_of(self._mail_folder, self._address)]


def links_of(mail_folder: Path, address: str) -> list[str]:
    """The links into the portal that somebody was mailed, oldest first."""
    files = sorted(mail_folder.glob(f"*-{address}.eml"), key=lambda file: int(file.name.partition("-")[0]))
    found = (LINK.search(file.read_text(encoding="utf-8", errors="replace").replace("=\n", "")) for file in files)
    return [one[0] for one in found if one]


class _Forms(HTMLParser):
    """The forms of a page, by where they go: what would be sent if nobody typed anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page = page
        self.found: dict[str, Fields] = {}
        self._fields: Fields = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form, or a field of the last one."""
        said = dict(attrs)
        if tag == "form":
            self._fields = self.found.setdefault(said.get("action") or self._page, {})
        name, kind = said.get("name"), said.get("type") or "text"
        if tag == "input" and name and kind != "file" and (kind not in ("checkbox", "radio") or "checked" in said):
            self._fields.setdefault(name, []).append(said.get("value") or "")


def wait_for(base: str) -> None:
    """Until the portal knows its host, some seconds after it was told."""
    host, _, port = base.removeprefix("http://").partition(":")
    deadline = time.monotonic() + SECONDS
    while (
        httpx.get(f"http://127.0.0.1:{port}/sign-in", headers={"host": f"{host}:{port}"}).status_code != httpx.codes.OK
    ):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the portal does not know {host}")
        time.sleep(0.2)

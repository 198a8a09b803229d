"""`python -m deploy.demo.pictures`: takes the README's pictures of the portal, from the sample that `make up` has up."""

import re
import sys
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.demo import sample
from deploy.demo.visit import Visit, links_of
from deploy.local import browser
from deploy.local.artifacts import ROOT
from deploy.local.processes import wait_until

PICTURES = Path(__file__).with_name("pictures")
MAIL = ROOT / "var" / "demo" / "mail"
Scheme = Literal["light", "dark"]
COLOURS = 128
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}


def main(base: str) -> None:
    """Sign in as some of the sample's people, and take what they see."""
    PICTURES.mkdir(exist_ok=True)
    tenant = base.removeprefix("http://").partition(".")[0]
    people = [person for person in sample.load().contacts if person.tenant == tenant]
    buyer = next(p for p in people if p.account == "N-102" and "ACCOUNT_ADMIN" in p.roles)
    cases = next(p for p in people if not p.account and "DISPUTE_OWNER" in p.roles)
    credit = next(p for p in people if not p.account and "CREDIT" in p.roles)
    installed = browser.install()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=installed.executable, env={**installed.environment}, args=["--no-sandbox", "--no-zygote"]
        )
        page = _signed_in(chromium, base, buyer.email, "light")
        page.goto(f"{base}/disputes?open=1")
        if not page.locator("main table a").count():
            _complain(base, buyer.email)
        _take(page, base, "/", "overview", WIDE)
        _take(page, base, "/pay", "pay-phone", PHONE)
        page.goto(f"{base}/invoices")
        page.locator("main table a").first.click()
        _take(page, "", page.url, "invoice", WIDE)
        page.emulate_media(color_scheme="dark")
        _take(page, base, "/disputes", "cases-dark", PHONE)
        _take(_signed_in(chromium, base, cases.email, "light"), base, "/desk/disputes", "desk-cases", WIDE)
        _take(_signed_in(chromium, base, credit.email, "dark"), base, "/desk/accounts/N-102", "desk-account-dark", WIDE)
        chromium.close()


def _complain(base: str, address: str) -> None:
    """Have a case: at its end the sample has none that waits for this seller."""
    with Visit(base, MAIL, address) as visit:
        newest = re.findall(r'href="/invoices/([^"/?]+)"', visit.page("/invoices"))[0]
        page = f"/invoices/{newest}/dispute"
        visit.send(page, {"reason": "QLT_DAMAGE", "what": "lines"}, page=page)


def _signed_in(chromium: Browser, base: str, address: str, scheme: Scheme) -> Page:
    page = chromium.new_context(color_scheme=scheme, locale="en-GB").new_page()
    before = len(links_of(MAIL, address))
    page.goto(f"{base}/sign-in")
    page.fill("#f-address", address)
    page.click("main button[type=submit]")
    wait_until(lambda: len(links_of(MAIL, address)) > before, "the mail with the link", 30)
    page.goto(links_of(MAIL, address)[-1])
    page.click("main button[type=submit]")
    return page


def _take(page: Page, base: str, path: str, name: str, size: dict[str, int]) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.goto(base + path)
    file = PICTURES / f"{name}.png"
    page.screenshot(path=file)
    with Image.open(file) as picture:  # few colours are all that a page has
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(file, optimize=True)
    print(f"{file}: {file.stat().st_size // 1024} kB")


if __name__ == "__main__":
    if len(sys.argv) != len(["", "BASE"]):
        sys.exit("usage: python -m deploy.demo.pictures http://nordwerk.localhost:20080 (as `make up` prints it)")
    main(sys.argv[1])

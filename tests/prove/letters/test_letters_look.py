"""Each mail in each language as pictures, light and dark: nothing sticks out of a phone, and all of it can be read.

The pictures stay in `var/letters`: a sheet for each language and scheme, to look at.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from deploy.local.artifacts import ROOT
from services.notifications import previews
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.previews import Press, Preview
from tests.end_to_end import visitors

pytestmark = pytest.mark.prove
PRESS = Press("post@nordwind.example", "reply.nordwind.example", "https://portal.example", hears=True)
PHONE, TALLEST = 360, 1200
SHEETS = ROOT / "var" / "letters"
ACROSS, THUMB = 16, 240  # of a sheet: mails beside each other, and how wide each is


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Give a phone."""
    with visitors.chromium() as browser:
        yield _phone(browser)


def _phone(browser: Browser) -> Page:
    return browser.new_context(viewport={"width": PHONE, "height": 640}).new_page()


def every_mail(language: str) -> list[Preview]:
    return [PRESS.preview(one.kind, language, one.nth) for one in previews.listed(language)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_fits_a_phone_and_can_be_read(page: Page, language: str, scheme: Any):
    page.emulate_media(color_scheme=scheme)
    pictures, wrong = [], []
    for nth, shown in enumerate(every_mail(language)):
        page.set_content(shown.html)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > PHONE:
            wrong.append((shown.letter.kind, "too wide", wide))
        if nth % len(LANGUAGES) == LANGUAGES.index(language):  # each kind in some language
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            wrong += [(shown.letter.kind, one["id"], one["nodes"][0]["html"][:100]) for one in found]
        pictures.append(page.screenshot(full_page=True))
    _sheet(pictures, f"{language}-{scheme}")

    assert wrong == []


def _sheet(pictures: Sequence[bytes], name: str) -> None:
    """All beside and below each other, small."""
    thumbs = []
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as shot:
            cut = shot.convert("RGB").crop((0, 0, shot.width, min(shot.height, TALLEST)))
        thumbs.append(cut.resize((THUMB, cut.height * THUMB // cut.width)))
    rows = [thumbs[at : at + ACROSS] for at in range(0, len(thumbs), ACROSS)]
    sheet = Image.new("RGB", (ACROSS * THUMB, sum(max(one.height for one in row) for row in rows)), "#808080")
    top = 0
    for row in rows:
        for nth, thumb in enumerate(row):
            sheet.paste(thumb, (nth * THUMB, top))
        top += max(one.height for one in row)
    SHEETS.mkdir(parents=True, exist_ok=True)
    sheet.save(SHEETS / f"{name}.png", optimize=True)

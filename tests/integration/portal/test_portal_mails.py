"""News by mail are declined on a page, or by a mail program in one click; the seller's people see each mail as it is read."""

import base64
import hashlib
import re
from uuid import uuid4

import pytest

from tests.integration.portal.conftest import OURS, Pages, said

LINK = "/by-mail/known"


async def test_a_link_that_is_opened_changes_nothing_and_its_buttons_do(house_of_pages: Pages):
    letters = house_of_pages.letters
    async with house_of_pages.client(**OURS) as browser:
        for button, words in (("no", "no mail that only informs"), ("yes", "Once a day you get a mail")):
            page = await browser.get(LINK)
            once = re.search(r'name="once" value="([^"]{16,64})"', page.text)
            assert once is not None
            changed = await browser.post(LINK, data={"once": once[1], "news": button})
            assert (changed.status_code, changed.headers["location"]) == (303, f"{LINK}?told=yes")
            assert words in said(await browser.get(changed.headers["location"]))
            assert (await browser.post(LINK, data={"news": button})).status_code == 422  # no form of ours

    assert letters.changes == [True, False]


@pytest.mark.parametrize("kind", ["data", "files"])
async def test_a_mail_program_declines_in_one_click_from_elsewhere_as_often_as_it_likes(
    house_of_pages: Pages, kind: str
):
    """RFC 8058, 3.1: no cookie, no referrer, either encoding of a form."""
    field = ("", "One-Click") if kind == "files" else "One-Click"
    form = {"List-Unsubscribe": (None, "One-Click") if kind == "files" else field}
    async with house_of_pages.client() as program:
        for _ in range(2):
            answer = await program.post(LINK, **{kind: form})  # type: ignore[arg-type] # as httpx takes either
            assert answer.status_code == 200
        assert "no mail that only informs" in said(answer)
        assert (await program.post("/by-mail/another", **{kind: form})).status_code == 404  # type: ignore[arg-type]
        assert (await program.get("/by-mail/another")).status_code == 404

    assert house_of_pages.letters.changes == [True, True]


async def test_on_their_profile_people_choose_whether_news_come_by_mail(house_of_pages: Pages):
    house_of_pages.people.add("ann", "AP_CLERK")
    async with house_of_pages.client(await house_of_pages.session("ann"), **OURS) as ann:
        page = (await ann.get("/profile")).text
        assert re.search('name="news" value="1" checked', page)
        once = re.search(r'name="once" value="(for[0-9a-f]{8}-)', page)
        assert once is not None
        for form in ({"news_asked": "1"}, {"news_asked": "1", "news": "1"}, {}):
            data = {"once": once[1] + uuid4().hex, "language": "en", **form}
            assert (await ann.post("/profile", data=data)).status_code == 303
        house_of_pages.people.known["ann"].declined = True
        assert 'name="news" value="1">' in (await ann.get("/profile")).text

    said_of_news = [one.declined if one.HasField("declined") else None for one in house_of_pages.people.changed]
    assert said_of_news == [True, False, None]  # a page of the version before says nothing of it


async def test_the_sellers_people_see_each_mail_in_each_language_in_a_frame_where_nothing_runs(house_of_pages: Pages):
    house_of_pages.people.add("sal", "SALES", account="")
    house_of_pages.people.add("ann", "AP_CLERK")
    async with house_of_pages.client(await house_of_pages.session("sal"), **OURS) as sal:
        listed = said(await sal.get("/desk/mails?language=sv"))
        page = await sal.get("/desk/mails/invoice_issued?nth=1&language=sv")
        framed = await sal.get("/desk/mails/invoice_issued/mail.html?nth=1&language=sv")
        unknown = await sal.get("/desk/mails/nothing?language=sv")
    assert "Faktura RE-2026-000001" in listed
    assert 'sandbox title="The mail as a page"' in page.text
    assert page.headers["content-security-policy"].endswith("frame-src 'self'")
    assert "Auto-Submitted: auto-generated" in said(page)
    policy = framed.headers["content-security-policy"]
    [style] = re.findall("<style>(.*?)</style>", framed.text, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert {"sandbox", "frame-ancestors 'self'"} <= {part.strip() for part in policy.split(";")}
    assert "unsafe" not in policy
    assert ' style="' not in framed.text  # no policy lets that in
    assert unknown.status_code == 404

    async with house_of_pages.client(await house_of_pages.session("ann"), **OURS) as ann:
        assert (await ann.get("/desk/mails")).status_code == 404

"""Every mail in every language, as it is mailed: both parts say the same, and what nobody may decline offers nothing of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest
from lxml import etree

from services.kernel.refusals import Invalid, NotFound
from services.notifications import previews
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.matrix import Kind
from services.notifications.letters import letter
from services.notifications.previews import DIGEST, Letter, Press, Preview
from tests.unit.notifications.test_notifications_letters import a_mail, a_message

PRESS = Press("post@nordwind.example", "reply.nordwind.example", "https://{tenant}.pay.example", hears=True)
TOKEN = "0" * 32


def every_letter(language: str) -> Iterator[tuple[Letter, Preview]]:
    for one in previews.listed(language):
        yield one, PRESS.preview(one.kind, language, one.nth)


def said(page: str) -> tuple[set[str], set[str]]:
    """What a mail's page says beside its title, by element, and where it leads."""
    body: Any = etree.HTML(page).find("body")
    title = body.find(".//h1")
    texts = {" ".join(text.split()) for text in body.xpath(".//text()") if title is None or text != title.text}
    return texts - {""}, set(body.xpath(".//a/@href"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_plain_text_says_what_the_page_says_and_no_more(language: str):
    for one, shown in every_letter(language):
        texts, links = said(shown.html)
        plain = " ".join(shown.text.split())

        assert [text for text in (*texts, *links) if text not in plain] == [], one.kind
        for text in sorted((*texts, *links), key=len, reverse=True):
            plain = plain.replace(text, "")
        assert re.sub(r"[:*\s]", "", plain) == "", one.kind


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_mail_can_be_shown_whole(language: str):
    letters = previews.listed(language)

    assert {kind.value for kind in Kind} | {DIGEST} <= {one.kind for one in letters}
    assert len({(one.kind, one.nth) for one in letters}) == len(letters)
    for one, shown in every_letter(language):
        assert replace(shown.letter, subject=one.subject) == one
        assert f'<html lang="{language}">' in shown.html
        assert f"Content-Language: {language}" in shown.headers
        assert "{" not in shown.text, one.kind


def test_what_only_informs_can_be_declined_in_one_click_and_what_asks_for_something_cannot():
    declinable = set()
    for one, shown in every_letter("en"):
        head = dict(line.split(": ", 1) for line in shown.headers)
        if "List-Unsubscribe" in head:
            declinable.add(one.weight or one.kind)
            assert head["List-Unsubscribe"] == (
                f"<https://nordwind.pay.example/by-mail/{TOKEN}>, <mailto:decline+{TOKEN}@reply.nordwind.example>"
            )
            assert head["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert f"/by-mail/{TOKEN}" in shown.text
        else:
            assert "List-Unsubscribe-Post" not in head
            assert "by-mail" not in shown.html
    assert declinable == {"INFORM", "DIGEST", DIGEST}


@pytest.mark.parametrize(
    ("portal", "hears", "places"),
    [
        ("", False, None),
        ("", True, "<mailto:decline+t0@reply.example>"),
        ("http://localhost:8080", False, "<http://localhost:8080/by-mail/t0>"),
    ],
)
def test_where_nothing_hears_that_somebody_declines_nothing_is_offered(portal: str, hears: bool, places: str | None):
    mail = replace(a_mail(a_message(weight="INFORM", action=""), key="digest/2026-03-02"), decline_token="t0")
    written = letter.write(mail, [], sender="n@x.example", domain="reply.example", portal_url=portal, hears=hears)
    head = message_from_bytes(written, policy=policy.default)

    assert head["List-Unsubscribe"] == places
    assert head["List-Unsubscribe-Post"] is None  # in plain text there is no one click


def test_a_document_cannot_be_declined_even_where_nothing_is_asked():
    mail = replace(a_mail(a_message(weight="INFORM", action="", document="i1")), decline_token="t0")
    written = letter.write(mail, [], sender="n@x.example", domain="x", portal_url="https://p.example")

    assert message_from_bytes(written)["List-Unsubscribe"] is None


def test_machines_are_told_that_one_of_theirs_wrote_and_which_mail_it_is_without_a_word_about_its_reader():
    for one, shown in every_letter("en"):
        head = dict(line.split(": ", 1) for line in shown.headers)
        assert head["Auto-Submitted"] == "auto-generated"
        assert "OOF" in head["X-Auto-Response-Suppress"]
        campaign, tenant, kind, us = head["Feedback-ID"].split(":")
        assert (tenant, us) == ("nordwind", "receivables")
        assert re.fullmatch(r"[A-Za-z_]+", campaign), one.kind
        assert kind in {"ACT", "INFORM", "DIGEST", "NOTICE"}
        assert ("Precedence" in head) == ("List-Unsubscribe" in head)


def test_what_is_no_mail_of_ours_and_no_language_of_ours_is_refused():
    for kind, nth in (("nothing", 1), (DIGEST, 2), (DIGEST, -1)):
        with pytest.raises(NotFound, match="no mail"):
            PRESS.preview(kind, "en", nth)
    for language in ("xx", "", "../en"):
        with pytest.raises(Invalid, match="we write in"):
            previews.listed(language)

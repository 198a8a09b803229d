"""The message contract: a message without its parts cannot be built."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from services.kernel.money import Money
from services.notifications.domain.matrix import Weight
from services.notifications.domain.messages import Action, Incomplete, Message
from services.notifications.domain.stories import Affects

WHOLE = Message(
    case_version=1,
    weight=Weight.ACT,
    language="en",
    subject="Invoice 1",
    what_happened="An invoice was issued.",
    affects=Affects(Money(100, "EUR")),
    affects_text="amount €1.00",
    what_we_do="We wait.",
    what_you_need_to_do=Action("Pay.", "mailto:case@example.org"),
    owner="billing",
    by_when=date(2026, 4, 1),
    next_update_at=date(2026, 4, 1),
    track_url="mailto:case@example.org",
    why_you="You are named.",
)


@pytest.mark.parametrize("part", [field.name for field in fields(Message) if field.name not in {"case_version"}])
def test_a_message_without_one_of_its_parts_cannot_be_built(part: str):
    missing: Any = "" if isinstance(getattr(WHOLE, part), str) else None

    with pytest.raises(Incomplete):
        replace(WHOLE, **{part: missing})


def test_a_message_of_blanks_is_as_good_as_none():
    with pytest.raises(Incomplete):
        replace(WHOLE, what_we_do=" \n")


def test_a_case_has_a_version():
    with pytest.raises(Incomplete):
        replace(WHOLE, case_version=0)


def test_whoever_need_not_act_is_asked_for_nothing():
    with pytest.raises(Incomplete):
        replace(WHOLE, weight=Weight.INFORM)
    assert replace(WHOLE, weight=Weight.INFORM, what_you_need_to_do=None).what_you_need_to_do is None


@pytest.mark.parametrize(("text", "link"), [("", "mailto:a@b"), ("Pay.", "")])
def test_an_action_needs_words_and_a_link(text: str, link: str):
    with pytest.raises(Incomplete):
        Action(text, link)


def test_a_subject_is_one_line():
    with pytest.raises(Incomplete):
        replace(WHOLE, subject="Invoice\r\nBcc: everybody@example.org")


def test_a_fact_that_affects_nothing_is_no_message():
    with pytest.raises(ValueError, match="affects"):
        Affects(invoices=("",))

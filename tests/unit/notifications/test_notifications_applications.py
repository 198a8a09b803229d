"""What people read of applications for credit: reasons with their figures, never what they may not see."""

import re

import pytest
from receivables.credit.v1 import applications_pb2 as applications

from services.notifications.domain.contacts import LANGUAGES
from services.notifications.texts.catalogue import catalogue
from tests.unit.notifications.samples import (
    application_decided,
    application_moved,
    fact_wanted,
    story_of,
)


def told(language: str, **changes: object) -> str:
    story = story_of(application_decided(**changes))
    assert story is not None
    values = {**story.details, "company": "Buyer", "seller": "Seller", "by_when": story.by_when}
    return catalogue(language).tell(story.kind, values)["what_happened"]


def test_a_reason_is_told_with_its_figures_and_one_that_lacks_them_by_its_subject():
    said = told("en")

    assert "You asked for €24,000.00; what you buy calls for €9,500.00." in said
    assert "How long the company has been in business." in said
    assert "R99" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_figures_of_a_group_stand_in_no_message(language: str):
    reasons = [
        applications.Reason(
            code="R09",
            figures=[
                applications.Figure(name="used", value="7777.00 EUR"),
                applications.Figure(name="limit", value="8888.00 EUR"),
            ],
        )
    ]
    said = told(language, reasons=reasons)

    digits = re.sub(r"\D", "", said)
    assert "7777" not in digits
    assert "8888" not in digits


def test_what_the_engine_asks_is_no_message_and_what_a_person_asks_is():
    assert story_of(fact_wanted("engine")) is None
    assert story_of(fact_wanted()) is not None


def test_only_that_a_person_decides_is_told_of_moves():
    for state in applications.ApplicationState.values():
        heard = state in (applications.APPLICATION_STATE_REFERRED, applications.APPLICATION_STATE_APPEALED)
        assert (story_of(application_moved(state)) is not None) is heard
    assert story_of(application_moved(promised=False)) is None


def test_an_application_that_is_referred_again_within_its_promise_is_told_once():
    first, again = story_of(application_moved()), story_of(application_moved())
    assert first is not None
    assert again is not None
    assert first.fact == again.fact

"""Every text of the portal has words in every language, with the same things filled in."""

import re

import pytest

from deploy import catalogues
from services.portal.looks import PSEUDO, Words

FILLED_IN = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_text_has_words_and_nothing_else_is_kept(language: str):
    said = {(message.context, message.id) for message in catalogues.said() if message.id}
    known = catalogues.catalogue(language)

    assert {(message.context, message.id) for message in known if message.id} == said, "make locale"
    assert list(catalogues.lacking(known)) == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_words_fill_in_what_the_text_does(language: str):
    for message in catalogues.catalogue(language):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        wanted = set(FILLED_IN.findall(str(ids[-1])))
        for text in map(str, texts):
            assert set(FILLED_IN.findall(text)) in (wanted, wanted - {"num"}), message.id


def test_the_language_of_tests_is_longer_and_fills_in_too():
    words = Words(PSEUDO)

    assert words.say("of %(limit)s", limit="10") == "[øf 10~~~~]"
    assert words.direction == "ltr"


def test_a_text_of_two_meanings_has_words_for_each():
    german = Words("de")

    assert (german.label("STATE_REOPENED"), german.label("ACTION_REOPEN")) == ("Wieder offen", "Wieder öffnen")
    assert Words("en").label("ACTION_REOPEN") == "Open again"
    assert Words(PSEUDO).label("ACTION_REOPEN") == "[Øpén ågåîn~~~~]"

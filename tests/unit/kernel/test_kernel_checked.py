"""The words of what was checked: each language has all of them, with the same figures."""

import pytest

from services.kernel import checked
from services.kernel.phrases import places

FILTERS = {"money": str, "day": str, "number": str}


@pytest.mark.parametrize("code", sorted(checked.CODES))
def test_each_language_needs_the_same_figures(code: str):
    said = dict.fromkeys(checked.figures(code), "5")

    for language in checked.LANGUAGES:
        words = checked.say(language, code, said, FILTERS)
        assert words is not None
        assert "{" not in words.looked + words.says
        texts = checked._WORDS[language][code]
        assert places(texts.looked).keys() | places(texts.says).keys() == checked.figures(code)


def test_no_language_lacks_a_fact():
    assert {frozenset(codes) for codes in checked._WORDS.values()} == {checked.CODES}


def test_a_new_code_and_a_fact_without_its_figures_have_no_words():
    assert checked.say("en", "new", {}, FILTERS) is None
    assert checked.say("en", "duplicate_of", {"number": "1"}, FILTERS) is None


def test_a_language_without_words_is_told_in_english():
    assert checked.say("is", "no_duplicate", {"order": "o1"}, FILTERS) == checked.say(
        "en", "no_duplicate", {"order": "o1"}, FILTERS
    )

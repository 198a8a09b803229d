"""The words of credit decisions: the same reasons and figures in each language."""

import pytest

from services.kernel import credit_reasons
from services.kernel.phrases import places

FILTERS = {
    "money": lambda text: f"€{text}",
    "day": lambda text: f"on {text}",
    "listed": lambda text: text.replace(" ", " and "),
}


def test_every_reason_has_words_in_every_language():
    assert set(credit_reasons.LANGUAGES) == {"en", "de", "fr", "sv"}
    assert {f"R{number:02}" for number in range(1, 22)} | {"R09_private"} == credit_reasons.CODES


@pytest.mark.parametrize("code", sorted(credit_reasons.CODES))
def test_each_language_needs_the_same_figures(code: str):
    said = dict.fromkeys(credit_reasons.figures(code), "5")

    for language in credit_reasons.LANGUAGES:
        words = credit_reasons.say(language, code, said, FILTERS)
        assert "{" not in words.because + words.change
        assert credit_reasons.figures(code) == {
            name: through
            for text in (credit_reasons._WORDS[language][code].because, credit_reasons._WORDS[language][code].change)
            for name, through in places(text).items()
        }


def test_figures_go_through_their_filters():
    words = credit_reasons.say("en", "R08", {"overdue": "12", "since": "2026-01-05"}, FILTERS)

    assert words.because == "€12 is overdue, the oldest part since on 2026-01-05."


def test_a_language_without_words_is_said_in_english():
    assert credit_reasons.say("nl", "R07", {"amount": "1"}, FILTERS) == credit_reasons.say(
        "en", "R07", {"amount": "1"}, FILTERS
    )


def test_what_a_private_reader_is_told_needs_no_figure():
    assert {private: credit_reasons.figures(private) for private in credit_reasons.PRIVATE.values()} == {
        "R09_private": {}
    }


@pytest.mark.parametrize("language", credit_reasons.LANGUAGES)
def test_of_sanctions_no_language_says_that_a_name_matched(language: str):
    words = credit_reasons.say(language, "R11", {"by": "2026-01-05"}, FILTERS)

    assert not any(word in (words.because + words.change).casefold() for word in ("name", "list", "match", "treffer", "nom", "namn", "sankt", "sanct"))  # fmt: skip

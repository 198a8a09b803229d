"""What people read is said in each language: the same texts everywhere, about the same values."""

from string import Formatter

import pytest

from services.documents.words import ENGLISH, LANGUAGES, Words, texts
from services.kernel.refusals import Invalid


def holes(text: str) -> set[str]:
    """The values that a sentence is about."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_exists_in_each_language_and_says_the_same_values(language: str) -> None:
    english, here = texts(ENGLISH), texts(language)

    assert here.keys() == english.keys()
    assert here["units"].keys() == english["units"].keys()
    words = [key for key in english if key != "units"]
    assert {key: holes(here[key]) for key in words} == {key: holes(english[key]) for key in words}
    assert all(here[key].strip() for key in words)


def test_a_sentence_is_said_in_the_readers_language() -> None:
    assert [Words(language).say("set_off", number="R-1") for language in LANGUAGES] == [
        "Set off against invoice R-1",
        "Verrechnet mit Rechnung R-1",
        "Imputé sur la facture R-1",
        "Kvittas mot faktura R-1",
    ]


def test_a_language_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        Words("tlh")

    assert refused.value.code == "document.unknown_language"

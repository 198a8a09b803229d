"""The words of why a credit decision came out as it did, and of what would change it, by code and language."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from services.kernel.phrases import fill, places

# What is told instead where the reader may not see the group's figures.
PRIVATE = {"R09": "R09_private"}


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a reason; `{{ name | filter }}` is where a figure stands."""

    # What we saw.
    because: str
    # One thing that the reader can do.
    change: str


def _read() -> dict[str, dict[str, Words]]:
    said = tomllib.loads(files(__package__).joinpath("credit_reasons.toml").read_text(encoding="utf-8"))
    return {language: {code: Words(**words) for code, words in codes.items()} for language, codes in said.items()}


_WORDS = _read()
LANGUAGES = tuple(_WORDS)
# Codes that have words in every language.
CODES = frozenset.intersection(*(frozenset(codes) for codes in _WORDS.values()))


def figures(code: str) -> dict[str, str]:
    """What figures the words of a code need, in whatever language, and through which filter ("": none) each goes."""
    return {
        name: through
        for codes in _WORDS.values()
        for text in (codes[code].because, codes[code].change)
        for name, through in places(text).items()
    }


def say(language: str, code: str, said: Mapping[str, str], filters: Mapping[str, Callable[[str], str]]) -> Words:
    """The words of a reason with its figures in them, each through its filter: "money", "day" or "listed"; in English where the language has none."""

    words = _WORDS.get(language, _WORDS["en"])[code]
    return Words(fill(words.because, said, filters), fill(words.change, said, filters))

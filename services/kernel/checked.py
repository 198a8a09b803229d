"""The words of what was looked at when a case was checked, and of what it says, by code and language (checked.toml)."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from services.kernel.phrases import fill, places


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a fact; `{{ name | filter }}` is where a figure stands."""

    # What we looked at.
    looked: str
    # What it says.
    says: str


def _read() -> dict[str, dict[str, Words]]:
    said = tomllib.loads(files(__package__).joinpath("checked.toml").read_text(encoding="utf-8"))
    return {language: {code: Words(**words) for code, words in codes.items()} for language, codes in said.items()}


_WORDS = _read()
LANGUAGES = tuple(_WORDS)
# Codes that have words in every language.
CODES = frozenset.intersection(*(frozenset(codes) for codes in _WORDS.values()))


def figures(code: str) -> frozenset[str]:
    """What figures the words of a code need, in whatever language."""
    texts = [text for codes in _WORDS.values() for text in (codes[code].looked, codes[code].says)]
    return frozenset(name for text in texts for name in places(text))


def say(language: str, code: str, said: Mapping[str, str], filters: Mapping[str, Callable[[str], str]]) -> Words | None:
    """The words of a fact, its figures through "money", "day" or "number"; in English where the language has none.

    None of a code that is new, or whose figures are not those that its words need.
    """
    if code not in CODES or not figures(code) <= said.keys():
        return None
    words = _WORDS.get(language, _WORDS["en"])[code]
    return Words(fill(words.looked, said, filters), fill(words.says, said, filters))

"""Finds the invoices that a payer names: numbers as whole words, with or without the hyphens that banks drop."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

WORDS_MAX = 8  # of which one invoice number consists at most: "RE-2026-000123" has three
KEY_MAX = 64  # letters and digits of one number

# What a payer writes that has digits and names no invoice: a day, an amount, a year, each standing by itself.
_DAY = r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2})"
_AMOUNT = r"[0-9]{1,3}(?:[.,' ][0-9]{3})*[.,][0-9]{2}|[0-9]+[.,][0-9]{2}"
_YEAR = r"(?:19|20)[0-9]{2}"
_NO_NUMBER = re.compile(rf"(?<![\w/.-])(?:{_DAY}|{_AMOUNT}|{_YEAR})(?![\w/-]|[.,][0-9])")

_WORD = re.compile(r"[^\W_]+")
_GLUE = re.compile(r"[-_]+")  # two words with nothing else between them are one to the reader


def key(number: str) -> str:
    """What a number and its spellings share: its letters and digits, in capitals."""
    return "".join(_WORD.findall(number.upper()))


def has_number(text: str) -> bool:
    """Whether a text says a number by which an invoice might be called, known or not."""
    return any(character.isdigit() for character in _NO_NUMBER.sub(" ", text))


def possible_keys(text: str) -> set[str]:
    """The keys of all numbers that a text may name."""
    words, glued = _read(text)
    return {"".join(words[start:end]) for start, end in _spans(words, glued)}


def named(text: str, numbers: Iterable[str]) -> list[str]:
    """The numbers that a text names, in its order and each once; what could mean two of them names neither.

    Longer readings go first, so that INV-1-1 does not name INV-1. A number is found as it is written, or with hyphens,
    spaces and the like missing or others in their place, but never torn apart where it has none itself.
    """
    by_key: dict[str, list[str]] = {}
    for number in dict.fromkeys(numbers):
        by_key.setdefault(key(number), []).append(number)
    words, glued = _read(text)
    found: dict[str, None] = {}
    position = 0
    for start, end in _spans(words, glued):
        if start < position:
            continue
        candidates = by_key.get("".join(words[start:end]), [])
        if (fitting := _best(candidates, words[start:end])) is None:
            continue
        position = end
        if len(fitting) == 1:
            found[fitting[0]] = None
    return list(found)


def _best(candidates: Sequence[str], words: Sequence[str]) -> list[str] | None:
    """Of the numbers that these words may spell, those whose own separators are kept best; None if they spell none."""
    gaps = _gaps(words)
    dropped: Mapping[str, int] = {
        number: len(own - gaps) for number in candidates if gaps <= (own := _gaps(_WORD.findall(number.upper())))
    }
    if not dropped:
        return None
    fewest = min(dropped.values())
    return [number for number, n in dropped.items() if n == fewest]


def _gaps(words: Sequence[str]) -> set[int]:
    """Where, counted in letters and digits, one word ends and the next begins."""
    return set(accumulate(len(word) for word in words[:-1]))


def _read(text: str) -> tuple[list[str], list[bool]]:
    """The words of a text, and whether each hangs on the one before."""
    text = text.upper()
    words: list[str] = []
    glued: list[bool] = []
    end = 0
    for match in _WORD.finditer(text):
        words.append(match.group())
        glued.append(bool(words[:-1]) and _GLUE.fullmatch(text, end, match.start()) is not None)
        end = match.end()
    return words, glued


def _spans(words: Sequence[str], glued: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Runs of words that may be one number, by their beginning, the longest first.

    None cuts through glued words, and each has a digit, as every invoice number has.
    """
    for start in range(len(words)):
        if glued[start]:
            continue
        for end in range(min(start + WORDS_MAX, len(words)), start, -1):
            torn = end < len(words) and glued[end]
            joined = "".join(words[start:end])
            if not torn and len(joined) <= KEY_MAX and any(c.isdigit() for c in joined):
                yield start, end

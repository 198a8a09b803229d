"""Names of companies and domains: which are the same, which are alike, and which read alike."""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import idna
from confusable_homoglyphs.confusables import confusables_data
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

NAME_LONGEST = 300  # characters of a name that are compared

# Letters that no decomposition takes apart, and the alphabets next door, as their names are written in passports.
_LATIN = {
    **{
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "ħ": "h",
        "ı": "i",
        "ŋ": "ng",
        "ə": "a",
    },
    **dict(
        zip(
            "абвгдезиклмнопрстуфыэіїєґћђљњџјѕ",
            "a b v g d e z i k l m n o p r s t u f y e i i e g c d lj nj dz j dz".split(),
            strict=True,
        )
    ),
    **{
        "ж": "zh",
        "й": "y",
        "х": "kh",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "shch",
        "ъ": "",
        "ь": "",
        "ю": "yu",
        "я": "ya",
        "ў": "u",
    },
    **dict(zip("αβγδεζηικλμνξοπρσςτυφω", "a v g d e z i i k l m n x o p r s s t y f o".split(), strict=True)),
    **{"θ": "th", "χ": "ch", "ψ": "ps"},
}
_TO_LATIN = str.maketrans(_LATIN)
_LETTER_WITH_DOT = re.compile(r"(?<!\w)(\w)\.(?=\s?\w(?!\w)|\s|$)")
_NOT_A_WORD = re.compile(r"[^\w]+|_+")
_BINDING_WORDS = frozenset({"and", "und", "et", "och", "og", "y", "i", "e", "en"})


def normal(name: str) -> str:
    """A company's name as it is compared: small letters of ASCII where there are any, without its legal form and what binds words.

    A name that is nothing but these is left as it is.
    """
    words = plain_words(name)
    named = _without_forms(words)
    return " ".join(word for at, word in enumerate(named) if not (0 < at < len(named) - 1 and word in _BINDING_WORDS))


def alike(name: str, other: str) -> int:
    """How alike two companies' names are, whatever the order of their words: 0 to 100."""
    return int(fuzz.ratio(sorted_words(normal(name)), sorted_words(normal(other))))


def sorted_words(normal_name: str) -> str:
    """A normal name with its words in order, so that two of them compare as if theirs were."""
    return " ".join(sorted(normal_name.split()))


def plain_words(text: str) -> list[str]:
    """A text's words in small letters, of ASCII where they can be written so; initials with dots are one word each."""
    usual = unicodedata.normalize(
        "NFKD", unicodedata.normalize("NFKC", text[:NAME_LONGEST]).casefold().translate(_TO_LATIN)
    )
    bare = "".join(char for char in usual if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")
    bare = bare.translate(_TO_LATIN).replace("'", "").replace("’", "")
    return _NOT_A_WORD.sub(" ", _LETTER_WITH_DOT.sub(r"\1", bare)).split()


def skeleton(label: str) -> str:
    """What a domain's label looks like: equal for those that a person reading takes for each other."""
    return _looks(_decoded(label))


@dataclass(frozen=True, slots=True)
class Likeness:
    """A known domain that another one is taken for."""

    domain: str
    # Letters to be changed, added, left out or swapped with the next.
    distance: int
    # Another label that reads the same; the same label below another suffix does not count.
    homoglyph: bool


class Domains:
    """Known domains, found by what looks like them; all domains here as `contacts` gives them: registrable, in ASCII."""

    def __init__(self, known: Iterable[str]) -> None:
        self._by_skeleton: dict[str, list[str]] = defaultdict(list)
        self._by_length: dict[int, dict[str, list[str]]] = defaultdict(dict)
        for domain in set(known):
            label = _decoded(_label(domain))
            self._by_skeleton[_looks(label)].append(domain)
            self._by_length[len(label)].setdefault(label, []).append(domain)

    def like(self, domain: str, own: Collection[str] = ()) -> list[Likeness]:
        """Those that a domain may be taken for, the nearest first; neither itself nor one of its owner's own.

        The longer a known label, the more letters may differ: fewer than 6 none, fewer than 10 one, else two.
        """
        same = {domain, *own}
        label = _decoded(_label(domain))
        found: dict[str, Likeness] = {}
        for each in self._by_skeleton.get(_looks(label), ()):
            known = _decoded(_label(each))
            found[each] = Likeness(each, OSA.distance(label, known), known != label)
        for length in range(len(label) - 2, len(label) + 3):
            allowed = _allowed(length)
            if abs(length - len(label)) > allowed or not (labels := self._by_length.get(length)):
                continue
            near = process.extract(label, labels.keys(), scorer=OSA.distance, score_cutoff=allowed, limit=None)
            for known, distance, _ in near:
                for each in labels[known]:
                    found.setdefault(each, Likeness(each, int(distance), False))
        others = (likeness for likeness in found.values() if likeness.domain not in same)
        return sorted(others, key=lambda likeness: (not likeness.homoglyph, likeness.distance, likeness.domain))


def _allowed(length: int) -> int:
    """How many letters may differ from a known label of so many."""
    return 0 if length < 6 else 1 if length < 10 else 2


def _label(domain: str) -> str:
    return domain.partition(".")[0]


def _decoded(label: str) -> str:
    """A label as people see it; one that is badly encoded as it stands."""
    try:
        return idna.decode(label) if label.startswith("xn--") else label
    except idna.IDNAError:
        return label


def _looks(label: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", label.lower()) if not unicodedata.combining(char))
    ascii_twin = bare.translate(_twins()).lower()
    return ascii_twin.replace("rn", "m").replace("vv", "w").translate(_SAME)


# One skeleton for what is mistaken for each other.
_SAME = str.maketrans("01i|", "olll")


@cache
def _twins() -> dict[int, str]:
    """For each letter beyond ASCII the one of ASCII that it looks like."""
    twins = {ord(char): "k" for char in "кκĸ"}  # which the list leaves out
    for char, glyphs in confusables_data.items():
        inside = [glyph["c"] for glyph in glyphs if glyph["c"].isascii() and glyph["c"].isalnum()]
        if len(char) == 1 and not char.isascii() and inside:
            twins[ord(char)] = min(inside, key=lambda text: (not text.islower(), text))
    return twins


def _without_forms(words: list[str]) -> list[str]:
    anywhere, edge, longest = _legal_forms()
    kept: list[str] = []
    at = 0
    while at < len(words):
        size = next((size for size in range(longest, 0, -1) if tuple(words[at : at + size]) in anywhere), 0)
        if not size:
            kept.append(words[at])
        at += size or 1
    while size := next((size for size in range(longest, 0, -1) if len(kept) > size and tuple(kept[-size:]) in edge), 0):
        del kept[-size:]
    while size := next((size for size in range(longest, 0, -1) if len(kept) > size and tuple(kept[:size]) in edge), 0):
        del kept[:size]
    return kept or words


@cache
def _legal_forms() -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]], int]:
    """Those that go wherever they stand, those that go at an end, and how many words the longest has."""
    lists: dict[str, Any] = tomllib.loads(files(__package__).joinpath("legal_forms.toml").read_text(encoding="utf-8"))
    anywhere, edge = (frozenset(tuple(form.split()) for form in lists[kind]) for kind in ("anywhere", "edge"))
    return anywhere, edge, max(len(form) for form in anywhere | edge)

"""Lists of sanctioned persons and entities in the official XML of the United Nations, the European Union and OFAC, and who is near.

The operator supplies the files. What follows from a match the policy says: near is looked at by two persons, above that
nothing is decided by the engine.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from math import ceil
from typing import BinaryIO

from babel import Locale
from lxml import etree
from rapidfuzz import fuzz, process

from services.credit.domain.identity.names import NAME_LONGEST, normal, sorted_words
from services.kernel.countries import COUNTRIES
from services.kernel.refusals import Invalid

CODE = "sanctions.file"
FILE_MOST = 200_000_000  # bytes
ENTRIES_MOST = 200_000
NEAR, BLOCK = 80, 95  # points; NEAR itself is near, BLOCK itself still is


class Band(Enum):
    """What a score means."""

    NONE = "none"
    NEAR = "near"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who stands on a list."""

    # "UN", "EU" or "OFAC".
    source: str
    entry_id: str
    names: tuple[str, ...]
    # Where the list places them (ISO 3166-1), as far as it says.
    countries: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match:
    """A name that is like one of a list's."""

    # 0 to 100.
    score: int
    source: str
    entry_id: str
    # As the list writes it.
    listed: str
    # Whether the list places them in the country that was asked for; None: it names none, or none was asked for.
    same_country: bool | None

    @property
    def band(self) -> Band:
        """What the score means."""
        return band_of(self.score)


# A normal name and an entry of a list that a person found to be somebody else.
Pair = tuple[str, str, str]


def band_of(score: int) -> Band:
    """What a score means: from 80 near, above 95 a block."""
    return Band.BLOCK if score > BLOCK else Band.NEAR if score >= NEAR else Band.NONE


def pair(name: str, match: Match) -> Pair:
    """What is remembered when a person clears a match: it stays cleared for as long as the name is the same."""
    return (normal(name), match.source, match.entry_id)


class Lists:
    """Entries, ready to be compared with names."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        # A name twice: its words in order, and all letters as they come, for a slip that changes or swallows a word's begin.
        self._sorted: list[str] = []
        self._joined: list[str] = []
        self._listed: list[tuple[Entry, str]] = []
        for entry in entries:
            seen: set[str] = set()
            for at, name in enumerate(entry.names):
                key = normal(name)
                # An alias of one word is like thousands of innocent names; what the entry is called first counts whatever it is.
                if key and key not in seen and (at == 0 or " " in key):
                    seen.add(key)
                    self._sorted.append(sorted_words(key))
                    self._joined.append(key.replace(" ", ""))
                    self._listed.append((entry, name))

    def __len__(self) -> int:
        """How many names are compared."""
        return len(self._listed)

    def screen(self, name: str, country: str = "", cleared: Collection[Pair] = ()) -> list[Match]:
        """The entries that a name is like, each once, the likest first; without those that were cleared for it."""
        own = normal(name)
        best: dict[tuple[str, str], Match] = {}
        for text, among in ((sorted_words(own), self._sorted), (own.replace(" ", ""), self._joined)):
            for _, score, at in process.extract(text, among, scorer=fuzz.ratio, score_cutoff=NEAR, limit=None):
                entry, listed = self._listed[at]
                key = (entry.source, entry.entry_id)
                points = ceil(score)
                if (own, *key) in cleared or (key in best and best[key].score >= points):
                    continue
                same = country in entry.countries if country and entry.countries else None
                best[key] = Match(points, entry.source, entry.entry_id, listed, same)
        return sorted(best.values(), key=lambda match: (-match.score, match.source, match.entry_id))


def read(file: BinaryIO) -> Iterator[Entry]:
    """The persons and entities of a list in one of the three official shapes, as they come (vessels and aircraft are left out).

    Nothing outside the file is read, entities of XML are not resolved, and what is too large is refused (`sanctions.file`).
    """
    events = etree.iterparse(
        _Bounded(file),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    shape: _Shape | None = None
    count = 0
    try:
        for event, element in events:
            if shape is None:
                shape = _shape_of(element)
            elif event == "end" and _local(element) in shape.entries:
                count += 1
                if count > ENTRIES_MOST:
                    raise Invalid(CODE, f"at most {ENTRIES_MOST} entries")
                if (entry := shape.read(element)) is not None and entry.entry_id and entry.names:
                    yield entry
                _forget(element)
    except etree.XMLSyntaxError as broken:
        raise Invalid(CODE, "the file is no well-formed XML") from broken
    if not count:
        raise Invalid(CODE, "the file has no entries")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a list is written: which elements its entries are, and what one says."""

    entries: frozenset[str]
    read: Callable[[etree._Element], Entry | None]


class _Bounded:
    """A file of which only so many bytes are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = FILE_MOST

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Invalid(CODE, f"at most {FILE_MOST} bytes")
        return data


def _shape_of(root: etree._Element) -> _Shape:
    if root.getroottree().docinfo.internalDTD is not None:
        raise Invalid(CODE, "the official lists have no document type")
    if (shape := _SHAPES.get(_local(root))) is None:
        raise Invalid(CODE, "the file is none of the lists of the UN, the EU and OFAC")
    return shape


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _forget(element: etree._Element) -> None:
    """Let go of what was read, so that a large file needs no more than an entry."""
    element.clear()
    while (before := element.getprevious()) is not None:
        if (parent := before.getparent()) is not None:
            parent.remove(before)


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    """The elements right below one, by their name whatever its namespace."""
    return [child for child in element if _local(child) == name]


def _texts(element: etree._Element, *path: str) -> list[str]:
    """The texts below an element, by the names of elements on the way."""
    found = [element]
    for name in path:
        found = [child for each in found for child in _children(each, name)]
    return [" ".join((each.text or "").split())[:NAME_LONGEST] for each in found]


def _joined(element: etree._Element, *names: str) -> str:
    return " ".join(text for name in names for text in _texts(element, name) if text)


def _un(element: etree._Element) -> Entry:
    kind = _local(element)
    first = _joined(element, "FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
    names = [first, *_texts(element, f"{kind}_ALIAS", "ALIAS_NAME"), *_texts(element, "NAME_ORIGINAL_SCRIPT")]
    places = [*_texts(element, f"{kind}_ADDRESS", "COUNTRY"), *_texts(element, "NATIONALITY", "VALUE")]
    entry_id = _joined(element, "REFERENCE_NUMBER") or _joined(element, "DATAID")
    return Entry("UN", entry_id, _some(names), _countries(places))


def _eu(element: etree._Element) -> Entry:
    names = [
        " ".join((alias.get("wholeName") or "").split())[:NAME_LONGEST] for alias in _children(element, "nameAlias")
    ]
    placed = [*_children(element, "address"), *_children(element, "citizenship")]
    entry_id = element.get("euReferenceNumber") or element.get("logicalId") or ""
    return Entry("EU", entry_id, _some(names), _countries(each.get("countryIso2Code") or "" for each in placed))


def _ofac(element: etree._Element) -> Entry | None:
    if _joined(element, "sdnType") not in ("Individual", "Entity"):
        return None
    akas = [aka for among in _children(element, "akaList") for aka in _children(among, "aka")]
    names = [_joined(each, "firstName", "lastName") for each in (element, *akas)]
    places = [
        *_texts(element, "addressList", "address", "country"),
        *_texts(element, "nationalityList", "nationality", "country"),
    ]
    return Entry("OFAC", _joined(element, "uid"), _some(names), _countries(places))


_SHAPES = {
    "CONSOLIDATED_LIST": _Shape(frozenset({"INDIVIDUAL", "ENTITY"}), _un),
    "export": _Shape(frozenset({"sanctionEntity"}), _eu),
    "sdnList": _Shape(frozenset({"sdnEntry"}), _ofac),
}


def _some(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _countries(places: Iterable[str]) -> frozenset[str]:
    known = _codes()
    return frozenset(code for place in places if (code := known.get(place.casefold())))


@cache
def _codes() -> dict[str, str]:
    """Countries' codes by themselves, and by the English names that the lists use."""
    names = {str(name).casefold(): code for code, name in Locale("en").territories.items() if code in COUNTRIES}
    return {**{code.casefold(): code for code in COUNTRIES}, **names, **_OTHERWISE}


# What the lists call countries that Unicode's names do not.
_OTHERWISE = {
    "syrian arab republic": "SY",
    "iran (islamic republic of)": "IR",
    "islamic republic of iran": "IR",
    "russian federation": "RU",
    "democratic people's republic of korea": "KP",
    "korea, north": "KP",
    "republic of korea": "KR",
    "korea, south": "KR",
    "democratic republic of the congo": "CD",
    "congo, democratic republic of the": "CD",
    "viet nam": "VN",
    "united kingdom of great britain and northern ireland": "GB",
    "united states of america": "US",
    "burma": "MM",
    "state of palestine": "PS",
    "west bank": "PS",
    "gaza": "PS",
    "bolivarian republic of venezuela": "VE",
    "lao people's democratic republic": "LA",
    "united republic of tanzania": "TZ",
    "cote d'ivoire": "CI",
    "bosnia and herzegovina": "BA",
    "myanmar": "MM",
    "turkey": "TR",
}

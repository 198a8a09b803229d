"""What an application is compared with beyond the seller's own records: lists of sanctions, and domains that are known."""

import hashlib
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from services.credit.domain import fraud
from services.credit.domain.fraud import Feature
from services.credit.domain.identity import names
from services.credit.domain.identity.sanctions import Lists, Match
from services.kernel.refusals import Conflict

MATCHES_MOST = 50
# Facts that name somebody who is looked for on the lists.
SCREENED = ("company_name", "signer", "owners")
_BETWEEN = re.compile(
    r"[;,\t\r\n/&|+•·(\[]|\s(?:and|or|und|oder|sowie|et|ou|och|eller)\s", re.IGNORECASE
)  # whatever stands between names
_SHARE = re.compile(r"[0-9]+([.,][0-9]+)?\s*%?|%")
_NAME_SHORTEST = 3  # letters

# A list, the entry's number there, and the digest of a name.
Pair = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Cleared:
    """Who of a company was found to be somebody else, by one person or by two."""

    pair: Pair
    found_by: str
    # Empty: nobody had to, or has yet.
    confirmed_by: str
    # None: another person has to say so too.
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a company shows of itself that is compared."""

    # Each with the key of its fact.
    names: tuple[tuple[str, str], ...]
    country: str
    # Of its mail and its website.
    domains: tuple[str, ...]
    # Those of its group: never taken for another's.
    own: frozenset[str]
    # What digests of names are made with, beside the name.
    company: str
    # Who was found to be somebody else.
    cleared: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Found:
    """A name that is like one of a list's."""

    # The fact that names them.
    key: str
    # By which the name is known again.
    name: str
    match: Match
    cleared: bool

    @property
    def pair(self) -> Pair:
        """What is cleared."""
        return (self.match.source, self.match.entry_id, self.name)


@dataclass(frozen=True, slots=True)
class Look:
    """What came of comparing."""

    features: tuple[Feature, ...]
    # The likest first.
    matches: tuple[Found, ...] = ()


def clear(
    pair: Pair, earlier: Cleared | None, actor: str, people: Set[str], found: Set[str], *, needs_two: bool, at: datetime
) -> Cleared:
    """Somebody says that it is somebody else; where two have to, the second is another person than the first (`found`)."""
    if earlier is None:
        return Cleared(pair, actor, "", None if needs_two else at)
    if earlier.cleared_at is not None:
        return earlier
    if found & people:
        raise Conflict("application.four_eyes", "another person confirms that it is somebody else")
    return replace(earlier, confirmed_by=actor, cleared_at=at)


def named(said: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The names in what is known of a company, without shares and functions that stand beside them.

    All of them, each once: whoever comes late in a text is looked for too.
    """
    found: dict[tuple[str, str], None] = {}
    for key in SCREENED:
        text = said.get(key, "")
        parts = [text] if key == "company_name" else _BETWEEN.split(text)
        for part in parts:
            name = " ".join((part if key == "company_name" else _SHARE.sub(" ", part)).split())
            if len(name) >= _NAME_SHORTEST:
                found[key, name] = None
    return tuple(found)


def digest(company: str, name: str) -> str:
    """By which a name of a company is known again, and not read."""
    return hashlib.sha256(f"{company}\0{names.normal(name)}".encode()).hexdigest()


def compare(shown: Shown, lists: Lists | None, known: Sequence[names.Domains]) -> Look:
    """Look for names on the lists (None: there are none), and for domains that a person takes for the company's own."""
    matches = [] if lists is None else _screened(shown, lists)
    counting = None if lists is None else [found.match for found in matches if not found.cleared]
    return Look(
        (*fraud.lookalike(shown.domains, known, shown.own), *_with_keys(fraud.sanctioned(counting), matches)),
        tuple(matches[:MATCHES_MOST]),
    )


def _screened(shown: Shown, lists: Lists) -> list[Found]:
    found: dict[tuple[str, Pair], Found] = {}
    for key, name in shown.names:
        own = digest(shown.company, name)
        for match in lists.screen(name, shown.country):
            one = Found(key, own, match, (match.source, match.entry_id, own) in shown.cleared)
            found.setdefault((key, one.pair), one)
    return sorted(found.values(), key=lambda one: (one.cleared, -one.match.score, one.match.source, one.match.entry_id))


def _with_keys(features: Sequence[Feature], matches: Sequence[Found]) -> list[Feature]:
    """Say in the evidence which of the company's names it is, and how the list writes it."""
    best = next((one for one in matches if not one.cleared), None)
    if best is None:
        return list(features)
    said = f"{best.match.source} {best.match.entry_id}: {best.match.listed} ({best.key})"
    return [feature._replace(compared_with=said[:200]) for feature in features]

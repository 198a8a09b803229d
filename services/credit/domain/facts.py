"""What is known of a company: each datum once, with where it comes from; nothing is asked twice (RULES: asked once)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

APPLICANT, CLERK, DOCUMENT = "applicant", "clerk", "document"
GIVEN = frozenset({APPLICANT, CLERK, DOCUMENT})  # by people; all else is a source's word


@dataclass(frozen=True, slots=True)
class Fact:
    """A datum about a company."""

    key: str
    # As text (the contract's Fact.value); '' once it is forgotten.
    value: str
    # APPLICANT, CLERK, DOCUMENT, or the source's name.
    provenance: str
    given_by: str
    given_at: datetime
    # None: for as long as nobody says otherwise.
    valid_until: datetime | None = None
    # The document that shows it; '': none.
    evidence: str = ""
    # About a person: forgotten with whoever gave it.
    is_personal: bool = False

    @property
    def is_given(self) -> bool:
        """Whether people said so, and no source."""
        return self.provenance in GIVEN

    def is_valid(self, at: datetime) -> bool:
        """Whether it needs no confirming yet."""
        return bool(self.value) and (self.valid_until is None or self.valid_until > at)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one datum: the newest that people said, and the newest of any source."""

    given: Fact | None = None
    told: Fact | None = None

    def counts(self, at: datetime) -> Fact | None:
        """What is decided by: a register beats what was given, as long as its word is good."""
        return self.told if self.told is not None and self.told.is_valid(at) else self.given or self.told

    @property
    def is_conflict(self) -> bool:
        """Whether people said other than the source, and have not said so again since they were shown both."""
        return (
            self.given is not None
            and self.told is not None
            and bool(self.given.value)
            and _plain(self.given.value) != _plain(self.told.value)
            and self.given.given_at <= self.told.given_at
        )


def known(facts: Iterable[Fact]) -> dict[str, Known]:
    """Facts that stand, by key."""
    found: dict[str, Known] = {}
    for fact in sorted(facts, key=lambda fact: (fact.given_at, fact.provenance)):
        before = found.get(fact.key, Known())
        found[fact.key] = Known(fact, before.told) if fact.is_given else Known(before.given, fact)
    return found


def needs_answer(one: Known | None, at: datetime) -> bool:
    """Whether the applicant is asked: nothing is known, what is known is too old, or two say different things."""
    counts = one.counts(at) if one is not None else None
    return counts is None or not counts.is_valid(at) or (one is not None and one.is_conflict)


def valid_keys(facts: Mapping[str, Known], at: datetime) -> frozenset[str]:
    """What nobody is asked for."""
    return frozenset(key for key, one in facts.items() if not needs_answer(one, at))


def _plain(value: str) -> str:
    return " ".join(value.casefold().split())

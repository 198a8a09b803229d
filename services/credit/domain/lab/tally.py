"""What two policies make of cases, added up: as many numbers for a hundred cases as for a hundred thousand.

In whatever order and portions cases come, the sums are the same: a trial that was interrupted goes on and ends alike.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.credit.domain import underwriting
from services.credit.domain.underwriting import Kind, Policy, Tried
from services.credit.domain.underwriting.exact import EXACT
from services.credit.domain.underwriting.values import plain
from services.kernel.histories import Case

BEFORE, AFTER = "before", "after"
CHAMPION, CHALLENGER = "champion", "challenger"
GOOD, BAD, NONE = "good", "bad", "none"
KNOWN_FROM = 4  # settled invoices (RULES: behaviour leads)
_WORD_BUCKETS = 32
_CENT = Decimal("0.01")
_WORD = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}")
_NUMBER = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,18})?)(?: [A-Z]{3})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SEPARATOR = "\x1f"

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Which policy is compared with which, and from which day on it is judged."""

    challenger: Policy
    champion: Policy
    split: date


@dataclass(slots=True)
class Tally:
    """Counts and sums by name."""

    counts: Counter[Key] = field(default_factory=Counter)
    # In major units of the challenger's currency.
    sums: defaultdict[Key, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, other: "Tally") -> None:
        """Take another one's in."""
        self.counts.update(other.counts)
        for key, amount in other.sums.items():
            self.sums[key] = EXACT.add(self.sums[key], amount)

    def count(self, *key: str) -> int:
        """How many."""
        return self.counts[key]

    def sum(self, *key: str) -> Decimal:
        """How much."""
        return self.sums.get(key, Decimal(0))

    def under(self, *start: str) -> Iterator[tuple[Key, int]]:
        """What is counted below a name, sorted: the rest of its name, and how many."""
        for key in sorted(key for key in self.counts if key[: len(start)] == start):
            yield key[len(start) :], self.counts[key]

    def text(self) -> str:
        """All of it as text: the same is always the same text."""
        return json.dumps(
            {
                "counts": {_SEPARATOR.join(key): n for key, n in sorted(self.counts.items()) if n},
                "sums": {_SEPARATOR.join(key): plain(amount) for key, amount in sorted(self.sums.items())},
            },
            separators=(",", ":"),
        )

    @classmethod
    def of(cls, text: str) -> "Tally":
        """Read it again; of '' an empty one."""
        made = cls()
        if text:
            read = json.loads(text)
            made.counts.update({tuple(key.split(_SEPARATOR)): n for key, n in read["counts"].items()})
            made.sums.update({tuple(key.split(_SEPARATOR)): Decimal(amount) for key, amount in read["sums"].items()})
        return made


def try_on(trial: Trial, cases: Iterable[Case]) -> Tally:
    """What both policies make of these."""
    made = Tally()
    for case in cases:
        _One(trial, case, made).count()
    return made


class _One:
    """One case, and where it counts."""

    def __init__(self, trial: Trial, case: Case, tally: Tally) -> None:
        self._trial, self._case, self._tally = trial, case, tally
        self._fate = NONE if case.bad is None else BAD if case.bad else GOOD
        self._scale = trial.challenger.currencies.get(case.currency)

    def count(self) -> None:
        case, trial = self._case, self._trial
        is_before = case.decided_on < trial.split
        self._n("cases", BEFORE if is_before else AFTER, self._fate)
        self._facts()
        if is_before:
            bins = underwriting.bins_of_case(trial.challenger, case.facts, on=case.decided_on, currency=case.currency)
            self._bins(BEFORE, bins)
            return
        if self._scale is None:
            self._n("foreign")
        tried = {
            side: underwriting.attempt(policy, case.facts, case.known, on=case.decided_on, currency=case.currency)
            for side, policy in ((CHAMPION, trial.champion), (CHALLENGER, trial.challenger))
        }
        self._bins(AFTER, tried[CHALLENGER].bins)
        segments = list(self._segments())
        for segment in segments:
            self._n("segment", *segment, self._fate)
        for side, policy in ((CHAMPION, trial.champion), (CHALLENGER, trial.challenger)):
            self._side(side, policy, tried[side], segments)
        swap = {(True, True): "both", (False, True): "in", (True, False): "out", (False, False): "neither"}[
            tried[CHAMPION].lends, tried[CHALLENGER].lends
        ]
        self._n("swap", swap, self._fate)
        self._sum(case.drawn, "swap_drawn", swap)
        self._sum(case.lost, "swap_lost", swap)

    def _side(self, side: str, policy: Policy, tried: Tried, segments: list[Key]) -> None:
        case = self._case
        self._n("track", side, tried.track)
        self._n("answer", side, tried.outcome)
        for code in tried.reasons:
            self._n("reason", side, code)
        if case.bad is not None:
            self._n("score", side, plain(tried.pd), self._fate)
        if not tried.lends:
            return
        self._sum(tried.limit, "track_limit", side, tried.track)
        within = min(case.drawn, tried.limit)
        lost = EXACT.divide(EXACT.multiply(case.lost, within), case.drawn) if case.lost else Decimal(0)
        expected = EXACT.multiply(EXACT.multiply(tried.pd, policy.loss_given_default), within)
        for segment in segments:
            self._n("lends", side, *segment, self._fate)
            self._sum(tried.limit, "limit", side, *segment)
            self._sum(within, "drawn", side, *segment)
            self._sum(lost, "lost", side, *segment)
            if case.bad is not None:
                self._sum(expected, "expected", side, *segment)

    def _bins(self, period: str, bins: Iterable[tuple[str, str, int | None]]) -> None:
        for card, characteristic, at in bins:
            self._n("bin", card, characteristic, "unknown" if at is None else f"{at:03}", period)

    def _segments(self) -> Iterator[Key]:
        facts = self._case.facts
        yield ("all", "")
        country = facts.get("country", "")
        yield ("country", country if _COUNTRY.fullmatch(country) else "")
        for name in ("size", "sector"):
            kind = self._trial.challenger.facts.get(name)
            said = facts.get(name, "")
            is_word = said in kind.choices if kind is not None and kind.choices else _WORD.fullmatch(said)
            yield (name, said if is_word else "")
        settled = facts.get("settled_invoices", "")
        yield ("buyer", "known" if settled.isdecimal() and int(settled) >= KNOWN_FROM else "new")

    def _facts(self) -> None:
        """Each fact with what became of the case: by these what was written afterwards is found."""
        case = self._case
        for key, text in case.facts.items():
            self._n("known", key, self._fate)
            if case.bad is not None:
                kind = self._trial.challenger.facts.get(key)
                self._n("fact", key, _bucket(kind.kind if kind else None, text, case.decided_on), self._fate)
        for key in case.late:
            self._n("late", key)

    def _n(self, *key: str) -> None:
        self._tally.counts[key] += 1

    def _sum(self, amount: Decimal, *key: str) -> None:
        if self._scale is not None and amount:
            counted = EXACT.quantize(EXACT.divide(amount, self._scale), _CENT)
            self._tally.sums[key] = EXACT.add(self._tally.sums[key], counted)


def _bucket(kind: Kind | None, text: str, decided_on: date) -> str:
    """Where a value stands among the others: numbers and days by two digits, words in one of a few heaps."""
    if kind is not Kind.TEXT and (found := _NUMBER.fullmatch(text)):
        return f"n{Decimal(found[1]):.1e}"
    if _DAY.fullmatch(text):
        try:
            return f"n{Decimal((date.fromisoformat(text) - decided_on).days):.1e}"
        except ValueError:
            pass
    if text in {"true", "false"}:
        return f"w{text}"
    return f"w{hashlib.sha256(text.encode()).digest()[0] % _WORD_BUCKETS:02}"

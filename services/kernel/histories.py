"""Histories of credit decisions: what was known on the day of each, and what became of it; read from a file, checked."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.kernel.calendars import day
from services.kernel.money import Money, decimal, exponent
from services.kernel.refusals import Invalid, Refusal

FACTS_MAX = 100
VALUE_MAX = 200  # characters
COLUMNS = ("case_id", "decided_on", "currency", "drawn", "outcome_on", "bad", "lost")
_NEEDED = COLUMNS[:4]
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_ID = re.compile(r"(?!.*  ).{1,64}")
_SINCE = "@"  # "size@": the day on which the value of size was written
_BAD = {"": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Case:
    """A decision of the past."""

    case_id: str
    decided_on: date
    currency: str
    # By key, as text (the contract's Fact.value).
    facts: Mapping[str, str]
    # Facts of which only counts that they were known; None: nobody wrote that down, and they count as known.
    known: tuple[str, ...] | None
    # What was lent, in major units; zero where nothing was.
    drawn: Decimal
    # Whether it was not paid; None: declined, or too young to say. No outcome is inferred.
    bad: bool | None
    # Since when the outcome is known.
    outcome_on: date | None
    # Of what was lent, what is lost in the end; major units.
    lost: Decimal
    # Facts whose value was written only after the decision.
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineRefused:
    """A line of a history that is no case."""

    # From 1, the head of the table included.
    line: int
    code: str
    message: str


def check_case(case: Case) -> Case:
    """Refuse what cannot be so."""
    exponent(case.currency)
    for amount in (case.drawn, case.lost):
        if amount < 0 or Money.of(amount, case.currency).decimal != amount:
            raise Invalid("history.amount", f"an amount is not negative, and of whole minor units of {case.currency}")
    if case.lost > case.drawn:
        raise Invalid("history.amount", "no more is lost than was drawn")
    if (case.bad is None) is not (case.outcome_on is None):
        raise Invalid("history.outcome", "an outcome has its day, and a day its outcome")
    if case.outcome_on is not None and case.outcome_on < case.decided_on:
        raise Invalid("history.outcome", "the outcome is not known before the decision")
    if case.lost and case.bad is not True:
        raise Invalid("history.outcome", "only what went bad loses something")
    if len(case.facts) > FACTS_MAX:
        raise Invalid("history.facts", f"a case has at most {FACTS_MAX} facts")
    return case


def read_history(lines: Iterable[str]) -> Iterator[Case | LineRefused]:
    """Read a table with a head: case_id, decided_on, currency, drawn, outcome_on, bad, lost, and a column for each fact.

    An empty field is not known. `bad` is true, false or empty. A column `size@` says on which day the value of size was
    written. Each line is a case, or says why it is none; a head without the columns that are needed is refused.
    """
    rows = csv.reader(lines)
    try:
        head = [name.strip() for name in next(rows, [])]
    except csv.Error as broken:
        raise Invalid("history.head", f"the first line is no CSV: {broken}") from None
    if absent := [name for name in _NEEDED if name not in head]:
        raise Invalid("history.head", f"the first line names the columns: {', '.join(absent)} is not among them")
    if not all(_KEY.fullmatch(name.removesuffix(_SINCE)) for name in head):
        raise Invalid("history.head", "a column is called as its fact is: small letters, digits and _")
    if len(set(head)) < len(head):
        raise Invalid("history.head", "a column is there twice")
    seen: set[str] = set()
    while True:
        try:
            if (row := next(rows, None)) is None:
                return
            if any(row):
                yield _case(head, row, seen)
        except csv.Error as broken:
            yield LineRefused(rows.line_num, "history.line", f"the line is no CSV: {broken}")
        except Refusal as refused:
            yield LineRefused(rows.line_num, refused.code, refused.message)


def _case(head: Sequence[str], row: Sequence[str], seen: set[str]) -> Case:
    if len(row) != len(head):
        raise Invalid("history.line", f"{len(head)} fields are in a line, not {len(row)}")
    said = {name: text.strip() for name, text in zip(head, row, strict=True)}
    if not _ID.fullmatch(said["case_id"]) or not said["case_id"].isprintable():
        raise Invalid("history.line", "a case has an id, of at most 64 characters")
    if said["case_id"] in seen:
        raise Invalid("history.twice", "a line before has this id")
    seen.add(said["case_id"])
    if (bad := said.get("bad", "")) not in _BAD:
        raise Invalid("history.outcome", "bad is true, false or empty")
    decided_on = day(said["decided_on"], what="decided_on")
    facts = {name: text for name, text in said.items() if text and name not in COLUMNS and not name.endswith(_SINCE)}
    if long := next((name for name, text in facts.items() if len(text) > VALUE_MAX or not text.isprintable()), ""):
        raise Invalid("history.facts", f"{long} is not one line of at most {VALUE_MAX} characters")
    outcome_on = said.get("outcome_on", "")
    return check_case(
        Case(
            said["case_id"],
            decided_on,
            said["currency"],
            facts,
            None,
            decimal(said["drawn"] or "0", what="drawn"),
            _BAD[bad],
            day(outcome_on, what="outcome_on") if outcome_on else None,
            decimal(said.get("lost") or "0", what="lost"),
            tuple(
                name.removesuffix(_SINCE)
                for name, text in said.items()
                if name.endswith(_SINCE) and text and day(text, what=name) > decided_on
            ),
        )
    )

"""What it costs people to get somewhere, as far as threads tell: how often they write, again, and how long they wait."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

AGAIN_DAYS = 7  # within which a contact about the same is one too many


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a thread: what it is about ("dispute/d1"), when, and by which side."""

    about: str
    at: datetime
    by_buyer: bool


@dataclass(frozen=True, slots=True)
class Effort:
    """Of some things of a kind: how many, how often buyers wrote, how often again though they had an answer, and their wait."""

    cases: int = 0
    contacts: int = 0
    repeats: int = 0
    minutes_waited: int = 0


def of_threads(written: Iterable[Written], now: datetime) -> dict[str, Effort]:
    """The effort by kind of thing ("dispute")."""
    found: dict[str, Effort] = {}
    by_thing = sorted(written, key=lambda one: (one.about, one.at))
    for about, messages in groupby(by_thing, key=lambda one: one.about):
        kind = about.partition("/")[0]
        one, sum_ = _of_one(list(messages), now), found.get(kind, Effort())
        found[kind] = Effort(
            sum_.cases + one.cases,
            sum_.contacts + one.contacts,
            sum_.repeats + one.repeats,
            sum_.minutes_waited + one.minutes_waited,
        )
    return found


def _of_one(messages: list[Written], now: datetime) -> Effort:
    """What is written on before an answer is one contact; whoever still waits has waited until now."""
    effort = Effort(cases=1)
    waits: datetime | None = None
    last: datetime | None = None  # when the contact before began
    for one in messages:
        if not one.by_buyer:
            effort, waits = _waited(effort, waits, one.at), None
        elif waits is None:
            again = last is not None and one.at - last <= timedelta(days=AGAIN_DAYS)
            effort = replace(effort, contacts=effort.contacts + 1, repeats=effort.repeats + again)
            waits = last = one.at
    return _waited(effort, waits, now)


def _waited(effort: Effort, since: datetime | None, until: datetime) -> Effort:
    if since is None:
        return effort
    return replace(effort, minutes_waited=effort.minutes_waited + round((until - since).total_seconds() / 60))

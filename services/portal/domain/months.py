"""What was ordered, invoiced and paid, month by month."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

KINDS = ("ordered", "invoiced", "paid")


@dataclass(slots=True)
class Month:
    """A month ("2026-03") in minor units of one currency."""

    name: str
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def by_month(facts: Iterable[tuple[str, str, int]], most: int = 6) -> list[Month]:
    """Facts as (kind, ISO date, minor units), added up; the last months in which anything was, oldest first.

    Months between them in which nothing was are there too.
    """
    found: dict[str, Month] = {}
    for kind, day, minor in facts:
        name = day[:7]
        found.setdefault(name, Month(name)).sums[kind] += minor
    if not found:
        return []
    names = _until(max(found), most)
    first = next((at for at, name in enumerate(names) if name in found), 0)
    return [found.get(name) or Month(name) for name in names[first:]]


def after(day: str) -> str:
    """The month after that of a day."""
    count = int(day[:4]) * 12 + int(day[5:7])
    return f"{count // 12:04}-{count % 12 + 1:02}"


def since(months: Iterable[Month], name: str) -> list[Month]:
    """Those from a month on; all of them for ""."""
    return [month for month in months if month.name >= name]


def largest(months: Iterable[Month]) -> int:
    """The most of anything in a month, at least 1: what a chart is drawn against."""
    return max([1, *(minor for month in months for minor in month.sums.values())])


def ends(today: date, most: int = 6) -> list[tuple[str, datetime]]:
    """The last months with their last instants, oldest first; of this one, the end of today."""
    found = []
    for name in _until(today.isoformat()[:7], most):
        last = date.fromisoformat(f"{after(name)}-01") - timedelta(days=1)
        found.append((name, end_of(min(last, today))))
    return found


def start_of(day: date) -> datetime:
    """The first second of a day (UTC)."""
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    """The last second of a day (UTC)."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def _until(last: str, many: int) -> list[str]:
    count = int(last[:4]) * 12 + int(last[5:]) - 1
    return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(count - many + 1, count + 1)]

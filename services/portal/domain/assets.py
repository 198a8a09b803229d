"""What a buyer has from the seller: how old it is, and which cases are about it."""

from collections.abc import Collection
from datetime import date

MONTHS_OF = 60  # for so long months are said beside years


def age(since: date, today: date) -> tuple[tuple[int, str], ...]:
    """How old it is, in whole years and months, or in days while it is new; nothing before it is in service."""
    if since > today:
        return ()
    months = (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)
    if not months:
        return (((today - since).days, "day"),)
    years, rest = divmod(months, 12)
    parts = ((years, "year"), (rest if months < MONTHS_OF else 0, "month"))
    return tuple((n, unit) for n, unit in parts if n)


def is_about(disputed: Collection[str], lines: Collection[str]) -> bool:
    """Whether a case is about an asset, by the lines that it disputes (none: the whole invoice) and those for the asset."""
    return not disputed or not set(disputed).isdisjoint(lines)

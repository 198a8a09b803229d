"""What changes from one policy's text to another, line by line."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_AROUND = 3  # lines beside a change


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what changes."""

    # "+" comes, "-" goes, " " stays, "…" a part in between that stays is left out.
    mark: str
    text: str


def changes(before: str, after: str) -> list[Line]:
    """The lines that come and go, with a few around them; none, where nothing changes."""
    return list(_lines(before.splitlines(), after.splitlines()))


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    of_two_files = difflib.unified_diff(before, after, n=_AROUND, lineterm="")
    for line in islice(of_two_files, 2, None):  # after their names
        yield Line("…", "") if line.startswith("@@") else Line(line[0], line[1:])

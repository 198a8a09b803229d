"""What changes from one policy's text to another, line by line."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

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
    for line in difflib.unified_diff(before, after, n=_AROUND, lineterm=""):
        if line.startswith("@@"):
            yield Line("…", "")
        elif not line.startswith(("---", "+++")):
            yield Line(line[0], line[1:])

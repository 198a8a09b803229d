"""What changes from one policy's text to another, line by line, and what a mistake in one is about."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_AROUND = 3  # lines beside a change
# What a mistake's words take from the text: what they quote, how a thing is called, a number.
_FIGURE = re.compile(
    r"'([^']*)'|\b([a-z]+(?:_[a-z0-9]+)+|[0-9]+(?:\.[0-9]+)?)\b|^([a-z]+)(?= is missing| stands here| is no |:)"
)
_NEAREST = re.compile(r"; did you mean (\S+)\?$")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a mistake is about, in any language."""

    # As the text has them, in the order in which the words name them.
    named: tuple[str, ...]
    # What was meant perhaps, or "".
    nearest: str


def figures(message: str) -> Figures:
    """What the words of a mistake (English) are about."""
    nearest = _NEAREST.search(message)
    said = message[: nearest.start()] if nearest else message
    named = dict.fromkeys(next(filter(None, found), "") for found in _FIGURE.findall(said))
    return Figures(tuple(filter(None, named)), nearest[1] if nearest else "")


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

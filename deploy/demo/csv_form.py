"""How an outside file is written: separator, decimal sign, order of a date, encoding; recognised, or said by its owner."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


class UnusableFileError(Exception):
    """The file as a whole is not what it is said to be."""


class Decimals(StrEnum):
    """Which sign stands before the decimals."""

    POINT = "point"
    COMMA = "comma"


class Dates(StrEnum):
    """In which order a date names its parts."""

    ISO = "iso"
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


ORDERS = (Dates.ISO, Dates.MONTH_FIRST, Dates.DAY_FIRST)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner says of the file; None: to be recognised."""

    separator: str | None = None
    decimals: Decimals | None = None
    dates: Dates | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is read."""

    separator: str
    decimals: Decimals
    dates: Dates
    encoding: str
    # What was not certain, in words.
    doubts: tuple[str, ...] = ()

    def number(self, text: str) -> Decimal | None:
        """A number as the file writes it, with or without a mark of thousands; None if it is none."""
        return _number(text, self.decimals)

    def instant(self, text: str) -> datetime | None:
        """A date with or without a time, taken as UTC, of the years 2000 to 2099; None if it is none."""
        return _instant(text, self.dates)

    def fields(self, line: str) -> list[str] | None:
        """The fields of one line, which stands for itself; None if a quote in it is not closed."""
        return _fields(line, self.separator)

    def __str__(self) -> str:
        """For the summary."""
        return (
            f"{SEPARATORS[self.separator]}-separated, decimal {self.decimals}, dates {self.dates}, {self.encoding}"
            + "".join(f"; {doubt}" for doubt in self.doubts)
        )


def text_of(file: Path) -> tuple[str, str]:
    """A file's text, and its encoding: UTF-8, else what spreadsheets of the West write, in which every byte means something."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UnusableFileError(f"{file} cannot be read: {error.strerror}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError:
            return content.decode("latin-1"), "Latin-1"
    try:
        return content.decode("utf-8-sig"), "UTF-8 with a mark" if content.startswith(b"\xef\xbb\xbf") else "UTF-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def separator_of(header: str, needed: Sequence[str], wish: str | None) -> str:
    """The separator by which the first line has the most of the needed columns."""
    if wish is not None:
        return wish
    return max(SEPARATORS, key=lambda one: len(set(needed) & set(names_of(header, one))))


def names_of(header: str, separator: str) -> list[str]:
    """The columns that the first line names."""
    return [name.strip() for name in _fields(header, separator) or []]


def recognise(encoding: str, separator: str, numbers: Iterable[str], dates: Iterable[str], wish: Wish) -> Form:
    """Say how numbers and dates are written: as most of them can be read; where two ways do, the point and the month."""
    decimals, unsure = (wish.decimals, False) if wish.decimals else _best(list(numbers), list(Decimals), _number)
    order, unordered = (wish.dates, False) if wish.dates else _best(list(dates), ORDERS, _instant)
    doubts = [
        *([f"decimal {decimals} is taken, numbers could be read otherwise (--decimals)"] if unsure else []),
        *([f"dates {order} are taken, they could be read otherwise (--dates)"] if unordered else []),
    ]
    return Form(separator, decimals, order, encoding, tuple(doubts))


def _best(found: Sequence[str], ways: Sequence[K], read: Callable[[str, K], object]) -> tuple[K, bool]:
    """The way that reads the most, the first of several; and whether another reads as much, and something else."""
    counts = Counter({way: sum(read(text, way) is not None for text in found) for way in ways})
    most = max(counts.values())
    best, *others = [way for way in ways if counts[way] == most]
    return best, any(read(text, best) != read(text, other) for other in others for text in found)


def _fields(line: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), None)
    except csv.Error:
        return None


_PLAIN = {sign: re.compile(rf"[+-]?[0-9]{{1,15}}(\{sign}[0-9]{{1,9}})?") for sign in ".,"}
_GROUPED = {
    ".": re.compile(r"[+-]?[0-9]{1,3}([,'\u2019 \u00a0\u202f][0-9]{3}){1,4}(\.[0-9]{1,9})?"),
    ",": re.compile(r"[+-]?[0-9]{1,3}([.'\u2019 \u00a0\u202f][0-9]{3}){1,4}(,[0-9]{1,9})?"),
}


def _number(text: str, decimals: Decimals) -> Decimal | None:
    sign = "." if decimals is Decimals.POINT else ","
    written = text.strip()
    if not _PLAIN[sign].fullmatch(written) and not _GROUPED[sign].fullmatch(written):
        return None
    return Decimal(re.sub(rf"[^0-9{sign}+-]", "", written).replace(",", "."))


_TIME = r"(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|\+00:00)?)?"
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _TIME, re.ASCII)
_SLASHES = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{2}|\d{4})" + _TIME, re.ASCII)


def _instant(text: str, order: Dates) -> datetime | None:
    written = text.strip()
    if order is Dates.ISO:
        if (match := _ISO.fullmatch(written)) is None:
            return None
        year, month, day, *clock = match.groups()
    else:
        if (match := _SLASHES.fullmatch(written)) is None:
            return None
        first, sign, second, year, *clock = match.groups()
        if sign == "." and order is Dates.MONTH_FIRST:
            return None  # nobody writes so
        month, day = (first, second) if order is Dates.MONTH_FIRST else (second, first)
    hour, minute, second_ = (int(part or 0) for part in clock)
    try:
        found = datetime(
            int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day), hour, minute, second_, tzinfo=UTC
        )
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None

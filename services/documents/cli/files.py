"""Reads files from anywhere, within bounds, and makes what they say fit for a terminal."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from services.documents.formats import named, recognise
from services.documents.formats.values import unreadable
from services.documents.model import Invoice
from services.documents.safe import SIZE_MAX

_SUFFIXES = frozenset({".xml", ".json", ".pdf"})
# Control characters would speak to the terminal, and marks of direction would show text in another order.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class CannotReadError(Exception):
    """A file that is not there, or not ours to read."""


def load(file: Path) -> bytes:
    """The bytes of a file; refuse one that is too large to be held, before it is read."""
    try:
        if not file.is_file():
            raise CannotReadError(f"{file}: there is no such file")
        with file.open("rb") as opened:
            data = opened.read(SIZE_MAX + 1)
    except OSError as error:
        raise CannotReadError(f"{file}: {error.strerror}") from None
    if len(data) > SIZE_MAX:
        raise unreadable(f"the file is larger than {SIZE_MAX >> 20} MiB")
    return data


def read(file: Path) -> tuple[str, Invoice]:
    """The format of a file, known by its content, and the invoice that it holds."""
    data = load(file)
    format_ = recognise(data)
    return format_, named(format_).read(data)


def found(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, and the invoices of the folders: what ends in .xml, .json or .pdf, however deep."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in _SUFFIXES and each.is_file())
        else:
            yield path


def fit(text: str) -> str:
    """A text that a terminal only shows."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)

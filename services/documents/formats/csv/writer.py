"""Writes an invoice as a table for spreadsheets and small systems (RFC 4180, UTF-8)."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.documents.formats.values import places_of, plain
from services.documents.model import Invoice, InvoiceLine
from services.documents.model.shape import shapes

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins so
_LINE = re.compile(r"BG-25\[\d+\]/")


@dataclass(frozen=True, slots=True)
class _Column:
    path: tuple[str, ...]
    number: str
    is_amount: bool

    @property
    def title(self) -> str:
        return f"{'.'.join(self.path)} ({self.number})"


def write(invoice: Invoice) -> bytes:
    """Write a row of titles, then a row for each line; what may stand many times in a document has no column."""
    table = io.StringIO(newline="")
    rows = csv.writer(table)
    rows.writerow([column.title for column in (*_DOCUMENT, *(_of_line(column) for column in _OF_LINE))])
    places = places_of(invoice.currency)
    own = [_cell(invoice, column, places) for column in _DOCUMENT]
    for line in invoice.lines:
        rows.writerow([*own, *(_cell(line, column, places) for column in _OF_LINE)])
    return table.getvalue().encode()


def is_held(path: str) -> bool:
    """Whether the value at a place, such as `BG-25[2]/BT-131`, has a column: whether it stands once."""
    return "[" not in _LINE.sub("", path, count=1)


def _columns(cls: type[Any], path: tuple[str, ...] = (), group: str = "") -> Iterator[_Column]:
    """The terms of a group that stand once, those of its own groups too."""
    uses: tuple[str, ...] = getattr(cls, "GROUPS", ())
    use = uses.index(group) if group in uses else 0
    for name, shape in shapes(cls).items():
        number = shape.numbers[min(use, len(shape.numbers) - 1)]
        if shape.is_many:
            continue
        if not shape.is_group:
            yield _Column((*path, name), number if number.startswith("BT-") else f"{group} {number}", shape.is_amount)
        else:
            yield from _columns(shape.kind, (*path, name), number)


_DOCUMENT = tuple(_columns(Invoice))
_OF_LINE = tuple(_columns(InvoiceLine))


def _of_line(column: _Column) -> _Column:
    return _Column(("line", *column.path), column.number, column.is_amount)


def _cell(group: Any, column: _Column, places: int) -> str:
    value = group
    for name in column.path:
        if value is None:
            return ""
        value = getattr(value, name)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value, places if column.is_amount else 0)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text

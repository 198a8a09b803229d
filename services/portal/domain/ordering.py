"""An order as a buyer writes it: lines typed or from a file, what is wrong with each, and what they come to."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal

LINES_MAX = 300  # of an order that is written by hand, or comes as a file
FILE_MAX = 1_000_000  # bytes
COLUMNS = ("sku", "name", "quantity", "unit_price", "asset_id")
_SEPARATORS = ";\t,"


@dataclass(frozen=True, slots=True)
class Typed:
    """A line as it was typed."""

    sku: str = ""
    name: str = ""
    quantity: str = ""
    unit_price: str = ""
    # What it is for.
    asset_id: str = ""

    @property
    def is_empty(self) -> bool:
        """Nothing was typed in it."""
        return not (self.sku or self.name or self.quantity or self.unit_price or self.asset_id)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that makes sense."""

    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    net: Money
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line, by its place from 1."""

    row: int
    code: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What an order comes to."""

    net: Money
    tax: Money
    gross: Money


def read(typed: Sequence[Typed], currency: str, number: Callable[[str], Decimal]) -> tuple[list[Line], list[Wrong]]:
    """The lines that make sense, and what is wrong with the others; empty ones are neither. `number` reads numbers."""
    lines: list[Line] = []
    wrong: list[Wrong] = []
    for row, one in enumerate(typed, 1):
        if one.is_empty:
            continue
        try:
            lines.append(_line(one, currency, number))
        except Refusal as refused:
            wrong.append(Wrong(row, refused.code))
    return lines, wrong


def _line(typed: Typed, currency: str, number: Callable[[str], Decimal]) -> Line:
    if not typed.name:
        raise Invalid("order_line.name", "a line says what is ordered")
    try:
        quantity = number(typed.quantity)
    except Invalid:
        raise Invalid("order_line.quantity", "that is no quantity") from None
    try:
        price = number(typed.unit_price)
    except Invalid:
        raise Invalid("order_line.price", "that is no price") from None
    if quantity <= 0:
        raise Invalid("order_line.quantity", "a quantity is more than nothing")
    if price < 0:
        raise Invalid("order_line.price", "a price is not less than nothing")
    return Line(typed.sku, typed.name, quantity, price, Money.of(quantity * price, currency), typed.asset_id)


def totals(lines: Sequence[Line], rate: Decimal, currency: str) -> Totals:
    """Net, tax at this rate in percent, rounded once (EN 16931, BR-CO-17), and gross."""
    net = Money.total((line.net for line in lines), currency).checked()
    tax = Money.of(net.decimal * rate / 100, currency)
    return Totals(net, tax, (net + tax).checked())


def of_file(content: bytes) -> list[Typed]:
    """The lines of a CSV file: with a head of sku, name, quantity, unit_price and perhaps asset_id in any order, or these in
    this order.

    Separated by semicolons, tabs or commas, whichever the first line has. Raises Invalid for what is no such file.
    """
    if len(content) > FILE_MAX:
        raise Invalid("order_file.too_large", "a file of orders has at most 1 MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("order_file.no_text", "the file is no text in UTF-8") from None
    first = text.lstrip().partition("\n")[0]
    separator = next((one for one in _SEPARATORS if one in first), ";")
    try:
        rows = [
            row for row in csv.reader(text.splitlines(), delimiter=separator, strict=True) if any(map(str.strip, row))
        ]
    except csv.Error:
        raise Invalid("order_file.no_csv", "the file is no CSV") from None
    if not rows:
        raise Invalid("order_file.empty", "the file has no line")
    head = [cell.strip().lower().replace(" ", "_") for cell in rows[0]]
    columns: Sequence[str] = COLUMNS
    if "quantity" in head:
        columns, rows = head, rows[1:]
    if len(rows) > LINES_MAX:
        raise Invalid("order_file.too_many", f"a file of orders has at most {LINES_MAX} lines")
    return [_typed(dict(zip(columns, map(str.strip, row), strict=False))) for row in rows]


def _typed(said: dict[str, str]) -> Typed:
    return Typed(*(said.get(column, "")[:200] for column in COLUMNS))

"""A seller's files of buyers and of people: read line by line, each line judged by itself."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.kernel.money import decimal, exponent
from services.kernel.refusals import Invalid, Refusal, quoted

BUYER = (
    "account",
    "name",
    "vat_id",
    "legal_id",
    "street",
    "post_code",
    "city",
    "region",
    "country",
    "electronic_address",
    "electronic_address_scheme",
    "currency",
    "limit",
    "net_days",
    "invoice_on",
    "buyer_reference",
    "profile",
    "format",
    "language",
)
CONTACT = ("account", "email", "name", "roles", "language", "site", "cost_centre", "purchase_order", "wants_document")
NEEDED: Mapping[tuple[str, ...], frozenset[str]] = {
    BUYER: frozenset({"account", "name", "country", "currency", "limit"}),
    CONTACT: frozenset({"account", "email", "roles"}),
}
LINES_MAX = 500  # of a file
FILE_MAX = 2**20  # bytes
NET_DAYS = 30  # where a line says nothing
_NET_DAYS_MAX = 365


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: what it says by name, or why it says nothing."""

    nth: int
    said: Mapping[str, str]
    refusal: Refusal | None = None

    def get(self, name: str) -> str:
        """What stands under a name; "" where nothing does."""
        return self.said.get(name, "")


def read(content: bytes, names: tuple[str, ...]) -> list[Line]:
    """The lines below a head of such names, in any order; refuse a file that cannot be read as a whole."""
    if len(content) > FILE_MAX:
        raise Invalid("file.too_large", "the file is larger than 1 MB: send it in parts")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("file.not_utf8", "the file is no text in UTF-8: save it as CSV UTF-8") from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error:
        raise Invalid("file.no_table", "the file is no table: a quotation mark is not closed") from None
    head = [name.strip().casefold() for name in rows[0]] if rows else []
    if unknown := [name for name in head if name not in names]:
        raise Invalid("file.column_unknown", f"no column is called {quoted(unknown[0])}: {', '.join(names)} are known")
    if len(set(head)) < len(head):
        raise Invalid("file.column_twice", "a column is there twice")
    if missing := sorted(NEEDED[names] - set(head)):
        raise Invalid("file.column_missing", f"the first line lacks {', '.join(missing)}")
    lines = list(_lines(head, rows[1:]))
    if not lines:
        raise Invalid("file.empty", "the file has no line below its head")
    if len(lines) > LINES_MAX:
        raise Invalid("file.too_long", f"the file has more than {LINES_MAX} lines: send it in parts")
    return lines


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(";,\t", key=head.count)


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    for nth, row in enumerate(rows, 1):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(head):
            yield Line(nth, {}, Invalid("line.cells", f"the line has {len(row)} cells, its head {len(head)}"))
        else:
            yield Line(nth, {name: cell.strip() for name, cell in zip(head, row, strict=True)})


def plain_amount(line: Line, name: str, currency: str) -> Decimal:
    """An amount of a file, a plain decimal ("1500.00"), zero or more, with no more decimals than its currency has."""
    exact = decimal(line.get(name), what=name)
    if exact < 0 or exact != round(exact, exponent(currency)):
        raise Invalid("line.amount", f"{name} is no amount in {currency}: {quoted(line.get(name))}")
    return exact


def net_days(text: str) -> int:
    """Days within which a buyer pays."""
    if not text:
        return NET_DAYS
    if not text.isascii() or not text.isdigit() or int(text[:9]) > _NET_DAYS_MAX:
        raise Invalid("line.net_days", f"net_days is no number of days up to {_NET_DAYS_MAX}: {quoted(text)}")
    return int(text)


def yes(text: str) -> bool:
    """Whether a cell says yes."""
    return text.casefold() in {"1", "yes", "true", "x", "ja", "oui"}

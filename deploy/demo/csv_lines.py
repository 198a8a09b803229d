"""Reads order lines and buyers from an outside CSV file, trusting nothing in it: each line is read or refused."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from babel import Locale
from receivables.common.v1 import party_pb2

from deploy.demo.sample import Buyer
from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal

ORDER_COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
BUYER_COLUMNS = ("id", "name", "country", "vat_id", "currency", "limit", "email")
CURRENCY = "GBP"  # of a buyer of whom nothing is known
LIMIT = Decimal(10_000)  # the same
NAME_MAX = 100  # characters of a description that reach an invoice

_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|20\d{2}) (\d{1,2}):(\d{2})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
# Names that CLDR does not know, as traders write them. The Channel Islands are two territories; most trade is Jersey's.
_TERRITORIES = {
    name.casefold(): code for code, name in Locale("en").territories.items() if re.fullmatch("[A-Z]{2}", code)
} | {
    "eire": "IE",
    "usa": "US",
    "uk": "GB",
    "rsa": "ZA",
    "czech republic": "CZ",
    "hong kong": "HK",
    "channel islands": "JE",
    "korea": "KR",
}


class UnusableFileError(Exception):
    """The file as a whole is not what it is said to be."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A line of the file that makes sense; below zero it is a return."""

    line: int
    order_id: str
    sku: str
    name: str
    quantity: Decimal
    at: datetime
    price: Decimal
    account: str
    country: str

    @property
    def is_return(self) -> bool:
        """Whether goods came back."""
        return self.quantity < 0


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line that makes no sense, with as much of it as can be shown, and why."""

    line: int
    order_id: str
    sku: str
    code: str


@dataclass(frozen=True, slots=True)
class CsvBuyer:
    """A buyer, and where its invoices go; without an address nobody is told."""

    buyer: Buyer
    email: str


def read_orders(file: Path) -> list[OrderRow | RefusedRow]:
    """Every line below the header, in the order of the file; raises UnusableFileError without the columns."""
    return [_order_row(number, fields) for number, fields in _records(file, ORDER_COLUMNS)]


def read_buyers(file: Path, tenant: str) -> dict[str, CsvBuyer | RefusedRow]:
    """Each buyer by its id, or why it cannot be registered; raises UnusableFileError without the columns."""
    found: dict[str, CsvBuyer | RefusedRow] = {}
    for number, fields in _records(file, BUYER_COLUMNS):
        account = fields["id"] if fields else ""
        found.setdefault(account, _buyer(number, fields, tenant))
    return found


def buyer_named(row: OrderRow, tenant: str) -> CsvBuyer:
    """A buyer of whom only the order line is known."""
    company = party_pb2.Company(name=f"Customer {row.account}", address=party_pb2.Address(country=row.country))
    return CsvBuyer(Buyer(tenant, row.account, company, CURRENCY, LIMIT), "")


def country_code(name: str) -> str:
    """ISO 3166-1 of a country's English name or code; refuses what is neither."""
    if re.fullmatch("[A-Z]{2}", name) and name in Locale("en").territories:
        return name
    if (code := _TERRITORIES.get(name.strip().casefold())) is None:
        raise Invalid("country_unknown", f"{name[:40]!r} is no country")
    return str(code)


def _records(file: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    """Each line that is not empty, with its number in the file; None where it does not have the header's fields.

    Every line stands for itself: a quote that is never closed spoils one line and does not swallow the rest.
    """
    lines = _text(file).split("\n")
    header = _fields(lines[0].removesuffix("\r")) or []
    names = [name.strip() for name in header]
    if missing := [name for name in columns if name not in names]:
        raise UnusableFileError(f"{file} lacks the columns {', '.join(missing)} in its first line")
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            fields = _fields(line.removesuffix("\r"))
            yield number, dict(zip(names, fields, strict=True)) if fields and len(fields) == len(names) else None


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UnusableFileError(f"{file} cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # what spreadsheets of the West write; every byte means something


def _fields(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), None)
    except csv.Error:
        return None


def _order_row(number: int, fields: Mapping[str, str] | None) -> OrderRow | RefusedRow:
    if fields is None:
        return RefusedRow(number, "", "", "line_malformed")
    order_id, sku = fields["InvoiceNo"].strip(), fields["StockCode"].strip()
    try:
        return OrderRow(
            line=number,
            order_id=_matching(_ID, order_id, "number_malformed"),
            sku=_item(sku),
            name=_clean(fields["Description"])[:NAME_MAX] or sku,
            quantity=_quantity(fields["Quantity"]),
            at=_instant(fields["InvoiceDate"]),
            price=_price(fields["UnitPrice"]),
            account=_account(fields["CustomerID"].strip()),
            country=country_code(fields["Country"]),
        )
    except Refusal as refusal:
        return RefusedRow(number, _clean(order_id)[:40], _clean(sku)[:40], refusal.code)


def _buyer(number: int, fields: Mapping[str, str] | None, tenant: str) -> CsvBuyer | RefusedRow:
    if fields is None:
        return RefusedRow(number, "", "", "line_malformed")
    try:
        limit = Decimal(_matching(_NUMBER, fields["limit"].strip(), "limit_malformed"))
        currency = fields["currency"].strip() or CURRENCY
        Money.of(limit, currency)
        company = party_pb2.Company(
            name=_clean(fields["name"]) or f"Customer {fields['id']}",
            vat_id=_clean(fields["vat_id"]).replace(" ", ""),
            address=party_pb2.Address(country=country_code(fields["country"])),
        )
        buyer = Buyer(tenant, _account(fields["id"].strip()), company, currency, limit)
        return CsvBuyer(buyer, _clean(fields["email"]))
    except Refusal as refusal:
        return RefusedRow(number, "", "", refusal.code)


def _matching(pattern: re.Pattern[str], text: str, code: str) -> str:
    if not pattern.fullmatch(text):
        raise Invalid(code, f"{text[:40]!r}")
    return text


def _item(text: str) -> str:
    if not text or len(text) > 40 or _CONTROL.search(text):
        raise Invalid("item_malformed", f"{text[:40]!r}")
    return text


def _account(text: str) -> str:
    if not text:
        raise Invalid("buyer_missing", "a line without a buyer")
    return _matching(_ID, text, "buyer_malformed")


def _quantity(text: str) -> Decimal:
    quantity = Decimal(_matching(_NUMBER, text.strip(), "quantity_malformed"))
    if not quantity:
        raise Invalid("quantity_zero", "nothing was ordered")
    return quantity


def _price(text: str) -> Decimal:
    price = Decimal(_matching(_NUMBER, text.strip(), "price_malformed"))
    if price < 0:
        raise Invalid("price_negative", f"{price}")
    return price


def _instant(text: str) -> datetime:
    """Month, day, year, as the file has them; taken as UTC."""
    try:
        if (match := _DATE.fullmatch(text.strip())) is None:
            raise ValueError
        month, day, year, hour, minute = map(int, match.groups())
        return datetime(year if year > 99 else 2000 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        raise Invalid("date_malformed", f"{text[:40]!r}") from None


def _clean(text: str) -> str:
    """Text as an XML document can hold it."""
    return " ".join(_CONTROL.sub(" ", text).split())

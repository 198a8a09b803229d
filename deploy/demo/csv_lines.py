"""Reads order lines and buyers from an outside CSV file, trusting nothing in it: each line is read or refused."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from babel import Locale
from receivables.common.v1 import party_pb2

from deploy.demo.csv_form import (
    Dates,
    Decimals,
    Form,
    UnusableFileError,
    Wish,
    names_of,
    recognise,
    separator_of,
    text_of,
)
from deploy.demo.sample import Buyer
from services.kernel.countries import COUNTRIES
from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal

T = TypeVar("T")

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
NO_WISH = Wish()
NAME_MAX = 100  # characters of a description that reach an invoice

_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
# Names that CLDR does not know, as traders write them. The Channel Islands are two territories; most trade is Jersey's.
_TERRITORIES = {name.casefold(): code for code, name in Locale("en").territories.items() if code in COUNTRIES} | {
    "eire": "IE",
    "usa": "US",
    "uk": "GB",
    "rsa": "ZA",
    "czech republic": "CZ",
    "hong kong": "HK",
    "channel islands": "JE",
    "korea": "KR",
}


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
    # ISO 3166-1; empty for a buyer who is named elsewhere.
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


@dataclass(frozen=True, slots=True)
class OrderFile:
    """The lines of a file of orders, in its order, and how it was read."""

    rows: list[OrderRow | RefusedRow]
    form: Form


def read_orders(file: Path, wish: Wish = NO_WISH, named: Collection[str] = ()) -> OrderFile:
    """Every line below the header; raises UnusableFileError without the columns.

    Of buyers who are `named` already, the country that the line says does not count.
    """
    optional = ("Country",) if named else ()
    table = _table(
        file, ORDER_COLUMNS, wish, numbers=("Quantity", "UnitPrice"), dates=("InvoiceDate",), optional=optional
    )
    return OrderFile([_order_row(number, fields, table.form, named) for number, fields in table.lines], table.form)


def read_buyers(file: Path, tenant: str, wish: Wish = NO_WISH) -> dict[str, CsvBuyer | RefusedRow]:
    """Each buyer by its id, or why it cannot be registered; raises UnusableFileError without the columns."""
    found: dict[str, CsvBuyer | RefusedRow] = {}
    table = _table(file, BUYER_COLUMNS, wish, numbers=("limit",))
    for number, fields in table.lines:
        account = fields["id"].strip() if fields else ""
        found.setdefault(account, _buyer(number, fields, tenant, table.form))
    return found


def buyer_named(row: OrderRow, tenant: str) -> CsvBuyer:
    """A buyer of whom only the order line is known."""
    company = party_pb2.Company(name=f"Customer {row.account}", address=party_pb2.Address(country=row.country))
    return CsvBuyer(Buyer(tenant, row.account, company, CURRENCY, LIMIT), "")


def country_code(name: str) -> str:
    """ISO 3166-1 of a country's English name or code; refuses what is neither."""
    if name in COUNTRIES:
        return name
    if (code := _TERRITORIES.get(name.strip().casefold())) is None:
        raise Invalid("country_unknown", f"{name[:40]!r} is no country")
    return str(code)


@dataclass(frozen=True, slots=True)
class _Table:
    """Each line that is not empty, with its number in the file; None where it does not have the header's fields.

    Every line stands for itself: a quote that is never closed spoils one line and does not swallow the rest.
    """

    form: Form
    lines: list[tuple[int, Mapping[str, str] | None]]


def _table(
    file: Path,
    columns: Sequence[str],
    wish: Wish,
    *,
    numbers: Sequence[str],
    dates: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> _Table:
    text, encoding = text_of(file)
    first, *rest = [line.removesuffix("\r") for line in text.split("\n")]
    separator = separator_of(first, columns, wish.separator)
    names = names_of(first, separator)
    if missing := [name for name in columns if name not in names and name not in optional]:
        raise UnusableFileError(f"{file} lacks the columns {', '.join(missing)} in its first line")
    absent = dict.fromkeys(set(columns) - set(names), "")
    draft = Form(separator, Decimals.POINT, Dates.ISO, encoding)
    lines: list[tuple[int, Mapping[str, str] | None]] = []
    for number, line in enumerate(rest, 2):
        if line.strip():
            fields = draft.fields(line)
            whole = fields is not None and len(fields) == len(names)
            lines.append((number, dict(zip(names, fields, strict=True)) | absent if fields and whole else None))
    read = [fields for _, fields in lines if fields]
    form = recognise(
        encoding,
        separator,
        (fields[name] for fields in read for name in numbers),
        (fields[name] for fields in read for name in dates),
        wish,
    )
    return _Table(form, lines)


def _order_row(
    number: int, fields: Mapping[str, str] | None, form: Form, named: Collection[str]
) -> OrderRow | RefusedRow:
    if fields is None:
        return RefusedRow(number, "", "", "line_malformed")
    order_id, sku = fields["InvoiceNo"].strip(), fields["StockCode"].strip()
    try:
        account = _account(fields["CustomerID"].strip())
        return OrderRow(
            line=number,
            order_id=_matching(_ID, order_id, "number_malformed"),
            sku=_item(sku),
            name=_clean(fields["Description"])[:NAME_MAX] or sku,
            quantity=_quantity(form.number(fields["Quantity"]), fields["Quantity"]),
            at=_given(form.instant(fields["InvoiceDate"]), "date_malformed", fields["InvoiceDate"]),
            price=_price(form.number(fields["UnitPrice"]), fields["UnitPrice"]),
            account=account,
            country="" if account in named else country_code(fields["Country"]),
        )
    except Refusal as refusal:
        return RefusedRow(number, _clean(order_id)[:40], _clean(sku)[:40], refusal.code)


def _buyer(number: int, fields: Mapping[str, str] | None, tenant: str, form: Form) -> CsvBuyer | RefusedRow:
    if fields is None:
        return RefusedRow(number, "", "", "line_malformed")
    try:
        limit = _given(form.number(fields["limit"]), "limit_malformed", fields["limit"])
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


def _quantity(quantity: Decimal | None, text: str) -> Decimal:
    if not (read := _given(quantity, "quantity_malformed", text)):
        raise Invalid("quantity_zero", "nothing was ordered")
    return read


def _price(price: Decimal | None, text: str) -> Decimal:
    if (read := _given(price, "price_malformed", text)) < 0:
        raise Invalid("price_negative", f"{read}")
    return read


def _given(value: T | None, code: str, text: str) -> T:
    if value is None:
        raise Invalid(code, f"{text[:40]!r}")
    return value


def _clean(text: str) -> str:
    """Text as an XML document can hold it."""
    return " ".join(_CONTROL.sub(" ", text).split())

"""An outside file is read line by line, and nothing in it is trusted."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.csv_form import Dates, Decimals, UnusableFileError, Wish
from deploy.demo.csv_lines import (
    ORDER_COLUMNS,
    CsvBuyer,
    OrderRow,
    RefusedRow,
    country_code,
    read_buyers,
    read_orders,
)
from services.kernel.refusals import Invalid

HEADER = ",".join(ORDER_COLUMNS)
GOOD = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE HANGING HEART",
    "Quantity": "6",
    "InvoiceDate": "12/1/10 8:26",
    "UnitPrice": "2.55",
    "CustomerID": "17850",
    "Country": "United Kingdom",
}


def a_line(**changes: str) -> str:
    return ",".join((GOOD | changes).values())


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def codes(file: Path, *lines: str) -> list[str]:
    """What each line is refused with; empty if it is read."""
    file.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    return [row.code if isinstance(row, RefusedRow) else "" for row in read_orders(file).rows]


def test_a_line_is_read_with_its_number_in_the_file(orders: Path) -> None:
    orders.write_text(f"{HEADER}\n\n{a_line()}\n", encoding="utf-8")

    [row] = read_orders(orders).rows

    assert isinstance(row, OrderRow)
    assert (row.line, row.order_id, row.quantity, row.price) == (3, "536365", Decimal(6), Decimal("2.55"))
    assert (row.at.isoformat(), row.country) == ("2010-12-01T08:26:00+00:00", "GB")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"CustomerID": ""}, "buyer_missing"),
        ({"CustomerID": "../etc"}, "buyer_malformed"),
        ({"InvoiceNo": ""}, "number_malformed"),
        ({"InvoiceNo": "5" * 41}, "number_malformed"),
        ({"StockCode": ""}, "item_malformed"),
        ({"StockCode": "a\x00b"}, "item_malformed"),
        ({"Quantity": "0"}, "quantity_zero"),
        ({"Quantity": "many"}, "quantity_malformed"),
        ({"Quantity": "1e9"}, "quantity_malformed"),
        ({"Quantity": "9" * 400}, "quantity_malformed"),
        ({"Quantity": "١٢"}, "quantity_malformed"),
        ({"UnitPrice": "NaN"}, "price_malformed"),
        ({"UnitPrice": "Infinity"}, "price_malformed"),
        ({"UnitPrice": ""}, "price_malformed"),
        ({"UnitPrice": "-11062.06"}, "price_negative"),
        ({"InvoiceDate": "13/13/10 8:26"}, "date_malformed"),
        ({"InvoiceDate": "2/30/10 8:26"}, "date_malformed"),
        ({"InvoiceDate": "1/1/9999 0:00"}, "date_malformed"),
        ({"InvoiceDate": "yesterday"}, "date_malformed"),
        ({"Country": "Atlantis"}, "country_unknown"),
        ({"Country": ""}, "country_unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_code(orders: Path, change: dict[str, str], code: str) -> None:
    assert codes(orders, a_line(**change), a_line()) == [code, ""]


def test_a_quote_that_is_not_closed_spoils_its_own_line_alone(orders: Path) -> None:
    assert codes(orders, a_line(Description='"HEART'), a_line(), a_line(Description='"A ""HEART"""')) == [
        "line_malformed",
        "",
        "",
    ]


def test_too_many_and_too_few_fields_are_refused(orders: Path) -> None:
    assert codes(orders, a_line() + ",more", "536365,85123A") == ["line_malformed", "line_malformed"]


def test_bytes_that_are_no_utf_8_are_read_as_latin_1(orders: Path) -> None:
    orders.write_bytes(f"{HEADER}\r\n{a_line(Description='£1 CAFÉ')}\r\n".encode("latin-1"))

    [row] = read_orders(orders).rows

    assert isinstance(row, OrderRow)
    assert row.name == "£1 CAFÉ"


def test_a_description_becomes_text_that_xml_can_hold(orders: Path) -> None:
    orders.write_text(f"{HEADER}\n{a_line(Description='A' + chr(1) + 'B' + chr(0xFFFF))}\n", encoding="utf-8")

    [row] = read_orders(orders).rows

    assert isinstance(row, OrderRow)
    assert row.name == "A B"


def test_columns_may_come_in_any_order_with_others_between(orders: Path) -> None:
    names = ["Extra", *reversed(ORDER_COLUMNS)]
    orders.write_text(f"{','.join(names)}\n{','.join((GOOD | {'Extra': 'x'})[name] for name in names)}\n")

    [row] = read_orders(orders).rows

    assert isinstance(row, OrderRow)


@pytest.mark.parametrize("content", [b"", b"InvoiceNo,StockCode\n1,2\n", b"\xff\xfeI\x00n\x00", b"\x00" * 100])
def test_a_file_without_the_columns_is_unusable_and_says_which(orders: Path, content: bytes) -> None:
    orders.write_bytes(content)

    with pytest.raises(UnusableFileError, match=r"lacks the columns .*Quantity"):
        read_orders(orders)


@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_separators_decimal_commas_and_encodings_are_recognised(orders: Path, separator: str, encoding: str) -> None:
    values = GOOD | {
        "Description": "CAFÉ",
        "UnitPrice": "2,55",
        "Quantity": "1.234",
        "InvoiceDate": "2010-12-01T08:26:00",
    }
    line = separator.join(f'"{value}"' for value in values.values())
    orders.write_bytes(f"{separator.join(ORDER_COLUMNS)}\r\n{line}\r\n".encode(encoding))

    [row] = read_orders(orders).rows

    assert isinstance(row, OrderRow)
    assert (row.name, row.price, row.quantity) == ("CAFÉ", Decimal("2.55"), Decimal(1234))
    assert row.at.isoformat() == "2010-12-01T08:26:00+00:00"


@pytest.mark.parametrize(
    ("dates", "read"),
    [
        (["12/1/10 8:26", "12/13/10 8:26"], "2010-12-01"),
        (["1/12/10 8:26", "13/12/10 8:26"], "2010-12-01"),
        (["1.12.2010", "13.12.2010"], "2010-12-01"),
        (["01-12-2010 08:26:07", "13-12-2010 08:26:07"], "2010-12-01"),
        (["2010-12-01", "2010-12-13 08:26"], "2010-12-01"),
    ],
)
def test_the_order_of_a_dates_parts_is_recognised_from_all_of_them(orders: Path, dates: list[str], read: str) -> None:
    orders.write_text("\n".join([HEADER, *(a_line(InvoiceDate=day) for day in dates)]))

    rows = read_orders(orders).rows

    assert [row.at.date().isoformat() for row in rows if isinstance(row, OrderRow)] == [read, "2010-12-13"]


def test_what_is_not_certain_is_said_and_can_be_asked_for(orders: Path) -> None:
    orders.write_text(f"{HEADER}\n{a_line(InvoiceDate='2/1/10', UnitPrice='1.234')}\n")

    guessed = read_orders(orders)
    asked = read_orders(orders, Wish(decimals=Decimals.COMMA, dates=Dates.DAY_FIRST))

    assert "--dates" in str(guessed.form)
    assert "--decimals" in str(guessed.form)
    [first], [second] = guessed.rows, asked.rows
    assert isinstance(first, OrderRow)
    assert isinstance(second, OrderRow)
    assert (first.price, first.at.month) == (Decimal("1.234"), 2)
    assert (second.price, second.at.month) == (Decimal(1234), 1)
    assert asked.form.doubts == ()


def test_of_a_buyer_who_is_named_elsewhere_the_country_does_not_count(orders: Path) -> None:
    orders.write_text("\n".join([HEADER, a_line(Country="Unspecified"), a_line(Country="Unspecified", CustomerID="9")]))

    rows = read_orders(orders, named={"17850"}).rows

    assert [row.code if isinstance(row, RefusedRow) else row.country for row in rows] == ["", "country_unknown"]


@given(st.lists(st.binary(max_size=80).filter(lambda line: b"\n" not in line), max_size=20))
def test_whatever_the_bytes_every_line_that_is_not_empty_has_an_outcome(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(b"\n".join([HEADER.encode(), *lines]))

    text = file.read_bytes()
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    assert len(read_orders(file).rows) == sum(bool(line.strip()) for line in decoded.split("\n")[1:])


def test_traders_names_of_countries_are_known() -> None:
    assert [country_code(name) for name in ("EIRE", "USA", "France", "united kingdom", "DE", "Czech Republic")] == [
        "IE",
        "US",
        "FR",
        "GB",
        "DE",
        "CZ",
    ]
    for none in ("European Community", "EU", "European Union", "XK"):  # of CLDR, not of ISO
        with pytest.raises(Invalid):
            country_code(none)


def test_buyers_are_read_and_a_bad_one_is_refused_alone(tmp_path: Path) -> None:
    file = tmp_path / "buyers.csv"
    file.write_text(
        "id,name,country,vat_id,currency,limit,email\n"
        "1,Good Ltd,GB,GB 123,EUR,5000,a@b.example\n"
        "2,Bad Ltd,GB,,XXX,5000,\n"
        "3,Worse Ltd,Atlantis,,GBP,5000,\n"
        "4,Worst Ltd,GB,,GBP,lots,\n"
    )

    found = read_buyers(file, "albion")

    assert isinstance(good := found["1"], CsvBuyer)
    assert (good.buyer.company.vat_id, good.buyer.currency, good.buyer.limit) == ("GB123", "EUR", Decimal(5000))
    assert [row.code for row in found.values() if isinstance(row, RefusedRow)] == [
        "money.unknown_currency",
        "country_unknown",
        "limit_malformed",
    ]

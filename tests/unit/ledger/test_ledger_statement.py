"""A bank statement: a bad row is a reason, a bad file a refusal."""

import pytest

from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal
from services.ledger.domain import statement
from services.ledger.domain.payments import Payment
from services.ledger.domain.statement import Row

HEADER = "reference,account,value_date,amount,currency,remittance\n"


def read(rows: str) -> list[Row]:
    return statement.read((HEADER + rows).encode(), "acme")


def codes(rows: str) -> list[str]:
    return [row.payment.code if isinstance(row.payment, Refusal) else "ok" for row in read(rows)]


def amount(row: Row) -> Money:
    assert isinstance(row.payment, Payment)
    return row.payment.amount


def test_a_row_is_a_payment_by_the_bank_reference():
    [row] = read('R1,b1,2026-02-03,12.34,EUR,"RE-1, RE-2"\n')

    assert (row.number, row.reference) == (1, "R1")
    assert isinstance(row.payment, Payment)
    assert row.payment.payment_id == "R1"
    assert row.payment.amount == Money(1234, "EUR")
    assert row.payment.value_on.isoformat() == "2026-02-03"
    assert row.payment.remittance == "RE-1, RE-2"


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated():
    content = b"\xef\xbb\xbf" + (HEADER + "R1,b1,2026-02-03,1,EUR,\n").replace("\n", "\r\n").encode()

    assert amount(statement.read(content, "acme")[0]) == Money(100, "EUR")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12", "EUR", 1200), ("12.3", "EUR", 1230), ("0.01", "EUR", 1), ("12", "JPY", 12), ("1.234", "KWD", 1234)],
)
def test_an_amount_is_read_by_its_currency(text: str, currency: str, minor: int):
    assert amount(read(f"R1,b1,2026-02-03,{text},{currency},\n")[0]) == Money(minor, currency)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("R1,b1,2026-02-03,12.345,EUR,", "payment.too_many_decimals"),
        ("R1,b1,2026-02-03,12.0,JPY,", "payment.too_many_decimals"),
        ("R1,b1,2026-02-03,1e3,EUR,", "payment.amount_malformed"),
        ("R1,b1,2026-02-03,1_000,EUR,", "payment.amount_malformed"),
        ("R1,b1,2026-02-03,NaN,EUR,", "payment.amount_malformed"),
        ('R1,b1,2026-02-03,"1,50",EUR,', "payment.amount_malformed"),
        ("R1,b1,2026-02-03,,EUR,", "payment.amount_malformed"),
        ("R1,b1,2026-02-03,-5.00,EUR,", "payment.amount_not_positive"),
        ("R1,b1,2026-02-03,0.00,EUR,", "payment.amount_not_positive"),
        ("R1,b1,2026-02-03,99999999999999999999999999.00,EUR,", "payment.amount_too_large"),
        ("R1,b1,2026-02-30,5.00,EUR,", "date.malformed"),
        ("R1,b1,03.02.2026,5.00,EUR,", "date.malformed"),
        ("R1,b1,2026-02-03,5.00,EURO,", "money.unknown_currency"),
        (",b1,2026-02-03,5.00,EUR,", "payment.incomplete"),
        ("R1,,2026-02-03,5.00,EUR,", "payment.incomplete"),
        ("R1,b1,2026-02-03,5.00,EUR", "statement.row_malformed"),
        ("R1,b1,2026-02-03,5.00,EUR,a,b", "statement.row_malformed"),
        ('R1,b1,2026-02-03,5.00,EUR,"a"b', "statement.row_malformed"),
        ("R1,b1,2026-02-03,5.00,EUR,a\0b", "payment.text_malformed"),
        (f"{'R' * 201},b1,2026-02-03,5.00,EUR,", "payment.id_too_long"),
        (f"R1,b1,2026-02-03,5.00,EUR,{'x' * 4001}", "payment.remittance_too_long"),
    ],
)
def test_a_bad_row_is_refused_and_the_next_is_not(row: str, code: str):
    assert codes(f"{row}\nR2,b1,2026-02-03,5.00,EUR,\n") == [code, "ok"]


def test_empty_lines_are_no_rows():
    rows = read("\nR1,b1,2026-02-03,5.00,EUR,\n\n\nR2,b1,2026-02-03,5.00,EUR,\n")

    assert [row.number for row in rows] == [1, 2]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "statement.header"),
        (b"account,reference,value_date,amount,currency,remittance\n", "statement.header"),
        (HEADER.encode("utf-16"), "statement.not_utf8"),
        (HEADER.encode() + b"R1,b1,2026-02-03,5.00,EUR,M\xfcller\n", "statement.not_utf8"),
        (HEADER.encode() + b'R1,b1,2026-02-03,5.00,EUR,"open\nR2,b1,2026-02-03,5.00,EUR,\n', "statement.quote_open"),
        (b"x" * (4 * 1024 * 1024 + 1), "statement.too_large"),
        (HEADER.encode() + b"R,b,2026-02-03,5,EUR,\n" * 50_001, "statement.too_many_rows"),
    ],
)
def test_what_is_no_statement_is_refused_whole(content: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        statement.read(content, "acme")

    assert refused.value.code == code

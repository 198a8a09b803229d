"""Files of buyers: each line by itself, a file as a whole."""

from decimal import Decimal

import pytest

from services.kernel.refusals import Refusal
from services.portal.domain import registers
from services.portal.domain.registers import BUYER, Line

HEAD = "account;name;country;currency;limit"


@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_columns_come_in_any_order_between_any_usual_marks(mark: str):
    text = f"\ufefflimit{mark}Name{mark}account{mark}country{mark}currency\r\n100{mark} Ash {mark}b1{mark}GB{mark}GBP\r\n\r\n"

    [line] = registers.read(text.encode(), BUYER)

    assert (line.nth, line.get("account"), line.get("name"), line.get("limit")) == (1, "b1", "Ash", "100")
    assert line.get("vat_id") == ""


def test_a_line_with_a_cell_too_many_is_refused_alone():
    first, second = registers.read(f"{HEAD}\nb1;Ash;GB;GBP;1;2\nb2;Birch;GB;GBP;1\n".encode(), BUYER)

    assert first.refusal is not None
    assert first.refusal.code == "line.cells"
    assert (second.refusal, second.nth) == (None, 2)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.column_missing"),
        (HEAD.encode(), "file.empty"),
        (f"{HEAD};colour\nb1;A;GB;GBP;1;red".encode(), "file.column_unknown"),
        (f"{HEAD};name\nb1;A;GB;GBP;1;B".encode(), "file.column_twice"),
        (b"account;name\nb1;A", "file.column_missing"),
        (HEAD.encode() + b"\nb1;\xe4;GB;GBP;1", "file.not_utf8"),
        (HEAD.encode() + b'\nb1;"A;GB;GBP;1', "file.no_table"),
        (HEAD.encode() + b"\nb1;A;GB;GBP;1" * 501, "file.too_long"),
        (b" " * (2**20 + 1), "file.too_large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, code: str):
    with pytest.raises(Refusal) as refused:
        registers.read(content, BUYER)
    assert refused.value.code == code


def test_amounts_of_files_are_plain_decimals_of_their_currency():
    def amount(text: str, currency: str = "GBP") -> Decimal:
        return registers.plain_amount(Line(1, {"limit": text}), "limit", currency)

    assert amount("1500.5") == Decimal("1500.5")
    for text, currency in (("1,500.00", "GBP"), ("-1", "GBP"), ("1.5", "JPY"), ("1e3", "GBP"), ("", "GBP")):
        with pytest.raises(Refusal):
            amount(text, currency)


def test_days_are_thirty_where_a_line_says_nothing():
    assert [registers.net_days(text) for text in ("", "0", "365")] == [30, 0, 365]
    for text in ("366", "-1", "ten", "٣"):
        with pytest.raises(Refusal):
            registers.net_days(text)

"""An order as a buyer writes it: by hand or from a file, each line with its own answer."""

from decimal import Decimal

import pytest

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.portal.domain import ordering
from services.portal.domain.ordering import Typed, Wrong, of_file, read, totals
from services.portal.looks import Words


def test_each_line_has_its_own_answer_and_empty_ones_have_none():
    typed = [
        Typed("A1", "Screws", "1,5", "2,10"),
        Typed(),
        Typed("A2", "", "1", "1"),
        Typed("A3", "Nails", "none", "1"),
        Typed("A4", "Bolts", "0", "1"),
        Typed("A5", "Nuts", "1", "-1"),
    ]

    lines, wrong = read(typed, "EUR", Words("de").typed)

    assert [(line.sku, line.quantity, line.net) for line in lines] == [("A1", Decimal("1.5"), Money(315, "EUR"))]
    assert wrong == [
        Wrong(3, "order_line.name"),
        Wrong(4, "order_line.quantity"),
        Wrong(5, "order_line.quantity"),
        Wrong(6, "order_line.price"),
    ]


def test_tax_is_rounded_once():
    lines, _ = read([Typed("A", "A", "1", "0.03"), Typed("B", "B", "1", "0.03")], "GBP", Words("en").typed)

    came_to = totals(lines, Decimal(20), "GBP")

    assert (came_to.net.minor, came_to.tax.minor, came_to.gross.minor) == (6, 1, 7)


@pytest.mark.parametrize(
    "text",
    [
        "sku;name;quantity;unit_price\nA1;Screws, long;2;1.50\n",
        'quantity,unit price,name,sku\n2,1.50,"Screws, long",A1\n',
        "\ufeffA1\tScrews, long\t2\t1.50\r\n\r\n",
    ],
)
def test_a_file_is_read_with_a_head_or_without_by_whatever_parts_it(text: str):
    assert of_file(text.encode()) == [Typed("A1", "Screws, long", "2", "1.50")]


def test_a_line_may_name_the_asset_that_it_is_for():
    wanted = [Typed("A1", "Oil", "2", "1.50", "SN/7"), Typed("A2", "Screws", "1", "1")]

    assert of_file(b"sku;name;quantity;unit_price;asset_id\nA1;Oil;2;1.50;SN/7\nA2;Screws;1;1;\n") == wanted
    assert of_file(b"A1;Oil;2;1.50;SN/7\nA2;Screws;1;1\n") == wanted
    assert [line.asset_id for line in read(wanted, "EUR", Words("en").typed)[0]] == ["SN/7", ""]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "order_file.empty"),
        (b"\xff\xfe\x00", "order_file.no_text"),
        (b'a;"b', "order_file.no_csv"),
        (b"x" * (ordering.FILE_MAX + 1), "order_file.too_large"),
        (b"A;B;1;1\n" * (ordering.LINES_MAX + 1), "order_file.too_many"),
    ],
)
def test_what_is_no_file_of_lines_is_refused_by_a_code(content: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        of_file(content)

    assert refused.value.code == code

"""Tables for spreadsheets: no text is taken for a formula (ASVS 1.2.10), numbers stay numbers, cells stay cells."""

import csv

import pytest

from services.portal.web import attachment, csv_of


def rows_of(*cells: str) -> list[list[str]]:
    body = csv_of(["Head"], [list(cells)], "x.csv").body
    return list(csv.reader(bytes(body).decode("utf-8-sig").splitlines(), delimiter=";"))


@pytest.mark.parametrize("text", ["=1+1", "+1+cmd", "-1+1", "@SUM(A1)", "\t=1", "\0=1", '=HYPERLINK("http://evil";1)'])
def test_a_text_that_begins_as_a_formula_is_marked_as_text(text: str):
    body = bytes(csv_of(["Head"], [[text]], "x.csv").body).decode("utf-8-sig")

    assert body.splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("number", ["-12.50", "-12,50", "1.234,50", "0", "12"])
def test_a_number_stays_one(number: str):
    assert rows_of(number)[1] == [number]


@pytest.mark.parametrize(
    "text", ["Nails,=1+1", "Nails\t@SUM(A1)", 'say ""=1', "two\nlines\n-1+1", "=1", "＝1", "Nails,＠x"]
)
def test_a_formula_that_begins_at_anothers_separator_is_marked_too(text: str):
    """ASVS 1.2.10: a spreadsheet may take another character for the separator, or a wide one for a sign."""
    body = bytes(csv_of(["Head"], [[text]], "x.csv").body).decode("utf-8-sig")

    assert not any(f"{before}{sign}" in f"\n{body}" for before in ',;\t\n"' for sign in "=+-@＝＠")


@pytest.mark.parametrize(
    "name", ["a\r\nset-cookie: x=1.pdf", 'a"; filename="b.html', "a\\", "\u202egpj.exe", "", "\0", "ümlaut.pdf"]
)
def test_a_files_name_says_nothing_but_a_name(name: str):
    """ASVS 5.4.1, 5.4.2: no other header, no other parameter, nothing that cannot be seen."""
    said = attachment(b"", "application/pdf", name).headers["content-disposition"]

    assert said.isascii() and said.isprintable()
    assert said.count('"') == 2 and "\\" not in said
    assert said.startswith('attachment; filename="') and said.split('"')[2].startswith("; filename*=UTF-8''")


def test_separators_and_quotes_stay_in_their_cell():
    assert rows_of('a;b "c"', "d")[1] == ['a;b "c"', "d"]


def test_it_is_kept_by_the_browser_and_shown_by_none():
    """ASVS 3.2.1: a file is no page, whatever stands in it."""
    answer = csv_of(["Head"], [], 'Grüße".csv')

    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in answer.headers["content-security-policy"]

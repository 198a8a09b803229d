"""How long records are kept: each row says which law says so, and the longest of a seller's countries counts."""

from datetime import date
from itertools import product

import pytest

from services.kernel.retention import ELSEWHERE, ROWS, Record, Row, kept_from, years

COMPARED, NAMED, OURS = "compared with ", "named from the statute, not compared", "ours"


def refused(row: Row) -> str:
    """Why a row may not stand in the table; empty if it may."""
    if not row.source:
        return "it does not say which law says so"
    if row.country == ELSEWHERE:
        return "" if row.status == OURS else "no law says how long elsewhere is"
    return (
        "" if row.status == NAMED or row.status.removeprefix(COMPARED) not in (row.status, "") else "it has no status"
    )


def test_each_row_names_its_source_and_its_status():
    assert {(row.country, row.record, why) for row in ROWS if (why := refused(row))} == set()


@pytest.mark.parametrize(
    ("source", "status"), [("", NAMED), ("a law", ""), ("a law", COMPARED), ("a law", "surely right"), ("a law", OURS)]
)
def test_a_row_without_one_is_refused(source: str, status: str):
    assert refused(Row("DE", Record.MESSAGE, 6, source, status))


def test_each_country_has_one_row_for_each_kind_of_record():
    countries = {row.country for row in ROWS}

    assert sorted((row.country, row.record) for row in ROWS) == sorted(product(countries, Record))


def test_elsewhere_is_the_longest_of_the_table():
    assert {row.years for row in ROWS if row.country == ELSEWHERE} == {max(row.years for row in ROWS)}


def test_of_several_countries_the_longest_counts():
    assert [years(c, Record.MESSAGE) for c in ({"DE"}, {"DE", "GB"}, {"DE", "SE"}, {"DE", "US"}, set())] == [
        6,
        6,
        7,
        10,
        10,
    ]


@pytest.mark.parametrize(
    ("today", "first"),
    [(date(2032, 12, 31), date(2026, 1, 1)), (date(2033, 1, 1), date(2027, 1, 1))],
)
def test_years_are_counted_from_the_end_of_the_year_of_the_record(today: date, first: date):
    assert kept_from({"DE"}, Record.MESSAGE, today) == first

"""Rows that travel as one parameter arrive as they were, whatever they hold."""

import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import psycopg
import pytest

from services.chassis.columns import Columns, columns, within
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings

Toy = Parts[ChassisSettings]

ODD = [
    "",
    " ",
    "NULL",
    "null",
    '"',
    '""',
    "\\",
    "\\\\",
    '\\"',
    "{}",
    "{",
    '","',
    "a,b",
    "[1]",
    "'; DROP TABLE toy; --",
    "%s %(a)s %",
    "line\nbreak\ttab\r",
    "Möller & Söhne",
    "Ελληνικά",
    "📦🧾",
    "\u200b\u2028\ufeff",
    "x" * 10_000,
]


class State(StrEnum):
    """A word of the trade."""

    HELD = "HELD"


async def _back(toy: Toy, declared: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    columns = Columns(declared)
    async with toy.database.transaction(["acme"]) as tx:
        return [tuple(row) for row in await tx.rows(f"SELECT * FROM {columns.rows} AS new", [columns.pack(rows)])]


async def test_any_text_arrives_as_it_was_and_in_its_order(toy: Toy):
    nasty = random.Random(7)
    many = ["".join(nasty.choices("\"\\{},[]:N'%\nä📦 ", k=nasty.randrange(12))) for _ in range(2000)]

    rows = [(text, "behind") for text in ODD + many]

    assert await _back(toy, "text text, behind text", rows) == rows


async def test_any_text_is_found_among_others(toy: Toy):
    async with toy.database.transaction(["acme"]) as tx:
        [row] = await tx.rows("SELECT %s::text[] AS first, %s::text[] AS second", columns([(odd, "b") for odd in ODD]))
        [none] = await tx.rows("SELECT %s::text[] AS first, %s::text[] AS second", columns([]))

    assert (row.first, set(row.second), none.first) == (ODD, {"b"}, [])


def test_keys_are_looked_for_by_their_different_parts():
    assert within([("b", "2"), ("a", "1"), ("b", "1")]) == [["a", "b"], ["1", "2"]]
    assert within([], 3) == [[], [], []]


async def test_every_type_arrives_exact(toy: Toy):
    east = timezone(timedelta(hours=9))
    at = datetime(2026, 1, 5, 9, 30, 0, 123456, east)
    rows: list[tuple[Any, ...]] = [
        (2**31 - 1, 2**63 - 1, Decimal("12345678901234567890.123456789"), date(2026, 2, 28), at, True, b"\0\xff'\\"),
        (-(2**31), -(2**63), Decimal("-0.10"), date(1, 1, 1), datetime(1970, 1, 1, tzinfo=UTC), False, b""),
        (0, 0, Decimal("1E+3"), date(9999, 12, 31), datetime(9999, 12, 31, tzinfo=UTC), True, b"\x00"),
    ]

    back = await _back(
        toy, "whole int, large bigint, exact numeric, day date, at timestamptz, yes boolean, raw bytea", rows
    )

    assert back == rows
    assert str(back[1][2]) == "-0.10", "the places of a decimal are kept"


async def test_words_and_documents_arrive_as_their_values(toy: Toy):
    document = {"b": [1, None, 'a "quoted" \\ text'], "a": {}}

    back = await _back(toy, "state text, document jsonb", [(State.HELD, document), (State.HELD, [])])

    assert back == [("HELD", document), ("HELD", [])]


async def test_none_is_null_in_a_column_of_any_type(toy: Toy):
    declared = "a text, b int, c bigint, d numeric, e date, f timestamptz, g boolean, h bytea, i jsonb, j uuid"

    assert await _back(toy, declared, [(None,) * 10]) == [(None,) * 10]


async def test_no_rows_are_no_rows(toy: Toy):
    assert await _back(toy, "a text, b int", []) == []


async def test_what_does_not_fit_a_column_is_refused_by_the_database(toy: Toy):
    for declared, value in [("a int", 2**31), ("a bigint", 2**63), ("a date", "2026-02-30"), ("a text", "nul\0")]:
        with pytest.raises(psycopg.DataError):
            await _back(toy, declared, [(value,)])


def test_a_row_of_another_width_is_a_defect():
    with pytest.raises(AssertionError):
        Columns("a text, b int").pack([("a", 1), ("a",)])

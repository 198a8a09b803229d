"""Lists that are written in one piece are what PostgreSQL would have read of psycopg's."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.servers import Servers
from services.chassis.arrays import ADAPTERS

TEXTS = [
    "",
    " ",
    "null",
    "NULL",
    "{}",
    "a,b",
    'say "so"',
    "back\\slash",
    "\\",
    '"',
    "\n\t",
    "ünï",
    "\u2028",
    "'",
    "x" * 9000,
]
LISTS = [
    ("text[]", TEXTS),
    *(("text[]", [text]) for text in TEXTS),
    ("text[]", ["a", None, "b,c"]),
    ("text[]", []),
    ("text[]", [["a", "b"], ["c", 'd"']]),
    ("bytea[]", [b"", b'\0\\"', bytes(range(256))]),
    ("int[]", [0, -1, 2**31 - 1, -(2**31)]),
    ("bigint[]", [2**63 - 1, -(2**63), 0]),
    ("bigint[]", [1, None, 2]),
    ("numeric[]", [2**80, -(2**80)]),
    ("bool[]", [True, False, None]),
    ("timestamptz[]", [datetime(2026, 1, 5, 9, 30, 0, 123, UTC), datetime(1, 1, 1, tzinfo=UTC)]),
    ("timestamptz[]", [datetime(2026, 7, 5, 9, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))]),
    ("timestamp[]", [datetime(2026, 1, 5, 9, 30)]),  # noqa: DTZ001 - of no zone
    ("date[]", [date(2026, 1, 5), date.max]),
    ("uuid[]", [UUID(int=0), UUID(int=2**128 - 1)]),
]


@pytest.fixture(scope="module")
def connection(servers: Servers) -> Any:
    """Give a connection as the services have it."""
    with psycopg.connect(servers.admin_database_url, autocommit=True, context=ADAPTERS) as connection:
        yield connection


def read(connection: Any, kind: str, values: list[Any]) -> Any:
    """What the server understood."""
    return connection.execute(f"SELECT %s::{kind}", [values]).fetchone()[0]


@pytest.mark.parametrize(("kind", "values"), LISTS)
def test_a_list_is_read_as_it_was_written(connection: Any, kind: str, values: list[Any]):
    assert read(connection, kind, values) == values


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=8))
def test_any_texts_are_read_as_they_were_written(connection: Any, texts: list[str]):
    assert read(connection, "text[]", texts) == texts


@given(st.lists(st.binary(), max_size=8))
def test_any_bytes_are_read_as_they_were_written(connection: Any, values: list[bytes]):
    assert read(connection, "bytea[]", values) == values


def test_a_text_that_no_database_holds_is_refused_and_never_two_of_one(connection: Any):
    with pytest.raises(psycopg.DataError, match="NUL"):
        read(connection, "text[]", ["a\0b", "c"])

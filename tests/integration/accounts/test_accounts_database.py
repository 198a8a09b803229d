"""What a transaction serves, as the database holds it: accounts, parts of companies, and what it does for itself."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from services.chassis.database import Tx, is_hidden
from services.chassis.service import Parts
from services.ledger.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.ledger.desk import issued, registered

ITEMS = "SELECT invoice_id FROM item ORDER BY invoice_id"


@pytest.fixture
async def parts(open_service: OpenService) -> AsyncIterator[Parts[Any]]:
    """A ledger with an invoice of each of three accounts and, of one, of two sites."""
    async with open_service(SERVICE) as opened:
        await opened.consumer.handle(
            [
                *(registered(account) for account in ("a", "b", 'it\'s 100 % {b}, \\ and "c"')),
                issued("i1", account="a"),
                issued("i2", account="b"),
                issued("i3", account='it\'s 100 % {b}, \\ and "c"'),
                issued("i4", account="a", site="north"),
                issued("i5", account="a", site="south"),
            ]
        )
        yield opened


async def seen(tx: Tx) -> str:
    return " ".join(row.invoice_id for row in await tx.rows(ITEMS))


@pytest.mark.parametrize(
    ("accounts", "items"),
    [
        (None, "i1 i2 i3 i4 i5"),
        (["b"], "i2"),
        (["b", "a"], "i1 i2 i4 i5"),
        (['it\'s 100 % {b}, \\ and "c"'], "i3"),
        (["nobody"], ""),
        ([], ""),  # of none at all: not of all
        ([""], ""),
        (["*"], ""),  # an account may be called so
    ],
)
async def test_a_transaction_sees_the_accounts_that_it_serves(
    parts: Parts[Any], accounts: list[str] | None, items: str
):
    async with parts.database.transaction(["acme"], accounts=accounts) as tx:
        assert await seen(tx) == items
    async with parts.database.transaction(["other"], accounts=accounts) as tx:
        assert await seen(tx) == ""


@pytest.mark.parametrize(
    ("sites", "items"),
    [
        ((), "i1 i4 i5"),
        (("north",), "i4"),  # not what names no site
        (("north", "south"), "i4 i5"),
        (("east",), ""),
        (("",), "i1 i4 i5"),
    ],
)
async def test_a_transaction_sees_the_parts_that_it_serves(parts: Parts[Any], sites: tuple[str, ...], items: str):
    named = [(site, "", "") for site in sites]
    async with parts.database.transaction(["acme"], accounts=["a"], parts=named) as tx:
        assert await seen(tx) == items


async def test_what_is_anothers_is_neither_changed_nor_written(parts: Parts[Any]):
    async with parts.database.transaction(["acme"], accounts=["a"]) as tx:
        assert await tx.run("UPDATE dispute SET said = 1") == 0
        assert await tx.run("DELETE FROM dispute") == 0
        assert await tx.rows("SELECT FROM account WHERE account_id = 'b' FOR UPDATE") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as hidden:
        async with parts.database.transaction(["acme"], accounts=["a"]) as tx:
            await tx.run("INSERT INTO account (tenant, account_id, currency) VALUES ('acme', 'd', 'EUR')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as defect:
        async with parts.database.transaction(["acme"], accounts=["a"]) as tx:
            await tx.run("UPDATE item SET open_minor = 0")
    assert (is_hidden(hidden.value), is_hidden(defect.value)) == (True, False)


async def test_the_version_before_which_names_no_accounts_serves_all(parts: Parts[Any]):
    async with parts.database.pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL ar.tenants = 'acme'")
        rows = await (await connection.execute(ITEMS)).fetchall()

    assert len(rows) == 5


async def test_the_service_itself_looks_beyond_its_caller_for_as_long_as_it_says(parts: Parts[Any]):
    async with parts.database.transaction(["acme"], accounts=["a"], parts=[("north", "", "")]) as tx:
        async with tx.all_parts():
            assert await seen(tx) == "i1 i4 i5"
            async with tx.all_accounts():
                assert await seen(tx) == "i1 i2 i3 i4 i5"
            assert await seen(tx) == "i1 i4 i5"
        assert await seen(tx) == "i4"
        with pytest.raises(RuntimeError):
            async with tx.savepoint(), tx.all_accounts():
                raise RuntimeError
        assert await seen(tx) == "i4"


async def test_a_connection_keeps_nothing_of_whom_it_served(parts: Parts[Any]):
    for _ in range(20):  # whichever connection it is
        async with parts.database.transaction(["acme"], accounts=["a"], parts=[("north", "", "")]):
            pass
        async with parts.database.transaction(["acme"]) as tx:
            assert await seen(tx) == "i1 i2 i3 i4 i5"


async def test_no_account_that_could_be_taken_for_several_or_all_is_served(parts: Parts[Any]):
    with pytest.raises(ValueError, match="control character"):
        async with parts.database.transaction(["acme"], accounts=["a\x1fb"]):
            pass

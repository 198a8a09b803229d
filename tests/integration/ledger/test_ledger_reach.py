"""What a payment is shown of its account: the same as by reading all that is open, and no more than it can reach."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from services.chassis.database import Tx
from services.chassis.service import database_of
from services.kernel.money import Money
from services.ledger import store
from services.ledger.domain import matching
from services.ledger.domain.items import Purse
from services.ledger.domain.payments import Payment, Shelf
from services.ledger.service import SERVICE
from tests.integration.conftest import OpenService

FIRST = date(2026, 1, 1)
CURRENCIES = ("EUR", "EUR", "EUR", "SEK")


async def read_whole(tx: Tx, payments: list[Payment]) -> dict[Purse, set[str]]:
    """The invoices that payments can meet, as they were found before: by adding up everything that is open."""
    named = {(p.account_id, key) for p in payments for key in matching.possible_keys(p.remittance)}
    reach: dict[Purse, int] = {}
    for p in payments:
        reach[p.purse] = reach.get(p.purse, 0) + p.amount.minor
    rows = await tx.rows(
        """SELECT *, sum(open_minor) OVER (PARTITION BY account_id, currency ORDER BY due_on, number, invoice_id)
                     - open_minor AS older FROM item"""
    )
    found: dict[Purse, set[str]] = {purse: set() for purse in reach}
    accounts, keys = {account for account, _ in named}, {key for _, key in named}
    for row in rows:
        purse = (row.tenant, row.account_id, row.currency)
        is_named = row.account_id in accounts and row.match_key in keys
        if purse in found and (is_named or (row.open_minor > 0 and row.older < reach[purse])):
            found[purse].add(row.invoice_id)
    return found


async def stock(tx: Tx, dice: random.Random, items: int) -> None:
    """Items of three accounts, some paid, many due on one day, some numbers given twice."""
    rows: list[tuple[Any, ...]] = []
    for n in range(items):
        number = f"RE-{dice.randrange(items)}"
        amount = dice.choice([0, 1, 100, dice.randrange(1, 10_000)])
        still = dice.choice([0, amount, amount, amount // 2])
        due = FIRST + timedelta(days=dice.randrange(max(1, items // 20)))
        account = f"b{dice.randrange(3)}"
        rows.append((f"i{n}", number, matching.key(number), account, due, dice.choice(CURRENCIES), amount, still))
    await tx.run("DELETE FROM item")
    await tx.run(
        """INSERT INTO item (tenant, invoice_id, number, match_key, account_id, order_id, final, issued_on, due_on, currency,
                             amount_minor, open_minor)
           SELECT 'acme', id, number, key, account, 'o', true, due, due, currency, amount, still
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::bigint[], %s::bigint[])
               AS new (id, number, key, account, due, currency, amount, still)""",
        [[row[column] for row in rows] for column in range(8)],
    )


def some_payments(dice: random.Random, items: int) -> list[Payment]:
    def one(n: int) -> Payment:
        text = " ".join(f"RE-{dice.randrange(items)}" for _ in range(dice.randrange(4)))
        amount = dice.choice([1, 500, dice.randrange(1, 10_000 * items)])
        account, currency = f"b{dice.randrange(3)}", dice.choice(CURRENCIES)
        return Payment("acme", f"p{n}", account, Money(amount, currency), FIRST, text)

    return [one(n) for n in range(dice.randrange(1, 6))]


@pytest.fixture
async def as_owner(open_service: OpenService) -> Any:
    """A ledger whose items a test may write as it likes: nothing of it is committed."""
    async with open_service(SERVICE) as parts:
        given = parts.settings.model_copy(update={"database_url": parts.settings.owner_database_url})
        async with database_of(given) as database, database.transaction(["acme"]) as tx:
            await tx.run("ALTER TABLE item DISABLE TRIGGER USER")
            await tx.run(
                "INSERT INTO account VALUES ('acme', 'b0', 'EUR'), ('acme', 'b1', 'EUR'), ('acme', 'b2', 'EUR')"
            )
            yield tx


@pytest.mark.parametrize("seed", range(12))
async def test_payments_meet_the_same_items_as_when_all_that_is_open_was_read(as_owner: Tx, seed: int):
    dice = random.Random(seed)
    for items in (1, 7, 40, 400):
        await stock(as_owner, dice, items)
        for _ in range(4):
            payments = some_payments(dice, items)
            expected = await read_whole(as_owner, payments)

            found = await store.items_to_pay(as_owner, payments)

            assert {purse: {item.invoice_id for item in of} for purse, of in found.items()} == expected
            shelves = {purse: Shelf(of) for purse, of in found.items()}
            for payment in payments:
                assert shelves[payment.purse].apply(payment).unapplied.minor >= 0

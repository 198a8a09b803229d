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
from services.ledger.domain.payments import Payment, Receipt, Shelf
from services.ledger.service import SERVICE
from services.ledger.usecases.payments import AT_ONCE, shelves_for
from tests.integration.conftest import OpenService

FIRST = date(2026, 1, 1)
CURRENCIES = ("EUR", "EUR", "EUR", "SEK")


async def read_whole(tx: Tx, payments: list[Payment]) -> dict[Purse, Shelf]:
    """What payments can meet, by reading all items of their accounts."""
    rows = await tx.rows("SELECT DISTINCT invoice_id FROM item")
    items = (await store.find_items(tx, {("acme", row.invoice_id) for row in rows})).values()
    return {p.purse: Shelf([item for item in items if item.purse == p.purse]) for p in payments}


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


def met(receipt: Receipt) -> list[tuple[str, Money, str]]:
    return [(part.item.invoice_id, part.amount, part.evidence.value) for part in receipt.applications]


@pytest.mark.parametrize("seed", range(12))
async def test_payments_meet_the_same_items_as_when_all_items_are_read(as_owner: Tx, seed: int):
    dice = random.Random(seed)
    for items in (1, 7, 40, 400):
        await stock(as_owner, dice, items)
        for _ in range(4):
            payments = some_payments(dice, items)
            whole = await read_whole(as_owner, payments)

            shelves = await shelves_for(as_owner, payments)

            for payment in payments:
                expected = whole[payment.purse].apply(payment, at_most=AT_ONCE)
                receipt = shelves[payment.purse].apply(payment, at_most=AT_ONCE)
                assert (met(receipt), receipt.paid_before) == (met(expected), expected.paid_before)
                assert receipt.continues == expected.continues
                assert receipt.unapplied.minor >= 0


async def test_no_more_is_read_than_one_transaction_meets(as_owner: Tx):
    await stock(as_owner, random.Random(1), 400)
    rows = await as_owner.rows(
        "SELECT count(*) AS n FROM item WHERE (account_id, currency) = ('b1', 'EUR') AND open_minor > 0"
    )
    purse = ("acme", "b1", "EUR")

    found, more = await store.oldest_due(as_owner, {purse: 10**12}, rows[0].n - 1)
    everything, no_more = await store.oldest_due(as_owner, {purse: 10**12}, rows[0].n + 1)

    assert (len(found[purse]), more) == (rows[0].n - 1, {purse})
    assert (len(everything[purse]), no_more) == (rows[0].n, set())
    assert everything[purse][:-1] == found[purse]
    assert (await store.oldest_due(as_owner, {purse: 1}, 9))[0][purse] == found[purse][:1]

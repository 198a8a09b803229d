"""What comes again after the inbox has forgotten it, or beside another seller's of the same name, changes nothing."""

import asyncio
import random
from typing import Any

import psycopg
import pytest

from services.chassis.database import is_transient
from services.chassis.envelope import Record
from services.ledger import store
from tests.integration.ledger.desk import (
    Desk,
    captured,
    credited,
    decided,
    disputed,
    expired,
    issued,
    moved,
    registered,
    released,
    resolved,
    seller_in,
    seller_registered,
)

TABLES = ("account", "balance", "item", "entry", "posting", "payment", "credit_note", "allocation", "dispute", "seller")


def a_business(tenant: str = "acme", *, size: int = 1) -> list[Record]:
    """All kinds of events that the ledger follows, with cases that come back, all under names that others have too."""
    records = [registered(tenant=tenant), seller_registered(tenant=tenant), seller_in("Europe/Berlin", tenant=tenant)]
    for n in range(size):
        i, o, d = f"i{n}", f"o{n}", 100 * n
        records += [
            decided(o, 11_900, tenant=tenant),
            issued(i, 10_000, 1_900, order_id=o, tenant=tenant, sales_tax_minor=500, rounding_minor=-1),
            captured(o, 5_000, f"RE-{i}", tenant=tenant),
            released(o, 6_900, "COMPLETED", tenant=tenant),
            disputed(f"d{n}", 700, invoice=i, tenant=tenant, nth=d + 1),
            moved("REJECTED", f"d{n}", invoice=i, tenant=tenant, nth=d + 2),
            moved("APPEALED", f"d{n}", 600, invoice=i, tenant=tenant, nth=d + 4),
            credited(i, 1_000, 190, note=f"c{n}", tenant=tenant),
            resolved(f"d{n}", invoice=i, tenant=tenant, nth=d + 5),
            moved("REOPENED", f"d{n}", 50, invoice=i, tenant=tenant, nth=d + 9),
            credited(i, 10_000, 1_900, note=f"k{n}", tenant=tenant),
        ]
    return records


async def all_rows(desk: Desk, tenant: str = "acme") -> dict[str, list[Any]]:
    return {table: sorted(map(str, await desk.rows(f"SELECT * FROM {table}", tenant))) for table in TABLES}


def forget(desk: Desk) -> None:
    """As after 90 days, and with a consumer that begins at the first offset."""
    given: Any = desk.parts.settings
    with psycopg.connect(given.owner_database_url.get_secret_value()) as connection:
        connection.execute("TRUNCATE inbox")
        connection.execute("UPDATE handled SET kafka_offset = -1")


@pytest.mark.parametrize("size", [1, 500])
async def test_all_that_was_ever_told_changes_nothing_when_it_is_told_again(desk: Desk, size: int):
    history = a_business(size=3)
    await desk.follow(*history)
    await desk.pay("p1", 30_000, "RE-i1")
    await desk.pay("p2", 500)
    before, told = await all_rows(desk), await desk.told()

    forget(desk)
    for start in range(0, len(history), size):
        await desk.follow(*history[start : start + size])

    assert await desk.parked() == []
    assert await all_rows(desk) == before
    assert await desk.told() == told


@pytest.mark.parametrize("seed", range(5))
async def test_a_part_of_the_past_that_comes_again_beside_what_is_new_changes_nothing(desk: Desk, seed: int):
    dice = random.Random(seed)
    history = a_business(size=3)
    await desk.follow(*history)
    before = await all_rows(desk)

    forget(desk)
    again = sorted(dice.sample(range(len(history)), 12))
    await desk.follow(*[history[n] for n in again], issued("new", 0, 0))

    assert await desk.parked() == []
    after = await all_rows(desk)
    assert {table: len(rows) - len(before[table]) for table, rows in after.items() if rows != before[table]} == {
        "entry": 1,
        "item": 1,
    }
    assert [m.invoice_id for _, _, m in await desk.told()][-1] == "new"


async def test_two_sellers_with_the_same_numbers_in_one_batch_are_booked_apart(desk: Desk):
    both = [r for pair in zip(a_business(size=2), a_business("blue", size=2), strict=True) for r in pair]
    both += [expired("o9"), decided("o9"), decided("o9", tenant="blue")]

    await desk.follow(*both[:6])
    await desk.follow_at_once(*both[6:])
    again = [decided("o0", 11_900, tenant="blue"), decided("o0", 11_900), decided("o5"), decided("o5", tenant="blue")]
    await desk.follow_at_once(*again)

    assert await desk.parked() == []
    for table in ("item", "credit_note", "dispute"):
        ours = await desk.rows(f"SELECT count(*) AS n FROM {table}")
        theirs = await desk.rows(f"SELECT count(*) AS n FROM {table}", "blue")
        assert ours == theirs
    assert (await desk.trial(tenant="blue"))["2110"] == (await desk.trial())["2110"]


async def test_a_second_transaction_that_books_the_same_invoice_for_another_account_begins_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    await desk.follow(registered(), registered("b2"))
    looked, go = asyncio.Event(), asyncio.Event()
    find = store.find_items

    async def slow(*arguments: Any) -> Any:
        found = await find(*arguments)
        if not looked.is_set():
            looked.set()
            await go.wait()
        return found

    monkeypatch.setattr(store, "find_items", slow)
    late = asyncio.create_task(desk.follow_at_once(issued("1", 100, 0)))
    await looked.wait()
    await desk.follow_at_once(issued("1", 100, 0, account="b2"))
    go.set()

    with pytest.raises(psycopg.errors.SerializationFailure) as failed:
        await late
    assert is_transient(failed.value)
    await desk.follow(issued("1", 100, 0))
    assert await desk.parked() == [("refused", "invoice.id_reused", None)]
    assert (await desk.trial())["1100"] == 100

"""What is good once, in its time, in its browser; what is over is over: on a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from services.chassis.database import Database
from services.portal import store
from services.portal.service import SERVICE
from services.portal.store import Purchase
from tests.integration.conftest import OpenService

TENANT = "acme"
BROWSER, OTHER = b"b" * 32, b"o" * 32


@pytest.fixture
async def database(open_service: OpenService) -> AsyncIterator[Database]:
    """Give the portal's own."""
    async with open_service(SERVICE, portal_secret=SecretStr("x" * 32)) as parts:
        yield parts.database


async def a_link(database: Database, link_hash: bytes) -> str:
    async with database.transaction([TENANT]) as tx:
        link_id = await store.ask_for_link(tx, TENANT, "ann@b1.example", BROWSER, "/")
        await store.link_to_send(tx, TENANT, link_id, link_hash)
        return link_id


async def test_a_link_is_good_once_in_its_time_and_in_the_browser_that_asked(database: Database):
    """ASVS 6.5.1, 6.5.5: used, over or another's, it is none."""
    await a_link(database, b"1")
    await a_link(database, b"2")
    async with database.transaction([TENANT]) as tx:
        assert await store.use_link(tx, TENANT, b"1", OTHER) is None
        assert await store.use_link(tx, TENANT, b"1", BROWSER) is not None
        assert await store.use_link(tx, TENANT, b"1", BROWSER) is None
        await tx.run("UPDATE one_time_link SET expires_at = now() - interval '1 second' WHERE link_hash = '2'")
        assert await store.use_link(tx, TENANT, b"2", BROWSER) is None


async def test_two_at_once_use_a_link_once(database: Database):
    """ASVS 6.5.1: a race has one winner."""
    await a_link(database, b"1")

    async def use() -> Any:
        async with database.transaction([TENANT]) as tx:
            return await store.use_link(tx, TENANT, b"1", BROWSER)

    used = await asyncio.gather(use(), use(), use())
    assert sum(link is not None for link in used) == 1


@pytest.mark.parametrize("column", ["seen_at = now() - interval '31 minutes'", "ends_at = now()", "ended_at = now()"])
async def test_a_session_is_over_when_idle_old_or_ended(database: Database, column: str):
    """ASVS 7.3.1, 7.3.2, 7.4.1: 30 minutes idle, 12 hours at most, and ended is ended."""
    async with database.transaction([TENANT]) as tx:
        await store.begin_session(tx, TENANT, b"s", "ann", assurance=1, agent="Firefox")
        assert await store.find_session(tx, TENANT, b"s") is not None
        await tx.run(f"UPDATE session SET {column}")
        assert await store.find_session(tx, TENANT, b"s") is None


async def test_a_factor_that_was_shown_elsewhere_before_is_as_old_as_that(database: Database):
    """ASVS 7.5.3: by a provider an hour ago is not within the last minutes."""
    at = datetime.now(UTC) - timedelta(hours=1)
    async with database.transaction([TENANT]) as tx:
        await store.begin_session(tx, TENANT, b"s", "ann", assurance=2, agent="", proven_at=at)
        session = await store.find_session(tx, TENANT, b"s")
    assert session is not None and session.proven_at == at


async def test_a_renewed_session_has_another_id_and_more_assurance(database: Database):
    """ASVS 7.2.4: the id from before is none any more."""
    async with database.transaction([TENANT]) as tx:
        await store.begin_session(tx, TENANT, b"before", "ann", assurance=1, agent="")
        session = await store.find_session(tx, TENANT, b"before")
        assert session is not None and session.proven_at is None
        await store.renew_session(tx, TENANT, session.session_id, b"after", assurance=2)
        assert await store.find_session(tx, TENANT, b"before") is None
        renewed = await store.find_session(tx, TENANT, b"after")
    assert renewed is not None
    assert (renewed.session_id, renewed.assurance) == (session.session_id, 2)
    assert renewed.proven_at is not None


async def test_who_goes_on_as_another_contact_is_in_no_longer_for_that(database: Database):
    """ASVS 7.3.2: a session that is another's from now on is as old as it was."""
    async with database.transaction([TENANT]) as tx:
        await store.begin_session(tx, TENANT, b"before", "ann1", assurance=1, agent="")
        await tx.run("UPDATE session SET created_at = now() - interval '1 hour'")
        before = await store.find_session(tx, TENANT, b"before")
        assert before is not None
        await store.begin_session(tx, TENANT, b"after", "ann2", assurance=1, agent="")
        await store.take_over(tx, TENANT, b"after", before)
        after = await store.find_session(tx, TENANT, b"after")
        assert after is not None
        assert (after.contact_id, after.created_at) == ("ann2", before.created_at)
        assert await store.find_session(tx, TENANT, b"before") is None


async def test_a_code_and_those_before_it_are_taken_once(database: Database):
    """ASVS 6.5.1: a code that was taken, or one of before, is not taken again."""
    async with database.transaction([TENANT]) as tx:
        assert await store.add_totp(tx, TENANT, "login", b"secret", 100)
        assert not await store.add_totp(tx, TENANT, "login", b"another", 100)
        used = [await store.used_totp(tx, TENANT, "login", step) for step in (100, 99, 101, 101, 102)]
    assert used == [False, False, True, False, True]


async def test_a_passkey_whose_counter_does_not_go_on_is_a_copy(database: Database):
    async with database.transaction([TENANT]) as tx:
        assert await store.add_passkey(tx, TENANT, "login", b"c1", b"key", sign_count=5, name="Phone")
        assert not await store.add_passkey(tx, TENANT, "other", b"c1", b"key", sign_count=5, name="Phone")
        [key] = await store.passkeys_of(tx, TENANT, "login")
        used = [await store.used_passkey(tx, TENANT, key.passkey_id, count) for count in (5, 4, 6, 0)]
        assert used == [False, False, True, False]
        assert await store.add_passkey(tx, TENANT, "login", b"c2", b"key", sign_count=0, name="Never counts")
        key = (await store.passkeys_of(tx, TENANT, "login"))[1]
        assert await store.used_passkey(tx, TENANT, key.passkey_id, 0)


async def test_a_challenge_is_answered_once(database: Database):
    async with database.transaction([TENANT]) as tx:
        assert [await store.answer_once(tx, TENANT, b"c") for _ in range(2)] == [True, False]


async def test_two_orders_at_once_do_not_spend_one_month(database: Database):
    async def order(purchase_id: str) -> bool:
        async with database.transaction([TENANT]) as tx:
            await store.lock_spender(tx, TENANT, "bo")
            fits = await store.spent_this_month(tx, TENANT, "bo", "GBP") + 700 <= 1000
            await store.add_purchase(tx, TENANT, a_purchase(purchase_id, "PLACING" if fits else "AWAITING"))
            return fits

    assert sorted(await asyncio.gather(order("p1"), order("p2"))) == [False, True]


async def test_a_yes_is_said_once_and_not_after_its_time(database: Database):
    async with database.transaction([TENANT]) as tx:
        for purchase_id in ("p1", "p2"):
            await store.add_purchase(tx, TENANT, a_purchase(purchase_id, "AWAITING"))
        assert await store.decide(tx, TENANT, "p1", state="PLACING", by="contact:ann")
        assert not await store.decide(tx, TENANT, "p1", state="REFUSED", by="contact:ann")
        await tx.run("UPDATE purchase SET expires_at = now() - interval '1 second' WHERE purchase_id = 'p2'")
        assert not await store.decide(tx, TENANT, "p2", state="PLACING", by="contact:ann")
        assert [one.purchase_id for one in await store.expire(tx, TENANT, 10)] == ["p2"]
        await store.settle(tx, TENANT, "p1", order_id="o1")
        placed = await store.find_purchase(tx, TENANT, "p1")
    assert placed is not None
    assert (placed.state, placed.order_id, placed.request) == ("PLACED", "o1", b"")


def a_purchase(purchase_id: str, state: str) -> Purchase:
    at: Any = None
    return Purchase(
        purchase_id, "b1", "bo", "contact:bo", "GBP", 700, state, b"request", 1, at, at, "", "", "", [], False
    )

"""News and tips, and what readers want to see of them: on a real database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from services.chassis.database import Database, Tx
from services.portal import store
from services.portal.domain.news import Item, Text
from services.portal.service import SERVICE
from services.portal.store import Purchase
from services.portal.usecases import forget_outdated
from tests.integration.conftest import OpenService

TENANT = "acme"


@pytest.fixture
async def database(open_service: OpenService) -> AsyncIterator[Database]:
    """Give the portal's own."""
    async with open_service(SERVICE, portal_secret=SecretStr("x" * 32)) as parts:
        yield parts.database


async def today(database: Database) -> date:
    async with database.transaction([TENANT]) as tx:
        return tx.at.date()


def an_item(news_id: str, day: date) -> Item:
    texts = {"en": Text("Title", "Two\nlines"), "sv": Text("Rubrik", "Två\nrader")}
    return Item(news_id, "NEWS", texts, "en", frozenset({"AP_CLERK"}), "", day, day + timedelta(days=9))


async def ids(database: Database, contact: str, day: date, tenant: str = TENANT) -> list[str]:
    async with database.transaction([tenant]) as tx:
        return [item.news_id for item in await store.current_news(tx, tenant, contact, day)]


async def test_an_item_is_kept_as_it_was_written_and_changes_until_it_is_published(database: Database):
    day = await today(database)
    item = an_item("n1", day)
    async with database.transaction([TENANT]) as tx:
        assert await store.add_news(tx, TENANT, item, "user:sal")
        assert not await store.add_news(tx, TENANT, replace(item, kind="TIP"), "user:sal")
        found = await store.find_news(tx, TENANT, "n1")
        assert found is not None
        assert (found.item, found.written_by, found.state(day)) == (item, "user:sal", "NEWS_DRAFT")

        changed = replace(item, kind="TIP", roles=frozenset(), act="FIRST_ORDER", fallback="sv")
        assert await store.change_news(tx, TENANT, changed, "user:sam")
        assert await store.publish_news(tx, TENANT, "n1")
        assert not await store.publish_news(tx, TENANT, "n1")
        assert not await store.change_news(tx, TENANT, item, "user:sal")
        found = await store.find_news(tx, TENANT, "n1")
        assert found is not None
        assert (found.item, found.written_by) == (changed, "user:sam")
        assert found.state(day) == "NEWS_PUBLISHED"
        assert found.state(day + timedelta(days=10)) == "NEWS_OVER"

        assert await store.withdraw_news(tx, TENANT, "n1")
        assert not await store.withdraw_news(tx, TENANT, "n1")
        assert not await store.publish_news(tx, TENANT, "n1")


async def test_items_come_a_page_at_a_time_the_last_written_first_and_each_once(database: Database):
    day = await today(database)
    async with database.transaction([TENANT]) as tx:
        for number in range(7):
            await store.add_news(tx, TENANT, an_item(f"n{number}", day), "user:sal")
    seen: list[str] = []
    async with database.transaction([TENANT]) as tx:
        while page := await store.list_news(tx, TENANT, seen[-1] if seen else "", 3):
            assert len(page) <= 3
            seen += [one.item.news_id for one in page]
        assert await store.list_news(tx, TENANT, "nothing-there", 3) == []
    assert seen == [f"n{number}" for number in reversed(range(7))]


async def test_buyers_may_be_shown_what_is_published_in_its_days_at_their_seller_and_not_dismissed(database: Database):
    day = await today(database)
    async with database.transaction([TENANT]) as tx:
        for news_id in ("draft", "shown", "withdrawn"):
            await store.add_news(tx, TENANT, an_item(news_id, day), "user:sal")
        for news_id in ("shown", "withdrawn"):
            await store.publish_news(tx, TENANT, news_id)
        await store.withdraw_news(tx, TENANT, "withdrawn")
    assert await ids(database, "ann", day) == ["shown"]
    assert await ids(database, "ann", day + timedelta(days=9)) == ["shown"]
    assert await ids(database, "ann", day + timedelta(days=10)) == []
    assert await ids(database, "ann", day - timedelta(days=1)) == []
    assert await ids(database, "ann", day, "other") == []

    async with database.transaction([TENANT]) as tx:
        for news_id in ("shown", "shown", "nothing-there"):
            await store.dismiss(tx, TENANT, "ann", news_id)
        assert len(await tx.rows("SELECT FROM news_dismissed")) == 1
    assert await ids(database, "ann", day) == []
    assert await ids(database, "bo", day) == ["shown"]


async def test_all_that_is_told_to_a_role_comes_a_page_at_a_time_the_newest_first(database: Database):
    day = await today(database)
    async with database.transaction([TENANT]) as tx:
        for number in range(5):
            await store.add_news(tx, TENANT, an_item(f"n{number}", day - timedelta(days=number)), "user:sal")
        await store.add_news(tx, TENANT, replace(an_item("all", day), roles=frozenset(), act="FIRST_ORDER"), "user:sal")
        for news_id in ("draft", "later", "over", "withdrawn"):
            begins = {"later": day + timedelta(days=1), "over": day - timedelta(days=10)}.get(news_id, day)
            await store.add_news(tx, TENANT, an_item(news_id, begins), "user:sal")
        for news_id in ("n0", "n1", "n2", "n3", "n4", "all", "later", "over", "withdrawn"):
            await store.publish_news(tx, TENANT, news_id)
        await store.withdraw_news(tx, TENANT, "withdrawn")
        seen: list[str] = []
        while page := await store.published_news(tx, TENANT, ["AP_CLERK"], day, after=seen[-1] if seen else "", most=2):
            assert len(page) <= 2
            seen += [one.news_id for one in page]
        others = await store.published_news(tx, TENANT, ["LEGAL"], day, after="", most=9)
        assert await store.published_news(tx, TENANT, ["LEGAL"], day, after="nothing-there", most=9) == []
    assert seen == ["n0", "all", "n1", "n2", "n3", "n4"]
    assert [one.news_id for one in others] == ["all"]


async def test_the_first_order_is_told_once_and_quiet_is_never_shortened(database: Database):
    day = await today(database)
    async with database.transaction([TENANT]) as tx:
        for purchase_id in ("p1", "p2"):
            await store.add_purchase(tx, TENANT, a_purchase(purchase_id))
            await store.ordered(tx, TENANT, "bo")
            await tx.run("UPDATE deed SET on_day = on_day - 1")
        await store.did(tx, TENANT, "bo", "PERSON_INVITED")
        await store.be_quiet(tx, TENANT, "bo", day + timedelta(days=30))
        await store.be_quiet(tx, TENANT, "bo", day + timedelta(days=1))
        wishes = await store.wishes_of(tx, TENANT, "bo")
        assert wishes.done == {"FIRST_ORDER": day - timedelta(days=2), "PERSON_INVITED": day}
        assert wishes.quiet_until == day + timedelta(days=30)
        assert wishes.waits

        await store.decide(tx, TENANT, "p1", state="PLACING", by="contact:ann")
        await store.decide(tx, TENANT, "p2", state="REFUSED", by="contact:ann")
        assert not (await store.wishes_of(tx, TENANT, "bo")).waits
        nobodys = await store.wishes_of(tx, TENANT, "ann")
        assert (nobodys.done, nobodys.quiet_until, nobodys.waits) == ({}, date.min, False)


async def test_what_a_reader_wished_is_forgotten_with_them_and_when_it_chooses_nothing_any_more(database: Database):
    day = await today(database)
    async with database.transaction([TENANT]) as tx:
        for news_id, back in (("over", 10), ("current", 0)):
            await store.add_news(tx, TENANT, an_item(news_id, day - timedelta(days=back)), "user:sal")
        for contact in ("ann", "bo"):
            for news_id in ("over", "current"):
                await store.dismiss(tx, TENANT, contact, news_id)
            await store.did(tx, TENANT, contact, "FIRST_ORDER")
            await store.did(tx, TENANT, contact, "PERSON_INVITED")
        await store.be_quiet(tx, TENANT, "ann", day)
        await store.be_quiet(tx, TENANT, "bo", day + timedelta(days=1))
        await tx.run("UPDATE deed SET on_day = on_day - 8 WHERE act = 'FIRST_ORDER'")
        assert await forget_outdated(tx, TENANT) == 5
        assert await forget_outdated(tx, TENANT) == 0
        assert await left(tx) == [("ann", "PERSON_INVITED"), ("ann", "current"), *LEFT_OF_BO]

        await store.forget_reader(tx, TENANT, "ann")
        assert await left(tx) == LEFT_OF_BO


LEFT_OF_BO = [("bo", "PERSON_INVITED"), ("bo", "current"), ("bo", "quiet")]


async def left(tx: Tx) -> list[tuple[str, str]]:
    found = await tx.rows(
        """SELECT contact_id, act AS what FROM deed UNION ALL SELECT contact_id, news_id FROM news_dismissed
           UNION ALL SELECT contact_id, 'quiet' FROM news_quiet"""
    )
    return sorted(map(tuple, found))


def a_purchase(purchase_id: str) -> Purchase:
    at: Any = None
    return Purchase(
        purchase_id, "b1", "bo", "contact:bo", "GBP", 700, "AWAITING", b"request", 1, at, at, "", "", "", [], False
    )

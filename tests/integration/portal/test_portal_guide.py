"""The guide: once, at the first of something, until somebody has had enough of it; on a real database."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from pydantic import SecretStr

from services.chassis.database import Database
from services.kernel.refusals import NotFound
from services.portal import store, usecases
from services.portal.domain.guide import GUIDES, ORDER, Guide
from services.portal.domain.people import Person
from services.portal.service import SERVICE
from services.portal.usecases import Door
from tests.integration.conftest import OpenService

TENANT = "acme"


@pytest.fixture
async def database(open_service: OpenService) -> AsyncIterator[Database]:
    """Give the portal's own."""
    async with open_service(SERVICE, portal_secret=SecretStr("x" * 32)) as parts:
        yield parts.database


def a_person(contact_id: str, account_id: str = "b1") -> Person:
    return Person(TENANT, contact_id, account_id, contact_id, frozenset({"REQUESTER"}), "en")


class Reader:
    """Somebody who opens pages."""

    def __init__(self, database: Database, person: Person) -> None:
        self.door = Door(database, cast("Any", None), cast("Any", None))  # neither is asked
        self.person, self.asked = person, 0

    async def sees(self, order: str, *, first: bool = True) -> Guide | None:
        async def is_first() -> bool:
            self.asked += 1
            return first

        return await usecases.guide_for(self.door, self.person, ORDER, f"order/{order}", is_first)


async def test_the_first_is_guided_until_its_reader_has_had_enough(database: Database):
    ann, bob = Reader(database, a_person("ann")), Reader(database, a_person("bob"))

    assert await ann.sees("o1") == await ann.sees("o1") == GUIDES[ORDER]
    assert await ann.sees("o2") is None
    await usecases.end_guide(ann.door, ann.person, ORDER)
    await usecases.end_guide(ann.door, ann.person, ORDER)
    assert await ann.sees("o1") is None
    assert ann.asked == 1
    assert await bob.sees("o1") is not None  # each for themselves


async def test_who_knows_their_way_is_asked_about_once_and_never_guided(database: Database):
    ann = Reader(database, a_person("ann"))

    assert await ann.sees("o7", first=False) is None
    assert await ann.sees("o1") is None
    assert ann.asked == 1


async def test_the_sellers_people_are_not_guided_and_what_is_no_moment_is_refused(database: Database):
    sue = Reader(database, a_person("sue", account_id=""))

    assert await sue.sees("o1") is None
    with pytest.raises(NotFound):
        await usecases.end_guide(sue.door, sue.person, "anything")


async def test_who_is_forgotten_was_guided_by_nobody(database: Database):
    ann = Reader(database, a_person("ann"))
    await ann.sees("o1")

    async with database.transaction([TENANT]) as tx:
        await store.forget_reader(tx, TENANT, "ann")
        assert await store.guided(tx, TENANT, "ann", ORDER) is None

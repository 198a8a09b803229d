"""Orders that are alike are approved once, within bounds that hold whoever orders at once, and never by who orders them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.chassis.service import database_of
from services.kernel.money import Money
from services.kernel.refusals import Forbidden, NotFound
from services.kernel.standing import Bounds, Kind
from services.portal import usecases
from services.portal.asks import Write
from services.portal.domain.people import Person
from services.portal.domain.spending import Rule
from services.portal.usecases import Door
from tests.integration.portal.test_portal_spending import House, an_order, house, somebody

__all__ = ["house"]
ANN = somebody("ann", "AP_MANAGER")
BO = somebody("bo", "REQUESTER")


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def bounds(most: int = 20_000, month: int = 50_000, **fields: Any) -> Bounds:
    usual: dict[str, Any] = {"person": "contact:bo", "valid_until": datetime.now(UTC) + timedelta(days=60)}
    return Bounds(frozenset({Kind.PURCHASE}), gbp(most), gbp(month), 100, 30, **usual | fields)


async def grant(house: House, wanted: Bounds, by: Person = ANN, once: str = "g" * 32) -> str:
    people: Sequence[str] = ["ann", "bo", "cy", "di"]
    return (await usecases.grant_standing(house.door, by, wanted, people, once)).approval_id


async def order(door: Door, name: str, minor: int, by: Person = BO) -> bool:
    """Whether it is placed at once."""
    placed = await usecases.place_or_ask(door, by, an_order(name, minor), Write(name.ljust(32, "x")))
    return not placed.awaits_approval


async def test_orders_within_the_bounds_are_placed_at_once_until_somebody_revokes(house: House):
    approval = await grant(house, bounds())
    assert await grant(house, bounds()) == approval, "the same form again"

    assert [await order(house.door, f"o{nth}", 20_000) for nth in range(2)] == [True, True]
    assert await order(house.door, "o1", 20_000), "the same form again"
    assert not await order(house.door, "more", 10_001), "the 30 days have no room for it"
    assert await order(house.door, "rest", 10_000)
    assert not await order(house.door, "hers", 20_000, somebody("cy", "REQUESTER"))
    [shown] = await usecases.standing_of(house.door, ANN)
    assert (shown.used.minor, shown.used.count, shown.stands) == (50_000, 3, True)
    placed = {one.purchase.order_id: one.purchase.standing_id for one in await usecases.approvals(house.door, BO)}
    assert {placed["o0"], placed["o1"], placed["rest"]} == {approval}

    await grant(house, bounds(), once="h" * 32)
    assert await order(house.door, "again", 15_000)
    for one in await usecases.standing_of(house.door, ANN):
        await usecases.revoke_standing(house.door, somebody("di", "PROCUREMENT"), one.approval.approval_id)
    assert not await order(house.door, "late", 15_000)
    with pytest.raises(NotFound):
        await usecases.revoke_standing(house.door, somebody("eve", "AP_MANAGER", account="b2"), approval)


async def test_nobody_approves_their_own_orders_nor_more_than_they_may_order_themselves(house: House):
    mine = bounds(person="contact:ann")
    with pytest.raises(Forbidden):
        await grant(house, mine)
    with pytest.raises(Forbidden):
        await grant(house, bounds(), somebody("bo", "REQUESTER"))
    rule = Rule("", "role:AP_MANAGER", "GBP", 20_000, 40_000)
    await usecases.save_rule(house.door, somebody("ada", "ACCOUNT_ADMIN"), rule, [], "s" * 32)
    for above in (bounds(20_001, 30_000), bounds(20_000, 40_001)):
        with pytest.raises(Forbidden):
            await grant(house, above)

    await grant(house, bounds(20_000, 40_000, person=""))
    assert not await order(house.door, "own", 20_000, somebody("ann", "REQUESTER"))
    known = Person("acme", "ann-2", "b1", "ann", frozenset({"REQUESTER"}), "en", assurance=2)
    assert await order(house.door, "other", 20_000, known)


async def test_one_person_with_two_names_here_is_one(house: House):
    ann = Person(
        "acme", "ann", "b1", "ann", frozenset({"AP_MANAGER"}), "en", assurance=2, addresses=frozenset({"a@b.c"})
    )
    twin = Person(
        "acme", "twin", "b1", "x", frozenset({"REQUESTER"}), "en", assurance=2, addresses=frozenset({"a@b.c"})
    )
    await grant(house, bounds(person=""), ann)

    assert not await order(house.door, "twin", 20_000, twin)
    assert await order(house.door, "bo", 20_000)


async def test_sixteen_at_once_in_two_replicas_order_no_more_than_30_days_have(house: House):
    await grant(house, bounds(20_000, 60_000, person=""))
    async with database_of(house.parts.settings) as database:
        doors = (house.door, Door(database, house.door.asks, house.door.settings))
        found = await asyncio.gather(
            *(order(doors[nth % 2], f"o{nth}", 20_000, somebody(f"p{nth % 5}", "REQUESTER")) for nth in range(16))
        )

    assert sum(found) == 3
    [shown] = await usecases.standing_of(house.door, ANN)
    assert shown.used.minor == 60_000


async def test_after_three_alike_the_next_is_offered_to_be_approved_once(house: House):
    for nth in range(3):
        assert not await order(house.door, f"o{nth}", 20_000 + nth)
        [waits] = [one for one in await usecases.approvals(house.door, ANN) if one.may_decide]
        assert not waits.is_habit
        await usecases.decide(house.door, ANN, waits.purchase.purchase_id, says_yes=True)
        await house.work()
    await order(house.door, "small", 39_000)
    await order(house.door, "large", 90_000)

    offered = {
        one.purchase.gross_minor: one.is_habit for one in await usecases.approvals(house.door, ANN) if one.may_decide
    }
    assert offered == {39_000: True, 90_000: False}

"""An order belongs to one account, a hold and an account to whoever comes first: under any race, whichever replica."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2, service_pb2

from tests.integration.credit.desk import (
    COMPANY,
    Desk,
    Refused,
    account_of,
    eur,
    outcomes,
    parked,
    placed,
    register,
    told,
)

PAIRS = 60
APPROVED = events_pb2.OUTCOME_APPROVED


async def answer(call: Awaitable[Any]) -> Any:
    """What a call answers, or the code of its refusal."""
    try:
        return await call
    except Refused as refused:
        return refused.code


async def sum_of_holds(desk: Desk, account: str) -> int:
    async with desk.parts.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT coalesce(sum(held_minor), 0) AS n FROM hold WHERE account_id = %s", [account])
    return int(row.n)


async def test_one_order_of_two_accounts_at_once_is_approved_for_one_of_them(desks: tuple[Desk, Desk]):
    one, two = desks
    for account in ("a", "b"):
        await register(one.parts, account, limit=10**9)

    for n in range(PAIRS):
        order, versions = f"o{n}", (1, 2 if n % 3 == 0 else 1)  # versions that differ meet in no row of a hold
        answers = await asyncio.gather(
            answer(one.decide(order, 1_000 + n, account="a", version=versions[0])),
            answer(two.decide(order, 2_000 + n, account="b", version=versions[1])),
        )
        codes = [given if isinstance(given, str) else given.outcome for given in answers]
        assert sorted(codes, key=str) == [APPROVED, "order.account_changed"], order

    for account in ("a", "b"):
        assert await account_of(one.parts, account) == (0, await sum_of_holds(one, account))
    assert len(await outcomes(one.parts)) == PAIRS


async def test_an_order_that_the_shop_tells_and_a_checkout_asks_for_another_account_is_one_accounts(
    desks: tuple[Desk, Desk],
):
    one, two = desks
    for account in ("a", "b"):
        await register(one.parts, account, limit=10**9)

    for n in range(20):
        batch = [placed(f"p{n}-{m}", account="a") for m in range(3)]
        asked, _ = await asyncio.gather(answer(two.decide(f"p{n}-1", account="b")), one.follow(*batch))
        assert asked == "order.account_changed" or asked.outcome == APPROVED

    refused = [why for why in await parked(one.parts) if why == ("refused", "order.account_changed")]
    decided = await outcomes(one.parts)
    assert len(decided) == 60
    assert (await told(one.parts)).count("OrderRefused") == len(refused) == len(await parked(one.parts))
    for account in ("a", "b"):
        assert await account_of(one.parts, account) == (0, await sum_of_holds(one, account))


async def test_checkouts_and_the_shop_at_once_spend_one_limit_once(desks: tuple[Desk, Desk]):
    one, two = desks
    await register(one.parts, "a", limit=100_000)
    batches = [[placed(f"p{n}-{m}", 10_000, account="a") for m in range(4)] for n in range(4)]

    answers, *_ = await asyncio.gather(
        asyncio.gather(*(desk.decide(f"c{n}-{m}", account="a") for n in range(8) for m, desk in enumerate(desks))),
        *(desk.follow(*batch) for desk, batch in zip((one, two, one, two), batches, strict=True)),
    )

    approved = [order for order, _, outcome, _ in await outcomes(one.parts) if outcome == "APPROVED"]
    assert len(approved) == 10
    assert {decision.order_id for decision in answers if decision.outcome == APPROVED} == {
        order for order in approved if order.startswith("c")
    }
    assert await account_of(one.parts, "a") == (0, 100_000) == (0, await sum_of_holds(one, "a"))


async def test_one_id_for_two_companies_at_once_is_the_firsts(desks: tuple[Desk, Desk]):
    def wish(name: str, limit: int) -> service_pb2.RegisterBuyerRequest:
        company = party_pb2.Company(name=name, address=COMPANY.address)
        return service_pb2.RegisterBuyerRequest(account_id="new", company=company, limit=eur(limit))

    for tenant in ("acme", "bolt"):
        answers = await asyncio.gather(
            *(answer(desk.call("RegisterBuyer", wish(f"N{n}", 100 + n), tenant=tenant)) for n, desk in enumerate(desks))
        )
        [registered] = [given.account for given in answers if not isinstance(given, str)]
        assert [given for given in answers if isinstance(given, str)] == ["buyer.exists"]
        assert registered.company.name == f"N{registered.limit.minor - 100}"


async def test_one_hold_id_for_two_accounts_at_once_is_the_firsts(desks: tuple[Desk, Desk]):
    for account in ("a", "b"):
        await register(desks[0].parts, account)

    for n in range(PAIRS):
        answers = await asyncio.gather(
            *(
                answer(desk.call("PlaceHold", service_pb2.PlaceHoldRequest(hold_id=f"h{n}", account_id=account)))
                for desk, account in zip(desks, ("a", "b"), strict=True)
            )
        )
        assert [given for given in answers if isinstance(given, str)] == ["hold.exists"]

    holds = await desks[0].call("ListHolds", service_pb2.ListHoldsRequest())
    assert len({hold.hold_id for hold in holds.holds}) == PAIRS
    assert (await told(desks[0].parts)).count("HoldPlaced") == PAIRS


async def test_a_review_and_a_new_version_at_once_leave_one_hold(desks: tuple[Desk, Desk]):
    one, two = desks
    await register(one.parts, "a", limit=10_000)

    for n in range(20):
        order = f"o{n}"
        assert (await one.decide(order, 10_500, account="a")).outcome == events_pb2.OUTCOME_REFERRED
        review = service_pb2.ReviewRequest(order_id=order, outcome=APPROVED)
        reviewed, replaced = await asyncio.gather(
            answer(one.call("Review", review)), answer(two.decide(order, 9_000, account="a", version=2))
        )
        assert replaced.outcome == APPROVED
        assert reviewed == "hold.illegal_move" or reviewed.decision.outcome == APPROVED
        assert await account_of(one.parts, "a") == (0, 9_000) == (0, await sum_of_holds(one, "a"))
        await two.decide(order, 10_500, account="a", version=3)  # referred, and gives back what was held


async def test_two_policies_at_once_are_two_versions(desks: tuple[Desk, Desk]):
    def wish(days: int) -> service_pb2.SetPolicyRequest:
        return service_pb2.SetPolicyRequest(policy=events_pb2.CreditPolicy(referral_share="0.1", hold_days=days))

    answers = await asyncio.gather(*(desk.call("SetPolicy", wish(n)) for n in range(10) for desk in desks))

    assert sorted(given.version for given in answers) == list(range(1, 21))


@pytest.mark.parametrize("door", [0, 1])
async def test_an_unknown_buyers_order_is_one_accounts_too(desks: tuple[Desk, Desk], door: int):
    answers = await asyncio.gather(
        *(answer(desks[(n + door) % 2].decide("o1", account=f"nobody{n}")) for n in range(4))
    )

    assert answers.count("order.account_changed") == 3
    assert len(await outcomes(desks[0].parts)) == 1

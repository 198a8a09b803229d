"""Other currencies under attack: what is built anew, what is overdue abroad, and rates that ceased long ago."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2
from receivables.credit.v1 import standing_pb2 as calls
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Origin, decode
from services.credit import store, usecases
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from services.credit.store import habits
from services.credit.usecases.conduct import own_facts
from services.kernel.money import Money
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import (
    COMPANY,
    Desk,
    account_of,
    eur,
    expire,
    numbered,
    placed,
    register,
    sek,
    set_clock,
    set_rates,
    standing,
)
from tests.integration.credit.test_applications_rebuilt import told
from tests.integration.credit.test_credit_currencies import wish
from tests.integration.credit.test_credit_standing import bounds, confirm
from tests.records import a_record


async def test_what_orders_abroad_are_compared_with_is_the_same_where_it_is_built_anew(
    desk: Desk, open_service: OpenService
):
    await register(desk.parts)
    await set_rates(desk, SEK="11.25")
    within = bounds()
    within.act_most.CopyFrom(sek(1_170_000))
    within.period_most.CopyFrom(sek(2_000_000))
    request = calls.GrantStandingApprovalRequest(approval_id="s1", account_id="b1", bounds=within)
    await desk.call("GrantStandingApproval", request)
    assert await wish(desk, "own", eur(5_000)) == ("APPROVED", "within_limit")
    assert await wish(desk, "waits", sek(1_100_000)) == ("REFERRED", "near_limit")
    await confirm(desk)
    assert await wish(desk, "near", sek(1_100_000)) == ("APPROVED", "standing_approval")
    review = service_pb2.ReviewRequest(order_id="waits", outcome=events_pb2.OUTCOME_APPROVED)
    await desk.call("Review", review)

    async with open_service(SERVICE, clock="test") as parts:
        types = types_of("receivables.credit.v1", dict.fromkeys(FOLD.own))  # type: ignore[arg-type]
        async with parts.database.transaction(["acme"]) as tx:
            for record in await told(desk.parts):
                event = decode(record, types)
                await FOLD.own[type(event.body)](tx, event, None)
            again = await habits.find_habit(tx, ("acme", "b1"))
    async with desk.parts.database.transaction(["acme"]) as tx:
        before = await habits.find_habit(tx, ("acme", "b1"))
    assert again == before


async def test_an_invoice_that_is_overdue_abroad_counts_at_what_it_is_worth(desk: Desk):
    await register(desk.parts)
    await set_rates(desk, SEK="10")
    await wish(desk, "o1", sek(100_000))
    body = ledger_pb2.ItemOpened(
        invoice_id="i1", number="N", account_id="b1", order_id="o1", final=True, amount=sek(100_000), due_date="2026-01-06",
    )  # fmt: skip
    await desk.follow(
        numbered(a_record(body, account="b1", subject="invoice/i1"), 1, standing(100_000, currency="SEK"))
    )
    assert await account_of(desk.parts) == (10_000, 0)

    async with desk.parts.database.transaction(["acme"]) as tx:
        [conduct] = (await store.conduct_of(tx, [("acme", "b1")], date(2026, 2, 1))).values()
    assert conduct.overdue_minor == 10_000


async def test_a_group_in_a_currency_whose_rates_ceased_long_ago_stops_nobodys_orders(desk: Desk):
    """Of the newest days of each leg, none is the other's too."""
    krone = money_pb2.Money(minor=10_000_000, currency="DKK")
    async with desk.parts.database.transaction(["acme"]) as tx:
        origin = Origin("acme", "user:test", "test", "key", "00-0-0-01")
        await usecases.register_buyer(tx, origin, "b2", COMPANY, Money(10_000_000, "SEK"))
    await desk.parts.consumer.wake(tx.announced)
    await set_rates(desk, SEK="10", DKK="7.5")
    await desk.call(
        "RegisterNode", exposure_pb2.RegisterNodeRequest(node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=krone)
    )
    await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id="b2", parent_id="g"))
    await desk.follow(placed("o1", 10_000, account="b2", currency="SEK"))
    held = (await desk.call("GetTree", exposure_pb2.GetTreeRequest(node_id="g"))).path[0].held
    assert held.minor == 7_650

    for day in range(1, 40):
        at = datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(days=day)
        await set_clock(desk.parts, at)
        await set_rates(desk, day=at.date().isoformat(), SEK="11")
    await expire(desk.parts)
    body = orders_pb2.OrderCancelled(order_id="o1", account_id="b2")
    await desk.follow(a_record(body, account="b2", subject="order/o1"))

    assert (await desk.call("GetTree", exposure_pb2.GetTreeRequest(node_id="g"))).path[0].held.minor == 0


async def test_whoever_is_part_of_a_group_in_another_currency_is_looked_at_and_may_apply(desk: Desk):
    await set_rates(desk, SEK="10")
    group = exposure_pb2.RegisterNodeRequest(node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=sek(3_000_000))
    await desk.call("RegisterNode", group)
    for account, minor in (("b1", 10_000), ("b2", 40_000)):
        await register(desk.parts, account)
        await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id=account, parent_id="g"))
        await desk.decide(f"of-{account}", minor, account=account)

    async with desk.parts.database.transaction(["acme"]) as tx:
        facts = await own_facts(tx, "acme", "b1", currency="EUR")

    # 400 EUR x 10 x 1.02 of the other one, and 30,000 SEK, at 10 SEK a euro
    assert (facts["group_limit"], facts["group_used"]) == (Decimal("3000.00"), Decimal("408.00"))

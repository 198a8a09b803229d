"""Orders that look wrong: they wait with a reason, an owner, a condition and a deadline, and nothing is lost or reserved twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2, service_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Origin, Record, decode
from services.chassis.service import Parts
from services.credit import store
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from services.credit.usecases import fraud_rules
from tests.integration.conftest import OpenService
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import (
    Desk,
    Refused,
    account_of,
    bodies,
    cancelled,
    expire,
    hold_of,
    placed,
    register,
    set_clock,
)
from tests.records import a_record

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
AT_HOME = party_pb2.Address(street="Hauptstr. 1", post_code="10115", city="Berlin", country="DE")
ELSEWHERE = party_pb2.Address(street="Hafenweg 9", post_code="20457", city="Hamburg", country="DE")
HELD = ("REFERRED", ["fraud_hold"])
APPROVED, DECLINED = events_pb2.OUTCOME_APPROVED, events_pb2.OUTCOME_DECLINED


async def led_elsewhere(desk: Desk, order_id: str = "o1", minor: int = 10_000) -> tuple[str, list[str]]:
    """An order that was approved is to go to another place."""
    assert await desk.reasons(order_id, minor, ship_to=AT_HOME) == ("APPROVED", ["within_limit"])
    return await desk.reasons(order_id, minor, version=2, ship_to=ELSEWHERE)


async def shown(desk: Desk, order_id: str = "o1") -> Any:
    return await desk.call("GetOrderCheck", service_pb2.GetOrderCheckRequest(order_id=order_id))


async def record(desk: Desk, order_id: str = "o1", *, is_clear: bool = True, by: str = "user:bob") -> Any:
    request = service_pb2.RecordOrderCheckRequest(order_id=order_id, is_clear=is_clear)
    return await desk.call("RecordOrderCheck", request, by=by)


async def review(
    desk: Desk, order_id: str = "o1", outcome: Any = DECLINED, *, by: str = "user:bob", **said: Any
) -> Any:
    return await desk.call("Review", service_pb2.ReviewRequest(order_id=order_id, outcome=outcome, **said), by=by)


async def waiting(desk: Desk) -> list[str]:
    return [one.order_id for one in (await desk.call("ListOrderChecks", service_pb2.ListOrderChecksRequest())).checks]


async def rule(desk: Desk, name: str = "F07") -> Any:
    found = (await desk.call("ListFraudRules", service_pb2.ListFraudRulesRequest())).rules
    return next((one for one in found if one.rule == name), None)


async def test_an_order_that_is_led_elsewhere_waits_for_a_call_back_and_goes_on_after_it(desk: Desk):
    await register(desk.parts)

    assert await led_elsewhere(desk) == HELD

    found = await shown(desk)
    assert (found.check.reason_code, found.check.clears, found.check.owner) == ("fraud_hold", "call_back_done", "")
    assert found.check.latest_by.ToDatetime(UTC) == NINE + timedelta(hours=4)
    assert [(hit.rule, hit.action, hit.feature, hit.value) for hit in found.hits] == [
        ("F07", "hold", "ship_to_changed", "true")
    ]
    assert (await account_of(desk.parts))[1] == 0  # what may never go takes no credit
    assert await waiting(desk) == ["o1"]
    await desk.call("TakeUpOrderCheck", service_pb2.TakeUpOrderCheckRequest(order_id="o1"), by="user:bob")
    assert (await shown(desk)).check.owner == "user:bob"

    answer = await record(desk)

    assert (answer.check.is_closed, answer.decision.outcome) == (True, APPROVED)
    assert list(answer.decision.reasons) == ["by_person", "within_limit"]
    assert (await account_of(desk.parts))[1] == 10_000
    assert await waiting(desk) == []
    assert (await rule(desk)).hits == 1
    # Where goods went once with a person's word they may go again.
    assert await desk.reasons("o1", 10_000, version=3, ship_to=ELSEWHERE) == ("APPROVED", ["within_limit"])


async def test_nobody_checks_an_order_that_they_took_and_a_failed_call_back_ends_with_a_person(desk: Desk):
    await register(desk.parts)
    await desk.decide("o1", ship_to=AT_HOME)
    await desk.decide("o1", version=2, ship_to=ELSEWHERE, by="user:sam")

    with pytest.raises(Refused, match=r"order\.four_eyes"):
        await record(desk, by="user:sam")
    await record(desk, is_clear=False)

    assert await waiting(desk) == ["o1"]
    assert (await hold_of(desk.parts)).state == "REFERRED"
    with pytest.raises(Refused, match=r"review\.fraud_approved"):
        await review(desk, outcome=APPROVED, is_fraud=True)
    await review(desk, is_fraud=True)
    assert await waiting(desk) == []
    assert ((await rule(desk)).hits, (await rule(desk)).confirmed) == (1, 1)
    async with desk.parts.database.transaction(["acme"]) as tx:
        [due] = (await store.looks_of(tx, [("acme", "b1")])).values()
    assert due.causes == ("fraud",)  # of whoever orders so the limit is looked at
    with pytest.raises(Refused, match=r"order_check\.closed"):
        await record(desk)


async def test_what_was_checked_still_has_to_fit_the_limit(desk: Desk):
    await register(desk.parts, limit=15_000)
    assert await led_elsewhere(desk) == HELD
    assert await desk.reasons("o2", 10_000) == ("APPROVED", ["within_limit"])

    answer = await record(desk)

    assert (answer.decision.outcome, (await hold_of(desk.parts)).state) == (events_pb2.OUTCOME_REFERRED, "REFERRED")
    assert await account_of(desk.parts) == (0, 10_000)
    assert await waiting(desk) == []


async def test_a_check_that_nobody_makes_is_told_once_before_and_once_after_its_time_and_ships_nothing(desk: Desk):
    await register(desk.parts)
    await led_elsewhere(desk)
    for hours in (1, 2, 3, 4, 6):
        await set_clock(desk.parts, NINE + timedelta(hours=hours))
        await expire(desk.parts)

    told = [one.state for one in await bodies(desk.parts, events_pb2.OrderCheckMoved)]

    assert told == [events_pb2.ORDER_CHECK_STATE_AT_RISK, events_pb2.ORDER_CHECK_STATE_LATE]
    assert (await hold_of(desk.parts)).state == "REFERRED"


async def test_a_new_version_or_the_orders_end_ends_its_check(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1", ship_to=AT_HOME))
    await desk.follow(placed("o1", version=2, ship_to=ELSEWHERE))
    assert await waiting(desk) == ["o1"]

    await desk.follow(placed("o1", version=3, ship_to=AT_HOME))

    assert await waiting(desk) == []
    assert (await hold_of(desk.parts)).state == "HELD"
    assert await rule(desk) is None  # nobody said whether it was right


async def test_a_rule_that_is_hardly_ever_right_stops_nothing_until_two_persons_want_it_to(desk: Desk):
    await register(desk.parts, limit=10**9)
    origin = Origin("acme", "user:bob", "test", "key", "00-0-0-01")
    async with desk.parts.database.transaction(["acme"]) as tx:
        for nth in range(30):
            await fraud_rules.ended(tx, origin, ["F07"], confirmed=nth == 0)
    assert (await rule(desk)).HasField("shadow_since")

    assert await led_elsewhere(desk) == ("APPROVED", ["within_limit"])

    signals = await bodies(desk.parts, events_pb2.FraudSignalled)
    assert [(one.rule, one.action, one.HasField("latest_by")) for one in signals] == [("F07", "shadow", False)]
    wish = service_pb2.RestoreFraudRuleRequest(rule="F07")
    await desk.call("RestoreFraudRule", wish, by="user:ada")
    with pytest.raises(Refused, match=r"fraud_rule\.four_eyes"):
        await desk.call("RestoreFraudRule", wish, by="user:ada")
    await desk.call("RestoreFraudRule", wish, by="user:bob")
    assert await led_elsewhere(desk, "o2") == HELD


async def test_whoever_decides_at_once_on_whichever_replica_the_order_is_decided_once_and_the_limit_holds(
    desks: tuple[Desk, Desk],
):
    one, two = desks
    await register(one.parts, limit=25_000)
    for nth in range(12):
        order = f"o{nth}"
        assert await led_elsewhere(one, order) == HELD

        answers = await asyncio.gather(
            record(one, order), review(two, order, is_fraud=True), two.decide(f"x{nth}", 20_000), return_exceptions=True
        )

        assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, Refused)]
        used, held = await account_of(one.parts)
        assert used + held <= 25_000
        assert await waiting(one) == []
        for each in (order, f"x{nth}"):
            await one.follow(cancelled(each))
    async with one.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT order_id FROM decision WHERE decided_by <> 'engine'")
    assert len(rows) == len({row.order_id for row in rows})
    assert (await account_of(one.parts))[1] == 0


async def test_checks_and_habits_are_built_anew_from_what_was_told(desk: Desk, open_service: OpenService):
    await register(desk.parts)
    await led_elsewhere(desk)
    await desk.call("TakeUpOrderCheck", service_pb2.TakeUpOrderCheckRequest(order_id="o1"))
    await led_elsewhere(desk, "o2")
    await record(desk, "o2")
    await led_elsewhere(desk, "o3")
    await review(desk, "o3", is_fraud=True)
    records = await told(desk.parts)

    async with open_service(SERVICE) as parts, served(parts) as anew:
        types = types_of("receivables.credit.v1", FOLD.own)  # type: ignore[arg-type] # none is handled
        async with parts.database.transaction(["acme"]) as tx:
            for each in records:
                event = decode(each, types)
                await FOLD.own[type(event.body)](tx, event, None)

        for table, columns in {
            "order_habit": "*",
            "order_check": "order_id, version, reason_code, rules, clears, owner, latest_by, answered_by, closed_at IS NULL",
            "order_hit": "order_id, version, rule, action",
            "fraud_rule": "*",
        }.items():
            assert await rows_of(anew, table, columns) == await rows_of(desk, table, columns), table


async def rows_of(desk: Desk, table: str, columns: str) -> list[Any]:
    async with desk.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def told(parts: Parts[Any]) -> list[Record]:
    """What was announced so far, as it travels."""
    async with parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT * FROM outbox ORDER BY id")
    return [Record(row.topic, 0, row.id, row.key.encode(), bytes(row.payload), row.headers) for row in rows]


async def test_what_one_who_leaves_saw_to_their_successor_sees_to(desk: Desk):
    await register(desk.parts)
    await led_elsewhere(desk)
    await desk.call("TakeUpOrderCheck", service_pb2.TakeUpOrderCheckRequest(order_id="o1"), by="user:bob")
    body = notifications_pb2.ContactSucceeded(contact_id="bob", successor_id="cy")

    await desk.parts.consumer.handle([a_record(body, account="people", subject="succession/bob")])

    assert (await shown(desk)).check.owner == "user:cy"

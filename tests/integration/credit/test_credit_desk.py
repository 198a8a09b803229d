"""Holds on accounts, as people place and lift them and as the clock ends them; what a seller decides by."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2, service_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.credit import usecases
from services.credit.domain import account_holds
from tests.integration.credit.desk import (
    Desk,
    Refused,
    bodies,
    eur,
    expire,
    hold_of,
    parked,
    placed,
    register,
    seller,
    set_clock,
    told,
)
from tests.records import a_record

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ON_HOLD, APPROVED = ("DECLINED", ["account_on_hold"]), ("APPROVED", ["within_limit"])
NORTH = party_pb2.Scope(site="north")


def stamp(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


def wish(hold_id: str = "h1", **fields: Any) -> service_pb2.PlaceHoldRequest:
    return service_pb2.PlaceHoldRequest(
        **{"hold_id": hold_id, "account_id": "b1", "reason_code": "overdue", "reason": "a", "owner": "user:ada"}
        | fields
    )


async def lift(desk: Desk, hold_id: str = "h1") -> None:
    await desk.call("LiftHold", service_pb2.LiftHoldRequest(hold_id=hold_id))


async def listed(desk: Desk, account: str = "", **page: Any) -> list[str]:
    answer = await desk.call("ListHolds", service_pb2.ListHoldsRequest(account_id=account, **page))
    return [hold.hold_id for hold in answer.holds]


async def test_orders_of_an_account_on_hold_are_declined_until_it_is_lifted(desk: Desk):
    await register(desk.parts)
    placed_hold = (await desk.call("PlaceHold", wish(until=stamp(NOON)))).hold
    assert await desk.reasons("o1") == ON_HOLD
    assert (await desk.account()).on_hold
    assert (await desk.call("ListAccounts", service_pb2.ListAccountsRequest())).accounts[0].on_hold

    await lift(desk)

    assert await desk.reasons("o2") == APPROVED
    assert not (await desk.account()).on_hold
    [told] = await bodies(desk.parts, events_pb2.HoldPlaced)
    assert (told.reason_code, told.reason, told.owner) == ("overdue", "", "user:ada")
    assert placed_hold == events_pb2.HoldPlaced(
        hold_id="h1",
        account_id="b1",
        scope=party_pb2.Scope(),
        reason_code="overdue",
        reason="a",
        owner="user:ada",
        until=stamp(NOON),
    )
    [lifted] = await bodies(desk.parts, events_pb2.HoldLifted)
    assert (lifted.hold_id, lifted.account_id, lifted.cause) == ("h1", "b1", "lifted")


async def test_a_hold_of_a_part_stops_orders_of_that_part_whatever_their_door(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish(scope=NORTH))

    assert await desk.reasons("o1", scope=party_pb2.Scope(site="north", cost_centre="7")) == ON_HOLD
    assert await desk.reasons("o2", scope=party_pb2.Scope(site="south")) == APPROVED
    assert not (await desk.account()).on_hold
    north = placed("o3")
    body = orders_pb2.OrderPlaced.FromString(north.value or b"")
    body.scope.CopyFrom(NORTH)
    await desk.follow(type(north)(north.topic, 0, north.offset, north.key, body.SerializeToString(), north.headers))
    assert (await hold_of(desk.parts, "o3")).state == "REFUSED"


async def test_a_hold_ends_by_the_clock_at_once_for_orders_and_then_says_so_once(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish(until=stamp(NOON)))
    await set_clock(desk.parts, NOON - timedelta(microseconds=1))
    assert await expire(desk.parts) == 0
    assert await desk.reasons("o1") == ON_HOLD

    await set_clock(desk.parts, NOON)

    assert await desk.reasons("o2") == APPROVED
    assert not (await desk.account()).on_hold
    assert await listed(desk) == []
    assert [await expire(desk.parts), await expire(desk.parts)] == [1, 0]
    [lifted] = await bodies(desk.parts, events_pb2.HoldLifted)
    assert (lifted.hold_id, lifted.cause) == ("h1", "over")
    await lift(desk)  # it is over already
    assert len(await bodies(desk.parts, events_pb2.HoldLifted)) == 1


async def test_a_hold_that_was_lifted_after_its_time_was_found_over_is_told_once(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish(until=stamp(NOON)))
    await set_clock(desk.parts, NOON)
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.find_over(tx) == 1
    await lift(desk)

    assert await expire(desk.parts) == 1
    assert [lifted.cause for lifted in await bodies(desk.parts, events_pb2.HoldLifted)] == ["lifted"]


async def test_the_same_hold_again_is_placed_already_and_lifting_it_again_says_nothing(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish(until=stamp(NOON)))
    await desk.call("PlaceHold", wish(until=stamp(NOON)))
    await lift(desk)
    await lift(desk)

    assert (await told(desk.parts))[1:] == ["HoldPlaced", "HoldLifted"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (wish(account_id="b2"), "hold.exists"),
        (wish(reason="b"), "hold.exists"),
        (wish(scope=NORTH), "hold.exists"),
        (wish("h2", account_id="nobody"), "buyer.unknown"),
        (wish("h2", until=stamp(datetime(2026, 1, 5, 9, tzinfo=UTC))), "hold.until_past"),
        (wish("h2", until=Timestamp(seconds=253402300799)), "time.out_of_range"),
        (wish("h2", until=Timestamp(seconds=2**62)), "time.out_of_range"),
        (wish("h2", until=Timestamp(seconds=-(2**62))), "time.out_of_range"),
        (wish("h2", until=Timestamp(seconds=1, nanos=-1)), "time.out_of_range"),
        (wish(""), "hold.incomplete"),
        (service_pb2.LiftHoldRequest(hold_id="h9"), "hold.unknown"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_with_its_code(desk: Desk, request_: Any, code: str):
    for account in ("b1", "b2"):
        await register(desk.parts, account)
    await desk.call("PlaceHold", wish())

    with pytest.raises(Refused) as refused:
        await desk.call(request_.DESCRIPTOR.name.removesuffix("Request"), request_)

    assert refused.value.code == code
    assert (await told(desk.parts)).count("HoldPlaced") == 1


async def test_a_lifted_holds_id_is_not_given_again(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish())
    await lift(desk)

    with pytest.raises(Refused, match=r"hold\.exists"):
        await desk.call("PlaceHold", wish())


async def test_an_account_has_as_many_holds_as_a_decision_reads(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(account_holds, "HOLDS_MAX", 2)
    await register(desk.parts)
    for hold in ("h1", "h2", "h2"):  # the same again is placed already
        await desk.call("PlaceHold", wish(hold))

    with pytest.raises(Refused, match=r"hold\.too_many"):
        await desk.call("PlaceHold", wish("h3"))
    await lift(desk)
    await desk.call("PlaceHold", wish("h3"))

    assert await listed(desk) == ["h2", "h3"]


async def test_holds_that_stand_are_listed_page_by_page_of_one_account_and_of_all(desk: Desk):
    for account in ("a", "b"):
        await register(desk.parts, account)
        for n in range(3):
            await desk.call("PlaceHold", wish(f"{account}{n}", account_id=account))
    await lift(desk, "a1")

    assert await listed(desk) == ["a0", "a2", "b0", "b1", "b2"]
    assert await listed(desk, "b") == ["b0", "b1", "b2"]
    for account in ("", "b"):
        found, token = [], ""
        while True:
            request = service_pb2.ListHoldsRequest(page_size=2, page_token=token, account_id=account)
            answer = await desk.call("ListHolds", request)
            found += [hold.hold_id for hold in answer.holds]
            if not (token := answer.next_page_token):
                break
        assert found == await listed(desk, account)


async def test_the_column_of_the_version_before_still_stops_an_account(desk: Desk):
    await register(desk.parts)
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE account SET on_hold = true")

    assert await desk.reasons("o1") == ON_HOLD
    assert (await desk.account()).on_hold


def policy(share: str = "0.5", days: int = 30) -> service_pb2.SetPolicyRequest:
    return service_pb2.SetPolicyRequest(policy=events_pb2.CreditPolicy(referral_share=share, hold_days=days))


async def test_a_seller_decides_by_what_it_has_set_last_and_other_tenants_by_theirs(desk: Desk):
    for tenant in ("acme", "bolt"):
        await register(desk.parts, tenant=tenant, limit=10_000)
    nothing_set = await desk.call("GetPolicy", service_pb2.GetPolicyRequest())
    assert (nothing_set.version, nothing_set.policy.referral_share, nothing_set.policy.hold_days) == (0, "0.10", 7)
    assert await desk.reasons("o1", 14_000) == ("DECLINED", ["over_limit"])

    assert (await desk.call("SetPolicy", policy("0.25"))).version == 1
    assert (await desk.call("SetPolicy", policy("0.50", 30))).version == 2

    assert await desk.reasons("o2", 14_000) == ("REFERRED", ["near_limit"])
    assert await desk.call("GetPolicy", service_pb2.GetPolicyRequest()) == service_pb2.GetPolicyResponse(
        version=2,
        policy=events_pb2.CreditPolicy(referral_share="0.50", hold_days=30, currency_buffer="0.02", rate_days=7),
    )
    assert (await desk.call("GetPolicy", service_pb2.GetPolicyRequest(), tenant="bolt")).version == 0
    request = service_pb2.DecideRequest(order_id="o1", version=1, account_id="b1", amount=eur(14_000))
    theirs = await desk.call("Decide", request, tenant="bolt")
    assert theirs.decision.outcome == events_pb2.OUTCOME_DECLINED
    async with desk.parts.database.transaction(()) as tx:
        rows = await tx.rows("SELECT key, headers ->> 'ce_subject' AS subject FROM outbox WHERE key LIKE '%%/policy'")
    assert [(row.key, row.subject) for row in rows] == [("acme/policy", "policy/credit")] * 2
    assert [told.version for told in await bodies(desk.parts, events_pb2.PolicyChanged)] == [1, 2]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (policy("1.01"), "policy.referral_share"),
        (policy("-0.1"), "policy.referral_share"),
        (policy("lots"), "number.malformed"),
        (policy(""), "number.malformed"),
        (policy("NaN"), "number.malformed"),
        (policy(days=366), "policy.hold_days"),
        (policy(days=-1), "policy.hold_days"),
        (policy(days=2**31 - 1), "policy.hold_days"),
    ],
)
async def test_a_policy_beyond_its_bounds_is_refused(desk: Desk, request_: Any, code: str):
    with pytest.raises(Refused) as refused:
        await desk.call("SetPolicy", request_)

    assert refused.value.code == code
    assert (await desk.call("GetPolicy", service_pb2.GetPolicyRequest())).version == 0


async def test_holds_that_stand_keep_their_end_when_the_policy_changes(desk: Desk):
    await register(desk.parts)
    await desk.follow(placed("o1"))
    await desk.call("SetPolicy", policy(days=0))
    await desk.follow(placed("o2"))

    assert (await hold_of(desk.parts, "o1")).expires_at == datetime(2026, 1, 14, tzinfo=UTC)
    assert (await hold_of(desk.parts, "o2")).expires_at == datetime(2026, 1, 7, tzinfo=UTC)


async def test_a_hold_lapses_when_its_last_day_is_over_where_its_seller_is(desk: Desk):
    await register(desk.parts)
    await desk.follow(
        seller("west", "America/Los_Angeles", 2),
        seller("east", "Asia/Tokyo"),
        seller("west", "Europe/Berlin", 1),  # an older word
        seller("lost", "Mars/Olympus"),
    )
    ends = {
        "": datetime(2026, 1, 14, 8, tzinfo=UTC),
        "west": datetime(2026, 1, 14, 8, tzinfo=UTC),
        "east": datetime(2026, 1, 13, 15, tzinfo=UTC),
        "nobody": datetime(2026, 1, 14, 8, tzinfo=UTC),
        "lost": datetime(2026, 1, 14, tzinfo=UTC),
    }

    for name, end in ends.items():
        decision = await desk.decide(f"o-{name}", 1, seller_id=name, promised_ship_on="2026-01-06")
        assert decision.hold_expires_at.ToDatetime(UTC) == end, name
        assert (await hold_of(desk.parts, f"o-{name}")).seller_id == name
    await desk.follow(placed("told", seller_id="east"))
    assert (await hold_of(desk.parts, "told")).expires_at == ends["east"]


async def test_what_a_checkout_says_beside_the_amount_rides_along(desk: Desk):
    await register(desk.parts)
    line = orders_pb2.OrderLine(line_id="1", sku="s", name="n", quantity="1", unit_price="100.00", net_minor=10_000)

    decision = await desk.decide(
        "o1",
        seller_id="s1",
        ship_to=party_pb2.Address(country="FR", city="Lyon"),
        requested_by="c1",
        lines=[line] * 3,
    )

    assert decision.outcome == events_pb2.OUTCOME_APPROVED


@pytest.mark.parametrize("country", ["XX", "XI", "fr"])
async def test_what_is_no_country_comes_through_no_door(desk: Desk, country: str):
    await register(desk.parts)
    nowhere = party_pb2.Address(country=country, city="Nowhere")
    company = party_pb2.Company(name="Nobody", address=nowhere)
    with pytest.raises(Refused, match=r"country\.unknown"):
        await desk.decide("o1", ship_to=nowhere)
    with pytest.raises(Refused, match=r"country\.unknown"):
        await desk.call("ChangeBuyer", service_pb2.ChangeBuyerRequest(account_id="b1", company=company))
    with pytest.raises(Refused, match=r"country\.unknown"):
        await desk.call(
            "RegisterBuyer", service_pb2.RegisterBuyerRequest(account_id="b2", company=company, limit=eur(1))
        )
    await desk.follow(placed("o2", ship_to=nowhere))

    assert await parked(desk.parts) == [("refused", "country.unknown")]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2200-01-01"])
async def test_insane_days_are_refused_and_nothing_is_a_defect(desk: Desk, day: str):
    await register(desk.parts)
    with pytest.raises(Refused, match=r"date\.out_of_range"):
        await desk.decide("o1", promised_ship_on=day)
    await desk.follow(placed("o2", promised_ship_on=day))

    assert await parked(desk.parts) == [("refused", "date.out_of_range")]


@pytest.mark.parametrize("at", [datetime(9999, 12, 31, 12, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)])
async def test_a_clock_beyond_all_calendars_refuses_orders_without_a_day(desk: Desk, at: datetime):
    await register(desk.parts)
    await desk.follow(seller("east", "Asia/Tokyo"))
    await set_clock(desk.parts, at)

    with pytest.raises(Refused, match=r"date\.out_of_range"):
        await desk.decide("o1")
    assert await expire(desk.parts) == 0


async def rows(desk: Desk, sql: str) -> list[Any]:
    async with desk.parts.database.transaction(["acme"]) as tx:
        return await tx.rows(sql)


async def test_what_a_person_wrote_of_a_hold_is_forgotten_and_the_hold_stands(desk: Desk):
    await register(desk.parts)
    await desk.call("PlaceHold", wish("h1", reason="he laughed", owner="Jane"))
    await desk.call("PlaceHold", wish("h2", reason="so did she", owner="user:bo"))
    body = notifications_pb2.ContactErased(contact_id="ada")

    await desk.parts.consumer.handle([a_record(body, account="people", subject="contact/ada")])

    found = await rows(desk, "SELECT hold_id, reason, owner, placed_by FROM account_hold ORDER BY hold_id")
    assert [tuple(row) for row in found] == [("h1", "", "", "user:ada"), ("h2", "", "user:bo", "user:ada")]
    assert await desk.reasons("o1") == ON_HOLD
    kept = await rows(desk, "SELECT response FROM answer WHERE method = 'PlaceHold' ORDER BY at")
    assert [service_pb2.PlaceHoldResponse.FromString(row.response).hold.reason for row in kept] == ["", ""]
    await desk.call("PlaceHold", wish("h1", reason="he laughed", owner="Jane"))


async def test_what_was_written_of_holds_is_forgotten_some_at_a_time_when_its_years_are_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.credit.usecases.account_holds.AT_ONCE", 2)
    await register(desk.parts)
    for nth in range(4):
        await desk.call("PlaceHold", wish(f"h{nth}", reason="he laughed"))
    for nth in range(3):
        await desk.call("LiftHold", service_pb2.LiftHoldRequest(hold_id=f"h{nth}"))
    await rows(desk, "UPDATE account_hold SET lifted_at = lifted_at - interval '20 years' RETURNING 1")

    async with desk.parts.database.transaction(["acme"]) as tx:
        assert [await usecases.forget_outdated(tx, "acme") for _ in range(3)] == [2, 1, 0]

    assert [row.hold_id for row in await rows(desk, "SELECT hold_id FROM account_hold WHERE reason <> ''")] == ["h3"]


@pytest.mark.parametrize(
    ("placing", "reviewing"),
    [
        ("user:ada", "user:ada"),
        ("user:ada", "user:bob for user:ada"),
        ("user:ada for user:bob", "user:bob"),
        ("key:shop for contact:c1", "user:bob for contact:c1"),
        ("key:shop", "user:bob for contact:c2"),  # for whom it was placed
    ],
)
async def test_whoever_placed_or_asked_for_an_order_does_not_decide_on_it(desk: Desk, placing: str, reviewing: str):
    await register(desk.parts, limit=10_000)
    await desk.decide("o1", 10_500, by=placing, requested_by="c2")
    review = service_pb2.ReviewRequest(order_id="o1", outcome=events_pb2.OUTCOME_APPROVED)

    with pytest.raises(Refused, match=r"FAILED_PRECONDITION order\.four_eyes"):
        await desk.call("Review", review, by=reviewing)
    assert (await desk.call("Review", review, by="user:cy")).decision.outcome == events_pb2.OUTCOME_APPROVED


async def test_whoever_placed_an_earlier_version_does_not_decide_on_the_next(desk: Desk):
    """Else two would take turns: one asks, the other raises it by a cent, and the first approves."""
    await register(desk.parts, limit=10_000)
    await desk.decide("o1", 10_400, by="user:ada", requested_by="c1")
    await desk.decide("o1", 10_500, version=2, by="user:bob")
    review = service_pb2.ReviewRequest(order_id="o1", outcome=events_pb2.OUTCOME_APPROVED)

    for person in ("user:ada", "user:bob", "user:cy for contact:c1"):
        with pytest.raises(Refused, match=r"FAILED_PRECONDITION order\.four_eyes"):
            await desk.call("Review", review, by=person)
    assert (await desk.call("Review", review, by="user:cy")).decision.outcome == events_pb2.OUTCOME_APPROVED


async def test_decisions_are_listed_by_order_the_newest_first_a_page_at_a_time(desk: Desk):
    await register(desk.parts)
    await register(desk.parts, "b2")
    for minute, (order, account, version, minor) in enumerate(
        [("o1", "b1", 1, 100), ("o2", "b2", 1, 200), ("o3", "b1", 1, 105_000), ("o1", "b1", 2, 150), ("o4", "b1", 1, 9)]
    ):
        await set_clock(desk.parts, NOON + timedelta(minutes=minute))
        await desk.decide(order, minor, account=account, version=version)
    await set_clock(desk.parts, NOON + timedelta(hours=1))
    await desk.call("Review", service_pb2.ReviewRequest(order_id="o3", outcome=events_pb2.OUTCOME_DECLINED))

    async def listed(account: str = "") -> list[Any]:
        found: list[Any] = []
        token = ""
        while True:
            request = service_pb2.ListDecisionsRequest(account_id=account, page_size=2, page_token=token)
            answer = await desk.call("ListDecisions", request)
            found += answer.decisions
            if not (token := answer.next_page_token):
                return found

    everything = [(d.decision.order_id, d.decision.version, d.hold_state, d.held.minor) for d in await listed()]
    assert everything == [("o3", 1, "REFUSED", 0), ("o4", 1, "HELD", 9), ("o1", 2, "HELD", 150), ("o2", 1, "HELD", 200)]
    assert [d.decision.order_id for d in await listed("b1")] == ["o3", "o4", "o1"]
    assert await listed("b3") == []
    [newest, *_] = await listed("b1")
    shown = await desk.call("GetDecision", service_pb2.GetDecisionRequest(order_id="o3"))
    assert newest == service_pb2.DecisionShown(
        decision=shown.decision,
        hold_state=shown.hold_state,
        held=shown.held,
        decided_at=stamp(NOON + timedelta(hours=1)),
    )

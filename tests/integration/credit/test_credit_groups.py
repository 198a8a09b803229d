"""Companies that owe together: one limit above their own, whoever orders, wherever an account is moved to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.credit.rebuild import FOLD
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import (
    Desk,
    Refused,
    bodies,
    cancelled,
    eur,
    expire,
    opened,
    paid,
    placed,
    register,
    sek,
    set_clock,
    set_rates,
    told,
)
from tests.integration.credit.races import nothing_drifts
from tests.integration.credit.test_credit_uplifts import approve, ask, end, set_limit, stamp

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
GROUP, PARENT = events_pb2.NODE_KIND_GROUP, events_pb2.NODE_KIND_PARENT


async def node(
    desk: Desk, name: str, limit: int, parent: str = "", kind: events_pb2.NodeKind.ValueType | None = None
) -> Any:
    kind = (PARENT if parent else GROUP) if kind is None else kind
    request = exposure_pb2.RegisterNodeRequest(node_id=name, kind=kind, parent_id=parent, limit=eur(limit))
    return (await desk.call("RegisterNode", request)).node


async def move(desk: Desk, account: str, parent: str) -> None:
    await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id=account, parent_id=parent))


async def tree(desk: Desk, name: str = "", **asked: Any) -> Any:
    return await desk.call("GetTree", exposure_pb2.GetTreeRequest(node_id=name, **asked))


async def figures(desk: Desk, name: str) -> tuple[int, int]:
    """What a node's accounts use and hold."""
    one = (await tree(desk, name)).path[-1]
    return one.used.minor, one.held.minor


async def a_group(desk: Desk, limit: int = 150_000) -> None:
    """Two companies of one group, each with an account of 100,000."""
    await node(desk, "g", limit)
    for account, parent in (("b1", "p1"), ("b2", "p2")):
        await node(desk, parent, 1_000_000, "g")
        await register(desk.parts, account)
        await move(desk, account, parent)


async def test_companies_of_one_group_share_its_limit(desk: Desk):
    await a_group(desk)

    assert await desk.reasons("o1", 90_000, account="b1") == ("APPROVED", ["within_limit"])
    assert await desk.reasons("o2", 70_000, account="b2") == ("REFERRED", ["group_limit"])
    assert await desk.reasons("o3", 75_001, account="b2") == ("DECLINED", ["group_limit"])
    assert await desk.reasons("o4", 60_000, account="b2") == ("APPROVED", ["within_limit"])

    assert [await figures(desk, name) for name in ("g", "p1", "p2")] == [(0, 150_000), (0, 90_000), (0, 60_000)]
    decided = await bodies(desk.parts, events_pb2.CreditDecided)
    assert decided[2].headroom == eur(100_000), "of its own account, never of the group"


async def test_what_is_invoiced_paid_and_given_back_is_the_groups_too(desk: Desk):
    await a_group(desk)
    await desk.follow(placed("o1", 50_000), placed("o2", 20_000), placed("o3", 10_000))
    await desk.follow(opened("o1", 40_000, final=True), paid(15_000), cancelled("o2"))

    assert [await figures(desk, name) for name in ("g", "p1", "p2")] == [(25_000, 10_000), (25_000, 10_000), (0, 0)]
    async with desk.parts.database.transaction(["acme"]) as tx:
        await nothing_drifts(tx)


async def test_an_account_takes_all_that_it_uses_and_holds_to_where_it_is_moved(desk: Desk):
    await a_group(desk)
    await node(desk, "other", 10_000)
    await desk.follow(placed("o1", 50_000), opened("o1", 20_000, final=False))

    await move(desk, "b1", "p2")
    assert [await figures(desk, name) for name in ("g", "p1", "p2")] == [(20_000, 30_000), (0, 0), (20_000, 30_000)]
    await move(desk, "b1", "other")
    await move(desk, "b1", "other")
    assert [await figures(desk, name) for name in ("g", "other")] == [(0, 0), (20_000, 30_000)]
    assert (await desk.reasons("o2", 1, account="b1"))[1] == ["group_limit"]
    await move(desk, "b1", "")
    assert await figures(desk, "other") == (0, 0)
    assert (await desk.reasons("o3", 1, account="b1"))[0] == "APPROVED"
    assert (await told(desk.parts)).count("AccountMoved") == 5


async def test_a_groups_limit_may_fall_below_what_is_held_and_stops_the_next_order(desk: Desk):
    await a_group(desk)
    await desk.reasons("o1", 90_000)

    await desk.call("SetNodeLimit", exposure_pb2.SetNodeLimitRequest(node_id="g", limit=eur(50_000)))

    assert await desk.reasons("o2", 1) == ("DECLINED", ["group_limit"])
    assert await figures(desk, "g") == (0, 90_000)


async def test_a_tree_is_shown_from_its_roots_a_page_at_a_time(desk: Desk):
    await a_group(desk)
    await register(desk.parts, "b3")
    await move(desk, "b3", "g")

    roots = await tree(desk)
    assert [one.node.node_id for one in roots.children] == ["g"]
    assert not roots.path
    seen, token = [], ""
    while True:
        page = await tree(desk, "g", page_size=1, page_token=token)
        seen += [one.account_id or one.node.node_id for one in page.children]
        if not (token := page.next_page_token):
            break
    assert seen == ["p1", "p2", "b3"]
    of_account = await tree(desk, account_id="b1")
    assert [one.node_id for one in of_account.path] == ["g", "p1"]
    assert not of_account.children


async def test_a_node_is_registered_once_and_of_a_kind_and_currency_that_fit(desk: Desk):
    await a_group(desk)
    await node(desk, "p1", 1_000_000, "g")  # the same again
    wrong = (
        (("p1", 1, "g"), "node.exists"),
        (("g2", 1, "p1"), "node.kind"),
        (("g2", 1, "nobody"), "node.unknown"),
        (("g2", -1), "node.limit_negative"),
    )
    for given, code in wrong:
        with pytest.raises(Refused) as refused:
            await node(desk, *given)
        assert refused.value.code == code
    usd = exposure_pb2.RegisterNodeRequest(node_id="usd", kind=GROUP, limit=eur(1))
    usd.limit.currency = "USD"
    await desk.call("RegisterNode", usd)
    for account, parent, code in (
        ("b1", "usd", "rate.missing"),
        ("b1", "nobody", "node.unknown"),
        ("nobody", "g", "buyer.unknown"),
    ):
        with pytest.raises(Refused) as refused:
            await move(desk, account, parent)
        assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        await node(desk, "k", 1, kind=events_pb2.NODE_KIND_UNSPECIFIED)
    assert refused.value.code == "node.kind"


async def test_a_groups_limit_for_later_begins_by_itself_and_what_was_known_stays_known(desk: Desk):
    await a_group(desk)
    begins = NINE + timedelta(days=1)
    request = exposure_pb2.SetNodeLimitRequest(node_id="g", limit=eur(20_000), valid_from=stamp(begins))
    assert (await desk.call("SetNodeLimit", request)).node.limit == eur(150_000)

    async def as_of(valid: datetime, known: datetime) -> int:
        asked = exposure_pb2.GetLimitAsOfRequest(node_id="g", valid_at=stamp(valid), known_at=stamp(known))
        return int((await desk.call("GetLimitAsOf", asked)).limit.minor)

    await desk.decide("o1", 15_000)
    await set_clock(desk.parts, begins)
    # Before any job has looked at it, and after.
    assert await desk.reasons("o2", 15_000, account="b2") == ("DECLINED", ["group_limit"])
    await expire(desk.parts)
    assert (await tree(desk, "g")).path[-1].limit == eur(20_000)
    assert [one.limit.minor for one in await bodies(desk.parts, events_pb2.NodeChanged) if one.node_id == "g"] == [
        150_000,
        20_000,
    ]
    assert await expire(desk.parts) == 0
    await desk.call(
        "SetNodeLimit", exposure_pb2.SetNodeLimitRequest(node_id="g", limit=eur(99), valid_from=stamp(NINE))
    )

    later = begins + timedelta(hours=1)
    assert [await as_of(NINE, NINE), await as_of(later, NINE), await as_of(NINE, later)] == [150_000, 20_000, 99]
    with pytest.raises(Refused, match=r"limit.not_known"):
        await as_of(NINE - timedelta(days=1), NINE)


TABLES = {
    "account": "account_id, currency, limit_minor, limit_until, used_minor, held_minor, path, abroad, group_used_minor,"
    " group_held_minor, valued_version",
    "node": "*",
    "node_grant": "*",
    "hold": "*",
    "rate": "*",
    "movement": "*",
    "limit_grant": "*",
    "limit_uplift": "*",
    "security": "*",
}


async def test_limits_and_trees_follow_from_what_was_told(desk: Desk, open_service: OpenService):
    await a_group(desk)
    await desk.reasons("o1", 60_000, promised_ship_on="2025-12-01")
    await desk.reasons("o2", 20_000, account="b2")
    await set_limit(desk, 80_000)
    await set_limit(desk, 70_000, NINE + timedelta(days=3))
    for uplift, days in (("u1", 1), ("u2", 2), ("u3", 4), ("waits", 9)):
        await ask(desk, uplift, valid_until=stamp(NINE + timedelta(days=days)))
    for uplift in ("u1", "u2", "u3"):
        await approve(desk, uplift)
    await set_clock(desk.parts, NINE + timedelta(days=1))
    await expire(desk.parts)  # the first uplift, and the hold that was promised for last year
    await end(desk, "u2")
    await move(desk, "b2", "p1")
    await desk.call("SetNodeLimit", exposure_pb2.SetNodeLimitRequest(node_id="g", limit=eur(7)))
    later = exposure_pb2.SetNodeLimitRequest(node_id="p1", limit=eur(8), valid_from=stamp(NINE + timedelta(days=2)))
    await desk.call("SetNodeLimit", later)
    await set_rates(desk, SEK="11.25")
    in_kronor = exposure_pb2.RegisterNodeRequest(node_id="s", kind=GROUP, limit=sek(900_000))
    await desk.call("RegisterNode", in_kronor)
    await register(desk.parts, "b3")
    await desk.reasons("o3", 30_000, account="b3")
    await move(desk, "b3", "s")
    for order, account in (("o4", "b1"), ("o5", "b3"), ("o6", "b3")):
        request = service_pb2.DecideRequest(order_id=order, account_id=account, amount=sek(50_000), version=1)
        await desk.call("Decide", request, by="key:shop")
    await desk.decide("o6", 1_000, account="b3", version=2)
    for name, amount in (("s1", 100), ("s2", 200), ("s1", 300)):
        security = exposure_pb2.SetSecurityRequest(
            security_id=name, account_id="b1", kind=events_pb2.SECURITY_KIND_LC, amount=eur(amount), coverage="0.50"
        )
        await desk.call("SetSecurity", security)
    await desk.call("EndSecurity", exposure_pb2.EndSecurityRequest(security_id="s2"))
    await set_clock(desk.parts, NINE + timedelta(days=3))
    await set_rates(desk, day="2026-01-08", SEK="10")
    await expire(desk.parts)

    async with open_service(SERVICE) as anew:
        async with desk.parts.database.transaction(()) as tx:
            rows = await tx.rows("SELECT * FROM outbox ORDER BY id")
        types = types_of("receivables.credit.v1", dict.fromkeys(FOLD.own))  # type: ignore[arg-type]
        async with anew.database.transaction(["acme"]) as tx:
            for row in rows:
                record = Record(row.topic, 0, 0, row.key.encode(), bytes(row.payload), row.headers)
                event = decode(record, types)
                tx.at = event.at
                await FOLD.own[type(event.body)](tx, event, None)
        for table, columns in TABLES.items():
            found = []
            for parts in (desk.parts, anew):
                async with parts.database.transaction(["acme"]) as tx:
                    found.append(await tx.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4"))
            assert found[0] == found[1], table
            assert found[0], table

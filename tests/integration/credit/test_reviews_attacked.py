"""Reviews under attack: what comes between an offer and its answer, and what is told of a cut that came to nothing."""

from datetime import UTC, datetime
from typing import Any

from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2

from services.credit import store
from services.credit.domain.review import Cause, Kind
from services.kernel.money import Money
from tests.integration.credit.desk import Desk, bodies, eur, expire, set_clock
from tests.integration.credit.reviewed import propose
from tests.integration.credit.test_reviews import FINANCE, LIMIT, a_buyer, decide, listed, months, refusal


async def test_a_raise_that_is_open_ends_where_a_fraud_is_suspected_and_the_suspicion_is_looked_at(desk: Desk):
    ledger = await a_buyer(desk)
    await months(desk, ledger, 8)
    await expire(desk.parts)
    [offer] = await listed(desk, ledger.account, FINANCE)
    assert offer.kind == events_pb2.REVIEW_KIND_RAISE
    async with desk.parts.database.transaction(["acme"]) as tx:
        await store.look_soon(tx, ("acme", "b1"), Cause.FRAUD)

    await expire(desk.parts)

    accept = exposure_pb2.AcceptReviewRequest(review_id=offer.review_id)
    assert await refusal(desk.call("AcceptReview", accept, by=FINANCE)) == "review.over"
    async with desk.parts.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT count(*) AS n FROM review WHERE 'fraud' = ANY (causes)")
    assert row.n == 1


async def test_a_buyer_takes_no_raise_over_a_limit_that_a_person_has_granted_for_later(desk: Desk):
    await a_buyer(desk)
    await propose(desk.parts, "r1", Kind.RAISE, 625_000, current=Money(LIMIT, "EUR"))
    later = service_pb2.SetLimitRequest(account_id="b1", limit=eur(1_000_00))
    later.valid_from.FromDatetime(datetime(2026, 1, 8, 9, tzinfo=UTC))
    await desk.call("SetLimit", later)

    accept = exposure_pb2.AcceptReviewRequest(review_id="r1")
    assert await refusal(desk.call("AcceptReview", accept, by=FINANCE)) == "review.over"

    await set_clock(desk.parts, datetime(2026, 1, 9, 9, tzinfo=UTC))
    await expire(desk.parts)
    assert (await desk.account("b1")).limit == eur(1_000_00)


async def test_what_was_prepared_for_a_cut_that_came_to_less_or_to_nothing_is_forgotten_with_it(desk: Desk):
    await a_buyer(desk)
    changes: dict[str, Any] = {"current": Money(LIMIT, "EUR")}
    for review_id, confirmed in (("r1", False), ("r2", True)):
        await propose(desk.parts, review_id, Kind.CUT, 100_000, **changes)
        [cut] = await listed(desk)
        await decide(desk, cut, limit=eur(2_000_00))
        fields: dict[str, Any] = {"limit": eur(900_00)} if confirmed else {}
        ended = await decide(desk, cut, confirmed=confirmed, **fields)
        assert (ended.prepared_by, ended.HasField("prepared")) == ("", False), review_id

    assert [one.prepared_by for one in await bodies(desk.parts, events_pb2.ReviewEnded)] == ["", ""]


async def test_a_suspicion_that_comes_beside_an_open_cut_is_decided_on_once_that_has_ended(desk: Desk):
    await a_buyer(desk)
    await propose(desk.parts, "r1", Kind.CUT, 100_000, current=Money(LIMIT, "EUR"))
    async with desk.parts.database.transaction(["acme"]) as tx:
        await store.look_soon(tx, ("acme", "b1"), Cause.FRAUD)
    assert await expire(desk.parts) == 1
    assert await expire(desk.parts) == 0  # it waits, and nobody turns in circles meanwhile
    [cut] = await listed(desk)
    await decide(desk, cut, confirmed=False)

    await set_clock(desk.parts, datetime(2026, 1, 20, 9, tzinfo=UTC))
    await expire(desk.parts)

    async with desk.parts.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT count(*) AS n FROM review WHERE 'fraud' = ANY (causes)")
        [due] = (await store.looks_of(tx, [("acme", "b1")])).values()
    assert (row.n, due.causes) == (1, ())


async def test_terms_that_were_given_to_another_policy_keep_nobody_from_being_looked_at(desk: Desk):
    await a_buyer(desk)
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await tx.run("UPDATE fact SET value = 'NET 30' WHERE key = 'requested_terms'") == 1
        await store.look_soon(tx, ("acme", "b1"), Cause.FRAUD)

    await expire(desk.parts)

    async with desk.parts.database.transaction(["acme"]) as tx:
        [due] = (await store.looks_of(tx, [("acme", "b1")])).values()
    assert due.causes == ()

"""A source tells rates once a day to each seller who needs some; what makes no sense is not believed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from receivables.credit.v1 import events_pb2, exposure_pb2

from deploy.local.sources import EURO, Town
from services.credit import metrics
from services.credit.service import SERVICE, rate_source_of
from tests.integration.conftest import OpenService
from tests.integration.credit.conftest import served
from tests.integration.credit.desk import Desk, bodies, expire, register, sek, set_clock, set_rates, told
from tests.integration.credit.test_credit_currencies import wish

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)  # on which the source is slow; then away, then it talks nonsense


@pytest.fixture
async def told_rates(open_service: OpenService, town: Town) -> AsyncIterator[Desk]:
    """Give credit with a source of rates, on the Thursday before."""
    async with open_service(SERVICE, clock="test", credit_rates=town.rates_setting) as parts, served(parts) as desk:
        await at(desk, -4)
        yield desk
        source = rate_source_of(parts)
        assert source is not None
        await source.close()


async def at(desk: Desk, days: int) -> None:
    await set_clock(desk.parts, MONDAY + timedelta(days=days))


async def newest(desk: Desk) -> tuple[str, set[str]]:
    shown = (await desk.call("ListRates", exposure_pb2.ListRatesRequest())).rates
    day = max(rate.day for rate in shown)
    return day, {rate.quote for rate in shown if rate.day == day}


async def waiting(desk: Desk) -> list[str]:
    async with desk.parts.database.transaction(["acme"]) as tx:
        return [row.subject for row in await tx.rows("SELECT subject FROM job WHERE kind = 'rates'")]


async def expiring(desk: Desk) -> float:
    async with desk.parts.database.transaction(["acme"]) as tx:
        while not await metrics.measure(tx):
            pass
    return REGISTRY.get_sample_value("ar_credit_rates_expiring") or 0.0


def doubted(why: str) -> float:
    labels = {"source": "rates", "reason": why}
    return REGISTRY.get_sample_value("ar_credit_source_disbelieved_total", labels) or 0.0


async def test_who_needs_rates_is_told_them_once_a_day(told_rates: Desk):
    desk = told_rates
    await register(desk.parts)
    assert await expire(desk.parts) == 0
    assert await wish(desk, "o1", sek(10_000)) == ("REFERRED", "rate_missing")

    assert await expire(desk.parts) > 0

    assert await newest(desk) == ("2026-01-29", set(EURO))
    assert await wish(desk, "o2", sek(10_000)) == ("APPROVED", "within_limit")
    assert [len(one.rates) for one in await bodies(desk.parts, events_pb2.RatesSet)] == [len(EURO)]
    async with desk.parts.database.transaction(()) as tx:
        [row] = await tx.rows("SELECT headers FROM outbox WHERE headers ->> 'ce_type' LIKE '%%RatesSet'")
    assert row.headers["ce_actor"] == "system:rates"
    await expire(desk.parts)
    await at(desk, -3)
    await expire(desk.parts)
    assert await newest(desk) == ("2026-01-30", set(EURO))
    assert (await told(desk.parts)).count("RatesSet") == 2


async def test_a_source_that_is_slow_is_waited_for_and_one_that_is_away_is_asked_again(told_rates: Desk):
    desk = told_rates
    await set_rates(desk, day="2026-01-29", SEK="11.2")
    await at(desk, 0)
    await expire(desk.parts)
    assert (await newest(desk))[0] == "2026-02-02"

    await at(desk, 1)
    await expire(desk.parts)

    assert (await newest(desk))[0] == "2026-02-02"
    assert await waiting(desk) == ["rates/2026-02-03"]
    await at(desk, 3)
    await expire(desk.parts)
    assert await newest(desk) == ("2026-02-05", set(EURO))


async def test_of_nonsense_nothing_is_believed_and_what_a_person_set_stands(told_rates: Desk):
    desk = told_rates
    await set_rates(desk, day="2026-01-29", JPY="162", SEK="11.5")
    before = {why: doubted(why) for why in ("value", "time", "twice", "jump", "known")}
    await expire(desk.parts)
    assert doubted("known") == before["known"] + 2
    shown = (await desk.call("ListRates", exposure_pb2.ListRatesRequest())).rates
    assert {rate.rate for rate in shown if rate.quote in ("JPY", "SEK")} == {"162", "11.5"}

    await at(desk, 2)
    await expire(desk.parts)

    assert (await newest(desk))[0] == "2026-01-29"
    after = {why: doubted(why) - n for why, n in before.items()}
    assert after == {"value": 5, "time": 1, "twice": 1, "jump": 1, "known": 2}


async def test_rates_that_soon_decide_nothing_are_seen_where_they_are_used(told_rates: Desk):
    desk = told_rates
    await register(desk.parts)
    await set_rates(desk, day="2026-01-29", SEK="11.2")
    assert await expiring(desk) == 0
    await at(desk, 3)
    assert await expiring(desk) == 0  # nobody uses them
    await wish(desk, "o1", sek(10_000))
    await at(desk, 1)
    assert await expiring(desk) == 0
    await at(desk, 2)
    assert await expiring(desk) == 1

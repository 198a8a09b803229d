"""What the ledger says of items besides their amounts: whose they are, whom they concern, and since when they are overdue."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from receivables.ledger.v1 import service_pb2

from services.chassis.sweeps import Span
from services.ledger import figures
from tests.integration.ledger.desk import Desk, credited, day, issued, registered, seller_in, seller_registered

DUE = "2026-02-09"


def at(clock: str, zone: str) -> datetime:
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


async def overdue(desk: Desk, clock: datetime, **call: Any) -> int:
    """What the account says is overdue; whoever asks sees that the figures for Prometheus say the same."""
    await desk.set_clock(clock)
    said = (await desk.account(**call))["EUR"]["overdue"]
    async with desk.parts.database.transaction([call.get("tenant", "acme")]) as tx:
        found = await figures.items(tx, Span(None, None))
    assert sum(row.open_minor for row in found if row.bucket != "not_due") == said
    return said


async def test_nothing_is_overdue_in_the_afternoon_of_the_day_it_is_due_in_los_angeles(desk: Desk):
    await desk.follow(registered(), seller_registered(), seller_in("America/Los_Angeles"))
    await desk.follow(issued("1", 100, 0, due=DUE, seller_id="s1"))

    assert await overdue(desk, at(f"{DUE}T17:00", "America/Los_Angeles")) == 0
    assert await overdue(desk, at(f"{DUE}T23:59", "America/Los_Angeles")) == 0
    assert await overdue(desk, at("2026-02-10T00:00", "America/Los_Angeles")) == 100


async def test_the_day_begins_earlier_in_the_east(desk: Desk):
    await desk.follow(registered(), seller_in("Pacific/Auckland"), issued("1", 100, 0, due=DUE, seller_id="s1"))

    assert await overdue(desk, at("2026-02-09T23:59", "Pacific/Auckland")) == 0
    assert await overdue(desk, at("2026-02-10T00:00", "Pacific/Auckland")) == 100


async def test_each_item_falls_due_where_its_own_seller_is(desk: Desk):
    await desk.follow(registered(), seller_in("America/Los_Angeles", "west"), seller_in("Asia/Tokyo", "east"))
    await desk.follow(issued("1", 100, 0, due=DUE, seller_id="west"), issued("2", 20, 0, due=DUE, seller_id="east"))
    await desk.follow(issued("3", 3, 0, due=DUE, seller_id="nobody"), issued("4", 1_000, 0, due="2026-02-01"))

    assert await overdue(desk, at("2026-02-10T00:01", "Asia/Tokyo")) == 1_020
    assert await overdue(desk, day("2026-02-10")) == 1_023  # of several sellers none is everybody's
    assert await overdue(desk, at("2026-02-10T00:01", "America/Los_Angeles")) == 1_123


async def test_what_names_no_seller_is_the_only_sellers(desk: Desk):
    await desk.follow(registered(), issued("1", 100, 0, due=DUE))
    assert await overdue(desk, day("2026-02-10")) == 100

    await desk.follow(seller_registered())
    assert await overdue(desk, day("2026-02-10")) == 100
    await desk.follow(seller_in("America/Los_Angeles"))
    assert await overdue(desk, day("2026-02-10")) == 0


async def test_another_tenants_seller_is_nobodys(desk: Desk):
    await desk.follow(registered(), seller_in("America/Los_Angeles", tenant="blue"))
    await desk.follow(issued("1", 100, 0, due=DUE, seller_id="s1"))

    assert await overdue(desk, day("2026-02-10")) == 100


async def test_a_seller_is_where_it_was_told_to_be_last_in_whatever_order_that_comes(desk: Desk):
    await desk.follow(seller_in("Asia/Tokyo", version=2), seller_in("Europe/Paris", version=3))
    await desk.follow(seller_registered(), seller_in("America/Los_Angeles", version=1))

    assert await desk.rows("SELECT seller_id, version, time_zone FROM seller") == [("s1", 3, "Europe/Paris")]
    await desk.follow(seller_in("", version=4))
    assert await desk.rows("SELECT time_zone FROM seller") == [(None,)]


async def test_a_zone_that_does_not_exist_is_refused(desk: Desk):
    await desk.follow(seller_in("Europe/Atlantis"), seller_in("../etc/passwd", "s2"), seller_in("Asia/Tokyo", "s3"))

    assert [code for _, code, _ in await desk.parked()] == ["seller.time_zone_unknown"] * 2
    assert await desk.rows("SELECT seller_id FROM seller") == [("s3",)]


async def test_what_is_told_of_an_item_carries_its_scope_its_seller_and_its_dates(desk: Desk):
    await desk.follow(
        registered(), issued("1", 1_000, 0, site="north", seller_id="s1"), issued("2", 500, 0, site="south")
    )
    await desk.pay("p1", 1_500, value_date="2026-01-31")
    await desk.follow(
        issued("3", 100, 0, site="east"), credited("3", 60, 0, note="c1"), credited("3", 60, 0, note="c2")
    )

    told = [(kind, m) for kind, _, m in await desk.told()]
    opened = told[0][1]
    assert (opened.scope.site, opened.seller_id, opened.issue_date) == ("north", "s1", "2026-01-10")
    [received] = [m for kind, m in told if kind == "PaymentReceived"]
    assert [scope.site for scope in received.scopes] == ["north", "south"]
    assert [m.scope.site for kind, m in told if kind == "CashApplied"] == ["north", "south"]
    reduced = [(m.scope.site, m.due_date, m.effective_on) for kind, m in told if kind == "ItemReduced"]
    assert reduced == [
        ("north", DUE, "2026-01-31"),
        ("south", DUE, "2026-01-31"),
        ("east", DUE, "2026-01-20"),
        ("east", DUE, "2026-01-20"),
    ]
    [kept] = [m for kind, m in told if kind == "CreditKept"]
    assert (kept.scope.site, kept.amount.minor) == ("east", 20)


async def test_a_payment_that_met_nothing_concerns_no_part_of_the_company(desk: Desk):
    await desk.follow(registered())
    await desk.pay("p1", 100)

    assert [list(m.scopes) for _, _, m in await desk.told()] == [[]]


async def test_open_items_say_what_part_of_the_company_they_concern(desk: Desk):
    await desk.follow(registered(), issued("1", site="north"))

    answer = await desk.call("ListOpenItems", service_pb2.ListOpenItemsRequest())

    assert [item.scope.site for item in answer.items] == ["north"]


async def test_sales_tax_and_rounding_have_accounts_of_their_own(desk: Desk):
    await desk.follow(registered(currency="USD"))
    await desk.follow(issued("1", 10_825, 0, currency="USD", sales_tax_minor=825, rounding_minor=-2))
    assert await desk.trial("USD") == {"1100": 10_823, "2210": -825, "4000": -10_000, "7900": 2}
    await desk.pay("p1", 5_000, currency="USD")
    await desk.follow(
        credited("1", 10_825, 0, currency="USD", sales_tax_minor=825, rounding_minor=-2),
        credited("1", 10_825, 0, currency="USD", sales_tax_minor=825, rounding_minor=-2),  # told again
    )

    trial = await desk.trial("USD")
    assert trial == {"1000": 5_000, "2110": -5_000, "4000": -10_000, "4010": 10_000}
    answer = await desk.call("GetTrialBalance", service_pb2.GetTrialBalanceRequest())
    names = {b.account: b.name for b in answer.balances}
    assert (names["2210"], names["7900"]) == ("Sales tax payable", "Rounding")
    assert await desk.parked() == []


@pytest.mark.parametrize(("currency", "net", "tax"), [("KWD", 12_345, 617), ("JPY", 1_235, 123)])
async def test_three_decimals_or_none_are_booked_as_they_came(desk: Desk, currency: str, net: int, tax: int):
    await desk.follow(registered(currency=currency), issued("1", net, tax, currency=currency))
    await desk.pay("p1", net + tax, currency=currency)

    assert await desk.trial(currency) == {"1000": net + tax, "2200": -tax, "4000": -net}

"""Orders, debts and groups in other currencies than the account's, as callers and the ledger meet them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from tests.integration.credit.desk import (
    Desk,
    Refused,
    account_of,
    bodies,
    cancelled,
    eur,
    expire,
    hold_of,
    numbered,
    parked,
    register,
    sek,
    set_clock,
    set_rates,
    standing,
    told,
)
from tests.integration.credit.races import nothing_drifts
from tests.records import a_record


async def wish(desk: Desk, order_id: str, amount: money_pb2.Money) -> tuple[str, str]:
    request = service_pb2.DecideRequest(order_id=order_id, account_id="b1", amount=amount, version=1)
    decision = (await desk.call("Decide", request, by="key:shop")).decision
    return events_pb2.Outcome.Name(decision.outcome).removeprefix("OUTCOME_"), decision.reasons[0]


def item(order_id: str, minor: int, sequence: int, *after: Any, final: bool = True) -> Any:
    body = ledger_pb2.ItemOpened(
        invoice_id=f"i-{order_id}-{sequence}",
        number="N",
        account_id="b1",
        order_id=order_id,
        final=final,
        amount=sek(minor),
    )
    return numbered(a_record(body, account="b1", subject=f"invoice/i-{order_id}-{sequence}"), sequence, *after)


async def sound(desk: Desk) -> None:
    async with desk.parts.database.transaction(["acme"]) as tx:
        await nothing_drifts(tx)


async def test_an_order_in_another_currency_waits_for_a_person_until_its_rate_is_known(desk: Desk):
    await register(desk.parts)

    assert await wish(desk, "o1", sek(10_000)) == ("REFERRED", "rate_missing")
    review = service_pb2.ReviewRequest(order_id="o1", outcome=events_pb2.OUTCOME_APPROVED)
    with pytest.raises(Refused, match=r"rate.missing"):
        await desk.call("Review", review)
    assert await set_rates(desk, SEK="11.25") == 1
    await desk.call("Review", review)
    assert await wish(desk, "o2", sek(10_000)) == ("APPROVED", "within_limit")

    # 100 SEK / 11.25 x 1.02 = 9.0667 EUR, each
    assert await account_of(desk.parts) == (0, 2 * 907)
    assert [one.reserved for one in await bodies(desk.parts, events_pb2.CreditDecided)][1:] == [eur(907), eur(907)]
    await desk.follow(cancelled("o2"))
    assert await account_of(desk.parts) == (0, 907)
    await sound(desk)


async def test_an_invoice_takes_its_part_and_what_is_owed_is_valued_by_each_days_rate(desk: Desk):
    await register(desk.parts)
    await set_rates(desk, SEK="11.25")
    await wish(desk, "o1", sek(100_000))
    assert await account_of(desk.parts) == (0, 9_067)

    await desk.follow(item("o1", 45_000, 1, standing(45_000, currency="SEK"), final=False))
    assert await account_of(desk.parts) == (4_000, 4_987)
    await desk.follow(item("o1", 50_000, 2, standing(95_000, currency="SEK"), standing(0)))
    assert await account_of(desk.parts) == (8_445, 0)
    assert (await hold_of(desk.parts)).state == "CAPTURED"

    await set_clock(desk.parts, datetime(2026, 1, 6, 9, tzinfo=UTC))
    await set_rates(desk, day="2026-01-06", SEK="10")
    assert await expire(desk.parts) == 1
    assert await account_of(desk.parts) == (9_500, 0)
    [valued] = await bodies(desk.parts, events_pb2.ExposureValued)
    assert (valued.used, valued.abroad[0].owed, valued.version) == (eur(9_500), sek(95_000), 2)
    assert await expire(desk.parts) == 0

    paid = ledger_pb2.PaymentReceived(payment_id="p", account_id="b1", amount=sek(95_000))
    await desk.follow(numbered(a_record(paid, account="b1", subject="payment/p"), 3, standing(0, currency="SEK")))
    assert await account_of(desk.parts) == (0, 0)
    await sound(desk)


async def test_what_is_owed_in_a_currency_without_a_rate_waits_for_one_and_so_do_orders(desk: Desk):
    await register(desk.parts)
    await wish(desk, "o1", sek(100_000))

    await desk.follow(item("o1", 100_000, 1, standing(100_000, currency="SEK")))
    assert await parked(desk.parts) == [("early", "event.early")]
    assert await desk.reasons("o2") == ("REFERRED", ["exposure_uncertain"])

    await set_rates(desk, SEK="11.25")
    assert await parked(desk.parts) == []
    assert await account_of(desk.parts) == (8_889, 0)


async def test_a_group_in_another_currency_is_valued_with_its_accounts(desk: Desk):
    await register(desk.parts)
    node = exposure_pb2.RegisterNodeRequest(node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=sek(1_000_000))
    await desk.call("RegisterNode", node)
    move = exposure_pb2.MoveAccountRequest(account_id="b1", parent_id="g")
    with pytest.raises(Refused, match=r"rate.missing"):
        await desk.call("MoveAccount", move)
    await set_rates(desk, SEK="11.25")
    await desk.decide("o1", 10_000)
    await desk.call("MoveAccount", move)

    async def of_group() -> Any:
        return (await desk.call("GetTree", exposure_pb2.GetTreeRequest(node_id="g"))).path[0]

    assert (await of_group()).held == sek(114_750)  # 100 EUR x 11.25 x 1.02
    await desk.decide("o2", 10_000)
    assert (await of_group()).held == sek(229_500)
    assert await desk.reasons("o3", 79_000) == ("DECLINED", ["group_limit"])

    await set_clock(desk.parts, datetime(2026, 1, 6, 9, tzinfo=UTC))
    await set_rates(desk, day="2026-01-06", SEK="10")
    await expire(desk.parts)
    assert (await of_group()).held == sek(204_000)
    await desk.follow(cancelled("o1"), cancelled("o2"))
    assert (await of_group()).held == sek(0)
    await sound(desk)


async def test_another_rate_of_a_day_is_a_correction_or_nothing(desk: Desk):
    assert [await set_rates(desk, SEK="11.25", USD="1.08"), await set_rates(desk, SEK="11.2500")] == [2, 0]

    with pytest.raises(Refused, match=r"rate.exists"):
        await set_rates(desk, SEK="11.26")
    assert await set_rates(desk, SEK="11.26", corrects=True) == 1

    shown = await desk.call("ListRates", exposure_pb2.ListRatesRequest())
    assert {rate.quote: rate.rate for rate in shown.rates} == {"SEK": "11.26", "USD": "1.08"}
    assert (await told(desk.parts)).count("RatesSet") == 2
    with pytest.raises(Refused, match=r"rate.none"):
        await set_rates(desk)


async def test_a_policy_says_how_old_a_rate_may_be_and_how_much_more_is_held(desk: Desk):
    await register(desk.parts)
    await set_rates(desk, day="2026-01-01", SEK="10")
    policy = events_pb2.CreditPolicy(referral_share="0.1", hold_days=7, currency_buffer="0.5", rate_days=3)
    await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=policy))

    assert await wish(desk, "o1", sek(10_000)) == ("REFERRED", "rate_missing")
    await set_rates(desk, SEK="10")
    await wish(desk, "o2", sek(10_000))
    assert await account_of(desk.parts) == (0, 1_500)

    unsaid = events_pb2.CreditPolicy(referral_share="0.2", hold_days=8)
    await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=unsaid))
    held = (await desk.call("GetPolicy", service_pb2.GetPolicyRequest())).policy
    assert (held.currency_buffer, held.rate_days, held.hold_days) == ("0.5", 3, 8)


async def test_a_group_whose_two_legs_share_no_day_waits_and_nothing_falls_over(desk: Desk):
    await register(desk.parts)
    node = exposure_pb2.RegisterNodeRequest(
        node_id="g", kind=events_pb2.NODE_KIND_GROUP, limit=money_pb2.Money(minor=10**6, currency="GBP")
    )
    await desk.call("RegisterNode", node)
    await set_rates(desk, GBP="0.8")
    await desk.call("MoveAccount", exposure_pb2.MoveAccountRequest(account_id="b1", parent_id="g"))
    await desk.decide("o1", 10_000)
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE rate SET base = 'USD'")  # as if its leg had been told no more for long

    assert await desk.reasons("o2") == ("REFERRED", ["rate_missing"])
    await desk.follow(cancelled("o1"))
    assert await parked(desk.parts) == [("early", "event.early")]
    body = ledger_pb2.PaymentReceived(payment_id="p", account_id="b1", amount=eur(500))
    await desk.follow(numbered(a_record(body, account="b1", subject="payment/p"), 1, standing(0, unapplied=500)))
    assert await parked(desk.parts) == [("early", "event.early")] * 2
    await set_rates(desk, CHF="0.93")  # of no use here
    await set_clock(desk.parts, datetime(2026, 1, 20, 9, tzinfo=UTC))
    await expire(desk.parts)  # its time is over
    assert await bodies(desk.parts, events_pb2.ExposureValued) == []
    assert (await hold_of(desk.parts)).state == "HELD"

    await set_rates(desk, day="2026-01-20", GBP="0.9")

    assert await parked(desk.parts) == []
    assert await account_of(desk.parts) == (-500, 0)
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert (await tx.row("SELECT used_minor, held_minor FROM node")) == (-450, 0)
    await sound(desk)

"""What fits is approved, what nearly fits goes to a person, the rest is declined; holds come and go."""

from decimal import Decimal

import pytest
from receivables.credit.v1 import events_pb2

from deploy.demo.calls import Refused
from tests.end_to_end.world import Trader, World


def test_an_order_near_the_limit_waits_for_a_person_and_goes_on(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "900")
    world.settle()
    assert trader.decision("o1").hold_state == "REFERRED"
    assert trader.credit() == (Decimal(0), Decimal(0))

    decision = trader.desk.acting_as("user:ada").review("o1", "APPROVED")
    world.settle()

    assert (decision.outcome, list(decision.reasons)) == (events_pb2.OUTCOME_APPROVED, ["by_person"])
    assert trader.credit() == (Decimal(0), Decimal(1080))
    trader.ship("o1")
    world.settle()
    assert len(trader.invoices("o1")) == 1
    assert trader.credit() == (Decimal(1080), Decimal(0))


def test_an_order_far_above_the_limit_is_declined_and_no_person_can_change_it(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "2000")
    world.settle()

    assert list(trader.decision("o1").decision.reasons) == ["over_limit"]
    with pytest.raises(Refused, match=r"hold\.illegal_move"):
        trader.desk.review("o1", "APPROVED")


def test_an_unknown_buyer_is_declined_and_that_is_no_error(world: World, trader: Trader) -> None:
    trader.place("o1", "10", account="stranger")
    world.settle()

    assert list(trader.decision("o1").decision.reasons) == ["unknown_buyer"]
    assert world.parked("credit", trader.tenant) == []


def test_a_cancelled_order_gives_back_exactly_what_it_held(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "100")
    trader.place("o2", "200")
    world.settle()

    trader.cancel("o1")
    world.settle()

    assert trader.credit() == (Decimal(0), Decimal(240))
    [released] = trader.told("HoldReleased")
    assert (released.amount.minor, released.cause) == (120_00, events_pb2.RELEASE_CAUSE_CANCELLED)


def test_a_new_version_takes_the_place_of_the_open_hold(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "500")
    world.settle()

    trader.place("o1", "800", version=2)
    world.settle()

    assert trader.credit() == (Decimal(0), Decimal(960))
    trader.ship("o1")
    world.settle()
    assert [invoice.net_minor for invoice in trader.invoices("o1")] == [800_00]


def test_a_hold_expires_a_week_after_the_promised_day_and_the_credit_is_free(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "500", promised_in_days=2)
    world.settle()
    world.next_day(9)
    assert trader.told("HoldExpired") == []

    world.next_day()

    [expired] = trader.told("HoldExpired")
    assert expired.amount.minor == 600_00
    assert trader.credit() == (Decimal(0), Decimal(0))


def test_what_was_shipped_is_invoiced_even_above_the_limit_and_told(world: World, trader: Trader) -> None:
    trader.buyer(limit=100)
    trader.place("o1", "200")
    world.settle()

    trader.ship("o1")
    world.settle()

    assert trader.credit() == (Decimal(240), Decimal(0))
    [exceeded] = trader.told("LimitExceeded")
    assert exceeded.excess.minor == 140_00

"""One invoice for each shipment: in parts, too early, too much, or on approval."""

from decimal import Decimal

from tests.end_to_end.world import Trader, World, text_of


def test_parts_are_invoiced_as_they_ship_and_the_rest_is_released_after_the_last(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("o1", "10", "20", quantity="10")
    world.settle()

    trader.ship("o1", ("1", "4"), shipment="s1", final=False)
    world.settle()
    assert trader.credit() == (Decimal(48), Decimal(312))
    trader.ship("o1", ("2", "10"), shipment="s2")
    world.settle()

    assert [invoice.gross_minor for invoice in trader.invoices("o1")] == [48_00, 240_00]
    assert [invoice.final for invoice in trader.invoices("o1")] == [False, True]
    assert trader.credit() == (Decimal(288), Decimal(0))
    [released] = trader.told("HoldReleased")
    assert released.amount.minor == 72_00


def test_a_shipment_that_is_told_before_its_order_runs_when_the_order_comes(world: World, trader: Trader) -> None:
    trader.buyer()
    trader.place("o1", "100", told=False)

    trader.ship("o1")
    world.await_parked("invoicing", trader.tenant, ("early", "event.early", "order/o1"))
    trader.tell_placed("o1")
    world.settle()

    assert len(trader.invoices("o1")) == 1
    assert world.parked("invoicing", trader.tenant) == []


def test_more_than_was_ordered_is_refused_whole_and_billing_is_told(world: World, trader: Trader) -> None:
    trader.buyer()
    billing = trader.person("bill", "BILLING")
    trader.place("o1", "10", "20", quantity="2")
    world.settle()

    trader.ship("o1", ("1", "2"), ("2", "3"))
    world.settle()

    assert trader.invoices("o1") == []
    [refused] = trader.told("ShipmentRefused")
    assert refused.code == "shipment.exceeds_order"
    assert world.parked("invoicing", trader.tenant) == [("refused", "shipment.exceeds_order", "order/o1")]
    assert [refused.code in text_of(mail) for mail in trader.mails(billing)].count(True) == 1
    assert trader.credit() == (Decimal(0), Decimal(72))


def test_a_buyer_who_is_invoiced_on_approval_pays_nothing_twice(world: World, trader: Trader) -> None:
    trader.buyer(invoice_on="APPROVAL")

    trader.place("o1", "100")
    world.settle()
    trader.ship("o1")
    world.settle()

    [invoice] = trader.invoices("o1")
    assert (invoice.shipment_id, invoice.final, invoice.gross_minor) == ("", True, 120_00)
    assert trader.credit() == (Decimal(120), Decimal(0))
    assert world.parked("invoicing", trader.tenant) == []


def test_an_order_that_was_cancelled_takes_no_shipment(world: World, trader: Trader) -> None:
    trader.buyer()
    trader.place("o1", "100")
    trader.cancel("o1")
    world.settle()

    trader.ship("o1")
    world.settle()

    assert trader.invoices("o1") == []
    assert len(trader.told("ShipmentRefused")) == 1

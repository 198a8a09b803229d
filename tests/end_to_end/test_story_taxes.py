"""What a buyer ordered is what is held, invoiced and owed, or it is refused, or somebody is told."""

from decimal import Decimal

import pytest
from receivables.orders.v1 import events_pb2 as orders_pb2

from tests.end_to_end.world import Trader, World, text_of


def taxed(trader: Trader, order_id: str, tax: int, rate: str = "") -> orders_pb2.OrderPlaced:
    """An order of 100.00 with this tax, at this rate if it is said."""
    order = trader.place(order_id, "100", told=False)
    order.tax_minor, order.gross_minor = tax, order.net_minor + tax
    order.lines[0].vat_rate = rate
    trader.tell_placed(order_id)
    return order


@pytest.mark.parametrize(("currency", "price", "minor"), [("KWD", "45.510", 45_510), ("JPY", "45.5", 46)])
def test_order_hold_invoice_and_ledger_say_one_amount_whatever_decimals_the_currency_has(
    world: World, trader: Trader, currency: str, price: str, minor: int
) -> None:
    trader.buyer(country="KW", currency=currency)

    order = trader.place("o1", price)
    world.settle()
    held = trader.decision("o1").held.minor
    trader.ship("o1")
    world.settle()

    [invoice] = trader.invoices("o1")
    assert [order.gross_minor, held, invoice.gross_minor, trader.balance().open.minor] == [minor] * 4
    assert trader.told("InvoiceDiffers") == []


def test_a_price_that_no_invoice_can_say_is_refused_before_anything_ships(world: World, trader: Trader) -> None:
    trader.buyer(country="KW", currency="KWD")
    billing = trader.person("bill", "BILLING")

    trader.place("o1", "45.505")
    world.settle()

    [refused] = trader.told("OrderRefused")
    assert refused.code == "order.currency_decimals"
    assert "45.505 KWD" in refused.message
    assert (trader.told("CreditDecided"), trader.invoices("o1")) == ([], [])
    assert any("45.505 KWD" in text_of(mail) for mail in trader.mails(billing))


def test_what_is_ordered_at_a_reduced_rate_is_held_and_owed_at_it(world: World, trader: Trader) -> None:
    trader.buyer()
    taxed(trader, "o1", 500, "5")
    taxed(trader, "o2", 500)
    world.settle()
    for order in ("o1", "o2"):
        trader.ship(order)
    world.settle()

    assert [trader.invoices(order)[0].gross_minor for order in ("o1", "o2")] == [105_00, 105_00]
    assert trader.credit() == (Decimal(210), Decimal(0))
    assert trader.told("InvoiceDiffers") == []


def test_a_rate_that_the_country_does_not_have_is_told_before_anything_ships(world: World, trader: Trader) -> None:
    trader.buyer()
    billing = trader.person("bill", "BILLING")

    taxed(trader, "o1", 700, "7")
    world.settle()

    [refused] = trader.told("ShipmentRefused")
    assert (refused.shipment_id, refused.code) == ("", "order.rate_unknown")
    assert any("order.rate_unknown" in text_of(mail) for mail in trader.mails(billing))


def test_a_tax_that_is_not_the_orders_is_told_with_both_figures(world: World, trader: Trader) -> None:
    trader.buyer()
    taxed(trader, "o1", 777)
    world.settle()
    trader.ship("o1")
    world.settle()

    [invoice] = trader.invoices("o1")
    [differs] = trader.told("InvoiceDiffers")
    assert (differs.ordered.minor, differs.invoiced.minor) == (107_77, 120_00)
    assert (differs.number, invoice.gross_minor) == (invoice.number, 120_00)

"""An order that is placed by a call is decided, shipped and invoiced like one of a shop; said again, it is one order."""

from decimal import Decimal

import pytest
from receivables.invoicing.v1 import service_pb2

from deploy.demo import orders
from deploy.demo.calls import Refused
from deploy.local.trust import person
from tests.end_to_end.world import Trader, World


def test_an_order_by_a_call_is_decided_shipped_and_invoiced(world: World, trader: Trader) -> None:
    services = world.stage.services
    trader.buyer(limit=1000)
    trader.person("c1", "PROCUREMENT REQUESTER", "b1")
    buyer = person("contact:c1", trader.tenant, "b1", roles=["PROCUREMENT"])
    logistics = person("user:lo", trader.tenant, roles=["LOGISTICS"])
    body = trader.place("o1", "100", told=False)
    wish = service_pb2.PlaceOrderRequest(account_id="b1", scope=body.scope, order=body)
    services.write(services.invoicing.PlaceOrder, wish, caller=buyer, key="place/o1")
    world.stage.stack.kill("invoicing")  # whoever lost the answer says it again
    services.write(services.invoicing.PlaceOrder, wish, caller=buyer, key="place/o1")
    world.settle()

    [placed], [decision] = trader.told("OrderPlaced"), trader.told("CreditDecided")
    assert (placed.order_id, placed.requested_by) == ("o1", "c1")
    assert (list(decision.reasons), trader.credit()) == (["within_limit"], (Decimal(0), Decimal(120)))
    question = service_pb2.ListOrdersRequest(account_id="b1", search="o")
    [shown] = services.read(services.invoicing.ListOrders, question, tenant=trader.tenant, caller=buyer).orders
    assert (shown.placed.order_id, shown.state) == ("o1", service_pb2.ORDER_STATE_PLACED)

    left = orders.shipped(body, "o1-s1", world.at.date(), (), final=True)
    for key in ("ship/o1", "ship/o1 again"):
        shipment = service_pb2.ShipOrderRequest(account_id="b1", shipment=left)
        services.write(services.invoicing.ShipOrder, shipment, caller=logistics, key=key)
        world.settle()

    [invoice] = trader.invoices("o1")
    assert (len(trader.told("OrderShipped")), invoice.gross_minor) == (1, 120_00)
    assert trader.credit() == (Decimal(120), Decimal(0))
    found = services.read(
        services.invoicing.GetOrder, service_pb2.GetOrderRequest(order_id="o1"), tenant=trader.tenant, caller=buyer
    ).order
    assert (found.state, list(found.documents)) == (service_pb2.ORDER_STATE_SHIPPED, [invoice.number])


def test_an_order_that_is_cancelled_by_a_call_gives_its_hold_back(world: World, trader: Trader) -> None:
    services = world.stage.services
    trader.buyer(limit=1000)
    buyer = person("contact:c1", trader.tenant, "b1", roles=["PROCUREMENT"])
    body = trader.place("o1", "100", told=False)
    wish = service_pb2.PlaceOrderRequest(account_id="b1", scope=body.scope, order=body)
    services.write(services.invoicing.PlaceOrder, wish, caller=buyer, key="place/o1")
    world.settle()
    assert trader.credit() == (Decimal(0), Decimal(120))

    cancel = service_pb2.CancelOrderRequest(account_id="b1", order_id="o1", version=1)
    services.write(services.invoicing.CancelOrder, cancel, caller=buyer, key="cancel/o1")
    world.settle()

    assert trader.credit() == (Decimal(0), Decimal(0))
    shipment = service_pb2.ShipOrderRequest(
        account_id="b1", shipment=orders.shipped(body, "o1-s1", world.at.date(), (), final=True)
    )
    with pytest.raises(Refused, match=r"shipment\.order_cancelled|this order is cancelled"):
        services.write(
            services.invoicing.ShipOrder,
            shipment,
            caller=person("user:lo", trader.tenant, roles=["LOGISTICS"]),
            key="ship/o1",
        )

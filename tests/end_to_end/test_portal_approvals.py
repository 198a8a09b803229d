"""An order above what somebody may spend, from the rule to the yes to the order."""

from collections.abc import Callable

import pytest

from tests.end_to_end.test_portal_ways_in import an_authenticator
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

pytestmark = pytest.mark.prove
Visit = Callable[..., Visitor]


def test_an_order_above_a_limit_waits_for_a_yes_and_is_placed_then(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    trader.sell("o1", "100.00")
    ada = visit(trader, trader.person("ada", "ACCOUNT_ADMIN", "b1"))
    an_authenticator(ada)
    ada.sign_in()
    ada.go("/factor/new?next=/people/spending")
    ada.page.click("text=Add a passkey")
    ada.page.wait_for_url("**/people/spending")
    ada.page.select_option("#f-who", "role:REQUESTER")
    ada.page.select_option("#f-currency", "GBP")
    ada.page.fill("#f-per_order", "20.00")
    ada.page.click("button:text-is('Set')")
    ada.sees("£20.00")

    bo = visit(trader, trader.person("bo", "REQUESTER", "b1")).sign_in()
    bo.go("/orders/new")
    for name, value in (("name", "Nails"), ("quantity", "1"), ("unit_price", "50.00")):
        bo.page.locator(f"input[name={name}]").first.fill(value)
    bo.page.click("button:has-text('Place the order')")
    bo.page.wait_for_url("**/orders?told=waits")
    bo.go("/approvals")
    bo.sees("Waits for approval")
    bo.sees("£60.00")

    ada.go("/")
    ada.clicks = 0
    ada.click("text=Approvals")
    ada.sees("Nails")
    ada.click("button:text-is('Approve')")
    ada.misses("Waits for approval")
    assert ada.clicks == 2
    trader.world.settle()
    bo.go("/approvals")
    bo.sees("Placed")

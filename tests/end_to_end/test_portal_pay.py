"""A buyer pays all that is due by two clicks, is shown what its bank must be told, and takes it back."""

from collections.abc import Callable

import pytest

from deploy.local.processes import wait_until
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader, World

Visit = Callable[..., Visitor]


def shows(visitor: Visitor, words: str) -> bool:
    """Whether the page says it; if not, it is opened again: a file may take longer than a page waits."""
    if words in visitor.text():
        return True
    visitor.page.reload()
    return False


def test_all_that_is_due_is_paid_by_two_clicks_and_found_by_its_reference(world: World, visit: Visit):
    world.next_business_day()
    trader = Trader(world, country="DE")
    trader.buyer(limit=5000, country="DE", currency="EUR", net_days=0)
    numbers = [trader.sell(f"o{n}", "100.00").number for n in (1, 2)]
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    ann.go("/")
    ann.click("nav >> text=Pay")
    assert "€238.00" in ann.text()
    ann.click("text=I am paying this")

    assert (ann.clicks, ann.typed) == (2, 0)
    wait_until(lambda: shows(ann, "DE05 2005 0550 0123 4567 89"), "the invoice says whom to pay", 60)
    assert all(number in ann.text() for number in numbers)
    assert ann.page.locator("img.code").evaluate("image => image.naturalWidth") > 100
    reference = ann.page.url.rsplit("/", 1)[1].partition("?")[0]
    assert reference in ann.text()
    ann.go("/pay")
    assert "Nothing is left to pay" in ann.text()
    assert reference in ann.text()

    trader.pay("bank-1", "238.00", reference)
    world.settle()
    ann.go(f"/pay/{reference}")
    assert "Received" in ann.text()
    assert trader.balance().open.minor == 0


@pytest.mark.prove
def test_a_part_is_announced_and_taken_back(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    invoice = trader.sell("o1", "100.00")
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    ann.go(f"/pay?invoice={invoice.number}")
    ann.fill(f"input[name='amount-{invoice.number}']", "120.01")
    ann.click("text=I am paying this")
    assert "more than is open" in ann.text()
    ann.fill(f"input[name='amount-{invoice.number}']", "20.50")
    ann.click("text=I am paying this")
    assert "£20.50" in ann.text()
    assert ann.page.locator("img.code").count() == 0
    ann.go("/balance")
    assert "£20.50" in ann.text()
    ann.go("/pay")
    assert ann.page.input_value(f"input[name='amount-{invoice.number}']") == "99.50"
    ann.page.click("tbody >> text=P-")
    ann.click("text=We are not paying it so after all")
    assert "Taken back" in ann.text()
    assert ann.page.input_value(f"input[name='amount-{invoice.number}']") == "120.00"


@pytest.mark.prove
def test_another_companys_payments_are_not_there(trader: Trader, visit: Visit):
    trader.buyer(limit=5000)
    trader.buyer("b2", limit=5000)
    invoice = trader.sell("o1", "100.00")
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    eve = visit(trader, trader.person("eve", "AP_CLERK", "b2")).sign_in()
    reception = visit(trader, trader.person("rob", "RECEIVING", "b1")).sign_in()
    ann.go(f"/pay?invoice={invoice.number}")
    ann.click("text=I am paying this")
    path = ann.page.url.removeprefix(ann.base).partition("?")[0]

    assert eve.go(path).status == 404
    assert reception.go("/pay").status == 404
    assert reception.go("/balance").status == 404

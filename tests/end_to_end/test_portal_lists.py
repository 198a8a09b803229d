"""Lists are searched, filtered and paged without the page being loaded anew; and without script all the same."""

from collections.abc import Callable

import pytest

from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

pytestmark = pytest.mark.prove
Visit = Callable[..., Visitor]
MARK = "window.isTheSame = true"
IS_THE_SAME = "window.isTheSame === true"


@pytest.fixture
def ann(trader: Trader, visit: Visit) -> Visitor:
    """Give somebody whose company has ordered a page of things and more."""
    trader.buyer(limit=100_000)
    for number in range(27):
        trader.place(f"{'a' if number < 3 else 'b'}{number}", "1.00")
    trader.world.settle()
    return visit(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()


def rows(ann: Visitor) -> list[str]:
    return [row.inner_text() for row in ann.page.query_selector_all("#list tbody td:first-child a")]


def test_what_is_typed_finds_while_it_is_typed_and_the_address_says_it(ann: Visitor):
    ann.go("/orders")
    ann.page.evaluate(MARK)
    ann.page.type("#f-q", "a")
    ann.page.wait_for_selector("#list tbody tr:nth-child(3):last-child")

    assert ann.page.evaluate(IS_THE_SAME)
    assert ann.page.url.endswith("?q=a")
    assert "?q=" in str(ann.page.get_attribute("#list a[href*='.csv']", "href"))
    assert ann.page.evaluate("document.activeElement.id") == "f-q"
    found = rows(ann)
    ann.page.reload()
    assert rows(ann) == found

    ann.page.fill("#f-q", "nothing")
    ann.sees("Nothing begins with that")


def test_the_next_page_is_drawn_in_place_read_from_its_beginning_and_one_goes_back(ann: Visitor):
    ann.go("/orders")
    ann.page.evaluate(MARK)
    first = rows(ann)
    ann.page.click("text=Next page")
    ann.page.wait_for_selector("text=From the beginning")

    assert ann.page.evaluate(IS_THE_SAME)
    assert len(rows(ann)) == 2
    assert ann.page.evaluate("document.activeElement.id") == "list"
    ann.page.go_back()
    ann.page.wait_for_selector("text=Next page")
    assert rows(ann) == first


def test_whose_session_has_ended_meanwhile_is_sent_to_sign_in(ann: Visitor):
    ann.go("/orders")
    ann.page.context.clear_cookies()
    ann.page.type("#f-q", "a")
    ann.page.wait_for_url("**/sign-in?*")


def test_without_script_a_list_is_searched_and_paged_too(trader: Trader, ann: Visitor, visit: Visit):
    plain = visit(trader, ann.address, java_script_enabled=False)
    plain.page.context.add_cookies(ann.page.context.cookies())  # type: ignore[arg-type] # as they were given
    plain.go("/orders")
    plain.page.click("text=Next page")
    plain.sees("From the beginning")
    plain.page.fill("#f-q", "a")
    plain.page.click("text=Search")
    assert len(rows(plain)) == 3


def test_an_account_is_opened_by_what_was_typed_and_not_while_it_is(trader: Trader, visit: Visit):
    trader.buyer("b1")
    sue = visit(trader, trader.person("sue", "SALES")).sign_in()
    sue.go("/desk/accounts")
    sue.page.type("#f-q", "b1")
    sue.page.wait_for_url("**/desk/accounts?q=b1")
    sue.page.wait_for_timeout(500)
    assert sue.page.url.endswith("/desk/accounts?q=b1")
    sue.page.press("#f-q", "Enter")
    sue.page.wait_for_url("**/desk/accounts/b1")

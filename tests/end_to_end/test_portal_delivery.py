"""The desk by HTTP, as a browser without script would: what reached nobody, who is found, what is registered, what waits."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from html import unescape

import pytest
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from deploy.demo.desk import money
from deploy.demo.stack import rows
from deploy.demo.visit import NotAsWantedError, Visit
from tests.end_to_end.visitors import portal_of
from tests.end_to_end.world import Trader

ACTS = "SELECT method, actor FROM act WHERE method LIKE '%/SendAgain' AND outcome = 'done'"


@contextmanager
def at_the_desk(trader: Trader, name: str, roles: str) -> Iterator[Visit]:
    """Somebody of the seller, signed in with a second factor."""
    address = trader.person(name, roles)
    with Visit(portal_of(trader), trader.world.mail_folder, address) as visit:
        visit.prove()
        yield visit


def words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())


def came_back(trader: Trader) -> str:
    """An invoice whose only reader's address is dead; its number."""
    trader.buyer(limit=1000)
    trader.person("ann", "AP_CLERK", "b1", email=f"bounce-ann.{trader.tenant}@people.example")
    return str(trader.sell("o1", "100.00").number)


def test_an_invoice_that_came_back_is_sent_from_its_row_to_a_colleague_with_its_document(trader: Trader):
    number = came_back(trader)
    with at_the_desk(trader, "bill", "BILLING") as bill:
        assert f"Invoice that reached nobody {number} b1" in words(bill.page("/desk"))
        waits = words(bill.page("/desk/delivery"))
        assert f"{number} b1 ann Could not be delivered their server refuses the address for good (550)" in waits
        assert "Nobody else is there." in waits
        assert "/desk/delivery?account=b1" in bill.page("/desk/accounts/b1")

        colleague = trader.person("req", "REQUESTER", "b1")
        leads_to = bill.send("/desk/delivery/send", {"contact": "req"}, page="/desk/delivery")

        assert "It is on its way." in words(bill.page(leads_to))
        assert "Every invoice and credit note has reached somebody" in words(bill.page("/desk/delivery"))
    trader.world.settle()
    [mail] = [one for one in trader.mails(colleague) if number in str(one["Subject"])]
    assert [part.get_content_type() for part in mail.iter_attachments()]
    assert rows(trader.world.stage.stack.running["notifications"].database, [trader.tenant], ACTS) == [
        ("receivables.notifications.v1.NotificationsService/SendAgain", "user:bill")
    ]


def test_an_address_is_corrected_in_its_row_and_what_came_back_goes_there(trader: Trader):
    number = came_back(trader)
    right = f"ann.{trader.tenant}@people.example"
    with at_the_desk(trader, "sal", "SALES") as sal:
        assert "Mail comes back Person ann b1" in words(sal.page("/desk"))
        with pytest.raises(NotAsWantedError, match=r"That is no address of mail"):
            sal.send("/desk/delivery/address", {"email": "ann at home"}, page="/desk/delivery")

        leads_to = sal.send("/desk/delivery/address", {"email": right}, page="/desk/delivery")

        assert "what came back goes there now" in words(sal.page(leads_to))
        assert "Mail reaches everybody." in words(sal.page("/desk/delivery"))
    trader.world.settle()
    [mail] = trader.mails(right)
    assert number in str(mail["Subject"])


def test_no_clerk_sends_a_buyers_invoice_to_another_buyer(trader: Trader):
    came_back(trader)
    trader.buyer("b2", limit=1000)
    rival = trader.person("bob", "AP_CLERK", "b2")
    trader.person("req", "REQUESTER", "b1")
    with at_the_desk(trader, "bill", "BILLING") as bill:
        for contact in ("bob", "nobody"):
            with pytest.raises(NotAsWantedError):
                bill.send("/desk/delivery/send", {"contact": contact}, page="/desk/delivery")
    trader.world.settle()
    assert trader.mails(rival) == []


def test_an_account_is_found_by_a_word_of_its_name_and_opened_where_it_is_the_only_one(trader: Trader):
    for account in ("b1", "b2"):
        trader.buyer(account, limit=1000)
    with at_the_desk(trader, "cora", "CREDIT") as cora:
        found = words(cora.page("/desk/accounts?q=BUYER"))
        assert "b1" in found
        assert "b2" in found
        with pytest.raises(NotAsWantedError, match="303"):
            cora.page("/desk/accounts?q=b2")
        assert "begins so" in words(cora.page("/desk/accounts?q=nobody"))


def test_the_sellers_form_says_what_is_registered_and_keeps_its_logo(trader: Trader):
    services, logo = trader.world.stage.services, b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
    asked = invoicing_pb2.GetSellerRequest(seller_id=trader.seller.seller_id)
    shown = services.read(services.invoicing.GetSeller, asked, tenant=trader.tenant).seller
    names = {field.name for field in invoicing_pb2.RegisterSellerRequest.DESCRIPTOR.fields}
    known = {field.name: value for field, value in shown.ListFields() if field.name in names}
    request = invoicing_pb2.RegisterSellerRequest(**{**known, "logo_svg": logo})
    services.write(services.invoicing.RegisterSeller, request, caller=trader.desk.caller, key="logo")

    with at_the_desk(trader, "adam", "SELLER_ADMIN") as adam:
        page = "/desk/register/seller"
        assert 'value="GB60BARC20000055779911"' in adam.page(page)
        assert 'value="GB60BARC20000055779911"' not in adam.page(f"{page}?new=1")
        adam.send(page, {"contact_phone": "+44 117 496 0199", "language": "de"}, page=page)

    now = services.read(services.invoicing.GetSeller, asked, tenant=trader.tenant).seller
    assert (now.contact_phone, now.language, now.logo_svg) == ("+44 117 496 0199", "de", logo)
    assert (now.iban, now.company, now.series_prefix) == (shown.iban, shown.company, shown.series_prefix)


def test_what_rules_hold_back_is_listed_by_rule_with_what_mends_it(trader: Trader):
    trader.buyer(limit=1000, profile="xrechnung")
    trader.place("o1", "100.00")
    trader.world.settle()
    trader.ship("o1")
    trader.world.settle()
    with at_the_desk(trader, "bill", "BILLING SALES") as bill:
        by_buyer, by_rule = bill.page("/desk/billing"), bill.page("/desk/billing?by=rule")
        [rule, *_] = re.findall(r"<h2>([A-Z][A-Z0-9-]+)</h2>", by_rule)
        assert rule in words(by_buyer)
        assert "/desk/accounts/b1/company" in by_rule
        assert "/desk/billing?account=b1" in bill.page("/desk/accounts/b1")


def test_cases_wait_in_the_order_of_their_promises_a_page_at_a_time(trader: Trader):
    trader.buyer(limit=10_000)
    invoice = trader.sell("o1", "1000.00")
    buyer = trader.desk.acting_as("contact:ann", "b1")
    numbers = [
        buyer.open_dispute(invoice.number, "PRC_DISC", key=f"d{nth}", amount=money(Decimal(1), "GBP")).number
        for nth in range(27)
    ]
    trader.world.settle()
    with at_the_desk(trader, "dora", "DISPUTE_OWNER") as dora:
        first = dora.page("/desk/disputes")
        assert [number in first for number in numbers] == [True] * 25 + [False] * 2
        [after] = re.findall(r'href="(/desk/disputes\?after=[^"]+)" rel="next"', first)
        second = dora.page(unescape(after))
        assert [number in second for number in numbers] == [False] * 25 + [True] * 2
        newest = dora.page("/desk/disputes?state=ACKNOWLEDGED")
        assert [number in newest for number in numbers] == [False] * 2 + [True] * 25
        assert "27 Those that wait for us" in words(dora.page("/desk/accounts/b1"))

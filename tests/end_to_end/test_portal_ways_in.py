"""Second factors, passkeys to come in by, who one is of several, and where one is signed in."""

import re
import time
from collections.abc import Callable

import pyotp
import pytest
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.demo.stack import rows
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader

Visit = Callable[..., Visitor]


@pytest.mark.prove
def test_a_passkey_is_added_proves_and_lets_in_without_a_mail(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1"))
    an_authenticator(ann)
    ann.sign_in()

    ann.click("text=Profile")
    ann.click("a:text-is('Add a second factor')")
    ann.click("text=Add a passkey")
    ann.page.wait_for_url("**/profile")
    ann.sees("My device")
    assert (ann.clicks, ann.typed) == (3, 0)

    ann.page.click("text=Sign out")
    ann.page.click("text=Sign in with a passkey")
    ann.page.wait_for_selector("text=Good day, Person ann")
    with ann.page.expect_download() as file:
        ann.page.evaluate("location.href = '/profile/export'")  # needs a second factor
    assert "ann." in file.value.path().read_text()

    ann.go("/profile")
    ann.page.click("button[name=factor]")
    ann.sees("add a second factor")


@pytest.mark.prove
def test_a_code_of_an_app_is_good_once_and_the_session_gets_another_id(trader: Trader, visit: Visit):
    """ASVS 6.5.1, 7.2.4: a code is good once, and who has shown one goes on under another session id."""
    trader.buyer(limit=1000)
    ann = visit(trader, trader.person("ann", "AP_CLERK", "b1")).sign_in()
    before = session_of(ann)

    ann.go("/profile/export")  # leads to where one is added
    ann.page.click("text=Type it instead")
    app = pyotp.TOTP(ann.page.inner_text("main code"))
    ann.fill("#f-code", "000000")
    ann.page.click("text=Add the app")
    ann.sees("not taken")
    code = app.now()
    ann.page.fill("#f-code", code)
    with ann.page.expect_download():
        ann.page.click("text=Add the app")
    assert session_of(ann) != before
    assert ann.over_http("/profile", before).status_code == 303

    ann.go("/factor")
    ann.page.fill("#f-code", code)
    ann.page.click("main button[type=submit]")
    ann.sees("that code was used")


@pytest.mark.prove
def test_who_is_several_chooses_and_nobody_becomes_somebody_by_a_changed_address(trader: Trader, visit: Visit):
    """ASVS 6.4.3: an address that somebody else gave a contact opens no other account."""
    trader.buyer("b1")
    trader.buyer("b2")
    address = trader.person("ann1", "AP_CLERK", "b1")
    trader.person("ann2", "AP_MANAGER", "b2", email=address)
    ann = visit(trader, address).sign_in()

    ann.sees("Who are you here?")
    ann.click("form:has-text('b2') button")
    ann.sees("Person ann2")
    ann.click("text=Profile")
    ann.click("text=Be another person")
    ann.click("form:has-text('b1') button")
    ann.sees("Person ann1")

    eve = visit(trader, trader.person("eve", "AP_CLERK", "b1")).sign_in()
    move(trader, "eve", address)
    eve.go("/who")
    eve.sees("Nobody else is known")
    token = re.search(r'name="once" value="([^"]+)"', eve.page.content())
    assert token is not None
    answer = eve.over_http(
        "/who", session_of(eve), method="POST", data={"once": token[1], "contact": "ann2"}, headers=SAME_ORIGIN
    )
    assert answer.status_code == 404


@pytest.mark.prove
def test_one_ends_a_session_elsewhere_and_it_is_out(trader: Trader, visit: Visit):
    """ASVS 7.4.1, 7.5.2: sessions are listed and ended; an ended one is out at once."""
    trader.buyer(limit=1000)
    address = trader.person("ann", "AP_CLERK", "b1")
    elsewhere = visit(trader, address).sign_in()
    time.sleep(1)
    ann = visit(trader, address).sign_in()

    ann.click("text=Profile")
    ann.click("button[name=session]")
    assert elsewhere.go("/").url.endswith("/sign-in?next=%2F")
    assert "Profile" in ann.page.inner_text("footer")


def an_administrator(trader: Trader, visit: Visit) -> Visitor:
    """Somebody who has just added a passkey."""
    trader.buyer(limit=1000)
    ada = visit(trader, trader.person("ada", "ACCOUNT_ADMIN", "b1"))
    an_authenticator(ada)
    ada.sign_in()
    ada.go("/factor/new?next=/")
    ada.page.click("text=Add a passkey")
    ada.page.wait_for_selector("text=Good day")
    ada.clicks = ada.typed = 0
    return ada


def test_an_administrator_invites_by_two_clicks_and_two_fields(trader: Trader, visit: Visit):
    ada = an_administrator(trader, visit)
    ada.click("text=People")
    ada.sees("Nobody gets the invoices")
    address = f"bo.li.{trader.tenant}@people.example"
    ada.fill("#f-address", address)
    ada.page.select_option("#f-role", "AP_CLERK")
    ada.click("form[action='/people/invite'] button")
    assert ada.clicks == 2
    ada.misses("Nobody gets the invoices")

    bo = visit(trader, address)
    bo.follow_invitation()
    bo.sees("Good day, Bo Li")


@pytest.mark.prove
def test_an_administrator_changes_and_removes_somebody(trader: Trader, visit: Visit):
    ada = an_administrator(trader, visit)
    bo = visit(trader, trader.person("bo", "AP_CLERK", "b1")).sign_in()
    cookie = session_of(bo)
    ada.click("text=People")
    ada.page.click("table >> text=Person bo")
    ada.page.check("input[value=FINANCE_LEAD]")
    ada.page.click("text=Save")
    ada.sees("Finance lead")
    ada.page.click("table >> text=Person bo")
    ada.page.click("text=Has left")
    ada.page.click("text=Remove Person bo")
    ada.misses("Person bo")
    assert bo.over_http("/", cookie).headers["location"].startswith("/sign-in")

    ada.page.click("table >> text=Person ada")
    ada.page.click("text=Has left")
    ada.page.click("text=Remove Person ada")
    ada.sees("name another")


@pytest.mark.prove
def test_a_colleague_stands_in_for_some_days_and_no_longer_than_that_is_said(trader: Trader, visit: Visit):
    trader.buyer(limit=1000)
    ann = visit(trader, trader.person("ann", "AP_MANAGER", "b1"))
    address = trader.person("bo", "REQUESTER", "b1")
    an_authenticator(ann)
    ann.sign_in()
    ann.go("/factor/new?next=/cover")
    ann.page.click("text=Add a passkey")
    ann.page.wait_for_url("**/cover")

    ann.page.fill("#f-address", address)
    ann.page.fill("#f-last", "2999-01-01")
    ann.page.click("text=Let them stand in")
    ann.sees("nor more than a year later")
    ann.go("/")
    ann.clicks = ann.typed = 0
    ann.click("text=While you are away")
    ann.fill("#f-address", address)
    ann.fill("#f-last", ann.page.input_value("#f-first"))
    ann.click("text=Let them stand in")
    ann.sees("Person bo")
    assert (ann.clicks, ann.typed) == (2, 2)

    bo = visit(trader, address).sign_in()
    assert bo.go("/pay").status == 404
    bo.go("/cover")
    bo.click("text=Act for Person ann")
    bo.sees("You act for Person ann")
    assert "Pay" in bo.page.inner_text("header")
    bo.go("/cover")
    bo.sees("hand that on to nobody")
    assert ("contact:bo", "contact:ann", "portal/ActFor") in trail(trader)

    ann.page.click("main button:text-is('End')")
    bo.go("/")
    bo.misses("You act for")
    assert "Pay" not in bo.page.inner_text("header")


SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


def session_of(visitor: Visitor) -> str:
    """The cookie of a visitor's session."""
    return {str(one.get("name")): str(one.get("value")) for one in visitor.page.context.cookies()}["__Host-session"]


def trail(trader: Trader) -> set[tuple[str, str, str]]:
    """What was done in the portal: who, for whom, what."""
    database = trader.world.stage.stack.running["portal"].database
    return set(rows(database, [trader.tenant], "SELECT actor, on_behalf_of, method FROM act"))


def move(trader: Trader, contact: str, address: str) -> None:
    """Whoever may gives a contact another address."""
    services = trader.world.stage.services
    request = notifications_pb2.RegisterContactRequest(
        contact_id=contact, account_id="b1", name="Eve", email=address, roles=["AP_CLERK"], language="en"
    )
    services.write(services.notifications.RegisterContact, request, caller=trader.desk.caller, key=f"move/{contact}")


def an_authenticator(visitor: Visitor) -> None:
    """Give a visitor's browser an authenticator that knows its owner."""
    devices = visitor.page.context.new_cdp_session(visitor.page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})

"""What happens in the portal is mailed once to whom it concerns: both services, their doors and a mail server, for real."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pyotp
import pytest
from pydantic import SecretStr
from receivables.common.v1 import money_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.local import static
from deploy.local.processes import free_port
from services.chassis import cleaning
from services.chassis.service import Parts, Servicer
from services.chassis.workers import Batch, Work, drain
from services.notifications.service import SERVICE as NOTIFICATIONS
from services.portal import usecases
from services.portal.domain.people import Person
from services.portal.domain.providers import Vouched
from services.portal.domain.spending import Rule
from services.portal.service import SERVICE, door_of, door_on
from services.portal.store import Host, Provider
from services.portal.usecases import Door
from services.portal.usecases.notices import BY_PERSON, tell
from services.portal.usecases.providers import _person as person_vouched_for
from tests.callers import answering, environment, servicers_of
from tests.integration.conftest import OpenService
from tests.integration.notifications.office import Office, text
from tests.unit.notifications.samples import ACCOUNT, TENANT, payment


@dataclass
class Invoicing(invoicing_grpc.InvoicingServiceServicer):
    """Places orders, or refuses them."""

    placed: list[str] = field(default_factory=list)
    refuses: bool = False

    async def PlaceOrder(
        self, request: invoicing_pb2.PlaceOrderRequest, context: Any
    ) -> invoicing_pb2.PlaceOrderResponse:
        """Place one."""
        if self.refuses:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
        self.placed.append(request.order.order_id)
        return invoicing_pb2.PlaceOrderResponse(order_id=request.order.order_id, version=1)


class Ledger(ledger_grpc.LedgerServiceServicer):
    """Knows one payment."""

    async def GetPayment(self, request: ledger_pb2.GetPaymentRequest, context: Any) -> ledger_pb2.GetPaymentResponse:
        """It."""
        amount = money_pb2.Money(minor=100, currency="EUR")
        payment = ledger_pb2.Payment(payment_id="p1", value_date="2026-03-02", amount=amount, unapplied=amount)
        return ledger_pb2.GetPaymentResponse(payment=payment)


@dataclass
class House:
    """The portal with its pages, and notifications with its mail."""

    office: Office
    parts: Parts[Any]
    door: Door
    host: Host
    invoicing: Invoicing
    port: int

    async def settle(self) -> None:
        """Do what nobody waits for, in both."""
        await drain(self.parts.consumer, works(self.parts))
        await self.office.send()

    async def comes_in(self, contact_id: str) -> httpx.AsyncClient:
        """A browser of somebody who has shown a second factor."""
        person = await usecases.find_person(self.door, TENANT, contact_id)
        assert person is not None
        cookie = await usecases.begin(self.door, person, agent="a test", assurance=2)
        headers = {"host": self.host.host, "sec-fetch-site": "same-origin"}
        cookies = {"__Host-session": cookie}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, cookies=cookies)

    async def post(self, contact_id: str, path: str, **fields: Any) -> httpx.Response:
        """Somebody sends a form."""
        async with await self.comes_in(contact_id) as browser:
            answer = await browser.post(path, data={"once": uuid4().hex} | fields)
        assert answer.status_code == 303, answer.text
        return answer

    async def order(self, contact_id: str = "bo", price: str = "500.00") -> None:
        """Somebody orders one piece for that price and a fifth of tax."""
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        fields = {"name": "Nails", "sku": "", "quantity": "1", "unit_price": price, "currency": "GBP", "rate": "20"}
        await self.post(contact_id, "/orders/new", **fields, wanted=tomorrow, seller_id="")

    async def waiting(self) -> str:
        """The order that waits."""
        [row] = await self.rows("SELECT purchase_id FROM purchase WHERE state = 'AWAITING'")
        return str(row.purchase_id)

    async def rows(self, statement: Any) -> list[Any]:
        """What the portal's database says."""
        async with self.parts.database.transaction([TENANT]) as tx:
            return await tx.rows(statement)

    def told(self, contact_id: str) -> list[str]:
        """The subjects of somebody's mails, in order."""
        return [str(mail["Subject"]) for mail in self.office.mails(contact_id)]


def works(parts: Parts[Any]) -> list[Work]:
    """All that the portal has to do."""
    return list(SERVICE.works(parts))


@pytest.fixture
async def house(office: Office, open_service: OpenService) -> AsyncIterator[House]:
    """Give both, and people of one account; whoever requests orders up to 100 pounds without asking."""
    for name, role in (("ada", "ACCOUNT_ADMIN"), ("ann", "AP_MANAGER"), ("bo", "REQUESTER"), ("cleo", "AP_CLERK")):
        await office.register(name, role)
    async with portal(office, open_service) as house:
        rules = [Rule("", "role:REQUESTER", "GBP", 10_000, None), Rule("", "role:ACCOUNT_ADMIN", "GBP", 10_000, None)]
        for rule in rules:
            await usecases.save_rule(house.door, a_person("ada", "ACCOUNT_ADMIN"), rule, [], uuid4().hex)
        yield house


@asynccontextmanager
async def portal(office: Office, open_service: OpenService) -> AsyncIterator[House]:
    """A portal beside notifications."""
    invoicing = Invoicing()  # type: ignore[abstract] # it is asked for orders alone
    servicer = Servicer(
        "receivables.invoicing.v1.InvoicingService", invoicing_grpc.add_InvoicingServiceServicer_to_server, invoicing
    )
    known = Ledger()  # type: ignore[abstract] # it is asked for one payment alone
    books = Servicer("receivables.ledger.v1.LedgerService", ledger_grpc.add_LedgerServiceServicer_to_server, known)
    port = free_port()
    host = Host(f"{TENANT}.localhost:{port}", TENANT, "Nordwind")
    async with (
        answering("invoicing", [servicer]) as invoicing_address,
        answering("ledger", [books]) as ledger_address,
        answering("notifications", servicers_of(NOTIFICATIONS, office.parts)) as notifications_address,
        open_service(
            SERVICE,
            portal_secret=SecretStr("x" * 32),
            http_port=port,
            static_dir=static.install(),
            invoicing_address=invoicing_address,
            ledger_address=ledger_address,
            notifications_address=notifications_address,
            identity_key=environment(SERVICE.name)["AR_IDENTITY_KEY"],
        ) as parts,
    ):
        door = door_of(parts)
        await usecases.add_host(door.database, host)
        assert SERVICE.door is not None
        async with SERVICE.door(parts):
            yield House(office, parts, door, host, invoicing, port)
        await door.asks.close()


def a_person(contact_id: str, role: str) -> Person:
    return Person(TENANT, contact_id, ACCOUNT, contact_id, frozenset({role}), "en", assurance=2)


async def test_whoever_may_approve_hears_of_an_order_that_waits_and_whoever_ordered_of_the_yes(house: House):
    await house.order()
    purchase = await house.waiting()
    await house.settle()

    [mail] = house.office.mails("ann")
    assert str(mail["Subject"]) == "An order of Person bo for £600.00 waits for approval"
    assert f"http://{house.host.host}/approvals#{purchase}" in text(mail)
    assert [house.told(name) for name in ("ada", "bo", "cleo")] == [[], [], []]  # ada may approve less

    await house.post("ann", f"/approvals/{purchase}/yes")
    await house.settle()
    [approved] = house.office.mails("bo")
    [order_id] = house.invoicing.placed
    assert "Person ann approved your order for £600.00" in text(approved)
    assert f"/orders/{order_id}" in text(approved)
    assert await house.rows("SELECT FROM notice") == []


async def test_a_no_is_told_to_whoever_ordered_and_what_was_decided_is_asked_of_nobody(house: House):
    await house.order()
    await house.post("ann", f"/approvals/{await house.waiting()}/no")
    await house.settle()

    assert house.told("bo") == ["Your order for £600.00 was refused"]
    assert house.told("ann") == []


async def test_what_was_approved_and_could_not_be_placed_is_told_too(house: House):
    await house.order()
    house.invoicing.refuses = True
    await house.post("ann", f"/approvals/{await house.waiting()}/yes")
    await house.settle()

    assert house.told("bo") == ["Your order for £600.00 could not be placed"]


async def test_while_nobody_may_approve_whoever_ordered_hears_it_and_who_can_change_that_is_asked(house: House):
    """They are asked once, and who may approve it later hears of it then."""
    await house.office.register("sam", "SALES", account="")
    await house.office.register("cash", "CASH_APP", account="")
    await house.rows("UPDATE spend_rule SET per_order_minor = 1 RETURNING 1")
    await usecases.save_rule(
        house.door, a_person("ada", "ACCOUNT_ADMIN"), Rule("", "role:AP_MANAGER", "GBP", 100, None), [], uuid4().hex
    )
    await house.order()
    for _ in range(2):
        await house.settle()
        await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")

    assert house.told("bo") == ["Your order for £600.00 waits, and nobody may approve it"]
    assert house.told("ada") == ["Nobody may approve an order of Person bo for £600.00"]
    [to_sam] = house.office.mails("sam")
    assert f"http://{house.host.host}/desk/accounts/{ACCOUNT}" in text(to_sam)
    assert [house.told(name) for name in ("ann", "cleo", "cash")] == [[], [], []]
    async with await house.comes_in("bo") as bo, await house.comes_in("ada") as ada:
        assert "Nobody may approve it yet" in (await bo.get("/approvals")).text
        assert "Give a colleague a role that does" in (await ada.get("/approvals")).text

    await house.rows("UPDATE spend_rule SET per_order_minor = 100000 WHERE who = 'role:AP_MANAGER' RETURNING 1")
    await house.settle()
    assert house.told("ann") == ["An order of Person bo for £600.00 waits for approval"]
    assert await house.rows("SELECT FROM job") == []
    async with await house.comes_in("bo") as bo:
        assert "Nobody may approve it" not in (await bo.get("/approvals")).text


async def test_an_order_for_which_nobody_was_found_is_looked_at_no_more_once_it_is_over(house: House):
    await house.rows("UPDATE spend_rule SET per_order_minor = 1 RETURNING 1")
    await usecases.save_rule(
        house.door, a_person("ada", "ACCOUNT_ADMIN"), Rule("", "role:AP_MANAGER", "GBP", 100, None), [], uuid4().hex
    )
    await house.order()
    await house.settle()
    await house.rows("UPDATE purchase SET expires_at = now() - interval '1 second' RETURNING 1")
    await cleaning.clean(house.parts.database, usecases.forget_outdated)
    await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")
    await house.settle()

    assert await house.rows("SELECT FROM job") == []


async def test_one_person_who_is_two_contacts_does_not_approve_what_they_ordered(house: House):
    """ASVS 2.3.5: the same address of mail is the same pair of eyes, however it is written."""
    await house.office.register("bo2", "AP_MANAGER", email=f"BO@{ACCOUNT}.example")
    await house.order()
    await house.settle()
    assert house.told("bo2") == []

    async with await house.comes_in("bo2") as browser:
        assert f"/approvals/{await house.waiting()}/yes" not in (await browser.get("/approvals")).text
        answer = await browser.post(f"/approvals/{await house.waiting()}/yes", data={"once": uuid4().hex})
    assert answer.status_code == 422
    assert "for somebody else to approve" in answer.text


async def test_who_came_in_by_the_mail_that_ordered_does_not_approve_it_by_another_address(house: House):
    """ASVS 2.3.5: a session that went on as another contact is the same reader's, whatever that one's address is by now."""
    await house.office.register("bo2", "AP_MANAGER")
    await house.order()
    person = await usecases.find_person(house.door, TENANT, "bo2")
    assert person is not None
    proved = house.door.keyed("address", f"bo@{ACCOUNT}.example")
    cookie = await usecases.begin(house.door, person, agent="a test", assurance=2, proved_address=proved)
    async with await house.comes_in("bo2") as browser:
        browser.cookies.set("__Host-session", cookie)
        answer = await browser.post(f"/approvals/{await house.waiting()}/yes", data={"once": uuid4().hex})
    assert answer.status_code == 422


async def test_who_orders_below_the_limit_hears_of_it_as_of_any_order_and_by_no_mail_of_the_portals(house: House):
    await house.order(price="50.00")
    await house.settle()

    assert len(house.invoicing.placed) == 1
    assert house.office.mails() == []


async def test_after_seven_days_whoever_ordered_hears_that_nobody_decided(house: House):
    await house.order()
    await house.rows("UPDATE purchase SET expires_at = now() - interval '1 second' RETURNING 1")
    await cleaning.clean(house.parts.database, usecases.forget_outdated)
    await house.settle()
    await cleaning.clean(house.parts.database, usecases.forget_outdated)
    await house.settle()

    assert house.told("bo") == ["Nobody decided about your order for £600.00"]
    assert house.told("ann") == []


async def test_a_stand_in_of_who_may_approve_is_told_and_never_whoever_ordered(house: House):
    await cover(house, "ann", "cleo", "AP_MANAGER")
    await cover(house, "ada", "bo", "ACCOUNT_ADMIN")
    await house.rows("UPDATE spend_rule SET per_order_minor = 99999999 WHERE who = 'role:ACCOUNT_ADMIN' RETURNING 1")
    await house.order()
    await house.settle()

    waits = "An order of Person bo for £600.00 waits for approval"
    assert {name: waits in house.told(name) for name in ("ada", "ann", "bo", "cleo")} == {
        "ada": True,
        "ann": True,
        "bo": False,
        "cleo": True,
    }


async def cover(house: House, away: str, stand_in: str, role: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    address = f"{stand_in}@{ACCOUNT}.example"
    await house.post(away, "/cover", address=address, role=role, first=today, last=today)


async def test_both_hear_when_one_begins_and_ceases_to_stand_in_for_the_other(house: House):
    await cover(house, "ann", "cleo", "AP_MANAGER")
    await house.settle()
    [to_cleo], [to_ann] = house.office.mails("cleo"), house.office.mails("ann")
    assert "Person ann is away and named you as stand-in" in text(to_cleo)
    assert "as: head of accounts payable" in text(to_cleo)
    assert "Person cleo was named as your stand-in" in text(to_ann)

    [row] = await house.rows("SELECT delegation_id FROM delegation")
    for _ in range(2):  # ended once
        await house.post("cleo", "/cover/end", cover=row.delegation_id)
    await house.settle()
    assert house.told("cleo")[1:] == ["You no longer stand in for Person ann"]
    assert house.told("ann")[1:] == ["Person cleo no longer stands in for you"]
    assert "Person cleo ended it" in text(house.office.mails("ann")[-1])


async def test_who_has_left_stands_in_for_nobody_and_the_other_hears_of_it(house: House):
    await cover(house, "ann", "cleo", "AP_MANAGER")
    await house.settle()

    await house.post("ada", "/people/cleo/remove")
    await house.settle()

    assert house.told("ann")[1:] == ["Person cleo no longer stands in for you"]
    assert len(house.told("cleo")) == 1


async def test_people_hear_when_a_factor_of_theirs_is_added_removed_or_all_are(house: House):
    """ASVS 6.3.7: who changes how somebody comes in cannot do it unheard."""
    async with await house.comes_in("cleo") as browser:
        page = await browser.get("/factor/new")
        found = re.search(r'name="sealed" value="([^"]+)"', page.text), re.search(r"<code>(\w+)</code>", page.text)
        sealed, secret = (one[1] for one in found if one)
        fields = {"once": uuid4().hex, "sealed": sealed, "code": pyotp.TOTP(secret).now(), "next": "/profile"}
        assert (await browser.post("/factor/new/app", data=fields)).status_code == 303
    await house.post("cleo", "/factor/remove", factor="app")
    await house.post("cleo", "/factor/remove", factor="app")  # there is none any more
    await house.post("ada", "/people/cleo/factors")
    await house.settle()

    assert sorted(house.told("cleo")) == [
        "Your access: all second factors were removed",
        "Your access: an app that shows codes was added",
        "Your access: an app that shows codes was removed",
    ]
    assert "Person ada removed all second factors" in "".join(map(text, house.office.mails("cleo")))


async def test_whom_a_provider_lets_in_for_the_first_time_hears_of_it_and_never_again(house: House):
    issuer = Provider(TENANT, "corp", "Acme Corp", "https://id.example", "portal", b"", ACCOUNT, {}, 1)
    for _ in range(2):
        person = await person_vouched_for(house.door, issuer, Vouched("s1", "cleo@acme.example", frozenset(), "", 0))
        assert person.contact_id == "cleo"
    await house.settle()

    assert house.told("cleo") == ["Somebody came in as you by Acme Corp for the first time"]


async def test_a_process_that_ends_between_the_commit_and_the_call_or_after_it_mails_once(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    async def ends_over(work: Work) -> None:
        """It does its job, and ends before it has written that down."""

        def died(self: Batch) -> Any:
            raise ConnectionError("gone")

        with monkeypatch.context() as patched:
            patched.setattr(Batch, "finishing", died)
            await drain(house.parts.consumer, [work])
        await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")

    finds, asks = usecases.asking(house.door), usecases.noticing(house.door)
    await house.order()  # it waits, and nobody has done anything of it
    await ends_over(finds)
    assert await house.rows("SELECT FROM notice") == []
    await drain(house.parts.consumer, [finds])
    for _ in range(2):
        await ends_over(asks)  # notifications was asked, and has the mail
        await house.office.send()
        assert len(await house.rows("SELECT FROM notice")) == 1
    await house.settle()

    assert house.told("ann") == ["An order of Person bo for £600.00 waits for approval"]
    assert await house.rows("SELECT FROM job") == []
    assert await house.rows("SELECT FROM notice") == []


async def test_while_notifications_is_away_nothing_is_lost_and_nothing_parked(house: House):
    settings = house.parts.settings.model_copy(update={"notifications_address": f"127.0.0.1:{free_port()}"})
    alone = door_on(settings, house.parts.database)
    await house.order()
    for work in (usecases.asking(alone), usecases.noticing(house.door)):
        await drain(house.parts.consumer, [work])
    assert [row.kind for row in await house.rows("SELECT kind FROM job WHERE kind <> 'signed_in'")] == ["approvers"]

    await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")
    for work in (usecases.asking(house.door), usecases.noticing(alone)):
        await drain(house.parts.consumer, [work])
    left = await house.rows("SELECT kind, attempts FROM job WHERE kind <> 'signed_in'")
    assert [(row.kind, row.attempts) for row in left] == [("notice", 0)]
    await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")
    await house.settle()
    await alone.asks.close()

    assert len(house.told("ann")) == 1
    assert await house.rows("SELECT FROM parked") == []


async def test_nobody_is_flooded_and_nobody_hides_a_stolen_access_behind_a_flood(house: House):
    many = int(BY_PERSON[0]) + 5
    refused = notifications_pb2.NOTICE_KIND_ORDER_EXPIRED
    async with house.parts.database.transaction([TENANT]) as tx:
        for _ in range(many):
            amount = {"minor": 100, "currency": "GBP"}
            await tell(tx, TENANT, "cleo", refused, "/approvals", amount=amount)
        added = notifications_pb2.NOTICE_KIND_FACTOR_ADDED
        await tell(tx, TENANT, "cleo", added, "/profile", factor=notifications_pb2.FACTOR_PASSKEY)
    await house.settle()

    assert len(house.told("cleo")) == BY_PERSON[0] + 1
    assert "Your access: a passkey was added" in house.told("cleo")
    assert len(await house.rows("SELECT FROM notice")) == 5  # they come later

    await house.rows("UPDATE rate SET at = at - interval '1 day' RETURNING 1")
    await house.rows("UPDATE job SET next_try_at = now() RETURNING 1")
    await house.settle()
    assert len(house.told("cleo")) == many + 1
    assert await house.rows("SELECT FROM notice") == []


async def test_a_page_offers_whom_its_reader_sees_to_mention_and_says_how_much_is_new(house: House):
    await house.office.register("sam", "CASH_APP", account="", name="Sam Cash")
    await house.office.follow(payment())
    words = {"about": "payment/p1", "back": "/payments/p1"}
    await house.post("ann", "/thread", message="Which invoice is it?", mention="cleo", **words)
    await house.post("sam", "/thread", message="We look.", **words)
    await house.settle()
    assert "You are mentioned: please answer." in text(house.office.mails("cleo")[-1])
    assert "Which invoice is it?" in text(house.office.mails("cleo")[-1])

    async with await house.comes_in("cleo") as browser:
        first, again = [(await browser.get("/payments/p1")).text for _ in range(2)]
    assert "2 new" in first
    assert "@Person cleo" in first
    assert 'name="mention" value="ann"' in first
    assert "2 new" not in again
    assert "Sam Cash" not in first  # a buyer reads which company answers

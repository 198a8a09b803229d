"""Orders above what somebody may spend wait for another's yes, and are placed once: behind real doors."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from pydantic import SecretStr
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.access import CALL
from services.chassis.service import Parts, Servicer
from services.chassis.workers import drain
from services.kernel.refusals import Conflict, Forbidden, NotFound
from services.portal import usecases
from services.portal.asks import Away, Write
from services.portal.domain.people import Person
from services.portal.domain.spending import Rule
from services.portal.service import SERVICE, door_of
from services.portal.usecases import Door
from tests.callers import answering, environment
from tests.integration.conftest import OpenService

ONCE = Write("o" * 32)


@dataclass
class Invoicing(invoicing_grpc.InvoicingServiceServicer):
    """Places orders, and remembers for whom; it can be away."""

    placed: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False

    async def PlaceOrder(
        self, request: invoicing_pb2.PlaceOrderRequest, context: Any
    ) -> invoicing_pb2.PlaceOrderResponse:
        """Place one; the same key again is the same order."""
        call = CALL.get()
        assert call is not None
        assert call.principal is not None
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        self.placed.append((call.principal.actor, request.order.order_id))
        return invoicing_pb2.PlaceOrderResponse(order_id=request.order.order_id, version=1)


class Notifications(notifications_grpc.NotificationsServiceServicer):
    """Knows who people are."""

    async def GetContact(
        self, request: notifications_pb2.GetContactRequest, context: Any
    ) -> notifications_pb2.GetContactResponse:
        """Anybody with one role."""
        contact = notifications_pb2.Contact(
            contact_id=request.contact_id, account_id="b1", name=request.contact_id, roles=["REQUESTER"], language="en"
        )
        return notifications_pb2.GetContactResponse(contact=contact)

    async def ListContacts(
        self, _request: notifications_pb2.ListContactsRequest, _context: Any
    ) -> notifications_pb2.ListContactsResponse:
        """Whoever is known."""
        contacts = [
            notifications_pb2.Contact(contact_id=name, account_id="b1", name=name.title(), roles=["REQUESTER"])
            for name in ("ann", "bo", "cy", "di")
        ]
        return notifications_pb2.ListContactsResponse(contacts=contacts)


@dataclass
class House:
    """The portal, and who answers it."""

    parts: Parts[Any]
    door: Door
    invoicing: Invoicing

    async def work(self) -> None:
        """Do what nobody waits for."""
        await drain(self.parts.consumer, SERVICE.works(self.parts))


@pytest.fixture
async def house(open_service: OpenService) -> AsyncIterator[House]:
    """Give a portal in which a requester orders up to 100 pounds."""
    invoicing = Invoicing()  # type: ignore[abstract] # it is asked for orders alone
    known = Notifications()  # type: ignore[abstract] # it is asked for people alone
    orders = Servicer(
        "receivables.invoicing.v1.InvoicingService",
        invoicing_grpc.add_InvoicingServiceServicer_to_server,
        invoicing,
    )
    people = Servicer(
        "receivables.notifications.v1.NotificationsService",
        notifications_grpc.add_NotificationsServiceServicer_to_server,
        known,
    )
    async with (
        answering("invoicing", [orders]) as invoicing_address,
        answering("notifications", [people]) as notifications_address,
        open_service(
            SERVICE,
            portal_secret=SecretStr("x" * 32),
            invoicing_address=invoicing_address,
            notifications_address=notifications_address,
            identity_key=environment(SERVICE.name)["AR_IDENTITY_KEY"],
        ) as parts,
    ):
        door = door_of(parts)
        rule = Rule("", "role:REQUESTER", "GBP", 10_000, 15_000)
        await usecases.save_rule(door, somebody("ada", "ACCOUNT_ADMIN"), rule, [], "r" * 32)
        yield House(parts, door, invoicing)
        await door.asks.close()


async def test_what_one_may_spend_is_placed_at_once_and_the_same_form_again_is_the_same_order(house: House):
    for _ in range(2):
        placed = await usecases.place_or_ask(house.door, somebody("bo", "REQUESTER"), an_order("o1", 10_000), ONCE)
        assert (placed.order_id, placed.awaits_approval) == ("o1", False)

    assert house.invoicing.placed == [("contact:bo", "o1")]


async def test_what_is_above_waits_until_another_says_yes_and_is_placed_for_whoever_ordered(house: House):
    bo, ann = somebody("bo", "REQUESTER"), somebody("ann", "AP_MANAGER")
    asked = await usecases.place_or_ask(house.door, bo, an_order("o1", 10_001), ONCE)
    assert asked.awaits_approval
    await house.work()
    assert house.invoicing.placed == []

    [mine] = await usecases.approvals(house.door, bo)
    assert (mine.may_decide, mine.is_own) == (False, True)
    [hers] = await usecases.approvals(house.door, ann)
    assert (hers.may_decide, hers.lines) == (True, ["1 × Goods"])
    with pytest.raises(Forbidden):
        await usecases.decide(house.door, somebody("bo", "AP_MANAGER"), asked.approval_id, says_yes=True)
    with pytest.raises(NotFound):
        await usecases.decide(house.door, somebody("eve", "AP_MANAGER", account="b2"), asked.approval_id, says_yes=True)

    await usecases.decide(house.door, ann, asked.approval_id, says_yes=True)
    with pytest.raises(Conflict):
        await usecases.decide(house.door, ann, asked.approval_id, says_yes=False)
    await house.work()
    await house.work()
    assert house.invoicing.placed == [("contact:bo", "o1")]
    assert (await usecases.place_or_ask(house.door, bo, an_order("o1", 10_001), ONCE)).order_id == "o1"


async def test_a_months_orders_add_up_and_what_was_refused_does_not(house: House):
    bo, ann = somebody("bo", "REQUESTER"), somebody("ann", "AP_MANAGER")
    first = await usecases.place_or_ask(house.door, bo, an_order("o1", 10_000), Write("1" * 32))
    second = await usecases.place_or_ask(house.door, bo, an_order("o2", 6_000), Write("2" * 32))
    assert (first.awaits_approval, second.awaits_approval) == (False, True)

    await usecases.decide(house.door, ann, second.approval_id, says_yes=False)
    third = await usecases.place_or_ask(house.door, bo, an_order("o3", 5_000), Write("3" * 32))
    assert not third.awaits_approval


async def test_an_order_said_smaller_than_its_lines_is_judged_by_these(house: House):
    request = an_order("o1", 10_001)
    request.order.gross_minor = 1

    assert (await usecases.place_or_ask(house.door, somebody("bo", "REQUESTER"), request, ONCE)).awaits_approval


async def test_while_invoicing_is_away_nothing_is_lost_and_nothing_comes_twice(house: House):
    house.invoicing.away = True
    with pytest.raises(Away):
        await usecases.place_or_ask(house.door, somebody("bo", "REQUESTER"), an_order("o1", 10_000), ONCE)

    house.invoicing.away = False
    placed = await usecases.place_or_ask(house.door, somebody("bo", "REQUESTER"), an_order("o1", 10_000), ONCE)
    assert placed.order_id == "o1"
    assert house.invoicing.placed == [("contact:bo", "o1")]


def somebody(contact: str, *roles: str, account: str = "b1") -> Person:
    return Person("acme", contact, account, contact, frozenset(roles), "en", assurance=2)


def an_order(order_id: str, minor: int) -> invoicing_pb2.PlaceOrderRequest:
    line = orders_pb2.OrderLine(line_id="1", sku="S", name="Goods", quantity="1", unit="C62", net_minor=minor)
    order = orders_pb2.OrderPlaced(
        order_id=order_id, account_id="b1", currency="GBP", lines=[line], net_minor=minor, gross_minor=minor
    )
    return invoicing_pb2.PlaceOrderRequest(account_id="b1", order=order)

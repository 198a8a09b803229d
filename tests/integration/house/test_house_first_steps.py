"""From an application to the first order: each role is asked for what is theirs, and whoever does not do it is left alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from receivables.credit.v1.applications_pb2_grpc import ApplicationServiceStub
from receivables.notifications.v1 import events_pb2, service_pb2
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.local.trust import person
from services.chassis.service import Parts
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.credit import applicants
from tests.integration.house.house import House

WEDNESDAY, THURSDAY, TUESDAY = (datetime(2026, 3, day, 9, tzinfo=UTC) for day in (4, 5, 10))


@dataclass(frozen=True)
class Desk:
    """Credit, as `applicants` asks it."""

    house: House

    @property
    def parts(self) -> Parts[Any]:
        return self.house.residents["credit"].parts

    async def call(self, method: str, request: Any, *, by: str = "user:ada") -> Any:
        return await self.house.call(ApplicationServiceStub, method, request, actor=by)


class Led:
    """A company whose line stands, and what it is asked."""

    def __init__(self, house: House, account: str) -> None:
        self.house, self.account = house, account

    async def ask(self, method: str, *, by: str = "user:ada", **said: Any) -> Any:
        request = getattr(service_pb2, f"{method}Request")(**said)
        if by.startswith("contact:"):
            stub = NotificationsServiceStub(self.house.residents["notifications"].channel)
            roles = {"contact:cleo": "AP_CLERK", "contact:ann": "FINANCE_LEAD"}[by]
            answer = await Gated("notifications", stub).ask(
                person(by, "acme", self.account, roles=[roles]), method, request
            )
            assert not isinstance(answer, Asked), answer
        else:
            answer = await self.house.call(NotificationsServiceStub, method, request, actor=by)
        await self.house.settle()
        return answer

    async def register(self, contact: str, *roles: str, account: str | None = None) -> None:
        account = self.account if account is None else account
        email = f"{contact}@{'buyer' if account else 'seller'}.example"
        said = {"contact_id": contact, "account_id": account, "name": contact, "email": email, "language": "en"}
        await self.ask("RegisterContact", **said, roles=roles)

    async def steps(self) -> dict[str, str]:
        answer = await self.ask("GetFirstSteps", account_id=self.account)
        return {step.code: step.state for step in answer.steps}

    async def asked(self, contact: str) -> list[str]:
        """What somebody was asked, in order."""
        answer = await self.ask("ListMessages", contact_id=contact)
        return [m.event_type for m in reversed(answer.messages) if m.about == f"onboarding/{self.account}"]

    async def clock(self, at: datetime) -> None:
        await self.house.set_clock(at)
        await self.house.settle()


@pytest.fixture
async def led(house: House) -> Led:
    """A company that applied by a link, accepted, and is known by whoever applied."""
    desk = Desk(house)
    await applicants.ready(desk)  # type: ignore[arg-type] # it is asked as the desk is
    await applicants.submit(desk)  # type: ignore[arg-type]
    accepted = await applicants.act(desk, "AcceptApplication", by="user:carl")  # type: ignore[arg-type]
    await house.settle()
    led = Led(house, accepted.account_id)
    await led.register("sam", "SALES", "BILLING", account="")
    await led.register("ann", "ACCOUNT_ADMIN", "FINANCE_LEAD")
    return led


async def test_an_account_is_led_through_all_its_steps_each_role_asked_for_its_own(led: Led):
    assert await led.steps() == {
        "SIGN_IN": "OPEN",
        "COLLEAGUES": "NEXT",
        "SAMPLE": "NEXT",
        "WAY_TO_PAY": "NEXT",
        "FIRST_ORDER": "NEXT",
    }
    await led.ask("NoteSignIn", by="service:portal", contact_id="ann")
    assert await led.asked("ann") == ["first_colleagues", "first_way_to_pay"]

    await led.register("cleo", "AP_CLERK")
    await led.register("rob", "REQUESTER", "RECEIVING")
    assert (await led.asked("cleo"), await led.asked("rob")) == (["first_sample"], ["first_order"])

    await led.ask("AnswerFirstStep", by="contact:cleo", account_id=led.account, code="SAMPLE", answer="ACCEPTED")
    way = {"account_id": led.account, "code": "WAY_TO_PAY", "answer": "DIRECT_DEBIT"}
    await led.ask("AnswerFirstStep", by="contact:ann", **way)
    order = orders_pb2.OrderPlaced(order_id="o1", version=1, account_id=led.account, currency="EUR")
    led.house.tell(order, account=led.account, subject="order/o1")
    await led.house.settle()

    assert set((await led.steps()).values()) == {"DONE"}
    await led.clock(TUESDAY)
    assert await led.asked("ann") == ["first_colleagues", "first_way_to_pay"]
    assert [(told.code, told.answer) for told in led.house.said(events_pb2.FirstStepMoved)] == [
        ("SIGN_IN", ""),
        ("SAMPLE", "ACCEPTED"),
        ("WAY_TO_PAY", "DIRECT_DEBIT"),
    ]


async def test_who_stalls_is_reminded_once_and_then_the_step_waits_on_its_owners_desk(led: Led):
    await led.ask("NoteSignIn", by="service:portal", contact_id="ann")
    await led.clock(WEDNESDAY)
    assert await led.asked("ann") == ["first_colleagues", "first_way_to_pay"]

    await led.clock(THURSDAY)
    assert await led.asked("ann") == ["first_colleagues", "first_way_to_pay"] * 2
    assert list((await led.ask("ListFirstSteps")).steps) == []

    await led.clock(TUESDAY)
    waiting = (await led.ask("ListFirstSteps")).steps
    assert [(step.code, step.owner, step.reason) for step in waiting] == [
        ("COLLEAGUES", "SALES", "NO_ANSWER"),
        ("WAY_TO_PAY", "SALES", "NO_ANSWER"),
    ]
    assert {step.waits_since.ToDatetime(UTC) for step in waiting} == {TUESDAY}
    await led.clock(datetime(2026, 4, 10, 9, tzinfo=UTC))
    assert await led.asked("ann") == ["first_colleagues", "first_way_to_pay"] * 2

    await led.ask("CloseFirstStep", account_id=led.account, code="COLLEAGUES")
    assert [step.code for step in (await led.ask("ListFirstSteps")).steps] == ["WAY_TO_PAY"]


async def test_a_sample_that_the_buyers_system_does_not_take_is_said_in_the_thread_and_waits_for_billing(led: Led):
    await led.ask("NoteSignIn", by="service:portal", contact_id="ann")
    await led.register("cleo", "AP_CLERK")
    refused = {"account_id": led.account, "code": "SAMPLE", "answer": "REFUSED", "why": "BT-10 is missing."}
    await led.ask("AnswerFirstStep", by="contact:cleo", **refused)

    [message] = (await led.ask("ListThread", about=f"onboarding/{led.account}")).messages
    assert (message.author, message.text) == ("contact:cleo", "BT-10 is missing.")
    assert "first_step_refused" in await led.asked("sam")
    [step] = (await led.ask("ListFirstSteps")).steps
    assert (step.code, step.owner, step.reason) == ("SAMPLE", "BILLING", "REFUSED")

"""An application's way and its thread behind the real door: who is warned, who reads, who writes without being a contact."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2 as applications
from receivables.notifications.v1 import events_pb2, service_pb2

from deploy.local.trust import person
from services.chassis.identity import Principal
from services.notifications.rebuild import FOLD
from tests.integration.accounts.callers import Asked
from tests.integration.notifications.office import Office
from tests.integration.notifications.test_notifications_journeys import states, timeline
from tests.integration.notifications.test_notifications_threads import ask, thread, unread, write
from tests.unit.notifications.samples import ACCOUNT, TENANT, an_event, application_moved, placed

ABOUT = "application/a1"
FAY = person("contact:fay", TENANT, ACCOUNT, roles=["FINANCE_LEAD"])
CLEO = person("contact:cleo", TENANT, ACCOUNT, roles=["AP_CLERK"])
CARL = person("user:carl", TENANT, roles=["CREDIT"])
LOG = person("user:log", TENANT, roles=["LOGISTICS"])
PORTAL = Principal("service:portal", TENANT, "portal")
USUALLY = datetime(2026, 3, 4, 11, tzinfo=UTC)


def moved(state: str) -> Any:
    return application_moved(applications.ApplicationState.Value(f"APPLICATION_STATE_{state}"))


@pytest.fixture
async def applied(office: Office) -> Office:
    """An application that a person looks at, and the people whom it concerns."""
    await office.register("fay", "FINANCE_LEAD")
    await office.register("cleo", "AP_CLERK")
    await office.register("carl", "CREDIT", account="")
    await office.follow(moved("SUBMITTED"), moved("REFERRED"), moved("IN_REVIEW"))
    await office.send()
    return office


async def test_who_decides_is_warned_before_the_promised_hour_and_who_waits_hears_it(applied: Office):
    before = {name: len(await applied.messages(contact_id=name, about=ABOUT)) for name in ("carl", "fay", "cleo")}
    await applied.set_clock(USUALLY - timedelta(minutes=1))
    await applied.send()
    assert len(await applied.messages(contact_id="carl", about=ABOUT)) == before["carl"]

    for _ in range(2):
        await applied.set_clock(USUALLY + timedelta(minutes=1))
        await applied.send()

    assert (await timeline(applied, ABOUT)).state == "AT_RISK"
    carl, fay = [await applied.messages(contact_id=name, about=ABOUT) for name in ("carl", "fay")]
    assert [(m.event_type, m.weight) for m in carl[: len(carl) - before["carl"]]] == [("application_at_risk", "ACT")]
    assert [(m.event_type, m.weight) for m in fay[: len(fay) - before["fay"]]] == [("application_at_risk", "INFORM")]
    assert len(await applied.messages(contact_id="cleo", about=ABOUT)) == before["cleo"]


async def test_the_promised_hours_are_shown_and_gone_once_it_is_decided(applied: Office):
    [step] = [step for step in (await timeline(applied, ABOUT)).steps if step.code == "ANSWERED"]
    assert (step.owner, step.usually_at.ToDatetime(UTC)) == ("CREDIT", USUALLY)
    assert step.latest_at.ToDatetime(UTC) == USUALLY + timedelta(hours=2)

    await applied.follow(moved("DECIDED"), moved("ACCEPTED"))

    assert await states(applied, ABOUT) == "APPLIED:DONE LOOKED_AT:DONE ANSWERED:DONE AGREED:DONE"
    assert not any(step.HasField("latest_at") for step in (await timeline(applied, ABOUT)).steps)


async def test_what_is_said_of_an_application_is_for_whoever_applies_and_decides(applied: Office):
    await write(applied, FAY, "We can show accounts.", ABOUT)
    await write(applied, CARL, "Please do.", ABOUT)

    assert await thread(applied, FAY, ABOUT) == [
        (1, "contact:fay", "We can show accounts."),
        (2, "user:carl", "Please do."),
    ]
    for other in (CLEO, LOG):
        for method in ("GetTimeline", "ListThread"):
            answer = await ask(applied, other, method, about=ABOUT)
            assert isinstance(answer, Asked)
            assert answer.code == "subject.unknown"
    assert await unread(applied, FAY, ACCOUNT) == {ABOUT: 1}
    assert await unread(applied, CLEO, ACCOUNT) == {}
    assert await write(applied, FAY, "Cleo?", ABOUT, mentions=["cleo"]) == "thread.mention_unknown"


async def test_first_steps_are_built_anew_from_what_was_told_and_what_was_followed(office: Office):
    moved_before = FOLD.own[events_pb2.FirstStepMoved]
    reminded = events_pb2.FirstStepMoved(account_id=ACCOUNT, code="FIRST_ORDER", state="REMINDED", by_when="2026-03-05")
    signed_in = events_pb2.FirstStepMoved(account_id=ACCOUNT, code="SIGN_IN", state="DONE")
    signed_in.done_at.FromDatetime(USUALLY)
    async with office.parts.database.transaction([TENANT]) as tx:
        await moved_before(tx, an_event(signed_in, f"onboarding/{ACCOUNT}"), None)
    await office.follow(moved("ACCEPTED"), placed())
    async with office.parts.database.transaction([TENANT]) as tx:
        await moved_before(tx, an_event(reminded, f"onboarding/{ACCOUNT}"), None)
        await FOLD.finish(tx)
    await office.register("ann", "ACCOUNT_ADMIN")
    await office.send()

    answer = await office.call("GetFirstSteps", service_pb2.GetFirstStepsRequest(account_id=ACCOUNT))
    assert {step.code: step.state for step in answer.steps} == {
        "SIGN_IN": "DONE",
        "COLLEAGUES": "OPEN",
        "SAMPLE": "NEXT",
        "WAY_TO_PAY": "NEXT",
        "FIRST_ORDER": "DONE",
    }


async def test_who_applies_by_a_link_and_is_no_contact_yet_writes_through_the_portal(applied: Office):
    message = await write(applied, PORTAL, "Is there anything else you need?", ABOUT, written_by="contact:new")

    assert message.author == "contact:new"
    [heard] = [m for m in await applied.messages(contact_id="carl") if m.event_type == "thread_message"]
    assert "anything else" in heard.what_happened
    assert await write(applied, CARL, "I am another.", ABOUT, written_by="contact:new") == "thread.written_by"

"""A question rides in a mail, is answered by its link, and what a low answer asks is done, told and asked about again."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from receivables.notifications.v1 import events_pb2, feedback_pb2
from receivables.notifications.v1.service_pb2 import ExportContactRequest

from deploy.local.trust import person
from services.chassis.identity import Principal
from services.notifications.rebuild import FOLD
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, OpenOffice, html, text
from tests.integration.notifications.test_notifications_forgotten import MARK, erase, left
from tests.unit.notifications.samples import (
    ACCOUNT,
    MONDAY_10,
    TENANT,
    an_event,
    dispute_opened,
    dispute_resolved,
    invoice,
    placed,
    record,
    shipped,
)

LOG = person("user:log", TENANT, roles=["LOGISTICS"])
SAL = person("user:sal", TENANT, roles=["SALES"])
PORTAL = Principal("service:portal", TENANT, "portal")
BIL = person("user:bil", TENANT, roles=["BILLING"])
DAY = timedelta(days=1)


@pytest.fixture
async def asking(open_office: OpenOffice) -> AsyncIterator[Office]:
    """A seller with a portal, a buyer's receiving clerk, and whoever sees to deliveries and to the account."""
    async with open_office(portal_url="https://{tenant}.portal.example") as office:
        await office.know_the_companies()
        await office.register("rea", "RECEIVING")
        await office.register("log", "LOGISTICS", account="")
        await office.register("sal", "SALES", account="")
        yield office


async def ship(office: Office, order: str = "o1", at: datetime = MONDAY_10) -> None:
    """An order ships, and whoever hears of it has their mail."""
    await office.set_clock(at)
    await office.follow(placed(order=order), shipped(order, final=True))
    await office.send()


def links(office: Office, who: str = "rea") -> list[tuple[str, int]]:
    """The token and the answer of each link of a question that somebody was mailed, in order."""
    link = re.compile(r"https://nordwind\.portal\.example/asked/([0-9a-f]{32})\?answer=(\d+)")
    return [(token, int(value)) for mail in office.mails(who) for token, value in link.findall(text(mail))]


async def ask(office: Office, who: Principal, method: str, **said: Any) -> Any:
    request = getattr(feedback_pb2, f"{method}Request")(**said)
    return await Gated("notifications", office.stub).ask(who, method, request)


async def answer(office: Office, token: str, value: int, **said: str) -> Any:
    """The question after it, or the code of the refusal."""
    found = await ask(office, PORTAL, "AnswerQuestion", token=token, value=value, **said)
    return found.code if isinstance(found, Asked) else found.question


async def actions(office: Office, who: Principal = LOG, account: str = "") -> list[tuple[str, str, str]]:
    found = await ask(office, who, "ListActions", account_id=account)
    return [(one.state, one.owner, one.words) for one in found.actions]


async def test_one_question_rides_in_the_mail_of_a_shipment_and_no_second_one_within_a_month(asking: Office):
    await ship(asking)

    [mail] = asking.mails("rea")
    assert "One question: Did the delivery arrive complete and in good order?" in text(mail)
    assert "Yes, fully" in html(mail)
    assert [value for _, value in links(asking)] == [9, 6, 2]
    [asked] = [told for told in await asking.told() if isinstance(told, events_pb2.FeedbackAsked)]
    assert (asked.contact_id, asked.role, asked.topic, asked.about) == ("rea", "RECEIVING", "COMPLETE", "order/o1")

    await ship(asking, "o2", MONDAY_10 + 29 * DAY)
    assert len(links(asking)) == 3
    await ship(asking, "o3", MONDAY_10 + 31 * DAY)
    assert len(links(asking)) == 6


async def test_who_has_two_records_at_one_address_is_asked_as_one(asking: Office):
    await asking.register("rea2", "RECEIVING", email="rea@acme.example")
    await ship(asking)

    assert len({token for token, _ in links(asking)}) == 1
    assert len(await asking.rows("SELECT * FROM question")) == 1


async def test_without_a_portal_nobody_is_asked(office: Office):
    await office.register("rea", "RECEIVING")
    await ship(office)

    assert "One question" not in text(office.mail_to("rea"))
    assert await office.rows("SELECT * FROM question") == []


async def test_whoever_opened_a_case_is_asked_nothing_until_it_ends_and_then_whether_it_was_solved(asking: Office):
    opened = record(dispute_opened())
    by_rea = replace(opened, headers={**opened.headers, "ce_actor": "contact:rea"})
    await asking.follow(invoice())
    await asking.parts.consumer.handle([by_rea])
    await ship(asking)
    assert links(asking) == []

    await asking.follow(dispute_resolved())
    await asking.set_clock(MONDAY_10 + DAY)
    await asking.send()

    assert "Was your case solved as you needed it?" in text(asking.mails("rea")[-1])


async def test_a_low_answer_is_seen_to_told_and_asked_about_and_reopened_once(asking: Office):
    await ship(asking)
    token = links(asking)[0][0]

    answered = await answer(asking, token, 2, words="Two boxes were wet.")
    assert (answered.answered, answered.value, answered.open, answered.words) == (True, 2, True, "Two boxes were wet.")
    assert await answer(asking, token, 2) == answered  # once more changes nothing
    assert await actions(asking) == [("OPEN", "LOGISTICS", "Two boxes were wet.")]
    assert await actions(asking, BIL) == []
    await asking.send()
    assert "is not content" in str(asking.mails("log")[-1]["Subject"])
    assert "/desk/feedback" in text(asking.mails("log")[-1])

    [row] = await asking.rows("SELECT question_id FROM feedback_action")
    closing = {"question_id": row.question_id, "cause": "DELIVERY", "said": "Two dry boxes are on their way."}
    refused = await ask(asking, BIL, "CloseAction", **closing)
    assert isinstance(refused, Asked)
    assert refused.code == "feedback.not_theirs"
    assert (await ask(asking, LOG, "CloseAction", **closing)).action.state == "DONE"
    assert await actions(asking) == []

    for again, state, owner in ((1, "REOPENED", "SALES"), (2, "UNSOLVED", "SALES")):
        await asking.set_clock(MONDAY_10 + again * DAY)
        await asking.send()
        told = text(asking.mails("rea")[-1])
        assert "Two dry boxes are on their way." in told
        assert "One question: Is it well now?" in told
        mending = links(asking)[-1][0]
        await answer(asking, mending, 2)
        assert (await actions(asking, SAL, ACCOUNT))[0][:2] == (state, owner)
        assert await answer(asking, mending, 9) == "feedback.over"
        if state == "REOPENED":
            assert (await ask(asking, SAL, "CloseAction", **closing)).action.state == "DONE_AGAIN"
    moved = [told.state for told in await asking.told() if isinstance(told, events_pb2.FeedbackActionMoved)]
    assert moved == ["OPEN", "DONE", "REOPENED", "DONE_AGAIN", "UNSOLVED"]


async def test_an_answer_that_is_changed_takes_back_what_it_asked_and_a_link_of_nobodys_is_none(asking: Office):
    await ship(asking)
    token = links(asking)[0][0]
    await answer(asking, token, 2)
    changed = await answer(asking, token, 9)

    assert changed.value == 9
    assert [state for state, _, _ in await actions(asking, SAL, ACCOUNT)] == ["WITHDRAWN"]
    assert await answer(asking, token, -1) == "feedback.value"
    assert (await ask(asking, PORTAL, "GetQuestion", token="0" * 32)).code == "feedback.unknown"


async def test_a_role_that_sours_is_told_once_and_shown_in_the_accounts_health(asking: Office):
    await ship(asking)
    await answer(asking, links(asking)[0][0], 2, expects="Dry boxes.")

    soured = [told for told in await asking.told() if isinstance(told, events_pb2.RoleSoured)]
    assert [(one.account_id, one.role, one.nth) for one in soured] == [(ACCOUNT, "RECEIVING", 1)]
    await asking.send()
    assert any("worse and worse" in str(mail["Subject"]) for mail in asking.mails("sal"))
    found = await ask(asking, SAL, "GetHealth", account_id=ACCOUNT)
    [receiving] = [role for role in found.roles if role.role == "RECEIVING"]
    assert (receiving.sourness, receiving.alarms) == (5, 1)
    assert {term.name for term in receiving.terms} == {"PROMISES", "ANSWERS"}
    assert [(one.value, one.role) for one in found.answers] == [(2, "RECEIVING")]
    assert [one.expects for one in found.expectations] == ["Dry boxes."]
    shown = await ask(asking, PORTAL, "GetQuestion", token=links(asking)[0][0])
    assert not shown.question.asks_expectation
    nothing = await ask(asking, SAL, "GetHealth", account_id="globex")
    assert not nothing.known


async def test_what_was_written_beside_an_answer_is_forgotten_with_whoever_wrote_it(asking: Office):
    await ship(asking)
    await answer(asking, links(asking)[0][0], 2, words=f"{MARK} says so", expects=f"{MARK} wants more")
    assert {row.partition(":")[0] for row in await left(asking)} == {"question", "expectation"}
    exported = json.loads((await asking.call("ExportContact", ExportContactRequest(contact_id="rea"))).content)
    assert [(one["value"], one["words"]) for one in exported["answers"]] == [(2, f"{MARK} says so")]
    assert [one["expects"] for one in exported["expectations"]] == [f"{MARK} wants more"]

    await erase(asking, "rea")
    await asking.send()

    assert await left(asking) == []
    assert await answer(asking, links(asking)[0][0], 9) == "feedback.unknown"


async def test_questions_answers_and_what_they_ask_are_built_anew_from_what_was_told(asking: Office):
    await ship(asking)
    await answer(asking, links(asking)[0][0], 2)
    told = [one for one in await asking.told() if type(one).__name__.startswith("Feedback")]
    before = [await asking.rows(sql) for sql in _ROWS]
    for table in ("question", "feedback_action"):
        await asking.rows(f"DELETE FROM {table} RETURNING 1")

    async with asking.parts.database.transaction([TENANT]) as tx:
        for body in told:
            await FOLD.own[type(body)](tx, an_event(body, f"feedback/{body.question_id}"), None)

    assert [await asking.rows(sql) for sql in _ROWS] == before


_ROWS = (
    "SELECT question_id, account_id, contact_id, role, topic, about, mends, value FROM question",
    "SELECT question_id, role, value, state, owner, due, urgency, cause, opened_at FROM feedback_action",
)

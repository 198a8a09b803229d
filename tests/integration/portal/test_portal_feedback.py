"""A question is answered on its page by whoever has the link; what low answers ask, and how an account is, stand at the desk."""

import re
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from receivables.notifications.v1 import feedback_pb2

from services.portal.domain.effort import Spent
from services.portal.store import effort
from tests.integration.portal.conftest import OURS, TENANT, Pages, said


@pytest.fixture
def asked(house_of_pages: Pages) -> Pages:
    """A question that somebody was mailed, and somebody who sells."""
    question = feedback_pb2.Question(
        topic="COMPLETE", about="order/o1", language="en", choices=[9, 6, 2], open=True, asks_expectation=True
    )
    question.asked_at.FromJsonString("2026-03-02T09:00:00Z")
    house_of_pages.questions.question = question
    house_of_pages.people.add("sal", "SALES", account="")
    house_of_pages.people.add("rea", "RECEIVING")
    return house_of_pages


async def send(pages: Pages, path: str, cookie: str = "", **fields: str) -> httpx.Response:
    """A form of that page."""
    async with pages.client(cookie, **OURS) as browser:
        page = await browser.get(path.partition("#")[0])
        once = re.search(r'name="once" value="([^"]{16,64})"', page.text)
        assert once is not None, page.text
        return await browser.post(path.partition("?")[0].partition("#")[0], data={"once": once[1], **fields})


async def test_a_link_opened_answers_nothing_and_its_page_answers_by_one_button(asked: Pages):
    async with asked.client(**OURS) as browser:
        shown = await browser.get("/asked/known?answer=6")
    assert re.search(r'value="6" required checked', shown.text)
    assert "Did the delivery arrive complete and in good order? Order o1" in said(shown)
    assert asked.questions.answers == []

    answered = await send(asked, "/asked/known?answer=6", answer="2", words="Wet.", expects="Dry boxes.")

    assert answered.headers["location"] == "/asked/known?told=yes"
    [told] = asked.questions.answers
    assert (told.token, told.value, told.words, told.expects) == ("known", 2, "Wet.", "Dry boxes.")
    async with asked.client(**OURS) as browser:
        after = said(await browser.get("/asked/known?told=yes"))
    assert "Thank you." in after
    assert "Change my answer" in after


async def test_what_is_no_answer_and_what_is_no_link_are_refused(asked: Pages):
    refused = await send(asked, "/asked/known", answer="7")
    assert (refused.status_code, "Choose one of the answers." in said(refused)) == (422, True)

    async with asked.client(**OURS) as browser:
        assert (await browser.get("/asked/another")).status_code == 404
    assert asked.questions.question is not None
    asked.questions.question.open = False
    async with asked.client(**OURS) as browser:
        over = await browser.get("/asked/known")
    assert "cannot be answered any more" in said(over)
    assert "<form" not in over.text.partition("<main")[2].partition("</main>")[0]


async def test_a_low_answer_is_closed_at_the_desk_with_what_it_came_from_and_what_was_done(asked: Pages):
    action = feedback_pb2.Action(
        question_id="q1", account_id="b1", role="RECEIVING", topic="COMPLETE", about="order/o1", value=2, words="Wet.",
        state="REOPENED", owner="SALES", due="2026-03-04",
    )  # fmt: skip
    asked.questions.actions.append(action)
    cookie = await asked.session("sal")
    async with asked.client(cookie, **OURS) as browser:
        shown = said(await browser.get("/desk/feedback"))
    assert "Delivery complete Order o1 No Still not well Wet." in shown

    async with asked.client(cookie, **OURS) as browser:
        page = (await browser.get("/desk/feedback")).text
        once = re.search(r'name="once" value="(for[0-9a-f]{8}-)', page)
        assert once is not None
        form = {"once": once[1] + uuid4().hex, "cause": "DELIVERY", "said": "Sent dry ones."}
        done = await browser.post("/desk/feedback/q1", data=form)
    assert done.headers["location"] == "/desk/feedback?told=yes"
    assert [(one.question_id, one.cause, one.said) for one in asked.questions.closed] == [
        ("q1", "DELIVERY", "Sent dry ones.")
    ]
    async with asked.client(await asked.session("rea"), **OURS) as browser:
        assert (await browser.get("/desk/feedback")).status_code == 404


async def test_an_accounts_health_is_shown_role_by_role_with_its_answers_drawn(asked: Pages):
    terms = [feedback_pb2.Term(name="PROMISES", share=100, of=4), feedback_pb2.Term(name="ANSWERS", share=55, of=2)]
    role = feedback_pb2.RoleHealth(role="RECEIVING", score=82, terms=terms, sourness=5, alarms=1)
    answers = []
    for day, value in (("02", 9), ("12", 2)):
        one = feedback_pb2.Answer(contact_id="rea", role="RECEIVING", topic="COMPLETE", about="order/o1", value=value)
        one.at.FromJsonString(f"2026-03-{day}T09:00:00Z")
        answers.append(one)
    expected = feedback_pb2.Expectation(contact_id="rea", expects="Dry boxes.")
    asked.questions.health = feedback_pb2.GetHealthResponse(
        known=True, score=82, roles=[role], answers=answers, expectations=[expected]
    )
    async with asked.client(await asked.session("sal"), **OURS) as browser:
        page = await browser.get("/desk/accounts/b1/health")

    assert page.text.count("<circle") == 2
    shown = said(page)
    assert "promises kept 100 % of 4" in shown
    assert "answers 5.5 of 10, from 2" in shown
    assert "Answers worse and worse" in shown
    assert "Dry boxes." in shown


async def test_what_forms_cost_is_counted_by_case_and_shown_beside_what_it_may_cost(asked: Pages):
    forms = (Spent(2, frozenset({"description"}), 1), Spent(3, frozenset({"description", "said"}), 0))
    async with asked.parts.database.transaction([TENANT]) as tx:
        for spent in forms:
            await effort.add_effort(tx, TENANT, "dispute", "D-2026-0001", spent)
        await effort.add_effort(tx, TENANT, "dispute", "D-2026-0002", Spent(1, frozenset(), 0))
        [row] = await effort.effort_of(tx, TENANT)
        assert (row.is_new, row.cases, row.clicks, row.fields, row.uploads) == (True, 2, 3.0, 1.0, 0.5)
    written = feedback_pb2.Effort(kind="dispute", cases=1, contacts=4, repeats=1, minutes_waited=240)
    asked.questions.effort = feedback_pb2.GetEffortResponse(now=[written])

    async with asked.client(await asked.session("sal"), **OURS) as browser:
        shown = said(await browser.get("/desk/effort"))

    assert "2 in thirty days" in shown
    assert "clicks 3 not known 3 Within it" in shown
    assert "times that somebody writes 2 not known 1 More than it may" in shown
    assert "of these again within seven days 25 % not known 5 % More than it may" in shown
    async with asked.parts.database.transaction([TENANT]) as tx:
        assert await effort.forget_effort(tx, TENANT, tx.at + timedelta(days=effort.KEPT_DAYS + 1)) == 2


async def test_an_answer_that_a_buyer_gives_in_a_case_is_counted_and_one_of_a_clerks_is_not(asked: Pages):
    asked.people.add("cleo", "AP_CLERK")
    for who, cookie in (("cleo", await asked.session("cleo")), ("sal", await asked.session("sal"))):
        async with asked.client(cookie, **OURS) as browser:
            sent = await browser.post("/disputes/D-1/move", data={"once": uuid4().hex, "action": "ANSWER", "said": "x"})
            assert sent.status_code != 303, (who, sent.status_code)  # disputes is away: nothing was done
    async with asked.parts.database.transaction([TENANT]) as tx:
        assert await effort.effort_of(tx, TENANT) == []

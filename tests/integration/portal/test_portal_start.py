"""What comes next, as a buyer's people see it: on the overview by one question, and on a page where it is answered."""

import re
from uuid import uuid4

import httpx
import pytest
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.workers import drain
from services.portal.service import SERVICE
from tests.integration.portal.conftest import OURS, TENANT, Pages, said


def a_step(code: str, role: str, state: str = "OPEN", *answers: str, held: bool = True) -> notifications_pb2.FirstStep:
    by_when = "2026-03-05" if state == "OPEN" else ""
    return notifications_pb2.FirstStep(
        account_id="b1", code=code, state=state, role=role, owner="SALES", by_when=by_when, answers=answers, held=held
    )


@pytest.fixture
def led(house_of_pages: Pages) -> Pages:
    """A company that came in, and what is asked of its people now."""
    people = house_of_pages.people
    people.steps = [
        a_step("SIGN_IN", "ACCOUNT_ADMIN", "DONE"),
        a_step("SAMPLE", "AP_CLERK", "OPEN", "ACCEPTED", "REFUSED"),
        a_step("WAY_TO_PAY", "FINANCE_LEAD", "OPEN", "DIRECT_DEBIT", "TRANSFER", held=False),
    ]
    for who, role in (("cleo", "AP_CLERK"), ("rob", "REQUESTER")):
        people.add(who, role)
    return house_of_pages


async def page(pages: Pages, who: str, path: str) -> httpx.Response:
    async with pages.client(await pages.session(who), **OURS) as browser:
        return await browser.get(path)


async def test_the_overview_says_what_comes_next_and_who_does_it_by_one_question(led: Pages):
    shown = said(await page(led, "rob", "/"))

    assert "What comes next" in shown
    assert re.search("Try a sample invoice .*at the latest by .*2026", shown)
    assert "nobody yet" in shown
    assert led.people.asked_for_steps == 1

    led.people.steps = [a_step("SIGN_IN", "ACCOUNT_ADMIN", "DONE")]
    assert "What comes next" not in said(await page(led, "rob", "/"))


async def test_who_comes_in_is_told_of_and_of_the_sellers_people_nobody(led: Pages):
    led.people.add("ann", "ACCOUNT_ADMIN")
    led.people.add("sam", "SALES", account="")
    for who in ("ann", "cleo", "sam", "ann"):
        await led.session(who)

    async with led.parts.database.transaction([TENANT]) as tx:
        jobs = await tx.rows("SELECT subject FROM job WHERE kind = 'signed_in'")
    assert sorted(job.subject for job in jobs) == ["contact/ann", "contact/cleo"]
    for work in SERVICE.works(led.parts):
        if work.kind == "signed_in":
            await drain(led.parts.consumer, [work])
    assert sorted(led.people.came_in) == ["ann", "cleo"]


async def test_a_step_is_answered_by_whoever_has_it_and_by_nobody_else(led: Pages):
    shown = (await page(led, "cleo", "/start")).text
    assert "Download the sample invoice" in shown
    assert "How will you pay?" not in shown
    assert "Our system took it" not in (await page(led, "rob", "/start")).text

    async with led.client(await led.session("cleo"), **OURS) as browser:
        whose = re.search(r'name="once" value="(for[0-9a-f]{8}-)', (await browser.get("/start")).text)
        assert whose is not None
        form = {"once": whose[1] + uuid4().hex, "step": "SAMPLE", "answer": "REFUSED", "why": "BT-10 is missing."}
        answered = await browser.post("/start/answer", data=form)

    assert answered.headers["location"].startswith("/start")
    [told] = led.people.answers
    assert (told.account_id, told.code, told.answer, told.why) == ("b1", "SAMPLE", "REFUSED", "BT-10 is missing.")

"""How a case is run, on the pages: taken, given, recoded, split and merged in at most three clicks; what the buyer sees of it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.chassis.workers import drain
from services.disputes.service import SERVICE as DISPUTES
from tests.callers import answering, dial, servicers_of
from tests.integration.conftest import OpenService
from tests.integration.disputes.desk import MONDAY, Desk, Stubs, issued
from tests.integration.portal.conftest import OURS, Pages, opened, said


@dataclass
class Floor:
    """The pages, disputes behind them, and who is in."""

    pages: Pages
    disputes: Desk
    _cookies: dict[str, str] = field(default_factory=dict)

    async def let_in(self, who: str, *roles: str, account: str = "") -> None:
        self.pages.people.add(who, *roles, account=account)
        self._cookies[who] = await self.pages.session(who)

    async def page(self, who: str, path: str) -> str:
        async with self.pages.client(self._cookies[who], **OURS) as browser:
            answer = await browser.get(path)
        assert answer.status_code == httpx.codes.OK, (path, answer.text)
        return answer.text

    async def text(self, who: str, path: str) -> str:
        async with self.pages.client(self._cookies[who], **OURS) as browser:
            return said(await browser.get(path))

    async def send(self, who: str, path: str, **fields: Any) -> httpx.Response:
        once = re.search(r'name="once" value="(for[0-9a-f]{8}-)', await self.page(who, "/desk/disputes"))
        assert once is not None, "each page has a form"
        async with self.pages.client(self._cookies[who], **OURS) as browser:
            return await browser.post(path, data={"once": once[1] + uuid4().hex, **fields})


@pytest.fixture
async def floor(open_service: OpenService) -> AsyncIterator[Floor]:
    """Give the pages on a Monday at ten, with two who answer cases and somebody of a buyer."""
    async with (
        open_service(DISPUTES, clock="test") as parts,
        answering("disputes", servicers_of(DISPUTES, parts)) as address,
        dial(address, "disputes") as channel,
        opened(open_service, disputes_address=address) as pages,
    ):
        desk = Desk(parts, Stubs(channel))
        await desk.set_clock(MONDAY)
        await desk.follow(issued())
        found = Floor(pages, desk)
        await found.let_in("dora", "DISPUTE_OWNER")
        await found.let_in("max", "DISPUTE_OWNER")
        await found.let_in("ann", "AP_CLERK", account="b1")
        yield found


async def test_a_case_is_taken_given_recoded_split_and_merged_on_its_page(floor: Floor):
    case = await floor.disputes.open(("1", "2"), ("3", "1"), reason="OTH")
    at = f"/desk/disputes/{case.dispute_id}"
    assert case.number in await floor.text("dora", "/desk/disputes?whose=nobody")
    assert "Reason to be found by" in await floor.text("dora", at)

    assert (await floor.send("dora", f"{at}/assign")).status_code == httpx.codes.SEE_OTHER
    assert case.number in await floor.text("dora", "/desk/disputes?whose=mine")
    assert case.number not in await floor.text("max", "/desk/disputes?whose=mine")
    assert "Person dora" in await floor.text("max", "/desk/disputes")
    assert "Take it" not in await floor.text("dora", at)
    given = await floor.send("dora", f"{at}/assign", owner="user:max", stand_in="user:dora")
    assert given.status_code == httpx.codes.SEE_OTHER
    refused = await floor.send("dora", f"{at}/assign", owner="user:max", stand_in="user:max")
    assert (refused.status_code, "another to stand in" in said(refused)) == (422, True)

    assert (await floor.send("max", f"{at}/recode", reason="ITM_WRONG")).status_code == httpx.codes.SEE_OTHER
    too_much = await floor.send("max", f"{at}/split", **{"part-0": "3"})
    assert (too_much.status_code, "More than is disputed" in said(too_much)) == (422, True)
    assert (await floor.send("max", f"{at}/split", **{"part-1": "1"})).status_code == httpx.codes.SEE_OTHER
    shown = await floor.text("max", at)
    for words in (
        "hand-offs: 1",
        "Something else came than we ordered",
        "Lines went on by themselves",
        "Given to somebody: Person max",
    ):
        assert words in shown, words

    other = "D-2026-0002"
    back = await floor.send("max", f"/desk/disputes/{other}/merge", into=case.number)
    assert back.headers["location"] == f"/desk/disputes/{case.number}"
    assert other in await floor.text("max", at)
    again = await floor.send("max", f"/desk/disputes/{other}/merge", into=case.number)
    assert (again.status_code, "while the case waits for our answer" in said(again)) == (422, True)


async def test_a_buyer_sees_track_promise_and_an_apology_with_the_new_date(floor: Floor):
    case = await floor.disputes.open(cents=100, reason="DLV_NONE")
    before = await floor.text("ann", f"/disputes/{case.number}")
    assert "You have our answer by Mar 9, 2026" in before
    assert "usual: a person has to look into it" in before

    await floor.disputes.set_clock(MONDAY + timedelta(days=8))
    await drain(floor.disputes.parts.consumer, DISPUTES.works(floor.disputes.parts))

    late = await floor.text("ann", f"/disputes/{case.number}")
    assert "We promised you an answer by Mar 9, 2026 and did not keep that. We are sorry." in late
    assert "You have it by Mar 12, 2026 now" in late
    assert "Late" in await floor.text("dora", "/desk/disputes")

"""People on pages: when they are written to, who is missing, who takes over, who answers for them."""

import re
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.workers import drain
from services.portal import store, usecases
from services.portal.asks import Away, Write
from services.portal.domain.spending import Rule
from services.portal.service import SERVICE
from services.portal.store import Delegation
from tests.integration.portal.conftest import OURS, TENANT, Pages, said


@pytest.fixture
def firm(house_of_pages: Pages) -> Pages:
    """A company of three, and somebody of the seller's."""
    people = house_of_pages.people
    people.add("ada", "ACCOUNT_ADMIN")
    people.add("cleo", "AP_CLERK", "REQUESTER")
    people.add("rob", "REQUESTER")
    people.add("sal", "SALES", account="")
    return house_of_pages


async def test_somebody_chooses_when_news_comes_with_nothing_typed(firm: Pages):
    async with firm.client(await firm.session("cleo"), **OURS) as browser:
        shown = (await browser.get("/profile/news")).text
        assert "Tokyo (UTC+09:00)" in shown
        whose = re.search(r'name="once" value="(for[0-9a-f]{8}-)', shown)
        assert whose is not None
        form = {"once": whose[1] + uuid4().hex, "zone": "Asia/Tokyo", "quiet_from": "20:00", "quiet_to": "07:00"}
        answer = await browser.post("/profile/news", data=form | {"news-ORDERS": "NOTHING"})

    assert answer.headers["location"].startswith("/profile/news")
    [changed] = firm.people.changed
    assert (changed.preferences.time_zone, changed.preferences.quiet_to, changed.language) == (
        "Asia/Tokyo",
        "07:00",
        "en",
    )
    assert changed.preferences.news[0] == notifications_pb2.NewsPreference(topic="ORDERS", pace="NOTHING")


async def test_the_map_says_in_words_who_is_missing_who_is_silent_and_what_is_open(firm: Pages):
    async with firm.client(await firm.session("sal"), **OURS) as browser:
        shown = said(await browser.get("/desk/accounts/b1/people"))

    assert "Nobody is there for: Goods receiving." in shown
    assert "Everything hangs on one person." in shown
    assert re.search("Goods receiving nobody", shown)
    assert re.search("Accounts payable Person cleo silent", shown)
    assert "An invoice to be paid" in shown
    assert "works with it by their roles" in shown


async def test_who_answers_is_shown_by_name_on_the_overview(firm: Pages):
    sam, tia = (notifications_pb2.TeamMember(contact_id=one, name=one.title()) for one in ("sam", "tia"))
    firm.people.team = notifications_pb2.GetTeamResponse(owner=sam, stand_in=tia, answers=tia, until="2026-03-06")
    async with firm.client(await firm.session("rob"), **OURS) as browser:
        shown = said(await browser.get("/"))

    assert re.search("Who answers for you Tia Acme Ltd · in the place of Sam until .*2026", shown)


async def kept(pages: Pages) -> tuple[list[str], list[tuple[str, str]]]:
    """Whose spend rules there are, and who stands in for whom."""
    async with pages.parts.database.transaction([TENANT]) as tx:
        rules = await tx.rows("SELECT who FROM spend_rule ORDER BY who")
        covers = await tx.rows("SELECT from_contact, to_contact FROM delegation WHERE ended_at IS NULL ORDER BY 1, 2")
    return [row.who for row in rules], [(row.from_contact, row.to_contact) for row in covers]


async def had(pages: Pages) -> None:
    """What Cleo has: a rule, a colleague that she stands in for, and one who stands in for her."""
    async with pages.parts.database.transaction([TENANT]) as tx:
        await store.save_rule(tx, TENANT, "b1", Rule("r1", "contact:cleo", "EUR", 100, None), "contact:ada")
        for nth, (away, stands_in) in enumerate((("ada", "cleo"), ("cleo", "ada"))):
            await store.add_delegation(
                tx,
                TENANT,
                Delegation(
                    f"d{nth}", "b1", away, stands_in, ["AP_CLERK"], date(2026, 3, 2), date(2036, 3, 2), "contact:ada"
                ),
            )


async def test_who_takes_over_has_the_rules_and_stand_ins_and_who_leaves_has_nothing(firm: Pages):
    await had(firm)
    await firm.session("cleo")
    ada = replace(usecases.person_of(TENANT, firm.people.known["ada"]), assurance=2)

    assert await usecases.hand_over(firm.door, ada, "b1", leaver="cleo", successor="rob", write=Write("o" * 32)) == 2
    assert await kept(firm) == (["contact:rob"], [("ada", "rob")])
    async with firm.parts.database.transaction([TENANT]) as tx:
        [open_sessions] = await tx.rows(
            "SELECT count(*) AS n FROM session WHERE contact_id = 'cleo' AND ended_at IS NULL"
        )
    assert open_sessions.n == 0


async def test_what_is_left_undone_by_who_ends_in_between_the_portal_does_by_itself(firm: Pages):
    await had(firm)
    ada = replace(usecases.person_of(TENANT, firm.people.known["ada"]), assurance=2)
    firm.people.dies = True
    with pytest.raises(Away):
        await usecases.hand_over(firm.door, ada, "b1", leaver="cleo", successor="rob", write=Write("o" * 32))
    works = [work for work in SERVICE.works(firm.parts) if work.kind == "succession"]
    await drain(firm.parts.consumer, works)
    assert (await kept(firm))[0] == ["contact:cleo"]  # nothing was handed over

    leaver = firm.people.known["cleo"]  # the other side did it all the same
    del leaver.roles[:]
    leaver.successor_id = "rob"
    async with firm.parts.database.transaction([TENANT]) as tx:
        await tx.run("UPDATE job SET next_try_at = now()")
    await drain(firm.parts.consumer, works)
    assert await kept(firm) == (["contact:rob"], [("ada", "rob")])


async def test_a_picture_is_chosen_on_a_page_and_served_by_its_hash_to_be_kept(firm: Pages):
    async with firm.client(await firm.session("sal"), **OURS) as browser:
        shown = (await browser.get("/profile/picture")).text
        whose = re.search(r'name="once" value="(for[0-9a-f]{8}-)', shown)
        assert whose is not None
        form = {"once": whose[1] + uuid4().hex}
        refused = await browser.post("/profile/picture", data=form)
        seen = await browser.get("/team/picture/0a1b")

    assert "Choose a JPEG or a PNG." in refused.text
    assert (seen.content, seen.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert "immutable" in seen.headers["cache-control"]

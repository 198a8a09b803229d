"""How far things are, behind the real door; and the warning that comes before a promise is missed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import service_pb2

from deploy.local.trust import person
from services.chassis import cleaning
from services.chassis.identity import Part, Principal
from services.notifications import usecases
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, Refused, text
from tests.unit.notifications.samples import (
    ACCOUNT,
    MONDAY_10,
    TENANT,
    cancelled,
    decided,
    dispute_opened,
    dispute_resolved,
    invoice,
    placed,
    reduced,
    shipped,
)

NORTH = Scope(site="north")


async def timeline(office: Office, about: str) -> Any:
    answer = await office.call("GetTimeline", service_pb2.GetTimelineRequest(about=about))
    return answer.timeline


async def states(office: Office, about: str) -> str:
    shown = await timeline(office, about)
    return " ".join(f"{step.code}:{step.state}" for step in shown.steps)


async def test_an_orders_way_is_shown_with_who_has_it_and_by_when(office: Office):
    await office.follow(placed(), decided(), shipped())

    shown = await timeline(office, "order/o1")

    assert (shown.about, shown.account_id, shown.state) == ("order/o1", ACCOUNT, "ON_TRACK")
    assert [(s.code, s.state, s.owner, s.at_the_latest, s.at.seconds > 0) for s in shown.steps] == [
        ("PLACED", "DONE", "BUYER", "", True),
        ("DECIDED", "DONE", "CREDIT", "2026-03-03", True),
        ("SHIPPED", "NOW", "LOGISTICS", "2026-03-06", False),
        ("INVOICED", "NEXT", "BILLING", "", False),
    ]
    await office.follow(shipped(shipment="s2", final=True), invoice(1, final=True))
    assert (await timeline(office, "order/o1")).state == "DONE"


async def test_an_invoice_and_a_case_are_found_by_what_people_call_them(office: Office):
    opened = dispute_opened()
    opened.body.number = "D-2026-0042"
    await office.follow(invoice(), opened)

    for about in ("invoice/i1", "invoice/RE-2026-000001"):
        assert await states(office, about) == "INVOICED:DONE PAID:NOW"
    for about in ("dispute/d1", "dispute/D-2026-0042"):
        assert await states(office, about) == "OPENED:DONE ANSWERED:NOW"
    await office.follow(reduced(), dispute_resolved())
    assert (await timeline(office, "invoice/i1")).state == "DONE"
    assert await states(office, "dispute/d1") == "OPENED:DONE ANSWERED:DONE CREDITED:NOW"


async def test_a_promise_that_changed_is_shown_with_what_it_was(office: Office):
    await office.follow(placed(), decided())
    await office.follow(placed(promised="2026-03-12", version=2))

    [step] = [step for step in (await timeline(office, "order/o1")).steps if step.code == "SHIPPED"]

    assert (step.at_the_latest, step.promised_before) == ("2026-03-12", "2026-03-06")


@pytest.mark.parametrize("about", ["order/nothing", "nothing", "", "invoice/", "invoice/o1", "order/RE-2026-000001"])
async def test_what_is_not_known_is_not_there(office: Office, about: str):
    await office.follow(placed(), invoice())

    with pytest.raises(Refused, match=r"subject\.unknown"):
        await timeline(office, about)


async def test_what_is_anothers_is_not_there_in_the_same_words(office: Office):
    gated = Gated("notifications", office.stub)
    await office.follow(placed(scope=NORTH), invoice(scope=NORTH), placed("o2"))
    mine = person("contact:ann", TENANT, ACCOUNT, roles=["AP_CLERK"])
    of_north = replace(mine, parts=(Part("north"),))
    of_south = replace(mine, parts=(Part("south"),))
    of_another = person("contact:bob", TENANT, "globex", roles=["AP_CLERK"])

    async def ask(who: Principal, about: str) -> Any:
        return await gated.ask(who, "GetTimeline", service_pb2.GetTimelineRequest(about=about))

    for who in (mine, of_north):
        assert (await ask(who, "order/o1")).timeline.account_id == ACCOUNT
    unknown = await ask(of_another, "order/xx")
    for who, about in ((of_another, "order/o1"), (of_south, "order/o1"), (of_north, "order/o2")):
        refused = await ask(who, about)
        assert isinstance(refused, Asked)
        assert (refused.status, refused.code, refused.words.replace("o1", "xx").replace("o2", "xx")) == (
            unknown.status,
            unknown.code,
            unknown.words,
        )
    assert isinstance(await ask(of_south, "invoice/RE-2026-000001"), Asked)
    elsewhere = await ask(replace(mine, tenant="other"), "order/o1")
    assert elsewhere.code == "subject.unknown"


async def test_who_has_a_step_is_warned_before_the_miss_and_the_buyer_hears_of_it(office: Office):
    await office.register("lou", "LOGISTICS", account="")
    await office.register("cy", "CREDIT", "SALES", account="")
    await office.register("req", "REQUESTER")
    await office.follow(placed(promised="2026-03-06"), decided())
    await office.send()
    before = len(office.mails())

    await office.set_clock(datetime(2026, 3, 5, 6, 59, tzinfo=UTC))  # Thursday, a minute before eight in Berlin
    await office.send()
    assert len(office.mails("lou")) == 0
    await office.set_clock(datetime(2026, 3, 5, 7, 0, tzinfo=UTC))
    await office.send()

    mail = office.mail_to("lou")
    assert mail["Subject"] == "Order o1: the delivery by 6 March 2026"
    assert "Acme Ltd" in text(mail)
    told = (await office.messages(contact_id="req", about="order/o1"))[0]
    assert (told.event_type, told.weight, told.by_when) == ("journey_at_risk", "INFORM", "2026-03-06")
    assert (await timeline(office, "order/o1")).state == "AT_RISK"
    # Once.
    await office.set_clock(datetime(2026, 3, 6, 12, 0, tzinfo=UTC))
    await office.send()
    assert len(office.mails("lou")) == 1
    assert not [m for m in await office.messages(contact_id="cy") if m.event_type == "journey_at_risk"]
    assert len(office.mails()) > before


async def test_what_was_done_in_time_warns_nobody(office: Office):
    await office.register("all", "LOGISTICS", "CREDIT", "BILLING", "DISPUTE_OWNER", "SALES", account="")
    await office.follow(placed(), decided(), shipped(final=True), invoice(1, final=True), placed("o2"), cancelled("o2"))

    await office.set_clock(MONDAY_10 + timedelta(days=30))
    await office.send()

    assert not [m for m in await office.messages() if m.event_type == "journey_at_risk"]
    assert await office.due() == 0


async def test_where_nobody_has_the_role_somebody_stands_in(office: Office):
    await office.register("sam", "SALES", account="")
    await office.follow(dispute_opened())

    await office.set_clock(datetime(2026, 3, 6, 7, 0, tzinfo=UTC))
    await office.send()

    [told] = [m for m in await office.messages(contact_id="sam") if m.event_type == "journey_at_risk"]
    assert (told.weight, told.about) == ("ACT", "dispute/d1")


async def test_what_several_topics_tell_of_one_order_at_once_is_all_heard(office: Office):
    for n in range(10):
        await asyncio.gather(
            office.follow(placed(f"o{n}")),
            office.follow(decided(order=f"o{n}")),
            office.follow(invoice(n, final=True)),
        )

    for n in range(10):
        assert await states(office, f"order/o{n}") == "PLACED:DONE DECIDED:DONE SHIPPED:NOW INVOICED:DONE"


async def test_how_far_things_were_is_kept_no_longer_than_what_was_told_of_them(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(placed(), invoice())
    assert len(await office.rows("SELECT FROM journey")) == 2

    await office.set_clock(datetime(2045, 1, 2, 9, tzinfo=UTC))
    await cleaning.clean(office.parts.database, usecases.forget_outdated)

    assert await office.rows("SELECT FROM journey") == []

"""What is asked of a buyer's people and not done: asked further over weekends and holidays, until the minute it is done."""

from datetime import UTC, datetime
from typing import Any

from receivables.disputes.v1 import events_pb2 as disputes
from receivables.notifications.v1 import events_pb2, service_pb2

from services.notifications.rebuild import FOLD
from tests.integration.notifications.office import Office, text
from tests.unit.notifications.samples import (
    TENANT,
    an_event,
    dispute_moved,
    dispute_opened,
    invoice,
    reduced,
)


def april(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 4, day, hour, tzinfo=UTC)


async def by(office: Office, at: datetime) -> None:
    await office.set_clock(at)
    await office.send()


async def asked(office: Office, contact_id: str) -> list[Any]:
    return [m for m in await office.messages(contact_id=contact_id) if m.event_type == "ask_escalated"]


async def everybody(office: Office) -> None:
    await office.know_the_seller(version=2, holidays="DE")
    await office.register("cleo", "AP_CLERK", name="Cleo Smith")
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.register("eve", "EXEC_SPONSOR", language="de")
    await office.register("sam", "SALES", account="")


async def test_an_invoice_that_nobody_pays_goes_up_one_level_a_business_day_and_ends_when_it_is_paid(office: Office):
    await everybody(office)
    await office.follow(invoice())  # due on Wednesday, 1 April 2026
    await office.send()

    await by(office, april(2, 5))  # seven in the morning in Berlin
    assert not await asked(office, "ada")
    await by(office, april(2, 7))
    [told] = await asked(office, "ada")
    assert told.subject.startswith("Still open: Invoice RE-2026-000001")
    assert "Cleo Smith" in told.what_happened
    assert "Pay €1,190.00 by 1 April 2026" in told.what_you_need_to_do
    assert told.by_when == "2026-04-07"  # Good Friday, the weekend and Easter Monday are no business days

    await by(office, april(6))
    assert not await asked(office, "eve")
    await by(office, april(7))
    [told] = await asked(office, "eve")
    assert "Cleo Smith" in told.what_happened
    assert "Cleo Smith" in text(office.mails("eve")[-1])

    await office.follow(reduced())
    await by(office, april(14))
    assert (len(await asked(office, "ada")), len(await asked(office, "eve"))) == (1, 1)
    listed = await office.call("ListAsks", service_pb2.ListAsksRequest(account_id="acme", about="invoice/i1"))
    [ask] = listed.asks
    assert ask.done
    assert [(one.contact_id, one.level) for one in ask.asked] == [("cleo", 0), ("ada", 3), ("eve", 4)]


async def test_what_is_paid_in_time_or_disputed_asks_nobody_further(office: Office):
    await everybody(office)
    await office.follow(invoice(1), invoice(2), reduced())
    disputed = dispute_opened()
    disputed.body.invoice_id = "i2"
    await office.follow(disputed)

    await by(office, april(9))
    assert not await asked(office, "ada")
    assert (await office.call("ListAsks", service_pb2.ListAsksRequest(account_id="acme"))).asks == []


async def test_who_stands_in_is_asked_before_the_administrator_and_nobody_twice_a_day_about_one_thing(office: Office):
    await everybody(office)
    await office.register("rob", "RECEIVING")
    await office.register("stan", "PROCUREMENT")
    notice = service_pb2.SendNoticeRequest(
        contact_id="stan",
        kind=service_pb2.NOTICE_KIND_STANDS_IN,
        url="https://x.example/cover",
        other="contact:rob",
        roles=["RECEIVING"],
        first="2026-03-02",
        last="2026-03-31",
    )
    await office.call("SendNotice", notice, by="service:portal")
    question = dispute_moved(disputes.STATE_AWAITING_CUSTOMER, "a photo")
    await office.follow(dispute_opened(), question)  # answered by Monday, 9 March

    days = {day: datetime(2026, 3, day, 9, tzinfo=UTC) for day in (10, 11, 12)}
    found = []
    for at in days.values():
        await by(office, at)
        found.append({one: len(await asked(office, one)) for one in ("stan", "ada", "eve")})
    assert found == [
        {"stan": 1, "ada": 0, "eve": 0},
        {"stan": 1, "ada": 1, "eve": 0},
        {"stan": 1, "ada": 1, "eve": 1},
    ]


async def test_how_far_an_ask_had_gone_is_known_again_from_what_was_told(office: Office):
    await everybody(office)
    await office.follow(invoice())
    told = events_pb2.AskEscalated(
        account_id="acme",
        about="invoice/i1",
        fact=(await office.rows("SELECT fact FROM ask"))[0].fact,
        asked_for="invoice_issued",
        role="AP_CLERK",
        level=3,
        contact_ids=["ada"],
        asked_on="2026-04-02",
    )
    told.next_at.FromDatetime(april(7, 6))
    async with office.parts.database.transaction([TENANT]) as tx:
        for _ in range(2):
            await FOLD.own[events_pb2.AskEscalated](tx, an_event(told, "ask/invoice/i1"), None)

    [ask] = await office.rows("SELECT level, next_at, asked FROM ask")
    assert (ask.level, ask.next_at, [one[0] for one in ask.asked]) == (3, april(7, 6), ["cleo", "ada"])

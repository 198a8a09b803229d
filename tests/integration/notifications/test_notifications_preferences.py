"""News that asks for nothing comes when its reader wants it: by their clock, not in quiet hours, or not by mail."""

from datetime import UTC, datetime
from typing import Any

from receivables.notifications.v1 import service_pb2

from tests.integration.notifications.office import Office
from tests.unit.notifications.samples import decided, invoice


async def choose(office: Office, contact_id: str, **chosen: Any) -> None:
    news = [service_pb2.NewsPreference(topic=topic, pace=pace) for topic, pace in chosen.pop("news", {}).items()]
    preferences = service_pb2.Preferences(news=news, **chosen)
    request = service_pb2.ChangeContactRequest(contact_id=contact_id, language="en", preferences=preferences)
    await office.call("ChangeContact", request)


async def test_each_hears_of_one_order_as_they_chose_and_of_what_is_asked_at_once(office: Office):
    for who in ("anna", "bill", "chen", "dora"):
        await office.register(who, "REQUESTER")
    await office.register("cleo", "AP_CLERK")
    await choose(office, "anna", news={"ORDERS": "AT_ONCE"})
    await choose(office, "bill", news={"ORDERS": "NOTHING"})
    await choose(office, "chen", time_zone="America/New_York")
    await choose(office, "cleo", news={"INVOICES": "NOTHING"}, quiet_from="00:00", quiet_to="23:59")

    await office.follow(decided(), invoice())
    await office.send()
    assert [len(office.mails(who)) for who in ("anna", "bill", "chen", "dora", "cleo")] == [1, 0, 0, 0, 1]

    await office.set_clock(datetime(2026, 3, 2, 16, 1, tzinfo=UTC))  # five o'clock in Berlin
    await office.send()
    assert [len(office.mails(who)) for who in ("anna", "bill", "chen", "dora")] == [2, 1, 0, 1]  # of the invoice
    await office.set_clock(datetime(2026, 3, 2, 22, 1, tzinfo=UTC))  # and in New York
    await office.send()
    assert len(office.mails("chen")) == 1
    assert [m.state for m in await office.messages(contact_id="bill", about="order/o1")] == ["WITHDRAWN"]


async def test_what_somebody_chose_stays_when_who_administers_them_registers_them_anew(office: Office):
    await office.register("anna", "REQUESTER")
    await choose(
        office, "anna", time_zone="Asia/Tokyo", quiet_from="20:00", quiet_to="07:00", news={"CREDIT": "NOTHING"}
    )
    await office.register("anna", "REQUESTER", "PROCUREMENT")
    request = service_pb2.ChangeContactRequest(contact_id="anna", language="de")  # a page that does not ask for it
    await office.call("ChangeContact", request)

    kept = (await office.call("GetContact", service_pb2.GetContactRequest(contact_id="anna"))).contact.preferences
    assert (kept.time_zone, kept.quiet_from, kept.quiet_to) == ("Asia/Tokyo", "20:00", "07:00")
    assert {one.topic: one.pace for one in kept.news}["CREDIT"] == "NOTHING"

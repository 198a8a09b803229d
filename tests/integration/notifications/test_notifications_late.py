"""What is late in a case: who has it hears before, both sides hear of the miss with the new date, and each of it once."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.disputes.v1 import events_pb2 as disputes

from tests.integration.notifications.office import Office, text
from tests.integration.notifications.test_notifications_journeys import timeline
from tests.unit.notifications.samples import (
    dispute_at_risk,
    dispute_cell,
    dispute_late,
    dispute_moved,
    dispute_opened,
)


async def told(office: Office, contact: str) -> list[str]:
    """Of which events they heard, in order."""
    heard = await office.messages(contact_id=contact, about="dispute/d1")
    return [one.event_type.rpartition(".")[2] for one in heard][::-1]


async def test_who_has_a_case_hears_of_risk_and_the_house_of_each_miss_a_level_higher(office: Office):
    await office.register("lo", "LOGISTICS", account="")
    await office.register("dora", "DISPUTE_OWNER", account="")
    await office.register("sal", "SALES", account="")
    await office.register("req", "REQUESTER")
    await office.register("apm", "AP_MANAGER")
    opened = dispute_opened()
    opened.body.track, opened.body.answer_at.seconds = disputes.TRACK_STANDARD, 1773075600
    await office.follow(opened)

    await office.set_clock(datetime(2026, 3, 6, 12, tzinfo=UTC))  # when our own journeys would warn of it
    await office.send()
    assert await told(office, "sal") == []
    await office.follow(dispute_at_risk(owner="user:lo"))
    assert (await told(office, "lo"), await told(office, "sal")) == (["DisputeAtRisk"], [])
    assert (await told(office, "dora"))[-1] == "DisputeAtRisk"

    await office.follow(dispute_late(owner="user:lo"))
    assert await told(office, "sal") == ["DisputeLate"]
    [apology] = await office.messages(contact_id="apm", about="dispute/d1")
    assert "did not keep that. We are sorry." in apology.what_happened
    assert apology.by_when == "2026-03-09"
    await office.follow(dispute_late(level=2, owner="user:lo"))
    assert await told(office, "lo") == ["DisputeAtRisk", "DisputeLate"]  # the same miss is told once
    assert await told(office, "sal") == ["DisputeLate", "DisputeLate"]  # for who sells, beside what all hear
    await office.send()
    asked = "See to it that dispute D-2026-0042 is answered by 9 March 2026."
    assert any(asked in text(mail) for mail in office.mails("sal"))


async def test_a_promise_of_an_hour_is_shown_by_the_hour_and_a_new_one_beside_what_it_was(office: Office):
    fast = dispute_opened()
    fast.body.track, fast.body.answer_by = disputes.TRACK_FAST, "2026-03-02"
    fast.body.answer_at.CopyFrom(Timestamp(seconds=1772460000))
    fast.body.at_risk_at.CopyFrom(Timestamp(seconds=1772457120))
    await office.follow(fast)
    answered = next(step for step in (await timeline(office, "dispute/d1")).steps if step.code == "ANSWERED")
    assert (answered.usually_at.seconds, answered.latest_at.seconds) == (1772457120, 1772460000)

    await office.follow(dispute_late())

    answered = next(step for step in (await timeline(office, "dispute/d1")).steps if step.code == "ANSWERED")
    assert (answered.at_the_latest, answered.promised_before) == ("2026-03-09", "2026-03-02")
    assert not answered.HasField("latest_at")


async def test_who_looks_at_a_case_hears_of_it_and_of_a_case_that_goes_on_as_another(office: Office):
    await office.register("bo", "QUALITY", account="")
    await office.register("req", "REQUESTER")
    await office.follow(dispute_opened(), dispute_cell())
    assert (await told(office, "bo"))[-1] == "DisputeCellSet"

    merged = dispute_moved(disputes.STATE_DUPLICATE)
    merged.body.merged_into, merged.body.merged_into_number = "d2", "D-2026-0041"
    await office.follow(merged)

    ended = (await office.messages(contact_id="req", about="dispute/d1"))[0]
    assert "is about the same as dispute D-2026-0041 and goes on there" in ended.what_happened

"""How long steps take, learned on a real database from what happened: promised, shown, and told where it is too long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2 as applications
from receivables.notifications.v1 import events_pb2, service_pb2

from deploy.local.trust import person
from services.chassis import cleaning
from services.notifications import durations, usecases
from services.notifications.domain.durations import EVERYBODY, Ended, Segment
from services.notifications.rebuild import FOLD
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, Refused
from tests.unit.notifications.samples import (
    ACCOUNT,
    MONDAY_10,
    TENANT,
    an_event,
    application_moved,
    decided,
    dispute_opened,
    placed,
    shipped,
)

DAY = timedelta(days=1)
MINUTES_OF_A_DAY = 480


async def ended(office: Office, step: str, n: int, days: int, *, week: int = 0, kept: bool | None = None) -> None:
    """So many orders of the account had this step done in so many business days, from a week of January on."""
    begins = datetime(2026, 1, 5, 8, tzinfo=UTC) + week * 7 * DAY  # Monday at nine in Berlin
    ends = begins + days // 5 * 7 * DAY + days % 5 * DAY
    some = [Ended(TENANT, f"order/p{nth}", "", step, ACCOUNT, "", "", begins, 0, ends, kept) for nth in range(n)]
    async with office.parts.database.transaction([TENANT]) as tx:
        await durations.add(tx, some)


async def later(office: Office, at: datetime) -> None:
    """It is that time, and what waits is done."""
    await office.set_clock(at)
    await office.send()


async def step_of(office: Office, about: str, code: str) -> Any:
    answer = await office.call("GetTimeline", service_pb2.GetTimelineRequest(about=about))
    [step] = [step for step in answer.timeline.steps if step.code == code]
    return step


async def test_a_step_that_begins_is_promised_by_how_long_it_took_and_that_stays(office: Office):
    await office.follow(placed("old", promised=""), decided(order="old"))
    await ended(office, "SHIPPED", 19, 2)
    await later(office, MONDAY_10 + timedelta(minutes=2))

    await office.follow(placed(promised=""), decided())

    step = await step_of(office, "order/o1", "SHIPPED")
    assert (step.usually, step.at_the_latest) == ("", "2026-03-04")
    # What had begun before keeps what was said of it.
    assert (await step_of(office, "order/old", "SHIPPED")).at_the_latest == "2026-03-09"
    await ended(office, "SHIPPED", 200, 4, week=1)
    await later(office, MONDAY_10 + timedelta(minutes=5))
    assert (await step_of(office, "order/o1", "SHIPPED")).at_the_latest == "2026-03-04"
    await office.follow(placed("o2", promised=""), decided(order="o2"))
    assert (await step_of(office, "order/o2", "SHIPPED")).at_the_latest == "2026-03-06"


async def test_what_ends_is_learned_from_in_business_hours_once(office: Office):
    await office.follow(placed(promised=""))
    await office.set_clock(MONDAY_10 + timedelta(hours=2))
    await office.follow(decided(), decided())
    await office.set_clock(MONDAY_10 + 4 * DAY)
    await office.follow(shipped(final=True), shipped(final=True))
    await later(office, MONDAY_10 + 4 * DAY + timedelta(minutes=2))

    shown = await office.call("GetAccountJourney", service_pb2.GetAccountJourneyRequest(account_id=ACCOUNT))

    assert [(s.own.kind, s.own.code, s.own.owner, s.own.ended, s.own.usually_minutes) for s in shown.steps] == [
        ("order", "DECIDED", "CREDIT", 1, 120),
        ("order", "SHIPPED", "LOGISTICS", 1, 5 * 60 + 3 * MINUTES_OF_A_DAY + 60),
    ]
    assert shown.day_minutes == MINUTES_OF_A_DAY
    assert [s.everybodys.ended for s in shown.steps] == [1, 1]
    assert await office.rows("SELECT FROM step_ended") == []
    promises = await office.call("GetPromises", service_pb2.GetPromisesRequest())
    assert [(s.duration.code, s.kept, s.missed) for s in promises.steps] == [("DECIDED", 1, 0), ("SHIPPED", 1, 0)]


async def test_where_a_step_takes_longer_than_promised_its_owner_is_asked_once(office: Office):
    await office.register("bill", "BILLING", account="")
    await office.register("sal", "SALES", account="")
    await office.follow(placed())
    await ended(office, "INVOICED", 30, 7, kept=False)
    await later(office, MONDAY_10 + timedelta(minutes=2))

    told = [event for event in await office.told() if isinstance(event, events_pb2.JourneyStepSlow)]
    assert [(e.kind, e.step, e.account_id, e.owner, e.promised_minutes, e.durations) for e in told] == [
        ("order", "INVOICED", "", "BILLING", 2 * MINUTES_OF_A_DAY, 30),
        ("order", "INVOICED", ACCOUNT, "BILLING", 2 * MINUTES_OF_A_DAY, 30),
    ]
    assert all(event.latest_minutes == 7 * MINUTES_OF_A_DAY for event in told)
    for who, weight in (("bill", "ACT"), ("sal", "DIGEST")):
        heard = [m for m in await office.messages(contact_id=who) if m.event_type == "journey_step_slow"]
        assert [m.weight for m in heard] == [weight, weight]
    # Not again while it stays so; again once it was over.
    await ended(office, "INVOICED", 30, 7)
    await later(office, MONDAY_10 + timedelta(minutes=4))
    assert len([m for m in await office.messages(contact_id="bill") if m.event_type == "journey_step_slow"]) == 2
    answer = await office.call("GetPromises", service_pb2.GetPromisesRequest())
    assert [(one.duration.code, one.account_id) for one in answer.slow] == [("INVOICED", ""), ("INVOICED", ACCOUNT)]
    assert [(one.kept, one.missed) for one in answer.steps] == [(0, 30)]
    await ended(office, "INVOICED", 200, 1, week=4)
    await later(office, MONDAY_10 + timedelta(minutes=6))
    assert not (await office.call("GetPromises", service_pb2.GetPromisesRequest())).slow


async def test_who_was_told_that_a_step_is_slow_is_not_told_again_after_a_rebuild(office: Office):
    await office.follow(placed())
    event = events_pb2.JourneyStepSlow(kind="order", step="INVOICED", account_id=ACCOUNT, owner="BILLING")
    event.since.FromDatetime(MONDAY_10)
    wide = events_pb2.JourneyStepSlow(kind="order", step="INVOICED", owner="BILLING")
    wide.since.FromDatetime(MONDAY_10)
    async with office.parts.database.transaction([TENANT]) as tx:
        for told in (event, wide):
            await FOLD.own[events_pb2.JourneyStepSlow](tx, an_event(told, "step/order/INVOICED"), None)

    await ended(office, "INVOICED", 30, 7)
    await later(office, MONDAY_10 + timedelta(minutes=2))

    assert [e for e in await office.told() if isinstance(e, events_pb2.JourneyStepSlow)] == []
    async with office.parts.database.transaction([TENANT]) as tx:
        segment = Segment(TENANT, "order", "INVOICED", EVERYBODY)
        assert (await durations.lock(tx, [segment]))[segment].slow_since == MONDAY_10


async def test_what_is_late_is_listed_the_longest_first_until_it_is_done(office: Office):
    for n, promised in (("o1", "2026-03-05"), ("o2", "2026-03-04"), ("o3", "2026-03-20")):
        await office.follow(placed(n, promised=promised), decided(order=n))
    await office.follow(dispute_opened())
    await office.set_clock(MONDAY_10 + 8 * DAY)

    async def late(size: int = 100) -> list[tuple[str, str, str]]:
        found, token = [], ""
        while True:
            request = service_pb2.ListLateRequest(page_size=size, page_token=token)
            answer = await office.call("ListLate", request)
            found += [(one.about, one.code, one.owner) for one in answer.late]
            token = answer.next_page_token
            if not token:
                return found

    wanted = [
        ("order/o2", "SHIPPED", "LOGISTICS"),
        ("order/o1", "SHIPPED", "LOGISTICS"),
        ("dispute/d1", "ANSWERED", "DISPUTE_OWNER"),
    ]
    assert await late() == await late(size=1) == wanted
    await office.follow(shipped("o2", final=True))
    assert await late() == wanted[1:]


async def test_what_is_late_of_an_application_is_for_who_may_see_it(office: Office):
    moved = [applications.APPLICATION_STATE_SUBMITTED, applications.APPLICATION_STATE_REFERRED]
    await office.follow(*(application_moved(state, promised=state == moved[1]) for state in moved))
    await office.set_clock(MONDAY_10 + 8 * DAY)
    gated = Gated("notifications", office.stub)

    async def late(who: Any) -> list[str]:
        answer = await gated.ask(who, "ListLate", service_pb2.ListLateRequest())
        return [one.about for one in answer.late]

    assert await late(person("user:cy", TENANT, roles=["CREDIT"])) == ["application/a1"]
    assert await late(person("user:bill", TENANT, roles=["BILLING"])) == []
    refused = await gated.ask(person("contact:ann", TENANT, ACCOUNT), "ListLate", service_pb2.ListLateRequest())
    assert isinstance(refused, Asked)


async def test_what_nobody_ended_for_a_year_is_forgotten(office: Office):
    await office.follow(placed())
    await ended(office, "SHIPPED", 3, 2, kept=True)
    await later(office, MONDAY_10 + timedelta(minutes=2))
    assert len(await office.rows("SELECT FROM step_duration")) == 2

    await office.set_clock(datetime(2029, 1, 2, 9, tzinfo=UTC))
    await cleaning.clean(office.parts.database, usecases.forget_outdated)

    for table in ("step_duration", "promise_kept"):
        assert await office.rows(f"SELECT FROM {table}") == []


async def test_an_account_is_named_and_what_is_not_known_of_it_is_empty(office: Office):
    assert not (await office.call("GetAccountJourney", service_pb2.GetAccountJourneyRequest(account_id="nobody"))).steps
    with pytest.raises(Refused):
        await office.call("GetAccountJourney", service_pb2.GetAccountJourneyRequest(account_id="a" * 65))


def agreed(days: int = 3) -> list[events_pb2.ServiceLevel]:
    level = events_pb2.ServiceLevel(kind="order", step="SHIPPED", days=days, remedy="CREDIT")
    level.amount.minor, level.amount.currency = 5000, "EUR"
    return [level]


async def test_what_is_agreed_is_promised_measured_and_what_follows_is_proposed_once(office: Office):
    await office.register("sal", "SALES", account="")
    await office.follow(placed("old", promised=""), decided(order="old"))
    request = service_pb2.SetServiceLevelsRequest(account_id=ACCOUNT, levels=agreed())
    assert (await office.call("SetServiceLevels", request)).version == 1
    assert (await office.call("SetServiceLevels", request)).version == 1  # the same is no other
    await office.follow(placed(promised=""), decided())

    assert (await step_of(office, "order/o1", "SHIPPED")).at_the_latest == "2026-03-05"
    assert (await step_of(office, "order/old", "SHIPPED")).at_the_latest == "2026-03-09"

    await office.set_clock(MONDAY_10 + 7 * DAY)
    await office.follow(shipped(final=True))
    await later(office, MONDAY_10 + 7 * DAY + timedelta(minutes=2))

    told = [m for m in await office.messages(contact_id="sal") if m.event_type == "service_level_missed"]
    assert [(m.about, m.weight) for m in told] == [("order/o1", "ACT")]
    assert "It took 5" in told[0].what_happened
    assert "€50.00" in told[0].what_you_need_to_do
    announced = [event for event in await office.told() if isinstance(event, events_pb2.ServiceLevelsSet)]
    assert [(event.account_id, event.version) for event in announced] == [(ACCOUNT, 1)]


async def test_what_was_agreed_is_written_again_as_it_was_told(office: Office):
    request = service_pb2.SetServiceLevelsRequest(account_id=ACCOUNT, levels=agreed())
    told = events_pb2.ServiceLevelsSet(account_id=ACCOUNT, version=1, levels=agreed())
    async with office.parts.database.transaction([TENANT]) as tx:
        await FOLD.own[events_pb2.ServiceLevelsSet](tx, an_event(told, f"levels/{ACCOUNT}"), None)

    known = await office.call("GetServiceLevels", service_pb2.GetServiceLevelsRequest(account_id=ACCOUNT))
    assert (known.version, list(known.levels)) == (1, agreed())
    assert (await office.call("SetServiceLevels", request)).version == 1
    request.levels[0].days = 0
    with pytest.raises(Refused, match=r"service_level\.days"):
        await office.call("SetServiceLevels", request)
    del request.levels[:]
    assert (await office.call("SetServiceLevels", request)).version == 2

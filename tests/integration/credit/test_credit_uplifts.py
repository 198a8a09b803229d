"""Limits over time: granted for later, raised for a while by two persons, and known as of any day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2

from tests.integration.credit.desk import Desk, Refused, bodies, eur, expire, register, set_clock, told

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def stamp(at: datetime) -> Timestamp:
    said = Timestamp()
    said.FromDatetime(at)
    return said


async def ask(desk: Desk, uplift: str = "u1", minor: int = 50_000, *, by: str = "user:ada", **fields: Any) -> Any:
    request = exposure_pb2.GrantUpliftRequest(
        uplift_id=uplift,
        account_id="b1",
        amount=eur(minor),
        reason_code="season",
        **{"valid_until": stamp(NINE + DAY)} | fields,
    )
    return (await desk.call("GrantUplift", request, by=by)).uplift


async def approve(desk: Desk, uplift: str = "u1", *, by: str = "user:bo") -> Any:
    return (await desk.call("ApproveUplift", exposure_pb2.ApproveUpliftRequest(uplift_id=uplift), by=by)).uplift


async def end(desk: Desk, uplift: str = "u1") -> None:
    await desk.call("EndUplift", exposure_pb2.EndUpliftRequest(uplift_id=uplift))


async def set_limit(desk: Desk, minor: int, valid_from: datetime | None = None) -> None:
    since = stamp(valid_from) if valid_from else None
    await desk.call("SetLimit", service_pb2.SetLimitRequest(account_id="b1", limit=eur(minor), valid_from=since))


async def as_of(desk: Desk, valid: datetime | None = None, known: datetime | None = None) -> tuple[int, int]:
    """The limit, and what of it is granted without uplifts."""
    request = exposure_pb2.GetLimitAsOfRequest(
        account_id="b1", valid_at=stamp(valid) if valid else None, known_at=stamp(known) if known else None
    )
    answer = await desk.call("GetLimitAsOf", request)
    return answer.limit.minor, answer.granted.minor


async def limits_told(desk: Desk) -> list[tuple[int, int]]:
    """Each change that was told: to how much, from how much."""
    return [(one.limit.minor, one.previous.minor) for one in await bodies(desk.parts, events_pb2.LimitChanged)]


async def test_an_uplift_counts_once_another_person_has_approved_it_and_no_longer_than_its_time(desk: Desk):
    await register(desk.parts, limit=100_000)
    await ask(desk)
    assert (await desk.reasons("o1", 120_000))[0] == "DECLINED"

    approved = await approve(desk)
    assert approved.valid_from.ToDatetime(UTC) == NINE
    assert (await desk.account()).limit.minor == 150_000
    assert await desk.reasons("o2", 120_000) == ("APPROVED", ["within_limit"])

    await set_clock(desk.parts, NINE + DAY)
    assert (await desk.reasons("o3", 1_000))[0] == "DECLINED", "at its last instant, before any job has run"
    assert await expire(desk.parts) == 1
    assert (await desk.account()).limit.minor == 100_000
    assert await limits_told(desk) == [(150_000, 100_000), (100_000, 150_000)]
    [ended] = await bodies(desk.parts, events_pb2.UpliftEnded)
    assert (ended.uplift_id, ended.cause) == ("u1", "over")
    assert await expire(desk.parts) == 0


async def test_who_asked_for_an_uplift_or_whom_they_stand_in_for_does_not_approve_it(desk: Desk):
    await register(desk.parts)
    await ask(desk)
    await ask(desk, "u2", by="user:eve for user:ada")

    for uplift, by in (("u1", "user:ada"), ("u1", "user:bo for user:ada"), ("u2", "user:ada"), ("u2", "user:eve")):
        with pytest.raises(Refused) as refused:
            await approve(desk, uplift, by=by)
        assert refused.value.code == "uplift.four_eyes"


async def test_an_uplift_for_later_counts_from_its_first_instant_and_is_told_then(desk: Desk):
    await register(desk.parts)
    await ask(desk, valid_from=stamp(NINE + DAY), valid_until=stamp(NINE + 2 * DAY))
    await approve(desk)
    assert await limits_told(desk) == []
    assert (await desk.reasons("o1", 120_000))[0] == "DECLINED"

    await set_clock(desk.parts, NINE + DAY)
    assert (await desk.reasons("o2", 120_000))[0] == "APPROVED", "before any job has run"
    await expire(desk.parts)
    assert await limits_told(desk) == [(150_000, 100_000)]


async def test_an_uplift_ends_before_its_time_when_somebody_says_so(desk: Desk):
    await register(desk.parts)
    for uplift in ("u1", "u2", "waits"):
        await ask(desk, uplift)
    await approve(desk)
    await approve(desk, "u2")
    await approve(desk, "u2", by="user:eve")  # says nothing new

    for uplift in ("u1", "waits", "u1"):
        await end(desk, uplift)

    assert (await desk.account()).limit.minor == 150_000
    assert await limits_told(desk) == [(150_000, 100_000), (200_000, 150_000), (150_000, 200_000)]
    assert [one.cause for one in await bodies(desk.parts, events_pb2.UpliftEnded)] == ["ended", "ended"]
    listed = (await desk.call("ListUplifts", exposure_pb2.ListUpliftsRequest(account_id="b1"))).uplifts
    assert [(one.uplift_id, one.asked_by, one.approved_by) for one in listed] == [("u2", "user:ada", "user:bo")]
    with pytest.raises(Refused) as refused:
        await approve(desk)
    assert refused.value.code == "uplift.over"


async def test_an_uplift_that_nobody_approved_in_time_ends_without_having_counted(desk: Desk):
    await register(desk.parts)
    await ask(desk)

    await set_clock(desk.parts, NINE + DAY)
    assert await expire(desk.parts) == 1

    assert await limits_told(desk) == []
    assert (await told(desk.parts))[-1] == "UpliftEnded"


async def test_the_same_uplift_again_is_asked_for_already_and_another_by_its_id_refused(desk: Desk):
    await register(desk.parts)
    await register(desk.parts, "b2")
    await ask(desk)
    await ask(desk)
    await approve(desk)
    assert (await ask(desk)).approved_by == "user:bo"

    for changes in ({"minor": 1}, {"by": "user:eve"}, {"reason_code": "project"}, {"account_id": "b2"}):
        fields: Any = {"uplift_id": "u1", "account_id": "b1", "reason_code": "season"} | changes
        request = exposure_pb2.GrantUpliftRequest(
            uplift_id=fields["uplift_id"],
            account_id=fields["account_id"],
            amount=eur(fields.get("minor", 50_000)),
            reason_code=fields["reason_code"],
            valid_until=stamp(NINE + DAY),
        )
        with pytest.raises(Refused) as refused:
            await desk.call("GrantUplift", request, by=fields.get("by", "user:ada"))
        assert refused.value.code == "uplift.exists"
    assert (await told(desk.parts)).count("UpliftAsked") == 1


async def test_a_limit_is_known_as_of_any_time_as_it_was_known_at_any(desk: Desk):
    await register(desk.parts, limit=100_000)
    tue, wed, thu, fri = (NINE + n * DAY for n in range(1, 5))
    await set_clock(desk.parts, tue)
    await set_limit(desk, 80_000)
    await set_clock(desk.parts, wed)
    await set_limit(desk, 90_000, tue - DAY / 2)  # it should have been that since Monday evening
    await ask(desk, valid_until=stamp(fri))
    await approve(desk)
    await set_clock(desk.parts, thu)
    await end(desk)

    assert [await as_of(desk, at, tue) for at in (NINE, tue, fri)] == [(100_000,) * 2, (80_000,) * 2, (80_000,) * 2]
    assert [await as_of(desk, at, wed) for at in (NINE, tue, thu)] == [
        (100_000, 100_000),
        (90_000, 90_000),
        (140_000, 90_000),
    ]
    assert [await as_of(desk, at) for at in (wed, thu)] == [(140_000, 90_000), (90_000, 90_000)]
    assert await as_of(desk) == (90_000, 90_000)
    with pytest.raises(Refused) as refused:
        await as_of(desk, NINE - DAY)
    assert refused.value.code == "limit.not_known"


async def test_a_limit_for_later_counts_from_then_on_and_is_told_then(desk: Desk):
    await register(desk.parts, limit=100_000)
    await set_limit(desk, 50_000, NINE + DAY)
    await set_limit(desk, 60_000, NINE + DAY)  # in the same instant: the other was never known
    assert await desk.reasons("o1", 90_000) == ("APPROVED", ["within_limit"])
    assert await limits_told(desk) == []

    await set_clock(desk.parts, NINE + DAY)
    assert (await desk.reasons("o2", 1_000))[0] == "DECLINED"
    await expire(desk.parts)
    assert await limits_told(desk) == [(60_000, 100_000)]
    assert (await desk.account()).headroom.minor == -30_000


async def test_an_uplift_without_an_end_in_another_currency_or_of_nobody_is_refused(desk: Desk):
    await register(desk.parts)
    good = exposure_pb2.GrantUpliftRequest(
        uplift_id="u1", account_id="b1", amount=eur(1), valid_until=stamp(NINE + DAY)
    )
    for change, code in (
        ({"account_id": "nobody"}, "buyer.unknown"),
        ({"valid_until": None}, "uplift.incomplete"),
        ({"valid_until": stamp(NINE)}, "uplift.until_past"),
        ({"valid_until": Timestamp(seconds=2**62)}, "time.out_of_range"),
    ):
        request = exposure_pb2.GrantUpliftRequest(
            **{"uplift_id": "u1", "account_id": "b1", "amount": eur(1), "valid_until": good.valid_until} | change  # type: ignore[arg-type]
        )
        with pytest.raises(Refused) as refused:
            await desk.call("GrantUplift", request)
        assert refused.value.code == code
    good.amount.currency = "USD"
    with pytest.raises(Refused) as refused:
        await desk.call("GrantUplift", good)
    assert refused.value.code == "account.currency_not_held"
    with pytest.raises(Refused) as refused:
        await approve(desk, "nobody's")
    assert refused.value.code == "uplift.unknown"

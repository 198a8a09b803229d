"""Promises at the seller's desk: what is late, what was kept, how long an account's steps take, what is agreed with it."""

import re
from datetime import UTC, datetime

import httpx
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1.service_pb2 import StepDuration

from tests.integration.credit.desk import register
from tests.integration.portal.conftest import Casework

SHIPPED = StepDuration(
    kind="order",
    code="SHIPPED",
    owner="LOGISTICS",
    ended=40,
    usually_minutes=1200,
    latest_minutes=3000,
    promised_minutes=2400,
)


async def test_what_is_late_and_what_was_kept_stand_on_one_page(casework: Casework):
    people = casework.pages.people
    assert "Nothing is late" in await casework.text("sal", "/desk/promises")
    late = notifications_pb2.Late(about="dispute/d1", account_id="b1", name="D-2026-1", code="ANSWERED")
    late.since.FromDatetime(datetime(2026, 1, 2, tzinfo=UTC))
    people.late.append(late)
    people.promises = notifications_pb2.GetPromisesResponse(
        steps=[notifications_pb2.PromisedStep(duration=SHIPPED, kept=18, missed=2)],
        slow=[notifications_pb2.SlowStep(duration=SHIPPED, account_id="b1")],
        day_minutes=480,
        since="2025-11-01",
        target_percent=95,
    )

    page = await casework.text("sal", "/desk/promises")

    assert "Case D-2026-1 b1 Our answer to a case" in page
    assert "90 % 18 of 20 since Nov 1, 2025; 95 in a hundred are to be kept" in page
    assert "Shipment b1 5 business days 2.5 business days 6.3 business days" in page
    assert "most time goes into this: Shipment. Half of it is done within 2.5 business days." in page


async def test_where_an_account_loses_time_is_said_in_words(casework: Casework):
    others = StepDuration(kind="order", code="SHIPPED", owner="LOGISTICS", ended=400, usually_minutes=300)
    step = notifications_pb2.AccountStep(own=SHIPPED, everybodys=others, is_longer=True, costs_most=True)
    assert "No step of this account has ended yet" in await casework.text("sal", "/desk/accounts/b1/journey")
    casework.pages.people.journey = notifications_pb2.GetAccountJourneyResponse(steps=[step], day_minutes=480)

    page = await casework.text("sal", "/desk/accounts/b1/journey")

    assert "Most time is lost here: Shipment. It takes this account 2.5 business days; others 5 h." in page
    assert "The step is ours: Logistics." in page


async def test_what_is_agreed_is_set_in_one_form_and_shown_as_it_is(casework: Casework):
    await register(casework.credit.parts)
    typed = {"days-SHIPPED": "3", "remedy-SHIPPED": "CREDIT", "amount-SHIPPED": "50"}
    path = "/desk/accounts/b1/levels"

    for wrong, words in (
        ({"days-SHIPPED": "soon"}, "A step takes 1 to 250 business days."),
        ({"amount-SHIPPED": "much"}, "That is no number."),
    ):
        refused = await casework.send("sal", path, **typed | wrong)
        assert (refused.status_code, words in refused.text) == (422, True)
        assert casework.pages.people.levels == []
    assert (await casework.send("sal", path, **typed)).status_code == httpx.codes.SEE_OTHER

    [level] = casework.pages.people.levels
    assert (level.kind, level.step, level.days, level.amount.minor, level.amount.currency) == (
        "order",
        "SHIPPED",
        3,
        5000,
        "EUR",
    )
    form = (await casework.get("sal", path)).text
    assert re.search(r'name="days-SHIPPED" value="3"', form) is not None
    assert re.search(r'name="amount-SHIPPED" value="50.00"', form) is not None
    assert (await casework.get("eve", path)).status_code == httpx.codes.NOT_FOUND
    # Without days nothing is agreed.
    assert (await casework.send("sal", path, **typed | {"days-SHIPPED": ""})).status_code == httpx.codes.SEE_OTHER
    assert casework.pages.people.levels == []

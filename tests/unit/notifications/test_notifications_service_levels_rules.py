"""What can be agreed with a buyer of how long steps take, and when it is missed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.kernel.money import Money
from services.kernel.opening_hours import OpeningHours
from services.kernel.refusals import Invalid
from services.notifications.domain.durations import Figures, learned
from services.notifications.domain.journeys import BUYER, STAGES, Journey
from services.notifications.domain.service_levels import STEPS, Agreed, Level, Remedy, check, is_missed
from services.notifications.domain.stories import Moment
from services.notifications.news import news_of
from services.portal.pages import desk_levels
from tests.unit.notifications.samples import FIVE, MONDAY_10, NOW, TENANT, ZONE, decided, placed

SHIPPED = Level("order", "SHIPPED", 3, Remedy.CREDIT, Money(5000, "EUR"))
ANSWERED = Level("dispute", "ANSWERED", 2, Remedy.WAIVE_INTEREST)
HOURS = OpeningHours(ZONE)


def test_levels_are_kept_in_the_order_of_their_steps():
    assert check([ANSWERED, SHIPPED]) == (SHIPPED, ANSWERED)
    assert Agreed(1, (SHIPPED,)).of("order", "SHIPPED") == SHIPPED
    assert Agreed(1, (SHIPPED,)).of("dispute", "ANSWERED") is None


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([replace(SHIPPED, step="PLACED")], "service_level.step"),
        ([replace(SHIPPED, kind="invoice", step="PAID")], "service_level.step"),
        ([SHIPPED, replace(SHIPPED, days=4)], "service_level.twice"),
        ([replace(SHIPPED, days=0)], "service_level.days"),
        ([replace(SHIPPED, days=251)], "service_level.days"),
        ([replace(SHIPPED, amount=None)], "service_level.amount"),
        ([replace(SHIPPED, amount=Money(0, "EUR"))], "service_level.amount"),
        ([replace(ANSWERED, amount=Money(1, "EUR"))], "service_level.amount"),
    ],
)
def test_what_nobody_could_keep_or_owe_is_refused(levels: list[Level], code: str):
    with pytest.raises(Invalid) as refused:
        check(levels)

    assert refused.value.code == code


def test_a_level_is_missed_a_minute_after_its_last_day():
    assert not is_missed(SHIPPED, 3 * 480, HOURS)
    assert is_missed(SHIPPED, 3 * 480 + 1, HOURS)


def test_what_is_agreed_is_promised_when_the_step_begins_whatever_it_took_others():
    journey = Journey(TENANT, "order/o1", "acme", MONDAY_10)
    for event in (placed(promised=""), decided()):
        for news in news_of(event):
            journey = journey.hear(news, NOW)
    said = learned([Figures(99, 480, 480 * 8)], HOURS, at=NOW.at, spent=0)
    assert said is not None

    agreed = journey.agreed("SHIPPED", 3, NOW).learns("SHIPPED", said, NOW)

    assert str(agreed.legs["SHIPPED"].promised) == "2026-03-05"
    # It is a promise: another day has it beside.
    later = Moment(MONDAY_10 + timedelta(days=1), ZONE, FIVE)
    [moved] = news_of(placed(promised="2026-03-12"))
    assert str(agreed.hear(moved, later).legs["SHIPPED"].before) == "2026-03-05"
    # A day that somebody named for this very order goes before.
    [named] = news_of(placed(promised="2026-03-20"))
    assert str(journey.hear(named, NOW).agreed("SHIPPED", 3, NOW).legs["SHIPPED"].promised) == "2026-03-20"


def test_the_desks_form_has_every_step_of_which_something_can_be_agreed():
    assert set(STEPS) == set(desk_levels.STEPS)
    assert {remedy.value for remedy in Remedy} == set(desk_levels.REMEDIES)
    assert all(stage.owner != BUYER for kind, code in STEPS for stage in STAGES[kind] if stage.code == code)

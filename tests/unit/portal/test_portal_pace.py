"""How long steps take and how many promises were kept, as the pages say it; and that each has its words."""

from decimal import Decimal

import pytest

from services.notifications.domain.durations import PATH
from services.portal.domain.guide import GUIDES
from services.portal.domain.pace import DAYS, HOURS, MINUTES, Length, Share, length, together
from services.portal.labels import LABELS
from services.portal.pages.desk_promises import place


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, Length(Decimal(0), MINUTES)),
        (59, Length(Decimal(59), MINUTES)),
        (60, Length(Decimal(1), HOURS)),
        (95, Length(Decimal("1.6"), HOURS)),
        (959, Length(Decimal(16), HOURS)),
        (960, Length(Decimal(2), DAYS)),
        (1200, Length(Decimal("2.5"), DAYS)),
    ],
)
def test_what_takes_two_days_of_the_sellers_is_said_in_days(minutes: int, said: Length):
    assert length(minutes, 480) == said


def test_a_share_is_of_what_came_to_its_end_and_not_rounded_up():
    shares = [Share("order", "SHIPPED", 999, 1), Share("order", "DECIDED", 0, 0)]

    assert [one.percent for one in shares] == [99, 0]
    assert together(shares).share == Decimal("0.999")


def test_every_step_that_takes_time_has_words_and_every_guide_says_what_comes_and_a_tip():
    assert [f"took {kind} {code}" for kind, code in PATH if f"took {kind} {code}" not in LABELS] == []
    assert all(guide.comes and guide.tip and guide.title for guide in GUIDES.values())


def test_what_is_late_is_looked_at_where_its_kind_is():
    assert place("dispute/d1", "D-2026-0001") == "/desk/disputes/D-2026-0001"
    assert place("order/a/b", "") == "/orders/a%2Fb"
    assert place("onboarding/b1", "") == "/desk"

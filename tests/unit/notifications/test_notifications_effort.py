"""What threads tell of people's effort."""

from datetime import timedelta

from services.notifications.domain.effort import Effort, Written, of_threads
from tests.unit.notifications.samples import MONDAY_10

HOUR = timedelta(hours=1)


def written(*said: str, about: str = "dispute/d1") -> list[Written]:
    """Messages: "b3" is a buyer's after three hours, "s5" the seller's after five."""
    return [Written(about, MONDAY_10 + int(one[1:]) * HOUR, one[0] == "b") for one in said]


def effort(*said: str, now: int = 1000) -> Effort:
    return of_threads(written(*said), MONDAY_10 + now * HOUR)["dispute"]


def test_whoever_writes_on_before_an_answer_made_one_contact_and_waits_from_the_first():
    assert effort("b0", "b1", "s4") == Effort(cases=1, contacts=1, repeats=0, minutes_waited=240)


def test_whoever_writes_again_within_seven_days_of_an_answered_contact_had_to_come_twice():
    assert effort("b0", "s1", "b30", "s31") == Effort(1, 2, 1, 120)
    assert effort("b0", "s1", "b200", "s201") == Effort(1, 2, 0, 120)


def test_whoever_waits_still_has_waited_until_now():
    assert effort("s0", "b10", now=12) == Effort(1, 1, 0, 120)


def test_effort_is_added_up_by_kind_of_thing():
    found = of_threads(
        [*written("b0", "s1"), *written("b0", about="order/o1"), *written("s0", about="dispute/d2")], MONDAY_10
    )

    assert found == {"dispute": Effort(2, 1, 0, 60), "order": Effort(1, 1, 0, 0)}

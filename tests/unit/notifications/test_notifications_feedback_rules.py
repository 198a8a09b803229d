"""Whom to ask, what an answer asks of the seller, and how well a role is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.kernel.refusals import Conflict, Forbidden, Invalid
from services.notifications.domain import feedback
from services.notifications.domain.feedback import (
    FULLY,
    MOSTLY,
    MOVES,
    NO,
    Action,
    Asked,
    Candidate,
    Move,
    Question,
    RoleHealth,
    State,
    Term,
    Topic,
)
from services.notifications.domain.journeys import Journey, Leg
from services.notifications.domain.roles import Role
from tests.unit.notifications.samples import ACCOUNT, MONDAY_10, NOW, TENANT

DAY = timedelta(days=1)
ALL = (Role.RECEIVING, Role.AP_CLERK, Role.REQUESTER, Role.FINANCE_LEAD)


def asked(who: str, role: Role, days_ago: float, *, answered: bool = True) -> Asked:
    return Asked(who, role, MONDAY_10 - days_ago * DAY, answered)


def chosen(
    could: Sequence[tuple[str, Role]], *before: Asked, held: Sequence[Role] = ALL, busy: Sequence[str] = ()
) -> str:
    candidates = [Candidate(f"m{nth}", who, role) for nth, (who, role) in enumerate(could)]
    found = feedback.choose(candidates, before, held=held, busy=busy, now=MONDAY_10)
    return " ".join(one.contact_id for one in found)


def test_nobody_is_asked_twice_in_thirty_days():
    assert chosen([("rea", Role.RECEIVING)], asked("rea", Role.RECEIVING, 29.9)) == ""
    assert chosen([("rea", Role.RECEIVING)], asked("rea", Role.RECEIVING, 30.1), held=[Role.RECEIVING]) == "rea"


def test_an_account_is_asked_three_times_in_thirty_days():
    before = [asked("cleo", Role.AP_CLERK, 20), asked("rob", Role.REQUESTER, 10)]

    assert chosen([("rea", Role.RECEIVING), ("fay", Role.FINANCE_LEAD)], *before) == "rea"
    assert chosen([("rea", Role.RECEIVING)], *before, asked("fay", Role.FINANCE_LEAD, 1)) == ""


def test_whoever_has_an_open_case_is_not_asked():
    assert chosen([("rea", Role.RECEIVING)], busy=["rea"]) == ""


def test_after_two_silences_nobody_is_asked_for_half_a_year():
    silent = [asked("rea", Role.RECEIVING, days, answered=False) for days in (80, 45)]

    assert chosen([("rea", Role.RECEIVING)], *silent, held=[Role.RECEIVING]) == ""
    assert chosen([("rea", Role.RECEIVING)], silent[0], held=[Role.RECEIVING]) == "rea"
    heard = [silent[0], replace(silent[1], answered=True)]
    assert chosen([("rea", Role.RECEIVING)], *heard, held=[Role.RECEIVING]) == "rea"
    long_ago = [replace(one, at=one.at - 140 * DAY) for one in silent]
    assert chosen([("rea", Role.RECEIVING)], *long_ago, held=[Role.RECEIVING]) == "rea"


def test_the_role_that_was_asked_longest_ago_goes_first_and_has_its_place_kept():
    before = [asked("rea", Role.RECEIVING, 40), asked("cleo", Role.AP_CLERK, 60)]
    people = [("rea", Role.RECEIVING), ("cleo", Role.AP_CLERK)]

    assert chosen(people, *before, held=[Role.RECEIVING, Role.AP_CLERK]) == "cleo rea"
    full = [*before, asked("rob", Role.REQUESTER, 3), asked("fay", Role.FINANCE_LEAD, 2)]
    assert chosen(people[:1], *full) == ""  # the one place that is left is cleo's
    assert chosen(people[1:], *full) == "cleo"


def a_question(topic: Topic = Topic.COMPLETE, **changes: Any) -> Question:
    values: dict[str, Any] = {
        "tenant": TENANT,
        "question_id": "q1",
        "account_id": ACCOUNT,
        "contact_id": "rea",
        "role": Role.RECEIVING,
        "topic": topic,
        "about": "order/o1",
        "asked_at": MONDAY_10,
    }
    return Question(**(values | changes))


def test_an_answer_can_be_changed_for_two_weeks_and_no_longer():
    answered = a_question().answer(FULLY, MONDAY_10 + DAY)
    changed = answered.answer(NO, MONDAY_10 + 14 * DAY)

    assert (changed.value, changed.answered_at, changed.is_low) == (NO, MONDAY_10 + DAY, True)
    assert changed.answer(NO, MONDAY_10 + 99 * DAY) is changed
    for question in (answered, a_question(), a_question(Topic.MENDED).answer(NO, MONDAY_10)):
        with pytest.raises(Conflict):
            question.answer(FULLY if question.value is None else MOSTLY, MONDAY_10 + 60 * DAY)
    with pytest.raises(Conflict):
        a_question(Topic.MENDED).answer(NO, MONDAY_10).answer(FULLY, MONDAY_10 + DAY)
    for value in (-1, 11):
        with pytest.raises(Invalid):
            a_question().answer(value, MONDAY_10)


def an_action(state: State = State.OPEN, **changes: Any) -> Action:
    opened = feedback.opened(a_question(value=NO, answered_at=MONDAY_10), NOW)
    return replace(opened, state=state, **changes)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("what", list(Move))
def test_what_moves_an_action_is_in_the_table_and_nothing_else(state: State, what: Move):
    if (state, what) in MOVES:
        assert an_action(state).move(what, NOW).state is MOVES[state, what]
    else:
        with pytest.raises(Conflict):
            an_action(state).move(what, NOW)


def test_a_low_answer_asks_something_of_whose_matter_it_is_within_five_business_days():
    low = a_question(value=NO, answered_at=MONDAY_10)
    action = feedback.follows(low, None, NOW)

    assert action is not None
    assert (action.owner, action.due, action.urgency) == (Role.LOGISTICS, date(2026, 3, 9), NO)
    assert feedback.follows(replace(low, value=MOSTLY), None, NOW) is None
    taken_back = feedback.follows(replace(low, value=FULLY), action, NOW)
    assert taken_back is not None
    assert taken_back.state is State.WITHDRAWN
    again = feedback.follows(low, taken_back, NOW)
    assert again is not None
    assert again.state is State.OPEN
    done = replace(action, state=State.DONE)
    assert feedback.follows(replace(low, value=FULLY), done, NOW) == done


def test_what_is_not_well_the_first_time_goes_to_who_answers_for_the_account_and_is_looked_at_first():
    done = an_action().close("DELIVERY", "Sent the box.", {"LOGISTICS"}, NOW)
    again = feedback.mended(done, NO, NOW)

    assert (done.state, done.cause) == (State.DONE, "DELIVERY")
    assert (again.state, again.owner, again.due, again.urgency) == (State.REOPENED, Role.SALES, date(2026, 3, 4), -1)
    twice = again.close("DELIVERY", "Drove there.", {"SALES"}, NOW)
    assert feedback.mended(twice, FULLY, NOW).state is State.CONFIRMED
    assert feedback.mended(twice, NO, NOW).state is State.UNSOLVED


def test_an_action_is_closed_by_whose_it_is_with_a_cause_and_words():
    with pytest.raises(Forbidden):
        an_action().close("DELIVERY", "Done.", {"BILLING"}, NOW)
    with pytest.raises(Invalid, match="came from"):
        an_action().close("", "Done.", {"LOGISTICS"}, NOW)
    with pytest.raises(Invalid, match="what was done"):
        an_action().close("DELIVERY", "  ", {"SALES"}, NOW)


def test_answers_of_eight_five_and_four_sour_though_two_nines_keep_the_mean_at_seven():
    assert [feedback.souring([8, 5, 4][:n])[0] for n in (1, 2, 3)] == [0, 2, 5]
    assert feedback.souring([8, 5, 4]) == (5, 1)
    assert sum([8, 5, 4, 9, 9]) / 5 == 7
    assert feedback.souring([8, 5, 4, 9, 9]) == (0, 1)
    assert feedback.souring([MOSTLY] * 5) == (1, 1)


def test_health_is_three_fifths_what_was_measured_and_two_fifths_what_was_answered_the_newer_the_more():
    terms = [Term("PROMISES", 0.8, 10), Term("NOT_HELD", 1.0, 4)]

    assert feedback.health(Role.REQUESTER, terms, [], MONDAY_10).score == 90
    assert feedback.health(Role.REQUESTER, [], [(MONDAY_10, 5)], MONDAY_10).score == 50
    assert feedback.health(Role.REQUESTER, terms, [(MONDAY_10, 5)], MONDAY_10).score == 74
    two = feedback.health(Role.REQUESTER, [], [(MONDAY_10 - 90 * DAY, 9), (MONDAY_10, 6)], MONDAY_10)
    assert two.score == 70
    assert two.terms == (Term("ANSWERS", 0.7, 2),)


def test_an_account_is_no_more_than_a_little_above_its_worst_role():
    def a_role(role: Role, score: int) -> RoleHealth:
        return RoleHealth(role, score, (), 0, 0)

    assert feedback.of_account([]) is None
    assert feedback.of_account([a_role(Role.REQUESTER, 80), a_role(Role.FINANCE_LEAD, 90)]) == 87
    assert feedback.of_account([a_role(Role.REQUESTER, 40), a_role(Role.FINANCE_LEAD, 90)]) == 55


def test_what_came_to_pass_is_measured_for_the_roles_that_lived_it():
    began = MONDAY_10 - 20 * DAY
    promised = (began + 5 * DAY).date()
    on_time, late = Leg(began + 4 * DAY, promised), Leg(began + 9 * DAY, promised)
    decided = Leg(began + timedelta(minutes=1), promised)

    def journey(about: str, **legs: Leg) -> Journey:
        return Journey(TENANT, about, ACCOUNT, began, legs=legs)

    found = feedback.measured(
        [
            journey("order/o1", PLACED=Leg(began), DECIDED=decided, SHIPPED=on_time, INVOICED=late),
            journey("order/o2", PLACED=Leg(began), DECIDED=Leg(began + DAY, promised), SHIPPED=Leg(None, promised)),
            journey("invoice/i1"),
            journey("invoice/i2"),
            journey("dispute/d1", OPENED=Leg(began)),
        ],
        NOW,
    )

    assert found[Role.RECEIVING] == [Term("PROMISES", 0.5, 2)]  # what is past its day counts as not kept
    assert found[Role.AP_CLERK] == [Term("PROMISES", 0.0, 1), Term("FIRST_TIME", 0.5, 2)]
    assert found[Role.FINANCE_LEAD] == [Term("NOT_HELD", 0.5, 2)]
    assert feedback.measured([], NOW) == {}


def test_what_was_said_is_quoted_by_a_number_that_stays():
    numbers = {feedback.number_of(f"q{n}") for n in range(1000)}

    assert len(numbers) == 1000
    assert all(1 <= number <= 999_999_999 for number in numbers)
    assert feedback.number_of("q1") == feedback.number_of("q1")

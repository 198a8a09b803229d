"""What a company does once its line stands: every move, what begins when, and that nobody is reminded twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.kernel.refusals import Conflict, Forbidden, Invalid
from services.notifications.domain import first_steps
from services.notifications.domain.first_steps import MOVES, PLANS, Code, Move, Reason, State, Step
from services.notifications.domain.matrix import MATRIX, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import Moment
from tests.unit.notifications.samples import ACCOUNT, NOW, TENANT

THURSDAY_8 = datetime(2026, 3, 5, 7, tzinfo=UTC)  # three business days after Monday, 2 March 2026, in Berlin
TUESDAY_8 = datetime(2026, 3, 10, 7, tzinfo=UTC)


def a_step(code: Code = Code.WAY_TO_PAY, state: State = State.NEXT) -> Step:
    return Step(TENANT, ACCOUNT, code, state)


def at(instant: datetime) -> Moment:
    return replace(NOW, at=instant)


def steps(*done: Code) -> list[Step]:
    planned = first_steps.plan(TENANT, ACCOUNT, NOW)
    return [first_steps.done(step, NOW) if step.code in done else step for step in planned]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("what", Move)
def test_a_move_that_the_table_lacks_is_refused(state: State, what: Move):
    step = a_step(state=state)
    if (state, what) in MOVES:
        assert first_steps.move(step, what).state is MOVES[state, what]
    else:
        with pytest.raises(Conflict):
            first_steps.move(step, what)


@pytest.mark.parametrize(
    ("done", "held", "begun"),
    [
        ([], {Role.ACCOUNT_ADMIN, Role.FINANCE_LEAD}, "SIGN_IN"),
        ([], {Role.AP_CLERK}, ""),
        ([Code.SIGN_IN], {Role.ACCOUNT_ADMIN, Role.FINANCE_LEAD}, "COLLEAGUES WAY_TO_PAY"),
        ([Code.SIGN_IN], {Role.ACCOUNT_ADMIN, Role.AP_CLERK, Role.REQUESTER}, "COLLEAGUES SAMPLE FIRST_ORDER"),
        (list(Code), set(Role), ""),
    ],
)
def test_a_step_begins_once_the_account_is_entered_and_somebody_holds_its_role(
    done: list[Code], held: set[Role], begun: str
):
    assert " ".join(step.code for step in first_steps.begin(steps(*done), held, NOW)) == begun


def test_who_does_nothing_is_reminded_once_after_three_business_days_and_then_left_to_the_owner():
    [opened, *_] = first_steps.begin(steps(), {Role.ACCOUNT_ADMIN}, NOW)
    assert (opened.by_when, opened.next_at) == (date(2026, 3, 5), THURSDAY_8)
    assert first_steps.by_clock(opened, at(THURSDAY_8 - timedelta(minutes=1))) is opened

    reminded = first_steps.by_clock(opened, at(THURSDAY_8))
    assert (reminded.state, reminded.by_when, reminded.next_at) == (State.REMINDED, date(2026, 3, 10), TUESDAY_8)

    waits = first_steps.by_clock(reminded, at(TUESDAY_8))
    assert (waits.state, waits.reason, waits.waits_since) == (State.WAITING, Reason.NO_ANSWER, TUESDAY_8)
    assert first_steps.by_clock(waits, at(TUESDAY_8 + timedelta(days=99))) is waits


def test_an_account_of_which_nobody_is_known_waits_for_its_owner_and_what_follows_it_does_not():
    after = [first_steps.by_clock(step, at(THURSDAY_8)) for step in steps()]

    assert [(step.code, step.reason) for step in after if step.state is State.WAITING] == [
        (Code.SIGN_IN, Reason.NOBODY)
    ]


def test_a_sample_that_is_refused_needs_a_why_and_may_work_later():
    step = a_step(Code.SAMPLE, State.OPEN)
    with pytest.raises(Invalid):
        first_steps.answered(step, "REFUSED", " ", NOW)

    refused = first_steps.answered(step, "REFUSED", "No BT-10.", NOW)
    assert (refused.state, refused.reason, refused.next_at) == (State.WAITING, Reason.REFUSED, None)
    worked = first_steps.answered(refused, "ACCEPTED", "", NOW)
    assert (worked.state, worked.answer, worked.waits_since) == (State.DONE, "ACCEPTED", None)


def test_only_what_can_be_answered_is_answered_by_whose_it_is():
    for code in (Code.SIGN_IN, Code.COLLEAGUES, Code.FIRST_ORDER):
        with pytest.raises(Invalid):
            first_steps.answered(a_step(code), "ACCEPTED", "", NOW)
    first_steps.check_answers(Code.SAMPLE, ["AP_MANAGER"])
    first_steps.check_answers(Code.WAY_TO_PAY, ["ACCOUNT_ADMIN"])
    with pytest.raises(Forbidden):
        first_steps.check_answers(Code.WAY_TO_PAY, ["AP_CLERK"])


def test_each_step_is_asked_of_its_role_alone():
    for plan in PLANS.values():
        assert [role for role, weight in MATRIX[plan.kind].weights.items() if weight is Weight.ACT] == [plan.role]
        assert MATRIX[plan.kind].owner is plan.owner

"""What the clock says of a case, once each, and that a missed promise is never moved silently."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.disputes.domain import cases, lateness
from services.disputes.domain.cases import AWAITS_ANSWER, Action, Dispute, State
from services.disputes.domain.lateness import Due
from services.disputes.domain.tracks import Track
from tests.unit.disputes.builders import MONDAY, POLICY, a_case


def promised(state: State = State.UNDER_REVIEW, **changes: object) -> Dispute:
    """A case of Monday at ten, to be answered within five business days."""
    promise = POLICY.promise(Track.STANDARD, MONDAY)
    return replace(cases.promised_anew(a_case(state), promise, MONDAY, POLICY), **changes)  # type: ignore[arg-type]


CLOSES = datetime(2026, 3, 9, 17, tzinfo=UTC)


def test_risk_is_told_once_before_the_promise_is_missed_and_then_that_it_was():
    case = promised()
    assert case.at_risk_at is not None
    assert case.look_at == case.at_risk_at
    assert lateness.due(case, case.at_risk_at - timedelta(minutes=1)) == ()
    assert lateness.due(case, case.at_risk_at) == (Due.AT_RISK,)

    warned = lateness.warned(case)

    assert warned.look_at == CLOSES
    assert lateness.due(warned, CLOSES - timedelta(minutes=1)) == ()
    assert lateness.due(warned, CLOSES) == (Due.LATE,)
    assert lateness.due(case, CLOSES) == (Due.LATE,)  # that it was at risk is no news any more


def test_a_missed_promise_has_a_new_one_a_level_higher_and_the_delay_counts_from_the_first():
    late = lateness.late(promised(owner="user:bo"), CLOSES, POLICY)
    later = lateness.late(late, datetime(2026, 3, 11, 17, tzinfo=UTC), POLICY)
    latest = lateness.late(later, datetime(2026, 3, 13, 17, tzinfo=UTC), POLICY)

    assert [one.late_level for one in (late, later, latest)] == [lateness.ROLE, lateness.HOUSE, lateness.HOUSE]
    assert [one.answer_by for one in (late, later, latest)] == [date(2026, 3, day) for day in (11, 13, 17)]
    assert {one.late_from for one in (late, later, latest)} == {date(2026, 3, 9)}
    assert not late.warned
    assert lateness.due(late, CLOSES) == ()


def test_what_nobody_has_goes_to_who_sells_at_once():
    assert lateness.late(promised(), CLOSES, POLICY).late_level == lateness.HOUSE


def test_the_delay_ends_with_the_answer_or_while_the_customer_is_asked():
    late = lateness.late(promised(), CLOSES, POLICY)
    at = datetime(2026, 3, 12, 9, tzinfo=UTC)

    asked = cases.move(late, Action.ASK_CUSTOMER, at=at, policy=POLICY)
    again = cases.move(asked, Action.ANSWER, at=at, policy=POLICY)
    proposed = cases.move(late, Action.PROPOSE, at=at, policy=POLICY)

    assert (asked.late_days, asked.late_from) == (3, None)
    assert (again.late_days, again.late_from) == (3, None)
    assert (proposed.late_days, proposed.late_from) == (3, None)


@pytest.mark.parametrize("state", [state for state in State if state not in AWAITS_ANSWER])
def test_where_no_answer_of_the_seller_is_awaited_the_clock_says_nothing(state: State):
    case = promised(state, recode_by=MONDAY)

    assert (case.look_at, lateness.due(case, CLOSES + timedelta(days=99))) == (None, ())


def test_that_a_reason_is_missing_is_told_once_by_itself():
    case = promised(recode_by=MONDAY + timedelta(days=1))
    at = MONDAY + timedelta(days=1)

    assert case.look_at == at
    assert lateness.due(case, at) == (Due.REASON,)
    assert lateness.due(lateness.reminded(case), at) == ()
    assert lateness.due(case, CLOSES) == (Due.REASON, Due.LATE)

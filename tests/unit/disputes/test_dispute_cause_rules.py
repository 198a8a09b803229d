"""Why cases come about: presumed, named, and what is done once a cause repeats."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from services.disputes.domain import causes
from services.disputes.domain.cases import Resolution
from services.disputes.domain.causes import CAUSES, STEPS, WINDOW, Action, Kind, Seen, State, Step, Watched
from services.disputes.domain.reasons import REASONS
from services.kernel.calendars import Calendar
from services.kernel.refusals import Conflict, Invalid
from services.portal.labels_causes import NAMED

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
KEY = Watched("PICKING", Kind.ITEM, "sku-1")


def an_action(state: State = State.OPEN, done: timedelta | None = None) -> Action:
    action = causes.open_action(KEY, 3, action_id="a1", at=NOW, calendar=Calendar())
    was_done = state in (State.DONE, State.VERIFIED, State.RECURRED)
    return replace(action, state=state, done_at=NOW - (done or timedelta(0)) if was_done else None)


def test_each_reason_has_a_usual_cause_and_each_cause_words_at_the_desk() -> None:
    assert {causes.usual(code) for code in REASONS} <= CAUSES.keys()
    assert list(NAMED) == list(CAUSES)


@pytest.mark.parametrize(
    ("resolution", "said", "found"),
    [
        (Resolution.FULL_CREDIT, "", ("PICKING", False)),
        (Resolution.PARTIAL_CREDIT, "CARRIER", ("CARRIER", True)),
        (Resolution.INVALID_PAYABLE, "", ("BUYER_ERROR", False)),
    ],
)
def test_a_cause_is_the_one_that_is_named_else_the_one_that_is_presumed(
    resolution: Resolution, said: str, found: tuple[str, bool]
) -> None:
    assert causes.settle("QTY_SHORT", resolution, said) == found


def test_a_cause_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        causes.settle("QTY_SHORT", Resolution.FULL_CREDIT, "WEATHER")
    assert refused.value.code == "dispute.unknown_cause"


def test_an_action_is_the_desks_whose_cause_it_is_for_ten_business_days() -> None:
    action = an_action()

    assert (action.owner, action.due_on, action.state) == ("LOGISTICS", date(2026, 3, 16), State.OPEN)


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_exactly_the_steps_in_the_table_succeed(state: State, step: Step) -> None:
    action = an_action(state, WINDOW)

    if (state, step) in STEPS:
        assert causes.move(action, step, at=NOW).state is STEPS[(state, step)]
    else:
        with pytest.raises(Conflict) as refused:
            causes.move(action, step, at=NOW)
        assert refused.value.code == "action.illegal_move"


def test_that_it_helped_is_said_once_it_is_known() -> None:
    with pytest.raises(Conflict) as refused:
        causes.move(an_action(State.DONE, WINDOW - timedelta(seconds=1)), Step.VERIFY, at=NOW)
    assert refused.value.code == "action.too_early"


def test_a_case_soon_after_what_was_done_is_a_recurrence_and_long_after_it_what_was_done_had_helped() -> None:
    soon, late = timedelta(days=10), WINDOW

    for done, state in ((soon, State.RECURRED), (late, State.VERIFIED)):
        seen = causes.see(an_action(State.DONE, done), at=NOW)
        assert seen.moved is not None
        assert seen.moved.state is state
        assert seen.counts_since == NOW - done


@pytest.mark.parametrize(
    ("action", "seen"),
    [
        (None, Seen(None, NOW - WINDOW)),
        (an_action(State.OPEN), Seen(None, None)),
        (an_action(State.IN_PROGRESS), Seen(None, None)),
        (an_action(State.RECURRED, timedelta(days=5)), Seen(None, NOW - timedelta(days=5))),
        (an_action(State.VERIFIED, timedelta(days=200)), Seen(None, NOW - WINDOW)),
    ],
)
def test_cases_count_for_a_new_action_since_the_last_was_done_and_for_ninety_days(
    action: Action | None, seen: Seen
) -> None:
    assert causes.see(action, at=NOW) == seen

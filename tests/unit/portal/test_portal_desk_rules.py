"""What the seller's desk is shown: acts of cases, promises, what waits."""

from datetime import UTC, date, datetime

import pytest

from services.disputes.domain.cases import AT_THE_BUYER, AT_THE_SELLER, MOVES, NOT_CALLABLE, Action, State
from services.portal import rights
from services.portal.domain import cases, months, policies, waiting
from services.portal.domain.people import Person
from services.portal.domain.waiting import Waiting

TODAY = date(2026, 3, 10)


def test_each_state_offers_the_moves_that_disputes_allows_and_no_other():
    allowed = {state: {action for of, action in MOVES if of is state and action not in NOT_CALLABLE} for state in State}
    assert {state: set(acts) for state, acts in cases.ACTS.items()} == allowed
    assert {state for state, action in MOVES if action is Action.RESOLVE} | {"PROPOSED"} == cases.SETTLES


def test_every_state_in_which_a_case_is_open_is_somebodys_turn():
    ended = {"DRAFT", "RESOLVED", "CLOSED", "REJECTED", "WITHDRAWN", "DUPLICATE"}
    assert set(cases.OURS) | set(cases.THEIRS) == set(State) - ended
    assert (set(cases.OURS), set(cases.THEIRS)) == (set(AT_THE_SELLER), set(AT_THE_BUYER))


@pytest.mark.parametrize(
    ("promised", "said"),
    [
        ("", ""),
        ("2026-03-09", "LATE"),
        ("2026-03-10", "AT_RISK"),
        ("2026-03-11", "AT_RISK"),
        ("2026-03-12", "ON_TRACK"),
    ],
)
def test_a_promise_is_at_risk_the_day_before_and_late_the_day_after(promised: str, said: str):
    assert cases.nearness(promised, TODAY) == said


def test_the_longest_broken_promise_waits_first_and_what_nobody_promised_last():
    def thing(what: str, promised: str = "", day: int = 0) -> Waiting:
        since = datetime(2026, 3, day, tzinfo=UTC) if day else None
        return Waiting("case", what, "b1", "", "/", promised=promised, since=since)

    shuffled = [thing("new", day=9), thing("near", "2026-03-11"), thing("old", day=1), thing("late", "2026-03-01")]
    assert [one.what for one in waiting.worst_first([*shuffled, thing("unknown")])] == [
        "late",
        "near",
        "old",
        "new",
        "unknown",
    ]


def test_an_act_is_shown_to_whom_its_contract_names():
    owner, sales, buyer = a_person("DISPUTE_OWNER"), a_person("SALES"), a_person("AP_CLERK", "b1")

    assert [rights.may_move(who, "ACTION_PROPOSE") for who in (owner, sales, buyer)] == [True, False, False]
    assert [rights.may_move(who, "ACTION_ANSWER") for who in (owner, sales, buyer)] == [True, True, True]
    assert [rights.may(who, "disputes", "Resolve") for who in (owner, sales, buyer)] == [True, False, False]
    assert not rights.may(a_person("AUDITOR"), "disputes", "Move")


def a_person(role: str, account: str = "") -> Person:
    return Person("t", "p", account, "P", frozenset({role}), "en")


@pytest.mark.parametrize(
    ("message", "named", "nearest"),
    [
        ("'grad' is no fact; did you mean grade?", ("grad",), "grade"),
        ("when is missing here", ("when",), ""),
        ("no row has what is below 1.25", ("1.25",), ""),
        ("requested_amount is never 'x'", ("requested_amount", "x"), ""),
        ("the reason is given twice", (), ""),
    ],
)
def test_what_a_mistake_is_about_is_said_in_any_language(message: str, named: tuple[str, ...], nearest: str):
    assert policies.figures(message) == policies.Figures(named, nearest)


def test_the_months_end_today_and_a_month_ends_with_its_last_second():
    found = months.ends(date(2028, 3, 10), most=3)

    assert [(name, at.isoformat()[:19]) for name, at in found] == [
        ("2028-01", "2028-01-31T23:59:59"),
        ("2028-02", "2028-02-29T23:59:59"),
        ("2028-03", "2028-03-10T23:59:59"),
    ]

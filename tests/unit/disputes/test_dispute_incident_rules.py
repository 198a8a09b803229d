"""Incidents: what is promised to many, and who may end their cases together."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.disputes.domain import cases, incidents
from services.disputes.domain.cases import CONTESTED, MOVES, Action, Resolution
from services.disputes.domain.incidents import Filter, Incident, Progress, State
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import MONDAY

TODAY = date(2026, 3, 2)


def an_incident(**changes: Any) -> Incident:
    return replace(incidents.open_incident("DLV_LATE", incident_id="n1", by="user:bo", at=MONDAY), **changes)


def code(call: Any) -> str:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.code


def test_a_day_that_was_promised_is_replaced_by_another_and_never_by_none() -> None:
    promised = incidents.go_on(an_incident(), Progress.FOUND, date(2026, 3, 9), TODAY)
    later = incidents.go_on(promised, Progress.MENDING, None, TODAY)

    assert (later.promised_on, later.progress, later.moves) == (date(2026, 3, 9), Progress.MENDING, 3)
    assert code(lambda: incidents.go_on(later, Progress.MENDED, date(2026, 3, 1), TODAY)) == "incident.day_past"


def test_its_end_takes_two_persons_whoever_stands_in_for_whom() -> None:
    proposed = incidents.propose_end(an_incident(), Resolution.FULL_CREDIT, "", by="user:bo")
    proposing = frozenset({"user:bo"})

    assert proposed.cause == "CARRIER"
    for approving in (proposing, frozenset({"user:cy", "user:bo"})):
        assert code(lambda: incidents.approve_end(proposed, approving, proposing, by="user:cy")) == "incident.four_eyes"  # noqa: B023
    approved = incidents.approve_end(proposed, frozenset({"user:cy"}), proposing, by="user:cy")
    assert (approved.state, approved.approved_by) == (State.ENDING, "user:cy")
    assert code(lambda: incidents.propose_end(approved, Resolution.FULL_CREDIT, "", by="user:bo")) == "incident.ended"
    assert code(lambda: incidents.check_joins(approved, 1, 1)) == "incident.ended"
    none = frozenset({"user:cy"})
    assert (
        code(lambda: incidents.approve_end(an_incident(), none, frozenset(), by="user:cy")) == "incident.not_proposed"
    )


def test_a_credit_in_part_is_each_cases_own() -> None:
    assert code(lambda: incidents.propose_end(an_incident(), Resolution.PARTIAL_CREDIT, "", by="user:bo")) == (
        "incident.resolution"
    )


def test_it_says_which_cases_it_means_and_has_a_thousand_at_most() -> None:
    assert code(lambda: Filter().check()) == "incident.filter_empty"
    assert code(lambda: Filter(reason_code="NO").check()) == "dispute.unknown_reason"
    assert Filter(sku="s").check() == Filter(sku="s")
    incidents.check_joins(an_incident(), 999, 1)
    assert code(lambda: incidents.check_joins(an_incident(), 999, 2)) == "incident.too_many"


@pytest.mark.parametrize("state", cases.State)
def test_the_way_to_a_proposal_is_one_of_legal_moves_and_none_is_walked_over_a_question_to_the_buyer(
    state: cases.State,
) -> None:
    way = incidents.way_to_proposal(state)

    if way is None:
        assert state not in CONTESTED or state is cases.State.AWAITING_CUSTOMER
        return
    at = state
    for action in way:
        at = MOVES[at, Action(action)]
    assert at in (cases.State.PROPOSED, cases.State.ACCEPTED)

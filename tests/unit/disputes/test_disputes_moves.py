"""The life of a case: every move that the README's table has, and none that it has not."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disputes.domain import cases
from services.disputes.domain.cases import CONTESTED, MOVES, Action, Dispute, People, Resolution, State
from services.kernel.refusals import Conflict, Invalid
from tests.unit.disputes.builders import FRIDAY, LINES, MONDAY, POLICY, a_case, an_invoice, eur

README = Path(__file__).parents[3] / "services/disputes/README.md"


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_exactly_the_moves_in_the_table_succeed(state: State, action: Action) -> None:
    if (state, action) in MOVES:
        assert cases.move(a_case(state), action, at=FRIDAY, policy=POLICY).state is MOVES[(state, action)]
    else:
        with pytest.raises(Conflict) as refused:
            cases.move(a_case(state), action, at=FRIDAY, policy=POLICY)
        assert refused.value.code == "dispute.illegal_move"


def test_the_readme_shows_the_table_of_moves_as_it_is() -> None:
    shown = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_]+) \| ([A-Z_]+) \|$", README.read_text(), re.MULTILINE)

    assert {(State(f), Action(a)): State(t) for f, a, t in shown} == MOVES
    assert len(shown) == len(MOVES)


def test_every_state_but_the_ends_can_be_left_and_every_state_but_the_draft_is_reached() -> None:
    assert {state for state, _ in MOVES} == set(State) - {State.WITHDRAWN, State.DUPLICATE}
    assert set(MOVES.values()) == set(State) - {State.DRAFT}


@given(st.lists(st.sampled_from(Action), max_size=40))
def test_no_sequence_of_actions_leaves_the_table(actions: list[Action]) -> None:
    case = a_case(State.DRAFT)
    for action in actions:
        try:
            moved = cases.move(case, action, at=MONDAY, policy=POLICY)
        except Conflict:
            assert (case.state, action) not in MOVES
        else:
            assert moved.state is MOVES[(case.state, action)]
            assert moved.moves == case.moves + 1
            assert (moved.claim.minor > 0) == (moved.state in CONTESTED)
            case = moved


@pytest.mark.parametrize("action", [Action.REOPEN, Action.APPEAL])
def test_a_case_is_taken_up_again_within_thirty_days_of_its_end_and_not_later(action: Action) -> None:
    rejected = a_case(State.REJECTED)

    again = cases.move(rejected, action, at=MONDAY + timedelta(days=30), policy=POLICY)
    with pytest.raises(Conflict) as refused:
        cases.move(rejected, action, at=MONDAY + timedelta(days=31), policy=POLICY)

    assert again.answer_by == date(2026, 4, 8)  # 5 business days after Wednesday, 1 April
    assert refused.value.code == "dispute.too_late"


def test_closing_a_case_does_not_prolong_the_time_to_reopen_it() -> None:
    closed = cases.move(a_case(State.RESOLVED), Action.CLOSE, at=MONDAY + timedelta(days=29), policy=POLICY)

    with pytest.raises(Conflict, match="30 days"):
        cases.move(closed, Action.REOPEN, at=MONDAY + timedelta(days=31), policy=POLICY)


def test_after_a_credit_in_part_the_rest_is_reopened_as_an_amount() -> None:
    resolved = a_case(State.RESOLVED, resolution=Resolution.PARTIAL_CREDIT, credit=eur("10"))

    again = cases.move(resolved, Action.REOPEN, at=FRIDAY, policy=POLICY)

    assert (again.amount, again.lines, again.credit, again.resolution) == (eur("13.80"), (), None, None)
    assert again.claim == eur("13.80")


def test_what_was_credited_in_full_cannot_be_reopened() -> None:
    resolved = a_case(State.RESOLVED, resolution=Resolution.FULL_CREDIT, credit=eur("23.80"))

    with pytest.raises(Conflict) as refused:
        cases.move(resolved, Action.REOPEN, at=FRIDAY, policy=POLICY)

    assert refused.value.code == "dispute.nothing_left"


def test_what_was_rejected_counts_against_the_invoice_again_when_it_is_appealed() -> None:
    rejected = a_case(State.REJECTED)
    appealed = cases.move(rejected, Action.APPEAL, at=FRIDAY, policy=POLICY)

    assert cases.check_room(rejected, appealed, an_invoice(), LINES).disputed == eur("23.80")
    with pytest.raises(Conflict) as refused:
        cases.check_room(rejected, appealed, an_invoice(disputed=eur("199.90")), LINES)
    assert refused.value.code == "dispute.exceeds_invoice"


def test_the_clock_pauses_only_while_the_customer_is_asked() -> None:
    asked = cases.move(a_case(), Action.ASK_CUSTOMER, at=MONDAY, policy=POLICY)
    answered = cases.move(asked, Action.ANSWER, at=FRIDAY, policy=POLICY)
    looked_into = cases.move(a_case(), Action.ASK_INTERNAL, at=MONDAY, policy=POLICY)

    assert answered.answer_by == date(2026, 3, 13)  # four business days later than Monday the 9th
    assert answered.asked_at is None
    assert cases.move(looked_into, Action.ANSWER, at=FRIDAY, policy=POLICY).answer_by == date(2026, 3, 9)


def test_each_pause_names_what_is_missing_and_asks_for_it_once() -> None:
    with pytest.raises(Invalid) as unnamed:
        cases.check_question("  ", [])
    with pytest.raises(Conflict) as again:
        cases.check_question("Photo of the box ", ["delivery note", "photo of the BOX"])

    assert (unnamed.value.code, again.value.code) == ("dispute.missing_unnamed", "dispute.already_asked")
    cases.check_question("photo of the label", ["photo of the box"])


# Friday, 6 March 2026: the next business day is Monday the 9th, the fifth Friday the 13th.
@pytest.mark.parametrize(
    ("state", "day"),
    [
        (State.SUBMITTED, date(2026, 3, 6)),
        (State.ACKNOWLEDGED, date(2026, 3, 9)),
        (State.UNDER_REVIEW, date(2026, 3, 20)),
        (State.AWAITING_INTERNAL, date(2026, 3, 20)),
        (State.AWAITING_CUSTOMER, date(2026, 3, 13)),
        (State.PROPOSED, date(2026, 3, 13)),
        (State.ACCEPTED, date(2026, 3, 9)),
        (State.RESOLVING, date(2026, 3, 9)),
        (State.APPEALED, date(2026, 3, 9)),
        (State.REOPENED, date(2026, 3, 9)),
        (State.RESOLVED, None),
        (State.CLOSED, None),
        (State.REJECTED, date(2026, 4, 5)),
        (State.WITHDRAWN, None),
        (State.DUPLICATE, None),
    ],
)
def test_whoever_must_act_next_has_a_day(state: State, day: date | None) -> None:
    assert cases.next_by(a_case(state, answer_by=date(2026, 3, 20)), date(2026, 3, 6), POLICY) == day


def resolve(case: Dispute, resolution: Resolution) -> list[cases.Move]:
    credit, parts = cases.credit_for(case, resolution, (), None, LINES)
    return cases.resolve(case, resolution, credit, parts, at=FRIDAY, policy=POLICY)


def test_resolving_a_proposal_implies_its_acceptance() -> None:
    moves = resolve(a_case(State.PROPOSED), Resolution.FULL_CREDIT)

    assert [move.action for move in moves] == [Action.ACCEPT, Action.RESOLVE]
    assert moves[-1].after.state is State.RESOLVING
    assert moves[-1].after.claim == eur("23.80")  # until the credit note is there


def test_what_is_payable_is_resolved_at_once_and_contests_nothing() -> None:
    moves = resolve(a_case(State.ACCEPTED), Resolution.INVALID_PAYABLE)

    assert [move.action for move in moves] == [Action.RESOLVE, Action.COMPLETE]
    assert moves[-1].after.state is State.RESOLVED
    assert moves[-1].after.credit == eur("0")
    assert moves[-1].after.claim == eur("0")


@pytest.mark.parametrize("state", sorted(set(State) - {State.PROPOSED, State.ACCEPTED}))
def test_only_what_is_proposed_or_accepted_is_resolved(state: State) -> None:
    with pytest.raises(Conflict) as refused:
        resolve(a_case(state), Resolution.FULL_CREDIT)

    assert refused.value.code == "dispute.illegal_move"


@pytest.mark.parametrize(
    ("state", "people", "resolving", "code"),
    [
        (State.PROPOSED, People({"contact:ann"}, {"user:bo"}), {"user:cy"}, None),
        (State.PROPOSED, People({"contact:ann"}, {"user:bo"}), {"contact:ann"}, "dispute.own_case"),
        (State.PROPOSED, People({"contact:ann"}, {"user:bo"}), {"user:bo"}, "dispute.four_eyes"),
        (State.ACCEPTED, People({"contact:ann"}, {"user:bo"}, {"contact:ann"}), {"user:bo"}, None),
        (State.ACCEPTED, People({"contact:ann"}, {"user:bo"}, {"user:bo"}), {"user:bo"}, "dispute.four_eyes"),
        # Whoever stands in for somebody counts as both.
        (State.PROPOSED, People({"contact:ann"}, {"user:bo"}), {"user:cy", "user:bo"}, "dispute.four_eyes"),
        (State.PROPOSED, People({"contact:ann"}, {"user:bo", "user:di"}), {"user:di"}, "dispute.four_eyes"),
        (State.PROPOSED, People({"contact:ann", "user:cy"}, {"user:bo"}), {"user:cy"}, "dispute.own_case"),
        # What was accepted before the case went back and was proposed anew counts no more.
        (State.PROPOSED, People({"contact:ann"}, {"user:bo"}, {"contact:ann"}), {"user:bo"}, "dispute.four_eyes"),
    ],
)
def test_a_case_is_resolved_by_neither_who_opened_it_nor_alone_who_proposed_its_end(
    state: State, people: People, resolving: set[str], code: str | None
) -> None:
    def check(*, approved: bool = False) -> None:
        cases.check_resolver(people, resolving)
        cases.check_approved(alone=cases.is_alone(a_case(state), people, resolving), approved=approved)

    if code is None:
        check()
        return
    with pytest.raises(Conflict) as refused:
        check()
    assert refused.value.code == code
    if code == "dispute.four_eyes":
        check(approved=True)


def test_who_proposed_how_a_case_ends_does_not_accept_it() -> None:
    people = People({"contact:ann"}, {"user:bo"})

    cases.check_accepter(people, {"contact:ann"})
    with pytest.raises(Conflict) as refused:
        cases.check_accepter(people, {"user:cy", "user:bo"})
    assert refused.value.code == "dispute.four_eyes"


def test_the_credit_note_completes_the_case_and_is_remembered() -> None:
    resolving = resolve(a_case(State.ACCEPTED), Resolution.FULL_CREDIT)[-1].after

    done = cases.complete(resolving, "A-C-2026-000001", at=datetime(2026, 3, 9, tzinfo=UTC))

    assert (done.state, done.credit_note_number, done.claim) == (State.RESOLVED, "A-C-2026-000001", eur("0"))
    with pytest.raises(Conflict, match="RESOLVED"):
        cases.complete(done, "A-C-2026-000002", at=FRIDAY)

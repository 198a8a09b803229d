"""Applications move by their table, answers are promised in business hours, and nothing is asked twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.credit.domain import applications, facts, promises
from services.credit.domain.applications import MOVES, Action, Application, By, State
from services.credit.domain.facts import Fact, Known
from services.credit.domain.promises import Promise
from services.credit.domain.underwriting import Outcome, Track
from services.kernel.calendars import Calendar
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Forbidden, Invalid

FRIDAY = datetime(2026, 1, 9, 15, tzinfo=UTC)  # 16:00 in Berlin
BERLIN = Calendar("Europe/Berlin", frozenset({date(2026, 1, 12)}))
NOTHING = Money(0, "EUR")


def an_application(state: State = State.DRAFT, **changes: object) -> Application:
    one = Application("acme", "a1", "b1", "DE", "EUR", state, "contact:c1", FRIDAY)
    return replace(one, **changes)  # type: ignore[arg-type]


def a_fact(value: str = "Example GmbH", provenance: str = facts.APPLICANT, *, at: datetime = FRIDAY) -> Fact:
    return Fact("company_name", value, provenance, "contact:c1", at)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("by", By)
def test_an_application_moves_by_its_table_and_by_whose_move_it_is(state: State, action: Action, by: By):
    found = MOVES.get((state, action))
    if found is None:
        with pytest.raises(Conflict, match=state):
            applications.move(an_application(state), action, by)
    elif by not in found[1]:
        with pytest.raises(Forbidden):
            applications.move(an_application(state), action, by)
    else:
        assert applications.move(an_application(state), action, by).state is found[0]


def test_what_has_ended_moves_no_more():
    ended = {State.ACCEPTED, State.EXPIRED, State.WITHDRAWN}
    assert not {state for state, _ in MOVES} & ended
    assert set(applications.OPEN) | ended == set(State)


def test_the_engine_decides_again_on_its_own_word_alone():
    decided = an_application(State.DECIDED, decided_by="engine")

    assert applications.submit(decided, at=FRIDAY).state is State.SUBMITTED
    with pytest.raises(Conflict) as refused:
        applications.submit(replace(decided, decided_by="user:ada"), at=FRIDAY)
    assert refused.value.code == "application.decided_by_person"


def test_an_appeal_goes_to_another_person_also_than_whoever_stood_in():
    appealed = an_application(State.APPEALED, appealed_by="contact:c1", decided_by="user:ada for user:bob")
    decided = frozenset({"user:ada", "user:bob"})
    for people in ({"user:ada"}, {"user:bob"}, {"user:eve", "user:bob"}):
        with pytest.raises(Conflict) as refused:
            applications.take_up(appealed, "user:x", people, decided)
        assert refused.value.code == "application.another_person"

    taken = applications.take_up(appealed, "user:eve", {"user:eve"}, decided)

    assert (taken.state, taken.owner) == (State.IN_REVIEW, "user:eve")


def test_nobody_grants_what_they_asked_for_nor_confirms_what_they_prepared():
    with pytest.raises(Conflict, match="started"):
        applications.check_decider({"user:ada"}, {"user:ada"})
    for people in ({"user:ada"}, {"user:bob"}):
        with pytest.raises(Conflict, match="another person"):
            applications.check_confirmer({"user:ada"}, {"user:bob"}, people)
    applications.check_confirmer({"user:ada"}, {"user:bob"}, {"user:eve"})


@pytest.mark.parametrize(
    ("track", "limit", "most", "two"),
    [
        (Track.STANDARD, 100, 100, False),
        (Track.STANDARD, 101, 100, True),
        (Track.STANDARD, 100, None, True),
        (Track.STANDARD, 0, None, False),
        (Track.ENHANCED, 0, 100, True),
    ],
)
def test_two_persons_decide_on_the_enhanced_track_and_above_what_the_policy_allows(
    track: Track, limit: int, most: int | None, two: bool
):
    allowed = None if most is None else Money(most, "EUR")
    assert applications.needs_two(track, Money(limit, "EUR"), allowed) is two


@pytest.mark.parametrize(
    ("outcome", "limit", "deposit", "reasons", "code"),
    [
        (Outcome.APPROVED, 0, 0, [], "application.amount"),
        (Outcome.DECLINED, 1, 0, ["R01"], "application.amount"),
        (Outcome.DECLINED, 0, 0, [], "application.reasons"),
        (Outcome.APPROVED_LOWER, 5, 0, [], "application.reasons"),
        (Outcome.APPROVED_WITH_CONDITIONS, 5, 0, ["R01"], "application.amount"),
        (Outcome.APPROVED, 5, 5, [], "application.amount"),
        (Outcome.APPROVED, -5, 0, [], "application.amount"),
        (Outcome.REFERRED, 5, 0, ["R01"], "application.outcome"),
    ],
)
def test_a_person_decides_nothing_that_contradicts_itself(
    outcome: Outcome, limit: int, deposit: int, reasons: list[str], code: str
):
    with pytest.raises(Invalid) as refused:
        applications.check_decision(outcome, Money(limit, "EUR"), Money(deposit, "EUR"), reasons, "EUR")
    assert refused.value.code == code


def test_a_decision_is_in_the_currency_of_its_application():
    with pytest.raises(Invalid) as refused:
        applications.check_decision(Outcome.APPROVED, Money(5, "USD"), NOTHING, [], "EUR")
    assert refused.value.code == "application.currency"


def test_business_hours_pass_over_nights_weekends_and_holidays():
    # Friday 16:00 in Berlin and four hours: one is left, then Saturday, Sunday and a holiday, then until noon.
    assert BERLIN.after_hours(FRIDAY, timedelta(hours=4)) == datetime(2026, 1, 13, 11, tzinfo=UTC)
    assert BERLIN.after_hours(FRIDAY, timedelta(hours=1)) == datetime(2026, 1, 9, 16, tzinfo=UTC)
    night = datetime(2026, 1, 13, 2, tzinfo=UTC)
    assert BERLIN.after_hours(night, timedelta(hours=1)) == datetime(2026, 1, 13, 9, tzinfo=UTC)


def test_business_hours_between_two_instants_are_those_that_were_added():
    for hours in (0, 1, 5, 8, 9, 23, 40):
        end = BERLIN.after_hours(FRIDAY, timedelta(hours=hours))
        assert BERLIN.hours_between(FRIDAY, end) == timedelta(hours=hours)


def test_a_promise_is_put_off_by_the_hours_in_which_the_applicant_was_waited_for():
    promised = promises.promise(BERLIN, Track.STANDARD, at=FRIDAY)
    answered = datetime(2026, 1, 13, 10, tzinfo=UTC)  # one hour of Friday, two of Tuesday

    rested = promises.put_off(BERLIN, promised, FRIDAY, at=answered)

    assert rested == Promise(
        BERLIN.after_hours(promised.usually_by, timedelta(hours=3)),
        BERLIN.after_hours(promised.latest_by, timedelta(hours=3)),
    )
    assert rested.latest_by == datetime(2026, 1, 13, 14, tzinfo=UTC)


def test_a_clock_that_is_put_forward_takes_no_business_hour():
    summer = Calendar("Europe/Berlin")
    before = datetime(2026, 3, 27, 15, tzinfo=UTC)  # Friday 16:00; on Sunday clocks go forward
    assert summer.after_hours(before, timedelta(hours=2)) == datetime(2026, 3, 30, 8, tzinfo=UTC)


def test_a_register_beats_what_was_given_as_long_as_its_word_is_good():
    told = replace(a_fact("Example AG", "registry"), valid_until=FRIDAY + timedelta(days=1))
    known = Known(a_fact(), told)

    assert known.counts(FRIDAY) == told
    assert known.counts(FRIDAY + timedelta(days=1)) == a_fact()


def test_two_that_differ_are_a_choice_until_the_applicant_has_made_it():
    given, told = a_fact(), a_fact("Example AG", "registry", at=FRIDAY + timedelta(seconds=1))
    assert facts.needs_answer(Known(given, told), FRIDAY)

    chosen = a_fact(at=FRIDAY + timedelta(seconds=2))

    assert not facts.needs_answer(Known(chosen, told), FRIDAY)
    assert not facts.needs_answer(Known(a_fact(" example  AG"), told), FRIDAY)  # written otherwise is not another name


def test_what_is_valid_is_never_asked_and_what_is_old_or_forgotten_is():
    old = replace(a_fact(), valid_until=FRIDAY)
    assert facts.needs_answer(None, FRIDAY)
    assert facts.needs_answer(Known(old), FRIDAY)
    assert facts.needs_answer(Known(a_fact("")), FRIDAY)
    assert not facts.needs_answer(Known(a_fact()), FRIDAY)


def test_of_each_datum_the_newest_of_people_and_the_newest_of_a_source_stand():
    later = a_fact("B", at=FRIDAY + timedelta(days=1))
    told = a_fact("C", "registry")

    assert facts.known([later, a_fact("A"), told]) == {"company_name": Known(later, told)}

"""Which track a case is on and why, and by when it is answered: over weekends, holidays and closing hours."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.days_off import days_off
from services.disputes.domain import cases, reasons, tracks
from services.disputes.domain.cases import Action, State
from services.disputes.domain.deadlines import Owners, Policy
from services.disputes.domain.tracks import Track, Why
from services.kernel.calendars import Calendar
from services.kernel.money import Money
from services.kernel.refusals import Invalid
from tests.unit.disputes.builders import FRIDAY, LINES, MONDAY, POLICY, a_case, a_wish, an_invoice, eur

BERLIN = replace(POLICY, calendar=Calendar("Europe/Berlin", days_off("DE"), time(8), time(16)))


@pytest.mark.parametrize(
    ("reason", "amount", "course"),
    [
        ("QTY_SHORT", "500.00", (Track.FAST, Why.PROVEN)),
        ("QTY_SHORT", "500.01", (Track.STANDARD, Why.PERSON)),
        ("DLV_NONE", "1.00", (Track.STANDARD, Why.PERSON)),
        ("OTH", "1.00", (Track.STANDARD, Why.PERSON)),
        ("QLT_DAMAGE", "1.00", (Track.ENHANCED, Why.INSPECTION)),
        ("INV_LEGAL", "1.00", (Track.ENHANCED, Why.LEGAL)),
        ("UNK_TXN", "1.00", (Track.ENHANCED, Why.LEGAL)),
        ("PRC_UNIT", "25000.00", (Track.STANDARD, Why.PERSON)),
        ("PRC_UNIT", "25000.01", (Track.ENHANCED, Why.LARGE)),
        ("CTR_SETOFF", "25000.01", (Track.ENHANCED, Why.LEGAL)),
    ],
)
def test_the_most_careful_of_what_applies_is_the_track(reason: str, amount: str, course: tracks.Course):
    assert POLICY.course(reason, eur(amount)) == course


def test_bounds_are_units_of_whichever_currency():
    assert POLICY.course("PRC_UNIT", Money(25_000, "JPY"))[0] is Track.STANDARD
    assert POLICY.course("PRC_UNIT", Money(25_001, "JPY"))[0] is Track.ENHANCED
    assert POLICY.course("PRC_UNIT", Money(500_000, "BHD"))[0] is Track.FAST
    assert POLICY.course("PRC_UNIT", Money(500_010, "BHD"))[0] is Track.STANDARD


@pytest.mark.parametrize("reason", sorted(reasons.REASONS))
def test_more_is_never_on_a_quicker_track(reason: str):
    ranks = [list(Track).index(POLICY.course(reason, eur(amount))[0]) for amount in ("1", "600", "30000")]
    assert ranks == sorted(ranks)


def test_a_case_is_promised_by_its_track_and_told_why():
    def opened(reason: str) -> cases.Dispute:
        wish = a_wish(("1", "2"), reason_code=reason)
        return cases.draft(wish, an_invoice(), LINES, dispute_id="d", by="contact:ann", at=MONDAY, policy=POLICY)

    fast, standard, enhanced = map(opened, ("QTY_SHORT", "DLV_NONE", "QLT_SPEC"))

    assert (fast.answer_at, fast.answer_by) == (MONDAY + timedelta(hours=4), date(2026, 3, 2))
    assert (standard.answer_at, standard.answer_by) == (datetime(2026, 3, 9, 17, tzinfo=UTC), date(2026, 3, 9))
    assert (enhanced.answer_by, enhanced.track_reason) == (date(2026, 3, 30), "inspection")
    assert fast.recode_by is None
    assert opened("OTH").recode_by == datetime(2026, 3, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "answer_at"),
    [
        # Friday 15:00 in Berlin, which closes at four: an hour on Friday, three on Monday.
        (datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 9, 10, tzinfo=UTC)),
        # On Saturday: four hours from Monday eight o'clock.
        (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 9, 11, tzinfo=UTC)),
        # Before it opens.
        (datetime(2026, 3, 6, 3, tzinfo=UTC), datetime(2026, 3, 6, 11, tzinfo=UTC)),
        # Thursday before Good Friday at half past three: half an hour, then Tuesday after Easter Monday, in summer time.
        (datetime(2026, 4, 2, 13, 30, tzinfo=UTC), datetime(2026, 4, 7, 9, 30, tzinfo=UTC)),
    ],
)
def test_business_hours_pass_while_the_seller_is_open(at: datetime, answer_at: datetime):
    assert BERLIN.promise(Track.FAST, at).at == answer_at


def test_a_day_is_promised_until_the_seller_closes_where_it_is():
    promised = BERLIN.promise(Track.STANDARD, datetime(2026, 4, 2, 10, tzinfo=UTC))

    assert (promised.by, promised.at) == (date(2026, 4, 13), datetime(2026, 4, 13, 14, tzinfo=UTC))


def test_an_hour_is_put_off_by_the_hours_in_which_the_customer_was_waited_for():
    fast = cases.promised_anew(a_case(track=Track.FAST), POLICY.promise(Track.FAST, MONDAY), MONDAY, POLICY)
    asked = cases.move(fast, Action.ASK_CUSTOMER, at=MONDAY + timedelta(hours=1), policy=POLICY)

    answered = cases.move(asked, Action.ANSWER, at=FRIDAY, policy=POLICY)

    # Three hours were left on Monday at eleven, and are on Friday at ten.
    assert answered.answer_at == FRIDAY + timedelta(hours=3)


def test_a_promise_is_at_risk_in_its_last_fifth_and_of_days_at_least_a_day_before():
    fast = POLICY.at_risk_at(POLICY.promise(Track.FAST, MONDAY), MONDAY)
    standard = POLICY.at_risk_at(POLICY.promise(Track.STANDARD, MONDAY), MONDAY)
    two_days = replace(POLICY, answer_days=3)

    assert fast == MONDAY + timedelta(hours=3, minutes=12)
    assert standard == datetime(2026, 3, 6, 15, 36, tzinfo=UTC)  # 9.4 of 47 hours before Monday's close
    assert two_days.at_risk_at(two_days.promise(Track.STANDARD, MONDAY), MONDAY) == datetime(2026, 3, 4, 17, tzinfo=UTC)


@given(st.sampled_from(Track), st.integers(0, 14 * 24 * 60))
def test_risk_lies_between_the_beginning_and_the_promise(track: Track, minutes: int):
    at = MONDAY + timedelta(minutes=minutes)
    promised = BERLIN.promise(track, at)

    assert at <= BERLIN.at_risk_at(promised, at) <= promised.at
    assert at <= BERLIN.usually_at(at, promised.at) <= promised.at
    assert BERLIN.day(promised.at) == promised.by


def test_what_machines_had_their_say_on_goes_to_a_person_when_it_is_taken_up_again():
    rejected = a_case(State.REJECTED, track=Track.FAST, track_reason=Why.PROVEN, late_level=2)

    appealed = cases.move(rejected, Action.APPEAL, at=FRIDAY, policy=POLICY)

    assert (appealed.track, appealed.track_reason, appealed.late_level) == (Track.STANDARD, "appealed", 0)
    assert appealed.answer_by == date(2026, 3, 13)


def test_a_new_case_is_whose_its_reasons_desk_is():
    policy = replace(POLICY, desks={"Logistics": Owners("user:lo", "user:li")})

    def whose(reason: str) -> tuple[str, str]:
        wish = a_wish(("1", "2"), reason_code=reason)
        draft = cases.draft(wish, an_invoice(), LINES, dispute_id="d", by="contact:ann", at=MONDAY, policy=policy)
        return draft.owner, draft.stand_in

    assert (whose("QTY_SHORT"), whose("PRC_UNIT")) == (("user:lo", "user:li"), ("", ""))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fast_hours": 0}, "policy.out_of_range"),
        ({"enhanced_days": 366}, "policy.out_of_range"),
        ({"desks": {"Nowhere": Owners("user:lo")}}, "policy.unknown_desk"),
        ({"desks": {"Tax": Owners("contact:ann")}}, "dispute.owner_malformed"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(changes: dict[str, object], code: str):
    with pytest.raises(Invalid) as refused:
        replace(Policy(), **changes).check()  # type: ignore[arg-type] # of whichever field
    assert refused.value.code == code

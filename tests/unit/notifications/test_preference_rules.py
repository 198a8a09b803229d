"""When somebody hears of what asks nothing of them: by their own clock, over the change of clocks and the date line."""

from datetime import UTC, datetime, time

import pytest

from services.kernel.calendars import Calendar
from services.kernel.refusals import Invalid
from services.notifications.domain.matrix import Weight
from services.notifications.domain.preferences import USUAL, Pace, Preferences, Quiet, Topic, preferences
from services.notifications.domain.roles import Role
from services.notifications.domain.routing import Recipient, due_at, paced, posted
from services.notifications.domain.stories import Moment
from tests.unit.notifications.samples import a_person

NIGHT = Quiet(time(20), time(7))
NOON = Quiet(time(12), time(14))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def moment(text: str, zone: str = "Europe/Berlin") -> Moment:
    return Moment(at(text), Calendar(zone), time(17))


@pytest.mark.parametrize(
    ("zone", "now", "goes"),
    [
        ("", "2026-03-02T10:00+01:00", "2026-03-02T17:00+01:00"),
        ("America/New_York", "2026-03-02T10:00+01:00", "2026-03-02T17:00-05:00"),
        # In Berlin it is Friday evening already; in New York the day's digest is to come.
        ("America/New_York", "2026-03-06T18:00+01:00", "2026-03-06T17:00-05:00"),
        # Europe changes its clocks on 29 March, New York did on 8 March.
        ("America/New_York", "2026-03-27T23:00+01:00", "2026-03-30T17:00-04:00"),
        ("", "2026-03-27T18:00+01:00", "2026-03-30T17:00+02:00"),
        # Beyond the date line it is Saturday: Monday's digest is the next.
        ("Pacific/Auckland", "2026-03-06T12:00+01:00", "2026-03-09T17:00+13:00"),
        ("Pacific/Pago_Pago", "2026-03-07T04:00+01:00", "2026-03-06T17:00-11:00"),
    ],
)
def test_the_digest_comes_at_the_policys_hour_where_its_reader_is(zone: str, now: str, goes: str):
    assert Preferences(zone).digest_at(moment(now)) == at(goes)


@pytest.mark.parametrize(
    ("quiet", "zone", "wanted", "comes"),
    [
        (NIGHT, "", "2026-03-02T19:59+01:00", "2026-03-02T19:59+01:00"),
        (NIGHT, "", "2026-03-02T20:00+01:00", "2026-03-03T07:00+01:00"),
        (NIGHT, "", "2026-03-03T06:59+01:00", "2026-03-03T07:00+01:00"),
        (NIGHT, "", "2026-03-03T07:00+01:00", "2026-03-03T07:00+01:00"),
        (NIGHT, "Asia/Tokyo", "2026-03-02T12:30+01:00", "2026-03-03T07:00+09:00"),
        (NIGHT, "", "2026-03-28T21:00+01:00", "2026-03-29T07:00+02:00"),  # a night of an hour less
        (NOON, "", "2026-03-02T13:00+01:00", "2026-03-02T14:00+01:00"),
        (NOON, "", "2026-03-02T20:00+01:00", "2026-03-02T20:00+01:00"),
        (None, "", "2026-03-02T23:00+01:00", "2026-03-02T23:00+01:00"),
    ],
)
def test_what_can_wait_comes_when_the_quiet_hours_are_over(quiet: Quiet | None, zone: str, wanted: str, comes: str):
    assert Preferences(zone, quiet).when_not_quiet(at(wanted), moment(wanted)) == at(comes)


def test_a_digest_that_would_come_in_quiet_hours_comes_after_them():
    early = Preferences(quiet=Quiet(time(16), time(9)))

    assert early.digest_at(moment("2026-03-02T10:00+01:00")) == at("2026-03-03T09:00+01:00")


def heard(weight: Weight, chosen: Preferences, now: str = "2026-03-02T10:00+01:00") -> Recipient:
    cleo = a_person("cleo", Role.AP_CLERK, preferences=chosen)
    return paced(Recipient(cleo, weight, Role.AP_CLERK), "order/o1", moment(now))


@pytest.mark.parametrize("pace", list(Pace))
def test_what_is_asked_of_somebody_comes_at_once_whatever_they_chose(pace: Pace):
    chosen = Preferences(quiet=Quiet(time(0), time(23, 59)), paces=dict.fromkeys(Topic, pace))

    assert heard(Weight.ACT, chosen).at_once


def test_news_comes_at_once_to_who_wants_it_so_unless_it_is_quiet_there():
    eager = Preferences(quiet=NIGHT, paces={Topic.ORDERS: Pace.AT_ONCE})

    assert heard(Weight.INFORM, eager).at_once
    assert not heard(Weight.INFORM, Preferences(paces={Topic.DISPUTES: Pace.AT_ONCE})).at_once
    assert not heard(Weight.DIGEST, eager).at_once  # for completeness, with the rest
    late = heard(Weight.INFORM, eager, "2026-03-02T21:00+01:00")
    assert not late.at_once
    assert due_at(late, "order/o1", moment("2026-03-02T21:00+01:00")) == at("2026-03-03T07:00+01:00")


def test_one_who_wants_it_at_once_has_it_for_all_at_that_address():
    eager = heard(Weight.INFORM, Preferences(paces={Topic.ORDERS: Pace.AT_ONCE}))
    other = Recipient(a_person("clio", Role.REQUESTER, email="cleo@acme.example"), Weight.INFORM, Role.REQUESTER)

    assert [(post.at_once, post.carrier) for post in posted([eager, other])] == [(True, None), (True, "cleo")]


@pytest.mark.parametrize("about", ["order/o", "invoice/i", "payment/p", "dispute/d", "review/r", "buyer/b"])
def test_every_class_can_be_lowered_and_what_is_of_none_cannot(about: str):
    nothing = Preferences(paces=dict.fromkeys(Topic, Pace.NOTHING))

    assert nothing.pace(about) is Pace.NOTHING
    assert nothing.pace("contact/c1") is USUAL.pace(about) is Pace.DIGEST


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"time_zone": "Mars/Olympus"}, "contact.time_zone_unknown"),
        ({"paces": {"GOSSIP": "NOTHING"}}, "contact.pace_unknown"),
        ({"paces": {"ORDERS": "SOMETIMES"}}, "contact.pace_unknown"),
    ],
)
def test_what_nobody_can_choose_is_refused(said: dict[str, object], code: str):
    given: dict[str, object] = {"time_zone": "", "quiet": None, "paces": {}} | said
    with pytest.raises(Invalid) as refused:
        preferences(**given)  # type: ignore[arg-type] # as a form may say it
    assert refused.value.code == code


def test_quiet_hours_that_are_all_day_are_none():
    with pytest.raises(Invalid, match="another time"):
        Quiet(time(8), time(8))


def test_the_usual_is_not_kept():
    assert preferences("", None, {"ORDERS": "DIGEST"}) == USUAL

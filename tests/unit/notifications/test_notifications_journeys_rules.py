"""How far things are: what each event means, what is promised, and when a promise is at risk."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from receivables.credit.v1 import applications_pb2 as applications
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes
from receivables.ledger.v1 import events_pb2 as ledger

from services.chassis.envelope import Event
from services.notifications.domain.journeys import BUYER, ENDS, STAGES, Journey, State
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import Moment
from services.notifications.news import FOLLOWED, news_of
from services.notifications.settings import Settings
from services.notifications.stream import handlers
from services.notifications.texts.catalogue import catalogue
from tests.unit.notifications.samples import (
    FIVE,
    MONDAY_10,
    NOW,
    TENANT,
    ZONE,
    application_decided,
    application_moved,
    cancelled,
    credit_note,
    decided,
    dispute_moved,
    dispute_opened,
    dispute_resolved,
    invoice,
    payment,
    placed,
    reduced,
    shipped,
    unapplied,
)


def at(days: int = 0, hour: int = 10) -> Moment:
    """So many days after Monday, 2 March 2026, in Berlin."""
    return Moment(MONDAY_10 + timedelta(days=days, hours=hour - 10), ZONE, FIVE)


def travelled(*events: Event[Any], about: str = "order/o1", now: Moment = NOW) -> Journey:
    """How far something is after these."""
    journey = Journey(TENANT, about, "acme", now.at)
    for event in events:
        for news in news_of(event):
            if news.about == about:
                journey = journey.hear(news, now)
    return journey


def shown(journey: Journey) -> list[tuple[str, str]]:
    return [(step.stage.code, step.state) for step in journey.steps()]


def promises(journey: Journey) -> dict[str, str]:
    return {step.stage.code: str(step.leg.promised) for step in journey.steps() if step.leg.promised}


@pytest.mark.parametrize(
    ("events", "steps"),
    [
        ([placed()], "PLACED:DONE DECIDED:NOW SHIPPED:NEXT INVOICED:NEXT"),
        ([placed(), decided(credit.OUTCOME_REFERRED)], "PLACED:DONE DECIDED:NOW SHIPPED:NEXT INVOICED:NEXT"),
        ([placed(), decided()], "PLACED:DONE DECIDED:DONE SHIPPED:NOW INVOICED:NEXT"),
        ([decided(), placed()], "PLACED:DONE DECIDED:DONE SHIPPED:NOW INVOICED:NEXT"),
        ([placed(), decided(), shipped()], "PLACED:DONE DECIDED:DONE SHIPPED:NOW INVOICED:NEXT"),
        ([placed(), decided(), shipped(final=True)], "PLACED:DONE DECIDED:DONE SHIPPED:DONE INVOICED:NOW"),
        (
            [placed(), decided(), shipped(final=True), invoice(final=True)],
            "PLACED:DONE DECIDED:DONE SHIPPED:DONE INVOICED:DONE",
        ),
        ([placed(), decided(credit.OUTCOME_DECLINED)], "PLACED:DONE DECIDED:DONE DECLINED:DONE"),
        (
            [placed(), decided(credit.OUTCOME_DECLINED), decided()],
            "PLACED:DONE DECIDED:DONE SHIPPED:NOW INVOICED:NEXT",
        ),
        ([placed(), cancelled(), decided()], "PLACED:DONE DECIDED:DONE CANCELLED:DONE"),
        (
            [placed(), decided(), placed(version=2), decided(), cancelled()],
            "PLACED:DONE DECIDED:NOW SHIPPED:NEXT INVOICED:NEXT",
        ),
    ],
)
def test_an_order_is_as_far_as_its_events_say_in_whatever_order_they_come(events: Sequence[Event[Any]], steps: str):
    journey = travelled(*events)

    assert " ".join(f"{code}:{state}" for code, state in shown(journey)) == steps
    assert (journey.state(NOW) is State.DONE) == ("NOW" not in steps)


@pytest.mark.parametrize(
    ("events", "steps"),
    [
        ([invoice()], "INVOICED:DONE PAID:NOW"),
        ([invoice(), reduced(100)], "INVOICED:DONE PAID:NOW"),
        ([invoice(), reduced()], "INVOICED:DONE PAID:DONE"),
        ([reduced(), invoice()], "INVOICED:DONE PAID:DONE"),
        ([invoice(), reduced(), unapplied()], "INVOICED:DONE PAID:NOW"),
        ([invoice(), reduced(by=ledger.REDUCTION_CREDITED)], "INVOICED:DONE CREDITED:DONE"),
        ([invoice(), reduced(by=ledger.REDUCTION_WRITTEN_OFF)], "INVOICED:DONE WRITTEN_OFF:DONE"),
    ],
)
def test_an_invoice_is_done_when_nothing_of_it_is_open(events: Sequence[Event[Any]], steps: str):
    journey = travelled(*events, about="invoice/i1")

    assert " ".join(f"{code}:{state}" for code, state in shown(journey)) == steps
    assert promises(journey).get("PAID", "2026-04-01") == "2026-04-01"


@pytest.mark.parametrize(
    ("events", "steps"),
    [
        ([], "OPENED:DONE ANSWERED:NOW"),
        ([dispute_moved(disputes.STATE_AWAITING_CUSTOMER)], "OPENED:DONE ASKED:NOW ANSWERED:NEXT"),
        (
            [dispute_moved(disputes.STATE_AWAITING_CUSTOMER), dispute_moved(disputes.STATE_UNDER_REVIEW)],
            "OPENED:DONE ASKED:DONE ANSWERED:NOW",
        ),
        ([dispute_moved(disputes.STATE_PROPOSED)], "OPENED:DONE ANSWERED:DONE"),
        ([dispute_resolved()], "OPENED:DONE ANSWERED:DONE CREDITED:NOW"),
        ([dispute_resolved(), credit_note()], "OPENED:DONE ANSWERED:DONE CREDITED:DONE"),
        ([credit_note(), dispute_resolved()], "OPENED:DONE ANSWERED:DONE CREDITED:DONE"),
        ([dispute_resolved(), dispute_moved(disputes.STATE_RESOLVED)], "OPENED:DONE ANSWERED:DONE CREDITED:DONE"),
        ([dispute_resolved(disputes.RESOLUTION_INVALID_PAYABLE, 0)], "OPENED:DONE ANSWERED:DONE PAYABLE:DONE"),
        ([dispute_resolved(disputes.RESOLUTION_WRITE_OFF, 0)], "OPENED:DONE ANSWERED:DONE WRITTEN_OFF:DONE"),
        ([dispute_resolved(disputes.RESOLUTION_REPLACEMENT, 0)], "OPENED:DONE ANSWERED:DONE"),
        ([dispute_resolved(disputes.RESOLUTION_REBILL, 11900)], "OPENED:DONE ANSWERED:DONE CREDITED:NOW"),
        ([dispute_moved(disputes.STATE_REJECTED)], "OPENED:DONE ANSWERED:DONE REJECTED:DONE"),
        (
            [dispute_moved(disputes.STATE_REJECTED), dispute_moved(disputes.STATE_APPEALED)],
            "OPENED:DONE ANSWERED:NOW",
        ),
        ([dispute_moved(disputes.STATE_WITHDRAWN)], "OPENED:DONE WITHDRAWN:DONE"),
    ],
)
def test_a_case_is_as_far_as_its_moves_say(events: Sequence[Event[Any]], steps: str):
    journey = travelled(dispute_opened(), *events, about="dispute/d1")

    assert " ".join(f"{code}:{state}" for code, state in shown(journey)) == steps


def test_a_payment_is_there():
    assert shown(travelled(payment(), about="payment/p1")) == [("RECEIVED", "DONE")]


def applied(*states: str, told: Event[Any] | None = None, now: Moment = NOW) -> Journey:
    """An application that went through these states; promised where it is at a person."""
    events = [
        application_moved(
            applications.ApplicationState.Value(f"APPLICATION_STATE_{state}"),
            promised=state not in ("DRAFT", "SUBMITTED", "DECIDED", "ACCEPTED", "EXPIRED", "WITHDRAWN"),
        )
        for state in states
    ]
    return travelled(*events, *([told] if told else []), about="application/a1", now=now)


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ("DRAFT", "APPLIED:NOW ANSWERED:NEXT AGREED:NEXT"),
        ("DRAFT SUBMITTED DECIDED", "APPLIED:DONE ANSWERED:DONE AGREED:NOW"),
        ("DRAFT SUBMITTED DECIDED ACCEPTED", "APPLIED:DONE ANSWERED:DONE AGREED:DONE"),
        ("SUBMITTED REFERRED", "APPLIED:DONE LOOKED_AT:NOW ANSWERED:NEXT AGREED:NEXT"),
        ("SUBMITTED REFERRED IN_REVIEW", "APPLIED:DONE LOOKED_AT:DONE ANSWERED:NOW AGREED:NEXT"),
        (
            "SUBMITTED REFERRED IN_REVIEW WAITING_FOR_FACTS",
            "APPLIED:DONE LOOKED_AT:DONE ASKED:NOW ANSWERED:NEXT AGREED:NEXT",
        ),
        (
            "SUBMITTED REFERRED IN_REVIEW WAITING_FOR_FACTS IN_REVIEW PROPOSED",
            "APPLIED:DONE LOOKED_AT:DONE ASKED:DONE PROPOSED:DONE ANSWERED:NOW AGREED:NEXT",
        ),
        (
            "SUBMITTED REFERRED IN_REVIEW PROPOSED IN_REVIEW",
            "APPLIED:DONE LOOKED_AT:DONE ANSWERED:NOW AGREED:NEXT",
        ),
        ("SUBMITTED DECIDED APPEALED", "APPLIED:DONE LOOKED_AT:NOW ANSWERED:NEXT AGREED:NEXT"),
        ("SUBMITTED DECIDED SUBMITTED", "APPLIED:DONE ANSWERED:NOW AGREED:NEXT"),
        ("SUBMITTED DECIDED EXPIRED", "APPLIED:DONE ANSWERED:DONE EXPIRED:DONE"),
        ("SUBMITTED REFERRED WITHDRAWN", "APPLIED:DONE WITHDRAWN:DONE"),
    ],
)
def test_an_application_is_as_far_as_its_moves_say(states: str, steps: str):
    assert " ".join(f"{code}:{state}" for code, state in shown(applied(*states.split()))) == steps


def test_an_application_that_is_declined_has_ended_until_it_is_appealed():
    declined = application_decided(applications.APPLICATION_OUTCOME_DECLINED)
    journey = applied("SUBMITTED", "DECIDED", told=declined)
    assert shown(journey)[-1] == ("DECLINED", "DONE")

    [appealed] = news_of(application_moved(applications.APPLICATION_STATE_APPEALED))
    assert ("ANSWERED", "NEXT") in shown(journey.hear(appealed, NOW))


def test_an_application_that_is_granted_is_accepted_by_a_day():
    assert promises(applied("SUBMITTED", "DECIDED", told=application_decided()))["AGREED"] == "2026-04-02"


@pytest.mark.parametrize(
    ("now", "state"),
    [(at(2, 11), State.ON_TRACK), (at(2, 12), State.AT_RISK), (at(2, 14), State.AT_RISK), (at(2, 15), State.LATE)],
)
def test_an_answer_that_is_promised_by_an_hour_is_at_risk_once_it_is_later_than_usual(now: Moment, state: State):
    assert applied("SUBMITTED", "REFERRED").state(now) is state  # usually by 12:00 in Berlin, at the latest by 14:00


def test_whoever_decides_is_warned_before_the_promised_hour_and_once():
    journey = applied("SUBMITTED", "REFERRED", "IN_REVIEW")

    assert journey.warn_at(ZONE) == datetime(2026, 3, 4, 11, tzinfo=UTC)
    assert journey.at_risk(at(2, 11)) == []
    assert [step.stage.code for step in journey.at_risk(at(2, 12))] == ["ANSWERED"]
    # The same promise, heard again by the next move, warns nobody again.
    [again] = news_of(application_moved(applications.APPLICATION_STATE_PROPOSED))
    assert journey.warned("ANSWERED").hear(again, at(2, 13)).warn_at(ZONE) is None


def test_while_the_applicant_owes_an_answer_nothing_is_promised_of_the_decision():
    journey = applied("SUBMITTED", "REFERRED", "IN_REVIEW", "WAITING_FOR_FACTS")

    assert promises(journey) == {"ASKED": "2026-03-09"}
    assert journey.warn_at(ZONE) is None


def test_the_same_event_again_changes_nothing():
    events = [placed(), decided(), shipped(final=True)]

    assert travelled(*events, *events) == travelled(*events)


def test_days_are_those_that_were_promised_else_the_tables():
    assert promises(travelled(placed())) == {"DECIDED": "2026-03-03", "SHIPPED": "2026-03-06"}
    assert promises(travelled(placed(promised=""), decided())) == {"DECIDED": "2026-03-03", "SHIPPED": "2026-03-09"}
    assert promises(travelled(placed(promised="soon"))) == {"DECIDED": "2026-03-03"}
    assert promises(travelled(dispute_opened(), about="dispute/d1")) == {"ANSWERED": "2026-03-09"}


def test_a_promise_that_changes_keeps_what_was_promised_before():
    journey = travelled(placed(), decided(), placed(promised="2026-03-11", version=2))

    leg = journey.legs["SHIPPED"]
    assert (leg.promised, leg.before) == (date(2026, 3, 11), date(2026, 3, 6))
    # What our own table said is nobody's promise.
    by_table = travelled(placed(promised=""), decided(), placed(promised="2026-03-11"))
    assert by_table.legs["SHIPPED"].before is None
    # The newest but one.
    again = travelled(placed(), placed(promised="2026-03-11", version=2), placed(promised="2026-03-12", version=3))
    assert again.legs["SHIPPED"].before == date(2026, 3, 11)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (at(0), State.ON_TRACK),
        (at(2), State.ON_TRACK),
        (at(3), State.AT_RISK),  # Thursday, of what is promised for Friday
        (at(4, 23), State.AT_RISK),
        (at(5), State.LATE),
    ],
)
def test_what_is_promised_is_at_risk_before_it_is_late(now: Moment, state: State):
    assert travelled(placed(), decided()).state(now) is state


def test_who_has_it_is_warned_before_the_miss_and_once():
    journey = travelled(placed(), decided())

    assert journey.warn_at(ZONE) == datetime(2026, 3, 5, 7, tzinfo=UTC)
    assert journey.at_risk(at(3, 7)) == []
    [step] = journey.at_risk(at(3, 8))
    assert (step.stage.code, step.stage.owner) == ("SHIPPED", "LOGISTICS")
    warned = journey.warned("SHIPPED")
    assert warned.at_risk(at(4)) == []
    assert warned.warn_at(ZONE) is None
    # Another day is another promise.
    [moved] = [news for news in news_of(placed(promised="2026-03-20", version=2)) if news.about == "order/o1"]
    assert warned.hear(moved, NOW).warn_at(ZONE) is not None


def test_what_was_promised_at_the_last_moment_warns_on_its_day_and_what_is_past_not_at_all():
    assert travelled(placed(promised="2026-03-03"), decided()).warn_at(ZONE) == datetime(2026, 3, 3, 7, tzinfo=UTC)
    for late in ("2026-03-02", "2026-02-27"):
        assert travelled(placed(promised=late), decided()).warn_at(ZONE) is None
    friday = travelled(placed(promised="2026-03-09"), decided(), now=at(4))
    assert friday.warn_at(ZONE) == datetime(2026, 3, 9, 7, tzinfo=UTC)  # Monday: there is no business day between


def test_a_buyers_step_warns_nobody_and_is_late_all_the_same():
    journey = travelled(invoice(), about="invoice/i1")

    assert journey.warn_at(ZONE) is None
    assert journey.state(replace(at(0), at=datetime(2026, 4, 2, 9, tzinfo=UTC))) is State.LATE


def test_what_ended_warns_nobody():
    assert travelled(placed(), decided(), cancelled()).warn_at(ZONE) is None


def test_every_role_that_has_a_step_with_a_day_is_warned_and_every_step_has_its_words():
    stages = [stage for stages in STAGES.values() for stage in stages if stage.owner != BUYER]
    kinds = (Kind.JOURNEY_AT_RISK, Kind.APPLICATION_AT_RISK)
    warned = {role for kind in kinds for role, weight in MATRIX[kind].weights.items() if weight is Weight.ACT}

    assert {Role(stage.owner) for stage in stages} == warned
    for language in ("en", "de", "fr", "sv"):
        words = catalogue(language)._entries["steps"]
        assert {stage.code for stage in stages if stage.days} == set(words)
    assert not ENDS & {stage.code for stage in stages} - {"CREDITED"}


def test_what_takes_a_journey_on_is_followed():
    assert set(handlers(Settings.model_construct(reply_domain="reply.example"))) >= FOLLOWED


def usual(journey: Journey, now: Moment = NOW) -> dict[str, str]:
    return {step.stage.code: str(step.usually) for step in journey.expected(now) if step.usually}


def test_what_usually_is_done_before_it_must_be_is_said_step_by_step():
    order = travelled(placed(promised_ship_on=""), now=NOW)

    assert promises(order) == {"DECIDED": "2026-03-03"}
    assert usual(order) == {"DECIDED": "2026-03-02", "SHIPPED": "2026-03-05", "INVOICED": "2026-03-06"}
    # Once that day is over, what comes next is counted from today.
    assert usual(order, at(2)) == {"SHIPPED": "2026-03-09", "INVOICED": "2026-03-10"}


def test_what_was_promised_for_a_later_day_than_usual_is_not_done_sooner():
    order = travelled(placed(promised_ship_on="2026-04-01"), decided())

    assert usual(order) == {"INVOICED": "2026-04-02"}


def test_nothing_is_usual_of_what_is_over_or_has_no_level_of_service():
    assert usual(travelled(placed(), cancelled())) == {}
    assert usual(travelled(invoice(), about="invoice/i1")) == {}


def test_a_case_usually_is_answered_before_its_day():
    case = travelled(dispute_opened(), about="dispute/d1")

    assert promises(case) == {"ANSWERED": "2026-03-09"}
    assert usual(case) == {"ANSWERED": "2026-03-05"}


def test_a_day_that_was_promised_sooner_than_usual_is_said_alone():
    assert "SHIPPED" not in usual(travelled(placed(promised="2026-03-04"), decided()))


def test_no_step_usually_takes_longer_than_its_level_of_service():
    stages = [stage for stages in STAGES.values() for stage in stages]

    assert [stage.code for stage in stages if stage.days and stage.usually >= stage.days] == []

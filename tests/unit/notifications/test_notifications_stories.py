"""What the other services announce, as people hear of it."""

from datetime import UTC, date, datetime

import pytest
from receivables.common.v1.party_pb2 import Scope as ScopeMessage
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes

from services.kernel.refusals import Invalid
from services.notifications import remembered, wire
from services.notifications.domain.matrix import Kind
from services.notifications.domain.stories import Moment, Story
from tests.unit.notifications.samples import (
    FIVE,
    MONDAY_10,
    ZONE,
    announced,
    decided,
    dispute_moved,
    every_story,
    expired,
    invoice,
    order_refused,
    payment,
    released,
    shipment_refused,
    shipped,
    story_of,
)


def the(story: Story | None) -> Story:
    assert story is not None
    return story


@pytest.mark.parametrize("cause", [credit.RELEASE_CAUSE_COMPLETED, credit.RELEASE_CAUSE_REPLACED])
def test_a_hold_that_is_completed_or_replaced_is_nobodys_news(cause: credit.ReleaseCause.ValueType):
    assert story_of(released(cause)) is None


@pytest.mark.parametrize(
    "state",
    [
        disputes.STATE_ACKNOWLEDGED,
        disputes.STATE_UNDER_REVIEW,
        disputes.STATE_AWAITING_INTERNAL,
        disputes.STATE_ACCEPTED,
        disputes.STATE_RESOLVING,
        disputes.STATE_RESOLVED,
        disputes.STATE_CLOSED,
    ],
)
def test_steps_inside_the_sellers_house_are_nobodys_news(state: disputes.State.ValueType):
    assert story_of(dispute_moved(state)) is None


@pytest.mark.parametrize("state", ["RECEIVED", "WITHDRAWN", "SOMETHING_NEW"])
def test_what_becomes_of_an_announced_payment_is_nobodys_news(state: str):
    assert story_of(announced(state)) is None


def test_an_announced_payment_is_due_when_it_is_expected():
    assert the(story_of(announced(expected_on="2026-03-20"))).by_when == date(2026, 3, 20)
    story = the(story_of(announced(scopes=[ScopeMessage(site="NORTH"), ScopeMessage()])))
    assert (story.by_when, story.fact) == (story.told_on, "announcement/P-2026-000042")
    assert [scope.site for scope in story.scopes] == ["NORTH", ""]


def test_every_kind_of_fact_comes_of_an_event_or_of_ourselves():
    assert {story.kind for story in every_story()} == set(Kind)


def test_the_fact_itself_says_by_when():
    assert the(story_of(invoice())).by_when == date(2026, 4, 1)
    # 22:30 UTC on the 12th is still the 12th in Berlin in winter time
    assert the(story_of(decided())).by_when == date(2026, 3, 12)


def test_otherwise_the_matrix_says_in_how_many_business_days():
    friday = Moment(datetime(2026, 3, 6, 9, tzinfo=UTC), ZONE, FIVE)

    assert the(story_of(expired(), friday)).by_when == date(2026, 3, 10)


def test_the_day_is_the_sellers_day():
    late = Moment(datetime(2026, 3, 2, 23, 30, tzinfo=UTC), ZONE, FIVE)

    assert the(story_of(order_refused(), late)).told_on == date(2026, 3, 3)


def test_what_is_refused_without_a_shipment_is_the_order():
    assert the(story_of(shipment_refused(shipment="s1"))).kind is Kind.SHIPMENT_REFUSED
    assert the(story_of(shipment_refused(shipment=""))).kind is Kind.ORDER_REFUSED


def test_cash_without_an_invoice_is_told_as_such():
    assert the(story_of(payment())).kind is Kind.PAYMENT_RECEIVED
    assert the(story_of(payment(unapplied=1))).kind is Kind.PAYMENT_NOT_IDENTIFIED


def test_the_same_shipment_told_twice_is_one_fact_whatever_the_event_id():
    assert the(story_of(shipped())).fact == the(story_of(shipped())).fact
    assert the(story_of(shipped())).fact != the(story_of(shipped(shipment="s2"))).fact


def test_a_shipment_of_nothing_is_refused():
    with pytest.raises(Invalid) as refused:
        story_of(shipped(order=""))
    assert refused.value.code == "shipment.incomplete"


def test_what_others_wrote_is_put_on_one_line():
    assert wire.clean(" a\r\nBcc: b\0\tc\u2028d ") == "a Bcc: b c d"
    assert len(wire.clean("x" * 10_000)) == wire.TEXT_MAX


@pytest.mark.parametrize("story", every_story(), ids=lambda story: str(story.kind))
def test_a_story_is_remembered_whole(story: Story):
    class Row:
        tenant, fact, about, account_id = story.tenant, story.fact, story.about, story.account_id
        told = remembered.pack(story)

    assert remembered.unpack(Row) == story


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (MONDAY_10, datetime(2026, 3, 2, 16, tzinfo=UTC)),
        (datetime(2026, 3, 2, 16, tzinfo=UTC), datetime(2026, 3, 3, 16, tzinfo=UTC)),
        (datetime(2026, 3, 6, 18, tzinfo=UTC), datetime(2026, 3, 9, 16, tzinfo=UTC)),
        (datetime(2026, 3, 7, 9, tzinfo=UTC), datetime(2026, 3, 9, 16, tzinfo=UTC)),
        (datetime(2026, 7, 1, 9, tzinfo=UTC), datetime(2026, 7, 1, 15, tzinfo=UTC)),
    ],
    ids=["in the morning", "at five sharp", "on Friday evening", "on Saturday", "in summer time"],
)
def test_the_digest_goes_at_the_end_of_the_business_day(at: datetime, due: datetime):
    assert Moment(at, ZONE, FIVE).digest_at() == due

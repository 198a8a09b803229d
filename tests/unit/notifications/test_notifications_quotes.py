"""What somebody else wrote stands in our sentences as a mark."""

import pytest
from receivables.disputes.v1 import events_pb2 as disputes_pb2

from services.notifications import wire
from services.notifications.domain import quotes
from services.notifications.domain.quotes import MOVE, REMITTANCE
from tests.unit.notifications.samples import NOW, dispute_moved, payment


def test_a_mark_is_filled_with_what_it_stands_for():
    sentence = f"Send us: {quotes.mark(MOVE, 3)}, for {quotes.mark(REMITTANCE)}."

    assert quotes.quotes([sentence, "nothing here"]) == {(MOVE, 3), (REMITTANCE, 0)}
    said: dict[quotes.Quote, str] = {(MOVE, 3): "a photo", (REMITTANCE, 0): "RE 1"}
    assert quotes.filled(sentence, said.__getitem__) == "Send us: a photo, for RE 1."


def test_a_mark_stands_for_a_persons_name_by_the_contacts_id():
    sentence = f"Asked before you: {quotes.name('c 1')}."

    assert quotes.quotes([sentence]) == {(quotes.PERSON, "c 1")}
    assert quotes.filled(sentence, lambda _: "Cleo Smith") == "Asked before you: Cleo Smith."
    assert quotes.quotes([wire.clean(quotes.name("c1"))]) == set()


@pytest.mark.parametrize("text", [quotes.mark(MOVE, 1), "\ufffc\ufffc", f"a{quotes.mark(REMITTANCE)}b"])
def test_nobody_outside_can_write_one(text: str):
    assert quotes.quotes([wire.clean(text)]) == set()


def test_what_is_no_mark_stays_as_it_is():
    assert quotes.filled("\ufffcmove/x\ufffc and \ufffc", lambda _: "never") == "\ufffcmove/x\ufffc and \ufffc"


def test_a_story_holds_nothing_that_somebody_wrote():
    question = dispute_moved(disputes_pb2.STATE_AWAITING_CUSTOMER, nth=4)
    story = wire.dispute_moved(question, NOW, "QTY_SHORT")

    assert story is not None
    assert story.details["missing"] == quotes.mark(MOVE, 4)
    paid = wire.payment_received(payment(unapplied=1), NOW)
    assert paid is not None
    assert paid.details["remittance"] == quotes.mark(REMITTANCE)


def test_what_a_version_before_this_one_told_is_read():
    question = dispute_moved(disputes_pb2.STATE_AWAITING_CUSTOMER, "a photo")
    story = wire.dispute_moved(question, NOW, "QTY_SHORT")

    assert story is not None
    assert story.details["missing"] == "a photo"

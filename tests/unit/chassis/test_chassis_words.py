"""What people write is told to nobody, and kept in no answer: the contracts say which fields it is."""

import pytest
from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2 as credit_calls
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from services.chassis import words


@pytest.mark.parametrize(
    ("message", "may_be_told"),
    [
        (disputes_pb2.DisputeMoved(missing="a photo"), False),
        (disputes_pb2.DisputeMoved(nth=4), True),
        (ledger_pb2.PaymentReceived(remittance="from Jane"), False),
        (credit_pb2.HoldPlaced(reason="she laughed"), False),
        (credit_pb2.HoldPlaced(owner="Jane"), False),
        (credit_pb2.HoldPlaced(owner="user:ada"), True),
        (credit_calls.PlaceHoldResponse(hold=credit_pb2.HoldPlaced(reason="she laughed")), False),
        (credit_calls.ListHoldsResponse(holds=[credit_pb2.HoldPlaced(), credit_pb2.HoldPlaced(reason="so")]), False),
    ],
)
def test_what_has_somebodys_words_is_told_to_nobody(message: Message, may_be_told: bool):
    assert words.untold(message) is may_be_told


def test_an_answer_is_kept_without_words():
    case = disputes_calls.Dispute(dispute_id="d1", description="two are missing", reason_code="QTY_SHORT")
    answer = disputes_calls.OpenResponse(dispute=case)

    kept = words.without(answer)

    assert kept.dispute == disputes_calls.Dispute(dispute_id="d1", reason_code="QTY_SHORT")
    assert answer.dispute.description == "two are missing"


def test_of_many_each_loses_its_own():
    told = words.without(credit_calls.ListHoldsResponse(holds=[credit_pb2.HoldPlaced(hold_id="h", reason="so")] * 2))

    assert list(told.holds) == [credit_pb2.HoldPlaced(hold_id="h")] * 2


def test_what_has_no_words_is_kept_as_it_is():
    answer = credit_calls.DecideResponse()

    assert words.without(answer) is answer

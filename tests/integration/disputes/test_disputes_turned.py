"""A case that a clerk opens of a contact's words: both stand behind it, and it is forgotten with the contact."""

import pytest
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import service_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from tests.integration.disputes.desk import Desk, Refused
from tests.records import a_record

OPENING = service_pb2.OpenRequest(
    invoice="i1",
    reason_code="OTH",
    description="it came late, and wet",
    amount=money_pb2.Money(minor=100, currency="EUR"),
    written_by="ann",
)


async def test_clerk_and_contact_both_count_as_who_opened_it(desk: Desk):
    case = (await desk.call("Open", OPENING, by="user:bo")).dispute
    await desk.move(case, "REVIEW", "PROPOSE", by="user:di")

    with pytest.raises(Refused) as refused:
        await desk.resolve(case, "FULL_CREDIT", by="user:bo")

    assert refused.value.code == "dispute.own_case"
    assert (await desk.get(case)).history[0].actor == "user:bo for contact:ann"
    erased = notifications_pb2.ContactErased(contact_id="ann", account_id="b1")
    await desk.follow(a_record(erased, account="b1", subject="contact/ann"))
    assert (await desk.get(case)).dispute.description == ""


@pytest.mark.parametrize("by", ["contact:ann", "key:shop"])
async def test_nobody_but_the_sellers_people_opens_a_case_of_anothers_words(desk: Desk, by: str):
    with pytest.raises(Refused) as refused:
        await desk.call("Open", OPENING, by=by)

    assert refused.value.code == "dispute.written_by"

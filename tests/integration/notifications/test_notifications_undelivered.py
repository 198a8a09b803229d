"""Invoices that reached nobody, people whom no mail reaches, and what is done about both."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import service_pb2

from tests.integration.notifications.office import Office, Refused
from tests.integration.notifications.test_notifications_bounces import bounced
from tests.unit.notifications.samples import credit_note, decided, invoice


async def waiting(office: Office, **wanted: Any) -> list[Any]:
    return list((await office.call("ListUndelivered", service_pb2.ListUndeliveredRequest(**wanted))).messages)


async def again(office: Office, message_id: str, contact_id: str = "") -> str:
    request = service_pb2.SendAgainRequest(message_id=message_id, contact_id=contact_id)
    return str((await office.call("SendAgain", request)).message_id)


async def invoice_that_came_back(office: Office) -> Any:
    """Its only reader's address is dead."""
    await bounced(office)
    await office.follow(invoice())
    await office.send()
    [one] = await waiting(office)
    return one


async def test_an_invoice_that_came_back_is_listed_until_somebody_of_the_buyer_has_it(office: Office):
    one = await invoice_that_came_back(office)

    assert (one.contact_id, one.account_id, one.document, one.number) == ("cleo", "acme", "i1", "RE-2026-000001")
    assert (one.state, one.smtp_code, one.attempts, one.by_when) == ("HARD_BOUNCED", 550, 1, "2026-04-01")
    assert await waiting(office, account_id="other") == []
    await office.register("clio", "REQUESTER")
    assert await again(office, one.message_id, "clio") != one.message_id
    assert await waiting(office) == []
    await office.send()
    [mail] = office.mails("clio")
    assert [part.get_filename() for part in mail.iter_attachments()] == ["i1.xml"]


async def test_what_came_back_and_was_told_to_another_of_the_buyer_waits_for_nobody(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN")
    await bounced(office)
    await office.follow(invoice(), decided())
    await office.send()
    assert await waiting(office) == []


async def test_a_credit_note_of_which_nobody_else_is_told_waits_too(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN")
    await bounced(office)
    await office.follow(invoice(), credit_note())
    await office.send()

    assert [(one.number, one.document) for one in await waiting(office)] == [("RE-C-2026-000001", "c1")]


async def test_a_corrected_address_gets_what_came_back_with_the_document(office: Office):
    one = await invoice_that_came_back(office)

    await office.register("cleo", "AP_CLERK", email="cleo@right.example")
    await office.send()

    [mail] = office.mails("cleo")
    assert [part.get_filename() for part in mail.iter_attachments()] == ["i1.xml"]
    [message] = await office.messages(contact_id="cleo")
    assert (message.message_id, message.state) == (one.message_id, "ACCEPTED")
    assert await waiting(office) == []
    assert not await office.rows("SELECT FROM mail WHERE key = 'invoice/i1'")  # nothing is left of the other mail


async def test_an_address_that_is_still_dead_has_the_invoice_come_back_again(office: Office):
    one = await invoice_that_came_back(office)

    await bounced(office)
    await office.send()

    assert [still.message_id for still in await waiting(office)] == [one.message_id]


async def test_a_document_goes_again_to_who_lost_it_by_another_mail_each_time_it_is_asked_for(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await office.send()
    [message] = await office.messages(contact_id="cleo")

    assert await again(office, message.message_id) == message.message_id
    assert await again(office, message.message_id) == message.message_id  # it is on its way already
    await office.send()
    await again(office, message.message_id)
    await office.send()

    mails = office.mails("cleo")
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == 3


async def test_asked_twice_by_one_key_a_document_goes_once(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await office.send()
    [message] = await office.messages(contact_id="cleo")
    request = service_pb2.SendAgainRequest(message_id=message.message_id)
    key = (("ar-tenant", "nordwind"), ("ar-actor", "user:bo"), ("ar-reason", ""), ("ar-idempotency-key", str(uuid4())))

    first = await office.stub.SendAgain(request, metadata=key)
    await office.send()
    second = await office.stub.SendAgain(request, metadata=key)
    await office.send()

    assert first == second
    assert len(office.mails("cleo")) == 2


async def test_no_document_goes_to_another_company_another_part_of_it_or_a_dead_address(office: Office):
    one = await invoice_that_came_back(office)
    await office.register("rival", "AP_CLERK", account="globex")
    await office.register("south", "AP_CLERK", scope=Scope(site="south"))
    await office.register("sam", "SALES", account="")

    for contact, code in (
        ("rival", "contact.not_theirs"),
        ("south", "contact.not_theirs"),
        ("sam", "contact.not_theirs"),
        ("nobody", "contact.unknown"),
        ("cleo", "contact.suspended"),
        ("", "contact.suspended"),
    ):
        with pytest.raises(Refused) as refused:
            await again(office, one.message_id, contact)
        assert refused.value.code == code, contact


async def test_what_is_no_message_and_what_is_about_no_document_is_refused(office: Office):
    await office.register("req", "REQUESTER")
    await office.follow(decided())
    [message] = await office.messages(contact_id="req")

    for message_id, code in (("m9", "message.unknown"), (message.message_id, "message.no_document")):
        with pytest.raises(Refused) as refused:
            await again(office, message_id)
        assert refused.value.code == code


async def test_a_mail_that_is_put_off_for_long_is_listed_while_it_is_still_tried(office: Office):
    await office.register("cleo", "AP_CLERK", wants_document=True)
    await office.follow(invoice())
    office.invoicing.away = True
    for _ in range(5):
        await office.send_once()
        await office.forget_pauses()
    assert await waiting(office) == []

    await office.send_once()

    [one] = await waiting(office)
    assert (one.state, one.smtp_code, one.attempts) == ("SOFT_BOUNCED", 0, 6)
    office.invoicing.away = False
    await office.forget_pauses()
    await office.send()
    assert await waiting(office) == []


async def test_the_lists_come_a_page_at_a_time(office: Office):
    for nth in range(3):
        await bounced(office, f"c{nth}", account=f"a{nth}")
        await office.follow(replace(invoice(nth + 1), account_id=f"a{nth}"))
        await office.send()
    everything = await waiting(office)
    request: Any = service_pb2.ListUndeliveredRequest(page_size=2)
    first = await office.call("ListUndelivered", request)
    request.page_token = first.next_page_token
    assert [*first.messages, *(await office.call("ListUndelivered", request)).messages] == everything

    request = service_pb2.ListUnreachableRequest(page_size=2)
    one = await office.call("ListUnreachable", request)
    request.page_token = one.next_page_token
    two = await office.call("ListUnreachable", request)
    found = [*one.contacts, *two.contacts]
    assert [each.contact.contact_id for each in found] == ["c0", "c1", "c2"]
    assert all(each.since.seconds and each.contact.suspended for each in found)

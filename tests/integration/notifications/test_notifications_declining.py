"""Mail that only informs is declined by its link, by a mail, and on one's own page; what asks for something goes on."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from receivables.notifications.v1 import letters_pb2, service_pb2

from services.chassis.identity import Principal
from tests.integration.accounts.callers import Asked
from tests.integration.notifications.office import Office, OpenOffice, html
from tests.integration.notifications.test_notifications_links import ask
from tests.integration.notifications.test_notifications_post import DOMAIN, opened
from tests.unit.notifications.samples import MONDAY_10, TENANT, credit_note, dispute_opened, invoice, shipped

ANN = Principal("contact:ann", TENANT, "portal", frozenset({"REQUESTER"}), frozenset({"acme"}), assurance=1)


async def token_of(office: Office, contact_id: str) -> str:
    [row] = await office.rows(f"SELECT decline_token FROM contact WHERE contact_id = '{contact_id}'")
    return str(row.decline_token)


async def decline(office: Office, token: str, *, declined: bool = True) -> str:
    """The code of the refusal, or nothing."""
    answer = await ask(office, "Decline", letters_pb2.DeclineRequest(decline_token=token, declined=declined))
    return answer.code if isinstance(answer, Asked) else ""


async def declined(office: Office, token: str) -> bool:
    return bool((await ask(office, "GetDecline", letters_pb2.GetDeclineRequest(decline_token=token))).declined)


async def states(office: Office, contact_id: str) -> dict[str, str]:
    """By what happened, where its message stands."""
    messages = await office.messages(contact_id=contact_id)
    return {one.event_type.rpartition(".")[2]: one.state for one in messages}


async def test_whoever_declines_by_a_link_gets_no_news_by_mail_but_what_is_asked_of_them(office: Office):
    await office.register("ann", "REQUESTER", email="a@acme.example")
    await office.register("also", "REQUESTER", "AP_CLERK", email="a@ACME.example")
    await office.register("bo", "REQUESTER")
    await office.follow(dispute_opened())  # waits for their digest
    token = await token_of(office, "ann")

    for _ in range(2):
        assert await decline(office, token) == ""
    await office.follow(invoice(), credit_note())
    await office.send()

    assert await declined(office, token)
    # The mailbox is one: what both hear is asked of one of them.
    for who in ("ann", "also"):
        told = {"DisputeOpened": "WITHDRAWN", "InvoiceIssued": "ACCEPTED", "CreditNoteIssued": "WITHDRAWN"}
        assert await states(office, who) == told
    assert (await states(office, "bo"))["DisputeOpened"] == "QUEUED"
    assert await decline(office, token, declined=False) == ""
    assert not await declined(office, token)
    await office.follow(shipped())
    assert (await states(office, "ann"))["OrderShipped"] == "QUEUED"


async def test_a_new_registration_does_not_have_news_mailed_again_and_who_is_forgotten_has_no_link(office: Office):
    await office.register("ann", "REQUESTER")
    token = await token_of(office, "ann")
    await decline(office, token)
    await office.register("ann", "REQUESTER", name="Ann Other")

    assert await declined(office, token)
    await office.call("EraseContact", service_pb2.EraseContactRequest(contact_id="ann"))
    assert await decline(office, token) == "decline.unknown"
    assert await decline(office, "0" * 32) == "decline.unknown"


async def test_a_token_is_nobodys_at_another_seller_and_nobody_else_may_ask(office: Office):
    await office.register("ann", "REQUESTER")
    token = await token_of(office, "ann")
    elsewhere = Principal("service:portal", "other", "portal")

    asked = await ask(office, "Decline", letters_pb2.DeclineRequest(decline_token=token, declined=True), elsewhere)
    by_her = await ask(office, "Decline", letters_pb2.DeclineRequest(decline_token=token, declined=True), ANN)

    assert (asked.code, by_her.code) == ("decline.unknown", "access.kind")
    assert not await declined(office, token)


async def test_on_ones_own_page_news_are_declined_and_wanted_again_and_nothing_said_changes_nothing(office: Office):
    await office.register("ann", "REQUESTER")
    for said, is_declined in ((True, True), (None, True), (False, False)):
        request = service_pb2.ChangeContactRequest(contact_id="ann", language="sv", declined=said)
        assert (await ask(office, "ChangeContact", request, ANN)).contact.declined is is_declined


async def test_a_digest_carries_the_link_and_a_mail_to_its_address_declines_whatever_it_says(open_office: OpenOffice):
    async with open_office(mail_port=2525, portal_url="https://{tenant}.pay.example") as office:
        await office.know_the_companies()
        await office.register("ann", "REQUESTER")
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice())
        await office.set_clock(MONDAY_10 + timedelta(hours=8))
        await office.send()
        token = await token_of(office, "ann")
        page, address = f"https://{TENANT}.pay.example/by-mail/{token}", f"decline+{token}@{DOMAIN}"

        digest, asked = office.mail_to("ann"), office.mail_to("cleo")
        assert str(digest["List-Unsubscribe"]).split(", ") == [f"<{page}>", f"<mailto:{address}>"]
        assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert page in html(digest)
        assert asked["List-Unsubscribe"] is None

        async with opened(office) as post:
            mail = EmailMessage()
            mail["From"], mail["Auto-Submitted"] = "somebody@elsewhere.example", "auto-generated"
            for _ in range(2):
                assert await post.send(address, mail.as_bytes(), "somebody@elsewhere.example") == {}
            with pytest.raises(Exception, match="550"):
                await post.send(f"decline+{'0' * 32}@{DOMAIN}", mail.as_bytes())
        assert await declined(office, token)
        assert await office.rows("SELECT * FROM post") == []

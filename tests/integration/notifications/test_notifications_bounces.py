"""A dead address: suspended, told, and what was in the mail told to others."""

from datetime import UTC, datetime

from receivables.notifications.v1 import events_pb2

from services.notifications.domain.delivery import Answer, Handed
from services.notifications.usecases import Desk
from tests.integration.notifications.office import Office, text
from tests.unit.notifications.samples import TENANT, decided, invoice, order_refused, released


async def bounced(office: Office, contact_id: str = "cleo", *roles: str, account: str = "acme") -> None:
    """Somebody whose mail comes back for good."""
    await office.register(
        contact_id, *(roles or ("AP_CLERK",)), account=account, email=f"bounce-{contact_id}@x.example"
    )


async def test_a_dead_address_is_suspended_and_told_by_ids_alone(office: Office):
    await bounced(office)
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.register("sam", "SALES", account="")

    await office.follow(invoice())
    await office.send()

    [message] = await office.messages(contact_id="cleo")
    assert message.state == "HARD_BOUNCED"
    [contact] = await office.rows("SELECT * FROM contact WHERE suspended_at IS NOT NULL")
    assert contact.contact_id == "cleo"
    bounce, unreachable, *delivered = await office.told()
    assert bounce == events_pb2.MessageBounced(
        message_id=message.message_id,
        contact_id="cleo",
        account_id="acme",
        event_type="receivables.invoicing.v1.InvoiceIssued",
        about="invoice/i1",
        smtp_code=550,
    )
    assert unreachable == events_pb2.ContactUnreachable(
        contact_id="cleo", account_id="acme", roles_without_anybody=["AP_CLERK"]
    )
    assert {type(told) for told in delivered} == {events_pb2.MessageDelivered}
    headers = [r.headers["ce_subject"] for r in await office.rows("SELECT headers FROM outbox ORDER BY id LIMIT 2")]
    assert headers == [f"message/{message.message_id}", "contact/cleo"]


async def test_the_admin_and_sales_hear_that_a_contact_is_gone(office: Office):
    await bounced(office)
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.register("sam", "SALES", account="")
    await office.follow(invoice())
    await office.send()

    subjects = [str(mail["Subject"]) for mail in office.mails("ada")]
    assert "Mail to cleo comes back" in subjects
    await office.set_clock(datetime(2026, 3, 2, 16, tzinfo=UTC))
    await office.send()
    assert any("refused mail to contact cleo (accounts payable) for good" in text(mail) for mail in office.mails("sam"))


async def test_what_bounced_goes_to_who_must_act_instead(office: Office):
    await bounced(office)
    await office.register("ada", "ACCOUNT_ADMIN", language="de")
    await office.follow(invoice())
    await office.send()

    [rerouted] = await office.messages(contact_id="ada", about="invoice/i1")
    assert rerouted.weight == "ACT"
    assert rerouted.subject.startswith("Rechnung RE-2026-000001")
    assert "niemand für „Kreditorenbuchhaltung“ benannt ist" in rerouted.why_you
    assert rerouted.case_version == 1


async def test_somebody_of_the_same_role_who_came_later_gets_what_bounced(office: Office):
    await bounced(office)
    await office.follow(invoice())
    await office.register("clio", "AP_CLERK")
    await office.register("req", "REQUESTER")
    await office.send()

    assert "RE-2026-000001" in str(office.mail_to("clio")["Subject"])
    assert not await office.messages(contact_id="req")  # another role, which nothing bounced of
    assert [told for told in await office.told() if isinstance(told, events_pb2.ContactUnreachable)] == []


async def test_everything_that_waits_for_a_dead_address_ends_with_it(office: Office):
    await bounced(office, "both", "AP_CLERK", "REQUESTER")
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.follow(decided(), released(), invoice(1), invoice(2))

    await office.send()

    assert {m.state for m in await office.messages(contact_id="both")} == {"HARD_BOUNCED"}
    bounces = [told for told in await office.told() if isinstance(told, events_pb2.MessageBounced)]
    assert len(bounces) == len(await office.messages(contact_id="both")) == 4
    await office.set_clock(datetime(2026, 3, 2, 16, tzinfo=UTC))
    assert await office.rows("SELECT FROM message WHERE contact_id = 'both' AND mail_key IS NULL") == []
    subjects = [str(mail["Subject"]) for mail in office.mails("ada")]
    assert len([s for s in subjects if s.startswith("Invoice RE-2026")]) == 2
    assert len([s for s in subjects if s.startswith("Mail to both")]) == 1


async def test_nothing_more_goes_to_a_suspended_contact_until_it_is_registered_anew(office: Office):
    await bounced(office)
    await office.follow(invoice(1))
    await office.send()

    await office.follow(invoice(2))
    await office.send()
    assert len(await office.messages(contact_id="cleo")) == 1
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice(3))
    await office.send()
    came_back, new = (str(mail["Subject"]) for mail in office.mails("cleo"))
    assert "RE-2026-000001" in came_back
    assert "RE-2026-000003" in new


async def test_a_bounce_of_an_address_that_was_corrected_meanwhile_suspends_nobody(office: Office):
    await bounced(office)
    await office.follow(invoice())
    [on_its_way] = await office.taken_up()

    await office.register("cleo", "AP_CLERK")  # the right address
    async with office.parts.database.transaction([TENANT]) as tx:
        again = await Desk("reply.example").record(tx, [(on_its_way, Handed(Answer.NEVER, 550))])

    assert list(again) == [on_its_way.mail_key]
    await office.send()
    assert office.mail_to("cleo")
    assert not await office.rows("SELECT 1 FROM contact WHERE suspended_at IS NOT NULL")


async def test_when_the_last_of_the_seller_bounces_it_is_recorded_and_goes_on(office: Office):
    await bounced(office, "sam", "SALES", "BILLING", account="")

    await office.follow(order_refused())
    await office.send()

    assert [type(told).__name__ for told in await office.told()] == ["MessageBounced", "ContactUnreachable"]
    assert await office.due() == 0


async def test_one_of_two_sellers_people_gone_the_other_hears_it(office: Office):
    await bounced(office, "bill", "BILLING", account="")
    await office.register("sam", "SALES", account="")

    await office.follow(order_refused())
    await office.send()

    subjects = sorted(str(mail["Subject"]) for mail in office.mails("sam"))
    assert subjects == ["Mail to our colleague bill comes back", "Order o1 could not be taken"]

"""One address gets one mail whoever it stands for; sites hear of what is theirs; the seller's clock and policy."""

from datetime import UTC, date, datetime

import pytest
from receivables.common.v1.party_pb2 import Company, Scope
from receivables.notifications.v1 import events_pb2, service_pb2

from services.notifications.domain.delivery import Answer, Handed
from services.notifications.usecases import Desk
from tests.integration.notifications.office import Office, Refused, text
from tests.unit.notifications.samples import (
    TENANT,
    credit_refused,
    decided,
    dispute_opened,
    hold_placed,
    invoice,
    limit_changed,
    payment,
    released,
)

FIVE_SHARP = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # 17:00 in Berlin
ONE = {"email": "ap@buyer.example"}


async def states(office: Office, contact_id: str) -> list[str]:
    return [message.state for message in await office.messages(contact_id=contact_id)]


async def test_two_contacts_of_one_address_get_one_mail_and_both_are_listed(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "AP_CLERK", email="ap@BUYER.example")

    await office.follow(invoice())
    await office.send()

    assert len(office.mails("ap")) == 1
    assert await states(office, "c1") == await states(office, "c2") == ["ACCEPTED"]
    delivered = {told.contact_id for told in await office.told() if isinstance(told, events_pb2.MessageDelivered)}
    assert delivered == {"c1", "c2"}
    assert await office.due() == 0


async def test_the_document_that_one_of_them_wants_goes_with_the_mail_of_both(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "EDI_IT", wants_document=True, **ONE)

    await office.follow(invoice())
    await office.send()

    [mail] = office.mails("ap")
    assert len(list(mail.iter_attachments())) == 1
    assert "Pay €1,190.00" in text(mail)


async def test_an_address_that_stands_for_two_who_are_asked_two_things_is_asked_both(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("sam", "COLLECTOR", account="", **ONE)

    await office.follow(hold_placed())
    await office.send()

    held = [mail for mail in office.mails("ap") if "on hold" in mail["Subject"]]
    assert len(held) == 1
    assert "Settle with us by" in text(held[0])
    assert "Agree with Acme Ltd by" in text(held[0])


async def test_two_languages_are_two_mails(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "AP_CLERK", language="fr", **ONE)

    await office.follow(invoice())
    await office.send()

    assert sorted(mail["Content-Language"] for mail in office.mails("ap")) == ["en", "fr"]


async def test_one_digest_tells_an_address_each_fact_once(office: Office):
    await office.register("c1", "REQUESTER", **ONE)
    await office.register("c2", "PROCUREMENT", **ONE)
    await office.register("c3", "REQUESTER", language="de", **ONE)
    await office.follow(decided(), released(), limit_changed())

    await office.set_clock(FIVE_SHARP)
    await office.send()

    english, german = sorted(office.mails("ap"), key=lambda mail: str(mail["Content-Language"]), reverse=True)
    assert text(english).count("was approved") == 1
    assert text(english).count("was cancelled") == 1
    assert text(english).count("changed from") == 1
    assert text(german).count("wurde genehmigt") == 1
    for contact in ("c1", "c2", "c3"):
        assert set(await states(office, contact)) == {"ACCEPTED"}
    assert not await office.rows("SELECT FROM message WHERE mail_key IS NULL")
    assert await office.due() == 0


async def test_a_mail_that_is_put_off_keeps_what_it_carries_with_it(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "AP_CLERK", **ONE)
    await office.follow(invoice())
    [mail] = await office.taken_up()

    async with office.parts.database.transaction([TENANT]) as tx:
        await Desk("reply.example").record(tx, [(mail, Handed(Answer.NOT_NOW, 451))])

    assert await states(office, "c1") == await states(office, "c2") == ["SOFT_BOUNCED"]
    await office.forget_jobs_pauses()
    await office.send()
    assert len(office.mails("ap")) == 1
    assert await states(office, "c2") == ["ACCEPTED"]


async def test_a_dead_address_is_dead_for_all_who_have_it_and_others_hear_what_it_was_about(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "AP_CLERK", **ONE)
    await office.register("c3", "RECEIVING", **ONE)
    await office.register("dora", "AP_CLERK", "ACCOUNT_ADMIN")
    await office.follow(invoice())
    mails = {mail.contact_id: mail for mail in await office.taken_up()}

    async with office.parts.database.transaction([TENANT]) as tx:
        await Desk("reply.example").record(tx, [(mails["c1"], Handed(Answer.NEVER, 550))])

    people = (await office.call("ListContacts", service_pb2.ListContactsRequest(account_id="acme"))).contacts
    assert [person.contact_id for person in people if person.suspended] == ["c1", "c2", "c3"]
    assert await states(office, "c1") == await states(office, "c2") == ["HARD_BOUNCED"]
    bounced = [told.contact_id for told in await office.told() if isinstance(told, events_pb2.MessageBounced)]
    assert sorted(bounced) == ["c1", "c2"]
    await office.send()
    assert not office.mails("ap")
    assert any("RE-2026-000001" in mail["Subject"] for mail in office.mails("dora"))


async def test_who_moves_to_another_address_before_the_mail_goes_gets_one_there(office: Office):
    await office.register("c1", "AP_CLERK", **ONE)
    await office.register("c2", "AP_CLERK", **ONE)
    await office.follow(invoice())

    await office.register("c1", "AP_CLERK", email="new@buyer.example")
    await office.send()

    assert (len(office.mails("ap")), len(office.mails("new"))) == (1, 1)
    assert await states(office, "c1") == await states(office, "c2") == ["ACCEPTED"]


async def test_the_clerk_of_a_site_hears_of_its_payment_and_the_other_sites_clerk_does_not(office: Office):
    for contact, site in (("north", "NORTH"), ("south", "SOUTH"), ("all", "")):
        await office.register(contact, "AP_CLERK", scope=Scope(site=site))

    await office.follow(invoice(scope=Scope(site="NORTH")), payment(scopes=[Scope(site="NORTH")]))
    await office.set_clock(FIVE_SHARP)
    await office.send()

    about = {m.about for m in await office.messages(contact_id="north")}
    assert about == {m.about for m in await office.messages(contact_id="all")} == {"invoice/i1", "payment/p1"}
    assert await office.messages(contact_id="south") == []


async def test_a_payment_that_met_no_invoice_is_heard_by_those_for_the_whole_company(office: Office):
    await office.register("north", "AP_CLERK", scope=Scope(site="NORTH"))
    await office.register("all", "AP_CLERK")

    await office.follow(payment(unapplied=119000))

    assert [m.contact_id for m in await office.messages()] == ["all"]


async def test_a_likely_double_payment_is_cash_applications_to_settle(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("cash", "CASH_APP", account="")

    await office.follow(payment(unapplied=119000, paid_before=["RE-2026-000007"]))

    told = {m.contact_id: m for m in await office.messages()}
    assert (told["cleo"].weight, told["cash"].weight) == ("INFORM", "ACT")
    assert "RE-2026-000007, paid already: probably a double payment" in told["cash"].what_happened


async def test_the_digest_follows_the_sellers_clock_and_holidays(office: Office):
    await office.know_the_seller(2, time_zone="America/Denver", holidays="US", closes_at="16:00")
    await office.register("req", "REQUESTER")
    # Friday, 3 July 2026: Independence Day is observed; Monday's four o'clock is 22:00 UTC.
    await office.set_clock(datetime(2026, 7, 3, 15, tzinfo=UTC))
    await office.follow(decided())

    [message] = await office.rows("SELECT due_at, told_on FROM message")
    assert message.due_at == datetime(2026, 7, 6, 22, tzinfo=UTC)
    assert message.told_on == date(2026, 7, 3)


async def test_what_a_seller_said_last_counts_in_whatever_order_it_comes(office: Office):
    await office.know_the_seller(3, time_zone="Asia/Tokyo", company=Company(name="Nord KK"))
    await office.know_the_seller(2, time_zone="Europe/Paris")
    await office.know_the_companies()

    [seller] = await office.rows("SELECT * FROM seller")
    assert (seller.version, seller.time_zone, seller.name) == (3, "Asia/Tokyo", "Nord KK")


async def test_who_names_no_language_reads_the_sellers(office: Office):
    await office.know_the_seller(2, language="fr")
    await office.register("cleo", "AP_CLERK", language="")

    await office.follow(invoice())

    [message] = await office.messages()
    assert message.language == "fr"


async def test_a_tenant_says_when_its_people_are_told(office: Office):
    nothing = await office.call("GetPolicy", service_pb2.GetPolicyRequest())
    assert (nothing.version, nothing.policy.digest_at) == (0, "17:00")

    for nth, at in enumerate(("08:00", "12:30"), start=1):
        answer = await office.call(
            "SetPolicy", service_pb2.SetPolicyRequest(policy=events_pb2.NotificationPolicy(digest_at=at))
        )
        assert answer.version == nth

    now = await office.call("GetPolicy", service_pb2.GetPolicyRequest())
    assert (now.version, now.policy.digest_at) == (2, "12:30")
    assert (await office.call("GetPolicy", service_pb2.GetPolicyRequest(), tenant="other")).version == 0
    rows = await office.rows("SELECT key, headers->>'ce_subject' AS subject, payload FROM outbox ORDER BY id")
    assert [(row.key, row.subject) for row in rows] == [(f"{TENANT}/policy", "policy/notifications")] * 2
    changed = [events_pb2.PolicyChanged.FromString(row.payload) for row in rows]
    assert [(said.version, said.policy.digest_at) for said in changed] == [(1, "08:00"), (2, "12:30")]
    await office.register("req", "REQUESTER")
    await office.follow(decided())
    [message] = await office.rows("SELECT due_at FROM message")
    assert message.due_at == datetime(2026, 3, 2, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize("at", ["", "25:00", "5pm"])
async def test_a_policy_that_makes_no_sense_is_refused(office: Office, at: str):
    with pytest.raises(Refused) as refused:
        await office.call("SetPolicy", service_pb2.SetPolicyRequest(policy=events_pb2.NotificationPolicy(digest_at=at)))
    assert refused.value.code == "policy.time_malformed"


async def test_a_case_is_called_by_its_number_wherever_it_is_told(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("dan", "DISPUTE_OWNER", account="")
    opened, refused = dispute_opened(), credit_refused()
    opened.body.number = "D-2026-0042"
    refused.body.dispute_id = opened.body.dispute_id

    await office.follow(opened, refused)

    subjects = {m.subject for m in await office.messages(contact_id="dan")}
    assert subjects == {
        "Dispute D-2026-0042 about invoice RE-2026-000001 is open",
        "The credit for dispute D-2026-0042 about invoice RE-1 could not be issued",
    }

"""Who hears what, in which language, at once or with the day's digest; and what becomes of a dead address."""

import facturx
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from tests.end_to_end.world import Trader, World, subjects, text_of


def test_each_role_hears_its_part_in_its_language(world: World, trader: Trader) -> None:
    trader.buyer(limit=100)
    finance = trader.person("fin", "FINANCE_LEAD", "b1", language="sv")
    credit = trader.person("credit", "CREDIT", language="de")
    receiver = trader.person("recv", "RECEIVING", "b1")

    trader.place("o1", "90")  # 108 with tax: near the limit
    world.settle()

    [to_finance], [to_credit] = trader.mails(finance), trader.mails(credit)
    assert (to_finance["Content-Language"], to_credit["Content-Language"]) == ("sv", "de")
    assert "o1" in text_of(to_finance)
    assert "108,00" in text_of(to_credit)
    assert to_finance["Subject"] != to_credit["Subject"]
    assert trader.mails(receiver) == []


def test_the_clerk_gets_the_invoice_itself_at_once_and_only_who_wants_it(world: World, trader: Trader) -> None:
    trader.buyer()
    clerk = trader.person("clerk", "AP_CLERK", "b1", wants_document=True)
    other = trader.person("other", "AP_CLERK", "b1")

    invoice = trader.sell("o1", "100")

    [mail], [plain] = trader.mails(clerk), trader.mails(other)
    [attachment] = mail.iter_attachments()
    assert attachment.get_content() in {trader.render(invoice.number), trader.render(invoice.number).decode()}
    assert attachment.get_filename() == f"{invoice.number}.xml"
    assert list(plain.iter_attachments()) == []
    assert invoice.number in text_of(plain)
    assert {part.get_content_type() for part in plain.walk()} >= {"text/plain", "text/html"}


def test_the_mail_of_a_buyer_who_wants_a_pdf_carries_it_with_the_xml_inside(world: World, trader: Trader) -> None:
    trader.buyer(profile="facturx-en16931")
    clerk = trader.person("clerk", "AP_CLERK", "b1", wants_document=True)

    invoice = trader.sell("o1", "100")

    [mail] = trader.mails(clerk)
    [attachment] = mail.iter_attachments()
    pdf = attachment.get_content()
    assert (attachment.get_content_type(), attachment.get_filename()) == ("application/pdf", f"{invoice.number}.pdf")
    assert pdf == trader.render(invoice.number)
    name, xml = facturx.get_xml_from_pdf(pdf, check_xsd=True)
    assert name == "factur-x.xml"
    assert invoice.number.encode() in xml
    [told] = [fact.body for fact in world.stage.facts if (fact.tenant, fact.name) == (trader.tenant, "DocumentIssued")]
    assert told.content == pdf


def test_a_narrow_scope_hears_only_of_its_site(world: World, trader: Trader) -> None:
    trader.buyer(limit=100)
    north = trader.person("north", "FINANCE_LEAD", "b1", site="NORTH")
    south = trader.person("south", "FINANCE_LEAD", "b1", site="SOUTH")

    trader.place("o1", "90", site="NORTH")
    world.settle()

    assert (len(trader.mails(north)), len(trader.mails(south))) == (1, 0)


def test_a_mailbox_that_two_contacts_share_gets_one_mail_and_both_are_told(world: World, trader: Trader) -> None:
    trader.buyer()
    shared = f"ap.{trader.tenant}@people.example"
    for contact in ("c1", "c2"):
        trader.person(contact, "AP_CLERK", "b1", email=shared)

    trader.sell("o1", "100")

    assert len(trader.mails(shared)) == 1


def test_what_only_informs_comes_once_at_the_end_of_the_day(world: World, trader: Trader) -> None:
    trader.buyer()
    requester = trader.person("req", "REQUESTER", "b1")
    trader.place("o1", "100")
    trader.place("o2", "200")
    world.settle()
    assert trader.mails(requester) == []

    world.end_of_day()

    [digest] = trader.mails(requester)
    assert "o1" in text_of(digest)
    assert "o2" in text_of(digest)


def test_a_dead_address_is_told_once_and_not_written_to_again(world: World, trader: Trader) -> None:
    trader.buyer()
    trader.person("dead", "AP_CLERK", "b1", email=f"bounce.{trader.tenant}@people.example")
    admin = trader.person("admin", "ACCOUNT_ADMIN", "b1")

    trader.sell("o1", "100")
    trader.sell("o2", "100")

    [bounced] = trader.told("MessageBounced")
    assert bounced.smtp_code == 550
    [gone] = trader.told("ContactUnreachable")
    assert list(gone.roles_without_anybody) == ["AP_CLERK"]
    request = notifications_pb2.ListContactsRequest(account_id="b1")
    contacts = world.stage.services.read(world.stage.services.notifications.ListContacts, request, tenant=trader.tenant)
    assert {c.contact_id: c.suspended for c in contacts.contacts} == {"dead": True, "admin": False}
    assert len(trader.mails(admin)) >= 2  # that the clerk is gone, and what the clerk would have got


def test_everybody_hears_the_same_story_of_a_case(world: World, trader: Trader) -> None:
    trader.buyer()
    trader.person("a", "AP_CLERK", "b1")
    trader.person("b", "REQUESTER", "b1", language="de")
    invoice = trader.sell("o1", "100")

    request = notifications_pb2.ListMessagesRequest(about=f"invoice/{invoice.invoice_id}")
    told = world.stage.services.read(world.stage.services.notifications.ListMessages, request, tenant=trader.tenant)

    assert {message.contact_id for message in told.messages} == {"a", "b"}
    assert len({message.case_version for message in told.messages}) == 1
    assert all(
        m.what_happened and m.owner and m.by_when and m.next_update_at and m.track_url and m.why_you
        for m in told.messages
    )


def test_a_person_who_wrote_nothing_wrong_gets_no_mail_twice(world: World, trader: Trader) -> None:
    trader.buyer()
    clerk = trader.person("clerk", "AP_CLERK", "b1")
    trader.sell("o1", "100")
    world.end_of_day()

    ids = [mail["Message-ID"] for mail in trader.mails(clerk)]
    assert len(ids) == len(set(ids)) == len(subjects(trader.mails(clerk)))

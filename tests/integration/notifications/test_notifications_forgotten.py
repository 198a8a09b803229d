"""A person is forgotten: nobody is left behind the id, and nothing that was said to them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.notifications.v1 import events_pb2, service_pb2

from services.chassis import cleaning
from services.notifications import quotes, rebuild, usecases
from services.notifications.domain.delivery import Answer, Handed
from services.notifications.usecases import Desk
from tests.integration.notifications.office import Office, Refused, text
from tests.unit.notifications.samples import TENANT, an_event, decided, dispute_moved, dispute_opened, invoice, payment

MARK = "zweigenbaum"


async def erase(office: Office, contact_id: str = "cleo") -> None:
    await office.call("EraseContact", service_pb2.EraseContactRequest(contact_id=contact_id))


async def export(office: Office, contact_id: str = "cleo", **page: Any) -> Any:
    return await office.call("ExportContact", service_pb2.ExportContactRequest(contact_id=contact_id, **page))


async def listed(office: Office, account: str = "acme") -> list[str]:
    answer = await office.call("ListContacts", service_pb2.ListContactsRequest(account_id=account))
    return [contact.contact_id for contact in answer.contacts]


async def marked(office: Office, *roles: str, **changes: Any) -> None:
    """Somebody whose every word can be found again."""
    given = {"name": f"Cleo {MARK}", "email": f"{MARK}@acme.example", **changes}
    await office.register("cleo", *(roles or ("AP_CLERK",)), **given)


async def left(office: Office) -> list[str]:
    """Every row of every table that has the mark in it, whoever asks."""
    database = office.parts.settings.owner_database_url.get_secret_value()
    found = []
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute("SELECT set_config('ar.tenants', %s, true)", [TENANT])
        tables = await (
            await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).fetchall()
        for (table,) in tables:
            rows = await (
                await connection.execute(f'SELECT t::text FROM "{table}" t WHERE t::text ILIKE %s', [f"%{MARK}%"])
            ).fetchall()
            found += [f"{table}: {row}" for (row,) in rows]
    return found


async def test_of_who_is_forgotten_the_id_alone_is_left(office: Office):
    await marked(office)
    await office.follow(invoice(), decided())
    await office.send()
    assert await left(office) != []

    await erase(office)
    await office.send()

    assert await left(office) == []
    assert await listed(office) == []
    [message] = await office.messages(contact_id="cleo", about="invoice/i1")
    assert (message.state, message.subject, message.what_happened, message.what_you_need_to_do) == (
        "ACCEPTED",
        "",
        "",
        "",
    )
    [*_, erased] = await office.told()
    assert erased == events_pb2.ContactErased(contact_id="cleo", account_id="acme")
    [*_, row] = await office.rows("SELECT key, headers FROM outbox ORDER BY id")
    assert (row.key, row.headers["ce_subject"], row.headers["ce_reason"]) == ("nordwind/acme", "contact/cleo", "")


async def test_of_the_sellers_own_people_too(office: Office):
    await office.register("sam", "SALES", account="")

    await erase(office, "sam")

    assert (await office.told())[-1] == events_pb2.ContactErased(contact_id="sam")
    assert await listed(office, "") == []


async def test_the_id_never_means_anybody_again(office: Office):
    await marked(office)
    await erase(office)

    with pytest.raises(Refused) as refused:
        await office.register("cleo", "AP_CLERK", name="Somebody else")

    assert refused.value.code == "contact.erased"


async def test_the_version_before_this_one_cannot_make_it_mean_somebody_either(office: Office):
    await marked(office)
    await erase(office)

    with pytest.raises(psycopg.errors.CheckViolation):
        await office.rows("UPDATE contact SET name = 'Somebody', email = 'a@b.example' RETURNING 1")


async def test_who_is_nobody_is_not_forgotten(office: Office):
    with pytest.raises(Refused) as refused:
        await erase(office, "nobody")

    assert refused.value.code == "contact.unknown"


async def test_whoever_asks_again_is_told_again_and_nothing_else_changes(office: Office):
    await marked(office)
    await office.follow(invoice())
    await erase(office)
    await office.send()
    before = await office.rows("SELECT * FROM message ORDER BY message_id")

    await erase(office)
    await office.send()

    assert [type(told) for told in await office.told()].count(events_pb2.ContactErased) == 2
    after = await office.rows("SELECT * FROM message ORDER BY message_id")
    assert [row.message_id for row in after] == [row.message_id for row in before]


async def test_what_waits_for_them_goes_to_who_must_act_instead(office: Office):
    await marked(office)
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.follow(invoice())

    await erase(office)
    await office.send()

    assert office.mails(MARK) == []
    [message] = await office.messages(contact_id="cleo", about="invoice/i1")
    assert message.state == "WITHDRAWN"
    [instead] = await office.messages(contact_id="ada", about="invoice/i1")
    assert instead.weight == "ACT"


async def test_what_waits_for_their_digest_goes_to_nobody(office: Office):
    await marked(office, "PROCUREMENT")
    await office.follow(decided())
    assert await office.rows("SELECT FROM message WHERE mail_key IS NULL") != []

    await erase(office)
    await office.send()

    assert await office.rows("SELECT FROM message WHERE mail_key IS NULL") == []
    assert await left(office) == []


async def test_what_comes_later_is_told_to_others_alone(office: Office):
    await marked(office)
    await office.register("ada", "ACCOUNT_ADMIN")
    await erase(office)

    await office.follow(invoice())
    await office.send()

    assert await office.messages(contact_id="cleo") == []
    [message] = await office.messages(contact_id="ada", about="invoice/i1")
    assert message.weight == "ACT"


async def test_who_has_the_same_address_still_gets_what_went_with_their_mail(office: Office):
    await marked(office)
    await office.register("dora", "PROCUREMENT", "REQUESTER", email=f"{MARK}@acme.example")
    await office.follow(invoice())
    [carried] = await office.rows("SELECT contact_id FROM mail WHERE carrier IS NOT NULL")

    await erase(office, "cleo" if carried.contact_id == "dora" else "dora")
    await office.send()

    [mail] = office.mails(MARK)
    assert str(mail["To"]).startswith("Person dora" if carried.contact_id == "dora" else "Cleo")


async def test_what_comes_of_a_mail_that_was_under_way_is_nobodys(office: Office):
    await marked(office)
    await office.follow(invoice())
    [mail] = await office.taken_up()
    await erase(office)
    await office.send()

    async with office.parts.database.transaction([TENANT]) as tx:
        await Desk("reply.example").record(tx, [(mail, Handed(Answer.NEVER, 550))])

    assert [type(told) for told in await office.told()] == [events_pb2.ContactErased]
    assert await left(office) == []


async def test_what_was_told_to_them_while_they_were_forgotten_is_forgotten_too(office: Office):
    """As by a transaction that had found them before."""
    await marked(office)
    await office.follow(invoice())
    await erase(office)
    await office.send()
    await office.rows("UPDATE message SET subject = 'for zweigenbaum', action = 'x', forgotten_at = NULL RETURNING 1")

    await office.send()

    assert await left(office) == []


async def test_a_database_from_before_forgets_again_when_it_is_told(office: Office):
    await marked(office)
    await office.follow(invoice())
    event = an_event(events_pb2.ContactErased(contact_id="cleo", account_id="acme"), "contact/cleo")

    async with office.parts.database.transaction([TENANT]) as tx:
        await rebuild.FOLD.own[events_pb2.ContactErased](tx, event, None)
    await office.send()

    assert await left(office) == []
    assert office.mails(MARK) == []


async def test_an_empty_one_knows_that_the_id_means_nobody(office: Office):
    event = an_event(events_pb2.ContactErased(contact_id="cleo", account_id="acme"), "contact/cleo")
    async with office.parts.database.transaction([TENANT]) as tx:
        await rebuild.FOLD.own[events_pb2.ContactErased](tx, event, None)

    with pytest.raises(Refused) as refused:
        await marked(office)

    assert refused.value.code == "contact.erased"


async def test_a_person_gets_all_that_is_known_of_them_a_page_of_messages_at_a_time(office: Office):
    await marked(office, "AP_CLERK", "PROCUREMENT")
    await office.register("ada", "AP_CLERK")
    await office.follow(invoice(), decided())

    first = await export(office, page_size=1)
    second = await export(office, page_size=1, page_token=first.next_page_token)

    said = [json.loads(page.content) for page in (first, second)]
    assert said[0]["contact"]["name"] == f"Cleo {MARK}"
    assert said[0]["contact"]["email"] == f"{MARK}@acme.example"
    told = [message for page in said for message in page["messages"]]
    assert {message["contact_id"] for message in told} == {"cleo"}
    assert {message["about"] for message in told} == {"invoice/i1", "order/o1"}
    assert all(message["what_happened"] for message in told)


async def test_of_who_is_forgotten_there_is_no_more_to_give_than_what_was_about(office: Office):
    await marked(office)
    await office.follow(invoice())
    await erase(office)
    await office.send()

    said = json.loads((await export(office)).content)

    assert said["contact"] == {"contact_id": "cleo"}
    assert [message.get("what_happened") for message in said["messages"]] == [None]
    with pytest.raises(Refused) as refused:
        await export(office, "nobody")
    assert refused.value.code == "contact.unknown"


async def asked(office: Office) -> None:
    """The goods receiver of a buyer is asked for something."""
    await office.register("rex", "RECEIVING")
    await office.follow(dispute_opened())
    await office.follow(dispute_moved(disputes_pb2.STATE_AWAITING_CUSTOMER, nth=4))


async def test_what_somebody_wrote_is_in_the_mail_and_in_no_row_of_ours(office: Office):
    office.writers.missing["d1", 4] = f"a photo <b>{MARK}</b>\nof the box"
    office.writers.remittances["p1"] = f"from {MARK}"
    await office.register("cara", "CASH_APP", account="")
    await asked(office)
    await office.follow(payment(unapplied=100))
    await office.send()

    assert f"Send us: a photo <b>{MARK}</b> of the box." in text(office.mail_to("rex"))
    assert f"(reference: from {MARK})" in "".join(map(text, office.mails("cara")))
    question, *_ = await office.messages(contact_id="rex", about="dispute/d1")
    assert question.what_you_need_to_do == f"Send us: a photo <b>{MARK}</b> of the box."
    assert await left(office) == []


async def test_what_nobody_wrote_or_what_is_forgotten_is_said_to_be_so(office: Office):
    await office.register("cara", "CASH_APP", account="")
    await asked(office)
    await office.follow(payment(unapplied=100))
    await office.send()

    assert "Send us: not stated." in text(office.mail_to("rex"))
    assert "(reference: not stated)" in "".join(map(text, office.mails("cara")))


async def test_a_mail_waits_for_what_it_quotes_and_a_list_does_not(office: Office):
    office.writers.missing["d1", 4] = "a photo"
    office.writers.away = True
    await asked(office)
    await office.send_once()

    assert office.mails("rex") == []
    question, *_ = await office.messages(contact_id="rex", about="dispute/d1")
    assert (question.state, question.what_you_need_to_do) == ("SOFT_BOUNCED", "Send us: ….")

    office.writers.away = False
    await office.forget_pauses()
    await office.send()
    assert "Send us: a photo." in text(office.mail_to("rex"))


async def test_a_list_waits_no_longer_for_all_that_it_quotes_than_for_one_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quotes, "WAIT_S", 1.0)
    office.writers.silent = True
    await office.register("rex", "RECEIVING")
    await office.follow(dispute_opened())
    moves = range(4, 4 + 3 * quotes.AT_ONCE)
    await office.follow(*(dispute_moved(disputes_pb2.STATE_AWAITING_CUSTOMER, nth=nth) for nth in moves))

    async with asyncio.timeout(2.0):
        questions = await office.messages(contact_id="rex", about="dispute/d1")

    said = [question.what_you_need_to_do for question in questions]
    assert said.count("Send us: ….") == len(moves)


async def test_what_the_version_before_this_one_told_is_forgotten_with_its_reader(office: Office):
    await office.register("rex", "RECEIVING")
    await office.follow(dispute_opened())
    await office.follow(dispute_moved(disputes_pb2.STATE_AWAITING_CUSTOMER, f"a photo of {MARK}"))
    await office.send()
    assert f"Send us: a photo of {MARK}." in text(office.mail_to("rex"))

    await erase(office, "rex")
    await office.send()

    assert await left(office) == []


async def test_messages_go_when_their_years_are_over_and_what_they_told_is_not_told_again(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await office.send()

    await office.set_clock(datetime(2036, 12, 31, 12, tzinfo=UTC))  # nobody said where the seller is: ten years
    await cleaning.clean(office.parts.database, usecases.forget_outdated)
    assert len(await office.messages(contact_id="cleo")) == 1
    await office.set_clock(datetime(2037, 1, 1, 12, tzinfo=UTC))
    await cleaning.clean(office.parts.database, usecases.forget_outdated)

    assert await office.messages() == []
    assert await office.rows("SELECT FROM mail") == []
    await office.follow(invoice())
    assert await office.messages() == []

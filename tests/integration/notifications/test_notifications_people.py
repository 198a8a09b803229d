"""Registering people, listing what was told, tenants apart, and persons' data where it belongs."""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from typing import Any

import pytest
import structlog
from prometheus_client import generate_latest
from receivables.common.v1.party_pb2 import Scope
from receivables.notifications.v1 import service_pb2

from services.chassis import logs
from services.chassis.database import Tx
from services.chassis.envelope import Event
from tests.integration.notifications.office import Office, Refused
from tests.unit.notifications.samples import (
    an_event,
    decided,
    dispute_opened,
    invoice,
    limit_changed,
    payment,
    shipped,
)


async def test_a_person_is_registered_listed_and_replaced(office: Office):
    await office.register("cleo", "AP_CLERK", "RECEIVING", scope=Scope(site="Hamburg"), wants_document=True)
    await office.register("cleo", "AP_MANAGER", name="Cleo B", email="b@acme.example", language="sv")
    await office.register("sam", "SALES", account="")

    answer = await office.call("ListContacts", service_pb2.ListContactsRequest(account_id="acme"))

    [cleo] = answer.contacts
    assert cleo == service_pb2.Contact(
        contact_id="cleo",
        account_id="acme",
        name="Cleo B",
        email="b@acme.example",
        roles=["AP_MANAGER"],
        scope=Scope(),
        language="sv",
    )
    sellers = await office.call("ListContacts", service_pb2.ListContactsRequest())
    assert [contact.contact_id for contact in sellers.contacts] == ["sam"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "no address"}, "contact.email_malformed"),
        ({"name": "Cleo\r\nBcc: x@y.example"}, "text.control_character"),
        ({"language": "xx"}, "contact.language_unknown"),
        ({"account": ""}, "contact.role_of_other_side"),
    ],
)
async def test_who_cannot_be_told_is_refused(office: Office, changes: dict[str, Any], code: str):
    with pytest.raises(Refused) as refused:
        await office.register("cleo", "AP_CLERK", **changes)
    assert refused.value.code == code


async def test_an_unknown_role_is_refused(office: Office):
    with pytest.raises(Refused) as refused:
        await office.register("cleo", "CHIEF")
    assert refused.value.code == "contact.role_unknown"


async def test_people_are_listed_a_page_at_a_time(office: Office):
    for name in ("e", "d", "c", "b", "a"):
        await office.register(name, "AP_CLERK")
    await office.register("sam", "SALES", account="")

    pages, token = [], ""
    while True:
        request = service_pb2.ListContactsRequest(account_id="acme", page_size=2, page_token=token)
        answer = await office.call("ListContacts", request)
        pages.append([contact.contact_id for contact in answer.contacts])
        if not (token := answer.next_page_token):
            break
        last = token

    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    for method, request_ in (
        ("ListContacts", service_pb2.ListContactsRequest(account_id="other", page_token=last)),
        ("ListContacts", service_pb2.ListContactsRequest(account_id="acme", page_token="b")),
        ("ListMessages", service_pb2.ListMessagesRequest(account_id="acme", page_token=last)),
    ):
        with pytest.raises(Refused) as refused:
            await office.call(method, request_)
        assert refused.value.code == "call.page_token"


@pytest.mark.parametrize("filters", [{"contact_id": "cleo"}, {"contact_id": "cleo", "about": "invoice/i2"}, {}])
async def test_messages_are_listed_by_whom_and_about_what_they_were(office: Office, filters: dict[str, str]):
    await office.register("cleo", "AP_CLERK")
    await office.register("dora", "AP_CLERK", account="other")
    await office.follow(*(invoice(n) for n in range(1, 4)))

    found = await office.messages(**filters)

    about = [filters["about"]] if "about" in filters else ["invoice/i3", "invoice/i2", "invoice/i1"]
    assert [m.about for m in found] == about


async def test_messages_are_listed_newest_first_a_page_at_a_time(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(*(invoice(n) for n in range(1, 6)))

    pages, token = [], ""
    while True:
        answer = await office.call(
            "ListMessages", service_pb2.ListMessagesRequest(account_id="acme", page_size=2, page_token=token)
        )
        pages.append([m.about for m in answer.messages])
        if not (token := answer.next_page_token):
            break

    assert pages == [["invoice/i5", "invoice/i4"], ["invoice/i3", "invoice/i2"], ["invoice/i1"]]
    assert [m.about for m in await office.messages(about="invoice/i3")] == ["invoice/i3"]
    assert not await office.messages(contact_id="nobody")
    [message] = await office.messages(about="invoice/i3")
    assert (message.state, message.weight, message.by_when) == ("QUEUED", "ACT", "2026-04-01")
    assert message.track_url.startswith("mailto:case+")


async def test_another_tenants_people_and_messages_are_not_there(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())

    for request, method in (
        (service_pb2.ListContactsRequest(account_id="acme"), "ListContacts"),
        (service_pb2.ListMessagesRequest(account_id="acme"), "ListMessages"),
    ):
        answer = await office.call(method, request, tenant="other")
        assert not answer.ListFields()
    other = service_pb2.RegisterContactRequest(
        contact_id="cleo", account_id="acme", name="Other", email="o@o.example", roles=["AP_CLERK"], language="en"
    )
    await office.call("RegisterContact", other, tenant="other")
    await office.send()
    assert [str(mail["To"]) for mail in office.mails()] == ["Person cleo <cleo@acme.example>"]


async def test_a_batch_of_several_tenants_tells_each_its_own(office: Office):
    await office.register("cleo", "AP_CLERK")
    other = service_pb2.RegisterContactRequest(
        contact_id="olga", account_id="acme", name="Olga", email="olga@o.example", roles=["AP_CLERK"], language="en"
    )
    await office.call("RegisterContact", other, tenant="other")
    theirs = invoice(2)

    await office.follow(invoice(1), replace(theirs, origin=replace(theirs.origin, tenant="other")))
    await office.send()

    assert "RE-2026-000001" in str(office.mail_to("cleo")["Subject"])
    assert "RE-2026-000002" in str(office.mail_to("olga")["Subject"])


@contextmanager
def printing() -> Iterator[io.StringIO]:
    """What the process prints, set up as in production but for every level."""
    before = logging.getLogger().handlers[:]
    said = io.StringIO()
    with redirect_stderr(said):
        logs.configure("notifications", "DEBUG")
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # the receiver's own, which here runs in our process
        yield said
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(level=logging.WARNING, handlers=before, force=True)


async def test_persons_data_is_on_no_topic_in_no_log_line_and_in_no_metric(office: Office):
    await office.register("c1", "AP_CLERK", name="Zyxwvut Marked", email="bounce-zyxwvut@marked.example")
    await office.register("c2", "AP_CLERK", name="Zyxwvut Second", email="zyxwvut@marked.example")

    with printing() as lines:
        with pytest.raises(Refused):
            await office.register("c3", "AP_CLERK", name="Zyxwvut Third", email="zyxwvut third")
        await office.follow(invoice(), decided())
        await office.send_once()
        office.mail.stop()
        await office.follow(invoice(2))
        await office.send_once()

    assert {type(told).__name__ for told in await office.told()} == {"MessageBounced", "MessageDelivered"}
    kept = await office.rows(
        """SELECT outbox::text || encode(payload, 'escape') AS text FROM outbox
           UNION ALL SELECT parked::text FROM parked UNION ALL SELECT answer::text FROM answer
           UNION ALL SELECT message::text FROM message UNION ALL SELECT story::text FROM story
           UNION ALL SELECT mail::text FROM mail"""
    )
    assert "call refused" in lines.getvalue()
    assert "mail server not at hand" in lines.getvalue()
    everything = [*(row.text for row in kept), generate_latest().decode(), lines.getvalue()]
    assert not [text for text in everything if "zyxwvut" in text.lower()]


async def test_a_batch_costs_a_handful_of_statements_however_large(office: Office, monkeypatch: pytest.MonkeyPatch):
    await office.register("cleo", "AP_CLERK", wants_document=True)
    await office.register("req", "REQUESTER", "RECEIVING")
    statements: list[str] = []
    for name in ("run", "rows"):
        monkeypatch.setattr(Tx, name, _counting(getattr(Tx, name), statements))

    async def cost(events: Sequence[Event[Any]]) -> int:
        statements.clear()
        await office.follow(*events)
        return len(statements)

    few = await cost([invoice(1)])
    many = await cost([invoice(n) for n in range(2, 502)])

    assert len(await office.rows("SELECT 1 FROM message")) == 501 * 2
    assert many == few
    assert few <= 20  # the machinery's included


def _counting(method: Any, statements: list[str]) -> Any:
    async def counted(self: Tx, sql: str, params: Any = ()) -> Any:
        statements.append(sql)
        return await method(self, sql, params)

    return counted


async def test_nobody_waits_for_a_contact_every_event_is_handled_as_it_comes(office: Office):
    await office.follow(shipped(), invoice(), payment(), dispute_opened(), limit_changed(), decided())

    assert not await office.rows("SELECT 1 FROM parked")


async def test_an_event_that_makes_no_sense_is_parked_and_the_rest_told(office: Office):
    await office.register("cleo", "AP_CLERK")
    senseless = invoice(2, due_date="soon")

    await office.follow(invoice(1), senseless, invoice(3))

    assert [m.about for m in await office.messages()] == ["invoice/i3", "invoice/i1"]
    [parked] = await office.rows("SELECT code FROM parked")
    assert parked.code == "date.malformed"


async def test_ids_of_any_length_and_kind_from_the_shop_are_refused_and_nobody_hears_of_them(office: Office):
    await office.register("rex", "RECEIVING")
    strange = shipped(order="o\u202e" + "x" * 5000, shipment="\u2028" * 50 + "s")

    await office.follow(an_event(strange.body, "order/strange"))

    assert await office.messages() == []
    [waiting] = await office.rows("SELECT reason, code FROM parked")
    assert (waiting.reason, waiting.code) == ("refused", "text.too_long")

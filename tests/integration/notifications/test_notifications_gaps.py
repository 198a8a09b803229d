"""Whom an account misses: told before it matters, once, and over by itself."""

from datetime import UTC, datetime
from typing import Any

from receivables.common.v1.party_pb2 import Company
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.notifications.v1 import events_pb2, service_pb2

from tests.integration.notifications.office import Office
from tests.unit.notifications.samples import an_event, eur, invoice


async def by(office: Office, at: datetime) -> None:
    await office.set_clock(at)
    await office.send()


async def told(office: Office) -> list[Any]:
    rows = await office.rows("SELECT payload FROM outbox WHERE headers->>'ce_type' LIKE '%%ContactGap' ORDER BY id")
    return [events_pb2.ContactGap.FromString(row.payload) for row in rows]


async def missed(office: Office) -> list[tuple[str, str]]:
    """What the account misses, but for an owner."""
    found = await office.call("GetPeople", service_pb2.GetPeopleRequest(account_id="acme"))
    return [(one.what, one.who) for one in found.missed if one.what != "OWNER"]


async def kinds(office: Office, contact_id: str) -> list[str]:
    return [m.event_type for m in reversed(await office.messages(contact_id=contact_id))]


async def test_a_new_account_is_asked_for_whom_it_misses_once_and_what_is_filled_ends(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN", "AP_CLERK")
    await office.register("sam", "SALES", account="")
    body = credit_pb2.BuyerRegistered(account_id="acme", company=Company(name="Acme Ltd"), limit=eur(1))
    await office.follow(an_event(body, "buyer/acme"))
    await office.send()
    assert await kinds(office, "ada") == []  # there is a day for registering people

    await by(office, datetime(2026, 3, 3, 9, tzinfo=UTC))
    assert await kinds(office, "ada") == ["roles_missing", "single_contact"]
    assert sorted(await kinds(office, "sam")) == ["owner_missing", "roles_missing", "single_contact"]
    assert [(one.what, one.who, one.filled) for one in await told(office)] == [
        ("OWNER", "", False),
        ("ROLE", "RECEIVING", False),
        ("ROLE", "REQUESTER", False),
        ("SINGLE_CONTACT", "", False),
    ]

    await office.register("rob", "REQUESTER")
    await office.call("SetTeam", service_pb2.SetTeamRequest(account_id="acme", owner_id="sam"))
    await by(office, datetime(2026, 3, 5, 9, tzinfo=UTC))
    assert await missed(office) == [("ROLE", "RECEIVING")]
    assert sorted((one.what, one.who) for one in (await told(office))[4:] if one.filled) == [
        ("OWNER", ""),
        ("ROLE", "REQUESTER"),
        ("SINGLE_CONTACT", ""),
    ]
    await by(office, datetime(2026, 4, 20, 9, tzinfo=UTC))
    assert (await kinds(office, "ada")).count("roles_missing") == 1


async def test_an_account_whose_second_person_bounces_is_told_within_minutes_and_the_mail_goes_to_who_is_left(
    office: Office,
):
    await office.register("ada", "ACCOUNT_ADMIN", "RECEIVING")
    await office.register("cleo", "AP_CLERK", "PROCUREMENT", email="bounce-cleo@x.example")
    await by(office, datetime(2026, 3, 4, 9, tzinfo=UTC))
    assert await missed(office) == [("ROLE", "REQUESTER")]

    await office.follow(invoice())
    await office.send()
    await by(office, datetime(2026, 3, 4, 9, 5, tzinfo=UTC))
    assert "single_contact" in await kinds(office, "ada")
    assert [m.weight for m in await office.messages(contact_id="ada", about="invoice/i1")] == ["ACT"]
    assert await missed(office) == [("ROLE", "AP_CLERK"), ("ROLE", "REQUESTER"), ("SINGLE_CONTACT", "")]


async def test_who_is_asked_and_never_heard_of_is_silent_until_they_come_in(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN", "REQUESTER", "RECEIVING")
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await by(office, datetime(2026, 6, 15, 9, tzinfo=UTC))

    found = await office.call("GetPeople", service_pb2.GetPeopleRequest(account_id="acme"))
    assert await missed(office) == [("SILENT", "cleo")]
    [cleo] = [one for one in found.people if one.contact.contact_id == "cleo"]
    assert (cleo.silent_days, cleo.open_asks, cleo.influence) == (105, 1, "USER")

    await office.call("NoteSignIn", service_pb2.NoteSignInRequest(contact_id="cleo"), by="service:portal")
    await by(office, datetime(2026, 6, 23, 9, tzinfo=UTC))
    assert await missed(office) == []

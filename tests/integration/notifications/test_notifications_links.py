"""Ways into the portal: who has an address, and the mails of links, which are kept until they went and no longer."""

import re
from typing import Any

import pytest
from receivables.notifications.v1 import service_pb2

from deploy.local.trust import person
from services.chassis.identity import Principal
from services.chassis.workers import Batch
from services.notifications.letters import link as letter
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, html, text
from tests.integration.notifications.test_notifications_people import printing
from tests.unit.notifications.samples import TENANT

PORTAL = Principal("service:portal", TENANT, "portal")
SECRET = "zzsecretzz"
URL = f"https://nordwind.example/in?t={SECRET}"
SIGN_IN, INVITATION = service_pb2.LINK_KIND_SIGN_IN, service_pb2.LINK_KIND_INVITATION
ADDRESS = service_pb2.LINK_KIND_ADDRESS
APPLICATION, FACTS, MONTH = service_pb2.LINK_KIND_APPLICATION, service_pb2.LINK_KIND_FACTS, 30 * 24 * 60


async def ask(office: Office, method: str, request: Any, who: Principal = PORTAL) -> Any:
    return await Gated("notifications", office.stub).ask(who, method, request)


async def send_link(office: Office, contact_id: str = "cleo", **changes: Any) -> str:
    """The code of the refusal, or nothing."""
    given: dict[str, Any] = {"kind": SIGN_IN, "url": URL, "minutes": 10} | changes
    answer = await ask(office, "SendLink", service_pb2.SendLinkRequest(contact_id=contact_id, **given))
    return answer.code if isinstance(answer, Asked) else ""


async def links(office: Office) -> list[str]:
    return [row.contact_id for row in await office.rows("SELECT contact_id FROM link ORDER BY contact_id")]


async def test_people_are_found_by_their_address_in_any_case_of_letters(office: Office):
    await office.register("cleo", "AP_CLERK", email="Cleo.B@Acme.example")
    await office.register("sam", "SALES", account="", email="cleo.b@acme.example")
    await office.register("dora", "AP_CLERK")

    for email in ("cleo.b@acme.example", " CLEO.B@ACME.EXAMPLE "):
        answer = await ask(office, "FindContacts", service_pb2.FindContactsRequest(email=email))
        assert [contact.contact_id for contact in answer.contacts] == ["cleo", "sam"]
    assert not (await ask(office, "FindContacts", service_pb2.FindContactsRequest(email="cleo"))).contacts
    elsewhere = Principal("service:portal", "other", "portal")
    request = service_pb2.FindContactsRequest(email="cleo.b@acme.example")
    assert not (await ask(office, "FindContacts", request, elsewhere)).contacts


async def test_a_person_changes_how_it_is_told_and_nobody_elses(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("dora", "AP_CLERK")
    cleo = Principal(
        "contact:cleo", TENANT, "portal", frozenset({"AP_CLERK"}), frozenset({"acme"}), assurance=1
    )  # its first factor is enough

    request = service_pb2.ChangeContactRequest(contact_id="cleo", language="sv", wants_document=True)
    answer = await ask(office, "ChangeContact", request, cleo)
    request.contact_id = "dora"
    of_another = await ask(office, "ChangeContact", request, cleo)
    unknown = await ask(
        office, "ChangeContact", service_pb2.ChangeContactRequest(contact_id="cleo", language="xx"), cleo
    )

    assert (answer.contact.language, answer.contact.wants_document) == ("sv", True)
    assert (of_another.code, unknown.code) == ("access.contact", "contact.language_unknown")
    shown = await ask(office, "GetContact", service_pb2.GetContactRequest(contact_id="cleo"), cleo)
    assert shown.contact == answer.contact


async def test_of_the_sellers_people_one_changes_oneself_and_who_registers_others(office: Office):
    await office.register("cleo", "AP_CLERK")
    for name, role in (("max", "AUDITOR"), ("sam", "SALES")):
        await office.register(name, role, account="")

    async def change(who: str, role: str, contact_id: str) -> str:
        request = service_pb2.ChangeContactRequest(contact_id=contact_id, language="de")
        answer = await ask(office, "ChangeContact", request, person(f"user:{who}", TENANT, roles=[role]))
        return answer.code if isinstance(answer, Asked) else ""

    assert [await change("max", "AUDITOR", name) for name in ("max", "sam", "cleo")] == [
        "",
        "contact.another",
        "contact.another",
    ]
    assert [await change("sam", "SALES", name) for name in ("sam", "max", "cleo")] == ["", "contact.another", ""]
    assert [await change("ada", "SELLER_ADMIN", name) for name in ("sam", "cleo", "nobody")] == [
        "",
        "",
        "contact.unknown",
    ]


async def test_a_link_goes_at_once_in_the_readers_language_and_is_kept_no_longer(office: Office):
    await office.register("cleo", "AP_CLERK", language="de", name="Cleo Müller")

    assert await send_link(office) == ""
    await office.send()

    mail = office.mail_to("cleo")
    assert URL in text(mail)
    assert SECRET in html(mail)
    assert mail["Content-Language"] == "de"
    assert await links(office) == []
    assert await office.rows("SELECT FROM job WHERE kind = 'link'") == []


@pytest.mark.parametrize("language", ["en", "de", "fr", "sv"])
async def test_an_invitation_names_who_invites(office: Office, language: str):
    await office.register("ann", "ACCOUNT_ADMIN", name="Ann Admin")
    await office.register("cleo", "AP_CLERK", language=language)

    assert await send_link(office, kind=INVITATION, minutes=7 * 24 * 60, invited_by="contact:ann") == ""
    await office.send()

    assert "Ann Admin" in str(office.mail_to("cleo")["Subject"])


@pytest.mark.parametrize("language", ["en", "de", "fr", "sv"])
async def test_a_link_to_an_application_goes_to_an_address_that_is_no_contacts(office: Office, language: str):
    new, other = "einkauf@muster.example", "lager@muster.example"
    assert await send_link(office, "", kind=APPLICATION, minutes=MONTH, address=new, language=language) == ""
    asked = {"kind": FACTS, "minutes": MONTH, "address": other, "language": language, "invited_by": new}
    assert await send_link(office, "", **asked) == ""
    read = "leitung@muster.example"
    assert await send_link(office, "", kind=ADDRESS, minutes=MONTH, address=read, language=language) == ""
    await office.send()

    mails = {str(mail["To"]): mail for mail in office.mails()}
    to_new, to_other, to_read = (
        next(mail for to, mail in mails.items() if address in to) for address in (new, other, read)
    )
    for mail in (to_new, to_other, to_read):
        assert URL in text(mail)
        assert mail["Content-Language"] == language
    assert new in str(to_other["Subject"])
    assert await links(office) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address": ""}, "contact.name_malformed"),
        ({"address": "no address"}, "contact.email_malformed"),
        ({"address": "a@b.example", "language": "xx"}, "contact.language_unknown"),
    ],
)
async def test_a_link_to_what_is_no_address_is_refused(office: Office, changes: dict[str, Any], code: str):
    given = {"kind": APPLICATION, "minutes": MONTH, "language": "en"} | changes
    assert await send_link(office, "", **given) == code
    assert await links(office) == []


@pytest.mark.parametrize(
    ("contact_id", "changes", "code"),
    [
        ("nobody", {}, "contact.unknown"),
        ("cleo", {"kind": 0}, "link.kind"),
        ("cleo", {"minutes": 0}, "link.malformed"),
        ("cleo", {"url": "http://nordwind.example/in"}, "link.malformed"),
        ("cleo", {"url": "http://localhost.nordwind.example/in"}, "link.malformed"),
    ],
)
async def test_what_is_no_link_or_for_nobody_is_refused(
    office: Office, contact_id: str, changes: dict[str, Any], code: str
):
    await office.register("cleo", "AP_CLERK")

    assert await send_link(office, contact_id, **changes) == code
    assert await links(office) == []


async def test_a_link_waits_for_a_mail_server_as_long_as_it_is_good(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("dora", "AP_CLERK")
    office.mail.stop()
    await send_link(office)
    await send_link(office, "dora", minutes=1)
    await office.send_once()
    assert await links(office) == ["cleo", "dora"]

    await office.rows("UPDATE link SET asked_at = asked_at - interval '2 minutes' RETURNING 1")
    await office.restart_mail()
    await office.forget_jobs_pauses()
    await office.send()

    assert [str(mail["To"]) for mail in office.mails()] == ["Person cleo <cleo@acme.example>"]
    assert await links(office) == []


async def test_a_process_that_ends_before_it_wrote_down_what_went_mails_again_and_loses_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    await office.register("cleo", "AP_CLERK")
    await send_link(office)

    def died(self: Batch) -> Any:
        raise ConnectionError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Batch, "finishing", died)
        await office.send_once()
    assert await links(office) == ["cleo"]
    await office.forget_jobs_pauses()
    await office.send()

    first, second = office.mails("cleo")
    assert first["Message-ID"] == second["Message-ID"]
    assert await links(office) == []


async def test_a_link_is_in_no_log_and_in_no_row_but_its_own(office: Office, monkeypatch: pytest.MonkeyPatch):
    await office.register("cleo", "AP_CLERK")
    await office.register("dora", "AP_CLERK")

    def broken(one: Any, **_: Any) -> bytes:
        raise ValueError(f"cannot write {one.link.url} to {one.person.name}")

    with printing() as lines:
        await send_link(office)
        await send_link(office, "dora", url=f"http://evil.example/{SECRET}")
        with monkeypatch.context() as patched:
            patched.setattr(letter, "write", broken)
            for _ in range(12):
                await office.send_once()
                await office.forget_jobs_pauses()

    assert [row.code for row in await office.rows("SELECT code FROM parked")] == ["defect.Unwritable"]
    kept = await office.rows(
        """SELECT parked::text AS text FROM parked UNION ALL SELECT answer::text FROM answer
           UNION ALL SELECT act::text FROM act UNION ALL SELECT job::text FROM job
           UNION ALL SELECT outbox::text FROM outbox"""
    )
    assert len(kept) > 3
    assert not [text for text in (*(row.text for row in kept), lines.getvalue()) if re.search(SECRET, text)]


async def test_who_is_forgotten_comes_in_by_no_link(office: Office):
    await office.register("cleo", "AP_CLERK")
    await send_link(office)

    await office.call("EraseContact", service_pb2.EraseContactRequest(contact_id="cleo"))
    assert await links(office) == []
    await office.send()

    assert office.mails("cleo") == []
    assert await send_link(office) == "contact.unknown"

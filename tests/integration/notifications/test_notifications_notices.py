"""Mails of what happened in the portal: one for each time that they are asked for, kept until they went and no longer."""

from typing import Any

import pytest
from receivables.common.v1.money_pb2 import Money
from receivables.notifications.v1 import service_pb2

from services.chassis.workers import Batch
from services.notifications.notices import GOOD_DAYS
from tests.integration.accounts.callers import Asked, Gated
from tests.integration.notifications.office import Office, text
from tests.integration.notifications.test_notifications_links import PORTAL

URL = "https://nordwind.example/approvals"
WAITS, ADDED = service_pb2.NOTICE_KIND_ORDER_WAITS, service_pb2.NOTICE_KIND_FACTOR_ADDED
AN_ORDER: dict[str, Any] = {
    "kind": WAITS,
    "by": "contact:bo",
    "amount": Money(minor=123_450, currency="GBP"),
    "last": "2026-03-09",
}
A_COVER = {"other": "contact:bo", "roles": ["AP_CLERK"], "first": "2026-03-02", "last": "2026-03-09"}


async def tell(office: Office, contact_id: str = "cleo", *, key: str = "", **said: Any) -> str:
    """The code of the refusal, or nothing."""
    request = service_pb2.SendNoticeRequest(contact_id=contact_id, **({"url": URL} | said))
    answer = await Gated("notifications", office.stub).ask(PORTAL, "SendNotice", request, key=key)
    return answer.code if isinstance(answer, Asked) else ""


async def kept(office: Office) -> list[str]:
    return [row.contact_id for row in await office.rows("SELECT contact_id FROM notice ORDER BY contact_id")]


async def test_a_notice_says_who_did_what_until_when_and_where_and_is_kept_no_longer(office: Office):
    await office.register("cleo", "AP_MANAGER", language="de", name="Cleo Müller")
    await office.register("bo", "REQUESTER", name="Bo Li")

    assert await tell(office, **AN_ORDER) == ""
    await office.send()

    mail = office.mail_to("cleo")
    assert mail["Content-Language"] == "de"
    assert str(mail["Subject"]) == "Eine Bestellung von Bo Li über 1.234,50\u00a0£ wartet auf Genehmigung"
    assert "bis zum 9. März 2026" in text(mail)
    assert URL in text(mail)
    assert await kept(office) == []
    assert await office.rows("SELECT FROM job WHERE kind = 'notice'") == []


async def test_asked_for_again_under_the_same_key_it_is_the_same(office: Office):
    await office.register("cleo", "AP_MANAGER")

    for _ in range(2):
        assert await tell(office, kind=ADDED, factor=service_pb2.FACTOR_APP, key="notice n1") == ""
    await office.send()
    assert await tell(office, kind=ADDED, factor=service_pb2.FACTOR_APP, key="notice n1") == ""
    await office.send()

    assert len(office.mails("cleo")) == 1


@pytest.mark.parametrize(
    ("contact_id", "said", "code"),
    [
        ("nobody", AN_ORDER, "contact.unknown"),
        ("cleo", {"kind": 0}, "notice.kind"),
        ("cleo", {"kind": 99}, "notice.kind"),
        ("cleo", {"kind": WAITS}, "notice.malformed"),
        ("cleo", AN_ORDER | {"provider": "Corp"}, "notice.malformed"),
        ("cleo", AN_ORDER | {"url": "http://nordwind.example/"}, "notice.malformed"),
        ("cleo", AN_ORDER | {"last": "2026-02-30"}, "date.malformed"),
        ("cleo", {"kind": ADDED, "factor": 9}, "notice.malformed"),
        ("cleo", A_COVER | {"kind": service_pb2.NOTICE_KIND_COVERED, "roles": ["KING"]}, "notice.malformed"),
    ],
)
async def test_what_is_no_notice_or_for_nobody_is_refused(
    office: Office, contact_id: str, said: dict[str, Any], code: str
):
    await office.register("cleo", "AP_MANAGER")

    assert await tell(office, contact_id, **said) == code
    assert await kept(office) == []


async def test_of_the_other_side_the_company_is_named_and_nobody(office: Office):
    await office.register("cleo", "AP_MANAGER")
    await office.register("sam", "SALES", account="", name="Sam Sales")

    await tell(office, kind=service_pb2.NOTICE_KIND_FACTORS_RESET, by="user:sam")
    await office.send()

    assert "Nordwind GmbH removed all second factors" in text(office.mail_to("cleo"))
    assert "Sam Sales" not in text(office.mail_to("cleo"))


async def test_who_has_left_cannot_be_reached_or_is_forgotten_gets_none(office: Office):
    for name in ("cleo", "dora", "eve"):
        await office.register(name, "AP_MANAGER")
        await tell(office, name, **AN_ORDER)

    await office.register("cleo")  # without a role
    await office.rows("UPDATE contact SET suspended_at = now() WHERE contact_id = 'dora' RETURNING 1")
    await office.call("EraseContact", service_pb2.EraseContactRequest(contact_id="eve"))
    assert await kept(office) == ["cleo", "dora"]
    await office.send()

    assert office.mails() == []
    assert await kept(office) == []


async def test_a_notice_waits_for_a_mail_server_as_long_as_it_is_of_use(office: Office):
    await office.register("cleo", "AP_MANAGER")
    await office.register("dora", "AP_MANAGER")
    office.mail.stop()
    await tell(office, **AN_ORDER)
    await tell(office, "dora", **AN_ORDER)
    await office.send_once()
    assert await kept(office) == ["cleo", "dora"]

    days = f"interval '{GOOD_DAYS} days'"
    await office.rows(f"UPDATE notice SET asked_at = asked_at - {days} WHERE contact_id = 'dora' RETURNING 1")
    await office.restart_mail()
    await office.forget_jobs_pauses()
    await office.send()

    assert [str(mail["To"]) for mail in office.mails()] == ["Person cleo <cleo@acme.example>"]
    assert await kept(office) == []


async def test_a_process_that_ends_before_it_wrote_down_what_went_mails_again_under_the_same_id(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    await office.register("cleo", "AP_MANAGER")
    await tell(office, **AN_ORDER)

    def died(self: Batch) -> Any:
        raise ConnectionError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Batch, "finishing", died)
        await office.send_once()
    await office.forget_jobs_pauses()
    await office.send()

    first, second = office.mails("cleo")
    assert first["Message-ID"] == second["Message-ID"]
    assert await kept(office) == []

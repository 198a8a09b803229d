"""From an event to the mail that a person reads."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from receivables.common.v1.party_pb2 import Company, Scope
from receivables.credit.v1 import events_pb2 as credit
from receivables.disputes.v1 import events_pb2 as disputes
from receivables.orders.v1 import events_pb2 as orders

from deploy.local.processes import free_port
from services.notifications.domain.delivery import Answer, Handed
from services.notifications.usecases import Desk
from tests.integration.notifications.office import XML, Office, OpenOffice, html, text
from tests.unit.notifications.samples import (
    ACCOUNT,
    an_event,
    credit_note,
    decided,
    dispute_moved,
    dispute_opened,
    every_story,
    invoice,
    limit_changed,
    payment,
    released,
    shipped,
)

FIVE_SHARP = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # 17:00 in Berlin
A_MINUTE_TO_FIVE = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)


async def test_who_must_act_gets_a_mail_at_once_in_text_and_html(office: Office):
    await office.register("cleo", "AP_CLERK")

    await office.follow(invoice())
    await office.send()

    mail = office.mail_to("cleo")
    assert mail["Subject"] == "Invoice RE-2026-000001 for €1,190.00, due on 1 April 2026"
    assert mail["From"].addresses[0].display_name == "Nordwind GmbH"
    assert mail["To"].addresses[0].display_name == "Person cleo"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"]
    assert mail["Content-Language"] == "en"
    assert mail.get_content_type() == "multipart/alternative"
    case = str(mail["Reply-To"])
    assert case.startswith("case+")
    assert case.endswith("@reply.receivables.example")
    for body in (text(mail), html(mail)):
        assert "Nordwind GmbH issued invoice RE-2026-000001 for €1,190.00 to Acme Ltd" in body
        assert "Pay €1,190.00 by 1 April 2026" in body
        assert "1 April 2026" in body
        assert f"mailto:{case}" in body
        assert "You hear this because you are named for accounts payable at Acme Ltd." in body
    assert await office.due() == 0


async def test_the_document_goes_along_with_the_mail_of_who_wants_it(office: Office):
    await office.register("edi", "EDI_IT", wants_document=True)
    await office.register("cleo", "AP_CLERK")

    await office.follow(invoice(), credit_note())
    await office.send()

    first, second = office.mails("edi")
    assert {name for m in (first, second) for name in _attachments(m)} == {("i1.xml", XML), ("c1.xml", XML)}
    assert not _attachments(office.mail_to("cleo"))
    assert sorted(office.invoicing.asked) == [("nordwind", "c1"), ("nordwind", "i1")]


async def test_a_mail_waits_for_its_document_and_nothing_else_does(office: Office):
    await office.register("edi", "EDI_IT", wants_document=True)
    await office.register("cleo", "AP_CLERK")
    office.invoicing.away = True
    await office.follow(invoice())

    await office.send_once()

    assert office.mail_to("cleo")
    assert not office.mails("edi")
    assert await _states(office, "edi") == ["SOFT_BOUNCED"]
    office.invoicing.away = False
    await office.forget_pauses()
    await office.send()
    assert _attachments(office.mail_to("edi"))


async def test_an_invoicing_that_is_just_starting_is_asked_again(office: Office):
    await office.register("edi", "EDI_IT", wants_document=True)
    office.invoicing.starting = 2
    await office.follow(invoice())

    await office.send_once()

    assert _attachments(office.mail_to("edi"))
    assert len(office.invoicing.asked) == 3


async def test_the_rest_waits_for_one_digest_at_the_end_of_the_business_day(office: Office):
    await office.register("req", "REQUESTER", "PROCUREMENT")
    await office.follow(decided(), limit_changed(), released(), decided(order="o2"))

    await office.set_clock(A_MINUTE_TO_FIVE)
    assert await office.due() == 0
    await office.send_once()
    assert not office.mails()
    await office.set_clock(FIVE_SHARP)
    assert await office.due() == 4
    await office.send()

    mail = office.mail_to("req")
    assert mail["Subject"] == "Nordwind GmbH: your news of 2 March 2026"
    assert mail["Reply-To"].addresses[0].addr_spec == "notifications@receivables.example"
    body = text(mail)
    assert html(mail).count("<h2>") == 3  # two orders and the credit line, each headed by its newest news
    assert "<h2>Credit line now €20,000.00</h2>" in html(mail)
    assert "was approved" in body
    assert "was cancelled" in body
    assert "changed from €10,000.00 to €20,000.00" in body
    assert html(mail).count("<article>") == 4
    assert [m.state for m in await office.messages()] == ["ACCEPTED"] * 4
    assert await office.told() == []  # that somebody was informed is listed, not announced


async def test_what_comes_too_late_for_a_digest_goes_with_the_next(office: Office):
    await office.register("req", "REQUESTER")
    await office.follow(decided())
    await office.set_clock(FIVE_SHARP)
    await office.send()
    await office.rows("UPDATE message SET mail_key = NULL RETURNING 1")  # as if it had been committed a moment later

    await office.send_once()

    assert len(office.mails("req")) == 1
    assert await office.due() == 0
    await office.set_clock(datetime(2026, 3, 3, 16, 0, tzinfo=UTC))
    await office.send()
    assert len(office.mails("req")) == 2


async def test_each_reads_their_own_language_and_all_the_same_version_of_the_case(office: Office):
    for language in ("en", "de", "sv"):
        await office.register(f"cleo-{language}", "AP_CLERK", language=language)

    await office.follow(invoice())
    await office.send()

    subjects = {language: str(office.mail_to(f"cleo-{language}")["Subject"]) for language in ("en", "de", "sv")}
    assert subjects["de"] == "Rechnung RE-2026-000001 über 1.190,00\u00a0€, fällig am 1. April 2026"
    assert subjects["sv"].startswith("Faktura RE-2026-000001 på 1\u00a0190,00\u00a0€")
    assert "Bis wann: 1. April 2026" in text(office.mail_to("cleo-de"))
    assert {m.case_version for m in await office.messages(about="invoice/i1")} == {1}
    await office.follow(credit_note())
    assert {m.case_version for m in await office.messages(about="invoice/i1")} == {1, 2}


async def test_a_narrower_scope_hears_only_of_its_own_shipments_too(office: Office):
    await office.register("ham", "RECEIVING", scope=Scope(site="Hamburg"))
    await office.register("muc", "RECEIVING", scope=Scope(site="Munich"))
    placed = orders.OrderPlaced(order_id="o1", version=1, account_id=ACCOUNT, scope=Scope(site="Hamburg"))

    await office.follow(an_event(placed), shipped())
    await office.send()

    assert "only site Hamburg" in text(office.mail_to("ham"))
    assert not office.mails("muc")


async def test_a_question_in_a_dispute_goes_to_the_one_who_knows(office: Office):
    await office.register("rex", "RECEIVING")
    await office.register("cleo", "AP_CLERK")
    await office.register("dora", "DISPUTE_OWNER", account="")
    question = dispute_moved(disputes.STATE_AWAITING_CUSTOMER, "a photo of the box")

    await office.follow(dispute_opened("QTY_SHORT"), question)
    await office.send()

    assert "Send us: a photo of the box." in text(office.mail_to("rex"))
    assert not office.mails("cleo")
    assert "Answer dispute d1 by 9 March 2026." in text(office.mail_to("dora"))


async def test_where_nobody_is_named_the_account_admin_acts_and_is_asked_once_to_name_somebody(office: Office):
    await office.register("ada", "ACCOUNT_ADMIN")
    await office.register("sam", "SALES", account="")

    await office.follow(invoice(1))
    await office.follow(invoice(2), invoice(3))
    await office.send()

    subjects = sorted(str(mail["Subject"]) for mail in office.mails("ada"))
    assert [subject.split(" for ")[0] for subject in subjects] == [
        "Acme Ltd has nobody named",
        "Invoice RE-2026-000001",
        "Invoice RE-2026-000002",
        "Invoice RE-2026-000003",
    ]
    assert not office.mails("sam")
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice(4))
    await office.send()
    assert len(office.mails("ada")) == 4
    assert len(office.mails("cleo")) == 1
    await office.register("cleo", "AP_MANAGER")  # and nobody is named again
    await office.follow(invoice(5))
    await office.send()
    assert [str(mail["Subject"]).split(" for ")[0] for mail in office.mails("ada")[4:]] == [
        "Invoice RE-2026-000005",
        "Acme Ltd has nobody named",
    ]


async def test_an_account_without_anybody_is_told_to_the_seller(office: Office):
    await office.register("sam", "SALES", account="")

    await office.follow(invoice())
    await office.send()

    handed_over, name_somebody = office.mails("sam")
    assert "Pass this on to Acme Ltd" in text(handed_over)
    assert "Acme Ltd has nobody named for accounts payable" in str(name_somebody["Subject"])


async def test_without_anybody_at_all_nothing_is_lost_and_nothing_fails(office: Office):
    await office.follow(invoice(), decided(credit.OUTCOME_DECLINED), payment())
    await office.send()

    assert not office.mails()
    assert len(await office.rows("SELECT 1 FROM story")) >= 3
    assert not await office.rows("SELECT 1 FROM parked")


async def test_an_order_of_an_unknown_buyer_is_told_to_the_seller_by_its_account(office: Office):
    await office.register("sam", "SALES", account="")
    stranger = decided(credit.OUTCOME_DECLINED)
    stranger = an_event(stranger.body, "order/o1", account="stranger-7")

    await office.follow(stranger)

    [message] = await office.messages()
    assert "Order o1 of stranger-7 for €1,234.56 was declined" in message.what_happened


async def test_a_fact_told_twice_is_told_once_whatever_the_event_id(office: Office):
    await office.register("rex", "RECEIVING")

    await office.follow(shipped(), shipped())
    await office.follow(shipped())
    await office.send()

    assert office.mail_to("rex")
    assert [m.case_version for m in await office.messages()] == [1]
    assert not await office.rows("SELECT 1 FROM parked")


async def test_a_mail_sent_again_after_a_crash_has_the_same_message_id(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await office.send()
    await office.rows(
        "UPDATE mail SET state = 'QUEUED', next_try_at = now() RETURNING 1"
    )  # died before writing it down

    await office.send()

    first, again = office.mails("cleo")
    assert first["Message-ID"] == again["Message-ID"]
    assert str(first["Message-ID"]).endswith("@reply.receivables.example>")
    assert text(first) == text(again)


async def test_two_mails_of_one_person_and_one_mail_of_two_persons_have_different_message_ids(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("clio", "AP_CLERK")
    await office.follow(invoice(1), invoice(2))
    await office.send()

    assert len({str(mail["Message-ID"]) for mail in office.mails()}) == 4


async def test_a_mail_that_the_version_before_sends_just_now_is_left_to_it(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    await office.rows(
        "UPDATE mail SET state = 'SENT', claim = 'other', next_try_at = now() + interval '1 minute' RETURNING 1"
    )

    await office.send_once()

    assert not office.mails()
    assert await office.due() == 1
    await office.forget_pauses()  # and it did not come back
    await office.send()
    assert office.mail_to("cleo")


async def test_what_the_version_before_wrote_and_left_is_sent(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("req", "REQUESTER")
    await office.follow(invoice())
    await office.rows("UPDATE mail SET next_try_at = now() RETURNING 1")
    await office.rows("DELETE FROM job RETURNING 1")

    await office.send()

    assert office.mail_to("cleo")
    assert await _states(office, "cleo") == ["ACCEPTED"]
    assert await office.send_once() == 0


async def test_the_version_before_leaves_our_mails_to_us(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    would_claim = "SELECT FROM mail WHERE state IN ('QUEUED', 'SENT', 'SOFT_BOUNCED') AND next_try_at <= now()"

    assert not await office.rows(would_claim)
    await office.rows("UPDATE mail SET next_try_at = now() + interval '1 second' RETURNING 1")
    await office.taken_up()  # just before it would
    [mail] = await office.rows("SELECT next_try_at > now() + interval '9 minutes' AS is_ours FROM mail")
    assert mail.is_ours


async def test_two_replicas_at_once_send_each_mail_once(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.register("req", "REQUESTER")
    await office.follow(*(invoice(n) for n in range(1, 41)))
    await office.set_clock(FIVE_SHARP)

    await asyncio.gather(office.send(), office.send(), office.send())

    assert len(office.mails("cleo")) == 40
    assert len(office.mails("req")) == 1
    assert len(await office.told()) == 40


async def test_who_was_thought_dead_and_comes_back_announces_nothing_twice(office: Office):
    desk = Desk("reply.example")
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    [mine] = await office.taken_up()
    await office.send()

    async with office.parts.database.transaction(["nordwind"]) as tx:
        assert await desk.record(tx, [(mine, Handed(Answer.NEVER, 550))]) == {}

    assert await _states(office, "cleo") == ["ACCEPTED"]
    assert [type(told).__name__ for told in await office.told()] == ["MessageDelivered"]


async def test_while_the_mail_server_is_away_mail_waits_and_nobody_waits_for_ever(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice())
    office.mail.stop()

    for attempt in range(1, 8):
        await office.send_once()
        assert await _states(office, "cleo") == ["SOFT_BOUNCED"]
        assert await office.due() == (1 if attempt < 6 else 0)
        await office.forget_pauses()

    await office.restart_mail()
    await office.send_once()
    assert office.mail_to("cleo")
    assert await _states(office, "cleo") == ["ACCEPTED"]


class Greylisting:
    """A mail server that says "not now" the first time, and refuses us altogether if told to."""

    def __init__(self, refuse_sender: bool = False) -> None:
        self.asked = 0
        self.refuse_sender = refuse_sender
        self.taken: list[bytes] = []

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return "553 5.7.1 not from you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked += 1
        if self.asked == 1:
            return "451 4.7.1 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope.original_content or b"")
        return "250 OK"


@pytest.fixture
def greylisting() -> Iterator[tuple[Greylisting, int]]:
    handler = Greylisting()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


async def test_not_now_is_tried_again(open_office: OpenOffice, greylisting: tuple[Greylisting, int]):
    handler, port = greylisting
    async with open_office(smtp_port=port) as office:
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice())

        await office.send_once()
        assert await _states(office, "cleo") == ["SOFT_BOUNCED"]
        assert await office.send_once() == 0  # not before the pause is over
        await office.forget_pauses()
        await office.send()

        assert await _states(office, "cleo") == ["ACCEPTED"]
        assert len(handler.taken) == 1


async def test_a_server_that_refuses_us_suspends_nobody(open_office: OpenOffice, greylisting: tuple[Greylisting, int]):
    handler, port = greylisting
    handler.refuse_sender = True
    async with open_office(smtp_port=port) as office:
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice(1), invoice(2))

        await office.send_once()

        assert await _states(office, "cleo") == ["SOFT_BOUNCED", "SOFT_BOUNCED"]
        assert not await office.rows("SELECT 1 FROM contact WHERE suspended_at IS NOT NULL")


class WithLogin:
    """A mail server that lets in who has the password of the moment."""

    def __init__(self, password: str) -> None:
        self.password = password
        self._controller = Controller(
            Mailbox(),
            hostname="127.0.0.1",
            port=free_port(),
            auth_required=True,
            auth_require_tls=False,
            authenticator=self._let_in,
        )

    def _let_in(self, *said: Any) -> AuthResult:
        login = said[-1]
        return AuthResult(success=(login.login, login.password) == (b"receivables", self.password.encode()))

    def __enter__(self) -> "WithLogin":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port


class Mailbox:
    """Takes every mail."""

    async def handle_DATA(self, *_: object) -> str:
        return "250 OK"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # in clear on the loopback address
async def test_a_mail_servers_password_may_change_while_we_run(
    open_office: OpenOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "smtp_password"
    file.write_text("first")
    monkeypatch.setenv("AR_SECRETS_DIR", str(tmp_path))
    with WithLogin("first") as server:
        async with open_office(smtp_port=server.port, smtp_user="receivables", smtp_password="first") as office:
            await office.register("cleo", "AP_CLERK")
            await office.follow(invoice(1))
            await office.send()
            server.password = "second"
            await office.follow(invoice(2))

            await office.send_once()
            assert await _states(office, "cleo") == ["ACCEPTED", "SOFT_BOUNCED"]
            file.write_text("second")
            await office.forget_pauses()
            await office.send_once()

            assert await _states(office, "cleo") == ["ACCEPTED", "ACCEPTED"]


async def test_hostile_names_and_texts_stay_words(office: Office):
    evil = '<script>alert(1)</script>"\r\nBcc: victim@example.org\r\n\r\n{{ 7 * 7 }}'
    await office.register("cleo", "AP_CLERK", name='<script>alert("name")</script>, "Cleo" {{ 7 * 7 }}')
    await office.follow(
        an_event(
            credit.BuyerChanged(account_id=ACCOUNT, company=Company(name=evil)),
            "buyer/acme",
        ),
        invoice(1, number=evil, seller=Company(name=evil)),
    )
    await office.send()

    mail = office.mail_to("cleo")
    raw = mail.as_bytes()
    assert mail["Bcc"] is None
    assert BytesParser(policy=policy.default).parsebytes(raw)["Bcc"] is None
    assert len(mail["To"].addresses) == len(mail["From"].addresses) == 1
    assert mail["To"].addresses[0].addr_spec == "cleo@acme.example"
    assert "<script>" not in html(mail)
    assert "&lt;script&gt;" in html(mail)
    assert "{{ 7 * 7 }}" in text(mail)
    assert "\n" not in str(mail["Subject"])


async def test_every_kind_of_fact_makes_a_mail_that_can_be_read(office: Office):
    roles = "REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD EXEC_SPONSOR ACCOUNT_ADMIN".split()
    await office.register("all", *roles, language="de")
    await office.register("sell", "CREDIT", "BILLING", "CASH_APP", "DISPUTE_OWNER", "SALES", account="", language="sv")
    async with office.parts.database.transaction(["nordwind"]) as tx:
        await Desk("reply.example").tell(tx, every_story())
    await office.set_clock(FIVE_SHARP)
    await office.send()

    assert {row.state for row in await office.rows("SELECT state FROM mail")} == {"ACCEPTED"}
    assert all(text(mail) and html(mail) for mail in office.mails())


def _attachments(mail: EmailMessage) -> list[tuple[str | None, bytes]]:
    return [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()]


async def _states(office: Office, contact_id: str) -> list[str]:
    return [row.state for row in await office.rows(f"SELECT state FROM mail WHERE contact_id = '{contact_id}'")]

"""Mail that comes: over real SMTP, to threads, to the seller's notes, to deliveries."""

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from receivables.notifications.v1 import events_pb2

from deploy.local.authority import Authority
from deploy.local.processes import free_port
from services.chassis import cleaning, tls
from services.notifications import postbox, usecases
from services.notifications.postbox import BYTES_MAX, COMPLAINTS, SESSIONS_MAX
from services.notifications.service import SERVICE
from tests.integration.notifications.office import Office, OpenOffice, text
from tests.integration.notifications.test_notifications_forgotten import erase
from tests.integration.notifications.test_notifications_threads import (
    BILL,
    BOB,
    CLEO,
    DIS,
    FIVE,
    ask,
    thread,
    unread,
    write,
)
from tests.unit.notifications.samples import dispute_opened, invoice

DOMAIN = "reply.receivables.example"  # the setting's default
ABOUT = "dispute/d1"


@dataclass
class Post:
    """An office with its door for mail, and who writes to it."""

    office: Office
    port: int
    names: list[str] = field(default_factory=list)

    async def case(self, about: str = ABOUT) -> str:
        """The address of a case, as mails about it name it."""
        [row] = await self.office.rows(f"SELECT token FROM case_file WHERE about = '{about}'")
        return f"case+{row.token}@{DOMAIN}"

    async def returns(self, contact_id: str) -> str:
        """Where reports of the last mail to somebody go."""
        rows = await self.office.rows(f"SELECT token FROM mail WHERE contact_id = '{contact_id}' ORDER BY due_at, key")
        return f"bounce+{rows[-1].token}@{DOMAIN}"

    async def send(self, to: str | list[str], content: bytes, sender: str = "cleo@acme.example") -> dict[str, Any]:
        """As a mail server hands a mail on; return whom it was refused for."""

        def hand_on() -> dict[str, Any]:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                return client.sendmail(sender, to, content)

        return await asyncio.to_thread(hand_on)

    async def reply(self, words: str, *, of: str = "cleo@acme.example", about: str = ABOUT, **heads: str) -> None:
        """Somebody answers, and it is read."""
        mail = EmailMessage()
        mail["From"], mail["Subject"], mail["Message-ID"] = of, "Re: your case", f"<{len(self.names)}@acme.example>"
        self.names.append(words)
        for name, value in heads.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(words)
        await self.send(await self.case(about), mail.as_bytes(), of)
        await self.office.send_once()

    async def read(self) -> None:
        while await self.office.send_once():
            pass


@asynccontextmanager
async def opened(office: Office) -> AsyncIterator[Post]:
    database = office.parts.database
    async with postbox.opened(database, host="127.0.0.1", port=0, domain=DOMAIN, held=None) as port:
        yield Post(office, port)


@pytest.fixture
async def case(open_office: OpenOffice) -> AsyncIterator[Post]:
    """A case on an invoice, the buyer's clerk and the seller's people."""
    async with open_office(mail_port=2525) as office:
        await office.know_the_companies()
        await office.register("cleo", "AP_CLERK", name="Cleo Clerk")
        await office.register("bob", "AP_CLERK", account="globex")
        await office.register("dis", "DISPUTE_OWNER", account="", name="Dis Putes")
        await office.register("bill", "BILLING", "SALES", account="")
        await office.follow(invoice(), dispute_opened())
        await office.send()
        async with opened(office) as post:
            yield post


async def notes(post: Post) -> list[Any]:
    return list((await ask(post.office, BILL, "ListNotes", about=ABOUT)).notes)


async def test_a_reply_lands_in_its_thread_and_the_seller_hears_of_it(case: Post):
    quoted = "Two boxes were missing.\n\nOn Monday, Nordwind wrote:\n> You opened a case.\n-- \nCleo"

    await case.reply(quoted)

    [message] = (await ask(case.office, DIS, "ListThread", about=ABOUT)).messages
    assert (message.author, message.author_name, message.channel) == ("contact:cleo", "Cleo Clerk", "MAIL")
    assert message.text == "Two boxes were missing."
    assert message.folded == "On Monday, Nordwind wrote:\n> You opened a case.\n--\nCleo"
    assert await unread(case.office, DIS) == {ABOUT: 1}
    assert await unread(case.office, CLEO, "acme") == {}
    [heard] = [m for m in await case.office.messages(contact_id="dis") if m.event_type == "thread_message"]
    assert heard.what_happened == "Acme Ltd wrote: Two boxes were missing."
    assert [row.content for row in await case.office.rows("SELECT content FROM post")] == [None]


async def test_the_address_that_mails_name_takes_the_answer(case: Post):
    mail = case.office.mails("dis")[-1]
    answer = EmailMessage()
    answer["From"] = "cleo@acme.example"
    answer["To"] = str(mail["Reply-To"])
    answer.set_content("Here I am.")

    await case.send(str(mail["Reply-To"]), answer.as_bytes())
    await case.read()

    assert await thread(case.office, CLEO) == [(1, "contact:cleo", "Here I am.")]


async def test_what_is_sent_twice_is_taken_twice_and_said_once(case: Post):
    content = b"From: cleo@acme.example\r\nMessage-ID:\r\n <1@acme.example>\r\n\r\nOnce.\r\n"
    to = await case.case()

    await case.send(to, content)
    await case.send(to, b"Received: again\r\n" + content)
    await case.read()
    await case.send(to, content)
    await case.read()
    other = content.replace(b"<1@", b"<2@").replace(b"Once", b"Twice")
    await asyncio.gather(*(case.send(to, other) for _ in range(5)))
    await case.read()

    assert [said for _, _, said in await thread(case.office, CLEO)] == ["Once.", "Twice."]


async def test_who_ends_before_the_answer_is_heard_sends_it_again_and_it_is_said_once(case: Post):
    content = b"From: cleo@acme.example\r\nMessage-ID: <1@acme.example>\r\n\r\nOnce.\r\n"
    to = await case.case()

    def cut_off() -> None:
        client = smtplib.SMTP("127.0.0.1", case.port, timeout=30)
        client.ehlo()
        client.mail("cleo@acme.example")
        client.rcpt(to)
        client.putcmd("data")
        client.getreply()
        client.send(content + b".\r\n")
        assert client.sock is not None
        client.sock.close()

    for _ in range(5):
        await asyncio.to_thread(cut_off)
    while not (kept := await case.office.rows("SELECT post_id FROM post")):
        await case.send(to, content)
    assert len(kept) == 1
    await case.send(to, content)
    await case.read()

    assert await thread(case.office, CLEO) == [(1, "contact:cleo", "Once.")]


async def test_a_process_that_ends_while_it_reads_a_mail_loses_and_repeats_nothing(case: Post):
    await case.send(await case.case(), b"From: cleo@acme.example\r\n\r\nOnce.\r\n")
    await case.office.rows(
        "UPDATE job SET lease = 'gone', leased_until = now() - interval '1 s', deaths = 1 RETURNING 1"
    )
    await case.read()
    await case.read()

    assert await thread(case.office, CLEO) == [(1, "contact:cleo", "Once.")]


@pytest.mark.parametrize("sender", ["mallory@evil.example", "bob@globex.example", "dis@nordwind.example"])
async def test_a_strangers_mail_is_seen_by_the_seller_alone(case: Post, sender: str):
    await case.reply("Pay to another account!", of=sender)

    assert await thread(case.office, CLEO) == await thread(case.office, DIS) == []
    [note] = await notes(case)
    assert (note.author, note.sender, note.text) == ("mail:unverified", sender, "Pay to another account!")
    for who in (CLEO, BOB):
        assert (await ask(case.office, who, "ListNotes", about=ABOUT)).code
    heard = {m.contact_id: m for m in await case.office.messages() if m.event_type == "mail_unverified"}
    assert set(heard) == {"dis"}
    assert "another account" not in repr(heard)
    assert heard["dis"].subject == "A mail about case d1 from nobody we know"
    await case.office.set_clock(FIVE)
    await case.office.send()
    assert "stands among the notes" in text(case.office.mails("dis")[-1])
    assert "evil" not in repr(await ask(case.office, CLEO, "ListMessages", account_id="acme"))


async def test_where_a_server_vouches_its_word_is_asked_for(open_office: OpenOffice):
    async with open_office(mail_port=2525, mail_trusted_authserv="mx.nordwind.example") as office:
        await office.know_the_companies()
        await office.register("cleo", "AP_CLERK")
        await office.register("dis", "DISPUTE_OWNER", account="", name="Dis Putes")
        await office.follow(invoice(), dispute_opened())
        async with opened(office) as post:
            passed = "mx.nordwind.example; dmarc=pass header.from="
            await post.reply("Forged", Authentication_Results="mx.nordwind.example; dmarc=fail")
            await post.reply("Unsaid")
            await post.reply("Mine", Authentication_Results=f"{passed}acme.example")
            await post.reply("Ours", of="dis@nordwind.example", Authentication_Results=f"{passed}nordwind.example")

        assert await thread(office, CLEO) == [(1, "contact:cleo", "Mine"), (2, "user:dis", "Ours")]
        found = (await ask(office, DIS, "ListNotes", about=ABOUT)).notes
        assert [(note.text, note.sender) for note in found] == [
            ("Forged", "cleo@acme.example"),
            ("Unsaid", "cleo@acme.example"),
        ]


async def test_who_is_forgotten_is_forgotten_in_what_they_are_only_said_to_have_written(open_office: OpenOffice):
    async with open_office(mail_port=2525, mail_trusted_authserv="mx.nordwind.example") as office:
        await office.know_the_companies()
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice(), dispute_opened())
        async with opened(office) as post:
            await post.reply("Mine\n\nOn Monday, Cleo wrote:\n> Mine too")
            await erase(office, "cleo")
            await office.send()

        [row] = await office.rows("SELECT text, folded, sender, claims FROM note")
        assert tuple(row) == ("", "", "", "")


@pytest.mark.parametrize(
    ("heads", "sender"),
    [
        ({"Auto-Submitted": "auto-replied"}, "cleo@acme.example"),
        ({"Precedence": "bulk"}, "cleo@acme.example"),
        ({}, ""),
        ({"From": "notifications@receivables.example"}, "notifications@receivables.example"),
    ],
)
async def test_what_a_machine_answers_is_not_entered(case: Post, heads: dict[str, str], sender: str):
    said = {"From": "cleo@acme.example"} | heads
    content = "".join(f"{name}: {value}\r\n" for name, value in said.items()) + "\r\nI am away.\r\n"

    await case.send(await case.case(), content.encode(), sender)
    await case.read()

    assert await thread(case.office, CLEO) == []
    assert await notes(case) == []


async def test_files_that_come_with_a_reply_are_counted_and_not_kept(case: Post):
    mail = EmailMessage()
    mail["From"] = "Cleo <CLEO@acme.example>"
    mail.set_content("\n")
    mail.add_attachment(b"\xff\xd8", maintype="image", subtype="jpeg", filename="box.jpg")
    await case.send(await case.case(), mail.as_bytes())
    await case.read()

    [message] = (await ask(case.office, CLEO, "ListThread", about=ABOUT)).messages
    assert (message.author, message.text, message.files_left_out) == ("contact:cleo", "…", 1)


@pytest.mark.parametrize(
    "address",
    [
        f"case+{'0' * 32}@{DOMAIN}",
        f"bounce+{'0' * 32}@{DOMAIN}",
        f"case+@{DOMAIN}",
        f"postmaster@{DOMAIN}",
        "cleo@acme.example",
        f'"case+{"0" * 32}"@{DOMAIN}',
        "case",
    ],
)
async def test_what_is_no_address_of_ours_is_refused_when_it_is_named(case: Post, address: str):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await case.send(address, b"Hello")

    assert refused.value.recipients[address][0] in (550, 553)
    refused_for = await case.send([address, await case.case()], b"From: cleo@acme.example\r\n\r\nHello")
    assert set(refused_for) == {address}


async def test_a_tenants_token_leads_to_that_tenants_case_alone(case: Post):
    theirs = [replace(event, origin=replace(event.origin, tenant="other")) for event in (invoice(), dispute_opened())]
    await case.office.follow(*theirs)
    [row] = await case.office.rows(f"SELECT token FROM case_file WHERE about = '{ABOUT}'", "other")

    await case.send(f"case+{row.token}@{DOMAIN}", b"From: cleo@acme.example\r\n\r\nHello")
    await case.read()

    assert await thread(case.office, CLEO) == []
    assert [row.text for row in await case.office.rows("SELECT text FROM note", "other")] == ["Hello"]


async def test_the_mails_that_are_too_large_are_refused_before_and_after_they_came(case: Post):
    large = b"From: cleo@acme.example\r\n\r\n" + (b"x" * 76 + b"\r\n") * (9 * 1024 * 1024 // 78)
    to = await case.case()

    def unsaid() -> int:
        with smtplib.SMTP("127.0.0.1", case.port, timeout=30) as client:
            client.helo()
            client.mail("cleo@acme.example")
            client.rcpt(to)
            return int(client.data(large)[0])

    def endless() -> None:
        with smtplib.SMTP("127.0.0.1", case.port, timeout=30) as client:
            client.helo()
            client.mail("cleo@acme.example")
            client.rcpt(to)
            client.putcmd("data")
            client.getreply()
            for _ in range(64):
                client.send(b"x" * 1024 * 1024)
            client.getreply()

    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await case.send(to, large)
    assert refused.value.smtp_code == 552
    assert await asyncio.to_thread(unsaid) == 552
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await asyncio.to_thread(endless)
    assert await case.office.rows("SELECT 1 FROM post") == []
    just = b"From: cleo@acme.example\r\n\r\nHello\r\n" + b"\r\n" * 200_000
    await case.send(to, just + b"x" * (BYTES_MAX - len(just) - 2) + b"\r\n")
    await case.read()
    [(_, _, said)] = await thread(case.office, CLEO)
    assert said.startswith("Hello")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000, None),
        (b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000)), None),
        (b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe caf\xc3\xa9", "\ufffd\ufffd café"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\na\x00b \xe2\x80\xae123", "ab 123"),
        (b"Subject: =?utf-8?q?x=0D=0ABcc=3A_evil=40x?=\r\nX: y\rBcc: z\r\n\r\nHello", "Hello"),
        (b"\r\nEnd\r\n..dot\r\n.\r\nBcc: x\r\n", "End\n..dot\n.\nBcc: x"),
    ],
    ids=["parts", "depth", "charset", "controls", "headers", "dots"],
)
async def test_whatever_a_mail_is_made_of_it_ends_as_words_or_as_nobodys(case: Post, body: bytes, said: str | None):
    await case.send(await case.case(), b"From: cleo@acme.example\r\n" + body)
    await case.read()

    found = [words for _, _, words in await thread(case.office, CLEO)]
    assert found == ([] if said is None else [said])
    assert [note.text for note in await notes(case)] == (["…"] if said is None else [])
    assert await case.office.rows("SELECT 1 FROM parked") == []


async def test_a_mail_in_a_mail_is_no_second_mail(case: Post):
    to = await case.case()
    inner = f"From: cleo@acme.example\r\n\r\nOne\r\n.\r\nMAIL FROM:<x@x.example>\r\nRCPT TO:<{to}>\r\nDATA\r\nFrom: dis@nordwind.example\r\n\r\nTwo"

    def smuggle(content: bytes) -> bytes:
        with smtplib.SMTP("127.0.0.1", case.port, timeout=30) as client:
            client.ehlo()
            client.mail("cleo@acme.example")
            client.rcpt(to)
            client.putcmd("data")
            client.getreply()
            client.send(content + b"\r\n.\r\n")
            return client.getreply()[1]

    for ending in (b"\r\n.\r\n", b"\n.\n", b"\n.\r\n", b"\r.\r"):
        await asyncio.to_thread(smuggle, inner.encode().replace(b"\r\n.\r\n", ending))
    await case.read()

    assert len(await case.office.rows("SELECT 1 FROM post")) <= 3
    assert [author for _, author, _ in await thread(case.office, CLEO)] == ["contact:cleo"] * 3
    assert await notes(case) == []


async def test_a_door_that_is_full_says_so(case: Post):
    clients = [await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", case.port, timeout=30) for _ in range(SESSIONS_MAX)]
    try:
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            await case.send(await case.case(), b"Hello")
        assert refused.value.smtp_code == 421
    finally:
        for client in clients:
            client.close()
    await asyncio.sleep(0.1)
    await case.send(await case.case(), b"Hello")


async def test_a_mail_has_few_recipients(case: Post):
    await case.office.follow(*(invoice(n) for n in range(2, 9)))
    addresses = [await case.case(f"invoice/i{n}") for n in range(2, 9)]

    assert [code for code, _ in (await case.send(addresses, b"From: cleo@acme.example\r\n\r\nHello")).values()] == [
        452,
        452,
    ]


async def test_over_tls_mail_comes_once_it_is_begun(case: Post, tmp_path: Any):
    authority = Authority(tmp_path)
    folder = authority.issue("notifications")
    context = ssl.create_default_context(cafile=str(folder / tls.AUTHORITIES))
    context.check_hostname = False
    to = await case.case()
    database = case.office.parts.database
    async with postbox.opened(database, host="127.0.0.1", port=0, domain=DOMAIN, held=tls.holder(folder)) as port:

        def sent(*, closed: bool) -> int:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
                client.ehlo()
                if closed:
                    client.starttls(context=context)
                    client.ehlo()
                    assert not client.has_extn("auth")
                code, _ = client.mail("cleo@acme.example")
                return (
                    code
                    if code != 250
                    else client.rcpt(to)[0] and client.data(b"From: cleo@acme.example\r\n\r\nHello")[0]
                )

        assert await asyncio.to_thread(sent, closed=False) == 530
        assert await asyncio.to_thread(sent, closed=True) == 250
    await case.read()
    assert await thread(case.office, CLEO) == [(1, "contact:cleo", "Hello")]


def _report(kind: str, fields: str) -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <r@mx.example>\r\nAuto-Submitted: auto-replied\r\n"
        "Content-Type: multipart/report; boundary=B\r\n\r\n"
        f"--B\r\n\r\nSee below.\r\n--B\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n--B--\r\n"
    ).encode()


def delivery_report(address: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return _report(
        "delivery-status",
        f"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {address}\r\nAction: {action}\r\n"
        f"Status: {status}\r\nDiagnostic-Code: smtp; 551 {status} gone\r\n\r\n",
    )


async def test_a_mail_that_comes_back_later_is_a_bounce(case: Post):
    await case.office.register("ada", "ACCOUNT_ADMIN")
    assert (await case.office.messages(contact_id="cleo", about="invoice/i1"))[0].state == "ACCEPTED"

    await case.send(await case.returns("cleo"), delivery_report("Cleo@ACME.example"), "")
    await case.office.send()

    [invoiced] = await case.office.messages(contact_id="cleo", about="invoice/i1")
    assert invoiced.state == "HARD_BOUNCED"
    [contact] = await case.office.rows("SELECT contact_id FROM contact WHERE suspended_at IS NOT NULL")
    assert contact.contact_id == "cleo"
    [bounce] = [
        told
        for told in await case.office.told()
        if isinstance(told, events_pb2.MessageBounced) and told.about == "invoice/i1"
    ]
    assert (bounce.message_id, bounce.smtp_code) == (invoiced.message_id, 551)
    assert [
        told.contact_id for told in await case.office.told() if isinstance(told, events_pb2.ContactUnreachable)
    ] == ["cleo"]
    assert "Mail to cleo comes back" in [str(mail["Subject"]) for mail in case.office.mails("ada")]
    assert (await case.office.messages(contact_id="ada", about="invoice/i1"))[0].weight == "ACT"
    # Reported again, it changes nothing.
    before = len(await case.office.told())
    await case.send(await case.returns("cleo"), delivery_report("cleo@acme.example").replace(b"<r@", b"<r2@"), "")
    await case.office.send()
    assert len(await case.office.told()) == before


@pytest.mark.parametrize(
    "report",
    [
        delivery_report("cleo@acme.example", "4.2.2", "delayed"),
        delivery_report("cleo@acme.example", "2.0.0", "delivered"),
        delivery_report("old@acme.example"),
        b"From: cleo@acme.example\r\n\r\nI was here.\r\n",
    ],
    ids=["not now", "delivered", "another address", "no report"],
)
async def test_what_is_not_final_or_of_another_address_is_no_bounce(case: Post, report: bytes):
    await case.send(await case.returns("cleo"), report, "")
    await case.read()

    assert await case.office.rows("SELECT 1 FROM contact WHERE suspended_at IS NOT NULL") == []
    assert (await case.office.messages(contact_id="cleo", about="invoice/i1"))[0].state == "ACCEPTED"
    assert await notes(case) == []


async def test_a_report_that_comes_before_we_wrote_down_that_the_mail_was_taken_waits(case: Post):
    to = await case.returns("cleo")
    await case.office.rows("UPDATE mail SET state = 'QUEUED' WHERE contact_id = 'cleo' RETURNING 1")
    await case.send(to, delivery_report("cleo@acme.example"), "")
    await case.read()
    await case.office.rows("UPDATE mail SET state = 'ACCEPTED' WHERE contact_id = 'cleo' RETURNING 1")
    await case.office.forget_jobs_pauses()
    await case.read()

    assert [
        row.contact_id
        for row in await case.office.rows("SELECT contact_id FROM contact WHERE suspended_at IS NOT NULL")
    ] == ["cleo"]


@pytest.mark.parametrize("to", ["bounce", COMPLAINTS])
async def test_who_complains_gets_no_mail_that_only_informs_and_sales_hears_it(case: Post, to: str):
    returns = await case.returns("cleo")
    await write(case.office, DIS, "Good to know.")
    fields = f"Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Mail-From: <{returns}>\r\n\r\n"

    await case.send(returns if to == "bounce" else f"{to}@{DOMAIN}", _report("feedback-report", fields), "")
    await case.office.send()
    before = len(case.office.mails("cleo"))
    await write(case.office, DIS, "Good to know too.")
    await case.office.set_clock(FIVE)
    await case.office.send()

    assert len(case.office.mails("cleo")) == before
    told = [m for m in await case.office.messages(contact_id="cleo") if m.event_type == "thread_message"]
    assert [(m.what_happened, m.state) for m in told] == [
        ("Nordwind GmbH wrote: Good to know too.", "WITHDRAWN"),
        ("Nordwind GmbH wrote: Good to know.", "WITHDRAWN"),
    ]
    [asked] = [m for m in await case.office.messages(contact_id="bill") if m.event_type == "contact_complained"]
    assert (asked.weight, asked.subject) == ("ACT", "Contact cleo calls our mail unwanted")
    await write(case.office, DIS, "Please look.", mentions=["cleo"])
    await case.office.send()
    assert "Please look." in text(case.office.mails("cleo")[-1])
    await case.office.register("cleo", "AP_CLERK")
    await write(case.office, DIS, "Again.")
    await case.office.set_clock(FIVE + timedelta(days=1))
    await case.office.send()
    assert "Again." in text(case.office.mails("cleo")[-1])


async def test_a_complaint_about_no_mail_of_ours_is_refused(case: Post):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await case.send(f"{COMPLAINTS}@{DOMAIN}", _report("feedback-report", "Feedback-Type: abuse\r\n\r\n"), "")

    assert refused.value.smtp_code == 550


class _Envelopes:
    """A mail server that remembers whom mails are from."""

    def __init__(self) -> None:
        self.senders: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.senders.append(str(envelope.mail_from))
        return "250 OK"


@pytest.fixture
def envelopes() -> Iterator[tuple[_Envelopes, int]]:
    kept = _Envelopes()
    port = free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, port
    controller.stop(no_assert=True)


@pytest.mark.parametrize("mail_port", [0, 2525])
async def test_reports_are_asked_for_where_they_are_heard(
    open_office: OpenOffice, envelopes: tuple[_Envelopes, int], mail_port: int
):
    kept, port = envelopes
    async with open_office(mail_port=mail_port, smtp_port=port) as office:
        await office.know_the_companies()
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice())
        await office.send()
        expected = await Post(office, 0).returns("cleo") if mail_port else "notifications@receivables.example"

    assert kept.senders == [expected]


async def test_that_a_mail_came_is_forgotten_when_nobody_sends_it_again(case: Post):
    await case.reply("Hello")
    await case.office.rows("UPDATE post SET came_at = now() - interval '29 days' RETURNING 1")
    await cleaning.clean(case.office.parts.database, usecases.forget_outdated)
    assert len(await case.office.rows("SELECT 1 FROM post")) == 1
    await case.office.rows("UPDATE post SET came_at = now() - interval '31 days' RETURNING 1")
    await cleaning.clean(case.office.parts.database, usecases.forget_outdated)

    assert await case.office.rows("SELECT 1 FROM post") == []


async def test_the_service_opens_its_door_where_a_port_is_named_and_closes_it_at_its_end(open_office: OpenOffice):
    assert SERVICE.door is not None
    port = free_port()
    async with open_office(mail_port=port) as office:
        async with SERVICE.door(office.parts):
            client = await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", port, timeout=30)
            assert (await asyncio.to_thread(client.noop))[0] == 250
            client.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(smtplib.SMTP, "127.0.0.1", port, timeout=30)

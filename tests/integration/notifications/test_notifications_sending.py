"""What goes wrong with one mail concerns that mail alone: letters that fail, servers that hang up, processes that end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from receivables.credit.v1 import events_pb2 as credit

from deploy.local.processes import free_port
from services.chassis.workers import Worker
from services.notifications import usecases
from services.notifications.documents import BYTES_MAX
from services.notifications.domain import delivery
from services.notifications.domain.delivery import Answer, Handed
from services.notifications.domain.stories import Moment
from services.notifications.letters import letter
from services.notifications.service import SERVICE
from services.notifications.smtp import Dropped, Server
from tests.integration.notifications.office import Office, OpenOffice
from tests.unit.notifications.samples import FIVE, TENANT, ZONE, decided, invoice


@dataclass
class Rude:
    """A mail server that hangs up over some addressees, and takes the mail of all others."""

    over: str = "drop"
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    hung_up: int = 0

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.over and address.startswith(self.over):
            self.hung_up += 1
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "250 nobody hears it"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.taken.append((envelope.rcpt_tos[0], envelope.original_content or b""))
        return "250 OK"

    @property
    def whose(self) -> list[str]:
        return sorted(to.partition("@")[0] for to, _ in self.taken)


@pytest.fixture
def rude() -> Iterator[tuple[Rude, int]]:
    handler = Rude()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


async def test_four_addressees_over_whom_the_server_hangs_up_keep_nobody_elses_mail(
    open_office: OpenOffice, rude: tuple[Rude, int]
):
    server, port = rude
    async with open_office(smtp_port=port) as office:
        for name in ("drop1", "drop2", "drop3", "drop4", "fifth", "sixth"):
            await office.register(name, "AP_CLERK")
        await office.follow(*(invoice(n) for n in range(1, 11)))

        await office.send_once()

        assert server.whose == ["fifth"] * 10 + ["sixth"] * 10
        waiting = await office.rows("SELECT DISTINCT contact_id, state, attempts FROM mail WHERE state <> 'ACCEPTED'")
        assert sorted(waiting) == [(f"drop{n}", "SOFT_BOUNCED", 1) for n in range(1, 5)]
        later = await office.rows("SELECT count(*) AS n FROM job WHERE kind = 'letter' AND next_try_at > now()")
        assert later[0].n == 40


async def test_a_mail_over_which_the_server_always_hangs_up_waits_for_an_operator_who_can_send_it_again(
    open_office: OpenOffice, rude: tuple[Rude, int]
):
    server, port = rude
    async with open_office(smtp_port=port) as office:
        await office.register("drop1", "AP_CLERK")
        await office.follow(invoice())
        for _ in range(delivery.DROPS_MAX):
            await office.send_once()
            await office.forget_jobs_pauses()

        [parked] = await office.rows("SELECT * FROM parked WHERE closed_at IS NULL")
        assert (parked.event_type, parked.reason, parked.code) == ("letter", "failed", "mail.dropped")
        assert server.hung_up == delivery.DROPS_MAX
        assert [m.state for m in await office.messages()] == ["SOFT_BOUNCED"]
        assert await office.send_once() == 0

        server.over = ""
        await office.replay(parked.id)
        await office.send()
        assert server.whose == ["drop1"]
        assert [m.state for m in await office.messages()] == ["ACCEPTED"]


async def test_a_letter_that_cannot_be_written_is_tried_again_and_parked_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    for name in ("ann", "bad", "cleo"):
        await office.register(name, "AP_CLERK")
    write = letter.write

    def broken(mail: Any, *args: Any, **kwargs: Any) -> bytes:
        if mail.contact_id == "bad":
            raise ValueError(f"cannot write to {mail.email}")
        return write(mail, *args, **kwargs)

    monkeypatch.setattr(letter, "write", broken)
    await office.follow(invoice(1), invoice(2))

    for _ in range(4):
        await office.send_once()
        await office.forget_jobs_pauses()

    assert [len(office.mails(name)) for name in ("ann", "bad", "cleo")] == [2, 0, 2]
    parked = await office.rows("SELECT * FROM parked WHERE closed_at IS NULL")
    assert [(row.event_type, row.code) for row in parked] == [("letter", "defect.Unwritable")] * 2
    assert "ValueError" in parked[0].detail
    assert "bad@" not in parked[0].detail  # a person's address is in no parked row
    monkeypatch.undo()
    await office.replay(parked[0].id)
    await office.send()
    assert len(office.mails("bad")) == 1


async def test_a_document_too_large_for_any_mail_holds_back_no_other(office: Office):
    await office.register("edi", "EDI_IT", wants_document=True)
    await office.register("cleo", "AP_CLERK")
    office.invoicing.content = b"x" * (BYTES_MAX + 1024 * 1024)
    await office.follow(invoice())

    await office.send_once()

    assert office.mail_to("cleo")
    [waiting] = await office.rows("SELECT attempts, failure FROM job")
    assert waiting.attempts == 1
    assert "TooLarge" in waiting.failure


async def test_a_large_document_arrives_whole(office: Office):
    await office.register("edi", "EDI_IT", wants_document=True)
    office.invoicing.content = bytes(range(256)) * 8192
    await office.follow(invoice())

    await office.send()

    [part] = office.mail_to("edi").iter_attachments()
    assert (
        str(part.get_content()).encode() == office.invoicing.content or part.get_content() == office.invoicing.content
    )


async def test_a_process_that_ends_between_handing_over_and_writing_down_sends_again_with_the_same_id(
    open_office: OpenOffice, rude: tuple[Rude, int]
):
    server, port = rude
    async with open_office(smtp_port=port) as office:
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice())
        async with office.parts.database.transaction([TENANT]) as tx:
            await tx.run("SELECT FROM mail FOR UPDATE")  # who writes down what came of it waits
            dying = asyncio.create_task(_letters(office).some())
            while not server.taken:
                await asyncio.sleep(0.01)
            dying.cancel()
            await asyncio.wait([dying])

        assert await office.send_once() == 0  # it may yet live
        await office.rows("UPDATE job SET leased_until = now() - interval '1 second' RETURNING 1")
        await office.send()

        ids = {_mail(content)["Message-ID"] for _, content in server.taken}
        assert (len(server.taken), len(ids)) == (2, 1)
        assert [m.state for m in await office.messages()] == ["ACCEPTED"]
        assert len(await office.told()) == 1


async def test_what_was_handed_over_is_not_sent_again_because_the_database_was_away(
    open_office: OpenOffice, rude: tuple[Rude, int]
):
    server, port = rude
    async with open_office(smtp_port=port) as office:
        await office.register("cleo", "AP_CLERK")
        await office.follow(invoice())
        worker = _letters(office)
        async with office.parts.database.transaction([TENANT]) as tx:
            await tx.run("SELECT FROM mail FOR UPDATE")
            working = asyncio.create_task(worker.some())
            while not (waiting := await office.rows(WAITING)):
                await asyncio.sleep(0.01)
            await office.rows(f"SELECT pg_terminate_backend({waiting[0].pid})")
            with pytest.raises(Exception, match="terminat"):
                await working

        assert await worker.some() == 1

        assert server.whose == ["cleo"]
        assert [m.state for m in await office.messages()] == ["ACCEPTED"]


WAITING = """SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                AND pid <> pg_backend_pid()"""


async def test_many_digests_are_made_some_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usecases, "MAILS_AT_ONCE", 2)
    monkeypatch.setattr(usecases, "MESSAGES_AT_ONCE", 3)
    for n in range(7):
        await office.register(f"req{n}", "REQUESTER")
    await office.follow(*(decided(order=f"o{n}") for n in range(5)))
    await office.set_clock(Moment(decided().at, ZONE, FIVE).digest_at())

    await office.send()

    assert [len(office.mails(f"req{n}")) for n in range(7)] == [1] * 7
    assert {m.state for m in await office.messages()} == {"ACCEPTED"}
    assert not await office.rows("SELECT FROM job")


async def test_a_bounce_ends_no_mail_that_somebody_is_handing_over(office: Office):
    await office.register("cleo", "AP_CLERK")
    await office.follow(invoice(1), invoice(2), decided(credit.OUTCOME_DECLINED))
    first, _ = await office.taken_up()
    await office.rows("UPDATE job SET lease = 'other', leased_until = now() + interval '1 minute' RETURNING 1")

    async with office.parts.database.transaction([TENANT]) as tx:
        await usecases.Desk("reply.example").record(tx, [(first, Handed(Answer.NEVER, 550))])

    assert sorted(m.state for m in await office.messages(contact_id="cleo")) == ["HARD_BOUNCED", "QUEUED"]


class Pipelined(asyncio.Protocol):
    """One connection to a mail server that is used to pipelining (RFC 2920); what it takes it notes."""

    def __init__(self, taken: list[bytes], turns: list[bytes]) -> None:
        self._taken, self._turns = taken, turns
        self._read, self._in_mail, self._to = b"", False, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(b"220 hello\r\n")

    def data_received(self, data: bytes) -> None:
        self._turns.append(data)
        self._read += data
        while self._mail() if self._in_mail else self._command():
            pass

    def _mail(self) -> bool:
        content, ended, rest = self._read.partition(b"\r\n.\r\n")
        if ended:
            self._read, self._in_mail = rest, False
            self._taken.append(content.removeprefix(b"\r\n"))
            self._transport.write(b"250 taken\r\n")
        return bool(ended)

    def _command(self) -> bool:
        line, ended, rest = self._read.partition(b"\r\n")
        if not ended:
            return False
        self._read = rest
        self._transport.write(self._answer(line))
        return not self._transport.is_closing()

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-hello\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"
        if verb == b"RCPT":
            self._to = line
            if b"never" in line:
                return b"550-5.1.1 there is\r\n550 5.1.1 no such user\r\n"
            if b"later" in line:
                return b"451 4.7.1 come again\r\n"
        if verb == b"DATA":
            if b"never" in self._to:
                return b"554 5.5.1 to nobody\r\n"
            self._in_mail, self._read = True, b"\r\n" + self._read
            return b"354 go on\r\n"  # to nobody as well: the client ends it without a word
        if b"drop" in line:
            self._transport.abort()
        return b"250 OK\r\n"


@asynccontextmanager
async def pipelined() -> AsyncIterator[tuple[Server, list[bytes], list[bytes]]]:
    taken: list[bytes] = []
    turns: list[bytes] = []
    listening = await asyncio.get_running_loop().create_server(lambda: Pipelined(taken, turns), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield Server("127.0.0.1", port, "none", None, "", lambda: "", "us@x.example", connections=1), taken, turns
    listening.close()


LETTER = b"Subject: a\r\n\r\nwords\r\n.hidden\r\n..\r\n"


async def test_a_server_that_is_used_to_it_gets_three_commands_at_once():
    async with pipelined() as (server, taken, turns), server.connected() as session:
        answers = [
            await session.send(to, LETTER)
            for to in ("a@x.example", "never@x.example", "later@x.example", "b@x.example")
        ]

    assert [answer.answer for answer in answers] == [Answer.TAKEN, Answer.NEVER, Answer.NOT_NOW, Answer.TAKEN]
    assert [answer.code for answer in answers] == [250, 550, 451, 250]
    assert taken == [LETTER.replace(b"\r\n.", b"\r\n..").removesuffix(b"\r\n"), b"", taken[0]]
    assert [turn for turn in turns if turn.startswith(b"MAIL")] == [
        b"MAIL FROM:<us@x.example>\r\nRCPT TO:<%s@x.example>\r\nDATA\r\n" % to
        for to in (b"a", b"never", b"later", b"b")
    ]


async def test_a_connection_that_ends_over_a_mail_says_so():
    async with pipelined() as (server, taken, _):
        async with server.connected() as session:
            with pytest.raises(Dropped):
                await session.send("drop@x.example", LETTER)
        async with server.connected() as session:
            assert (await session.send("next@x.example", LETTER)).answer is Answer.TAKEN

    assert len(taken) == 1


@pytest.mark.parametrize("to", ["a>b@x.example", "a@x.example\r\nRCPT TO:<b@x.example"])
async def test_an_address_that_would_be_another_command_is_not_said(to: str):
    async with pipelined() as (server, taken, _), server.connected() as session:
        assert await session.send(to, LETTER) == Handed(Answer.NEVER, 553)

    assert not taken


def _letters(office: Office) -> Worker:
    """Who sends letters in a process of its own."""
    [work] = [work for work in SERVICE.works(office.parts) if work.kind == "letter"]
    return Worker(office.parts.consumer, work)


def _mail(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail

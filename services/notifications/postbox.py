"""The door for mail that comes: SMTP, for addresses of ours alone; what it answers 250 is kept (RFC 5321, 4.2.5)."""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.chassis import tls
from services.chassis.database import Database
from services.chassis.logs import log
from services.notifications import declining, metrics, post
from services.notifications.domain.post import door
from services.notifications.post import Addressee

BYTES_MAX = 8 * 1024 * 1024  # of a mail
BUFFER = 64 * 1024
TOO_MANY_BYTES = BYTES_MAX + 4 * 1024 * 1024  # after which nobody waits for the end of a mail
RECIPIENTS_MAX = 5  # of a mail
MAILS_MAX = 50  # of a session
COMMANDS_MAX = 500  # of each kind
SESSIONS_MAX = 20
AT_ONCE = 2  # mails that are being taken: each is in memory some four times until it is kept
WAIT_S = 20.0  # for one of these places
STEP_S = 60.0  # for a command, or a mail's content
SESSION_S = 600.0
KEPT_S = 10.0  # for the database
GRACE_S = 5.0  # for what is under way at a stop
COMPLAINTS = "complaints"  # where a provider sends what its users call unwanted, whatever mail of ours it is about

_NEW_LINE, _END = b"\r\n", b"\r\n.\r\n"
_NOT_NOW = "451 4.3.0 Not now: try again later"
# It names people's addresses in what it logs.
logging.getLogger("mail.log").disabled = True


class _Server(SMTP):
    """A session, of so much and no more."""

    line_length_limit = BUFFER  # how much it reads at once; commands are shorter

    def __init__(self, box: "Postbox", context: ssl.SSLContext | None) -> None:
        self._box = box
        self._ending: asyncio.TimerHandle | None = None
        self._taken = 0
        self.addressees: dict[str, Addressee | None] = {}
        super().__init__(
            box,
            data_size_limit=BYTES_MAX,
            hostname=box.name,
            ident="ESMTP",
            tls_context=context,
            require_starttls=context is not None,
            timeout=STEP_S,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            command_call_limit={"DATA": MAILS_MAX, "*": COMMANDS_MAX},
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the second time over TLS."""
        if self._ending is None:
            self._box.sessions.add(self)
            self._ending = self.loop.call_later(SESSION_S, transport.close)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if self._ending is not None:
            self._ending.cancel()
        self._box.sessions.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Take what comes, as long as there is an end to it."""
        self._taken += len(data)
        if self._taken > TOO_MANY_BYTES:
            metrics.POST_REFUSED.labels("552").inc()
            if self.transport is not None:
                self.transport.abort()  # type: ignore[attr-defined] # it can
            return
        super().data_received(data)

    def begin_mail(self) -> None:
        """Another mail."""
        self._taken = 0
        self.addressees = {}

    async def smtp_DATA(self, arg: str) -> None:
        """Take a mail's content, when there is a place for it.

        In our own way: the library keeps each line as an object, of which 8 MB of empty ones make 280.
        """
        assert self.envelope is not None
        if arg or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Need RCPT first")
            return
        try:
            async with asyncio.timeout(WAIT_S):
                await self._box.places.acquire()
        except TimeoutError:
            await self.push(_NOT_NOW)
            return
        self._box.taking += 1
        try:
            await self.push("354 End with a dot on a line of its own")
            content, rest = await self._content()
            if rest:  # who does not wait for our answer may be hiding a mail in a mail
                await self.push("503 5.5.0 Wait for the answer")
                self._writer.close()
                return
            status = f"552 5.3.4 A mail has {BYTES_MAX:,} bytes at most"
            if content is not None:
                status = await self._box.keep(self, self.envelope, content)
            self._set_post_data_state()  # type: ignore[no-untyped-call] # the library's, which says less
            await self.push(status)
        finally:
            self._box.taking -= 1
            self._box.places.release()

    async def _content(self) -> tuple[bytes | None, bool]:
        """All up to the dot, nothing if that is too much; and whether anything came after it."""
        content, fits = bytearray(_NEW_LINE), True
        while True:
            seen = max(0, len(content) - len(_END))
            if not (more := await self._reader.read(BUFFER)):
                raise EOFError
            content += more
            if (end := content.find(_END, seen)) >= 0:
                break
            if len(content) > BYTES_MAX + len(_END):
                fits, content = False, content[-len(_END) :]
        rest = end + len(_END) < len(content)
        del content[end + len(_NEW_LINE) :]
        # What begins with a dot was given another (RFC 5321, 4.5.2).
        return (bytes(content.replace(b"\r\n.", _NEW_LINE)[len(_NEW_LINE) :]) if fits else None), rest

    async def push(self, status: Any) -> None:
        """Answer."""
        code = str(status)[:3]
        if code[:1] in ("4", "5"):
            metrics.POST_REFUSED.labels(code).inc()
        await super().push(status)


class _Busy(asyncio.Protocol):
    """A session for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and hang up."""
        metrics.POST_REFUSED.labels("421").inc()
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"421 4.3.2 Too many at once: try again later\r\n")
        transport.close()


class Postbox:
    """What to answer at each step of the protocol; the names of its methods are aiosmtpd's."""

    def __init__(self, database: Database, domain: str, held: tls.Holder | None) -> None:
        """Remember whose mail is taken, and our papers; without papers, mail comes in plain text."""
        self.name = domain
        self.places = asyncio.Semaphore(AT_ONCE)
        self._database = database
        self._held = held
        self._papers: tls.Papers | None = None
        self._context: ssl.SSLContext | None = None
        self.sessions: set[_Server] = set()
        self.taking = 0  # mails that are under way
        self._reported = re.compile(rb"bounce\+([0-9a-f]{32})@" + re.escape(domain.encode()), re.IGNORECASE)

    def session(self) -> asyncio.Protocol:
        """Somebody connects; each meets the papers of the moment."""
        if len(self.sessions) >= SESSIONS_MAX:
            return _Busy()
        if self._held is not None and (papers := self._held.now()) is not self._papers:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._held.folder / tls.CERTIFICATE, self._held.folder / tls.KEY)
            self._papers, self._context = papers, context
        return _Server(self, self._context)

    async def end(self) -> None:
        """Let what is under way come to its end, for a while; then hang up."""
        until = asyncio.get_running_loop().time() + GRACE_S
        while self.taking and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
        for session in list(self.sessions):
            if session.transport is not None:
                session.transport.close()

    async def handle_EHLO(
        self, _server: _Server, session: Session, _envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        """Say what we can; nobody logs in here."""
        session.host_name = name
        return [answer for answer in answers if not answer.startswith("250-AUTH")]

    async def handle_VRFY(self, _server: _Server, _session: Session, _envelope: Envelope, _address: str) -> str:
        """Say nothing of anybody."""
        return "252 2.5.0 Send it, and see"

    async def handle_MAIL(
        self, server: _Server, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A mail begins."""
        server.begin_mail()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: _Server, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take it for an address of ours alone."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 Too many recipients"
        local, _, domain = address.rpartition("@")
        if domain.lower() != self.name.lower():
            return "550 5.7.1 No mail goes on from here"
        if local.lower() == COMPLAINTS:
            server.addressees[address] = None  # its content says which mail it is about
        else:
            found = door(local)
            addressee = await self._find(*found) if found else None
            if addressee is None:
                return "550 5.1.1 No such address"
            server.addressees[address] = addressee
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def keep(self, server: _Server, envelope: Envelope, content: bytes) -> str:
        """Keep a mail, or do what it asks for by coming; only then it is taken."""
        to = {to.token: to for to in server.addressees.values() if to is not None}
        if None in server.addressees.values():
            reported = self._reported.search(content)
            about = await self._find("bounce", reported[1].decode().lower()) if reported else None
            if about is None and not to:
                return "550 5.7.1 No report of a mail of ours"
            if about is not None:
                to[about.token] = about
        sender = str(envelope.mail_from or "").strip("<>")
        content = f"Return-Path: <{sender}>\r\n".encode("ascii", "replace") + content
        async with self._database.transaction({each.tenant for each in to.values()}, within=KEPT_S) as tx:
            new = await post.add(tx, [each for each in to.values() if not each.declines], content)
            for each in to.values():
                if each.declines:
                    new += await declining.by_mail(tx, (each.tenant, each.contact_id))
        metrics.POST_TAKEN.labels("new" if new else "again").inc()
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        """What fails comes again; what it was about is in no log."""
        log.warning("a mail was not taken", error=type(error).__name__)
        return _NOT_NOW

    async def _find(self, kind: str, token: str) -> Addressee | None:
        async with self._database.transaction(await self._database.tenants(), within=KEPT_S) as tx:
            return await post.FINDERS[kind](tx, token)


@asynccontextmanager
async def opened(
    database: Database, *, host: str, port: int, domain: str, held: tls.Holder | None
) -> AsyncIterator[int]:
    """Take mail there; give the port."""
    box = Postbox(database, domain, held)
    server = await asyncio.get_running_loop().create_server(box.session, host, port, backlog=100)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await box.end()

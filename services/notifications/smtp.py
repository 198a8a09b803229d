"""Hands mails to a mail server, several over one connection, and reads its answers.

aiosmtplib connects, encrypts and logs in. Then we speak ourselves: it waits for each answer before it says the next
word, and copies each mail three times; with pipelining (RFC 2920) a mail costs a third.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiosmtplib

from services.chassis.logs import log
from services.notifications.domain.delivery import Answer, Handed, meaning

STEP_S = 10.0  # for one step of the protocol
ANSWER_MAX = 64 * 1024  # bytes of one line of an answer

NOT_NOW = Handed(Answer.NOT_NOW)
GO_ON, CLOSING, REFUSED = 354, 421, 400


class Away(Exception):  # noqa: N818 - the mails wait for it
    """The mail server is not at hand, or does not let us in."""


class Dropped(Exception):  # noqa: N818 - what the server did
    """The server ended the connection, or said nothing any more, over a mail."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server that takes our mail."""

    host: str
    port: int
    # "starttls", "tls" or "none"; what was asked for is had, or no mail goes.
    tls: str
    # A file with the authorities of its certificate, read at each connection; None: the machine's.
    ca: Path | None
    user: str
    # Asked for at each login: it may have changed since the last.
    password: Callable[[], str]
    sender: str
    connections: int

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Session"]:
        """A connection for some mails; raises Away."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            cert_bundle=str(self.ca) if self.ca else None,
            username=self.user or None,
            password=self.password() if self.user else None,
            timeout=STEP_S,
        )
        try:
            session = await self._open(client)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            # Constant text and the error's kind: its message may name a person's address.
            log.warning("mail server not at hand", error=type(error).__name__)
            raise Away from None
        try:
            yield session
        finally:
            await session.quit()
            client.close()

    async def _open(self, client: aiosmtplib.SMTP) -> "Session":
        async with asyncio.timeout(STEP_S):
            await client.connect()
            try:
                await client.ehlo()
            except aiosmtplib.SMTPHeloError:
                await client.helo()
        if client.transport is None:
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(ANSWER_MAX, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        client.transport.set_protocol(protocol)
        protocol.connection_made(client.transport)
        writer = asyncio.StreamWriter(client.transport, protocol, reader, loop)  # type: ignore[arg-type] # it writes
        return Session(reader, writer, self.sender, pipelining=client.supports_extension("pipelining"))


class Session:
    """A connection over which mails are handed, one after the other, until it is dropped."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str, *, pipelining: bool
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sender = sender
        self._pipelining = pipelining
        # Whether a mail went over it already, and whether the server said that none will any more.
        self.used = False
        self.over = False

    async def send(self, to: str, content: bytes, returns: str = "") -> Handed:
        """Hand one mail over, whose lines end with CRLF; raises Dropped. Reports of it go to `returns`, if it is given."""
        if any(c in to for c in "<>\r\n"):
            return Handed(Answer.NEVER, 553)  # mailbox name not allowed
        try:
            return await self._send(to, content, returns or self._sender)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            log.warning("mail server dropped the connection", error=type(error).__name__)
            raise Dropped from None

    async def _send(self, to: str, content: bytes, sender: str) -> Handed:
        commands = [f"MAIL FROM:<{sender}>".encode(), f"RCPT TO:<{to}>".encode(), b"DATA"]
        ours, *_, data = codes = await self._ask(commands)
        refused = next((code for code in codes if code >= REFUSED), 0)
        if data == GO_ON:
            # Who refuses and yet wants content gets none.
            taken = await self._content(b"" if refused else content)
        elif refused:
            taken = 0
            await self._ask([b"RSET"])
        else:
            raise ValueError("no answer to DATA that there is")
        self.used = True
        if ours >= REFUSED:
            # The sender, or the session: our own standing, whatever the code, and no fault of the address.
            log.error("mail server refuses us", smtp_code=ours)
            return NOT_NOW
        return Handed(meaning(refused or taken), refused or taken)

    async def _ask(self, commands: list[bytes]) -> list[int]:
        """Say these, at once if the server is used to it; after a refusal the rest is not said."""
        if self._pipelining:
            self._writer.write(b"".join(command + b"\r\n" for command in commands))
            return [await self._answer() for _ in commands]
        codes: list[int] = []
        for command in commands:
            if codes and codes[-1] >= REFUSED:
                return codes
            self._writer.write(command + b"\r\n")
            codes.append(await self._answer())
        return codes

    async def _content(self, content: bytes) -> int:
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        first = b"." if stuffed.startswith(b".") else b""
        last = b".\r\n" if not stuffed or stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        self._writer.write(b"".join((first, stuffed, last)))
        async with asyncio.timeout(STEP_S):
            await self._writer.drain()
        return await self._answer()

    async def _answer(self) -> int:
        """The code of the next answer, however many lines it has."""
        async with asyncio.timeout(STEP_S):
            while True:
                line = await self._reader.readuntil(b"\n")
                if line[3:4] != b"-":
                    code = int(line[:3])
                    self.over = self.over or code == CLOSING
                    return code

    async def quit(self) -> None:
        """Say good-bye; whether it is heard does not matter."""
        with suppress(OSError, EOFError, ValueError, TimeoutError):
            self._writer.write(b"QUIT\r\n")
            async with asyncio.timeout(1.0):
                await self._answer()
        self._writer.close()

"""Hands mails to a mail server, several over one connection, and reads its answers."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiosmtplib

from services.chassis.logs import log
from services.notifications.domain.delivery import Answer, Handed, meaning

STEP_S = 10.0  # for one step of the protocol
# For a whole batch: well below the claim's age (store.CLAIM_S), after which another replica would send it too.
BATCH_S = 30.0

NOT_NOW = Handed(Answer.NOT_NOW)
MAILBOX_NAME_NOT_ALLOWED = Handed(Answer.NEVER, 553)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it travels."""

    to: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server that takes our mail."""

    host: str
    port: int
    # "auto", "starttls", "tls" or "none".
    tls: str
    user: str
    # Asked for at each login: it may have changed since the last.
    password: Callable[[], str]
    sender: str
    connections: int

    def client(self) -> aiosmtplib.SMTP:
        """A connection that is not open yet."""
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls={"auto": None, "starttls": True}.get(self.tls, False),
            username=self.user or None,
            password=self.password() if self.user else None,
            timeout=STEP_S,
        )


async def hand_over(server: Server, letters: Sequence[Letter]) -> list[Handed]:
    """Hand letters over; what the server did not get to is not refused but "not now"."""
    results = [NOT_NOW] * len(letters)
    todo = deque(range(len(letters)))
    try:
        async with asyncio.timeout(BATCH_S), asyncio.TaskGroup() as tasks:
            for _ in range(min(server.connections, len(letters))):
                tasks.create_task(_work(server, letters, todo, results))
    except TimeoutError:
        log.warning("mail server too slow", mails=len(letters))
    return results


async def _work(server: Server, letters: Sequence[Letter], todo: deque[int], results: list[Handed]) -> None:
    """Send over one connection until nothing is left, or the connection fails."""
    try:
        async with server.client() as client:
            while todo:
                nth = todo.popleft()
                results[nth] = await _send(client, server.sender, letters[nth])
    except (aiosmtplib.SMTPException, OSError) as error:
        # Constant text and the error's kind: its message may name a person's address.
        log.warning("mail server not at hand", error=type(error).__name__)


async def _send(client: aiosmtplib.SMTP, sender: str, letter: Letter) -> Handed:
    """Hand one letter over; what ends the connection is raised."""
    try:
        await client.sendmail(sender, [letter.to], letter.content)
    except aiosmtplib.SMTPRecipientsRefused as refused:
        code = refused.recipients[0].code
        return Handed(meaning(code), code)
    except aiosmtplib.SMTPDataError as refused:
        return Handed(meaning(refused.code), refused.code)
    except aiosmtplib.SMTPResponseException as refused:
        # The sender, or the session: our own standing, whatever the code, and no fault of the address.
        log.error("mail server refuses us", error=type(refused).__name__, smtp_code=refused.code)
        return NOT_NOW
    except ValueError:
        return MAILBOX_NAME_NOT_ALLOWED
    return Handed(Answer.TAKEN, 250)

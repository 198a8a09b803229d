"""The job that sends: claims what is due, fetches documents, hands over, and writes what came of it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from services.chassis import jobs
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.logs import log
from services.chassis.settings import secret_now
from services.chassis.workers import Batch, Work
from services.notifications import metrics, smtp, store
from services.notifications.documents import Document, Documents, NotAtHand
from services.notifications.domain.delivery import Handed
from services.notifications.letters import letter
from services.notifications.settings import Settings
from services.notifications.smtp import Letter, Server
from services.notifications.store import Mail
from services.notifications.usecases import Desk

BATCH = 100
FETCHES = 8  # documents asked for at once
FETCH_S = 15.0  # for all of a batch, after which the mails without theirs wait

Wanted = tuple[str, str]  # tenant, document


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends mail: nothing of it in a transaction, and after a crash again with the same Message-ID."""

    desk: Desk
    server: Server
    documents: Documents
    domain: str

    async def do(self, batch: Batch) -> None:
        """Send all that is due."""
        while await self.run(batch.database):
            pass
        async with batch.finishing():
            pass

    async def run(self, database: Database) -> int:
        """Send some of what is due; return how many mails were handled."""
        tenants = await database.tenants()
        claim_id = new_id()
        async with database.transaction(tenants) as tx:
            await self.desk.gather_digests(tx)
            mails = await store.claim(tx, claim_id, BATCH)
        if not mails:
            return 0
        results = await self._send(mails)
        async with database.transaction({mail.tenant for mail in mails}) as tx:
            await self.desk.record(tx, claim_id, results)
        for _, handed in results:
            metrics.MAILS.labels(handed.answer.value).inc()
        return len(mails)

    async def _send(self, mails: Sequence[Mail]) -> list[tuple[Mail, Handed]]:
        found = await self._fetch(mails)
        complete = [all(found[wanted] is not None for wanted in _wanted(mail)) for mail in mails]
        going = [mail for mail, ready in zip(mails, complete, strict=True) if ready]
        waiting = [mail for mail, ready in zip(mails, complete, strict=True) if not ready]
        letters = [Letter(mail.email, self._content(mail, found)) for mail in going]
        handed = await smtp.hand_over(self.server, letters) if letters else []
        return [*zip(going, handed, strict=True), *((mail, smtp.NOT_NOW) for mail in waiting)]

    def _content(self, mail: Mail, found: dict[Wanted, Document | None]) -> bytes:
        enclosed = [document for wanted in _wanted(mail) if (document := found[wanted]) is not None]
        return letter.write(mail, enclosed, sender=self.server.sender, domain=self.domain)

    async def _fetch(self, mails: Sequence[Mail]) -> dict[Wanted, Document | None]:
        """The documents that go along; None for one that is not at hand just now."""
        found: dict[Wanted, Document | None] = dict.fromkeys(w for mail in mails for w in _wanted(mail))
        few = asyncio.Semaphore(FETCHES)

        async def fetch(tenant: str, document: str) -> None:
            async with few:
                try:
                    found[(tenant, document)] = await self.documents.fetch(tenant, document)
                except NotAtHand as why:
                    log.warning("document not at hand", document=document, status=str(why))

        with suppress(TimeoutError):
            async with asyncio.timeout(FETCH_S), asyncio.TaskGroup() as tasks:
                for wanted in list(found):
                    tasks.create_task(fetch(*wanted))
        return found


def _wanted(mail: Mail) -> list[Wanted]:
    return [(mail.tenant, message.document) for message in mail.messages if message.document]


def sender(desk: Desk, settings: Settings) -> Sender:
    """The one who sends, as the settings say."""
    server = Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=partial(secret_now, settings, "smtp_password"),
        sender=settings.mail_from,
        connections=settings.smtp_connections,
    )
    return Sender(desk, server, Documents(settings.invoicing_address), settings.reply_domain)


def work(desk: Desk, settings: Settings) -> Work:
    """All that sending has to do."""
    return Work("send_mail", sender(desk, settings).do, find=_find, findable=store.count_due)


async def _find(tx: Tx) -> int:
    """One job for all that is due, until mails are jobs themselves."""
    if not await store.count_due(tx):
        return 0
    word = Origin("", "system:send", "mail is due", "", new_traceparent())
    return await jobs.find(tx, word, "SELECT min(tenant), 'send_mail', 'mail', '', 1 FROM tenant", [])

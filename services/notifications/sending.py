"""Sends mail: each is a job, its letter written and handed over outside any transaction."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from services.chassis import jobs, tls, tracing
from services.chassis import metrics as machinery
from services.chassis.identity import Speaker
from services.chassis.jobs import Job
from services.chassis.logs import log, trace_id
from services.chassis.parked import Reason
from services.chassis.settings import secret_now
from services.chassis.workers import Batch, Done, Work
from services.notifications import asks, feedback, gaps, links, metrics, notices, questions, store, threads
from services.notifications.asks import ASK
from services.notifications.documents import BYTES_MAX, Document, Documents
from services.notifications.domain import delivery
from services.notifications.domain.delivery import Answer, Handed
from services.notifications.escalations import Escalations
from services.notifications.first_steps import FIRST_STEPS, FirstSteps, count_due, find_due
from services.notifications.gaps import PEOPLE
from services.notifications.journeys import JOURNEY, count_at_risk
from services.notifications.letters import Unwritable, letter
from services.notifications.missing import Missing
from services.notifications.neighbours import NotAtHand
from services.notifications.quotes import Quotes
from services.notifications.room import Room
from services.notifications.settings import Settings
from services.notifications.smtp import NOT_NOW, Away, Dropped, Server, Session
from services.notifications.store import DIGEST, FORGET, LETTER, Key, Mail, MailKey
from services.notifications.usecases import Desk, find_at_risk, find_erased

BATCH = 200
MESSAGES_AT_ONCE = 2000  # in all mails of a batch; one digest alone may have more
HAND_OVER_S = 30.0  # for a batch: what nobody came to then is not tried yet
FEW = 8  # mails for which another connection is not worth its while
DOCUMENTS_MAX = (
    2 * BYTES_MAX
)  # bytes of documents in memory at once; the letters made of them take once and a half that
# What takes longer than some ten milliseconds is written in a thread, so that nobody waits for it.
LONG_BYTES, LONG_MESSAGES = 512 * 1024, 100
OTHERS_S = 60.0  # until we look again at a mail that the version before this one is sending
UNWRITTEN_MAX = 1000
FORGOTTEN_AT_ONCE = 1000  # messages in one transaction

_DROPPED = Handed(Answer.NOT_NOW, dropped=True)
_HOPELESS = Reason("failed", "mail.dropped", "the mail server ended the connection over this mail, again and again")


@dataclass(slots=True)
class _Round:
    """What becomes of some mails that are handed over side by side."""

    todo: deque[Mail]
    # Who was taken from it and has no answer, and did not fail, was cut short.
    tried: list[Mail] = field(default_factory=list)
    answers: dict[MailKey, Handed] = field(default_factory=dict)
    failures: dict[MailKey, Exception] = field(default_factory=dict)
    connected: bool = False

    def end(self) -> None:
        """Where there was no connection at all, all mails wait alike; otherwise those that nobody came to come again."""
        for mail in self.tried if self.connected else (*self.tried, *self.todo):
            if mail.mail_key not in self.failures:
                self.answers.setdefault(mail.mail_key, NOT_NOW)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends mail; after a crash again with the same Message-ID."""

    desk: Desk
    server: Server
    documents: Documents
    quotes: Quotes
    domain: str
    portal_url: str = ""
    # Whether reports of our mail come to us.
    hears: bool = False
    room: Room = field(default_factory=lambda: Room(DOCUMENTS_MAX))
    # Answers that a transaction which failed did not write down: what they are about is not sent again.
    unwritten: dict[MailKey, Handed] = field(default_factory=dict)

    async def send(self, batch: Batch) -> None:
        """Hand these over, and write what came of it; a letter that cannot be written concerns that mail alone."""
        firsts = {_first(job): job for job in batch.jobs}
        async with batch.database.transaction({job.tenant for job in batch.jobs}) as tx:
            found, others = await store.open_mails(tx, firsts)
            asked = await questions.in_mails(tx, found.values()) if self.portal_url else {}
        mails = {
            first: replace(
                mail,
                traceparent=firsts[first].origin.traceparent,
                questions={message_id: one for (tenant, message_id), one in asked.items() if tenant == mail.tenant},
            )
            for first, mail in found.items()
        }
        # Who was tried less goes first: nobody waits behind what was tried in vain.
        untold = sorted((m for m in mails.values() if m.mail_key not in self.unwritten), key=lambda m: m.attempts)
        failures = await self._hand_over(untold)
        failed = {first for first, mail in mails.items() if mail.mail_key in failures}
        async with batch.finishing([job for first, job in firsts.items() if first not in failed]) as done:
            hopeless = await self._write_down(done, mails, others, batch.consumer.name)
            await store.leave_to_people(done.tx, [*failures, *hopeless])
        for mail in mails.values():
            if (handed := self.unwritten.pop(mail.mail_key, None)) is not None:
                metrics.MAILS.labels(handed.answer.value).inc()
        for job in hopeless.values():
            machinery.JOBS.labels(job.kind, "parked").inc()
            log.error("mail parked", code=_HOPELESS.code, trace_id=trace_id(job.origin.traceparent))
        if failures:
            raise next(iter(failures.values()))  # the machinery finds whose it is, tries that again, and parks it

    async def _write_down(
        self, done: Done, mails: dict[Key, Mail], others: set[Key], consumer: str
    ) -> dict[MailKey, Job]:
        """Record the answers and keep for another time what is not done yet; return what a person must look at."""
        ours = {_first(job): job for job in done.jobs}
        answered = [
            (m, self.unwritten[m.mail_key]) for f, m in mails.items() if f in ours and m.mail_key in self.unwritten
        ]
        again = await self.desk.record(done.tx, answered)
        dead = {mail.mail_key for mail, handed in answered if delivery.is_hopeless(handed, mail.attempts)}
        hopeless = {}
        for first, job in ours.items():
            mail = mails.get(first)
            if first in others:
                done.again(job, in_s=OTHERS_S, why="the version before this one sends it")
            elif mail is None:
                continue  # it has come to its end meanwhile
            elif mail.mail_key in dead:
                hopeless[mail.mail_key] = job
                await jobs.park(done.tx, consumer, job, _HOPELESS)
            elif mail.mail_key not in self.unwritten:
                done.again(job, why="nobody came to it")
            elif mail.mail_key in again:
                done.again(job, in_s=again[mail.mail_key], why="not now")
        return hopeless

    async def _hand_over(self, mails: Sequence[Mail]) -> dict[MailKey, Exception]:
        """Hand these over, side by side; return those of which no letter could be written, and why."""
        going = _Round(deque(mails))
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_S), asyncio.TaskGroup() as tasks:
                for _ in range(min(self.server.connections, math.ceil(len(mails) / FEW))):
                    tasks.create_task(self._work(going))
        going.end()
        self.unwritten.update(going.answers)
        while len(self.unwritten) > UNWRITTEN_MAX:
            self.unwritten.pop(next(iter(self.unwritten)))
        return going.failures

    async def _work(self, going: _Round) -> None:
        """Hand over what is left, over one connection; over another whenever the server drops it."""
        while going.todo:
            try:
                async with self.server.connected() as session:
                    going.connected = True
                    while going.todo and not session.over:
                        await self._next(going, session)
            except Dropped:
                continue
            except Away:
                return

    async def _next(self, going: _Round, session: Session) -> None:
        """Hand over the next."""
        mail = going.todo.popleft()
        going.tried.append(mail)
        try:
            with tracing.span("send mail", "client", mail.traceparent) as traceparent:
                async with self._letter(mail, traceparent) as content:
                    handed = going.answers[mail.mail_key] = await session.send(mail.email, content, self._returns(mail))
                    tracing.mark(traceparent, {"receivables.mail": handed.answer.value})
        except NotAtHand as why:
            log.warning("document not at hand", status=str(why))
            going.answers[mail.mail_key] = NOT_NOW
        except Dropped:
            if session.used:  # perhaps it only had enough of this connection
                going.todo.appendleft(mail)
            else:
                going.answers[mail.mail_key] = _DROPPED
            raise
        except Unwritable as failure:
            going.failures[mail.mail_key] = failure

    def _returns(self, mail: Mail) -> str:
        """Where reports of a mail go; by its token we know which it is, and that who reports has seen it."""
        return f"bounce+{mail.token}@{self.domain}" if self.hears and mail.token else ""

    @asynccontextmanager
    async def _letter(self, mail: Mail, traceparent: str) -> AsyncIterator[bytes]:
        """The letter, written when it is sent, for as long as it takes."""
        wanted = [message.document for message in mail.messages if message.document]
        async with self.room.place(BYTES_MAX * len(wanted)) as place:
            try:
                enclosed = [await self.documents.fetch(mail.tenant, document, traceparent) for document in wanted]
                mail = await self._worded(mail, traceparent)
                await place.shrink(sum(len(document.content) for document in enclosed))
                content = await self._write(mail, enclosed)
            except NotAtHand:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this mail alone
                raise Unwritable(error) from None
            yield content

    async def _worded(self, mail: Mail, traceparent: str) -> Mail:
        """The mail with what it quotes."""
        rows = await self.quotes.fill([*mail.messages, *mail.carried], traceparent)
        return replace(mail, messages=tuple(rows[: len(mail.messages)]), carried=tuple(rows[len(mail.messages) :]))

    async def _write(self, mail: Mail, enclosed: Sequence[Document]) -> bytes:
        write = partial(
            letter.write,
            mail,
            enclosed,
            sender=self.server.sender,
            domain=self.domain,
            portal_url=self.portal_url,
            hears=self.hears,
        )
        if sum(len(document.content) for document in enclosed) > LONG_BYTES or len(mail.messages) > LONG_MESSAGES:
            return await asyncio.to_thread(write)
        return write()


def _first(job: Job) -> Key:
    """The first message of the mail that a job sends."""
    return job.tenant, job.subject.removeprefix("message/")


async def gather(desk: Desk, batch: Batch) -> None:
    """Make the digests of these tenants, some in a transaction."""
    for tenant in sorted({job.tenant for job in batch.jobs}):
        more = True
        while more:
            async with batch.database.transaction([tenant]) as tx:
                more = await desk.gather_digests(tx, tenant)
    async with batch.finishing():
        pass


async def warn(desk: Desk, batch: Batch) -> None:
    """Tell of promises at risk."""
    async with batch.finishing() as done:
        await desk.warn(done.tx, {(job.tenant, job.subject) for job in done.jobs})


async def lead_on(desk: Desk, batch: Batch) -> None:
    """Remind of first steps, and hand over those that were reminded of in vain."""
    async with batch.finishing() as done:
        accounts = {(job.tenant, job.subject.removeprefix("onboarding/")) for job in done.jobs}
        await FirstSteps(desk).by_clock(done.tx, accounts)


async def ask_further(desk: Desk, batch: Batch) -> None:
    """Ask others for what was asked in vain."""
    async with batch.finishing() as done:
        accounts = {(job.tenant, job.subject.removeprefix("account/")) for job in done.jobs}
        await Escalations(desk).by_clock(done.tx, accounts)


async def look_at_people(desk: Desk, batch: Batch) -> None:
    """Tell whom accounts miss."""
    async with batch.finishing() as done:
        accounts = {(job.tenant, job.subject.removeprefix("account/")) for job in done.jobs}
        await Missing(desk).by_clock(done.tx, accounts)


async def forget(desk: Desk, batch: Batch) -> None:
    """Forget what these persons were told, some of it in a transaction."""
    for job in batch.jobs:
        contact = (job.tenant, job.subject.removeprefix("contact/"))
        async with batch.database.transaction([job.tenant]) as tx:
            await desk.withdraw(tx, contact)
            await threads.forget(tx, contact)
            await feedback.forget(tx, contact)
        more = True
        while more:
            async with batch.database.transaction([job.tenant]) as tx:
                more = await store.forget_messages(tx, contact, FORGOTTEN_AT_ONCE)
    async with batch.finishing():
        pass


def works(desk: Desk, settings: Settings, quotes: Quotes, speak: Speaker, held: tls.Holder | None) -> tuple[Work, ...]:
    """All that sending has to do, as the settings say; neighbours are told who we are by `speak` and our certificate."""
    server = Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        ca=settings.smtp_ca,
        user=settings.smtp_user,
        password=partial(secret_now, settings, "smtp_password"),
        sender=settings.mail_from,
        connections=settings.smtp_connections,
    )
    documents = Documents(settings.invoicing_address, speak, held)
    sender = Sender(
        desk, server, documents, quotes, settings.reply_domain, settings.portal_url, hears=bool(settings.mail_port)
    )
    return (
        links.MAILS.work(server, settings.reply_domain),
        notices.MAILS.work(server, settings.reply_domain),
        Work(LETTER, sender.send, most=BATCH, cost_most=MESSAGES_AT_ONCE, findable=store.count_due),
        # Looks in its pauses, which the sender of letters may have none of.
        Work(DIGEST, partial(gather, desk), find=desk.find),
        Work(JOURNEY, partial(warn, desk), find=find_at_risk, findable=count_at_risk),
        Work(FIRST_STEPS, partial(lead_on, desk), find=find_due, findable=count_due),
        Work(ASK, partial(ask_further, desk), most=10, find=asks.find_due, findable=asks.count_due),
        Work(PEOPLE, partial(look_at_people, desk), most=10, find=gaps.find_due, findable=gaps.count_due),
        Work(FORGET, partial(forget, desk), most=1, find=find_erased, findable=store.count_erased),
    )

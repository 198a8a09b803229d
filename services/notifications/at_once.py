"""Sends mails that are no messages of a story (links, notices): at once, one by one, kept no longer than until they went."""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from services.chassis.columns import columns
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.workers import Batch, Work
from services.notifications.domain.contacts import Contact
from services.notifications.domain.delivery import Answer
from services.notifications.letters import Unwritable
from services.notifications.smtp import Away, Dropped, Server
from services.notifications.store import Key


class Letter(Protocol):
    """Something to be said, and to whom."""

    @property
    def person(self) -> Contact:
        """Whoever reads it."""


L = TypeVar("L", bound=Letter)


@dataclass(frozen=True)
class Mails(Generic[L]):
    """A kind of such mails: as its jobs and its table are called."""

    kind: str
    # Those that are still good, of people who are still there: of the others nothing goes.
    letters: Callable[[Tx, Collection[Key]], Awaitable[Mapping[Key, L]]]
    # The bytes of one: of whom, sent by which address, from which domain.
    write: Callable[[L, str, str], bytes]
    # Until one that could not go is tried again, as long as it is good.
    again_s: float

    def work(self, server: Server, domain: str) -> Work:
        """How they are sent."""
        return Work(self.kind, partial(self._send, server, domain), most=20)

    async def _send(self, server: Server, domain: str, batch: Batch) -> None:
        async with batch.database.transaction({job.tenant for job in batch.jobs}) as tx:
            letters = await self.letters(tx, [self._key(job) for job in batch.jobs])
        waiting = await self._hand_over(server, domain, letters)
        async with batch.finishing() as done:
            for job in done.jobs:
                if self._key(job) in waiting:
                    done.again(job, in_s=self.again_s, why="not now")
            gone = [self._key(job) for job in done.jobs if self._key(job) not in waiting]
            await done.tx.run(
                f"""DELETE FROM {self.kind}
                     WHERE (tenant, {self.kind}_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",  # noqa: S608 - our own words
                columns(gone),
            )

    async def _hand_over(self, server: Server, domain: str, letters: Mapping[Key, L]) -> set[Key]:
        """Hand these over; return those that must wait."""
        waiting = set(letters)
        todo = deque(letters.items())
        while todo:
            try:
                async with server.connected() as session:
                    while todo:
                        key, one = todo.popleft()
                        handed = await session.send(one.person.email, self._written(one, server.sender, domain))
                        if handed.answer is not Answer.NOT_NOW:
                            waiting.discard(key)
            except Dropped:
                continue  # over that mail perhaps: the others go over another connection
            except Away:
                break
        return waiting

    def _written(self, one: L, sender: str, domain: str) -> bytes:
        try:
            return self.write(one, sender, domain)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may have the link in it
            raise Unwritable(error) from None

    def _key(self, job: Job) -> Key:
        return job.tenant, job.subject.removeprefix(f"{self.kind}/")

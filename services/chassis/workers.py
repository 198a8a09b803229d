"""Does the jobs of a service: outside any transaction, by any replica, each kind by itself, what fails alone.

    async def write(batch: Batch) -> None:                       # how some jobs of a kind are done at once
        pages = await lay_out(batch.jobs)                        # no transaction is open meanwhile
        async with batch.finishing() as done:                    # a short one, for those that are still ours
            await store.keep(done.tx, {job.subject: pages[job.subject] for job in done.jobs})

A process has jobs under a lease that it renews while it works; one that dies gives them back when the lease ends. What
fails is found by halves, tried again with growing pauses, and parked among the events, alone: the same words and the
same command put it back or discard it.
"""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace

from services.chassis import jobs, metrics, tracing
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx, is_transient
from services.chassis.ids import new_id
from services.chassis.jobs import Job, Key
from services.chassis.logs import log, trace_id
from services.chassis.pace import Pace
from services.chassis.parked import Reason
from services.kernel.refusals import Refusal

POLL_S = 0.5  # for jobs that another replica adds; what this process adds it takes at once
RETRY_S = 0.5
LET_GO_S = 1.0  # to give leases back when told to stop
DEATHS_MAX = 3  # processes that ended over a job, after which it is parked
TRIES = 4
FIRST_PAUSE_S = 2.0  # before a job that failed is tried again; then four times as long each time


@dataclass(slots=True)
class Done:
    """The transaction that keeps what came of jobs; those that are gone, or another's by now, are not among them."""

    tx: Tx
    jobs: Sequence[Job]
    later: dict[Key, tuple[float, str]] = field(default_factory=dict)

    def again(self, job: Job, *, in_s: float = 0.0, why: str = "") -> None:
        """Keep this one for another time: it is not done yet, and nothing failed."""
        self.later[job.key] = (in_s, why)


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that are ours until the lease ends."""

    jobs: Sequence[Job]
    consumer: Consumer
    lease: str

    @property
    def database(self) -> Database:
        """Where they came from."""
        return self.consumer.database

    @asynccontextmanager
    async def finishing(self, some: Collection[Job] | None = None) -> AsyncIterator[Done]:
        """Commit what came of these jobs (all, if none are named) and that they are done; then wake what waited for it."""
        chosen = self.jobs if some is None else some
        async with self.database.transaction({job.tenant for job in chosen}) as tx:
            done = Done(tx, await jobs.hold(tx, chosen, self.lease))
            yield done
            finished = [job for job in done.jobs if job.key not in done.later]
            delays = await jobs.remove(tx, finished)
            if done.later:
                await jobs.put_off(tx, done.later)
        if finished:
            metrics.done(finished[0].kind, delays)
        await self.consumer.wake(tx.announced)


async def nothing(_tx: Tx) -> int:
    """The clock brings no jobs of this kind."""
    return 0


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of job, and how some are done at once."""

    kind: str
    # Finishes its jobs, or raises: then they are tried by halves, and the one that fails alone again later.
    do: Callable[[Batch], Awaitable[None]]
    # At most so many at once, and of so much cost together; one job alone may cost more.
    most: int = 50
    cost_most: int = 1_000_000
    # For a batch, after which it counts as failed, seconds.
    within_s: float = 120.0
    # How many batches this process does side by side.
    side_by_side: int = 1
    tries: int = TRIES
    # Makes jobs of what the clock has made due, some at a time; returns how many.
    find: Callable[[Tx], Awaitable[int]] = nothing
    # How many more `find` would make.
    findable: Callable[[Tx], Awaitable[int]] = nothing


class Floor:
    """Where a process's jobs are done: side by side, but for one over which a process has ended, which has it alone."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._working = 0
        self._alone = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Beside others, as soon as nobody is, or wants to be, alone."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone)
            self._working += 1
        try:
            yield
        finally:
            async with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Alone: nobody else's job can be taken for the one that ends the process."""
        self._alone += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._working)
                yield
        finally:
            self._alone -= 1
            async with self._changed:
                self._changed.notify_all()


class Worker:
    """Does the jobs of one kind, a batch after the other."""

    def __init__(self, consumer: Consumer, work: Work, floor: Floor | None = None) -> None:
        self._consumer = consumer
        self._database = consumer.database
        self._work = work
        self._floor = floor or Floor()
        self._lease = new_id()
        self._added = self._database.added(work.kind)

    async def run(self) -> None:
        """Work until cancelled; what is transient is waited for."""
        pace = Pace()
        try:
            while True:
                pace.begin()
                try:
                    done = await self.some()
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("jobs wait to be tried again", kind=self._work.kind, error=type(error).__name__)
                    await asyncio.sleep(RETRY_S)
                    continue
                if not done:
                    await self._wait()
                elif done < self._work.most:
                    await asyncio.sleep(pace.rest_s())
        finally:
            await self._let_go()

    async def some(self) -> int:
        """Take what comes next and do it; return how many jobs it was."""
        self._added.clear()
        claimed = await self._claim()
        if not claimed:
            return 0
        renewing = asyncio.create_task(self._keep_renewing({job.tenant for job in claimed}))
        deaths = max(job.deaths for job in claimed)
        try:
            async with self._floor.alone() if deaths else self._floor.shared():
                if deaths >= DEATHS_MAX:
                    why = Reason("failed", "job.process_ended", f"{deaths} processes ended while they did it")
                    await self._park(claimed[0], why)
                else:
                    await self._do(claimed)
        finally:
            renewing.cancel()
        return len(claimed)

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._added.wait(), POLL_S)

    async def _claim(self) -> list[Job]:
        work = self._work
        async with self._database.transaction(await self._database.tenants()) as tx:
            claimed = await jobs.claim(tx, work.kind, self._lease, most=work.most, cost_most=work.cost_most)
            if not claimed and await work.find(tx):
                claimed = await jobs.claim(tx, work.kind, self._lease, most=work.most, cost_most=work.cost_most)
        return claimed

    async def _do(self, some: Sequence[Job]) -> None:
        """Do these at once; if that fails, each half by itself, down to the culprits."""
        began = time.perf_counter()
        try:
            with _in_their_traces(some) as traced:
                async with asyncio.timeout(self._work.within_s):
                    await self._work.do(Batch(traced, self._consumer, self._lease))
        except Exception as error:  # whatever it is, it concerns one of them
            if is_transient(error):
                raise
            if len(some) == 1:
                await self._failed(some[0], error)
                return
            half = len(some) // 2
            await self._do(some[:half])
            await self._do(some[half:])
            return
        metrics.JOBS_S.labels(self._work.kind).observe(time.perf_counter() - began)

    async def _failed(self, job: Job, error: Exception) -> None:
        """Put it off, or park it: what is refused at once, a defect when it was tried often enough."""
        if isinstance(error, Refusal):
            await self._park(job, Reason("refused", error.code, error.message))
            return
        trace = "".join(traceback.format_exception(error))[-8000:]
        if job.attempts + 1 >= self._work.tries:
            await self._park(job, Reason("failed", f"defect.{type(error).__name__}", trace))
            return
        log.warning("job failed", kind=job.kind, error=type(error).__name__, attempts=job.attempts + 1)
        metrics.JOBS.labels(job.kind, "failed").inc()
        async with self._database.transaction([job.tenant]) as tx:
            if await jobs.hold(tx, [job], self._lease):
                await jobs.put_off(tx, {job.key: (FIRST_PAUSE_S * 4.0**job.attempts, trace)}, failed=True)

    async def _park(self, job: Job, why: Reason) -> None:
        async with self._database.transaction([job.tenant]) as tx:
            if not await jobs.hold(tx, [job], self._lease):
                return
            await jobs.park(tx, self._consumer.name, job, why)
        metrics.JOBS.labels(job.kind, "parked").inc()
        log.error(
            "job parked", kind=job.kind, reason=why.reason, code=why.code, trace_id=trace_id(job.origin.traceparent)
        )

    async def _keep_renewing(self, tenants: set[str]) -> None:
        while True:
            await asyncio.sleep(jobs.LEASE_S / 3)
            with suppress(Exception):  # a lease that could not be renewed ends: then the work is another's
                async with self._database.transaction(tenants) as tx:
                    await jobs.renew(tx, self._work.kind, self._lease)

    async def _let_go(self) -> None:
        with suppress(Exception):  # else what we have is given back when the lease ends
            async with asyncio.timeout(LET_GO_S), self._database.transaction(await self._database.tenants()) as tx:
                await jobs.let_go(tx, self._work.kind, self._lease)


@contextmanager
def _in_their_traces(some: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """The same, each in a span of its own, which is part of the trace that made it a job."""
    if not tracing.is_on():
        yield some
        return
    parts = [tracing.Part(f"job {job.kind}", job.origin.traceparent) for job in some]
    with tracing.each("internal", parts) as traceparents:
        yield [
            replace(job, origin=job.origin.within(traceparent))
            for job, traceparent in zip(some, traceparents, strict=True)
        ]


def workers(consumer: Consumer, works: Sequence[Work]) -> list[Worker]:
    """All that a process has for these kinds of jobs."""
    floor = Floor()
    return [Worker(consumer, work, floor) for work in works for _ in range(work.side_by_side)]


async def count_due(database: Database, works: Sequence[Work]) -> int:
    """How many jobs are to be done now, by both clocks, or are being done, those included that the clock is to bring."""
    async with database.transaction(await database.tenants()) as tx:
        return sum(n for n, _ in (await jobs.due(tx)).values()) + sum([await work.findable(tx) for work in works])


async def drain(consumer: Consumer, works: Sequence[Work]) -> int:
    """Do all that is to be done now; return how many jobs it was."""
    total, idle = 0, False
    while not idle:
        done = sum([await worker.some() for worker in workers(consumer, works)])
        total, idle = total + done, not done
    return total

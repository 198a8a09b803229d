"""Facts about companies from outside: registers, bureaus, insurers, banks, each behind one contract (SOURCES.md).

    question = Question({"country": "GB", "register_number": "01234567"}, {"company_status": read_status}, tx.at)
    gathered = await sources.look(origin, question, within_s=0.15)             # outside any transaction
    await jobs.add(tx, again(gathered, "application/a1", origin))              # who did not answer is asked again

All that know something wanted are asked together, and nobody is waited for beyond the deadline. What was not asked for, or
is no value of its kind, is counted and not believed.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Literal, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.sources.v1 import service_pb2

from services.chassis import bounds, tls, tracing
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.identity import Speaker
from services.chassis.jobs import Job
from services.chassis.logs import log
from services.chassis.settings import Peer
from services.chassis.workers import Batch, Work
from services.credit import metrics
from services.credit.settings import Source
from services.kernel.refusals import Refusal

SOURCE = "source"  # kind of job: one source is asked again about one thing
FAILURES_MAX = 5  # in a row, after which a source is spared
SPARED_S = 30.0
AGAIN_S = 60.0  # until who did not answer a job, or not with all, is asked once more
ANSWER_MAX = 256 * 1024  # bytes
FACTS_MAX = 50  # of an answer
AHEAD = timedelta(days=1)  # by which a source's day may be another than ours
# Why a fact is not believed, or no answer.
DOUBTS = ("unasked", "twice", "value", "time", "too_many", "unreadable")
RECONNECT_MS = 10_000  # at most, between two attempts at a connection: shorter than a source is spared

_SERVICE = "receivables.sources.v1.SourceService"
M = TypeVar("M", bound=Message)
Reader = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a company."""

    # All that is known of it, by the keys of facts: each source is told of it what its setting says, and nothing else.
    subject: Mapping[str, str]
    # What is wanted, and what reads a value of it, or raises a Refusal.
    wanted: Mapping[str, Reader]
    # Business time: what is older than its own end, or from later than this, is not believed.
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as a source tells it."""

    key: str
    # As text, like a fact's; empty: there is none.
    value: str
    # The source's name: where the fact comes from.
    source: str
    evidence: str = ""
    # When it was so; None: as it was told.
    as_of: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What sources told. Of one key several may tell something, and not the same."""

    found: tuple[Told, ...] = ()
    # Sources that did not answer in time.
    late: frozenset[str] = frozenset()
    # Sources that cannot be asked now.
    away: frozenset[str] = frozenset()
    # What sources cannot say now: of each its keys.
    unavailable: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def again(self) -> frozenset[str]:
        """Sources that may still tell something."""
        return self.late | self.away | self.unavailable.keys()


class Breaker:
    """Spares a source that failed several times in a row; after a while it is asked again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Take what tells the time, seconds."""
        self._now = now
        self._failures = 0
        self._failed_at = -inf

    def lets(self) -> bool:
        """Whether the source is to be asked now."""
        return self._failures < FAILURES_MAX or self._now() - self._failed_at >= SPARED_S

    def answered(self) -> None:
        """It did."""
        self._failures = 0

    def failed(self) -> bool:
        """It did not; return whether it is spared from now on."""
        self._failures += 1
        self._failed_at = self._now()
        return self._failures >= FAILURES_MAX


class Sources:
    """All sources that the settings name."""

    def __init__(
        self,
        given: Mapping[str, Source],
        speak: Speaker,
        held: tls.Holder | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember where they answer, what says who asks them, and our certificate; connections open with the first question."""
        self._sources = {name: _Source(name, said, speak, held, Breaker(now)) for name, said in given.items()}

    async def look(
        self, origin: Origin, question: Question, *, within_s: float = inf, only: Collection[str] | None = None
    ) -> Gathered:
        """Ask all sources that know something of it (of `only` some, those), each no longer than its own deadline."""
        chosen = {
            name: keys
            for name, source in self._sources.items()
            if (only is None or name in only) and (keys := source.keys & question.wanted.keys())
        }
        asked = (self._sources[name].ask(origin, question, keys, within_s) for name, keys in chosen.items())
        answers = dict(zip(chosen, await asyncio.gather(*asked), strict=True))
        return Gathered(
            found=tuple(fact for answer in answers.values() for fact in answer.found),
            late=frozenset(name for name, answer in answers.items() if answer.outcome == "late"),
            away=frozenset(name for name, answer in answers.items() if answer.outcome in ("away", "spared")),
            unavailable={name: answer.unavailable for name, answer in answers.items() if answer.unavailable},
        )

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(source.caller.line.close() for source in self._sources.values()))


@dataclass(frozen=True, slots=True)
class _Answer:
    outcome: str
    found: Sequence[Told] = ()
    unavailable: frozenset[str] = frozenset()


class Caller:
    """Calls one source: its connection, and whether it is spared."""

    def __init__(
        self,
        name: str,
        said: Peer,
        speak: Speaker,
        held: tls.Holder | None,
        breaker: Breaker,
        *,
        doubts: Sequence[str],
    ) -> None:
        """Remember where it answers, and why it may not be believed; the connection opens with the first question."""
        self.name = name
        self._said, self._speak, self._breaker = said, speak, breaker
        # By this its certificate calls itself, and tokens for it.
        self._called = f"source-{name}"
        options = [
            ("grpc.max_receive_message_length", ANSWER_MAX),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
            ("grpc.enable_retries", 0),
        ]
        self.line = tls.Line(self._called, said.address, held, options)
        metrics.expect_source(name, doubts)

    async def ask(
        self, origin: Origin, method: str, request: Message, kind: type[M], within_s: float = inf
    ) -> tuple[str, M | None]:
        """Ask it, unless it is spared: what became of that (told, late, away, spared), and its answer.

        Being late for the caller is no failure of it, unless it is for its own deadline too.
        """
        if not self._breaker.lets():
            metrics.source_answered(self.name, "spared", 0.0)
            return "spared", None
        began = time.perf_counter()
        outcome, said = "away", None
        try:
            said = await self._call(origin, method, request, kind, min(within_s, self._said.deadline_s))
            outcome = "told"
            self._breaker.answered()
        except DecodeError:
            disbelieve(self.name, "unreadable")
            self._failed("unreadable")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                outcome = "late"
            if outcome == "away" or self._said.deadline_s <= within_s:
                self._failed(error.code().name)
        metrics.source_answered(self.name, outcome, time.perf_counter() - began)
        return outcome, said

    def _failed(self, why: str) -> None:
        if self._breaker.failed():
            log.warning("source spared", source=self.name, why=why)

    async def _call(self, origin: Origin, method: str, request: Message, kind: type[M], timeout_s: float) -> M:
        call: grpc.aio.UnaryUnaryMultiCallable[Message, bytes] = self.line.channel().unary_unary(
            f"/{_SERVICE}/{method}", request_serializer=type(request).SerializeToString
        )
        metadata = self._speak(origin.tenant, self._called)
        with tracing.span(f"SourceService/{method}", "client", origin.traceparent, {"rpc.system": "grpc"}) as trace:
            if trace:
                metadata.append(("traceparent", trace))
            # Read here: gRPC would take what is no answer for none at all.
            return kind.FromString(await call(request, metadata=metadata, timeout=timeout_s))


class _Source:
    """One source of facts: what it knows, and what it may be told."""

    def __init__(self, name: str, said: Source, speak: Speaker, held: tls.Holder | None, breaker: Breaker) -> None:
        self.keys, self._told = said.keys, said.told
        self.caller = Caller(name, said, speak, held, breaker, doubts=DOUBTS)

    async def ask(self, origin: Origin, question: Question, keys: Collection[str], within_s: float) -> _Answer:
        name = self.caller.name
        subject = {key: value for key, value in question.subject.items() if key in self._told and value}
        request = service_pb2.LookRequest(
            source=name,
            subject=[service_pb2.Known(key=key, value=value) for key, value in sorted(subject.items())],
            keys=sorted(keys),
        )
        outcome, said = await self.caller.ask(origin, "Look", request, service_pb2.LookResponse, within_s)
        if said is None:
            return _Answer(outcome)
        return _Answer(outcome, believed(name, keys, question, said), _unavailable(keys, said))


def believed(
    source: str, keys: Collection[str], question: Question, answer: service_pb2.LookResponse
) -> tuple[Told, ...]:
    """What of an answer is believed; the rest is counted."""
    if len(answer.facts) > FACTS_MAX:
        disbelieve(source, "too_many")
        return ()
    times = Counter(fact.key for fact in answer.facts)
    found = []
    for fact in answer.facts:
        if why := "twice" if times[fact.key] > 1 else _flaw(fact, keys, question):
            disbelieve(source, why)
            continue
        as_of, valid_until = _time(fact, "as_of"), _time(fact, "valid_until")
        found.append(Told(fact.key, fact.value, source, fact.evidence, as_of, valid_until))
    return tuple(found)


def _flaw(fact: service_pb2.Found, keys: Collection[str], question: Question) -> str:
    """Why a fact is not believed; "" if it is."""
    if fact.key not in keys:
        return "unasked"
    try:
        bounds.check(fact)
        if fact.value:
            question.wanted[fact.key](fact.value)
    except Refusal:
        return "value"
    as_of, valid_until = _time(fact, "as_of"), _time(fact, "valid_until")
    if (as_of and as_of > question.at + AHEAD) or (valid_until and valid_until <= question.at):
        return "time"
    return ""


def disbelieve(source: str, why: str) -> None:
    """Note that something of a source's answer is not believed."""
    metrics.DISBELIEVED.labels(source, why).inc()
    log.warning("source not believed", source=source, why=why)


def _time(fact: service_pb2.Found, name: Literal["as_of", "valid_until"]) -> datetime | None:
    said: Timestamp = getattr(fact, name)
    return said.ToDatetime(UTC) if fact.HasField(name) else None


def _unavailable(keys: Collection[str], answer: service_pb2.LookResponse) -> frozenset[str]:
    return frozenset(answer.unavailable) & frozenset(keys)


# What is still wanted for a job's subject, read in a transaction; None: nothing any more.
Asked = Callable[[Tx, Job], Awaitable[Question | None]]
# Does what follows from what a source told late, or from its knowing nothing, in the transaction that finishes the job.
Answered = Callable[[Tx, Job, Gathered], Awaitable[None]]


def again(gathered: Gathered, subject: str, origin: Origin) -> list[Job]:
    """The jobs that ask those again that may still tell something about a subject ("application/a1")."""
    return [Job(SOURCE, f"{subject}/{source}", origin) for source in sorted(gathered.again)]


def subject_of(job: Job) -> str:
    """What a job of these is about."""
    return job.subject.rpartition("/")[0]


def work(sources: Sources, asked: Asked, answered: Answered) -> Work:
    """How sources are asked again: as long as something is wanted, and none for longer than its own deadline."""
    return Work(SOURCE, partial(_ask_all, sources, asked, answered), most=10)


async def _ask_all(sources: Sources, asked: Asked, answered: Answered, batch: Batch) -> None:
    await asyncio.gather(*(_ask_again(sources, asked, answered, batch, job) for job in batch.jobs))


async def _ask_again(sources: Sources, asked: Asked, answered: Answered, batch: Batch, job: Job) -> None:
    async with batch.database.transaction([job.tenant]) as tx:
        question = await asked(tx, job)
    gathered = Gathered()
    if question is not None:
        gathered = await sources.look(job.origin, question, only=[job.subject.rpartition("/")[2]])
    async with batch.finishing([job]) as done:
        if not done.jobs:
            return
        if question is not None and (gathered.found or not gathered.again):
            await answered(done.tx, job, gathered)
        if gathered.again:
            done.again(job, in_s=AGAIN_S, why="it did not answer, or not with all")

"""Handles events once: a batch in one transaction, what fails parked alone, what was early when its partner comes."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, TypeVar

import psycopg
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from services.chassis import inbox, jobs, metrics, parked, parts, pauses, tracing, unpublished
from services.chassis.database import Database, TooSlow, Tx, is_of_data, is_transient, timed_out
from services.chassis.envelope import Event, Identity, Record, Unreadable, check_outsider, decode, tellable, topic_of
from services.chassis.logs import harmless, log
from services.chassis.parked import Listed, Parked, Reason, Slot
from services.chassis.pauses import PAUSED, Budgets
from services.kernel.refusals import Early, Invalid, KeyReused, Refusal

Handler = Callable[[Tx, Sequence[Event[Any]]], Awaitable[object]]
Teller = Callable[[Tx, Event[Any], Refusal], Awaitable[None]]
T = TypeVar("T")
Subjects = set[tuple[str, str]]

ID_REUSED = "event.id_reused"
TOO_SLOW = "event.too_slow"
UNSTORABLE = "event.unstorable"
_REUSED = KeyReused(ID_REUSED, "the same event id came with another body")

TRIES = 3  # of one that takes too long alone: more than one, since a process that freezes takes long with any
RUN_MAX = 20  # waiting events of one subject in one transaction


@dataclass(slots=True)
class _Item:
    """A record of a batch, and what it says; `why` is set as soon as it is known that it must wait."""

    record: Record
    slot: Slot
    event: Event[Any] | None = None
    body_hash: bytes = b""
    why: Reason | None = None


@dataclass(slots=True)
class _Batch:
    """What became of a batch, counted after its commit."""

    # How many of each tenant have failed in a row, and who is paused.
    budgets: Budgets
    handled: list[Event[Any]] = field(default_factory=list)
    parked: list[tuple[Record, Reason]] = field(default_factory=list)
    duplicates: int = 0
    skipped: int = 0
    # Slots of which an earlier event waits, and those whose early event waits for a later one of the same slot.
    held: set[Slot] = field(default_factory=set)
    expected: set[Slot] = field(default_factory=set)
    # Subjects that others may wait for.
    told: Subjects = field(default_factory=set)
    # Slots of which more waits than one transaction handles.
    unfinished: set[Slot] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Ran:
    """How far the waiting events of a slot were handled."""

    subjects: Subjects
    # The last that was tried, or passed over.
    after: int
    # Whether one still holds back others.
    holding: bool = False
    # Whether there may be more to handle, in a transaction of its own.
    more: bool = False


async def nobody(_tx: Tx, _event: Event[Any], _refusal: Refusal) -> None:
    """Refusals of this service's events are listed, and told to nobody."""


class Consumer:
    """One service's handling of the topics it follows; knows nothing of Kafka, so that tests can drive it."""

    def __init__(
        self,
        database: Database,
        name: str,
        handlers: Mapping[type[Message], Handler],
        *,
        tell: Teller = nobody,
        topic_ids: Mapping[str, str] | None = None,
        failures_in_row_max: int = 100,
        batch_s: float = 30.0,
        alone_s: float = 90.0,
    ) -> None:
        self.database = database
        self.name = name
        self.topics = sorted({topic_of(message) for message in handlers})
        self.topic_ids = topic_ids or {topic: topic for topic in self.topics}
        self._handlers = {str(message.DESCRIPTOR.full_name): handler for message, handler in handlers.items()}
        self.event_types = frozenset(self._handlers)
        self._types = {t: types_of(t, handlers) for t in self.topics}
        self._tell = tell
        self._failures_in_row_max = failures_in_row_max
        self._batch_s = batch_s
        # One alone may wait for whatever a frozen process has locked: the server ends that one sooner.
        self.alone_s = alone_s
        # What took too long, and how many are therefore handled at once: half as many, and by and by more again.
        self.timeouts = 0
        self._at_once = sys.maxsize
        # Known to the database.
        self._tenants: set[str] = set()
        self._places: set[tuple[str, int]] = set()

    async def handle(self, records: Sequence[Record]) -> None:
        """Handle a batch in one transaction, trying again for ever what is transient; then wake what waited for it.

        One that takes too long comes again halved, down to one; one that takes too long alone, time and again, is
        parked.
        """
        rest = [self._read(record) for record in records]
        tries = 0
        while rest:
            part = rest[: self._at_once]
            try:
                batch = await self._retrying(partial(self._commit, part), but=timed_out)
            except Exception as error:
                if not timed_out(error):
                    raise
                self._took_too_long(len(part), error)
                self._at_once = max(1, len(part) // 2)
                tries += len(part) == 1
                if tries == TRIES:
                    rest[0] = replace(part[0], why=_too_slow(error))
                continue
            rest, tries = rest[len(part) :], 0
            if len(part) == self._at_once:
                self._at_once += max(1, self._at_once // 8)
            await self._wake_after(batch, len(part))

    async def _wake_after(self, batch: _Batch, size: int) -> None:
        _count(batch, size)
        early = {parked.slot_of(record) for record, why in batch.parked if why.reason == "early"}
        await self.wake({(e.tenant, e.subject) for e in batch.handled} | batch.told, early | batch.unfinished)

    def _took_too_long(self, size: int, error: Exception) -> None:
        self.timeouts += 1
        metrics.MESSAGES.labels("retried").inc()
        log.warning("a batch took too long", events=size, error=type(error).__name__)

    async def next_offsets(self) -> dict[tuple[str, int], int]:
        """The next offset to handle of each partition that was handled before; waits for a database that is away."""

        async def ask() -> dict[tuple[str, int], int]:
            async with self.database.glance() as tx:
                return await inbox.next_offsets(tx, self.name, self.topic_ids)

        return await self._retrying(ask)

    async def wake(self, subjects: Subjects, slots: Collection[Slot] = ()) -> None:
        """Run the early events that wait for these subjects, and these slots, until nothing more comes of it."""
        todo = list(slots)
        while todo or subjects:
            if subjects:
                todo += await self._retrying(partial(self._waiting_for, subjects))
            subjects = set()
            for slot in dict.fromkeys(todo):
                subjects |= await self._run_slot(slot, by="system:wake")
            todo = []

    async def _waiting_for(self, subjects: Subjects) -> list[Slot]:
        async with self.database.pool.connection() as connection:  # one question, which is a transaction of its own
            return await parked.waiting_for(Tx(connection, datetime.now(UTC)), self.name, subjects)

    async def wake_due(self) -> None:
        """Try early events again, with growing pauses, in case a crash came between a partner and its wake.

        And what the version before this one could not read and we can: both run side by side while one replaces the other.
        """
        async with self.database.transaction(()) as tx:
            await parked.let_known_try_again(tx, self.name, [(t, name) for t in self.topics for name in self._types[t]])
            slots = await parked.due(tx, self.name)
        await self.wake(set(), slots)

    async def replay(self, row: Listed, *, by: str) -> None:
        """Handle a slot's waiting events again at an operator's wish, in order, up to the first that must wait on."""
        await self.wake(await self._run_slot(row.slot, by=by, again=True))

    async def discard(self, row: Listed, *, by: str, why: str) -> bool:
        """Give an event up and handle what stood behind it; false if it did not wait any more."""

        async def work() -> bool:
            async with self._slot_transaction(row.slot) as tx:
                closed = await parked.close(tx, row.id, "discarded", by=by, why=why)
                await self._run_rows(tx, row.slot, by=by, most=0, of_paused=False)
            return closed

        closed = await self._retrying(work)
        await self.wake(await self._run_slot(row.slot, by=by))
        return closed

    async def resume(self, tenant: str, *, by: str) -> bool:
        """Handle again, in their order, a paused tenant's events that have failed or stand behind others, and let it go on.

        While we are at it what comes of it waits behind those. If as many fail in a row again, it stays paused; return
        whether it goes on.
        """
        subjects = await self._run_on(partial(self._resume_some, tenant, by=by))
        await self.wake(subjects)
        return not await self.is_paused(tenant)

    async def is_paused(self, tenant: str) -> bool:
        """Whether this tenant's events wait for an operator."""
        async with self.database.transaction([tenant]) as tx:
            return bool(await pauses.paused(tx, self.name))

    async def _resume_some(self, tenant: str, *, by: str, after: int, most: int, slow: Reason | None) -> _Ran:
        async with self.database.transaction([tenant]) as tx, _in_time(self.alone_s):
            in_row = await pauses.hold(tx, self.name, tenant)
            if in_row is None:
                return _Ran(set(), after)
            in_row = in_row if after else 0  # each try has a budget of its own
            subjects: Subjects = set()
            rows = await parked.of_tenant(tx, self.name, self.topics, tenant, after=after, most=most)
            for row in rows:
                why = await self._resume_one(tx, row, by=by, slow=slow)
                after, slow = row.id, None
                if why is None:
                    subjects.add((row.tenant, row.subject))
                    in_row = 0
                in_row += why is not None and why.reason == "failed"
                if in_row >= self._failures_in_row_max:
                    break
            await pauses.count(tx, self.name, tenant, in_row)
            if not rows:
                await pauses.end(tx, self.name, tenant)
        more = bool(rows) and in_row < self._failures_in_row_max
        return _Ran(subjects | tx.announced, after, more=more)

    async def _resume_one(self, tx: Tx, row: Parked, *, by: str, slow: Reason | None) -> Reason | None:
        """Handle it unless an earlier one of its subject waits on; then, at once, earlier ones that waited for it."""
        held, expected = await parked.before(tx, self.name, row)
        why = _BEHIND if held else slow or await self._try(tx, row)
        if why is not None:
            await parked.keep(tx, row.id, why)
            return why
        await parked.close(tx, row.id, "handled", by=by, why="")
        if expected:
            await self._run_rows(tx, row.slot, by=by, upto=row.id)
        return None

    async def _run_slot(self, slot: Slot, *, by: str, again: bool = False) -> Subjects:
        return await self._run_on(partial(self._run_some, slot, by=by, again=again))

    async def _run_on(self, some: Callable[..., Awaitable[_Ran]]) -> Subjects:
        """Handle waiting events, `some` in each transaction; one that takes too long has failed."""
        subjects: Subjects = set()
        ran, most, tries, slow = _Ran(subjects, after=0, more=True), RUN_MAX, 0, None
        while ran.more:
            work = partial(some, after=ran.after, most=most, slow=slow)
            try:
                ran = await self._retrying(work, but=timed_out)
            except Exception as error:
                if not timed_out(error):
                    raise
                self._took_too_long(most, error)
                tries, most = tries + (most == 1), 1
                slow = _too_slow(error) if tries == TRIES else None
                continue
            subjects |= ran.subjects
            tries, slow = 0, None
        return subjects

    async def _run_some(self, slot: Slot, *, again: bool, **how: Any) -> _Ran:
        async with self._slot_transaction(slot) as tx, _in_time(self.alone_s):
            ran = await self._run_rows(tx, slot, again=again, of_paused=again, **how)
        return replace(ran, subjects=ran.subjects | tx.announced)

    def _slot_transaction(self, slot: Slot) -> AbstractAsyncContextManager[Tx]:
        _, tenant, _ = slot
        return self.database.transaction([tenant] if tenant else [])

    async def _run_rows(
        self,
        tx: Tx,
        slot: Slot,
        *,
        by: str,
        again: bool = False,
        after: int = 0,
        most: int = RUN_MAX,
        slow: Reason | None = None,
        of_paused: bool = True,
        upto: int = sys.maxsize,
    ) -> _Ran:
        """Handle a slot's waiting events in order, so many at most; the first has failed if it was too `slow`.

        What was refused or has failed is an operator's to try `again`, never ours; as is what waits of a paused tenant.
        """
        subjects: Subjects = set()
        while row := await parked.next_of(tx, self.name, slot, after, of_paused=of_paused):
            if row.id > upto:
                break
            if row.reason not in ("early", "behind") and not again:
                after = row.id
                if parked.holds_back(row, row.subject):
                    return _Ran(subjects, after, holding=True)
                continue
            if most == 0:
                await _let_go(tx, row)
                return _Ran(subjects, after, holding=True, more=True)
            most, after = most - 1, row.id
            why, slow = slow or await self._try(tx, row), None
            if why is None:
                await parked.close(tx, row.id, "handled", by=by, why="")
                subjects.add((row.tenant, row.subject))
                continue
            await parked.keep(tx, row.id, why)
            if parked.holds_back(why, row.subject):
                return _Ran(subjects, after, holding=True)
        return _Ran(subjects, after)

    async def _try(self, tx: Tx, row: Parked) -> Reason | None:
        """Handle a waiting event within a savepoint, or let a job be done again; say why not, if not."""
        if row.topic == parked.JOBS:
            await jobs.put_back(tx, row)
            return None
        if row.topic.startswith(parked.OUTBOX):
            await unpublished.put_back(tx, row)
            return None
        item = self._read(row.record)
        if item.event is None or row.code == ID_REUSED:
            return item.why or Reason(row.reason, row.code, row.detail)
        if item.event.type not in self._handlers:
            return None  # a version before this could not read it, and it is none of ours
        with _in_their_traces([item], self.event_types) as [traced]:
            assert traced.event is not None, "it was read"
            why = await self._handle_one(tx, traced.event, told=row.reason == "refused")
            if why is not None:
                _say_parked(traced, why)
        return why

    def _read(self, record: Record) -> _Item:
        item = _Item(record, parked.slot_of(record))
        try:
            if parts.too_many(record.value or b""):
                raise Unreadable("event.too_large", f"more than {parts.PARTS_MAX:,} parts of one kind")
            item.event = decode(record, self._types.get(record.topic, {}), self._handlers)
            if item.event.type in self._handlers:
                item.body_hash = inbox.body_hash(record)
        except Unreadable as error:
            item.why = Reason("unreadable", error.code, error.message)
        return item

    async def _commit(self, items: Sequence[_Item]) -> _Batch:
        with _in_their_traces(items, self.event_types) as traced:
            return await self._commit_together(traced)

    async def _commit_together(self, items: Sequence[_Item]) -> _Batch:
        tenants = {item.event.tenant for item in items if item.event}
        seconds = self._batch_s if len(items) > 1 else self.alone_s
        async with self.database.transaction(tenants) as tx, _in_time(seconds):
            places = {(item.record.topic, item.record.partition) for item in items}
            await self._meet(tx, tenants, places)
            known = await inbox.claim(
                tx,
                self.name,
                self.topic_ids,
                [item.record for item in items],
                hashes={i.event.identity: i.body_hash for i in reversed(items) if i.event and i.body_hash},
                slots={item.slot for item in items},
            )
            batch = _Batch(Budgets(self._failures_in_row_max, known.failing))
            batch.held, batch.expected = parked.held_back(known.waiting)
            fresh = [i for i in items if i.record.offset > known.done[(i.record.topic, i.record.partition)]]
            batch.duplicates = len(items) - len(fresh)
            await self._handle_part(tx, await self._take(tx, fresh, known.new, batch), batch)
            await batch.budgets.save(tx, self.name)
        batch.told |= tx.announced
        self._tenants |= tenants
        self._places |= places
        return batch

    async def _meet(self, tx: Tx, tenants: set[str], places: set[tuple[str, int]]) -> None:
        """Remember tenants for the sweepers, and partitions for those who handle them next."""
        if new := sorted(tenants - self._tenants):
            await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [new])
        if places - self._places:
            await inbox.meet_places(tx, self.name, self.topic_ids, places)

    async def _take(self, tx: Tx, items: Sequence[_Item], new: Set[Identity], batch: _Batch) -> list[_Item]:
        """Drop what came before; return the rest in order, with what cannot be read and what had another body."""
        first: dict[Identity, _Item] = {}
        kept: list[_Item] = []
        for item in items:
            if item.event is None:
                kept.append(item)
            elif item.event.type not in self._handlers:
                batch.skipped += 1
            elif (
                earlier := first.setdefault(item.event.identity, item)
            ) is item or earlier.body_hash != item.body_hash:
                kept.append(item)
            else:
                batch.duplicates += 1
        old = {identity: item.body_hash for identity, item in first.items() if identity not in new}
        settled = await inbox.settle(tx, self.name, old)
        new = new | settled.new
        pending = []
        for item in kept:
            if item.event is None:
                pending.append(item)
            elif item.event.identity in settled.other_body or item is not first[item.event.identity]:
                pending.append(replace(item, why=await self._refused(tx, item.event, _REUSED)))
            elif item.event.identity in new:
                pending.append(item)
            else:
                batch.duplicates += 1
        return pending

    async def _handle_part(self, tx: Tx, items: Sequence[_Item], batch: _Batch) -> None:
        """Handle as many as one as can be, in an order in which none overtakes another of its account."""
        for segment in _segments(items, batch.expected):
            if len(segment) == 1:
                await self._handle_or_park(tx, segment[0], batch)
            else:
                await self._handle_segment(tx, segment, batch)

    async def _handle_segment(self, tx: Tx, items: Sequence[_Item], batch: _Batch) -> None:
        """Handle what nothing holds back as one; if anything in it fails, each half by itself, down to the culprits."""
        stopped = set(batch.held)
        free: list[Event[Any]] = []
        rest: list[_Item] = []
        for item in items:
            if (
                item.event
                and not item.why
                and item.slot not in stopped
                and item.event.tenant not in batch.budgets.paused
            ):
                free.append(item.event)
            else:
                rest.append(item)
                stopped.add(item.slot)
        if await self._handled_as_one(tx, free, batch):
            for item in rest:
                await self._handle_or_park(tx, item, batch)
        else:
            half = len(items) // 2
            await self._handle_part(tx, items[:half], batch)
            await self._handle_part(tx, items[half:], batch)

    async def _handled_as_one(self, tx: Tx, events: Sequence[Event[Any]], batch: _Batch) -> bool:
        if not events:
            return True
        try:
            async with _part(tx):
                for run in runs(events, self._handlers):
                    await self._do(tx, run)
        except Exception as error:  # whatever a handler raises concerns one event, found by halves
            if is_transient(error):
                raise
            return False
        batch.handled += events
        batch.budgets.handled(event.tenant for event in events)
        return True

    async def _do(self, tx: Tx, run: Sequence[Event[Any]]) -> None:
        """Hand a run to its handler; what comes from outside is looked at first, ours was at its own door."""
        for event in run:
            if event.sequence is None:
                check_outsider(event)
        await self._handlers[run[0].type](tx, run)

    async def _handle_or_park(self, tx: Tx, item: _Item, batch: _Batch) -> None:
        why = item.why
        if why is None and item.slot in batch.held:
            why = _BEHIND
        if why is None:
            assert item.event is not None, "what cannot be read has a reason"
            if item.event.tenant in batch.budgets.paused:
                why = _PAUSED
            else:
                why = await self._handle_one(tx, item.event)
            if why is None:
                await self._handled_alone(tx, item.slot, item.event, batch)
                return
        batch.parked.append((item.record, why))
        _say_parked(item, why)
        await parked.add(tx, self.name, item.record, why)
        if parked.holds_back(why, item.slot[2]):
            batch.held.add(item.slot)
        elif parked.awaits_own(why, item.slot[2]):
            batch.expected.add(item.slot)
        if why.reason == "failed" and item.event:
            batch.budgets.failed(item.event.tenant)

    async def _handled_alone(self, tx: Tx, slot: Slot, event: Event[Any], batch: _Batch) -> None:
        """What came before it and waited for it runs at once, before anything later of its subject."""
        batch.handled.append(event)
        batch.budgets.handled([event.tenant])
        if slot in batch.expected:
            ran = await self._run_rows(tx, slot, by="system:wake")
            batch.told |= ran.subjects
            if ran.holding:
                batch.held.add(slot)
            if ran.more:
                batch.unfinished.add(slot)

    async def _handle_one(self, tx: Tx, event: Event[Any], *, told: bool = False) -> Reason | None:
        try:
            async with _part(tx):
                await self._do(tx, [event])
        except Early as early:
            return Reason("early", early.code, early.message, early.waits_for)
        except Refusal as refusal:
            return await self._refused(tx, event, refusal, told=told)
        except Exception as error:  # a defect: parked with its trace, for people to look at
            if is_transient(error):
                raise
            if is_of_data(error):
                return await self._refused(tx, event, _unstorable(error), told=told)
            return _defect(error)
        return None

    async def _refused(self, tx: Tx, event: Event[Any], refusal: Refusal, *, told: bool = False) -> Reason:
        """Tell those who must correct it, once."""
        metrics.REFUSED.labels(refusal.code).inc()
        if not told:
            try:
                async with _part(tx):
                    await self._tell(tx, tellable(event), refusal)
            except Exception as error:  # a defect of the telling is this event's too
                if is_transient(error):
                    raise
                if not isinstance(error, Refusal) and not is_of_data(error):
                    return _defect(error)
                log.warning("a refusal could not be told", code=refusal.code, error=type(error).__name__)
        return Reason("refused", refusal.code, refusal.message)

    async def _retrying(
        self, work: Callable[[], Awaitable[T]], but: Callable[[BaseException], bool] = lambda _error: False
    ) -> T:
        """Do it, waiting and trying again for ever while the database is away or says to come again."""
        try:
            return await work()  # as nearly always: what waits and counts would cost a tenth of a small batch
        except Exception as error:
            if not is_transient(error) or but(error):
                raise
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(lambda error: is_transient(error) and not but(error)),
            wait=wait_random_exponential(multiplier=0.05, max=5),
            before_sleep=_say_retry,
            reraise=True,
        ):
            with attempt:
                result = await work()
        return result


def types_of(topic: str, handlers: Mapping[type[Message], Handler]) -> dict[str, type[Message]]:
    """Every message of a topic's contract by its full name, handled here or not."""
    [file] = {message.DESCRIPTOR.file.name for message in handlers if topic_of(message) == topic}
    found = descriptor_pool.Default().FindFileByName(file)
    return {str(d.full_name): message_factory.GetMessageClass(d) for d in found.message_types_by_name.values()}


@contextmanager
def _in_their_traces(items: Sequence[_Item], handled: Set[str]) -> Iterator[Sequence[_Item]]:
    """The same, each event that is handled here in a span of its own, which is part of the trace that brought it."""
    if not tracing.is_on():
        yield items
        return
    nths = [nth for nth, item in enumerate(items) if item.event and item.event.type in handled]
    events = [event for nth in nths if (event := items[nth].event)]
    with tracing.each("consumer", [_part_of_trace(event) for event in events]) as traceparents:
        traced = list(items)
        for nth, event, traceparent in zip(nths, events, traceparents, strict=True):
            if traceparent != event.origin.traceparent:
                traced[nth] = replace(items[nth], event=replace(event, origin=event.origin.within(traceparent)))
        yield traced


def _part_of_trace(event: Event[Any]) -> tracing.Part:
    name, said = _named(type(event.body))  # type: ignore[arg-type, unused-ignore]
    return tracing.Part(name, event.origin.traceparent, said)


@cache
def _named(message: type[Any]) -> tuple[str, dict[str, str]]:
    """How the handling of such events is called, and what is said of it (OpenTelemetry's conventions)."""
    topic = topic_of(message)
    return f"process {topic}", {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.type": "process",
        "cloudevents.event_type": str(message.DESCRIPTOR.full_name),
    }


def _say_parked(item: _Item, why: Reason) -> None:
    if item.event:
        tracing.mark(item.event.origin.traceparent, {"receivables.parked": why.reason, "error.type": why.code})


def runs(events: Sequence[Event[Any]], handlers: Mapping[str, Handler]) -> Iterator[list[Event[Any]]]:
    """Split a batch into runs of one handler, as few as possible, that keep the order of each account."""
    rest = list(events)
    while rest:
        handler, taken, left = handlers[rest[0].type], [], []
        blocked: set[tuple[str, str]] = set()
        for event in rest:
            key = (event.tenant, event.account_id)
            if handlers[event.type] == handler and key not in blocked:
                taken.append(event)
            else:
                blocked.add(key)
                left.append(event)
        yield taken
        rest = left


def _segments(items: Sequence[_Item], alone: set[Slot]) -> Iterator[list[_Item]]:
    """Cut a batch so that each item of certain slots stands alone; the slots may grow while we are at it."""
    segment: list[_Item] = []
    for item in items:
        if item.slot not in alone:
            segment.append(item)
            continue
        if segment:
            yield segment
        segment = []
        yield [item]
    if segment:
        yield segment


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    """Give the work in a transaction so long; the wait for a connection does not count."""
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            yield
    except TimeoutError:
        if not deadline.expired():
            raise
        raise TooSlow(f"not done within {seconds:g} seconds") from None


@asynccontextmanager
async def _part(tx: Tx) -> AsyncIterator[None]:
    """What fails in here is undone without the rest of the transaction, announcements included.

    Rules that the database checks at the end are checked here, where it is known whose fault it is.
    """
    before = set(tx.announced)
    await tx.connection.execute("SAVEPOINT part", prepare=False)
    try:
        yield
        await tx.connection.execute(_END_PART, prepare=False)
    except Exception as error:
        tx.announced = before
        if not is_transient(error):  # the whole transaction is given up then
            await tx.connection.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part", prepare=False)
        raise


_END_PART = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT part"


async def _let_go(tx: Tx, row: Parked) -> None:
    """Its turn comes in another transaction: should we not get there, the sweep of what is early finds it."""
    if row.reason == "behind":
        await parked.keep(tx, row.id, Reason("early", "event.early", "what it stood behind is handled"))


_BEHIND = Reason("behind", "event.behind", "an earlier event of its subject waits")
_PAUSED = Reason("behind", PAUSED, "too many events of its tenant failed in a row; an operator resumes it")


def _unstorable(error: Exception) -> Refusal:
    """What the database says may quote what was sent: as much of it as tells what it is about."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return Invalid(UNSTORABLE, f"a value cannot be kept ({type(error).__name__}): {(said or str(error))[:60]}")


def _too_slow(error: Exception) -> Reason:
    return Reason("failed", TOO_SLOW, f"{type(error).__name__}: {error}")


def _defect(error: Exception) -> Reason:
    return Reason("failed", f"defect.{type(error).__name__}", "".join(traceback.format_exception(error))[-8000:])


def _say_retry(state: RetryCallState) -> None:
    metrics.MESSAGES.labels("retried").inc()
    if state.attempt_number in {1, 10} or state.attempt_number % 100 == 0:
        error = state.outcome.exception() if state.outcome else None
        log.warning("waiting to try again", error=type(error).__name__, attempt=state.attempt_number)


def _count(batch: _Batch, size: int) -> None:
    metrics.BATCH.observe(size)
    for result, n in (
        ("ok", len(batch.handled)),
        ("duplicate", batch.duplicates),
        ("parked", len(batch.parked)),
        ("skipped", batch.skipped),
    ):
        if n:
            metrics.MESSAGES.labels(result).inc(n)
    for record, why in batch.parked:
        if why.reason == "early":
            continue  # as common as two topics that nothing orders
        log.warning(
            "event parked",
            reason=why.reason,
            code=why.code,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            **harmless(record.headers),
        )

"""Handles events once: a batch in one transaction, what fails parked alone, what was early when its partner comes."""

import traceback
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from services.chassis import inbox, metrics, parked
from services.chassis.database import Database, Tx, check_tenant, is_transient
from services.chassis.envelope import Event, Record, Unreadable, decode, topic_of
from services.chassis.logs import log
from services.chassis.parked import Reason, Slot
from services.kernel.refusals import Early, Invalid, KeyReused, Refusal

Handler = Callable[[Tx, Sequence[Event[Any]]], Awaitable[object]]
Teller = Callable[[Tx, Event[Any], Refusal], Awaitable[None]]
T = TypeVar("T")
Subjects = set[tuple[str, str]]


class TooManyFailures(Exception):  # noqa: N818 - said to the operator as it stands
    """So many defects in a row that it is not the events' fault: stop rather than park everything."""


@dataclass(slots=True)
class _Batch:
    """What became of a batch, counted after its commit."""

    handled: list[Event[Any]] = field(default_factory=list)
    parked: list[tuple[Record, Reason]] = field(default_factory=list)
    duplicates: int = 0
    skipped: int = 0
    failures_in_row: int = 0
    announced: Subjects = field(default_factory=set)


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
    ) -> None:
        self.database = database
        self.name = name
        self.topics = sorted({topic_of(message) for message in handlers})
        self.topic_ids = topic_ids or {topic: topic for topic in self.topics}
        self._handlers = {str(message.DESCRIPTOR.full_name): handler for message, handler in handlers.items()}
        self._types = {t: types_of(t, handlers) for t in self.topics}
        self._tell = tell
        self._failures_in_row_max = failures_in_row_max
        self._tenants: set[str] = set()

    async def handle(self, records: Sequence[Record]) -> None:
        """Handle a batch in one transaction, trying again for ever what is transient; then wake what waited for it."""
        batch = await self._retrying(lambda: self._commit(records))
        _count(batch, len(records))
        early = {parked.slot_of(record) for record, why in batch.parked if why.reason == "early"}
        await self.wake({(e.tenant, e.subject) for e in batch.handled} | batch.announced, early)

    async def wake(self, subjects: Subjects, slots: Collection[Slot] = ()) -> None:
        """Run the early events that wait for these subjects, and these slots, until nothing more comes of it."""
        todo = list(slots)
        while todo or subjects:
            if subjects:
                async with self.database.transaction(()) as tx:
                    todo += await parked.waiting_for(tx, self.name, subjects)
            subjects = set()
            for slot in dict.fromkeys(todo):
                subjects |= await self.run_parked(slot, by="system:wake")
            todo = []

    async def wake_due(self) -> None:
        """Try early events again, with growing pauses, in case a crash came between a partner and its wake."""
        async with self.database.transaction(()) as tx:
            slots = await parked.due(tx, self.name)
        await self.wake(set(), slots)

    async def run_parked(self, slot: Slot, *, by: str) -> Subjects:
        """Handle the waiting events of one slot, in order, up to the first that must wait on."""
        return await self._retrying(lambda: self._run_parked(slot, by))

    async def _run_parked(self, slot: Slot, by: str) -> Subjects:
        subjects: Subjects = set()
        after = 0
        tenants = [slot[1]] if _is_tenant(slot[1]) else []
        async with self.database.transaction(tenants) as tx:
            while row := await parked.next_of(tx, self.name, slot, after):
                after = row.id
                why = await self._try(tx, row.record)
                if why is None:
                    await parked.close(tx, row.id, "handled", by=by, why="")
                    subjects.add((row.tenant, row.subject))
                    continue
                await parked.keep(tx, row.id, why)
                if parked.holds_back(why, row.subject):
                    break
        return subjects | tx.announced

    async def _try(self, tx: Tx, record: Record) -> Reason | None:
        """Handle one record within a savepoint; say why not, if not."""
        try:
            event = decode(record, self._types[record.topic])
        except Unreadable as error:
            return Reason("unreadable", error.code, error.message)
        return await self._handle_one(tx, event)

    async def _commit(self, records: Sequence[Record]) -> _Batch:
        batch = _Batch()
        tenants = {r.headers["ce_tenant"] for r in records if _is_tenant(r.headers.get("ce_tenant", ""))}
        async with self.database.transaction(tenants) as tx:
            await self._meet(tx, tenants)
            places = [(r.topic, r.partition) for r in records]
            done, batch.failures_in_row = await inbox.lock_offsets(tx, self.name, self.topic_ids, places)
            fresh = [r for r in records if r.offset > done[(r.topic, r.partition)]]
            batch.duplicates = len(records) - len(fresh)
            pending = await self._take(tx, fresh, batch)
            await self._handle_all(tx, pending, batch)
            if batch.parked:
                await parked.add(tx, self.name, batch.parked)
            await inbox.save_offsets(tx, self.name, self.topic_ids, records, batch.failures_in_row)
        batch.announced = tx.announced
        self._tenants |= tenants
        return batch

    async def _meet(self, tx: Tx, tenants: set[str]) -> None:
        """Remember tenants for the sweepers."""
        if new := sorted(tenants - self._tenants):
            await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [new])

    async def _take(self, tx: Tx, records: Sequence[Record], batch: _Batch) -> list[tuple[Record, Event[Any]]]:
        """Decode, drop what came before, park what is unreadable or stands behind; return the rest in order."""
        readable: dict[str, tuple[Record, Event[Any]]] = {}
        hashes: dict[str, bytes] = {}
        reused: list[tuple[Record, Event[Any]]] = []
        for record in records:
            try:
                event = decode(record, self._types[record.topic])
            except Unreadable as error:
                batch.parked.append((record, Reason("unreadable", error.code, error.message)))
                continue
            if event.type not in self._handlers:
                batch.skipped += 1
            elif event.id not in readable:
                readable[event.id] = (record, event)
                hashes[event.id] = inbox.body_hash(record)
            elif hashes[event.id] == inbox.body_hash(record):
                batch.duplicates += 1
            else:
                reused.append((record, event))
        if not readable:
            return []
        new, other_body = await inbox.take(tx, self.name, hashes)
        batch.duplicates += len(hashes) - len(new) - len(other_body)
        reused += [readable[event_id] for event_id in other_body]
        for record, event in reused:
            refusal = KeyReused("event.id_reused", "the same event id came with another body")
            batch.parked.append((record, await self._refused(tx, event, refusal)))
        return [pair for event_id, pair in readable.items() if event_id in new]

    async def _handle_all(self, tx: Tx, pending: list[tuple[Record, Event[Any]]], batch: _Batch) -> None:
        """Handle the batch as one; if anything in it fails, undo and go one by one."""
        held = await parked.held_back(tx, self.name, {parked.slot_of(record) for record, _ in pending})
        held |= {parked.slot_of(r) for r, why in batch.parked if why.reason == "unreadable"}
        free = [(r, e) for r, e in pending if parked.slot_of(r) not in held]
        try:
            async with tx.savepoint():
                for run in runs([event for _, event in free]):
                    await self._handlers[run[0].type](tx, run)
            batch.handled += [event for _, event in free]
            batch.failures_in_row = 0 if free else batch.failures_in_row
            free = []
        except Exception as error:  # whatever a handler raises concerns one event, found below
            if is_transient(error):
                raise
        for record, event in pending if free else [p for p in pending if parked.slot_of(p[0]) in held]:
            await self._handle_or_park(tx, record, event, held, batch)

    async def _handle_or_park(self, tx: Tx, record: Record, event: Event[Any], held: set[Slot], batch: _Batch) -> None:
        slot = parked.slot_of(record)
        if slot in held:
            why: Reason | None = Reason("behind", "event.behind", "an earlier event of its subject waits")
        else:
            why = await self._handle_one(tx, event)
        if why is None:
            batch.handled.append(event)
            batch.failures_in_row = 0
            return
        batch.parked.append((record, why))
        if parked.holds_back(why, event.subject):
            held.add(slot)
        if why.reason == "failed":
            batch.failures_in_row += 1
            if batch.failures_in_row > self._failures_in_row_max:
                raise TooManyFailures(f"{batch.failures_in_row} events in a row failed; the last: {why.detail}")

    async def _handle_one(self, tx: Tx, event: Event[Any]) -> Reason | None:
        try:
            async with tx.savepoint():
                await self._handlers[event.type](tx, [event])
        except Early as early:
            return Reason("early", early.code, early.message, early.waits_for)
        except Refusal as refusal:
            return await self._refused(tx, event, refusal)
        except Exception as error:  # a defect: parked with its trace, for people to look at
            if is_transient(error):
                raise
            return Reason("failed", f"defect.{type(error).__name__}", traceback.format_exc()[-8000:])
        return None

    async def _refused(self, tx: Tx, event: Event[Any], refusal: Refusal) -> Reason:
        metrics.REFUSED.labels(refusal.code).inc()
        await self._tell(tx, event, refusal)
        return Reason("refused", refusal.code, refusal.message)

    async def _retrying(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, waiting and trying again for ever while the database is away or says to come again."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_transient),
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


def runs(events: Sequence[Event[Any]]) -> Iterator[list[Event[Any]]]:
    """Split a batch into runs of one type, as few as possible, that keep the order of each account."""
    rest = list(events)
    while rest:
        kind, taken, left = rest[0].type, [], []
        blocked: set[tuple[str, str]] = set()
        for event in rest:
            key = (event.tenant, event.account_id)
            if event.type == kind and key not in blocked:
                taken.append(event)
            else:
                blocked.add(key)
                left.append(event)
        yield taken
        rest = left


def _is_tenant(text: str) -> bool:
    try:
        return bool(check_tenant(text))
    except Invalid:
        return False


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
        log.warning(
            "event parked",
            reason=why.reason,
            code=why.code,
            event_type=record.headers.get("ce_type"),
            event_id=record.headers.get("ce_id"),
            waits_for=why.waits_for,
        )

"""Builds a service's tables anew from the topics, or brings an older copy of them up to what was told since.

What a service announced is the truth about what its calls did, and about the numbers and ids that it gave; what it
followed is handled as ever, as far as that announces nothing. ARCHITECTURE.md, "A database that is lost or older", says
in which order the two are taken, and why.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from google.protobuf.message import Message

from services.chassis import inbox, parked, told, topics
from services.chassis.brokers import Brokers
from services.chassis.consumer import Consumer, Handler, Teller, types_of
from services.chassis.database import Database, Tx
from services.chassis.envelope import Event, Identity, Record, Unreadable, cause_id, decode, identity_of, topic_of
from services.chassis.logs import log
from services.chassis.outbox import Announcement
from services.chassis.parked import Reason, Slot
from services.chassis.relay import LOCK
from services.chassis.told import Key, Patience, Place, Range, Reader
from services.kernel.refusals import Early, Refusal

BATCH = 500  # records in a transaction
NEAR_S = 2.0  # within which we tell what came of an event, unless it had to wait for something
SAY_S = 5.0  # between two words on how far it is

Said = tuple[str, str]  # a tenant, and the id by which an event is named as a cause
NO_CAUSE = ("", "")
# Writes what an event of our own tells; with the event that we followed and that made us tell it, if it was one.
Step = Callable[[Tx, Event[Any], Event[Any] | None], Awaitable[object]]
Why = Callable[[Event[Any]], Reason]


async def nothing_more(_tx: Tx) -> None:
    """What was written is all."""


@dataclass(frozen=True, slots=True)
class Fold:
    """How a service's tables follow from what it told and what it followed."""

    # Every event that the service announces.
    own: Mapping[type[Message], Step]
    # Followed events whose handlers announce nothing in the transaction that handles them: they are handled as ever.
    remembered: frozenset[type[Message]] = frozenset()
    # All of them are such.
    remembers_all: bool = False
    # Followed events that say all that becomes of them: where we told that one was handled, it is handled again, in
    # silence, and must come to what was told. The steps of what it tells write nothing.
    again: frozenset[type[Message]] = frozenset()
    # Own events that say a followed one was refused, each with why: the followed one waits for an operator, as it did.
    refusals: Mapping[type[Message], Why] = field(default_factory=dict)
    # The last word, once all is written, in a transaction that serves all tenants.
    finish: Callable[[Tx], Awaitable[object]] = nothing_more

    @property
    def tells(self) -> list[str]:
        """The service's own topics."""
        return sorted({topic_of(message) for message in self.own})


class NotYet(Exception):  # noqa: N818 - a turn of the road, never seen outside
    """A step cannot write its event before another of our topics has told what it is about; it has written nothing."""


class Unfit(Exception):  # noqa: N818 - said to the operator as it stands
    """The topics and the database cannot be brought together."""


@dataclass(slots=True)
class Summary:
    """What was done."""

    told: int = 0
    followed: int = 0
    waiting: int = 0


@dataclass(slots=True)
class _Waiting:
    """A followed event that our own events answer: written with them, unless its handler has done it alone."""

    record: Record
    event: Event[Any]
    left: int
    done: bool = False
    # What handling it again would have told.
    would_tell: list[Announcement] | None = None
    # Its row among the parked, where it waits for somebody.
    row: int | None = None


async def nothing(_tx: Tx, _event: Event[Any], _cause: Event[Any] | None) -> None:
    """What was told stands in no table of its own."""


async def rebuild(
    consumer: Consumer,
    handlers: Mapping[type[Message], Handler],
    tell: Teller,
    fold: Fold,
    brokers: Brokers,
    *,
    over_gaps: bool = False,
) -> Summary:
    """Bring the database from where it stands (nothing at all, or an older copy) to the last thing that was told."""
    with _alone(consumer.database):
        async with told.reader(brokers) as reader:
            names = sorted({*consumer.topics, *fold.tells})
            partitions = await asyncio.to_thread(topics.partitions, brokers, names)
            acknowledged = await asyncio.to_thread(topics.committed, brokers, f"receivables-{consumer.name}")
            known = await _all_sequences(consumer.database)
            survey = _Survey({}, known, acknowledged=acknowledged, over_gaps=over_gaps)
            await _read_all(reader, consumer, fold, survey, await reader.ranges(partitions))
            return await _Work(consumer, handlers, tell, fold, survey).run(reader)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep everybody else from announcing, and find out whether somebody does."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if not row or not row[0]:
            raise Unfit("the service runs on this database: stop it first")
        yield


@dataclass(slots=True)
class _Survey:
    """What there is to do, found by reading everything once."""

    # From where on, and to where, each partition is read again.
    ranges: dict[Place, Range]
    # The last number of each key that the database has, and that the topics have.
    known: dict[Key, int]
    told: dict[Key, int] = field(default_factory=dict)
    # When each of our new events was told that a followed event made us tell, by that event.
    answers: dict[Said, list[float]] = field(default_factory=dict)
    # Followed events of that kind which are still to be read.
    ahead: set[Said] = field(default_factory=set)
    # When the last of our own events was told, by the broker's clock.
    until: float = 0.0
    # How far the group told the broker that it is, by topic and partition.
    acknowledged: Mapping[tuple[str, int], int] = field(default_factory=dict)
    # Whether to go on where numbers of ours are missing.
    over_gaps: bool = False


async def _read_all(
    reader: Reader,
    consumer: Consumer,
    fold: Fold,
    survey: _Survey,
    whole: Mapping[Place, Range],
) -> None:
    """Read our own topics, then those that we follow."""
    own = {place: each for place, each in whole.items() if place.topic in fold.tells}
    await _survey_own(reader, survey, own)
    followed = {place: each for place, each in whole.items() if place.topic not in fold.tells}
    await _survey_followed(reader, survey, await _unhandled(consumer, followed))


async def _survey_own(reader: Reader, survey: _Survey, own: Mapping[Place, Range]) -> None:
    """Find what the database lacks, and make sure that it is whole and of one history."""
    ids: set[str] = set()
    starts: dict[Place, int] = {}
    last = dict(survey.known)
    async for records in reader.read(own):
        for place, record in records:
            key, number = _key(record), told.sequence_of(record)
            survey.told[key] = max(survey.told.get(key, 0), number)
            if number <= survey.known.get(key, 0):
                continue
            event_id = record.headers.get("ce_id", "")
            if number <= last.get(key, 0):
                if event_id not in ids:
                    raise Unfit(f"{_where(record)}: number {number} of {key[1]} was told twice, of different events")
                continue
            if number != last.get(key, 0) + 1 and not survey.over_gaps:
                raise Unfit(
                    f"{_where(record)}: {key[1]} has number {number} after {last.get(key, 0)}: some are gone. "
                    "If an operator discarded them unpublished, say --over-gaps"
                )
            last[key] = number
            ids.add(event_id)
            starts.setdefault(place, record.offset)
            survey.until = max(survey.until, record.timestamp)
            if (cause := _cause(record)) != NO_CAUSE:
                survey.answers.setdefault(cause, []).append(record.timestamp)
    survey.ranges |= {place: (start, own[place][1]) for place, start in starts.items()}


async def _survey_followed(reader: Reader, survey: _Survey, followed: Mapping[Place, Range]) -> None:
    """Find how far each partition was handled: what we answered or acknowledged, and what was there when we last told."""
    ends: dict[Place, int] = {}
    async for records in reader.read(followed):
        for place, record in records:
            if is_answered := _said(record) in survey.answers:
                survey.ahead.add(_said(record))
            is_acknowledged = record.offset < survey.acknowledged.get((record.topic, record.partition), 0)
            if is_answered or is_acknowledged or record.timestamp <= survey.until:
                ends[place] = record.offset + 1
    survey.ranges |= {place: (followed[place][0], end) for place, end in ends.items()}


async def _all_sequences(database: Database) -> dict[Key, int]:
    async with database.glance() as tx:
        return {(row.topic, row.key): row.last for row in await tx.rows("SELECT topic, key, last FROM sequence")}


async def _unhandled(consumer: Consumer, followed: Mapping[Place, Range]) -> dict[Place, Range]:
    """What of the followed partitions the database has not handled; refused if a topic does not have it any more."""
    async with consumer.database.glance() as tx:
        rows = await tx.rows(
            "SELECT topic, topic_id, partition, kafka_offset FROM handled WHERE consumer = %s", [consumer.name]
        )
    handled = {
        Place(row.topic, row.partition): row.kafka_offset
        for row in rows
        if consumer.topic_ids.get(row.topic) == row.topic_id
    }
    found = {}
    for place, (begin, end) in followed.items():
        first = handled.get(place, -1) + 1
        if first < begin:
            raise Unfit(f"{place.topic}, partition {place.partition} begins at {begin}: {first} and on are gone")
        found[place] = (first, end)
    return found


class _Merge:
    """Records of many partitions by the time at which the broker had them; those of one partition by offset."""

    def __init__(self, reader: Reader, ranges: Mapping[Place, Range]) -> None:
        self._reader = reader
        self._ends = reader.begin(ranges)
        self._heads: dict[Place, deque[Record]] = {place: deque() for place in self._ends}
        # A partition's time never runs backwards, whatever its producers' clocks say.
        self._times: dict[Place, float] = dict.fromkeys(self._ends, 0.0)
        self._waited = Patience()

    async def take(self, most: int, order: "_Order") -> list[Record]:
        """The next ones, at most so many."""
        batch: list[Record] = []
        while len(batch) < most:
            await self._fill()
            ready = [place for place, waiting in self._heads.items() if waiting and not order.waits(waiting[0])]
            if not ready:
                assert not any(self._heads.values()), "an answer is told after what it answers"
                break
            place = min(ready, key=lambda place: order.turn(place, self._at(place)))
            self._times[place] = self._at(place)
            batch.append(self._heads[place].popleft())
            order.note(batch[-1])
        return batch

    def _at(self, place: Place) -> float:
        return max(self._times[place], self._heads[place][0].timestamp)

    async def _fill(self) -> None:
        while empty := [place for place in self._ends if not self._heads[place]]:
            records = await self._reader.some(self._ends, empty)
            self._waited.check(bool(records), self._ends)
            for place, record in records:
                self._heads[place].append(record)


class _Order:
    """What goes before what, beside the broker's time."""

    def __init__(self, own: Collection[str], survey: _Survey) -> None:
        self._own = frozenset(own)
        self._survey = survey
        # Answers soon to come, by the followed event, whose partition lets them go first.
        self._near: dict[Said, tuple[Place, int]] = {}
        # Of each partition, the events that have such answers, with when the last of them was told.
        self._held: defaultdict[Place, dict[Said, float]] = defaultdict(dict)

    def waits(self, record: Record) -> bool:
        """Whether it answers what is still to be read."""
        return record.topic in self._own and _cause(record) in self._survey.ahead

    def turn(self, place: Place, at: float) -> tuple[float, bool]:
        """When it is a partition's turn: where an answer to one of its records is to come first, behind that answer.

        No later: two that wait for each other must not let all others go before them.
        """
        held = self._held[place]
        return max([at, *held.values()]), bool(held)

    def note(self, record: Record) -> None:
        """Note that it was taken."""
        if record.topic in self._own:
            self._answered(_cause(record))
            return
        said, place = _said(record), Place(record.topic, record.partition)
        if said in self._survey.ahead:
            self._survey.ahead.discard(said)
            if near := [at for at in self._survey.answers[said] if at <= record.timestamp + NEAR_S]:
                self._near[said] = (place, len(near))
                self._held[place][said] = max(near)

    def _answered(self, said: Said) -> None:
        if said not in self._near:
            return
        place, near = self._near.pop(said)
        if near > 1:
            self._near[said] = (place, near - 1)
        else:
            del self._held[place][said]


class _Work:
    """Writes what was told and what was followed, in one order, some of it in each transaction."""

    def __init__(
        self,
        consumer: Consumer,
        handlers: Mapping[type[Message], Handler],
        tell: Teller,
        fold: Fold,
        survey: _Survey,
    ) -> None:
        self._consumer = consumer
        self._tell_refused = tell
        self._handlers = {str(message.DESCRIPTOR.full_name): handler for message, handler in handlers.items()}
        self._fold = fold
        self._steps = {str(message.DESCRIPTOR.full_name): step for message, step in fold.own.items()}
        self._refusals = {str(message.DESCRIPTOR.full_name): why for message, why in fold.refusals.items()}
        self._again = {str(message.DESCRIPTOR.full_name) for message in fold.again}
        remembered = handlers.keys() if fold.remembers_all else fold.remembered
        self._remembered = {str(message.DESCRIPTOR.full_name) for message in remembered}
        self._types = {topic: types_of(topic, handlers) for topic in consumer.topics} | {
            topic: types_of(topic, dict.fromkeys(fold.own, _no_handler)) for topic in fold.tells
        }
        self._survey = survey
        self._last = dict(survey.known)
        self._waiting: dict[Said, _Waiting] = {}
        self._handled: dict[Place, int] = {}
        # Own events of a key that wait for another of our topics, which nothing orders.
        self._later: dict[Key, deque[Record]] = {}
        # Answered events that wait in the copy: number and slot of each.
        self._rows: dict[Said, tuple[int, Slot]] = {}
        self._summary = Summary()

    async def run(self, reader: Reader) -> Summary:
        """Do it all; what a transaction has written stays, and whoever comes next goes on from there."""
        await self._forget_what_was_published()
        await self._find_parked()
        merge = _Merge(reader, self._survey.ranges)
        whole = sum(end - begin for begin, end in self._survey.ranges.values())
        clock = asyncio.get_running_loop().time
        said = clock()
        order = _Order(self._fold.tells, self._survey)
        while batch := await merge.take(BATCH, order):
            await self._write(batch)
            if clock() - said > SAY_S:
                said = clock()
                log.info("rebuilding", told=self._summary.told, followed=self._summary.followed, offsets_in_all=whole)
        if self._later:
            record = next(iter(self._later.values()))[0]
            raise Unfit(f"{_where(record)}: what it is about was never told")
        async with self._consumer.database.transaction(await self._consumer.database.tenants()) as tx:
            await self._fold.finish(tx)
        return self._summary

    def _is_own(self, record: Record) -> bool:
        return record.topic in self._fold.tells

    def _is_answered(self, record: Record) -> bool:
        """Whether we told what came of a followed event: whoever told it was believed then."""
        return _said(record) in self._survey.answers

    def _slot_of(self, record: Record) -> Slot:
        return parked.slot_of(record) if self._is_answered(record) else self._consumer.sources.slot_of(record)

    async def _forget_what_was_published(self) -> None:
        """What a copy has in its outbox, or could not publish, was published since: it would be told again."""
        told_now = self._survey.told
        columns = [[t for t, _ in told_now], [k for _, k in told_now], list(told_now.values())]
        async with self._consumer.database.transaction(()) as tx:
            await tx.run(
                """UPDATE parked SET closed_at = now(), outcome = 'handled', closed_by = 'system:rebuild', closed_why = ''
                     FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS told (topic, key, last)
                    WHERE parked.consumer = %s AND parked.closed_at IS NULL AND parked.topic = %s || told.topic
                      AND parked.key = convert_to(told.key, 'UTF8')
                      AND (parked.headers ->> 'ce_sequence')::bigint <= told.last""",
                [*columns, self._consumer.name, parked.OUTBOX],
            )
            await tx.run(
                """DELETE FROM outbox USING unnest(%s::text[], %s::text[], %s::bigint[]) AS told (topic, key, last)
                    WHERE outbox.topic = told.topic AND outbox.key = told.key
                      AND (outbox.headers ->> 'ce_sequence')::bigint <= told.last""",
                columns,
            )

    async def _write(self, batch: Sequence[Record]) -> None:
        tenants = {tenant for record in batch if (tenant := self._slot_of(record)[1])}
        async with self._consumer.database.transaction(tenants) as tx:
            await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [sorted(tenants)])
            known = await self._known(tx, batch)
            numbers: dict[Key, int] = {}
            for record in batch:
                if self._is_own(record):
                    await self._tell(tx, record, numbers)
                else:
                    await self._follow(tx, record, known)
            await self._keep_places(tx, numbers)

    async def _known(self, tx: Tx, batch: Sequence[Record]) -> set[Identity]:
        """Which of these events the database has handled before."""
        hashes = {identity_of(record): inbox.body_hash(record) for record in batch if not self._is_own(record)}
        return set(await inbox.seen(tx, self._consumer.name, hashes)) if hashes else set()

    async def _follow(self, tx: Tx, record: Record, known: set[Identity]) -> None:
        """Remember what a followed event says, or keep it for what we told of it, or let it come again."""
        self._handled[Place(record.topic, record.partition)] = record.offset
        if not self._is_answered(record) and (not_allowed := self._consumer.sources.why_not(record)) is not None:
            await self._park(tx, record, not_allowed)
            return
        try:
            event = decode(record, self._types[record.topic])
        except Unreadable as error:
            await self._park(tx, record, Reason("unreadable", error.code, error.message))
            return
        if event.type not in self._handlers or event.identity in known:
            return
        known.add(event.identity)
        self._summary.followed += 1
        waiting = _Waiting(record, event, len(self._survey.answers.get(_said(record), ())))
        if event.type in self._remembered or not waiting.left:
            why = await self._try(tx, event)
            waiting.done = why is None
            if waiting.done:
                await self._claim(tx, record)
            elif not waiting.left:
                await self._claim(tx, record)
                await self._park(tx, record, why or _NOT_REFLECTED)
        if waiting.left:
            self._waiting[_said(record)] = waiting

    async def _tell(self, tx: Tx, record: Record, numbers: dict[Key, int]) -> None:
        """Write what one of our own events says, and what stood behind it on another topic of ours."""
        key = _key(record)
        if key in self._later or not await self._tell_now(tx, record, numbers):
            self._later.setdefault(key, deque()).append(record)
            return
        for other, later in list(self._later.items()):
            while other[1] == key[1] and later and await self._tell_now(tx, later[0], numbers):
                later.popleft()
            if not later:
                del self._later[other]

    async def _tell_now(self, tx: Tx, record: Record, numbers: dict[Key, int]) -> bool:
        """Write it; false if another of our topics has to come first."""
        key, number = _key(record), told.sequence_of(record)
        if number <= self._last.get(key, 0):
            return True
        try:
            event = decode(record, self._types[record.topic])
            step = self._steps[event.type]
        except (Unreadable, KeyError) as error:
            raise Unfit(f"{_where(record)}: this version does not know what it told there: {error}") from None
        waiting = await self._cause_of(tx, record)
        try:
            if waiting is not None and not waiting.done:
                await self._answer(tx, event, waiting)
            tx.at = event.at
            await step(tx, event, waiting.event if waiting else None)
        except NotYet:
            return False
        except (Refusal, psycopg.Error, AssertionError, LookupError) as error:
            raise Unfit(
                f"{_where(record)}, {event.type} of {event.subject}: {type(error).__name__}: {error}"
            ) from error
        self._last[key] = numbers[key] = number
        self._summary.told += 1
        if waiting is not None:
            waiting.left -= 1
            if not waiting.left:
                self._waiting.pop(_said(waiting.record), None)
        return True

    async def _answer(self, tx: Tx, event: Event[Any], waiting: _Waiting) -> None:
        """What we told answers this followed event: it was refused, or it was handled."""
        if (reason_of := self._refusals.get(event.type)) is not None:
            if waiting.row is None:
                await self._claim(tx, waiting.record)
                waiting.row = await self._park(tx, waiting.record, reason_of(event))
            return
        if waiting.event.type in self._remembered and (why := await self._try(tx, waiting.event)) is not None:
            raise LookupError(f"what it answers, {waiting.event.type}, cannot be handled: {why.code}: {why.detail}")
        if waiting.event.type in self._again:
            tx.at = waiting.event.at
            tx.muted = waiting.would_tell = []
            await self._handlers[waiting.event.type](tx, [waiting.event])
            await _check_rules(tx)
            tx.muted = None
        waiting.done = True
        await self._claim(tx, waiting.record)
        if waiting.row is not None:
            await parked.close(tx, waiting.row, "handled", by="system:rebuild", why="")

    async def _cause_of(self, tx: Tx, record: Record) -> _Waiting | None:
        """The followed event that made us tell this: one just read, or one that waited in the copy."""
        cause = _cause(record)
        if cause == NO_CAUSE:
            return None
        waiting = self._waiting.get(cause)
        if waiting is None:
            waiting = await self._parked(tx, cause)
        return waiting

    async def _parked(self, tx: Tx, said: Said) -> _Waiting | None:
        """One that waits in the copy, and was handled after it was made."""
        if (slot := self._rows.pop(said, None)) is None:
            return None
        row = await parked.next_of(tx, self._consumer.name, slot[1], slot[0] - 1)
        assert row is not None, "it was there a moment ago, and nobody else is here"
        event = decode(row.record, self._types[row.topic])
        self._waiting[said] = _Waiting(row.record, event, len(self._survey.answers[said]), row=row.id)
        return self._waiting[said]

    async def _find_parked(self) -> None:
        """What waits in the copy, of all that we have told answers to since."""
        async with self._consumer.database.glance() as tx:
            rows = await tx.rows(
                """SELECT id, topic, tenant, subject, event_id FROM parked
                    WHERE consumer = %s AND closed_at IS NULL AND topic = ANY (%s::text[])""",
                [self._consumer.name, list(self._consumer.topics)],
            )
        self._rows = {
            (row.tenant, cause_id(row.topic, row.event_id)): (row.id, (row.topic, row.tenant, row.subject))
            for row in rows
            if (row.tenant, cause_id(row.topic, row.event_id)) in self._survey.answers
        }

    async def _try(self, tx: Tx, event: Event[Any]) -> Reason | None:
        """Handle a followed event as ever, if that announces nothing; say why not, if not."""
        tx.at = event.at
        tx.announced = set()
        try:
            async with tx.savepoint():
                await self._handlers[event.type](tx, [event])
                await _check_rules(tx)
                if tx.announced:
                    raise _Tells
        except Early as early:
            return Reason("early", early.code, early.message, early.waits_for)
        except Refusal as refusal:
            return await self._refuse(tx, event, refusal)
        except Exception as error:
            if isinstance(error, psycopg.OperationalError):
                raise
            return replace(_NOT_REFLECTED, detail=f"{type(error).__name__}: {error}"[:500])
        return None

    async def _refuse(self, tx: Tx, event: Event[Any], refusal: Refusal) -> Reason:
        """It was refused, if nobody was to be told so; whether one that is told was, its answer says."""
        try:
            async with tx.savepoint():
                would_tell: list[Announcement] = []
                tx.muted = would_tell
                await self._tell_refused(tx, event, refusal)
                if would_tell:
                    raise _Tells
        except _Tells:
            return replace(_NOT_REFLECTED, detail=f"{refusal.code}: {refusal.message}"[:500])
        finally:
            tx.muted = None
        return Reason("refused", refusal.code, refusal.message)

    async def _claim(self, tx: Tx, record: Record) -> None:
        await inbox.settle(tx, self._consumer.name, {identity_of(record): inbox.body_hash(record)})

    async def _park(self, tx: Tx, record: Record, why: Reason) -> int:
        await parked.add(tx, self._consumer.name, record, self._slot_of(record), why)
        self._summary.waiting += 1
        row = await tx.row("SELECT currval(pg_get_serial_sequence('parked', 'id')) AS id")
        return int(row.id)

    async def _keep_places(self, tx: Tx, numbers: Mapping[Key, int]) -> None:
        """Note how far it is: up to the first followed event that still waits for what we told of it."""
        await tx.run(
            """INSERT INTO sequence (topic, key, last) SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
               ON CONFLICT (topic, key) DO UPDATE SET last = greatest(sequence.last, EXCLUDED.last)""",
            [[t for t, _ in numbers], [k for _, k in numbers], list(numbers.values())],
        )
        places = dict(self._handled)
        for waiting in self._waiting.values():
            place = Place(waiting.record.topic, waiting.record.partition)
            if not waiting.done and waiting.row is None:
                places[place] = min(places[place], waiting.record.offset - 1)
        ids = self._consumer.topic_ids
        await inbox.meet_places(tx, self._consumer.name, ids, [(p.topic, p.partition) for p in places])
        await tx.run(
            """UPDATE handled SET kafka_offset = greatest(handled.kafka_offset, new.kafka_offset)
                 FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS new (topic_id, partition, kafka_offset)
                WHERE consumer = %s AND handled.topic_id = new.topic_id AND handled.partition = new.partition""",
            [
                [ids[p.topic] for p in places],
                [p.partition for p in places],
                list(places.values()),
                self._consumer.name,
            ],
        )


class _Tells(Exception):  # noqa: N818 - a turn of the road, never seen outside
    """Handling it would announce something that was not told."""


# Tried again by the sweep of what is early, in the ordinary way: it is told then, refused then, or found known.
_NOT_REFLECTED = Reason("early", "event.not_reflected", "nothing that was told says that it was handled")


def _amount(body: Any) -> Any:
    return body.amount


def _check_told(event: Event[Any], would_tell: Sequence[Announcement]) -> None:
    """Fail where handling an event again came to something else than was told."""
    same = [one for one in would_tell if type(one.body) is type(event.body) and one.subject == event.subject]
    if "amount" in event.body.DESCRIPTOR.fields_by_name:
        same = [one for one in same if _amount(one.body) == event.body.amount]
    if not same:
        raise LookupError("handled again, it would not be told like this")


async def _check_rules(tx: Tx) -> None:
    """Whatever the database checks at the end, it checks here, where it is known whose fault it is."""
    await tx.run("SET CONSTRAINTS ALL IMMEDIATE")
    await tx.run("SET CONSTRAINTS ALL DEFERRED")


async def _no_handler(_tx: Tx, _events: Sequence[Event[Any]]) -> None:
    raise AssertionError("own events are not followed")


def _said(record: Record) -> Said:
    return record.headers.get("ce_tenant", ""), cause_id(record.topic, record.headers.get("ce_id", ""))


def _cause(record: Record) -> Said:
    """The followed event that made us tell this, if it was one."""
    cause = record.headers.get("ce_causationid", "")
    return (record.headers.get("ce_tenant", ""), cause) if cause else NO_CAUSE


def _key(record: Record) -> Key:
    return record.topic, (record.key or b"").decode("utf-8", "replace")


def _where(record: Record) -> str:
    return f"{record.topic}, partition {record.partition}, offset {record.offset}"

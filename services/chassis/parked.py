"""Events that wait: unreadable, refused, failed, early or behind; in order per subject, replayed or discarded."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from services.chassis.database import Question, Tx, is_tenant
from services.chassis.envelope import ID_MAX, Record, kept

Slot = tuple[str, str, str]  # topic, tenant, subject: what waits in one order
JOBS = "jobs"  # stands for the topic of what was no event, but a job that failed (services/chassis/jobs.py)
OUTBOX = "outbox:"  # before the topic that an event of ours could not be published on (services/chassis/relay.py)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an event waits; the code is stable, the detail for people (a trace, if it is a defect)."""

    reason: str
    code: str
    detail: str
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An event that waits, without what may be large."""

    id: int
    topic: str
    event_type: str
    tenant: str
    subject: str
    reason: str
    code: str
    waits_for: str | None
    attempts: int
    parked_at: datetime
    # Of the payload, in bytes.
    size: int

    @property
    def slot(self) -> Slot:
        """What it waits in order with."""
        return (self.topic, self.tenant, self.subject)


@dataclass(frozen=True, slots=True)
class Shown(Listed):
    """The same with what explains it."""

    partition: int
    kafka_offset: int
    event_id: str
    key: bytes | None
    headers: dict[str, str]
    detail: str

    @property
    def envelope(self) -> Record:
        """The record as it came from Kafka, but for its payload."""
        return Record(self.topic, self.partition, self.kafka_offset, self.key, None, self.headers)


@dataclass(frozen=True, slots=True)
class Parked(Shown):
    """An event that waits, whole."""

    payload: bytes | None

    @property
    def record(self) -> Record:
        """The record as it came from Kafka."""
        return replace(self.envelope, value=self.payload)


_LISTED = """id, topic, event_type, tenant, subject, reason, code, waits_for, attempts, parked_at,
             coalesce(octet_length(payload), 0) AS size"""
_SHOWN = f"{_LISTED}, partition, kafka_offset, event_id, key, headers, detail"
_WHOLE = f"{_SHOWN}, payload"
PAGE = 100
COUNTED = 100_000  # looking must not take longer and longer
TYPE_UNKNOWN = "event.type_unknown"


def slot_of(record: Record) -> Slot:
    """The topic, tenant and subject that a record concerns, readable or not.

    One whose key names another tenant than its headers concerns nobody: it must not hold back a stranger's events.
    """
    tenant = record.headers.get("ce_tenant", "")
    if not is_tenant(tenant) or not (record.key or b"").startswith(f"{tenant}/".encode()):
        return nobodys(record)
    return (record.topic, tenant, record.headers.get("ce_subject", "")[:ID_MAX])


def nobodys(record: Record) -> Slot:
    """Of what concerns no tenant."""
    return (record.topic, "", "")


def holds_back(why: Any, subject: str) -> bool:
    """Whether what waits holds back later events of its subject.

    All does, but what was refused, for its sender has the answer and what comes next may put it right; and what is
    early and waits for just such a later one.
    """
    return why.reason != "refused" and not awaits_own(why, subject)


def awaits_own(why: Any, subject: str) -> bool:
    """Whether what waits is early for a later event of its own subject."""
    return bool(why.reason == "early" and why.waits_for == subject)


async def add(tx: Tx, consumer: str, record: Record, slot: Slot, why: Reason) -> None:
    """Park a record, in order with what else waits of its slot."""
    _, tenant, subject = slot
    await tx.run(
        """INSERT INTO parked (consumer, topic, partition, kafka_offset, event_id, event_type, tenant, subject, key,
                               headers, payload, reason, code, detail, waits_for, next_try_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now() + interval '1 second')""",
        [
            consumer,
            record.topic,
            record.partition,
            record.offset,
            record.headers.get("ce_id", "")[:ID_MAX],
            record.headers.get("ce_type", "")[:ID_MAX],
            tenant,
            subject,
            record.key,
            Jsonb(kept(record.headers)),
            record.value,
            why.reason,
            why.code,
            storable(why.detail),
            why.waits_for and storable(why.waits_for)[:ID_MAX],
        ],
    )


def waiting_in(consumer: str, slots: Collection[Slot]) -> Question:
    """What waits of these slots. The rows are locked: a replay that is closing one is waited for, and its outcome counts."""
    return (
        """SELECT topic, tenant, subject, reason, waits_for FROM parked
            WHERE consumer = %s AND closed_at IS NULL
              AND (topic, tenant, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
            ORDER BY id FOR SHARE""",
        [consumer, *_split(slots)],
    )


def held_back(rows: Collection[Any]) -> tuple[set[Slot], set[Slot]]:
    """The slots whose waiting events hold back later ones, and those that wait for just such a later one."""
    held = {(row.topic, row.tenant, row.subject) for row in rows if holds_back(row, row.subject)}
    expected = {(row.topic, row.tenant, row.subject) for row in rows if awaits_own(row, row.subject)}
    return held, expected - held


async def waiting_for(tx: Tx, consumer: str, subjects: Collection[tuple[str, str]]) -> list[Slot]:
    """The slots whose early events wait for one of these (tenant, subject)."""
    rows = await tx.rows(
        """SELECT topic, tenant, subject FROM parked
            WHERE consumer = %s AND closed_at IS NULL AND reason = 'early'
              AND (tenant, waits_for) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            GROUP BY topic, tenant, subject ORDER BY min(id)""",
        [consumer, [tenant for tenant, _ in subjects], [subject for _, subject in subjects]],
    )
    return [(row.topic, row.tenant, row.subject) for row in rows]


async def due(tx: Tx, consumer: str) -> list[Slot]:
    """The slots whose early events are to be tried again: a crash may have come between a partner and its wake."""
    rows = await tx.rows(
        """SELECT topic, tenant, subject FROM parked
            WHERE consumer = %s AND closed_at IS NULL AND reason = 'early' AND next_try_at <= now()
            GROUP BY topic, tenant, subject ORDER BY min(next_try_at) LIMIT 200""",
        [consumer],
    )
    return [(row.topic, row.tenant, row.subject) for row in rows]


async def next_of(tx: Tx, consumer: str, slot: Slot, after: int, *, of_paused: bool = True) -> Parked | None:
    """Lock and return the next open event of a slot; none, if we are not asked for those `of_paused` tenants and it is one."""
    rows = await tx.fetch(
        Parked,
        f"""SELECT {_WHOLE} FROM parked p
             WHERE consumer = %s AND topic = %s AND tenant = %s AND subject = %s AND closed_at IS NULL AND id > %s
               AND (%s OR NOT EXISTS (SELECT FROM failing f WHERE (f.consumer, f.tenant) = (p.consumer, p.tenant)
                                                              AND f.paused_since IS NOT NULL))
             ORDER BY id LIMIT 1 FOR UPDATE OF p""",  # noqa: S608 - constant columns
        [consumer, *slot, after, of_paused],
    )
    return rows[0] if rows else None


async def of_tenant(
    tx: Tx, consumer: str, topics: Collection[str], tenant: str, *, after: int, most: int
) -> list[Parked]:
    """Lock and return the next events of a paused tenant: what has failed, and what stands behind anything."""
    return await tx.fetch(
        Parked,
        f"""SELECT {_WHOLE} FROM parked
             WHERE consumer = %s AND tenant = %s AND topic = ANY(%s) AND closed_at IS NULL AND id > %s
               AND reason IN ('failed', 'behind')
             ORDER BY id LIMIT %s FOR UPDATE""",  # noqa: S608 - constant columns
        [consumer, tenant, sorted(topics), after, most],
    )


async def before(tx: Tx, consumer: str, row: Parked) -> tuple[bool, bool]:
    """Whether an earlier event of its slot holds this one back, and whether one waits for just such a later one."""
    found = await tx.row(
        """WITH earlier AS NOT MATERIALIZED (
             SELECT reason = 'early' AND waits_for IS NOT DISTINCT FROM subject AS awaits_own, reason FROM parked
              WHERE consumer = %s AND topic = %s AND tenant = %s AND subject = %s AND closed_at IS NULL AND id < %s)
           SELECT EXISTS (SELECT FROM earlier WHERE NOT awaits_own AND reason <> 'refused') AS held,
                  EXISTS (SELECT FROM earlier WHERE awaits_own) AS expected""",
        [consumer, *row.slot, row.id],
    )
    return found.held, found.expected and not found.held


async def keep(tx: Tx, parked_id: int, why: Reason) -> None:
    """Tried again in vain: why now, and when next (with growing pauses, at most five minutes)."""
    await tx.run(
        """UPDATE parked SET reason = %s, code = %s, detail = %s, waits_for = %s, attempts = attempts + 1,
                  next_try_at = now() + least(power(2, least(attempts, 9)), 300) * interval '1 second'
            WHERE id = %s""",
        [why.reason, why.code, storable(why.detail), why.waits_for and storable(why.waits_for)[:ID_MAX], parked_id],
    )


async def let_try_again(tx: Tx, consumer: str, slots: Collection[Slot], code: str) -> None:
    """What was refused of these slots with this code is early again: what it was refused for is put right."""
    if not slots:
        return
    await tx.run(
        """UPDATE parked SET reason = 'early', waits_for = subject, next_try_at = now()
            WHERE consumer = %s AND closed_at IS NULL AND reason = 'refused' AND code = %s
              AND (topic, tenant, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))""",
        [consumer, code, *_split(slots)],
    )


async def let_known_try_again(tx: Tx, consumer: str, types: Collection[tuple[str, str]]) -> None:
    """Of what was unreadable for its type alone, some is early again where its (topic, type) is known by now."""
    await tx.run(
        """UPDATE parked SET reason = 'early', waits_for = NULL, next_try_at = now()
            WHERE id IN (SELECT id FROM parked
                          WHERE consumer = %s AND closed_at IS NULL AND reason = 'unreadable' AND code = %s
                            AND (topic, event_type) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
                          LIMIT 1000 FOR UPDATE SKIP LOCKED)""",
        [consumer, TYPE_UNKNOWN, [topic for topic, _ in types], [name for _, name in types]],
    )


async def give(tx: Tx, parked_id: int, slot: Slot) -> None:
    """It was nobody's, and is this tenant's from now on."""
    await tx.run("UPDATE parked SET tenant = %s, subject = %s WHERE id = %s", [*slot[1:], parked_id])


async def close(tx: Tx, parked_id: int, outcome: str, *, by: str, why: str) -> bool:
    """It waits no longer: it was handled, or an operator discards it; false if it was closed before."""
    closed = await tx.run(
        """UPDATE parked SET closed_at = now(), outcome = %s, closed_by = %s, closed_why = %s
            WHERE id = %s AND closed_at IS NULL""",
        [outcome, by, why, parked_id],
    )
    return closed == 1


async def listed(
    tx: Tx,
    consumer: str,
    *,
    reason: str | None = None,
    subject: str | None = None,
    after: int = 0,
    most: int = PAGE,
) -> list[Listed]:
    """What waits, oldest first, a page at a time."""
    return await tx.fetch(
        Listed,
        f"""SELECT {_LISTED} FROM parked
             WHERE consumer = %s AND closed_at IS NULL AND (%s::text IS NULL OR reason = %s)
               AND (%s::text IS NULL OR subject = %s) AND id > %s
             ORDER BY id LIMIT %s""",  # noqa: S608 - constant columns
        [consumer, reason, reason, subject, subject, after, most],
    )


async def find(tx: Tx, consumer: str, parked_id: int) -> Shown | None:
    """One that waits, by its number."""
    rows = await tx.fetch(
        Shown,
        f"SELECT {_SHOWN} FROM parked WHERE consumer = %s AND closed_at IS NULL AND id = %s",  # noqa: S608
        [consumer, parked_id],
    )
    return rows[0] if rows else None


async def counts(tx: Tx, consumer: str) -> dict[str, int]:
    """How many wait, by reason; counted up to a limit."""
    rows = await tx.rows(
        """SELECT reason, count(*) AS n
             FROM (SELECT reason FROM parked WHERE consumer = %s AND closed_at IS NULL LIMIT %s) AS waiting
            GROUP BY reason""",
        [consumer, COUNTED],
    )
    return {row.reason: row.n for row in rows}


def storable(text: str) -> str:
    """The text as a database keeps it: what a message quotes may hold a NUL, which a database does not keep."""
    return text.replace("\0", "\\x00")


def _split(slots: Collection[Slot]) -> list[list[str]]:
    return [[slot[i] for slot in slots] for i in range(3)]

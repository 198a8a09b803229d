"""Work that is not an event, as rows: added with what makes it needed, claimed under a lease, parked alone when it fails.

How it is done is told by services/chassis/workers.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from services.chassis import parked
from services.chassis.columns import Columns, columns
from services.chassis.database import Tx
from services.chassis.envelope import Origin, Record, trace_of
from services.chassis.ids import new_id
from services.chassis.parked import JOBS, Parked, Reason

LEASE_S = 20.0  # after which whoever has a job, and did not renew, counts as gone
COUNTED_MAX = 100_000
_LOCK = 7_215_003  # any number: one claim at a time, so that two do not share a lane

Key = tuple[str, str, str]  # tenant, kind, subject


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work about one thing, done once; asked for again before it is done, it is done anew from the start."""

    kind: str
    # What it is about, such as "draft/…": one job of a kind at a time.
    subject: str
    # On whose word.
    origin: Origin
    # Jobs of a lane (an account) are done in the order in which they were added; "": the order does not matter.
    lane: str = ""
    # How much work it is, in the unit of its kind (lines, bytes).
    cost: int = 1
    # How often it failed so far, and how many processes ended over it.
    attempts: int = field(default=0, compare=False)
    deaths: int = field(default=0, compare=False)

    @property
    def tenant(self) -> str:
        """The seller's organisation."""
        return self.origin.tenant

    @property
    def key(self) -> Key:
        """What tells it from every other job."""
        return (self.tenant, self.kind, self.subject)


async def add(tx: Tx, jobs: Sequence[Job]) -> None:
    """Have these done once the transaction commits; one that is there already is done anew, by whoever comes next."""
    if not jobs:
        return
    latest = {job.key: job for job in jobs}
    await tx.run(
        f"{_ADD} SELECT {_COLUMNS} FROM {_JOB.rows} AS new ORDER BY nth {_ANEW}",  # noqa: S608 - our own texts
        [_JOB.pack((*job.key, job.lane, job.cost, *_said(job.origin), nth) for nth, job in enumerate(latest.values()))],
    )
    tx.queued |= {job.kind for job in jobs}


async def add_found(tx: Tx, word: Origin, found: LiteralString, params: Sequence[Any], *, traced: bool = False) -> int:
    """Have done, or done anew, what a question finds: tenant, kind, subject, lane and cost; return how many.

    For many at once: their rows do not travel. On that word, its tenant aside. Each in a trace of its own where the
    question also finds that (`traced`).
    """
    told, found_as = "%s", _FOUND
    if traced:
        told, found_as = "coalesce(nullif(found.traceparent, ''), %s)", _FOUND.replace(")", ", traceparent)")
    sql = _ADD + f"SELECT tenant, kind, subject, lane, cost, %s, %s, %s, {told}, %s FROM (" + found + ")" + found_as  # noqa: S608 - our own texts
    return await _add_found(tx, sql + _ANEW, [*_said(word), *params])


async def find(tx: Tx, word: Origin, found: LiteralString, params: Sequence[Any], *, most: int = 1000) -> int:
    """The same for what the clock has made due: some of it, and nothing that is a job or parked already."""
    sql = _ADD + "SELECT tenant, kind, subject, lane, cost, %s, %s, %s, %s, %s FROM (" + found + ")" + _FOUND + _NOT_YET  # noqa: S608 - our own texts
    return await _add_found(tx, sql + " LIMIT %s ON CONFLICT DO NOTHING", [*_said(word), *params, most])


async def count_found(tx: Tx, found: LiteralString, params: Sequence[Any]) -> int:
    """How much `find` has still to find; of very much, not all."""
    sql = "SELECT count(*) AS n FROM (SELECT FROM (" + found + ")" + _FOUND + _NOT_YET + " LIMIT %s) AS due"  # noqa: S608
    return int((await tx.row(sql, [*params, COUNTED_MAX])).n)


async def _add_found(tx: Tx, sql: LiteralString, params: Sequence[Any]) -> int:
    rows = await tx.rows(
        "WITH added AS (" + sql + " RETURNING kind) SELECT kind, count(*) AS n FROM added GROUP BY kind",  # noqa: S608
        params,
    )
    tx.queued |= {row.kind for row in rows}
    return sum(row.n for row in rows)


def _said(word: Origin) -> list[str]:
    """On whose word; why they did it, in their own words, a job need not know."""
    return [word.actor, "", word.idempotency_key, word.traceparent, word.causation_id]


_COLUMNS: LiteralString = "tenant, kind, subject, lane, cost, actor, reason, idempotency_key, traceparent, causation_id"
_JOB = Columns(
    """tenant text, kind text, subject text, lane text, cost int, actor text, reason text, idempotency_key text,
       traceparent text, causation_id text, nth int"""
)
_ADD: LiteralString = "INSERT INTO job (" + _COLUMNS + ") "
_ANEW: LiteralString = """ ON CONFLICT (tenant, kind, subject) DO UPDATE
    SET next_try_at = now(), lease = NULL, leased_until = NULL, attempts = 0, deaths = 0, actor = EXCLUDED.actor,
        reason = EXCLUDED.reason, idempotency_key = EXCLUDED.idempotency_key, traceparent = EXCLUDED.traceparent,
        causation_id = EXCLUDED.causation_id"""
_FOUND: LiteralString = " AS found (tenant, kind, subject, lane, cost)"
_NOT_YET: LiteralString = """
    WHERE NOT EXISTS (SELECT FROM job WHERE (job.tenant, job.kind, job.subject) = (found.tenant, found.kind, found.subject))
      AND NOT EXISTS (SELECT FROM parked p WHERE p.closed_at IS NULL AND p.topic = 'jobs' AND p.event_type = found.kind
                                             AND p.tenant = found.tenant AND p.subject = found.subject)"""


_IS_READY: LiteralString = """SELECT EXISTS (
    SELECT FROM job WHERE kind = %(kind)s AND next_try_at <= now() AND due_at <= %(at)s
       AND (leased_until IS NULL OR leased_until < now() OR lease = %(lease)s)) AS is_ready"""


async def claim(tx: Tx, kind: str, lease: str, *, most: int, cost_most: int) -> list[Job]:
    """Take the oldest jobs of a kind for as long as the lease is, as many as a batch may have, in their order.

    What this worker has already it failed to finish, since it has one batch at a time: that comes again. A job waits for
    those before it in its lane that others are doing, or are about to do. One over which a process ended is taken alone.
    """
    ready = await tx.row(_IS_READY, {"kind": kind, "at": tx.at, "lease": lease})
    if not ready.is_ready:
        return []  # most looks find nothing, and need not wait for whoever claims just now
    await tx.run("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    rows = await tx.rows(
        """WITH busy AS MATERIALIZED (
             SELECT tenant, lane, min(id) AS id FROM job
              WHERE leased_until >= now() AND lease <> %(lease)s AND lane <> '' GROUP BY tenant, lane
           ), ready AS MATERIALIZED (
             SELECT tenant, kind, subject, id, cost, next_try_at, lease <> %(lease)s AS orphan
               FROM job j
              WHERE kind = %(kind)s AND next_try_at <= now() AND due_at <= %(at)s
                AND (leased_until IS NULL OR leased_until < now() OR lease = %(lease)s)
                AND NOT EXISTS (SELECT FROM busy b WHERE b.tenant = j.tenant AND b.lane = j.lane AND b.id < j.id)
                AND (lane = '' OR NOT EXISTS (
                      SELECT FROM job b
                       WHERE b.tenant = j.tenant AND b.lane = j.lane AND b.lane <> '' AND b.id < j.id AND b.kind <> j.kind
                         AND b.next_try_at <= now() AND b.due_at <= %(at)s))
              ORDER BY next_try_at, id LIMIT %(most)s
           ), counted AS (
             SELECT ready.*, sum(cost) OVER (ORDER BY next_try_at, id) - cost AS before,
                    coalesce(bool_or(orphan) OVER (), false) AS some_orphan,
                    row_number() OVER (ORDER BY orphan DESC NULLS LAST, id) AS nth
               FROM ready
           ), taken AS (
             SELECT tenant, kind, subject FROM counted
              WHERE CASE WHEN some_orphan THEN nth = 1 ELSE before = 0 OR before + cost <= %(cost_most)s END
           )
           UPDATE job SET lease = %(lease)s, leased_until = now() + %(lease_s)s * interval '1 second',
                  deaths = deaths + coalesce(lease <> %(lease)s, false)::int
             FROM taken
            WHERE job.tenant = taken.tenant AND job.kind = taken.kind AND job.subject = taken.subject
           RETURNING job.tenant, job.kind, job.subject, job.id, job.lane, job.cost, job.actor, job.reason,
                     job.idempotency_key, job.traceparent, job.causation_id, job.attempts, job.deaths""",
        {"kind": kind, "at": tx.at, "most": most, "cost_most": cost_most, "lease": lease, "lease_s": LEASE_S},
    )
    return [_job(row) for row in sorted(rows, key=lambda row: row.id)]


async def renew(tx: Tx, kind: str, lease: str) -> None:
    """Keep what we have for another while."""
    await tx.run(
        "UPDATE job SET leased_until = now() + %s * interval '1 second' WHERE lease = %s AND kind = %s",
        [LEASE_S, lease, kind],
    )


async def let_go(tx: Tx, kind: str, lease: str) -> None:
    """Give back what we have, so that another takes it at once."""
    await tx.run("UPDATE job SET lease = NULL, leased_until = NULL WHERE lease = %s AND kind = %s", [lease, kind])


async def hold(tx: Tx, jobs: Collection[Job], lease: str) -> list[Job]:
    """Keep these from everybody until the transaction ends; return those that are still there and ours."""
    rows = await tx.rows(
        """SELECT tenant, kind, subject FROM job
             JOIN unnest(%s::text[], %s::text[], %s::text[]) AS k (tenant, kind, subject) USING (tenant, kind, subject)
            WHERE lease = %s ORDER BY id FOR UPDATE OF job""",
        [*columns([job.key for job in jobs], 3), lease],
    )
    ours = {(row.tenant, row.kind, row.subject) for row in rows}
    return [job for job in jobs if job.key in ours]


async def remove(tx: Tx, jobs: Collection[Job]) -> list[float]:
    """These are done; return how long after their adding each was, seconds. Hold them before."""
    if not jobs:
        return []
    rows = await tx.rows(
        """DELETE FROM job WHERE (tenant, kind, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
           RETURNING extract(epoch FROM clock_timestamp() - added_at)::float8 AS after_s""",
        columns([job.key for job in jobs], 3),
    )
    return [row.after_s for row in rows]


async def put_off(tx: Tx, later: Mapping[Key, tuple[float, str]], *, failed: bool = False) -> None:
    """Give these back, to be done in so many seconds, and say why. Hold them before."""
    await tx.run(
        """UPDATE job SET lease = NULL, leased_until = NULL, deaths = 0, attempts = attempts + %s, failure = new.why,
                  next_try_at = now() + new.in_s * interval '1 second'
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[], %s::text[])
               AS new (tenant, kind, subject, in_s, why)
            WHERE job.tenant = new.tenant AND job.kind = new.kind AND job.subject = new.subject""",
        [
            int(failed),
            *columns(later, 3),
            [float(in_s) for in_s, _ in later.values()],  # a list of both kinds of number is none to the driver
            [parked.storable(why)[-8000:] for _, why in later.values()],
        ],
    )


async def park(tx: Tx, consumer: str, job: Job, why: Reason) -> None:
    """Put a job among the events that wait for an operator. Hold it before."""
    origin = job.origin
    headers = {
        "ce_id": new_id(),
        "ce_type": job.kind,
        "ce_tenant": job.tenant,
        "ce_subject": job.subject,
        "ce_actor": origin.actor,
        "ce_reason": "",
        "ce_idempotencykey": origin.idempotency_key,
        "ce_causationid": origin.causation_id,
        "traceparent": origin.traceparent,
        "cost": str(job.cost),
    }
    record = Record(JOBS, 0, 0, f"{job.tenant}/{job.lane}".encode(), None, headers)
    await parked.add(tx, consumer, record, parked.slot_of(record), why)
    await remove(tx, [job])


async def put_back(tx: Tx, row: Parked) -> None:
    """Let a parked job be done again, at an operator's wish."""
    said = row.headers
    origin = Origin(
        tenant=row.tenant,
        actor=said["ce_actor"],
        reason="",
        idempotency_key=said["ce_idempotencykey"],
        traceparent=said["traceparent"],
        causation_id=said["ce_causationid"],
    )
    lane = (row.key or b"").decode().partition("/")[2]
    await add(tx, [Job(row.event_type, row.subject, origin, lane, int(said["cost"]))])


async def is_wanted(tx: Tx, key: Key) -> bool:
    """Whether this job is there, or parked for an operator to put back; if not, it is done or was given up."""
    row = await tx.row(
        """SELECT EXISTS (SELECT FROM job WHERE (tenant, kind, subject) = (%(tenant)s, %(kind)s, %(subject)s))
               OR EXISTS (SELECT FROM parked p WHERE p.closed_at IS NULL AND p.topic = 'jobs' AND p.event_type = %(kind)s
                                                 AND p.tenant = %(tenant)s AND p.subject = %(subject)s) AS is_wanted""",
        dict(zip(("tenant", "kind", "subject"), key, strict=True)),
    )
    return bool(row.is_wanted)


async def due(tx: Tx) -> dict[str, tuple[int, float]]:
    """How many jobs are to be done now, or are being done, by kind, and for how many seconds the oldest has waited.

    Those that are put off are not counted; of very many, not all.
    """
    rows = await tx.rows(
        """SELECT kind, count(*) AS n, extract(epoch FROM now() - min(next_try_at))::float8 AS oldest_s
             FROM (SELECT kind, next_try_at FROM job WHERE next_try_at <= now() AND due_at <= %s LIMIT %s) AS due
            GROUP BY kind""",
        [tx.at, COUNTED_MAX],
    )
    return {row.kind: (row.n, row.oldest_s) for row in rows}


def _job(row: Any) -> Job:
    trace = trace_of(row.traceparent)
    origin = Origin(row.tenant, row.actor, row.reason, row.idempotency_key, trace, row.causation_id)
    return Job(row.kind, row.subject, origin, row.lane, row.cost, row.attempts, row.deaths)

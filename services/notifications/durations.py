"""Remembers how long steps took (domain/durations.py): noted as they end, folded into figures soon after, asked for as they begin."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Question, Tx
from services.chassis.envelope import Origin, new_traceparent
from services.notifications import service_levels
from services.notifications.domain import durations as domain
from services.notifications.domain.durations import KEPT_FOR, NOTHING, Ended, Figures, History, Kept, Segment, Slow
from services.notifications.domain.journeys import BUYER, Journey
from services.notifications.domain.service_levels import NOTHING as AGREED_NOTHING
from services.notifications.domain.stories import Moment

DURATIONS = "durations"  # the kind of job that folds a tenant's; its subject is the same word
_FOLDED_AFTER = timedelta(minutes=1)
_MONTHS_KEPT = timedelta(days=2 * 365)  # of what became of promises

_ENDED = Columns(
    "tenant text, about text, name text, step text, account_id text, seller_id text, track text, began_at timestamptz,"
    "spent int, ended_at timestamptz, kept boolean"
)
_DURATION = Columns(
    "tenant text, kind text, step text, segment text, account_id text, took jsonb, n int, p50 int, p95 int,"
    "slow_since timestamptz, last_on date"
)
_KEPT = Columns("tenant text, kind text, step text, month date, kept int, missed int")
_DUE: LiteralString = """SELECT tenant.tenant, 'durations', 'durations', '', 1 FROM tenant
  CROSS JOIN LATERAL (SELECT ended_at FROM step_ended e WHERE e.tenant = tenant.tenant ORDER BY id LIMIT 1) AS oldest
  WHERE oldest.ended_at <= %s"""


async def learn(
    tx: Tx, heard: Mapping[tuple[str, str], tuple[Journey, Moment]]
) -> dict[tuple[str, str], tuple[Journey, Moment]]:
    """Those of these journeys of which a step began just now, with what is promised of it: as agreed, or as long as others took."""
    asked = {
        key: (stage.code, _segments(journey, stage.code))
        for key, (journey, now) in heard.items()
        if (stage := journey.asks(now)) is not None
    }
    if not asked:
        return {}
    durations, agreed = await tx.ask(  # one trip to the server, for all that begins in a batch
        _question(tx, {segment for _, segments in asked.values() for segment in segments}),
        service_levels.question({(key[0], heard[key][0].account_id) for key in asked}),
    )
    known = {
        Segment(row.tenant, row.kind, row.step, row.segment): Figures(row.n, row.p50, row.p95) for row in durations
    }
    levels = service_levels.found(agreed)
    learned = {}
    for key, (code, segments) in asked.items():
        journey, now = heard[key]
        level = levels.get((key[0], journey.account_id), AGREED_NOTHING).of(journey.kind, code)
        if level is not None:
            journey = journey.agreed(code, level.days, now)
            learned[key] = journey, now
        found = [known.get(segment, NOTHING) for segment in segments]
        said = domain.learned(found, now.hours, at=now.at, spent=journey.legs[code].spent)
        if said is not None:
            learned[key] = journey.learns(code, said, now), now
    return learned


def _segments(journey: Journey, code: str) -> tuple[Segment, ...]:
    return domain.segments(
        journey.tenant,
        journey.kind,
        code,
        account_id=journey.account_id,
        seller_id=journey.seller_id,
        track=journey.track,
    )


async def note(tx: Tx, written: Sequence[tuple[Journey, Moment]]) -> None:
    """Keep of these journeys, as they are written just now, which steps ended, and whether what was promised was kept."""
    await add(
        tx,
        [
            Ended(
                tenant=journey.tenant,
                about=journey.about,
                name=journey.name,
                step=stage.code,
                account_id=journey.account_id,
                seller_id=journey.seller_id,
                track=journey.track,
                began_at=leg.began_at,
                spent=leg.spent,
                ended_at=leg.done_at,
                kept=None if leg.promised is None or stage.owner == BUYER else not leg.is_late(now),
            )
            for journey, now in written
            for stage, leg in journey.ended_now()
            if leg.began_at is not None and leg.done_at is not None
        ],
    )


async def add(tx: Tx, ended: Sequence[Ended]) -> None:
    """Keep steps that ended, to be folded."""
    if not ended:
        return
    await tx.run(
        f"INSERT INTO step_ended ({_ENDED.names}) SELECT * FROM {_ENDED.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - our own columns
        [
            _ENDED.pack(
                (
                    one.tenant,
                    one.about,
                    one.name,
                    one.step,
                    one.account_id,
                    one.seller_id,
                    one.track,
                    one.began_at.isoformat(),
                    one.spent,
                    one.ended_at.isoformat(),
                    one.kept,
                )
                for one in ended
            )
        ],
    )


async def find_due(tx: Tx) -> int:
    """Have the tenants' durations folded of which some wait; return how many jobs it is."""
    word = Origin("", "system:clock", "steps ended", "", new_traceparent())
    return await jobs.find(tx, word, _DUE, [tx.at - _FOLDED_AFTER])


async def count_due(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at - _FOLDED_AFTER])


async def waiting(tx: Tx, tenant: str, most: int) -> dict[int, Ended]:
    """Steps of a tenant's that are not folded yet, the first of them, each by its number."""
    rows = await tx.rows("SELECT * FROM step_ended WHERE tenant = %s ORDER BY id LIMIT %s", [tenant, most])
    return {
        row.id: Ended(
            tenant=row.tenant,
            about=row.about,
            name=row.name,
            step=row.step,
            account_id=row.account_id,
            seller_id=row.seller_id,
            track=row.track,
            began_at=row.began_at,
            spent=row.spent,
            ended_at=row.ended_at,
            kept=row.kept,
        )
        for row in rows
    }


async def remove(tx: Tx, tenant: str, ids: Collection[int]) -> None:
    """These are folded."""
    await tx.run("DELETE FROM step_ended WHERE tenant = %s AND id = ANY (%s)", [tenant, sorted(ids)])


def _question(tx: Tx, segments: Collection[Segment]) -> Question:
    """What these segments' durations of the last year say, as far as there are any."""
    return (
        """SELECT tenant, kind, step, segment, n, p50, p95 FROM step_duration
            WHERE tenant = ANY (%s::text[]) AND kind = ANY (%s::text[]) AND step = ANY (%s::text[])
              AND segment = ANY (%s::text[]) AND last_on >= %s""",
        [*_within(segments), tx.at.date() - KEPT_FOR],
    )


async def lock(tx: Tx, segments: Collection[Segment]) -> dict[Segment, History]:
    """All durations of these segments; nobody else changes them until the transaction ends."""
    rows = await tx.rows(
        """SELECT tenant, kind, step, segment, took, slow_since FROM step_duration
            WHERE tenant = ANY (%s::text[]) AND kind = ANY (%s::text[]) AND step = ANY (%s::text[])
              AND segment = ANY (%s::text[]) ORDER BY tenant, kind, step, segment FOR UPDATE""",
        _within(segments),
    )
    found = {
        Segment(row.tenant, row.kind, row.step, row.segment): History(tuple(map(tuple, row.took)), row.slow_since)
        for row in rows
    }
    return {segment: history for segment, history in found.items() if segment in segments}


async def save(tx: Tx, histories: Mapping[Segment, History]) -> None:
    """Keep segments' durations, and what they say, as they are now; they are locked."""
    await tx.run(
        f"""INSERT INTO step_duration ({_DURATION.names}) SELECT * FROM {_DURATION.rows} AS new
             ORDER BY tenant, kind, step, segment
            ON CONFLICT (tenant, kind, step, segment) DO UPDATE SET took = EXCLUDED.took, n = EXCLUDED.n,
                 p50 = EXCLUDED.p50, p95 = EXCLUDED.p95, slow_since = EXCLUDED.slow_since, last_on = EXCLUDED.last_on""",  # noqa: S608 - our own columns
        [_DURATION.pack(_row(segment, history, tx.at) for segment, history in histories.items())],
    )


def _row(segment: Segment, history: History, at: datetime) -> Sequence[Any]:
    said = history.figures
    last_on = date.fromordinal(history.took[-1][1]) if history.took else at.date()
    return (
        segment.tenant,
        segment.kind,
        segment.step,
        segment.name,
        segment.account_id,
        history.took,
        said.n,
        said.p50,
        said.p95,
        history.slow_since.isoformat() if history.slow_since else None,
        last_on.isoformat(),
    )


async def add_kept(tx: Tx, found: Mapping[tuple[str, str, str, date], Kept]) -> None:
    """Count what became of promises."""
    if not found:
        return
    await tx.run(
        f"""INSERT INTO promise_kept AS p ({_KEPT.names}) SELECT * FROM {_KEPT.rows} AS new
             ORDER BY tenant, kind, step, month
            ON CONFLICT (tenant, kind, step, month) DO UPDATE
              SET kept = p.kept + EXCLUDED.kept, missed = p.missed + EXCLUDED.missed""",  # noqa: S608 - our own columns
        [_KEPT.pack((*key[:3], key[3].isoformat(), n.kept, n.missed) for key, n in found.items())],
    )


async def kept_since(tx: Tx, tenant: str, month: date) -> dict[tuple[str, str], Kept]:
    """What became of a tenant's promises since the first of a month, by kind and step."""
    rows = await tx.rows(
        """SELECT kind, step, sum(kept)::int AS kept, sum(missed)::int AS missed FROM promise_kept
            WHERE tenant = %s AND month >= %s GROUP BY kind, step""",
        [tenant, month],
    )
    return {(row.kind, row.step): Kept(row.kept, row.missed) for row in rows}


async def of_account(tx: Tx, tenant: str, account_id: str) -> dict[Segment, Figures]:
    """What an account's durations say, and everybody's; of everybody's alone where the account is ''."""
    segments = domain.segments(tenant, "", "", account_id=account_id)
    rows = await tx.rows(
        """SELECT kind, step, segment, n, p50, p95 FROM step_duration
            WHERE tenant = %s AND account_id = ANY (%s::text[]) AND segment = ANY (%s::text[]) AND last_on >= %s""",
        [tenant, sorted({account_id, ""}), [one.name for one in segments], tx.at.date() - KEPT_FOR],
    )
    return {Segment(tenant, row.kind, row.step, row.segment): Figures(row.n, row.p50, row.p95) for row in rows}


async def slow(tx: Tx, tenant: str, most: int) -> list[Slow]:
    """Where steps take longer than promised, the longest so first."""
    rows = await tx.rows(
        """SELECT kind, step, segment, n, p50, p95, slow_since FROM step_duration
            WHERE tenant = %s AND slow_since IS NOT NULL ORDER BY slow_since, kind, step, segment LIMIT %s""",
        [tenant, most],
    )
    return [
        Slow(Segment(tenant, row.kind, row.step, row.segment), Figures(row.n, row.p50, row.p95), row.slow_since)
        for row in rows
    ]


async def forget_outdated(tx: Tx, tenant: str, most: int) -> int:
    """Remove the durations of segments of which nothing ended for a year, and what became of promises long ago."""
    today = tx.at.date()
    gone = await tx.run(
        """DELETE FROM step_duration WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM step_duration WHERE tenant = %s AND last_on < %s LIMIT %s FOR UPDATE SKIP LOCKED))""",
        [tenant, today - KEPT_FOR, most],
    )
    return gone + await tx.run(
        "DELETE FROM promise_kept WHERE tenant = %s AND month < %s", [tenant, today - _MONTHS_KEPT]
    )


def _within(segments: Collection[Segment]) -> list[list[Any]]:
    return within(((segment.tenant, segment.kind, segment.step, segment.name) for segment in segments), 4)

"""What was already handled: event ids with a hash of their body, and the highest offset of each partition."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.chassis.database import Tx
from services.chassis.envelope import Record


def body_hash(record: Record) -> bytes:
    """What tells two events of one id apart: type and payload."""
    return hashlib.sha256(record.headers.get("ce_type", "").encode() + b"\0" + (record.value or b"")).digest()


async def lock_offsets(
    tx: Tx, consumer: str, topic_ids: Mapping[str, str], places: Iterable[tuple[str, int]]
) -> tuple[dict[tuple[str, int], int], int]:
    """Lock the partitions' rows and return their highest handled offsets, with the failures in a row so far.

    The lock makes a zombie, a worker that lost its partition unawares, wait here and then find its work done.
    """
    wanted = sorted(set(places))
    columns: list[list[Any]] = [[t for t, _ in wanted], [topic_ids[t] for t, _ in wanted], [p for _, p in wanted]]
    rows = await _lock_places(tx, consumer, columns)
    if len(rows) < len(wanted):
        await tx.run(
            """INSERT INTO handled (consumer, topic, topic_id, partition)
               SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::int[]) ON CONFLICT DO NOTHING""",
            [consumer, *columns],
        )
        rows = await _lock_places(tx, consumer, columns)
    return {(r.topic, r.partition): r.kafka_offset for r in rows}, max((r.failures_in_row for r in rows), default=0)


async def _lock_places(tx: Tx, consumer: str, columns: list[list[Any]]) -> list[Any]:
    return await tx.rows(
        """SELECT topic, partition, kafka_offset, failures_in_row FROM handled
            WHERE consumer = %s
              AND (topic, topic_id, partition) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::int[]))
            ORDER BY topic, topic_id, partition FOR UPDATE""",
        [consumer, *columns],
    )


async def save_offsets(
    tx: Tx, consumer: str, topic_ids: Mapping[str, str], records: Sequence[Record], failures_in_row: int
) -> None:
    """Remember that everything up to these records is handled, or parked."""
    highest: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        highest[place] = max(highest.get(place, -1), record.offset)
    await tx.run(
        """UPDATE handled SET kafka_offset = greatest(handled.kafka_offset, new.kafka_offset), failures_in_row = %s
             FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS new (topic_id, partition, kafka_offset)
            WHERE handled.consumer = %s AND handled.topic_id = new.topic_id AND handled.partition = new.partition""",
        [
            failures_in_row,
            [topic_ids[t] for t, _ in highest],
            [p for _, p in highest],
            list(highest.values()),
            consumer,
        ],
    )


async def take(tx: Tx, consumer: str, hashes: Mapping[str, bytes]) -> tuple[set[str], set[str]]:
    """Claim these events; return the ids that are new, and those that came before with another body."""
    if not hashes:
        return set(), set()
    rows = await tx.rows(
        """INSERT INTO inbox (consumer, event_id, body_hash)
           SELECT %s, * FROM unnest(%s::text[], %s::bytea[]) ORDER BY 2
           ON CONFLICT DO NOTHING RETURNING event_id""",
        [consumer, list(hashes), list(hashes.values())],
    )
    new = {row.event_id for row in rows}
    if len(new) == len(hashes):
        return new, set()
    known = await tx.rows(
        "SELECT event_id, body_hash FROM inbox WHERE consumer = %s AND event_id = ANY(%s)",
        [consumer, [event_id for event_id in hashes if event_id not in new]],
    )
    return new, {row.event_id for row in known if bytes(row.body_hash) != hashes[row.event_id]}

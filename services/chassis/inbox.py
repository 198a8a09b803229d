"""What was already handled: event ids with a hash of their body, and the highest offset of each partition."""

import hashlib
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from services.chassis import parked
from services.chassis.database import Tx
from services.chassis.envelope import Record
from services.chassis.parked import Slot


def body_hash(record: Record) -> bytes:
    """What tells two events of one id apart: type and payload."""
    return hashlib.sha256(record.headers.get("ce_type", "").encode() + b"\0" + (record.value or b"")).digest()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the database knows of a batch: how far its partitions were handled, which events are new, what waits."""

    # The highest handled offset of each topic and partition.
    done: Mapping[tuple[str, int], int]
    failures_in_row: int
    new: Set[str]
    # Rows of parked events of the batch's slots.
    waiting: Sequence[Any]


async def claim(
    tx: Tx,
    consumer: str,
    topic_ids: Mapping[str, str],
    records: Sequence[Record],
    *,
    hashes: Mapping[str, bytes],
    slots: Collection[Slot],
) -> Claim:
    """Lock the partitions' rows, claim these events, and note that the partitions are handled up to here; in one trip.

    The lock makes a zombie, a worker that lost its partition unawares, wait here and then find its work done. That they
    are handled becomes true with the transaction.
    """
    highest: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        highest[place] = max(highest.get(place, -1), record.offset)
    wanted = sorted(highest)
    places: list[list[Any]] = [[topic_ids[topic] for topic, _ in wanted], [partition for _, partition in wanted]]
    locked, taken, waiting, _ = await tx.ask(
        (_LOCK, [consumer, *places]),
        (_TAKE, [consumer, list(hashes), list(hashes.values())]),
        parked.waiting_in(consumer, slots),
        (_SAVE, [*places, [highest[place] for place in wanted], consumer]),
    )
    return Claim(
        {(row.topic, row.partition): row.kafka_offset for row in locked},
        max((row.failures_in_row for row in locked), default=0),
        {row.event_id for row in taken},
        waiting,
    )


_LOCK = """SELECT topic, partition, kafka_offset, failures_in_row FROM handled
            WHERE consumer = %s AND (topic_id, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))
            ORDER BY topic, topic_id, partition FOR UPDATE"""
_TAKE = """INSERT INTO inbox (consumer, event_id, body_hash)
           SELECT %s, * FROM unnest(%s::text[], %s::bytea[]) ORDER BY 2
           ON CONFLICT DO NOTHING RETURNING event_id"""
_SAVE = """UPDATE handled SET kafka_offset = greatest(handled.kafka_offset, new.kafka_offset)
             FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS new (topic_id, partition, kafka_offset)
            WHERE handled.consumer = %s AND handled.topic_id = new.topic_id AND handled.partition = new.partition"""


async def meet_places(tx: Tx, consumer: str, topic_ids: Mapping[str, str], places: Collection[tuple[str, int]]) -> None:
    """Make rows for partitions that no worker has handled before."""
    wanted = sorted(places)
    await tx.run(
        """INSERT INTO handled (consumer, topic, topic_id, partition)
           SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::int[]) ON CONFLICT DO NOTHING""",
        [consumer, [t for t, _ in wanted], [topic_ids[t] for t, _ in wanted], [p for _, p in wanted]],
    )


async def count_failures(
    tx: Tx, consumer: str, topic_ids: Mapping[str, str], places: Collection[tuple[str, int]], failures_in_row: int
) -> None:
    """Remember how many events in a row have failed in these partitions."""
    await tx.run(
        """UPDATE handled SET failures_in_row = %s
            WHERE consumer = %s AND (topic_id, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))""",
        [failures_in_row, consumer, [topic_ids[topic] for topic, _ in places], [partition for _, partition in places]],
    )


async def other_bodies(tx: Tx, consumer: str, hashes: Mapping[str, bytes]) -> set[str]:
    """Which of these events, all of which came before, had another body then."""
    if not hashes:
        return set()
    known = await tx.rows(
        "SELECT event_id, body_hash FROM inbox WHERE consumer = %s AND event_id = ANY(%s)", [consumer, list(hashes)]
    )
    return {row.event_id for row in known if bytes(row.body_hash) != hashes[row.event_id]}

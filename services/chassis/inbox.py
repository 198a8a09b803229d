"""What was already handled: events by their identity with a hash of their body, and the highest offset of each partition.

An event's row has its id for a key. Where another tenant's or another source's event has that id already, or has had
one of its own, its key names all three: such are few. Rows that know no tenant were written by the version before.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from services.chassis import parked, pauses
from services.chassis.database import Tx
from services.chassis.envelope import Identity, Record
from services.chassis.parked import Slot


def body_hash(record: Record) -> bytes:
    """What tells two events of one identity apart: type and payload."""
    return hashlib.sha256(record.headers.get("ce_type", "").encode() + b"\0" + (record.value or b"")).digest()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the database knows of a batch: how far its partitions were handled, which events are new, what waits."""

    # The highest handled offset of each topic and partition.
    done: Mapping[tuple[str, int], int]
    # Those whose id nobody had; of the others `settle` says what they are.
    new: Set[Identity]
    # Rows of tenants whose events fail, and of parked events of the batch's slots.
    failing: Sequence[Any]
    waiting: Sequence[Any]


async def claim(
    tx: Tx,
    consumer: str,
    topic_ids: Mapping[str, str],
    records: Sequence[Record],
    *,
    hashes: Mapping[Identity, bytes],
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
    locked, taken, failing, waiting, _ = await tx.ask(
        (_LOCK, [consumer, *places]),
        (_TAKE, [consumer, *_columns(hashes, {identity: identity[2] for identity in hashes}), consumer]),
        pauses.of(consumer, {tenant for tenant, _, _ in hashes}),
        parked.waiting_in(consumer, slots),
        (_SAVE, [*places, [highest[place] for place in wanted], consumer]),
    )
    return Claim(
        {(row.topic, row.partition): row.kafka_offset for row in locked},
        {(row.tenant, row.source, row.event_id) for row in taken},
        failing,
        waiting,
    )


_LOCK = """SELECT topic, partition, kafka_offset FROM handled
            WHERE consumer = %s AND (topic_id, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))
            ORDER BY topic, topic_id, partition FOR UPDATE"""
_TAKE = """INSERT INTO inbox (consumer, event_id, body_hash, tenant, source)
           SELECT %s, key, hash, tenant, source
             FROM unnest(%s::text[], %s::bytea[], %s::text[], %s::text[], %s::text[])
               AS new (key, hash, tenant, source, full_key)
            WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.consumer = %s AND i.event_id = new.full_key)
            ORDER BY key
           ON CONFLICT DO NOTHING RETURNING event_id, tenant, source"""
_SAVE = """UPDATE handled SET kafka_offset = greatest(handled.kafka_offset, new.kafka_offset)
             FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS new (topic_id, partition, kafka_offset)
            WHERE handled.consumer = %s AND handled.topic_id = new.topic_id AND handled.partition = new.partition"""


def _columns(hashes: Mapping[Identity, bytes], keys: Mapping[Identity, str]) -> list[list[Any]]:
    """What `_TAKE` is given of these events, of which each shall have that key."""
    return [
        [keys[identity] for identity in hashes],
        list(hashes.values()),
        [tenant for tenant, _, _ in hashes],
        [source for _, source, _ in hashes],
        [_full_key(identity) for identity in hashes],
    ]


def _full_key(identity: Identity) -> str:
    """A key that no other event has: a tenant has no blank, and the source's length says where the id begins."""
    tenant, source, event_id = identity
    return f"{tenant} {len(source)} {source} {event_id}"


@dataclass(frozen=True, slots=True)
class Settled:
    """What events are whose id was there: strangers of the one that had it, or known with another body; else repeats."""

    new: Set[Identity]
    other_body: Set[Identity]


async def settle(tx: Tx, consumer: str, hashes: Mapping[Identity, bytes]) -> Settled:
    """Claim those that only share their id with another's event; say which of the rest had another body before."""
    if not hashes:
        return Settled(set(), set())
    known = await _known(tx, consumer, hashes)
    strangers = {identity: digest for identity, digest in hashes.items() if identity not in known}
    new: set[Identity] = set()
    if strangers:
        keys = {identity: _full_key(identity) for identity in strangers}
        taken = await tx.rows(_TAKE, [consumer, *_columns(strangers, keys), consumer])
        new = {identity for identity in strangers if keys[identity] in {row.event_id for row in taken}}
        if len(new) < len(strangers):  # another worker was faster
            known |= await _known(tx, consumer, strangers)
    return Settled(new, {i for i, digest in hashes.items() if i not in new and known.get(i, digest) != digest})


async def _known(tx: Tx, consumer: str, hashes: Mapping[Identity, bytes]) -> dict[Identity, bytes]:
    """The hashes of those that came before; a row without a tenant is anybody's event of that id and body."""
    keys = [key for identity in hashes for key in (identity[2], _full_key(identity))]
    rows = await tx.rows(
        "SELECT event_id, body_hash, tenant, source FROM inbox WHERE consumer = %s AND event_id = ANY(%s)",
        [consumer, keys],
    )
    by_key = {row.event_id: row for row in rows}
    found: dict[Identity, bytes] = {}
    for identity, digest in hashes.items():
        for row in filter(None, map(by_key.get, (identity[2], _full_key(identity)))):
            if (row.tenant, row.source) == identity[:2] or (row.tenant is None and bytes(row.body_hash) == digest):
                found[identity] = bytes(row.body_hash)
    return found


async def seen(tx: Tx, consumer: str, hashes: Mapping[Identity, bytes]) -> Collection[Identity]:
    """Which of these events came before."""
    return (await _known(tx, consumer, hashes)).keys()


async def meet_places(tx: Tx, consumer: str, topic_ids: Mapping[str, str], places: Collection[tuple[str, int]]) -> None:
    """Make rows for partitions that no worker has handled before."""
    wanted = sorted(places)
    await tx.run(
        """INSERT INTO handled (consumer, topic, topic_id, partition)
           SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::int[]) ON CONFLICT DO NOTHING""",
        [consumer, [t for t, _ in wanted], [topic_ids[t] for t, _ in wanted], [p for _, p in wanted]],
    )


async def next_offsets(tx: Tx, consumer: str, topic_ids: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """The next offset to handle of each topic's partition that was handled before."""
    rows = await tx.rows("SELECT topic_id, partition, kafka_offset FROM handled WHERE consumer = %s", [consumer])
    topics = {topic_id: topic for topic, topic_id in topic_ids.items()}
    return {(topics[row.topic_id], row.partition): row.kafka_offset + 1 for row in rows if row.topic_id in topics}

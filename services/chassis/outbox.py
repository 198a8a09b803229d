"""What a service announces: written with the change itself, published by the relay."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from services.chassis import envelope
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id

CHANNEL = "outbox"  # what the relay listens to, for what other processes announce


@dataclass(frozen=True, slots=True)
class Announcement:
    """A fact to tell: its subject ("order/o1") is the aggregate, its account the key and so the order of telling."""

    origin: Origin
    account_id: str
    subject: str
    body: Message

    @property
    def key(self) -> str:
        """The Kafka key: all that concerns one account stays in order."""
        return f"{self.origin.tenant}/{self.account_id}"

    @property
    def topic(self) -> str:
        """The topic of the message's contract."""
        return envelope.topic_of(type(self.body))


async def add(tx: Tx, announcements: Sequence[Announcement]) -> None:
    """Tell these facts, in this order, once the transaction commits.

    Call it after the rows of the accounts are locked: each event's number, contiguous per topic and account, is then
    in the order of the commits.
    """
    if not announcements:
        return
    last = await _advance(tx, announcements)
    async with (
        tx.connection.cursor() as cursor,
        cursor.copy("COPY outbox (topic, key, headers, payload) FROM STDIN") as rows,
    ):
        for announcement in announcements:
            slot = (announcement.topic, announcement.key)
            last[slot] += 1
            await rows.write_row(_row(tx, announcement, last[slot]))
            tx.announced.add((announcement.origin.tenant, announcement.subject))
    if tx.notifies:
        await tx.run(f"NOTIFY {CHANNEL}")


async def _advance(tx: Tx, announcements: Sequence[Announcement]) -> dict[tuple[str, str], int]:
    """Reserve the numbers; return the last one used before them, by topic and key."""
    wanted = sorted(Counter((a.topic, a.key) for a in announcements).items())
    rows = await tx.rows(
        """INSERT INTO sequence AS s (topic, key, last)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
           ON CONFLICT (topic, key) DO UPDATE SET last = s.last + EXCLUDED.last
           RETURNING topic, key, last""",
        [[slot[0] for slot, _ in wanted], [slot[1] for slot, _ in wanted], [n for _, n in wanted]],
    )
    counts = dict(wanted)
    return {(row.topic, row.key): row.last - counts[(row.topic, row.key)] for row in rows}


def _row(tx: Tx, announcement: Announcement, sequence: int) -> tuple[str, str, str, bytes]:
    payload = announcement.body.SerializeToString(deterministic=True)
    assert len(payload) < envelope.RECORD_MAX_BYTES // 2, (
        "an event that the broker would not take would stop all that follow"
    )
    headers = envelope.encode(
        announcement.body,
        event_id=new_id(),
        subject=announcement.subject,
        at=tx.at,
        origin=announcement.origin,
        source=f"/receivables/{announcement.topic.split('.')[1]}",
        sequence=sequence,
    )
    return announcement.topic, announcement.key, json.dumps(headers), payload

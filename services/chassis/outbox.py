"""What a service announces: written with the change itself, published by the relay."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from services.chassis import envelope, words
from services.chassis.database import Tx
from services.chassis.envelope import CAUSE_MAX, ID_MAX, SAID_MAX, Origin
from services.chassis.ids import new_id
from services.kernel.refusals import Invalid

CHANNEL = "outbox"  # what the relay listens to, for what other processes announce
# What the broker takes, less what goes around an event: the batch, and what compression adds to what it cannot shorten.
EVENT_MAX_BYTES = envelope.RECORD_MAX_BYTES - 8 * 1024

# One statement, whatever it tells: numbers are reserved per topic and key, in one order for all transactions, and the
# header with the number closes each row's headers.
_ADD = """
WITH told AS MATERIALIZED (
  SELECT topic, key, headers, payload, nth,
         row_number() OVER (PARTITION BY topic, key ORDER BY nth DESC) - 1 AS come_later
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[]) WITH ORDINALITY
      AS row (topic, key, headers, payload, nth)),
reserved AS (
  INSERT INTO sequence AS s (topic, key, last)
  SELECT topic, key, count(*) FROM told GROUP BY topic, key ORDER BY topic, key
  ON CONFLICT (topic, key) DO UPDATE SET last = s.last + EXCLUDED.last
  RETURNING topic, key, last)
INSERT INTO outbox (topic, key, headers, payload)
SELECT topic, key, (headers || ', "ce_sequence": "' || last - come_later || '"}')::jsonb, payload
  FROM told JOIN reserved USING (topic, key)
 ORDER BY nth"""


class EventTooLarge(Invalid):
    """An event that the broker would not take, or no follower read: it would stop others, so it is refused where it is made."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A fact to tell: its subject ("order/o1") is the aggregate, its account the key and so the order of telling."""

    origin: Origin
    account_id: str
    subject: str
    body: Message
    # Of whom it is told, on that source's own topic; empty: of this service.
    source: str = ""

    @property
    def key(self) -> str:
        """The Kafka key: all that concerns one account stays in order."""
        return f"{self.origin.tenant}/{self.account_id}"

    @property
    def topic(self) -> str:
        """The topic of the message's contract, or that of one source's own beside it."""
        contract = envelope.topic_of(type(self.body))
        return f"{contract}.{self.source}" if self.source else contract


async def add(tx: Tx, announcements: Sequence[Announcement]) -> None:
    """Tell these facts, in this order, once the transaction commits.

    Call it after the rows of the accounts are locked: each event's number, contiguous per topic and account, is then
    in the order of the commits. Raises EventTooLarge before anything is written.
    """
    if not announcements:
        return
    if tx.muted is not None:
        tx.muted += announcements
        return
    rows = [_row(tx, announcement) for announcement in announcements]
    await tx.run(_ADD, [list(column) for column in zip(*rows, strict=True)])
    tx.announced |= {(announcement.origin.tenant, announcement.subject) for announcement in announcements}
    if tx.notifies:
        await tx.run(f"NOTIFY {CHANNEL}")


def _check_bounds(announcement: Announcement) -> None:
    """What every follower reads is bounded: who tells more tells it to nobody."""
    origin = announcement.origin
    for name, text, most in (
        ("account", announcement.account_id, ID_MAX),
        ("subject", announcement.subject, ID_MAX),
        ("idempotency key", origin.idempotency_key, SAID_MAX),
        ("causation id", origin.causation_id, CAUSE_MAX),
    ):
        if len(text) > most:
            raise EventTooLarge("event.too_large", f"its {name} has {len(text)} characters; {most} are taken")


def _row(tx: Tx, announcement: Announcement) -> tuple[str, str, str, bytes]:
    """A row of the outbox; its headers lack the number, and their closing brace."""
    _check_bounds(announcement)
    topic, key = announcement.topic, announcement.key
    assert words.untold(announcement.body), "what somebody wrote is told to nobody"
    payload = announcement.body.SerializeToString(deterministic=True)
    headers = envelope.encode(
        announcement.body,
        event_id=new_id(),
        subject=announcement.subject,
        at=tx.at,
        origin=announcement.origin,
        source=f"/receivables/{topic.split('.')[1]}",
        sequence=None,
    )
    written = json.dumps(headers)
    # As JSON the headers are no shorter than in the record.
    if (size := len(payload) + len(written) + len(key.encode())) > EVENT_MAX_BYTES:
        raise EventTooLarge("event.too_large", f"{headers['ce_type']} of {size} bytes; {EVENT_MAX_BYTES} are taken")
    return topic, key, written.removesuffix("}"), payload

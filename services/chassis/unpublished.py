"""What the broker refuses for its own sake: parked, and with it what comes after it on its topic and account.

So what is published of an account stays in its order, others go on, and nothing is lost unseen. An operator's replay puts
it back into the outbox, in the place that it had, and then in order what stood behind it.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from services.chassis.database import Tx
from services.chassis.envelope import ID_MAX
from services.chassis.outbox import CHANNEL
from services.chassis.parked import OUTBOX, Parked

UNPUBLISHABLE = "event.unpublishable"

# ruff: noqa: S608 - our own words and numbers
_WAITING = f"consumer = %(consumer)s AND closed_at IS NULL AND topic LIKE '{OUTBOX}%%'"
_ANY = f"SELECT EXISTS (SELECT FROM parked WHERE {_WAITING})"
_INTO_PARKED = f"""
INSERT INTO parked (consumer, topic, partition, kafka_offset, event_id, event_type, tenant, subject, key, headers, payload,
                    reason, code, detail)
SELECT %(consumer)s, '{OUTBOX}' || topic, 0, id, left(coalesce(headers ->> 'ce_id', ''), {ID_MAX}),
       left(coalesce(headers ->> 'ce_type', ''), {ID_MAX}), split_part(key, '/', 1),
       left('account/' || substr(key, strpos(key, '/') + 1), {ID_MAX}), convert_to(key, 'UTF8'), headers, payload,
       %(reason)s, %(code)s, %(detail)s
  FROM gone ORDER BY id"""
_PARK = f"WITH gone AS (DELETE FROM outbox WHERE id = %(id)s RETURNING *) {_INTO_PARKED}"
# Unless what they stand behind was put back meanwhile: then their turn comes after it.
_PARK_BEHIND = f"""
WITH front AS MATERIALIZED (SELECT topic, key, kafka_offset FROM parked WHERE {_WAITING} FOR SHARE),
     gone AS (DELETE FROM outbox o WHERE id = ANY(%(ids)s::bigint[])
                 AND EXISTS (SELECT FROM front f WHERE f.topic = '{OUTBOX}' || o.topic AND f.kafka_offset < o.id
                                                   AND f.key = convert_to(o.key, 'UTF8'))
              RETURNING *) {_INTO_PARKED}"""
# Of a row `o` of the outbox, whether an earlier one of its topic and account waits.
BEHIND = f"""EXISTS (SELECT FROM parked p WHERE p.consumer = %s AND p.closed_at IS NULL AND p.topic = '{OUTBOX}' || o.topic
                        AND p.key = convert_to(o.key, 'UTF8') AND p.kafka_offset < o.id)"""


def any_waits(connection: psycopg.Connection[Any], consumer: str) -> bool:
    """Whether there is anything that could not be published."""
    row = connection.execute(_ANY, {"consumer": consumer}).fetchone()
    return bool(row and row[0])


def park(connection: psycopg.Connection[Any], consumer: str, row_id: int, error: str) -> None:
    """Take a row that the broker refused out of the outbox."""
    why = {"reason": "failed", "code": UNPUBLISHABLE, "detail": f"the broker refuses it: {error}"}
    connection.execute(_PARK, {"consumer": consumer, "id": row_id, **why})


def park_behind(connection: psycopg.Connection[Any], consumer: str, row_ids: Sequence[int]) -> None:
    """Let rows wait that stand behind such a one, if it still waits."""
    why = {"reason": "behind", "code": "event.behind", "detail": "an earlier event of its account was not published"}
    connection.execute(_PARK_BEHIND, {"consumer": consumer, "ids": list(row_ids), **why})


async def put_back(tx: Tx, row: Parked) -> None:
    """Let the relay try again, at an operator's wish; the order in the outbox is that of its numbers."""
    await tx.run(
        "INSERT INTO outbox (id, topic, key, headers, payload) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)",
        [
            row.kafka_offset,
            row.topic.removeprefix(OUTBOX),
            (row.key or b"").decode(),
            Jsonb(row.headers),
            row.payload or b"",
        ],
    )
    await tx.run(f"NOTIFY {CHANNEL}")

"""Remembers what forms cost people, by case; and adds it up."""

from datetime import datetime, timedelta
from typing import Any

from services.chassis.database import Tx
from services.portal.domain.effort import FIELDS_MOST, Spent

DAYS = 30  # of a period, and of the one before it
KEPT_DAYS = 400
AT_ONCE = 1000  # rows that one transaction forgets


async def add_effort(tx: Tx, tenant: str, process: str, case_id: str, spent: Spent) -> None:
    """A form of a case was sent; a field that is typed again is not counted again."""
    await tx.run(
        f"""INSERT INTO effort AS e (tenant, process, case_id, clicks, fields, uploads, first_at)
           VALUES (%s, %s, %s, %s, %s::text[], %s, %s)
           ON CONFLICT (tenant, process, case_id) DO UPDATE
             SET clicks = e.clicks + EXCLUDED.clicks, uploads = e.uploads + EXCLUDED.uploads,
                 fields = (SELECT array_agg(DISTINCT name) FILTER (WHERE name IS NOT NULL)
                             FROM (SELECT unnest(e.fields || EXCLUDED.fields) AS name LIMIT {FIELDS_MOST}) AS all_names)""",  # noqa: S608 - a number
        [tenant, process, case_id, spent.clicks, sorted(spent.fields), spent.uploads, tx.at],
    )


async def effort_of(tx: Tx, tenant: str) -> list[Any]:
    """By process, of the last thirty days and of the thirty before them: cases, and what one cost on average."""
    return await tx.rows(
        """SELECT process, first_at > %s AS is_new, count(*) AS cases, avg(clicks)::float AS clicks,
                  avg(cardinality(fields))::float AS fields, avg(uploads)::float AS uploads
             FROM effort WHERE tenant = %s AND first_at > %s GROUP BY 1, 2 ORDER BY 1, 2""",
        [tx.at - timedelta(days=DAYS), tenant, tx.at - timedelta(days=2 * DAYS)],
    )


async def forget_effort(tx: Tx, tenant: str, at: datetime) -> int:
    """Remove some of what was long ago; return how much."""
    return await tx.run(
        """DELETE FROM effort WHERE tenant = %s AND (process, case_id) IN (
             SELECT process, case_id FROM effort WHERE tenant = %s AND first_at < %s ORDER BY first_at LIMIT %s)""",
        [tenant, tenant, at - timedelta(days=KEPT_DAYS), AT_ONCE],
    )

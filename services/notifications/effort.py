"""Reads what threads tell of people's effort (domain/effort.py)."""

from datetime import timedelta

from services.chassis.database import Tx
from services.notifications.domain.effort import Effort, Written, of_threads

DAYS = 30  # of a period, and of the one before it
MESSAGES_MOST = 20_000  # that are looked at, the newest


async def of_periods(tx: Tx, tenant: str) -> tuple[dict[str, Effort], dict[str, Effort]]:
    """The effort of the last thirty days, and of the thirty before them, by kind of thing."""
    since = tx.at - timedelta(days=DAYS)
    rows = await tx.rows(
        """SELECT about, at, starts_with(author, 'contact:') AS by_buyer FROM thread_message
            WHERE tenant = %s AND at > %s ORDER BY at DESC LIMIT %s""",
        [tenant, since - timedelta(days=DAYS), MESSAGES_MOST],
    )
    written = [Written(row.about, row.at, row.by_buyer) for row in rows]
    now = [one for one in written if one.at > since]
    return of_threads(now, tx.at), of_threads([one for one in written if one.at <= since], since)

"""Remembers what people are to be mailed, until notifications has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.columns import columns
from services.chassis.database import Tx
from services.chassis.ids import new_id

GOOD_DAYS = 7  # after which nobody need hear of it any more


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be mailed."""

    contact_id: str
    # As notifications' contract has it, but for where it leads.
    request: bytes
    path: str
    # It has its place among what somebody is mailed in an hour.
    counted: bool = False


async def add_notice(tx: Tx, tenant: str, notice: Notice, purchase_id: str) -> str:
    """Something is to be said, of an order as long as that waits; return its id."""
    notice_id = new_id()
    await tx.run(
        """INSERT INTO notice (tenant, notice_id, contact_id, purchase_id, request, path, made_at)
           VALUES (%s, %s, %s, %s, %s, %s, now())""",
        [tenant, notice_id, notice.contact_id, purchase_id, notice.request, notice.path],
    )
    return notice_id


async def find_notice(tx: Tx, tenant: str, notice_id: str) -> Notice | None:
    """What is to be said; None if it was said, or is of no use any more."""
    found = await tx.fetch(
        Notice,
        """SELECT contact_id, request, path, counted FROM notice n
            WHERE tenant = %s AND notice_id = %s AND made_at > now() - make_interval(days => %s)
              AND (purchase_id = '' OR EXISTS (
                    SELECT FROM purchase p WHERE p.tenant = n.tenant AND p.purchase_id = n.purchase_id
                       AND p.state = 'AWAITING' AND p.expires_at > now()))""",
        [tenant, notice_id, GOOD_DAYS],
    )
    return found[0] if found else None


async def count_notice(tx: Tx, tenant: str, notice_id: str) -> None:
    """It has its place."""
    await tx.run("UPDATE notice SET counted = true WHERE tenant = %s AND notice_id = %s", [tenant, notice_id])


async def remove_notices(tx: Tx, keys: Sequence[tuple[str, str]]) -> None:
    """These were said, or need not be: tenants and ids."""
    await tx.run(
        "DELETE FROM notice WHERE (tenant, notice_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))", columns(keys)
    )

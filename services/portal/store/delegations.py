"""Remembers who stands in for whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from services.chassis.database import Tx

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Delegation:
    """Somebody stands in for somebody, from a day to a day."""

    delegation_id: str
    account_id: str
    from_contact: str
    to_contact: str
    roles: Sequence[str]
    from_day: date
    to_day: date
    made_by: str


_DELEGATION = "delegation_id, account_id, from_contact, to_contact, roles, from_day, to_day, made_by"


async def add_delegation(tx: Tx, tenant: str, delegation: Delegation) -> bool:
    """Somebody stands in; False if that was said already."""
    added = await tx.run(
        f"""INSERT INTO delegation (tenant, {_DELEGATION}, made_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())
            ON CONFLICT DO NOTHING""",  # noqa: S608 - constant text
        [
            tenant,
            delegation.delegation_id,
            delegation.account_id,
            delegation.from_contact,
            delegation.to_contact,
            list(delegation.roles),
            delegation.from_day,
            delegation.to_day,
            delegation.made_by,
        ],
    )
    return added == 1


async def delegations_of(tx: Tx, tenant: str, contact_id: str, today: date) -> list[Delegation]:
    """Who stands in for a contact, and for whom it does: now or later, the next first."""
    return await tx.fetch(
        Delegation,
        f"""SELECT {_DELEGATION} FROM delegation
             WHERE tenant = %s AND (from_contact = %s OR to_contact = %s) AND to_day >= %s AND ended_at IS NULL
             ORDER BY from_day, delegation_id LIMIT {SHOWN}""",  # noqa: S608 - constant text
        [tenant, contact_id, contact_id, today],
    )


async def standing_in(tx: Tx, tenant: str, to_contact: str, from_contact: str, today: date) -> list[Delegation]:
    """What lets one stand in for another today; none: it does not."""
    return await tx.fetch(
        Delegation,
        f"""SELECT {_DELEGATION} FROM delegation
             WHERE tenant = %s AND to_contact = %s AND from_contact = %s AND from_day <= %s AND to_day >= %s
               AND ended_at IS NULL""",  # noqa: S608 - constant text
        [tenant, to_contact, from_contact, today, today],
    )


async def stand_ins_of(tx: Tx, tenant: str, contacts: Collection[str], today: date) -> list[Delegation]:
    """Who stands in for these today."""
    return await tx.fetch(
        Delegation,
        f"""SELECT {_DELEGATION} FROM delegation
             WHERE tenant = %s AND from_contact = ANY (%s::text[]) AND from_day <= %s AND to_day >= %s
               AND ended_at IS NULL
             ORDER BY delegation_id LIMIT {SHOWN}""",  # noqa: S608 - constant text
        [tenant, list(contacts), today, today],
    )


async def end_delegation(tx: Tx, tenant: str, contact_id: str, delegation_id: str) -> Delegation | None:
    """One that somebody gave, or has, is over; return it, None if there is none."""
    ended = await tx.fetch(
        Delegation,
        f"""UPDATE delegation SET ended_at = now()
             WHERE tenant = %s AND delegation_id = %s AND ended_at IS NULL AND (from_contact = %s OR to_contact = %s)
         RETURNING {_DELEGATION}""",  # noqa: S608 - constant text
        [tenant, delegation_id, contact_id, contact_id],
    )
    return ended[0] if ended else None


async def end_delegations(tx: Tx, tenant: str, contact_id: str) -> list[Delegation]:
    """Nobody stands in for a contact, and it for nobody; return what is over by that."""
    return await tx.fetch(
        Delegation,
        f"""UPDATE delegation SET ended_at = now()
             WHERE tenant = %s AND ended_at IS NULL AND (from_contact = %s OR to_contact = %s)
         RETURNING {_DELEGATION}""",  # noqa: S608 - constant text
        [tenant, contact_id, contact_id],
    )


async def act_for(tx: Tx, tenant: str, session_id: str, session_hash: bytes, on_behalf_of: str) -> None:
    """A session goes on under another id, for somebody else, or for its reader again ("")."""
    await tx.run(
        """UPDATE session SET session_hash = %s, on_behalf_of = %s
            WHERE tenant = %s AND session_id = %s AND ended_at IS NULL""",
        [session_hash, on_behalf_of, tenant, session_id],
    )

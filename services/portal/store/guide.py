"""Remembers what of guidance somebody was shown, at what, and whether they want to see it no more."""

from dataclasses import dataclass

from services.chassis.database import Tx


@dataclass(frozen=True, slots=True)
class Guided:
    """What became of a moment of guidance, for one person."""

    # At what it is shown; "": at nothing, for it was not the first.
    about: str
    dismissed: bool


async def guided(tx: Tx, tenant: str, contact_id: str, moment: str) -> Guided | None:
    """What became of a moment; None: it has not come yet."""
    row = await tx.row(
        "SELECT about, dismissed_at FROM guide WHERE tenant = %s AND contact_id = %s AND moment = %s",
        [tenant, contact_id, moment],
    )
    return Guided(row.about, row.dismissed_at is not None) if row else None


async def begin_guide(tx: Tx, tenant: str, contact_id: str, moment: str, about: str) -> None:
    """It has come; what was kept of it before stands."""
    await tx.run(
        "INSERT INTO guide (tenant, contact_id, moment, about) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [tenant, contact_id, moment, about],
    )


async def end_guide(tx: Tx, tenant: str, contact_id: str, moment: str) -> None:
    """Somebody wants to see it no more."""
    await tx.run(
        """INSERT INTO guide (tenant, contact_id, moment, about, dismissed_at) VALUES (%s, %s, %s, '', %s)
           ON CONFLICT (tenant, contact_id, moment) DO UPDATE
             SET dismissed_at = coalesce(guide.dismissed_at, EXCLUDED.dismissed_at)""",
        [tenant, contact_id, moment, tx.at],
    )

"""Remembers who sees to what: where somebody leaves, who takes over does."""

from services.chassis.database import Tx


async def pass_on(tx: Tx, tenant: str, leaver: str, successor: str) -> None:
    """What is open of applications and orders that wait for a check, and was one's ("user:ada"), is another's."""
    await tx.run(
        """UPDATE application SET owner = %s
            WHERE tenant = %s AND owner = %s AND owner <> ''
              AND state IN ('SUBMITTED', 'REFERRED', 'IN_REVIEW', 'WAITING_FOR_FACTS', 'PROPOSED', 'APPEALED')""",
        [successor, tenant, leaver],
    )
    await tx.run(
        "UPDATE order_check SET owner = %s WHERE tenant = %s AND owner = %s AND owner <> '' AND closed_at IS NULL",
        [successor, tenant, leaver],
    )

"""What was answered, kept for repeats: emptied of what is to be forgotten."""

from collections.abc import Collection

from services.chassis.database import Tx


async def empty(tx: Tx, tenant: str, methods: Collection[str], quoting: Collection[bytes]) -> None:
    """Empty a tenant's answers to these methods that have one of these in them: who repeats hears that it was done, no more."""
    await tx.run(
        """UPDATE answer SET response = '' WHERE tenant = %s AND method = ANY (%s::text[])
              AND EXISTS (SELECT FROM unnest(%s::bytea[]) AS q (quoted) WHERE position(quoted IN response) > 0)""",
        [tenant, list(methods), list(quoting)],
    )

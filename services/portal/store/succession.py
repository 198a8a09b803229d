"""Hands over what the portal keeps of somebody who has left: rules of spending, and for whom they stand in."""

from services.chassis.database import Tx
from services.portal.store.delegations import Delegation


async def pass_on_rules(tx: Tx, tenant: str, account_id: str, leaver: str, successor: str) -> None:
    """What the leaver might spend the successor may, unless there is a rule of the successor's own; the leaver has none."""
    mine, theirs = f"contact:{successor}", f"contact:{leaver}"
    await tx.run(
        """UPDATE spend_rule SET who = %s
            WHERE tenant = %s AND account_id = %s AND who = %s
              AND currency NOT IN (SELECT currency FROM spend_rule WHERE tenant = %s AND account_id = %s AND who = %s)""",
        [mine, tenant, account_id, theirs, tenant, account_id, mine],
    )
    await tx.run(
        "DELETE FROM spend_rule WHERE tenant = %s AND account_id = %s AND who = %s", [tenant, account_id, theirs]
    )


async def pass_on_delegations(tx: Tx, tenant: str, leaver: str, successor: str) -> list[Delegation]:
    """For whom the leaver stands in the successor does; return how those are now that are of another than the successor."""
    return await tx.fetch(
        Delegation,
        """UPDATE delegation SET to_contact = %s
            WHERE tenant = %s AND to_contact = %s AND from_contact <> %s AND ended_at IS NULL
        RETURNING delegation_id, account_id, from_contact, to_contact, roles, from_day, to_day, made_by""",
        [successor, tenant, leaver, successor],
    )

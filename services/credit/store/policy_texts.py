"""What applications are decided by: policies as texts, and since when which one decides."""

from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.credit.domain.policy_texts import PolicyText

_SHOWN = """SELECT p.*, a.activated_by, a.activated_at, coalesce(a.nth = newest.nth, false) AS active
              FROM policy_text p
              LEFT JOIN LATERAL (SELECT * FROM policy_activation a WHERE a.tenant = p.tenant AND a.policy_id = p.policy_id
                                  ORDER BY nth DESC LIMIT 1) AS a ON true
              LEFT JOIN LATERAL (SELECT nth FROM policy_activation n WHERE n.tenant = p.tenant
                                  ORDER BY nth DESC LIMIT 1) AS newest ON true"""


async def add_policy_text(tx: Tx, tenant: str, policy_id: str, text: str, by: str) -> bool:
    """Keep a text; False if it is kept already."""
    return bool(
        await tx.run(
            """INSERT INTO policy_text (tenant, policy_id, text, proposed_by, proposed_at) VALUES (%s, %s, %s, %s, %s)
               ON CONFLICT DO NOTHING""",
            [tenant, policy_id, text, by, tx.at],
        )
    )


async def activate_policy_text(tx: Tx, tenant: str, one: PolicyText, by: str) -> None:
    """Decide by it from now on; `lock_policy` before."""
    await tx.run(
        """INSERT INTO policy_activation (tenant, nth, policy_id, proposed_by, activated_by, activated_at)
           SELECT %s, 1 + coalesce(max(nth), 0), %s, %s, %s, %s FROM policy_activation WHERE tenant = %s""",
        [tenant, one.policy_id, one.proposed_by, by, tx.at, tenant],
    )


async def find_policy_text(tx: Tx, tenant: str, policy_id: str) -> PolicyText | None:
    """One by its id."""
    row = await tx.row(f"{_SHOWN} WHERE p.tenant = %s AND p.policy_id = %s", [tenant, policy_id])
    return _policy_text(row) if row else None


async def active_policy_text(tx: Tx, tenant: str) -> PolicyText | None:
    """What applications are decided by; None where the tenant has set nothing."""
    row = await tx.row("SELECT policy_id FROM policy_activation WHERE tenant = %s ORDER BY nth DESC LIMIT 1", [tenant])
    return await find_policy_text(tx, tenant, row.policy_id) if row else None


async def list_policy_texts(tx: Tx, tenant: str, page: Page) -> list[PolicyText]:
    """Newest first."""
    rows = await tx.rows(
        f"""{_SHOWN} WHERE p.tenant = %s {"AND (p.proposed_at, p.policy_id) < (%s, %s)" if page.after else ""}
             ORDER BY p.proposed_at DESC, p.policy_id DESC LIMIT {page.most}""",
        [tenant, *(page.after or ())],
    )
    return [_policy_text(row) for row in rows]


def _policy_text(row: Any) -> PolicyText:
    return PolicyText(
        row.policy_id,
        row.text,
        row.proposed_by,
        row.proposed_at,
        row.activated_by or "",
        row.activated_at,
        row.active,
    )

"""What a seller decides by, version by version, and where its legal entities are."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.chassis.columns import Columns
from services.chassis.database import Question, Tx
from services.credit.domain.policy import Policy
from services.credit.domain.sellers import Seller

_SELLER = Columns("tenant text, seller_id text, version int, time_zone text, domain text")


def newest(tenants: Sequence[str]) -> Question:
    """The newest policy of each of these tenants that has set one."""
    return (
        """SELECT newest.* FROM unnest(%s::text[]) AS wanted (tenant)
            CROSS JOIN LATERAL (SELECT * FROM policy
                                 WHERE policy.tenant = wanted.tenant ORDER BY version DESC LIMIT 1) AS newest""",
        [tenants],
    )


def by_tenant(rows: Iterable[Any]) -> dict[str, Policy]:
    """The same as values."""
    return {row.tenant: _policy(row) for row in rows}


async def get_policy(tx: Tx, tenant: str) -> tuple[int, Policy]:
    """What the seller decides by, and which version that is; 0 where nothing was set."""
    sql, params = newest([tenant])
    row = await tx.row(sql, params)
    return (row.version, _policy(row)) if row else (0, Policy())


async def lock_policy(tx: Tx, tenant: str) -> None:
    """Have versions follow one another: a statement of its own, so that the next one sees who was here before."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"policy of {tenant}"])


async def add_policy(tx: Tx, tenant: str, version: int, policy: Policy, by: str) -> None:
    """Write a version."""
    await tx.run(
        """INSERT INTO policy (tenant, version, referral_share, hold_days, currency_buffer, rate_days, set_at, set_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant,
            version,
            policy.referral_share,
            policy.hold_days,
            policy.currency_buffer,
            policy.rate_days,
            tx.at,
            by,
        ],
    )


def _policy(row: Any) -> Policy:
    return Policy(row.referral_share, row.hold_days, row.currency_buffer, row.rate_days)


def sellers(tenants: Sequence[str]) -> Question:
    """The legal entities of these tenants, in the order in which they became known."""
    return "SELECT tenant, seller_id, time_zone FROM seller WHERE tenant = ANY (%s::text[]) ORDER BY nth", [tenants]


def sellers_by_tenant(rows: Iterable[Any]) -> dict[str, list[Seller]]:
    """The same as values."""
    found: dict[str, list[Seller]] = {}
    for row in rows:
        found.setdefault(row.tenant, []).append(Seller(row.seller_id, row.time_zone))
    return found


async def sellers_of(tx: Tx, tenant: str) -> list[Seller]:
    """A tenant's legal entities, in the order in which they became known."""
    sql, params = sellers([tenant])
    return sellers_by_tenant(await tx.rows(sql, params)).get(tenant, [])


async def keep_sellers(tx: Tx, told: Sequence[tuple[str, str, int, str, str]]) -> None:
    """Keep tenant, id, version, zone and domain of legal entities, one row each; what is older than what is known changes nothing."""
    await tx.run(
        f"""INSERT INTO seller ({_SELLER.names}) SELECT * FROM {_SELLER.rows} AS new
            ON CONFLICT (tenant, seller_id) DO UPDATE SET version = EXCLUDED.version, time_zone = EXCLUDED.time_zone,
                                                           domain = EXCLUDED.domain
             WHERE seller.version < EXCLUDED.version""",  # noqa: S608 - constant columns
        [_SELLER.pack(told)],
    )

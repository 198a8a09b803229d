"""What applications were compared with, whom a company is not, calls back, and what is known beside an application."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.chassis.database import Tx
from services.credit.domain.applications import Application
from services.credit.domain.book import Key
from services.credit.domain.looks import Cleared
from services.credit.domain.step_ups import CallBack

DECIDE = "decide_application"  # the kind of job
_DOMAINS = "key IN ('contact_email', 'website') AND superseded_at IS NULL AND value <> ''"
_GROUP_MOST = 1000  # accounts of a group


async def keep_look(tx: Tx, one: Application, look: bytes) -> None:
    """Remember what an application was compared with, in the place of what was before."""
    await tx.run(
        """INSERT INTO application_look (tenant, application_id, account_id, look, looked_at) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (tenant, application_id) DO UPDATE SET look = EXCLUDED.look, looked_at = EXCLUDED.looked_at""",
        [*one.key, one.account_id, look, tx.at],
    )


async def find_look(tx: Tx, key: Key) -> bytes | None:
    """What an application was compared with last."""
    row = await tx.row("SELECT look FROM application_look WHERE tenant = %s AND application_id = %s", [*key])
    return bytes(row.look) if row else None


async def add_call_back(tx: Tx, tenant: str, one: CallBack) -> None:
    """Record a call."""
    await tx.run(
        """INSERT INTO call_back (tenant, call_back_id, application_id, account_id, number, number_source, spoke_with,
                                  outcome, ship_to, recorded_by, recorded_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [
            tenant,
            one.call_back_id,
            one.application_id,
            one.account_id,
            one.number,
            one.number_source,
            one.spoke_with,
            one.outcome,
            one.ship_to,
            one.recorded_by,
            one.recorded_at,
        ],
    )


async def call_backs_of(tx: Tx, key: Key, most: int) -> list[CallBack]:
    """The calls about an application, the newest first."""
    return await tx.fetch(
        CallBack,
        f"""SELECT call_back_id, application_id, account_id, number, number_source, spoke_with, outcome, ship_to,
                   recorded_by, recorded_at
              FROM call_back WHERE tenant = %s AND application_id = %s
             ORDER BY recorded_at DESC, call_back_id LIMIT {most}""",  # noqa: S608 - a constant number
        [*key],
    )


async def cleared_of(tx: Tx, tenant: str, account_id: str) -> list[Cleared]:
    """Who of a company was found to be somebody else."""
    rows = await tx.rows(
        """SELECT list, entry_id, name, found_by, confirmed_by, cleared_at FROM match_cleared
            WHERE tenant = %s AND account_id = %s LIMIT 1000""",
        [tenant, account_id],
    )
    return [Cleared((row.list, row.entry_id, row.name), row.found_by, row.confirmed_by, row.cleared_at) for row in rows]


async def clear(tx: Tx, tenant: str, account_id: str, one: Cleared) -> None:
    """Write who said that somebody is somebody else; hold the company before."""
    await tx.run(
        """INSERT INTO match_cleared (tenant, account_id, list, entry_id, name, found_by, found_at, confirmed_by, cleared_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, account_id, list, entry_id, name)
             DO UPDATE SET confirmed_by = EXCLUDED.confirmed_by, cleared_at = EXCLUDED.cleared_at""",
        [tenant, account_id, *one.pair, one.found_by, tx.at, one.confirmed_by, one.cleared_at],
    )


async def group_of(tx: Tx, tenant: str, account_id: str) -> list[str]:
    """The accounts of a company's group, itself among them: of the highest node above it that is one company's or group's.

    What is sold under one line of credit is no group.
    """
    rows = await tx.rows(
        f"""SELECT account.account_id
              FROM (SELECT top.node_id FROM account AS own JOIN node AS top
                        ON top.tenant = own.tenant AND top.node_id = ANY (own.path) AND top.kind IN ('PARENT', 'GROUP')
                     WHERE own.tenant = %(tenant)s AND own.account_id = %(account)s
                     ORDER BY cardinality(top.path) LIMIT 1) AS top
              JOIN node AS part ON part.tenant = %(tenant)s AND part.path @> ARRAY[top.node_id]
              JOIN account ON account.tenant = %(tenant)s AND account.path <> '{{}}'
                          AND account.path[cardinality(account.path)] = part.node_id
             ORDER BY account.account_id LIMIT {_GROUP_MOST}""",  # noqa: S608 - a constant number
        {"tenant": tenant, "account": account_id},
    )
    return sorted({account_id, *(row.account_id for row in rows)})


async def addresses_of(tx: Tx, tenant: str, account_ids: Collection[str]) -> list[tuple[str, str]]:
    """Addresses of mail and websites that are known of companies, each with its key."""
    rows = await tx.rows(
        """SELECT key, value FROM fact
            WHERE tenant = %s AND account_id = ANY (%s::text[]) AND key IN ('contact_email', 'website')
              AND superseded_at IS NULL AND value <> '' LIMIT 5000""",
        [tenant, list(account_ids)],
    )
    return [(row.key, row.value) for row in rows]


async def addresses_since(tx: Tx, tenant: str, since: datetime | None, most: int) -> tuple[list[tuple[str, str]], Any]:
    """Addresses of mail and websites of all companies, and of the seller, that became known since an instant.

    With the newest instant among them; None: nothing is known.
    """
    rows = await tx.rows(
        f"""SELECT key, value, given_at FROM fact WHERE tenant = %s AND {_DOMAINS}
               {"AND given_at > %s" if since is not None else ""} ORDER BY given_at DESC LIMIT {most}""",  # noqa: S608 - constant text
        [tenant, *([since] if since is not None else [])],
    )
    sellers = await tx.rows("SELECT domain FROM seller WHERE tenant = %s AND domain <> ''", [tenant])
    newest = max((row.given_at for row in rows), default=since)
    return [(row.key, row.value) for row in rows] + [("website", row.domain) for row in sellers], newest


async def named_elsewhere(tx: Tx, tenant: str, marks: Sequence[bytes], own: Collection[str]) -> dict[str, list[bytes]]:
    """Who else named one of these as knowing them, and which."""
    rows = await tx.rows(
        """SELECT account_id, mark FROM identity_mark
            WHERE tenant = %s AND kind = 'reference' AND mark = ANY (%s::bytea[]) AND account_id <> ALL (%s::text[])
            ORDER BY account_id LIMIT 2000""",
        [tenant, list(marks), list(own)],
    )
    found: dict[str, list[bytes]] = {}
    for row in rows:
        found.setdefault(row.account_id, []).append(bytes(row.mark))
    return found

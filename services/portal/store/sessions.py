"""Remembers hosts, logins, links, sessions and how often something was tried: one function a question, visible SQL.

Times are the system's, never the business clock's: how long a session or a link is good is no business of a test's.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis.database import Tx
from services.chassis.ids import new_id

LINK_MINUTES, INVITATION_MINUTES = 10, 7 * 24 * 60
IDLE_MINUTES, SESSION_HOURS = 30, 12
SEEN_S = 60  # between two writes of when a session was seen last
SESSIONS_SHOWN = 50
AT_ONCE = 1000  # rows that one transaction forgets


@dataclass(frozen=True, slots=True)
class Host:
    """A host and whose portal it is."""

    host: str
    tenant: str
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in, in one browser."""

    session_id: str
    login_id: str
    contact_id: str
    assurance: int
    on_behalf_of: str
    agent: str
    created_at: datetime
    seen_at: datetime
    proven_at: datetime | None
    # A keyed hash of the address whose mail let it in, or empty.
    proved_address: bytes
    # What is left of its reader's roles; None: all.
    roles: list[str] | None
    # Whose provider of identities let it in, by its name; empty: none did.
    provider_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """A way in by mail, used just now."""

    link_id: str
    kind: str
    address: str
    contact_id: str
    goes_to: str


async def hosts(tx: Tx) -> list[Host]:
    """All hosts of the tenants that the transaction serves."""
    return await tx.fetch(Host, "SELECT host, tenant, name FROM host ORDER BY host")


async def add_host(tx: Tx, host: Host) -> bool:
    """A seller's host, or its new name; False if it is another seller's."""
    await tx.run("INSERT INTO tenant VALUES (%s) ON CONFLICT DO NOTHING", [host.tenant])
    added = await tx.run(
        """INSERT INTO host AS h (tenant, host, name) VALUES (%s, %s, %s)
           ON CONFLICT (tenant, host) DO UPDATE SET name = EXCLUDED.name""",
        [host.tenant, host.host, host.name],
    )
    return added == 1


async def ask_for_link(tx: Tx, tenant: str, address: str, browser_hash: bytes, goes_to: str) -> str:
    """Somebody has typed an address; return the link's id, for the job that finds out whether anybody has it."""
    link_id = new_id()
    await tx.run(
        """INSERT INTO one_time_link (tenant, link_id, kind, address, contact_id, invited_by, goes_to, browser_hash, link_hash,
                                      expires_at)
           VALUES (%s, %s, 'SIGN_IN', %s, '', '', %s, %s, '', now() + make_interval(mins => %s))""",
        [tenant, link_id, address, goes_to, browser_hash, LINK_MINUTES],
    )
    return link_id


async def invite(tx: Tx, tenant: str, link_id: str, contact_id: str, invited_by: str) -> bool:
    """Somebody is asked in; False if that link is there already."""
    added = await tx.run(
        """INSERT INTO one_time_link (tenant, link_id, kind, address, contact_id, invited_by, goes_to, browser_hash, link_hash,
                                      expires_at)
           VALUES (%s, %s, 'INVITATION', '', %s, %s, '/', '', '', now() + make_interval(mins => %s))
           ON CONFLICT DO NOTHING""",
        [tenant, link_id, contact_id, invited_by, INVITATION_MINUTES],
    )
    return added == 1


async def void_links(tx: Tx, tenant: str, contact_id: str) -> None:
    """No invitation of a contact is good any more."""
    await tx.run(
        "UPDATE one_time_link SET used_at = now() WHERE tenant = %s AND contact_id = %s AND used_at IS NULL",
        [tenant, contact_id],
    )


async def link_to_send(tx: Tx, tenant: str, link_id: str, link_hash: bytes) -> Any:
    """A link that is to go now, under this hash from here on; None once it is used or over."""
    return await tx.row(
        """UPDATE one_time_link SET link_hash = %s
            WHERE tenant = %s AND link_id = %s AND used_at IS NULL AND expires_at > now()
        RETURNING kind, address, contact_id, invited_by""",
        [link_hash, tenant, link_id],
    )


async def use_link(tx: Tx, tenant: str, link_hash: bytes, browser_hash: bytes) -> Link | None:
    """Use a link, once, in its time and in the browser that asked for it; None where that is not so."""
    row = await tx.row(
        """UPDATE one_time_link SET used_at = now()
            WHERE tenant = %s AND link_hash = %s AND used_at IS NULL AND expires_at > now()
              AND browser_hash IN ('', %s)
        RETURNING link_id, kind, address, contact_id, goes_to""",
        [tenant, link_hash, browser_hash],
    )
    if row is None:
        return None
    await tx.run("UPDATE one_time_link SET address = '' WHERE tenant = %s AND link_id = %s", [tenant, row.link_id])
    return Link(row.link_id, row.kind, row.address, row.contact_id, row.goes_to)


async def contact_of(tx: Tx, tenant: str, login_id: str) -> str:
    """Whose login it is; "" if there is none."""
    row = await tx.row("SELECT contact_id FROM login WHERE tenant = %s AND login_id = %s", [tenant, login_id])
    return str(row.contact_id) if row else ""


async def login_of(tx: Tx, tenant: str, contact_id: str) -> str:
    """The id of a contact's login, which is made at the first time."""
    await tx.run(
        "INSERT INTO login (tenant, login_id, contact_id, created_at) VALUES (%s, %s, %s, now()) ON CONFLICT DO NOTHING",
        [tenant, new_id(), contact_id],
    )
    row = await tx.row("SELECT login_id FROM login WHERE tenant = %s AND contact_id = %s", [tenant, contact_id])
    return str(row.login_id)


async def begin_session(
    tx: Tx,
    tenant: str,
    session_hash: bytes,
    contact_id: str,
    *,
    assurance: int,
    agent: str,
    proved_address: bytes = b"",
    roles: list[str] | None = None,
    provider_id: str = "",
    provider_sid: str = "",
    proven_at: datetime | None = None,
) -> None:
    """Somebody is in; with a second factor shown just now, unless it is said when."""
    await tx.run(
        """INSERT INTO session (tenant, session_hash, session_id, login_id, contact_id, assurance, on_behalf_of, agent,
                                created_at, seen_at, proven_at, ends_at, proved_address, roles, provider_id, provider_sid)
           VALUES (%s, %s, %s, %s, %s, %s, '', %s, now(), now(), CASE WHEN %s = 2 THEN coalesce(%s, now()) END,
                   now() + make_interval(hours => %s), %s, %s, %s, %s)""",
        [
            tenant,
            session_hash,
            new_id(),
            await login_of(tx, tenant, contact_id),
            contact_id,
            assurance,
            agent[:200],
            assurance,
            proven_at,
            SESSION_HOURS,
            proved_address,
            roles,
            provider_id,
            provider_sid,
        ],
    )


_SESSION = (
    "session_id, login_id, contact_id, assurance, on_behalf_of, agent, created_at, seen_at, proven_at, proved_address,"
    " roles, provider_id"
)
_STANDS = f"ended_at IS NULL AND ends_at > now() AND seen_at > now() - interval '{IDLE_MINUTES} minutes'"


async def find_session(tx: Tx, tenant: str, session_hash: bytes) -> Session | None:
    """Who is in with that cookie; None once the session is over, ended, or was idle for too long."""
    found = await tx.fetch(
        Session,
        f"SELECT {_SESSION} FROM session WHERE tenant = %s AND session_hash = %s AND {_STANDS}",  # noqa: S608 - constant
        [tenant, session_hash],
    )
    if not found:
        return None
    await tx.run(
        """UPDATE session SET seen_at = now()
            WHERE tenant = %s AND session_hash = %s AND seen_at < now() - make_interval(secs => %s)""",
        [tenant, session_hash, SEEN_S],
    )
    return found[0]


async def sessions_of(tx: Tx, tenant: str, login_id: str) -> list[Session]:
    """Where somebody is in just now, the newest first."""
    return await tx.fetch(
        Session,
        f"""SELECT {_SESSION} FROM session WHERE tenant = %s AND login_id = %s AND {_STANDS}
             ORDER BY created_at DESC LIMIT {SESSIONS_SHOWN}""",  # noqa: S608 - constant text
        [tenant, login_id],
    )


async def end_session(tx: Tx, tenant: str, login_id: str, session_id: str) -> bool:
    """End one of somebody's sessions."""
    ended = await tx.run(
        """UPDATE session SET ended_at = now()
            WHERE tenant = %s AND login_id = %s AND session_id = %s AND ended_at IS NULL""",
        [tenant, login_id, session_id],
    )
    return ended == 1


async def end_sessions(tx: Tx, tenant: str, contact_id: str) -> int:
    """End all of a contact's sessions."""
    return await tx.run(
        "UPDATE session SET ended_at = now() WHERE tenant = %s AND contact_id = %s AND ended_at IS NULL",
        [tenant, contact_id],
    )


async def end_sessions_of_provider(
    tx: Tx, tenant: str, provider_id: str, *, contact_id: str = "", provider_sid: str = ""
) -> int:
    """End the sessions that a provider began: all, or a contact's, or what it knows by that id."""
    return await tx.run(
        """UPDATE session SET ended_at = now()
            WHERE tenant = %(tenant)s AND provider_id = %(provider)s AND provider_id <> '' AND ended_at IS NULL
              AND %(contact)s IN ('', contact_id) AND %(sid)s IN ('', provider_sid)""",
        {"tenant": tenant, "provider": provider_id, "contact": contact_id, "sid": provider_sid},
    )


async def take_over(tx: Tx, tenant: str, session_hash: bytes, before: Session) -> None:
    """A session goes on as another: it is as old as the one before, which ends."""
    await tx.run(
        """UPDATE session AS s SET created_at = b.created_at, ends_at = b.ends_at FROM session AS b
            WHERE s.tenant = %s AND s.session_hash = %s AND b.tenant = s.tenant AND b.session_id = %s""",
        [tenant, session_hash, before.session_id],
    )
    await end_session(tx, tenant, before.login_id, before.session_id)


async def end_others(tx: Tx, tenant: str, login_id: str, session_id: str) -> int:
    """End all of somebody's sessions but one."""
    return await tx.run(
        """UPDATE session SET ended_at = now()
            WHERE tenant = %s AND login_id = %s AND session_id <> %s AND ended_at IS NULL""",
        [tenant, login_id, session_id],
    )


async def renew_session(tx: Tx, tenant: str, session_id: str, session_hash: bytes, *, assurance: int) -> None:
    """Give a session another id, as its reader has shown a factor."""
    await tx.run(
        """UPDATE session SET session_hash = %s, assurance = greatest(assurance, %s),
                              proven_at = CASE WHEN %s = 2 THEN now() ELSE proven_at END
            WHERE tenant = %s AND session_id = %s AND ended_at IS NULL""",
        [session_hash, assurance, assurance, tenant, session_id],
    )


async def vouched_again(
    tx: Tx,
    tenant: str,
    session_id: str,
    session_hash: bytes,
    *,
    roles: list[str] | None,
    provider_sid: str,
    proven_at: datetime,
) -> bool:
    """Give a session another id, as its provider says anew who its reader is; False if it has ended."""
    renewed = await tx.run(
        """UPDATE session SET session_hash = %s, roles = %s, provider_sid = %s, assurance = 2, proven_at = %s
            WHERE tenant = %s AND session_id = %s AND ended_at IS NULL AND ends_at > now()""",
        [session_hash, roles, provider_sid, proven_at, tenant, session_id],
    )
    return renewed == 1


async def pour(tx: Tx, tenant: str, bucket: bytes, *, size: float, leaks_per_s: float) -> bool:
    """Count a try in a leaky bucket; False if it is full, and then nothing is counted."""
    row = await tx.row(
        """INSERT INTO rate AS r (tenant, bucket, level, at) VALUES (%(tenant)s, %(bucket)s, 1, now())
           ON CONFLICT (tenant, bucket) DO UPDATE
             SET level = greatest(0, r.level - extract(epoch FROM now() - r.at) * %(leaks)s) + 1, at = now()
           WHERE greatest(0, r.level - extract(epoch FROM now() - r.at) * %(leaks)s) + 1 <= %(size)s
           RETURNING true AS fits""",
        {"tenant": tenant, "bucket": bucket, "size": size, "leaks": leaks_per_s},
    )
    return row is not None


async def take_back(tx: Tx, tenant: str, bucket: bytes) -> None:
    """A try that was counted was none after all."""
    await tx.run("UPDATE rate SET level = greatest(0, level - 1) WHERE tenant = %s AND bucket = %s", [tenant, bucket])


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """Forget links, sessions, counts, notices and applicants whose time is over."""
    forgotten = 0
    for table, over in (
        ("one_time_link", "expires_at < now() - interval '1 day'"),
        ("session", "ends_at < now() - interval '30 days'"),
        ("rate", "at < now() - interval '1 day'"),
        ("answered", "at < now() - interval '1 day'"),
        ("notice", "made_at < now() - interval '30 days'"),
        ("applicant", "expires_at < now()"),
    ):
        forgotten += await tx.run(
            f"""DELETE FROM {table} WHERE ctid = ANY (ARRAY (
                  SELECT ctid FROM {table} WHERE tenant = %s AND {over} LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))""",  # noqa: S608 - our own words
            [tenant],
        )
    return forgotten

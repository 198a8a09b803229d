"""Remembers second factors: keys of authenticators, secrets of apps, and which challenges were answered."""

from dataclasses import dataclass
from datetime import datetime

from services.chassis.database import Tx
from services.chassis.ids import new_id

PASSKEYS_MAX = 20  # of a login


@dataclass(frozen=True, slots=True)
class Passkey:
    """A key that an authenticator holds."""

    passkey_id: str
    login_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Totp:
    """An app that shows codes."""

    secret: bytes
    last_step: int
    created_at: datetime


_PASSKEY = "passkey_id, login_id, credential_id, public_key, sign_count, name, created_at, used_at"


async def passkeys_of(tx: Tx, tenant: str, login_id: str) -> list[Passkey]:
    """Somebody's, oldest first."""
    return await tx.fetch(
        Passkey,
        f"""SELECT {_PASSKEY} FROM passkey WHERE tenant = %s AND login_id = %s
             ORDER BY created_at, passkey_id LIMIT {PASSKEYS_MAX}""",  # noqa: S608 - constant text
        [tenant, login_id],
    )


async def find_passkey(tx: Tx, tenant: str, credential_id: bytes) -> Passkey | None:
    """The one that an authenticator names; None if nobody has it."""
    found = await tx.fetch(
        Passkey,
        f"SELECT {_PASSKEY} FROM passkey WHERE tenant = %s AND credential_id = %s",  # noqa: S608 - constant text
        [tenant, credential_id],
    )
    return found[0] if found else None


async def add_passkey(
    tx: Tx, tenant: str, login_id: str, credential_id: bytes, public_key: bytes, *, sign_count: int, name: str
) -> bool:
    """A new key; False where there are too many, or it is known already."""
    added = await tx.run(
        """INSERT INTO passkey (tenant, passkey_id, login_id, credential_id, public_key, sign_count, name, created_at)
           SELECT %(tenant)s, %(id)s, %(login)s, %(credential)s, %(key)s, %(count)s, %(name)s, now()
            WHERE (SELECT count(*) FROM passkey WHERE tenant = %(tenant)s AND login_id = %(login)s) < %(most)s
           ON CONFLICT DO NOTHING""",
        {
            "tenant": tenant,
            "id": new_id(),
            "login": login_id,
            "credential": credential_id,
            "key": public_key,
            "count": sign_count,
            "name": name,
            "most": PASSKEYS_MAX,
        },
    )
    return added == 1


async def used_passkey(tx: Tx, tenant: str, passkey_id: str, sign_count: int) -> bool:
    """A key was shown; False if its authenticator does not count on: somebody has a copy."""
    used = await tx.run(
        """UPDATE passkey SET sign_count = %(count)s, used_at = now()
            WHERE tenant = %(tenant)s AND passkey_id = %(id)s AND (sign_count < %(count)s OR (sign_count = 0 AND %(count)s = 0))""",
        {"tenant": tenant, "id": passkey_id, "count": sign_count},
    )
    return used == 1


async def remove_passkey(tx: Tx, tenant: str, login_id: str, passkey_id: str) -> bool:
    """One of somebody's is no factor any more."""
    removed = await tx.run(
        "DELETE FROM passkey WHERE tenant = %s AND login_id = %s AND passkey_id = %s", [tenant, login_id, passkey_id]
    )
    return removed == 1


async def totp_of(tx: Tx, tenant: str, login_id: str) -> Totp | None:
    """Somebody's app; None without one."""
    found = await tx.fetch(
        Totp, "SELECT secret, last_step, created_at FROM totp WHERE tenant = %s AND login_id = %s", [tenant, login_id]
    )
    return found[0] if found else None


async def add_totp(tx: Tx, tenant: str, login_id: str, secret: bytes, step: int) -> bool:
    """An app that has shown its first code; False if there is one."""
    added = await tx.run(
        """INSERT INTO totp (tenant, login_id, secret, last_step, created_at) VALUES (%s, %s, %s, %s, now())
           ON CONFLICT DO NOTHING""",
        [tenant, login_id, secret, step],
    )
    return added == 1


async def used_totp(tx: Tx, tenant: str, login_id: str, step: int) -> bool:
    """A code was taken; False if that one, or a later one, was before."""
    used = await tx.run(
        "UPDATE totp SET last_step = %s WHERE tenant = %s AND login_id = %s AND last_step < %s",
        [step, tenant, login_id, step],
    )
    return used == 1


async def remove_totp(tx: Tx, tenant: str, login_id: str) -> bool:
    """The app is no factor any more."""
    return await tx.run("DELETE FROM totp WHERE tenant = %s AND login_id = %s", [tenant, login_id]) == 1


async def remove_factors(tx: Tx, tenant: str, contact_id: str) -> None:
    """All of a contact's factors are gone: it enrols anew at its next mail link."""
    for table in ("passkey", "totp"):
        await tx.run(
            f"""DELETE FROM {table} WHERE tenant = %s AND login_id IN (
                  SELECT login_id FROM login WHERE tenant = %s AND contact_id = %s)""",  # noqa: S608 - our own words
            [tenant, tenant, contact_id],
        )


async def answer_once(tx: Tx, tenant: str, challenge_hash: bytes) -> bool:
    """A challenge is answered; False if it was before."""
    added = await tx.run(
        "INSERT INTO answered (tenant, challenge_hash, at) VALUES (%s, %s, now()) ON CONFLICT DO NOTHING",
        [tenant, challenge_hash],
    )
    return added == 1

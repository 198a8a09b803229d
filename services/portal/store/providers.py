"""Remembers who else lets people in, and who their people are here."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.chassis.database import Tx

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider, and whose people it lets in."""

    tenant: str
    provider_id: str
    name: str
    issuer: str
    client_id: str
    # As it is kept: encrypted.
    secret: bytes
    # Empty: the seller's people.
    account_id: str
    # Roles by group; empty: all that one has here.
    groups: Mapping[str, Sequence[str]]
    assurance: int


_PROVIDER = "tenant, provider_id, name, issuer, client_id, secret, account_id, groups, assurance"


async def providers_of(tx: Tx, tenant: str) -> list[Provider]:
    """All of a seller's portal, by name."""
    return await tx.fetch(
        Provider,
        f"SELECT {_PROVIDER} FROM provider WHERE tenant = %s ORDER BY name, provider_id LIMIT {SHOWN}",  # noqa: S608 - constant
        [tenant],
    )


async def find_provider(tx: Tx, tenant: str, provider_id: str) -> Provider | None:
    """One of them."""
    found = await tx.fetch(
        Provider,
        f"SELECT {_PROVIDER} FROM provider WHERE tenant = %s AND provider_id = %s",  # noqa: S608 - constant text
        [tenant, provider_id],
    )
    return found[0] if found else None


async def save_provider(tx: Tx, provider: Provider) -> None:
    """A provider, new or changed."""
    await tx.run("INSERT INTO tenant VALUES (%s) ON CONFLICT DO NOTHING", [provider.tenant])
    await tx.run(
        f"""INSERT INTO provider ({_PROVIDER}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (tenant, provider_id) DO UPDATE
               SET name = EXCLUDED.name, issuer = EXCLUDED.issuer, client_id = EXCLUDED.client_id,
                   secret = EXCLUDED.secret, account_id = EXCLUDED.account_id, groups = EXCLUDED.groups,
                   assurance = EXCLUDED.assurance""",  # noqa: S608 - constant text
        [
            provider.tenant,
            provider.provider_id,
            provider.name,
            provider.issuer,
            provider.client_id,
            provider.secret,
            provider.account_id,
            json.dumps({group: list(roles) for group, roles in provider.groups.items()}),
            provider.assurance,
        ],
    )


async def remove_provider(tx: Tx, tenant: str, provider_id: str) -> bool:
    """It lets nobody in any more; False if there is none by that id."""
    return await tx.run("DELETE FROM provider WHERE tenant = %s AND provider_id = %s", [tenant, provider_id]) == 1


async def known_by(tx: Tx, tenant: str, issuer: str, subject: str) -> str:
    """The contact whom a provider knows by that subject; "" if nobody was found yet."""
    row = await tx.row(
        "SELECT contact_id FROM known_by WHERE tenant = %s AND issuer = %s AND subject = %s", [tenant, issuer, subject]
    )
    return str(row.contact_id) if row else ""


async def know(tx: Tx, tenant: str, issuer: str, subject: str, contact_id: str) -> bool:
    """A provider's subject is that contact, from now on; False if it was before."""
    known = await tx.run(
        """INSERT INTO known_by AS k (tenant, issuer, subject, contact_id, since) VALUES (%s, %s, %s, %s, now())
           ON CONFLICT (tenant, issuer, subject) DO UPDATE SET contact_id = EXCLUDED.contact_id, since = now()
             WHERE k.contact_id <> EXCLUDED.contact_id""",
        [tenant, issuer, subject, contact_id],
    )
    return known == 1

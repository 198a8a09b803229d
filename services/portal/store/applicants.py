"""Remembers who applies by a link, and which colleagues were asked for single facts: one function a question.

Times are the system's, as those of sessions are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.database import Tx
from services.chassis.ids import new_id

APPLICANT_DAYS = 30
EMAIL_VERIFIED = "email_verified"  # what whoever reads an address is asked for: nothing but that they do


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody whom a link lets in to an application, or to single facts of one."""

    applicant_id: str
    application_id: str
    # Empty: they are a contact by now.
    address: str
    # Of the company that applies; of a colleague empty.
    country: str
    language: str
    # What a colleague was asked for; empty: the whole application is theirs.
    keys: Sequence[str]
    invited_by: str

    @property
    def is_reader(self) -> bool:
        """Whether they are asked whether they read mail at their address, and nothing else."""
        return list(self.keys) == [EMAIL_VERIFIED]

    @property
    def subject(self) -> str:
        """As other services know who gives an answer."""
        return f"contact:{self.applicant_id}"


_APPLICANT = "applicant_id, application_id, address, country, language, keys, invited_by"


async def apply(tx: Tx, tenant: str, address: str, country: str, language: str) -> str:
    """Somebody wants to apply, or to go on with what they began; return their id."""
    row = await tx.row(
        """INSERT INTO applicant (tenant, applicant_id, application_id, address, country, language, keys, invited_by,
                                  link_hash, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, '{}', '', '', now() + make_interval(days => %s))
           ON CONFLICT (tenant, address, country) WHERE country <> '' AND address <> ''
             DO UPDATE SET language = EXCLUDED.language, expires_at = EXCLUDED.expires_at
           RETURNING applicant_id""",
        [tenant, new_id(), new_id(), address, country, language, APPLICANT_DAYS],
    )
    return str(row.applicant_id)


async def ask_colleague(tx: Tx, tenant: str, asked: Applicant) -> bool:
    """Somebody is asked for single facts; False if they were by this id."""
    added = await tx.run(
        """INSERT INTO applicant (tenant, applicant_id, application_id, address, country, language, keys, invited_by,
                                  link_hash, expires_at)
           VALUES (%s, %s, %s, %s, '', %s, %s, %s, '', now() + make_interval(days => %s))
           ON CONFLICT DO NOTHING""",
        [
            tenant,
            asked.applicant_id,
            asked.application_id,
            asked.address,
            asked.language,
            list(asked.keys),
            asked.invited_by,
            APPLICANT_DAYS,
        ],
    )
    return added == 1


async def count_colleagues(tx: Tx, tenant: str, application_id: str) -> int:
    """How many were asked for facts of an application."""
    row = await tx.row(
        "SELECT count(*) AS asked FROM applicant WHERE tenant = %s AND application_id = %s AND country = ''",
        [tenant, application_id],
    )
    return int(row.asked)


async def link_applicant(tx: Tx, tenant: str, applicant_id: str, link_hash: bytes) -> Applicant | None:
    """Whose link is to go now, under this hash from here on; None once they are a contact, or their time is over."""
    found = await tx.fetch(
        Applicant,
        f"""UPDATE applicant SET link_hash = %s, expires_at = now() + make_interval(days => %s)
             WHERE tenant = %s AND applicant_id = %s AND address <> '' AND expires_at > now()
         RETURNING {_APPLICANT}""",  # noqa: S608 - a constant
        [link_hash, APPLICANT_DAYS, tenant, applicant_id],
    )
    return found[0] if found else None


async def applicant_by_link(tx: Tx, tenant: str, link_hash: bytes) -> Applicant | None:
    """Whom a link lets in; None where it is unknown, over, or another took its place."""
    found = await tx.fetch(
        Applicant,
        f"SELECT {_APPLICANT} FROM applicant WHERE tenant = %s AND link_hash = %s AND expires_at > now()",  # noqa: S608 - a constant
        [tenant, link_hash],
    )
    return found[0] if found else None


async def find_applicant(tx: Tx, tenant: str, applicant_id: str) -> Applicant | None:
    """One of them, by id."""
    found = await tx.fetch(
        Applicant,
        f"SELECT {_APPLICANT} FROM applicant WHERE tenant = %s AND applicant_id = %s",  # noqa: S608 - a constant
        [tenant, applicant_id],
    )
    return found[0] if found else None


async def apply_anew(tx: Tx, tenant: str, applicant: Applicant) -> None:
    """What they applied for has ended: the next application is another one."""
    await tx.run(
        "UPDATE applicant SET application_id = %s WHERE tenant = %s AND applicant_id = %s AND application_id = %s",
        [new_id(), tenant, applicant.applicant_id, applicant.application_id],
    )


async def become_contact(tx: Tx, tenant: str, applicant_id: str) -> None:
    """The company has its account, and they are its first person: notifications knows their address."""
    await tx.run(
        "UPDATE applicant SET address = '' WHERE tenant = %s AND applicant_id = %s",
        [tenant, applicant_id],
    )

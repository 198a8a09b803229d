"""Mails of the links by which the portal lets people in: at once, one by one, and kept no longer than until they went.

A link's words are no message of a story (RULES: the message): nothing happened, and nobody else hears of it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from receivables.notifications.v1 import service_pb2

from services.chassis import jobs
from services.chassis.columns import columns
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid, NotFound, quoted
from services.notifications import store
from services.notifications.at_once import Mails
from services.notifications.domain.contacts import Contact
from services.notifications.letters import link as letter
from services.notifications.store import Key

LINK = "link"  # the kind of job
AGAIN_S = 20.0
KINDS = {
    service_pb2.LINK_KIND_SIGN_IN: "SIGN_IN",
    service_pb2.LINK_KIND_INVITATION: "INVITATION",
    service_pb2.LINK_KIND_APPLICATION: "APPLICATION",
    service_pb2.LINK_KIND_FACTS: "FACTS",
    service_pb2.LINK_KIND_ADDRESS: "ADDRESS",
}
# To an address: whoever has it is no contact yet.
TO_ADDRESSES = frozenset({"APPLICATION", "FACTS", "ADDRESS"})
MINUTES_MAX = 60 * 24 * 30
# In plain text to this machine alone.
URL = re.compile(r"https://|http://([a-z0-9-]+\.)?localhost(:\d+)?/")


@dataclass(frozen=True, slots=True)
class Link:
    """A way in, good for some minutes from when it was asked for: for a contact, or for who has an address."""

    tenant: str
    link_id: str
    contact_id: str
    kind: str
    url: str
    minutes: int
    invited_by: str
    # Of who is no contact, and the language in which they are written to; else empty.
    address: str
    language: str


async def send_later(tx: Tx, call: Origin, request: service_pb2.SendLinkRequest) -> None:
    """Have a link mailed to a contact, or to an address."""
    if request.kind not in KINDS:
        raise Invalid("link.kind", "say what kind of link it is")
    if not 1 <= request.minutes <= MINUTES_MAX or not URL.match(request.url):
        raise Invalid("link.malformed", f"a link begins with https:// and is good for 1 to {MINUTES_MAX} minutes")
    if KINDS[request.kind] in TO_ADDRESSES:
        _reader(call.tenant, request.address, request.language).check()
    elif (await store.find_contact(tx, (call.tenant, request.contact_id)))[0] is None:
        raise NotFound("contact.unknown", f"no contact {quoted(request.contact_id)}")
    link_id = new_id()
    await tx.run(
        """INSERT INTO link (tenant, link_id, contact_id, kind, url, minutes, invited_by, address, language, asked_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())""",
        [
            call.tenant,
            link_id,
            request.contact_id,
            KINDS[request.kind],
            request.url,
            request.minutes,
            request.invited_by,
            request.address,
            request.language,
        ],
    )
    await jobs.add(tx, [Job(LINK, f"link/{link_id}", call)])


@dataclass(frozen=True, slots=True)
class LinkLetter:
    """A link, to whom, and in whose name; who invites is named by their name."""

    link: Link
    person: Contact
    seller: str
    inviter: str


async def _letters(tx: Tx, keys: Collection[Key]) -> dict[Key, LinkLetter]:
    """Links that are still good, of people who are still there; of the others nothing goes."""
    rows = await tx.rows(
        """SELECT tenant, link_id, contact_id, kind, url, minutes, invited_by, address, language FROM link
            WHERE (tenant, link_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
              AND asked_at > now() - make_interval(mins => minutes)""",
        columns(keys),
    )
    firms = await store.firms(tx, {row.tenant for row in rows})
    found: dict[Key, LinkLetter] = {}
    for row in rows:
        person, _ = await store.find_contact(tx, (row.tenant, row.contact_id))
        if row.kind in TO_ADDRESSES:
            person = _reader(row.tenant, row.address, row.language)
        inviter, _ = await store.find_contact(tx, (row.tenant, row.invited_by.partition(":")[2]))
        if person is not None:
            name = inviter.name if inviter else row.invited_by if "@" in row.invited_by else ""
            found[(row.tenant, row.link_id)] = LinkLetter(Link(*row), person, firms[row.tenant].seller().name, name)
    return found


def _reader(tenant: str, address: str, language: str) -> Contact:
    """Whoever has an address: nobody knows more of them."""
    return Contact(tenant, "nobody", "", address, address, (), Scope(), language, wants_document=False)


MAILS = Mails(LINK, _letters, lambda one, sender, domain: letter.write(one, sender=sender, domain=domain), AGAIN_S)


async def by_address(tx: Tx, tenant: str, email: str) -> list[Contact]:
    """Who has an address, in any case of letters; at most a hundred."""
    return await store.contacts_at(tx, tenant, email.strip().lower())

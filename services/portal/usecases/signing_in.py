"""How people come in, and what they are while they are in."""

from dataclasses import dataclass, replace
from typing import Any

from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis import jobs
from services.chassis.database import Database, Tx, is_tenant
from services.chassis.jobs import Job
from services.chassis.workers import Batch, Work
from services.kernel.refusals import Invalid, NotFound
from services.portal import store
from services.portal.asks import Unknown, Write
from services.portal.domain.people import Person, Scope
from services.portal.store import Host, Link, Session
from services.portal.usecases.door import Door, hash_of, new_secret, noted, origin_of, own_word

LINK = "link"  # the kind of job that mails one
ADDRESS_MAX = 254
# Tries at signing in: an address, a network, all of a seller's portal; so many at once, and one more each so many seconds.
BY_ADDRESS, BY_NETWORK, BY_ALL = (5, 1 / 120), (30, 1 / 10), (600, 5.0)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a link: the cookie of the browser, the network, and where its reader wants to go."""

    browser: str
    network: str
    goes_to: str


async def ask_for_link(door: Door, host: Host, address: str, asker: Asker) -> None:
    """Mail a link to whoever has this address, if anybody has; the answer takes as long, and says the same, if nobody has.

    Raises Invalid for what is no address, and where too much was tried: nobody is locked out, all are slowed down.
    """
    address = address.strip().casefold()
    if not 3 <= len(address) <= ADDRESS_MAX or "@" not in address or any(c.isspace() for c in address):
        raise Invalid("sign_in.no_address", "that is no address of mail")
    async with door.database.transaction([host.tenant]) as tx:
        for bucket, (size, leaks) in (
            (door.keyed("address", address), BY_ADDRESS),
            (door.keyed("network", asker.network), BY_NETWORK),
            (door.keyed("all"), BY_ALL),
        ):
            if not await store.pour(tx, host.tenant, bucket, size=size, leaks_per_s=leaks):
                raise Invalid("sign_in.too_often", "that was tried often just now: wait two minutes")
        link_id = await store.ask_for_link(tx, host.tenant, address, hash_of(asker.browser), asker.goes_to)
        await jobs.add(tx, [Job(LINK, f"link/{link_id}", own_word(host.tenant))])


async def invite(tx: Tx, person: Person, contact_id: str) -> None:
    """Mail somebody an invitation, in the name of who invites."""
    link_id = await store.invite(tx, person.tenant, contact_id, person.subject)
    await jobs.add(tx, [Job(LINK, f"link/{link_id}", own_word(person.tenant))])
    await noted(tx, person, "portal/Invite", about=contact_id)


def works(door: Door) -> tuple[Work, ...]:
    """What the portal does that nobody waits for."""

    async def send(batch: Batch) -> None:
        for job in batch.jobs:
            await _send(door, job)
        async with batch.finishing():
            pass

    return (Work(LINK, send, most=20),)


async def _send(door: Door, job: Job) -> None:
    """Mail a link; one whose address nobody has goes nowhere. Sent again after a crash it is another, and the first is void."""
    token = new_secret()
    async with door.database.transaction([job.tenant]) as tx:
        link = await store.link_to_send(tx, job.tenant, job.subject.removeprefix("link/"), hash_of(token))
        hosts = await store.hosts(tx)
    if link is None or not hosts:
        return
    own = door.asks.own(job.tenant)
    contact_id = link.contact_id
    if link.kind == "SIGN_IN":
        found = await own.notifications("FindContacts", notifications_pb2.FindContactsRequest(email=link.address))
        if not found.contacts:
            return
        contact_id = found.contacts[0].contact_id
    invited = link.kind == "INVITATION"
    request = notifications_pb2.SendLinkRequest(
        contact_id=contact_id,
        kind=notifications_pb2.LINK_KIND_INVITATION if invited else notifications_pb2.LINK_KIND_SIGN_IN,
        url=f"{origin_of(hosts[0].host)}/in/{token}",
        minutes=store.INVITATION_MINUTES if invited else store.LINK_MINUTES,
        invited_by=link.invited_by,
    )
    await own.notifications("SendLink", request, Write(f"{job.subject} {hash_of(token).hex()[:16]}"))


async def come_in(door: Door, host: Host, token: str, browser: str, agent: str) -> tuple[str, Link, list[Person]]:
    """Use a link; return the cookie of the session, where to go, and whom its reader may be: the first, to begin with.

    Raises NotFound for a link that is unknown, used, over, or another browser's: which, nobody is told.
    """
    async with door.database.transaction([host.tenant]) as tx:
        link = await store.use_link(tx, host.tenant, hash_of(token), hash_of(browser))
        if link is None:
            raise NotFound("sign_in.link_unknown", "this link is not good any more")
    people = await _people(door, host.tenant, link)
    if not people:
        raise NotFound("sign_in.link_unknown", "this link is not good any more")
    cookie = await begin(door, people[0], agent=agent, assurance=1)
    return cookie, link, people


async def begin(door: Door, person: Person, *, agent: str, assurance: int) -> str:
    """Open a session for somebody who has shown who they are; return its cookie."""
    cookie = new_secret()
    async with door.database.transaction([person.tenant]) as tx:
        await store.begin_session(
            tx, person.tenant, hash_of(cookie), person.contact_id, assurance=assurance, agent=agent
        )
        await noted(tx, person, "portal/SignIn")
    return cookie


async def _people(door: Door, tenant: str, link: Link) -> list[Person]:
    own = door.asks.own(tenant)
    if link.kind == "INVITATION":
        person = await find_person(door, tenant, link.contact_id)
        return [person] if person else []
    found = await own.notifications("FindContacts", notifications_pb2.FindContactsRequest(email=link.address))
    return [person_of(tenant, contact) for contact in found.contacts]


async def find_person(door: Door, tenant: str, contact_id: str) -> Person | None:
    """A contact as notifications knows it now; None if it is nobody any more."""
    request = notifications_pb2.GetContactRequest(contact_id=contact_id)
    try:
        answer = await door.asks.own(tenant).notifications("GetContact", request)
    except Unknown:
        return None
    return person_of(tenant, answer.contact)


def person_of(tenant: str, contact: Any) -> Person:
    """A contact as a person of ours."""
    scope = contact.scope
    return Person(
        tenant=tenant,
        contact_id=contact.contact_id,
        account_id=contact.account_id,
        name=contact.name,
        roles=frozenset(contact.roles),
        language=contact.language or "en",
        scope=Scope(scope.site, scope.cost_centre, scope.purchase_order),
    )


async def who_is_in(door: Door, host: Host, cookie: str) -> tuple[Session, Person] | None:
    """The session of a cookie, and who has it; None if there is none, or it is over."""
    async with door.database.transaction([host.tenant], within=2.0) as tx:
        session = await store.find_session(tx, host.tenant, hash_of(cookie))
    if session is None:
        return None
    person = await find_person(door, host.tenant, session.contact_id)
    if person is None:
        async with door.database.transaction([host.tenant]) as tx:
            await store.end_sessions(tx, host.tenant, session.contact_id)
        return None
    return session, replace(person, assurance=session.assurance, on_behalf_of=session.on_behalf_of)


async def add_host(database: Database, host: Host) -> None:
    """Let a seller's portal be at a host."""
    if not is_tenant(host.tenant):
        raise Invalid("host.tenant", "that is no tenant: 1 to 63 of a-z, 0-9 and '-'")
    async with database.transaction([host.tenant]) as tx:
        await store.add_host(tx, host)

"""How people come in, and what they are while they are in."""

from dataclasses import dataclass
from datetime import UTC, datetime
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
SIGNED_IN = "signed_in"  # the kind of job that tells that one of a buyer's people came in
ADDRESS_MAX = 254
# Tries at signing in: an address from one network and from all, a network, all of a seller's portal; so many at once, and
# one more each so many seconds. Who fills an address' share of a network leaves others of it to whoever has it.
BY_ADDRESS, BY_ADDRESS_ANYWHERE, BY_NETWORK, BY_ALL = (5, 1 / 120), (20, 1 / 60), (30, 1 / 10), (600, 5.0)

TOO_OFTEN = Invalid("sign_in.too_often", "that was tried often just now: wait two minutes")


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
        await check_pace(door, tx, host.tenant, address, asker.network)
        link_id = await store.ask_for_link(tx, host.tenant, address, hash_of(asker.browser), asker.goes_to)
        await jobs.add(tx, [Job(LINK, f"link/{link_id}", own_word(host.tenant))])


async def check_pace(door: Door, tx: Tx, tenant: str, address: str, network: str) -> None:
    """Count that somebody has a mail sent to an address; refuse what comes too often."""
    for bucket, (size, leaks) in (
        (door.keyed("address", address, network), BY_ADDRESS),
        (door.keyed("address", address), BY_ADDRESS_ANYWHERE),
        (door.keyed("network", network), BY_NETWORK),
        (door.keyed("all"), BY_ALL),
    ):
        if not await store.pour(tx, tenant, bucket, size=size, leaks_per_s=leaks):
            raise TOO_OFTEN


async def invite(tx: Tx, person: Person, contact_id: str, link_id: str) -> None:
    """Mail somebody an invitation, in the name of who invites; once for each id of a link."""
    if await store.invite(tx, person.tenant, link_id, contact_id, person.subject):
        await jobs.add(tx, [Job(LINK, f"link/{link_id}", own_word(person.tenant))])
        await noted(tx, person, "portal/Invite", about=contact_id)


def works(door: Door) -> tuple[Work, ...]:
    """What the portal does that nobody waits for."""

    async def send(batch: Batch) -> None:
        for job in batch.jobs:
            await _send(door, job)
        async with batch.finishing():
            pass

    async def note(batch: Batch) -> None:
        for job in batch.jobs:
            contact_id = job.subject.removeprefix("contact/")
            request = notifications_pb2.NoteSignInRequest(contact_id=contact_id)
            await door.asks.own(job.tenant).notifications(
                "NoteSignIn", request, Write(f"signed in {contact_id} {datetime.now(UTC).date()}")
            )
        async with batch.finishing():
            pass

    return (Work(LINK, send, most=20), Work(SIGNED_IN, note, most=20))


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
        contact_id = next((one.contact_id for one in found.contacts if one.roles), "")
        if not contact_id:
            return
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
    proved = door.keyed("address", link.address) if link.address else b""
    cookie = await begin(door, people[0], agent=agent, assurance=1, proved_address=proved)
    return cookie, link, people


async def begin(
    door: Door,
    person: Person,
    *,
    agent: str,
    assurance: int,
    proved_address: bytes = b"",
    instead_of: Session | None = None,
    roles: list[str] | None = None,
    provider_id: str = "",
    provider_sid: str = "",
    proven_at: datetime | None = None,
) -> str:
    """Open a session for somebody who has shown who they are, or go on with one as somebody else; return its cookie.

    `proven_at`: when they showed a second factor, if that was not just now.
    """
    cookie = new_secret()
    async with door.database.transaction([person.tenant]) as tx:
        await store.begin_session(
            tx,
            person.tenant,
            hash_of(cookie),
            person.contact_id,
            assurance=assurance,
            agent=agent,
            proved_address=proved_address,
            roles=roles,
            provider_id=provider_id,
            provider_sid=provider_sid,
            proven_at=proven_at,
        )
        if instead_of is not None:
            await store.take_over(tx, person.tenant, hash_of(cookie), instead_of)
        await noted(tx, person, "portal/SignIn")
        if person.is_buyer:
            await jobs.add(tx, [Job(SIGNED_IN, f"contact/{person.contact_id}", own_word(person.tenant))])
    return cookie


async def same_reader(door: Door, tenant: str, session: Session) -> list[Person]:
    """Whom a session's reader may be: all contacts with the address whose mail let it in, as long as it is theirs.

    Who came in otherwise has shown no address; who has another by now, perhaps by somebody who may change it, is not let
    become whoever else has that.
    """
    own = door.asks.own(tenant)
    request = notifications_pb2.GetContactRequest(contact_id=session.contact_id)
    address = (await own.notifications("GetContact", request)).contact.email.casefold()
    if not session.proved_address or door.keyed("address", address) != session.proved_address:
        return []
    found = await own.notifications("FindContacts", notifications_pb2.FindContactsRequest(email=address))
    return [person_of(tenant, contact) for contact in found.contacts if contact.roles]


async def become(door: Door, tenant: str, session: Session, contact_id: str) -> str:
    """Go on as another contact who has the same address: in by mail alone, since factors are a contact's own."""
    people = await same_reader(door, tenant, session)
    person = next((one for one in people if one.contact_id == contact_id), None)
    if person is None:
        raise NotFound("sign_in.not_this_reader", "that is somebody else")
    return await begin(
        door, person, agent=session.agent, assurance=1, proved_address=session.proved_address, instead_of=session
    )


async def _people(door: Door, tenant: str, link: Link) -> list[Person]:
    own = door.asks.own(tenant)
    if link.kind == "INVITATION":
        person = await find_person(door, tenant, link.contact_id)
        return [person] if person and person.roles else []
    found = await own.notifications("FindContacts", notifications_pb2.FindContactsRequest(email=link.address))
    return [person_of(tenant, contact) for contact in found.contacts if contact.roles]


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
        addresses=frozenset({contact.email.casefold()} - {""}),
    )


async def add_host(database: Database, host: Host) -> None:
    """Let a seller's portal be at a host."""
    if not is_tenant(host.tenant):
        raise Invalid("host.tenant", "that is no tenant: 1 to 63 of a-z, 0-9 and '-'")
    async with database.transaction([host.tenant]) as tx:
        await store.add_host(tx, host)

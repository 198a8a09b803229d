"""Who reads a page: the session of a cookie, and what notifications knows of its contact just now."""

from dataclasses import replace

from services.portal import store
from services.portal.domain.people import Person
from services.portal.store import Host, Session
from services.portal.usecases.delegations import stand_in_for
from services.portal.usecases.door import Door, hash_of
from services.portal.usecases.signing_in import find_person


async def who_is_in(door: Door, host: Host, cookie: str) -> tuple[Session, Person] | None:
    """The session of a cookie, and who has it; None if there is none, or it is over.

    Who stands in for somebody does so as long as both are there and today is a day of it: after that for themselves.
    """
    async with door.database.transaction([host.tenant], within=2.0) as tx:
        session = await store.find_session(tx, host.tenant, hash_of(cookie))
    if session is None:
        return None
    person = await find_person(door, host.tenant, session.contact_id)
    if person is None or not person.roles:
        async with door.database.transaction([host.tenant]) as tx:
            await store.end_sessions(tx, host.tenant, session.contact_id)
            await store.forget_reader(tx, host.tenant, session.contact_id)
        return None
    left = person.roles if session.roles is None else person.roles & frozenset(session.roles)
    person = replace(person, assurance=session.assurance, roles=left, proved_address=session.proved_address)
    if session.on_behalf_of:
        person = await stand_in_for(door, person, session.on_behalf_of.partition(":")[2]) or person
    return session, person

"""The people of an account, or of the seller: invited, changed, removed by whoever administers it."""

from collections.abc import Sequence, Set
from typing import Any

from receivables.common.v1 import party_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Conflict, Invalid, NotFound
from services.portal import store
from services.portal.asks import Write
from services.portal.domain.gaps import name_of
from services.portal.domain.people import BUYER_ROLES, SELLER_ROLES, Person
from services.portal.usecases.delegations import tell_over
from services.portal.usecases.door import Door, noted
from services.portal.usecases.notices import tell
from services.portal.usecases.signing_in import invite, person_of

_SHOWN, _PAGES = 1000, 10
_ID_CHARACTERS = 32


def roles_of_side(person: Person) -> Set[str]:
    """The roles that somebody may give: those of their side."""
    return BUYER_ROLES if person.is_buyer else SELLER_ROLES


async def colleagues(door: Door, person: Person) -> list[Any]:
    """The people of somebody's account, or of the seller, by name; who has left is not among them."""
    request = notifications_pb2.ListContactsRequest(account_id=person.account_id, page_size=_SHOWN)
    found = await door.asks.of(person).notifications("ListContacts", request)
    return sorted((one for one in found.contacts if one.roles), key=lambda one: (one.name.casefold(), one.contact_id))


async def people_of(door: Door, tenant: str, account_id: str) -> list[Person]:
    """The people of an account as the portal's jobs see them; who has left is not among them."""
    people: list[Person] = []
    token = ""
    for _ in range(_PAGES):
        request = notifications_pb2.ListContactsRequest(account_id=account_id, page_size=_SHOWN, page_token=token)
        found = await door.asks.own(tenant).notifications("ListContacts", request)
        people += [person_of(tenant, one) for one in found.contacts if one.roles]
        token = found.next_page_token
        if not token:
            break
    return people


async def colleague(door: Door, person: Person, contact_id: str) -> Any:
    """One of them; raises NotFound for anybody else."""
    request = notifications_pb2.GetContactRequest(contact_id=contact_id)
    contact = (await door.asks.of(person).notifications("GetContact", request)).contact
    if contact.account_id != person.account_id or not contact.roles:
        raise NotFound("contact.unknown", "there is nobody by that id")
    return contact


async def add_person(door: Door, person: Person, address: str, role: str, write: Write) -> str:
    """Ask somebody in, with a role; return the contact's id, which nobody guesses. The same form again is the same person."""
    address = address.strip()
    if role not in roles_of_side(person):
        raise Invalid("contact.role_unknown", "choose a role")
    contact_id = door.keyed("contact", person.tenant, write.key).hex()[:_ID_CHARACTERS]
    known = {one.contact_id for one in await colleagues(door, person) if one.email.casefold() == address.casefold()}
    if known - {contact_id}:
        raise Conflict("contact.known", "somebody with that address is here already: change their roles instead")
    request = notifications_pb2.RegisterContactRequest(
        contact_id=contact_id,
        account_id=person.account_id,
        name=name_of(address),
        email=address,
        roles=[role],
        scope=_scope(person),
        language=person.language,
    )
    await door.asks.of(person).notifications("RegisterContact", request, write)
    async with door.database.transaction([person.tenant]) as tx:
        await invite(tx, person, contact_id, door.keyed("invitation", person.tenant, write.key).hex()[:_ID_CHARACTERS])
    return contact_id


async def invite_again(door: Door, person: Person, contact_id: str, write: Write) -> None:
    """Mail a colleague another invitation."""
    contact = await colleague(door, person, contact_id)
    async with door.database.transaction([person.tenant]) as tx:
        link_id = door.keyed("invitation", person.tenant, write.key).hex()[:_ID_CHARACTERS]
        await invite(tx, person, contact.contact_id, link_id)


async def change_person(
    door: Door, person: Person, contact_id: str, *, name: str, roles: Sequence[str], write: Write
) -> None:
    """Call a colleague otherwise, or give other roles; at once, wherever they are signed in."""
    contact = await colleague(door, person, contact_id)
    if not roles:
        raise Invalid("contact.without_role", "choose at least one role, or remove them")
    await _register(door, person, contact, name=name, roles=roles, write=write)


async def remove_person(door: Door, person: Person, contact_id: str, write: Write) -> None:
    """A colleague has left: no roles, no mail, and out wherever they are signed in."""
    contact = await colleague(door, person, contact_id)
    await _register(door, person, contact, name=contact.name, roles=(), write=write)
    async with door.database.transaction([person.tenant]) as tx:
        await store.end_sessions(tx, person.tenant, contact_id)
        await store.void_links(tx, person.tenant, contact_id)
        for over in await store.end_delegations(tx, person.tenant, contact_id):
            await tell_over(tx, person, over)
        await store.remove_factors(tx, person.tenant, contact_id)
        await store.forget_reader(tx, person.tenant, contact_id)
        await noted(tx, person, "portal/RemovePerson", about=contact_id)


async def reset_factors(door: Door, person: Person, contact_id: str) -> None:
    """A colleague has lost their factors: all are gone, they are out, and add a new one after their next mail link."""
    await colleague(door, person, contact_id)
    async with door.database.transaction([person.tenant]) as tx:
        await store.remove_factors(tx, person.tenant, contact_id)
        await store.end_sessions(tx, person.tenant, contact_id)
        await noted(tx, person, "portal/ResetFactors", about=contact_id)
        reset = notifications_pb2.NOTICE_KIND_FACTORS_RESET
        await tell(tx, person.tenant, contact_id, reset, "/profile", by=person.subject)


async def _register(door: Door, person: Person, contact: Any, *, name: str, roles: Sequence[str], write: Write) -> None:
    request = notifications_pb2.RegisterContactRequest(
        contact_id=contact.contact_id,
        account_id=contact.account_id,
        name=name,
        email=contact.email,
        roles=roles,
        scope=contact.scope,
        language=contact.language,
        wants_document=contact.wants_document and bool(roles),
    )
    await door.asks.of(person).notifications("RegisterContact", request, write)


def _scope(person: Person) -> party_pb2.Scope:
    return party_pb2.Scope(
        site=person.scope.site,
        cost_centre=person.scope.cost_centre,
        purchase_order=person.scope.purchase_order,
    )

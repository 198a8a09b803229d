"""Declines mail that only informs, for whoever has the token that such a mail carries (RULES: declining)."""

from services.chassis.database import Tx
from services.kernel.refusals import NotFound
from services.notifications import store
from services.notifications.domain.contacts import Contact
from services.notifications.store import Key


async def find(tx: Tx, token: str) -> Contact:
    """Whose token it is; refuses one that is nobody's."""
    person = await store.of_decline_token(tx, token)
    if person is None:
        raise NotFound("decline.unknown", "nobody has this link")
    return person


async def decline(tx: Tx, person: Contact, *, declined: bool) -> None:
    """Send what only informs no more to an address, or send it again; what waited for its digest stands in the lists alone."""
    contacts = sorted(await store.at_the_same_address(tx, [(person.tenant, person.contact_id)]))
    for contact in contacts:
        await store.decline(tx, contact, declined=declined)
        if declined:
            await store.withdraw_waiting(tx, contact)


async def by_mail(tx: Tx, key: Key) -> bool:
    """A mail came to the address by which somebody declines, whatever it says; whether it changed anything."""
    person, _ = await store.find_contact(tx, key)
    if person is None or person.declined:
        return False
    await decline(tx, person, declined=True)
    return True

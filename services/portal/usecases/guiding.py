"""Says to somebody what comes next, at the first of something, until they want to see it no more (RULES: guidance)."""

from collections.abc import Awaitable, Callable

from services.kernel.refusals import NotFound
from services.portal import store
from services.portal.domain.guide import GUIDES, Guide
from services.portal.domain.people import Person
from services.portal.store import Guided
from services.portal.usecases.door import Door


async def guide_for(
    door: Door, person: Person, moment: str, about: str, is_first: Callable[[], Awaitable[bool]]
) -> Guide | None:
    """What is said to a buyer's person at this; whether it is the account's first is asked once, and not again."""
    if not person.is_buyer:
        return None
    async with door.database.transaction([person.tenant]) as tx:
        known = await store.guided(tx, person.tenant, person.contact_id, moment)
    if known is None:
        known = Guided(about if await is_first() else "", dismissed=False)
        async with door.database.transaction([person.tenant]) as tx:
            await store.begin_guide(tx, person.tenant, person.contact_id, moment, known.about)
    return GUIDES[moment] if known.about == about and not known.dismissed else None


async def end_guide(door: Door, person: Person, moment: str) -> None:
    """Somebody wants to see a moment of guidance no more; twice is once."""
    if moment not in GUIDES:
        raise NotFound("guide.unknown", "guidance says nothing of that")
    async with door.database.transaction([person.tenant]) as tx:
        await store.end_guide(tx, person.tenant, person.contact_id, moment)

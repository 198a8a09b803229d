"""Stand-ins: who is away lets a colleague act for them, for some days, with some of their roles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.database import Tx
from services.kernel.refusals import Forbidden, Invalid, NotFound
from services.portal import store
from services.portal.domain.people import CONTACT, USER, Person, standing_in
from services.portal.store import Delegation, Session
from services.portal.usecases.door import Door, hash_of, new_secret, noted
from services.portal.usecases.notices import tell
from services.portal.usecases.signing_in import find_person

DAYS_MAX = 366
_PATH = "/cover"
_ID_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Cover:
    """A delegation, with the names of both."""

    delegation: Delegation
    away: str
    stand_in: str
    # It is the reader who stands in, and today is one of its days.
    may_act: bool


async def covers_of(door: Door, person: Person, session: Session) -> list[Cover]:
    """Who stands in for the reader, and for whom the reader does."""
    today = datetime.now(UTC).date()
    async with door.database.transaction([person.tenant]) as tx:
        found = await store.delegations_of(tx, person.tenant, session.contact_id, today)
    names: dict[str, str] = {}
    for contact_id in {one.from_contact for one in found} | {one.to_contact for one in found}:
        known = await find_person(door, person.tenant, contact_id)
        names[contact_id] = known.name if known else contact_id
    return [
        Cover(
            one,
            names[one.from_contact],
            names[one.to_contact],
            one.to_contact == session.contact_id and one.from_day <= today,
        )
        for one in found
    ]


async def cover(
    door: Door, person: Person, *, address: str, roles: Sequence[str], first: date, last: date, once: str
) -> None:
    """Let the colleague with that address stand in for somebody, with some of their roles, from a day to a day."""
    if person.on_behalf_of:
        raise Forbidden("cover.chained", "who stands in for somebody hands that on to nobody")
    today = datetime.now(UTC).date()
    if not today <= first <= last or (last - first).days > DAYS_MAX:
        raise Invalid("cover.days", "the last day is not before the first, nor more than a year later")
    if not roles or not set(roles) <= person.roles:
        raise Invalid("cover.roles", "choose from your own roles")
    request = notifications_pb2.FindContactsRequest(email=address.strip())
    found = await door.asks.own(person.tenant).notifications("FindContacts", request)
    colleagues = [one for one in found.contacts if one.account_id == person.account_id and one.roles]
    if not colleagues:
        raise Invalid("cover.nobody", "no colleague of yours has that address here")
    [stand_in, *_] = colleagues
    if stand_in.contact_id == person.contact_id:
        raise Invalid("cover.oneself", "nobody stands in for themselves")
    delegation = Delegation(
        delegation_id=door.keyed("cover", person.tenant, once).hex()[:_ID_CHARACTERS],
        account_id=person.account_id,
        from_contact=person.contact_id,
        to_contact=stand_in.contact_id,
        roles=sorted(roles),
        from_day=first,
        to_day=last,
        made_by=person.subject,
    )
    async with door.database.transaction([person.tenant]) as tx:
        if await store.add_delegation(tx, person.tenant, delegation):
            await noted(tx, person, "portal/Cover", about=stand_in.contact_id)
            await tell_made(tx, person.tenant, delegation)


async def end_cover(door: Door, person: Person, session: Session, delegation_id: str) -> None:
    """Nobody stands in by that any more, from now on."""
    async with door.database.transaction([person.tenant]) as tx:
        if over := await store.end_delegation(tx, person.tenant, session.contact_id, delegation_id):
            await noted(tx, person, "portal/EndCover", about=delegation_id)
            await tell_over(tx, person, over)


async def tell_made(tx: Tx, tenant: str, made: Delegation) -> None:
    """Have both mailed that one stands in for the other."""
    said: dict[str, Any] = {"roles": made.roles, "first": made.from_day.isoformat(), "last": made.to_day.isoformat()}
    away, stand_in = _subject(made, made.from_contact), _subject(made, made.to_contact)
    begins = notifications_pb2.NOTICE_KIND_STANDS_IN
    await tell(tx, tenant, made.to_contact, begins, _PATH, other=away, **said)
    covered = notifications_pb2.NOTICE_KIND_COVERED
    await tell(tx, tenant, made.from_contact, covered, _PATH, other=stand_in, **said)


async def tell_over(tx: Tx, person: Person, over: Delegation) -> None:
    """Have both mailed that one does not stand in for the other any more, and who says so; who has left gets no mail."""
    away, stand_in = _subject(over, over.from_contact), _subject(over, over.to_contact)
    no_more = notifications_pb2.NOTICE_KIND_STANDS_IN_NO_MORE
    await tell(tx, person.tenant, over.to_contact, no_more, _PATH, by=person.subject, other=away)
    uncovered = notifications_pb2.NOTICE_KIND_COVERED_NO_MORE
    await tell(tx, person.tenant, over.from_contact, uncovered, _PATH, by=person.subject, other=stand_in)


def _subject(delegation: Delegation, contact_id: str) -> str:
    return f"{CONTACT if delegation.account_id else USER}:{contact_id}"


async def act_for(door: Door, person: Person, session: Session, contact_id: str) -> str:
    """Go on for somebody who is away; return the session's new cookie. Raises NotFound for whom one does not stand in."""
    other = await stand_in_for(door, replace(person, on_behalf_of=""), contact_id)
    if other is None:
        raise NotFound("cover.none", "you do not stand in for that one today")
    return await _go_on(door, other, session, other.on_behalf_of)


async def act_for_oneself(door: Door, person: Person, session: Session) -> str:
    """Go on for oneself; return the session's new cookie."""
    return await _go_on(door, person, session, "")


async def stand_in_for(door: Door, person: Person, contact_id: str) -> Person | None:
    """Who somebody is while they stand in for a colleague; None if they do not, today.

    With those of the colleague's own roles that were handed over: what the colleague is lent by others is handed on to
    nobody.
    """
    async with door.database.transaction([person.tenant], within=2.0) as tx:
        found = await store.standing_in(tx, person.tenant, person.contact_id, contact_id, datetime.now(UTC).date())
    if not found:
        return None
    other = await find_person(door, person.tenant, contact_id)
    if other is None or other.account_id != person.account_id:
        return None
    lent = standing_in(person, other, frozenset(role for one in found for role in one.roles))
    return lent if lent.roles else None


async def _go_on(door: Door, person: Person, session: Session, on_behalf_of: str) -> str:
    cookie = new_secret()
    async with door.database.transaction([person.tenant]) as tx:
        await store.act_for(tx, person.tenant, session.session_id, hash_of(cookie), on_behalf_of)
        await noted(tx, person, "portal/ActFor" if on_behalf_of else "portal/ActForOneself")
    return cookie

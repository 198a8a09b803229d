"""Decides who hears a story, as what, and which role nobody holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.orders import Scope
from services.notifications.domain.contacts import Contact, mailbox
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.preferences import USUAL, Pace
from services.notifications.domain.roles import BUYER_ROLES, SELLER_STAND_INS, Role
from services.notifications.domain.stories import Moment, Story

_STRENGTH = {Weight.ACT: 2, Weight.INFORM: 1, Weight.DIGEST: 0}

# Told because somebody is missing: that nobody is there for these either is not told again.
_ABOUT_VACANCIES = frozenset({Kind.NAME_SOMEBODY, Kind.NAME_COLLEAGUE, Kind.ROLES_MISSING, Kind.SINGLE_CONTACT})


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who hears a story, and why."""

    contact: Contact
    weight: Weight
    # As what they hear it; None: because they want the document.
    role: Role | None
    # The role that nobody holds and for which they step in.
    stands_in_for: Role | None = None
    with_document: bool = False
    # They want news of this class at once, and it is not quiet where they are.
    eager: bool = False

    @property
    def at_once(self) -> bool:
        """ACT and documents go at once, the rest as its reader chose, else with the digest (no fact is a legal notice yet)."""
        return self.weight is Weight.ACT or self.with_document or self.eager


@dataclass(frozen=True, slots=True)
class Route:
    """Where a story goes."""

    recipients: tuple[Recipient, ...]
    # Roles that must act, and that nobody holds: somebody is to be named.
    vacancies: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """How somebody gets a message: by a mail of their own, or with that of somebody who has the same address."""

    recipient: Recipient
    # The contact whose mail it is; None: their own.
    carrier: str | None
    at_once: bool
    # Whether the document goes along: with the mail that travels, for whoever of them wants it.
    with_document: bool


def posted(recipients: Sequence[Recipient]) -> list[Post]:
    """One mail for each address and language, whoever it stands for: that of whom most is asked carries the others'."""
    shared: dict[tuple[str, str], list[Recipient]] = {}
    for recipient in recipients:
        shared.setdefault((mailbox(recipient.contact.email), recipient.contact.language), []).append(recipient)
    return [post for together in shared.values() for post in _carried(together)]


def _carried(together: Sequence[Recipient]) -> list[Post]:
    first = max(together, key=lambda recipient: (_STRENGTH[recipient.weight], recipient.with_document))
    at_once = any(recipient.at_once for recipient in together)
    document = any(recipient.with_document for recipient in together)
    carrier = first.contact.contact_id if at_once else None  # a digest finds its own (store.gather_digests)
    return [
        Post(
            recipient,
            carrier=None if recipient is first else carrier,
            at_once=at_once,
            with_document=document and recipient is first,
        )
        for recipient in together
    ]


def paced(recipient: Recipient, about: str, now: Moment) -> Recipient:
    """The same, who hears at once what they want to hear at once."""
    preferences = recipient.contact.preferences
    if preferences is USUAL or recipient.weight is not Weight.INFORM or preferences.pace(about) is not Pace.AT_ONCE:
        return recipient
    if not recipient.contact.wants_news:
        return recipient
    return replace(recipient, eager=preferences.when_not_quiet(now.at, now) == now.at)


def due_at(recipient: Recipient, about: str, now: Moment) -> datetime:
    """When somebody hears what does not go at once: with their digest; what they want at once, when it is quiet no more."""
    preferences = recipient.contact.preferences
    if recipient.weight is Weight.INFORM and preferences.pace(about) is Pace.AT_ONCE:
        return preferences.when_not_quiet(now.at, now)
    return preferences.digest_at(now)


class House:
    """The people of one company who can be reached, by what they are: made once for all stories of a batch."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        """Sort them."""
        reachable = [contact for contact in contacts if not contact.suspended]
        self._holders: dict[Role, list[Contact]] = {}
        for contact in reachable:
            for role in contact.roles:
                self._holders.setdefault(role, []).append(contact)
        self._by_id = {contact.contact_id: contact for contact in reachable}
        self._wanting = [contact for contact in reachable if contact.wants_document]

    def holders(self, role: Role, scopes: Sequence[Scope]) -> list[Contact]:
        """Who holds a role for one of these parts of the company."""
        return [contact for contact in self._holders.get(role, ()) if any(map(contact.hears_of, scopes))]

    def named(self, ids: Sequence[str]) -> list[Contact]:
        """Who of them is one of these."""
        return [self._by_id[contact_id] for contact_id in ids if contact_id in self._by_id]

    def wanting(self, scopes: Sequence[Scope]) -> list[Contact]:
        """Who wants one of these parts' documents."""
        return [contact for contact in self._wanting if any(map(contact.hears_of, scopes))]


def route(story: Story, buyer: House, seller: House) -> Route:
    """Find who hears a story; each once, as the role of which most is asked.

    Where nobody holds a role that must act, ACCOUNT_ADMIN does, else somebody of the seller.
    """
    heard: dict[str, Recipient] = {}
    vacancies = []
    for role, weight in MATRIX[story.kind].weights.items():
        if weight is Weight.ACT and story.knower not in {None, role}:
            continue
        holders = (buyer if role in BUYER_ROLES else seller).holders(role, story.scopes)
        for contact in holders:
            _hear(heard, Recipient(contact, weight, role))
        if weight is Weight.ACT and not holders:
            vacancies.append(role)
            for recipient in _stand_ins(role, story.scopes, buyer, seller):
                _hear(heard, recipient)
    for contact in seller.named(story.whose):
        _hear(heard, Recipient(contact, Weight.ACT, next(iter(contact.roles), None)))
    if story.document:
        _enclose(heard, buyer.wanting(story.scopes))
    return Route(tuple(heard.values()), () if story.kind in _ABOUT_VACANCIES else tuple(vacancies))


def without_anybody(roles: Sequence[Role], others: Sequence[Contact]) -> list[Role]:
    """The roles that none of these others holds: a single-contact alert."""
    held = {role for contact in others if not contact.suspended for role in contact.roles}
    return [role for role in roles if role not in held]


def _stand_ins(vacant: Role, scopes: Sequence[Scope], buyer: House, seller: House) -> list[Recipient]:
    chain = (Role.ACCOUNT_ADMIN, *SELLER_STAND_INS) if vacant in BUYER_ROLES else SELLER_STAND_INS
    for role in chain:
        house = buyer if role in BUYER_ROLES else seller
        if role is not vacant and (holders := house.holders(role, scopes)):
            return [Recipient(contact, Weight.ACT, role, stands_in_for=vacant) for contact in holders]
    return []


def _hear(heard: dict[str, Recipient], recipient: Recipient) -> None:
    known = heard.get(recipient.contact.contact_id)
    if known is None or _rank(recipient) > _rank(known):
        heard[recipient.contact.contact_id] = recipient


def _rank(recipient: Recipient) -> tuple[int, bool]:
    """Of how much is asked; what is one's own goes before what one does for somebody who is missing."""
    return _STRENGTH[recipient.weight], recipient.stands_in_for is None


def _enclose(heard: dict[str, Recipient], wanting: Sequence[Contact]) -> None:
    for contact in wanting:
        known = heard.get(contact.contact_id) or Recipient(contact, Weight.INFORM, None)
        heard[contact.contact_id] = Recipient(
            contact, known.weight, known.role, known.stands_in_for, with_document=True
        )

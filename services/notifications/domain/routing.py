"""Decides who hears a story, as what, and which role nobody holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.roles import BUYER_ROLES, SELLER_STAND_INS, Role
from services.notifications.domain.stories import Story

_STRENGTH = {Weight.ACT: 2, Weight.INFORM: 1, Weight.DIGEST: 0}

# Told because somebody is missing: that nobody is there for these either is not told again.
_ABOUT_VACANCIES = frozenset({Kind.NAME_SOMEBODY, Kind.NAME_COLLEAGUE})


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

    @property
    def at_once(self) -> bool:
        """ACT and documents go at once, the rest with the digest (no fact is a legal notice yet)."""
        return self.weight is Weight.ACT or self.with_document


@dataclass(frozen=True, slots=True)
class Route:
    """Where a story goes."""

    recipients: tuple[Recipient, ...]
    # Roles that must act, and that nobody holds: somebody is to be named.
    vacancies: tuple[Role, ...]


def route(story: Story, buyers: Sequence[Contact], sellers: Sequence[Contact]) -> Route:
    """Find who hears a story; each once, as the role of which most is asked.

    Where nobody holds a role that must act, ACCOUNT_ADMIN does, else somebody of the seller.
    """
    heard: dict[str, Recipient] = {}
    vacancies = []
    reachable = [c for c in (*buyers, *sellers) if not c.suspended and c.hears_of(story.scope)]
    for role, weight in MATRIX[story.kind].weights.items():
        if weight is Weight.ACT and story.knower not in {None, role}:
            continue
        holders = [c for c in reachable if role in c.roles]
        for contact in holders:
            _hear(heard, Recipient(contact, weight, role))
        if weight is Weight.ACT and not holders:
            vacancies.append(role)
            for recipient in _stand_ins(role, reachable):
                _hear(heard, recipient)
    if story.document:
        _enclose(heard, [c for c in reachable if c.wants_document and c.account_id == story.account_id])
    return Route(tuple(heard.values()), () if story.kind in _ABOUT_VACANCIES else tuple(vacancies))


def without_anybody(roles: Sequence[Role], others: Sequence[Contact]) -> list[Role]:
    """The roles that none of these others holds: a single-contact alert."""
    held = {role for contact in others if not contact.suspended for role in contact.roles}
    return [role for role in roles if role not in held]


def _stand_ins(vacant: Role, reachable: Sequence[Contact]) -> list[Recipient]:
    chain = (Role.ACCOUNT_ADMIN, *SELLER_STAND_INS) if vacant in BUYER_ROLES else SELLER_STAND_INS
    for role in chain:
        if role is not vacant and (holders := [c for c in reachable if role in c.roles]):
            return [Recipient(contact, Weight.ACT, role, stands_in_for=vacant) for contact in holders]
    return []


def _hear(heard: dict[str, Recipient], recipient: Recipient) -> None:
    known = heard.get(recipient.contact.contact_id)
    if known is None or _STRENGTH[recipient.weight] > _STRENGTH[known.weight]:
        heard[recipient.contact.contact_id] = recipient


def _enclose(heard: dict[str, Recipient], wanting: Sequence[Contact]) -> None:
    for contact in wanting:
        known = heard.get(contact.contact_id) or Recipient(contact, Weight.INFORM, None)
        heard[contact.contact_id] = Recipient(
            contact, known.weight, known.role, known.stands_in_for, with_document=True
        )

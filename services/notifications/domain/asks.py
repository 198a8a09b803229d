"""What is asked of a buyer's people, and who is asked next where nobody does it in time (RULES: escalation)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import IntEnum

from services.kernel.orders import Scope
from services.notifications.domain.contacts import Contact
from services.notifications.domain.journeys import Journey
from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.roles import BUYER_ROLES, Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import Moment, Story

# Who stands in, by whom they stand in for and as what ("AP_CLERK").
StandIns = Mapping[tuple[str, str], Collection[str]]
ASKED_AT = time(8)  # where the seller is

# What escalates. What lapses by itself (an offer), what silence answers (a delivery) and what is reminded of otherwise
# (first steps) does not.
OF_JOURNEYS = frozenset({Kind.INVOICE_ISSUED, Kind.DISPUTE_QUESTION, Kind.ORDER_REFERRED, Kind.APPLICATION_NEEDS_FACT})
ESCALATES = OF_JOURNEYS | {Kind.NAME_SOMEBODY, Kind.CONTACT_UNREACHABLE}


# By what a journey is of: once that step is done, or the journey has ended, nobody is asked any more.
_CLOSES: Mapping[str, str] = {"invoice": "PAID", "dispute": "ASKED", "order": "DECIDED", "application": "ASKED"}


def closes(journey: Journey) -> bool:
    """Whether what was asked of the buyer's people in a journey is done."""
    leg = journey.legs.get(_CLOSES.get(journey.kind, ""))
    return bool(journey.ended) or (leg is not None and leg.done_at is not None)


class Level(IntEnum):
    """How far up an ask has gone."""

    # Whoever holds the role was told when it happened.
    FIRST = 0
    SAME_ROLE = 1
    STAND_IN = 2
    ADMIN = 3
    SPONSOR = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """One person who was asked."""

    contact_id: str
    on: date
    level: Level


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that is asked of a buyer's people."""

    tenant: str
    # The story that asked.
    fact: str
    about: str
    account_id: str
    kind: Kind
    # Whose it is.
    role: Role
    scopes: tuple[Scope, ...]
    by_when: date
    asked: tuple[Asked, ...]
    asked_at: datetime
    level: Level = Level.FIRST
    # When the clock looks at it next; None: never again.
    next_at: datetime | None = None
    done_at: datetime | None = None

    @property
    def contact_ids(self) -> set[str]:
        """Who was asked."""
        return {one.contact_id for one in self.asked}


def begin(story: Story, recipients: Sequence[Recipient], now: Moment) -> Ask | None:
    """What a story asks of the buyer's people, if that escalates; None: nothing of the kind."""
    if story.kind not in ESCALATES or (role := _whose(story)) is None:
        return None
    told = [who for who in recipients if who.weight is Weight.ACT and who.contact.account_id]
    return Ask(
        tenant=story.tenant,
        fact=story.fact,
        about=story.about,
        account_id=story.account_id,
        kind=story.kind,
        role=role,
        scopes=story.scopes,
        by_when=story.by_when,
        asked=tuple(Asked(who.contact.contact_id, now.today, Level.FIRST) for who in told),
        asked_at=now.at,
        next_at=_morning_after(max(story.by_when, now.today), now),
    )


def _whose(story: Story) -> Role | None:
    if story.knower is not None:
        return story.knower if story.knower in BUYER_ROLES else None
    weights = MATRIX[story.kind].weights
    return next((role for role, weight in weights.items() if weight is Weight.ACT and role in BUYER_ROLES), None)


def is_done(ask: Ask, journey: Journey | None, *, vacant: Collection[Role], unreachable: Collection[str]) -> bool:
    """Whether what was asked is done: by what is known of it, of the roles that nobody holds, and of whom mail misses."""
    match ask.kind:
        case Kind.NAME_SOMEBODY:
            return not vacant
        case Kind.CONTACT_UNREACHABLE:
            return ask.about.partition("/")[2] not in unreachable
    return journey is not None and closes(journey)


def done(ask: Ask, at: datetime) -> Ask:
    """It is done: nobody is asked any more."""
    return replace(ask, done_at=at, next_at=None)


def go_on(
    ask: Ask, people: Sequence[Contact], stand_ins: StandIns, busy: Collection[str], now: Moment
) -> tuple[Ask, list[Contact]]:
    """Who is asked next, and the ask after that: the next level at which there is anybody, once, a business day later again.

    `stand_ins`: who stands in today. `busy`: who was asked today about the same subject,
    and is asked of nothing else of it.
    """
    tomorrow = _morning_after(now.today, now)
    for level in Level:
        if level <= ask.level:
            continue
        found = [
            one
            for one in people
            if one.roles
            and not one.suspended
            and one.contact_id not in ask.contact_ids
            and any(map(one.hears_of, ask.scopes))
            and _is_of(level, one, ask, stand_ins)
        ]
        free = [one for one in found if one.contact_id not in busy]
        if found and not free:
            return replace(ask, next_at=tomorrow), []
        if free:
            asked = (*ask.asked, *(Asked(one.contact_id, now.today, level) for one in free))
            return replace(ask, asked=asked, level=level, next_at=tomorrow if level < max(Level) else None), free
    return replace(ask, level=max(Level), next_at=None), []


def _is_of(level: Level, one: Contact, ask: Ask, stand_ins: StandIns) -> bool:
    match level:
        case Level.SAME_ROLE:
            return ask.role in one.roles
        case Level.STAND_IN:
            return any(one.contact_id in stand_ins.get((away, ask.role.value), ()) for away in ask.contact_ids)
        case Level.ADMIN:
            return Role.ACCOUNT_ADMIN in one.roles
        case _:
            return Role.EXEC_SPONSOR in one.roles


def role_of(one: Contact, ask: Ask) -> Role:
    """As what somebody is asked: as who the ask is for, else as who they are."""
    up = {Level.ADMIN: Role.ACCOUNT_ADMIN, Level.SPONSOR: Role.EXEC_SPONSOR}.get(ask.level)
    if up is not None and up in one.roles:
        return up
    return ask.role if ask.role in one.roles else one.roles[0]


def handed_over(ask: Ask, leaver: str, successor: str, today: date) -> Ask:
    """The same, after somebody took over what another was asked."""
    kept = [one for one in ask.asked if one.contact_id not in (leaver, successor)]
    level = max((one.level for one in ask.asked if one.contact_id == leaver), default=Level.FIRST)
    return replace(ask, asked=(*kept, Asked(successor, today, level)))


def _morning_after(day: date, now: Moment) -> datetime:
    return now.calendar.instant(now.calendar.after(day, 1), ASKED_AT)

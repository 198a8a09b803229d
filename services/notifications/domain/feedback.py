"""Asks whoever lived through something one question, hears the answer, and finds which role sours (RULES: feedback)."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.kernel.refusals import Conflict, Forbidden, Invalid
from services.notifications.domain.journeys import BUYER, Journey
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import Moment


class Topic(StrEnum):
    """What is asked."""

    BOOKED = "BOOKED"
    SOLVED = "SOLVED"
    COMPLETE = "COMPLETE"
    FITS = "FITS"
    # Whether what somebody answered before was put right.
    MENDED = "MENDED"


@dataclass(frozen=True, slots=True)
class Milestone:
    """What is asked of whom once something came to an end, and who at the seller sees to a low answer."""

    topic: Topic
    role: Role
    owner: Role


MILESTONES: Mapping[Kind, Milestone] = {
    Kind.SHIPPED: Milestone(Topic.COMPLETE, Role.RECEIVING, Role.LOGISTICS),
    Kind.PAYMENT_RECEIVED: Milestone(Topic.BOOKED, Role.AP_CLERK, Role.BILLING),
    Kind.DISPUTE_RESOLVED: Milestone(Topic.SOLVED, Role.REQUESTER, Role.DISPUTE_OWNER),
    Kind.APPLICATION_DECIDED: Milestone(Topic.FITS, Role.FINANCE_LEAD, Role.CREDIT),
    Kind.LIMIT_CHANGED: Milestone(Topic.FITS, Role.FINANCE_LEAD, Role.CREDIT),
}
ASKED_ROLES = frozenset(milestone.role for milestone in MILESTONES.values())
_OWNERS = {milestone.topic: milestone.owner for milestone in MILESTONES.values()}

AGAIN_DAYS = 30  # in which a contact is asked once, and an account ACCOUNT_MOST times
ACCOUNT_MOST = 3
SILENCES = 2  # after which nobody is asked for
SILENT_DAYS = 180
HISTORY_DAYS = SILENT_DAYS + AGAIN_DAYS  # of questions that matter to whether another is asked

FULLY, MOSTLY, NO = 9, 6, 2  # what the buttons say, of 0 to 10
VALUE_MOST = 10
LOW_MOST = 5  # what is no more asks something of the seller
ANSWER_DAYS = 60  # in which a question can be answered
CHANGE_DAYS = 14  # in which an answer can be changed


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of before: of whom, as what, when, and whether it was answered."""

    contact_id: str
    role: str
    at: datetime
    answered: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be asked with a message that goes to them."""

    message_id: str
    contact_id: str
    role: Role


def may_be_asked(contact_id: str, before: Iterable[Asked], now: datetime) -> bool:
    """Whether a contact is asked at all: not twice in 30 days, and not for half a year after two silences."""
    own = sorted((one for one in before if one.contact_id == contact_id), key=lambda one: one.at)
    if not own:
        return True
    if own[-1].at > now - timedelta(days=AGAIN_DAYS):
        return False
    silent = len(own) >= SILENCES and not any(one.answered for one in own[-SILENCES:])
    return not silent or own[-1].at <= now - timedelta(days=SILENT_DAYS)


def choose(
    candidates: Iterable[Candidate],
    before: Sequence[Asked],
    *,
    held: Collection[Role],
    busy: Collection[str],
    now: datetime,
) -> list[Candidate]:
    """Whom of one account to ask: three in 30 days, the role that was asked longest ago first, nobody whose case is open.

    A place is kept for each role (of `held`) that was asked longer ago than the one at hand.
    """
    lately = now - timedelta(days=AGAIN_DAYS)
    room = ACCOUNT_MOST - sum(asked.at > lately for asked in before)
    last: dict[str, datetime] = {}
    for asked in before:
        last[asked.role] = max(asked.at, last.get(asked.role, asked.at))
    never = datetime.min.replace(tzinfo=now.tzinfo)
    chosen: dict[str, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (last.get(one.role, never), one.message_id)):
        if one.contact_id in chosen or one.contact_id in busy or not may_be_asked(one.contact_id, before, now):
            continue
        mine = last.get(one.role, never)
        waits = sum(last.get(role, never) < min(mine, lately) for role in held if role in ASKED_ROLES)
        if room > waits:
            chosen[one.contact_id] = one
            last[one.role] = now
            room -= 1
    return list(chosen.values())


def choices(topic: Topic) -> tuple[int, ...]:
    """What the buttons of a question say, best first."""
    return (FULLY, NO) if topic is Topic.MENDED else (FULLY, MOSTLY, NO)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody was asked, and what they said."""

    tenant: str
    # The message's in which it was asked.
    question_id: str
    account_id: str
    contact_id: str
    role: Role
    topic: Topic
    about: str
    asked_at: datetime
    # Of MENDED: the question whose answer it was.
    mends: str = ""
    value: int | None = None
    # When it was answered first.
    answered_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it can be answered, perhaps otherwise than before; what is said of the mending is said once."""
        if self.answered_at is None:
            return now < self.asked_at + timedelta(days=ANSWER_DAYS)
        return self.topic is not Topic.MENDED and now < self.answered_at + timedelta(days=CHANGE_DAYS)

    @property
    def is_low(self) -> bool:
        """Whether the answer asks something of the seller."""
        return self.value is not None and self.value <= LOW_MOST

    def answer(self, value: int, now: datetime) -> "Question":
        """The question, answered; the same answer again is always taken, and changes nothing."""
        if not 0 <= value <= VALUE_MOST:
            raise Invalid("feedback.value", f"an answer is from 0 to {VALUE_MOST}")
        if self.value == value:
            return self
        if not self.is_open(now):
            raise Conflict("feedback.over", "this question cannot be answered any more")
        return replace(self, value=value, answered_at=self.answered_at or now)


class State(StrEnum):
    """How far what a low answer asks is."""

    OPEN = "OPEN"
    DONE = "DONE"
    CONFIRMED = "CONFIRMED"
    # Whoever answered says that it is not well.
    REOPENED = "REOPENED"
    DONE_AGAIN = "DONE_AGAIN"
    # They said so twice: a matter for people to talk about.
    UNSOLVED = "UNSOLVED"
    # They answered otherwise before anything was done.
    WITHDRAWN = "WITHDRAWN"


class Move(StrEnum):
    """What moves it."""

    CLOSE = "CLOSE"
    CONFIRM = "CONFIRM"
    DENY = "DENY"
    TAKE_BACK = "TAKE_BACK"
    COMPLAIN = "COMPLAIN"


# Every legal move. A pair that is missing here is illegal.
MOVES: Mapping[tuple[State, Move], State] = {
    (State.OPEN, Move.CLOSE): State.DONE,
    (State.OPEN, Move.TAKE_BACK): State.WITHDRAWN,
    (State.WITHDRAWN, Move.COMPLAIN): State.OPEN,
    (State.DONE, Move.CONFIRM): State.CONFIRMED,
    (State.DONE, Move.DENY): State.REOPENED,
    (State.REOPENED, Move.CLOSE): State.DONE_AGAIN,
    (State.DONE_AGAIN, Move.CONFIRM): State.CONFIRMED,
    (State.DONE_AGAIN, Move.DENY): State.UNSOLVED,
}
WAITING = (State.OPEN, State.REOPENED)
# What it came from, as whoever has done it says.
CAUSES = ("DELIVERY", "DOCUMENT", "PRICE", "TERMS", "SPEED", "WORDS", "SYSTEM", "OTHER")
DUE_DAYS = 5  # business days
AGAIN_DUE_DAYS = 2  # the same of what was not well the first time
ESCALATED_TO = Role.SALES  # answers for the account


@dataclass(frozen=True, slots=True)
class Action:
    """What a low answer asks of the seller."""

    tenant: str
    # The question that was answered so.
    question_id: str
    account_id: str
    contact_id: str
    role: Role
    topic: Topic
    about: str
    value: int
    state: State
    owner: Role
    due: date
    opened_at: datetime
    cause: str = ""

    def move(self, what: Move, now: Moment) -> "Action":
        """Apply one move, as far as the table says; what was not well the first time goes to who answers for the account."""
        if (state := MOVES.get((self.state, what))) is None:
            raise Conflict("feedback.illegal_move", f"what is {self.state} cannot be moved by {what}")
        after = replace(self, state=state)
        if state is State.REOPENED:
            return replace(after, owner=ESCALATED_TO, due=now.calendar.after(now.today, AGAIN_DUE_DAYS))
        if state is State.UNSOLVED:
            return replace(after, owner=ESCALATED_TO)
        return after

    def close(self, cause: str, said: str, roles: Collection[str], now: Moment) -> "Action":
        """The action, done by somebody with these roles; refuses whose it is not, and a close that says nothing."""
        if not {self.owner, ESCALATED_TO, Role.SELLER_ADMIN} & set(roles):
            raise Forbidden("feedback.not_theirs", f"this is {self.owner}'s to close")
        if cause not in CAUSES:
            raise Invalid("feedback.cause", "say what it came from")
        if not said.strip():
            raise Invalid("feedback.said", "say what was done: whoever answered reads it")
        return replace(self.move(Move.CLOSE, now), cause=cause)

    @property
    def urgency(self) -> int:
        """What is looked at first, smallest first: what was not well the first time, then the lowest answer."""
        return -1 if self.state is State.REOPENED else self.value


def opened(question: Question, now: Moment) -> Action:
    """What a low answer asks, of whoever has the matter."""
    assert question.value is not None, "what is opened was answered"
    return Action(
        tenant=question.tenant,
        question_id=question.question_id,
        account_id=question.account_id,
        contact_id=question.contact_id,
        role=question.role,
        topic=question.topic,
        about=question.about,
        value=question.value,
        state=State.OPEN,
        owner=_OWNERS[question.topic],
        due=now.calendar.after(now.today, DUE_DAYS),
        opened_at=now.at,
    )


def follows(question: Question, known: Action | None, now: Moment) -> Action | None:
    """The action as an answer leaves it: opened, taken back, opened once more; what is under way goes its way."""
    if known is None:
        return opened(question, now) if question.is_low else None
    if question.is_low and known.state is State.WITHDRAWN:
        return replace(opened(question, now), state=known.move(Move.COMPLAIN, now).state)
    if not question.is_low and known.state is State.OPEN:
        return known.move(Move.TAKE_BACK, now)
    return known


def mended(action: Action, value: int, now: Moment) -> Action:
    """The action after whoever answered said whether it is well now."""
    return action.move(Move.DENY if value <= LOW_MOST else Move.CONFIRM, now)


def number_of(question_id: str) -> int:
    """By which number what was said of an action is quoted (domain/quotes.py): the same after a rebuild."""
    return 1 + int.from_bytes(hashlib.sha256(question_id.encode()).digest()[:8]) % 999_999_999


# What answers should be, how much less is nothing yet, and from where on a role is said to sour: a sum that forgets what
# is well (CUSUM; E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954).
_SHOULD_BE, _SLACK, _SOUR = 8, 1, 4


def souring(values: Iterable[int]) -> tuple[int, int]:
    """How far answers, oldest first, are below what they should be by now, and how often that was too far; then it begins anew."""
    sourness, alarms = 0, 0
    for value in values:
        if sourness >= _SOUR:
            sourness = 0
        sourness = max(0, sourness + _SHOULD_BE - value - _SLACK)
        alarms += sourness >= _SOUR
    return sourness, alarms


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a role's health: which share was well, from 0 to 1, of how many."""

    name: str
    share: float
    of: int


@dataclass(frozen=True, slots=True)
class RoleHealth:
    """How well a role is, from 0 to 100, and of what that is made."""

    role: Role
    score: int
    terms: tuple[Term, ...]
    sourness: int
    alarms: int


MEASURED, SAID = 0.6, 0.4
HALF_LIFE_DAYS = 90
MEASURED_DAYS = 180  # of what came to pass
LIFT_MOST = 15  # by so much an account is better than its worst role
_WEIGHTS: Mapping[Role, int] = {Role.FINANCE_LEAD: 2}  # decides on going on; the others count once
# Whose the seller's promises are: of which journey, by which step.
_PROMISED: Mapping[tuple[str, str], tuple[Role, ...]] = {
    ("order", "DECIDED"): (Role.REQUESTER,),
    ("order", "SHIPPED"): (Role.RECEIVING, Role.REQUESTER),
    ("order", "INVOICED"): (Role.AP_CLERK,),
    ("dispute", "ANSWERED"): (Role.REQUESTER, Role.AP_CLERK),
    ("dispute", "CREDITED"): (Role.AP_CLERK,),
    ("application", "ANSWERED"): (Role.FINANCE_LEAD,),
}
_HELD_H = 1  # after which an order that is not decided waits for a person


def measured(journeys: Sequence[Journey], now: Moment) -> dict[Role, list[Term]]:
    """What came to pass for each role: promises that were kept, invoices that nobody disputed, orders that were not held up."""
    kept: dict[Role, list[bool]] = {}
    for journey in journeys:
        for code, was_kept in _promises(journey, now):
            for role in _PROMISED.get((journey.kind, code), ()):
                kept.setdefault(role, []).append(was_kept)
    terms = {role: [_share("PROMISES", found)] for role, found in kept.items()}
    invoices, disputes = (sum(journey.kind == kind for journey in journeys) for kind in ("invoice", "dispute"))
    if invoices:
        first_time = Term("FIRST_TIME", max(0, invoices - disputes) / invoices, invoices)
        terms.setdefault(Role.AP_CLERK, []).append(first_time)
    if flowed := [
        decided.done_at - journey.began_at < timedelta(hours=_HELD_H)
        for journey in journeys
        if journey.kind == "order" and (decided := journey.legs.get("DECIDED")) is not None and decided.done_at
    ]:
        for role in (Role.REQUESTER, Role.FINANCE_LEAD):
            terms.setdefault(role, []).append(_share("NOT_HELD", flowed))
    return terms


def _promises(journey: Journey, now: Moment) -> Iterator[tuple[str, bool]]:
    """The seller's promises of a journey that were kept or not by now: what is to come is neither."""
    for step in journey.steps():
        leg = step.leg
        if step.stage.owner == BUYER or leg.promised is None:
            continue
        if leg.done_at:
            yield step.stage.code, now.day_of(leg.done_at) <= leg.promised
        elif now.today > leg.promised:
            yield step.stage.code, False


def _share(name: str, found: Sequence[bool]) -> Term:
    return Term(name, sum(found) / len(found), len(found))


def health(role: Role, terms: Sequence[Term], answers: Sequence[tuple[datetime, int]], now: datetime) -> RoleHealth:
    """How well a role is: what was measured and what it answered (oldest first), older answers less; one alone counts whole."""
    parts = []
    if terms:
        parts.append((MEASURED, sum(term.share for term in terms) / len(terms)))
    found = tuple(terms)
    if answers:
        weights = [0.5 ** ((now - at).total_seconds() / 86_400 / HALF_LIFE_DAYS) for at, _ in answers]
        said = sum(weight * value for weight, (_, value) in zip(weights, answers, strict=True)) / sum(weights)
        parts.append((SAID, said / VALUE_MOST))
        found = (*found, Term("ANSWERS", said / VALUE_MOST, len(answers)))
    assert parts, "a role of which nothing is known has no health"
    score = sum(weight * share for weight, share in parts) / sum(weight for weight, _ in parts)
    sourness, alarms = souring(value for _, value in answers)
    return RoleHealth(role, round(100 * score), found, sourness, alarms)


def of_account(roles: Iterable[RoleHealth]) -> int | None:
    """How well an account is: the weighted mean of its roles, and no more than a little above the worst; None: not known."""
    known = list(roles)
    if not known:
        return None
    weights = [_WEIGHTS.get(one.role, 1) for one in known]
    mean = sum(weight * one.score for weight, one in zip(weights, known, strict=True)) / sum(weights)
    return min(round(mean), min(one.score for one in known) + LIFT_MOST)

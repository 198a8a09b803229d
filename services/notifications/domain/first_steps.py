"""What a company does once its credit line stands, role by role, until it is done (RULES: first steps)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from services.kernel.refusals import Conflict, Forbidden, Invalid
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.domain.stories import Moment

REMINDED_AT = time(8)  # where the seller is


class Code(StrEnum):
    """What is to be done."""

    SIGN_IN = "SIGN_IN"
    COLLEAGUES = "COLLEAGUES"
    SAMPLE = "SAMPLE"
    WAY_TO_PAY = "WAY_TO_PAY"
    FIRST_ORDER = "FIRST_ORDER"


class State(StrEnum):
    """How far a step is."""

    # What comes before it is not done, or nobody holds its role.
    NEXT = "NEXT"
    OPEN = "OPEN"
    REMINDED = "REMINDED"
    # Its owner at the seller sees to it; nobody is reminded any more.
    WAITING = "WAITING"
    DONE = "DONE"


class Move(StrEnum):
    """What moves a step."""

    BEGIN = "BEGIN"
    REMIND = "REMIND"
    HAND_OVER = "HAND_OVER"
    REFUSE = "REFUSE"
    DO = "DO"


class Reason(StrEnum):
    """Why a step waits for its owner."""

    NOBODY = "NOBODY"
    NO_ANSWER = "NO_ANSWER"
    REFUSED = "REFUSED"


# Every legal move. A pair that is missing here is illegal.
MOVES: Mapping[tuple[State, Move], State] = {
    (State.NEXT, Move.BEGIN): State.OPEN,
    (State.NEXT, Move.HAND_OVER): State.WAITING,
    (State.OPEN, Move.REMIND): State.REMINDED,
    (State.REMINDED, Move.HAND_OVER): State.WAITING,
    **{(state, Move.DO): State.DONE for state in State},
    # It may turn out later that it was not.
    **{(state, Move.REFUSE): State.WAITING for state in State},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A step as every company has it."""

    # Who of the buyer does it, and who of the seller sees to it where nobody does.
    role: Role
    owner: Role
    kind: Kind
    # What may be answered by the buyer's people; none: an act of theirs does it.
    answers: frozenset[str] = frozenset()
    # Who may answer beside the role and ACCOUNT_ADMIN.
    also: frozenset[Role] = frozenset()


ACCEPTED, REFUSED = "ACCEPTED", "REFUSED"
DAYS = 3  # business days until a reminder, and from it until the owner sees to it
PLANS: Mapping[Code, Plan] = {
    Code.SIGN_IN: Plan(Role.ACCOUNT_ADMIN, Role.SALES, Kind.FIRST_SIGN_IN),
    Code.COLLEAGUES: Plan(Role.ACCOUNT_ADMIN, Role.SALES, Kind.FIRST_COLLEAGUES),
    Code.SAMPLE: Plan(
        Role.AP_CLERK,
        Role.BILLING,
        Kind.FIRST_SAMPLE,
        frozenset({ACCEPTED, REFUSED}),
        frozenset({Role.AP_MANAGER}),
    ),
    Code.WAY_TO_PAY: Plan(
        Role.FINANCE_LEAD,
        Role.SALES,
        Kind.FIRST_WAY_TO_PAY,
        frozenset({"TRANSFER", "DIRECT_DEBIT", "PORTAL"}),
    ),
    Code.FIRST_ORDER: Plan(Role.REQUESTER, Role.SALES, Kind.FIRST_ORDER),
}
# Whom an account needs beside who administers it.
WANTED = (Role.REQUESTER, Role.RECEIVING, Role.AP_CLERK)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of one company."""

    tenant: str
    account_id: str
    code: Code
    state: State = State.NEXT
    # By when it is asked for; None: it has not begun.
    by_when: date | None = None
    # When the clock moves it; None: never.
    next_at: datetime | None = None
    waits_since: datetime | None = None
    reason: str = ""
    answer: str = ""
    done_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.tenant, self.account_id, self.code

    @property
    def plan(self) -> Plan:
        """What it is."""
        return PLANS[self.code]


def move(step: Step, what: Move) -> Step:
    """Apply one move, as far as the table says."""
    if (state := MOVES.get((step.state, what))) is None:
        raise Conflict("first_step.illegal_move", f"a step that is {step.state} cannot be moved by {what}")
    return replace(step, state=state)


def plan(tenant: str, account_id: str, now: Moment) -> list[Step]:
    """All steps of a company whose line stands from now on; if nobody of it is there in time, its seller's people hear."""
    steps = [Step(tenant, account_id, code) for code in Code]
    return [replace(step, next_at=_later(now, now.today)[1]) if step.code is Code.SIGN_IN else step for step in steps]


def begin(steps: Sequence[Step], held: Collection[Role], now: Moment) -> list[Step]:
    """The steps that begin now: somebody holds their role, and whoever administers the account has come in."""
    is_in = any(step.code is Code.SIGN_IN and step.state is State.DONE for step in steps)
    return [
        _asked(move(step, Move.BEGIN), now)
        for step in steps
        if step.state is State.NEXT and step.plan.role in held and (is_in or step.code is Code.SIGN_IN)
    ]


def by_clock(step: Step, now: Moment) -> Step:
    """The step as the clock moves it: reminded of once, then with its owner; the same, if its time is to come."""
    if step.next_at is None or step.next_at > now.at:
        return step
    match step.state:
        case State.OPEN:
            return _asked(move(step, Move.REMIND), now)
        case State.REMINDED:
            return _waits(move(step, Move.HAND_OVER), Reason.NO_ANSWER, now)
        case State.NEXT if step.code is Code.SIGN_IN:
            return _waits(move(step, Move.HAND_OVER), Reason.NOBODY, now)
    return replace(step, next_at=None)


def done(step: Step, now: Moment, answer: str = "") -> Step:
    """The step, done; done before, it may have another answer now."""
    return replace(
        move(step, Move.DO),
        next_at=None,
        waits_since=None,
        reason="",
        answer=answer or step.answer,
        done_at=step.done_at or now.at,
    )


def refused(step: Step, now: Moment) -> Step:
    """The step, of which somebody says that it does not work."""
    return replace(_waits(move(step, Move.REFUSE), Reason.REFUSED, now), answer=REFUSED, done_at=None)


def answered(step: Step, answer: str, why: str, now: Moment) -> Step:
    """The step after an answer of the buyer's; refuses what is none, and a no without a why."""
    if answer not in step.plan.answers:
        raise Invalid("first_step.answer", f"{step.code} is not answered so")
    if answer != REFUSED:
        return done(step, now, answer)
    if not why.strip():
        raise Invalid("first_step.why", "say what did not work")
    return refused(step, now)


def check_answers(code: Code, roles: Collection[str]) -> None:
    """Refuse the answer of whoever has another's step."""
    found = PLANS[code]
    if not {found.role, Role.ACCOUNT_ADMIN, *found.also} & set(roles):
        raise Forbidden("first_step.not_theirs", f"{code} is answered by {found.role}")


def vacant(held: Collection[Role]) -> tuple[Role, ...]:
    """Which roles nobody of the company holds that it needs."""
    return tuple(role for role in WANTED if role not in held)


def _asked(step: Step, now: Moment) -> Step:
    by_when, at = _later(now, now.today)
    return replace(step, by_when=by_when, next_at=at)


def _waits(step: Step, reason: Reason, now: Moment) -> Step:
    return replace(step, reason=reason, next_at=None, waits_since=step.waits_since or now.at)


def _later(now: Moment, today: date) -> tuple[date, datetime]:
    by_when = now.calendar.after(today, DAYS)
    return by_when, now.calendar.instant(by_when, REMINDED_AT)

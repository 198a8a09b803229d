"""An application for credit: the table of its moves, who makes each, and what a decision may be (RULES: applications)."""

from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.credit.domain.promises import Promise
from services.credit.domain.underwriting import APPROVALS, Outcome, Track
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Forbidden, Invalid

VALID_DAYS = 30  # for which a decision can be accepted, and appealed
OPEN_MOST = 20  # applications of an account that have not ended


class State(StrEnum):
    """Where an application stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    DECIDED = "DECIDED"
    REFERRED = "REFERRED"
    IN_REVIEW = "IN_REVIEW"
    WAITING_FOR_FACTS = "WAITING_FOR_FACTS"
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    APPEALED = "APPEALED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Action(StrEnum):
    """What moves an application."""

    SUBMIT = "SUBMIT"
    DECIDE = "DECIDE"
    REFER = "REFER"
    TAKE_UP = "TAKE_UP"
    ASK = "ASK"
    ANSWER = "ANSWER"
    PROPOSE = "PROPOSE"
    CONFIRM = "CONFIRM"
    SEND_BACK = "SEND_BACK"
    ACCEPT = "ACCEPT"
    APPEAL = "APPEAL"
    LAPSE = "LAPSE"
    WITHDRAW = "WITHDRAW"


class By(StrEnum):
    """Who makes a move. Which persons those are, the contract's access says; the clock and the engine nobody calls."""

    APPLICANT = "APPLICANT"
    DESK = "DESK"
    ENGINE = "ENGINE"
    CLOCK = "CLOCK"


# What waits for the seller: its clock runs.
AT_THE_SELLER = (State.SUBMITTED, State.REFERRED, State.IN_REVIEW, State.PROPOSED, State.APPEALED)
# Those that have not ended.
OPEN = (State.DRAFT, *AT_THE_SELLER, State.WAITING_FOR_FACTS, State.DECIDED)
# Those in which the applicant's answers are taken.
ANSWERABLE = (State.DRAFT, State.REFERRED, State.IN_REVIEW, State.WAITING_FOR_FACTS, State.DECIDED)

# Those in which what a source tells late is still of use.
UNDECIDED = (State.REFERRED, State.IN_REVIEW, State.WAITING_FOR_FACTS, State.PROPOSED, State.APPEALED)

# Every legal move, and who makes it. A pair that is missing here is illegal.
MOVES: dict[tuple[State, Action], tuple[State, frozenset[By]]] = {
    (State.DRAFT, Action.SUBMIT): (State.SUBMITTED, frozenset({By.APPLICANT})),
    # More is known than when the engine looked last: it looks again.
    (State.REFERRED, Action.SUBMIT): (State.SUBMITTED, frozenset({By.APPLICANT, By.ENGINE})),
    (State.DECIDED, Action.SUBMIT): (State.SUBMITTED, frozenset({By.APPLICANT})),
    (State.SUBMITTED, Action.DECIDE): (State.DECIDED, frozenset({By.ENGINE})),
    (State.SUBMITTED, Action.REFER): (State.REFERRED, frozenset({By.ENGINE})),
    **{
        (state, Action.TAKE_UP): (State.IN_REVIEW, frozenset({By.DESK}))
        for state in (State.REFERRED, State.IN_REVIEW, State.APPEALED)
    },
    **{
        (state, Action.ASK): (State.WAITING_FOR_FACTS, frozenset({By.DESK}))
        for state in (State.IN_REVIEW, State.WAITING_FOR_FACTS)
    },
    (State.WAITING_FOR_FACTS, Action.ANSWER): (State.IN_REVIEW, frozenset({By.APPLICANT})),
    (State.IN_REVIEW, Action.DECIDE): (State.DECIDED, frozenset({By.DESK})),
    (State.IN_REVIEW, Action.PROPOSE): (State.PROPOSED, frozenset({By.DESK})),
    (State.PROPOSED, Action.CONFIRM): (State.DECIDED, frozenset({By.DESK})),
    (State.PROPOSED, Action.SEND_BACK): (State.IN_REVIEW, frozenset({By.DESK})),
    (State.DECIDED, Action.ACCEPT): (State.ACCEPTED, frozenset({By.APPLICANT})),
    (State.DECIDED, Action.APPEAL): (State.APPEALED, frozenset({By.APPLICANT})),
    (State.DECIDED, Action.LAPSE): (State.EXPIRED, frozenset({By.CLOCK})),
    **{(state, Action.WITHDRAW): (State.WITHDRAWN, frozenset({By.APPLICANT})) for state in OPEN},
}


@dataclass(frozen=True, slots=True)
class Application:
    """What a company asks for, and where that stands."""

    tenant: str
    application_id: str
    # Of a company that had none, minted at the start: it becomes its account with its first limit.
    account_id: str
    # ISO 3166-1 alpha-2.
    country: str
    # In which the limit will be.
    currency: str
    state: State
    started_by: str
    started_at: datetime
    # As far as it is known.
    track: Track | None = None
    submitted_at: datetime | None = None
    # Who of the seller sees to it.
    owner: str = ""
    promise: Promise | None = None
    # Since when the applicant is waited for.
    asked_at: datetime | None = None
    # The newest decision that the applicant sees, and until when it stands; of one that was left to a person, why.
    decision_id: str = ""
    # Who took it: "engine", or a person.
    decided_by: str = ""
    valid_until: datetime | None = None
    appealed_by: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by."""
        return self.tenant, self.application_id


@dataclass(frozen=True, slots=True)
class Document:
    """What somebody added, without its content."""

    document_id: str
    key: str
    name: str
    media_type: str
    # In bytes.
    size: int
    sha256: str
    # When its file was written and changed last, as it said itself, and what day of issue the document tells.
    written_at: datetime | None = None
    changed_at: datetime | None = None
    issued_on: date | None = None


def move(application: Application, action: Action, by: By) -> Application:
    """Apply one action, as far as the table says."""
    if (found := MOVES.get((application.state, action))) is None:
        raise Conflict(
            "application.illegal_move", f"an application that is {application.state} cannot be moved by {action}"
        )
    state, makers = found
    if by not in makers:
        raise Forbidden("application.not_theirs", f"{action} is not the {by.lower()}'s move")
    return replace(application, state=state)


def submit(application: Application, *, at: datetime, by: By = By.APPLICANT) -> Application:
    """Ask for the decision; once a person has decided, another one decides on an appeal, and not the engine."""
    if application.state is State.DECIDED and application.decided_by != "engine":
        raise Conflict("application.decided_by_person", "a person has decided: an appeal goes to another one")
    return replace(move(application, Action.SUBMIT, by), submitted_at=application.submitted_at or at)


def take_up(application: Application, actor: str, people: Set[str], decided: Set[str]) -> Application:
    """See to it from now on; of what was appealed another person than whoever decided, of none who asked for it."""
    if decided & people and application.appealed_by:
        raise Conflict("application.another_person", "an appeal goes to another person than whoever decided")
    return replace(move(application, Action.TAKE_UP, By.DESK), owner=actor)


def check_owner(application: Application, owner: Set[str], people: Set[str]) -> None:
    """Refuse whoever does not see to it: two persons would decide at once."""
    if application.state is State.IN_REVIEW and not owner & people:
        raise Conflict("application.not_owner", "somebody else sees to it, or nobody does: take it up first")


def check_decider(started: Set[str], people: Set[str], called: Set[str] = frozenset()) -> None:
    """Refuse whoever asked for a limit, or called the company back, as who grants it (RULES: four eyes)."""
    if started & people:
        raise Conflict("application.four_eyes", "whoever started an application does not decide it")
    if called & people:
        raise Conflict("application.four_eyes", "whoever called the company back does not decide it")


def check_caller(started: Set[str], people: Set[str]) -> None:
    """Refuse whoever started an application as who calls the company back."""
    if started & people:
        raise Conflict("application.four_eyes", "whoever started an application does not call the company back")


def needs_two(track: Track, limit: Money, most: Money | None) -> bool:
    """Whether a second person confirms it: on the enhanced track, and above the most that the policy's terms allow."""
    return track is Track.ENHANCED or (limit.minor > 0 and (most is None or limit > most))


def check_confirmer(prepared: Set[str], started: Set[str], people: Set[str], called: Set[str] = frozenset()) -> None:
    """Refuse whoever prepared a decision, asked for it, or called the company back, as who confirms it (RULES: four eyes)."""
    if (prepared | started | called) & people:
        raise Conflict("application.four_eyes", "another person confirms than whoever decided or asked")


def check_answerable(application: Application) -> None:
    """Refuse answers where nobody looks at them any more."""
    if application.state not in ANSWERABLE:
        raise Conflict("application.closed", f"nothing is added to an application that is {application.state}")


def decided(application: Application, decision_id: str, by: str, track: Track, *, at: datetime) -> Application:
    """The application with a decision that stands and was told: nothing is owed any more."""
    return replace(
        application,
        track=track,
        decision_id=decision_id,
        decided_by=by,
        valid_until=at + timedelta(days=VALID_DAYS),
        promise=None,
        asked_at=None,
    )


def referred(application: Application, decision_id: str) -> Application:
    """The application as the engine leaves it to a person: why, and what would change that, the applicant sees."""
    return replace(application, owner="", decision_id=decision_id, decided_by="engine", valid_until=None)


def check_acceptable(application: Application, outcome: Outcome, *, at: datetime) -> None:
    """Refuse what was not approved, and what lapsed before the clock's job said so."""
    if outcome not in APPROVALS:
        raise Conflict("application.not_approved", "nothing was approved that could be accepted")
    if application.valid_until is not None and application.valid_until <= at:
        raise Conflict("application.lapsed", "the decision has lapsed: ask for a new one")


def check_appealable(application: Application, *, at: datetime) -> None:
    """Refuse an appeal that comes too late."""
    if application.valid_until is not None and application.valid_until <= at:
        raise Conflict("application.lapsed", "the decision has lapsed: ask for a new one")


def check_decision(outcome: Outcome, limit: Money, deposit: Money, reasons: Collection[str], currency: str) -> None:
    """Refuse a person's decision that says nothing, or other than its outcome."""
    if outcome is Outcome.REFERRED:
        raise Invalid("application.outcome", "a person approves or declines")
    for amount in (limit, deposit):
        if amount.currency != currency:
            raise Invalid("application.currency", f"the application is in {currency}")
        if amount.minor < 0:
            raise Invalid("application.amount", "a limit and a deposit are zero or more")
    if (outcome in APPROVALS) != (limit.minor > 0):
        raise Invalid("application.amount", "what is approved has a limit above zero, what is declined has none")
    if (outcome is not Outcome.APPROVED) and not reasons:
        raise Invalid("application.reasons", "what is less than was asked for has a reason")
    if (outcome is Outcome.APPROVED_WITH_CONDITIONS) != (deposit.minor > 0):
        raise Invalid("application.amount", "the condition that a person sets is a deposit, and none is set otherwise")

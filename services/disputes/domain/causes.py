"""Why cases come about: the cause that the clerk names, and what is done so that it does not come about again (RULES: causes)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.disputes.domain.cases import Resolution
from services.kernel.calendars import Calendar
from services.kernel.refusals import Conflict, Invalid, quoted

WINDOW = timedelta(days=90)  # in which cases count together, and in which a cause that comes again has recurred
REPEATED = 3  # cases of one cause, with one buyer or one item, that open an action
DUE_DAYS = 10  # business days in which it is done
KEYS_MOST = 50  # of one case: its buyer, and this many of its items

# Code | meaning | whose desk sees to it
_TABLE = """
PRICING_MASTER    | a price in the master data is not the agreed one         | SALES
PROMOTION_SETUP   | a discount, rebate or promotion was not set up           | SALES
ORDER_ENTRY       | the order was taken down wrong                           | SALES
PICKING           | picked or packed wrong                                   | LOGISTICS
CARRIER           | lost, late or damaged on the way                         | LOGISTICS
SERVICE_DELIVERY  | a service was not done as agreed                         | LOGISTICS
PRODUCTION        | made or stored below specification                       | QUALITY
MASTER_DATA       | an address, a VAT id or a reference of the buyer is wrong | BILLING
TAX_SETUP         | the tax was set up wrong                                 | BILLING
DUPLICATE_BILLING | billed twice                                             | BILLING
DOCUMENT_DELIVERY | a document did not reach who needs it                    | BILLING
TERMS_SETUP       | terms or freight are not as agreed                       | CREDIT
CASH_APPLICATION  | a payment or a credit was not taken into account         | CASH_APP
BUYER_ERROR       | the buyer was mistaken                                   | DISPUTE_OWNER
OTHER             | another                                                  | DISPUTE_OWNER
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why cases come about, and whose desk sees to it."""

    code: str
    meaning: str
    owner: str


def _read(row: str) -> Cause:
    code, meaning, owner = (cell.strip() for cell in row.split("|"))
    return Cause(code, meaning, owner)


CAUSES = {cause.code: cause for cause in map(_read, _TABLE.strip().splitlines())}

# What is presumed where a case of that reason is credited and nobody says more.
_USUAL: Mapping[str, str] = {
    "PRC_UNIT": "PRICING_MASTER",
    "PRC_DISC": "PROMOTION_SETUP",
    "QTY_SHORT": "PICKING",
    "QTY_OVER": "ORDER_ENTRY",
    "DLV_NONE": "CARRIER",
    "DLV_LATE": "CARRIER",
    "DLV_REFUSED": "CARRIER",
    "DLV_POD": "DOCUMENT_DELIVERY",
    "QLT_DAMAGE": "CARRIER",
    "QLT_SPEC": "PRODUCTION",
    "ITM_WRONG": "PICKING",
    "SVC_NOTDONE": "SERVICE_DELIVERY",
    "INV_DUP": "DUPLICATE_BILLING",
    "INV_WRONG": "MASTER_DATA",
    "INV_REF": "MASTER_DATA",
    "INV_LEGAL": "MASTER_DATA",
    "INV_NOTRECEIVED": "DOCUMENT_DELIVERY",
    "TAX_RATE": "TAX_SETUP",
    "FRT_CHARGE": "TERMS_SETUP",
    "TRM_DUE": "TERMS_SETUP",
    "TRM_EPD": "TERMS_SETUP",
    "PAY_DONE": "CASH_APPLICATION",
    "CRN_MISSING": "CASH_APPLICATION",
    "REB_BONUS": "PROMOTION_SETUP",
    "ADV_COOP": "PROMOTION_SETUP",
}


class Kind(StrEnum):
    """What cases of one cause may have in common, so that something is done about it."""

    BUYER = "BUYER"
    ITEM = "ITEM"


class By(StrEnum):
    """What cases are counted by."""

    CAUSE = "CAUSE"
    BUYER = "BUYER"
    ITEM = "ITEM"
    SELLER = "SELLER"
    SITE = "SITE"
    COST_CENTRE = "COST_CENTRE"


class State(StrEnum):
    """Where a corrective action stands."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    VERIFIED = "VERIFIED"
    RECURRED = "RECURRED"


class Step(StrEnum):
    """What moves a corrective action."""

    START = "START"
    FINISH = "FINISH"
    VERIFY = "VERIFY"
    RECUR = "RECUR"


# Those beside which no other of the same key is opened.
LIVE = (State.OPEN, State.IN_PROGRESS, State.DONE)

# Every legal step. A pair that is missing here is illegal; that a cause came again is seen, and not called for.
STEPS = {
    (State.OPEN, Step.START): State.IN_PROGRESS,
    (State.OPEN, Step.FINISH): State.DONE,
    (State.IN_PROGRESS, Step.FINISH): State.DONE,
    (State.DONE, Step.VERIFY): State.VERIFIED,
    (State.DONE, Step.RECUR): State.RECURRED,
}


@dataclass(frozen=True, slots=True)
class Watched:
    """What a case has in common with others of its cause: their buyer, or an item."""

    cause: str
    kind: Kind
    # The account's id, or the item's (SKU).
    about: str


@dataclass(frozen=True, slots=True)
class Action:
    """What is done so that a cause does not come about again."""

    action_id: str
    key: Watched
    # A role of the seller.
    owner: str
    state: State
    opened_at: datetime
    due_on: date
    # How many cases led to it.
    cases: int
    done_at: datetime | None = None
    # How often it was moved.
    moves: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What follows from another case of a key."""

    # The action as it is after it; None: it moves none.
    moved: Action | None
    # Since when cases count for a new action; None: there is one at work.
    counts_since: datetime | None


def usual(reason_code: str) -> str:
    """What is presumed of a credited case of that reason."""
    return _USUAL.get(reason_code, "OTHER")


def settle(reason_code: str, resolution: Resolution, said: str) -> tuple[str, bool]:
    """The cause of a case that ends, and whether somebody named it; refuse one that there is not."""
    if said:
        if said not in CAUSES:
            raise Invalid("dispute.unknown_cause", f"{quoted(said)} is no cause of a dispute")
        return said, True
    return ("BUYER_ERROR" if resolution is Resolution.INVALID_PAYABLE else usual(reason_code)), False


def open_action(key: Watched, cases: int, *, action_id: str, at: datetime, calendar: Calendar) -> Action:
    """What is opened once a cause has repeated: the desk whose cause it is has ten business days."""
    return Action(
        action_id=action_id,
        key=key,
        owner=CAUSES[key.cause].owner,
        state=State.OPEN,
        opened_at=at,
        due_on=calendar.after(calendar.day(at), DUE_DAYS),
        cases=cases,
    )


def move(action: Action, step: Step, *, at: datetime) -> Action:
    """Move an action; that what was done helped is said once the time is over in which the cause might have come again."""
    if (state := STEPS.get((action.state, step))) is None:
        raise Conflict("action.illegal_move", f"an action that is {action.state} cannot be moved by {step}")
    if step is Step.VERIFY and action.done_at is not None and at < action.done_at + WINDOW:
        raise Conflict("action.too_early", f"whether it helped is known {WINDOW.days} days after it was done")
    return replace(action, state=state, done_at=at if state is State.DONE else action.done_at, moves=action.moves + 1)


def see(action: Action | None, *, at: datetime) -> Seen:
    """What another case means to the newest action of its key, if there is one.

    Soon after what was done it is a recurrence; long after, what was done had helped. Then, and where there is none,
    cases count for a new one: those since the last was done.
    """
    since = at - WINDOW
    if action is None:
        return Seen(None, since)
    if action.state in (State.OPEN, State.IN_PROGRESS):
        return Seen(None, None)
    assert action.done_at is not None, "what is neither open nor at work was done"
    counts_since = max(since, action.done_at)
    if action.state is not State.DONE:
        return Seen(None, counts_since)
    step = Step.RECUR if at < action.done_at + WINDOW else Step.VERIFY
    return Seen(move(action, step, at=at), counts_since)

"""A case: the table of its moves, what it contests in each state, and how it ends (RULES: the moves)."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from services.disputes.domain import invoices, reasons
from services.disputes.domain.deadlines import Policy, Promise
from services.disputes.domain.invoices import NOTHING_CREDITED, Invoice, Lines, Part
from services.disputes.domain.portions import Shares
from services.disputes.domain.reasons import Reason
from services.disputes.domain.tracks import Track, Why
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid
from services.kernel.residue import unit_of

DESCRIPTION_MAX = 4000  # characters
MISSING_MAX = 500  # characters


class State(StrEnum):
    """Where a case stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    UNDER_REVIEW = "UNDER_REVIEW"
    AWAITING_CUSTOMER = "AWAITING_CUSTOMER"
    AWAITING_INTERNAL = "AWAITING_INTERNAL"
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    RESOLVING = "RESOLVING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    APPEALED = "APPEALED"
    WITHDRAWN = "WITHDRAWN"
    DUPLICATE = "DUPLICATE"
    REOPENED = "REOPENED"


class Order(StrEnum):
    """In which order cases are listed."""

    OPENED = "OPENED"
    NEWEST = "NEWEST"
    # By the day on which an answer was promised, those that wait for one side.
    AT_THE_SELLER = "AT_THE_SELLER"
    AT_THE_BUYER = "AT_THE_BUYER"
    # Those that wait for the seller, by when what was promised is at risk.
    AT_RISK_FIRST = "AT_RISK_FIRST"


class Action(StrEnum):
    """What moves a case."""

    SUBMIT = "SUBMIT"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    REVIEW = "REVIEW"
    ASK_CUSTOMER = "ASK_CUSTOMER"
    ASK_INTERNAL = "ASK_INTERNAL"
    ANSWER = "ANSWER"
    PROPOSE = "PROPOSE"
    ACCEPT = "ACCEPT"
    RESOLVE = "RESOLVE"
    COMPLETE = "COMPLETE"
    CLOSE = "CLOSE"
    REJECT = "REJECT"
    APPEAL = "APPEAL"
    WITHDRAW = "WITHDRAW"
    MARK_DUPLICATE = "MARK_DUPLICATE"
    REOPEN = "REOPEN"


class Resolution(StrEnum):
    """How a case ends."""

    FULL_CREDIT = "FULL_CREDIT"
    PARTIAL_CREDIT = "PARTIAL_CREDIT"
    # The invoice stands; the disputed part is payable.
    INVALID_PAYABLE = "INVALID_PAYABLE"
    # All that is left of the invoice is credited, and a corrected one takes its place.
    REBILL = "REBILL"
    # The difference to lower prices, which hold for the rest of the order.
    PRICE_CORRECTION = "PRICE_CORRECTION"
    # The goods are sent again, without an invoice.
    REPLACEMENT = "REPLACEMENT"
    # A credit that nobody owes.
    GOODWILL = "GOODWILL"
    # An agreed share; the rest is payable.
    SPLIT_SETTLEMENT = "SPLIT_SETTLEMENT"
    # What is open of the disputed amount is given up, without a credit note.
    WRITE_OFF = "WRITE_OFF"


# What ends without a credit, but not at once: the shipment, or the books, carry it out.
IN_KIND = frozenset({Resolution.REPLACEMENT, Resolution.WRITE_OFF})
# After these nothing of the invoice is left to take up again.
_FINAL = frozenset({Resolution.REBILL, Resolution.WRITE_OFF})


# States in which the whole amount is contested: they count against the invoice, and can be withdrawn.
CONTESTED = (
    State.SUBMITTED,
    State.ACKNOWLEDGED,
    State.UNDER_REVIEW,
    State.AWAITING_CUSTOMER,
    State.AWAITING_INTERNAL,
    State.PROPOSED,
    State.ACCEPTED,
    State.APPEALED,
    State.REOPENED,
)

# States of cases that have not ended.
OPEN = (*CONTESTED, State.RESOLVING)

# Those in which the buyer has to do something; in the others of OPEN the seller has.
AT_THE_BUYER = (State.AWAITING_CUSTOMER, State.PROPOSED)
AT_THE_SELLER = tuple(state for state in OPEN if state not in AT_THE_BUYER)

# Those in which the seller's answer is awaited: its clock runs.
AWAITS_ANSWER = tuple(state for state in CONTESTED if state is not State.ACCEPTED and state not in AT_THE_BUYER)

# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Action.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Action.REVIEW): State.UNDER_REVIEW,
    (State.UNDER_REVIEW, Action.ASK_CUSTOMER): State.AWAITING_CUSTOMER,
    (State.UNDER_REVIEW, Action.ASK_INTERNAL): State.AWAITING_INTERNAL,
    (State.UNDER_REVIEW, Action.PROPOSE): State.PROPOSED,
    (State.UNDER_REVIEW, Action.REJECT): State.REJECTED,
    (State.AWAITING_CUSTOMER, Action.ANSWER): State.UNDER_REVIEW,
    (State.AWAITING_INTERNAL, Action.ANSWER): State.UNDER_REVIEW,
    (State.PROPOSED, Action.ACCEPT): State.ACCEPTED,
    (State.PROPOSED, Action.REJECT): State.REJECTED,
    (State.ACCEPTED, Action.RESOLVE): State.RESOLVING,
    (State.RESOLVING, Action.COMPLETE): State.RESOLVED,
    (State.RESOLVED, Action.CLOSE): State.CLOSED,
    (State.RESOLVED, Action.REOPEN): State.REOPENED,
    (State.CLOSED, Action.REOPEN): State.REOPENED,
    (State.REJECTED, Action.APPEAL): State.APPEALED,
    (State.REJECTED, Action.REOPEN): State.REOPENED,
    (State.APPEALED, Action.REVIEW): State.UNDER_REVIEW,
    (State.REOPENED, Action.REVIEW): State.UNDER_REVIEW,
    **{(state, Action.WITHDRAW): State.WITHDRAWN for state in CONTESTED},
    **{(state, Action.MARK_DUPLICATE): State.DUPLICATE for state in CONTESTED},
}

# What nobody can call for: a resolution has a use case of its own, and the credit note completes it.
NOT_CALLABLE = frozenset({Action.RESOLVE, Action.COMPLETE})


# Who goes on with a case by what the evidence says, within the seller's policy (RULES: checked at once).
CHECKER = "system:checks"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A case about part of one invoice. Its end (resolution, credit) is that of the last resolution."""

    tenant: str
    dispute_id: str
    invoice_id: str
    invoice_number: str
    account_id: str
    order_id: str
    scope: Scope
    reason_code: str
    description: str
    # What it contests: the lines, if it was opened on lines, and their gross; else the gross amount alone.
    lines: tuple[Part, ...]
    amount: Money
    state: State
    opened_by: str
    opened_at: datetime
    answer_by: date
    # What people call it: "D-2026-0042"; '' until it is numbered.
    number: str = ""
    # How often it was moved: the number of its last history entry.
    moves: int = 0
    # Since when the customer is waited for.
    asked_at: datetime | None = None
    # When it was last resolved or rejected.
    ended_at: datetime | None = None
    resolution: Resolution | None = None
    credit: Money | None = None
    # All that its resolutions had credited by line.
    credited_lines: tuple[Part, ...] = ()
    credit_note_number: str = ""
    # How closely it is looked at, and why; '' of before there were tracks.
    track: Track = Track.STANDARD
    track_reason: str = ""
    # The instant of `answer_by` until which the answer is promised, and from when that is at risk; None of before.
    answer_at: datetime | None = None
    at_risk_at: datetime | None = None
    # That this promise is at risk was told.
    warned: bool = False
    # Of the reason OTH: by when the right one is found; None: it is, or that it is not was told.
    recode_by: datetime | None = None
    # How far up the seller's house was told that it is late (domain/lateness.py).
    late_level: int = 0
    # The day that was promised first and missed, while the answer is not there; and the days of delays that ended.
    late_from: date | None = None
    late_days: int = 0
    # Who has it at the seller ("user:ada"), and who when they are away; '' whoever holds the role.
    owner: str = ""
    stand_in: str = ""
    # How often it went from one owner to another.
    handoffs: int = 0
    # When something was done with it last; None of before that was kept.
    acted_at: datetime | None = None
    # The case that goes on for it; '' none does.
    merged_into: str = ""
    # How often it was changed beside its moves: the number of the last change.
    changes: int = 0
    # The legal entity whose invoice it is about.
    seller_id: str = ""
    # The invoice in the place of the disputed one, and the shipment in the place of what was wrong, once they are there.
    corrected_invoice_number: str = ""
    replaced_by_shipment: str = ""
    # What the books gave up of the invoice.
    written_off: Money | None = None
    # Since when the invoice has been due; None of what came before it was kept.
    due_on: date | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What its invoice is found by."""
        return self.tenant, self.invoice_id

    @property
    def claim(self) -> Money:
        """What counts against the invoice: all while it is contested, the credit until its credit note is there.

        Of what ends in goods, or is given up, all until that is done.
        """
        if self.state in CONTESTED or (self.state is State.RESOLVING and self.resolution in IN_KIND):
            return self.amount
        if self.state is State.RESOLVING and self.credit is not None:
            return self.credit
        return Money(0, self.amount.currency)

    @property
    def promised(self) -> Promise | None:
        """By when the seller answers; None where only a day was told."""
        return Promise(self.answer_by, self.answer_at) if self.answer_at else None

    @property
    def look_at(self) -> datetime | None:
        """When the clock has something to tell of it next; None: nothing, as it is."""
        if self.state not in AWAITS_ANSWER:
            return None
        risk = None if self.warned else self.at_risk_at
        return min((at for at in (risk, self.answer_at, self.recode_by) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a case, as it is told and kept: the case as it was, and as it is."""

    action: Action
    before: Dispute
    after: Dispute
    # With ASK_CUSTOMER: what exactly.
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to contest: lines, or a gross amount."""

    reason_code: str
    # None: not yet described, by whoever only looks what a case would be.
    description: str | None
    lines: tuple[Part, ...]
    amount: Money | None


@dataclass(frozen=True, slots=True)
class People:
    """Who opened a case, proposed last how it ends, and accepted that last: each with whom they stood in for."""

    opened: Set[str]
    proposed: Set[str] = frozenset()
    accepted: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a case's history."""

    # From 1.
    nth: int
    action: Action
    from_state: State
    to_state: State
    actor: str
    reason: str
    at: datetime
    # With ASK_CUSTOMER: what exactly.
    missing: str


def number(year: int, nth: int) -> str:
    """What people call the nth case of a business year."""
    return f"D-{year}-{nth:04}"


def draft(
    wish: Wish,
    invoice: Invoice,
    lines: Lines,
    credited: Shares = NOTHING_CREDITED,
    *,
    dispute_id: str,
    by: str,
    at: datetime,
    policy: Policy,
) -> Dispute:
    """Put a wish into the form of a case, refusing what cannot be contested; it counts once it is submitted."""
    reason = reasons.find(wish.reason_code)
    if wish.description is not None:
        _check_described(reason, wish.description)
    if policy.day(at) > invoice.issue_date + timedelta(days=policy.window_days):
        raise Conflict("dispute.too_late", f"{invoice.number} could be disputed for {policy.window_days} days")
    amount = _wanted(wish, lines, invoice, credited)
    course = policy.course(wish.reason_code, amount)
    promised = policy.promise(course[0], at)
    owners = policy.owners(wish.reason_code)
    return Dispute(
        tenant=invoice.tenant,
        dispute_id=dispute_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        account_id=invoice.account_id,
        order_id=invoice.order_id,
        scope=invoice.scope,
        reason_code=wish.reason_code,
        description=wish.description or "",
        lines=wish.lines,
        amount=amount,
        state=State.DRAFT,
        opened_by=by,
        opened_at=at,
        answer_by=promised.by,
        track=course[0],
        track_reason=course[1],
        answer_at=promised.at,
        at_risk_at=policy.at_risk_at(promised, at),
        recode_by=policy.recode_by(at) if reason.code == reasons.OTHER else None,
        owner=owners.owner,
        stand_in=owners.stand_in,
        acted_at=at,
        seller_id=invoice.seller_id,
    )


def submit(draft: Dispute, invoice: Invoice, lines: Lines, *, at: datetime, policy: Policy) -> tuple[Dispute, Invoice]:
    """Have a new case count against its invoice; refuse more than there is room for."""
    submitted = move(draft, Action.SUBMIT, at=at, policy=policy)
    return submitted, check_room(draft, submitted, invoice, lines)


def move(dispute: Dispute, action: Action, *, at: datetime, policy: Policy) -> Dispute:
    """Apply one action; the caller says when, so that replaying gives the same result."""
    moved = _step(dispute, action, at)
    if action in (Action.REOPEN, Action.APPEAL):
        return _taken_up_again(moved, at, policy)
    if dispute.state is State.AWAITING_CUSTOMER and dispute.asked_at is not None:
        before = dispute.promised or policy.by_day(dispute.answer_by)
        return promised_anew(replace(moved, asked_at=None), policy.put_off(before, dispute.asked_at, at), at, policy)
    if dispute.late_from and moved.state not in AWAITS_ANSWER:
        delay = (policy.day(at) - dispute.late_from).days
        moved = replace(moved, late_from=None, late_days=dispute.late_days + delay)
    return replace(moved, asked_at=at) if moved.state is State.AWAITING_CUSTOMER else moved


def promised_anew(dispute: Dispute, promised: Promise, at: datetime, policy: Policy) -> Dispute:
    """The same case with another promise, of which nothing was told yet."""
    return replace(
        dispute,
        answer_by=promised.by,
        answer_at=promised.at,
        at_risk_at=policy.at_risk_at(promised, at),
        warned=False,
    )


def check_question(missing: str, asked: Collection[str]) -> None:
    """Refuse a question that names nothing, or that this customer was asked before: each item is asked once (RULES: asked once)."""
    if not missing.strip():
        raise Invalid("dispute.missing_unnamed", "to ask the customer, name the exact missing item")
    if len(missing) > MISSING_MAX:
        raise Invalid("dispute.missing_too_long", f"the missing item has at most {MISSING_MAX} characters")
    if missing.strip().casefold() in {item.strip().casefold() for item in asked}:
        raise Conflict("dispute.already_asked", "the customer was asked for this before")


def check_room(before: Dispute, after: Dispute, invoice: Invoice, lines: Lines) -> Invoice:
    """Change what the invoice has contested by what a move changed in the case's claim; refuse more than fits."""
    changed = invoice.contest(after.claim - before.claim)
    if before.state not in CONTESTED and after.state in CONTESTED:
        invoices.check_claimed(after.lines, lines)
    return changed


def check_accepter(people: People, accepting: Set[str]) -> None:
    """Refuse whoever proposed how a case ends, as who accepts it (RULES: four eyes)."""
    if people.proposed & accepting:
        raise Conflict("dispute.four_eyes", "whoever proposed how a dispute ends does not accept it")


def check_resolver(people: People, resolving: Set[str]) -> None:
    """Refuse whoever opened a case (RULES: four eyes)."""
    if people.opened & resolving:
        raise Conflict("dispute.own_case", "whoever opened a dispute does not resolve it")


def is_alone(dispute: Dispute, people: People, resolving: Set[str]) -> bool:
    """Whether who resolves a case also proposed how it ends, and nobody else accepted that (RULES: four eyes).

    What the evidence proves within the seller's caps two persons approved when they set the policy.
    """
    if resolving == {CHECKER}:
        return False
    accepted_by_others = dispute.state is State.ACCEPTED and not people.accepted & resolving
    return bool(people.proposed & resolving) and not accepted_by_others


def check_approved(*, alone: bool, approved: bool) -> None:
    """Refuse one person's word, unless it was approved before for what is alike (RULES: standing approvals)."""
    if alone and not approved:
        raise Conflict("dispute.four_eyes", "whoever proposed how a dispute ends does not resolve it alone")


def resolve(
    dispute: Dispute,
    resolution: Resolution,
    credit: Money,
    credited: Sequence[Part],
    *,
    at: datetime,
    policy: Policy,
) -> list[Move]:
    """Decide how a case ends: from ACCEPTED, or from PROPOSED with the acceptance implied."""
    moves = []
    if dispute.state is State.PROPOSED:
        moves.append(Move(Action.ACCEPT, dispute, move(dispute, Action.ACCEPT, at=at, policy=policy)))
        dispute = moves[-1].after
    decided = replace(
        _step(dispute, Action.RESOLVE, at),
        resolution=resolution,
        credit=credit,
        credited_lines=together(dispute.credited_lines, credited),
    )
    moves.append(Move(Action.RESOLVE, dispute, decided))
    if resolution is Resolution.INVALID_PAYABLE:
        moves.append(Move(Action.COMPLETE, decided, _step(decided, Action.COMPLETE, at)))
    return moves


# What credits as much as is named of what is disputed.
_OF_A_PART = frozenset({Resolution.PARTIAL_CREDIT, Resolution.GOODWILL, Resolution.SPLIT_SETTLEMENT})


def credit_for(
    dispute: Dispute,
    resolution: Resolution,
    parts: tuple[Part, ...],
    amount: Money | None,
    lines: Lines,
    *,
    credited: Shares = NOTHING_CREDITED,
) -> tuple[Money, tuple[Part, ...]]:
    """What a resolution credits, gross and by line: all, nothing, or the part of the disputed that is named."""
    if resolution not in _OF_A_PART:
        if parts or amount is not None:
            raise Invalid("dispute.lines_or_amount", f"{resolution} names no lines and no amount")
        if resolution is Resolution.FULL_CREDIT:
            return dispute.amount, dispute.lines
        return Money(0, dispute.amount.currency), ()
    _check_one_of(parts, amount, dispute.amount.currency)
    if amount is None:
        invoices.check_parts(parts, lines)
        amount = invoices.gross_of(parts, lines, dispute.amount.currency, credited)
        if dispute.lines:
            disputed = {part.line_id: part.quantity for part in dispute.lines}
            if any(part.quantity > disputed.get(part.line_id, 0) for part in parts):
                raise Conflict(
                    "dispute.credit_exceeds_dispute", "these lines were not disputed, or not as many of them"
                )
            amount = min(amount, dispute.amount)  # where only roundings make it more
        else:
            invoices.check_claimed(parts, lines)
    if amount.minor <= 0:
        raise Invalid("dispute.amount_not_positive", "a credit must be above zero")
    if dispute.amount < amount:
        raise Conflict("dispute.credit_exceeds_dispute", f"only {dispute.amount} are disputed")
    return amount, parts


def complete(dispute: Dispute, credit_note_number: str, *, corrected: str = "", at: datetime) -> Dispute:
    """The credit note is there, and the corrected invoice if there is to be one: the outcome is carried out."""
    done = _step(dispute, Action.COMPLETE, at)
    return replace(done, credit_note_number=credit_note_number, corrected_invoice_number=corrected)


def replaced(dispute: Dispute, shipment_id: str, *, at: datetime) -> Dispute:
    """What was agreed on is sent again."""
    return replace(_step(dispute, Action.COMPLETE, at), replaced_by_shipment=shipment_id)


def given_up(dispute: Dispute, amount: Money, *, at: datetime) -> Dispute:
    """The books owe so much less of the invoice; nothing, where it was paid meanwhile."""
    return replace(_step(dispute, Action.COMPLETE, at), written_off=amount)


def next_by(dispute: Dispute, on: date, policy: Policy) -> date | None:
    """The day by which whoever must act next does, counted from the day of the move; None if nobody must."""
    soon = policy.calendar.after(on, policy.first_answer_days)
    match dispute.state:
        case State.SUBMITTED:
            return on  # acknowledged within a minute
        case State.ACKNOWLEDGED | State.APPEALED | State.REOPENED | State.ACCEPTED | State.RESOLVING:
            return min(soon, dispute.answer_by) if dispute.state in AWAITS_ANSWER else soon
        case State.UNDER_REVIEW | State.AWAITING_INTERNAL:
            return dispute.answer_by
        case State.AWAITING_CUSTOMER | State.PROPOSED:
            return policy.calendar.after(on, policy.customer_days)
        case State.REJECTED:
            return on + timedelta(days=policy.reopen_days)  # who disagrees appeals by then
        case _:
            return None


def _step(dispute: Dispute, action: Action, at: datetime) -> Dispute:
    if (state := MOVES.get((dispute.state, action))) is None:
        raise Conflict("dispute.illegal_move", f"a dispute that is {dispute.state} cannot be moved by {action}")
    ended_at = at if state in (State.RESOLVED, State.REJECTED) else dispute.ended_at
    return replace(dispute, state=state, moves=dispute.moves + 1, ended_at=ended_at, acted_at=at)


def _taken_up_again(moved: Dispute, at: datetime, policy: Policy) -> Dispute:
    """Contest what was not credited, with a new day for the answer; refuse if it is too late, or nothing is left."""
    assert moved.ended_at is not None, "only what ended is taken up again"
    today = policy.day(at)
    if today > policy.day(moved.ended_at) + timedelta(days=policy.reopen_days):
        raise Conflict("dispute.too_late", f"a case is taken up again within {policy.reopen_days} days of its end")
    if moved.resolution in _FINAL:
        raise Conflict("dispute.nothing_left", "nothing of the invoice is left: another one is disputed by itself")
    again = replace(moved, resolution=None, credit=None, late_level=0)
    if moved.track is Track.FAST:
        again = replace(again, track=Track.STANDARD, track_reason=Why.APPEALED)
    again = promised_anew(again, policy.promise(again.track, at), at, policy)
    if moved.credit is None or not moved.credit.minor:
        return again
    left = moved.amount - moved.credit
    if not left.minor:
        raise Conflict("dispute.nothing_left", "all that was disputed is credited")
    # After a credit in part the lines no longer say what is contested: the rest goes on as an amount.
    return replace(again, amount=left, lines=())


def _check_described(reason: Reason, description: str) -> None:
    if reason.code == reasons.OTHER and not description.strip():
        raise Invalid("dispute.description_missing", "another reason needs a description")
    if len(description) > DESCRIPTION_MAX:
        raise Invalid("dispute.description_too_long", f"a description has at most {DESCRIPTION_MAX} characters")


def _wanted(wish: Wish, lines: Lines, invoice: Invoice, credited: Shares) -> Money:
    amount = wish.amount
    _check_one_of(wish.lines, amount, invoice.gross.currency)
    if amount is None:
        invoices.check_parts(wish.lines, lines)
        invoices.check_claimed(wish.lines, lines)
        amount = invoices.amount_of(wish.lines, lines, invoice, credited)
    if amount.minor <= 0:
        raise Invalid("dispute.amount_not_positive", "what is disputed must be worth more than zero")
    return amount


def _check_one_of(parts: tuple[Part, ...], amount: Money | None, currency: str) -> None:
    if bool(parts) == (amount is not None):
        raise Invalid("dispute.lines_or_amount", "name either lines or a gross amount")
    if amount is not None and amount.currency != currency:
        raise Conflict("dispute.other_currency", f"the invoice is in {currency}, not in {amount.currency}")
    if amount is not None and amount.minor % unit_of(currency):
        raise Invalid("dispute.amount_too_fine", f"a document has two decimals: {amount} cannot be credited")


def together(earlier: Sequence[Part], now: Sequence[Part]) -> tuple[Part, ...]:
    quantities = {part.line_id: part.quantity for part in earlier}
    for part in now:
        quantities[part.line_id] = quantities.get(part.line_id, Decimal(0)) + part.quantity
    return tuple(Part(line_id, quantity) for line_id, quantity in quantities.items())

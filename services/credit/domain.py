"""The rules of credit: what is approved, what is held, and what becomes of a hold (domain rules B2, B3)."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid

HOLD_DAYS = 7  # a hold lapses so many days after the promised day of shipment


class Outcome(StrEnum):
    """The answer to an order."""

    APPROVED = "APPROVED"
    REFERRED = "REFERRED"
    DECLINED = "DECLINED"


class State(StrEnum):
    """Where the reservation of one version of an order stands."""

    REFERRED = "REFERRED"
    HELD = "HELD"
    PARTIALLY_CAPTURED = "PARTIALLY_CAPTURED"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


class Action(StrEnum):
    """What moves a reservation."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    CAPTURE = "CAPTURE"
    CAPTURE_ALL = "CAPTURE_ALL"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"


# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.REFERRED, Action.APPROVE): State.HELD,
    (State.REFERRED, Action.DECLINE): State.REFUSED,
    (State.REFERRED, Action.RELEASE): State.RELEASED,
    (State.REFERRED, Action.EXPIRE): State.EXPIRED,
    (State.HELD, Action.CAPTURE): State.PARTIALLY_CAPTURED,
    (State.HELD, Action.CAPTURE_ALL): State.CAPTURED,
    (State.HELD, Action.RELEASE): State.RELEASED,
    (State.HELD, Action.EXPIRE): State.EXPIRED,
    (State.PARTIALLY_CAPTURED, Action.CAPTURE): State.PARTIALLY_CAPTURED,
    (State.PARTIALLY_CAPTURED, Action.CAPTURE_ALL): State.CAPTURED,
    (State.PARTIALLY_CAPTURED, Action.RELEASE): State.RELEASED,
    (State.PARTIALLY_CAPTURED, Action.EXPIRE): State.EXPIRED,
}

OPEN = frozenset({State.REFERRED, State.HELD, State.PARTIALLY_CAPTURED})


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller decides by: configuration, never code."""

    # Above the headroom, but by no more than this part of the limit: a person decides.
    referral_share: Decimal = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Account:
    """What a buyer may owe, owes and has reserved."""

    tenant: str
    account_id: str
    limit: Money
    # Every term of B2 but the reservations; below zero if the buyer paid too much.
    used: Money
    held: Money
    on_hold: bool = False

    def own(self, amount: Money) -> Money:
        """Return the amount itself; refuse one that is in another currency than the account."""
        if amount.currency != self.limit.currency:
            raise Invalid(
                "account.currency_not_held",
                f"the account is kept in {self.limit.currency}, the amount is in {amount.currency}",
            )
        return amount

    @property
    def headroom(self) -> Money:
        """What the account can still take; below zero when shipped goods used more than the limit."""
        return self.limit - self.used - self.held

    def referral_band(self, policy: Policy) -> Money:
        """How far above the headroom a person is still asked."""
        return Money.of(self.limit.decimal * policy.referral_share, self.limit.currency)


@dataclass(frozen=True, slots=True)
class Request:
    """An order's wish for credit: the gross of one of its versions."""

    tenant: str
    account_id: str
    order_id: str
    version: int
    amount: Money
    promised_ship_on: date
    scope: Scope


@dataclass(frozen=True, slots=True)
class Hold:
    """The reservation of one version of an order; `held` is what is reserved now."""

    tenant: str
    order_id: str
    version: int
    account_id: str
    state: State
    amount: Money
    held: Money
    captured: Money
    expires_at: datetime
    scope: Scope

    def move(self, action: Action, *, held: Money, captured: Money | None = None) -> "Hold":
        """Apply one action; an illegal one is refused."""
        if (state := MOVES.get((self.state, action))) is None:
            raise Conflict("hold.illegal_move", f"a hold that is {self.state} cannot be moved by {action}")
        return replace(self, state=state, held=held, captured=captured or self.captured)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one version of an order, and why."""

    request: Request
    outcome: Outcome
    reasons: tuple[str, ...]
    decided_by: str
    # None for a buyer nobody knows.
    headroom: Money | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision as it was written."""

    decision_id: str
    order_id: str
    version: int
    account_id: str
    outcome: Outcome
    reasons: tuple[str, ...]
    amount: Money
    headroom: Money | None
    expires_at: datetime | None
    scope: Scope


@dataclass(slots=True)
class Book:
    """The locked accounts and the newest hold of each order, changed as one decides in sequence."""

    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    # Whose accounts were changed.
    changed: set[tuple[str, str]] = field(default_factory=set)

    def change(self, key: tuple[str, str], *, used: int = 0, held: int = 0) -> Account:
        """Add to what an account uses and holds, in minor units."""
        before = self.accounts[key]
        currency = before.limit.currency
        account = Account(
            tenant=before.tenant,
            account_id=before.account_id,
            limit=before.limit,
            used=Money(before.used.minor + used, currency),
            held=Money(before.held.minor + held, currency),
            on_hold=before.on_hold,
        )
        assert account.held.minor >= 0, "more was released than was held"
        self.accounts[key] = account
        self.changed.add(key)
        return account


def judge(account: Account | None, amount: Money, policy: Policy) -> tuple[Outcome, str]:
    """Approve what fits, refer a near miss to a person, decline the rest."""
    if account is None:
        return Outcome.DECLINED, "unknown_buyer"
    if account.on_hold:
        return Outcome.DECLINED, "account_on_hold"
    if amount <= account.headroom:
        return Outcome.APPROVED, "within_limit"
    if amount <= account.headroom + account.referral_band(policy):
        return Outcome.REFERRED, "near_limit"
    return Outcome.DECLINED, "over_limit"


def decide(book: Book, request: Request, policy: Policy) -> tuple[Decision, Hold | None]:
    """Decide one new version of an order and hold what is approved; return also the hold it replaced, if any.

    The caller has made sure that this version was not decided before.
    """
    replaced = _replace_open_hold(book, request)
    account = book.accounts.get((request.tenant, request.account_id))
    if account is not None and account.limit.currency != request.amount.currency:
        raise Invalid(
            "order.currency_not_held",
            f"the account is kept in {account.limit.currency}, the order is in {request.amount.currency}",
        )
    outcome, reason = judge(account, request.amount, policy)
    hold = _reserve(book, request, outcome)
    after = book.accounts.get((request.tenant, request.account_id))
    decision = Decision(
        request=request,
        outcome=outcome,
        reasons=(reason,),
        decided_by="engine",
        headroom=after.headroom if after else None,
        expires_at=hold.expires_at if outcome is Outcome.APPROVED else None,
    )
    return decision, replaced


def review(book: Book, hold: Hold, outcome: Outcome, person: str) -> Decision:
    """A person approves a referred order, whatever the headroom, or declines it."""
    if outcome is Outcome.REFERRED:
        raise Invalid("review.outcome", "a review approves or declines")
    key = (hold.tenant, hold.account_id)
    if outcome is Outcome.APPROVED:
        moved = hold.move(Action.APPROVE, held=hold.amount)
        book.change(key, held=hold.amount.minor)
    else:
        moved = hold.move(Action.DECLINE, held=hold.held)
    book.holds[(hold.tenant, hold.order_id)] = moved
    return Decision(
        request=Request(
            hold.tenant, hold.account_id, hold.order_id, hold.version, hold.amount, hold.expires_at.date(), hold.scope
        ),
        outcome=outcome,
        reasons=("by_person",),
        decided_by=person,
        headroom=book.accounts[key].headroom,
        expires_at=hold.expires_at if outcome is Outcome.APPROVED else None,
    )


def release(book: Book, hold: Hold, action: Action = Action.RELEASE) -> Hold:
    """Give back exactly what is still held; return the hold as it was."""
    if hold.held.minor:
        book.change((hold.tenant, hold.account_id), held=-hold.held.minor)
    book.holds[(hold.tenant, hold.order_id)] = hold.move(action, held=Money(0, hold.held.currency))
    return hold


def capture(book: Book, hold: Hold | None, account: Account, amount: Money, *, final: bool) -> tuple[Money, Money]:
    """An invoice is owed: its amount is used, without a guard (shipped is shipped), and its part of the hold is taken.

    Returns what was captured and, after the final invoice, what was left of the hold and is released.
    """
    zero = Money(0, amount.currency)
    captured = min(hold.held, amount) if hold else zero
    key = (account.tenant, account.account_id)
    book.change(key, used=amount.minor, held=-captured.minor)
    if hold is None or hold.state not in (State.HELD, State.PARTIALLY_CAPTURED):
        return captured, zero
    left = hold.held - captured
    released = left if final else zero
    done = final or left.minor == 0
    moved = hold.move(
        Action.CAPTURE_ALL if done else Action.CAPTURE, held=zero if done else left, captured=hold.captured + captured
    )
    book.holds[(hold.tenant, hold.order_id)] = moved
    if released.minor:
        book.change(key, held=-released.minor)
    return captured, released


def expiry(promised_ship_on: date) -> datetime:
    """When a hold lapses: at the end of the seventh day after the promised day of shipment, UTC."""
    return datetime.combine(promised_ship_on + timedelta(days=HOLD_DAYS + 1), time(0), UTC)


def _reserve(book: Book, request: Request, outcome: Outcome) -> Hold:
    zero = Money(0, request.amount.currency)
    state = {Outcome.APPROVED: State.HELD, Outcome.REFERRED: State.REFERRED, Outcome.DECLINED: State.REFUSED}[outcome]
    hold = Hold(
        tenant=request.tenant,
        order_id=request.order_id,
        version=request.version,
        account_id=request.account_id,
        state=state,
        amount=request.amount,
        held=request.amount if outcome is Outcome.APPROVED else zero,
        captured=zero,
        expires_at=expiry(request.promised_ship_on),
        scope=request.scope,
    )
    if outcome is Outcome.APPROVED:
        book.change((request.tenant, request.account_id), held=request.amount.minor)
    book.holds[(request.tenant, request.order_id)] = hold
    return hold


def _replace_open_hold(book: Book, request: Request) -> Hold | None:
    """A new version takes the place of the open hold; refused once something of the order is invoiced."""
    earlier = book.holds.get((request.tenant, request.order_id))
    if earlier is None:
        return None
    if earlier.account_id != request.account_id:
        raise Conflict("order.account_changed", "an order stays with the account that placed it")
    if request.version < earlier.version:
        raise Conflict("order.version_superseded", f"version {earlier.version} of this order is already decided")
    if earlier.captured.minor:
        raise Conflict("order.already_invoiced", "part of this order is invoiced: it cannot be replaced")
    return release(book, earlier) if earlier.state in OPEN else None

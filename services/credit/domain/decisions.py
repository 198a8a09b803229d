"""The answer to an order, and why."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum

from services.credit.domain.accounts import Account
from services.credit.domain.book import Book, Key
from services.credit.domain.habits import mark, note, settle
from services.credit.domain.holds import OPEN, Action, Hold, State, expiry
from services.credit.domain.moves import own, release, ship
from services.credit.domain.policy import Policy
from services.credit.domain.rates import RateMissing
from services.credit.domain.sellers import zone_of
from services.credit.domain.suspicions import Hit, Seen, kept, reason_of, suspect
from services.credit.domain.tree import Node
from services.kernel.calendars import FIRST_YEAR, LAST_YEAR
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid


class Outcome(StrEnum):
    """The answer to an order."""

    APPROVED = "APPROVED"
    REFERRED = "REFERRED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True)
class Request:
    """An order's wish for credit: the gross of one of its versions."""

    tenant: str
    account_id: str
    order_id: str
    version: int
    amount: Money
    # None: the day on which it is decided.
    promised_ship_on: date | None
    scope: Scope
    # The legal entity that sells; "": the tenant's first.
    seller_id: str = ""
    # None: the day on which it is decided.
    placed_on: date | None = None
    # The mark of where it goes (domain/habits.py); 0: to the buyer's own address.
    place: int = 0
    # Of its goods, as the seller groups them.
    categories: frozenset[str] = frozenset()
    # Who places it ("contact:c1", "system:shop"), and the contact for whom ("c1"); "": nobody is named.
    placed_by: str = ""
    requested_by: str = ""


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
    # What looked wrong about it, what stops most first.
    hits: tuple[Hit, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision, when it was made, and where the order's hold stands since."""

    record: Recorded
    state: State
    held: Money
    at: datetime


def judge(
    account: Account | None,
    amount: Money | None,
    policy: Policy,
    *,
    nodes: Sequence[Node] = (),
    of_group: Money | None = None,
    stopped: bool = False,
    uncertain: bool = False,
) -> tuple[Outcome, str]:
    """Approve what fits the account and all that it is part of, refer a near miss to a person, decline the rest.

    A hold may stop the order; and where it is uncertain what the account uses, or what the amount is in its currency (None)
    or in its nodes' (`of_group`, where that is another), a person decides whatever the figures say.
    """
    if account is None:
        return Outcome.DECLINED, "unknown_buyer"
    if account.on_hold or stopped:
        return Outcome.DECLINED, "account_on_hold"
    if uncertain:
        return Outcome.REFERRED, "exposure_uncertain"
    if amount is not None and nodes and nodes[0].limit.currency == amount.currency:
        of_group = amount
    if amount is None or (nodes and of_group is None):
        return Outcome.REFERRED, "rate_missing"
    return _fit(account, nodes, amount, of_group or amount, policy)


def _fit(
    account: Account, nodes: Sequence[Node], amount: Money, of_group: Money, policy: Policy
) -> tuple[Outcome, str]:
    """Whether it fits the account and each node of its path (RULES: the whole path)."""
    if amount > account.headroom + account.referral_band(policy):
        return Outcome.DECLINED, "over_limit"
    if any(of_group > node.headroom + node.referral_band(policy) for node in nodes):
        return Outcome.DECLINED, "group_limit"
    if amount > account.headroom:
        return Outcome.REFERRED, "near_limit"
    if any(of_group > node.headroom for node in nodes):
        return Outcome.REFERRED, "group_limit"
    return Outcome.APPROVED, "within_limit"


def decide(book: Book, request: Request, at: datetime) -> tuple[Decision, Hold | None]:
    """Decide one new version of an order and hold what is approved; return also the hold it replaced, if any.

    The caller has made sure that this version was not decided before.
    """
    key = (request.tenant, request.account_id)
    replaced = _replace_open_hold(book, request)
    account = book.accounts.get(key)
    taken = book.reserve(request.amount, account) if account else request.amount
    outcome, reason = _judged(book, key, taken, request.scope, at)
    hits: tuple[Hit, ...] = ()
    if account is not None and outcome is not Outcome.DECLINED:
        request = _dated(book, request, at)
        seen = seen_of(request, taken or request.amount)
        if outcome is Outcome.APPROVED:
            hits = suspect(book.lending_of(request.tenant), book.buyer_of(key), account.limit, seen, at)
            if suspicion := reason_of(hits):
                outcome, reason = Outcome.REFERRED, suspicion
        approved = outcome is Outcome.APPROVED
        if (
            approved or request.amount.currency == account.limit.currency
        ):  # what it would take is told of none that waits
            book.keep_orders(key, note(book.buyer_of(key).orders, kept(seen, approved=approved)))
    hold = _reserve(book, request, outcome, at, taken)
    after = book.accounts.get(key)
    decision = Decision(
        request=request,
        outcome=outcome,
        reasons=(reason,),
        decided_by="engine",
        headroom=after.headroom if after else None,
        expires_at=hold.expires_at if outcome is Outcome.APPROVED else None,
        hits=hits,
    )
    return decision, replaced


def _judged(book: Book, key: Key, taken: Money | None, scope: Scope, at: datetime) -> tuple[Outcome, str]:
    """The answer by limits and holds alone, to what an order takes of its account."""
    account = book.accounts.get(key)
    return judge(
        account,
        taken,
        book.policy_of(key[0]),
        nodes=book.nodes_of(account) if account else (),
        of_group=of_group(book, account, taken) if account and taken else None,
        stopped=any(hold.stands(at) and hold.covers(scope) for hold in book.account_holds.get(key, ())),
        uncertain=book.is_uncertain(key),
    )


def _dated(book: Book, request: Request, at: datetime) -> Request:
    """The same, placed today where nothing else is said."""
    if request.placed_on is not None:
        return request
    return replace(request, placed_on=_today(at, zone_of(book.sellers_of(request.tenant), request.seller_id)))


def seen_of(request: Request, taken: Money) -> Seen:
    """An order, as far as it is compared with others of its buyer; `taken` is what it takes of the account."""
    assert request.placed_on is not None, "an order is compared by its day"
    return Seen(
        account_id=request.account_id,
        order_id=request.order_id,
        amount=taken,
        placed_on=request.placed_on,
        promised_on=request.promised_ship_on,
        place=request.place,
        requested_by=request.requested_by,
        categories=request.categories,
    )


def of_group(book: Book, account: Account, taken: Money) -> Money | None:
    """What an order takes of the nodes that its account is part of, where these are in another currency.

    None also where no rate that decides is known.
    """
    if not account.path or (currency := book.nodes_of(account)[0].limit.currency) == account.limit.currency:
        return None
    valued = book.valued_for(replace(account, held=account.held + taken), currency, fresh=True)
    return Money(sum(valued) - sum(account.of_group), currency) if valued else None


def check_reviewer(asked: Set[str], reviewing: Set[str]) -> None:
    """Refuse whoever placed an order, or is whom it was placed for, or stands in for one of them (RULES: four eyes)."""
    if asked & reviewing:
        raise Conflict("order.four_eyes", "whoever placed or asked for an order does not decide on it")


def review(book: Book, hold: Hold, outcome: Outcome, person: str) -> Decision:
    """A person approves a referred order, whatever the headroom, or declines it."""
    if outcome is Outcome.REFERRED:
        raise Invalid("review.outcome", "a review approves or declines")
    return _by_person(book, hold, outcome, ("by_person",), person)


def clear(book: Book, hold: Hold, person: str, at: datetime) -> Decision | None:
    """What looked wrong was checked: approve the order if its limit has room for it at that instant; None: it goes on waiting."""
    key = (hold.tenant, hold.account_id)
    outcome, reason = _judged(book, key, book.reserve(hold.amount, book.accounts[key]), hold.scope, at)
    return _by_person(book, hold, outcome, ("by_person", reason), person) if outcome is Outcome.APPROVED else None


def _by_person(book: Book, hold: Hold, outcome: Outcome, reasons: tuple[str, ...], person: str) -> Decision:
    key = (hold.tenant, hold.account_id)
    if outcome is Outcome.APPROVED:
        moved = hold.move(Action.APPROVE, held=hold.amount)
        moved = replace(moved, taken=_taken(hold.amount, book.reserve(hold.amount, book.accounts[key])))
        book.change(key, held=moved.reserves)
    else:
        moved = hold.move(Action.DECLINE, held=hold.held)
    order = mark(hold.account_id, hold.order_id)
    book.keep_orders(key, settle(book.buyer_of(key).orders, order, approved=outcome is Outcome.APPROVED))
    book.answered.add((hold.tenant, hold.order_id, hold.version))
    book.holds[(hold.tenant, hold.order_id)] = moved
    ship(book, moved)
    return Decision(
        request=Request(
            hold.tenant, hold.account_id, hold.order_id, hold.version, hold.amount, None, hold.scope, hold.seller_id
        ),
        outcome=outcome,
        reasons=reasons,
        decided_by=person,
        headroom=book.accounts[key].headroom,
        expires_at=book.holds[(hold.tenant, hold.order_id)].expires_at if outcome is Outcome.APPROVED else None,
    )


def _taken(amount: Money, reserved: Money | None) -> Money | None:
    """What is kept of what an order takes of its account: nothing, where that is its amount."""
    if reserved is None:
        raise RateMissing(amount.currency)
    return reserved if reserved.currency != amount.currency else None


def _reserve(book: Book, request: Request, outcome: Outcome, at: datetime, taken: Money | None) -> Hold:
    """Hold what is approved until the policy's days are over where the seller is; for ever what has shipped already."""
    key = (request.tenant, request.order_id)
    zone = zone_of(book.sellers_of(request.tenant), request.seller_id)
    promised = request.promised_ship_on or _today(at, zone)
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
        expires_at=expiry(promised, book.policy_of(request.tenant).hold_days, zone),
        scope=request.scope,
        seller_id=request.seller_id,
        placed_by=request.placed_by,
        requested_by=request.requested_by,
        taken=_taken(request.amount, taken) if outcome is Outcome.APPROVED else None,
    )
    if outcome is Outcome.APPROVED:
        book.change((request.tenant, request.account_id), held=hold.reserves)
    book.holds[key] = hold
    ship(book, hold)
    return book.holds[key]


def _today(at: datetime, zone: tzinfo) -> date:
    """The day where the seller is; a clock that somebody set beyond all calendars is refused."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise Invalid("date.out_of_range", f"today is not between {FIRST_YEAR} and {LAST_YEAR}")
    return at.astimezone(zone).date()


def _replace_open_hold(book: Book, request: Request) -> Hold | None:
    """A new version takes the place of the open hold; refused once something of the order is invoiced."""
    earlier = book.holds.get((request.tenant, request.order_id))
    if earlier is None:
        return None
    own(earlier, request.account_id)
    if request.version < earlier.version:
        raise Conflict("order.version_superseded", f"version {earlier.version} of this order is already decided")
    if earlier.captured.minor or earlier.invoiced:
        raise Conflict("order.already_invoiced", "part of this order is invoiced: it cannot be replaced")
    if earlier.held.minor and book.shipped(earlier):
        raise Conflict("order.already_shipped", "part of this order has shipped: it cannot be replaced")
    return release(book, earlier) if earlier.state in OPEN else None

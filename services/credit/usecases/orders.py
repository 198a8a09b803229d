"""Orders and what becomes of them: one routine decides, whatever the door; the ledger says what is used."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts, standing
from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.logs import log, trace_id
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import metrics, store, wire
from services.credit.domain import balances, decisions, moves, releases
from services.credit.domain.accounts import Account
from services.credit.domain.balances import Change
from services.credit.domain.book import Book
from services.credit.domain.checks import Check
from services.credit.domain.decisions import Decision, Outcome, Recorded, Request
from services.credit.domain.holds import Action, Hold, State
from services.credit.domain.rates import RateMissing
from services.credit.domain.review import Cause
from services.credit.store import Key, Movement, Version
from services.credit.usecases import checks, conduct, fraud_rules
from services.credit.usecases.rates import AGAIN_S, RATES
from services.kernel.money import Money
from services.kernel.orders import check_shipments
from services.kernel.refusals import Conflict, Early, Invalid, NotFound, Refusal, quoted
from services.kernel.standing import Act, Kind


@dataclass(slots=True)
class Work:
    """What a batch changes, in sequence, to be written and told as one."""

    book: Book
    at: datetime
    # What was decided on versions before, and here.
    known: dict[Version, Recorded] = field(default_factory=dict)
    # Each version's last state: a statement touches a row once.
    holds: dict[Version, Hold] = field(default_factory=dict)
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    # Decisions on what looked wrong, each with who asked for it.
    suspected: list[tuple[Origin, Decision]] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    # Accounts, and nodes, whose limit must hold once this is written.
    granted: set[Key] = field(default_factory=set)
    granted_nodes: set[Key] = field(default_factory=set)
    # The accounts of orders that were not known before.
    owners: dict[Key, str] = field(default_factory=dict)
    # Tenant, order, account and id of what left.
    shipments: list[tuple[str, str, str, str]] = field(default_factory=list)
    # Where the ledger's balance was another than what its events had added up to.
    corrections: list[tuple[str, Change]] = field(default_factory=list)
    # What accounts owed and held at most after an order was granted, minor units.
    peaks: dict[Key, int] = field(default_factory=dict)
    telling: list[Announcement] = field(default_factory=list)
    # Decisions that a standing approval may change: where they are among those, and among what is told.
    near: list[tuple[int, int]] = field(default_factory=list)

    def keep(self, hold: Hold) -> None:
        """Write this state of a hold."""
        self.holds[(hold.tenant, hold.order_id, hold.version)] = hold

    def grant(self, hold: Hold) -> None:
        """Have the limits of an order's account and its path hold, once this is written; note what is open now."""
        key = (hold.tenant, hold.account_id)
        account = self.book.accounts[key]
        self.granted.add(key)
        self.granted_nodes |= {(hold.tenant, node_id) for node_id in account.path}
        self.open_after(account)

    def open_after(self, account: Account) -> None:
        """Note what an account owes and holds after an order."""
        key = (account.tenant, account.account_id)
        self.peaks[key] = max(self.peaks.get(key, 0), account.used.minor + account.held.minor)

    def keep_newest(self, before: Hold) -> None:
        """Write the state of an order's hold, if it is another than before."""
        if (hold := self.book.holds[(before.tenant, before.order_id)]) is not before:
            self.keep(hold)


async def follow(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Handle all that changes what accounts use and hold, in the order in which it came.

    One book is opened and closed for all of it, whatever kinds of events a batch mixes.
    """
    effective = [event for event in events if not _changes_nothing(event)]
    if not effective:
        await conduct.fold(tx, events)
        return
    began = time.perf_counter()
    of_orders = [event for event in effective if type(event.body) in _OF_ORDERS]
    accounts = {(event.tenant, event.body.account_id) for event in effective}
    placed = [event for event in of_orders if isinstance(event.body, orders_pb2.OrderPlaced)]
    work = await _open(
        tx,
        accounts,
        {_order(event) for event in of_orders},
        [(*_order(e), e.body.version) for e in placed],
        {(e.tenant, e.body.account_id) for e in placed},
        spoken=_by_account(((e.tenant, e.body.account_id), wire.currencies(e.body)) for e in effective),
    )
    booked = await _booked(tx, work.book, effective)
    for event in effective:
        if _cause(event) not in booked:
            _step(work, event)
    await _close(tx, work, began)
    await conduct.fold(tx, events)


def _step(work: Work, event: Event[Any]) -> None:
    """Handle one; what changes a group in a currency of which no rate is known waits for one."""
    try:
        _STEPS[type(event.body)](work, event)
    except RateMissing:
        raise Early(RATES) from None


async def decide(tx: Tx, requests: Sequence[tuple[Origin, Request]]) -> list[Recorded]:
    """Decide once per order and version, in sequence, and hold what is approved; asking again repeats the answer.

    A checkout's single question; what it does with each is the one routine for every door (RULES: one routine).
    """
    began = time.perf_counter()
    accounts = {(r.tenant, r.account_id) for _, r in requests}
    work = await _open(
        tx,
        accounts,
        {(r.tenant, r.order_id) for _, r in requests},
        [(r.tenant, r.order_id, r.version) for _, r in requests],
        accounts,
        spoken=_by_account(((r.tenant, r.account_id), {r.amount.currency}) for _, r in requests),
    )
    for origin, request in requests:
        _decide_one(work, origin, request)
    await _close(tx, work, began)
    return [work.known[(request.tenant, request.order_id, request.version)] for _, request in requests]


def _decide_one(work: Work, origin: Origin, request: Request) -> Recorded:
    version = (request.tenant, request.order_id, request.version)
    if (earlier := work.known.get(version)) is not None:
        return _same(earlier, request)
    order = (request.tenant, request.order_id)
    if order not in work.book.holds:
        work.owners[order] = request.account_id
    decision, replaced = decisions.decide(work.book, request, work.at)
    if replaced is not None:
        work.keep(replace(replaced, state=State.RELEASED, held=Money(0, replaced.held.currency)))
        work.movements += _released(replaced, "replaced")
        work.telling += _tell_released(origin, replaced, events_pb2.RELEASE_CAUSE_REPLACED)
    work.known[version] = record = _record(decision)
    work.decisions.append((record.decision_id, decision))
    hold = work.book.holds[order]
    work.keep(hold)
    if decision.outcome is Outcome.APPROVED:
        work.grant(hold)
        work.movements.append(_hold_movement(hold))
    if decision.reasons == releases.NEAR:
        work.near.append((len(work.decisions) - 1, len(work.telling)))
    work.telling.append(_tell(origin, record.account_id, record.order_id, wire.decided(record, hold, decision.request)))
    if decision.hits:
        work.suspected.append((origin, decision))
    return record


async def _release_alike(tx: Tx, work: Work) -> None:
    """Have orders near their limit go on where that was approved for what is alike (RULES: standing approvals).

    Tenant by tenant, so that no two batches wait for each other's approvals.
    """
    for decided, told in sorted(work.near, key=lambda one: work.decisions[one[0]][1].request.tenant):
        decision_id, decision = work.decisions[decided]
        if (hold := releases.may_be_released(work.book, decision, work.at)) is None:
            continue
        request = decision.request
        version = (request.tenant, request.order_id, request.version)
        act = Act(
            Kind.RELEASE_ORDER,
            f"order/{request.order_id}/{request.version}",
            request.account_id,
            request.amount,
            people=frozenset(_subjects(request.placed_by, request.requested_by)),
        )
        if (used := await standing.use(tx, request.tenant, act)) is None:
            continue
        released = releases.release(work.book, decision, hold)
        record = replace(
            work.known[version],
            outcome=released.outcome,
            reasons=released.reasons,
            headroom=released.headroom,
            expires_at=released.expires_at,
        )
        work.known[version] = record
        work.decisions[decided] = (decision_id, released)
        hold = work.book.holds[(request.tenant, request.order_id)]
        work.keep(hold)
        work.movements.append(_hold_movement(hold))
        work.granted.discard((request.tenant, request.account_id))  # it is above the limit, at somebody's word
        origin = work.telling[told].origin
        work.telling[told] = _tell(origin, record.account_id, record.order_id, wire.decided(record, hold, request))
        work.open_after(work.book.accounts[(request.tenant, request.account_id)])
        work.telling.append(standing.used_told(wire.STANDING, origin, used[0], act, used[1]))


async def review(tx: Tx, origin: Origin, order_id: str, outcome: Outcome, *, is_fraud: bool = False) -> Recorded:
    """A person decides a referred order; the order goes on. What looked wrong about it was so, or was not; of who orders so the limit is looked at."""
    if is_fraud and outcome is not Outcome.DECLINED:
        raise Invalid("review.fraud_approved", "an order that is a fraud is declined")
    book, hold = await _one_order(tx, origin.tenant, order_id)
    await _check_reviewer(tx, origin, order_id)
    checked = await store.find_check(tx, (origin.tenant, order_id))
    await store.read_rates(tx, book, {(hold.tenant, hold.account_id): {hold.amount.currency}})
    decision = decisions.review(book, hold, outcome, origin.actor)
    record = await _decided_by_person(tx, origin, Work(book, tx.at), decision)
    if checked is not None and not checked.is_closed and (is_fraud or outcome is Outcome.APPROVED):
        await fraud_rules.ended(tx, origin, checked.rules, confirmed=is_fraud)
    if is_fraud:
        await store.look_soon(tx, (hold.tenant, hold.account_id), Cause.FRAUD)
    return record


async def record_check(tx: Tx, origin: Origin, order_id: str, *, is_clear: bool) -> Check:
    """What a check came to; if all is well, the order is decided anew, by its limit at this instant."""
    book, hold = await _one_order(tx, origin.tenant, order_id)
    await _check_reviewer(tx, origin, order_id)
    answered = (await checks.one_check(tx, origin, order_id)).answered(origin.actor, is_clear=is_clear)
    state = events_pb2.ORDER_CHECK_STATE_CLEARED if is_clear else events_pb2.ORDER_CHECK_STATE_FAILED
    await store.save_check(tx, answered)
    await outbox.add(tx, [_tell(origin, hold.account_id, order_id, wire.check_moved(answered, state, hold.scope))])
    if is_clear:
        work = Work(book, book.at or tx.at)
        await store.read_rates(tx, book, {(hold.tenant, hold.account_id): {hold.amount.currency}})
        if (decision := decisions.clear(book, hold, origin.actor, work.at)) is not None:
            work.grant(hold)
            await _decided_by_person(tx, origin, work, decision)
        await fraud_rules.ended(tx, origin, answered.rules, confirmed=False)
    return answered


async def _check_reviewer(tx: Tx, origin: Origin, order_id: str) -> None:
    asked = {one for wish in await store.who_asked(tx, (origin.tenant, order_id)) for one in _subjects(*wish)}
    decisions.check_reviewer(asked, identity.subjects_of(origin.actor))


async def _decided_by_person(tx: Tx, origin: Origin, work: Work, decision: Decision) -> Recorded:
    record = _record(decision)
    work.decisions.append((record.decision_id, decision))
    hold = work.book.holds[(origin.tenant, record.order_id)]
    work.keep(hold)
    if decision.outcome is Outcome.APPROVED:
        work.movements.append(_hold_movement(hold))
        work.open_after(work.book.accounts[(origin.tenant, record.account_id)])
    work.telling.append(_tell(origin, record.account_id, record.order_id, wire.decided(record, taken=hold.taken)))
    await _write(tx, work)
    return record


def _subjects(placed_by: str, requested_by: str) -> Set[str]:
    """Who placed an order, and the contact for whom."""
    placed = set(identity.subjects_of(placed_by)) if placed_by else set()
    return placed | ({f"{identity.CONTACT}:{requested_by}"} if requested_by else set())


def _place(work: Work, event: Event[orders_pb2.OrderPlaced]) -> None:
    """Decide an order that the shop or the ERP tells."""
    _decide_one(work, event.origin, wire.request_of_order(event))


def _ship(work: Work, event: Event[orders_pb2.OrderShipped]) -> None:
    """What has left is noted, each shipment once; what is held for the order stays held until it is invoiced.

    It waits for nothing: of an order that comes later it is found then; one that was declined has nothing to hold.
    """
    body, order = event.body, _order(event)
    if body.account_id != event.account_id:
        raise Invalid("order.account_mismatch", "the shipment's account is not the one in the key")
    hold = work.book.holds.get(order)
    if hold is not None:
        moves.own(hold, body.account_id)
    shipment = (body.account_id, body.shipment_id)
    if shipment in (known := work.book.shipments.setdefault(order, set())):
        return
    check_shipments(len(known))
    known.add(shipment)
    work.shipments.append((*order, *shipment))
    if hold is not None:
        moves.ship(work.book, hold)
        work.keep_newest(hold)


def _cancel(work: Work, event: Event[orders_pb2.OrderCancelled]) -> None:
    """Give back exactly what the order's hold still has, unless something of it is still to be invoiced."""
    hold = moves.own(_known(work.book, event.tenant, event.body.order_id), event.body.account_id)
    if 0 < event.body.version < hold.version:
        return  # it was placed anew since
    released = moves.cancel(work.book, hold)
    work.keep_newest(hold)
    if released:
        work.movements += _released(hold, "cancelled")
        work.telling += _tell_released(event.origin, hold, events_pb2.RELEASE_CAUSE_CANCELLED)


def _refuse(work: Work, event: Event[invoicing_pb2.ShipmentRefused]) -> None:
    """Give back the hold of an order that invoicing refused whole, unless something of it has left (RULES: refused is not held)."""
    version = event.body.version
    hold = moves.own(_known(work.book, event.tenant, event.body.order_id), event.body.account_id)
    if version > hold.version:
        raise Early(event.subject)
    if 0 < version < hold.version or not moves.refuse(work.book, hold):
        return
    work.keep_newest(hold)
    work.movements += _released(hold, "refused")
    work.telling += _tell_released(event.origin, hold, events_pb2.RELEASE_CAUSE_REFUSED)


def _capture(work: Work, event: Event[ledger_pb2.ItemOpened]) -> None:
    """What is invoiced is used, and its part of the hold taken; after the last invoice the rest is released."""
    body = event.body
    book, key = work.book, (event.tenant, body.account_id)
    hold = _known(book, event.tenant, body.order_id)
    _account(book, *key)
    amount = contracts.money(body.amount)
    captured = released = Money(0, hold.amount.currency)
    taken = left = 0  # in the account's currency
    # An invoice of one account never takes what another holds; one in the place of another takes nothing more.
    if hold.account_id == body.account_id and not body.corrects_invoice_id:
        captured, released = moves.capture(book, hold, amount, final=body.final)
        left = hold.part(released)
        taken = hold.reserves - left - book.holds[(hold.tenant, hold.order_id)].reserves
        work.keep_newest(hold)
    _use(work, event, amount, held=-taken)
    telling: list[Message] = []
    if captured.minor:
        telling.append(wire.captured(hold, captured, body.number))
    if released.minor:
        work.movements.append(Movement(key, f"completed order/{hold.order_id}/{hold.version}", held=-left))
        telling.append(wire.released(hold, released, events_pb2.RELEASE_CAUSE_COMPLETED))
    account = book.accounts[key]
    # What a corrected invoice takes the place of is credited with it, right after it.
    is_more = captured.currency != amount.currency or captured < amount
    if account.headroom.minor < 0 and is_more and not body.corrects_invoice_id:
        telling.append(wire.exceeded(body, hold, account.limit, -account.headroom))
    work.telling += [_tell(event.origin, key[1], hold.order_id, message) for message in telling]


def _lower(work: Work, event: Event[Any]) -> None:
    """What came in, applied or not, and what was credited lowers what is used."""
    _account(work.book, event.tenant, event.body.account_id)
    _use(work, event, -contracts.money(event.body.amount))


def _reduce(work: Work, event: Event[ledger_pb2.ItemReduced]) -> None:
    """A credit note lowers what is used, and so does what is given up; of what was paid, PaymentReceived told."""
    (_lower if event.body.by in _LOWERS else _note)(work, event)


def _note(work: Work, event: Event[Any]) -> None:
    """What changes nothing itself tells a balance all the same."""
    if event.body.after:
        _account(work.book, event.tenant, event.body.account_id)
        _use(work, event, None)


def _use(work: Work, event: Event[Any], adds: Money | None, *, held: int = 0) -> None:
    """Let the account use what the ledger says it does: the newest balance, where it tells one.

    What is owed in another currency is valued by the newest rate; where none is known, the event waits for one.
    """
    key = (event.tenant, event.body.account_id)
    account = work.book.accounts[key]
    owed = wire.owed_abroad(event, account.limit.currency)
    if (abroad := work.book.valued_abroad(account, balances.owed_abroad(account, owed, adds))) is None:
        raise Early(RATES)
    added = balances.added(account, adds, abroad)
    told = wire.told(event, account.limit.currency, added)
    if told.used_minor is not None:
        told = replace(told, used_minor=told.used_minor + balances.sum_of(abroad))
    change = balances.change_of(account, told)
    if (cause := _cause(event)) is not None:
        work.movements.append(Movement(*cause, used=change.used, held=held))
    if change.correction:
        work.movements.append(Movement(key, f"balance {change.sequence}", used=change.correction))
        work.corrections.append((event.origin.traceparent, change))
    is_old = told.sequence is not None and told.sequence <= account.sequence
    account = work.book.change(
        key, used=change.used + change.correction, told=change, abroad=account.abroad if is_old else abroad
    )
    if account.headroom.minor < 0:
        work.granted.discard(key)  # what is owed is used, whatever was granted before
    for node in work.book.nodes_of(account):
        if node.headroom.minor < 0:
            work.granted_nodes.discard((node.tenant, node.node_id))


def _cause(event: Event[Any]) -> tuple[Key, str] | None:
    """Under which name, of which account, an event of the ledger is booked, once; None for what adds nothing."""
    body = event.body
    match body:
        case ledger_pb2.ItemOpened():
            name = f"item invoice/{body.invoice_id}"
        case ledger_pb2.ItemReduced() if body.by == ledger_pb2.REDUCTION_CREDITED:
            name = f"credited {body.cause_id}"
        case ledger_pb2.ItemReduced() if body.by == ledger_pb2.REDUCTION_WRITTEN_OFF:
            name = f"written off {body.cause_id}"
        case ledger_pb2.CreditKept():
            name = f"kept {body.credit_note_number}"
        case ledger_pb2.PaymentReceived():
            name = f"payment {body.payment_id}"
        case _:
            return None
    return (event.tenant, body.account_id), name


async def _booked(tx: Tx, book: Book, events: Sequence[Event[Any]]) -> Set[tuple[Key, str]]:
    """What of this was booked long ago and comes again, as when a topic is read from its beginning.

    What is newer than the account's balance cannot have come before, and needs no question.
    """
    old = []
    for event in events:
        if (cause := _cause(event)) is None or (account := book.accounts.get(cause[0])) is None:
            continue
        if event.sequence is None or event.sequence <= account.sequence or not event.body.after:
            old.append(cause)
    return await store.find_movements(tx, old) if old else frozenset()


_STEPS: Mapping[type[Message], Callable[[Work, Event[Any]], None]] = {
    orders_pb2.OrderPlaced: _place,
    orders_pb2.OrderShipped: _ship,
    orders_pb2.OrderCancelled: _cancel,
    invoicing_pb2.ShipmentRefused: _refuse,
    ledger_pb2.ItemOpened: _capture,
    ledger_pb2.ItemReduced: _reduce,
    ledger_pb2.CreditKept: _lower,
    ledger_pb2.PaymentReceived: _lower,
    ledger_pb2.CashApplied: _note,
    ledger_pb2.CashUnapplied: _note,
}
_LOWERS = (ledger_pb2.REDUCTION_CREDITED, ledger_pb2.REDUCTION_WRITTEN_OFF)
_OF_ORDERS = (
    orders_pb2.OrderPlaced,
    orders_pb2.OrderShipped,
    orders_pb2.OrderCancelled,
    invoicing_pb2.ShipmentRefused,
    ledger_pb2.ItemOpened,
)


def _changes_nothing(event: Event[Any]) -> bool:
    """What needs no look at the books.

    A shipment that was refused, of an order that stands, or sent again, of what was invoiced; an item that was paid, or
    cash that met one, told without a balance: the payment told what credit needs.
    """
    if isinstance(event.body, orders_pb2.OrderShipped):
        return bool(event.body.dispute_id)
    if isinstance(event.body, invoicing_pb2.ShipmentRefused):
        return bool(event.body.shipment_id)
    return type(event.body) not in _OF_ORDERS and _cause(event) is None and not event.body.after


def _order(event: Event[Any]) -> Key:
    return event.tenant, event.body.order_id


async def find_lapsed(tx: Tx) -> int:
    """Have the holds given back whose time is over; return how many."""
    return await store.find_lapsed(tx, Origin("", "system:expiry", "the hold's time is over", "", new_traceparent()))


async def lapse(batch: Batch) -> None:
    """Give these orders' holds back, unless something came of them meanwhile."""
    async with batch.finishing() as done:
        orders = {(job.tenant, job.subject.removeprefix("order/")): job for job in done.jobs}
        work = Work(await _book_of_orders(done.tx, orders.keys()), done.tx.at)
        for key, job in orders.items():
            hold = work.book.holds[key]
            if not hold.is_over(work.at):
                continue
            try:
                moves.release(work.book, hold, Action.EXPIRE)
            except RateMissing as missing:
                done.again(job, in_s=AGAIN_S, why=missing.code)
                continue
            work.keep(work.book.holds[key])
            work.movements += _released(hold, "expired")
            origin = replace(job.origin, idempotency_key=f"expire {hold.order_id}/{hold.version}")
            work.telling.append(_tell(origin, hold.account_id, hold.order_id, wire.expired(hold)))
        await _write(done.tx, work)


async def tell_refused(tx: Tx, event: Event[Any], refusal: Refusal) -> None:
    """Tell the seller that an order could not be taken."""
    if not isinstance(event.body, orders_pb2.OrderPlaced):
        return
    message = events_pb2.OrderRefused(
        order_id=event.body.order_id,
        version=event.body.version,
        account_id=event.account_id,
        code=refusal.code,
        message=refusal.message,
    )
    await outbox.add(tx, [Announcement(event.origin, event.account_id, event.subject, message)])


async def _open(
    tx: Tx,
    accounts: Collection[Key],
    orders: Collection[Key],
    asked: Sequence[Version],
    asking: Collection[Key],
    *,
    spoken: Mapping[Key, Set[str]],
) -> Work:
    """Open the book, with what was decided before on the versions that are asked about, by the accounts that ask."""
    book = await _open_book(
        tx, accounts, orders, {(tenant, order_id) for tenant, order_id, _ in asked}, asking, spoken=spoken
    )
    # Only a version that is not above the newest one can be known.
    old = [v for v in asked if (hold := book.holds.get((v[0], v[1]))) is not None and v[2] <= hold.version]
    return Work(book, book.at or tx.at, known=await store.find_decisions(tx, old) if old else {})


async def _close(tx: Tx, work: Work, began: float) -> None:
    if work.near:
        await _release_alike(tx, work)
    await _write(tx, work)
    metrics.decided([decision.outcome.value for _, decision in work.decisions], time.perf_counter() - began)
    for traceparent, change in work.corrections:
        metrics.CORRECTED.inc()
        log.warning("exposure corrected", minor=change.correction, trace_id=trace_id(traceparent))


async def _write(tx: Tx, work: Work) -> None:
    """Write what changed, and tell it."""
    changed = [work.book.accounts[key] for key in work.book.changed]
    if changed or work.holds or work.shipments:
        written = await store.save(
            tx,
            changed,
            list(work.holds.values()),
            work.movements,
            decisions=work.decisions,
            granted=work.granted,
            owners=work.owners,
            shipments=work.shipments,
            at=work.book.at,
            nodes=[work.book.nodes[key] for key in work.book.changed_nodes],
            granted_nodes=work.granted_nodes,
            peaks=work.peaks,
            orders={key: work.book.buyers[key].orders for key in work.book.changed_buyers},
        )
        if not written:
            raise Conflict("order.account_changed", "another account has placed an order by this id just now")
    if work.suspected:
        work.telling += await checks.begin(tx, work.suspected, work.at)
    if work.book.answered:
        await store.close_checks(tx, work.book.answered, tx.at)
    await outbox.add(tx, work.telling)


def _by_account(spoken: Iterable[tuple[Key, Set[str]]]) -> dict[Key, Set[str]]:
    """Of which currencies is spoken with each account."""
    found: dict[Key, Set[str]] = {}
    for key, currencies in spoken:
        found[key] = found.get(key, frozenset()) | currencies
    return found


async def _open_book(
    tx: Tx,
    accounts: Collection[Key],
    orders: Collection[Key],
    asked: Collection[Key] = (),
    asking: Collection[Key] = (),
    *,
    spoken: Mapping[Key, Set[str]] = store.NOTHING,
) -> Book:
    """Lock the accounts, then read what else the work needs."""
    book = await store.open_book(tx, accounts, orders, asked, asking, spoken=spoken)
    if unknown := set(accounts) - book.accounts.keys():
        await store.lock_unknown(tx, unknown)
        if orders:
            await store.read_orders(tx, book, orders)
    return book


async def _book_of_orders(tx: Tx, orders: Collection[Key], asked: Collection[Key] = ()) -> Book:
    accounts = await store.accounts_of(tx, orders)
    return await _open_book(tx, accounts, orders, asked, accounts)


async def _one_order(tx: Tx, tenant: str, order_id: str) -> tuple[Book, Hold]:
    book = await _book_of_orders(tx, {(tenant, order_id)}, {(tenant, order_id)})
    if (hold := book.holds.get((tenant, order_id))) is None:
        raise NotFound("order.unknown", f"no order {quoted(order_id)}")
    return book, hold


def _known(book: Book, tenant: str, order_id: str) -> Hold:
    if (hold := book.holds.get((tenant, order_id))) is None:
        raise Early(f"order/{order_id}")
    return hold


def _account(book: Book, tenant: str, account_id: str) -> Account:
    if (account := book.accounts.get((tenant, account_id))) is None:
        raise Early(f"buyer/{account_id}")
    return account


def _same(earlier: Recorded, request: Request) -> Recorded:
    """The answer again, unless the same version now asks for something else."""
    if earlier.account_id != request.account_id:
        raise Conflict("order.account_changed", "an order stays with the account that placed it")
    if earlier.amount != request.amount:
        raise Conflict(
            "order.version_reused", f"version {request.version} of this order was decided for another amount"
        )
    return earlier


def _record(decision: Decision) -> Recorded:
    request = decision.request
    return Recorded(
        decision_id=new_id(),
        order_id=request.order_id,
        version=request.version,
        account_id=request.account_id,
        outcome=decision.outcome,
        reasons=decision.reasons,
        amount=request.amount,
        headroom=decision.headroom,
        expires_at=decision.expires_at,
        scope=request.scope,
    )


def _hold_movement(hold: Hold) -> Movement:
    cause = f"hold order/{hold.order_id}/{hold.version}"
    return Movement((hold.tenant, hold.account_id), cause, held=hold.reserves)


def _released(hold: Hold, why: str) -> list[Movement]:
    cause = f"{why} order/{hold.order_id}/{hold.version}"
    return [Movement((hold.tenant, hold.account_id), cause, held=-hold.reserves)] if hold.held.minor else []


def _tell(origin: Origin, account_id: str, order_id: str, message: Message) -> Announcement:
    return Announcement(origin, account_id, f"order/{order_id}", message)


def _tell_released(origin: Origin, hold: Hold, cause: events_pb2.ReleaseCause.ValueType) -> list[Announcement]:
    """A hold that held nothing (referred) is given back without a word."""
    if not hold.held.minor:
        return []
    return [_tell(origin, hold.account_id, hold.order_id, wire.released(hold, hold.held, cause))]

"""What credit does: load, decide, save, announce, in the caller's transaction."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts
from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import metrics, store, wire
from services.credit.domain import decisions, holds, moves
from services.credit.domain.accounts import Account
from services.credit.domain.book import Book
from services.credit.domain.decisions import Decision, Outcome, Recorded, Request
from services.credit.domain.holds import Action, Hold
from services.credit.domain.policy import Policy
from services.credit.store import Key, Movement, Version
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Early, Invalid, NotFound, Refusal

POLICY = Policy()


async def register_buyer(tx: Tx, origin: Origin, account_id: str, company: party_pb2.Company, limit: Money) -> None:
    """Open an account for a buyer company."""
    if not account_id or "/" in account_id or len(account_id) > 64:
        raise Invalid("buyer.account_id", "an account's id has 1 to 64 characters and no '/'")
    if limit.minor < 0:
        raise Invalid("buyer.limit_negative", "a limit is zero or more")
    if not await store.add_account(tx, (origin.tenant, account_id), wire.company(company), limit):
        raise Conflict("buyer.exists", f"account {account_id} is registered already")
    event = events_pb2.BuyerRegistered(account_id=account_id, company=company, limit=contracts.money_message(limit))
    await outbox.add(tx, [Announcement(origin, account_id, f"buyer/{account_id}", event)])


async def change_buyer(tx: Tx, origin: Origin, account_id: str, company: party_pb2.Company) -> None:
    """Replace the company's data."""
    await _one_account(tx, origin, account_id)
    await store.set_company(tx, (origin.tenant, account_id), wire.company(company))
    event = events_pb2.BuyerChanged(account_id=account_id, company=company)
    await outbox.add(tx, [Announcement(origin, account_id, f"buyer/{account_id}", event)])


async def set_limit(tx: Tx, origin: Origin, account_id: str, limit: Money) -> None:
    """Replace the limit, which may fall below what is used: holds stand, new orders are declined."""
    account = await _one_account(tx, origin, account_id)
    if limit.currency != account.limit.currency:
        raise Invalid("buyer.limit_currency", f"the account is kept in {account.limit.currency}")
    if limit.minor < 0:
        raise Invalid("buyer.limit_negative", "a limit is zero or more")
    await store.set_limit(tx, (origin.tenant, account_id), limit)
    event = events_pb2.LimitChanged(
        account_id=account_id,
        limit=contracts.money_message(limit),
        previous=contracts.money_message(account.limit),
    )
    await outbox.add(tx, [Announcement(origin, account_id, f"buyer/{account_id}", event)])


@dataclass(slots=True)
class Work:
    """What a batch changes, in sequence, to be written and told as one."""

    book: Book
    # What was decided on versions before, and here.
    known: dict[Version, Recorded] = field(default_factory=dict)
    # Each version's last state: a statement touches a row once.
    holds: dict[Version, Hold] = field(default_factory=dict)
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    # Accounts whose limit must hold once this is written.
    granted: set[Key] = field(default_factory=set)
    telling: list[Announcement] = field(default_factory=list)

    def keep(self, hold: Hold) -> None:
        """Write this state of a hold."""
        self.holds[(hold.tenant, hold.order_id, hold.version)] = hold


async def follow(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Handle all that changes what accounts use and hold, in the order in which it came.

    One book is opened and closed for all of it, whatever kinds of events a batch mixes.
    """
    effective = [event for event in events if not _changes_nothing(event)]
    if not effective:
        return
    began = time.perf_counter()
    of_orders = [event for event in effective if type(event.body) in _OF_ORDERS]
    accounts = {(event.tenant, event.body.account_id) for event in effective}
    if cancelled := {_order(event) for event in of_orders if isinstance(event.body, orders_pb2.OrderCancelled)}:
        accounts |= await store.accounts_of(tx, cancelled)
    placed = [event for event in of_orders if isinstance(event.body, orders_pb2.OrderPlaced)]
    work = await _open(
        tx, accounts, {_order(event) for event in of_orders}, [(*_order(e), e.body.version) for e in placed]
    )
    for event in effective:
        _STEPS[type(event.body)](work, event)
    await _close(tx, work, began)


async def decide(tx: Tx, requests: Sequence[tuple[Origin, Request]]) -> list[Recorded]:
    """Decide once per order and version, in sequence, and hold what is approved; asking again repeats the answer.

    A checkout's single question; what it does with each is the one routine for every door (B3).
    """
    began = time.perf_counter()
    work = await _open(
        tx,
        {(r.tenant, r.account_id) for _, r in requests},
        {(r.tenant, r.order_id) for _, r in requests},
        [(r.tenant, r.order_id, r.version) for _, r in requests],
    )
    answers = [_decide_one(work, origin, request) for origin, request in requests]
    await _close(tx, work, began)
    return answers


def _decide_one(work: Work, origin: Origin, request: Request) -> Recorded:
    version = (request.tenant, request.order_id, request.version)
    if (earlier := work.known.get(version)) is not None:
        return _same(earlier, request)
    decision, replaced = decisions.decide(work.book, request, POLICY)
    if replaced is not None:
        work.keep(replace(replaced, state=holds.State.RELEASED, held=Money(0, replaced.held.currency)))
        work.movements += _released(replaced, "replaced")
        work.telling += _tell_released(origin, replaced, events_pb2.RELEASE_CAUSE_REPLACED)
    work.known[version] = record = _record(decision)
    work.decisions.append((record.decision_id, decision))
    hold = work.book.holds[(request.tenant, request.order_id)]
    work.keep(hold)
    if decision.outcome is Outcome.APPROVED:
        work.granted.add((request.tenant, request.account_id))
        work.movements.append(_hold_movement(request))
    work.telling.append(_tell(origin, record.account_id, record.order_id, wire.decided(record, hold.expires_at)))
    return record


async def review(tx: Tx, origin: Origin, order_id: str, outcome: Outcome) -> Recorded:
    """A person decides a referred order; the order goes on."""
    book, hold = await _one_order(tx, origin.tenant, order_id)
    decision = decisions.review(book, hold, outcome, origin.actor)
    record = _record(decision)
    work = Work(book, decisions=[(record.decision_id, decision)])
    work.keep(book.holds[(origin.tenant, order_id)])
    if outcome is Outcome.APPROVED:
        work.movements.append(_hold_movement(decision.request))
    work.telling.append(_tell(origin, record.account_id, order_id, wire.decided(record)))
    await _write(tx, work)
    return record


def _place(work: Work, event: Event[orders_pb2.OrderPlaced]) -> None:
    """Decide an order that the shop or the ERP tells."""
    _decide_one(work, event.origin, wire.request_of_order(event))


def _cancel(work: Work, event: Event[orders_pb2.OrderCancelled]) -> None:
    """Give back exactly what the order's hold still has."""
    hold = _known(work.book, event.tenant, event.body.order_id)
    if hold.state not in holds.OPEN:
        return
    moves.release(work.book, hold)
    work.keep(work.book.holds[(event.tenant, hold.order_id)])
    work.movements += _released(hold, "cancelled")
    work.telling += _tell_released(event.origin, hold, events_pb2.RELEASE_CAUSE_CANCELLED)


def _capture(work: Work, event: Event[ledger_pb2.ItemOpened]) -> None:
    """What is invoiced is used, and its part of the hold taken; after the final invoice the rest is released."""
    body = event.body
    book, key = work.book, (event.tenant, body.account_id)
    hold = _known(book, event.tenant, body.order_id)
    account = _account(book, *key)
    amount = account.own(contracts.money(body.amount))
    captured, released = moves.capture(book, hold, account, amount, final=body.final)
    work.movements.append(Movement(key, f"item invoice/{body.invoice_id}", used=amount.minor, held=-captured.minor))
    moved = book.holds[(event.tenant, body.order_id)]
    if moved is not hold:
        work.keep(moved)
    telling: list[Message] = []
    if captured.minor:
        telling.append(wire.captured(hold, captured, body.number))
    if released.minor:
        work.movements.append(Movement(key, f"completed order/{hold.order_id}/{hold.version}", held=-released.minor))
        telling.append(wire.released(hold, released, events_pb2.RELEASE_CAUSE_COMPLETED))
    excess = -book.accounts[key].headroom
    if excess.minor > 0:
        work.granted.discard(key)  # what was shipped is used, whatever was granted before
        if captured < amount:
            telling.append(wire.exceeded(body, hold, account.limit, excess))
    work.telling += [_tell(event.origin, hold.account_id, hold.order_id, message) for message in telling]


def _credit(work: Work, event: Event[ledger_pb2.ItemReduced]) -> None:
    """A credit note lowers what is used; what was paid came with PaymentReceived."""
    _lower(work, event, f"credited {event.body.cause_id}")


def _keep_credit(work: Work, event: Event[ledger_pb2.CreditKept]) -> None:
    """A credit note on a paid invoice: the seller owes the buyer."""
    _lower(work, event, f"kept {event.body.credit_note_number}")


def _receive(work: Work, event: Event[ledger_pb2.PaymentReceived]) -> None:
    """All that came in lowers what is used, applied or not."""
    _lower(work, event, f"payment {event.body.payment_id}")


def _lower(work: Work, event: Event[Any], cause: str) -> None:
    key = (event.tenant, event.body.account_id)
    amount = _account(work.book, *key).own(contracts.money(event.body.amount))
    work.book.change(key, used=-amount.minor)
    work.movements.append(Movement(key, cause, used=-amount.minor))


_STEPS: Mapping[type[Message], Callable[[Work, Event[Any]], None]] = {
    orders_pb2.OrderPlaced: _place,
    orders_pb2.OrderCancelled: _cancel,
    ledger_pb2.ItemOpened: _capture,
    ledger_pb2.ItemReduced: _credit,
    ledger_pb2.CreditKept: _keep_credit,
    ledger_pb2.PaymentReceived: _receive,
}
_OF_ORDERS = (orders_pb2.OrderPlaced, orders_pb2.OrderCancelled, ledger_pb2.ItemOpened)


def _changes_nothing(event: Event[Any]) -> bool:
    """An item that was paid, not credited: the payment told what credit needs."""
    return isinstance(event.body, ledger_pb2.ItemReduced) and event.body.by != ledger_pb2.REDUCTION_CREDITED


def _order(event: Event[Any]) -> Key:
    return event.tenant, event.body.order_id


async def find_lapsed(tx: Tx) -> int:
    """Have the holds given back whose time is over; return how many."""
    return await store.find_lapsed(tx, Origin("", "system:expiry", "the hold's time is over", "", new_traceparent()))


async def lapse(batch: Batch) -> None:
    """Give these orders' holds back, unless something came of them meanwhile."""
    async with batch.finishing() as done:
        orders = {(job.tenant, job.subject.removeprefix("order/")): job for job in done.jobs}
        work = Work(await _book_of_orders(done.tx, orders.keys()))
        for key, job in orders.items():
            hold = work.book.holds[key]
            if hold.state not in holds.OPEN or hold.expires_at > done.tx.at:
                continue
            moves.release(work.book, hold, Action.EXPIRE)
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


async def _open(tx: Tx, accounts: Collection[Key], orders: Collection[Key], asked: Sequence[Version]) -> Work:
    """Open the book, with what was decided before on the versions that are asked about."""
    book = await _open_book(tx, accounts, orders)
    # Only a version that is not above the newest one can be known.
    old = [v for v in asked if (hold := book.holds.get((v[0], v[1]))) is not None and v[2] <= hold.version]
    return Work(book, known=await store.find_decisions(tx, old) if old else {})


async def _close(tx: Tx, work: Work, began: float) -> None:
    await _write(tx, work)
    metrics.decided([decision.outcome.value for _, decision in work.decisions], time.perf_counter() - began)


async def _write(tx: Tx, work: Work) -> None:
    """Write what changed, and tell it."""
    changed = [work.book.accounts[key] for key in work.book.changed]
    if changed or work.holds:
        holds = list(work.holds.values())
        await store.save(tx, changed, holds, work.movements, decisions=work.decisions, granted=work.granted)
    await outbox.add(tx, work.telling)


async def _open_book(tx: Tx, accounts: Collection[Key], orders: Collection[Key]) -> Book:
    """Lock the accounts, then read the orders' newest holds."""
    locked = await store.lock_accounts(tx, accounts)
    if unknown := set(accounts) - locked.keys():
        await store.lock_unknown(tx, unknown)
    return Book(locked, await store.newest_holds(tx, orders) if orders else {})


async def _book_of_orders(tx: Tx, orders: Collection[Key]) -> Book:
    return await _open_book(tx, await store.accounts_of(tx, orders), orders)


async def _one_order(tx: Tx, tenant: str, order_id: str) -> tuple[Book, Hold]:
    book = await _book_of_orders(tx, {(tenant, order_id)})
    if (hold := book.holds.get((tenant, order_id))) is None:
        raise NotFound("order.unknown", f"no order {order_id}")
    return book, hold


async def _one_account(tx: Tx, origin: Origin, account_id: str) -> Account:
    locked = await store.lock_accounts(tx, {(origin.tenant, account_id)})
    if not locked:
        raise NotFound("buyer.unknown", f"no account {account_id}")
    return locked[(origin.tenant, account_id)]


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
    if (earlier.account_id, earlier.amount) != (request.account_id, request.amount):
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


def _hold_movement(request: Request) -> Movement:
    cause = f"hold order/{request.order_id}/{request.version}"
    return Movement((request.tenant, request.account_id), cause, held=request.amount.minor)


def _released(hold: Hold, why: str) -> list[Movement]:
    cause = f"{why} order/{hold.order_id}/{hold.version}"
    return [Movement((hold.tenant, hold.account_id), cause, held=-hold.held.minor)] if hold.held.minor else []


def _tell(origin: Origin, account_id: str, order_id: str, message: Message) -> Announcement:
    return Announcement(origin, account_id, f"order/{order_id}", message)


def _tell_released(origin: Origin, hold: Hold, cause: events_pb2.ReleaseCause.ValueType) -> list[Announcement]:
    """A hold that held nothing (referred) is given back without a word."""
    if not hold.held.minor:
        return []
    return [_tell(origin, hold.account_id, hold.order_id, wire.released(hold, hold.held, cause))]

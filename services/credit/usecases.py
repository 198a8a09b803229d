"""What credit does: load, decide, save, announce, in the caller's transaction."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
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
from services.credit import domain, metrics, store, wire
from services.credit.domain import Account, Action, Book, Decision, Hold, Outcome, Policy, Recorded, Request
from services.credit.store import Key, Movement
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


async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Decide the orders that the shop or the ERP tells."""
    await decide(tx, [(event.origin, wire.request_of_order(event)) for event in events])


async def decide(tx: Tx, requests: Sequence[tuple[Origin, Request]]) -> list[Recorded]:
    """Decide once per order and version, in sequence, and hold what is approved; asking again repeats the answer.

    The one routine for every door (B3): an event's batch, or a checkout's single question.
    """
    began = time.perf_counter()
    book = await _open_book(
        tx, {(r.tenant, r.account_id) for _, r in requests}, {(r.tenant, r.order_id) for _, r in requests}
    )
    known = await store.find_decisions(tx, [(r.tenant, r.order_id, r.version) for _, r in requests])
    answers, holds, decisions, movements, telling = [], [], [], [], []
    for origin, request in requests:
        version = (request.tenant, request.order_id, request.version)
        if (earlier := known.get(version)) is not None:
            answers.append(_same(earlier, request))
            continue
        decision, replaced = domain.decide(book, request, POLICY)
        if replaced is not None:
            holds.append(replace(replaced, state=domain.State.RELEASED, held=Money(0, replaced.held.currency)))
            movements += _released(replaced, "replaced")
            telling += _tell_released(origin, replaced, events_pb2.RELEASE_CAUSE_REPLACED)
        record = _record(decision)
        known[version] = record
        answers.append(record)
        decisions.append((record.decision_id, decision))
        holds.append(book.holds[(request.tenant, request.order_id)])
        if decision.outcome is Outcome.APPROVED:
            movements.append(_hold_movement(request))
        telling.append(_tell(origin, record.account_id, record.order_id, wire.decided(record)))
    granted = {(d.request.tenant, d.request.account_id) for _, d in decisions if d.outcome is Outcome.APPROVED}
    await store.save_accounts(tx, book, granted)
    await store.save_holds(tx, _last(holds))
    await store.add_decisions(tx, decisions)
    await store.add_movements(tx, movements)
    await outbox.add(tx, telling)
    metrics.decided([decision.outcome.value for _, decision in decisions], time.perf_counter() - began)
    return answers


async def review(tx: Tx, origin: Origin, order_id: str, outcome: Outcome) -> Recorded:
    """A person decides a referred order; the order goes on."""
    book, hold = await _one_order(tx, origin.tenant, order_id)
    decision = domain.review(book, hold, outcome, origin.actor)
    record = _record(decision)
    await store.save_accounts(tx, book)
    await store.save_holds(tx, [book.holds[(origin.tenant, order_id)]])
    await store.add_decisions(tx, [(record.decision_id, decision)])
    if outcome is Outcome.APPROVED:
        await store.add_movements(tx, [_hold_movement(decision.request)])
    await outbox.add(tx, [_tell(origin, record.account_id, order_id, wire.decided(record))])
    return record


async def cancel(tx: Tx, events: Sequence[Event[orders_pb2.OrderCancelled]]) -> None:
    """Give back exactly what the orders' holds still have."""
    book = await _book_of_orders(tx, {(e.tenant, e.body.order_id) for e in events})
    holds, movements, telling = [], [], []
    for event in events:
        hold = _known(book, event.tenant, event.body.order_id)
        if hold.state not in domain.OPEN:
            continue
        domain.release(book, hold)
        holds.append(book.holds[(event.tenant, hold.order_id)])
        movements += _released(hold, "cancelled")
        telling += _tell_released(event.origin, hold, events_pb2.RELEASE_CAUSE_CANCELLED)
    await _save(tx, book, holds, movements, telling)


async def capture(tx: Tx, events: Sequence[Event[ledger_pb2.ItemOpened]]) -> None:
    """What is invoiced is used, and its part of the hold taken; after the final invoice the rest is released."""
    book = await _open_book(
        tx, {(e.tenant, e.body.account_id) for e in events}, {(e.tenant, e.body.order_id) for e in events}
    )
    holds: list[Hold] = []
    movements: list[Movement] = []
    telling: list[Announcement] = []
    for event in events:
        _capture_one(book, event, holds, movements, telling)
    await _save(tx, book, holds, movements, telling)


def _capture_one(
    book: Book,
    event: Event[ledger_pb2.ItemOpened],
    holds: list[Hold],
    movements: list[Movement],
    telling: list[Announcement],
) -> None:
    body = event.body
    hold = _known(book, event.tenant, body.order_id)
    account = _account(book, event.tenant, body.account_id)
    amount = account.own(contracts.money(body.amount))
    captured, released = domain.capture(book, hold, account, amount, final=body.final)
    key = (event.tenant, body.account_id)
    movements.append(Movement(key, f"item invoice/{body.invoice_id}", used=amount.minor, held=-captured.minor))
    moved = book.holds[(event.tenant, body.order_id)]
    if moved is not hold:
        holds.append(moved)
    if captured.minor:
        telling.append(_tell(event.origin, hold.account_id, hold.order_id, wire.captured(hold, captured, body.number)))
    if released.minor:
        movements.append(Movement(key, f"completed order/{hold.order_id}/{hold.version}", held=-released.minor))
        message = wire.released(hold, released, events_pb2.RELEASE_CAUSE_COMPLETED)
        telling.append(_tell(event.origin, hold.account_id, hold.order_id, message))
    excess = -book.accounts[key].headroom
    if excess.minor > 0 and captured < amount:
        telling.append(
            _tell(event.origin, hold.account_id, hold.order_id, wire.exceeded(body, hold, account.limit, excess))
        )


async def credit_item(tx: Tx, events: Sequence[Event[ledger_pb2.ItemReduced]]) -> None:
    """A credit note lowers what is used; what was paid came with PaymentReceived."""
    credited = [event for event in events if event.body.by == ledger_pb2.REDUCTION_CREDITED]
    await _lower(tx, [(e.tenant, e.body.account_id, e.body.amount, f"credited {e.body.cause_id}") for e in credited])


async def keep_credit(tx: Tx, events: Sequence[Event[ledger_pb2.CreditKept]]) -> None:
    """A credit note on a paid invoice: the seller owes the buyer."""
    await _lower(
        tx, [(e.tenant, e.body.account_id, e.body.amount, f"kept {e.body.credit_note_number}") for e in events]
    )


async def receive_payment(tx: Tx, events: Sequence[Event[ledger_pb2.PaymentReceived]]) -> None:
    """All that came in lowers what is used, applied or not."""
    await _lower(tx, [(e.tenant, e.body.account_id, e.body.amount, f"payment {e.body.payment_id}") for e in events])


async def find_lapsed(tx: Tx) -> int:
    """Have the holds given back whose time is over; return how many."""
    return await store.find_lapsed(tx, Origin("", "system:expiry", "the hold's time is over", "", new_traceparent()))


async def lapse(batch: Batch) -> None:
    """Give these orders' holds back, unless something came of them meanwhile."""
    async with batch.finishing() as done:
        orders = {(job.tenant, job.subject.removeprefix("order/")): job for job in done.jobs}
        book = await _book_of_orders(done.tx, orders.keys())
        holds, movements, telling = [], [], []
        for key, job in orders.items():
            hold = book.holds[key]
            if hold.state not in domain.OPEN or hold.expires_at > done.tx.at:
                continue
            domain.release(book, hold, Action.EXPIRE)
            holds.append(book.holds[key])
            movements += _released(hold, "expired")
            origin = replace(job.origin, idempotency_key=f"expire {hold.order_id}/{hold.version}")
            telling.append(_tell(origin, hold.account_id, hold.order_id, wire.expired(hold)))
        await _save(done.tx, book, holds, movements, telling)


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


async def _lower(tx: Tx, reductions: Sequence[tuple[str, str, money_pb2.Money, str]]) -> None:
    """Lower what accounts use, by (tenant, account, amount, cause)."""
    book = await _open_book(tx, {(tenant, account_id) for tenant, account_id, *_ in reductions}, ())
    movements = []
    for tenant, account_id, message, cause in reductions:
        amount = _account(book, tenant, account_id).own(contracts.money(message))
        book.change((tenant, account_id), used=-amount.minor)
        movements.append(Movement((tenant, account_id), cause, used=-amount.minor))
    await _save(tx, book, [], movements, [])


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


async def _save(
    tx: Tx, book: Book, holds: Sequence[Hold], movements: Sequence[Movement], telling: Sequence[Announcement]
) -> None:
    await store.save_accounts(tx, book)
    await store.save_holds(tx, _last(holds))
    await store.add_movements(tx, movements)
    await outbox.add(tx, telling)


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


def _last(holds: Sequence[Hold]) -> list[Hold]:
    """Each version's last state: a statement may touch a row once."""
    return list({(h.tenant, h.order_id, h.version): h for h in holds}.values())


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

"""What the ledger does: load, decide, save, announce, in the caller's transaction."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.kernel.refusals import Early, Invalid, KeyReused, NotFound, Refusal
from services.ledger import store, wire
from services.ledger.domain import disputes, entries, items, statement
from services.ledger.domain.disputes import Dispute, Word
from services.ledger.domain.entries import Entry, HoldMove
from services.ledger.domain.items import Credit, Item, Purse
from services.ledger.domain.payments import Payment, Receipt, Shelf
from services.ledger.domain.statement import Row
from services.ledger.store import Key

STATEMENT_CHUNK = 1000  # rows of a bank statement that are booked by the same few statements


async def know(tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered]]) -> None:
    """A buyer has an account, in the currency of its limit."""
    await store.add_accounts(tx, [(e.tenant, e.body.account_id, e.body.limit.currency) for e in events])


async def owe(tx: Tx, events: Sequence[Event[invoicing_pb2.InvoiceIssued]]) -> None:
    """Post invoices and open their items; an invoice that is known already changes nothing."""
    invoices = [wire.invoice(event) for event in events]
    await _lock_known(tx, {(i.tenant, i.account_id) for i in invoices})
    known = await store.find_items(tx, [(i.tenant, i.invoice_id) for i in invoices])
    booked: list[Entry] = []
    opened: list[Item] = []
    telling: list[Announcement] = []
    for event, invoice in zip(events, invoices, strict=True):
        item = items.open_item(invoice)
        if (earlier := known.setdefault(item.key, item)) is not item:
            _same_invoice(earlier, item)
            continue
        booked.append(entries.invoice_issued(invoice, wire.cause(event.origin)))
        opened.append(item)
        telling.append(_of_invoice(event.origin, item, wire.item_opened(item)))
    await store.post(tx, booked)
    await store.add_items(tx, opened)
    await outbox.add(tx, telling)


async def credit(tx: Tx, events: Sequence[Event[invoicing_pb2.CreditNoteIssued]]) -> None:
    """Take credit notes off what is open of their invoices; what was already paid is kept for the buyer."""
    notes = [wire.credit_note(event) for event in events]
    await _lock_known(tx, {(n.tenant, n.account_id) for n in notes})
    owed = await store.find_items(tx, {(n.tenant, n.invoice_id) for n in notes})
    known = await store.find_credit_notes(tx, [(n.tenant, n.credit_note_id) for n in notes])
    booked: list[Entry] = []
    given: list[Credit] = []
    telling: list[Announcement] = []
    for event, note in zip(events, notes, strict=True):
        if (earlier := known.setdefault((note.tenant, note.credit_note_id), note)) is not note:
            _same(earlier == note, "credit_note.id_reused", "this credit note is booked with other content")
            continue
        done = items.credit(_known_item(owed, (note.tenant, note.invoice_id)), note)
        owed[done.item.key] = done.item
        booked.append(entries.credit_note_issued(done, wire.cause(event.origin)))
        given.append(done)
        if done.taken.minor:
            reduced = wire.item_reduced(done.item, events_pb2.REDUCTION_CREDITED, done.taken, note.credit_note_id)
            telling.append(_of_invoice(event.origin, done.item, reduced))
        if done.kept.minor:
            telling.append(_of_invoice(event.origin, done.item, wire.credit_kept(done)))
    await store.post(tx, booked)
    await store.add_credit_notes(tx, given)
    await store.allocate(tx, [done.allocation for done in given if done.taken.minor])
    await outbox.add(tx, telling)


async def hold(tx: Tx, events: Sequence[Event[credit_pb2.CreditDecided]]) -> None:
    """Memo what was approved."""
    await _follow_holds(tx, events, wire.hold_placed)


async def capture(tx: Tx, events: Sequence[Event[credit_pb2.HoldCaptured]]) -> None:
    """Reverse the memo by what an invoice took."""
    await _follow_holds(tx, events, wire.hold_captured)


async def release(tx: Tx, events: Sequence[Event[credit_pb2.HoldReleased]]) -> None:
    """Reverse the memo by what was given back."""
    await _follow_holds(tx, events, wire.hold_released)


async def expire(tx: Tx, events: Sequence[Event[credit_pb2.HoldExpired]]) -> None:
    """Reverse the memo by what lapsed."""
    await _follow_holds(tx, events, wire.hold_expired)


async def open_disputes(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeOpened]]) -> None:
    """Memo what is disputed; receivables do not change."""
    await _follow_disputes(tx, events, wire.dispute_opened)


async def move_disputes(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeMoved]]) -> None:
    """Reverse the memo of what ended without a credit, set it again for what came back."""
    await _follow_disputes(tx, events, wire.dispute_moved)


async def resolve_disputes(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeResolved]]) -> None:
    """Reverse the memo of what is settled; the credit note comes from invoicing."""
    await _follow_disputes(tx, events, wire.dispute_resolved)


async def record_payment(tx: Tx, origin: Origin, payment: Payment) -> Receipt:
    """Book one payment and apply it; raise the refusal if it is refused."""
    [(receipt, _)] = await record_payments(tx, origin, [payment])
    if isinstance(receipt, Refusal):
        raise receipt
    return receipt


async def record_payments(tx: Tx, origin: Origin, payments: Sequence[Payment]) -> list[tuple[Receipt | Refusal, bool]]:
    """Book payments in turn and apply each; return its receipt or why it is refused, and whether it was known before.

    A payment id is booked once: the same payment again gets the same receipt, another one by its id is refused.
    """
    accounts = {(p.tenant, p.account_id) for p in payments}
    known_accounts = await store.lock_accounts(tx, accounts)
    purses = await store.currencies(tx, known_accounts)
    receipts = await store.find_payments(tx, [p.key for p in payments])
    fresh = [p for p in payments if p.key not in receipts and p.purse in purses]
    shelves = {purse: Shelf(found) for purse, found in (await store.items_to_pay(tx, fresh)).items()}
    new: list[Receipt] = []
    answers: list[tuple[Receipt | Refusal, bool]] = []
    for payment in payments:
        if (earlier := receipts.get(payment.key)) is not None:
            answers.append((_same_payment(earlier, payment), True))
        elif refusal := _refuse(payment, known_accounts, purses):
            answers.append((refusal, False))
        else:
            receipts[payment.key] = receipt = shelves[payment.purse].apply(payment)
            new.append(receipt)
            answers.append((receipt, False))
    await _save_receipts(tx, origin, new)
    return answers


async def import_statement(tx: Tx, origin: Origin, content: bytes) -> list[tuple[Row, str | Refusal]]:
    """Book each row of a bank statement once; return what became of it: "booked", "known" or why it is refused."""
    rows = statement.read(content, origin.tenant)
    outcomes: list[tuple[Row, str | Refusal]] = []
    for start in range(0, len(rows), STATEMENT_CHUNK):
        chunk = rows[start : start + STATEMENT_CHUNK]
        payments = [row.payment for row in chunk if isinstance(row.payment, Payment)]
        answers = iter(await record_payments(tx, origin, payments) if payments else ())
        for row in chunk:
            if isinstance(row.payment, Refusal):
                outcomes.append((row, row.payment))
                continue
            answer, known = next(answers)
            outcomes.append((row, answer if isinstance(answer, Refusal) else "known" if known else "booked"))
    return outcomes


async def _save_receipts(tx: Tx, origin: Origin, receipts: Sequence[Receipt]) -> None:
    if not receipts:
        return
    cause = wire.cause(origin)
    booked: list[Entry] = []
    telling: list[Announcement] = []
    for receipt in receipts:
        paid = receipt.payment
        booked.append(entries.payment_received(paid, cause))
        telling.append(_of_payment(origin, paid, wire.payment_received(receipt)))
        for part in receipt.applications:
            booked.append(entries.cash_applied(paid, part, cause))
            telling.append(_of_payment(origin, paid, wire.cash_applied(paid, part)))
            reduced = wire.item_reduced(part.item, events_pb2.REDUCTION_PAID, part.amount, paid.payment_id)
            telling.append(_of_invoice(origin, part.item, reduced))
    await store.post(tx, booked)
    await store.add_payments(tx, [receipt.payment for receipt in receipts])
    await store.allocate(tx, [allocation for receipt in receipts for allocation in receipt.allocations])
    await outbox.add(tx, telling)


async def _follow_holds(
    tx: Tx, events: Sequence[Event[Any]], translate: Callable[[Event[Any]], HoldMove | None]
) -> None:
    moves = [(event, move) for event in events if (move := translate(event)) and move.amount.minor]
    if not moves:
        return
    await _lock_known(tx, {(move.tenant, move.account_id) for _, move in moves})
    booked = {entry.key: entry for entry in (entries.hold_moved(m, wire.cause(e.origin)) for e, m in moves)}
    for known in await store.booked(tx, list(booked.values())):
        del booked[known]
    await store.post(tx, list(booked.values()))


async def _follow_disputes(
    tx: Tx, events: Sequence[Event[Any]], translate: Callable[[Event[Any]], Word | None]
) -> None:
    words = [(event, word) for event in events if (word := translate(event))]
    if not words:
        return
    await _lock_known(tx, {(word.tenant, word.account_id) for _, word in words})
    owed = await store.find_items(tx, {(word.tenant, word.invoice_id) for _, word in words})
    known: dict[Key, Dispute] = await store.find_disputes(tx, {word.key for _, word in words})
    booked: list[Entry] = []
    for event, word in words:
        item = _known_item(owed, (word.tenant, word.invoice_id))
        dispute, change = disputes.follow(known.get(word.key), item, word)
        known[word.key] = dispute
        if change.minor:
            on = event.at.astimezone(UTC).date()
            booked.append(entries.dispute_moved(dispute, change, on, wire.cause(event.origin)))
    await store.post(tx, booked)
    await store.save_disputes(tx, known)


async def _lock_known(tx: Tx, accounts: Collection[Key]) -> None:
    """Lock the accounts; an event about one that credit has not told of yet is early."""
    known = await store.lock_accounts(tx, accounts)
    if unknown := sorted(set(accounts) - known):
        raise Early(f"buyer/{unknown[0][1]}")


def _known_item(owed: dict[Key, Item], key: Key) -> Item:
    if (item := owed.get(key)) is None:
        raise Early(f"invoice/{key[1]}")
    return item


def _same_invoice(earlier: Item, item: Item) -> None:
    same = (earlier.number, earlier.account_id, earlier.amount, earlier.due_on) == (
        item.number,
        item.account_id,
        item.amount,
        item.due_on,
    )
    _same(same, "invoice.id_reused", "this invoice is booked with other content")


def _same(same: bool, code: str, message: str) -> None:
    if not same:
        raise KeyReused(code, message)


def _same_payment(earlier: Receipt, payment: Payment) -> Receipt | Refusal:
    if earlier.payment == payment:
        return earlier
    return KeyReused("payment.id_reused", "this payment id is booked with another account, amount, date or text")


def _refuse(payment: Payment, accounts: Collection[Key], purses: Collection[Purse]) -> Refusal | None:
    if (payment.tenant, payment.account_id) not in accounts:
        return NotFound("payment.unknown_account", f"no account {payment.account_id}")
    if payment.purse not in purses:
        return Invalid("payment.currency_not_held", f"the account has nothing in {payment.amount.currency}")
    return None


def _of_invoice(origin: Origin, item: Item, message: Message) -> Announcement:
    return Announcement(origin, item.account_id, f"invoice/{item.invoice_id}", message)


def _of_payment(origin: Origin, payment: Payment, message: Message) -> Announcement:
    return Announcement(origin, payment.account_id, f"payment/{payment.payment_id}", message)

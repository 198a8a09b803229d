"""What the ledger does: load, decide, save, announce, in the caller's transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.ledger.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.kernel.refusals import Early, Invalid, KeyReused, NotFound, Refusal, quoted
from services.ledger import store, wire
from services.ledger.domain import disputes, entries, items, statement
from services.ledger.domain.disputes import Dispute, Word
from services.ledger.domain.entries import HOLD_KINDS, Entry, HoldMove, Kind
from services.ledger.domain.items import Credit, CreditNote, Invoice, Item, Purse
from services.ledger.domain.payments import Payment, Receipt, Shelf
from services.ledger.domain.statement import Row
from services.ledger.store import Fact, Key

STATEMENT_CHUNK = 1000  # rows of a bank statement that are booked by the same few statements


async def know(tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered]]) -> None:
    """A buyer has an account, in the currency of its limit."""
    await store.add_accounts(tx, [(e.tenant, e.body.account_id, e.body.limit.currency) for e in events])


@dataclass(slots=True)
class Work:
    """What a batch finds and books, in sequence, to be written and told as one."""

    # What is known of what the batch is about, and what becomes of it.
    owed: dict[Key, Item]
    notes: dict[Key, CreditNote]
    disputes: dict[Key, Dispute]
    # Turns of disputes that are booked: what is told again, after the inbox has forgotten it.
    turned: set[Fact]
    booked: list[Entry] = field(default_factory=list)
    opened: list[Item] = field(default_factory=list)
    given: list[Credit] = field(default_factory=list)
    telling: list[Announcement] = field(default_factory=list)


async def follow(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Book what invoicing, credit and disputes tell, in the order in which it came and once each."""
    facts = [(event, fact) for event in events if (fact := wire.fact(event)) is not None]
    if not facts:
        return
    await _lock_known(tx, {(fact.tenant, fact.account_id) for _, fact in facts})
    work = await _open(tx, facts)
    for event, fact in facts:
        _STEPS[type(fact)](work, event, fact)
    await _write(tx, work)


async def _open(tx: Tx, told: Sequence[tuple[Event[Any], wire.Fact]]) -> Work:
    """What is known of what these facts are about."""
    facts = [fact for _, fact in told]
    turns = {_turn(event, fact) for event, fact in told if isinstance(fact, Word)}
    invoices = {(f.tenant, f.invoice_id) for f in facts if not isinstance(f, HoldMove)}
    notes = {(f.tenant, f.credit_note_id) for f in facts if isinstance(f, CreditNote)}
    cases = {f.key for f in facts if isinstance(f, Word)}
    return Work(
        owed=await store.find_items(tx, invoices) if invoices else {},
        notes=await store.find_credit_notes(tx, notes) if notes else {},
        disputes=await store.find_disputes(tx, cases) if cases else {},
        turned=await store.find_booked(tx, turns) if turns else set(),
    )


async def _write(tx: Tx, work: Work) -> None:
    new = await store.book(tx, work.booked, work.opened)
    # A hold's move may come again by another event; all else was looked up before.
    assert all(e.key in new or e.kind in HOLD_KINDS for e in work.booked), "a fact was booked before"
    await store.add_credit_notes(tx, work.given)
    await store.allocate(tx, [done.allocation for done in work.given if done.taken.minor])
    if work.disputes:
        await store.save_disputes(tx, work.disputes.values())
    await outbox.add(tx, work.telling)


def _owe(work: Work, event: Event[Any], invoice: Invoice) -> None:
    """Post an invoice and open its item; one that is known already changes nothing."""
    item = items.open_item(invoice)
    if (earlier := work.owed.setdefault(item.key, item)) is not item:
        _same_invoice(earlier, item)
        return
    work.booked.append(entries.invoice_issued(invoice, wire.cause(event.origin)))
    work.opened.append(item)
    work.telling.append(_of_invoice(event.origin, item, wire.item_opened(item)))


def _credit(work: Work, event: Event[Any], note: CreditNote) -> None:
    """Take a credit note off what is open of its invoice; what was already paid is kept for the buyer."""
    if (earlier := work.notes.setdefault((note.tenant, note.credit_note_id), note)) is not note:
        _same(earlier == note, "credit_note.id_reused", "this credit note is booked with other content")
        return
    done = items.credit(_known_item(work.owed, (note.tenant, note.invoice_id)), note)
    work.owed[done.item.key] = done.item
    work.booked.append(entries.credit_note_issued(done, wire.cause(event.origin)))
    work.given.append(done)
    if done.taken.minor:
        reduced = wire.item_reduced(done.item, events_pb2.REDUCTION_CREDITED, done.taken, note.credit_note_id)
        work.telling.append(_of_invoice(event.origin, done.item, reduced))
    if done.kept.minor:
        work.telling.append(_of_invoice(event.origin, done.item, wire.credit_kept(done)))


def _hold(work: Work, event: Event[Any], move: HoldMove) -> None:
    """Memo what was approved, or reverse it by what was captured, given back or lapsed."""
    work.booked.append(entries.hold_moved(move, wire.cause(event.origin)))


def _dispute(work: Work, event: Event[Any], word: Word) -> None:
    """Memo what is disputed, or reverse it when that ends; receivables do not change."""
    if _turn(event, word) in work.turned:
        return
    item = _known_item(work.owed, (word.tenant, word.invoice_id))
    dispute, change = disputes.follow(work.disputes.get(word.key), item, word)
    work.disputes[word.key] = dispute
    if change.minor:
        on = event.at.astimezone(UTC).date()
        work.booked.append(entries.dispute_moved(dispute, change, on, wire.cause(event.origin)))


def _turn(event: Event[Any], word: Word) -> Fact:
    reference = entries.turn_reference(word.dispute_id, wire.cause(event.origin).event_id)
    return word.tenant, Kind.DISPUTE_MEMO, reference


_STEPS: Mapping[type, Callable[[Work, Event[Any], Any], None]] = {
    Invoice: _owe,
    CreditNote: _credit,
    HoldMove: _hold,
    Word: _dispute,
}


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
    rows = [wire.within_bounds(row) for row in statement.read(content, origin.tenant)]
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
    new = await store.book(tx, booked)
    assert len(new) == len(booked), "a payment was booked before"
    await store.add_payments(tx, [receipt.payment for receipt in receipts])
    await store.allocate(tx, [allocation for receipt in receipts for allocation in receipt.allocations])
    await outbox.add(tx, telling)


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
        return NotFound("payment.unknown_account", f"no account {quoted(payment.account_id)}")
    if payment.purse not in purses:
        return Invalid("payment.currency_not_held", f"the account has nothing in {payment.amount.currency}")
    return None


def _of_invoice(origin: Origin, item: Item, message: Message) -> Announcement:
    return Announcement(origin, item.account_id, f"invoice/{item.invoice_id}", message)


def _of_payment(origin: Origin, payment: Payment, message: Message) -> Announcement:
    return Announcement(origin, payment.account_id, f"payment/{payment.payment_id}", message)

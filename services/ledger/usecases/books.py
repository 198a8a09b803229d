"""What invoicing, credit and disputes tell, booked: in the order in which it came and once each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.outbox import Announcement
from services.kernel.refusals import Early, KeyReused
from services.ledger import store, wire
from services.ledger.domain import disputes, entries, items
from services.ledger.domain.disputes import Dispute, Word
from services.ledger.domain.entries import MEMO_KINDS, Entry, HoldMove, Kind
from services.ledger.domain.items import Credit, CreditNote, Invoice, Item, WriteOff
from services.ledger.domain.standing import Standings
from services.ledger.store import Fact, Key
from services.ledger.usecases import telling


@dataclass(slots=True)
class Work:
    """What a batch finds and books, in sequence, to be written and told as one."""

    # What is known of what the batch is about, and what becomes of it.
    owed: dict[Key, Item]
    notes: dict[Key, CreditNote]
    disputes: dict[Key, Dispute]
    # Where the accounts stand that the ledger will tell something of.
    standings: Standings
    # Turns of disputes that are booked: what is told again, after the inbox has forgotten it.
    turned: set[Fact]
    booked: list[Entry] = field(default_factory=list)
    opened: list[Item] = field(default_factory=list)
    given: list[Credit] = field(default_factory=list)
    given_up: list[WriteOff] = field(default_factory=list)
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


async def _open(tx: Tx, given: Sequence[tuple[Event[Any], wire.Fact]]) -> Work:
    """What is known of what these facts are about."""
    facts = [fact for _, fact in given]
    turns = {_turn(event, fact) for event, fact in given if isinstance(fact, Word)}
    turns |= {_end(fact) for _, fact in given if isinstance(fact, Word) and fact.given_up is not None}
    invoices = {(f.tenant, f.invoice_id) for f in facts if not isinstance(f, HoldMove)}
    notes = {(f.tenant, f.credit_note_id) for f in facts if isinstance(f, CreditNote)}
    cases = {f.key for f in facts if isinstance(f, Word)}
    told = {(f.tenant, f.account_id) for f in facts if isinstance(f, (Invoice, CreditNote)) or _gives_up(f)}
    return Work(
        owed=await store.find_items(tx, invoices) if invoices else {},
        notes=await store.find_credit_notes(tx, notes) if notes else {},
        disputes=await store.find_disputes(tx, cases) if cases else {},
        standings=await store.standings(tx, told) if told else Standings(),
        turned=await store.find_booked(tx, turns) if turns else set(),
    )


async def _write(tx: Tx, work: Work) -> None:
    new = await store.book(tx, work.booked, work.opened)
    # A memo may come again; all else was looked up before, under the account's lock.
    store.expect(all(e.key in new or e.kind in MEMO_KINDS for e in work.booked))
    await store.add_credit_notes(tx, work.given)
    if work.disputes:
        store.expect(await store.save_disputes(tx, work.disputes.values()) == len(work.disputes))
    taken = [done.allocation for done in work.given if done.taken.minor]
    await store.allocate(tx, [*taken, *(done.allocation for done in work.given_up if done.amount.minor)])
    await outbox.add(tx, work.telling)


def _owe(work: Work, event: Event[Any], invoice: Invoice) -> None:
    """Post an invoice and open its item; one that is known already changes nothing."""
    item = items.open_item(invoice)
    if (earlier := work.owed.setdefault(item.key, item)) is not item:
        _same_invoice(earlier, item)
        return
    work.booked.append(entries.invoice_issued(invoice, wire.cause(event.origin)))
    work.opened.append(item)
    standing = work.standings.move(item.purse, owes=item.amount.minor)
    opened = wire.item_opened(item, standing, corrects=invoice.corrects)
    work.telling.append(telling.of_invoice(event.origin, item, opened))


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
        standing = work.standings.move(done.item.purse, owes=-done.taken.minor)
        work.telling.append(telling.of_invoice(event.origin, done.item, wire.item_credited(done, standing)))
    if done.kept.minor:
        standing = work.standings.move(done.item.purse, credits_=done.kept.minor)
        work.telling.append(telling.of_invoice(event.origin, done.item, wire.credit_kept(done, standing)))


def _hold(work: Work, event: Event[Any], move: HoldMove) -> None:
    """Memo what was approved, or reverse it by what was captured, given back or lapsed."""
    work.booked.append(entries.hold_moved(move, wire.cause(event.origin)))


def _dispute(work: Work, event: Event[Any], word: Word) -> None:
    """Memo what is disputed, or reverse it when that ends; receivables change where what is open is given up."""
    if _turn(event, word) in work.turned:
        return
    item = _known_item(work.owed, (word.tenant, word.invoice_id))
    earlier = work.disputes.get(word.key)
    dispute, change = disputes.follow(earlier, item, word)
    work.disputes[word.key] = dispute
    on, cause = event.at.astimezone(UTC).date(), wire.cause(event.origin)
    is_old = earlier is not None and 0 < word.nth <= earlier.said
    if word.given_up is not None and not is_old and _end(word) not in work.turned:
        done = items.write_off(item, word.given_up, word.dispute_id, on)
        _give_up(work, event, done)
        if done.amount.minor:
            work.booked.append(entries.written_off(done, change, cause))
            return
    if change.minor:
        work.booked.append(entries.dispute_moved(dispute, change, on, cause))


def _give_up(work: Work, event: Event[Any], done: WriteOff) -> None:
    """Take what a case ended in giving up off its item, and say so, also where nothing was open."""
    work.owed[done.item.key] = done.item
    if done.amount.minor:
        work.given_up.append(done)
    standing = work.standings.move(done.item.purse, owes=-done.amount.minor)
    work.telling.append(telling.of_invoice(event.origin, done.item, wire.item_written_off(done, standing)))


def _gives_up(fact: wire.Fact) -> bool:
    return isinstance(fact, Word) and fact.given_up is not None


def _end(word: Word) -> Fact:
    return word.tenant, Kind.WRITTEN_OFF, entries.reference(word.dispute_id)


def _turn(event: Event[Any], word: Word) -> Fact:
    reference = entries.turn_reference(word.dispute_id, wire.cause(event.origin).event_id)
    return word.tenant, Kind.DISPUTE_MEMO, reference


_STEPS: Mapping[type, Callable[[Work, Event[Any], Any], None]] = {
    Invoice: _owe,
    CreditNote: _credit,
    HoldMove: _hold,
    Word: _dispute,
}


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

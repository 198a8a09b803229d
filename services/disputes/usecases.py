"""What disputes does: load, decide, save, announce, in the caller's transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import date

from google.protobuf.message import Message
from receivables.disputes.v1 import events_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services import contracts, retention, standing
from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.disputes import causing, store, store_responses, wire
from services.disputes.domain import authority, cases, causes, evidence, invoices, outcomes, portions, previews
from services.disputes.domain.cases import Action, Dispute, Move, People, Resolution, State, Wish
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.evidence import Evidence, File
from services.disputes.domain.invoices import CreditNote, Invoice, Lines
from services.disputes.domain.outcomes import Decision
from services.disputes.domain.portions import Rate, Share, Shares
from services.disputes.domain.previews import Preview
from services.disputes.store import Key
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Early, Forbidden, NotFound, quoted
from services.kernel.retention import Record
from services.kernel.standing import Act, Kind

# Whoever opens a case is answered by the system that it is received, within the same second.
ACKNOWLEDGER = "system:disputes"
_ADMIN = "SELLER_ADMIN"
AT_ONCE = 1000  # texts that one transaction forgets
FILES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Ground:
    """What a case on an invoice stands on."""

    invoice: Invoice
    lines: Lines
    credited: Shares
    policy: Policy


Look = Callable[[Tx, Dispute, Ground], Awaitable[bool]]


async def know_invoices(tx: Tx, events: Sequence[Event[invoicing_pb2.InvoiceIssued]]) -> None:
    """Keep what can be disputed: each invoice with its lines and totals."""
    await store.add_invoices(tx, [wire.invoice(event) for event in events])


async def count_credit_notes(tx: Tx, events: Sequence[Event[invoicing_pb2.CreditNoteIssued]]) -> None:
    """Count what was credited of each invoice, once a credit note, and complete the cases that it ends.

    One that was issued with a corrected invoice waits for that: the case is at its end when both are there.
    """
    notes = [(event.origin, wire.credit_note(event)) for event in events]
    held = await _lock_known(tx, {(note.tenant, note.invoice_id) for _, note in notes})
    cases_named = {(note.tenant, note.dispute_id) for _, note in notes if note.dispute_id}
    found = await store.find_disputes(tx, cases_named) if cases_named else {}
    for _, note in notes:
        if note.dispute_id and _other_invoice(found.get((note.tenant, note.dispute_id)), note.invoice_id):
            raise NotFound("dispute.unknown", f"the invoice has no case {quoted(note.dispute_id)}")
    await _check_corrected(tx, [note for _, note in notes])
    new = await store.add_credit_notes(tx, [note for _, note in notes])
    moves: list[tuple[Origin, Move]] = []
    for origin, note in notes:
        if (note.tenant, note.credit_note_id) not in new:
            continue
        new.remove((note.tenant, note.credit_note_id))
        invoice = held[(note.tenant, note.invoice_id)].credit(note.gross)
        if note.dispute_id:
            case = found[(note.tenant, note.dispute_id)]
            done = cases.complete(case, note.number, corrected=note.corrected_number, at=tx.at)
            invoice = invoice.contest(done.claim - case.claim)
            found[(note.tenant, note.dispute_id)] = done
            moves.append((origin, Move(Action.COMPLETE, case, done)))
        held[(note.tenant, note.invoice_id)] = invoice
    await store.save_invoices(tx, held.values())
    await _completed(tx, moves)


async def _check_corrected(tx: Tx, notes: Sequence[CreditNote]) -> None:
    corrected = {(note.tenant, note.corrected_id) for note in notes if note.corrected_id}
    _check_known(corrected, await store.known_invoices(tx, corrected) if corrected else ())


async def send_again(tx: Tx, events: Sequence[Event[invoicing_pb2.ReplacementShipped]]) -> None:
    """Complete the cases that end in sending goods again: they are on their way."""
    held = await _lock_known(tx, {(event.tenant, event.body.invoice_id) for event in events})
    found = await store.find_disputes(tx, {(event.tenant, event.body.dispute_id) for event in events})
    moves: list[tuple[Origin, Move]] = []
    for event in events:
        key = (event.tenant, event.body.dispute_id)
        case = found.get(key)
        if case is None or _other_invoice(case, event.body.invoice_id):
            raise NotFound("dispute.unknown", f"the invoice has no case {quoted(event.body.dispute_id)}")
        if not _awaits(case, Resolution.REPLACEMENT):
            continue  # told before
        done = cases.replaced(case, event.body.shipment_id, at=tx.at)
        held[case.key] = held[case.key].contest(done.claim - case.claim)
        found[key] = done
        moves.append((event.origin, Move(Action.COMPLETE, case, done)))
    await store.save_invoices(tx, held.values())
    await _completed(tx, moves)


async def note_open(tx: Tx, events: Sequence[Event[ledger_pb2.ItemReduced]]) -> None:
    """Keep what the ledger says is still owed of an invoice, for people, and complete the cases that end in giving it up."""
    said: dict[Key, tuple[Money, int]] = {}
    for event in events:
        said[(event.tenant, event.body.invoice_id)] = (contracts.money(event.body.open), event.sequence or 0)
    _check_known(said, await store.note_open(tx, said))
    if gone := [event for event in events if event.body.by == ledger_pb2.REDUCTION_WRITTEN_OFF]:
        await _give_up(tx, gone)


async def _give_up(tx: Tx, events: Sequence[Event[ledger_pb2.ItemReduced]]) -> None:
    """What the books gave up of an invoice is contested no more, and nothing of it can be credited."""
    held = await _lock_known(tx, {(event.tenant, event.body.invoice_id) for event in events})
    found = await store.find_disputes(tx, {(event.tenant, event.body.cause_id) for event in events})
    moves: list[tuple[Origin, Move]] = []
    for event in events:
        key = (event.tenant, event.body.cause_id)
        case = found.get(key)
        if case is None or case.invoice_id != event.body.invoice_id or not _awaits(case, Resolution.WRITE_OFF):
            continue  # told before, or given up for another reason than a case
        amount = contracts.money(event.body.amount)
        done = cases.given_up(case, amount, at=tx.at)
        held[case.key] = held[case.key].contest(done.claim - case.claim).credit(amount)
        found[key] = done
        moves.append((event.origin, Move(Action.COMPLETE, case, done)))
    await store.save_invoices(tx, held.values())
    await _completed(tx, moves)


def _awaits(case: Dispute, resolution: Resolution) -> bool:
    return case.state is State.RESOLVING and case.resolution is resolution


async def _completed(tx: Tx, moves: Sequence[tuple[Origin, Move]]) -> None:
    """Write and tell what others have carried out."""
    if moves:
        await store.save_disputes(tx, [move.after for _, move in moves])
        await _write_history(tx, moves)
        await outbox.add(tx, [tell_move(origin, move, None) for origin, move in moves])


async def know_sellers(tx: Tx, events: Sequence[Event[invoicing_pb2.SellerChanged]]) -> None:
    """Know by which days the legal entities count."""
    told = sorted(events, key=lambda event: event.body.version)
    await store.save_sellers(tx, {(e.tenant, e.body.seller.seller_id): wire.seller(e) for e in told})
    await retention.know_countries(tx, events)


async def forget(tx: Tx, events: Sequence[Event[notifications_pb2.ContactErased]]) -> None:
    """Forget what these persons wrote and added; who did what, by id, and what came of it stays."""
    for event in events:
        subject = contracts.forgotten(event)
        await store.forget(tx, event.tenant, subject)
        await store_responses.forget(tx, event.tenant, subject)


async def pass_on(tx: Tx, events: Sequence[Event[notifications_pb2.ContactSucceeded]]) -> None:
    """Somebody of the seller's people left: their open cases are their successor's; a buyer's people have none."""
    for event in events:
        if not event.body.account_id:
            await store.pass_on(tx, event.tenant, f"user:{event.body.contact_id}", f"user:{event.body.successor_id}")


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """Forget what was written in, and added to, cases whose time is over; who did what, and what came of it, stays."""
    before = await retention.first_day(tx, tenant, Record.DISPUTE)
    forgotten = await store.forget_outdated(tx, tenant, before, AT_ONCE, FILES_AT_ONCE)
    return forgotten + await store_responses.forget_outdated(tx, tenant, before, AT_ONCE)


async def set_policy(tx: Tx, call: Origin, wanted: Policy) -> Policy:
    """Run cases by this from now on; days that were told stay."""
    await store.lock_policy(tx, call.tenant)
    before = await store.policy(tx, call.tenant)
    if call.caller is not None and wanted.authorities != before.authorities and _ADMIN not in call.caller.roles:
        raise Forbidden("policy.authority_by_admin", "who may resolve up to what, only an administrator says")
    policy = replace(wanted, version=before.version + 1)
    await store.add_policy(tx, call.tenant, policy, call.actor)
    changed = events_pb2.PolicyChanged(version=policy.version, policy=wire.policy_message(policy))
    await outbox.add(tx, [Announcement(call, "policy", "policy/disputes", changed)])
    return policy


async def open_dispute(tx: Tx, call: Origin, named: str, wish: Wish, look: Look | None = None) -> Dispute:
    """Open a case on an invoice, by its id or number, and acknowledge it at once.

    Whoever looks at it first, while nothing counts yet, says whether it is answered at once.
    """
    key = await _find_invoice(tx, call.tenant, named)
    return await open_on(tx, call, await ground_of(tx, (await store.lock_invoices(tx, [key]))[key]), wish, look)


async def open_on(tx: Tx, call: Origin, ground: Ground, wish: Wish, look: Look | None = None) -> Dispute:
    """Open a case on a locked invoice, and acknowledge it at once."""
    lines, policy = ground.lines, ground.policy
    draft = cases.draft(
        wish, ground.invoice, lines, ground.credited, dispute_id=new_id(), by=call.actor, at=tx.at, policy=policy
    )
    draft = await numbered(tx, draft, policy)
    submitted, invoice = cases.submit(draft, ground.invoice, lines, at=tx.at, policy=policy)
    received = cases.move(submitted, Action.ACKNOWLEDGE, at=tx.at, policy=policy)
    answered = look is not None and await look(tx, received, ground)
    system = replace(call, actor=ACKNOWLEDGER, reason="received")
    acknowledgement = Move(Action.ACKNOWLEDGE, submitted, received)
    await store.save_invoices(tx, [invoice])
    await store.save_disputes(tx, [received])
    await store.save_lines(tx, received)
    await _write_history(tx, [(call, Move(Action.SUBMIT, draft, submitted)), (system, acknowledgement)])
    await outbox.add(
        tx,
        [
            tell(call, submitted, wire.opened(submitted, answered_at_once=answered)),
            tell_move(system, acknowledgement, cases.next_by(received, policy.day(tx.at), policy)),
        ],
    )
    return received


async def preview(serve: Callable[[], AbstractAsyncContextManager[Tx]], tenant: str, named: str, wish: Wish) -> Preview:
    """What a case on an invoice, by its id or number, would be; no lock is held, whoever opens one looks again."""
    async with serve() as tx:
        ground = await ground_of(tx, await store.invoice(tx, await _find_invoice(tx, tenant, named)))
        at = tx.at
    # An invoice may have ten thousand lines.
    return await asyncio.to_thread(
        previews.preview, wish, ground.invoice, ground.lines, ground.credited, at=at, policy=ground.policy
    )


async def add_evidence(tx: Tx, call: Origin, named: str, file: File) -> Evidence:
    """Add a file to an open case, by its id or number; the same content again is what was added first."""
    _, case = await lock_case(tx, call.tenant, named)
    evidence.check_open(case)
    key = (case.tenant, case.dispute_id)
    added = await store.list_evidence(tx, key, Page())
    if (same := evidence.same_as(file, added)) is not None:
        return same
    evidence.check_room(file, added)
    new = Evidence(new_id(), file.name, file.media_type, len(file.content), file.sha256, call.actor, tx.at)
    await store.add_evidence(tx, key, new, file.content)
    return new


async def move(tx: Tx, call: Origin, named: str, action: Action, *, missing: str) -> Dispute:
    """Move a case, by its id or number, by one action; `missing` is what the customer is asked for."""
    invoice, case = await lock_case(tx, call.tenant, named)
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    if action in cases.NOT_CALLABLE:
        raise Conflict(
            "dispute.illegal_move", f"{action} is not called for: Resolve a case, its credit note completes it"
        )
    moved = cases.move(case, action, at=tx.at, policy=policy)
    if action is Action.ACCEPT:
        cases.check_accepter(await people_of(tx, case), identity.subjects_of(call.actor))
    if action is Action.ASK_CUSTOMER:
        cases.check_question(missing, await store.asked(tx, (case.tenant, case.dispute_id)))
    lines = await store.lines_of(tx, invoice.key)
    moved = await numbered(tx, moved, policy)
    await store.save_invoices(tx, [cases.check_room(case, moved, invoice, lines)])
    await store.save_disputes(tx, [moved])
    if moved.lines != case.lines:
        await store.save_lines(tx, moved)
    step = Move(action, case, moved, missing if action is Action.ASK_CUSTOMER else "")
    await _write_history(tx, [(call, step)])
    await outbox.add(tx, [tell_move(call, step, cases.next_by(step.after, policy.day(tx.at), policy))])
    return moved


async def resolve(tx: Tx, call: Origin, named: str, decision: Decision) -> Dispute:
    """End a proposed or accepted case: others carry it out on this word; where the invoice stands it is resolved at once."""
    invoice, case = await lock_case(tx, call.tenant, named)
    people, resolving = await people_of(tx, case), identity.subjects_of(call.actor)
    cases.check_resolver(people, resolving)
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    lines = await store.lines_of(tx, invoice.key)
    before = await credited_of(tx, invoice, lines)
    outcome = outcomes.decide(case, decision, invoice, lines, before, policy=policy)
    cause = causes.settle(case.reason_code, decision.resolution, decision.cause)
    roles = call.caller.roles if call.caller is not None else frozenset()
    given = outcome.given_up or outcome.credit
    authority.check(policy.authorities, given, call.actor.partition(" for ")[0], roles)
    alone = cases.is_alone(case, people, resolving)
    approved = (
        await _approved_alike(tx, call, case, outcome.credit, frozenset(resolving | people.opened)) if alone else []
    )
    cases.check_approved(alone=alone, approved=bool(approved))
    case = await numbered(tx, case, policy)
    moves = cases.resolve(case, outcome.resolution, outcome.credit, outcome.credited, at=tx.at, policy=policy)
    ended = moves[-1].after
    await store.save_invoices(tx, [cases.check_room(case, ended, invoice, lines)])
    await store.save_disputes(tx, [ended])
    await store.save_lines(tx, ended)
    await _write_history(tx, [(call, step) for step in moves])
    if not outcome.told and outcome.credited:
        await store.add_as_amount(tx, (ended.tenant, ended.dispute_id), outcome.credited)
    await store.save_credited(tx, invoice.key, portions.add(before, outcome.shares))
    telling = approved
    for step in moves:
        if step.action is Action.RESOLVE:
            telling.append(tell(call, step.after, wire.resolved(step.after, outcome, lines, cause)))
        telling.append(tell_move(call, step, cases.next_by(step.after, policy.day(tx.at), policy)))
    await outbox.add(tx, telling)
    await causing.ended(
        tx, call, (ended.tenant, ended.dispute_id), ended.account_id, cause[0], named=cause[1], policy=policy
    )
    return ended


async def _approved_alike(
    tx: Tx, call: Origin, case: Dispute, credit: Money, people: frozenset[str]
) -> list[Announcement]:
    """That a credit is approved as others alike were, to tell; nothing where it is not. The invoice is locked."""
    act = Act(
        Kind.CREDIT,
        f"dispute/{case.dispute_id}/{case.moves}",
        case.account_id,
        credit,
        people=people,
        category=case.reason_code,
    )
    used = await standing.use(tx, call.tenant, act)
    return [standing.used_told(wire.STANDING, call, used[0], act, used[1])] if used else []


async def people_of(tx: Tx, case: Dispute) -> People:
    """Who is behind what was done with a locked case."""
    actors = await store.last_actors(tx, (case.tenant, case.dispute_id), (Action.PROPOSE, Action.ACCEPT))
    behind = {action: identity.subjects_of(actor) for action, actor in actors.items()}
    merged = await store.merged_into(tx, (case.tenant, case.dispute_id))
    openers = (case.opened_by, *(one.opened_by for one in merged))
    return People(
        opened=frozenset().union(*map(identity.subjects_of, openers)),
        proposed=behind.get(Action.PROPOSE, frozenset()),
        accepted=behind.get(Action.ACCEPT, frozenset()),
    )


def tell(origin: Origin, case: Dispute, body: Message) -> Announcement:
    """An event of a case."""
    return Announcement(origin, case.account_id, f"dispute/{case.dispute_id}", body)


def tell_move(origin: Origin, step: Move, next_by: date | None) -> Announcement:
    """A step of a case, with by when who must act next does."""
    return tell(origin, step.after, wire.moved(step, next_by))


async def _write_history(tx: Tx, moves: Sequence[tuple[Origin, Move]]) -> None:
    await store.add_moves(tx, [(step, origin.actor, origin.reason) for origin, step in moves])


async def _lock_known(tx: Tx, keys: Collection[Key]) -> dict[Key, Invoice]:
    held = await store.lock_invoices(tx, keys)
    _check_known(keys, held)
    return held


def _check_known(keys: Collection[Key], held: Collection[Key]) -> None:
    if unknown := sorted(key for key in keys if key not in held):
        raise Early(f"invoice/{unknown[0][1]}")


async def _find_invoice(tx: Tx, tenant: str, named: str) -> Key:
    found = await store.find_invoices(tx, tenant, named)
    if not found:
        raise NotFound("dispute.unknown_invoice", f"no invoice {quoted(named)}")
    if len(found) > 1:
        raise Conflict("dispute.ambiguous_invoice", f"more than one invoice is called {quoted(named)}: name its id")
    return tenant, found[0]


async def ground_of(tx: Tx, invoice: Invoice) -> Ground:
    """What a case on an invoice stands on; what comes of it is kept only if the invoice is locked."""
    policy = await store.policy(tx, invoice.tenant, invoice.seller_id)
    lines = await store.lines_of(tx, invoice.key)
    return Ground(invoice, lines, await credited_of(tx, invoice, lines), policy)


async def find_case(tx: Tx, tenant: str, named: str) -> Dispute:
    """A case by its id or number."""
    dispute_id = await store.dispute_called(tx, tenant, named)
    if dispute_id is None:
        raise NotFound("dispute.unknown", f"no dispute {quoted(named)}")
    key = (tenant, dispute_id)
    return (await store.find_disputes(tx, [key]))[key]


async def lock_case(tx: Tx, tenant: str, named: str) -> tuple[Invoice, Dispute]:
    """Hold a case by its invoice, and read it as it is once no one else can move it."""
    seen = await find_case(tx, tenant, named)
    invoice = (await store.lock_invoices(tx, [seen.key]))[seen.key]
    key = (tenant, seen.dispute_id)
    return invoice, (await store.find_disputes(tx, [key]))[key]


async def credited_of(tx: Tx, invoice: Invoice, lines: Lines) -> dict[Rate, Share]:
    """What was credited of an invoice, by rate."""
    known, credited_minor = await store.credited_by_rate(tx, invoice.key)
    return invoices.with_unknown(known, Money(credited_minor, invoice.gross.currency), lines)


async def numbered(tx: Tx, case: Dispute, policy: Policy) -> Dispute:
    """The case with a number that people can say; one of before there were numbers gets it when it is moved."""
    if case.number:
        return case
    year = policy.day(case.opened_at).year
    return replace(case, number=cases.number(year, await store.next_number(tx, case.tenant, year)))


def _other_invoice(case: Dispute | None, invoice_id: str) -> bool:
    return case is None or case.invoice_id != invoice_id

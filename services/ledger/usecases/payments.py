"""Payments: booked once, applied to what they name or else to what is oldest due, so much in each transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services import retention
from services.chassis import jobs, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.kernel.refusals import Invalid, KeyReused, NotFound, Refusal, quoted
from services.kernel.retention import Record
from services.ledger import store, wire
from services.ledger.domain import entries, matching, statement
from services.ledger.domain.entries import Entry
from services.ledger.domain.items import Allocation, Purse
from services.ledger.domain.payments import Application, Payment, Receipt, Shelf, allocations
from services.ledger.domain.standing import Standings
from services.ledger.domain.statement import Row
from services.ledger.usecases import telling

APPLY = "apply"  # the kind of job that goes on matching a payment
AT_ONCE = (
    500  # items that one transaction's payments meet without naming them; what they name is bounded by their texts
)
TURN_S = 1.0  # after which a payment looks again whether its turn has come
_ID_REUSED = KeyReused("payment.id_reused", "this payment id is booked with another account, amount, date or text")
STATEMENT_CHUNK = 1000  # rows of a bank statement that are booked by the same few statements


async def record_payment(tx: Tx, origin: Origin, payment: Payment) -> Receipt:
    """Book one payment and apply it; raise the refusal if it is refused."""
    [(receipt, _)] = await record_payments(tx, origin, [payment])
    if isinstance(receipt, Refusal):
        raise receipt
    return receipt


async def record_payments(
    tx: Tx, origin: Origin, payments: Sequence[Payment], *, at_most: int | None = None
) -> list[tuple[Receipt | Refusal, bool]]:
    """Book payments in turn and apply each; return its receipt or why it is refused, and whether it was known before.

    A payment id is booked once: the same payment again gets the same receipt, another one by its id is refused. All
    together meet at most so many items that they do not name; what needs more is gone on with by `match_on`.
    """
    standings = await _lock(tx, payments)
    refused = {p: refusal for p in payments if (refusal := _refuse(p, standings))}
    taking = {p.key: p for p in reversed(payments) if p not in refused}
    ours = await store.claim_payments(tx, list(taking.values()))
    receipts = await store.find_payments(tx, taking.keys() - ours)
    mine = [p for p in taking.values() if p.key in ours]
    shelves = await shelves_for(tx, mine)
    for purse, announced in (await store.expected_of(tx, mine) if mine else {}).items():
        if purse in shelves:
            shelves[purse].expect(announced)
    left = AT_ONCE if at_most is None else at_most
    new: list[Receipt] = []
    answers: list[tuple[Receipt | Refusal, bool]] = []
    for payment in payments:
        if payment in refused:
            answers.append((refused[payment], False))
        elif (earlier := receipts.get(payment.key)) is not None:
            answers.append((_same_payment(earlier, payment), True))
        elif payment.key not in ours:  # booked, and not to be seen by whoever calls
            answers.append((_ID_REUSED, True))
        else:
            receipts[payment.key] = receipt = shelves[payment.purse].apply(payment, at_most=left)
            left -= receipt.by_age
            new.append(receipt)
            answers.append((receipt, False))
    await _save_receipts(tx, origin, new, standings)
    return answers


async def _lock(tx: Tx, payments: Sequence[Payment]) -> Standings:
    """Hold the accounts of these payments; return where those that are known stand."""
    known = await store.lock_accounts(tx, {(p.tenant, p.account_id) for p in payments})
    return await store.standings(tx, known) if known else Standings()


async def shelves_for(tx: Tx, payments: Sequence[Payment]) -> dict[Purse, Shelf]:
    """What these payments can meet: what they name, and the oldest due for those that name nothing, as far as they reach."""
    shelves = {payment.purse: Shelf() for payment in payments}
    for purse, found in (await store.named_items(tx, payments)).items():
        if purse in shelves:
            shelves[purse].add(found)
    reach = dict.fromkeys((p.purse for p in payments if not matching.has_number(p.remittance)), 0)
    if not reach:
        return shelves
    for payment in payments:
        if payment.purse in reach:  # what another names may be among the oldest due
            reach[payment.purse] += payment.amount.minor
    due, more = await store.oldest_due(tx, reach, AT_ONCE + 1)
    for purse, found in due.items():
        shelves[purse].add(found, more=purse in more)
    for purse in await store.busy_purses(tx, reach):
        if purse in shelves:
            shelves[purse].busy = True
    return shelves


async def match_on(batch: Batch) -> None:
    """Go on matching payments with what is oldest due: some items of each, in a short transaction under its account's lock.

    Those of one account and currency take turns, in the order in which they were booked: one whose turn has not come
    waits. Each meets what is open when its turn comes.
    """
    for job in batch.jobs:
        async with batch.finishing([job]) as done:
            if done.jobs and (pause := await _match_some(done.tx, job)) is not None:
                done.again(job, in_s=pause)


async def _match_some(tx: Tx, job: Job) -> float | None:
    """Match a payment with some more items; return in how many seconds to go on, None if it is done."""
    key = (job.tenant, job.subject.removeprefix("payment/"))
    if (purse := await store.purse_of_matching(tx, key)) is None:
        return None
    tenant, account_id, _ = purse
    await store.lock_accounts(tx, [(tenant, account_id)])
    turn = await store.next_matching(tx, purse)
    if turn is None:
        return None
    if turn.payment.key != key:
        return TURN_S if await _goes_on(tx, turn.payment) else 0.0
    due, more = await store.oldest_due(tx, {purse: turn.left.minor}, AT_ONCE)
    met, continues = Shelf(due[purse], more=purse in more).oldest(turn.left, at_most=AT_ONCE)
    work = _Work(await store.standings(tx, [(tenant, account_id)]))
    _apply(work, job.origin, turn.payment, met, before=turn.met, later=True)
    await _write(tx, work)
    if not continues:
        await store.end_matching(tx, key)
        return None
    await store.keep_matching(tx, key, turn.met + len(met))
    return 0.0


async def import_statement(tx: Tx, origin: Origin, content: bytes) -> list[tuple[Row, str | Refusal]]:
    """Book each row of a bank statement once; return what became of it: "booked", "known" or why it is refused."""
    rows = [wire.within_bounds(row) for row in statement.read(content, origin.tenant)]
    # All at once and in one order, so that no two statements wait for each other.
    await store.lock_accounts(tx, {(p.tenant, p.account_id) for row in rows if isinstance(p := row.payment, Payment)})
    outcomes: list[tuple[Row, str | Refusal]] = []
    left = AT_ONCE
    for start in range(0, len(rows), STATEMENT_CHUNK):
        chunk = rows[start : start + STATEMENT_CHUNK]
        payments = [row.payment for row in chunk if isinstance(row.payment, Payment)]
        answered = await record_payments(tx, origin, payments, at_most=left) if payments else []
        left -= sum(answer.by_age for answer, known in answered if isinstance(answer, Receipt) and not known)
        answers = iter(answered)
        for row in chunk:
            if isinstance(row.payment, Refusal):
                outcomes.append((row, row.payment))
                continue
            answer, known = next(answers)
            outcomes.append((row, answer if isinstance(answer, Refusal) else "known" if known else "booked"))
    return outcomes


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """Forget what was written with payments whose time is over; what they paid stays."""
    before = await retention.first_day(tx, tenant, Record.LEDGER_ENTRY)
    return await store.forget_outdated(tx, tenant, before, STATEMENT_CHUNK)


async def _goes_on(tx: Tx, payment: Payment) -> bool:
    """Whether a payment will still be matched; one whose job an operator has discarded holds up nobody any more."""
    if await jobs.is_wanted(tx, _job_key(payment)):
        return True
    await store.end_matching(tx, payment.key)
    return False


@dataclass(slots=True)
class _Work:
    """What payments book and tell, in sequence, and where it leaves their accounts."""

    standings: Standings
    booked: list[Entry] = field(default_factory=list)
    allocated: list[Allocation] = field(default_factory=list)
    told: list[Announcement] = field(default_factory=list)


async def _save_receipts(tx: Tx, origin: Origin, receipts: Sequence[Receipt], standings: Standings) -> None:
    work = _Work(standings)
    for receipt in receipts:
        paid = receipt.payment
        work.booked.append(entries.payment_received(paid, wire.cause(origin)))
        standing = standings.move(paid.purse, unapplied=paid.amount.minor)
        work.told.append(telling.of_payment(origin, paid, wire.payment_received(receipt, standing)))
        _apply(work, origin, paid, receipt.applications)
        work.told += [telling.of_announced(origin, a, wire.payment_announced(a)) for a in receipt.announced]
    await _write(tx, work)
    await store.save_announcements(tx, [announced for receipt in receipts for announced in receipt.announced])
    await store.add_double_payments(tx, receipts)
    going_on = [receipt for receipt in receipts if receipt.continues]
    await store.begin_matching(tx, going_on)
    await jobs.add(tx, [_job(origin, receipt.payment) for receipt in going_on])


def _apply(
    work: _Work, origin: Origin, paid: Payment, met: Sequence[Application], *, before: int = 0, later: bool = False
) -> None:
    """Book and tell what a payment met; it had met so many items before, or was told of `later` than it came in."""
    cause = wire.cause(origin)
    for part in met:
        work.booked.append(entries.cash_applied(paid, part, cause))
        standing = work.standings.move(paid.purse, owes=-part.amount.minor, unapplied=-part.amount.minor)
        work.told.append(telling.of_payment(origin, paid, wire.cash_applied(paid, part, standing, later=later)))
        work.told.append(telling.of_invoice(origin, part.item, wire.item_paid(paid, part, standing)))
    work.allocated += allocations(paid, met, met=before)


async def _write(tx: Tx, work: _Work) -> None:
    new = await store.book(tx, work.booked)
    assert len(new) == len(work.booked), "a payment was booked before"
    await store.allocate(tx, work.allocated)
    await outbox.add(tx, work.told)


def _job(origin: Origin, payment: Payment) -> Job:
    _, kind, subject = _job_key(payment)
    return Job(kind, subject, origin, lane=payment.account_id)


def _job_key(payment: Payment) -> tuple[str, str, str]:
    return payment.tenant, APPLY, f"payment/{payment.payment_id}"


def _same_payment(earlier: Receipt, payment: Payment) -> Receipt | Refusal:
    if earlier.payment == (payment if earlier.worded else replace(payment, remittance="")):
        return earlier
    return _ID_REUSED


def _refuse(payment: Payment, standings: Standings) -> Refusal | None:
    if not standings.knows((payment.tenant, payment.account_id)):
        return NotFound("payment.unknown_account", f"no account {quoted(payment.account_id)}")
    if not standings.has(payment.purse):
        return Invalid("payment.currency_not_held", f"the account has nothing in {payment.amount.currency}")
    return None

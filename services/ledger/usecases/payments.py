"""Payments: booked once, applied to what they can meet."""

from collections.abc import Collection, Sequence

from receivables.ledger.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.kernel.refusals import Invalid, KeyReused, NotFound, Refusal
from services.ledger import store, wire
from services.ledger.domain import entries, statement
from services.ledger.domain.entries import Entry
from services.ledger.domain.items import Purse
from services.ledger.domain.payments import Payment, Receipt, Shelf
from services.ledger.domain.statement import Row
from services.ledger.store import Key
from services.ledger.usecases import telling

STATEMENT_CHUNK = 1000  # rows of a bank statement that are booked by the same few statements


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
    told: list[Announcement] = []
    for receipt in receipts:
        paid = receipt.payment
        booked.append(entries.payment_received(paid, cause))
        told.append(telling.of_payment(origin, paid, wire.payment_received(receipt)))
        for part in receipt.applications:
            booked.append(entries.cash_applied(paid, part, cause))
            told.append(telling.of_payment(origin, paid, wire.cash_applied(paid, part)))
            reduced = wire.item_reduced(part.item, events_pb2.REDUCTION_PAID, part.amount, paid.payment_id)
            told.append(telling.of_invoice(origin, part.item, reduced))
    new = await store.book(tx, booked)
    assert len(new) == len(booked), "a payment was booked before"
    await store.add_payments(tx, [receipt.payment for receipt in receipts])
    await store.allocate(tx, [allocation for receipt in receipts for allocation in receipt.allocations])
    await outbox.add(tx, told)


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

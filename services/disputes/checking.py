"""Checks a case against the evidence as it is opened, and goes on with it by the moves that there are (RULES: checked at once).

What is told of orders, shipments, receipts, payments and agreements is kept here as it comes; nothing waits for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.disputes import store, store_checks, usecases, wire_checks
from services.disputes.domain import checks
from services.disputes.domain.cases import CHECKER, Action, Dispute, Resolution, Wish
from services.disputes.domain.checks import CHECKED, Check, Ground, Outcome, Result, Verdict
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.outcomes import Decision
from services.disputes.domain.previews import Preview
from services.disputes.store import Key

FIRST = 1  # a case is checked once, as it is opened: an appeal is a person's


async def know_orders(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Know what was ordered; of several versions in a batch each counts."""
    for rows in _versions(events):
        await store_checks.add_orders(tx, rows)


def _versions(events: Sequence[Event[orders_pb2.OrderPlaced]]) -> list[dict[Key, tuple[str, int, Any]]]:
    """One statement changes a row once: the first version of each order, then the second …"""
    rounds: list[dict[Key, tuple[str, int, Any]]] = []
    for event in events:
        if (said := wire_checks.ordered(event)) is None:
            continue
        key = (event.tenant, event.body.order_id)
        free = next((one for one in rounds if key not in one), None)
        if free is None:
            rounds.append(free := {})
        free[key] = said
    return rounds


async def know_shipments(tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
    """Know what left."""
    await store_checks.add_shipments(tx, [row for event in events if (row := wire_checks.shipment(event))])


async def know_receipts(tx: Tx, events: Sequence[Event[orders_pb2.GoodsReceived]]) -> None:
    """Know what arrived."""
    await store_checks.add_receipts(tx, [row for event in events if (row := wire_checks.receipt(event))])


async def know_invoices(tx: Tx, events: Sequence[Event[invoicing_pb2.InvoiceIssued]]) -> None:
    """Keep what can be disputed, and what it says beside amounts."""
    await usecases.know_invoices(tx, events)
    await store_checks.add_terms(tx, [wire_checks.terms(event) for event in events])


async def know_contracts(tx: Tx, events: Sequence[Event[invoicing_pb2.ContractSet]]) -> None:
    """Know by when buyers were to pay, and since when."""
    await store_checks.add_days(tx, [wire_checks.agreed(event) for event in events])


async def note_open(tx: Tx, events: Sequence[Event[ledger_pb2.ItemReduced]]) -> None:
    """Keep what is still owed of invoices, what paid them, and what cash is left."""
    await usecases.note_open(tx, events)
    await store_checks.add_payments(tx, [row for event in events if (row := wire_checks.paid(event))])
    await know_cash(tx, events)


async def take_back(tx: Tx, events: Sequence[Event[ledger_pb2.CashUnapplied]]) -> None:
    """Know that what had paid an invoice has not."""
    await store_checks.add_payments(tx, [wire_checks.taken_back(event) for event in events])
    await know_cash(tx, events)


async def know_cash(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Know what cash of accounts met no invoice, as the newest of these events has it."""
    said: dict[Key, tuple[int, Any]] = {}
    for event in events:
        key, cash = (event.tenant, event.account_id), wire_checks.cash(event)
        if cash is not None and cash[0] > said.get(key, (-1, None))[0]:
            said[key] = cash
    if said:
        await store_checks.save_cash(tx, said)


async def open_dispute(tx: Tx, call: Origin, named: str, wish: Wish) -> Dispute:
    """Open a case, and go on with it as far as the evidence and the seller's policy lead."""
    if wish.reason_code not in CHECKED:
        return await usecases.open_dispute(tx, call, named, wish)
    await _lock_twins(tx, call.tenant, named)
    results: list[Result] = []

    async def look(tx: Tx, case: Dispute, stands_on: usecases.Ground) -> bool:
        known = await store_checks.known(tx, stands_on.invoice, stands_on.policy.calendar)
        ground = Ground(case, stands_on.invoice, stands_on.lines, known)
        found = await asyncio.to_thread(checks.check, ground)  # an invoice may have ten thousand lines
        if found is not None and found.verdict is not Verdict.UNKNOWN:
            results.append(await _decide(tx, case, found, stands_on.policy, locked=True))
        return any(result.outcome is not Outcome.PERSON for result in results)

    opened = await usecases.open_dispute(tx, call, named, wish, look)
    if not results:
        return opened
    [result] = results
    await store_checks.add_result(tx, (opened.tenant, opened.dispute_id), opened.account_id, FIRST, result)
    system = replace(call, actor=CHECKER, reason="checked")
    told = wire_checks.checked(opened, FIRST, result)
    await outbox.add(tx, [Announcement(system, opened.account_id, f"dispute/{opened.dispute_id}", told)])
    return await _go_on(tx, system, opened, result)


async def preview(
    serve: Callable[[], AbstractAsyncContextManager[Tx]], tenant: str, named: str, wish: Wish
) -> tuple[Preview, Result | None]:
    """What a case would be, and what the evidence would say of it now; no promise, as nothing is locked."""
    paper = await usecases.preview(serve, tenant, named, wish)
    case = paper.case
    if wish.reason_code not in CHECKED:
        return paper, None
    async with serve() as tx:
        invoice = await store.invoice(tx, case.key)
        policy = await store.policy(tx, tenant, invoice.seller_id)
        known = await store_checks.known(tx, invoice, policy.calendar)
        ground = Ground(case, invoice, await store.lines_of(tx, invoice.key), known)
    found = await asyncio.to_thread(checks.check, ground)
    if found is None:
        return paper, None
    async with serve() as tx:
        return paper, await _decide(tx, case, found, policy, locked=False)


async def _decide(tx: Tx, case: Dispute, found: Check, policy: Policy, *, locked: bool) -> Result:
    """What becomes of a case; the account is locked before the credits of its month are counted."""
    today, caps = policy.day(tx.at), policy.auto_credit
    month = f"{today:%Y-%m}"
    outcome = checks.outcome(found, case, caps, 0)
    if outcome is Outcome.CREDITED:
        if locked:
            await store_checks.lock_account(tx, case.tenant, case.account_id)
        credited = await store_checks.credited_in(tx, case.tenant, case.account_id, month)
        outcome = checks.outcome(found, case, caps, credited)
    return Result(
        found,
        outcome,
        appeal_by=today + timedelta(days=policy.reopen_days) if outcome is Outcome.REJECTED else None,
        counts_in=month if outcome is Outcome.CREDITED else "",
    )


async def _go_on(tx: Tx, system: Origin, case: Dispute, result: Result) -> Dispute:
    """Move the case as a person would: whoever opened it does not, and it is the system's word."""
    if result.outcome is Outcome.PERSON:
        return case
    reviewed = await usecases.move(tx, system, case.dispute_id, Action.REVIEW, missing="")
    if result.outcome is Outcome.REJECTED:
        return await usecases.move(tx, system, reviewed.dispute_id, Action.REJECT, missing="")
    await usecases.move(tx, system, reviewed.dispute_id, Action.PROPOSE, missing="")
    whole = result.check.proven == case.amount
    decision = Decision(
        Resolution.FULL_CREDIT if whole else Resolution.PARTIAL_CREDIT, (), None if whole else result.check.proven
    )
    return await usecases.resolve(tx, system, case.dispute_id, decision)


async def _lock_twins(tx: Tx, tenant: str, named: str) -> None:
    """Hold the invoice and those that say the same, in the order in which everybody takes invoices: one of them stands."""
    for invoice_id in await store.find_invoices(tx, tenant, named):
        twins = await store_checks.twins_of(tx, (tenant, invoice_id))
        await store.lock_invoices(tx, {(tenant, twin) for twin in twins})

"""Held drafts are written anew, and issued if they are now in order."""

from collections.abc import Mapping
from dataclasses import replace

from services.chassis.database import Database, Tx, is_transient
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.logs import log
from services.invoicing import store
from services.invoicing.documents import Finding, Severity
from services.invoicing.domain.drafts import Draft
from services.invoicing.domain.orders import KeptOrder
from services.invoicing.domain.statements import Held, Kind
from services.invoicing.usecases.desk import Desk, Key, open_desk
from services.invoicing.usecases.issuing import Outcome, Pending, issue
from services.kernel.refusals import Refusal

JUDGED_AT_ONCE = 50  # drafts


async def retry(tx: Tx, accounts: Mapping[Key, Origin]) -> Outcome:
    """Check the held drafts of these accounts again, each on the word that its account names."""
    seen = await store.list_held(tx, {tenant for tenant, _ in accounts}, accounts.keys())
    if not seen:
        return Outcome()
    orders = await store.lock_orders(tx, {held.order_key for held in seen})
    waiting = await store.lock_held(tx, {(held.tenant, held.draft_id) for held in seen})
    drafted = [
        *await _invoices(tx, [held for held in waiting if held.kind is Kind.INVOICE], orders),
        *await _credit_notes(tx, [held for held in waiting if held.kind is Kind.CREDIT_NOTE]),
    ]
    pending = [
        Pending(accounts[held.tenant, held.account_id], draft) for held, draft in drafted if isinstance(draft, Draft)
    ]
    impossible = [
        replace(held, findings=(Finding(refusal.code, Severity.FATAL, refusal.message, "/"),))
        for held, refusal in drafted
        if isinstance(refusal, Refusal)
    ]
    if impossible:
        await store.hold(tx, impossible)
    outcome = await issue(tx, pending, orders, {held.draft_id: held.findings for held in waiting})
    outcome.held += impossible
    return outcome


async def judge_again(database: Database) -> int:
    """Try held drafts again whose judge failed, though they may break no rule; return how many accounts' they were."""
    async with database.transaction(await database.tenants()) as tx:
        accounts = await store.claim_unjudged(tx, JUDGED_AT_ONCE)
    for tenant, account_id in sorted(accounts):
        origin = Origin(tenant, "system:judge", "the judge failed before", f"judge {new_id()}", new_traceparent())
        try:
            async with database.transaction([tenant]) as tx:
                await retry(tx, {(tenant, account_id): origin})
        except Exception as error:  # whatever it is, it concerns this account
            if is_transient(error):
                raise
            log.exception("held drafts not judged again", account=account_id)
    return len(accounts)


async def _invoices(tx: Tx, waiting: list[Held], orders: Mapping[Key, KeptOrder]) -> list[tuple[Held, Draft | Refusal]]:
    if not waiting:
        return []
    desk = await open_desk(tx, {(held.tenant, held.account_id) for held in waiting})
    shipments = await store.find_shipments(
        tx, {(held.tenant, held.order_id, held.shipment_id) for held in waiting if held.shipment_id}
    )
    drafted: list[tuple[Held, Draft | Refusal]] = []
    for held in waiting:
        shipment = shipments[held.tenant, held.order_id, held.shipment_id] if held.shipment_id else None
        try:
            drafted.append((held, desk.invoice(orders[held.order_key], shipment, held.draft_id)))
        except Refusal as refusal:
            drafted.append((held, refusal))
    return drafted


async def _credit_notes(tx: Tx, waiting: list[Held]) -> list[tuple[Held, Draft | Refusal]]:
    if not waiting:
        return []
    requests = await store.find_credit_requests(tx, {(held.tenant, held.dispute_id) for held in waiting})
    credited = {(request.tenant, request.invoice_id) for request in requests.values()}
    await store.lock_balances(tx, credited)
    invoices = await store.find_issued(tx, credited)
    notes = await store.credit_notes_of(tx, credited)
    sellers = {(kept.statement.tenant, kept.statement.seller_id) for kept in invoices.values()}
    accounts = {(kept.statement.tenant, kept.statement.account_id) for kept in invoices.values()}
    desk: Desk = await open_desk(tx, accounts, sellers)
    drafted: list[tuple[Held, Draft | Refusal]] = []
    for held in waiting:
        request = requests[held.tenant, held.dispute_id]
        key = (request.tenant, request.invoice_id)
        try:
            draft = desk.credit_note(request, invoices[key].statement, notes[key], held.draft_id)
        except Refusal as refusal:
            drafted.append((held, refusal))
            continue
        notes[key].append(draft.statement)
        drafted.append((held, draft))
    return drafted

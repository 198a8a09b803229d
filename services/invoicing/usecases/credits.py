"""Resolved disputes become credit notes."""

from collections.abc import Sequence

from receivables.disputes.v1 import events_pb2 as disputes_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.invoicing import store, wire
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.usecases.desk import open_desk
from services.invoicing.usecases.issuing import Pending, issue
from services.kernel.refusals import Conflict, Early


async def credit(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeResolved]]) -> None:
    """Issue the credit notes that resolved disputes ask for, once each; INVALID_PAYABLE asks for none."""
    asked = [(event, request) for event in events if (request := wire.credit_request(event)) is not None]
    if not asked:
        return
    wanted = {(request.tenant, request.invoice_id) for _, request in asked}
    if missing := wanted - await store.lock_balances(tx, wanted):
        raise Early(f"invoice/{min(missing)[1]}")
    known = await store.find_credit_requests(tx, {(request.tenant, request.dispute_id) for _, request in asked})
    invoices = await store.find_issued(tx, wanted)
    notes = await store.credit_notes_of(tx, wanted)
    sellers = {(kept.statement.tenant, kept.statement.seller_id) for kept in invoices.values()}
    accounts = {(kept.statement.tenant, kept.statement.account_id) for kept in invoices.values()}
    desk = await open_desk(tx, accounts, sellers)
    pending: list[Pending] = []
    new: list[CreditRequest] = []
    for event, request in asked:
        earlier = known.setdefault((request.tenant, request.dispute_id), request)
        if earlier is not request:
            if earlier != request:
                raise Conflict("credit_note.dispute_reused", "this dispute was resolved before with another credit")
            continue
        key = (request.tenant, request.invoice_id)
        if event.body.account_id != invoices[key].statement.account_id:
            raise Conflict("credit_note.account_mismatch", "the invoice is another account's")
        draft = desk.credit_note(request, invoices[key].statement, notes[key])
        notes[key].append(draft.statement)
        pending.append(Pending(event.origin, draft))
        new.append(request)
    await store.add_credit_requests(tx, new)
    await issue(tx, pending, {})

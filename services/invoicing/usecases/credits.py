"""Resolved disputes become credit notes."""

from collections.abc import Sequence

from receivables.disputes.v1 import events_pb2 as disputes_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.invoicing import store, wire
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.sketches import CreditSketch
from services.invoicing.domain.statements import Statement
from services.invoicing.usecases import issuing
from services.invoicing.usecases.desk import Desk, open_desk
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Early


async def credit(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeResolved]]) -> None:
    """Have the credit notes issued that resolved disputes ask for, once each; INVALID_PAYABLE asks for none."""
    asked = [(event, request) for event in events if (request := wire.credit_request(event)) is not None]
    if not asked:
        return
    wanted = {(request.tenant, request.invoice_id) for _, request in asked}
    if missing := wanted - (await store.lock_balances(tx, wanted)).keys():
        raise Early(f"invoice/{min(missing)[1]}")
    known = await store.find_credit_requests(tx, {(request.tenant, request.dispute_id) for _, request in asked})
    invoices = await store.find_issued(tx, wanted)
    new: list[tuple[Origin, CreditRequest, Statement]] = []
    for event, request in asked:
        earlier = known.setdefault((request.tenant, request.dispute_id), request)
        if earlier is not request:
            if earlier != request:
                raise Conflict("credit_note.dispute_reused", "this dispute was resolved before with another credit")
            continue
        invoice = invoices[request.tenant, request.invoice_id].statement
        if event.body.account_id != invoice.account_id:
            raise Conflict("credit_note.account_mismatch", "the invoice is another account's")
        new.append((event.origin, request, invoice))
    await _check(tx, new)
    await store.add_credit_requests(tx, [request for _, request, _ in new])
    await issuing.to_credit(tx, new)


async def _check(tx: Tx, new: Sequence[tuple[Origin, CreditRequest, Statement]]) -> None:
    """Refuse what is more than is left of an invoice after its credit notes, those included that are still to be issued."""
    invoices = {said.key: said for _, _, said in new}
    taken = await store.credit_notes_of(tx, invoices.keys())
    waiting = await store.credits_to_come(tx, {said.order_key for said in invoices.values()})
    desk = await open_desk(
        tx,
        {(said.tenant, said.account_id) for said in invoices.values()},
        {(said.tenant, said.seller_id) for said in invoices.values()},
    )
    for request in [*waiting, *(request for _, request, _ in new)]:
        if (invoice := invoices.get((request.tenant, request.invoice_id))) is not None:
            taken[invoice.key].append(_drawn(desk, request, invoice, taken[invoice.key]))


def _drawn(desk: Desk, request: CreditRequest, invoice: Statement, taken: Sequence[Statement]) -> Statement:
    basis = desk.basis_of_credit(invoice, Money(0, invoice.gross.currency))
    return CreditSketch("", request, invoice, tuple(taken), basis).draw().statement

"""What disputes does with what buyers' systems say of invoices: keep it, and open a case where it contests."""

from receivables.disputes.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.disputes import store, store_responses, usecases, wire_responses
from services.disputes.domain import responses
from services.disputes.domain.cases import Action, Dispute, State
from services.disputes.domain.invoices import Invoice
from services.disputes.domain.responses import Response, Status
from services.disputes.store import Key
from services.disputes.store_responses import Kept
from services.kernel.refusals import Conflict, NotFound, quoted

# In which a query that the buyer has answered itself is nobody's any more.
_NOT_ANSWERED = frozenset(
    {
        State.SUBMITTED,
        State.ACKNOWLEDGED,
        State.UNDER_REVIEW,
        State.AWAITING_CUSTOMER,
        State.AWAITING_INTERNAL,
    }
)


async def take(tx: Tx, call: Origin, said: Response) -> tuple[Kept, Dispute | None]:
    """Keep what a buyer's system says of an invoice, and the case about it; said again, it is what it was the first time."""
    key = await find_invoice(tx, call.tenant, said.invoice_number)
    invoice = (await store.lock_invoices(tx, [key]))[key]
    if (known := await store_responses.find(tx, key, said.message_id)) is not None:
        if known.sha256 != said.sha256:
            raise Conflict(
                "response.message_reused", f"another message {quoted(said.message_id)} spoke of this invoice"
            )
        return known, await _case(tx, call.tenant, known.dispute_id)
    last = await store_responses.last(tx, key)
    responses.check_follows(last.status if last else None, said)
    case, opened = await _case_of(tx, call, invoice, said)
    kept = store_responses.new(
        said,
        invoice,
        nth=last.nth + 1 if last else 1,
        dispute_id=case.dispute_id if case else "",
        opened=opened,
        by=call.actor,
        at=tx.at,
    )
    await store_responses.add(tx, call.tenant, kept)
    told: events_pb2.ResponseReceived = wire_responses.received(kept, invoice.scope)
    await outbox.add(tx, [Announcement(call, invoice.account_id, f"response/{invoice.invoice_id}", told)])
    return kept, case


async def find_invoice(tx: Tx, tenant: str, named: str) -> Key:
    """The invoice of a number, or of an id."""
    found = await store.find_invoices(tx, tenant, named)
    if not found:
        raise NotFound("response.unknown_invoice", f"no invoice {quoted(named)} is known")
    if len(found) > 1:
        raise Conflict("response.ambiguous_invoice", f"more than one invoice is called {quoted(named)}")
    return tenant, found[0]


async def _case_of(tx: Tx, call: Origin, invoice: Invoice, said: Response) -> tuple[Dispute | None, bool]:
    """The case that a response is about, and whether it opened it."""
    open_id = await store_responses.open_case(tx, invoice.key)
    if said.status not in responses.CONTESTING:
        if open_id and said.status in (Status.ACCEPTED, Status.PAID):
            return await _settled(tx, call, invoice, open_id), False
        return await _case(tx, call.tenant, open_id or ""), False
    if open_id:
        return await _case(tx, call.tenant, open_id), False
    ground = await usecases.ground_of(tx, invoice)
    wish = responses.wish(said, invoice, ground.lines, ground.credited)
    if wish is not None:
        return await usecases.open_on(tx, call, ground, wish), True
    # All that is left of the invoice is contested: by others' words, which this is an update of.
    return await _case(tx, call.tenant, await store_responses.newest_open(tx, invoice.key) or ""), False


async def _settled(tx: Tx, call: Origin, invoice: Invoice, dispute_id: str) -> Dispute | None:
    """A case that only asked something ends when the buyer accepts the invoice before we have answered."""
    case = await _case(tx, call.tenant, dispute_id)
    if case is None or case.state not in _NOT_ANSWERED:
        return case
    if not await store_responses.is_only_queried(tx, invoice.key, dispute_id):
        return case
    return await usecases.move(tx, call, dispute_id, Action.WITHDRAW, missing="")


async def _case(tx: Tx, tenant: str, dispute_id: str) -> Dispute | None:
    return (await store.find_disputes(tx, [(tenant, dispute_id)])).get((tenant, dispute_id)) if dispute_id else None

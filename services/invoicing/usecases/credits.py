"""What resolved disputes ask of invoicing: credit notes, corrected invoices and prices, goods that are sent again."""

from collections.abc import Sequence
from decimal import Decimal

from receivables.disputes.v1 import events_pb2 as disputes_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.invoicing import store, wire
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.orders import Replacement
from services.invoicing.domain.sketches import CreditSketch
from services.invoicing.domain.statements import Statement, Why
from services.invoicing.usecases import issuing
from services.invoicing.usecases.desk import Desk, open_desk
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Early, Invalid, quoted

Resolved = Event[disputes_pb2.DisputeResolved]


async def credit(tx: Tx, events: Sequence[Resolved]) -> None:
    """Do what resolved disputes ask for, once each; where the invoice stands, or is given up, they ask for nothing."""
    asked = [(event, request) for event in events if (request := wire.credit_request(event)) is not None]
    again = [(event, parts) for event in events if (parts := wire.replaced(event))]
    if asked:
        await _credit(tx, asked)
    if again:
        await _send_again(tx, again)


async def _credit(tx: Tx, asked: Sequence[tuple[Resolved, CreditRequest]]) -> None:
    """Have the credit notes issued, with a corrected invoice where one is asked for; corrected prices hold from now on."""
    # Orders before balances, as whoever issues locks them.
    priced = {(event.tenant, event.body.order_id) for event, request in asked if request.why is Why.PRICE}
    if priced:
        await store.lock_orders(tx, priced)
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
        _check_account(event, invoice)
        new.append((event.origin, request, invoice))
    await _check(tx, new)
    await _correct_prices(tx, [(request, invoice) for _, request, invoice in new])
    await store.add_credit_requests(tx, [request for _, request, _ in new])
    await issuing.to_credit(tx, new)


def _check_account(event: Resolved, invoice: Statement) -> None:
    if event.body.account_id != invoice.account_id:
        raise Conflict("credit_note.account_mismatch", "the invoice is another account's")


async def _correct_prices(tx: Tx, asked: Sequence[tuple[CreditRequest, Statement]]) -> None:
    """What ships of these orders from now on is invoiced at the prices that cases found right."""
    priced = [(one.correction, invoice) for one, invoice in asked if one.why is Why.PRICE and one.correction]
    for correction, invoice in priced:
        ordered = {line.line_id: line.order_line_id for line in invoice.lines}
        prices = [
            (ordered[line.line_id], line.unit_price)
            for line in correction.lines
            if line.unit_price is not None and line.line_id in ordered
        ]
        await store.correct_prices(tx, invoice.order_key, prices)


async def _send_again(tx: Tx, asked: Sequence[tuple[Resolved, tuple[tuple[str, Decimal], ...]]]) -> None:
    """Know what is sent without an invoice, by the lines of its order."""
    wanted = {(event.tenant, event.body.invoice_id) for event, _ in asked}
    invoices = await store.find_issued(tx, wanted)
    if missing := wanted - invoices.keys():
        raise Early(f"invoice/{min(missing)[1]}")
    replacements = []
    for event, parts in asked:
        invoice = invoices[event.tenant, event.body.invoice_id].statement
        _check_account(event, invoice)
        replacements.append(
            Replacement(
                tenant=event.tenant,
                dispute_id=event.body.dispute_id,
                invoice_id=invoice.document_id,
                account_id=invoice.account_id,
                order_id=invoice.order_id,
                quantities=tuple((_ordered(invoice, line_id), quantity) for line_id, quantity in parts),
            )
        )
    await store.add_replacements(tx, replacements)


def _ordered(invoice: Statement, line_id: str) -> str:
    """The order's line of an invoiced one."""
    for line in invoice.lines:
        if line.line_id == line_id and line.order_line_id:
            return line.order_line_id
    raise Invalid("credit_note.unknown_line", f"the invoice has no line {quoted(line_id)}")


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

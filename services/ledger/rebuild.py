"""The ledger's books as they follow from what it told: payments as they were applied; all else is booked again."""

from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2

from services import contracts
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.rebuild import Fold, nothing
from services.kernel.calendars import day
from services.ledger import store
from services.ledger.domain import entries
from services.ledger.domain.entries import Cause
from services.ledger.domain.items import Allocation
from services.ledger.domain.payments import Application, Evidence, Payment


async def _receive(tx: Tx, event: Event[events_pb2.PaymentReceived], _cause: Event[Any] | None) -> None:
    """Book all that came in; what it met follows, one CashApplied each."""
    body = event.body
    payment = Payment(
        tenant=event.tenant,
        payment_id=body.payment_id,
        account_id=body.account_id,
        amount=contracts.money(body.amount),
        value_on=day(body.value_date, what="value_date"),
        remittance=body.remittance,
    )
    await store.add_payments(tx, [payment])
    await store.book(tx, [entries.payment_received(payment, _call(event))])


async def _apply(tx: Tx, event: Event[events_pb2.CashApplied], _cause: Event[Any] | None) -> None:
    """Book what a payment met of one invoice, after what it met before."""
    body = event.body
    receipt = (await store.find_payments(tx, [(event.tenant, body.payment_id)]))[event.tenant, body.payment_id]
    item = (await store.find_items(tx, [(event.tenant, body.invoice_id)]))[event.tenant, body.invoice_id]
    amount = contracts.money(body.amount)
    part = Application(item.less(amount), amount, Evidence(body.evidence))
    await store.book(tx, [entries.cash_applied(receipt.payment, part, _call(event))])
    await store.allocate(
        tx,
        [
            Allocation(
                tenant=event.tenant,
                invoice_id=body.invoice_id,
                amount=amount,
                effective_on=receipt.payment.value_on,
                payment_id=body.payment_id,
                evidence=body.evidence,
                nth=len(receipt.applications) + 1,
            )
        ],
    )


def _call(event: Event[Any]) -> Cause:
    """What a call booked is booked in the call's name."""
    return Cause(f"call/{event.origin.idempotency_key}", event.origin.actor, event.origin.reason)


FOLD = Fold(
    own={
        events_pb2.ItemOpened: nothing,
        # What was paid comes with CashApplied, what was credited with the credit note.
        events_pb2.ItemReduced: nothing,
        events_pb2.CreditKept: nothing,
        events_pb2.PaymentReceived: _receive,
        events_pb2.CashApplied: _apply,
    },
    remembered=frozenset(
        {
            credit_pb2.BuyerRegistered,
            credit_pb2.CreditDecided,
            credit_pb2.HoldCaptured,
            credit_pb2.HoldReleased,
            credit_pb2.HoldExpired,
            disputes_pb2.DisputeOpened,
            disputes_pb2.DisputeMoved,
            disputes_pb2.DisputeResolved,
        }
    ),
    again=frozenset({invoicing_pb2.InvoiceIssued, invoicing_pb2.CreditNoteIssued}),
)

"""The ledger's books as they follow from what it told: payments as they were announced and applied; all else is booked again.

What was written with payments is on no topic, and gone.
"""

from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2

from services import contracts
from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.jobs import Job
from services.chassis.rebuild import Fold, nothing
from services.kernel.calendars import day
from services.kernel.money import Money
from services.ledger import store
from services.ledger.domain import announcements, entries
from services.ledger.domain.announcements import State
from services.ledger.domain.entries import Cause
from services.ledger.domain.items import Allocation
from services.ledger.domain.payments import Application, Evidence, Payment, Receipt
from services.ledger.usecases import APPLY


async def _receive(tx: Tx, event: Event[events_pb2.PaymentReceived], _cause: Event[Any] | None) -> None:
    """Book all that came in; what it met follows, one CashApplied each."""
    body = event.body
    payment = Payment(
        tenant=event.tenant,
        payment_id=body.payment_id,
        account_id=body.account_id,
        amount=contracts.money(body.amount),
        value_on=day(body.value_date, what="value_date"),
        remittance="",
    )
    receipt = Receipt(payment, (), Money(0, payment.amount.currency), tuple(body.paid_before), body.continues)
    await store.claim_payments(tx, [payment])
    await tx.run(
        "UPDATE payment SET worded = false WHERE tenant = %s AND payment_id = %s", [event.tenant, body.payment_id]
    )
    await store.book(tx, [entries.payment_received(payment, _call(event))])
    await store.add_double_payments(tx, [receipt])
    if body.continues:
        await store.begin_matching(tx, [receipt])
        await jobs.add(tx, [Job(APPLY, f"payment/{body.payment_id}", event.origin, lane=body.account_id)])


async def _apply(tx: Tx, event: Event[events_pb2.CashApplied], _cause: Event[Any] | None) -> None:
    """Book what a payment met of one invoice, after what it met before."""
    body = event.body
    key = (event.tenant, body.payment_id)
    paid = await tx.row("SELECT * FROM payment WHERE tenant = %s AND payment_id = %s", key)
    met = await tx.row("SELECT coalesce(max(nth), 0) AS nth FROM allocation WHERE tenant = %s AND payment_id = %s", key)
    item = (await store.find_items(tx, [(event.tenant, body.invoice_id)]))[event.tenant, body.invoice_id]
    amount = contracts.money(body.amount)
    payment = Payment(*key, paid.account_id, Money(paid.amount_minor, paid.currency), paid.value_on, paid.remittance)
    part = Application(item.less(amount), amount, Evidence(body.evidence))
    await store.book(tx, [entries.cash_applied(payment, part, _call(event))])
    allocation = Allocation(
        tenant=event.tenant,
        invoice_id=body.invoice_id,
        amount=amount,
        effective_on=paid.value_on,
        payment_id=body.payment_id,
        evidence=body.evidence,
        nth=met.nth + 1,
    )
    await store.allocate(tx, [allocation])
    await store.keep_matching(tx, key, met.nth + 1)
    if paid.applied_minor + amount.minor == paid.amount_minor:
        await store.end_matching(tx, key)
        await tx.run(
            "DELETE FROM job WHERE tenant = %s AND kind = %s AND subject = %s",
            [event.tenant, APPLY, f"payment/{body.payment_id}"],
        )


async def _announce(tx: Tx, event: Event[events_pb2.PaymentAnnounced], _cause: Event[Any] | None) -> None:
    """Keep what was announced, by whom and when, and its number; or where it stands since."""
    body = event.body
    key = (event.tenant, body.reference)
    if body.state != State.EXPECTED:
        await tx.run("UPDATE announcement SET state = %s WHERE tenant = %s AND reference = %s", [body.state, *key])
        return
    await tx.run(
        """INSERT INTO announcement (tenant, reference, account_id, currency, amount_minor, invoice_ids, part_minors,
                                     expected_on, state, announced_by, announced_at)
           VALUES (%s, %s, %s, %s, %s, %s::text[], %s::bigint[], %s, %s, %s, %s)""",
        [
            *key,
            body.account_id,
            body.amount.currency,
            body.amount.minor,
            list(body.invoice_ids),
            [amount.minor for amount in body.amounts],
            day(body.expected_on, what="expected_on") if body.expected_on else None,
            body.state,
            event.origin.actor,
            event.at,
        ],
    )
    await tx.run(
        """INSERT INTO announcement_series AS s (tenant, year, last) VALUES (%s, %s, %s)
           ON CONFLICT (tenant, year) DO UPDATE SET last = greatest(s.last, EXCLUDED.last)""",
        [event.tenant, *announcements.counted(body.reference)],
    )


def _call(event: Event[Any]) -> Cause:
    """What a call booked is booked in the call's name."""
    return Cause(f"call/{event.origin.idempotency_key}", event.origin.actor)


FOLD = Fold(
    own={
        events_pb2.ItemOpened: nothing,
        # What was paid comes with CashApplied, what was credited with the credit note, what was given up with the case.
        events_pb2.ItemReduced: nothing,
        events_pb2.CreditKept: nothing,
        events_pb2.PaymentReceived: _receive,
        events_pb2.CashApplied: _apply,
        events_pb2.PaymentAnnounced: _announce,
    },
    remembered=frozenset(
        {
            credit_pb2.BuyerRegistered,
            invoicing_pb2.SellerRegistered,
            invoicing_pb2.SellerChanged,
            credit_pb2.CreditDecided,
            credit_pb2.HoldCaptured,
            credit_pb2.HoldReleased,
            credit_pb2.HoldExpired,
            disputes_pb2.DisputeOpened,
            disputes_pb2.DisputeMoved,
            disputes_pb2.DisputeChanged,
        }
    ),
    again=frozenset({invoicing_pb2.InvoiceIssued, invoicing_pb2.CreditNoteIssued, disputes_pb2.DisputeResolved}),
)

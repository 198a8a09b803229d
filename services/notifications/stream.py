"""The Kafka door of notifications: which event is told how."""

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.notifications import first_steps, usecases, wire
from services.notifications.first_steps import FirstSteps
from services.notifications.settings import Settings
from services.notifications.usecases import Desk

# What needs nothing but itself to be told: the story that each event makes.
STORIES: Mapping[type[Message], wire.StoryOf] = {
    credit_pb2.ApplicationDecided: wire.application_decided,
    credit_pb2.ApplicationMoved: wire.application_moved,
    credit_pb2.FactWanted: wire.fact_wanted,
    credit_pb2.CreditDecided: wire.credit_decided,
    credit_pb2.FraudSignalled: wire.fraud_signalled,
    credit_pb2.OrderCheckMoved: wire.order_check_moved,
    credit_pb2.HoldReleased: wire.hold_released,
    credit_pb2.HoldExpired: wire.hold_expired,
    credit_pb2.LimitChanged: wire.limit_changed,
    credit_pb2.LimitExceeded: wire.limit_exceeded,
    credit_pb2.ReviewProposed: wire.review_proposed,
    credit_pb2.ReviewEnded: wire.review_ended,
    credit_pb2.OrderRefused: wire.order_refused,
    credit_pb2.HoldPlaced: wire.hold_placed,
    credit_pb2.HoldLifted: wire.hold_lifted,
    invoicing_pb2.InvoiceIssued: wire.invoice_issued,
    invoicing_pb2.InvoiceDiffers: wire.invoice_differs,
    invoicing_pb2.CreditNoteIssued: wire.credit_note_issued,
    invoicing_pb2.DocumentHeld: wire.document_held,
    invoicing_pb2.ShipmentRefused: wire.shipment_refused,
    ledger_pb2.PaymentReceived: wire.payment_received,
    ledger_pb2.PaymentAnnounced: wire.payment_announced,
    disputes_pb2.DisputeChecked: wire.dispute_checked,
    disputes_pb2.DisputeAtRisk: wire.dispute_at_risk,
    disputes_pb2.DisputeCellSet: wire.dispute_cell,
    disputes_pb2.IncidentMoved: wire.incident_moved,
}


async def know_orders(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Orders are known, and who made a first one has made that step."""
    await usecases.know_orders(tx, events)
    await first_steps.know_orders(tx, events)


def handlers(settings: Settings) -> Mapping[type[Message], Handler]:
    """What is followed, and the use case of each."""
    desk = Desk.of(settings)
    return dict.fromkeys(STORIES, desk.telling(STORIES)) | {
        credit_pb2.ApplicationMoved: FirstSteps(desk).tell_moved,
        orders_pb2.OrderPlaced: know_orders,
        orders_pb2.OrderShipped: desk.tell_shipped,
        orders_pb2.GoodsReceived: usecases.take_on,
        orders_pb2.OrderCancelled: usecases.take_on,
        credit_pb2.BuyerRegistered: usecases.know_buyers,
        credit_pb2.BuyerChanged: usecases.know_buyers,
        invoicing_pb2.SellerRegistered: usecases.know_sellers,
        invoicing_pb2.SellerChanged: usecases.change_sellers,
        invoicing_pb2.CreditNoteRefused: desk.tell_credit_refused,
        ledger_pb2.CashApplied: desk.tell_applied,
        ledger_pb2.ItemReduced: usecases.take_on,
        ledger_pb2.CashUnapplied: usecases.take_on,
        disputes_pb2.DisputeOpened: desk.tell_dispute_opened,
        disputes_pb2.DisputeMoved: desk.tell_dispute_moved,
        disputes_pb2.DisputeChanged: desk.tell_dispute_changed,
        disputes_pb2.DisputeLate: desk.tell_dispute_late,
        disputes_pb2.DisputeResolved: desk.tell_dispute_resolved,
    }

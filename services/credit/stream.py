"""The Kafka door of credit: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.credit import usecases
from services.credit.usecases.owners import pass_on

# One for all that changes what accounts use and hold: a batch mixes them, and is handled in one go.
HANDLERS: Mapping[type[Message], Handler] = {
    invoicing_pb2.SellerChanged: usecases.know_sellers,
    notifications_pb2.ContactErased: usecases.forget,
    notifications_pb2.ContactSucceeded: pass_on,
    **dict.fromkeys(
        (
            orders_pb2.OrderPlaced,
            orders_pb2.OrderShipped,
            orders_pb2.OrderCancelled,
            invoicing_pb2.ShipmentRefused,
            ledger_pb2.ItemOpened,
            ledger_pb2.ItemReduced,
            ledger_pb2.CreditKept,
            ledger_pb2.PaymentReceived,
            ledger_pb2.CashApplied,
            ledger_pb2.CashUnapplied,
        ),
        usecases.follow,
    ),
}

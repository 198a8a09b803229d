"""The Kafka door of credit: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.credit import usecases

# One for all: a batch mixes them, and is handled in one go.
HANDLERS: Mapping[type[Message], Handler] = dict.fromkeys(
    (
        orders_pb2.OrderPlaced,
        orders_pb2.OrderCancelled,
        ledger_pb2.ItemOpened,
        ledger_pb2.ItemReduced,
        ledger_pb2.CreditKept,
        ledger_pb2.PaymentReceived,
    ),
    usecases.follow,
)

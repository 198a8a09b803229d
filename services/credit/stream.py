"""The Kafka door of credit: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.credit import usecases

HANDLERS: Mapping[type[Message], Handler] = {
    orders_pb2.OrderPlaced: usecases.place,
    orders_pb2.OrderCancelled: usecases.cancel,
    ledger_pb2.ItemOpened: usecases.capture,
    ledger_pb2.ItemReduced: usecases.credit_item,
    ledger_pb2.CreditKept: usecases.keep_credit,
    ledger_pb2.PaymentReceived: usecases.receive_payment,
}
